//! Laws of the conversions, and the spellings of clients.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::call::scheduler::{Call, Event};
use crate::container::CommandInfo;
use crate::executor::ExecutorInfo;
use crate::framework::FrameworkInfo;
use crate::health::{CheckInfo, CheckStatus, HealthCheck};
use crate::limit::{ContainerLimits, Limit};
use crate::resource::{Labels, Reservation, Reservations, Resource, Resources, Scalar};
use crate::role::Role;
use crate::task::{Source, TaskInfo, TaskState, TaskStatus};
use crate::time::WallTime;
use crate::weight::Weight;
use crate::wire::{json, v1};

fn role(name: &str) -> Role {
    Role::new(name).unwrap()
}

fn there_and_back(resources: &Resources) -> Resources {
    resources_from_wire(resources_to_wire(resources, None, ReservationForm::Stack)).unwrap().0
}

fn entries(text: &str) -> Result<Resources, Rejection> {
    let list: serde_json::Value = serde_json::from_str(text).unwrap();
    let read = |entry: &serde_json::Value| json::from_value::<v1::Resource>(entry.clone()).unwrap();
    resources_from_wire(list.as_array().unwrap().iter().map(read).collect()).map(|(resources, _)| resources)
}

#[test]
fn every_kind_of_entry_survives_the_wire() {
    let refined = Reservations::new([
        Reservation::fixed(role("a")),
        Reservation::dynamic(role("a/b"), Some("ops".parse().unwrap())).with_labels(Labels::from_iter([("k", "v")])),
    ]);
    let mut all: Resources = "cpus:1.5;mem(a):64;ports:[1-2,5-9];zones:{x,y};gpus:2".parse().unwrap();
    all.add(Resource::cpus(Scalar::from_units(2)).with_reservations(refined.unwrap())).unwrap();
    all.add(Resource::mem(Scalar::from_units(5)).revocable()).unwrap();
    let disk =
        crate::resource::Disk::volume("v1".parse().unwrap(), None, "data").on(crate::resource::DiskSource::mount("/m"));
    let reserved = Reservations::new([Reservation::fixed(role("a"))]).unwrap();
    all.add(Resource::disk(Scalar::from_units(9)).with_reservations(reserved).with_disk(disk).shared()).unwrap();
    assert_eq!(there_and_back(&all), all);
}

#[test]
fn the_three_spellings_of_a_reservation_mean_the_same() {
    let stack = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},
        "reservations":[{"type":"DYNAMIC","role":"web","principal":"p"}]}]"#;
    let single =
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"web","reservation":{"principal":"p"}}]"#;
    let both = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"web","reservation":{"principal":"p"},
        "reservations":[{"type":"DYNAMIC","role":"web","principal":"p"}]}]"#;
    let expected = entries(stack).unwrap();
    assert_eq!(entries(single).unwrap(), expected);
    assert_eq!(entries(both).unwrap(), expected);
    let contradicting = both.replace(r#""role":"web","reservation":{"#, r#""role":"ops","reservation":{"#);
    assert!(entries(&contradicting).unwrap_err().what.contains("contradict"));
}

#[test]
fn frameworks_without_refinement_read_a_role_in_every_entry() {
    let resources: Resources = "cpus:1;mem(web):64".parse().unwrap();
    let written = resources_to_wire(&resources, Some(&role("web")), ReservationForm::Single);
    let roles: Vec<_> = written.iter().map(|entry| entry.role.as_deref().unwrap()).collect();
    assert_eq!(roles, ["*", "web"]);
    assert!(written.iter().all(|entry| entry.reservations.is_empty() && entry.reservation.is_none()));
    assert!(written.iter().all(|entry| entry.allocation_info.as_ref().unwrap().role() == "web"));
    assert_eq!(resources_from_wire(written).unwrap().0, resources);
}

#[test]
fn a_bad_entry_is_named_with_its_place() {
    let error = entries(
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}, {"name":"mem","type":"SCALAR","scalar":{"value":-1}}]"#,
    );
    let error = error.unwrap_err();
    assert_eq!(error.code, RejectionCode::InvalidResources);
    assert!(error.what.starts_with("resource 2 (\"mem\")"), "{}", error.what);
    for bad in [
        r#"[{"name":"","type":"SCALAR","scalar":{"value":1}}]"#,
        r#"[{"name":"cpus","type":"RANGES","scalar":{"value":1}}]"#,
        r#"[{"name":"cpus","type":"TEXT"}]"#,
        r#"[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":2,"end":1}]}}]"#,
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservation":{}}]"#,
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{"role":"web"}]}]"#,
    ] {
        assert_eq!(entries(bad).unwrap_err().code, RejectionCode::InvalidResources, "{bad}");
    }
}

