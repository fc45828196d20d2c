//! One case for each rule about tasks.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::health::{Check, CheckInfo, HealthCheck};
use mesos_core::resource::{Disk, Reservation, Reservations, Resource, Scalar};
use mesos_core::{Limit, PersistenceId, Role};

use super::*;

fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

fn volume(size: u32, id: &str) -> Resource {
    let stack = Reservations::new([Reservation::dynamic(Role::new("web").unwrap(), None)]).unwrap();
    let disk = Disk::volume(PersistenceId::new(id).unwrap(), None, "data");
    Resource::disk(Scalar::from_units(size)).with_reservations(stack).with_disk(disk)
}

fn bag(entries: impl IntoIterator<Item = Resource>) -> Resources {
    Resources::from_entries(entries).unwrap()
}

fn offered() -> Resources {
    let revocable = Resource::cpus(Scalar::from_units(2)).revocable();
    let shared = volume(7, "shared").shared();
    resources("cpus:4;mem:1024;disk:100;gpus:2;ports:[1000-1009];zones:{a,b}")
        + bag([revocable, volume(5, "v"), volume(6, "v"), shared.clone(), shared])
}

fn task() -> TaskInfo {
    TaskInfo::shell(TaskId::new("t1").unwrap(), agent("a1"), resources("cpus:1;mem:64"), "sleep 1")
}

fn executor(uses: &str) -> ExecutorInfo {
    ExecutorInfo::new(ExecutorId::new("e1").unwrap(), "custom", resources(uses))
}

fn judge(task: &TaskInfo, existing: Option<&ExecutorInfo>) -> Result<Resources, Rejection> {
    let can = BTreeSet::from([AgentCapability::TaskResourceLimits]);
    validate_task(task, &agent("a1"), &can, existing, &offered())
}

fn command(task: &mut TaskInfo) -> &mut CommandInfo {
    match &mut task.run {
        TaskRun::Command(command) => command,
        _ => panic!("this task has a command"),
    }
}

fn refuses(says: &str, task: &TaskInfo, existing: Option<&ExecutorInfo>) {
    let refused = judge(task, existing).expect_err(says);
    assert_eq!(refused.code, RejectionCode::InvalidTask);
    assert!(refused.what.contains(says), "{refused} does not say {says:?}");
    assert!(refused.to_string().len() < 2_048, "a refusal stays short");
}

#[test]
fn every_rule_of_a_task_has_its_case() {
    type Spoil = fn(&mut TaskInfo);
    let table: [(&str, Spoil); 19] = [
        ("meant for agent a2", |task| task.agent_id = agent("a2")),
        ("the name take", |task| task.name = "n".repeat(NAME_BYTES_MAX + 1).into()),
        ("the labels take", |task| drop(task.labels.insert("k".into(), "v".repeat(LABELS_BYTES_MAX).into()))),
        ("the data take", |task| task.data = vec![0; DATA_BYTES_MAX + 1].into()),
        ("kill policy", |task| task.kill_policy.grace = Some(Duration::MAX)),
        ("to completion", |task| task.max_completion_time = Some(Duration::from_secs(1 << 40))),
        ("limit of 0.5 cpus is below the 1", |task| {
            task.limits.cpus = Some(Limit::Amount(Scalar::from_milli(500)));
        }),
        ("without mem among", |task| {
            (task.resources, task.limits.mem) = (resources("cpus:1"), Some(Limit::Infinite));
        }),
        ("no resources", |task| task.resources = Resources::new()),
        ("whole ones", |task| task.resources += resources("gpus:0.5")),
        ("both revocable and not", |task| {
            task.resources += bag([Resource::cpus(Scalar::from_units(1)).revocable()]);
        }),
        ("named twice", |task| task.resources += bag([volume(5, "v"), volume(6, "v")])),
        ("named twice", |task| task.resources += bag([volume(7, "shared").shared(), volume(7, "shared").shared()])),
        ("the resources take", |task| {
            let items: Vec<String> = (0..5_000).map(|n| format!("item{n}")).collect();
            task.resources += resources(&format!("zones:{{{}}}", items.join(",")));
        }),
        ("but the offers hold", |task| task.resources += resources("cpus:3.001")),
        ("but the offers hold", |task| task.resources += resources("ports:[1009-1010]")),
        ("but the offers hold", |task| task.resources += resources("zones:{c}")),
        ("but the offers hold", |task| task.resources += resources("fpgas:1")),
        ("but the offers hold", |task| task.resources += bag([volume(5, "other")])),
    ];
    for (says, spoil) in table {
        let mut task = task();
        spoil(&mut task);
        refuses(says, &task, None);
    }
}

