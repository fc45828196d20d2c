//! Durable writes in the order they were asked for, beside the loop.
//!
//! Batches that wait while one is being written are written together: they become durable in their order either way, and
//! a disk that takes milliseconds is waited for once.
//!
//! Later batches build on earlier ones: once one has failed, or was refused, none behind it is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    is_broken: AtomicBool,
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
            let mut outcome = Ok(());
            while receiver.recv_many(&mut batches, TOGETHER_MAX).await > 0 {
                let mut tickets = Vec::with_capacity(batches.len());
                let mut all = Vec::new();
                for (ticket, changes) in batches.drain(..) {
                    tickets.push(ticket);
                    all.extend::<Vec<Change>>(changes);
                }
                if outcome.is_ok() {
                    outcome = store.commit(term, all).await;
                }
                for ticket in tickets {
                    if !inbox.send(report(ticket, outcome.clone())).await {
                        return;
                    }
                }
            }
        });
        Self { sender, is_broken: AtomicBool::new(false), _task: task }
    }

    /// Asks for a batch to be written.
    ///
    /// # Errors
    /// When too many wait or waited, or the task has ended: nothing was written, and nothing will be.
    pub fn write(&self, ticket: Ticket, changes: Vec<Change>) -> Result<(), StoreError> {
        if self.is_broken.load(Ordering::Relaxed) || self.sender.try_send((ticket, changes)).is_err() {
            self.is_broken.store(true, Ordering::Relaxed);
            return Err(StoreError::Unknown("too many writes wait for the store".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::daemon::inbox;
    use crate::kernel::{Cx, Machine, Record};

    /// Fails its second commit, and keeps the keys it wrote.
    #[derive(Debug, Default)]
    struct FailsOnce {
        commits: Mutex<u32>,
        written: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Store for FailsOnce {
        async fn open(&self, _: Term) -> Result<Vec<Record>, StoreError> {
            Ok(Vec::new())
        }

        async fn commit(&self, _: Term, changes: Vec<Change>) -> Result<(), StoreError> {
            let mut commits = self.commits.lock().unwrap();
            *commits += 1;
            if *commits == 2 {
                return Err(StoreError::Unknown("the disk is full".into()));
            }
            self.written.lock().unwrap().extend(changes.iter().map(|change| change.key().to_string()));
            Ok(())
        }
    }

    struct Nobody;

    impl Machine for Nobody {
        type Input = ();
        type Effect = ();

        fn handle(&mut self, _: &mut Cx<'_, ()>, (): ()) {}

        fn deadline(&self) -> Option<crate::Instant> {
            None
        }

        fn tick(&mut self, _: &mut Cx<'_, ()>) {}
    }

    #[tokio::test]
    async fn nothing_is_written_behind_a_batch_that_failed() {
        let store = Arc::new(FailsOnce::default());
        let (inbox, _mailbox) = inbox::<Nobody, (Ticket, bool)>();
        let (answers, mut answered) = mpsc::channel(8);
        let report = move |ticket: Ticket, result: Result<(), StoreError>| {
            answers.try_send((ticket, result.is_ok())).unwrap();
            (ticket, true)
        };
        let writer = Writer::spawn(store.clone(), Term(1), inbox, report);
        for (n, key) in [(1, "a"), (2, "b"), (3, "c")] {
            writer.write(Ticket(n), vec![Change::Delete(key.into())]).unwrap();
            assert_eq!(answered.recv().await, Some((Ticket(n), n == 1)));
        }
        assert_eq!(*store.written.lock().unwrap(), ["a"]);
    }
}
