//! Runs a list of jobs once: each until it ended well or failed too often, in the order its dependencies allow.
//!
//! ```text
//!   Blocked ──▶ Ready ──▶ Launched ──▶ Running ──▶ Done
//!      │          ▲           │            │
//!      ▼          └── failed, lost, unreachable for too long ──▶ Failed
//!   Skipped
//! ```
//!
//! Every launch is remembered before the master hears of it, so that a later run of the framework knows which tasks may be
//! alive and never starts a job twice because it forgot. A task on an agent that cannot be reached for too long is given
//! up and its job runs again elsewhere; should the old task turn up, it is killed. So a job's command may run twice at once
//! across a partition, as everywhere where nobody can look: make commands safe to repeat.
//!
//! It takes the first job that fits, and wants no offers while it has nothing to place.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::{Record, Table, TimerTable};
use mesos_core::{
    Ack, AgentId, Filters, FrameworkId, Instant, Now, Offer, Operation, Resources, Scheduler, SchedulerCx, TaskId,
    TaskInfo, TaskRun, TaskState, TaskStatus,
};

use super::matching::{Misfit, Room};
use super::{SIM_DURATION_ENV, SIM_DURATION_LABEL};

mod job;
mod plan;
#[cfg(test)]
mod tests;

pub use job::{Job, JobReport, JobState, Totals};
pub use plan::InvalidBatch;

use plan::{JobIndex, Plan};

/// Before a job's name in the key of what is remembered of it.
const KEY_PREFIX: &str = "job/";

mesos_core::handles! {
    /// A task that may be alive.
    RunKey;
}

/// What can be set about a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How long a task may be unreachable before its job runs elsewhere.
    pub unreachable_patience: Duration,
    /// For how long an offer without use is refused. Short: what jobs want changes as they end.
    pub refuse_for: Filters,
}

impl Default for Options {
    fn default() -> Self {
        Self { unreachable_patience: Duration::from_secs(300), refuse_for: Filters::default() }
    }
}

/// Runs a list of jobs once.
#[derive(Debug)]
pub struct Batch {
    options: Options,
    plan: Plan,
    reports: Vec<JobReport>,
    totals: Totals,
    /// Tasks that may be alive, and whose they are.
    runs: Table<TaskId, RunKey, JobIndex>,
    /// Jobs whose task cannot be reached.
    unreachable: TimerTable<JobIndex>,
    is_suppressed: bool,
    /// Tasks of an earlier run may be alive, and the master has not been asked about them.
    is_in_doubt: bool,
}

impl Batch {
    /// A batch of these jobs.
    ///
    /// # Errors
    /// [`InvalidBatch`] names the first job that is not right.
    pub fn new(jobs: Vec<Job>) -> Result<Self, InvalidBatch> {
        Self::with_options(jobs, Options::default())
    }

    /// A batch of these jobs with other options.
    ///
    /// # Errors
    /// [`InvalidBatch`] names the first job that is not right.
    pub fn with_options(jobs: Vec<Job>, options: Options) -> Result<Self, InvalidBatch> {
        let count = jobs.len();
        let mut batch = Self {
            options,
            plan: Plan::new(jobs)?,
            reports: vec![JobReport::new(); count],
            totals: Totals { jobs: count, blocked: count, ..Totals::default() },
            runs: Table::default(),
            unreachable: TimerTable::default(),
            is_suppressed: false,
            is_in_doubt: false,
        };
        for job in 0..count {
            if !batch.plan.waits(job) {
                batch.ready(job, false);
            }
        }
        Ok(batch)
    }

    /// The jobs and what has become of them so far, in the order they were given.
    pub fn reports(&self) -> impl Iterator<Item = (&Job, &JobReport)> {
        self.plan.jobs.iter().zip(&self.reports)
    }

    /// What has become of a job so far.
    #[must_use]
    pub fn report(&self, name: &str) -> Option<&JobReport> {
        self.plan.index(name).map(|job| &self.reports[job])
    }

    /// Why the last offer was of no use to a job that waits for one.
    #[must_use]
    pub fn why_waiting(&self, name: &str) -> Option<&Misfit> {
        let job = self.plan.index(name)?;
        if self.reports[job].state == JobState::Ready { self.plan.misfit(job) } else { None }
    }

