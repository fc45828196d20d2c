//! Earlier versions of the processes of a cluster: what they do not know yet.
//!
//! Agents and frameworks say what they know, so an earlier one says less; what it is told then is what the vocabulary is
//! checked for. A master does not say it: it is an earlier one when there are records in the registry that it does not know,
//! and then it must not lead. A node is of an earlier version for a while only; see [`Action::Earlier`](crate::fault::Action).

use mesos_core::kernel::{Record, Rng};
use mesos_core::{AgentCapability, AgentInfo, FrameworkCapability, FrameworkInfo};

/// What agents did not know from the start.
const OF_AGENTS: [AgentCapability; 3] = [
    AgentCapability::ReservationRefinement,
    AgentCapability::HierarchicalRole,
    AgentCapability::AgentOperationFeedback,
];
/// What frameworks did not know from the start.
const OF_FRAMEWORKS: [FrameworkCapability; 3] = [
    FrameworkCapability::PartitionAware,
    FrameworkCapability::TaskKillingState,
    FrameworkCapability::ReservationRefinement,
];
/// Kinds of records that were not in the registry from the start.
const OF_MASTERS: [&str; 4] = ["machine", "quota", "weight", "whitelist"];

/// An earlier version: which of the things that were new some day it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Earlier(u64);

impl Earlier {
    /// The one that is drawn so.
    pub(crate) const fn new(draw: u64) -> Self {
        Self(draw)
    }

    /// What it does not know of these: each with even chances, at least one.
    fn lacks<T: Copy>(self, known: &[T]) -> impl Iterator<Item = T> {
        let mut dice = Rng::new(self.0);
        let first = dice.index(known.len());
        known.iter().enumerate().filter(move |(place, _)| *place == first || dice.chance(500_000)).map(|(_, own)| *own)
    }

    /// What an agent of it says about itself.
    pub(crate) fn agent(self, own: &AgentInfo) -> AgentInfo {
        let mut info = own.clone();
        for capability in self.lacks(&OF_AGENTS) {
            info.capabilities.remove(&capability);
        }
        info
    }

    /// What a framework of it says about itself.
    pub(crate) fn framework(self, own: &FrameworkInfo) -> FrameworkInfo {
        let mut info = own.clone();
        for capability in self.lacks(&OF_FRAMEWORKS) {
            info.capabilities.remove(&capability);
        }
        if info.roles.len() == 1 {
            info.capabilities.remove(&FrameworkCapability::MultiRole);
        }
        info
    }

    /// The registry as a master of it reads it: what it does not know is of a kind without a meaning.
    pub(crate) fn registry(self, records: &[Record]) -> Vec<Record> {
        let unknown: Vec<&str> = self.lacks(&OF_MASTERS).collect();
        let read = |record: &Record| {
            let kind = record.key.split('/').next().unwrap_or_default();
            let mut record = record.clone();
            if unknown.contains(&kind) {
                record.key = format!("later-{}", record.key).into();
            }
            record
        };
        records.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mesos_core::Role;

    use super::*;

    #[test]
    fn an_earlier_version_knows_less_and_there_are_many() {
        let (agent, framework) =
            (AgentInfo::new("a", "cpus:1".parse().unwrap()), FrameworkInfo::new("f", Role::new("eng/web").unwrap()));
        let (mut agents, mut frameworks, mut masters) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let records: Vec<Record> =
            ["leader", "agent/a1", "quota/web", "whitelist"].map(|key| Record::encode(key, &1)).into();
        for draw in 0..100 {
            let earlier = Earlier::new(draw);
            let (old_agent, old_framework) = (earlier.agent(&agent), earlier.framework(&framework));
            assert!(old_agent.capabilities.len() < agent.capabilities.len());
            assert!(old_agent.capabilities.is_subset(&agent.capabilities));
            assert!(old_framework.capabilities.len() + 1 < framework.capabilities.len());
            let read = earlier.registry(&records);
            assert_eq!((&read[0], &read[1], read.len()), (&records[0], &records[1], 4));
            masters.insert(read.iter().map(|record| record.key.to_string()).collect::<Vec<_>>());
            agents.insert(old_agent.capabilities);
            frameworks.insert(old_framework.capabilities);
            assert_eq!(earlier.agent(&agent), Earlier::new(draw).agent(&agent));
        }
        assert!(agents.len() >= 5 && frameworks.len() >= 5 && masters.len() == 4, "{masters:?}");
    }
}
