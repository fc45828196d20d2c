//! Statuses of tasks, inwards.

use std::sync::Arc;
use std::time::Duration;

use super::health::check_status_from_wire;
use super::resource::resources_from_wire;
use super::task::REASONS;
use crate::error::{Rejection, RejectionCode};
use crate::id::{AgentId, ContainerId, ExecutorId};
use crate::resource::Resources;
use crate::task::{Reason, Source, TaskState, TaskStatus};
use crate::time::WallTime;
use crate::wire::v1;
use v1::task_status::{Reason as WireReason, Source as WireSource};

/// A state by its number.
///
/// # Errors
/// [`Rejection`] when it is a newer peer's.
pub fn task_state_from_wire(number: i32) -> Result<TaskState, Rejection> {
    use v1::TaskState as Wire;
    let unknown = || {
        let what = format!("task state {number} is not known");
        Rejection::new(RejectionCode::Unsupported, what, "tell a state of the API")
    };
    Ok(match Wire::try_from(number).map_err(|_| unknown())? {
        Wire::TaskStarting => TaskState::Starting,
        Wire::TaskRunning => TaskState::Running,
        Wire::TaskFinished => TaskState::Finished,
        Wire::TaskFailed => TaskState::Failed,
        Wire::TaskKilled => TaskState::Killed,
        Wire::TaskLost => TaskState::Lost,
        Wire::TaskStaging => TaskState::Staging,
        Wire::TaskError => TaskState::Error,
        Wire::TaskKilling => TaskState::Killing,
        Wire::TaskDropped => TaskState::Dropped,
        Wire::TaskUnreachable => TaskState::Unreachable,
        Wire::TaskGone => TaskState::Gone,
        Wire::TaskGoneByOperator => TaskState::GoneByOperator,
        Wire::TaskUnknown => TaskState::Unknown,
    })
}

/// A reason of ours; one of a newer peer is none.
pub(super) fn reason_from_wire(number: i32) -> Option<Reason> {
    let wire = WireReason::try_from(number).ok()?;
    REASONS.into_iter().find(|(known, _)| *known == wire).map(|(_, own)| own)
}

/// What a task used too much of.
pub(super) fn limitation_from_wire(limitation: v1::TaskResourceLimitation) -> Result<Arc<Resources>, Rejection> {
    resources_from_wire(limitation.resources).map(|(resources, _)| Arc::new(resources))
}

/// The first address a container is said to have.
pub(super) fn address_from_wire(status: v1::ContainerStatus) -> Option<Arc<str>> {
    let addresses = status.network_infos.into_iter().flat_map(|network| network.ip_addresses);
    addresses.filter_map(|address| address.ip_address).next().map(Into::into)
}

impl TryFrom<v1::TaskStatus> for TaskStatus {
    type Error = Rejection;

    fn try_from(status: v1::TaskStatus) -> Result<Self, Rejection> {
        let state = task_state_from_wire(status.state)?;
        let source = match status.source.map(WireSource::try_from) {
            Some(Ok(WireSource::Agent)) => Source::Agent,
            Some(Ok(WireSource::Executor)) => Source::Executor,
            Some(Ok(WireSource::Master) | Err(_)) | None => Source::Master,
        };
        let at = Duration::try_from_secs_f64(status.timestamp.unwrap_or_default()).unwrap_or_default();
        let at = WallTime::from_nanos(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
        let mut read = Self::new(status.task_id.try_into()?, state, source, at);
        read.reason = status.reason.and_then(reason_from_wire);
        read.message = status.message.map(Into::into);
        read.uuid = status.uuid.map(|uuid| uuid.as_slice().try_into()).transpose()?;
        read.agent_id = status.agent_id.map(AgentId::try_from).transpose()?;
        read.executor_id = status.executor_id.map(ExecutorId::try_from).transpose()?;
        read.unreachable_since_wall = status.unreachable_time.map(Into::into);
        read.data = status.data.map(Arc::from);
        read.healthy = status.healthy;
        read.check_status = status.check_status.and_then(check_status_from_wire);
        read.labels = status.labels.map(Into::into).unwrap_or_default();
        read.limitation = status.limitation.map(limitation_from_wire).transpose()?;
        if let Some(mut container) = status.container_status {
            // Only shown; a name that cannot be one here is none.
            read.container_id = container.container_id.take().and_then(|id| ContainerId::new(id.value).ok());
            read.address = address_from_wire(container);
        }
        Ok(read)
    }
}
