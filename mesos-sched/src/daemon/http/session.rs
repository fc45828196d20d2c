//! The subscriptions of frameworks over HTTP, so that calls on other connections find them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos_core::call::scheduler::Call;
use mesos_core::daemon::entropy;
use mesos_core::kernel::{Outbound, Seq};
use mesos_core::net::http::Refusal;
use mesos_core::wire::v1;
use mesos_core::{FrameworkId, Principal};
use tokio::sync::mpsc;

/// Calls of one framework that wait for the master; further ones wait with their senders.
pub(super) const CALLS_WAITING_MAX: usize = 256;
/// What this side itself has to tell a framework and the framework has not read.
pub(super) const ASIDES_MAX: usize = 1_024;

/// One subscription.
#[derive(Debug)]
pub(super) struct Session {
    /// What every call must name.
    pub stream_id: String,
    /// Who subscribed, if that is sure.
    pub principal: Option<Principal>,
    calls: Mutex<Numbered>,
    room: mpsc::Sender<(Seq, Call)>,
    asides: mpsc::Sender<v1::scheduler::Event>,
}

#[derive(Debug, Default)]
struct Numbered(Outbound);

impl Session {
    pub(super) fn new(
        principal: Option<Principal>,
        calls: mpsc::Sender<(Seq, Call)>,
        asides: mpsc::Sender<v1::scheduler::Event>,
    ) -> Self {
        Self { stream_id: random_uuid(), principal, calls: Mutex::default(), room: calls, asides }
    }

    /// Hands a call to the master; waits for room.
    pub(super) async fn call(&self, call: Call) -> Result<(), Refusal> {
        let room = self.room.reserve().await.map_err(|_| not_subscribed())?;
        // Numbered and sent under one lock: the master takes a number out of turn for a loss.
        let mut numbered = lock(&self.calls);
        room.send((numbered.0.next(), call));
        drop(numbered);
        Ok(())
    }

    /// Tells the framework what the master itself never hears of; waits for room.
    pub(super) async fn tell(&self, event: v1::scheduler::Event) -> Result<(), Refusal> {
        self.asides.send(event).await.map_err(|_| not_subscribed())
    }
}

/// All subscriptions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<FrameworkId, Arc<Session>>>);

impl Sessions {
    pub(super) fn find(&self, id: &FrameworkId) -> Option<Arc<Session>> {
        lock(&self.0).get(id).cloned()
    }

    /// The newest subscription counts.
    pub(super) fn begin(&self, id: FrameworkId, session: Arc<Session>) {
        lock(&self.0).insert(id, session);
    }

    /// Forgets a subscription that has ended, unless a newer one took its place.
    pub(super) fn end(&self, id: &FrameworkId, session: &Arc<Session>) {
        let mut sessions = lock(&self.0);
        if sessions.get(id).is_some_and(|current| Arc::ptr_eq(current, session)) {
            sessions.remove(id);
        }
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

pub(super) fn not_subscribed() -> Refusal {
    Refusal::forbidden("Framework is not subscribed")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A random UUID, as RFC 9562 writes those of version 4.
fn random_uuid() -> String {
    let high = (entropy() & !0xf000) | 0x4000;
    let low = (entropy() >> 2) | (1 << 63);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_ids_are_random_uuids() {
        let (one, other) = (random_uuid(), random_uuid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
