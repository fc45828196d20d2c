//! Simulated durable storage: the registry all masters share, and the disk each agent and framework has of its own.
//!
//! ```text
//!   write asked ──latency──▶ lands (applied or fenced off) ──latency──▶ answer reaches the writer
//!         └ a crash before: may be lost         └ a crash before the answer: it happened, the writer never knew
//! ```
//!
//! Batches are atomic here, as the traits of the kernel promise; what a crash can take is everything that was not yet
//! acknowledged, always from the end. Nobody but the world calls this module.

mod log;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::Instant;
use mesos_core::kernel::{Change, Draft, Record, Rng, Term, Ticket};
use mesos_core::provider::StoreError;

use log::Log;

/// Records by key.
#[derive(Debug, Clone, Default)]
pub struct Records(BTreeMap<Arc<str>, Arc<[u8]>>);

impl Records {
    /// Applies a batch.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put(record) => {
                    self.0.insert(record.key.clone(), record.value.clone());
                }
                Change::Delete(key) => {
                    self.0.remove(key);
                }
            }
        }
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Arc<[u8]>> {
        self.0.get(key)
    }

    /// All records in order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<[u8]>)> {
        self.0.iter()
    }

    /// The records whose keys start with `prefix`, in order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Arc<str>, &'a Arc<[u8]>)> {
        self.0.range(Arc::from(prefix)..).take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn to_vec(&self) -> Vec<Record> {
        self.0.iter().map(|(key, value)| Record { key: key.clone(), value: value.clone() }).collect()
    }
}

/// What becomes of a write under way, decided when it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is applied, unless it is fenced off, and the writer hears.
    Sound,
    /// It is applied, but the writer hears that nobody knows.
    AppliedUnknown,
    /// It is not applied, and the writer hears that nobody knows.
    DroppedUnknown,
}

/// Names a registry write under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(u64);

/// A write that reached the registry, for checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The writer's term.
    pub term: Term,
    /// The fence it met.
    pub fence: Term,
    /// Whether it was applied.
    pub is_applied: bool,
}

/// The registry: one map of records behind a fence.
#[derive(Debug, Default)]
pub struct SharedStore {
    records: Records,
    fence: Term,
    under_way: BTreeMap<WriteId, (Term, Vec<Change>, Fate)>,
    next: u64,
    last: Option<Landed>,
    landed: u64,
}

impl SharedStore {
    /// What is durable.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// The newest term it was opened with: writes of older ones are refused.
    #[must_use]
    pub const fn fence(&self) -> Term {
        self.fence
    }

    /// The last write that reached it, applied or fenced off.
    #[must_use]
    pub const fn last_landed(&self) -> Option<&Landed> {
        self.last.as_ref()
    }

    /// How many writes reached it.
    #[must_use]
    pub const fn landed(&self) -> u64 {
        self.landed
    }

    /// Whether no write is under way.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Everything stored; from here on, writes of older terms are refused.
    pub(crate) fn open(&mut self, term: Term) -> Result<Vec<Record>, StoreError> {
        if term < self.fence {
            return Err(StoreError::Fenced { by: self.fence });
        }
        self.fence = term;
        Ok(self.records.to_vec())
    }

    /// A write sets out.
    pub(crate) fn begin(&mut self, term: Term, changes: Vec<Change>, fate: Fate) -> WriteId {
        let id = WriteId(self.next);
        self.next += 1;
        self.under_way.insert(id, (term, changes, fate));
        id
    }

    /// A write reaches the registry.
    pub(crate) fn land(&mut self, id: WriteId) -> Result<(), StoreError> {
        let (term, changes, fate) = self.under_way.remove(&id).expect("a write lands once");
        let unknown = || Err(StoreError::Unknown("the connection to the store broke".into()));
        if fate == Fate::DroppedUnknown {
            return unknown();
        }
        let is_applied = term >= self.fence;
        self.last = Some(Landed { term, fence: self.fence, is_applied });
        self.landed += 1;
        if is_applied {
            self.records.apply(&changes);
        }
        match fate {
            Fate::AppliedUnknown | Fate::DroppedUnknown => unknown(),
            Fate::Sound if is_applied => Ok(()),
            Fate::Sound => Err(StoreError::Fenced { by: self.fence }),
        }
    }
}

/// One node's own disk: batches become durable in the order they were asked for.
///
/// What is durable is written out when somebody reads it: most records are deleted before that. A node that restarts gets
/// the very bytes a live host would have stored.
#[derive(Debug, Default)]
pub struct Disk {
    log: Log,
    queue: VecDeque<(Ticket, Vec<Draft>)>,
    /// What is wrong with it for a while.
    pub(crate) trouble: DiskTrouble,
    /// Draws the record that is damaged, if one is.
    torn: Option<u64>,
}

/// What is wrong with a disk for a while.
#[derive(Debug, Clone, Default)]
pub(crate) struct DiskTrouble {
    /// Nothing can be written until then.
    full_until: Instant,
    /// Until each of these times a write takes up to so much longer; the slowest counts.
    slow: Vec<(Instant, Duration)>,
}

impl DiskTrouble {
    /// Nothing can be written until then.
    pub(crate) fn fill(&mut self, until: Instant) {
        self.full_until = self.full_until.max(until);
    }

    /// Whether nothing can be written now.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_until > now
    }

    /// Until then a write takes up to so much longer.
    pub(crate) fn slow_down(&mut self, now: Instant, until: Instant, extra: Duration) {
        self.slow.retain(|(own, _)| *own > now);
        self.slow.push((until, extra));
    }

    /// How much longer a write takes that is asked for now.
    pub(crate) fn extra(&self, now: Instant, dice: &mut Rng) -> Duration {
        let lasting = self.slow.iter().filter(|(until, _)| now < *until);
        lasting.map(|(_, extra)| *extra).max().map_or(Duration::ZERO, |extra| dice.duration(extra))
    }
}

