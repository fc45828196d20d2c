//! Batches ops into one write in flight.
//!
//! Ops are judged at once, against the registry as it will be when everything submitted before is durable; what they
//! change is written later, together with whatever else came in while the last write was under way. There is no way back:
//! a write that fails or may have failed ends the master's leadership (`Effect::StepDown`), because another leader may own
//! the store already. So the code that would undo a batch does not exist.
//!
//! Tickets of ops and of batches are drawn from one row: no two are equal.

use std::collections::VecDeque;

use mesos_core::kernel::{Change, Ticket, Tickets};
use mesos_core::{Rejection, RejectionCode};

use super::record::Edit;
use super::{Op, Registry};

/// Most changes in one batch: etcd takes at most 128 operations in a transaction unless told otherwise.
pub const BATCH_CHANGES_MAX: usize = 128;

/// Most bytes of keys and values in one batch, unless one op alone has more: ZooKeeper and etcd refuse requests of more
/// than 1 MiB and 1.5 MiB, and the requests around the records need some room.
pub const BATCH_BYTES_MAX: usize = 768 * 1024;

/// Most ops that wait for a write: an op for each agent of the largest cluster, twice. More means that the store hangs
/// while peers go on asking.
pub const QUEUED_OPS_MAX: usize = 131_072;

/// One atomic write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Comes back when it is durable.
    pub ticket: Ticket,
    /// What to write, in order. Empty when all its ops held already; even then it is to be written, since only a write
    /// shows that this leader is not fenced off and that what those ops found is durable.
    pub changes: Vec<Change>,
}

/// An op that is accepted but not durable.
#[derive(Debug, Clone)]
struct Filed {
    ticket: Ticket,
    edits: Vec<Edit>,
    /// Empty once they have gone into a batch.
    changes: Vec<Change>,
}

/// Keeps the durable registry and what is on its way into it.
#[derive(Debug, Clone)]
pub struct Registrar {
    durable: Registry,
    upcoming: Registry,
    tickets: Tickets,
    queue: VecDeque<Filed>,
    in_flight: Option<InFlight>,
}

#[derive(Debug, Clone)]
struct InFlight {
    ticket: Ticket,
    ops: Vec<Filed>,
}

impl Registrar {
    /// Starts from what the store holds.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self {
            upcoming: registry.clone(),
            durable: registry,
            tickets: Tickets::default(),
            queue: VecDeque::new(),
            in_flight: None,
        }
    }

    /// What is durable: the only thing to tell others about.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.durable
    }

    /// What will be durable when everything submitted is.
    #[must_use]
    pub const fn upcoming(&self) -> &Registry {
        &self.upcoming
    }

    /// How many ops are submitted and not durable.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.queue.len() + self.in_flight.as_ref().map_or(0, |batch| batch.ops.len())
    }

    /// Judges an op and queues it; its ticket comes back from [`complete`](Self::complete) once it is durable, also if it
    /// changes nothing.
    ///
    /// # Errors
    /// [`Rejection`], and nothing changes: the op contradicts what holds or will hold, or too many wait.
    pub fn submit(&mut self, op: Op) -> Result<Ticket, Rejection> {
        if self.queue.len() >= QUEUED_OPS_MAX {
            let what =
                format!("{} was not queued: {QUEUED_OPS_MAX} changes of the registry wait to be written", op.name());
            return Err(Rejection::new(RejectionCode::TooMany, what, "ask again when the store keeps up"));
        }
        let edits = op.plan(&self.upcoming)?;
        let changes: Vec<Change> = edits.iter().map(Edit::encode).collect();
        assert!(changes.len() <= BATCH_CHANGES_MAX, "{} makes {} changes", op.name(), changes.len());
        for edit in &edits {
            self.upcoming.edit(edit.clone());
        }
        let ticket = self.tickets.draw();
        self.queue.push_back(Filed { ticket, edits, changes });
        Ok(ticket)
    }

    /// What to write next: everything queued, up to the bounds of a batch. Nothing while a write is in flight or when
    /// nothing waits.
    pub fn next_batch(&mut self) -> Option<Batch> {
        if self.in_flight.is_some() || self.queue.is_empty() {
            return None;
        }
        let mut ops: Vec<Filed> = self.queue.drain(..self.batch_len()).collect();
        let changes = ops.iter_mut().flat_map(|filed| std::mem::take(&mut filed.changes)).collect();
        let ticket = self.tickets.draw();
        self.in_flight = Some(InFlight { ticket, ops });
        Some(Batch { ticket, changes })
    }

    /// How many queued ops fit into one batch; at least the first.
    fn batch_len(&self) -> usize {
        let (mut changes, mut bytes) = (0, 0);
        let fits = |filed: &&Filed| {
            changes += filed.changes.len();
            bytes += filed.changes.iter().map(size_of_change).sum::<usize>();
            changes <= BATCH_CHANGES_MAX && bytes <= BATCH_BYTES_MAX
        };
        self.queue.iter().take_while(fits).count().max(1)
    }

    /// The batch of this ticket is durable; gives the tickets of its ops in the order they were submitted. None if no such
    /// batch is in flight.
    pub fn complete(&mut self, ticket: Ticket) -> Option<Vec<Ticket>> {
        let batch = self.in_flight.take_if(|batch| batch.ticket == ticket)?;
        let mut durable = Vec::with_capacity(batch.ops.len());
        for filed in batch.ops {
            for edit in filed.edits {
                self.durable.edit(edit);
            }
            durable.push(filed.ticket);
        }
        Some(durable)
    }
}

