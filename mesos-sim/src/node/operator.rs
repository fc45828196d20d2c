//! The operator: a person or tool that asks the leading master for things and reads the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::operator::{Call, ReplyTo, Response};
use mesos_core::maintenance::{MachineId, MaintenanceSchedule, MaintenanceWindow, Unavailability};
use mesos_core::{AgentId, FrameworkId, Quota, Resources, Scalar, WallTime, Weight};
use mesos_sched::master::{AgentView, Input, Master};
use mesos_sched::registry::{Duty, QUOTAS_PER_OP_MAX};

use super::NodeId;
use crate::failure::Failure;
use crate::fault::{DiskFate, OperatorAction};
use crate::watch::Watch;
use crate::world::World;

/// What operators asked and were answered.
pub type OperatorLog = Vec<(Call, Option<Response>)>;

/// The operator's node.
#[derive(Debug, Default)]
pub(crate) struct OperatorNode {
    log: OperatorLog,
    /// Who will not come back, because the disk that held the identity is lost.
    lost: Vec<Lost>,
}

/// Somebody whose identity is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lost {
    Agent(AgentId),
    Framework(FrameworkId),
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

    /// Puts everything back into service that operators took out of it: a cluster without agents never settles.
    pub(crate) fn restore_service(&mut self, watch: &mut Watch) -> Result<(), Failure> {
        // Where nobody asked for anything and nothing was lost, all serve: a long run need not look at every agent.
        if self.operator.log.is_empty() && self.operator.lost.is_empty() {
            return Ok(());
        }
        let lost = self.operator.lost.clone();
        self.ask_leader(watch, move |master| {
            let mut calls = out_of_service(master);
            calls.extend(lost.iter().filter_map(|lost| farewell(master, lost)));
            calls
        })
    }

    /// Takes note of who will not come back when a node's disk is lost or cannot be read any more.
    pub(crate) fn note_identity(&mut self, node: NodeId, fate: DiskFate) {
        let lost = match node {
            _ if fate == DiskFate::Kept => None,
            NodeId::Agent(index) => self.agent_id(index).map(Lost::Agent),
            NodeId::Framework(index) => self.framework_id(index).map(Lost::Framework),
            NodeId::Master(_) | NodeId::Executor(_) | NodeId::Quorum | NodeId::Operator => None,
        };
        self.operator.lost.extend(lost);
    }

    /// Undoes what nobody uses of the reservations made in a run, and all quotas: frameworks that ended leave reservations
    /// behind, and quotas are drawn without regard to what frameworks need, so that others could starve in an otherwise
    /// healthy cluster.
    pub(crate) fn tidy_up(&mut self, watch: &mut Watch) -> Result<(), Failure> {
        self.ask_leader(watch, |machine| {
            machine.agents().filter_map(|agent| unreserve(&agent)).chain(lift_quotas(machine)).collect()
        })
    }

    fn ask_leader(&mut self, watch: &mut Watch, calls: impl Fn(&Master) -> Vec<Call>) -> Result<(), Failure> {
        let Some(holder) = self.election.holder() else { return Ok(()) };
        let process = &self.masters[holder.master as usize].process;
        let Some(machine) = process.machine.as_ref().filter(|machine| machine.leading().is_some()) else {
            return Ok(());
        };
        for call in calls(machine) {
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
                let source = Resources::new();
                Call::Reserve { agent_id: self.agent_id(*agent)?, source, resources: resources.clone() }
            }
            OperatorAction::Unreserve { agent, resources } => {
                Call::Unreserve { agent_id: self.agent_id(*agent)?, resources: resources.clone() }
            }
            OperatorAction::CreateVolumes { agent, volumes } => {
                Call::CreateVolumes { agent_id: self.agent_id(*agent)?, volumes: volumes.clone() }
            }
            OperatorAction::DestroyVolumes { agent, volumes } => {
                Call::DestroyVolumes { agent_id: self.agent_id(*agent)?, volumes: volumes.clone() }
            }
            OperatorAction::GrowVolume { agent, volume, addition } => {
                let (volume, addition) = (volume.clone(), addition.clone());
                Call::GrowVolume { agent_id: self.agent_id(*agent)?, volume, addition }
            }
            OperatorAction::ShrinkVolume { agent, volume, subtract_mib } => {
                let (volume, subtract) = (volume.clone(), Scalar::from_units(*subtract_mib));
                Call::ShrinkVolume { agent_id: self.agent_id(*agent)?, volume, subtract }
            }
            OperatorAction::Drain { agent, max_grace_secs, mark_gone } => Call::DrainAgent {
                agent_id: self.agent_id(*agent)?,
                max_grace: max_grace_secs.map(|secs| Duration::from_secs(secs.into())),
                mark_gone: *mark_gone,
            },
            OperatorAction::Deactivate { agent } => Call::DeactivateAgent(self.agent_id(*agent)?),
            OperatorAction::Reactivate { agent } => Call::ReactivateAgent(self.agent_id(*agent)?),
            OperatorAction::Schedule { agents } => Call::UpdateMaintenanceSchedule(self.schedule(agents)),
            OperatorAction::StartMaintenance { agents } => Call::StartMaintenance(self.machines(agents)),
            OperatorAction::StopMaintenance { agents } => Call::StopMaintenance(self.machines(agents)),
            OperatorAction::Whitelist { agents } => {
                let hosts = |agents: &Vec<u32>| agents.iter().filter_map(|agent| self.hostname(*agent)).collect();
                Call::UpdateWhitelist(agents.as_ref().map(hosts))
            }
        })
    }

    fn schedule(&self, agents: &[u32]) -> MaintenanceSchedule {
        let machines: Vec<MachineId> = self.machines(agents);
        if machines.is_empty() {
            return MaintenanceSchedule::default();
        }
        let duration = Some(Duration::from_secs(3_600));
        let unavailability = Unavailability { start: WallTime::default(), duration };
        MaintenanceSchedule { windows: vec![MaintenanceWindow { machines, unavailability }] }
    }

    fn machines<C: FromIterator<MachineId>>(&self, agents: &[u32]) -> C {
        let hosts = agents.iter().filter_map(|agent| self.hostname(*agent));
        hosts.map(|hostname| MachineId::of_host(&hostname)).collect()
    }

    fn hostname(&self, agent: u32) -> Option<Arc<str>> {
        Some(self.spec.agents.get(agent as usize)?.info.hostname.clone())
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

/// Tells a master that somebody will not come back, if it still waits for it.
fn farewell(master: &Master, lost: &Lost) -> Option<Call> {
    match lost {
        Lost::Agent(id) => master.registry().agents().contains_key(id).then(|| Call::MarkAgentGone(id.clone())),
        Lost::Framework(id) => {
            let is_away = master.frameworks().any(|framework| framework.id == id && !framework.is_connected);
            is_away.then(|| Call::Teardown(id.clone()))
        }
    }
}

/// What ends what operators planned, as far as that can be ended now: the rest falls to the next time.
fn out_of_service(master: &Master) -> Vec<Call> {
    let registry = master.registry();
    let mut calls: Vec<Call> = Vec::new();
    if registry.whitelist().is_some() {
        calls.push(Call::UpdateWhitelist(None));
    }
    let down: BTreeSet<MachineId> =
        registry.machines().iter().filter(|(_, machine)| machine.is_down).map(|(id, _)| id.clone()).collect();
    if !down.is_empty() {
        calls.push(Call::StopMaintenance(down));
    } else if !registry.machines().is_empty() {
        calls.push(Call::UpdateMaintenanceSchedule(MaintenanceSchedule::default()));
    }
    let resting = registry.agents().iter().filter(|(_, row)| matches!(row.duty, Duty::Deactivated | Duty::Drained));
    calls.extend(resting.map(|(id, _)| Call::ReactivateAgent(id.clone())));
    calls
}

fn unreserve(agent: &AgentView<'_>) -> Option<Call> {
    let mut free = agent.total.clone();
    for used in agent.used {
        free -= &used.resources;
    }
    let resources = free.filter(|entry| entry.is_dynamically_reserved() && !entry.is_persistent_volume());
    (!resources.is_empty()).then(|| Call::Unreserve { agent_id: agent.id.clone(), resources })
}
