//! The updates of one task, in order, until each is acknowledged.
//!
//! ```text
//!   push ─▶ [ head │ .. │ newest ] ─ head_to_send ─▶ master ─ acknowledge(uuid of the head) ─▶ next
//! ```
//!
//! Only the head is ever sent, and only once it is durable; an acknowledgement that does not name the head is void. This
//! file knows neither timers nor stores; the agent's `delivery` does. Semantics as in Apache Mesos,
//! `src/status_update_manager/status_update_manager_process.hpp`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::{Source, TaskState, TaskStatus, UpdateId};

/// What is to be told about one task.
#[derive(Debug)]
pub(super) struct UpdateStream {
    /// What is sent, if anything is to be told.
    head: Option<Entry>,
    /// What waits behind the head; as a rule nothing does.
    rest: VecDeque<Entry>,
    /// The number of the next update; numbers order the durable records.
    next: u64,
    /// The newest state that was taken over.
    newest: TaskState,
    /// The newest state that is durable: what the master may be told.
    settled: TaskState,
    /// The state of the newest update that was sent or acknowledged.
    told: TaskState,
    /// An acknowledgement is being written; nothing is sent meanwhile, or a crash would repeat the older update after
    /// the newer.
    is_acknowledging: bool,
    /// When to send the head again, counted from the last time.
    pub(super) retry_after: Duration,
    /// The newest acknowledged updates, if they may come again; see [`remember`](Self::remember).
    recent: Option<VecDeque<UpdateId>>,
}

/// How many acknowledged updates are remembered. An executor repeats what it was not told is taken over; that is more only
/// if it said more than so much while it could not hear, and then its framework hears an old state twice.
const RECENT_MAX: usize = 32;

/// What became of an update before it came again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is being written.
    Pending,
    /// It was taken over.
    TakenOver,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    status: Arc<TaskStatus>,
    is_durable: bool,
}

/// An update that left the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) number: u64,
    pub(super) state: TaskState,
}

impl UpdateStream {
    /// A stream that has told nothing beyond `state`.
    pub(super) const fn new(state: TaskState) -> Self {
        Self {
            head: None,
            rest: VecDeque::new(),
            next: 0,
            newest: state,
            settled: state,
            told: state,
            is_acknowledging: false,
            retry_after: Duration::ZERO,
            recent: None,
        }
    }

    /// From now on acknowledged updates are remembered for a while, beginning with these: their executor names its updates
    /// itself and repeats them after a broken connection.
    pub(super) fn remember(&mut self, recent: impl IntoIterator<Item = UpdateId>) {
        self.recent.get_or_insert_default().extend(recent);
    }

