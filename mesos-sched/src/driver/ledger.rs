//! Which tasks the framework asked for or heard of, until they have ended: what is reconciled, and whose kills are
//! repeated.
//!
//! Every row may carry a question (asked again, ever more rarely, until anything is heard of the task) and a kill (sent
//! again until the task has ended). A launch starts with a question that is due only when its first news is late, a new
//! subscription asks about every row at once: one mechanism covers lost launches, lost updates and lost kills.
//!
//! Not kept across a restart of the framework: the master tells what it knows at the next subscription, and what it was
//! never told the scheduler knows from its own memory.

use std::time::Duration;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Table;
use mesos_core::{AgentId, Instant, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};

use super::Options;

mesos_core::handles! {
    /// A row of the ledger.
    LedgerKey;
}

/// A task that has not ended, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerTask {
    /// Where it is, if that is known.
    pub agent_id: Option<AgentId>,
    /// The last state told; none since its launch if nothing was heard.
    pub state: Option<TaskState>,
    /// When it was launched or last heard of.
    pub heard_at: Instant,
    /// Whether it is to end.
    pub kill: Option<Box<PendingKill>>,
    /// The question about it that has no answer yet.
    question: Option<Repeat>,
}

/// A kill that is repeated until its task has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingKill {
    /// The agent the scheduler named.
    pub agent_id: Option<AgentId>,
    /// The policy the scheduler named.
    pub policy: Option<KillPolicy>,
    repeat: Repeat,
}

/// Something that is said again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Repeat {
    at: Instant,
    /// How long after that the next time is.
    pause: Duration,
}

impl Repeat {
    /// Moves on to the next time, when this one is due; whether it was.
    fn take_due(&mut self, now: Instant, pause_max: Duration) -> bool {
        if self.at > now {
            return false;
        }
        self.at = now + self.pause;
        self.pause = self.pause.saturating_mul(2).min(pause_max);
        true
    }
}

/// The tasks of one framework that have not ended, as far as is known.
#[derive(Debug, Default)]
pub struct Ledger {
    rows: Table<TaskId, LedgerKey, LedgerTask>,
    /// Not later than anything in any row; possibly earlier, until the next sweep.
    due_at: Option<Instant>,
}

/// What a sweep found due.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Kills to send again.
    pub(super) kills: Vec<Call>,
    /// Tasks to ask about.
    pub(super) questions: Vec<(TaskId, Option<AgentId>)>,
}

impl Ledger {
    /// The task with this id, if it has not ended.
    #[must_use]
    pub fn get(&self, id: &TaskId) -> Option<&LedgerTask> {
        self.rows.get(self.rows.find(id)?)
    }

    /// All tasks that have not ended.
    pub fn iter(&self) -> impl Iterator<Item = (&TaskId, &LedgerTask)> {
        self.rows.iter().map(|(_, id, row)| (id, row))
    }

    /// How many tasks have not ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether every task has ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// When the next sweep is due.
    pub(super) const fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    /// The master was asked to start a task, or the asking came too late; either way its news is expected.
    pub(super) fn observe_launch(&mut self, task: &TaskInfo, now: Instant, options: &Options) {
        let question = Repeat { at: now + options.launch_doubt_after, pause: options.reconcile_backoff_min };
        self.wake(question.at);
        let row = LedgerTask {
            agent_id: Some(task.agent_id.clone()),
            state: None,
            heard_at: now,
            kill: None,
            question: Some(question),
        };
        match self.rows.find(&task.id) {
            Some(key) => self.rows[key] = row,
            None => self.add(task.id.clone(), row, options),
        }
    }

    /// Something was said about a task.
    pub(super) fn observe(&mut self, status: &TaskStatus, now: Instant, options: &Options) {
        let is_over = status.state.is_terminal() || status.state == TaskState::Unknown;
        match self.rows.find(&status.task_id) {
            Some(key) if is_over => {
                self.rows.remove(key);
            }
            Some(key) => {
                let row = &mut self.rows[key];
                row.state = Some(status.state);
                row.heard_at = now;
                row.question = None;
                if status.agent_id.is_some() && row.agent_id != status.agent_id {
                    row.agent_id.clone_from(&status.agent_id);
                }
            }
            None if is_over => {}
            None => {
                let row = LedgerTask {
                    agent_id: status.agent_id.clone(),
                    state: Some(status.state),
                    heard_at: now,
                    kill: None,
                    question: None,
                };
                self.add(status.task_id.clone(), row, options);
            }
        }
    }

