//! What becomes of a decision the registrar has no room for, and how fast agents are given up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::agent::ToMaster;
use mesos_core::kernel::{Change, Cx, Machine, Outbound, Record, Rng, Term};
use mesos_core::{AgentInfo, Instant, MasterId, Now, WallTime};

use crate::allocator::{self, HierarchicalDrf};
use crate::master::{Effect, Input, Master, Options};
use crate::registry::Op;

/// A master, its time and its store, which answers only when it is asked to.
struct Bench {
    master: Master,
    rng: Rng,
    now: Now,
    records: BTreeMap<Arc<str>, Record>,
    under_way: Vec<Effect>,
    said: BTreeMap<ConnId, Outbound>,
}

impl Bench {
    /// A leader that finds these records.
    fn leading(id: &str, term: u64, records: BTreeMap<Arc<str>, Record>) -> Self {
        Self::leading_with(Options::default(), id, term, records)
    }

    fn leading_with(options: Options, id: &str, term: u64, records: BTreeMap<Arc<str>, Record>) -> Self {
        let allocator = HierarchicalDrf::new(allocator::Options::default());
        let master = Master::new(MasterId::new(id).unwrap(), options, Box::new(allocator));
        let now = Now { mono: Instant::ZERO, wall: WallTime::default() };
        let mut bench = Self { master, rng: Rng::new(1), now, records, under_way: Vec::new(), said: BTreeMap::new() };
        let records = bench.records.values().cloned().collect();
        bench.feed(Input::Elected { term: Term(term), records });
        bench.land_all();
        bench
    }

    fn feed(&mut self, input: Input) {
        let mut out = Vec::new();
        self.master.handle(&mut Cx::new(self.now, &mut self.rng, &mut out), input);
        self.keep_writes(out);
    }

    fn keep_writes(&mut self, out: Vec<Effect>) {
        self.under_way.extend(out.into_iter().filter(|effect| matches!(effect, Effect::Persist { .. })));
    }

    /// Every write lands, with those that follow from it.
    fn land_all(&mut self) {
        while let Some(effect) = self.under_way.pop() {
            let Effect::Persist { ticket, changes, .. } = effect else { continue };
            for change in changes {
                match change {
                    Change::Put(record) => drop(self.records.insert(record.key.clone(), record)),
                    Change::Delete(key) => drop(self.records.remove(&key)),
                }
            }
            self.feed(Input::Persisted { ticket, result: Ok(()) });
        }
    }

    /// Others ask for so much that the registrar takes nothing more: one batch is being written, and the queue is full.
    fn fill_registrar(&mut self) {
        let op = Op::Lead { master: self.master.id.clone() };
        while self.master.registrar.submit(op.clone()).is_ok() {}
        let mut out = Vec::new();
        self.master.write_registry(&mut Cx::new(self.now, &mut self.rng, &mut out));
        self.keep_writes(out);
        while self.master.registrar.submit(op.clone()).is_ok() {}
    }

    fn advance(&mut self, by: Duration) {
        let end = self.now.mono + by;
        while let Some(due) = self.master.deadline().filter(|due| *due <= end) {
            self.now.mono = due;
            let mut out = Vec::new();
            self.master.tick(&mut Cx::new(self.now, &mut self.rng, &mut out));
            self.keep_writes(out);
        }
        self.now.mono = end;
    }

    fn register(&mut self, conn: ConnId) {
        let before = self.master.agents().count();
        let info = Arc::new(AgentInfo::new(format!("host-{}", conn.0), "cpus:1".parse().unwrap()));
        self.hear(conn, ToMaster::Register { total: info.resources.clone(), info });
        assert_eq!(self.master.agents().count(), before + 1);
    }

    fn hear(&mut self, conn: ConnId, message: ToMaster) {
        let seq = self.said.entry(conn).or_default().next();
        self.feed(Input::Agent { conn, seq, message });
        self.land_all();
    }

