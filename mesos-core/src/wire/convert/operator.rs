//! What operators ask of a master and are told: quota, weights, maintenance, drains, reservations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::resource::resources_from_wire;
use super::{required, unsupported};
use crate::call::operator::Call;
use crate::error::{Rejection, RejectionCode};
use crate::id::AgentId;
use crate::maintenance::{MachineId, MaintenanceSchedule, MaintenanceStatus, MaintenanceWindow, Unavailability};
use crate::quota::Quota;
use crate::resource::{Limits, Quantities, ResourceName, Resources, Scalar};
use crate::role::Role;
use crate::weight::Weight;
use crate::wire::v1;
use v1::allocator::InverseOfferStatus;
use v1::allocator::inverse_offer_status::Status;
use v1::maintenance::ClusterStatus;
use v1::maintenance::cluster_status::DrainingMachine;
use v1::master::call::Type;

impl TryFrom<v1::master::Call> for Call {
    type Error = Rejection;

    /// Reads a call that changes something. Those that only look are for whoever has the views.
    fn try_from(call: v1::master::Call) -> Result<Self, Rejection> {
        Ok(match call.r#type() {
            Type::UpdateWeights => Self::UpdateWeights(weights(part(call.update_weights, "update_weights")?)?),
            Type::UpdateQuota => {
                let update = part(call.update_quota, "update_quota")?;
                let force = update.force();
                let quotas = update.quota_configs.into_iter().map(quota_from_wire).collect::<Result<_, _>>()?;
                Self::UpdateQuota { quotas, force }
            }
            Type::ReserveResources => {
                let reserve = part(call.reserve_resources, "reserve_resources")?;
                Self::Reserve {
                    agent_id: reserve.agent_id.try_into()?,
                    source: bag(reserve.source)?,
                    resources: bag(reserve.resources)?,
                }
            }
            Type::UnreserveResources => {
                let unreserve = part(call.unreserve_resources, "unreserve_resources")?;
                Self::Unreserve { agent_id: unreserve.agent_id.try_into()?, resources: bag(unreserve.resources)? }
            }
            Type::CreateVolumes => {
                let create = part(call.create_volumes, "create_volumes")?;
                Self::CreateVolumes { agent_id: create.agent_id.try_into()?, volumes: bag(create.volumes)? }
            }
            Type::DestroyVolumes => {
                let destroy = part(call.destroy_volumes, "destroy_volumes")?;
                Self::DestroyVolumes { agent_id: destroy.agent_id.try_into()?, volumes: bag(destroy.volumes)? }
            }
            Type::GrowVolume => {
                let grow = part(call.grow_volume, "grow_volume")?;
                Self::GrowVolume {
                    agent_id: agent(part(grow.agent_id, "the agent_id of grow_volume")?)?,
                    volume: bag(vec![grow.volume])?,
                    addition: bag(vec![grow.addition])?,
                }
            }
            Type::ShrinkVolume => {
                let shrink = part(call.shrink_volume, "shrink_volume")?;
                Self::ShrinkVolume {
                    agent_id: agent(part(shrink.agent_id, "the agent_id of shrink_volume")?)?,
                    volume: bag(vec![shrink.volume])?,
                    subtract: shrink.subtract.try_into()?,
                }
            }
            Type::UpdateMaintenanceSchedule => {
                let update = part(call.update_maintenance_schedule, "update_maintenance_schedule")?;
                Self::UpdateMaintenanceSchedule(update.schedule.try_into()?)
            }
            Type::StartMaintenance => {
                Self::StartMaintenance(machines(part(call.start_maintenance, "start_maintenance")?.machines)?)
            }
            Type::StopMaintenance => {
                Self::StopMaintenance(machines(part(call.stop_maintenance, "stop_maintenance")?.machines)?)
            }
            Type::DrainAgent => {
                let drain = part(call.drain_agent, "drain_agent")?;
                Self::DrainAgent {
                    mark_gone: drain.mark_gone(),
                    agent_id: drain.agent_id.try_into()?,
                    max_grace: drain.max_grace_period.map(grace).transpose()?,
                }
            }
            Type::DeactivateAgent => {
                Self::DeactivateAgent(agent(part(call.deactivate_agent, "deactivate_agent")?.agent_id)?)
            }
            Type::ReactivateAgent => {
                Self::ReactivateAgent(agent(part(call.reactivate_agent, "reactivate_agent")?.agent_id)?)
            }
            Type::MarkAgentGone => Self::MarkAgentGone(agent(part(call.mark_agent_gone, "mark_agent_gone")?.agent_id)?),
            Type::Teardown => Self::Teardown(part(call.teardown, "teardown")?.framework_id.try_into()?),
            Type::Unknown => {
                let what = "the call has no type, or one not known";
                let remedy = "set type to one of the calls of the operator API";
                return Err(Rejection::new(RejectionCode::Unsupported, what, remedy));
            }
            other => return Err(unsupported(other.as_str_name(), "do without it")),
        })
    }
}

