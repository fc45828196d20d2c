//! What people and tools ask of a master.

use std::collections::BTreeMap;

use mesos_core::call::agent::ToAgent;
use mesos_core::call::operator::{Call, ReplyTo, Response};
use mesos_core::provider::{AgentKey, Fact};
use mesos_core::resource::{Conversion, ConversionError, Resources};
use mesos_core::{AgentId, FrameworkId, Rejection, RejectionCode, Role, Weight};

use super::book::Transition;
use super::operation::{agent_can_hold, refused};
use super::pending::Pending;
use super::validate::{
    validate_create, validate_destroy, validate_grow, validate_reserve, validate_reserve_from, validate_shrink,
    validate_unreserve,
};
use super::{Master, MasterCx};
use crate::registry::{Drain, Op};

impl Master {
    pub(super) fn handle_operator(&mut self, cx: &mut MasterCx<'_>, reply: ReplyTo, call: Call) {
        if !self.phase.is_leading() {
            let what = "this master does not lead";
            let rejection = Rejection::new(RejectionCode::NotLeading, what, "ask the leader");
            return self.reply(cx, reply, Response::Refused(rejection));
        }
        let outcome = match call {
            Call::UpdateWeights(weights) => self.update_weights(weights, reply),
            Call::UpdateQuota { quotas, force } => {
                self.update_quota(quotas, force, reply).map(|()| Answered::WhenDurable)
            }
            Call::GetQuota => {
                let quotas = self.registrar.registry().quotas().clone();
                return self.reply(cx, reply, Response::Quotas(quotas));
            }
            Call::Explain { framework_id, role, of } => {
                let response = self.explain(cx.now.mono, &framework_id, role, of);
                return self.reply(cx, reply, response);
            }
            Call::Preemptions { framework_id, role, need } => {
                let response = self.preemptions(&framework_id, &role, &need);
                return self.reply(cx, reply, response);
            }
            Call::MarkAgentGone(id) => self.mark_gone(cx, id, reply),
            Call::Teardown(id) => self.teardown(cx, &id).map(|()| Answered::Now),
            Call::Reserve { agent_id, source, resources } => self.operator_reserve(cx, &agent_id, &source, &resources),
            Call::Unreserve { agent_id, resources } => self.operator_unreserve(cx, &agent_id, &resources),
            Call::CreateVolumes { agent_id, volumes } => self.operator_create(cx, &agent_id, &volumes),
            Call::DestroyVolumes { agent_id, volumes } => self.operator_destroy(cx, &agent_id, &volumes),
            Call::GrowVolume { agent_id, volume, addition } => {
                validate_grow(&volume, &addition).and_then(|conversion| self.convert_free(cx, &agent_id, &conversion))
            }
            Call::ShrinkVolume { agent_id, volume, subtract } => {
                validate_shrink(&volume, subtract).and_then(|conversion| self.convert_free(cx, &agent_id, &conversion))
            }
            Call::DrainAgent { agent_id: id, max_grace, mark_gone } => {
                let op = Op::DrainAgent { id: id.clone(), drain: Drain { max_grace, mark_gone } };
                self.change_duty(id, op, reply).map(|()| Answered::WhenDurable)
            }
            Call::DeactivateAgent(id) => {
                self.change_duty(id.clone(), Op::DeactivateAgent { id }, reply).map(|()| Answered::WhenDurable)
            }
            Call::ReactivateAgent(id) => {
                self.change_duty(id.clone(), Op::ReactivateAgent { id }, reply).map(|()| Answered::WhenDurable)
            }
            Call::UpdateMaintenanceSchedule(schedule) => {
                self.file(Op::SetSchedule(schedule), Pending::Schedule { reply })
            }
            Call::StartMaintenance(machines) => {
                self.file(Op::StartMaintenance(machines.clone()), Pending::MaintenanceStarted { machines, reply })
            }
            Call::StopMaintenance(machines) => self.file(Op::StopMaintenance(machines), Pending::Schedule { reply }),
            Call::UpdateWhitelist(hostnames) => self.file(Op::SetWhitelist(hostnames), Pending::Whitelist { reply }),
            Call::GetMaintenanceSchedule => {
                let schedule = self.registrar.registry().schedule();
                return self.reply(cx, reply, Response::MaintenanceSchedule(schedule));
            }
            Call::GetMaintenanceStatus => {
                return self.reply(cx, reply, Response::MaintenanceStatus(self.maintenance_status()));
            }
            _ => Err(Rejection::new(
                RejectionCode::Unsupported,
                "this call is not known to this master",
                "use a newer master",
            )),
        };
        match outcome {
            Ok(Answered::Now) => self.reply(cx, reply, Response::Done),
            Ok(Answered::WhenDurable) => {}
            Err(rejection) => self.reply(cx, reply, Response::Refused(rejection)),
        }
    }

    /// Submits a change and remembers what follows when it is durable.
    fn file(&mut self, op: Op, pending: Pending) -> Result<Answered, Rejection> {
        let ticket = self.registrar.submit(op)?;
        self.pending.insert(ticket, pending);
        Ok(Answered::WhenDurable)
    }

    fn update_weights(&mut self, weights: BTreeMap<Role, Weight>, reply: ReplyTo) -> Result<Answered, Rejection> {
        let ticket = self.registrar.submit(Op::SetWeights(weights.clone()))?;
        self.pending.insert(ticket, Pending::Weights { weights, reply });
        Ok(Answered::WhenDurable)
    }

    /// The weights are durable.
    pub(super) fn weights_set(&mut self, cx: &MasterCx<'_>, weights: BTreeMap<Role, Weight>) {
        for (role, weight) in weights {
            self.observe(cx, Fact::WeightSet { role, weight });
        }
    }

