//! Every planted defect of the agent shows in a trace: one that changed nothing could not be found by anybody.

use mesos_core::kernel::Mutant;

use super::agent::Options;
use super::world::{SECOND, World, command, puppet};

/// What the agent asks for and still holds in one rich life.
fn life(mutant: Option<Mutant>) -> (Vec<String>, usize) {
    let mut w = World::registered_with(Options { mutant, ..Options::default() });
    w.run(puppet("t1"));
    w.tell("say t1 STARTING");
    w.tell("say t1 RUNNING");
    w.say(mesos_core::call::agent::ToAgent::Acknowledge {
        framework_id: super::world::framework_id(),
        task_id: super::world::task_id("t1"),
        uuid: mesos_core::UpdateId(1),
    });
    w.run(command("t2"));
    w.launched("t2");
    w.exited("t2", 1);
    w.pass(11 * SECOND);
    w.come_back();
    w.is_disk_slow = true;
    w.run(command("t3"));
    w.kill("t3");
    w.flush();
    (w.log, w.agent.unacknowledged_updates())
}

#[test]
fn every_defect_of_the_agent_shows() {
    let sane = life(None);
    for mutant in [
        Mutant::SendPastHead,
        Mutant::NeverRetryUpdate,
        Mutant::AcknowledgeAnything,
        Mutant::SwallowExit,
        Mutant::ReregisterWithoutTasks,
        Mutant::ForgetEarlyKill,
    ] {
        assert_ne!(life(Some(mutant)), sane, "{mutant:?} changes nothing");
    }
    assert_eq!(life(Some(Mutant::EternalFilter)), sane, "a defect of another machine is none here");
}
