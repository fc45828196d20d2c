//! What a master is made of, as data: journals begin with it, and replays make the same master again.

use mesos_core::provider::{Allocator, Recipe as AllocatorRecipe};
use mesos_core::{MasterId, Rejection};
use serde::{Deserialize, Serialize};

use super::{Master, Options};
use crate::allocator::from_recipe;

/// A master's id, options and allocator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Its id.
    pub id: MasterId,
    /// Its options.
    pub options: Options,
    /// Its allocator; nothing for one that cannot describe itself.
    pub allocator: Option<AllocatorRecipe>,
}

impl Recipe {
    /// The kind of machine, in the header of a journal.
    pub const MACHINE: &str = "master";

    /// The allocator, made anew.
    ///
    /// # Errors
    /// When it is not one of this crate's.
    pub fn allocator(&self) -> Result<Box<dyn Allocator>, Rejection> {
        let foreign =
            || AllocatorRecipe { name: "an allocator of somebody's own".into(), settings: serde_json::Value::Null };
        from_recipe(&self.allocator.clone().unwrap_or_else(foreign))
    }

    /// A master of this recipe that has not lived yet.
    #[must_use]
    pub fn master(&self, allocator: Box<dyn Allocator>) -> Master {
        Master::new(self.id.clone(), self.options.clone(), allocator)
    }
}

impl Master {
    /// What this master is made of.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        Recipe { id: self.id.clone(), options: self.options.clone(), allocator: self.allocator.recipe() }
    }
}
