//! Everything an operator asks, of a real cluster, as people read it and as programs do.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A process of ours, killed when this is dropped; what it says is heard until then.
struct Program(Child, Option<Lines<BufReader<ChildStdout>>>);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// The first line that holds this.
    fn wait_for(&mut self, text: &str) -> String {
        let stdout = self.0.stdout.take();
        let lines = self.1.get_or_insert_with(|| BufReader::new(stdout.unwrap()).lines());
        lines.find_map(|line| line.ok().filter(|line| line.contains(text))).expect("it says that")
    }
}

/// A cluster of two agents.
struct Cluster {
    folder: PathBuf,
    _running: Program,
    _kept: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().to_owned();
        let mut command = mesos(&folder);
        command.args(["local", "--json", "--agents=2", "--port=0"]).stdout(Stdio::piped());
        let mut running = Program(command.spawn().unwrap(), None);
        running.wait_for("master");
        Self { folder, _running: running, _kept: kept }
    }

    fn ask(&self, line: &str) -> (Option<i32>, String, String) {
        let ended = mesos(&self.folder).args(line.split(' ')).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (ended.status.code(), text(ended.stdout), text(ended.stderr))
    }

    /// What people read.
    fn shown(&self, line: &str) -> String {
        let (code, said, problem) = self.ask(line);
        assert_eq!(code, Some(0), "{line}: {problem}");
        said
    }

    /// What programs read.
    fn read(&self, line: &str) -> Value {
        let said = self.shown(&format!("{line} --json"));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{line}: {error}: {said}"))
    }

    /// What is refused, and why.
    fn refused(&self, line: &str, why: &str) {
        for line in [line.to_owned(), format!("{line} --json")] {
            let (code, said, problem) = self.ask(&line);
            assert!(code == Some(1) && said.is_empty() && problem.contains(why), "{line}: {code:?} {said} {problem}");
        }
    }
}

/// As `mesos agents | head -0`.
#[test]
fn whoever_has_seen_enough_ends_the_program_in_silence() {
    let cluster = Cluster::start();
    for line in ["agents", "agents --json"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended =
            mesos(&cluster.folder).args(line.split(' ')).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{line}: {ended:?}");
    }
}

/// As `tail -f`.
#[test]
fn whoever_follows_a_file_that_is_truncated_sees_what_is_new() {
    let cluster = Cluster::start();
    let execute = ["execute", "--json", "--quiet", "--name=web", "echo a line longer than what follows; sleep 1000"];
    let spawn = |arguments: &[&str]| {
        let child = mesos(&cluster.folder).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Program(child.unwrap(), None)
    };
    let mut running = spawn(&execute);
    running.wait_for("RUNNING");
    let task = cluster.read("tasks")["get_tasks"]["tasks"][0].take();
    // The file may not be there when its task is said to run, and whoever follows it would be told so.
    while cluster.ask(&format!("logs {}", id(&task["task_id"]))).1.is_empty() {}
    let mut follow = spawn(&["logs", "--follow", &id(&task["task_id"])]);
    follow.wait_for("a line longer than what follows");
    let stdout = written(&cluster.folder, "a line longer").expect("a sandbox holds what the task wrote");
    std::fs::write(stdout, "new\n").unwrap();
    follow.wait_for("new");
}

/// The file called `stdout` below a folder that holds this.
fn written(folder: &Path, text: &str) -> Option<PathBuf> {
    let is_it = |path: &Path| std::fs::read_to_string(path).is_ok_and(|has| has.contains(text));
    std::fs::read_dir(folder).unwrap().map(Result::unwrap).find_map(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => written(&entry.path(), text),
        kind if kind.is_file() && entry.file_name() == "stdout" => Some(entry.path()).filter(|path| is_it(path)),
        _ => None,
    })
}

fn mesos(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
    // What the caller's environment says about a cluster is not meant for these.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MESOS_") {
            command.env_remove(name);
        }
    }
    command.env("MESOS_LOCAL_DIR", folder).stdin(Stdio::null());
    command
}

fn id(row: &Value) -> String {
    row["value"].as_str().unwrap().to_owned()
}

