//! Tasks in and out.

use std::sync::Arc;

use mesos_core::call::agent::ToAgent;
use mesos_core::{ExecutorInfo, FrameworkInfo, Limit, Resources, Scalar, TaskInfo, TaskRun, TaskState};

use super::agent::Options;
use super::world::{SECOND, World, command, framework, puppet, run_of};

#[test]
fn a_command_runs_from_its_launch_to_its_acknowledged_end_and_leaves_nothing() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.expect(["launch t1", "update t1 STARTING"]);
    w.launched("t1");
    w.expect(["wait t1"]);
    w.ack("t1");
    w.expect(["update t1 RUNNING"]);
    assert_eq!(w.keys().len(), 6, "{:?}", w.keys());
    w.exited("t1", 0);
    w.ack("t1");
    w.expect(["update t1 FINISHED"]);
    assert!(w.agent.tasks().all(|task| task.is_terminal_unacknowledged));
    w.ack("t1");
    w.expect([]);
    assert_eq!(w.keys(), ["agent"]);
    assert_eq!((w.agent.tasks().count(), w.agent.executor_count(), w.agent.running_containers().count()), (0, 0, 0));
}

#[test]
fn what_a_task_may_use_beyond_what_it_is_given_comes_to_its_container() {
    let mut w = World::registered();
    let mut task = command("t1");
    task.limits.cpus = Some(Limit::Amount(Scalar::from_units(2)));
    w.run(task);
    assert_eq!(w.spec.as_ref().unwrap().limits.cpus, Some(Limit::Amount(Scalar::from_units(2))));
}

#[test]
fn a_task_is_durable_before_anything_of_it_starts() {
    let mut w = World::registered();
    w.is_disk_slow = true;
    w.run(command("t1"));
    w.expect(["write +framework/f1 +task/f1/t1"]);
    w.flush();
    w.expect(["write +update/f1/t1/0", "write +container/t1", "launch t1", "update t1 STARTING"]);
}

#[test]
fn nothing_is_written_for_a_framework_that_does_not_checkpoint() {
    let mut w = World::registered();
    w.is_disk_slow = true;
    let mut framework = framework();
    framework.checkpoint = false;
    w.say(run_of(&framework, command("t1")));
    w.launched("t1");
    w.exited("t1", 0);
    for _ in 0..3 {
        w.ack("t1");
    }
    w.expect(["update t1 STARTING", "launch t1", "wait t1", "update t1 RUNNING latest FINISHED", "update t1 FINISHED"]);
}

#[test]
fn a_task_that_is_known_never_runs_twice() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.log.clear();
    w.run(command("t1"));
    w.expect([]);
    w.launched("t1");
    w.exited("t1", 0);
    w.run(command("t1"));
    assert_eq!(w.state("t1"), Some(TaskState::Finished));
}

#[test]
fn a_task_for_another_agent_is_refused() {
    let mut w = World::registered();
    let agent_id = mesos_core::AgentId::new("a2").unwrap();
    w.run(TaskInfo::shell(super::world::task_id("t1"), agent_id, Resources::new(), "true"));
    w.expect(["update t1 ERROR TaskInvalid"]);
    w.ack("t1");
    assert_eq!((w.keys(), w.agent.unacknowledged_updates()), (vec!["agent"], 0));
}

#[test]
fn an_unknown_kind_of_executor_is_refused_with_the_known_ones() {
    let mut w = World::registered();
    let mut task = puppet("t1");
    let info = ExecutorInfo::new(mesos_core::ExecutorId::new("e1").unwrap(), "jvm", Resources::new());
    task.run = TaskRun::Executor(Arc::new(info));
    w.run(task);
    w.expect(["update t1 FAILED ContainerLaunchFailed"]);
    let message = w.updates[0].1.message.clone().unwrap();
    assert!(message.contains("command, default, puppet"), "{message}");
}

#[test]
fn two_tasks_share_an_executor_only_when_they_describe_it_alike() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    w.run(puppet("t2"));
    let mut task = puppet("t3");
    let mut info = ExecutorInfo::new(mesos_core::ExecutorId::new("e1").unwrap(), "puppet", Resources::new());
    info.data = b"else".as_slice().into();
    task.run = TaskRun::Executor(Arc::new(info));
    w.run(task);
    w.expect(["message got t1", "message got t2", "update t3 ERROR TaskInvalid"]);
    assert_eq!(w.agent.executor_count(), 1);
}

#[test]
fn every_bound_drops_what_is_beyond_it() {
    let per_executor = Options { tasks_per_executor_max: 1, ..Options::default() };
    let total = Options { tasks_max: 1, ..Options::default() };
    let queued = Options { queued_tasks_max: 1, ..Options::default() };
    for (options, is_disk_slow) in [(per_executor, false), (total, false), (queued, true)] {
        let mut w = World::registered_with(options);
        w.is_disk_slow = is_disk_slow;
        w.run(puppet("t1"));
        w.log.clear();
        w.run(puppet("t2"));
        w.expect(["update t2 DROPPED QueueFull"]);
    }
}

#[test]
fn frameworks_that_are_not_partition_aware_hear_lost() {
    let options = Options { tasks_max: 1, ..Options::default() };
    let mut w = World::registered_with(options);
    w.run(puppet("t0"));
    w.log.clear();
    let mut framework: FrameworkInfo = framework();
    framework.capabilities.clear();
    w.say(run_of(&framework, command("t1")));
    w.expect(["update t1 LOST QueueFull"]);
}

#[test]
fn a_kill_before_the_executor_has_the_task_is_its_end() {
    let mut w = World::registered();
    w.is_disk_slow = true;
    w.run(puppet("t1"));
    w.kill("t1");
    w.log.clear();
    w.flush();
    w.expect(["update t1 KILLED TaskKilledDuringLaunch"]);
    assert_eq!(w.agent.executor_count(), 0, "an executor nobody needs ends");
}

#[test]
fn a_kill_takes_its_own_grace_else_the_tasks_else_the_default() {
    let mut w = World::registered();
    w.run(puppet("t1"));
    let mut patient = puppet("t2");
    patient.kill_policy.grace = Some(30 * SECOND);
    w.run(patient);
    w.log.clear();
    w.kill("t1");
    w.kill("t2");
    w.kill_within("t2", Some(SECOND));
    w.expect(["message kill t1 3s", "message kill t2 30s", "message kill t2 1s"]);
}

#[test]
fn a_kill_of_an_unknown_task_is_ignored() {
    let mut w = World::registered();
    w.kill("t1");
    w.expect([]);
}

#[test]
fn a_killed_command_is_asked_then_forced() {
    let mut w = World::registered();
    w.run(command("t1"));
    w.launched("t1");
    w.log.clear();
    w.kill("t1");
    w.expect(["signal t1 Terminate"]);
    w.pass(3 * SECOND);
    w.expect(["signal t1 Kill"]);
    w.exited("t1", 0);
    assert_eq!(w.state("t1"), Some(TaskState::Killed));
}

#[test]
fn nothing_is_run_for_a_master_that_has_not_registered_the_agent() {
    let mut w = World::registered();
    w.disconnect();
    w.wake();
    w.connected();
    w.log.clear();
    w.run(command("t1"));
    w.say(ToAgent::SetTotal { total: Resources::new() });
    w.expect([]);
}
