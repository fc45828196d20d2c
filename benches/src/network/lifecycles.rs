//! Task life cycles through a master on a port, with agents and a framework at the other end of streams.
//!
//! A life cycle is: offered, accepted, launched, starting, running, finished, each of the three updates acknowledged by the
//! framework all the way back to the agent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mesos_core::daemon::MemoryStore;
use mesos_core::{
    Ack, FrameworkInfo, Offer, Resources, Role, Scheduler, SchedulerCx, TaskId, TaskInfo, TaskState, TaskStatus,
};
use mesos_sched::daemon::election::Fixed;
use mesos_sched::daemon::{SchedulerDriver, SchedulerSetup};
use tokio::sync::Notify;

use super::{Served, Toy, connector};
use crate::measure::process_clock;

/// What a flood has done and may do.
#[derive(Debug, Default)]
pub struct Gauge {
    launched: AtomicU64,
    finished: AtomicU64,
    wanted: AtomicU64,
    done: Notify,
}

impl Gauge {
    /// Tasks that have finished.
    pub fn finished(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }
}

/// Launches tasks that only exist, as many as fit into each offer, until so many have finished.
struct Flood {
    each: Resources,
    gauge: Arc<Gauge>,
}

impl Scheduler for Flood {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        let wanted = self.gauge.wanted.load(Ordering::Relaxed);
        for offer in offers {
            let mut left = offer.resources.clone();
            let mut tasks = Vec::new();
            while self.gauge.launched.load(Ordering::Relaxed) < wanted && left.contains(&self.each) {
                left -= &self.each;
                let n = self.gauge.launched.fetch_add(1, Ordering::Relaxed);
                let id = TaskId::new(format!("t{n}")).expect("a number is an id");
                tasks.push(TaskInfo::shell(id, offer.agent_id.clone(), self.each.clone(), "true"));
            }
            if tasks.is_empty() {
                cx.decline(&offer);
            } else {
                cx.launch(&offer, tasks);
            }
        }
    }

    fn update(&mut self, _cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if status.state == TaskState::Finished {
            let finished = self.gauge.finished.fetch_add(1, Ordering::Relaxed) + 1;
            if finished == self.gauge.wanted.load(Ordering::Relaxed) {
                self.gauge.done.notify_one();
            }
        }
        Ack::Auto
    }
}

/// A master, agents and a framework that floods them.
#[allow(missing_debug_implementations, reason = "nobody prints a running cluster")]
pub struct Flooded {
    /// The master.
    pub served: Served,
    gauge: Arc<Gauge>,
    driver: SchedulerDriver,
    _agents: Vec<mesos_core::daemon::Task>,
}

impl Flooded {
    /// So many agents with room for so many tasks each, and an idle framework.
    ///
    /// # Panics
    /// When they cannot be started: a defect.
    pub async fn start(agents: usize, slots: usize) -> Self {
        let served = Served::start(1, MemoryStore::new()).await.expect("a master");
        let resources: Resources = format!("cpus:{slots};mem:{}", slots * 1_024).parse().expect("resources");
        let mut tasks = Vec::with_capacity(agents);
        for index in 0..agents {
            let toy = Toy::register(&connector(), &served.leader, index, &resources).await.expect("an agent");
            tasks.push(mesos_core::daemon::Task::spawn(toy.run()));
        }
        let gauge = Arc::new(Gauge::default());
        let flood = Flood { each: "cpus:1;mem:1024".parse().expect("resources"), gauge: gauge.clone() };
        let scheduler: Box<dyn Scheduler> = Box::new(flood);
        let info = FrameworkInfo::new("flood", Role::any());
        let detector = Box::new(Fixed::new(served.leader.clone()));
        let setup = SchedulerSetup::new(info, scheduler, Arc::new(MemoryStore::new()), detector, Arc::new(connector()));
        let driver = SchedulerDriver::start(setup).await.expect("a framework");
        Self { served, gauge, driver, _agents: tasks }
    }

    /// What happened so far.
    #[must_use]
    pub fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    /// Runs so many more life cycles to their end.
    pub async fn run(&self, life_cycles: u64) {
        let wanted = self.gauge.wanted.load(Ordering::Relaxed) + life_cycles;
        self.want(wanted).await;
        while self.gauge.finished() < wanted {
            self.gauge.done.notified().await;
        }
    }

    /// Wants so many life cycles in all.
    pub async fn want(&self, life_cycles: u64) {
        self.gauge.wanted.store(life_cycles, Ordering::Relaxed);
        self.driver.act(|cx| cx.revive()).await;
    }
}

/// What life cycles took, both ends on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Per second of the clock.
    pub per_second: f64,
    /// Processor time of each, in microseconds, of both ends together.
    pub cpu_micros: f64,
}

/// Runs so many life cycles on so many agents with so many tasks each at a time.
///
/// # Panics
/// When the cluster does not run: a defect.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn rate(agents: usize, slots: usize, life_cycles: u64) -> Rate {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rate = runtime.block_on(async {
        let flooded = Flooded::start(agents, slots).await;
        flooded.run(life_cycles / 10).await;
        let (began, spent) = (Instant::now(), process_clock());
        flooded.run(life_cycles).await;
        let spent = process_clock().saturating_sub(spent);
        Rate {
            per_second: life_cycles as f64 / began.elapsed().as_secs_f64(),
            cpu_micros: spent.as_secs_f64() * 1e6 / life_cycles as f64,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    rate
}