#[test]
fn operators_see_change_and_empty_a_cluster() {
    let cluster = Cluster::start();
    let mut command = mesos(&cluster.folder);
    command.args(["execute", "--json", "--quiet", "--name=web", "echo begun; sleep 1000"]);
    let mut execute = Program(command.stdout(Stdio::piped()).spawn().unwrap(), None);
    execute.wait_for("RUNNING");

    // What there is.
    let agents = cluster.read("agents")["get_agents"]["agents"].take();
    let agents: Vec<String> = agents.as_array().unwrap().iter().map(|row| id(&row["agent_info"]["id"])).collect();
    let shown = cluster.shown("agents");
    assert!(agents.len() == 2 && agents.iter().all(|agent| shown.contains(agent)), "{shown}");
    let task = cluster.read("tasks")["get_tasks"]["tasks"][0].take();
    let (task_id, busy) = (id(&task["task_id"]), id(&task["agent_id"]));
    let idle = agents.iter().find(|agent| **agent != busy).unwrap();
    let shown = cluster.shown("tasks");
    assert!(shown.contains(&task_id) && shown.contains("RUNNING") && shown.contains(&busy), "{shown}");
    assert_eq!(cluster.shown("tasks --framework nobody"), "no task runs; --all shows those that have ended\n");
    let framework = id(&cluster.read("frameworks")["get_frameworks"]["frameworks"][0]["framework_info"]["id"]);
    assert!(cluster.shown("frameworks").contains(&framework));
    assert_eq!(cluster.read("roles")["get_roles"]["roles"][0]["name"], "*");
    assert!(cluster.shown("roles").contains("ROLE"));
    assert_eq!(cluster.shown("version").trim(), cluster.read("version")["get_version"]["version_info"]["version"]);
    let state = cluster.read("state");
    assert_eq!(state["get_state"]["get_tasks"]["tasks"][0]["task_id"]["value"], task_id.as_str());
    // The shell may not have come to its first word when its task is said to run.
    while cluster.ask(&format!("logs {task_id}")).1.is_empty() {}
    let piece = cluster.read(&format!("logs {task_id}"));
    assert_eq!((&piece["data"], &piece["file"]), (&Value::from("begun\n"), &Value::from("stdout")));
    assert_eq!(cluster.shown(&format!("logs {task_id}")), "begun\n");

    // What roles may have.
    assert_eq!(cluster.shown("quota set web --guarantees cpus:1 --limits cpus:2"), "done\n");
    assert!(cluster.shown("quota get").contains("web"));
    let config = cluster.read("quota get")["get_quota"]["status"]["configs"][0].take();
    assert_eq!((&config["role"], &config["limits"]["cpus"]["value"]), (&Value::from("web"), &Value::from(2.0)));
    cluster.refused("quota set web --guarantees cpus:3 --limits cpus:2", "invalid_quota");
    assert_eq!(cluster.read("quota remove web"), Value::Null);
    assert_eq!(cluster.read("quota get")["get_quota"]["status"], serde_json::json!({}));
    assert_eq!(cluster.shown("weights set web=2"), "done\n");
    assert!(cluster.shown("weights get").contains("web"));
    assert_eq!(cluster.read("weights get")["get_weights"]["weight_infos"][0]["weight"], 2.0);
    assert!(cluster.shown("roles").contains("web") || cluster.read("roles")["get_roles"]["roles"].is_array());

    // Emptying agents: who asks waits until it is done, unless they say that they do not.
    let drained = cluster.shown(&format!("drain {busy} --max_grace_period 1secs"));
    assert_eq!(drained, format!("agent {busy} is drained\n"));
    assert_eq!(cluster.read("tasks")["get_tasks"]["tasks"], Value::Null, "its task has ended");
    assert!(cluster.shown("agents").contains("DRAINED"));
    assert_eq!(cluster.shown(&format!("reactivate {busy}")), "done\n");
    assert_eq!(cluster.read(&format!("drain {idle} --no-wait")), Value::Null);
    let drained = cluster.read(&format!("drain {idle}"));
    assert_eq!((id(&drained["agent_id"]).as_str(), &drained["state"]), (idle.as_str(), &Value::from("DRAINED")));
    cluster.refused("drain nobody", "unknown_agent");
    assert_eq!(cluster.read(&format!("reactivate {idle}")), Value::Null);
    assert_eq!(cluster.shown(&format!("deactivate {idle}")), "done\n");
    assert!(cluster.shown("agents").contains("deactivated"));
    cluster.refused("reactivate nobody", "unknown_agent");
    cluster.shown(&format!("reactivate {idle}"));

    // Taking machines down. Both agents are on this one.
    cluster.refused("maintenance start 127.0.0.1", "invalid_maintenance");
    assert_eq!(cluster.shown("maintenance plan 127.0.0.1 --in 1hrs --for 30mins"), "done\n");
    let window = cluster.read("maintenance schedule")["get_maintenance_schedule"]["schedule"]["windows"][0].take();
    assert_eq!(window["machine_ids"][0]["hostname"], "127.0.0.1");
    assert!(cluster.shown("maintenance schedule").contains("127.0.0.1"));
    cluster.refused("maintenance stop 127.0.0.1", "is not down");
    let status = || cluster.read("maintenance status")["get_maintenance_status"]["status"].take();
    assert_eq!(status()["draining_machines"][0]["id"]["hostname"], "127.0.0.1");
    cluster.refused(&format!("drain {idle} --no-wait"), "maintenance schedule");
    assert_eq!(cluster.shown("maintenance start 127.0.0.1"), "done\n");
    assert_eq!(status()["down_machines"][0]["hostname"], "127.0.0.1");
    assert!(cluster.shown("maintenance status").contains("127.0.0.1"));
    assert_eq!(cluster.read("maintenance stop 127.0.0.1"), Value::Null);
    assert_eq!(status(), serde_json::json!({}));
    cluster.refused("teardown nobody", "unknown_framework");
    cluster.refused("gone nobody", "unknown_agent");
}
