//! Resources together with the role they are allocated to.
//!
//! Mesos writes the allocation role into every entry, and two entries add up only if those agree. Here the role belongs to
//! whoever *holds* the resources: an offer is made to one role, a task runs under one role, and an accept may only join
//! offers of one role. So the role is checked once where holders meet, instead of at every entry of every sum, and the
//! agent's total and what is allocated of it are the same kind of value without stripping anything.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Resources;
use crate::role::Role;

/// What one role holds.
///
/// ```
/// use mesos_core::Role;
/// use mesos_core::resource::Allocated;
///
/// let mut offer = Allocated::new(Role::new("web")?, "cpus:2".parse()?);
/// offer.add(&Allocated::new(Role::new("web")?, "cpus:1;mem:64".parse()?))?;
/// assert_eq!(offer.to_string(), "cpus:3;mem:64 allocated to web");
/// assert!(offer.add(&Allocated::new(Role::any(), "cpus:1".parse()?)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Allocated {
    /// Who holds them.
    pub role: Role,
    /// What is held.
    pub resources: Resources,
}

/// Two holdings of different roles do not mix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resources allocated to role {other} cannot be combined with those allocated to {own}")]
pub struct RoleMismatch {
    /// The role of the left side.
    pub own: Role,
    /// The role of the right side.
    pub other: Role,
}

impl Allocated {
    /// What `role` holds.
    #[must_use]
    pub const fn new(role: Role, resources: Resources) -> Self {
        Self { role, resources }
    }

    /// Adds what the same role holds elsewhere.
    ///
    /// # Errors
    /// [`RoleMismatch`], and nothing changes, if the roles differ.
    pub fn add(&mut self, other: &Self) -> Result<(), RoleMismatch> {
        self.matching(other)?;
        self.resources += &other.resources;
        Ok(())
    }

    /// Takes away what matches.
    ///
    /// # Errors
    /// [`RoleMismatch`], and nothing changes, if the roles differ.
    pub fn subtract(&mut self, other: &Self) -> Result<(), RoleMismatch> {
        self.matching(other)?;
        self.resources -= &other.resources;
        Ok(())
    }

    /// Whether `other` is held by the same role and part of this.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.role == other.role && self.resources.contains(&other.resources)
    }

    fn matching(&self, other: &Self) -> Result<(), RoleMismatch> {
        if self.role == other.role {
            Ok(())
        } else {
            Err(RoleMismatch { own: self.role.clone(), other: other.role.clone() })
        }
    }
}

impl fmt::Display for Allocated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} allocated to {}", self.resources, self.role)
    }
}
