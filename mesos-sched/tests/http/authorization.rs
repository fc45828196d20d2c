//! Who may do and see what, for every path and every call, as a whole and over real sockets.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use mesos_core::call::Leader;
use mesos_core::daemon::{BacklogBounds, Connector as _, MemoryStore, SystemClock, Task};
use mesos_core::kernel::Term;
use mesos_core::net::auth::{Acls, Authenticator, Authorizer, Credentials, Parts, RateLimits};
use mesos_core::net::grpc::{Dialer, GrpcConnector};
use mesos_core::net::http::axum::http::HeaderValue;
use mesos_core::wire::v1;
use mesos_core::{FrameworkId, MasterId};
use mesos_sched::allocator::{HierarchicalDrf, Options};
use mesos_sched::daemon::election::Standalone;
use mesos_sched::daemon::{MasterServer, MasterServerSetup};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use v1::master::call::Type;

use super::client::{Answer, ask, send};
use super::cluster::{Cluster, agent_on};
use super::framework::{Framework, JSON, PATH, info, task};

const CREDENTIALS: &str = r#"{"credentials": [
    {"principal": "x", "secret": "s"}, {"principal": "y", "secret": "s"},
    {"principal": "a", "secret": "s", "part": "agent"}, {"principal": "ops", "secret": "s", "part": "operator"}]}"#;
pub(crate) const X: &str = "Authorization: Basic eDpz\r\n";
pub(crate) const Y: &str = "Authorization: Basic eTpz\r\n";
const AGENT: &str = "Authorization: Basic YTpz\r\n";
pub(crate) const OPS: &str = "Authorization: Basic b3BzOnM=\r\n";
/// Kinds of callers; the operator last, whose calls do something.
pub(crate) const CALLERS: [(&str, &str); 5] = [("nobody", ""), ("agent", AGENT), ("y", Y), ("x", X), ("operator", OPS)];

/// A master with one agent.
pub(crate) struct Guarded {
    pub(crate) address: SocketAddr,
    agent: mesos_core::AgentId,
    _server: MasterServer,
    _agent: Task,
}

impl Guarded {
    pub(crate) async fn start(authorizer: Arc<dyn Authorizer>, rate_limits: Option<RateLimits>) -> Self {
        Self::start_with(authorizer, rate_limits, BacklogBounds::default()).await
    }

    /// A master for whose peers only so much may wait.
    pub(crate) async fn start_with(
        authorizer: Arc<dyn Authorizer>,
        rate_limits: Option<RateLimits>,
        backlog: BacklogBounds,
    ) -> Self {
        Self::start_as(|setup| {
            setup.authorizer = authorizer;
            setup.rate_limits = rate_limits;
            setup.backlog = backlog;
        })
        .await
    }

    /// A master that is otherwise.
    pub(crate) async fn start_as(otherwise: impl FnOnce(&mut MasterServerSetup)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let id = MasterId::new("m1").unwrap();
        let allocator = Box::new(HierarchicalDrf::new(Options::default()));
        let (store, contender) = (Arc::new(MemoryStore::new()), Box::new(Standalone::new(Term(1))));
        let credentials = Credentials::parse(CREDENTIALS).unwrap();
        let mut setup = MasterServerSetup {
            authenticator: Authenticator::new(Arc::new(SystemClock::new())).with_credentials(credentials),
            flags: vec![("a-flag".to_owned(), "of-the-master".to_owned())],
            ..MasterServerSetup::new(id.clone(), allocator, store, contender, listener, None).unwrap()
        };
        otherwise(&mut setup);
        let server = MasterServer::start(setup).await.unwrap();
        assert!(server.leads().await);
        let dialer = Dialer::plaintext().with_credential(HeaderValue::from_static("Basic YTpz"));
        let leader = Leader { id, address: address.to_string().into(), term: Term(1) };
        let stream = GrpcConnector::new(dialer).connect(&leader).await.unwrap();
        let (agent, task) = agent_on(stream, "host-of-all", "cpus:4;mem:1024").await;
        Self { address, agent, _server: server, _agent: task }
    }

