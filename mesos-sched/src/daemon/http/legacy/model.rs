//! Single rows as tools read them.

use std::collections::BTreeMap;

use mesos_core::attribute::AttributeValue;
use mesos_core::wire::{API_VERSION, json, v1};
use mesos_core::{AgentId, AgentInfo, Resources, TaskState, TaskStatus, WallTime};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use super::resources::{Legacy, LegacyLimits, ranges_text};
use crate::daemon::http::operator::{demands, pid};
use crate::daemon::view::{AgentRow, Amounts, ExecutorRow, FrameworkRow, OfferRow, TaskRow};
use crate::master::{Connection, FrameworkTimes};
use crate::registry::Duty;

pub(super) fn seconds(at: WallTime) -> f64 {
    std::time::Duration::from_nanos(at.as_nanos()).as_secs_f64()
}

/// `TASK_RUNNING`.
const fn state_name(state: TaskState) -> &'static str {
    match state {
        TaskState::Starting => "TASK_STARTING",
        TaskState::Running => "TASK_RUNNING",
        TaskState::Finished => "TASK_FINISHED",
        TaskState::Failed => "TASK_FAILED",
        TaskState::Killed => "TASK_KILLED",
        TaskState::Lost => "TASK_LOST",
        TaskState::Staging => "TASK_STAGING",
        TaskState::Error => "TASK_ERROR",
        TaskState::Killing => "TASK_KILLING",
        TaskState::Dropped => "TASK_DROPPED",
        TaskState::Unreachable => "TASK_UNREACHABLE",
        TaskState::Gone => "TASK_GONE",
        TaskState::GoneByOperator => "TASK_GONE_BY_OPERATOR",
        TaskState::Unknown => "TASK_UNKNOWN",
    }
}

pub(super) struct Labels<'a>(pub &'a BTreeMap<std::sync::Arc<str>, std::sync::Arc<str>>);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (key, value) in self.0 {
            list.serialize_element(&BTreeMap::from([("key", &**key), ("value", &**value)]))?;
        }
        list.end()
    }
}

pub(super) struct Task<'a>(pub &'a TaskRow);

impl Serialize for Task<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(row) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", row.id().as_str())?;
        map.serialize_entry("name", &*row.info.name)?;
        map.serialize_entry("framework_id", row.framework_id.as_str())?;
        map.serialize_entry("executor_id", row.executor_id().map_or("", |id| id.as_str()))?;
        map.serialize_entry("slave_id", row.agent_id.as_str())?;
        map.serialize_entry("state", state_name(row.state))?;
        map.serialize_entry("resources", &Legacy(&row.info.resources))?;
        if !row.info.limits.is_empty() {
            map.serialize_entry("limits", &LegacyLimits(&row.info.limits))?;
        }
        map.serialize_entry("role", row.role.as_str())?;
        map.serialize_entry("statuses", &Statuses(&row.statuses))?;
        if let Some(user) = row.user() {
            map.serialize_entry("user", user)?;
        }
        if !row.info.labels.is_empty() {
            map.serialize_entry("labels", &Labels(&row.info.labels))?;
        }
        if let Some(discovery) = &row.info.discovery {
            map.serialize_entry("discovery", &json::value(&v1::DiscoveryInfo::from(&**discovery)))?;
        }
        if let Some(check) = &row.info.health_check {
            map.serialize_entry("health_check", &json::value(&v1::HealthCheck::from(&**check)))?;
        }
        map.end()
    }
}

struct Statuses<'a>(&'a [std::sync::Arc<TaskStatus>]);

impl Serialize for Statuses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|status| Status(status)))
    }
}

struct Status<'a>(&'a TaskStatus);

impl Serialize for Status<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(status) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", state_name(status.state))?;
        map.serialize_entry("timestamp", &seconds(status.at_wall))?;
        let written = v1::TaskStatus::from(*status);
        if let Some(labels) = &written.labels {
            map.serialize_entry("labels", &json::value(labels)["labels"])?;
        }
        if let Some(container) = &written.container_status {
            map.serialize_entry("container_status", &json::value(container))?;
        }
        if let Some(healthy) = written.healthy {
            map.serialize_entry("healthy", &healthy)?;
        }
        map.end()
    }
}