    /// A task is to end; its kill is due again after a while.
    pub(super) fn observe_kill(
        &mut self,
        id: &TaskId,
        agent_id: Option<AgentId>,
        policy: Option<KillPolicy>,
        now: Instant,
        options: &Options,
    ) {
        let repeat = Repeat { at: now + options.kill_backoff_min, pause: options.kill_backoff_min.saturating_mul(2) };
        self.wake(repeat.at);
        if let Some(row) = self.row(id, agent_id.clone(), now, options) {
            row.kill = Some(Box::new(PendingKill { agent_id, policy, repeat }));
        }
    }

    /// The scheduler wants to know about a task.
    pub(super) fn ask(&mut self, id: &TaskId, agent_id: Option<AgentId>, now: Instant, options: &Options) {
        self.wake(now);
        if let Some(row) = self.row(id, agent_id, now, options) {
            row.question = Some(Repeat { at: now, pause: options.reconcile_backoff_min });
        }
    }

    /// Everything is in doubt: asks about every task and repeats every kill.
    pub(super) fn ask_all(&mut self, now: Instant, options: &Options) {
        for (_, _, row) in self.rows.iter_mut() {
            row.question = Some(Repeat { at: now, pause: options.reconcile_backoff_min });
        }
        self.due_at = (!self.rows.is_empty()).then_some(now);
    }

    /// Repeats every kill at once.
    pub(super) fn hurry_kills(&mut self, now: Instant, options: &Options) {
        let mut is_any = false;
        for kill in self.rows.iter_mut().filter_map(|(_, _, row)| row.kill.as_mut()) {
            kill.repeat = Repeat { at: now, pause: options.kill_backoff_min };
            is_any = true;
        }
        if is_any {
            self.wake(now);
        }
    }

    /// Asks about every task of which nothing was heard for a long time.
    pub(super) fn ask_silent(&mut self, now: Instant, options: &Options) {
        for (_, _, row) in self.rows.iter_mut() {
            if row.question.is_none() && now.since(row.heard_at) >= options.reconcile_every {
                row.question = Some(Repeat { at: now, pause: options.reconcile_backoff_min });
                self.due_at = Some(self.due_at.map_or(now, |due| due.min(now)));
            }
        }
    }

    /// Takes what is due. One walk over all rows, at most as often as [`SWEEP_PAUSE_MIN`] allows.
    pub(super) fn sweep(&mut self, now: Instant, options: &Options) -> Due {
        let mut due = Due::default();
        let mut next: Option<Instant> = None;
        for (_, id, row) in self.rows.iter_mut() {
            if let Some(question) = &mut row.question {
                if question.take_due(now, options.reconcile_backoff_max) {
                    due.questions.push((id.clone(), row.agent_id.clone()));
                }
                next = earliest(next, question.at);
            }
            if let Some(kill) = &mut row.kill {
                if kill.repeat.take_due(now, options.kill_backoff_max) {
                    let (agent_id, policy) = (kill.agent_id.clone(), kill.policy);
                    due.kills.push(Call::Kill { task_id: id.clone(), agent_id, policy });
                }
                next = earliest(next, kill.repeat.at);
            }
        }
        self.due_at = next.map(|at| at.max(now + SWEEP_PAUSE_MIN));
        due
    }

    fn wake(&mut self, at: Instant) {
        self.due_at = earliest(self.due_at, at);
    }

    /// The row of a task, made if there is none and room for one.
    fn row(
        &mut self,
        id: &TaskId,
        agent_id: Option<AgentId>,
        now: Instant,
        options: &Options,
    ) -> Option<&mut LedgerTask> {
        if self.rows.find(id).is_none() {
            let row = LedgerTask { agent_id, state: None, heard_at: now, kill: None, question: None };
            self.add(id.clone(), row, options);
        }
        let key = self.rows.find(id)?;
        self.rows.get_mut(key)
    }

    fn add(&mut self, id: TaskId, row: LedgerTask, options: &Options) {
        if self.rows.len() >= options.tasks_max {
            tracing::warn!(task = %id, bound = options.tasks_max, "the ledger is full; the task is not followed");
            return;
        }
        let added = self.rows.insert(id, row);
        debug_assert!(added.is_ok(), "a row is added only for a task without one");
    }
}

/// A walk over all tasks happens at most this often, whatever is due: 100,000 rows cost less than a millisecond.
const SWEEP_PAUSE_MIN: Duration = Duration::from_millis(100);

fn earliest(a: Option<Instant>, b: Instant) -> Option<Instant> {
    Some(a.map_or(b, |a| a.min(b)))
}
