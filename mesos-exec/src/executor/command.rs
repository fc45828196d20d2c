//! The command executor: one task, one container, its exit is the task's end.
//!
//! ```text
//!   launch ─ STARTING ─▶ Launching ─ launched, RUNNING ─▶ Running ─ exited, FINISHED or FAILED ─▶ Done ─▶ Exit
//!                            │ kill: destroy                 │ kill: SIGTERM, grace, SIGKILL, destroy
//!                            └────────── exited, KILLED whatever the exit says ──────────────────┘
//! ```
//!
//! As Apache Mesos' `src/launcher/executor.cpp`. Not here: health checks, task groups.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Call, TaskUpdate};
use mesos_core::{
    CommandInfo, ContainerId, Executor, ExecutorCx, Exit, Instant, KillPolicy, Reason, Signal, TaskId, TaskInfo,
    TaskRun, TaskState,
};

/// How long a container may take to end after SIGKILL before it is destroyed; a killed process tree is gone in
/// milliseconds unless it hangs in the system.
const KILL_TO_DESTROY: Duration = Duration::from_secs(5);

/// What is kept back of a shutdown's grace, so that the agent hears of the end before it loses patience: one second to
/// reap the process and one to report it, as Apache Mesos does.
pub(crate) const SHUTDOWN_RESERVE: Duration = Duration::from_secs(2);

/// What a task without a grace of its own is given between SIGTERM and SIGKILL, as Apache Mesos does.
pub(crate) const KILL_GRACE_DEFAULT: Duration = Duration::from_secs(3);

/// Runs one task that is a command.
#[derive(Debug)]
pub struct Command {
    /// The framework wants to be told `KILLING`.
    reports_killing: bool,
    work: Option<Work>,
    /// Updates the agent has not taken over yet.
    unacknowledged: u32,
}

#[derive(Debug)]
struct Work {
    task: Arc<TaskInfo>,
    container: ContainerId,
    phase: Phase,
    ending: Option<Ending>,
    /// It fails when it still runs then.
    complete_by: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Launching,
    Running,
    Done,
}

#[derive(Debug, Clone, Copy)]
struct Ending {
    why: Why,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Asked,
    OutOfTime,
}

/// How hard the task was asked to end, and when the next step is due.
#[derive(Debug, Clone, Copy)]
enum Step {
    Terminated { kill_at: Instant },
    Killed { destroy_at: Instant },
    Destroyed,
}

impl Command {
    /// A command executor; `reports_killing` when its framework has `TASK_KILLING_STATE`.
    #[must_use]
    pub const fn new(reports_killing: bool) -> Self {
        Self { reports_killing, work: None, unacknowledged: 0 }
    }

    fn report(&mut self, cx: &mut ExecutorCx<'_>, update: TaskUpdate) {
        self.unacknowledged += 1;
        cx.emit(Call::Update(update));
    }

    fn start(&mut self, cx: &mut ExecutorCx<'_>, task: Arc<TaskInfo>, command: CommandInfo) {
        let container = container_of(&task.id);
        self.report(cx, TaskUpdate::new(task.id.clone(), TaskState::Starting));
        let (task_id, resources) = (task.id.clone(), task.resources.clone());
        cx.emit(Call::Launch { container: container.clone(), task_id, command, resources });
        self.work = Some(Work { task, container, phase: Phase::Launching, ending: None, complete_by: None });
    }

    fn refuse(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskInfo, why: &str) {
        self.report(cx, failed(&task.id, None, why.into()));
    }

    /// Begins the end of the task, or hastens it.
    fn end(&mut self, cx: &mut ExecutorCx<'_>, why: Why, grace: Duration) {
        let Some(work) = self.work.as_mut().filter(|work| work.phase != Phase::Done) else { return };
        let kill_at = cx.now.mono + grace;
        match &mut work.ending {
            // A later kill may only shorten the grace.
            Some(Ending { step: Step::Terminated { kill_at: earlier }, .. }) => *earlier = kill_at.min(*earlier),
            Some(_) => {}
            ending @ None => {
                if self.reports_killing && why == Why::Asked {
                    self.unacknowledged += 1;
                    cx.emit(Call::Update(TaskUpdate::new(work.task.id.clone(), TaskState::Killing)));
                }
                *ending = Some(Ending { why, step: first_step(cx, work.phase, &work.container, kill_at) });
            }
        }
        self.tick(cx);
    }

    fn escalate(work: &mut Work, cx: &mut ExecutorCx<'_>) {
        let now = cx.now.mono;
        let Some(ending) = &mut work.ending else { return };
        match ending.step {
            Step::Terminated { kill_at } if kill_at <= now => {
                ending.step = Step::Killed { destroy_at: now + KILL_TO_DESTROY };
                cx.emit(Call::Signal { container: work.container.clone(), signal: Signal::Kill });
            }
            Step::Killed { destroy_at } if destroy_at <= now => {
                ending.step = Step::Destroyed;
                cx.emit(Call::Destroy { container: work.container.clone() });
            }
            _ => {}
        }
    }
}

impl Work {
    fn last_word(&self, exit: Result<Exit, Arc<str>>) -> TaskUpdate {
        let id = &self.task.id;
        let launched = exit.is_ok();
        let message: Arc<str> = match &exit {
            Ok(exit) => mesos_core::text::shared(format_args!("{exit}")),
            Err(problem) => problem.clone(),
        };
        match (self.ending.map(|ending| ending.why), exit) {
            (Some(Why::Asked), _) => saying(id, TaskState::Killed, message),
            (Some(Why::OutOfTime), _) => {
                failed(id, Some(Reason::MaxCompletionTimeReached), "Ran longer than its maximum completion time".into())
            }
            (None, Ok(Exit::Status(0))) => saying(id, TaskState::Finished, message),
            (None, Ok(Exit::LimitExceeded { resource, .. })) => failed(id, limitation(&resource), message),
            (None, _) if launched => failed(id, None, message),
            (None, _) => failed(id, Some(Reason::ContainerLaunchFailed), message),
        }
    }

