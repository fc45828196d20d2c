//! Programs: what the containers of executors run that are processes of their own.
//!
//! A framework names an executor's program in its command; here that name stands for an [`Executor`], which runs behind the
//! very driver a real process links. A command nobody knows runs as a container and never connects, as a broken program does.

use std::collections::BTreeMap;
use std::fmt;
use std::str::from_utf8;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::Call;
use mesos_core::container::Run;
use mesos_core::{
    CommandInfo, ContainerId, Executor, ExecutorCx, Exit, Instant, KillPolicy, TaskId, TaskInfo, TaskState,
};
use mesos_exec::executor::Group;

type Make = Arc<dyn Fn() -> Box<dyn Executor> + Send + Sync>;

/// Programs by name: the first word of a shell line, or the program of a command without a shell.
#[derive(Clone)]
pub struct Programs(BTreeMap<Arc<str>, Make>);

impl Programs {
    /// Runs the tasks of one process inside it: [`Runner`].
    pub const RUNNER: &'static str = "runner";
    /// Runs groups of tasks in containers beside its own: [`Group`].
    pub const GROUPS: &'static str = "groups";

    /// Knows this program too. The last word on a name counts.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<Arc<str>>,
        make: impl Fn() -> Box<dyn Executor> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(name.into(), Arc::new(make));
        self
    }

    /// A fresh process of what a command names; nothing if nobody knows it.
    #[must_use]
    pub fn make(&self, command: &CommandInfo) -> Option<Box<dyn Executor>> {
        let name = match &command.run {
            Run::Shell(line) => line.split_whitespace().next()?,
            Run::Exec { program, .. } => program,
        };
        self.0.get(name).map(|make| make())
    }
}

impl Default for Programs {
    /// Those that come with the simulator.
    fn default() -> Self {
        Self(BTreeMap::new())
            .with(Self::RUNNER, || Box::<Runner>::default())
            .with(Self::GROUPS, || Box::new(Group::new(false)))
    }
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One in so many launches is the last thing a runner does well.
const QUITS_PPM: u32 = 20_000;
/// One task in so many fails by itself.
const FAILS_PPM: u32 = 30_000;
/// How long a killed task takes to end, at most.
const KILL_MAX: Duration = Duration::from_secs(1);
/// How long a runner without a task waits for the next one, at most.
const IDLE_MAX: Duration = Duration::from_secs(40);

/// Runs tasks inside its own process, for as long as their data says in seconds, and does what executors do at random: fails
/// a task, ends although tasks run, ends when it has nothing to do, answers messages.
#[derive(Debug, Default)]
pub struct Runner {
    tasks: BTreeMap<TaskId, (Instant, TaskState)>,
    /// It has nothing to do and ends then.
    idle_until: Option<Instant>,
}

impl Runner {
    fn rest(&mut self, cx: &mut ExecutorCx<'_>) {
        self.idle_until = self.tasks.is_empty().then(|| cx.now.mono + cx.rng.duration(IDLE_MAX));
    }
}

impl Executor for Runner {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        self.idle_until = None;
        for task in tasks {
            if cx.rng.chance(500_000) {
                cx.report(&task.id, TaskState::Starting);
            }
            cx.report(&task.id, TaskState::Running);
            let secs = from_utf8(&task.data).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1.0);
            let runs_for = Duration::try_from_secs_f64(secs).unwrap_or_default();
            let (runs_for, end) = match cx.rng.chance(FAILS_PPM) {
                true => (cx.rng.duration(runs_for), TaskState::Failed),
                false => (runs_for, TaskState::Finished),
            };
            self.tasks.insert(task.id.clone(), (cx.now.mono + runs_for, end));
        }
        if cx.rng.chance(QUITS_PPM) {
            cx.emit(Call::Exit);
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, _policy: KillPolicy) {
        if let Some(row) = self.tasks.get_mut(task) {
            let ends_at = cx.now.mono + cx.rng.duration(KILL_MAX);
            *row = (row.0.min(ends_at), TaskState::Killed);
        }
    }

    fn launched(&mut self, _cx: &mut ExecutorCx<'_>, _container: &ContainerId) {}

    fn exited(&mut self, _cx: &mut ExecutorCx<'_>, _container: &ContainerId, _exit: Result<Exit, Arc<str>>) {}

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, _grace: Duration) {
        for task in std::mem::take(&mut self.tasks).into_keys() {
            cx.report(&task, TaskState::Killed);
        }
        cx.emit(Call::Exit);
    }

    fn recovered(&mut self, _: &mut ExecutorCx<'_>, _: Vec<(Arc<TaskInfo>, TaskState)>, _: &[ContainerId]) {}

    fn message(&mut self, cx: &mut ExecutorCx<'_>, data: &[u8]) {
        cx.emit(Call::Message(data.into()));
    }

    fn deadline(&self) -> Option<Instant> {
        self.tasks.values().map(|(ends_at, _)| *ends_at).chain(self.idle_until).min()
    }

    fn tick(&mut self, cx: &mut ExecutorCx<'_>) {
        let now = cx.now.mono;
        let over = self.tasks.extract_if(.., |_, (ends_at, _)| *ends_at <= now).collect::<Vec<_>>();
        for (task, (_, end)) in &over {
            cx.report(task, *end);
        }
        if !over.is_empty() {
            self.rest(cx);
        } else if self.idle_until.take_if(|until| *until <= now).is_some() {
            cx.emit(Call::Exit);
        }
    }
}
