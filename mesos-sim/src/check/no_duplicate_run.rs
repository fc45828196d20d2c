//! A task runs at most once: no second container is ever started for the same task id of a framework.
//!
//! Source: Apache Mesos, `docs/architecture.md` and its tickets about tasks that ran twice after a partition (MESOS-10018);
//! the chapter on architecture of our own docs. Checked on containers of tasks, which are one per task, and over the whole
//! run: a framework that wants to try again gives the new try an id of its own.

use std::collections::BTreeMap;

use mesos_core::{FrameworkId, TaskId};
use mesos_exec::agent::{ContainerOp, Effect};

use super::{Check, Step, Stepped};
use crate::node::NodeId;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct NoDuplicateRun {
    started: BTreeMap<(FrameworkId, TaskId), NodeId>,
}

impl Check for NoDuplicateRun {
    fn name(&self) -> &'static str {
        "no_duplicate_run"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Agent { node, effects, .. } = step.stepped else { return Ok(()) };
        for effect in effects {
            let Effect::Container { op: ContainerOp::Launch(spec), .. } = effect else { continue };
            // Executors start again, and what they run beside themselves has names of their own.
            let Some(task) = &spec.task_id else { continue };
            let key = (spec.framework_id.clone(), task.clone());
            if let Some(first) = self.started.insert(key, node) {
                let framework = &spec.framework_id;
                return Err(format!("task {framework}/{task} is started on {node} and was started on {first} before"));
            }
        }
        Ok(())
    }
}
