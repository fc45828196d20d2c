//! In which order a round served which agents, for tests that do the same by other means.

use mesos_core::provider::{AgentKey, Grant};

/// One agent as it was served in one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Which.
    pub agent: AgentKey,
    /// Whether it was served for guarantees, rather than for fair shares.
    pub is_for_guarantees: bool,
    /// What was granted of it then, in order. The round makes one grant of what one client is granted of one agent.
    pub granted: Vec<Grant>,
    /// What of that was dealt out piece by piece, in order, under a policy that does.
    pub pieces: Vec<Grant>,
}

/// The steps of the last round, if anybody wants to know.
#[derive(Debug, Default)]
pub(super) struct Trace(Option<Vec<Served>>);

impl Trace {
    pub(super) fn start(&mut self) {
        self.0.get_or_insert_default();
    }

    /// Whether anybody wants to know.
    pub(super) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn begin_round(&mut self) {
        if let Some(served) = &mut self.0 {
            served.clear();
        }
    }

    pub(super) fn note(&mut self, agent: AgentKey, is_for_guarantees: bool, granted: &[Grant], pieces: Vec<Grant>) {
        if let Some(served) = &mut self.0 {
            served.push(Served { agent, is_for_guarantees, granted: granted.to_vec(), pieces });
        }
    }

    pub(super) fn last_round(&self) -> &[Served] {
        self.0.as_deref().unwrap_or_default()
    }
}