#[test]
fn root_is_found_wherever_a_task_names_it() {
    assert_eq!(validate_users(&task()), Ok(()));
    let user = |user: &str| {
        let mut command = CommandInfo::shell("true");
        command.user = Some(user.into());
        command
    };
    let custom =
        |user: CommandInfo| Arc::new(ExecutorInfo::custom(ExecutorId::new("e1").unwrap(), user, resources("cpus:0.1")));
    let group = task().id;
    let in_group = |executor: &str, own: &str| {
        let (group, executor, command) = (group.clone(), custom(user(executor)), Some(user(own)));
        TaskRun::InGroup { group, executor, command }
    };
    let judge = |task: &TaskInfo| validate_users(task).map_err(|why| why.what);
    let refused = Err("task t1: User 'root' is not allowed to run tasks without root submissions".to_owned());
    for (run, is_root) in [
        (TaskRun::Command(user("other")), false),
        (TaskRun::Command(user("root")), true),
        (TaskRun::Executor(custom(user("other"))), false),
        (TaskRun::Executor(custom(user("root"))), true),
        (in_group("other", "other"), false),
        (in_group("other", "root"), true),
        (in_group("root", "other"), true),
    ] {
        let mut task = task();
        task.run = run;
        assert_eq!(judge(&task), if is_root { refused.clone() } else { Ok(()) }, "{:?}", task.run);
    }
    let mut checked = task();
    let check = Check::Command(Box::new(user("root")));
    checked.health_check = Some(Arc::new(HealthCheck::new(check.clone())));
    assert_eq!(judge(&checked), refused);
    checked.health_check = None;
    checked.check = Some(Arc::new(CheckInfo::new(check)));
    assert_eq!(judge(&checked), refused);
}

#[test]
fn what_a_valid_task_takes_is_what_it_names() {
    assert_eq!(judge(&task(), None), Ok(resources("cpus:1;mem:64")));
    let mut task = task();
    task.resources = resources("cpus:4;gpus:2;ports:[1000-1009];zones:{a}") + bag([volume(5, "v")]);
    assert_eq!(judge(&task, None), Ok(task.resources.clone()));
    task.resources = bag([Resource::cpus(Scalar::from_units(2)).revocable(), volume(7, "shared").shared()]);
    assert_eq!(judge(&task, None), Ok(task.resources.clone()));
}

#[test]
fn limits_are_for_agents_that_know_them_and_cost_nothing() {
    let mut task = task();
    task.limits.cpus = Some(Limit::Amount(Scalar::from_units(400)));
    task.limits.mem = Some(Limit::Infinite);
    assert_eq!(judge(&task, None), Ok(task.resources.clone()));
    let refused = validate_task(&task, &agent("a1"), &BTreeSet::new(), None, &offered()).unwrap_err();
    assert!(refused.what.contains("agent a1 does not know"), "{refused}");
}

