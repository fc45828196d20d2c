//! W3: a cluster of 1,000 hosts and 100,000 tasks.
//!
//! One queue, first in first out with head-of-line blocking; the first host with room takes the task; tried whenever a task
//! arrives or ends. [`Ideal`](Surroundings::Ideal) surroundings take no time, so the outcome is that of a bare loop to the
//! last digit, although every task passes the real driver, master, allocator, agent and executor.
//!
//! The framework keeps every offer it is made and its own account of what is free. When a task is to start, its host is
//! known at once; it is launched as soon as offers of that host hold enough. That takes a few nanoseconds even where nothing
//! else does, since what is free again is offered in the next round. A bare loop knows nothing of them, and tasks that end at
//! the same moment end there in the order in which they started. So in ideal surroundings the framework lives a little in the
//! past: it waits until everything of a moment is known, takes it in the order of the loop, and has tasks run until the end
//! that was decided.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos_core::{
    Ack, CommandInfo, Filters, FrameworkInfo, Instant, Offer, OfferId, Operation, Resources, Role, Scalar, Scheduler,
    SchedulerCx, TaskId, TaskInfo, TaskState, TaskStatus,
};
use mesos_sim::container::DURATION_ENV;
use mesos_sim::{Cluster, Report, secs};

use super::SplitMix;

/// Hosts.
pub const HOSTS: usize = 1_000;
/// Tasks.
pub const TASKS: usize = 100_000;
/// Cores of a host.
const CORES: u64 = 16;
/// Memory of a host in GiB.
const GIB: u64 = 64;

/// The mean run time of the load that just fits, and of the one that queues.
pub const FITTING: f64 = 300.0;
/// See [`FITTING`].
pub const QUEUEING: f64 = 400.0;

/// A task of the workload.
#[derive(Debug, Clone, Copy)]
struct Piece {
    arrives_at: Instant,
    cores: u64,
    gib: u64,
    runs_for: Duration,
}

/// The tasks of a workload with this mean run time.
fn draw(tasks: usize, mean_secs: f64) -> Vec<Piece> {
    let mut stream = SplitMix::new(42);
    let mut at = 0.0;
    let mut piece = || {
        at += -(1.0 - stream.unit()).ln() * 0.05;
        let cores = 1 + stream.bits() % 4;
        let gib = 1 << (stream.bits() % 4);
        let runs = (-(1.0 - stream.unit()).ln() * mean_secs).max(1.0);
        let arrives_at = Instant::ZERO + Duration::from_secs_f64(at);
        Piece { arrives_at, cores, gib, runs_for: Duration::from_secs_f64(runs) }
    };
    (0..tasks).map(|_| piece()).collect()
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// When the last task ended.
    pub last: Duration,
    /// How long tasks waited in all.
    pub waited: Duration,
    /// Tasks that waited at the same time, at most.
    pub queue_max: usize,
    /// Tasks that ended.
    pub ended: usize,
}

/// A host as the framework sees it.
#[derive(Debug, Default)]
struct Host {
    cores: u64,
    gib: u64,
    /// Offers of it, and all they hold.
    offers: Vec<OfferId>,
    offered: Resources,
    /// Tasks that are to start there.
    starting: VecDeque<usize>,
    id: Option<mesos_core::AgentId>,
}

/// The framework.
#[derive(Debug)]
struct FirstFit {
    pieces: Arc<Vec<Piece>>,
    /// When the first piece arrives: nothing is launched before every host is known.
    begins_at: Instant,
    hosts: Vec<Host>,
    arrived: usize,
    queue: VecDeque<usize>,
    /// Where and when each piece that was started was.
    starts: Vec<Start>,
    /// How many were started.
    started: u32,
    /// Pieces that ended and whose hosts are not counted as free yet, in the order of the loop.
    ended: BTreeSet<(Instant, u32, usize)>,
    /// How far in the past it lives, and whether ends are those that were decided.
    lag: Option<Duration>,
    outcome: Outcome,
    shown: Arc<Mutex<Outcome>>,
}

/// The start of a piece, as it was decided.
#[derive(Debug, Clone, Copy)]
struct Start {
    at: Instant,
    host: usize,
    /// So many were started before it.
    place: u32,
}

impl Start {
    const NONE: Self = Self { at: Instant::ZERO, host: 0, place: 0 };
}

/// Longer than anything takes in ideal surroundings.
const LAG: Duration = Duration::from_nanos(100);

