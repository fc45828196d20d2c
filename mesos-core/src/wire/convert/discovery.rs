//! What a task says to those who want to find it, in both directions.

use super::value::{label_map, labels_of};
use crate::discovery::{Discovery, DiscoveryPort, Visibility};
use crate::wire::v1;
use v1::discovery_info::Visibility as Wire;

impl From<Wire> for Visibility {
    fn from(visibility: Wire) -> Self {
        match visibility {
            Wire::Framework => Self::Framework,
            Wire::Cluster => Self::Cluster,
            Wire::External => Self::External,
        }
    }
}

impl From<Visibility> for Wire {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Framework => Self::Framework,
            Visibility::Cluster => Self::Cluster,
            Visibility::External => Self::External,
        }
    }
}

impl From<v1::DiscoveryInfo> for Discovery {
    fn from(info: v1::DiscoveryInfo) -> Self {
        let port = |port: v1::Port| DiscoveryPort {
            number: port.number,
            visibility: port.visibility.map(|_| port.visibility().into()),
            name: port.name.map(Into::into),
            protocol: port.protocol.map(Into::into),
            labels: label_map(port.labels),
        };
        Self {
            visibility: info.visibility().into(),
            name: info.name.map(Into::into),
            environment: info.environment.map(Into::into),
            location: info.location.map(Into::into),
            version: info.version.map(Into::into),
            ports: info.ports.map(|ports| ports.ports.into_iter().map(port).collect()).unwrap_or_default(),
            labels: label_map(info.labels),
        }
    }
}

impl From<&Discovery> for v1::DiscoveryInfo {
    fn from(discovery: &Discovery) -> Self {
        let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        let port = |port: &DiscoveryPort| v1::Port {
            number: port.number,
            name: text(&port.name),
            protocol: text(&port.protocol),
            visibility: port.visibility.map(|visibility| Wire::from(visibility).into()),
            labels: labels_of(&port.labels),
        };
        let ports = discovery.ports.iter().map(port).collect::<Vec<_>>();
        Self {
            visibility: Wire::from(discovery.visibility).into(),
            name: text(&discovery.name),
            environment: text(&discovery.environment),
            location: text(&discovery.location),
            version: text(&discovery.version),
            ports: (!ports.is_empty()).then_some(v1::Ports { ports }),
            labels: labels_of(&discovery.labels),
        }
    }
}
