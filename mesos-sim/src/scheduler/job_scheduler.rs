//! A framework that runs the jobs of one queue of a workload.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Record;
use mesos_core::provider::Ack;
use mesos_core::text::shared;
use mesos_core::{
    CommandInfo, FrameworkId, Instant, Offer, OfferId, Scheduler, SchedulerCx, TaskInfo, TaskRun, TaskState, TaskStatus,
};

use super::chooser::{Chooser, InHand, Placement, WaitingJob};
use super::hand::{Hand, Place, Slot};
use super::key::TaskKey;
use super::memory::Memory;
use super::options::{Discipline, Options};
use super::queue::{Progress, Queue, Rank};
use super::room::Room;
use super::shadow::{self, Shadow};
use crate::container::{DURATION_ENV, EXIT_ENV};
use crate::workload::{Job, Workload, replica};

/// A promise to the head of the queue is worked out anew after this time: the agents it counts on may be gone.
const SHADOW_AGE_MAX: Duration = Duration::from_secs(30);

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
    ends: std::collections::BTreeSet<(Instant, u32, u32)>,
    memory: Memory,
    /// How often tasks were tried before, if they were.
    attempts: BTreeMap<(u32, u32), u32>,
    is_subscribed: bool,
    is_suppressed: bool,
    /// What it was refusing offers for: who needs as much or more need not ask again.
    refused_for: Vec<mesos_core::Resources>,
    /// The job it thinks about, and until when.
    thinking: Option<(u32, Instant)>,
    /// Until when it holds offers for a job that needs more.
    holding_until: Option<Instant>,
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
            ends: std::collections::BTreeSet::new(),
            attempts: BTreeMap::new(),
            is_subscribed: false,
            is_suppressed: false,
            refused_for: Vec::new(),
            thinking: None,
            holding_until: None,
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

    fn admit(&mut self, cx: &mut SchedulerCx<'_>) {
        let arrived = self.queue.admit(cx.now.mono, self.options.agents);
        let mut open = Vec::new();
        for index in &arrived {
            for (task, attempt, is_over) in self.memory.take(*index) {
                open.extend(self.take_up(cx.now.mono, *index, task, attempt, is_over));
            }
        }
        if !open.is_empty() {
            cx.call(Call::Reconcile { tasks: open.into_iter().map(|key| (key.id(), None)).collect() });
        }
        let is_asking = self.is_suppressed || arrived.iter().any(|index| self.is_news(*index));
        if self.options.keeps_offers {
            self.consider(cx);
        } else if !arrived.is_empty() && is_asking {
            self.ask(cx);
        }
    }

    /// Whether a job may fit on what was refused for others.
    fn is_news(&self, index: u32) -> bool {
        let need = &self.queue.job(index).need;
        !self.refused_for.iter().any(|refused| need.contains(refused))
    }

    /// Goes on with a task as an earlier process left it; returns it if nobody knows how it is.
    fn take_up(&mut self, now: Instant, index: u32, task: u32, attempt: u32, is_over: bool) -> Option<TaskKey> {
        let workload = self.workload.clone();
        let job = workload.jobs.get(index as usize).filter(|job| task < job.tasks)?;
        let progress = self.queue.progress.get_mut(&index)?;
        // Tasks of a job without input are launched in their order.
        progress.next = if job.replicas == 0 { progress.next.max(task + 1) } else { progress.next };
        if job.replicas > 0 {
            begin(progress, job, index, task, self.options.agents);
        }
        if is_over {
            self.queue.enlist(index);
            self.queue.ended(now, index);
            return None;
        }
        progress.running += 1;
        self.attempts.insert((index, task), attempt);
        let ends_at = now + job.expected(task).min(YEAR);
        self.running.insert((index, task), Running { agent: u32::MAX, launched_at: now, ends_at, attempt });
        self.queue.enlist(index);
        Some(TaskKey { job: index, task, attempt })
    }

    /// Wants offers, whatever it refused before.
    fn ask(&mut self, cx: &mut SchedulerCx<'_>) {
        self.refused_for.clear();
        if self.is_subscribed && self.queue.is_waiting() {
            self.is_suppressed = false;
            cx.revive();
        }
    }

    /// Decides what to do with the offers in hand, or begins to think about it.
    fn consider(&mut self, cx: &mut SchedulerCx<'_>) {
        if self.hand.is_empty() || self.thinking.is_some() {
            return;
        }
        let Some(head) = self.queue.next_waiting(None) else { return self.answer(cx) };
        let Options { think_per_job, think_per_task, .. } = self.options;
        if think_per_job.is_zero() && think_per_task.is_zero() {
            return self.decide(cx);
        }
        let progress = self.queue.progress.get(&head.1);
        let tasks = progress.map_or(0, |progress| progress.ready(self.queue.job(head.1)));
        self.thinking = Some((head.1, cx.now.mono + think_per_job + think_per_task * tasks));
    }

    /// The thinking is over: places the job it was about.
    fn conclude(&mut self, cx: &mut SchedulerCx<'_>, job: u32) {
        self.thinking = None;
        self.place(cx, job, None);
        self.answer(cx);
    }

    /// Places jobs in their order until nothing more can be.
    fn decide(&mut self, cx: &mut SchedulerCx<'_>) {
        if let Some(mut chooser) = self.chooser.take() {
            self.place_chosen(cx, &mut *chooser);
            self.chooser = Some(chooser);
            return self.answer(cx);
        }
        self.round += 1;
        let mut shadow = None;
        let mut before: Option<Rank> = None;
        for _ in 0..self.options.depth {
            let Some(rank) = self.queue.next_waiting(before) else { break };
            before = Some(rank);
            if !self.is_hopeless(rank.1) && self.place(cx, rank.1, shadow.as_ref()) {
                continue;
            }
            match self.options.discipline {
                Discipline::Fifo => break,
                Discipline::Gang => return self.hold(cx),
                Discipline::Backfill if shadow.is_none() => {
                    shadow = self.shadow_of(cx.now.mono, rank.1);
                    // Without a promise anything may run: the head could not start however long one waited.
                }
                _ => {}
            }
        }
        self.answer(cx);
    }

    /// Shows the chooser what there is, and does what it says.
    ///
    /// # Panics
    /// When what it says cannot be done.
    fn place_chosen(&mut self, cx: &mut SchedulerCx<'_>, chooser: &mut dyn Chooser) {
        let workload = self.workload.clone();
        let mut jobs = Vec::new();
        let mut before = None;
        while jobs.len() < self.options.depth
            && let Some(rank) = self.queue.next_waiting(before)
        {
            before = Some(rank);
            let (index, job) = (rank.1, &workload.jobs[rank.1 as usize]);
            let running = self.queue.progress.get(&index).map_or(0, |progress| progress.running);
            jobs.push(WaitingJob { index, job, waiting: self.ready(index, job), running });
        }
        let in_hand =
            |(place, slot): (Place, &Slot)| (place, slot.agent, slot.offer.resources.clone(), slot.offer.agent.clone());
        let shown: Vec<_> = self.hand.slots().map(in_hand).collect();
        let offers: Vec<InHand<'_>> = shown
            .iter()
            .map(|(_, agent, resources, info)| InHand { agent: *agent, resources, attributes: &info.attributes })
            .collect();
        for Placement { job: index, offer, tasks } in chooser.choose(cx.now.mono, &jobs, &offers) {
            let job = workload.jobs.get(index as usize).unwrap_or_else(|| panic!("there is no job {index}"));
            assert!(offer < shown.len(), "there is no offer {offer} among the {} shown", shown.len());
            let place = shown[offer].0;
            for _ in 0..tasks {
                let slot = self.hand.slot(place);
                assert!(self.ready(index, job) > 0, "no more tasks of job {index} wait");
                assert!(
                    slot.has_room(&job.need, None),
                    "offer {offer} has no room for job {index}: {} is left",
                    slot.left
                );
                let progress = self.queue.progress.get(&index);
                let Some(task) = progress.and_then(|progress| next_task(progress, job, slot.agent, false)) else {
                    break;
                };
                let agents = self.options.agents;
                let is_near = (0..job.replicas).any(|copy| replica(index, task, copy, agents) == slot.agent);
                self.launch(cx, place, index, job, task, is_near);
            }
            self.queue.enlist(index);
        }
    }

    fn shadow_of(&mut self, now: Instant, job: u32) -> Option<Shadow> {
        let is_fresh = self.shadow.as_ref().is_some_and(|(of, until, shadow)| {
            *of == job && now < *until && shadow.as_ref().is_none_or(|shadow| now < shadow.starts_at)
        });
        if !is_fresh {
            let row = self.queue.job(job);
            let ready = self.queue.progress.get(&job).map_or(1, |progress| progress.ready(row));
            let wanted = if row.is_gang { ready } else { 1 };
            let free = self.hand.slots().map(|(_, slot)| (slot.agent, slot.left.clone()));
            let ends = self.ends.iter().filter_map(|(at, job, task)| {
                let running = self.running.get(&(*job, *task))?;
                Some((*at, running.agent, &self.queue.job(*job).need))
            });
            let shadow = shadow::cast(wanted, &row.need, free, ends);
            self.shadow = Some((job, now + SHADOW_AGE_MAX, shadow));
        }
        let (_, _, shadow) = self.shadow.as_ref()?;
        shadow.as_ref().map(|shadow| Shadow { starts_at: shadow.starts_at, agents: shadow.agents.clone() })
    }

    /// Whether the offers in hand have too little room for this job, as far as is known.
    fn is_hopeless(&self, index: u32) -> bool {
        let job = &self.workload.jobs[index as usize];
        let times = if self.is_gang(job) { self.ready(index, job) } else { 1 };
        self.room.is_hopeless(&job.need, times)
    }

    /// Whether the tasks of a job start together or not at all.
    fn is_gang(&self, job: &Job) -> bool {
        job.is_gang || self.options.discipline == Discipline::Gang
    }

    /// Puts tasks of a job on the offers in hand; whether none of them has to wait any more.
    fn place(&mut self, cx: &mut SchedulerCx<'_>, index: u32, shadow: Option<&Shadow>) -> bool {
        let workload = self.workload.clone();
        let job = &workload.jobs[index as usize];
        let ready = self.ready(index, job);
        let patience = match self.options.discipline {
            Discipline::Delay(patience) if job.replicas > 0 => Some(patience),
            _ => None,
        };
        // Only room decides about a plain job, and room only shrinks.
        let is_free = !matches!(self.options.discipline, Discipline::Sampling(_)) && patience.is_none();
        let is_plain = is_free && job.constraints.is_empty() && !job.is_spread && shadow.is_none();
        if self.is_gang(job) {
            let room = self.room_for(cx, job, index, ready, shadow);
            if room < ready {
                if is_plain {
                    self.room.note_roomless(&job.need, room + 1);
                }
                return false;
            }
        }
        let mut from = if is_plain { self.room.begin(&job.need) } else { Place::FIRST };
        let (mut left, mut has_room) = (ready, false);
        while left > 0 {
            let found = self.next_suitable(cx, from, job, index, shadow, &mut has_room);
            let Some((place, agent)) = found else {
                from = Place::LAST;
                break;
            };
            let Some(task) = self.task_for(cx.now.mono, index, job, agent, patience) else {
                from = place.next();
                continue;
            };
            from = place;
            let is_near = (0..job.replicas).any(|copy| replica(index, task, copy, self.options.agents) == agent);
            self.launch(cx, place, index, job, task, is_near);
            left -= 1;
        }
        if is_plain {
            self.room.note_begin(&job.need, from);
        }
        if left > 0 && (is_plain || !has_room) {
            self.room.note_roomless(&job.need, 1);
        }
        if left < ready {
            self.queue.enlist(index);
        }
        left == 0
    }

    /// The first offer from a place on that suits a job, and its agent; notes whether any on the way had room.
    fn next_suitable(
        &self,
        cx: &SchedulerCx<'_>,
        from: Place,
        job: &Job,
        index: u32,
        shadow: Option<&Shadow>,
        has_room: &mut bool,
    ) -> Option<(Place, u32)> {
        for (place, slot) in self.hand.slots_from(from) {
            if slot.has_room(&job.need, self.options.per_offer) {
                *has_room = true;
                if self.suits(cx, slot, job, index, shadow) {
                    return Some((place, slot.agent));
                }
            }
        }
        None
    }

    fn ready(&self, index: u32, job: &Job) -> u32 {
        self.queue.progress.get(&index).map_or(0, |progress| progress.ready(job))
    }

    /// The task of a job to launch on this agent, which has room. A job that is patient and has no input there lets it pass, and
    /// waits until the next round; while others are before it, it does not wait, whatever time goes by. What was put near
    /// its input starts the waiting anew (algorithm 2 of the paper on delay scheduling).
    fn task_for(&mut self, now: Instant, index: u32, job: &Job, agent: u32, patience: Option<Duration>) -> Option<u32> {
        let progress = self.queue.progress.get_mut(&index)?;
        let task = next_task(progress, job, agent, patience.is_some());
        let (None, Some(patience)) = (task, patience) else { return task };
        match progress.passed.replace((self.round, now)) {
            Some((round, at)) if round + 1 == self.round => progress.waited += now.since(at),
            _ => {}
        }
        if progress.waited >= patience {
            return next_task(progress, job, agent, false);
        }
        let ends_at = now + (patience - progress.waited);
        self.patience_ends_at = Some(self.patience_ends_at.map_or(ends_at, |at| at.min(ends_at)));
        None
    }

    /// Whether a job may run on an offer that has room for it.
    fn suits(&self, cx: &SchedulerCx<'_>, slot: &Slot, job: &Job, index: u32, shadow: Option<&Shadow>) -> bool {
        job.admits(&slot.offer.agent.attributes)
            && !(job.is_spread && self.is_on(slot, index))
            && self.is_drawn(slot.agent, index)
            && shadow.is_none_or(|shadow| shadow.allows(slot.agent, cx.now.mono + job.expected(0).min(YEAR)))
    }

    /// Whether this job may run on this agent, as far as agents are drawn for jobs.
    fn is_drawn(&self, agent: u32, index: u32) -> bool {
        if !matches!(self.options.discipline, Discipline::Sampling(_)) {
            return true;
        }
        let drawn = self.queue.progress.get(&index).and_then(|progress| progress.drawn.as_ref());
        drawn.is_some_and(|drawn| drawn.contains(&agent))
    }

    fn is_on(&self, slot: &Slot, index: u32) -> bool {
        let runs_there =
            || self.running.range((index, 0)..=(index, u32::MAX)).any(|(_, task)| task.agent == slot.agent);
        slot.jobs.contains(&index) || runs_there()
    }

    /// How many tasks of a job would fit on the offers in hand; so many at most.
    fn room_for(&self, cx: &SchedulerCx<'_>, job: &Job, index: u32, wanted: u32, shadow: Option<&Shadow>) -> u32 {
        let mut room = 0;
        let most = self.options.per_offer.unwrap_or(u32::MAX);
        for (_, slot) in self.hand.slots() {
            if !(slot.has_room(&job.need, Some(most)) && self.suits(cx, slot, job, index, shadow)) {
                continue;
            }
            let mut left = slot.left.clone();
            let mut here = u32::try_from(slot.tasks.len()).unwrap_or(u32::MAX);
            while here < most && left.contains(&job.need) {
                left -= &job.need;
                here += 1;
                room += 1;
                if room >= wanted {
                    return room;
                }
                if job.is_spread {
                    break;
                }
            }
        }
        room
    }

    fn launch(&mut self, cx: &mut SchedulerCx<'_>, place: Place, index: u32, job: &Job, task: u32, is_near: bool) {
        let attempt = self.attempts.get(&(index, task)).copied().unwrap_or(0);
        let key = TaskKey { job: index, task, attempt };
        self.memory.launched(cx, key);
        let factor = if job.replicas > 0 && !is_near { self.options.remote_factor } else { 1.0 };
        let command = command(job, task, factor);
        let agent_id = self.hand.slot(place).offer.agent_id.clone();
        let info = TaskInfo::new(key.id(), agent_id, job.need.clone(), TaskRun::Command(command));
        let slot = self.hand.put(place, info);
        if job.is_spread {
            slot.jobs.push(index);
        }
        let ends_at = cx.now.mono + job.expected(task).min(YEAR);
        let agent = slot.agent;
        self.running.insert((index, task), Running { agent, launched_at: cx.now.mono, ends_at, attempt });
        if self.options.discipline == Discipline::Backfill {
            self.ends.insert((ends_at, index, task));
        }
        if let Some(progress) = self.queue.progress.get_mut(&index) {
            begin(progress, job, index, task, self.options.agents);
            progress.running += 1;
            if is_near || job.replicas == 0 {
                (progress.waited, progress.passed) = (Duration::ZERO, None);
            }
        }
    }

    /// What it had in hand, or thought about, is void.
    fn let_go(&mut self) {
        self.hand = Hand::default();
        self.room.forget();
        (self.thinking, self.holding_until) = (None, None);
    }

    /// Keeps what it was offered for a job that needs more, but not for ever.
    fn hold(&mut self, cx: &mut SchedulerCx<'_>) {
        self.hand.launch(cx, self.options.refuse_for, false);
        if self.hand.is_empty() {
            return;
        }
        self.holding_until.get_or_insert(cx.now.mono + self.options.hold_for);
    }

    /// Answers all offers, and says whether it wants more.
    fn answer(&mut self, cx: &mut SchedulerCx<'_>) {
        self.holding_until = None;
        if self.options.keeps_offers {
            return self.hand.launch(cx, self.options.refuse_for, true);
        }
        self.room.forget();
        if !self.hand.is_empty() {
            // A slow thinker was about one job; what is left over may suit the next.
            let is_rest_wanted = self.options.per_offer.is_some() || !self.options.think_per_job.is_zero();
            self.note_refusal();
            self.hand.answer(cx, self.options.refuse_for, is_rest_wanted);
        }
        if !self.queue.is_waiting() && !self.is_suppressed && self.is_subscribed {
            self.is_suppressed = true;
            cx.suppress();
        }
    }

    fn note_refusal(&mut self) {
        let mut before = None;
        for _ in 0..self.options.depth.min(8) {
            let Some(rank) = self.queue.next_waiting(before) else { break };
            let need = &self.queue.job(rank.1).need;
            if !self.refused_for.iter().any(|refused| need.contains(refused)) {
                self.refused_for.push(need.clone());
            }
            before = Some(rank);
            if self.options.discipline == Discipline::Fifo {
                break;
            }
        }
    }

    fn ended(&mut self, cx: &mut SchedulerCx<'_>, key: TaskKey, state: TaskState) {
        let Some(running) = self.running.get(&(key.job, key.task)) else { return };
        if running.attempt != key.attempt {
            return;
        }
        if let Some(chooser) = &mut self.chooser {
            let ran = cx.now.mono.since(running.launched_at);
            chooser.ended(cx.now.mono, key.job, ran, state == TaskState::Finished);
        }
        self.ends.remove(&(running.ends_at, key.job, key.task));
        self.running.remove(&(key.job, key.task));
        if let Some(progress) = self.queue.progress.get_mut(&key.job) {
            progress.running -= 1;
        }
        let is_over = matches!(state, TaskState::Finished | TaskState::Killed)
            || (state == TaskState::Failed && self.queue.job(key.job).fails)
            || key.attempt + 1 >= self.options.attempts_max;
        if is_over {
            self.memory.over(cx, key);
            self.attempts.remove(&(key.job, key.task));
            self.queue.ended(cx.now.mono, key.job);
            if matches!(self.options.discipline, Discipline::Delay(_)) {
                self.queue.enlist(key.job);
            }
        } else {
            self.attempts.insert((key.job, key.task), key.attempt + 1);
            if let Some(progress) = self.queue.progress.get_mut(&key.job) {
                progress.again.push(key.task);
            }
            self.queue.enlist(key.job);
            if self.is_suppressed || self.is_news(key.job) {
                self.ask(cx);
            }
        }
    }
}

