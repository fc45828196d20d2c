//! Agents: what they say about themselves, in both directions.

use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use super::value::attributes_of;
use crate::agent::{AgentCapability, AgentInfo, FaultDomain};
use crate::attribute::{AttributeValue, Attributes};
use crate::error::{Rejection, RejectionCode};
use crate::maintenance::Unavailability;
use crate::wire::v1;
use v1::agent_info::Capability;
use v1::agent_info::capability::Type;

/// Capabilities as both sides call them. One that is not here is a newer agent's, and ignored.
const CAPABILITIES: [(Type, AgentCapability); 5] = [
    (Type::MultiRole, AgentCapability::MultiRole),
    (Type::HierarchicalRole, AgentCapability::HierarchicalRole),
    (Type::ReservationRefinement, AgentCapability::ReservationRefinement),
    (Type::AgentOperationFeedback, AgentCapability::AgentOperationFeedback),
    (Type::TaskResourceLimits, AgentCapability::TaskResourceLimits),
];

/// Capabilities, as they travel beside the description.
#[must_use]
pub fn agent_capabilities_to_wire(info: &AgentInfo) -> Vec<Capability> {
    let own = CAPABILITIES.into_iter().filter(|(_, own)| info.capabilities.contains(own));
    own.map(|(wire, _)| Capability { r#type: Some(wire.into()) }).collect()
}

/// A description and the capabilities that came beside it.
///
/// # Errors
/// [`Rejection`] names what cannot be read.
pub fn agent_from_wire(info: v1::AgentInfo, capabilities: &[Capability]) -> Result<AgentInfo, Rejection> {
    let mut read = AgentInfo::try_from(info)?;
    let has = |wire: Type| capabilities.iter().any(|one| one.r#type == Some(wire.into()));
    read.capabilities = CAPABILITIES.into_iter().filter(|(wire, _)| has(*wire)).map(|(_, own)| own).collect();
    Ok(read)
}

impl From<&AgentInfo> for v1::AgentInfo {
    fn from(info: &AgentInfo) -> Self {
        Self {
            hostname: (*info.hostname).to_owned(),
            port: Some(i32::from(info.port)),
            resources: resources_to_wire(&info.resources, None, ReservationForm::Stack),
            attributes: attributes_of(&info.attributes),
            domain: info.domain.as_ref().map(Into::into),
            ..Default::default()
        }
    }
}

impl TryFrom<v1::AgentInfo> for AgentInfo {
    type Error = Rejection;

    /// With no capabilities: they travel beside it.
    fn try_from(info: v1::AgentInfo) -> Result<Self, Rejection> {
        let port = u16::try_from(info.port()).map_err(|_| {
            let what = format!("the agent's port is {}", info.port());
            Rejection::new(RejectionCode::InvalidAgent, what, "give a port from 0 to 65535")
        })?;
        let (resources, _) = resources_from_wire(info.resources)?;
        let mut read = Self::new(info.hostname, resources);
        read.port = port;
        read.attributes = attributes_from_wire(info.attributes)?;
        read.domain = info.domain.and_then(domain_from_wire);
        read.capabilities.clear();
        Ok(read)
    }
}

/// Attributes; the domain knows scalars, ranges and texts, as Mesos does.
pub(super) fn attributes_from_wire(attributes: Vec<v1::Attribute>) -> Result<Attributes, Rejection> {
    let read = |attribute: v1::Attribute| {
        use v1::value::Type;
        let value = match (attribute.r#type(), attribute.scalar, attribute.ranges, attribute.text) {
            (Type::Scalar, Some(scalar), ..) => AttributeValue::Scalar(scalar.try_into()?),
            (Type::Ranges, _, Some(ranges), _) => AttributeValue::Ranges(ranges.try_into()?),
            (Type::Text, _, _, Some(text)) => AttributeValue::Text(text.value.into()),
            _ => {
                let what = format!("attribute {:?} has no value of its type", attribute.name);
                return Err(Rejection::new(RejectionCode::InvalidAgent, what, "set a scalar, ranges or a text"));
            }
        };
        Ok((attribute.name.into(), value))
    };
    attributes.into_iter().map(read).collect()
}

pub(super) fn domain_from_wire(domain: v1::DomainInfo) -> Option<FaultDomain> {
    let domain = domain.fault_domain?;
    Some(FaultDomain { region: domain.region.name.into(), zone: domain.zone.name.into() })
}

pub(super) fn unavailability_from_wire(unavailability: v1::Unavailability) -> Result<Unavailability, Rejection> {
    let wrong = |why: Rejection| Rejection { code: RejectionCode::InvalidMaintenance, ..why };
    let duration = unavailability.duration.map(|lasts| lasts.try_into().map_err(wrong)).transpose()?;
    Ok(Unavailability { start: unavailability.start.into(), duration })
}