    /// How many agents are in the books, awaited, and durably unreachable.
    fn counts(&self) -> (usize, usize, usize) {
        let master = &self.master;
        (master.agents().count(), master.absent_agents().count(), master.registry().unreachable().len())
    }
}

#[test]
fn an_agent_the_registrar_had_no_room_for_is_given_up_later() {
    let mut bench = Bench::leading("m", 1, BTreeMap::new());
    bench.register(ConnId(1));
    bench.feed(Input::Disconnected { conn: ConnId(1) });
    bench.fill_registrar();
    let options = Options::default();
    bench.advance(options.agent_ping_timeout());
    bench.land_all();
    assert_eq!(bench.counts(), (1, 0, 0), "it was not written, so it is not true");
    bench.advance(options.agent_ping_every);
    bench.land_all();
    assert_eq!(bench.counts(), (0, 0, 1));
}

#[test]
fn an_absent_agent_the_registrar_had_no_room_for_is_given_up_later() {
    let mut first = Bench::leading("m", 1, BTreeMap::new());
    first.register(ConnId(1));
    let mut bench = Bench::leading("n", 2, first.records);
    bench.fill_registrar();
    let options = Options::default();
    bench.advance(options.agent_reregister_timeout);
    bench.land_all();
    assert_eq!(bench.counts(), (0, 1, 0), "it was not written, so it is not true");
    bench.advance(options.agent_reregister_timeout);
    bench.land_all();
    assert_eq!(bench.counts(), (0, 0, 1));
}

/// Between two agents that are given up, in these tests.
const EVERY: Duration = Duration::from_secs(600);

fn limited() -> Options {
    Options { agent_removal_every: Some(EVERY), ..Options::default() }
}

#[test]
fn silent_agents_are_given_up_one_after_the_other_and_whoever_answers_is_not() {
    let mut bench = Bench::leading_with(limited(), "m", 1, BTreeMap::new());
    for n in 1..=4 {
        bench.register(ConnId(n));
    }
    let (every, timeout) = (Options::default().agent_ping_every, Options::default().agent_ping_timeout());
    bench.advance(timeout + 2 * every);
    bench.land_all();
    assert_eq!(bench.counts(), (3, 0, 1), "the first is given up at once, the others wait");
    // One of them comes to its senses while it waits, and stays.
    let saved = bench.master.agents().next().unwrap().info.hostname.clone();
    let conn = ConnId(saved.rsplit('-').next().unwrap().parse().unwrap());
    for _ in 0..EVERY.as_secs() / every.as_secs() {
        bench.hear(conn, ToMaster::Pong);
        bench.advance(every);
        bench.land_all();
    }
    assert_eq!(bench.counts(), (2, 0, 2));
    for _ in 0..3 * EVERY.as_secs() / every.as_secs() {
        bench.hear(conn, ToMaster::Pong);
        bench.advance(every);
        bench.land_all();
    }
    assert_eq!(bench.counts(), (1, 0, 3));
    assert!(bench.master.agents().all(|agent| agent.info.hostname == saved));
}

#[test]
fn agents_that_do_not_come_back_to_a_new_master_are_given_up_one_after_the_other() {
    let mut first = Bench::leading("m", 1, BTreeMap::new());
    for n in 1..=3 {
        first.register(ConnId(n));
    }
    let mut bench = Bench::leading_with(limited(), "n", 2, first.records);
    bench.advance(Options::default().agent_reregister_timeout);
    for gone in 1..=3 {
        bench.land_all();
        assert_eq!(bench.counts(), (0, 3 - gone, gone));
        bench.advance(EVERY);
    }
}

#[test]
fn a_master_that_misses_more_agents_than_it_may_steps_down() {
    let mut first = Bench::leading("m", 1, BTreeMap::new());
    for n in 1..=4 {
        first.register(ConnId(n));
    }
    for (limit, leads) in [(1_000_000, true), (990_000, false), (0, false)] {
        let options = Options { recovery_removal_limit_ppm: limit, ..Options::default() };
        let mut bench = Bench::leading_with(options, "n", 2, first.records.clone());
        bench.advance(Options::default().agent_reregister_timeout);
        bench.land_all();
        assert_eq!(bench.master.phase.is_leading(), leads, "{limit}");
        let unreachable = if leads { 4 } else { 0 };
        assert_eq!(bench.master.registry().unreachable().len(), unreachable);
    }
}