    /// How many jobs are where.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether every job is over and none failed.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.totals.done == self.totals.jobs
    }

    fn move_to(&mut self, job: JobIndex, state: JobState) {
        let before = std::mem::replace(&mut self.reports[job].state, state);
        self.totals.count(before, -1);
        self.totals.count(state, 1);
    }

    fn ready(&mut self, job: JobIndex, is_again: bool) {
        self.move_to(job, JobState::Ready);
        self.plan.enqueue(job, is_again);
    }

    /// Remembers what has become of a job.
    fn remember(&self, cx: &mut SchedulerCx<'_>, job: JobIndex) {
        cx.remember(format!("{KEY_PREFIX}{}", self.plan.jobs[job].name), &self.reports[job]);
    }

    fn task_id(&self, job: JobIndex) -> TaskId {
        let (name, launches) = (&self.plan.jobs[job].name, self.reports[job].launches);
        TaskId::new(format!("{name}.{launches}")).expect("a job's name was checked with room for the number")
    }

    /// Wants offers exactly while something waits for them.
    fn balance(&mut self, cx: &mut SchedulerCx<'_>) {
        let is_idle = self.plan.ready() == 0;
        if is_idle && !self.is_suppressed {
            cx.suppress();
        } else if !is_idle && self.is_suppressed {
            cx.revive();
        }
        self.is_suppressed = is_idle;
    }

    /// Places what fits on one offer.
    fn place(&mut self, cx: &mut SchedulerCx<'_>, offer: &Offer) {
        let mut room = Room::new(offer);
        let mut placed = Vec::new();
        for queue in self.plan.queues_mut() {
            queue.misfit = None;
            while let Some(&job) = queue.jobs.front() {
                match room.take(&queue.need) {
                    Ok(resources) => {
                        queue.jobs.pop_front();
                        placed.push((job, resources));
                    }
                    Err(misfit) => {
                        queue.misfit = Some(misfit);
                        break;
                    }
                }
            }
        }
        if placed.is_empty() {
            return cx.decline_for(offer, self.options.refuse_for);
        }
        self.plan.placed(placed.len());
        let tasks = placed.into_iter().map(|(job, resources)| self.launch(cx, job, offer, resources).into()).collect();
        cx.accept([offer.id.clone()], [Operation::Launch(tasks)], self.options.refuse_for);
    }

    /// Books a launch, and remembers it before anybody hears of it.
    fn launch(&mut self, cx: &mut SchedulerCx<'_>, job: JobIndex, offer: &Offer, resources: Resources) -> TaskInfo {
        self.move_to(job, JobState::Launched);
        self.totals.launches += 1;
        let report = &mut self.reports[job];
        report.launches += 1;
        report.agent_id = Some(offer.agent_id.clone());
        report.launched_wall = Some(cx.now.wall);
        report.started_wall = None;
        self.remember(cx, job);
        let id = self.task_id(job);
        self.follow(id.clone(), job);
        self.describe(job, id, offer.agent_id.clone(), resources)
    }

    fn describe(&self, job: JobIndex, id: TaskId, agent: AgentId, resources: Resources) -> TaskInfo {
        let job = &self.plan.jobs[job];
        let mut command = job.command.clone();
        if let Some(duration) = job.sim_duration {
            command = command.env(SIM_DURATION_ENV, duration.as_secs_f64().to_string());
        }
        let mut task = TaskInfo::new(id, agent, resources, TaskRun::Command(command));
        task.name = job.name.clone();
        task.max_completion_time = job.time_limit;
        task.limits = job.limits;
        if let Some(duration) = job.sim_duration {
            task.labels.insert(SIM_DURATION_LABEL.into(), duration.as_secs_f64().to_string().into());
        }
        task
    }

    fn follow(&mut self, id: TaskId, job: JobIndex) {
        let added = self.runs.insert(id, job);
        assert!(added.is_ok(), "the number of a launch is used once");
    }

    /// A task is over or given up.
    fn unfollow(&mut self, job: JobIndex) {
        self.unreachable.cancel(&job);
        if let Some(run) = self.runs.find(&self.task_id(job)) {
            self.runs.remove(run);
        }
    }

    fn finish(&mut self, cx: &mut SchedulerCx<'_>, job: JobIndex) {
        self.unfollow(job);
        self.move_to(job, JobState::Done);
        self.reports[job].ended_wall = Some(cx.now.wall);
        self.remember(cx, job);
        for follower in self.plan.release_followers(job) {
            if self.reports[follower].state == JobState::Blocked {
                self.ready(follower, false);
            }
        }
    }

    /// A task failed: once more, unless it was the last time or can never be otherwise.
    fn fail(&mut self, cx: &mut SchedulerCx<'_>, job: JobIndex, status: &TaskStatus) {
        self.unfollow(job);
        self.totals.failures += 1;
        let is_hopeless = status.state == TaskState::Error;
        let report = &mut self.reports[job];
        report.failures += 1;
        report.trouble = Some(trouble(status));
        if is_hopeless || report.failures > self.plan.jobs[job].retries {
            self.give_up(job, cx.now);
        } else {
            self.ready(job, true);
        }
        self.remember(cx, job);
    }

    fn give_up(&mut self, job: JobIndex, now: Now) {
        self.move_to(job, JobState::Failed);
        self.reports[job].ended_wall = Some(now.wall);
        for follower in self.plan.all_followers(job) {
            if self.reports[follower].state == JobState::Blocked {
                self.move_to(follower, JobState::Skipped);
                self.reports[follower].ended_wall = Some(now.wall);
            }
        }
    }

    /// A task was lost through no fault of its own: its job runs again.
    fn lose(&mut self, cx: &mut SchedulerCx<'_>, job: JobIndex, trouble: Arc<str>) {
        self.unfollow(job);
        self.totals.losses += 1;
        self.reports[job].losses += 1;
        self.reports[job].trouble = Some(trouble);
        self.ready(job, true);
        self.remember(cx, job);
    }

    fn observe_state(&mut self, cx: &mut SchedulerCx<'_>, job: JobIndex, status: &TaskStatus) {
        match status.state {
            TaskState::Staging | TaskState::Starting => self.observe_alive(job, JobState::Launched),
            TaskState::Running | TaskState::Killing => {
                self.observe_alive(job, JobState::Running);
                self.reports[job].started_wall.get_or_insert(cx.now.wall);
            }
            TaskState::Unreachable => {
                if self.reports[job].state != JobState::Unreachable {
                    self.move_to(job, JobState::Unreachable);
                    self.unreachable.set(job, cx.now.mono + self.options.unreachable_patience);
                }
            }
            TaskState::Finished => self.finish(cx, job),
            TaskState::Failed | TaskState::Killed | TaskState::Error => self.fail(cx, job, status),
            TaskState::Lost | TaskState::Dropped | TaskState::Gone | TaskState::GoneByOperator | TaskState::Unknown => {
                self.lose(cx, job, trouble(status))
            }
        }
    }

    fn observe_alive(&mut self, job: JobIndex, state: JobState) {
        self.unreachable.cancel(&job);
        // A late "starting" does not take back that it runs.
        if !(self.reports[job].state == JobState::Running && state == JobState::Launched) {
            self.move_to(job, state);
        }
    }

    /// Takes back what an earlier run remembered of one job.
    fn recall(&mut self, record: &Record) {
        let Some(name) = record.key.strip_prefix(KEY_PREFIX) else { return };
        let Some(job) = self.plan.index(name) else {
            tracing::warn!(job = name, "is remembered and not in the batch any more");
            return;
        };
        let report = record.decode::<JobReport>().unwrap_or_else(|error| {
            // Running it again could run it twice under one name; not running it is the lesser harm, and is shown.
            JobReport { state: JobState::Failed, trouble: Some(error.to_string().into()), ..JobReport::new() }
        });
        self.totals.launches += u64::from(report.launches);
        self.totals.failures += u64::from(report.failures);
        self.totals.losses += u64::from(report.losses);
        let (before, after) = (self.reports[job].state, report.state);
        self.reports[job] = JobReport { state: before, ..report };
        match after {
            JobState::Done | JobState::Failed => self.move_to(job, after),
            _ if after.is_out() => {
                self.move_to(job, JobState::Launched);
                self.follow(self.task_id(job), job);
            }
            _ => {}
        }
    }

    /// Works out again who may run, from where each job is.
    fn replan(&mut self, now: Now) {
        for job in 0..self.reports.len() {
            match self.reports[job].state {
                JobState::Done => {
                    for follower in self.plan.release_followers(job) {
                        if self.reports[follower].state == JobState::Blocked {
                            self.move_to(follower, JobState::Ready);
                        }
                    }
                }
                JobState::Failed => self.give_up(job, now),
                _ => {}
            }
        }
        let reports = &self.reports;
        self.plan.requeue(|job| reports[job].state == JobState::Ready);
    }
}

