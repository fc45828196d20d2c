//! Task life cycles through master, allocator, driver and agents, in one thread, without IO.
//!
//! A life cycle is: offered, accepted, launched, starting, running, finished, each update acknowledged by the framework all
//! the way back to the agent. Every machine is the production one; only the links are a queue, writes are durable at once and
//! containers end as soon as somebody waits for them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mesos_core::call::agent::ToMaster;
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::call::{ConnId, Leader};
use mesos_core::kernel::{Cx, Draft, Machine, Outbound, Rng, Seq, Term};
use mesos_core::{
    Ack, AgentInfo, Exit, Filters, FrameworkInfo, Instant, MasterId, Now, Offer, Operation, Resources, Role, Scheduler,
    SchedulerCx, TaskId, TaskInfo, TaskState, TaskStatus, WallTime,
};
use mesos_exec::agent::{self, Agent, ContainerOp, ContainerOutcome, ExecutorFactory};
use mesos_sched::allocator::HierarchicalDrf;
use mesos_sched::driver::{self, Driver};
use mesos_sched::master::{self, Master};

/// Launches tasks that only exist, as many as fit into each offer, until so many have finished.
#[derive(Debug)]
struct Flood {
    each: Resources,
    launched: u64,
    finished: u64,
    /// Shared with the one who asks for more.
    wanted: Arc<AtomicU64>,
}

impl Scheduler for Flood {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            let mut left = offer.resources.clone();
            let mut tasks = Vec::new();
            while self.launched < self.wanted.load(Ordering::Relaxed) && left.contains(&self.each) {
                left -= &self.each;
                let id = TaskId::new(format!("t{}", self.launched)).expect("a number is an id");
                tasks.push(TaskInfo::shell(id, offer.agent_id.clone(), self.each.clone(), "true"));
                self.launched += 1;
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
            self.finished += 1;
        }
        Ack::Auto
    }
}

enum Due {
    Master(master::Input),
    Agent(usize, agent::Input),
    Driver(driver::Input),
}

/// A machine with what its host keeps for it.
struct Hosted<M: Machine> {
    machine: M,
    rng: Rng,
    out: Vec<M::Effect>,
}

impl<M: Machine> Hosted<M> {
    fn new(machine: M, node: u64) -> Self {
        Self { machine, rng: Rng::of_node(7, node), out: Vec::new() }
    }

    fn handle(&mut self, now: Now, input: M::Input) {
        self.machine.handle(&mut Cx::new(now, &mut self.rng, &mut self.out), input);
    }

    fn tick(&mut self, now: Now) {
        if self.machine.deadline().is_some_and(|due| due <= now.mono) {
            self.machine.tick(&mut Cx::new(now, &mut self.rng, &mut self.out));
        }
    }
}

/// A cluster of production machines in one thread.
#[allow(missing_debug_implementations, reason = "it holds machines of all kinds; nobody prints it")]
pub struct Pump {
    now: Now,
    queue: VecDeque<Due>,
    master: Hosted<Master>,
    agents: Vec<Hosted<Agent>>,
    driver: Hosted<Driver<Flood>>,
    wanted: Arc<AtomicU64>,
    /// Machine steps so far.
    pub steps: u64,
}

impl Pump {
    /// So many agents of 16 processors and 16 GB, registered, and one framework, subscribed and idle. A framework that
    /// checkpoints makes its agents encode every task and update.
    #[must_use]
    pub fn new(agents: usize, is_checkpointing: bool) -> Self {
        let id = MasterId::new("m").expect("an id");
        let leader = Leader { id: id.clone(), address: "m".into(), term: Term(1) };
        let allocator = Box::new(HierarchicalDrf::new(mesos_sched::allocator::Options::default()));
        let each: Resources = "cpus:1;mem:1024".parse().expect("resources");
        let wanted = Arc::new(AtomicU64::new(0));
        let flood = Flood { each, launched: 0, finished: 0, wanted: wanted.clone() };
        let mut info = FrameworkInfo::new("flood", Role::any());
        info.checkpoint = is_checkpointing;
        let mut pump = Self {
            now: Now { mono: Instant::ZERO, wall: WallTime::from_nanos(1_700_000_000_000_000_000) },
            queue: VecDeque::new(),
            master: Hosted::new(Master::new(id, master::Options::default(), allocator), 0),
            agents: (0..agents).map(agent).collect(),
            driver: Hosted::new(Driver::new(info, Box::new(flood), driver::Options::default()), 1),
            wanted,
            steps: 0,
        };
        pump.queue.push_back(Due::Master(master::Input::Elected { term: Term(1), records: Vec::new() }));
        pump.queue.push_back(Due::Driver(driver::Input::Recovered { records: Vec::new() }));
        pump.queue.push_back(Due::Driver(driver::Input::LeaderChanged { leader: Some(leader.clone()) }));
        for n in 0..agents {
            pump.queue.push_back(Due::Agent(n, agent::Input::Recovered { records: Vec::new() }));
            pump.queue.push_back(Due::Agent(n, agent::Input::LeaderChanged { leader: Some(leader.clone()) }));
        }
        while pump.master.machine.agents().count() < agents || !pump.driver.machine.is_subscribed() {
            pump.run_second();
        }
        pump
    }

