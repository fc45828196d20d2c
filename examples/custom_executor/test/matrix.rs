//! Who may do and see what of an agent, for every path and every call, over real sockets.

use std::fmt::Write as _;
use std::net::SocketAddr;

use mesos_core::wire::v1::agent::call::Type;
use mesos_core::{FrameworkId, FrameworkInfo, Principal, Role, TaskId, TaskInfo, TaskState};
use serde_json::{Value, json};

use crate::rig::{Rig, agent_id};
use crate::wire::{ask, body};

pub(crate) const CREDENTIALS: &str = r#"{"credentials": [
    {"principal": "x", "secret": "s"}, {"principal": "y", "secret": "s"},
    {"principal": "a", "secret": "s", "part": "agent"}, {"principal": "ops", "secret": "s", "part": "operator"}]}"#;
/// Kinds of callers; the operator last, whose calls do something.
pub(crate) const CALLERS: [(&str, &str); 5] = [
    ("nobody", ""),
    ("agent", "\r\nAuthorization: Basic YTpz"),
    ("y", "\r\nAuthorization: Basic eTpz"),
    ("x", "\r\nAuthorization: Basic eDpz"),
    ("operator", "\r\nAuthorization: Basic b3BzOnM="),
];

/// A framework of a principal, with a task that runs.
pub(crate) async fn framework(rig: &mut Rig, name: &str) {
    let mut info = FrameworkInfo::new(format!("framework-{name}"), Role::new(format!("role-{name}")).unwrap());
    info.id = Some(FrameworkId::new(format!("f-{name}")).unwrap());
    info.principal = Some(Principal::new(name).unwrap());
    let id = format!("task-{name}");
    let task = TaskInfo::shell(
        TaskId::new(&*id).unwrap(),
        agent_id(),
        "cpus:0.1".parse().unwrap(),
        format!("echo said-by-{name}; sleep 1000"),
    );
    rig.run_for(info, task).await;
    rig.expect(&id, &[TaskState::Starting, TaskState::Running]).await;
}

/// The status, and what of all that is secret shows.
fn shown(answer: &str) -> String {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let secrets = [
        ("framework-x", "Fx"),
        ("framework-y", "Fy"),
        ("task-x", "Tx"),
        ("task-y", "Ty"),
        ("said-by-x", "Sx"),
        ("said-by-y", "Sy"),
        ("of-the-agent", "flags"),
    ];
    let seen: Vec<_> =
        secrets.iter().filter(|(word, _)| body(answer).contains(word)).map(|(_, short)| *short).collect();
    match seen.is_empty() {
        true => status.to_owned(),
        false => format!("{status}({})", seen.join(" ")),
    }
}

/// A body of each kind of call that would do something if it were allowed, to what is x's.
pub(crate) fn call_of(kind: Type, container: &str) -> Value {
    let nested = |name: &str| json!({"value": name, "parent": {"value": container}});
    let alone = json!({"container_id": {"value": "alone"}});
    let run = |id: Value| json!({"container_id": id, "command": {"value": "true"}});
    let sandbox = "/frameworks/f-x/executors/task-x/runs/latest";
    let body = match kind {
        Type::SetLoggingLevel => json!({"level": 9, "duration": {"nanoseconds": 1}}),
        Type::ListFiles => json!({"path": sandbox}),
        Type::ReadFile => json!({"path": format!("{sandbox}/stdout"), "offset": 0}),
        Type::LaunchNestedContainer => run(nested("n")),
        Type::LaunchNestedContainerSession => run(nested("s")),
        Type::LaunchContainer => run(alone["container_id"].clone()),
        Type::WaitNestedContainer
        | Type::KillNestedContainer
        | Type::RemoveNestedContainer
        | Type::AttachContainerOutput => json!({"container_id": nested("n")}),
        Type::WaitContainer | Type::KillContainer | Type::RemoveContainer => alone,
        Type::AttachContainerInput => json!({"type": "CONTAINER_ID", "container_id": nested("n")}),
        _ => json!({}),
    };
    json!({"type": kind.as_str_name(), kind.as_str_name().to_lowercase(): body})
}

async fn get(address: SocketAddr, path: &str, who: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nConnection: close{who}"), "", "never said").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_does_or_sees_what_is_not_theirs() {
    let mut rig = Rig::known(CREDENTIALS).await;
    framework(&mut rig, "x").await;
    framework(&mut rig, "y").await;
    let address = rig.address();
    let operator = CALLERS[4].1;
    let containers: Value = serde_json::from_str(body(&get(address, "/containers", operator).await)).unwrap();
    let of_x = containers.as_array().unwrap().iter().find(|row| row["framework_id"] == "f-x").unwrap();
    let container = of_x["container_id"].as_str().unwrap().to_owned();
    let help: Value = serde_json::from_str(body(&get(address, "/help", "").await)).unwrap();
    let paths = help["processes"][0]["endpoints"].as_array().unwrap().iter();
    let paths: Vec<_> = paths.map(|endpoint| endpoint["name"].as_str().unwrap().to_owned()).collect();

    let (mut table, mut lines) = (String::new(), Vec::new());
    let mut row = |what: &str, cells: Vec<String>| {
        let named = CALLERS.iter().zip(&cells).map(|((who, _), cell)| format!("{who}:{cell}"));
        writeln!(table, "{what} {}", named.collect::<Vec<_>>().join(" ")).unwrap();
        lines.push(cells);
    };
    // Calls are looked at one by one below.
    for path in paths.iter().filter(|path| !path.starts_with("/api/v1")) {
        let query = if path.starts_with("/files/") && path != "/files/debug" {
            "?offset=0&path=/frameworks/f-x/executors/task-x/runs/latest/stdout"
        } else {
            ""
        };
        let mut cells = Vec::new();
        for (_, who) in CALLERS {
            cells.push(shown(&get(address, &format!("{path}{query}"), who).await));
        }
        row(path, cells);
    }
    let mut kinds: Vec<Type> = (0..=64).filter_map(|number| Type::try_from(number).ok()).collect();
    // What is over is removed last.
    kinds.sort_by_key(|kind| matches!(kind, Type::RemoveNestedContainer | Type::RemoveContainer));
    for kind in kinds {
        let mut cells = Vec::new();
        for (_, who) in CALLERS {
            let head = format!("POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close{who}");
            cells.push(shown(&ask(address, &head, &call_of(kind, &container).to_string(), "never said").await));
        }
        row(kind.as_str_name(), cells);
    }

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/custom_executor/test/matrix.txt");
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(path).unwrap_or_default(), "review with UPDATE_MATRIX=1");
    for line in &lines {
        let shows = |n: usize, what: char| line[n].starts_with("200(") && line[n].contains(what);
        assert!(!line[0].starts_with("200("), "nobody sees anything without saying who they are: {line:?}");
        assert!(!line[1].starts_with("200("), "an agent sees nothing: {line:?}");
        assert!(!shows(2, 'x') && !shows(3, 'y'), "nobody sees others': {line:?}");
    }
}
