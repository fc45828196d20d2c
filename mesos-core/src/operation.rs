//! The operations an ACCEPT may carry.
//!
//! Operations run in order against what the offers hold; a failing one is dropped and those after it still run. RESERVE,
//! UNRESERVE, CREATE, DESTROY and changes of a volume's size are speculative: what they make can be used by later operations
//! of the same call.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Rejection;
use crate::id::OperationId;
use crate::resource::{Resources, Scalar};
use crate::task::TaskInfo;

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Operation {
    /// Starts tasks, each judged alone.
    Launch(Vec<Arc<TaskInfo>>),
    /// Starts a [group](TaskInfo::group) of tasks, whole or not at all.
    LaunchGroup(Vec<Arc<TaskInfo>>),
    /// Pushes the top reservation of each entry onto what is offered.
    Reserve(Resources),
    /// Pops the top reservation of each entry.
    Unreserve(Resources),
    /// Makes persistent volumes of reserved disk.
    Create(Resources),
    /// Unmakes persistent volumes; what they hold is deleted.
    Destroy(Resources),
    /// Enlarges a persistent volume.
    GrowVolume {
        /// The volume, one entry.
        volume: Resources,
        /// Disk of the same source and reservation, one entry.
        addition: Resources,
    },
    /// Makes a persistent volume smaller.
    ShrinkVolume {
        /// The volume, one entry.
        volume: Resources,
        /// By how much.
        subtract: Scalar,
    },
    /// An operation whose framework wants to hear what [becomes of it](crate::feedback). Not for LAUNCH and LAUNCH_GROUP: of
    /// those each task's updates say it.
    Tracked {
        /// Unique among those of the framework that are under way.
        id: OperationId,
        /// What is done; not itself tracked.
        operation: Box<Self>,
    },
    /// An operation its framework may not do. The master's door puts it there in place of the operation, and no framework
    /// can: the others of the call go on, and what the offers hold comes back.
    Unauthorized {
        /// What was asked for.
        operation: Box<Self>,
        /// Who may not do what.
        why: Rejection,
    },
}

impl Operation {
    /// The tasks it starts.
    #[must_use]
    pub fn tasks(&self) -> &[Arc<TaskInfo>] {
        match self {
            Self::Launch(tasks) | Self::LaunchGroup(tasks) => tasks,
            Self::Tracked { operation, .. } | Self::Unauthorized { operation, .. } => operation.tasks(),
            _ => &[],
        }
    }

    /// The id its framework gave it, to hear what becomes of it.
    #[must_use]
    pub const fn id(&self) -> Option<&OperationId> {
        match self {
            Self::Tracked { id, .. } => Some(id),
            Self::Unauthorized { operation, .. } => operation.id(),
            _ => None,
        }
    }

    /// The same, with an id: its framework hears what becomes of it.
    #[must_use]
    pub fn tracked(self, id: OperationId) -> Self {
        Self::Tracked { id, operation: Box::new(self) }
    }

    /// Its name, for messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Launch(_) => "LAUNCH",
            Self::LaunchGroup(_) => "LAUNCH_GROUP",
            Self::Reserve(_) => "RESERVE",
            Self::Unreserve(_) => "UNRESERVE",
            Self::Create(_) => "CREATE",
            Self::Destroy(_) => "DESTROY",
            Self::GrowVolume { .. } => "GROW_VOLUME",
            Self::ShrinkVolume { .. } => "SHRINK_VOLUME",
            Self::Tracked { operation, .. } | Self::Unauthorized { operation, .. } => operation.name(),
        }
    }
}