    /// The newest acknowledged updates, oldest first, if they are remembered.
    pub(super) fn recent(&self) -> Option<impl Iterator<Item = UpdateId> + '_> {
        self.recent.as_ref().map(|recent| recent.iter().copied())
    }

    /// What became of this update, if it came before.
    pub(super) fn standing(&self, uuid: UpdateId) -> Option<Standing> {
        if self.recent.as_ref().is_some_and(|recent| recent.contains(&uuid)) {
            return Some(Standing::TakenOver);
        }
        let entry = self.head.iter().chain(&self.rest).find(|entry| entry.status.uuid == Some(uuid))?;
        Some(if entry.is_durable { Standing::TakenOver } else { Standing::Pending })
    }

    /// A stream as it was written: `told` was acknowledged, `updates` were not, in ascending order of their numbers.
    pub(super) fn recovered(told: TaskState, updates: impl IntoIterator<Item = (u64, TaskStatus)>) -> Self {
        let mut stream = Self::new(told);
        for (number, status) in updates {
            stream.next = number;
            let number = stream.push(Arc::new(status));
            stream.settle(number);
        }
        stream
    }

    /// Takes over an update; its number.
    pub(super) fn push(&mut self, status: Arc<TaskStatus>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.newest = status.state;
        let entry = Entry { number, status, is_durable: false };
        match self.head {
            None => self.head = Some(entry),
            Some(_) => self.rest.push_back(entry),
        }
        number
    }

    /// The update with this number is durable; who said it, and its name.
    pub(super) fn settle(&mut self, number: u64) -> Option<(Source, Option<UpdateId>)> {
        let entry = self.head.iter_mut().chain(&mut self.rest).rev().find(|entry| entry.number == number)?;
        entry.is_durable = true;
        self.settled = entry.status.state;
        Some((entry.status.source, entry.status.uuid))
    }

    /// The head, when it may be sent. Whoever asks sends it.
    pub(super) fn head_to_send(&mut self) -> Option<&Arc<TaskStatus>> {
        if self.is_acknowledging {
            return None;
        }
        let head = self.head.as_ref().filter(|entry| entry.is_durable)?;
        self.told = head.status.state;
        Some(&head.status)
    }

    /// The newest update if it is durable, for the planted defect that sends it before its turn.
    pub(super) fn tail(&self) -> Option<&Arc<TaskStatus>> {
        let tail = self.rest.back().or(self.head.as_ref());
        tail.filter(|entry| entry.is_durable).map(|entry| &entry.status)
    }

    /// Removes the head if `uuid` names it.
    pub(super) fn acknowledge(&mut self, uuid: UpdateId) -> Option<Acknowledged> {
        let head = self.head.as_ref()?;
        if head.status.uuid == Some(uuid) && head.is_durable { self.pop() } else { None }
    }

    /// Removes the head whatever it is: what [`acknowledge`](Self::acknowledge) does once it has checked.
    pub(super) fn pop(&mut self) -> Option<Acknowledged> {
        let Entry { number, status, .. } = self.head.take()?;
        self.head = self.rest.pop_front();
        self.told = status.state;
        if let (Some(recent), Some(uuid)) = (&mut self.recent, status.uuid) {
            recent.push_back(uuid);
            let excess = recent.len().saturating_sub(RECENT_MAX);
            drop(recent.drain(..excess));
        }
        Some(Acknowledged { number, state: status.state })
    }

    /// An acknowledgement is being written, or is no longer.
    pub(super) const fn set_acknowledging(&mut self, is_acknowledging: bool) {
        self.is_acknowledging = is_acknowledging;
    }

    /// Whether an executor said its last word about the task.
    pub(super) const fn is_closed(&self) -> bool {
        self.newest.is_terminal()
    }

    /// Whether the update with this number is next to be acknowledged.
    pub(super) fn is_head(&self, number: u64) -> bool {
        self.head.as_ref().is_some_and(|head| head.number == number)
    }

    /// Whether the head was sent, in this life of the agent or an earlier one.
    pub(super) fn is_head_told(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.status.state == self.told)
    }

    /// How many updates wait.
    pub(super) fn len(&self) -> usize {
        usize::from(self.head.is_some()) + self.rest.len()
    }

    /// The numbers of the updates that wait.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.head.iter().chain(&self.rest).map(|entry| entry.number)
    }

    /// The updates that wait, oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Arc<TaskStatus>> {
        self.head.iter().chain(&self.rest).map(|entry| &entry.status)
    }

    /// The newest state, durable or not.
    pub(super) const fn newest(&self) -> TaskState {
        self.newest
    }

    /// The newest durable state.
    pub(super) const fn settled(&self) -> TaskState {
        self.settled
    }

    /// The state the framework was last told, as far as is known here.
    pub(super) const fn told(&self) -> TaskState {
        self.told
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::{TaskId, WallTime};

    use super::*;

    fn status(state: TaskState, uuid: u128) -> TaskStatus {
        let mut status = TaskStatus::new(TaskId::new("t").unwrap(), state, Source::Executor, WallTime::default());
        status.uuid = Some(UpdateId(uuid));
        status
    }

    fn with(states: &[TaskState]) -> UpdateStream {
        UpdateStream::recovered(TaskState::Staging, (0_u64..).zip(states).map(|(n, s)| (n, status(*s, u128::from(n)))))
    }

    #[test]
    fn only_the_head_is_sent_until_it_is_acknowledged() {
        let mut stream = with(&[TaskState::Starting, TaskState::Running]);
        assert_eq!(stream.head_to_send().unwrap().state, TaskState::Starting);
        assert_eq!(stream.acknowledge(UpdateId(1)), None, "the second update is not the head");
        assert_eq!(stream.acknowledge(UpdateId(0)).unwrap().state, TaskState::Starting);
        assert_eq!(stream.acknowledge(UpdateId(0)), None, "an acknowledgement counts once");
        assert_eq!(stream.head_to_send().unwrap().state, TaskState::Running);
    }

    #[test]
    fn an_update_is_neither_sent_nor_told_before_it_is_durable() {
        let mut stream = UpdateStream::new(TaskState::Staging);
        let number = stream.push(Arc::new(status(TaskState::Running, 7)));
        assert_eq!(stream.head_to_send(), None);
        assert_eq!(stream.settled(), TaskState::Staging);
        assert_eq!(stream.acknowledge(UpdateId(7)), None);
        stream.settle(number);
        assert_eq!(stream.head_to_send().map(|status| status.state), Some(TaskState::Running));
        assert_eq!(stream.settled(), TaskState::Running);
    }

    #[test]
    fn nothing_is_sent_while_an_acknowledgement_is_written() {
        let mut stream = with(&[TaskState::Starting, TaskState::Running]);
        stream.acknowledge(UpdateId(0)).unwrap();
        stream.set_acknowledging(true);
        assert_eq!(stream.head_to_send(), None);
        stream.set_acknowledging(false);
        assert!(stream.head_to_send().is_some());
    }

    #[test]
    fn a_recovered_stream_counts_on_after_its_last_number() {
        let mut stream = UpdateStream::recovered(TaskState::Starting, [(4, status(TaskState::Running, 4))]);
        assert_eq!((stream.told(), stream.newest()), (TaskState::Starting, TaskState::Running));
        assert_eq!(stream.push(Arc::new(status(TaskState::Finished, 5))), 5);
        assert!(stream.is_closed());
    }
}