#[test]
fn every_kind_of_executor_survives_the_wire() {
    let (id, uses): (crate::ExecutorId, Resources) = ("e1".parse().unwrap(), "cpus:0.1;mem:32".parse().unwrap());
    let mut custom = ExecutorInfo::custom(id.clone(), CommandInfo::shell("./run").env("A", "b"), uses.clone());
    custom.name = "mine".into();
    custom.labels.insert("k".into(), "v".into());
    custom.data = Arc::from(*b"\x00\xff");
    custom.shutdown_grace = Some(Duration::from_millis(1_500));
    let others = [ExecutorInfo::for_groups(id.clone(), uses.clone()), ExecutorInfo::new(id, "puppet", uses)];
    for executor in others.into_iter().chain([custom]) {
        assert_eq!(ExecutorInfo::try_from(v1::ExecutorInfo::from(&executor)).unwrap(), executor);
    }
}

#[test]
fn an_executor_says_what_it_is() {
    let read = |text: &str| json::read::<v1::ExecutorInfo>(text.as_bytes()).unwrap().try_into();
    let plain: ExecutorInfo = read(r#"{"executor_id": {"value": "e"}, "command": {"value": "run"}}"#).unwrap();
    assert_eq!(plain.command(), Some(&CommandInfo::shell("run")), "a program needs no type");
    for (text, says) in [
        (r#"{"executor_id": {"value": "e"}}"#, "executor e: it has no command"),
        (r#"{"executor_id": {"value": "e"}, "type": "CUSTOM", "name": "x"}"#, "no command"),
        (r#"{"executor_id": {"value": "e"}, "type": "DEFAULT", "command": {"value": "run"}}"#, "type DEFAULT"),
        (r#"{"executor_id": {"value": "a/b"}, "type": "DEFAULT"}"#, "a/b"),
        (r#"{"executor_id": {"value": "e"}, "type": "DEFAULT", "container": {"type": "MESOS"}}"#, "container"),
    ] {
        let refused: Result<ExecutorInfo, Rejection> = read(text);
        let refused = refused.unwrap_err();
        assert!(refused.what.contains(says), "{refused} does not say {says:?}");
    }
}

#[test]
fn what_an_executor_says_survives_the_wire() {
    use crate::call::executor::{Said, Subscription, TaskUpdate};
    let (framework, executor) = ("f1".parse().unwrap(), "e1".parse().unwrap());
    let mut update = TaskUpdate::new("t1".parse().unwrap(), TaskState::Failed);
    update.uuid = Some(crate::UpdateId(7));
    update.reason = Some(crate::Reason::ContainerLimitation);
    update.message = Some("why".into());
    update.data = Some(Arc::from(*b"\x01"));
    update.healthy = Some(false);
    update.at_wall = Some(WallTime::from_nanos(1_500_000_000));
    // Two of one key, one without a value: all of them count.
    let label = |value: Option<&str>| crate::resource::Label { key: "k".into(), value: value.map(Into::into) };
    update.labels = [label(Some("v")), label(Some("w")), label(None)].into_iter().collect();
    update.limitation = Some(Arc::new("mem:64;disk:2".parse().unwrap()));
    update.address = Some("172.17.0.3".into());
    let task = Arc::new(TaskInfo::shell("t2".parse().unwrap(), "a".parse().unwrap(), Resources::new(), "true"));
    let subscription = Subscription { updates: vec![update.clone()], tasks: vec![task.id.clone()] };
    for call in [
        ExecutorCall::Subscribe(subscription),
        ExecutorCall::Said(Said::Update(Box::new(update))),
        ExecutorCall::Said(Said::Message(Arc::from(*b"hi"))),
        ExecutorCall::Said(Said::Heartbeat),
    ] {
        let written = executor_call_to_wire(&framework, &executor, &call, std::slice::from_ref(&task));
        let back = executor_call_from_wire(written).unwrap();
        assert_eq!(back, (framework.clone(), executor.clone(), call));
    }
}

#[test]
fn an_executor_names_its_updates_and_says_they_are_its_own() {
    let read = |status: &str| {
        let text = format!(
            r#"{{"type": "UPDATE", "framework_id": {{"value": "f"}}, "executor_id": {{"value": "e"}},
            "update": {{"status": {{"task_id": {{"value": "t"}}, "state": "TASK_RUNNING", {status}}}}}}}"#
        );
        executor_call_from_wire(json::read(text.as_bytes()).unwrap())
    };
    let uuid = r#""uuid": "AAAAAAAAAAAAAAAAAAAABw==""#;
    assert!(read(&format!(r#""source": "SOURCE_EXECUTOR", {uuid}"#)).is_ok());
    for (status, says) in [
        (r#""source": "SOURCE_EXECUTOR""#.to_owned(), "no uuid"),
        (r#""source": "SOURCE_EXECUTOR", "uuid": "AAAA""#.to_owned(), "3 bytes"),
        (uuid.to_owned(), "SOURCE_EXECUTOR"),
        (format!(r#""source": "SOURCE_EXECUTOR", "executor_id": {{"value": "x"}}, {uuid}"#), "another executor"),
    ] {
        let refused = read(&status).unwrap_err();
        assert!(refused.what.contains(says), "{refused} does not say {says:?}");
    }
}

#[test]
fn what_an_executor_is_told_survives_the_wire() {
    use crate::call::executor::{Event, Subscribed};
    let grace = Duration::from_secs(5);
    let agent = |name: &str| TaskInfo::shell(name.parse().unwrap(), "a".parse().unwrap(), Resources::new(), "true");
    let mut info = FrameworkInfo::new("f", role("web"));
    info.id = Some("f1".parse().unwrap());
    let mut node = crate::AgentInfo::new("host", "cpus:1".parse().unwrap());
    node.capabilities.clear();
    let executor = ExecutorInfo::custom("e".parse().unwrap(), CommandInfo::shell("run"), Resources::new());
    let subscribed = Subscribed {
        executor: Arc::new(executor.clone()),
        framework_id: "f1".parse().unwrap(),
        framework: Arc::new(info),
        agent_id: "a".parse().unwrap(),
        agent: Arc::new(node),
        container_id: "e.1".parse().unwrap(),
    };
    let policy = crate::KillPolicy { grace: Some(grace) };
    for event in [
        Event::Subscribed(Box::new(subscribed)),
        Event::Launch(Arc::new(agent("t1"))),
        Event::LaunchGroup(TaskInfo::group(executor, [agent("t1"), agent("t2")])),
        Event::Kill { task_id: "t1".parse().unwrap(), policy },
        Event::Acknowledged { task_id: "t1".parse().unwrap(), uuid: crate::UpdateId(9) },
        Event::Message(Arc::from(*b"hi")),
        Event::Shutdown { grace },
        Event::Heartbeat,
    ] {
        let back = executor_event_from_wire(executor_event_to_wire(&event), grace).unwrap().unwrap();
        assert_eq!(back, event);
    }
    let heartbeat = json::write(&executor_event_to_wire(&Event::Heartbeat));
    assert_eq!(heartbeat, r#"{"type":"HEARTBEAT"}"#);
}

#[test]
fn a_group_takes_its_executor_from_the_operation() {
    let accept = |executor: &str| {
        call(&format!(
            r#"{{"type": "ACCEPT", "accept": {{"offer_ids": [{{"value": "o"}}], "operations": [{{"type": "LAUNCH_GROUP",
            "launch_group": {{"executor": {{"type": "DEFAULT", "executor_id": {{"value": "e"}}}},
            "task_group": {{"tasks": [
                {{"name": "a", "task_id": {{"value": "t1"}}, "agent_id": {{"value": "s"}}, "command": {{"value": "x"}}}},
                {{"name": "b", "task_id": {{"value": "t2"}}, "agent_id": {{"value": "s"}}, "command": {{"value": "y"}}
                {executor}}}]}}}}}}]}}}}"#
        ))
    };
    let Call::Accept { operations, .. } = accept("").unwrap() else { panic!("it is an ACCEPT") };
    let tasks = operations[0].tasks();
    assert_eq!(tasks.iter().map(|task| task.executor_id().to_string()).collect::<Vec<_>>(), ["e", "e"]);
    for (task, line) in tasks.iter().zip(["x", "y"]) {
        let crate::TaskRun::InGroup { group, .. } = &task.run else { panic!("{task:?} is in a group") };
        assert_eq!((group.as_str(), task.run.command()), ("t1", Some(&CommandInfo::shell(line))));
    }
    let same = r#", "executor": {"type": "DEFAULT", "executor_id": {"value": "e"}}"#;
    assert!(accept(same).is_ok());
    let other = r#", "executor": {"type": "DEFAULT", "executor_id": {"value": "other"}}"#;
    assert!(accept(other).unwrap_err().what.contains("t2"));
}

fn call(text: &str) -> Result<Call, Rejection> {
    json::read::<v1::scheduler::Call>(text.as_bytes()).unwrap().try_into()
}

#[test]
fn a_framework_with_one_role_says_it_the_old_way() {
    let info = |text: &str| json::read::<v1::FrameworkInfo>(text.as_bytes()).unwrap().try_into();
    let read: FrameworkInfo = info(r#"{"user": "", "name": "f", "role": "web"}"#).unwrap();
    assert_eq!(read.roles, [role("web")].into());
    assert_eq!(
        (read.failover_timeout.as_secs(), read.checkpoint),
        (0, false),
        "what a client leaves out means Mesos' default"
    );
    let read: FrameworkInfo = info(r#"{"user": "", "name": "f"}"#).unwrap();
    assert_eq!(read.roles, [Role::any()].into());
    let mixed: Result<FrameworkInfo, _> = info(r#"{"user": "", "name": "f", "roles": ["web"]}"#);
    assert!(mixed.unwrap_err().remedy.contains("capability"));
}

#[test]
fn a_failover_timeout_out_of_range_is_refused() {
    for secs in ["-1", "1e300", "\"NaN\""] {
        let text = format!(r#"{{"user": "", "name": "f", "failover_timeout": {secs}}}"#);
        if let Ok(info) = json::read::<v1::FrameworkInfo>(text.as_bytes()) {
            let refused: Result<FrameworkInfo, Rejection> = info.try_into();
            assert_eq!(refused.unwrap_err().code, RejectionCode::InvalidFramework, "{secs}");
        }
    }
}

#[test]
fn a_framework_survives_the_wire() {
    let mut info = FrameworkInfo::new("f", role("a/b"));
    info.min_allocatable.insert(role("a/b"), vec!["cpus:1;mem:32".parse().unwrap(), "gpus:1".parse().unwrap()]);
    info.labels.insert("k".into(), "v".into());
    info.failover_timeout = Duration::from_millis(1_500);
    let back: FrameworkInfo = v1::FrameworkInfo::from(&info).try_into().unwrap();
    assert_eq!(back, info);
}

#[test]
fn a_task_survives_the_wire() {
    let command = CommandInfo::exec("ls", ["-l", "/"]).env("A", "b");
    let mut task = TaskInfo::command("t".parse().unwrap(), "a".parse().unwrap(), "cpus:1".parse().unwrap(), command);
    task.labels.insert("k".into(), "v".into());
    task.data = Arc::from(*b"x");
    task.kill_policy.grace = Some(Duration::from_secs(7));
    task.max_completion_time = Some(Duration::from_secs(9));
    task.limits = ContainerLimits { cpus: Some(Limit::Amount(Scalar::from_milli(2_500))), mem: Some(Limit::Infinite) };
    let back: TaskInfo = v1::TaskInfo::from(&task).try_into().unwrap();
    assert_eq!(back, task);
}

#[test]
fn limits_are_read_as_clients_write_them_and_refused_by_name() {
    let read = |limits: &str| {
        let text = format!(
            r#"{{"name": "t", "task_id": {{"value": "t"}}, "agent_id": {{"value": "a"}}, "command": {{"value": "true"}},
                "limits": {limits}}}"#
        );
        TaskInfo::try_from(json::read::<v1::TaskInfo>(text.as_bytes()).unwrap()).map(|task| task.limits)
    };
    let both = read(r#"{"cpus": {"value": 1.5}, "mem": {"value": "Infinity"}}"#).unwrap();
    assert_eq!(both.cpus, Some(Limit::Amount(Scalar::from_milli(1_500))));
    assert_eq!(both.mem, Some(Limit::Infinite));
    for (limits, says) in [
        (r#"{"disk": {"value": 1}}"#, "a limit of \"disk\""),
        (r#"{"cpus": {"value": -1}}"#, "the limit of cpus"),
        (r#"{"mem": {"value": "NaN"}}"#, "the limit of mem"),
        (r#"{"mem": {"value": "-Infinity"}}"#, "the limit of mem"),
    ] {
        let refused = read(limits).unwrap_err();
        assert!(refused.code == RejectionCode::InvalidTask && refused.what.contains(says), "{limits}: {refused}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_and_not_dropped() {
    let task = |more: &str| {
        let text = format!(
            r#"{{"type": "ACCEPT", "accept": {{"offer_ids": [{{"value": "o"}}], "operations": [{{"type": "LAUNCH",
                "launch": {{"task_infos": [{{"name": "t", "task_id": {{"value": "t"}}, "agent_id": {{"value": "a"}},
                "command": {{"value": "true"}} {more} }}]}}}}]}}}}"#
        );
        call(&text)
    };
    assert!(task("").is_ok());
    for more in [
        r#", "container": {"type": "DOCKER"}"#,
        r#", "container": {"type": "MESOS", "volumes": [{"mode": "RW", "container_path": "v"}]}"#,
        r#", "container": {"type": "MESOS", "rlimit_info": {}}"#,
    ] {
        let refused = task(more).unwrap_err();
        assert_eq!(refused.code, RejectionCode::Unsupported, "{more}");
        assert!(refused.what.starts_with("operation 1: "), "{}", refused.what);
    }
    let moved = r#"{"type": "ACCEPT", "accept": {"offer_ids": [{"value": "o"}], "operations": [{"type": "RESERVE",
        "reserve": {"source": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}], "resources": []}}]}}"#;
    let refused = call(moved).unwrap_err();
    assert!(refused.code == RejectionCode::Unsupported && refused.remedy.contains("operator"), "{refused}");
}

#[test]
fn health_checks_come_through_with_the_times_of_mesos() {
    let read = |text: &str| HealthCheck::try_from(json::read::<v1::HealthCheck>(text.as_bytes()).unwrap());
    let tcp = read(r#"{"type": "TCP", "tcp": {"port": 80}}"#).unwrap();
    assert_eq!((tcp.delay, tcp.interval, tcp.timeout, tcp.grace, tcp.failures_max), {
        let seconds = Duration::from_secs;
        (seconds(15), seconds(10), seconds(20), seconds(10), 3)
    });
    for text in [
        r#"{"type": "TCP", "tcp": {"port": 80, "protocol": "IPv6"}, "delay_seconds": 0.5}"#,
        r#"{"type": "HTTP", "http": {"port": 8080, "path": "/up"}, "consecutive_failures": 7}"#,
        r#"{"type": "HTTP", "http": {"port": 8443, "path": "/up", "scheme": "https"}}"#,
        r#"{"type": "COMMAND", "command": {"value": "test -e up", "user": "nobody"}, "grace_period_seconds": 0}"#,
    ] {
        let check = read(text).unwrap();
        assert_eq!(HealthCheck::try_from(v1::HealthCheck::from(&check)).unwrap(), check, "{text}");
    }
    for (text, what) in [
        (r#"{"type": "TCP"}"#, "tcp of the health check"),
        (r#"{"tcp": {"port": 80}}"#, "no type"),
        (r#"{"type": "TCP", "tcp": {"port": 0}}"#, "port 0"),
        (r#"{"type": "TCP", "tcp": {"port": 65536}}"#, "port 65536"),
        (r#"{"type": "HTTP", "http": {"port": 80, "path": "up"}}"#, "path"),
        (r#"{"type": "HTTP", "http": {"port": 80, "path": "/ HTTP/1.1\r\nX: y"}}"#, "path"),
        (r#"{"type": "HTTP", "http": {"port": 80, "scheme": "gopher"}}"#, "gopher"),
        (r#"{"type": "TCP", "tcp": {"port": 80}, "interval_seconds": -1}"#, "interval_seconds"),
        (r#"{"type": "COMMAND", "command": {}}"#, "no value"),
    ] {
        let refused = read(text).unwrap_err().to_string();
        assert!(refused.contains(what), "{text}: {refused}");
    }
}

#[test]
fn checks_come_through_with_the_times_of_mesos() {
    let read = |text: &str| CheckInfo::try_from(json::read::<v1::CheckInfo>(text.as_bytes()).unwrap());
    let tcp = read(r#"{"type": "TCP", "tcp": {"port": 80}}"#).unwrap();
    let seconds = Duration::from_secs;
    assert_eq!((tcp.delay, tcp.interval, tcp.timeout), (seconds(15), seconds(10), seconds(20)));
    for text in [
        r#"{"type": "TCP", "tcp": {"port": 80}, "delay_seconds": 0.5}"#,
        r#"{"type": "HTTP", "http": {"port": 8080, "path": "/up"}, "interval_seconds": 7}"#,
        r#"{"type": "COMMAND", "command": {"command": {"value": "test -e up"}}, "timeout_seconds": 0}"#,
    ] {
        let check = read(text).unwrap();
        assert_eq!(CheckInfo::try_from(v1::CheckInfo::from(&check)).unwrap(), check, "{text}");
    }
    for (text, what) in [
        (r#"{"type": "TCP"}"#, "tcp of the check"),
        (r#"{"tcp": {"port": 80}}"#, "no type"),
        (r#"{"type": "TCP", "tcp": {"port": 0}}"#, "port 0"),
        (r#"{"type": "HTTP", "http": {"port": 80, "path": "up"}}"#, "path"),
        (r#"{"type": "TCP", "tcp": {"port": 80}, "delay_seconds": -1}"#, "delay_seconds of the check"),
    ] {
        let refused = read(text).unwrap_err().to_string();
        assert!(refused.contains(what), "{text}: {refused}");
    }
    for status in [
        CheckStatus::Command(Some(-1)),
        CheckStatus::Command(None),
        CheckStatus::Http(Some(404)),
        CheckStatus::Http(None),
        CheckStatus::Tcp(Some(false)),
        CheckStatus::Tcp(None),
    ] {
        let mut said = TaskStatus::new("t".parse().unwrap(), TaskState::Running, Source::Executor, WallTime::default());
        said.check_status = Some(status);
        assert_eq!(TaskStatus::try_from(v1::TaskStatus::from(&said)).unwrap().check_status, Some(status));
    }
}

#[test]
fn a_status_keeps_its_labels_limitation_health_container_and_address() {
    let mut status = TaskStatus::new("t".parse().unwrap(), TaskState::Running, Source::Executor, WallTime::default());
    status.healthy = Some(false);
    status.container_id = Some("e.1".parse().unwrap());
    status.address = Some("10.0.0.1".into());
    status.labels = Labels::from_iter([("k", "v"), ("k", "w")]);
    status.limitation = Some(Arc::new("mem:64".parse().unwrap()));
    assert_eq!(TaskStatus::try_from(v1::TaskStatus::from(&status)).unwrap(), status);
    status.container_id = None;
    assert_eq!(TaskStatus::try_from(v1::TaskStatus::from(&status)).unwrap(), status);
    // As checkpoints hold it.
    let written = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<TaskStatus>(&written).unwrap(), status, "{written}");
}

#[test]
fn every_reason_of_the_api_is_told_on_as_it_was_said() {
    use crate::wire::v1::task_status::Reason as Wire;
    let known: Vec<Wire> = (0..64).filter_map(|number| Wire::try_from(number).ok()).collect();
    assert_eq!(known.len(), 35);
    for wire in known {
        let own = status::reason_from_wire(wire.into());
        assert_eq!(own.map(Wire::from), Some(wire), "{}", wire.as_str_name());
    }
}

#[test]
fn uris_come_through_and_are_unpacked_unless_told_otherwise() {
    let read = |text: &str| CommandInfo::try_from(json::read::<v1::CommandInfo>(text.as_bytes()).unwrap());
    let command = read(
        r#"{"value": "run", "uris": [{"value": "http://h/a.tgz"},
            {"value": "file:///b", "executable": true, "extract": false, "cache": true, "output_file": "bin/b"}]}"#,
    )
    .unwrap();
    assert_eq!(command.uris[0], crate::container::Uri::new("http://h/a.tgz"));
    assert_eq!(command.uris[1].output_file.as_deref(), Some("bin/b"));
    assert_eq!(CommandInfo::try_from(v1::CommandInfo::from(&command)).unwrap(), command);
    assert!(read(r#"{"value": "run", "uris": [{"value": ""}]}"#).is_err());
}

#[test]
fn a_call_names_what_it_lacks() {
    for (text, missing) in [
        (r#"{"type": "KILL"}"#, "kill is missing"),
        (r#"{"type": "ACCEPT", "accept": {"operations": [{"type": "RESERVE"}]}}"#, "operation 1: reserve is missing"),
        (r#"{"type": "DECLINE", "decline": {"offer_ids": [{}]}}"#, "offer id"),
        (
            r#"{"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"value": "a"}, "task_id": {"value": "t"}, "uuid": "AA=="}}"#,
            "1 bytes",
        ),
        (
            r#"{"type": "SUBSCRIBE", "framework_id": {"value": "a"},
                "subscribe": {"framework_info": {"user": "u", "name": "n", "id": {"value": "b"}}}}"#,
            r#"framework_id is "a" and framework_info.id "b""#,
        ),
        (r"{}", "no type"),
    ] {
        let what = call(text).unwrap_err().what;
        assert!(what.contains(missing), "{text}: {what}");
    }
}

#[test]
fn calls_read_as_clients_write_them() {
    assert_eq!(call(r#"{"type": "REVIVE"}"#), Ok(Call::Revive { roles: [].into() }));
    assert_eq!(call(r#"{"type": "RECONCILE", "reconcile": {"tasks": []}}"#), Ok(Call::Reconcile { tasks: Vec::new() }));
    let subscribe = call(
        r#"{"type": "SUBSCRIBE", "framework_id": {"value": "f-1"}, "subscribe": {"framework_info": {"user": "u", "name": "n"}}}"#,
    );
    let Ok(Call::Subscribe { info, .. }) = subscribe else { panic!("{subscribe:?}") };
    assert_eq!(info.id.unwrap().as_str(), "f-1");
    let declined = call(r#"{"type": "DECLINE", "decline": {"offer_ids": [{"value": "o"}]}}"#);
    let Ok(Call::Decline { filters, .. }) = declined else { panic!("{declined:?}") };
    assert_eq!(filters.refuse_for.as_secs(), 5);
}

#[test]
fn constraints_read_as_clients_write_them_and_none_is_dropped() {
    let subscribe = |predicate: &str| {
        call(&format!(
            r#"{{"type": "SUBSCRIBE", "subscribe": {{"framework_info": {{"user": "u", "name": "n"}}, "offer_constraints":
                {{"role_constraints": {{"web": {{"groups": [{{"attribute_constraints": [{{"selector":
                {{"attribute_name": "rack"}}, "predicate": {predicate} }}]}}]}}}}}}}}}}"#
        ))
    };
    let Ok(Call::Subscribe { constraints, .. }) = subscribe(r#"{"text_matches": {"regex": "r[0-9]"}}"#) else {
        panic!()
    };
    let group = &constraints.by_role[&role("web")][0];
    assert_eq!(group[0].selector, crate::constraint::Selector::Attribute("rack".into()));
    assert_eq!(group[0].predicate, crate::constraint::Predicate::TextMatches("r[0-9]".into()));
    let refused = subscribe(r#"{"glows_in_the_dark": {}}"#).unwrap_err();
    assert_eq!(refused.code, RejectionCode::InvalidConstraint);
}

#[test]
fn events_are_written_as_clients_read_them() {
    let master = v1::MasterInfo { id: "m".into(), hostname: Some("h".into()), ..Default::default() };
    let write = |event: &Event| json::write(&event_to_wire(event, &master, ReservationForm::Single));
    let agent = crate::agent::AgentInfo::new("10.0.0.7", Resources::default());
    let offer = crate::offer::Offer::new(
        "o".parse().unwrap(),
        "f".parse().unwrap(),
        "a".parse().unwrap(),
        role("web"),
        "cpus:1".parse().unwrap(),
        Arc::new(agent),
    );
    assert_eq!(
        write(&Event::Offers(vec![offer])),
        concat!(
            r#"{"type":"OFFERS","offers":{"offers":[{"id":{"value":"o"},"framework_id":{"value":"f"},"#,
            r#""agent_id":{"value":"a"},"hostname":"10.0.0.7","resources":[{"name":"cpus","type":"SCALAR","#,
            r#""scalar":{"value":1.0},"role":"*","allocation_info":{"role":"web"}}],"url":{"scheme":"http","#,
            r#""address":{"hostname":"10.0.0.7","ip":"10.0.0.7","port":5051},"path":"/slave(1)"},"#,
            r#""allocation_info":{"role":"web"}}]}}"#
        )
    );
    let mut agent = crate::agent::AgentInfo::new("host", Resources::default());
    (agent.port, agent.ip, agent.has_tls) = (5_052, Some("fd00::7".parse().unwrap()), true);
    let offer = crate::offer::Offer::new(
        "o".parse().unwrap(),
        "f".parse().unwrap(),
        "a".parse().unwrap(),
        role("web"),
        "cpus:1".parse().unwrap(),
        Arc::new(agent),
    );
    let written = write(&Event::Offers(vec![offer.clone()]));
    let url = r#""url":{"scheme":"https","address":{"hostname":"host","ip":"fd00::7","port":5052},"path":"/slave(1)"}"#;
    assert!(written.contains(url), "{written}");
    let read = crate::offer::Offer::try_from(offer_to_wire(&offer, ReservationForm::Single)).unwrap().agent;
    assert_eq!((read.port, read.ip, read.has_tls), (5_052, offer.agent.ip, true));
    assert_eq!(read.pid(), "slave(1)@[fd00::7]:5052");
    let lost = Event::Failure { agent_id: "a".parse().unwrap(), executor_id: None, status: None };
    assert_eq!(write(&lost), r#"{"type":"FAILURE","failure":{"agent_id":{"value":"a"}}}"#);
    assert_eq!(write(&Event::Heartbeat { received: 3 }), r#"{"type":"HEARTBEAT"}"#);
}

fn bag() -> impl Strategy<Value = Resources> {
    let text = prop::sample::select(vec!["cpus", "mem", "disk", "gpus", "cpus(a)", "mem(a/b)", "fpgas"]);
    let entry = (text, 1_u32..900).prop_map(|(name, amount)| format!("{name}:{amount}"));
    prop::collection::btree_map("[a-z]", entry, 0..6).prop_filter_map("one kind of value per name", |parts| {
        parts.into_values().collect::<Vec<_>>().join(";").parse().ok()
    })
}

proptest! {
    #[test]
    fn bags_survive_the_wire(resources in bag()) {
        prop_assert_eq!(there_and_back(&resources), resources);
    }

    #[test]
    fn no_bytes_upset_the_conversion(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = <v1::scheduler::Call as prost::Message>::decode(&bytes[..]) {
            let _ = Call::try_from(read);
        }
    }
}

/// A message of this type, whatever the seed makes of it.
fn any_message<M: prost::Message + prost::Name + Default>(seed: u64) -> M {
    let mut draw = crate::wire::drawn::draws(seed);
    let message = crate::wire::drawn::drawn(&json::descriptor_of::<M>(), 5, &mut draw);
    message.transcode_to().expect("it was made of the same description")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever a peer says is read, or refused with a sentence.
    #[test]
    fn any_call_is_read_or_refused(seed in any::<u64>()) {
        let check = |refused: Option<Rejection>| refused.is_none_or(|why| !why.what.is_empty() && !why.remedy.is_empty());
        prop_assert!(check(call_from_wire(any_message(seed)).err()));
        prop_assert!(check(Call::try_from(any_message::<v1::scheduler::Call>(seed)).err()));
        prop_assert!(check(crate::call::operator::Call::try_from(any_message::<v1::master::Call>(seed)).err()));
        prop_assert!(check(FrameworkInfo::try_from(any_message::<v1::FrameworkInfo>(seed)).err()));
        prop_assert!(check(TaskInfo::try_from(any_message::<v1::TaskInfo>(seed)).err()));
    }
}

#[test]
fn a_task_says_where_it_can_be_found() {
    let text = r#"{"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "a"}, "command": {"value": "true"},
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}],
        "container": {"type": "MESOS", "mesos": {}, "network_infos": [{}]},
        "discovery": {"visibility": "EXTERNAL", "name": "web", "ports": {"ports": [
            {"number": 80, "name": "http", "protocol": "tcp", "visibility": "CLUSTER",
             "labels": {"labels": [{"key": "k", "value": "v"}]}}]}}}"#;
    let read: TaskInfo = json::read::<v1::TaskInfo>(text.as_bytes()).unwrap().try_into().unwrap();
    let discovery = read.discovery.clone().unwrap();
    assert_eq!((discovery.name.as_deref(), discovery.ports[0].number), (Some("web"), 80));
    let again: TaskInfo = v1::TaskInfo::from(&read).try_into().unwrap();
    assert_eq!(again, read);
}

#[test]
fn operators_calls_mean_what_they_say() {
    use crate::call::operator::Call as Operator;
    let call = |text: &str| Operator::try_from(json::read::<v1::master::Call>(text.as_bytes()).unwrap());
    let drain = r#"{"type": "DRAIN_AGENT", "drain_agent": {"agent_id": {"value": "a"}, "max_grace_period": "90s", "mark_gone": true}}"#;
    let Operator::DrainAgent { max_grace, mark_gone, .. } = call(drain).unwrap() else { panic!() };
    assert_eq!((max_grace.map(|grace| grace.as_secs()), mark_gone), (Some(90), true));
    let reserve = r#"{"type": "RESERVE_RESOURCES", "reserve_resources": {"agent_id": {"value": "a"},
        "source": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}],
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
            "reservations": [{"type": "DYNAMIC", "role": "web"}]}]}}"#;
    let Operator::Reserve { source, resources, .. } = call(reserve).unwrap() else { panic!() };
    assert_eq!((source.to_string(), resources.to_string()), ("cpus:1".into(), "cpus(DYNAMIC web):1".into()));
    for (bad, code) in [
        (r#"{"type": "GET_STATE"}"#, RejectionCode::Unsupported),
        (r#"{"type": "TEARDOWN"}"#, RejectionCode::InvalidOperation),
        (
            r#"{"type": "DRAIN_AGENT", "drain_agent": {"agent_id": {"value": "a"}, "max_grace_period": "-1s"}}"#,
            RejectionCode::InvalidAgent,
        ),
        (
            r#"{"type": "START_MAINTENANCE", "start_maintenance": {"machines": [{"ip": "10.0.0.1"}]}}"#,
            RejectionCode::InvalidMaintenance,
        ),
        (
            r#"{"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"weight": 1}]}}"#,
            RejectionCode::InvalidRole,
        ),
        (
            r#"{"type": "UPDATE_QUOTA", "update_quota": {"quota_configs": [{"role": "a", "limits": {"cpus": {"value": -1}}}]}}"#,
            RejectionCode::InvalidQuota,
        ),
    ] {
        assert_eq!(call(bad).unwrap_err().code, code, "{bad}");
    }
}

/// What is no amount and no weight is refused with the reason, whether it comes as JSON or as protobuf.
#[test]
fn quotas_and_weights_that_are_no_numbers_are_refused() {
    use prost::Message as _;

    use crate::call::operator::Call as Operator;
    let refusal = |call: v1::master::Call| {
        let binary = v1::master::Call::decode(call.encode_to_vec().as_slice()).unwrap();
        Operator::try_from(binary).expect_err("it is no number").code
    };
    let text = r#"{"type": "UPDATE_QUOTA", "update_quota": {"quota_configs":
        [{"role": "a", "limits": {"mem": {"value": 1}}, "guarantees": {"mem": {"value": 1}}}]}}"#;
    let quota: v1::master::Call = json::read(text.as_bytes()).unwrap();
    let text = r#"{"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "a", "weight": 1}]}}"#;
    let weight: v1::master::Call = json::read(text.as_bytes()).unwrap();
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-310, -1e-310, 1e-4, 1e300, -1e300, -1.0] {
        for is_limit in [true, false] {
            let mut call = quota.clone();
            let config = &mut call.update_quota.as_mut().unwrap().quota_configs[0];
            let amounts = if is_limit { &mut config.limits } else { &mut config.guarantees };
            amounts.get_mut("mem").unwrap().value = number;
            assert_eq!(refusal(call), RejectionCode::InvalidQuota, "{number}");
        }
        let mut call = weight.clone();
        call.update_weights.as_mut().unwrap().weight_infos[0].weight = number;
        assert_eq!(refusal(call), RejectionCode::InvalidWeight, "{number}");
    }
    // JSON has no word for some of them, and texts are no numbers.
    for number in ["NaN", "Infinity", "-Infinity", r#""NaN""#, r#""Infinity""#, r#""-Infinity""#, "1e999"] {
        let text = format!(r#"{{"role": "a", "weight": {number}}}"#);
        let read = json::read::<v1::WeightInfo>(text.as_bytes());
        assert!(read.is_err() || read.is_ok_and(|info| Weight::new(info.weight).is_err()), "{text}");
    }
    for number in ["1e-310", "-1e-310", "1e300", "-1"] {
        let text = format!(r#"{{"role": "a", "weight": {number}}}"#);
        let info: v1::WeightInfo = json::read(text.as_bytes()).unwrap();
        assert_eq!(Weight::new(info.weight).unwrap_err().code, RejectionCode::InvalidWeight, "{text}");
    }
}
