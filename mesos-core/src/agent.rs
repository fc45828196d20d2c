//! What an agent says about itself when it registers.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::id::Principal;
use crate::resource::Resources;

/// What an agent can deal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum AgentCapability {
    /// Resources allocated to several roles of one framework.
    MultiRole,
    /// Roles with a `/`.
    HierarchicalRole,
    /// Refined reservations.
    ReservationRefinement,
    /// Says what became of operations that have an id.
    AgentOperationFeedback,
    /// Tasks that may use more than they are given.
    TaskResourceLimits,
}

/// Where an agent stands, for frameworks that spread or gather.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultDomain {
    /// Far apart: links between regions are slow.
    pub region: Arc<str>,
    /// Fails as one within a region.
    pub zone: Arc<str>,
}

/// An agent's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentInfo {
    /// The host's name.
    pub hostname: Arc<str>,
    /// Where the agent itself listens.
    pub port: u16,
    /// The address others reach it at, if it knows one. It says so itself, and nobody relies on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Whether it speaks TLS where it listens.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub has_tls: bool,
    /// What it has: unreserved and statically reserved resources. What was reserved or made into volumes later is
    /// reported beside this.
    pub resources: Resources,
    /// What its operator says about it.
    pub attributes: Attributes,
    /// Where it stands, if known.
    pub domain: Option<FaultDomain>,
    /// What it can deal with.
    pub capabilities: BTreeSet<AgentCapability>,
    /// Who it proved to be when it connected; nobody where nothing is asked. The door that lets it in sets this, whatever
    /// the agent says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
}

impl AgentInfo {
    /// The port agents of Mesos listen on.
    pub const PORT_DEFAULT: u16 = 5051;

    /// An agent with every capability of this version.
    #[must_use]
    pub fn new(hostname: impl Into<Arc<str>>, resources: Resources) -> Self {
        use AgentCapability::{
            AgentOperationFeedback, HierarchicalRole, MultiRole, ReservationRefinement, TaskResourceLimits,
        };
        Self {
            hostname: hostname.into(),
            port: Self::PORT_DEFAULT,
            ip: None,
            has_tls: false,
            resources,
            attributes: Attributes::default(),
            domain: None,
            capabilities: BTreeSet::from([
                MultiRole,
                HierarchicalRole,
                ReservationRefinement,
                AgentOperationFeedback,
                TaskResourceLimits,
            ]),
            principal: None,
        }
    }

    /// The address others reach it at: what it says, or its name where that is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.ip.or_else(|| self.hostname.parse().ok())
    }

    /// Where it is reached, as `ip:port`; by its host's name where it knows no address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match self.address() {
            Some(ip) => SocketAddr::new(ip, self.port).to_string(),
            None => format!("{}:{}", self.hostname, self.port),
        }
    }

    /// How it is named among processes: `slave(1)@ip:port`.
    #[must_use]
    pub fn pid(&self) -> String {
        format!("slave(1)@{}", self.endpoint())
    }
}
