//! One case for each rule about agents.

use std::sync::Arc;

use mesos_core::call::agent::{ExecutorReport, TaskReport};
use mesos_core::resource::{DiskSource, Reservation, Scalar};
use mesos_core::{
    AgentId, CommandInfo, ExecutorInfo, ExecutorRun, FrameworkInfo, PersistenceId, Role, TaskInfo, TaskRun, TaskState,
};

use super::super::bound::{ARGUMENT_BYTES_MAX, DATA_BYTES_MAX, LABELS_BYTES_MAX, NAME_BYTES_MAX};
use super::*;

fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

fn role(text: &str) -> Role {
    Role::new(text).unwrap()
}

fn reserved(text: &str, to: &str) -> Resources {
    resources(text).push_reservation(&Reservation::dynamic(role(to), None)).unwrap()
}

fn disk_of(role_name: &str, size: u32, id: Option<&str>) -> Resource {
    let stack = Reservations::new([Reservation::dynamic(role(role_name), None)]).unwrap();
    let plain = Resource::disk(Scalar::from_units(size)).with_reservations(stack);
    match id {
        None => plain,
        Some(id) => plain.with_disk(Disk::volume(PersistenceId::new(id).unwrap(), None, "data")),
    }
}

fn bag(entries: impl IntoIterator<Item = Resource>) -> Resources {
    Resources::from_entries(entries).unwrap()
}

const ALL: &str = "cpus:4;mem:1024;disk:1000;ports:[1000-1999];zones:{a,b}";

fn info() -> AgentInfo {
    AgentInfo::new("host1", resources(ALL))
}

#[test]
fn every_rule_of_a_description_has_its_case() {
    type Spoil = fn(&mut AgentInfo);
    let table: [(&str, Spoil); 8] = [
        ("host name", |info| info.hostname = "".into()),
        ("host name", |info| info.hostname = "h".repeat(HOSTNAME_BYTES_MAX + 1).into()),
        ("host name", |info| info.hostname = "a b".into()),
        ("port is 0", |info| info.port = 0),
        ("attributes", |info| {
            info.attributes = format!("rack:{}", "r".repeat(AGENT_TEXT_BYTES_MAX)).parse().unwrap();
        }),
        ("run time only", |info| info.resources += reserved("cpus:1", "web")),
        ("run time only", |info| info.resources += bag([disk_of("web", 5, Some("v"))])),
        ("run time only", |info| info.resources += bag([Resource::cpus(Scalar::from_units(1)).revocable()])),
    ];
    assert_eq!(validate_agent(&info(), &info().resources), Ok(()));
    for (says, spoil) in table {
        let mut info = info();
        spoil(&mut info);
        let refused = validate_agent(&info, &info.resources).unwrap_err();
        assert_eq!(refused.code, RejectionCode::InvalidAgent);
        assert!(refused.what.contains(says), "{refused} does not say {says:?}");
        assert!(refused.to_string().len() < 2_048, "a refusal stays short");
    }
}

#[test]
fn a_total_in_other_forms_is_the_same_total() {
    let twice = reserved("cpus:1", "eng").push_reservation(&Reservation::dynamic(role("eng/web"), None)).unwrap();
    let volume = disk_of("web", 300, Some("v1"));
    let shared = disk_of("web", 200, Some("v2")).shared();
    let total = resources("cpus:2;mem:1024;disk:400;ports:[1000-1499];zones:{a}")
        + twice
        + reserved("cpus:1;zones:{b};ports:[1500-1999]", "web")
        + bag([disk_of("web", 100, None), volume, shared.clone(), shared]);
    assert_eq!(validate_agent(&info(), &total), Ok(()));
}

#[test]
fn an_exclusive_disk_stays_itself_as_a_volume() {
    let source = DiskSource::mount("/mnt/d1");
    let mut info = info();
    info.resources += bag([Resource::disk(Scalar::from_units(50)).with_disk(Disk::from_source(source.clone()))]);
    let stack = Reservations::new([Reservation::dynamic(role("web"), None)]).unwrap();
    let volume = Disk::volume(PersistenceId::new("v").unwrap(), None, "data").on(source);
    let volume = Resource::disk(Scalar::from_units(50)).with_reservations(stack).with_disk(volume);
    assert_eq!(validate_agent(&info, &(resources(ALL) + bag([volume.clone()]))), Ok(()));
    let on_the_wrong_disk = resources("cpus:4;mem:1024;disk:950;ports:[1000-1999];zones:{a,b}") + bag([volume]);
    assert!(validate_agent(&info, &on_the_wrong_disk).is_err());
}

