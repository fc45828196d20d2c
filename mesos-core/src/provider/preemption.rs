//! Hints at what would have to be returned so that somebody more important is served. An allocator takes nothing away; whoever
//! may end tasks can act on them.

use crate::provider::{AgentKey, FrameworkKey};
use crate::resource::Resources;
use crate::role::Role;

/// Whose return on which agent would make room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preemption {
    /// Where.
    pub agent: AgentKey,
    /// Who would have to return what they hold there; nobody if there is room already.
    pub victims: Vec<Victim>,
}

/// A framework that holds something under a role of a lower priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Victim {
    /// Who.
    pub framework: FrameworkKey,
    /// Under which role.
    pub role: Role,
    /// The priority of the role.
    pub priority: i32,
    /// All it holds there, offered or used.
    pub resources: Resources,
}

/// Nobody comes before anybody else, so nobody has to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("roles have no priorities")]
pub struct NoPriorities;