fn size_of_change(change: &Change) -> usize {
    match change {
        Change::Put(record) => record.key.len() + record.value.len(),
        Change::Delete(key) => key.len(),
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::{AgentId, AgentInfo, MasterId, Resources, WallTime};

    use super::*;

    fn id(n: usize) -> AgentId {
        AgentId::new(format!("a{n}")).unwrap()
    }

    fn admit(n: usize, hostname: &str) -> Op {
        Op::AdmitAgent { id: id(n), info: AgentInfo::new(hostname, Resources::new()).into() }
    }

    #[test]
    fn nothing_is_true_before_it_is_durable() {
        let mut registrar = Registrar::new(Registry::default());
        let op = registrar.submit(admit(1, "h")).unwrap();
        assert!(registrar.registry().agents().is_empty() && registrar.upcoming().agents().len() == 1);
        let batch = registrar.next_batch().unwrap();
        assert!(registrar.registry().agents().is_empty());
        assert_eq!(registrar.complete(batch.ticket), Some(vec![op]));
        assert_eq!(registrar.registry(), registrar.upcoming());
        assert_eq!(registrar.complete(batch.ticket), None, "a second completion is not ours");
    }

    #[test]
    fn what_comes_during_a_write_goes_into_the_next_one_together() {
        let mut registrar = Registrar::new(Registry::default());
        registrar.submit(Op::Lead { master: MasterId::new("m").unwrap() }).unwrap();
        let first = registrar.next_batch().unwrap();
        let late: Vec<Ticket> = (0..3).map(|n| registrar.submit(admit(n, "h")).unwrap()).collect();
        assert_eq!(registrar.next_batch(), None, "one write at a time");
        assert_eq!(registrar.complete(Ticket(9_999)), None);
        registrar.complete(first.ticket).unwrap();
        let second = registrar.next_batch().unwrap();
        assert_eq!(second.changes.len(), 3);
        assert_eq!(registrar.complete(second.ticket), Some(late));
        assert_eq!((registrar.next_batch(), registrar.unfinished()), (None, 0));
    }

    #[test]
    fn an_op_is_judged_by_what_was_submitted_before_it() {
        let mut registrar = Registrar::new(Registry::default());
        let lost = Op::MarkUnreachable { id: id(1), since_wall: WallTime::from_nanos(7) };
        assert_eq!(registrar.submit(lost.clone()).unwrap_err().code, RejectionCode::UnknownAgent);
        registrar.submit(admit(1, "h")).unwrap();
        assert!(registrar.submit(lost).is_ok());
        assert_eq!(registrar.submit(admit(1, "h")).unwrap_err().code, RejectionCode::InvalidAgent);
        assert_eq!(registrar.next_batch().unwrap().changes.len(), 3, "the refused op left nothing behind");
    }

    #[test]
    fn an_op_that_changes_nothing_is_answered_after_a_write_all_the_same() {
        let mut registrar = Registrar::new(Registry::default());
        registrar.submit(admit(1, "h")).unwrap();
        let batch = registrar.next_batch().unwrap();
        registrar.complete(batch.ticket);
        let again = registrar.submit(admit(1, "h")).unwrap();
        let batch = registrar.next_batch().unwrap();
        assert!(batch.changes.is_empty());
        assert_eq!(registrar.complete(batch.ticket), Some(vec![again]));
    }

    #[test]
    fn a_batch_keeps_its_bounds() {
        let mut registrar = Registrar::new(Registry::default());
        for n in 0..300 {
            registrar.submit(admit(n, "h")).unwrap();
        }
        for n in 300..303 {
            registrar.submit(admit(n, &"h".repeat(BATCH_BYTES_MAX / 2))).unwrap();
        }
        registrar.submit(admit(303, &"h".repeat(BATCH_BYTES_MAX))).unwrap();
        let mut sizes = Vec::new();
        while let Some(batch) = registrar.next_batch() {
            sizes.push(batch.changes.len());
            registrar.complete(batch.ticket).unwrap();
        }
        assert_eq!(sizes, [128, 128, 44 + 1, 1, 1, 1]);
        assert_eq!(registrar.registry().agents().len(), 304);
    }

    #[test]
    fn a_store_that_hangs_does_not_fill_memory() {
        let mut registrar = Registrar::new(Registry::default());
        registrar.submit(admit(0, "h")).unwrap();
        for _ in 1..QUEUED_OPS_MAX {
            registrar.submit(admit(0, "h")).unwrap();
        }
        assert_eq!(registrar.submit(admit(0, "h")).unwrap_err().code, RejectionCode::TooMany);
    }
}
