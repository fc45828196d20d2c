//! One task in one container: its start, its run, its end. What the executors of commands and of groups have in common.
//!
//! ```text
//!   start ─ STARTING ─▶ Launching ─ launched, RUNNING ─▶ Running ─ exited, FINISHED or FAILED ─▶ Done
//!                           │ kill: destroy                 │ kill: SIGTERM, grace, SIGKILL, destroy
//!                           └────────── exited, KILLED whatever the exit says ──────────────────┘
//! ```

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mesos_core::call::executor::{Call, TaskUpdate};
use mesos_core::health::Checked;
use mesos_core::{CommandInfo, ContainerId, ExecutorCx, Exit, Instant, Reason, Signal, TaskId, TaskInfo, TaskState};

use super::watch::{News, Watch};

/// How long a container may take to end after SIGKILL before it is destroyed; a killed process tree is gone in
/// milliseconds unless it hangs in the system.
const KILL_TO_DESTROY: Duration = Duration::from_secs(5);

/// What is kept back of a shutdown's grace, so that the agent hears of the end before it loses patience: one second to
/// reap the process and one to report it, as Apache Mesos does.
pub(crate) const SHUTDOWN_RESERVE: Duration = Duration::from_secs(2);

/// What a task without a grace of its own is given between SIGTERM and SIGKILL, as Apache Mesos does.
pub(crate) const KILL_GRACE_DEFAULT: Duration = Duration::from_secs(3);

/// What is said of a task that ended well.
static SUCCESS: LazyLock<Arc<str>> = LazyLock::new(|| Exit::Status(0).to_string().into());

/// What an executor reports, and how much of it the agent has not taken over yet.
#[derive(Debug)]
pub(super) struct Reports {
    /// The framework wants to be told `KILLING`.
    tells_killing: bool,
    unacknowledged: u32,
}

impl Reports {
    pub(super) const fn new(tells_killing: bool) -> Self {
        Self { tells_killing, unacknowledged: 0 }
    }

    pub(super) fn say(&mut self, cx: &mut ExecutorCx<'_>, update: TaskUpdate) {
        self.unacknowledged += 1;
        cx.emit(Call::Update(update));
    }

    pub(super) fn say_state(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, state: TaskState) {
        self.say(cx, TaskUpdate::new(task.clone(), state));
    }

    pub(super) fn refuse(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskInfo, why: &str) {
        self.say(cx, failed(&task.id, None, why.into()));
    }

    /// The agent has taken over an update; whether none is left.
    pub(super) const fn settle(&mut self) -> bool {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        self.unacknowledged == 0
    }

    /// Whether the agent has taken over everything.
    pub(super) const fn are_settled(&self) -> bool {
        self.unacknowledged == 0
    }
}

/// One task in one container.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) task: Arc<TaskInfo>,
    pub(super) container: ContainerId,
    phase: Phase,
    ending: Option<Ending>,
    /// It fails when it still runs then.
    complete_by: Option<Instant>,
    /// What is found out about it, while it runs.
    watch: Watch,
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

/// Why a task ends before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Asked,
    OutOfTime,
    Unwell,
}

/// How hard the task was asked to end, and when the next step is due.
#[derive(Debug, Clone, Copy)]
enum Step {
    Terminated { kill_at: Instant },
    Killed { destroy_at: Instant },
    Destroyed,
}

impl Work {
    /// Asks for the container of a task that was said to be starting.
    pub(super) fn start(cx: &mut ExecutorCx<'_>, task: Arc<TaskInfo>, command: CommandInfo) -> Self {
        let container = container_of(&task.id);
        let (task_id, resources, limits) = (task.id.clone(), task.resources.clone(), task.limits);
        cx.emit(Call::Launch { container: container.clone(), task_id, command, resources, limits });
        Self { task, container, phase: Phase::Launching, ending: None, complete_by: None, watch: Watch::default() }
    }