pub(super) struct Executor<'a>(pub &'a ExecutorRow);

impl Serialize for Executor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(row) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("executor_id", row.info.id.as_str())?;
        map.serialize_entry("name", &*row.info.name)?;
        map.serialize_entry("framework_id", row.framework_id.as_str())?;
        map.serialize_entry("slave_id", row.agent_id.as_str())?;
        let written = v1::ExecutorInfo::from(&*row.info);
        map.serialize_entry("type", written.r#type().as_str_name())?;
        map.serialize_entry("command", &command(written.command.as_ref()))?;
        map.serialize_entry("role", row.role.as_str())?;
        map.serialize_entry("resources", &Legacy(&row.info.resources))?;
        if !row.info.labels.is_empty() {
            map.serialize_entry("labels", &Labels(&row.info.labels))?;
        }
        map.end()
    }
}

/// A command, whose arguments go by another name than in the API of today; an executor of the agent's own has none.
fn command(written: Option<&v1::CommandInfo>) -> Value {
    let Some(written) = written else { return serde_json::json!({"shell": true, "value": "", "argv": [], "uris": []}) };
    let mut command = json::value(written);
    command["argv"] = match command["arguments"].take() {
        Value::Null => serde_json::json!([]),
        arguments => arguments,
    };
    if let Some(members) = command.as_object_mut() {
        members.remove("arguments");
        members.entry("uris").or_insert_with(|| serde_json::json!([]));
    }
    command
}

pub(super) struct Offer<'a>(pub &'a OfferRow);

impl Serialize for Offer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(row) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", row.id.as_str())?;
        map.serialize_entry("framework_id", row.framework_id.as_str())?;
        map.serialize_entry("allocation_info", &BTreeMap::from([("role", row.role.as_str())]))?;
        map.serialize_entry("slave_id", row.agent_id.as_str())?;
        map.serialize_entry("resources", &Legacy(&row.resources))?;
        map.end()
    }
}

/// A framework without what is its.
pub(super) struct Framework<'a> {
    pub row: &'a FrameworkRow,
    pub amounts: &'a Amounts,
}

impl Serialize for Framework<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FrameworkRow { state } = self.row;
        let FrameworkTimes { registered_wall, reregistered_wall, unregistered_wall } = state.times;
        let info = &*state.info;
        let written = v1::FrameworkInfo::from(info);
        let is_connected = state.connection == Connection::Connected;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", state.id.as_str())?;
        map.serialize_entry("name", &*info.name)?;
        map.serialize_entry("used_resources", &Legacy(&self.amounts.used))?;
        map.serialize_entry("offered_resources", &Legacy(&self.amounts.offered))?;
        map.serialize_entry("resources", &Legacy(&(&self.amounts.used + &self.amounts.offered)))?;
        let capabilities = written.capabilities.iter().map(|one| one.r#type().as_str_name()).collect::<Vec<_>>();
        map.serialize_entry("capabilities", &capabilities)?;
        map.serialize_entry("hostname", &*info.hostname)?;
        map.serialize_entry("webui_url", info.webui_url.as_deref().unwrap_or_default())?;
        map.serialize_entry("active", &is_connected)?;
        map.serialize_entry("connected", &is_connected)?;
        map.serialize_entry("recovered", &(state.connection == Connection::Recovered))?;
        map.serialize_entry("user", &*info.user)?;
        map.serialize_entry("failover_timeout", &info.failover_timeout.as_secs_f64())?;
        map.serialize_entry("checkpoint", &info.checkpoint)?;
        map.serialize_entry("registered_time", &seconds(registered_wall))?;
        map.serialize_entry("unregistered_time", &unregistered_wall.map_or(0.0, seconds))?;
        if let Some(at) = reregistered_wall {
            map.serialize_entry("reregistered_time", &seconds(at))?;
        }
        if let Some(principal) = &info.principal {
            map.serialize_entry("principal", principal.as_str())?;
        }
        match &written.role {
            Some(role) => map.serialize_entry("role", role)?,
            None => map.serialize_entry("roles", &written.roles)?,
        }
        if !info.labels.is_empty() {
            map.serialize_entry("labels", &Labels(&info.labels))?;
        }
        if let Some(demands) = demands(self.row) {
            map.serialize_entry("offer_constraints", &json::value(&demands))?;
        }
        map.end()
    }
}