/// Longer than any run: what is added to a time must not overflow it.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The task of a job to launch next on this agent.
fn next_task(progress: &Progress, job: &Job, agent: u32, is_near_wanted: bool) -> Option<u32> {
    if let Some(again) = progress.again.last() {
        return Some(*again);
    }
    if job.replicas == 0 {
        return Some(progress.next);
    }
    let near = progress.near.get(&agent).and_then(|tasks| tasks.first().copied());
    if is_near_wanted { near } else { near.or_else(|| progress.open.first().copied()) }
}

/// Takes note that a task is launched.
fn begin(progress: &mut Progress, job: &Job, index: u32, task: u32, agents: u32) {
    if progress.again.last() == Some(&task) {
        progress.again.pop();
        return;
    }
    if job.replicas == 0 {
        progress.next += 1;
        return;
    }
    progress.open.remove(&task);
    for copy in 0..job.replicas {
        let agent = replica(index, task, copy, agents);
        if let Some(tasks) = progress.near.get_mut(&agent) {
            tasks.remove(&task);
            if tasks.is_empty() {
                progress.near.remove(&agent);
            }
        }
    }
}

fn command(job: &Job, task: u32, factor: f64) -> CommandInfo {
    let command = match job.runs.of(task) {
        Some(run) => {
            let run = if factor > 1.0 { run.mul_f64(factor) } else { run };
            CommandInfo::shell(shared(format_args!("sleep {}", run.as_secs_f64())))
        }
        None => CommandInfo::shell("serve").env(DURATION_ENV, "forever"),
    };
    if job.fails {
        CommandInfo::shell("fail").env(DURATION_ENV, secs_of(job, task)).env(EXIT_ENV, "1")
    } else {
        command
    }
}

fn secs_of(job: &Job, task: u32) -> Arc<str> {
    job.runs.of(task).map_or_else(|| "forever".into(), |run| shared(format_args!("{}", run.as_secs_f64())))
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
        for offer in offers {
            let place = self.hand.add(offer, self.options.keeps_offers);
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
        [self.queue.next_arrival(), thinking, self.holding_until, self.patience_ends_at].into_iter().flatten().min()
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
        // Who keeps offers has used them just now.
        if is_patience_over && !self.options.keeps_offers {
            self.ask(cx);
        }
    }

    fn is_done(&self) -> bool {
        self.queue.is_done()
    }
}
