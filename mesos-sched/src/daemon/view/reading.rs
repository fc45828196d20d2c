//! Who looks, and for how long the picture is kept after that.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{Event, Shared};

/// What a picture wants of its master.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    number: u64,
    /// All there is, and then what changes; otherwise nothing.
    pub is_all: bool,
}

/// Who looks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attention {
    /// By now.
    pub(super) readers: usize,
    /// So far.
    looks: u64,
}

/// Somebody looks. The picture is kept for as long as this lives, and for a while after it.
#[derive(Debug)]
pub(super) struct Reading(Arc<Shared>);

impl Reading {
    pub(super) fn begin(shared: Arc<Shared>) -> Self {
        shared.attention.send_modify(|attention| {
            attention.readers += 1;
            attention.looks += 1;
            shared.wish(true);
        });
        Self(shared)
    }
}

impl Deref for Reading {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.attention.send_modify(|attention| attention.readers -= 1);
    }
}

/// Everything that happens behind a snapshot.
#[derive(Debug)]
pub struct Subscription {
    pub(super) events: broadcast::Receiver<Event>,
    /// The picture is kept for it.
    pub(super) _reading: Reading,
}

impl Subscription {
    /// The next event.
    ///
    /// # Errors
    /// When the subscriber is too far behind, or the picture is no more.
    pub async fn recv(&mut self) -> Result<Event, RecvError> {
        self.events.recv().await
    }
}

impl Shared {
    /// Wants all, or nothing; a wish that stands already stays as it is. Asked for while nobody else changes the attention.
    fn wish(&self, is_all: bool) {
        self.wishes.send_if_modified(|wish| {
            let is_another = wish.is_all != is_all;
            if is_another {
                *wish = Wish { number: wish.number + 1, is_all };
            }
            is_another
        });
    }
}

/// Lets the picture go, again and again, when nobody has looked for a while. Runs in the thread that folds, so that nothing is
/// folded in between.
pub(super) async fn put_to_sleep(shared: Arc<Shared>, kept_after: Duration) {
    let mut attention = shared.attention.subscribe();
    let mut forgotten = 0;
    loop {
        // The sender lives as long as the picture.
        let Ok(left) = attention.wait_for(|now| now.readers == 0 && now.looks > forgotten).await.map(|now| *now) else {
            return;
        };
        tokio::select! {
            biased;
            _ = attention.wait_for(|now| now.looks != left.looks) => continue,
            () = tokio::time::sleep(kept_after) => {}
        }
        let mut is_asleep = false;
        shared.attention.send_if_modified(|now| {
            is_asleep = now.readers == 0 && now.looks == left.looks;
            if is_asleep {
                shared.progress.send_modify(|progress| progress.is_complete = false);
                shared.wish(false);
            }
            false
        });
        if is_asleep {
            forgotten = left.looks;
            shared.lock().clear();
        }
    }
}