    /// A framework of a principal, with a task that runs.
    pub(crate) async fn framework(&self, who: &str, name: &str) -> Framework {
        let mut described = info();
        described["name"] = json!(format!("framework-{name}"));
        described["role"] = json!(format!("role-{name}"));
        let mut framework = Framework::subscribe_as(who, self.address, described).await;
        let offer = framework.offer().await;
        framework.launch(&offer, &[task(&format!("task-{name}"), &offer["agent_id"], "sleep")]).await;
        framework.update(&format!("task-{name}")).await;
        framework
    }

    pub(crate) async fn operate(&self, who: &str, call: &Value) -> Answer {
        ask(self.address, "POST", "/api/v1", &format!("{JSON}{who}"), &call.to_string()).await
    }
}

/// The status, and what of all that is secret shows.
fn shown(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let secrets = [
        ("framework-x", "Fx"),
        ("framework-y", "Fy"),
        ("task-x", "Tx"),
        ("task-y", "Ty"),
        ("role-x", "Rx"),
        ("role-y", "Ry"),
    ];
    let secrets = secrets.into_iter().chain([("host-of-all", "agent"), ("of-the-master", "flags")]);
    let seen: Vec<_> = secrets.filter(|(word, _)| text.contains(word)).map(|(_, short)| short).collect();
    match seen.is_empty() {
        true => answer.status.to_string(),
        false => format!("{}({})", answer.status, seen.join(" ")),
    }
}

/// A body of each kind of call that would do something if it were allowed.
pub(crate) fn call_of(kind: Type, doomed: &str) -> Value {
    let role = json!({"role": "role-x"});
    let agent = json!({"agent_id": {"value": "no-such-agent"}});
    let reserved = json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "reservations": [
        {"type": "DYNAMIC", "role": "role-x", "principal": "x"}]}]);
    let volume = json!({"name": "disk", "type": "SCALAR", "scalar": {"value": 1},
        "reservations": [{"type": "DYNAMIC", "role": "role-x", "principal": "x"}],
        "disk": {"persistence": {"id": "p", "principal": "x"}, "volume": {"mode": "RW", "container_path": "p"}}});
    let on = |more: Value| {
        let mut body = agent.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let body = match kind {
        Type::Unknown
        | Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetMetrics
        | Type::GetLoggingLevel
        | Type::GetState
        | Type::GetAgents
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetRoles
        | Type::GetWeights
        | Type::GetMaster
        | Type::Subscribe
        | Type::GetMaintenanceStatus
        | Type::GetMaintenanceSchedule
        | Type::GetQuota => json!({}),
        Type::SetLoggingLevel => json!({"level": 1, "duration": {"nanoseconds": 1}}),
        Type::ListFiles => json!({"path": "/"}),
        Type::ReadFile => json!({"path": "/no-such-file", "offset": 0}),
        Type::UpdateWeights => json!({"weight_infos": [{"role": "role-x", "weight": 2.0}]}),
        Type::ReserveResources | Type::UnreserveResources => on(json!({"resources": reserved})),
        Type::CreateVolumes | Type::DestroyVolumes => on(json!({"volumes": [volume]})),
        Type::GrowVolume => {
            on(json!({"volume": volume, "addition": {"name": "disk", "type": "SCALAR", "scalar": {"value": 1}}}))
        }
        Type::ShrinkVolume => on(json!({"volume": volume, "subtract": {"value": 0.5}})),
        Type::UpdateMaintenanceSchedule => json!({"schedule": {"windows": []}}),
        Type::StartMaintenance | Type::StopMaintenance => json!({"machines": [{"hostname": "no-such-host"}]}),
        Type::DrainAgent | Type::DeactivateAgent | Type::ReactivateAgent | Type::MarkAgentGone => agent.clone(),
        Type::UpdateQuota => json!({"quota_configs": [{"role": "role-x", "limits": {"cpus": {"value": 4}}}]}),
        Type::SetQuota => json!({"quota_request": {"role": "role-x", "guarantee": []}}),
        Type::RemoveQuota => role,
        Type::Teardown => json!({"framework_id": {"value": doomed}}),
    };
    let name = kind.as_str_name();
    json!({"type": name, name.to_lowercase(): body})
}

