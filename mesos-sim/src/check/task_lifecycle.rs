//! A task's states only move forward, and an end is final.
//!
//! ```text
//!   STAGING ──▶ STARTING ──▶ RUNNING ──▶ KILLING ──▶ an end
//! ```
//!
//! Source: Apache Mesos, `docs/task-state-reasons.md`; the chapter on words of our own docs. Looked at are the updates that
//! carry a uuid, which are the agent's word, and the leading master's books. What the master says itself is about its
//! *knowledge* and may go back: `UNREACHABLE` and `LOST` before the task turns up again, `GONE_BY_OPERATOR` before nothing.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::call::agent::ToMaster;
use mesos_core::{FrameworkCapability, FrameworkId, TaskId, TaskState};
use mesos_sched::master::{self, Master};

use super::inbox::Inbox;
use super::{Check, Step, Stepped};
use crate::node::NodeId;

type Key = (FrameworkId, TaskId);

/// See the [module](self).
#[derive(Debug, Default)]
pub struct TaskLifecycle {
    /// The newest state each framework was told by an agent.
    told: BTreeMap<Key, TaskState>,
    /// Tasks whose end the running process of each master was told.
    ended: BTreeMap<NodeId, BTreeSet<Key>>,
    inbox: Inbox,
}

impl Check for TaskLifecycle {
    fn name(&self) -> &'static str {
        "task_lifecycle"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Framework { node, machine, input, .. } => {
                let Some(status) = self.inbox.update(node, input).filter(|status| status.uuid.is_some()) else {
                    return Ok(());
                };
                let knows_killing = machine.info().can(FrameworkCapability::TaskKillingState);
                match machine.framework_id() {
                    Some(framework) => self.tell(framework, &status.task_id, status.state, knows_killing),
                    None => Ok(()),
                }
            }
            Stepped::Master { node, machine, input: Some(input), .. } => self.book(node, machine, input),
            Stepped::Crashed { node } | Stepped::Restarted { node } => {
                self.ended.remove(&node);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl TaskLifecycle {
    fn tell(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        state: TaskState,
        knows_killing: bool,
    ) -> Result<(), String> {
        if state == TaskState::Staging {
            return Err(format!("framework {framework} hears STAGING of task {task} from an agent"));
        }
        let before = self.told.insert((framework.clone(), task.clone()), state);
        match before {
            // In an earlier version it is told again in other words what it did not acknowledge.
            Some(before) if !may_follow(if knows_killing { before } else { before.for_killing_unaware() }, state) => {
                Err(format!("framework {framework} hears {state} of task {task}, which was {before}"))
            }
            _ => Ok(()),
        }
    }

    /// What a master was told has ended must not be alive in its books, whatever else it is told.
    fn book(&mut self, node: NodeId, machine: &Master, input: &master::Input) -> Result<(), String> {
        let master::Input::Agent { message: ToMaster::Update { framework_id, status, latest }, .. } = input else {
            return Ok(());
        };
        let Some(task) = machine.task(framework_id, &status.task_id) else { return Ok(()) };
        let key = (framework_id.clone(), status.task_id.clone());
        let ended = self.ended.entry(node).or_default();
        // An update that was not taken, because its connection is over, says nothing about the books.
        if latest.is_terminal() && task.state.is_terminal() {
            ended.insert(key.clone());
        }
        if ended.contains(&key) && !task.state.is_terminal() {
            return Err(format!("{node} has task {framework_id}/{} as {} after its end", status.task_id, task.state));
        }
        Ok(())
    }
}

const fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::Staging => 0,
        TaskState::Starting => 1,
        TaskState::Running => 2,
        TaskState::Killing => 3,
        _ => 4,
    }
}

/// Whether an agent may say `after` once it has said `before`. The same may be said again: it was not acknowledged, or a
/// running task has more to tell. An end may be said again in the words of another version of the framework.
fn may_follow(before: TaskState, after: TaskState) -> bool {
    if before.is_terminal() {
        before.for_partition_unaware() == after.for_partition_unaware()
    } else {
        rank(after) >= rank(before)
    }
}