impl FirstFit {
    fn new(
        pieces: Arc<Vec<Piece>>,
        begins_at: Instant,
        hosts: usize,
        lag: Option<Duration>,
        shown: Arc<Mutex<Outcome>>,
    ) -> Self {
        let host = || Host { cores: CORES, gib: GIB, ..Host::default() };
        Self {
            starts: vec![Start::NONE; pieces.len()],
            pieces,
            begins_at,
            hosts: (0..hosts).map(|_| host()).collect(),
            arrived: 0,
            queue: VecDeque::new(),
            started: 0,
            ended: BTreeSet::new(),
            lag,
            outcome: Outcome::default(),
            shown,
        }
    }

    fn arrives_at(&self, piece: usize) -> Instant {
        self.begins_at + self.pieces[piece].arrives_at.since(Instant::ZERO)
    }

    /// When the next piece arrives.
    fn next_arrival(&self) -> Option<Instant> {
        (self.arrived < self.pieces.len()).then(|| self.arrives_at(self.arrived))
    }

    /// Lives through all that is known to have happened by then, in order.
    fn live_until(&mut self, cx: &mut SchedulerCx<'_>, until: Instant) {
        loop {
            let arrival = self.next_arrival();
            let end = self.ended.first().map(|(at, ..)| *at);
            let Some(at) = arrival.into_iter().chain(end).min().filter(|at| *at <= until) else { return };
            if arrival == Some(at) {
                self.queue.push_back(self.arrived);
                self.arrived += 1;
                self.place(cx, at);
                self.outcome.queue_max = self.outcome.queue_max.max(self.queue.len());
            } else if let Some((_, _, piece)) = self.ended.pop_first() {
                self.end(cx, piece, at);
            }
        }
    }

    fn end(&mut self, cx: &mut SchedulerCx<'_>, piece: usize, at: Instant) {
        let Piece { cores, gib, .. } = self.pieces[piece];
        let host = &mut self.hosts[self.starts[piece].host];
        (host.cores, host.gib) = (host.cores + cores, host.gib + gib);
        self.outcome.ended += 1;
        self.outcome.last = at.since(self.begins_at);
        self.place(cx, at);
        if self.is_done() {
            *self.shown.lock().expect("nobody panicked") = self.outcome;
        }
    }

    /// Starts what can be started, in order.
    fn place(&mut self, cx: &mut SchedulerCx<'_>, now: Instant) {
        while let Some(&piece) = self.queue.front() {
            let Piece { cores, gib, .. } = self.pieces[piece];
            let Some(at) = self.hosts.iter().position(|host| host.cores >= cores && host.gib >= gib) else { return };
            self.queue.pop_front();
            self.outcome.waited += now.since(self.arrives_at(piece));
            self.starts[piece] = Start { at: now, host: at, place: self.started };
            self.started += 1;
            let host = &mut self.hosts[at];
            (host.cores, host.gib) = (host.cores - cores, host.gib - gib);
            host.starting.push_back(piece);
            self.launch(cx, at);
        }
    }

    /// Launches what is to start on a host, as far as its offers go.
    fn launch(&mut self, cx: &mut SchedulerCx<'_>, at: usize) {
        let host = &mut self.hosts[at];
        let mut tasks = Vec::new();
        while let (Some(&piece), Some(id)) = (host.starting.front(), &host.id) {
            let Piece { cores, gib, runs_for, .. } = self.pieces[piece];
            let needs = needs(cores, gib);
            if !host.offered.contains(&needs) {
                break;
            }
            host.starting.pop_front();
            host.offered -= &needs;
            let late = self.lag.map_or(Duration::ZERO, |_| cx.now.mono.since(self.starts[piece].at));
            let runs_for = runs_for.saturating_sub(late);
            let command = CommandInfo::shell("work").env(DURATION_ENV, format!("{:.9}", runs_for.as_secs_f64()));
            let name = TaskId::new(piece.to_string()).expect("digits make an id");
            tasks.push(Arc::new(TaskInfo::command(name, id.clone(), needs, command)));
        }
        if !tasks.is_empty() {
            host.offered = Resources::new();
            cx.accept(std::mem::take(&mut host.offers), [Operation::Launch(tasks)], Filters::none());
        }
    }
}

fn needs(cores: u64, gib: u64) -> Resources {
    let units = |units: u64| Scalar::from_units(u32::try_from(units).expect("a small number"));
    Resources::from_plain([units(cores), units(gib * 1_024), Scalar::ZERO, Scalar::ZERO])
}