/// An agent.
pub(super) struct Agent<'a> {
    pub row: &'a AgentRow,
    pub amounts: &'a Amounts,
}

impl Serialize for Agent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = &self.row.state;
        let total = &state.total;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", state.id.as_str())?;
        map.serialize_entry("hostname", &*state.info.hostname)?;
        map.serialize_entry("port", &state.info.port)?;
        map.serialize_entry("attributes", &Attributes(&state.info))?;
        if let Some(domain) = &state.info.domain {
            map.serialize_entry("domain", &json::value(&v1::DomainInfo::from(domain)))?;
        }
        map.serialize_entry("pid", &pid(self.row))?;
        map.serialize_entry("registered_time", &seconds(self.row.state.times.registered_wall))?;
        if let Some(at) = self.row.state.times.reregistered_wall {
            map.serialize_entry("reregistered_time", &seconds(at))?;
        }
        map.serialize_entry("resources", &Legacy(total))?;
        map.serialize_entry("used_resources", &Legacy(&self.amounts.used))?;
        map.serialize_entry("offered_resources", &Legacy(&self.amounts.offered))?;
        let reserved = total.reserved();
        let reserved: BTreeMap<&str, Legacy<'_>> =
            reserved.iter().map(|(role, resources)| (role.as_str(), Legacy(resources))).collect();
        map.serialize_entry("reserved_resources", &reserved)?;
        map.serialize_entry("unreserved_resources", &Legacy(&total.unreserved()))?;
        map.serialize_entry("active", &(state.is_connected && !state.is_leaving))?;
        map.serialize_entry("deactivated", &!state.duty.is_serving())?;
        map.serialize_entry("version", API_VERSION)?;
        let capabilities = mesos_core::wire::convert::agent_capabilities_to_wire(&state.info);
        let capabilities = capabilities.iter().map(|one| one.r#type().as_str_name()).collect::<Vec<_>>();
        map.serialize_entry("capabilities", &capabilities)?;
        if let Some(drain) = drain_to_json(state.duty) {
            map.serialize_entry("drain_info", &drain)?;
        }
        if let Some(at) = self.row.state.times.drain_started_wall {
            map.serialize_entry("estimated_drain_start_time_seconds", &seconds(at))?;
        }
        map.end()
    }
}

/// An agent of the registry that has not come back.
pub(super) struct Recovered<'a> {
    pub id: &'a AgentId,
    pub info: &'a AgentInfo,
}

impl Serialize for Recovered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id.as_str())?;
        map.serialize_entry("hostname", &*self.info.hostname)?;
        map.serialize_entry("port", &self.info.port)?;
        map.serialize_entry("attributes", &Attributes(self.info))?;
        map.serialize_entry("resources", &Legacy(&self.info.resources))?;
        map.end()
    }
}

fn drain_to_json(duty: Duty) -> Option<Value> {
    match duty {
        Duty::Draining(drain) => {
            let mut config = serde_json::json!({"mark_gone": drain.mark_gone});
            if let Some(grace) = drain.max_grace {
                config["max_grace_period"] =
                    serde_json::json!({"nanoseconds": u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX)});
            }
            Some(serde_json::json!({"state": "DRAINING", "config": config}))
        }
        Duty::Drained => Some(serde_json::json!({"state": "DRAINED", "config": {}})),
        Duty::Serving | Duty::Deactivated => None,
    }
}

struct Attributes<'a>(&'a AgentInfo);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.attributes.iter() {
            match value {
                AttributeValue::Scalar(number) => map.serialize_entry(name, &number.to_f64())?,
                AttributeValue::Text(text) => map.serialize_entry(name, &**text)?,
                AttributeValue::Ranges(ranges) => map.serialize_entry(name, &ranges_text(ranges))?,
            }
        }
        map.end()
    }
}

/// Full entries, with reservations and volumes.
pub(super) fn entries(resources: &Resources) -> Vec<Value> {
    use mesos_core::wire::convert::{ReservationForm, resources_to_wire};
    resources_to_wire(resources, None, ReservationForm::Stack).iter().map(json::value).collect()
}