    fn mark_gone(&mut self, cx: &mut MasterCx<'_>, id: AgentId, reply: ReplyTo) -> Result<Answered, Rejection> {
        let agent = self.agents.table.find(&id);
        if self.registrar.registry().gone().contains_key(&id) {
            return Ok(Answered::Now);
        }
        if agent.is_none() && self.registrar.registry().standing(&id).is_none() {
            return Err(unknown_agent(&id));
        }
        if agent.is_some_and(|agent| self.agents.table[agent].transition != Transition::Settled) {
            let what = format!("agent {id} is being marked unreachable, gone or removed at this moment");
            return Err(Rejection::new(RejectionCode::NotReady, what, "ask again when that is done"));
        }
        let ticket = self.registrar.submit(Op::MarkGone { id: id.clone(), at_wall: cx.now.wall })?;
        if let Some(agent) = agent {
            self.agents.table[agent].transition = Transition::Leaving;
            self.rescind_offers_on(cx, agent);
            self.observe(cx, Fact::AgentDeactivated { agent });
        }
        self.pending.insert(ticket, Pending::Gone { id, reply });
        Ok(Answered::WhenDurable)
    }

    fn teardown(&mut self, cx: &mut MasterCx<'_>, id: &FrameworkId) -> Result<(), Rejection> {
        let Some(framework) = self.frameworks.table.find(id) else {
            let what = format!("framework {id} is not known");
            return Err(Rejection::new(RejectionCode::UnknownFramework, what, "name a framework of this cluster"));
        };
        self.remove_framework(cx, framework);
        Ok(())
    }

    fn operator_reserve(
        &mut self,
        cx: &mut MasterCx<'_>,
        id: &AgentId,
        source: &Resources,
        resources: &Resources,
    ) -> Result<Answered, Rejection> {
        let agent = self.agents.table.find(id).ok_or_else(|| unknown_agent(id))?;
        agent_can_hold(&self.agents.table[agent].info, resources)?;
        let conversion = match source.is_empty() {
            true => validate_reserve(resources, None, None)?,
            false => validate_reserve_from(source, resources)?,
        };
        self.convert_free(cx, id, &conversion)
    }

    fn operator_unreserve(
        &mut self,
        cx: &mut MasterCx<'_>,
        id: &AgentId,
        resources: &Resources,
    ) -> Result<Answered, Rejection> {
        let conversion = validate_unreserve(resources)?;
        self.convert_free(cx, id, &conversion)
    }

    fn operator_create(
        &mut self,
        cx: &mut MasterCx<'_>,
        id: &AgentId,
        volumes: &Resources,
    ) -> Result<Answered, Rejection> {
        let agent = self.agents.table.find(id).ok_or_else(|| unknown_agent(id))?;
        let conversion = validate_create(volumes, &self.agents.table[agent].total, None)?;
        self.convert_free(cx, id, &conversion)
    }

    fn operator_destroy(
        &mut self,
        cx: &mut MasterCx<'_>,
        id: &AgentId,
        volumes: &Resources,
    ) -> Result<Answered, Rejection> {
        let agent = self.agents.table.find(id).ok_or_else(|| unknown_agent(id))?;
        let row = &self.agents.table[agent];
        let used = row.used.iter().map(|used| &used.resources);
        let conversion = validate_destroy(volumes, &row.total, used)?;
        self.rescind_offers_of_volumes(cx, agent, volumes);
        self.convert_free(cx, id, &conversion)
    }

    /// Changes the form of resources nobody uses; offers that hold them are rescinded first.
    fn convert_free(
        &mut self,
        cx: &mut MasterCx<'_>,
        id: &AgentId,
        conversion: &Conversion,
    ) -> Result<Answered, Rejection> {
        let agent = self.agents.table.find(id).ok_or_else(|| unknown_agent(id))?;
        let row = &self.agents.table[agent];
        if row.conn().is_none() || row.transition != Transition::Settled {
            let what = format!("agent {id} is not connected, or leaving, and would not hear of it");
            return Err(Rejection::new(RejectionCode::InvalidAgent, what, "ask again when the agent is back"));
        }
        let free = self.unused(agent);
        free.apply(conversion).map_err(|error| unavailable(&error))?;
        let is_offered = |free: Option<Resources>| !free.is_some_and(|free| free.contains(conversion.consumed()));
        if is_offered(self.allocator.available(agent)) {
            self.rescind_resources_on(cx, agent);
        }
        let row = &mut self.agents.table[agent];
        row.total = row.total.apply(conversion).map_err(|error| refused(&error))?;
        let total = row.total.clone();
        self.observe(cx, Fact::AgentResized { agent, total: total.clone() });
        self.tell_agent(cx, agent, ToAgent::SetTotal { total });
        Ok(Answered::Now)
    }

    /// What no task or executor uses on an agent; offers may hold it.
    fn unused(&self, agent: AgentKey) -> Resources {
        let row = &self.agents.table[agent];
        row.used.iter().fold(row.total.clone(), |free, used| &free - &used.resources)
    }
}

/// When an operator is answered.
enum Answered {
    /// With this step.
    Now,
    /// When the decision is durable.
    WhenDurable,
}

fn unavailable(error: &ConversionError) -> Rejection {
    Rejection { code: RejectionCode::Unavailable, ..refused(error) }
}

fn unknown_agent(id: &AgentId) -> Rejection {
    let what = format!("agent {id} is not known");
    Rejection::new(RejectionCode::UnknownAgent, what, "name an agent of this cluster")
}
