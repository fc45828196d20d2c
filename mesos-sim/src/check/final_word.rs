//! What a master says is over for good stays over: after `GONE` or `GONE_BY_OPERATOR` a framework never hears of the task
//! being alive.
//!
//! Source: Apache Mesos, `docs/task-state-reasons.md` (terminal states), and its tickets about tasks called lost before their
//! true end (MESOS-1389, MESOS-217). What an agent says of itself is not looked at here: until it is acknowledged, a master
//! that was elected meanwhile answers with what was acknowledged before. Other than `UNREACHABLE` and `LOST` these states promise that the task will not come
//! back, so that a framework may start another in its place.

use std::collections::BTreeSet;

use mesos_core::{FrameworkId, TaskId, TaskState};

use super::inbox::Inbox;
use super::{Check, Step, Stepped};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct FinalWord {
    over: BTreeSet<(FrameworkId, TaskId)>,
    inbox: Inbox,
}

impl Check for FinalWord {
    fn name(&self) -> &'static str {
        "final_word"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Framework { node, machine, input, .. } = step.stepped else { return Ok(()) };
        let Some(status) = self.inbox.update(node, input) else { return Ok(()) };
        let Some(framework) = machine.framework_id() else { return Ok(()) };
        let key = (framework.clone(), status.task_id.clone());
        match status.state {
            TaskState::Gone | TaskState::GoneByOperator if status.uuid.is_none() => drop(self.over.insert(key)),
            TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing
                if self.over.contains(&key) =>
            {
                let (task, state) = (&status.task_id, status.state);
                return Err(format!(
                    "framework {framework} hears {state} of task {task} after it was told that it is gone"
                ));
            }
            _ => {}
        }
        Ok(())
    }
}