/// Every path and every call of the operator API, by everybody; the reviewed table is beside this file.
#[tokio::test]
async fn the_matrix_of_who_may_ask_and_see_what_is_the_reviewed_one() {
    let paths = Cluster::start().await.paths.clone();
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let _x = guarded.framework(X, "x").await;
    let _y = guarded.framework(Y, "y").await;
    let doomed = Framework::subscribe_as(X, guarded.address, info()).await;

    let mut table = String::new();
    let mut lines = Vec::new();
    let mut row = |name: &str, cells: Vec<String>| {
        lines.push(cells.clone());
        let cells: Vec<_> = CALLERS.iter().zip(cells).map(|((who, _), cell)| format!("{who}:{cell}")).collect();
        writeln!(table, "{name} {}", cells.join(" ")).unwrap();
    };
    for path in paths.iter().filter(|path| !path.starts_with("/api/")) {
        let mut cells = Vec::new();
        for (_, who) in CALLERS {
            let answer = match path.as_str() {
                "/teardown" => ask(guarded.address, "POST", path, who, "frameworkId=no-such-framework").await,
                "/explain" | "/preemptions" => {
                    let path = format!("{path}?framework={}&resources=cpus:1", doomed.id);
                    ask(guarded.address, "GET", &path, who, "").await
                }
                path => ask(guarded.address, "GET", path, who, "").await,
            };
            cells.push(shown(&answer));
        }
        row(path, cells);
    }
    // Streams are in the next test.
    for kind in (0..=64).filter_map(|number| Type::try_from(number).ok()).filter(|kind| *kind != Type::Subscribe) {
        let mut cells = Vec::new();
        for (_, who) in CALLERS {
            cells.push(shown(&guarded.operate(who, &call_of(kind, &doomed.id)).await));
        }
        row(kind.as_str_name(), cells);
    }

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/matrix.txt");
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

#[tokio::test]
async fn subscribers_hear_of_what_they_may_see_and_of_nothing_else() {
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let _x = guarded.framework(X, "x").await;
    let subscribe = async |who: &str| {
        let body = json!({"type": "SUBSCRIBE"}).to_string();
        let mut stream = send(guarded.address, "POST", "/api/v1", &format!("{JSON}{who}"), &body).await;
        assert_eq!(stream.head().await.0, 200);
        let first = stream.record().await.unwrap();
        (stream, first)
    };
    let (mut of_x, state_of_x) = subscribe(X).await;
    let (mut of_y, state_of_y) = subscribe(Y).await;
    let (mut of_ops, state_of_ops) = subscribe(OPS).await;
    assert!(state_of_x.to_string().contains("task-x") && state_of_ops.to_string().contains("task-x"));
    assert!(!state_of_y.to_string().contains("-x") && !state_of_y.to_string().contains("host"));
    assert!(!state_of_x.to_string().contains("host-of-all") && state_of_ops.to_string().contains("host-of-all"));

    let _y = guarded.framework(Y, "y").await;
    let last = guarded.framework(X, "x2").await;
    let mut heard = Vec::new();
    for stream in [&mut of_x, &mut of_y] {
        let mut all = String::new();
        let until = if heard.is_empty() { "task-x2" } else { "task-y" };
        while !all.contains(until) {
            all += &stream.record().await.unwrap().to_string();
        }
        heard.push(all);
    }
    assert!(!heard[0].contains("-y"), "{}", heard[0]);
    assert!(!heard[1].contains("-x"), "{}", heard[1]);
    let mut all = String::new();
    while !all.contains("task-x2") {
        all += &of_ops.record().await.unwrap().to_string();
    }
    assert!(all.contains("framework-y") && all.contains("task-y"));
    drop(last);
}

#[tokio::test]
async fn what_lists_allow_is_seen_by_whom_they_name() {
    let acls = r#"{
        "register_frameworks": [{"principals": {"values": ["x", "y"]}, "roles": {"type": "ANY"}}],
        "run_tasks": [{"principals": {"values": ["x", "y"]}, "users": {"type": "ANY"}}],
        "register_agents": [{"principals": {"values": ["a"]}, "agents": {"type": "ANY"}}],
        "view_frameworks": [{"principals": {"values": ["y"]}, "principals_of_frameworks": {"values": ["x"]}}],
        "view_roles": [{"principals": {"values": ["y"]}, "roles": {"values": ["role-x"]}}]}"#;
    let guarded = Guarded::start(Arc::new(Acls::parse(acls).unwrap()), None).await;
    let _x = guarded.framework(X, "x").await;
    let get = async |path: &str, who: &str| shown(&ask(guarded.address, "GET", path, who, "").await);
    assert_eq!(get("/state", Y).await, "200(Fx Rx)", "the framework and not its tasks");
    assert_eq!(get("/state", X).await, "200", "nobody may see x but y");
    assert_eq!(get("/roles", Y).await, "200(Rx)");
    assert_eq!(get("/slaves", Y).await, "403");
}