    /// Runs so many life cycles to their last acknowledgement.
    ///
    /// # Panics
    /// When they do not end: a defect.
    pub fn run(&mut self, life_cycles: u64) {
        let wanted = self.driver.machine.scheduler().finished + life_cycles;
        self.wanted.store(wanted, Ordering::Relaxed);
        let mut seconds = 0;
        while self.driver.machine.scheduler().finished < wanted || self.master.machine.tasks().next().is_some() {
            self.run_second();
            seconds += 1;
            assert!(seconds < 100_000, "the life cycles do not end");
        }
    }

    /// The master.
    #[must_use]
    pub const fn master(&self) -> &Master {
        &self.master.machine
    }

    /// One virtual second: everything queued, then everything due.
    fn run_second(&mut self) {
        self.drain();
        let second = Duration::from_secs(1);
        self.now = Now { mono: self.now.mono + second, wall: self.now.wall + second };
        self.master.tick(self.now);
        self.after_master();
        self.driver.tick(self.now);
        self.after_driver();
        for n in 0..self.agents.len() {
            self.agents[n].tick(self.now);
            self.after_agent(n);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(due) = self.queue.pop_front() {
            self.steps += 1;
            match due {
                Due::Master(input) => {
                    self.master.handle(self.now, input);
                    self.after_master();
                }
                Due::Agent(n, input) => {
                    self.agents[n].handle(self.now, input);
                    self.after_agent(n);
                }
                Due::Driver(input) => {
                    self.driver.handle(self.now, input);
                    self.after_driver();
                }
            }
        }
    }

    fn after_master(&mut self) {
        for effect in self.master.out.drain(..) {
            self.queue.push_back(match effect {
                master::Effect::Persist { ticket, .. } => {
                    Due::Master(master::Input::Persisted { ticket, result: Ok(()) })
                }
                master::Effect::ToScheduler { conn, seq, event } => {
                    Due::Driver(driver::Input::Received { conn, seq, event })
                }
                master::Effect::ToAgent { conn, seq, message } => {
                    let n = usize::try_from(conn.0).expect("few agents") - 1;
                    Due::Agent(n, agent::Input::Received { conn, seq, message })
                }
                other => panic!("a healthy cluster does not need {other:?}"),
            });
        }
    }

    fn after_agent(&mut self, n: usize) {
        for effect in self.agents[n].out.drain(..) {
            let input = match effect {
                agent::Effect::Connect { .. } => agent::Input::Connected { conn: ConnId(n as u64 + 1) },
                agent::Effect::Send { conn, seq, message } => {
                    self.queue.push_back(Due::Master(master::Input::Agent { conn, seq, message }));
                    continue;
                }
                agent::Effect::Checkpoint { ticket, changes } => {
                    std::hint::black_box(Draft::write_out_all(&changes));
                    agent::Input::Checkpointed { ticket, result: Ok(()) }
                }
                agent::Effect::Container { ticket, op } => {
                    let outcome = match op {
                        ContainerOp::Recover(_) => ContainerOutcome::Recovered([].into()),
                        ContainerOp::Launch(_) => ContainerOutcome::Launched,
                        ContainerOp::Wait(_) => ContainerOutcome::Exited(Exit::Status(0)),
                        _ => ContainerOutcome::Done,
                    };
                    agent::Input::Container { ticket, outcome }
                }
                other => panic!("a healthy cluster does not need {other:?}"),
            };
            self.queue.push_back(Due::Agent(n, input));
        }
    }

    fn after_driver(&mut self) {
        for effect in self.driver.out.drain(..) {
            self.queue.push_back(match effect {
                driver::Effect::Connect { .. } => Due::Driver(driver::Input::Connected { conn: ConnId(0) }),
                driver::Effect::Send { conn, seq, call } => Due::Master(master::Input::Scheduler { conn, seq, call }),
                driver::Effect::Save { ticket, changes } => {
                    std::hint::black_box(Draft::write_out_all(&changes));
                    Due::Driver(driver::Input::Saved { ticket, result: Ok(()) })
                }
                other => panic!("a healthy cluster does not need {other:?}"),
            });
        }
    }
}

fn agent(n: usize) -> Hosted<Agent> {
    let resources = "cpus:16;mem:16384;disk:100000;ports:[31000-32000]".parse().expect("resources");
    let info = AgentInfo::new(format!("host{n}"), resources);
    Hosted::new(Agent::new(info, agent::Options::default(), ExecutorFactory::new()), n as u64 + 2)
}

/// A master alone, fed by hand: to see what it holds in memory without the other machines beside it.
#[allow(missing_debug_implementations, reason = "it holds a whole master; nobody prints it")]
pub struct MasterAlone {
    now: Now,
    master: Hosted<Master>,
    agents: usize,
    scheduler_seq: Outbound,
}

impl MasterAlone {
    /// A leading master with so many registered agents of 100 processors and 100 GB, and one subscribed framework.
    #[must_use]
    pub fn new(agents: usize) -> Self {
        let id = MasterId::new("5c1f3e6a-6d0b-4f6e-9a55-1f0c2b7f9d11").expect("an id");
        let allocator = Box::new(HierarchicalDrf::new(mesos_sched::allocator::Options::default()));
        let mut alone = Self {
            now: Now { mono: Instant::ZERO, wall: WallTime::from_nanos(1_700_000_000_000_000_000) },
            master: Hosted::new(Master::new(id, master::Options::default(), allocator), 0),
            agents,
            scheduler_seq: Outbound::default(),
        };
        alone.feed(master::Input::Elected { term: Term(1), records: Vec::new() });
        for n in 0..agents {
            let resources: Resources =
                "cpus:100;mem:102400;disk:1000000;ports:[31000-32000]".parse().expect("resources");
            let info = Arc::new(AgentInfo::new(format!("agent-{n}.rack-7.example.org"), resources.clone()));
            let message = ToMaster::Register { info, total: resources };
            alone.feed(master::Input::Agent { conn: ConnId(n as u64 + 1), seq: Seq(0), message });
        }
        let info = Box::new(FrameworkInfo::new("flood", Role::any()));
        alone.call(Call::Subscribe { info, suppressed: [].into(), constraints: Arc::default() });
        alone
    }

