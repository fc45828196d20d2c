//! What is said of operations, in both directions.

use std::sync::Arc;

use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use super::{required, unsupported};
use crate::error::{Rejection, RejectionCode};
use crate::feedback::{OperationState, OperationStatus, TrackedOperation};
use crate::id::{AgentId, FrameworkId, UpdateId};
use crate::operation::Operation;
use crate::wire::v1;

const CODE: RejectionCode = RejectionCode::InvalidOperation;

impl From<OperationState> for v1::OperationState {
    fn from(state: OperationState) -> Self {
        match state {
            OperationState::Pending => Self::OperationPending,
            OperationState::Finished => Self::OperationFinished,
            OperationState::Failed => Self::OperationFailed,
            OperationState::Error => Self::OperationError,
            OperationState::Dropped => Self::OperationDropped,
            OperationState::Unreachable => Self::OperationUnreachable,
            OperationState::GoneByOperator => Self::OperationGoneByOperator,
            OperationState::Recovering => Self::OperationRecovering,
            OperationState::Unknown => Self::OperationUnknown,
        }
    }
}

fn state_from_wire(state: i32) -> Result<OperationState, Rejection> {
    let known = OperationState::ALL.into_iter().find(|known| i32::from(v1::OperationState::from(*known)) == state);
    known.ok_or_else(|| unsupported("an operation's state of this number", "use one of the states of the API"))
}

impl From<UpdateId> for v1::Uuid {
    fn from(uuid: UpdateId) -> Self {
        Self { value: uuid.into() }
    }
}

/// A status as a framework of that spelling of reservations reads it.
#[must_use]
pub fn operation_status_to_wire(status: &OperationStatus, form: ReservationForm) -> v1::OperationStatus {
    v1::OperationStatus {
        operation_id: Some((&status.id).into()),
        state: v1::OperationState::from(status.state).into(),
        message: status.message.as_deref().map(str::to_owned),
        converted_resources: resources_to_wire(&status.converted, None, form),
        uuid: status.uuid.map(Into::into),
        agent_id: status.agent_id.as_ref().map(Into::into),
        resource_provider_id: None,
    }
}

impl TryFrom<v1::OperationStatus> for OperationStatus {
    type Error = Rejection;

    fn try_from(status: v1::OperationStatus) -> Result<Self, Rejection> {
        let id = required(status.operation_id, "operation_id", CODE)?.try_into()?;
        let mut read = Self::new(id, state_from_wire(status.state)?);
        read.message = status.message.map(Arc::from);
        read.converted = resources_from_wire(status.converted_resources)?.0;
        read.uuid = status.uuid.map(|uuid| uuid.value.as_slice().try_into()).transpose()?;
        read.agent_id = status.agent_id.map(AgentId::try_from).transpose()?;
        Ok(read)
    }
}

/// An operation as views and reports show it.
#[must_use]
pub fn operation_to_wire(
    framework_id: &FrameworkId,
    agent_id: Option<&AgentId>,
    operation: &TrackedOperation,
    state: OperationState,
) -> v1::Operation {
    let status = v1::OperationStatus {
        operation_id: Some((&operation.id).into()),
        state: v1::OperationState::from(state).into(),
        converted_resources: match state {
            OperationState::Finished => resources_to_wire(&operation.converted, None, ReservationForm::Stack),
            _ => Vec::new(),
        },
        uuid: state.is_terminal().then(|| operation.uuid.into()),
        agent_id: agent_id.map(Into::into),
        ..Default::default()
    };
    let mut info = v1::offer::Operation::from(&operation.operation);
    info.id = Some((&operation.id).into());
    v1::Operation {
        framework_id: Some(framework_id.into()),
        agent_id: agent_id.map(Into::into),
        info,
        statuses: vec![status.clone()],
        latest_status: status,
        uuid: operation.uuid.into(),
    }
}

/// An operation as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOperation {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// The operation.
    pub operation: TrackedOperation,
    /// How it stands.
    pub state: OperationState,
}

/// An operation with an id.
///
/// # Errors
/// [`Rejection`] names what cannot be read.
pub fn operation_from_wire(operation: v1::Operation) -> Result<ReadOperation, Rejection> {
    let (state, converted) = (operation.latest_status.state, operation.latest_status.converted_resources);
    let Operation::Tracked { id, operation: done } = super::offer::operation_alone(operation.info)? else {
        return Err(Rejection::new(CODE, "an operation was reported without its id", "set info.id"));
    };
    Ok(ReadOperation {
        framework_id: required(operation.framework_id, "framework_id", CODE)?.try_into()?,
        operation: TrackedOperation {
            id,
            uuid: operation.uuid.value.as_slice().try_into()?,
            operation: *done,
            converted: resources_from_wire(converted)?.0,
        },
        state: state_from_wire(state)?,
    })
}
