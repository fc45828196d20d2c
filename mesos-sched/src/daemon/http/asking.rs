//! What only the master itself can tell. It is asked between two steps, for what costs it next to nothing: a count, one row, a
//! map that is shared with it, or a few rows of many at a time. Everything else is read from the [view](crate::daemon::view).

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::maintenance::{MaintenanceSchedule, MaintenanceStatus};
use mesos_core::net::http::Refusal;
use mesos_core::{Quota, Role, Weight};

use super::Context;
use crate::daemon::Lead;
use crate::master::{Master, maintenance_status_of};
use crate::registry::schedule_of;

/// So many rows are looked at between two steps of the master, which must not be held up.
pub(super) const AT_ONCE: usize = 500;

/// Some rows behind the one with a key, each with its own.
type Rows<K, R> = fn(&Master, Option<&K>) -> Vec<(K, R)>;

impl Context {
    /// Looks at the master between two steps, for what is small.
    pub(super) async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Master) -> R + Send + 'static,
    ) -> Result<R, Refusal> {
        match *self.master.lead().borrow() {
            Lead::Leading(_) => {}
            _ => return Err(Refusal::unavailable("this master does not lead")),
        }
        self.master.inspect(look).await.ok_or_else(|| Refusal::unavailable("this master has ended"))
    }

    /// Looks at many rows, at most [`AT_ONCE`] between two steps. `rows` gives those behind the one with this key, each with its
    /// own; those that come or go meanwhile are in it or not.
    pub(super) async fn look_through<K, R>(&self, rows: Rows<K, R>) -> Result<Vec<R>, Refusal>
    where
        K: Clone + Send + Sync + 'static,
        R: Send + 'static,
    {
        let (mut all, mut last): (Vec<R>, Option<K>) = (Vec::new(), None);
        loop {
            let found = self.look(move |master| rows(master, last.as_ref())).await?;
            let is_last = found.len() < AT_ONCE;
            last = found.last().map(|(key, _)| key.clone());
            all.extend(found.into_iter().map(|(_, row)| row));
            if is_last {
                return Ok(all);
            }
        }
    }

    /// How much roles count.
    pub(super) async fn weights(&self) -> Result<BTreeMap<Role, Weight>, Refusal> {
        self.look(|master| master.registry().shared_weights()).await.map(Arc::unwrap_or_clone)
    }

    /// What roles are promised and allowed.
    pub(super) async fn quotas(&self) -> Result<BTreeMap<Role, Quota>, Refusal> {
        self.look(|master| master.registry().shared_quotas()).await.map(Arc::unwrap_or_clone)
    }

    /// What is planned for machines.
    pub(super) async fn schedule(&self) -> Result<MaintenanceSchedule, Refusal> {
        let machines = self.look(|master| master.registry().shared_machines()).await?;
        Ok(schedule_of(&machines))
    }

    /// How far maintenance is, and what frameworks answered.
    pub(super) async fn maintenance_status(&self) -> Result<MaintenanceStatus, Refusal> {
        let machines = self.look(|master| master.registry().shared_machines()).await?;
        let answers = self.look_through(|master, last| {
            let answers = master.answers_after(last.copied()).take(AT_ONCE);
            answers.map(|(agent, machine, told)| (agent, (machine, told))).collect()
        });
        Ok(maintenance_status_of(&machines, answers.await?))
    }
}
