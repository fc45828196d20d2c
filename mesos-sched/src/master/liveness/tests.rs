//! What becomes of a decision the registrar has no room for.

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
}

impl Bench {
    /// A leader that finds these records.
    fn leading(id: &str, term: u64, records: BTreeMap<Arc<str>, Record>) -> Self {
        let allocator = HierarchicalDrf::new(allocator::Options::default());
        let master = Master::new(MasterId::new(id).unwrap(), Options::default(), Box::new(allocator));
        let now = Now { mono: Instant::ZERO, wall: WallTime::default() };
        let mut bench = Self { master, rng: Rng::new(1), now, records, under_way: Vec::new() };
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
        let info = Arc::new(AgentInfo::new("host", "cpus:1".parse().unwrap()));
        let message = ToMaster::Register { total: info.resources.clone(), info };
        self.feed(Input::Agent { conn, seq: Outbound::default().next(), message });
        self.land_all();
        assert_eq!(self.master.agents().count(), 1);
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
