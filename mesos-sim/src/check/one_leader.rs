//! At most one master's writes are accepted per term, writes of an older term never land, and a master whose write failed
//! leads no more.
//!
//! Source: Apache Mesos, `docs/high-availability.md` and `src/master/registrar.cpp` (a failed store aborts the master); the
//! chapter on architecture of our own docs. It is not checked that only one master *believes* that it leads: between the end
//! of a lease and the news of it there may be two, and the fence of the registry is what makes that harmless.

use std::collections::BTreeMap;

use mesos_core::kernel::Term;
use mesos_sched::master::{Effect, Input};

use super::{Check, Step, Stepped};
use crate::node::NodeId;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct OneLeader {
    /// Who wrote under each term.
    writers: BTreeMap<Term, NodeId>,
    landed: u64,
    /// The newest term of which a write was applied.
    applied: Term,
}

impl Check for OneLeader {
    fn name(&self) -> &'static str {
        "one_leader"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        self.look_at_store(step)?;
        let Stepped::Master { node, machine, input, effects } = step.stepped else { return Ok(()) };
        for effect in effects {
            if let Effect::Persist { term, .. } = effect {
                let writer = *self.writers.entry(*term).or_insert(node);
                if writer != node {
                    return Err(format!("{node} writes under term {}, which is that of {writer}", term.0));
                }
            }
        }
        match input {
            Some(Input::Persisted { result: Err(error), .. }) if machine.leading().is_some() => {
                Err(format!("{node} goes on leading although a write failed: {error}"))
            }
            _ => Ok(()),
        }
    }
}

impl OneLeader {
    fn look_at_store(&mut self, step: &Step<'_>) -> Result<(), String> {
        let store = step.world.store();
        if store.landed() == self.landed {
            return Ok(());
        }
        self.landed = store.landed();
        let Some(last) = store.last_landed().filter(|last| last.is_applied) else { return Ok(()) };
        if last.term < last.fence || last.term < self.applied {
            let (fence, applied) = (last.fence.0, self.applied.0);
            return Err(format!(
                "a write of term {} landed behind fence {fence}, after one of term {applied}",
                last.term.0
            ));
        }
        self.applied = last.term;
        Ok(())
    }
}