    /// A task that was found running. The clocks of its maximum completion time and of its checks start again: when it
    /// started is not remembered.
    pub(super) fn found(cx: &mut ExecutorCx<'_>, reports: &mut Reports, task: Arc<TaskInfo>, state: TaskState) -> Self {
        let container = container_of(&task.id);
        let policy = task.kill_policy;
        let phase = Phase::Running;
        let mut work = Self { task, container, phase, ending: None, complete_by: None, watch: Watch::default() };
        work.run(cx.now.mono);
        match state {
            TaskState::Running => {}
            // The kill was under way: its signals may be lost, so it starts again, and is not reported twice.
            TaskState::Killing => {
                let tells_killing = std::mem::replace(&mut reports.tells_killing, false);
                work.end(cx, reports, Why::Asked, policy.grace.unwrap_or(KILL_GRACE_DEFAULT));
                reports.tells_killing = tells_killing;
            }
            _ => work.say_running(cx, reports),
        }
        work
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    pub(super) const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Its container runs.
    pub(super) fn launched(&mut self, cx: &mut ExecutorCx<'_>, reports: &mut Reports) {
        if self.phase != Phase::Launching {
            return;
        }
        self.run(cx.now.mono);
        if self.ending.is_none() {
            self.say_running(cx, reports);
        }
    }

    fn say_running(&self, cx: &mut ExecutorCx<'_>, reports: &mut Reports) {
        let mut update = TaskUpdate::new(self.task.id.clone(), TaskState::Running);
        self.watch.describe(&mut update);
        reports.say(cx, update);
    }

    /// Its container ended, or never ran: the last word about the task, once.
    pub(super) fn exited(
        &mut self,
        cx: &mut ExecutorCx<'_>,
        reports: &mut Reports,
        exit: Result<Exit, Arc<str>>,
    ) -> Option<TaskState> {
        if self.is_done() {
            return None;
        }
        self.stop_checking(cx);
        let update = self.last_word(exit);
        let state = update.state;
        self.phase = Phase::Done;
        reports.say(cx, update);
        Some(state)
    }

    /// Begins the end of the task, or hastens it.
    pub(super) fn end(&mut self, cx: &mut ExecutorCx<'_>, reports: &mut Reports, why: Why, grace: Duration) {
        if self.is_done() {
            return;
        }
        self.stop_checking(cx);
        let kill_at = cx.now.mono + grace;
        match &mut self.ending {
            // A later kill may only shorten the grace.
            Some(Ending { step: Step::Terminated { kill_at: earlier }, .. }) => *earlier = kill_at.min(*earlier),
            Some(_) => {}
            ending @ None => {
                if reports.tells_killing && why != Why::OutOfTime {
                    reports.say_state(cx, &self.task.id, TaskState::Killing);
                }
                *ending = Some(Ending { why, step: first_step(cx, self.phase, &self.container, kill_at) });
            }
        }
        self.escalate(cx);
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, cx: &mut ExecutorCx<'_>, reports: &mut Reports) {
        if self.is_done() {
        } else if self.ending.is_some() {
            self.escalate(cx);
        } else if self.complete_by.is_some_and(|by| by <= cx.now.mono) {
            self.end(cx, reports, Why::OutOfTime, Duration::ZERO);
        } else {
            let news = self.watch.tick(cx, &self.task, &self.container, self.task.run.command());
            for news in news {
                self.heed(cx, reports, news);
            }
        }
    }

    /// Whether this check of it is under way.
    pub(super) fn asked(&self, check: &ContainerId) -> bool {
        self.watch.asked(check)
    }

    /// The check that is under way has its answer.
    pub(super) fn checked(
        &mut self,
        cx: &mut ExecutorCx<'_>,
        reports: &mut Reports,
        check: &ContainerId,
        found: Checked,
    ) {
        if let Some(news) = self.watch.checked(cx.now.mono, &self.task, check, found) {
            self.heed(cx, reports, news);
        }
    }

    /// Says what was found, and ends what is hopeless.
    fn heed(&mut self, cx: &mut ExecutorCx<'_>, reports: &mut Reports, News { update, is_hopeless }: News) {
        if self.ending.is_some() {
            return;
        }
        reports.say(cx, update);
        if is_hopeless {
            let grace = self.task.kill_policy.grace.unwrap_or(KILL_GRACE_DEFAULT);
            self.end(cx, reports, Why::Unwell, grace);
        }
    }

    fn stop_checking(&mut self, cx: &mut ExecutorCx<'_>) {
        std::mem::take(&mut self.watch).stop(cx);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match (self.phase, self.ending) {
            (Phase::Done, _) | (_, Some(Ending { step: Step::Destroyed, .. })) => None,
            (_, Some(Ending { step: Step::Terminated { kill_at }, .. })) => Some(kill_at),
            (_, Some(Ending { step: Step::Killed { destroy_at }, .. })) => Some(destroy_at),
            (_, None) => [self.complete_by, self.watch.deadline()].into_iter().flatten().min(),
        }
    }

    fn escalate(&mut self, cx: &mut ExecutorCx<'_>) {
        let now = cx.now.mono;
        let Some(ending) = &mut self.ending else { return };
        match ending.step {
            Step::Terminated { kill_at } if kill_at <= now => {
                ending.step = Step::Killed { destroy_at: now + KILL_TO_DESTROY };
                cx.emit(Call::Signal { container: self.container.clone(), signal: Signal::Kill });
            }
            Step::Killed { destroy_at } if destroy_at <= now => {
                ending.step = Step::Destroyed;
                cx.emit(Call::Destroy { container: self.container.clone() });
            }
            _ => {}
        }
    }

    fn last_word(&self, exit: Result<Exit, Arc<str>>) -> TaskUpdate {
        let id = &self.task.id;
        let launched = exit.is_ok();
        let message: Arc<str> = match &exit {
            Ok(Exit::Status(0)) => SUCCESS.clone(),
            Ok(exit) => exit.to_string().into(),
            Err(problem) => problem.clone(),
        };
        match (self.ending.map(|ending| ending.why), exit) {
            (Some(Why::Asked), _) => saying(id, TaskState::Killed, message),
            (Some(Why::Unwell), _) => {
                let mut update = saying(id, TaskState::Killed, message);
                update.healthy = Some(false);
                update
            }
            (Some(Why::OutOfTime), _) => {
                failed(id, Some(Reason::MaxCompletionTimeReached), "Ran longer than its maximum completion time".into())
            }
            (None, Ok(Exit::Status(0))) => saying(id, TaskState::Finished, message),
            (None, Ok(Exit::LimitExceeded { resource, .. })) => failed(id, limitation(&resource), message),
            (None, _) if launched => failed(id, None, message),
            (None, _) => failed(id, Some(Reason::ContainerLaunchFailed), message),
        }
    }

    fn run(&mut self, now: Instant) {
        self.phase = Phase::Running;
        self.complete_by = self.task.max_completion_time.map(|limit| now + limit);
        self.watch = Watch::begin(&self.task, now);
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

/// Containers are named within their executor, after their tasks.
fn container_of(task: &TaskId) -> ContainerId {
    task.into()
}

fn saying(task: &TaskId, state: TaskState, message: Arc<str>) -> TaskUpdate {
    let mut update = TaskUpdate::new(task.clone(), state);
    update.message = Some(message);
    update
}

fn failed(task: &TaskId, reason: Option<Reason>, message: Arc<str>) -> TaskUpdate {
    let mut update = saying(task, TaskState::Failed, message);
    update.reason = reason;
    update
}

/// Why a task failed that used too much of this.
pub(crate) fn limitation(resource: &str) -> Option<Reason> {
    match resource {
        "mem" => Some(Reason::ContainerLimitationMemory),
        "disk" => Some(Reason::ContainerLimitationDisk),
        _ => None,
    }
}
