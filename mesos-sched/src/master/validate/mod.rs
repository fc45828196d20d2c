//! What peers may ask for: facts about descriptions, tasks and operations, as refusals.
//!
//! Every function here is pure and judges one thing a peer sent against what the master knows at that moment; it changes
//! nothing. What passes can be booked without asking again, so the rules here are also what keeps the books from being
//! overdrawn and from growing without bound. Rules of the parts themselves (ids, roles, single resources) hold by
//! construction and are not repeated.
//!
//! Not here: who may do what (authorization), and rules that need the master's books, such as task ids in use.
//!
//! Semantics: Apache Mesos, `src/master/validation.cpp`. A [`Rejection`](mesos_core::Rejection) says what was wrong, where,
//! and what would be right; it repeats what peers sent only in part.

mod accept;
mod agent;
mod bound;
mod framework;
mod operation;
mod task;
mod usage;

pub use accept::{OfferFacts, validate_offers};
pub use agent::{validate_agent, validate_reregistration};
pub use bound::{
    AGENT_TEXT_BYTES_MAX, ARGUMENT_BYTES_MAX, COMMAND_BYTES_MAX, DATA_BYTES_MAX, GRACE_MAX, HOSTNAME_BYTES_MAX,
    LABELS_BYTES_MAX, MIN_ALLOCATABLE_MAX, NAME_BYTES_MAX, REPORT_ENTRIES_MAX, RESOURCES_BYTES_MAX, ROLES_MAX,
};
pub use framework::{merge_resubscription, validate_subscribe, validate_update, validate_user};
pub use operation::{
    validate_create, validate_destroy, validate_grow, validate_reserve, validate_reserve_from, validate_shrink,
    validate_unreserve,
};
pub use task::{validate_group, validate_kill, validate_task, validate_users};
