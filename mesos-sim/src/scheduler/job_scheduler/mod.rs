//! A framework that runs the jobs of one queue of a workload.
//!
//! ```text
//!   jobs ──▶ arrival ──▶ queue ─┐
//!   offers ──▶ hand ────────────┴▶ decision ──▶ placement ──▶ answer ──▶ accept, decline, hold, revive
//!   updates ──▶ ending                 └ or chosen
//! ```

mod answer;
mod arrival;
mod chosen;
mod decision;
mod ending;
mod placement;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::kernel::Record;
use mesos_core::provider::Ack;
use mesos_core::{FrameworkId, Instant, Offer, OfferId, Resources, Scheduler, SchedulerCx, TaskState, TaskStatus};

use super::chooser::Chooser;
use super::hand::Hand;
use super::key::TaskKey;
use super::memory::Memory;
use super::options::Options;
use super::queue::Queue;
use super::room::Room;
use super::shadow::Shadow;
use crate::workload::Workload;

/// A task under way.
#[derive(Debug)]
struct Running {
    agent: u32,
    launched_at: Instant,
    ends_at: Instant,
    attempt: u32,
}

/// Runs the jobs of one queue.
#[derive(Debug)]
pub struct JobScheduler {
    options: Options,
    workload: Arc<Workload>,
    /// Somebody's own rule instead of the discipline's.
    chooser: Option<Box<dyn Chooser>>,
    queue: Queue,
    hand: Hand,
    running: BTreeMap<(u32, u32), Running>,
    /// The same by the time at which they are expected to end.
    ends: BTreeSet<(Instant, u32, u32)>,
    memory: Memory,
    /// How often tasks were tried before, if they were.
    attempts: BTreeMap<(u32, u32), u32>,
    is_subscribed: bool,
    is_suppressed: bool,
    /// What it was refusing offers for: who needs as much or more need not ask again.
    refused_for: Vec<Resources>,
    /// The job it thinks about, and until when.
    thinking: Option<(u32, Instant)>,
    /// Until when it holds offers for a job that needs more.
    holding_until: Option<Instant>,
    /// When it asks again for all it refused, because a job that starts all at once has to wait.
    gather_at: Option<Instant>,
    /// How often it has decided.
    round: u64,
    /// When a job has waited long enough for a better place.
    patience_ends_at: Option<Instant>,
    shadow: Option<(u32, Instant, Option<Shadow>)>,
    room: Room,
}

impl JobScheduler {
    /// Runs the jobs of this queue.
    #[must_use]
    pub fn new(workload: Arc<Workload>, queue: u32, options: Options) -> Self {
        let queue = Queue::new(workload.clone(), queue, options.discipline);
        Self {
            memory: Memory::new(options.is_remembering),
            options,
            workload,
            chooser: None,
            queue,
            hand: Hand::default(),
            running: BTreeMap::new(),
            ends: BTreeSet::new(),
            attempts: BTreeMap::new(),
            is_subscribed: false,
            is_suppressed: false,
            refused_for: Vec::new(),
            thinking: None,
            holding_until: None,
            gather_at: None,
            round: 0,
            patience_ends_at: None,
            shadow: None,
            room: Room::default(),
        }
    }

    /// Places what this chooser says instead.
    #[must_use]
    pub fn choosing(mut self, chooser: Box<dyn Chooser>) -> Self {
        self.chooser = Some(chooser);
        self
    }

    /// As the trait object a description wants.
    #[must_use]
    pub fn boxed(self) -> Box<dyn Scheduler> {
        Box::new(self)
    }

    /// What it had in hand, or thought about, is void.
    fn let_go(&mut self) {
        self.hand = Hand::default();
        self.room.forget();
        (self.thinking, self.holding_until, self.gather_at) = (None, None, None);
    }
}

impl Scheduler for JobScheduler {
    fn recovered(&mut self, records: &[Record]) {
        self.memory.recover(records);
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, _id: &FrameworkId) {
        self.is_subscribed = true;
        self.let_go();
        self.is_suppressed = false;
        self.admit(cx);
        if self.options.keeps_offers || self.queue.is_waiting() {
            self.ask(cx);
        } else {
            self.is_suppressed = true;
            cx.suppress();
        }
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        // A chooser may hold offers, and sees those of one agent as one.
        let is_kept = self.options.keeps_offers || self.chooser.is_some();
        for offer in offers {
            let place = self.hand.add(offer, is_kept);
            self.room.note_grown(place, self.hand.slot(place));
        }
        self.admit(cx);
        self.consider(cx);
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        let Some(key) = TaskKey::parse(&status.task_id) else { return Ack::Auto };
        match status.state {
            TaskState::Staging | TaskState::Starting | TaskState::Running => {
                let is_known = self.running.get(&(key.job, key.task)).is_some_and(|task| task.attempt == key.attempt);
                if !is_known {
                    // A try that was given up has turned up again.
                    cx.kill(status.task_id.clone());
                }
            }
            TaskState::Killing => {}
            state => self.ended(cx, key, state),
        }
        Ack::Auto
    }

    fn rescinded(&mut self, cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.hand.drop_offer(offer);
        if self.hand.is_empty() {
            self.holding_until = None;
            self.consider(cx);
        }
    }

    fn disconnected(&mut self, _cx: &mut SchedulerCx<'_>) {
        self.is_subscribed = false;
        self.let_go();
    }

    fn deadline(&self) -> Option<Instant> {
        let thinking = self.thinking.map(|(_, at)| at);
        let times = [self.queue.next_arrival(), thinking, self.holding_until, self.gather_at, self.patience_ends_at];
        times.into_iter().flatten().min()
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        let now = cx.now.mono;
        let is_patience_over = self.patience_ends_at.take_if(|at| *at <= now).is_some();
        self.admit(cx);
        if let Some((job, at)) = self.thinking
            && at <= now
        {
            self.conclude(cx, job);
        }
        if self.holding_until.is_some_and(|at| at <= now) {
            // Two that hold what the other needs would wait for ever: both let go.
            self.answer(cx);
        }
        let is_to_gather = self.gather_at.take_if(|at| *at <= now).is_some();
        // Who keeps offers has used them just now.
        if is_to_gather || is_patience_over && !self.options.keeps_offers {
            self.ask(cx);
        }
    }

    fn is_done(&self) -> bool {
        self.queue.is_done()
    }
}
