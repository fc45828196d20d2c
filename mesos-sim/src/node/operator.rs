//! The operator: a person or tool that asks the leading master for things and reads the answers.

use std::collections::BTreeMap;

use mesos_core::call::operator::{Call, ReplyTo, Response};
use mesos_core::{AgentId, FrameworkId, Quota, Weight};
use mesos_sched::master::{AgentView, Input, Master};
use mesos_sched::registry::QUOTAS_PER_OP_MAX;

use super::NodeId;
use crate::failure::Failure;
use crate::fault::OperatorAction;
use crate::watch::Watch;
use crate::world::World;

/// What operators asked and were answered.
pub type OperatorLog = Vec<(Call, Option<Response>)>;

/// The operator's node.
#[derive(Debug, Default)]
pub(crate) struct OperatorNode {
    log: OperatorLog,
}

impl OperatorNode {
    pub(crate) const fn log(&self) -> &OperatorLog {
        &self.log
    }

    fn ask(&mut self, call: Call) -> ReplyTo {
        self.log.push((call, None));
        ReplyTo(self.log.len() as u64 - 1)
    }

    pub(crate) fn answered(&mut self, to: ReplyTo, response: Response) {
        if let Some((_, answer)) = usize::try_from(to.0).ok().and_then(|index| self.log.get_mut(index)) {
            *answer = Some(response);
        }
    }
}

impl World {
    /// Asks the leading master, if the operator can find one that takes requests.
    pub(crate) fn operate(&mut self, action: &OperatorAction, watch: &mut Watch) -> Result<bool, Failure> {
        let Some(call) = self.resolve(action) else { return Ok(false) };
        let Some(holder) = self.election.holder() else { return Ok(false) };
        let process = &self.masters[holder.master as usize].process;
        let is_leading = process.machine.as_ref().is_some_and(|machine| machine.leading().is_some());
        if !is_leading || process.is_paused() || !self.net.connects(NodeId::Operator, NodeId::Master(holder.master)) {
            return Ok(false);
        }
        let reply = self.operator.ask(call.clone());
        self.step_master(holder.master, Some(Input::Operator { reply, call }), watch)?;
        Ok(true)
    }

    /// Undoes what nobody uses of the reservations made in a run, and all quotas: frameworks that ended leave reservations
    /// behind, and quotas are drawn without regard to what frameworks need, so that others could starve in an otherwise
    /// healthy cluster.
    pub(crate) fn tidy_up(&mut self, watch: &mut Watch) -> Result<(), Failure> {
        let Some(holder) = self.election.holder() else { return Ok(()) };
        let process = &self.masters[holder.master as usize].process;
        let Some(machine) = process.machine.as_ref().filter(|machine| machine.leading().is_some()) else {
            return Ok(());
        };
        let calls: Vec<Call> =
            machine.agents().filter_map(|agent| unreserve(&agent)).chain(lift_quotas(machine)).collect();
        for call in calls {
            if self.is_life(NodeId::Master(holder.master), holder.life) {
                let reply = self.operator.ask(call.clone());
                self.step_master(holder.master, Some(Input::Operator { reply, call }), watch)?;
            }
        }
        Ok(())
    }

    fn resolve(&self, action: &OperatorAction) -> Option<Call> {
        Some(match action {
            OperatorAction::MarkGone { agent } => Call::MarkAgentGone(self.agent_id(*agent)?),
            OperatorAction::Teardown { framework } => Call::Teardown(self.framework_id(*framework)?),
            OperatorAction::SetWeight { role, milli } => {
                let weight = Weight::new(f64::from(*milli) / 1_000.0).ok()?;
                Call::UpdateWeights(BTreeMap::from([(role.clone(), weight)]))
            }
            OperatorAction::SetQuota { role, quota, force } => {
                Call::UpdateQuota { quotas: BTreeMap::from([(role.clone(), quota.clone())]), force: *force }
            }
            OperatorAction::Reserve { agent, resources } => {
                Call::Reserve { agent_id: self.agent_id(*agent)?, resources: resources.clone() }
            }
            OperatorAction::Unreserve { agent, resources } => {
                Call::Unreserve { agent_id: self.agent_id(*agent)?, resources: resources.clone() }
            }
        })
    }

    fn agent_id(&self, agent: u32) -> Option<AgentId> {
        self.agents.get(agent as usize)?.process.machine.as_ref()?.id().cloned()
    }

    fn framework_id(&self, framework: u32) -> Option<FrameworkId> {
        self.frameworks.get(framework as usize)?.process.machine.as_ref()?.framework_id().cloned()
    }
}

fn lift_quotas(machine: &Master) -> Option<Call> {
    let roles = machine.registry().quotas().keys().take(QUOTAS_PER_OP_MAX);
    let quotas: BTreeMap<_, _> = roles.map(|role| (role.clone(), Quota::default())).collect();
    (!quotas.is_empty()).then_some(Call::UpdateQuota { quotas, force: true })
}

fn unreserve(agent: &AgentView<'_>) -> Option<Call> {
    let mut free = agent.total.clone();
    for used in agent.used {
        free -= &used.resources;
    }
    let resources = free.filter(|entry| entry.is_dynamically_reserved() && !entry.is_persistent_volume());
    (!resources.is_empty()).then(|| Call::Unreserve { agent_id: agent.id.clone(), resources })
}