fn part<T>(part: Option<T>, name: &str) -> Result<T, Rejection> {
    required(part, name, RejectionCode::InvalidOperation)
}

fn agent(id: v1::AgentId) -> Result<AgentId, Rejection> {
    id.try_into()
}

fn bag(entries: Vec<v1::Resource>) -> Result<Resources, Rejection> {
    resources_from_wire(entries).map(|(resources, _)| resources)
}

fn role(name: &str) -> Result<Role, Rejection> {
    Role::new(name).map_err(|error| Rejection::new(RejectionCode::InvalidRole, error.to_string(), "name a role"))
}

fn grace(duration: prost_types::Duration) -> Result<Duration, Rejection> {
    Duration::try_from(duration).map_err(|_| {
        let remedy = "give a duration of 0 or more";
        Rejection::new(RejectionCode::InvalidAgent, "max_grace_period is negative", remedy)
    })
}

fn weights(update: v1::master::call::UpdateWeights) -> Result<BTreeMap<Role, Weight>, Rejection> {
    let weight = |info: v1::WeightInfo| {
        let name = required(info.role, "the role of a weight", RejectionCode::InvalidRole)?;
        Ok((role(&name)?, Weight::new(info.weight)?))
    };
    update.weight_infos.into_iter().map(weight).collect()
}

/// Weights as they are told.
#[must_use]
pub fn weights_to_wire(weights: &BTreeMap<Role, Weight>) -> Vec<v1::WeightInfo> {
    let info = |(role, weight): (&Role, &Weight)| v1::WeightInfo {
        weight: (*weight).into(),
        role: Some(role.as_str().to_owned()),
    };
    weights.iter().map(info).collect()
}

fn quota_from_wire(config: v1::quota::QuotaConfig) -> Result<(Role, Quota), Rejection> {
    let role = role(&config.role)?;
    let read = |name: &str, amount: v1::value::Scalar| -> Result<(ResourceName, Scalar), Rejection> {
        let refuse = |error: &dyn std::fmt::Display| {
            let what = format!("quota of role {role}: {error}");
            Rejection::new(RejectionCode::InvalidQuota, what, "correct the amount")
        };
        let name = ResourceName::new(name).map_err(|error| refuse(&error))?;
        Ok((name, Scalar::from_f64(amount.value).map_err(|error| refuse(&error))?))
    };
    let mut guarantees = Quantities::new();
    for (name, amount) in config.guarantees {
        let (name, amount) = read(&name, amount)?;
        guarantees.set(name, amount);
    }
    let mut limits = Limits::new();
    for (name, amount) in config.limits {
        let (name, amount) = read(&name, amount)?;
        limits.set(name, amount);
    }
    Ok((role.clone(), Quota::new(guarantees, limits)?))
}

/// Quotas as they are told: in the form of today, and in the older one for roles that have guarantees.
#[must_use]
pub fn quotas_to_wire(quotas: &BTreeMap<Role, Quota>) -> v1::quota::QuotaStatus {
    let pair = |(name, amount): (&ResourceName, Scalar)| (name.as_str().to_owned(), amount.into());
    let config = |(role, quota): (&Role, &Quota)| v1::quota::QuotaConfig {
        role: role.as_str().to_owned(),
        guarantees: quota.guarantees().iter().map(pair).collect(),
        limits: quota.limits().iter().map(pair).collect(),
    };
    let info = |(role, quota): (&Role, &Quota)| v1::quota::QuotaInfo {
        role: Some(role.as_str().to_owned()),
        principal: None,
        guarantee: quota.guarantees().iter().map(scalar_to_wire).collect(),
    };
    let guaranteed = quotas.iter().filter(|(_, quota)| !quota.guarantees().is_empty());
    v1::quota::QuotaStatus { infos: guaranteed.map(info).collect(), configs: quotas.iter().map(config).collect() }
}