const ROLES_OF_X: &str = r#"{
    "register_frameworks": [{"principals": {"values": ["x"]}, "roles": {"values": ["role-x", "role-x2"]}}],
    "run_tasks": [{"principals": {"values": ["x"]}, "users": {"type": "ANY"}}],
    "register_agents": [{"principals": {"values": ["a"]}, "agents": {"type": "ANY"}}]}"#;

/// Neither at first nor later, neither alone nor among its own, neither as the old field nor as the new one.
#[tokio::test]
async fn nobody_takes_a_role_that_is_somebody_elses() {
    let guarded = Guarded::start(Arc::new(Acls::parse(ROLES_OF_X).unwrap()), None).await;
    let described = |roles: &[&str]| {
        let mut described = info();
        described.as_object_mut().unwrap().remove("role");
        described["roles"] = json!(roles);
        described["capabilities"] = json!([{"type": "MULTI_ROLE"}]);
        described
    };
    let subscribe =
        |described: Value| json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": described}}).to_string();
    let mut single = info();
    single["role"] = json!("role-y");
    for wanted in [single, described(&["role-y"]), described(&["role-x", "role-y"]), described(&["role-x/sub"])] {
        let answer = ask(guarded.address, "POST", PATH, &format!("{JSON}{X}"), &subscribe(wanted.clone())).await;
        assert_eq!(answer.status, 403, "{wanted}");
        assert!(answer.text().contains("register_frameworks"), "{}", answer.text());
    }
    let answer = ask(guarded.address, "POST", PATH, &format!("{JSON}{Y}"), &subscribe(described(&["role-x"]))).await;
    assert_eq!(answer.status, 403, "nobody but x may have it");

    let mut framework = Framework::subscribe_as(X, guarded.address, described(&["role-x"])).await;
    let id = json!({"value": framework.id});
    let update = |roles: &[&str]| {
        let mut described = described(roles);
        described["id"] = id.clone();
        json!({"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": described}})
    };
    for roles in [&["role-y"][..], &["role-x", "role-y"]] {
        let answer = framework.call(update(roles)).await;
        assert_eq!(answer.status, 403, "{roles:?}");
    }
    assert_eq!(framework.call(update(&["role-x", "role-x2"])).await.status, 200);
    let offer = framework.offer().await;
    let role = offer["allocation_info"]["role"].as_str().unwrap();
    assert!(["role-x", "role-x2"].contains(&role), "{offer}");
}

