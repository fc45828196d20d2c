//! Durable writes in the order they were asked for, beside the loop.
//!
//! Batches that wait while one is being written are written together: they become durable in their order either way, and
//! a disk that takes milliseconds is waited for once.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Inbox, Task};
use crate::kernel::{Change, Term, Ticket};
use crate::provider::{Store, StoreError};

/// Batches that may wait.
const WAITING_MAX: usize = 4_096;
/// Batches written together.
const TOGETHER_MAX: usize = 256;

/// Writes batches.
#[derive(Debug)]
pub struct Writer {
    sender: mpsc::Sender<(Ticket, Vec<Change>)>,
    _task: Task,
}

impl Writer {
    /// Writes to `store` under `term` and reports each batch's end.
    pub fn spawn<M: 'static, A: Send + 'static>(
        store: Arc<dyn Store>,
        term: Term,
        inbox: Inbox<M, A>,
        report: impl Fn(Ticket, Result<(), StoreError>) -> A + Send + 'static,
    ) -> Self {
        let (sender, mut receiver) = mpsc::channel(WAITING_MAX);
        let task = Task::spawn(async move {
            let mut batches = Vec::new();
            while receiver.recv_many(&mut batches, TOGETHER_MAX).await > 0 {
                let mut tickets = Vec::with_capacity(batches.len());
                let mut all = Vec::new();
                for (ticket, changes) in batches.drain(..) {
                    tickets.push(ticket);
                    all.extend::<Vec<Change>>(changes);
                }
                let result = store.commit(term, all).await;
                for ticket in tickets {
                    if !inbox.send(report(ticket, result.clone())).await {
                        return;
                    }
                }
            }
        });
        Self { sender, _task: task }
    }

    /// Asks for a batch to be written.
    ///
    /// # Errors
    /// When too many wait, or the task has ended: nothing was written.
    pub fn write(&self, ticket: Ticket, changes: Vec<Change>) -> Result<(), StoreError> {
        let refuse = |_| StoreError::Unknown("too many writes wait for the store".to_owned());
        self.sender.try_send((ticket, changes)).map_err(refuse)
    }
}
