//! Where clients reach a master.

use std::net::{IpAddr, SocketAddr};

use mesos_core::wire::{API_VERSION, v1};
use mesos_core::{FaultDomain, MasterId};

/// Where clients reach a master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterAddress {
    /// Its host's name.
    pub hostname: String,
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// Where it stands, if known.
    pub domain: Option<FaultDomain>,
}

impl MasterAddress {
    /// A master at this address.
    #[must_use]
    pub fn new(hostname: impl Into<String>, ip: IpAddr, port: u16) -> Self {
        Self { hostname: hostname.into(), ip, port, domain: None }
    }

    /// How it is named among processes: `master@ip:port`.
    #[must_use]
    pub fn pid(&self) -> String {
        format!("master@{}", SocketAddr::new(self.ip, self.port))
    }

    /// As clients are told it.
    #[must_use]
    pub fn to_wire(&self, id: &MasterId) -> v1::MasterInfo {
        use v1::master_info::Capability;
        use v1::master_info::capability::Type;
        // The four bytes in network order, read as a little-endian number; an address of another kind has none.
        let ip = match self.ip {
            IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
            IpAddr::V6(_) => 0,
        };
        let capabilities = [Type::AgentUpdate, Type::AgentDraining, Type::QuotaV2];
        v1::MasterInfo {
            id: id.as_str().to_owned(),
            ip,
            port: u32::from(self.port),
            pid: Some(self.pid()),
            hostname: Some(self.hostname.clone()),
            version: Some(API_VERSION.to_owned()),
            address: Some(v1::Address {
                hostname: Some(self.hostname.clone()),
                ip: Some(self.ip.to_string()),
                port: i32::from(self.port),
            }),
            domain: self.domain.as_ref().map(Into::into),
            capabilities: capabilities.map(|kind| Capability { r#type: Some(kind.into()) }).into(),
        }
    }
}