#[tokio::test]
async fn nobody_takes_a_role_that_is_somebody_elses_over_grpc() {
    use mesos_core::call::scheduler::{Call, Event};
    use mesos_core::daemon::Stream;
    use mesos_core::kernel::Outbound;
    use mesos_core::{FrameworkInfo, RejectionCode, Role};
    let guarded = Guarded::start(Arc::new(Acls::parse(ROLES_OF_X).unwrap()), None).await;
    let dialer = Dialer::plaintext().with_credential(HeaderValue::from_static("Basic eDpz"));
    let address = guarded.address.to_string();
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: address.into(), term: Term(1) };
    let mut stream: Stream<Call, Event> = GrpcConnector::new(dialer).connect(&leader).await.unwrap();
    let mut outbound = Outbound::default();
    let described = |roles: &[&str]| {
        let mut info = FrameworkInfo::new("f", Role::new("role-x").unwrap());
        info.roles = roles.iter().map(|role| Role::new(*role).unwrap()).collect();
        Box::new(info)
    };
    let subscribe =
        |roles: &[&str]| Call::Subscribe { info: described(roles), suppressed: [].into(), constraints: Arc::default() };
    let update = |roles: &[&str]| Call::UpdateFramework {
        info: described(roles),
        suppressed: [].into(),
        constraints: Arc::default(),
    };
    let mut refusals = Vec::new();
    let mut hear = async |stream: &mut Stream<Call, Event>, until: fn(&Event) -> bool| loop {
        let (_, event) = stream.receiver.recv().await.unwrap();
        if let Event::Error(why) = &event {
            refusals.push(why.code);
        }
        if let Event::Offers(offers) = &event {
            assert!(offers.iter().all(|offer| offer.role.as_str() == "role-x"), "{offers:?}");
        }
        if until(&event) {
            return;
        }
    };
    stream.sender.send((outbound.next(), subscribe(&["role-x", "role-y"]))).await.unwrap();
    hear(&mut stream, |event| matches!(event, Event::Error(_))).await;
    stream.sender.send((outbound.next(), subscribe(&["role-x"]))).await.unwrap();
    hear(&mut stream, |event| matches!(event, Event::Offers(_))).await;
    stream.sender.send((outbound.next(), update(&["role-x", "role-y"]))).await.unwrap();
    hear(&mut stream, |event| matches!(event, Event::Error(_))).await;
    assert_eq!(refusals, [RejectionCode::NotYours; 2]);
}

/// An operation that is not allowed is refused alone: the rest of its call goes on and its offers come back.
#[tokio::test]
async fn an_operation_that_is_not_allowed_uses_up_no_offer() {
    let acls = r#"{
        "register_frameworks": [{"principals": {"values": ["x"]}, "roles": {"type": "ANY"}}],
        "run_tasks": [{"principals": {"values": ["x"]}, "users": {"values": ["root", "good"]}}],
        "register_agents": [{"principals": {"values": ["a"]}, "agents": {"type": "ANY"}}]}"#;
    let guarded = Guarded::start(Arc::new(Acls::parse(acls).unwrap()), None).await;
    let mut framework = Framework::subscribe_as(X, guarded.address, info()).await;
    let offer = framework.offer().await;
    let as_user = |id: &str, user: &str| {
        let mut task = task(id, &offer["agent_id"], "sleep");
        task["command"]["user"] = json!(user);
        task
    };
    let mut checked = as_user("checked", "good");
    checked["health_check"] = json!({"type": "COMMAND", "command": {"value": "true", "user": "root2"}});
    let tasks = [as_user("bad", "root2"), checked, as_user("fine", "good")];
    let operations = json!([
        {"type": "LAUNCH", "launch": {"task_infos": tasks}},
        {"type": "RESERVE", "reserve": {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
            "allocation_info": {"role": "*"},
            "reservations": [{"type": "DYNAMIC", "role": "stolen", "principal": "x"}]}]}},
    ]);
    let accept = json!({"offer_ids": [offer["id"]], "operations": operations, "filters": {"refuse_seconds": 0}});
    framework.call_accepted(json!({"type": "ACCEPT", "accept": accept})).await;
    for task in ["bad", "checked"] {
        let status = framework.update(task).await;
        assert_eq!((&status["state"], &status["reason"]), (&json!("TASK_ERROR"), &json!("REASON_TASK_UNAUTHORIZED")));
        assert!(status["message"].as_str().unwrap().contains("run_tasks"), "{status}");
    }
    assert_eq!(framework.update("fine").await["state"], "TASK_RUNNING");
    let again = framework.offer().await;
    assert_eq!(again["agent_id"]["value"], guarded.agent.as_str(), "what was left came back");
    assert!(!again.to_string().contains("stolen"));
}

