//! Between the messages of the wire and the domain, one file per kind of thing.
//!
//! Inwards everything is checked: `TryFrom` refuses with a [`Rejection`] that names the field, and what a message asks for
//! that this version cannot do is refused as unsupported, never dropped in silence. Reports are told on as they come; of what
//! they say about a container its name and its address are. Outwards, `From` cannot fail.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod constraint;
mod discovery;
mod driver;
mod executor;
mod feedback;
mod framework;
mod health;
mod id;
mod limit;
mod line;
mod node;
mod offer;
mod operator;
mod resource;
mod scheduler;
mod status;
mod task;
mod terminal;
mod value;

#[cfg(test)]
mod tests;

pub use driver::event_from_wire;
pub use feedback::{ReadOperation, operation_from_wire, operation_status_to_wire, operation_to_wire};
pub use limit::{limits_from_wire, limits_to_wire};
pub use line::{
    ExecutorCall, executor_call_from_wire, executor_call_to_wire, executor_event_from_wire, executor_event_to_wire,
};
pub use node::{agent_capabilities_to_wire, agent_from_wire};
pub use offer::{DroppedOperation, RefusedTask, offer_to_wire};
pub use operator::{quantities_to_wire, quotas_to_wire, weights_to_wire};
pub use resource::{ReservationForm, resources_from_wire, resources_to_wire};
pub use scheduler::{Aside, ReadCall, call_from_wire, event_to_wire};
pub use status::task_state_from_wire;
pub use task::{check_plain_container, grouped_task_from_wire, task_group_from_wire, task_group_to_wire};
pub use terminal::{terminal_from_wire, terminal_to_wire};

use crate::error::{Rejection, RejectionCode};

/// A field that must be there.
fn required<T>(field: Option<T>, name: &str, code: RejectionCode) -> Result<T, Rejection> {
    field.ok_or_else(|| Rejection::new(code, format!("{name} is missing"), format!("set {name}")))
}

/// Something Mesos has and this version does not.
fn unsupported(what: &str, remedy: &str) -> Rejection {
    Rejection::new(RejectionCode::Unsupported, format!("{what} is not supported by this version"), remedy)
}

/// Refuses what is set although this version cannot do it.
fn unset<T>(field: Option<&T>, what: &str) -> Result<(), Rejection> {
    match field {
        Some(_) => Err(unsupported(what, "leave it out")),
        None => Ok(()),
    }
}