fn scalar_to_wire((name, amount): (&ResourceName, Scalar)) -> v1::Resource {
    let mut entry = v1::Resource { name: name.as_str().to_owned(), ..Default::default() };
    entry.set_type(v1::value::Type::Scalar);
    entry.scalar = Some(amount.into());
    entry
}

/// Amounts as resources, for whoever shows totals.
#[must_use]
pub fn quantities_to_wire(quantities: &Quantities) -> Vec<v1::Resource> {
    quantities.iter().map(scalar_to_wire).collect()
}

fn machines(ids: Vec<v1::MachineId>) -> Result<BTreeSet<MachineId>, Rejection> {
    ids.into_iter().map(MachineId::try_from).collect()
}

impl TryFrom<v1::MachineId> for MachineId {
    type Error = Rejection;

    /// A machine is known by its host's name; an address beside it is not looked at.
    fn try_from(id: v1::MachineId) -> Result<Self, Rejection> {
        match id.hostname.filter(|name| !name.is_empty()) {
            Some(name) => Self::new(name),
            None => Err(Rejection::new(
                RejectionCode::InvalidMaintenance,
                "a machine has no hostname",
                "name the host of its agent",
            )),
        }
    }
}

impl From<&MachineId> for v1::MachineId {
    fn from(id: &MachineId) -> Self {
        Self { hostname: Some(id.as_str().to_owned()), ip: None }
    }
}

impl TryFrom<v1::Unavailability> for Unavailability {
    type Error = Rejection;

    fn try_from(unavailability: v1::Unavailability) -> Result<Self, Rejection> {
        let duration = unavailability.duration.map(|duration| {
            u64::try_from(duration.nanoseconds).map(Duration::from_nanos).map_err(|_| {
                let what = format!("an unavailability of {} ns", duration.nanoseconds);
                Rejection::new(RejectionCode::InvalidMaintenance, what, "give a duration of 0 or more, or none")
            })
        });
        Ok(Self { start: unavailability.start.into(), duration: duration.transpose()? })
    }
}

impl TryFrom<v1::maintenance::Schedule> for MaintenanceSchedule {
    type Error = Rejection;

    fn try_from(schedule: v1::maintenance::Schedule) -> Result<Self, Rejection> {
        let window = |window: v1::maintenance::Window| {
            let machines = window.machine_ids.into_iter().map(MachineId::try_from).collect::<Result<_, _>>()?;
            Ok(MaintenanceWindow { machines, unavailability: window.unavailability.try_into()? })
        };
        Ok(Self { windows: schedule.windows.into_iter().map(window).collect::<Result<_, Rejection>>()? })
    }
}

impl From<&MaintenanceSchedule> for v1::maintenance::Schedule {
    fn from(schedule: &MaintenanceSchedule) -> Self {
        let window = |window: &MaintenanceWindow| v1::maintenance::Window {
            machine_ids: window.machines.iter().map(Into::into).collect(),
            unavailability: (&window.unavailability).into(),
        };
        Self { windows: schedule.windows.iter().map(window).collect() }
    }
}

impl From<&MaintenanceStatus> for ClusterStatus {
    fn from(status: &MaintenanceStatus) -> Self {
        let draining = status.draining.iter().map(|(machine, answers)| DrainingMachine {
            id: machine.into(),
            statuses: answers
                .iter()
                .map(|answer| InverseOfferStatus {
                    status: if answer.is_accepted { Status::Accept } else { Status::Decline }.into(),
                    framework_id: (&answer.framework_id).into(),
                    timestamp: answer.at_wall.into(),
                })
                .collect(),
        });
        Self { draining_machines: draining.collect(), down_machines: status.down.iter().map(Into::into).collect() }
    }
}
