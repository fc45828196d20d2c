//! The vocabulary and the traits of a cluster kernel with two-level scheduling.
//!
//! Agents offer what they have; an allocator decides to whom; frameworks accept and say what to run. This crate holds
//! everything the parts of such a cluster share: [ids](id), the [resource algebra](resource), [tasks](task) and their
//! states, the [calls and events](call) between the parts, the [contract](kernel) every state machine keeps, and the
//! [traits](provider) a user may supply. It decides nothing, knows no wire format and needs no runtime.
//!
//! # Where to start
//!
//! * To write a framework: [`Scheduler`].
//! * To decide who is offered what: [`Allocator`].
//! * To run tasks in another way: [`Executor`] (pure) or [`Containerizer`] (the host side).
//! * To understand how the same code runs live and simulated: [`kernel`].

#![forbid(unsafe_code)]

#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod agent;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod attribute;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod call;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod constraint;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod container;
#[cfg(feature = "daemon")]
pub mod daemon;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod discovery;
pub mod docs;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod error;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod executor;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod feedback;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod framework;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod health;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod id;
#[cfg(feature = "journal")]
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod journal;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod kernel;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod limit;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod maintenance;
#[cfg(feature = "net")]
pub mod net;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod offer;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod operation;
#[cfg(feature = "program")]
pub mod program;
pub mod provider;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod quota;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod resource;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod role;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod task;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod text;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod time;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod weight;
#[cfg(feature = "wire")]
pub mod wire;

pub use agent::{AgentCapability, AgentInfo, FaultDomain};
pub use attribute::{AttributeValue, Attributes};
pub use constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
pub use container::{CommandInfo, ContainerSpec, Exit, Purpose, Run, Signal};
pub use error::{Rejection, RejectionCode};
pub use executor::{ExecutorInfo, ExecutorRun};
pub use feedback::{OperationState, OperationStatus, TrackedOperation};
pub use framework::{FrameworkCapability, FrameworkInfo};
pub use id::{
    AgentId, ContainerId, ExecutorId, FrameworkId, MasterId, OfferId, OperationId, PersistenceId, Principal,
    ProviderId, TaskId, UpdateId,
};
pub use limit::{ContainerLimits, Limit};
pub use maintenance::{InverseOffer, Unavailability};
pub use offer::{Filters, Offer};
pub use operation::Operation;
pub use provider::{
    Ack, Allocator, Clock, Containerizer, Contender, Detector, Executor, ExecutorCx, Scheduler, SchedulerCx, Store,
};
pub use quota::Quota;
pub use resource::{Quantities, Resources, Scalar};
pub use role::Role;
pub use task::{KillPolicy, Reason, Source, TaskInfo, TaskRun, TaskState, TaskStatus};
pub use time::{Instant, Now, WallTime};
pub use weight::Weight;
