//! How long it takes until tasks run, told to whoever collects spans.
//!
//! A master and an agent each see a stretch of the way from the accepted offer to the running task. They tell it without
//! having spoken of it: a task's names say to which trace a span belongs. Who collects (OpenTelemetry, a test) implements
//! [`SpanSink`]; without one nothing of this exists.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::id::{AgentId, FrameworkId, TaskId};
use crate::task::TaskState;
use crate::time::WallTime;

/// Tasks watched at one time. When there are more, most of them will never arrive, since their frameworks are gone: all of
/// them are let go.
const OPEN_MAX: usize = 100_000;

/// Whose stretch of the way it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stretch {
    /// The master's, the whole way: from the accepted offer until it hears that the task runs.
    Task,
    /// The agent's: from hearing of the task until its executor says that it runs.
    Start,
}

impl Stretch {
    /// The name of such spans.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Start => "task start",
        }
    }
}

/// A stretch of a task's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSpan {
    /// Which.
    pub stretch: Stretch,
    /// Whose task.
    pub framework_id: FrameworkId,
    /// The task.
    pub task_id: TaskId,
    /// Where it was launched.
    pub agent_id: AgentId,
    /// When the stretch began.
    pub since_wall: WallTime,
    /// The states that were seen, and when. The last one ends the stretch: the task runs, or has ended without.
    pub states: Vec<(TaskState, WallTime)>,
}

/// Collects spans.
pub trait SpanSink: Send + Sync + fmt::Debug {
    /// Takes one. Must neither wait nor grow without bound: hosts call it between two steps of a machine.
    fn take(&self, span: TaskSpan);
}

/// Tasks on their way, as one part sees them.
#[derive(Debug)]
pub struct OpenSpans {
    sink: Arc<dyn SpanSink>,
    stretch: Stretch,
    open: HashMap<(FrameworkId, TaskId), TaskSpan>,
}

impl OpenSpans {
    /// None yet; those that end go to `sink`.
    #[must_use]
    pub fn new(sink: Arc<dyn SpanSink>, stretch: Stretch) -> Self {
        Self { sink, stretch, open: HashMap::new() }
    }

    /// A task sets out.
    pub fn begin(&mut self, framework_id: &FrameworkId, task_id: &TaskId, agent_id: &AgentId, at: WallTime) {
        if self.open.len() >= OPEN_MAX {
            tracing::warn!(bound = OPEN_MAX, "so many tasks are on their way that no spans of them are told");
            self.forget();
        }
        let span = TaskSpan {
            stretch: self.stretch,
            framework_id: framework_id.clone(),
            task_id: task_id.clone(),
            agent_id: agent_id.clone(),
            since_wall: at,
            states: Vec::new(),
        };
        self.open.insert((framework_id.clone(), task_id.clone()), span);
    }

    /// A task is in a state. It has arrived when it runs or has ended.
    pub fn reach(&mut self, framework_id: &FrameworkId, task_id: &TaskId, state: TaskState, at: WallTime) {
        let key = (framework_id.clone(), task_id.clone());
        let Some(span) = self.open.get_mut(&key) else { return };
        span.states.push((state, at));
        if (state == TaskState::Running || state.is_terminal())
            && let Some(span) = self.open.remove(&key)
        {
            self.sink.take(span);
        }
    }

    /// What was seen so far counts no more: some of it was missed.
    pub fn forget(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<TaskSpan>>);

    impl SpanSink for Kept {
        fn take(&self, span: TaskSpan) {
            self.0.lock().unwrap().push(span);
        }
    }

    #[test]
    fn those_that_never_arrive_do_not_keep_others_from_it() {
        let kept = Arc::new(Kept::default());
        let mut open = OpenSpans::new(kept.clone(), Stretch::Task);
        let (framework, agent) = (FrameworkId::new("f").unwrap(), AgentId::new("a").unwrap());
        for number in 0..=OPEN_MAX {
            open.begin(&framework, &TaskId::new(number.to_string()).unwrap(), &agent, WallTime::from_nanos(1));
        }
        assert_eq!(open.open.len(), 1);
        let last = TaskId::new(OPEN_MAX.to_string()).unwrap();
        open.reach(&framework, &last, TaskState::Running, WallTime::from_nanos(2));
        assert_eq!(kept.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_task_arrives_once_when_it_runs_or_ends() {
        let kept = Arc::new(Kept::default());
        let mut open = OpenSpans::new(kept.clone(), Stretch::Task);
        let (framework, agent) = (FrameworkId::new("f").unwrap(), AgentId::new("a").unwrap());
        let [runs, fails, waits] = ["runs", "fails", "waits"].map(|id| TaskId::new(id).unwrap());
        let at = WallTime::from_nanos;
        for task in [&runs, &fails, &waits] {
            open.begin(&framework, task, &agent, at(1));
        }
        open.reach(&framework, &runs, TaskState::Starting, at(2));
        open.reach(&framework, &runs, TaskState::Running, at(3));
        open.reach(&framework, &runs, TaskState::Finished, at(4));
        open.reach(&framework, &fails, TaskState::Failed, at(5));
        open.reach(&framework, &waits, TaskState::Staging, at(6));
        open.forget();
        open.reach(&framework, &waits, TaskState::Running, at(7));
        let found: Vec<_> =
            kept.0.lock().unwrap().iter().map(|span| (span.task_id.clone(), span.states.clone())).collect();
        let running = vec![(TaskState::Starting, at(2)), (TaskState::Running, at(3))];
        assert_eq!(found, [(runs, running), (fails, vec![(TaskState::Failed, at(5))])]);
    }
}