fn trouble(status: &TaskStatus) -> Arc<str> {
    match (&status.message, status.reason) {
        (Some(message), _) => message.clone(),
        (None, Some(reason)) => format!("{}: {reason:?}", status.state).into(),
        (None, None) => status.state.name().into(),
    }
}

impl Scheduler for Batch {
    fn recovered(&mut self, records: &[Record]) {
        for record in records {
            self.recall(record);
        }
        self.replan(Now::default());
        self.is_in_doubt = !self.runs.is_empty();
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, _id: &FrameworkId) {
        if std::mem::take(&mut self.is_in_doubt) {
            // With the agents: a master that knows where a task was can answer before every agent is back.
            let runs = self.runs.iter().map(|(_, id, &job)| (id.clone(), self.reports[job].agent_id.clone()));
            cx.call(Call::Reconcile { tasks: runs.collect() });
        }
        self.balance(cx);
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in &offers {
            self.place(cx, offer);
        }
        self.balance(cx);
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        match self.runs.find(&status.task_id) {
            Some(run) => self.observe_state(cx, self.runs[run], status),
            // Given up as unreachable, and back: its job runs elsewhere or is over.
            None if is_alive(status.state) => cx.kill(status.task_id.clone()),
            None => {}
        }
        self.balance(cx);
        Ack::Auto
    }

    fn deadline(&self) -> Option<Instant> {
        self.unreachable.next()
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        while let Some(job) = self.unreachable.pop_due(cx.now.mono) {
            self.lose(cx, job, "its agent could not be reached for too long".into());
        }
        self.balance(cx);
    }

    fn is_done(&self) -> bool {
        let Totals { jobs, done, failed, skipped, .. } = self.totals;
        done + failed + skipped == jobs
    }
}

const fn is_alive(state: TaskState) -> bool {
    matches!(state, TaskState::Staging | TaskState::Starting | TaskState::Running)
}