#[test]
fn root_runs_frameworks_only_where_it_may() {
    for (may, user, count) in
        [(true, "root", 1), (true, "", 1), (false, "root", 0), (false, "", 0), (false, "other", 1)]
    {
        let options = Options { root_submissions: may, ..Options::default() };
        let mut bench = Bench::leading_with(options, "m", 1, BTreeMap::new());
        let mut info = Box::new(mesos_core::FrameworkInfo::new("f", mesos_core::Role::any()));
        info.user = user.into();
        let call =
            mesos_core::call::scheduler::Call::Subscribe { info, suppressed: [].into(), constraints: Arc::default() };
        bench.feed(Input::Scheduler { conn: ConnId(1), seq: Outbound::default().next(), call });
        assert_eq!(bench.master.frameworks().count(), count, "{user} {may}");
    }
}

#[test]
fn an_agent_that_does_not_say_where_it_stands_is_refused_where_all_have_to() {
    let mut first = Bench::leading("m", 1, BTreeMap::new());
    first.register(ConnId(1));
    let agent_id = first.master.agents().next().unwrap().id.clone();
    let options = Options { require_agent_domain: true, ..Options::default() };
    let mut bench = Bench::leading_with(options, "n", 2, first.records);
    let mut info = AgentInfo::new("host-1", "cpus:1".parse().unwrap());
    let total = info.resources.clone();
    for (conn, domain, count) in [(1, None, 0), (2, Some(("eu".into(), "eu-1".into())), 1)] {
        info.domain = domain.map(|(region, zone)| mesos_core::FaultDomain { region, zone });
        let report = mesos_core::call::agent::Reregistration {
            agent_id: agent_id.clone(),
            info: Arc::new(info.clone()),
            total: total.clone(),
            frameworks: BTreeMap::new(),
            tasks: Vec::new(),
            executors: Vec::new(),
            operations: Vec::new(),
        };
        bench.hear(ConnId(conn), ToMaster::Reregister(Box::new(report)));
        assert_eq!(bench.master.agents().count(), count, "re-registered");
        let mut info = info.clone();
        info.hostname = "host-2".into();
        bench.hear(ConnId(10 + conn), ToMaster::Register { info: Arc::new(info), total: total.clone() });
        assert_eq!(bench.master.agents().count(), 2 * count, "registered");
    }
}

proptest::proptest! {
    /// Whoever is silent and whoever comes back, and whenever: no more are given up than the rate allows.
    #[test]
    fn no_more_agents_are_given_up_than_the_rate_allows(
        secs in 1_u64..900,
        steps in proptest::collection::vec((1_u64..6, proptest::option::of(1_u64..400)), 1..40),
    ) {
        let every = Duration::from_secs(secs);
        let options = Options { agent_removal_every: Some(every), ..Options::default() };
        let mut bench = Bench::leading_with(options, "m", 1, BTreeMap::new());
        for n in 1..=5 {
            bench.register(ConnId(n));
        }
        let mut first_at = None;
        for (conn, wait) in steps {
            match wait {
                Some(wait) => bench.advance(Duration::from_secs(wait)),
                None if bench.said.contains_key(&ConnId(conn)) => bench.hear(ConnId(conn), ToMaster::Pong),
                None => {}
            }
            bench.land_all();
            let given_up = bench.master.registry().unreachable().len() as u64;
            if given_up > 0 {
                let now = bench.now.mono.as_nanos();
                let since = now - *first_at.get_or_insert_with(|| now.saturating_sub(wait.unwrap_or(0) * 1_000_000_000));
                let allowed = 1 + since / u64::try_from(every.as_nanos()).unwrap();
                proptest::prop_assert!(given_up <= allowed, "{given_up} of {allowed}");
            }
        }
    }
}