    const fn deadline(&self) -> Option<Instant> {
        match (self.phase, self.ending) {
            (Phase::Done, _) | (_, Some(Ending { step: Step::Destroyed, .. })) => None,
            (_, Some(Ending { step: Step::Terminated { kill_at }, .. })) => Some(kill_at),
            (_, Some(Ending { step: Step::Killed { destroy_at }, .. })) => Some(destroy_at),
            (_, None) => self.complete_by,
        }
    }

    fn run(&mut self, now: Instant) {
        self.phase = Phase::Running;
        self.complete_by = self.task.max_completion_time.map(|limit| now + limit);
    }
}

impl Executor for Command {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            match &task.run {
                _ if self.work.is_some() => self.refuse(cx, &task, "A command executor runs one task, and it has one"),
                TaskRun::Command(command) => {
                    let command = command.clone();
                    self.start(cx, task, command);
                }
                _ => self.refuse(cx, &task, "A command executor runs commands, and this task has none"),
            }
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, policy: KillPolicy) {
        if self.work.as_ref().is_some_and(|work| work.task.id == *task) {
            self.end(cx, Why::Asked, policy.grace.unwrap_or(KILL_GRACE_DEFAULT));
        }
    }

    fn launched(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId) {
        let Some(work) = self.work.as_mut() else { return };
        if work.phase != Phase::Launching || work.container != *container {
            return;
        }
        work.run(cx.now.mono);
        if work.ending.is_none() {
            let running = TaskUpdate::new(work.task.id.clone(), TaskState::Running);
            self.report(cx, running);
        }
    }

    fn exited(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, exit: Result<Exit, Arc<str>>) {
        let Some(work) = self.work.as_mut() else { return };
        if work.phase == Phase::Done || work.container != *container {
            return;
        }
        let update = work.last_word(exit);
        work.phase = Phase::Done;
        self.report(cx, update);
    }

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, grace: Duration) {
        match &self.work {
            Some(work) if work.phase != Phase::Done => {
                self.end(cx, Why::Asked, grace.saturating_sub(SHUTDOWN_RESERVE));
            }
            _ => cx.emit(Call::Exit),
        }
    }

    /// The clock of a maximum completion time starts again: when the task started is not remembered.
    fn recovered(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<(Arc<TaskInfo>, TaskState)>, _running: &[ContainerId]) {
        let Some((task, state)) = tasks.into_iter().next() else { return };
        let container = container_of(&task.id);
        let (id, policy) = (task.id.clone(), task.kill_policy);
        let work = Work { task, container, phase: Phase::Running, ending: None, complete_by: None };
        self.work.insert(work).run(cx.now.mono);
        match state {
            TaskState::Running => {}
            // The kill was under way: its signals may be lost, so it starts again, and is not reported twice.
            TaskState::Killing => {
                let reports_killing = std::mem::replace(&mut self.reports_killing, false);
                self.kill(cx, &id, policy);
                self.reports_killing = reports_killing;
            }
            _ => self.report(cx, TaskUpdate::new(id, TaskState::Running)),
        }
    }

    fn acknowledged(&mut self, cx: &mut ExecutorCx<'_>, _task: &TaskId) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        let is_done = self.work.as_ref().is_none_or(|work| work.phase == Phase::Done);
        if is_done && self.unacknowledged == 0 {
            cx.emit(Call::Exit);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.work.as_ref().and_then(Work::deadline)
    }

    fn tick(&mut self, cx: &mut ExecutorCx<'_>) {
        let Some(work) = self.work.as_mut().filter(|work| work.phase != Phase::Done) else { return };
        if work.ending.is_some() {
            Self::escalate(work, cx);
        } else if work.complete_by.is_some_and(|by| by <= cx.now.mono) {
            self.end(cx, Why::OutOfTime, Duration::ZERO);
        }
    }
}

/// A container that is still being started cannot be signalled; it is destroyed.
fn first_step(cx: &mut ExecutorCx<'_>, phase: Phase, container: &ContainerId, kill_at: Instant) -> Step {
    let container = container.clone();
    if phase == Phase::Launching {
        cx.emit(Call::Destroy { container });
        return Step::Destroyed;
    }
    if kill_at > cx.now.mono {
        cx.emit(Call::Signal { container, signal: Signal::Terminate });
    }
    Step::Terminated { kill_at }
}

/// Containers are named within their executor, and this one has a single task.
fn container_of(task: &TaskId) -> ContainerId {
    ContainerId::new(task.shared()).expect("task ids and container ids follow the same rules")
}

fn saying(task: &TaskId, state: TaskState, message: Arc<str>) -> TaskUpdate {
    TaskUpdate { message: Some(message), ..TaskUpdate::new(task.clone(), state) }
}

fn failed(task: &TaskId, reason: Option<Reason>, message: Arc<str>) -> TaskUpdate {
    TaskUpdate { reason, ..saying(task, TaskState::Failed, message) }
}

fn limitation(resource: &str) -> Option<Reason> {
    match resource {
        "mem" => Some(Reason::ContainerLimitationMemory),
        "disk" => Some(Reason::ContainerLimitationDisk),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
