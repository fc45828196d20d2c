//! From elected to stepped down: a master's one term.
//!
//! A new leader's first write is its own name: it fences an older leader before anything is decided. A write that fails, or
//! whose outcome is unknown, ends the term: carrying on would let two masters disagree about who is admitted.

use std::collections::BTreeMap;

use mesos_core::kernel::{Record, Term, Ticket};
use mesos_core::provider::{Fact, StoreError};

use super::options::mutant;
use super::pending::Pending;
use super::{Effect, Master, MasterCx, Timer};
use crate::registry::{Op, Registrar, Registry, WEIGHTS_PER_OP_MAX};

/// Where a master is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not elected.
    Waiting,
    /// Elected; the fence is being written.
    Fencing { term: Term },
    /// Leads.
    Leading { term: Term },
    /// Has stepped down; does nothing more.
    Ended,
}

impl Phase {
    pub(super) const fn is_leading(self) -> bool {
        matches!(self, Self::Leading { .. })
    }

    pub(super) const fn term(self) -> Option<Term> {
        match self {
            Self::Fencing { term } | Self::Leading { term } => Some(term),
            Self::Waiting | Self::Ended => None,
        }
    }
}

impl Master {
    pub(super) fn elected(&mut self, cx: &mut MasterCx<'_>, term: Term, records: &[Record]) {
        if self.phase != Phase::Waiting {
            return;
        }
        self.phase = Phase::Fencing { term };
        match Registry::load(records) {
            Ok(registry) => self.registrar = Registrar::new(registry),
            Err(error) => return self.step_down(cx, &error.to_string()),
        }
        let op = Op::Lead { master: self.id.clone() };
        match self.registrar.submit(op) {
            Ok(ticket) => drop(self.pending.insert(ticket, Pending::Lead)),
            Err(rejection) => self.step_down(cx, &rejection.to_string()),
        }
    }

    /// The fence holds: everything the registry says is true from now on.
    pub(super) fn lead(&mut self, cx: &mut MasterCx<'_>) {
        let Phase::Fencing { term } = self.phase else { return };
        self.phase = Phase::Leading { term };
        self.tell_what_roles_may(cx);
        if self.registrar.registry().whitelist().is_some() {
            self.whitelist_set(cx);
        }
        self.write_first_weights();
        let due = cx.now.mono + self.options.agent_reregister_timeout;
        self.removals.expected = self.registrar.registry().agents().len();
        let admitted: Vec<_> = self.registrar.registry().agents().keys().cloned().collect();
        for agent in admitted {
            self.timers.set(Timer::Absent(agent.clone()), due);
            self.expect(agent);
        }
        self.timers.set(Timer::PruneRegistry, cx.now.mono + self.options.registry_prune_every);
    }

    /// Weights and quotas outlive leaders. Before any agent comes back, lest the first ones go to whoever asks first.
    fn tell_what_roles_may(&mut self, cx: &MasterCx<'_>) {
        let registry = self.registrar.registry();
        let weights = registry.weights().iter().map(|(role, weight)| (role.clone(), *weight));
        let weights = weights.map(|(role, weight)| Fact::WeightSet { role, weight });
        let quotas = registry.quotas().iter().map(|(role, quota)| (role.clone(), quota.clone()));
        let quotas = quotas.map(|(role, quota)| Fact::QuotaSet { role, quota });
        let expected = Fact::AgentsExpected { count: registry.agents().len() };
        for fact in weights.chain(quotas).chain([expected]).collect::<Vec<_>>() {
            self.observe(cx, fact);
        }
    }

    /// The weights of the options are for a registry that has none. They count once they are durable, in the order of roles.
    fn write_first_weights(&mut self) {
        if !self.registrar.registry().weights().is_empty() {
            return;
        }
        let all: Vec<_> = self.options.weights.clone().into_iter().collect();
        for part in all.chunks(WEIGHTS_PER_OP_MAX) {
            let weights: BTreeMap<_, _> = part.iter().cloned().collect();
            match self.registrar.submit(Op::SetWeights(weights.clone())) {
                Ok(ticket) => drop(self.pending.insert(ticket, Pending::FirstWeights { weights })),
                Err(rejection) => return tracing::warn!(%rejection, "weights of the options were not set"),
            }
        }
    }

    pub(super) fn persisted(&mut self, cx: &mut MasterCx<'_>, ticket: Ticket, result: Result<(), StoreError>) {
        if self.phase.term().is_none() {
            return;
        }
        if let Err(error) = result
            && !mutant!(self, CarryOnAfterFencedWrite)
        {
            return self.step_down(cx, &format!("a registry write failed: {error}"));
        }
        for done in self.registrar.complete(ticket).unwrap_or_default() {
            if let Some(pending) = self.pending.remove(&done) {
                self.resume(cx, pending);
            }
        }
    }

    /// Ends this master. Its peers find the next leader; tasks are not disturbed.
    pub(super) fn step_down(&mut self, cx: &mut MasterCx<'_>, why: &str) {
        if self.phase == Phase::Ended {
            return;
        }
        let term = self.phase.term().unwrap_or_default();
        self.phase = Phase::Ended;
        cx.emit(Effect::StepDown { term, why: why.to_owned() });
    }

    /// Starts the next registry write, if one is wanted and none is under way.
    pub(super) fn write_registry(&mut self, cx: &mut MasterCx<'_>) {
        let Some(term) = self.phase.term() else { return };
        if let Some(batch) = self.registrar.next_batch() {
            cx.emit(Effect::Persist { ticket: batch.ticket, term, changes: batch.changes });
        }
    }

    pub(super) fn prune_registry(&mut self, cx: &mut MasterCx<'_>) {
        self.timers.set(Timer::PruneRegistry, cx.now.mono + self.options.registry_prune_every);
        let age = u64::try_from(self.options.registry_age_max.as_nanos()).unwrap_or(u64::MAX);
        let before_wall = mesos_core::WallTime::from_nanos(cx.now.wall.as_nanos().saturating_sub(age));
        self.forget_recovered(cx);
        let frameworks = &self.frameworks.table;
        self.agents.forget_lost(|framework, agent, task| {
            let row = frameworks.get(framework);
            row.and_then(|row| row.unreachable.get(task)).is_some_and(|lost| lost.agent_id == *agent)
        });
        // One operation drops a bounded number of records, so that its write stays small. Nobody waits for an answer:
        // where nothing is to be dropped, nothing is written.
        let op = Op::Prune { before_wall, count_max: self.options.registry_count_max };
        while !op.holds(self.registrar.upcoming()) {
            if let Err(rejection) = self.registrar.submit(op.clone()) {
                return tracing::warn!(%rejection, "the registry was not pruned");
            }
        }
    }
}