#[tokio::test]
async fn the_same_over_grpc_and_nobody_says_of_himself_that_he_may_not() {
    use mesos_core::call::scheduler::{Call, Event};
    use mesos_core::daemon::Stream;
    use mesos_core::kernel::Outbound;
    use mesos_core::{Filters, FrameworkInfo, Operation, Role, TaskState};
    let acls = r#"{
        "register_frameworks": [{"principals": {"values": ["x"]}, "roles": {"type": "ANY"}}],
        "run_tasks": [{"principals": {"values": ["x"]}, "users": {"values": ["nobody"]}}],
        "register_agents": [{"principals": {"values": ["a"]}, "agents": {"type": "ANY"}}]}"#;
    let guarded = Guarded::start(Arc::new(Acls::parse(acls).unwrap()), None).await;
    let dialer = Dialer::plaintext().with_credential(HeaderValue::from_static("Basic eDpz"));
    let address = guarded.address.to_string();
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: address.into(), term: Term(1) };
    let mut stream: Stream<Call, Event> = GrpcConnector::new(dialer).connect(&leader).await.unwrap();
    let mut outbound = Outbound::default();
    let mut info = Box::new(FrameworkInfo::new("f", Role::any()));
    info.user = "nobody".into();
    let subscribe = Call::Subscribe { info, suppressed: [].into(), constraints: Arc::default() };
    stream.sender.send((outbound.next(), subscribe)).await.unwrap();
    let mut launched = false;
    let mut refused = false;
    while let Some((_, event)) = stream.receiver.recv().await {
        match event {
            Event::Offers(_) if refused => return,
            Event::Offers(offers) if !launched => {
                launched = true;
                let id = mesos_core::TaskId::new("t").unwrap();
                let mut task =
                    mesos_core::TaskInfo::shell(id, offers[0].agent_id.clone(), "cpus:1".parse().unwrap(), "true");
                if let mesos_core::TaskRun::Command(command) = &mut task.run {
                    command.user = Some("root".into());
                }
                let operations = vec![Operation::Launch(vec![task.into()])];
                let filters = Filters::refuse_for(std::time::Duration::ZERO);
                let accept = Call::Accept { offers: vec![offers[0].id.clone()], operations, filters };
                stream.sender.send((outbound.next(), accept)).await.unwrap();
            }
            Event::Update(status) => {
                assert_eq!(status.state, TaskState::Error);
                refused = true;
            }
            _ => {}
        }
    }
    panic!("the stream ended before the offer came again");
}

#[tokio::test]
async fn a_framework_that_calls_too_often_is_held_back_alone() {
    let limits = r#"{"limits": [{"principal": "x", "qps": 0.001, "capacity": 3}]}"#;
    let guarded = Guarded::start(Arc::new(Parts), Some(RateLimits::parse(limits).unwrap())).await;
    let x = Framework::subscribe_as(X, guarded.address, info()).await;
    let y = Framework::subscribe_as(Y, guarded.address, info()).await;
    let revive = json!({"type": "REVIVE"});
    assert_eq!(x.call(revive.clone()).await.status, 202);
    assert_eq!(x.call(revive.clone()).await.status, 202);
    let held = x.call(revive.clone()).await;
    assert_eq!(held.status, 429);
    assert!(held.header("retry-after").is_some_and(|secs| secs.parse::<u64>().unwrap() > 1), "{held:?}");
    for _ in 0..5 {
        assert_eq!(y.call(revive.clone()).await.status, 202);
    }
}

