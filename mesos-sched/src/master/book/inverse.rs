//! Which frameworks were asked for which agents, and what they answered.

use std::collections::BTreeMap;

use mesos_core::handles;
use mesos_core::kernel::Table;
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::{FrameworkId, OfferId, WallTime};

handles! {
    /// An outstanding inverse offer.
    InverseKey;
}

/// An outstanding inverse offer's row.
#[derive(Debug, Clone, Copy)]
pub(in crate::master) struct Asked {
    pub framework: FrameworkKey,
    pub agent: AgentKey,
}

/// What a framework last answered.
#[derive(Debug, Clone, Copy)]
pub(in crate::master) struct Answer {
    pub is_accepted: bool,
    pub at_wall: WallTime,
}

/// All outstanding inverse offers, and the answers that count. Few: only agents with planned maintenance have any.
#[derive(Debug, Default)]
pub(in crate::master) struct InverseOffers {
    pub table: Table<OfferId, InverseKey, Asked>,
    /// By agent, while its planned unavailability stays the same.
    pub answers: BTreeMap<AgentKey, BTreeMap<FrameworkId, Answer>>,
}

impl InverseOffers {
    /// What a removed framework answered counts no more.
    pub(in crate::master) fn forget_answers_of(&mut self, framework: &FrameworkId) {
        self.answers.retain(|_, answers| {
            answers.remove(framework);
            !answers.is_empty()
        });
    }

    /// The outstanding ones that `is_meant` picks, in slot order.
    pub(in crate::master) fn pick(&self, is_meant: impl Fn(&Asked) -> bool) -> Vec<InverseKey> {
        self.table.iter().filter(|(_, _, asked)| is_meant(asked)).map(|(key, _, _)| key).collect()
    }
}