#[test]
fn every_rule_of_a_command_has_its_case() {
    type Spoil = fn(&mut CommandInfo);
    let table: [(&str, Spoil); 19] = [
        ("command is empty", |command| command.run = Run::Shell("".into())),
        ("command is empty", |command| command.run = Run::Shell(" \n".into())),
        ("command is empty", |command| command.run = CommandInfo::exec("", ["x"]).run),
        ("the command holds a NUL", |command| command.run = Run::Shell("a\0b".into())),
        ("the command holds a NUL", |command| command.run = CommandInfo::exec("a\0", ["x"]).run),
        ("an argument holds a NUL", |command| command.run = CommandInfo::exec("a", ["x\0"]).run),
        ("the command take", |command| command.run = Run::Shell("x".repeat(ARGUMENT_BYTES_MAX + 1).into())),
        ("an argument take", |command| command.run = CommandInfo::exec("a", ["x".repeat(ARGUMENT_BYTES_MAX + 1)]).run),
        ("all parts", |command| command.run = CommandInfo::exec("a", vec![""; COMMAND_BYTES_MAX]).run),
        ("is not the name", |command| drop(command.environment.insert("".into(), "x".into()))),
        ("is not the name", |command| drop(command.environment.insert("A=B".into(), "x".into()))),
        ("the name of an env", |command| drop(command.environment.insert("A\0".into(), "x".into()))),
        ("the value of an env", |command| drop(command.environment.insert("A".into(), "\0".into()))),
        ("name and value", |command| {
            command.environment.insert("A".into(), "x".repeat(ARGUMENT_BYTES_MAX).into());
        }),
        ("the user", |command| command.user = Some("a\0".into())),
        ("in the sandbox", |command| command.working_dir = Some("".into())),
        ("in the sandbox", |command| command.working_dir = Some("/etc".into())),
        ("in the sandbox", |command| command.working_dir = Some("a/../../b".into())),
        ("the working directory", |command| command.working_dir = Some("a\0".into())),
    ];
    for (says, spoil) in table {
        let mut task = task();
        spoil(command(&mut task));
        refuses(says, &task, None);
    }
    let mut task = task();
    *command(&mut task) = CommandInfo::exec("web", ["", "--port=1000"]).env("A", "").env("B.c", "=");
    command(&mut task).working_dir = Some("./data".into());
    assert!(judge(&task, None).is_ok());
}

#[test]
fn every_rule_of_an_executor_has_its_case() {
    type Spoil = fn(&mut ExecutorInfo);
    let table: [(&str, Spoil); 16] = [
        ("its kind is", |executor| executor.run = ExecutorRun::BuiltIn("".into())),
        ("its kind is", |executor| executor.run = ExecutorRun::BuiltIn(ExecutorInfo::COMMAND.into())),
        ("the kind take", |executor| executor.run = ExecutorRun::BuiltIn("k".repeat(NAME_BYTES_MAX + 1).into())),
        ("the name take", |executor| executor.name = "n".repeat(NAME_BYTES_MAX + 1).into()),
        ("its command is empty", |executor| executor.run = ExecutorRun::Custom(CommandInfo::shell(" "))),
        ("the labels take", |executor| drop(executor.labels.insert("k".into(), "v".repeat(LABELS_BYTES_MAX).into()))),
        ("the data take", |executor| executor.data = vec![0; DATA_BYTES_MAX + 1].into()),
        ("grace of its shutdown", |executor| executor.shutdown_grace = Some(Duration::MAX)),
        ("whole ones", |executor| executor.resources = resources("gpus:1.5")),
        ("both revocable and not", |executor| {
            executor.resources += bag([Resource::cpus(Scalar::from_units(1)).revocable()]);
        }),
        ("shared resources", |executor| executor.resources = bag([volume(7, "shared").shared()])),
        ("and its executor", |executor| executor.resources = resources("cpus:3.5")),
        // What the task has is not there a second time.
        ("and its executor", |executor| executor.resources = resources("ports:[1000-1000]")),
        ("and its executor", |executor| executor.resources = resources("zones:{a,b}")),
        ("and its executor", |executor| executor.resources = resources("fpgas:1")),
        ("and its executor", |executor| executor.resources = bag([volume(5, "v")])),
    ];
    for (says, spoil) in table {
        let mut executor = executor("cpus:0.5");
        spoil(&mut executor);
        let mut task = task();
        task.resources += resources("ports:[1000-1001];zones:{a}") + bag([volume(5, "v")]);
        task.run = TaskRun::Executor(Arc::new(executor));
        refuses(says, &task, None);
    }
}

#[test]
fn an_executor_is_charged_once() {
    let executor = executor("cpus:3;mem:32;ports:[1009-1009]");
    let mut task = task();
    task.run = TaskRun::Executor(Arc::new(executor.clone()));
    assert_eq!(judge(&task, None), Ok(resources("cpus:4;mem:96;ports:[1009-1009]")));
    task.resources = resources("cpus:4");
    assert_eq!(judge(&task, Some(&executor)), Ok(resources("cpus:4")));
    refuses("and its executor", &task, None);
}

#[test]
fn one_executor_has_one_description() {
    let mut task = task();
    task.run = TaskRun::Executor(Arc::new(executor("cpus:0.5")));
    refuses("another description", &task, Some(&executor("cpus:0.4")));
}

#[test]
fn a_command_does_not_take_the_name_of_an_executor() {
    refuses("an executor of this name", &task(), Some(&executor("cpus:0.5")));
}