/// Whatever operators and tools ask counts, by HTTP and by gRPC; what is open does not, and frameworks have limits of their own.
#[tokio::test]
async fn an_operator_that_calls_too_often_is_held_back_alone() {
    let limits = |limits| Some(RateLimits::parse(limits).unwrap());
    let guarded = Guarded::start_as(|setup| {
        setup.rate_limits = limits(r#"{"limits": [{"principal": "ops", "qps": 0.001, "capacity": 1}]}"#);
        let own = r#"{"limits": [{"principal": "x", "qps": 0.001, "capacity": 3}, {"principal": "ops", "qps": 0.001,
            "capacity": 2}]}"#;
        setup.operator_rate_limits = limits(own);
    })
    .await;
    let health = json!({"type": "GET_HEALTH"});
    assert_eq!(guarded.operate(X, &health).await.status, 200);
    let state = ask(guarded.address, "GET", "/state", X, "").await;
    assert_eq!(state.status, 200);
    let mut by_grpc = super::grpc::Operator::new(&guarded, X).await;
    by_grpc.ask(&health).await.unwrap();
    let held = by_grpc.ask(&health).await.unwrap_err();
    assert_eq!(held.code(), mesos_core::net::grpc::tonic::Code::ResourceExhausted, "{held:?}");
    assert!(held.message().contains("come again in"), "{held:?}");
    for answer in [guarded.operate(X, &health).await, ask(guarded.address, "GET", "/master/state.json", X, "").await] {
        assert_eq!(answer.status, 429);
        assert!(answer.header("retry-after").is_some_and(|secs| secs.parse::<u64>().unwrap() > 1), "{answer:?}");
    }
    for _ in 0..5 {
        assert_eq!(guarded.operate(Y, &health).await.status, 200, "who is not named is not limited");
        assert_eq!(ask(guarded.address, "GET", "/health", X, "").await.status, 200);
    }
    let x = Framework::subscribe_as(X, guarded.address, info()).await;
    for _ in 0..5 {
        assert_eq!(x.call(json!({"type": "REVIVE"})).await.status, 202);
    }
    // The other way round as well: what frameworks may does not count here.
    for status in [200, 200, 429] {
        assert_eq!(guarded.operate(OPS, &health).await.status, status);
    }
}

/// What a principal of another framework may do with somebody's stream: nothing.
#[tokio::test]
async fn every_scheduler_call_is_for_whoever_subscribed_alone() {
    use v1::scheduler::call::Type;
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let x = Framework::subscribe_as(X, guarded.address, info()).await;
    FrameworkId::new(x.id.as_str()).unwrap();
    for kind in (1..=64).filter_map(|number| Type::try_from(number).ok()).filter(|kind| *kind != Type::Subscribe) {
        let call = json!({"type": kind.as_str_name(), "framework_id": {"value": x.id}}).to_string();
        for (who, status) in [("", 401), (AGENT, 400), (Y, 400), (OPS, 400)] {
            let headers = format!("{JSON}{who}Mesos-Stream-Id: {}\r\n", x.stream_id);
            let answer = ask(guarded.address, "POST", PATH, &headers, &call).await;
            assert_eq!(answer.status, status, "{kind:?} by {who:?}: {}", answer.text());
        }
    }
    let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info()}}).to_string();
    let as_agent = ask(guarded.address, "POST", PATH, &format!("{JSON}{AGENT}"), &subscribe).await;
    assert_eq!(as_agent.status, 403, "{}", as_agent.text());
}

/// Where root may not run frameworks, tasks do not run as root either, whoever's they are.
#[tokio::test]
async fn a_framework_does_not_become_root_by_its_tasks() {
    let guarded = Guarded::start_as(|setup| setup.options.root_submissions = false).await;
    let mut described = info();
    described["user"] = json!("nobody");
    let mut framework = Framework::subscribe_as(X, guarded.address, described).await;
    let offer = framework.offer().await;
    let mut sneaky = task("sneaky", &offer["agent_id"], "sleep");
    sneaky["command"]["user"] = json!("root");
    framework.launch(&offer, &[sneaky, task("fine", &offer["agent_id"], "sleep")]).await;
    let refused = framework.update("sneaky").await;
    assert_eq!(refused["state"], "TASK_ERROR");
    assert!(refused["message"].as_str().unwrap().contains("without root submissions"), "{refused}");
    assert_eq!(framework.update("fine").await["state"], "TASK_RUNNING");
}
