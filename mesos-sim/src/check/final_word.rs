//! What a master says is over for good is over: after its `GONE` or `GONE_BY_OPERATOR` a framework never hears of the task
//! while the task is alive.
//!
//! Source: Apache Mesos, `docs/task-state-reasons.md` (terminal states), and its tickets about tasks called lost before their
//! true end (MESOS-1389, MESOS-217). Other than `UNREACHABLE` and `LOST` these states promise that the task will not come
//! back, so that a framework may start another in its place.
//!
//! Only a master's own word counts: news without a uuid about a task that it does not hold. Of a task that really is over a
//! framework may still hear older news: they come in order, and none is left out.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::call::ConnId;
use mesos_core::call::scheduler::Event;
use mesos_core::{FrameworkId, TaskId, TaskState};
use mesos_exec::agent::Agent;
use mesos_sched::master::{Effect, Master};

use super::inbox::Inbox;
use super::{Check, Step, Stepped};
use crate::world::World;

type Key = (FrameworkId, TaskId);

/// See the [module](self).
#[derive(Debug, Default)]
pub struct FinalWord {
    /// Whose connection is whose.
    subscribed: BTreeMap<ConnId, FrameworkId>,
    /// What masters said of themselves.
    said: BTreeSet<Key>,
    /// What frameworks heard of that.
    heard: BTreeSet<Key>,
    inbox: Inbox,
}

impl Check for FinalWord {
    fn name(&self) -> &'static str {
        "final_word"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Master { machine, effects, .. } => self.say(machine, effects),
            Stepped::Framework { node, machine, input, .. } => {
                let Some(status) = self.inbox.update(node, input) else { return Ok(()) };
                let Some(framework) = machine.framework_id() else { return Ok(()) };
                let key = (framework.clone(), status.task_id.clone());
                if is_over(status.state) && status.uuid.is_none() && self.said.contains(&key) {
                    self.heard.insert(key);
                } else if is_alive(status.state) && self.heard.contains(&key) && runs(step.world, &key) {
                    let (task, state) = (&status.task_id, status.state);
                    return Err(format!(
                        "framework {framework} hears {state} of task {task} after a master told it that it is gone"
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl FinalWord {
    fn say(&mut self, master: &Master, effects: &[Effect]) {
        for effect in effects {
            let Effect::ToScheduler { conn, event, .. } = effect else { continue };
            match event {
                Event::Subscribed { framework_id, .. } => drop(self.subscribed.insert(*conn, framework_id.clone())),
                Event::Update(status) if is_over(status.state) && status.uuid.is_none() => {
                    let Some(framework) = self.subscribed.get(conn) else { continue };
                    if master.task(framework, &status.task_id).is_none() {
                        self.said.insert((framework.clone(), status.task_id.clone()));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether an agent has the task and it has not ended.
fn runs(world: &World, (framework, task): &Key) -> bool {
    let machines = world.agents().filter_map(|view| view.machine);
    machines
        .flat_map(Agent::tasks)
        .any(|own| own.framework_id == framework && own.task_id == task && !own.state.is_terminal())
}

const fn is_over(state: TaskState) -> bool {
    matches!(state, TaskState::Gone | TaskState::GoneByOperator)
}

const fn is_alive(state: TaskState) -> bool {
    matches!(state, TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing)
}