#[test]
fn a_total_that_does_not_come_of_what_was_declared_is_refused() {
    for (says, total) in [
        ("\"cpus:1\"", resources("cpus:5;mem:1024;disk:1000;ports:[1000-1999];zones:{a,b}")),
        ("\"mem:1\"", resources("cpus:4;mem:1023;disk:1000;ports:[1000-1999];zones:{a,b}")),
        ("[1000-1000]", resources("cpus:4;mem:1024;disk:1000;ports:[1001-2000];zones:{a,b}")),
        ("{b}", resources("cpus:4;mem:1024;disk:1000;ports:[1000-1999];zones:{a,c}")),
        ("cpus(web)", resources("cpus:3;cpus(web):1;mem:1024;disk:1000;ports:[1000-1999];zones:{a,b}")),
        ("cpus{revocable}:1", resources(ALL) + bag([Resource::cpus(Scalar::from_units(1)).revocable()])),
    ] {
        let refused = validate_agent(&info(), &total).unwrap_err();
        assert!(refused.what.contains("does not come of") && refused.what.contains(says), "{refused}: {says}");
    }
}

#[test]
fn nothing_is_there_twice() {
    let twice = [
        ("1500 of ports", resources(ALL) + reserved("ports:[1500-1509]", "web")),
        ("b of zones", resources(ALL) + reserved("zones:{b}", "web")),
        ("two volumes", resources(ALL) + bag([disk_of("web", 10, Some("v")), disk_of("web", 20, Some("v"))])),
    ];
    for (says, total) in twice {
        let refused = validate_agent(&info(), &total).unwrap_err();
        assert!(refused.what.contains(says), "{refused} does not say {says:?}");
    }
    let two_roles = bag([disk_of("web", 10, Some("v")), disk_of("db", 20, Some("v"))]);
    let total = resources("cpus:4;mem:1024;disk:970;ports:[1000-1999];zones:{a,b}") + two_roles;
    assert_eq!(validate_agent(&info(), &total), Ok(()), "a persistence id is unique per role only");
}

#[test]
fn resources_are_bounded() {
    let ports: Vec<String> = (0..6_000).map(|n| format!("{}-{}", n * 10, n * 10 + 1)).collect();
    let many = resources(&format!("ports:[{}]", ports.join(",")));
    let declares_much = AgentInfo::new("h", many.clone());
    for (info, total) in [(&declares_much, &resources("cpus:1")), (&info(), &many)] {
        assert!(validate_agent(info, total).unwrap_err().what.contains("resources take"));
    }
}

fn id() -> AgentId {
    AgentId::new("a1").unwrap()
}

fn framework_id() -> FrameworkId {
    FrameworkId::new("f1").unwrap()
}

fn task(name: &str, uses: &str, state: TaskState) -> TaskReport {
    let info = TaskInfo::shell(TaskId::new(name).unwrap(), id(), resources(uses), "true");
    TaskReport { framework_id: framework_id(), role: role("web"), info: info.into(), state, told: None }
}

fn executor(name: &str, uses: &str) -> ExecutorReport {
    let info = ExecutorInfo::new(ExecutorId::new(name).unwrap(), "custom", resources(uses));
    ExecutorReport { framework_id: framework_id(), role: role("web"), info: info.into() }
}

fn report() -> Reregistration {
    let mut framework = FrameworkInfo::new("f", role("web"));
    framework.id = Some(framework_id());
    Reregistration {
        agent_id: id(),
        info: Arc::new(info()),
        total: resources(ALL),
        frameworks: [(framework_id(), Arc::new(framework))].into(),
        tasks: vec![
            task("t1", "cpus:2;mem:512;ports:[1000-1001]", TaskState::Running),
            task("t2", "cpus:4;mem:1024", TaskState::Finished),
        ],
        executors: vec![executor("e1", "cpus:1;mem:512;ports:[1002-1002]")],
        operations: Vec::new(),
    }
}

#[test]
fn every_rule_of_a_return_has_its_case() {
    type Spoil = fn(&mut Reregistration);
    let table: [(&str, Spoil); 12] = [
        ("came back at host2:5051", |report| Arc::make_mut(&mut report.info).hostname = "host2".into()),
        ("came back at host1:1", |report| Arc::make_mut(&mut report.info).port = 1),
        ("back with cpus:4.5;mem:1024", |report| report.total += resources("cpus:0.5")),
        ("ports:[1-1,1000-1999];zones:{a,b}, which is more", |report| report.total += resources("ports:[1-1]")),
        ("framework f2", |report| {
            let info = report.frameworks[&framework_id()].clone();
            report.frameworks.insert(FrameworkId::new("f2").unwrap(), info);
        }),
        ("meant for agent a2", |report| {
            let info = Arc::make_mut(&mut report.tasks[0].info);
            info.agent_id = AgentId::new("a2").unwrap();
        }),
        ("task t1 is reported twice", |report| report.tasks.push(report.tasks[0].clone())),
        ("executor e1 is reported twice", |report| report.executors.push(report.executors[0].clone())),
        ("t3 uses", |report| report.tasks.push(task("t3", "cpus:1.5", TaskState::Staging))),
        ("t3 uses", |report| report.tasks.push(task("t3", "ports:[1002-1002]", TaskState::Running))),
        ("t3 uses", |report| report.tasks.push(task("t3", "gpus:1", TaskState::Running))),
        ("t2 uses", |report| report.tasks[1].state = TaskState::Running),
    ];
    assert_eq!(validate_reregistration(&info(), &report()), Ok(()));
    for (says, spoil) in table {
        let mut report = report();
        spoil(&mut report);
        let refused = validate_reregistration(&info(), &report).unwrap_err();
        assert_eq!(refused.code, RejectionCode::InvalidAgent);
        assert!(refused.what.contains(says), "{refused} does not say {says:?}");
    }
}

