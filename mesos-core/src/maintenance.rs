//! When a machine will not be there.
//!
//! An operator plans windows of machines. A machine in a window is draining; when its time has come the operator takes it
//! down, and later up again. Offers of an agent with a planned unavailability say so, and frameworks that use it are asked
//! for it back by inverse offers. What they answer is information for operators; nothing is taken away by force before the
//! machine goes down.
//!
//! Semantics: Apache Mesos, `docs/maintenance.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Rejection, RejectionCode};
use crate::id::{AgentId, FrameworkId, OfferId};
use crate::time::WallTime;

/// A time in which an agent is planned to be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailability {
    /// From when; may lie in the past.
    pub start: WallTime,
    /// For how long; nothing said means for good.
    pub duration: Option<Duration>,
}

/// A request to give an agent back, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InverseOffer {
    /// Names it in the answer.
    pub id: OfferId,
    /// Who is asked.
    pub framework_id: FrameworkId,
    /// Which agent.
    pub agent_id: AgentId,
    /// When it will be away.
    pub unavailability: Unavailability,
}

impl InverseOffer {
    /// An inverse offer.
    #[must_use]
    pub const fn new(
        id: OfferId,
        framework_id: FrameworkId,
        agent_id: AgentId,
        unavailability: Unavailability,
    ) -> Self {
        Self { id, framework_id, agent_id, unavailability }
    }
}

/// A machine, by the name of its host; names that differ only in case are one machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineId(Arc<str>);

impl MachineId {
    /// A DNS name has at most so many bytes.
    pub const BYTES_MAX: usize = 253;

    /// The machine of a host.
    ///
    /// # Errors
    /// [`Rejection`] if that is no name of a host.
    pub fn new(hostname: impl AsRef<str>) -> Result<Self, Rejection> {
        let name = hostname.as_ref();
        let is_name = !name.is_empty()
            && name.len() <= Self::BYTES_MAX
            && !name.chars().any(|c| c.is_control() || c.is_whitespace());
        if is_name {
            return Ok(Self::of_host(name));
        }
        let what = format!("a machine's name has {} bytes, or white space or control characters", name.len());
        let remedy = format!("give the name of its host, of 1 to {} printable bytes", Self::BYTES_MAX);
        Err(Rejection::new(RejectionCode::InvalidMaintenance, what, remedy))
    }

    /// The machine of a host whose name was checked before, as that of a registered agent.
    #[must_use]
    pub fn of_host(hostname: &str) -> Self {
        Self(hostname.to_ascii_lowercase().into())
    }

    /// Its name, in small letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MachineId {
    type Error = Rejection;

    fn try_from(name: String) -> Result<Self, Rejection> {
        Self::new(name)
    }
}

impl From<MachineId> for String {
    fn from(machine: MachineId) -> Self {
        machine.0.as_ref().to_owned()
    }
}

/// Machines that will be away together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceWindow {
    /// Which; at least one, and each in one window of the schedule only.
    pub machines: Vec<MachineId>,
    /// When.
    pub unavailability: Unavailability,
}

/// Everything that is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceSchedule {
    /// The windows. Those of the same time are one.
    pub windows: Vec<MaintenanceWindow>,
}

/// What a framework answered when it was asked for an agent back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InverseOfferAnswer {
    /// Which agent.
    pub agent_id: AgentId,
    /// Who.
    pub framework_id: FrameworkId,
    /// Whether it will let go of the agent in time.
    pub is_accepted: bool,
    /// When it said so.
    pub at_wall: WallTime,
}

/// How far maintenance is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceStatus {
    /// The machines that are planned to go down, and what frameworks last answered about their agents.
    pub draining: BTreeMap<MachineId, Vec<InverseOfferAnswer>>,
    /// The machines that are down.
    pub down: BTreeSet<MachineId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_known_by_its_name_in_any_case() {
        assert_eq!(MachineId::new("Node-1.Example").unwrap(), MachineId::of_host("node-1.example"));
        for bad in ["", "a b", "a\n", &"x".repeat(MachineId::BYTES_MAX + 1)] {
            assert_eq!(MachineId::new(bad).unwrap_err().code, RejectionCode::InvalidMaintenance, "{bad:?}");
        }
        assert!(serde_json::from_str::<MachineId>("\"\"").is_err());
    }
}