    /// Launches so many tasks, as many per agent.
    ///
    /// # Panics
    /// When the master does not take them: a defect.
    pub fn launch(&mut self, tasks: u64) {
        let each: Resources = "cpus:1;mem:32".parse().expect("resources");
        self.now.mono = self.now.mono + Duration::from_secs(2);
        self.master.tick(self.now);
        let offers: Vec<Offer> = self.offers();
        let per_offer = tasks.div_ceil(offers.len() as u64);
        let mut launched = 0;
        for offer in offers {
            let batch = per_offer.min(tasks - launched);
            let make = |n| {
                let id = TaskId::new(format!("service-web-instance-{n:08}")).expect("an id");
                Arc::new(TaskInfo::shell(
                    id,
                    offer.agent_id.clone(),
                    each.clone(),
                    "exec /opt/web/bin/serve --port 8080",
                ))
            };
            let operations = vec![Operation::Launch((launched..launched + batch).map(make).collect())];
            let offers = vec![offer.id.clone()];
            self.call(Call::Accept { offers, operations, filters: Filters::default() });
            launched += batch;
        }
        assert_eq!(self.master.machine.tasks().count() as u64, tasks, "all tasks are in the books");
        assert_eq!(self.master.machine.agents().count(), self.agents);
    }

    fn call(&mut self, call: Call) {
        let seq = self.scheduler_seq.next();
        self.feed(master::Input::Scheduler { conn: ConnId(0), seq, call });
    }

    fn feed(&mut self, input: master::Input) {
        self.master.handle(self.now, input);
        loop {
            let persisted = self.master.out.iter().find_map(|effect| match effect {
                master::Effect::Persist { ticket, .. } => Some(*ticket),
                _ => None,
            });
            self.master.out.clear();
            let Some(ticket) = persisted else { return };
            self.master.handle(self.now, master::Input::Persisted { ticket, result: Ok(()) });
        }
    }

    fn offers(&mut self) -> Vec<Offer> {
        let events = self.master.out.drain(..).filter_map(|effect| match effect {
            master::Effect::ToScheduler { event: Event::Offers(offers), .. } => Some(offers),
            _ => None,
        });
        events.flatten().collect()
    }
}