#[test]
fn an_agent_may_come_back_with_less() {
    let mut report = report();
    report.total = resources("cpus:3;mem:1024;ports:[1000-1002]");
    assert_eq!(validate_reregistration(&info(), &report), Ok(()));
}

#[test]
fn a_shared_volume_is_used_by_many_but_must_be_there() {
    let volume = bag([disk_of("web", 10, Some("v")).shared()]);
    let mut report = report();
    for name in ["s1", "s2"] {
        let mut task = task(name, "cpus:0.1", TaskState::Running);
        Arc::make_mut(&mut task.info).resources += &volume;
        report.tasks.push(task);
    }
    assert!(validate_reregistration(&info(), &report).is_err());
    report.total = resources("cpus:4;mem:1024;disk:990;ports:[1000-1999];zones:{a,b}") + volume;
    assert_eq!(validate_reregistration(&info(), &report), Ok(()));
}

/// What is booked from a report takes no more room than what is booked from an offer.
#[test]
fn every_description_is_judged_as_at_its_launch() {
    type Spoil = fn(&mut TaskInfo, &mut ExecutorInfo);
    let table: [(&str, Spoil); 9] = [
        ("task t1: the name take", |task, _| task.name = "n".repeat(NAME_BYTES_MAX + 1).into()),
        ("the labels take", |task, _| drop(task.labels.insert("k".into(), "v".repeat(LABELS_BYTES_MAX).into()))),
        ("task t1: the data take", |task, _| task.data = vec![0; DATA_BYTES_MAX + 1].into()),
        ("the command take", |task, _| {
            task.run = TaskRun::Command(CommandInfo::shell("x".repeat(ARGUMENT_BYTES_MAX + 1)));
        }),
        ("NUL", |task, _| task.run = TaskRun::Command(CommandInfo::shell("a\0b"))),
        ("executor own of task t1: the data take", |task, executor| {
            let mut own = executor.clone();
            own.id = ExecutorId::new("own").unwrap();
            own.data = vec![0; DATA_BYTES_MAX + 1].into();
            task.run = TaskRun::Executor(own.into());
        }),
        ("executor e1: the kind take", |_, executor| {
            executor.run = ExecutorRun::BuiltIn("k".repeat(NAME_BYTES_MAX + 1).into())
        }),
        ("executor e1: the data take", |_, executor| executor.data = vec![0; DATA_BYTES_MAX + 1].into()),
        ("executor e1: its kind is", |_, executor| executor.run = ExecutorRun::BuiltIn(ExecutorInfo::COMMAND.into())),
    ];
    for (says, spoil) in table {
        let mut report = report();
        let (mut task, mut executor) = ((*report.tasks[0].info).clone(), (*report.executors[0].info).clone());
        spoil(&mut task, &mut executor);
        report.tasks[0].info = task.into();
        report.executors[0].info = executor.into();
        let refused = validate_reregistration(&info(), &report).expect_err(says);
        assert_eq!(refused.code, RejectionCode::InvalidAgent);
        assert!(refused.what.contains(says), "{refused} does not say {says:?}");
        assert!(refused.to_string().len() < 2_048, "a refusal stays short");
    }
}

#[test]
fn what_a_task_may_take_to_end_was_settled_at_its_launch() {
    let mut report = report();
    let mut task = (*report.tasks[0].info).clone();
    task.kill_policy.grace = Some(std::time::Duration::MAX);
    report.tasks[0].info = task.into();
    assert_eq!(validate_reregistration(&info(), &report), Ok(()));
}

#[test]
fn a_report_is_bounded() {
    let mut report = report();
    let ended = report.tasks.remove(1);
    report.tasks = vec![ended; REPORT_ENTRIES_MAX];
    let refused = validate_reregistration(&info(), &report).unwrap_err();
    assert!(refused.what.contains("it reports 500002"), "{refused}");
}
