//! RESERVE, UNRESERVE, CREATE, DESTROY: resources change their form, not their amount.

use mesos_core::provider::{AgentKey, Fact};
use mesos_core::resource::{Conversion, ConversionError};
use mesos_core::{AgentCapability, AgentInfo, Rejection, RejectionCode, Resources};

use crate::master::accept::Accepting;
use crate::master::validate::{validate_create, validate_destroy, validate_reserve, validate_unreserve};
use crate::master::{Master, MasterCx};

impl Master {
    pub(in crate::master) fn reserve(
        &mut self,
        cx: &MasterCx<'_>,
        accepting: &mut Accepting,
        entries: &Resources,
    ) -> Result<Resources, Rejection> {
        agent_can_hold(&self.agents.table[accepting.agent].info, entries)?;
        let principal = self.frameworks.table[accepting.framework].info.principal.clone();
        let conversion = validate_reserve(entries, Some(&accepting.role), principal.as_ref())?;
        self.convert(cx, accepting, &conversion)
    }

    pub(in crate::master) fn unreserve(
        &mut self,
        cx: &MasterCx<'_>,
        accepting: &mut Accepting,
        entries: &Resources,
    ) -> Result<Resources, Rejection> {
        let conversion = validate_unreserve(entries)?;
        self.convert(cx, accepting, &conversion)
    }

    pub(in crate::master) fn create(
        &mut self,
        cx: &MasterCx<'_>,
        accepting: &mut Accepting,
        volumes: &Resources,
    ) -> Result<Resources, Rejection> {
        let info = self.frameworks.table[accepting.framework].info.clone();
        let conversion = validate_create(volumes, &self.agents.table[accepting.agent].total, Some(&info))?;
        self.convert(cx, accepting, &conversion)
    }

    pub(in crate::master) fn destroy(
        &mut self,
        cx: &mut MasterCx<'_>,
        accepting: &mut Accepting,
        volumes: &Resources,
    ) -> Result<Resources, Rejection> {
        let agent = &self.agents.table[accepting.agent];
        let used = agent.used.iter().map(|used| &used.resources);
        let conversion = validate_destroy(volumes, &agent.total, used)?;
        self.rescind_offers_of_volumes(cx, accepting.agent, volumes);
        self.convert(cx, accepting, &conversion)
    }

    /// A shared volume may be on offer to others as well: they must not launch on what is destroyed.
    pub(in crate::master) fn rescind_offers_of_volumes(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        volumes: &Resources,
    ) {
        for key in self.agents.table[agent].offers.clone() {
            let offered = &self.offers.table[key].resources;
            if volumes.iter().any(|volume| offered.contains_resource(&volume)) {
                self.rescind(cx, key);
            }
        }
    }

    /// Applies a conversion to the pool, to the agent's total and to the allocator's books; what came of it.
    pub(in crate::master) fn convert(
        &mut self,
        cx: &MasterCx<'_>,
        accepting: &mut Accepting,
        conversion: &Conversion,
    ) -> Result<Resources, Rejection> {
        let remaining = accepting.remaining.apply(conversion).map_err(|error| refused(&error))?;
        let agent = &mut self.agents.table[accepting.agent];
        agent.total = agent.total.apply(conversion).map_err(|error| refused(&error))?;
        accepting.remaining = remaining;
        accepting.made -= conversion.consumed();
        accepting.made += conversion.converted();
        accepting.is_total_changed = true;
        let Accepting { framework, agent, ref role, .. } = *accepting;
        let (from, to) = (conversion.consumed().clone(), conversion.converted().clone());
        self.observe(cx, Fact::Converted { framework, role: role.clone(), agent, from, to });
        Ok(conversion.converted().clone())
    }
}

pub(in crate::master) fn refused(error: &ConversionError) -> Rejection {
    Rejection::new(
        RejectionCode::InvalidOperation,
        error.to_string(),
        "name only resources that the offers, or the agent, hold in that form",
    )
}

/// Whether the agent understands reservations of this form.
pub(in crate::master) fn agent_can_hold(agent: &AgentInfo, entries: &Resources) -> Result<(), Rejection> {
    let lacks = |capability| !agent.capabilities.contains(&capability);
    for entry in entries.iter() {
        let reservations = entry.reservations();
        let is_nested = reservations.role().is_some_and(|role| role.parent().is_some());
        if is_nested && lacks(AgentCapability::HierarchicalRole) {
            return Err(old_agent(agent, "a nested role"));
        }
        if reservations.len() > 1 && lacks(AgentCapability::ReservationRefinement) {
            return Err(old_agent(agent, "a refined reservation"));
        }
    }
    Ok(())
}

fn old_agent(agent: &AgentInfo, what: &str) -> Rejection {
    let what = format!("the agent on {} does not understand {what}", agent.hostname);
    Rejection::new(RejectionCode::InvalidOperation, what, "reserve on a newer agent")
}