impl Disk {
    /// What is durable, written out.
    ///
    /// # Panics
    /// When two records are stored under one key: the parts of keys are to tell them apart, on a live host, too.
    #[must_use]
    pub fn records(&self) -> Records {
        let live = self.log.live();
        let records: BTreeMap<_, _> = live.iter().map(|(key, value)| (key.write_out(), value.write_out())).collect();
        assert_eq!(records.len(), live.len(), "keys of different parts are written out alike");
        Records(records)
    }

    /// Whether nothing is waiting to become durable.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn recovered(&self) -> Vec<Record> {
        let mut records = self.records().to_vec();
        let damaged = self.torn.and_then(|draw| draw.checked_rem(records.len() as u64));
        if let Some(record) = damaged.and_then(|at| records.get_mut(usize::try_from(at).ok()?)) {
            // The first half was written, the rest of the page was not: what a power cut leaves of a file in place.
            let half = record.value.len() / 2;
            let bytes = record.value.iter().enumerate();
            record.value = bytes.map(|(at, byte)| if at < half { *byte } else { 0 }).collect();
        }
        records
    }

    /// One record is damaged from here on, until the disk is wiped.
    pub(crate) fn tear(&mut self, dice: &mut Rng) {
        self.torn = Some(dice.bits());
    }

    /// Whether a reader will find a damaged record.
    pub(crate) fn is_torn(&self) -> bool {
        self.torn.is_some() && !self.log.live().is_empty()
    }

    /// A batch is asked for.
    pub(crate) fn begin(&mut self, ticket: Ticket, changes: Vec<Draft>) {
        self.queue.push_back((ticket, changes));
    }

    /// The oldest batch becomes durable. If it is lost, so is everything behind it: later batches build on it.
    pub(crate) fn finish(&mut self, is_lost: bool) -> Option<Ticket> {
        let (ticket, changes) = self.queue.pop_front()?;
        if is_lost {
            self.queue.clear();
        } else {
            self.log.append(changes);
        }
        Some(ticket)
    }

    /// How many batches are not yet durable.
    pub(crate) fn pending(&self) -> usize {
        self.queue.len()
    }

    /// The process or its machine dies: of what was not yet acknowledged, only the first `kept` batches are there later.
    pub(crate) fn crash(&mut self, kept: usize) {
        for (_, changes) in std::mem::take(&mut self.queue).into_iter().take(kept) {
            self.log.append(changes);
        }
    }

    /// Somebody formats the disk.
    pub(crate) fn wipe(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::kernel::Key;

    use super::*;

    fn put(key: &str) -> Vec<Change> {
        vec![Change::Put(Record::encode(key, &1))]
    }

    fn draft(key: &'static str) -> Vec<Draft> {
        vec![Draft::put(Key::new(key), 1)]
    }

    #[test]
    fn a_write_of_an_older_term_never_lands() {
        let mut store = SharedStore::default();
        store.open(Term(1)).unwrap();
        let late = store.begin(Term(1), put("a"), Fate::Sound);
        assert_eq!(store.open(Term(2)), Ok(vec![]));
        assert_eq!(store.land(late), Err(StoreError::Fenced { by: Term(2) }));
        assert!(store.records().is_empty());
        assert_eq!(store.open(Term(1)), Err(StoreError::Fenced { by: Term(2) }));
    }

    #[test]
    fn an_unknown_outcome_can_be_either() {
        let mut store = SharedStore::default();
        for (fate, applied) in [(Fate::AppliedUnknown, true), (Fate::DroppedUnknown, false)] {
            let write = store.begin(Term(0), put(if applied { "yes" } else { "no" }), fate);
            assert!(matches!(store.land(write), Err(StoreError::Unknown(_))));
        }
        assert!(store.records().get("yes").is_some() && store.records().get("no").is_none());
    }

    #[test]
    fn a_crash_loses_only_what_was_not_acknowledged_and_only_from_the_end() {
        let mut disk = Disk::default();
        for (n, key) in ["a", "b", "c"].into_iter().enumerate() {
            disk.begin(Ticket(n as u64), draft(key));
        }
        assert_eq!(disk.finish(false), Some(Ticket(0)));
        disk.crash(1);
        let kept: Vec<Record> = disk.recovered();
        assert_eq!(kept, [Record::encode("a", &1), Record::encode("b", &1)]);
        assert_eq!(disk.finish(false), None);
    }

    #[test]
    fn a_torn_disk_has_one_record_that_nobody_can_read() {
        let mut disk = Disk::default();
        disk.tear(&mut Rng::new(1));
        assert!(!disk.is_torn() && disk.recovered().is_empty());
        for (n, key) in ["a", "b", "c"].into_iter().enumerate() {
            disk.begin(Ticket(n as u64), draft(key));
            disk.finish(false);
        }
        let unreadable = |disk: &Disk| disk.recovered().iter().filter(|record| record.decode::<u32>().is_err()).count();
        assert_eq!((disk.is_torn(), unreadable(&disk), disk.recovered().len()), (true, 1, 3));
        disk.wipe();
        assert!(!disk.is_torn());
    }

    #[test]
    fn what_was_asked_for_after_a_lost_batch_is_lost_too() {
        let mut disk = Disk::default();
        disk.begin(Ticket(1), draft("a"));
        disk.begin(Ticket(2), draft("b"));
        assert_eq!(disk.finish(true), Some(Ticket(1)));
        assert_eq!(disk.finish(false), None);
        assert!(disk.records().is_empty());
    }
}