impl Scheduler for FirstFit {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            let digits = offer.agent.hostname.rsplit('-').next().and_then(|digits| digits.parse::<usize>().ok());
            let at = digits.expect("hosts are numbered");
            let host = &mut self.hosts[at];
            host.id = Some(offer.agent_id);
            host.offered += &offer.resources;
            host.offers.push(offer.id);
            self.launch(cx, at);
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if status.state == TaskState::Finished {
            let piece: usize = status.task_id.as_str().parse().expect("tasks are numbered");
            let Start { at, place, .. } = self.starts[piece];
            let ended_at = self.lag.map_or(cx.now.mono, |_| at + self.pieces[piece].runs_for);
            self.ended.insert((ended_at, place, piece));
            if self.lag.is_none() {
                self.live_until(cx, cx.now.mono);
            }
        } else {
            assert!(!status.state.is_terminal(), "a task ended as {}", status.state);
        }
        Ack::Auto
    }

    fn rescinded(&mut self, _cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        panic!("offer {offer} was taken back although nothing is wrong");
    }

    fn deadline(&self) -> Option<Instant> {
        let end = self.ended.first().map(|(at, ..)| *at);
        let next = self.next_arrival().into_iter().chain(end).min();
        next.map(|next| next + self.lag.unwrap_or_default())
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        let lag = self.lag.unwrap_or_default();
        self.live_until(cx, Instant::ZERO + cx.now.mono.since(Instant::ZERO).saturating_sub(lag));
    }

    fn is_done(&self) -> bool {
        self.outcome.ended == self.pieces.len()
    }
}

/// What surrounds the machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// Networks, disks, containers and the allocator's rounds take the time they usually take.
    Usual,
    /// Nothing takes any time.
    Ideal,
}

/// Runs so many tasks of this mean run time on so many hosts.
///
/// # Panics
/// When not every task ends well: a defect.
#[must_use]
pub fn run(surroundings: Surroundings, hosts: usize, tasks: usize, mean_secs: f64) -> (Outcome, Report) {
    let begins_at = Instant::ZERO + secs(60);
    let pieces = Arc::new(draw(tasks, mean_secs));
    let shown = Arc::new(Mutex::new(Outcome::default()));
    let mut info = FrameworkInfo::new("queue", Role::any());
    info.checkpoint = false;
    let lag = (surroundings == Surroundings::Ideal).then_some(LAG);
    let framework = {
        let shown = shown.clone();
        move || Box::new(FirstFit::new(pieces.clone(), begins_at, hosts, lag, shown.clone())) as Box<dyn Scheduler>
    };
    let mut cluster =
        Cluster::builder().agents(hosts, &format!("cpus:{CORES};mem:{}", GIB * 1_024)).framework_as(info, framework);
    let conditions = cluster.conditions_mut();
    conditions.is_tallied = false;
    if surroundings == Surroundings::Ideal {
        conditions.net.latency = (Duration::ZERO, Duration::ZERO);
        conditions.disk_latency = (Duration::ZERO, Duration::ZERO);
        conditions.containers.start = (Duration::ZERO, Duration::ZERO);
        conditions.containers.answer = Duration::ZERO;
        let allocation_interval = Duration::from_nanos(1);
        let options = mesos_sched::allocator::Options { allocation_interval, ..Default::default() };
        cluster = cluster.drf(options);
    }
    let mut simulation = cluster.simulate(1).expect("a valid cluster");
    let report = simulation.run_until_done(secs(30 * 24 * 3_600)).expect("every task ends");
    let outcome = *shown.lock().expect("nobody panicked");
    (outcome, report)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last end to the millisecond and the mean wait to the microsecond, as two independent programs have them.
    fn shown(mean_secs: f64) -> (usize, String, String, usize) {
        let (outcome, _) = run(Surroundings::Ideal, HOSTS, TASKS, mean_secs);
        let last = format!("{:.3}", outcome.last.as_secs_f64());
        let mean_wait = format!("{:.6}", outcome.waited.as_secs_f64() / f64::from(u32::try_from(TASKS).unwrap()));
        (outcome.ended, last, mean_wait, outcome.queue_max)
    }

    #[test]
    fn ideal_surroundings_give_the_outcome_of_a_bare_loop() {
        assert_eq!(shown(FITTING), (TASKS, "7567.867".into(), "0.000000".into(), 0));
    }

    #[test]
    fn they_do_when_most_tasks_wait() {
        assert_eq!(shown(QUEUEING), (TASKS, "9668.544".into(), "542.959634".into(), 18_882));
    }
}
