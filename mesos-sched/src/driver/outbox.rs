//! Persist before send: calls that wait for what was saved before them.
//!
//! ```text
//!   save(a) call(1) call(2) | save(b) call(3)          a step emits saves and calls
//!        │     └── wait for batch 1 ──┐ └─ waits for batch 2
//!        └─ batch 1: under way        └─ batch 2: collected while batch 1 is under way
//! ```
//!
//! At most one batch is under way; what is saved meanwhile makes the next one. A call waits until every change saved
//! before it is durable, and calls never overtake each other. Without saves nothing waits.

use std::collections::VecDeque;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::{Draft, Ticket, Tickets};

/// A call that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The call.
    pub(super) call: Call,
    /// The subscription it was made under; an accept is void under another.
    pub(super) subscription: u64,
    /// The batch that must be durable first.
    needs: u64,
}

/// Calls that wait for saves, and saves that wait for the one under way.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    calls: VecDeque<Waiting>,
    /// Changes of the next batch.
    changes: Vec<Draft>,
    under_way: Option<Ticket>,
    tickets: Tickets,
    /// How many batches were begun.
    begun: u64,
    /// How many batches are durable.
    durable: u64,
}

impl Outbox {
    /// Adds a change to the next batch.
    pub(super) fn save(&mut self, change: Draft) {
        self.changes.push(change);
    }

    /// Gives the call back when nothing holds it up; otherwise it waits.
    pub(super) fn push(&mut self, call: Call, subscription: u64) -> Option<Call> {
        let needs = if self.changes.is_empty() { self.begun } else { self.begun + 1 };
        if self.calls.is_empty() && needs <= self.durable {
            return Some(call);
        }
        self.calls.push_back(Waiting { call, subscription, needs });
        None
    }

    /// The next batch, when there is one and none is under way.
    pub(super) fn begin(&mut self) -> Option<(Ticket, Vec<Draft>)> {
        if self.under_way.is_some() || self.changes.is_empty() {
            return None;
        }
        self.begun += 1;
        let ticket = self.tickets.draw();
        self.under_way = Some(ticket);
        Some((ticket, std::mem::take(&mut self.changes)))
    }

    /// Whether this is the batch under way; it is not any more.
    pub(super) fn take(&mut self, ticket: Ticket) -> bool {
        let is_own = self.under_way == Some(ticket);
        if is_own {
            self.under_way = None;
        }
        is_own
    }

    /// The batch that was under way is durable.
    pub(super) const fn observe_durable(&mut self) {
        self.durable += 1;
    }

    /// The next call that need not wait any more.
    pub(super) fn pop_ready(&mut self) -> Option<Waiting> {
        if self.calls.front()?.needs > self.durable {
            return None;
        }
        self.calls.pop_front()
    }

    /// How many calls wait.
    pub(super) fn calls_waiting(&self) -> usize {
        self.calls.len()
    }

    /// How many changes wait for the save under way.
    pub(super) const fn changes_waiting(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing waits and nothing is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.calls.is_empty() && self.changes.is_empty() && self.under_way.is_none()
    }
}
