//! What makes an entry wrong, and the errors that say so.
//!
//! Values, names and reservation stacks are valid by construction; what is left are the rules that tie the parts of one
//! entry together. Rules about *operations* live with the conversions, rules about who may ask for what with the master.

use super::{InvalidReservations, Resource, ResourceName, Resources, Scalar, Value, ValueKind};

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid resource {resource}: {problem}")]
pub struct InvalidResource {
    /// The entry in its readable form.
    pub resource: String,
    /// What is wrong with it.
    pub problem: ResourceProblem,
}

/// What can be wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceProblem {
    /// The value does not fit the name.
    #[error("its value is {found}, but it must be {expected}")]
    WrongKind {
        /// What the name asks for.
        expected: ValueKind,
        /// What the entry has.
        found: ValueKind,
    },
    /// The amount is below zero.
    #[error("its amount is negative; amounts are zero or more")]
    Negative,
    /// Disk information on something else.
    #[error("it carries disk information, which only a resource named \"disk\" may")]
    DiskInfoElsewhere,
    /// Shared, but no persistent volume.
    #[error("it is shared, which only persistent volumes can be")]
    SharedWithoutPersistence,
    /// Not a whole number of graphics processors.
    #[error("graphics processors are given out as whole ones only")]
    FractionalGpus,
    /// The stack of reservations would break a rule.
    #[error(transparent)]
    Reservations(#[from] InvalidReservations),
    /// There is no reservation to take away.
    #[error("it is not reserved")]
    NotReserved,
    /// Flags describe what an agent starts with, which these are not.
    #[error("{0}, which cannot be declared up front; it comes about at run time")]
    NotDeclarable(&'static str),
}

/// Why a list or text of entries is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResources {
    /// One entry is wrong.
    #[error("entry {position}: {source}")]
    Entry {
        /// Which one, counted from 1.
        position: usize,
        /// Why.
        source: InvalidResource,
    },
    /// One entry of a text cannot be read.
    #[error("entry {position} {text:?}: {problem}")]
    Unreadable {
        /// Which one, counted from 1.
        position: usize,
        /// The entry, cut after 64 characters.
        text: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// One name comes with values of two kinds.
    #[error("{name} is both {first} and {second}; a name has values of one kind")]
    MixedKinds {
        /// The name.
        name: ResourceName,
        /// The kind seen first.
        first: ValueKind,
        /// The other kind.
        second: ValueKind,
    },
    /// The text looks like JSON but is not a list of entries.
    #[error("not a JSON list of resources: {0}")]
    Json(String),
}

impl Resource {
    /// Checks the rules that tie name, value and metadata together.
    ///
    /// # Errors
    /// [`InvalidResource`] names the entry and the rule.
    pub fn validate(&self) -> Result<(), InvalidResource> {
        match problem_of(self) {
            None => Ok(()),
            Some(problem) => Err(self.refuse(problem)),
        }
    }

    pub(super) fn refuse(&self, problem: impl Into<ResourceProblem>) -> InvalidResource {
        InvalidResource { resource: self.to_string(), problem: problem.into() }
    }
}

impl Resources {
    /// Checks that graphics processors are whole, as tasks, executors and operations must have them.
    ///
    /// # Errors
    /// [`InvalidResource`] names the entry with a fraction.
    pub fn validate_gpus(&self) -> Result<(), InvalidResource> {
        let is_fraction = |entry: &Resource| *entry.name() == ResourceName::Gpus && !entry.amount().is_whole();
        match self.iter().find(is_fraction) {
            None => Ok(()),
            Some(entry) => Err(entry.refuse(ResourceProblem::FractionalGpus)),
        }
    }
}

fn problem_of(entry: &Resource) -> Option<ResourceProblem> {
    let found = entry.value().kind();
    if let Some(expected) = kind_of(entry.name()).filter(|expected| *expected != found) {
        return Some(ResourceProblem::WrongKind { expected, found });
    }
    if matches!(entry.value(), Value::Scalar(amount) if *amount < Scalar::ZERO) {
        return Some(ResourceProblem::Negative);
    }
    if entry.disk_info().is_some() && *entry.name() != ResourceName::Disk {
        return Some(ResourceProblem::DiskInfoElsewhere);
    }
    if entry.is_shared() && !entry.is_persistent_volume() {
        return Some(ResourceProblem::SharedWithoutPersistence);
    }
    None
}

/// The kind of value a well-known name has.
const fn kind_of(name: &ResourceName) -> Option<ValueKind> {
    match name {
        ResourceName::Cpus | ResourceName::Mem | ResourceName::Disk | ResourceName::Gpus => Some(ValueKind::Scalar),
        ResourceName::Ports => Some(ValueKind::Ranges),
        ResourceName::Other(_) => None,
    }
}
