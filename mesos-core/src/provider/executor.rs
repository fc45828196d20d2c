//! What runs tasks.

use std::sync::Arc;
use std::time::Duration;

use crate::call::executor::{Call, TaskUpdate};
use crate::container::Exit;
use crate::health::Checked;
use crate::id::{ContainerId, TaskId};
use crate::kernel::Cx;
use crate::task::{KillPolicy, TaskInfo, TaskState};
use crate::time::Instant;

/// What an executor may do: read the time, draw, and [ask](Call).
pub type ExecutorCx<'a> = Cx<'a, Call>;

/// Runs the tasks it is given: synchronous and pure, so that the same code runs live and simulated.
///
/// Called by the agent alone. Processes are asked for as calls and reported back as exits. An executor lives until it asks
/// for [`Call::Exit`] or its agent ends it.
pub trait Executor: Send {
    /// Runs tasks. Each must be reported `RUNNING` and, some day, in a terminal state.
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>);

    /// Runs the tasks of one group, which share their fate: when one fails or is killed, its executor ends the others.
    fn launch_group(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        self.launch(cx, tasks);
    }

    /// Ends a task, politely first. May come again, with a shorter grace.
    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, policy: KillPolicy);

    /// A container runs.
    fn launched(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId);

    /// A container ended, or could not be started.
    fn exited(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, exit: Result<Exit, Arc<str>>);

    /// Ends everything within `grace`.
    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, grace: Duration);

    /// The agent restarted and this executor was made anew: these tasks were with it, in these states, and these containers
    /// still run. The exits of those that do not follow.
    fn recovered(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<(Arc<TaskInfo>, TaskState)>, running: &[ContainerId]);

    /// The agent has taken over an update of this task.
    fn acknowledged(&mut self, _cx: &mut ExecutorCx<'_>, _task: &TaskId) {}

    /// A check has its answer. Not told of checks that were destroyed.
    fn checked(&mut self, _cx: &mut ExecutorCx<'_>, _check: &ContainerId, _found: Checked) {}

    /// Bytes from the framework.
    fn message(&mut self, _cx: &mut ExecutorCx<'_>, _data: &[u8]) {}

    /// When [`tick`](Self::tick) is next due, if ever.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Does what is due. A call that comes early or twice changes nothing.
    fn tick(&mut self, _cx: &mut ExecutorCx<'_>) {}
}

/// The verbs of an executor.
impl Cx<'_, Call> {
    /// Reports a task's state.
    pub fn report(&mut self, task_id: &TaskId, state: TaskState) {
        self.emit(Call::Update(TaskUpdate::new(task_id.clone(), state)));
    }

    /// Reports a task's state and says why, for people.
    pub fn report_saying(&mut self, task_id: &TaskId, state: TaskState, message: impl Into<Arc<str>>) {
        let message = Some(message.into());
        self.emit(Call::Update(TaskUpdate { message, ..TaskUpdate::new(task_id.clone(), state) }));
    }
}
