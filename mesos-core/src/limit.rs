//! What a container may use at most, where that is more than what it was given.
//!
//! What a task is given is its `resources`: they are charged, and kept for it. A limit lets it use more of `cpus` and `mem`
//! while nobody else wants it; nothing is charged for that. Without a limit what it was given is the most. How hard either
//! is held to is the [containerizer](crate::provider::Containerizer)'s to say.
//!
//! This is not a role's [quota](crate::quota), whose limits bound what is offered.
//!
//! Semantics: Apache Mesos, `TaskInfo.limits` in `include/mesos/v1/mesos.proto`, `validateResourceLimits` in
//! `src/master/validation.cpp`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::resource::{Resources, Scalar};

/// The most of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// This much: cores, or MiB.
    Amount(Scalar),
    /// As much as the machine has.
    Infinite,
}

impl Limit {
    /// Whether a container that was given `amount` keeps within it.
    #[must_use]
    pub fn allows(self, amount: Scalar) -> bool {
        match self {
            Self::Amount(most) => amount <= most,
            Self::Infinite => true,
        }
    }

    /// As a float; infinity where there is no end.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Amount(most) => most.to_f64(),
            Self::Infinite => f64::INFINITY,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(most) => most.fmt(f),
            Self::Infinite => f.write_str("infinity"),
        }
    }
}

/// The most of each resource that a container may use; absent where that is what it was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerLimits {
    /// Cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Limit>,
    /// Memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem: Option<Limit>,
}

/// Limits that do not go with what a container is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsMismatch {
    /// Nothing of the resource is given.
    #[error("its limit of {limit} {name} comes without {name} among its resources")]
    NothingGiven {
        /// Of which resource.
        name: &'static str,
        /// The limit.
        limit: Limit,
    },
    /// More is given than allowed.
    #[error("its limit of {limit} {name} is below the {given} that it is given")]
    Below {
        /// Of which resource.
        name: &'static str,
        /// The limit.
        limit: Limit,
        /// What is given.
        given: Scalar,
    },
}

impl ContainerLimits {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cpus.is_none() && self.mem.is_none()
    }

    /// Each limit with the name of its resource.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Limit)> + use<> {
        [("cpus", self.cpus), ("mem", self.mem)].into_iter().filter_map(|(name, limit)| Some((name, limit?)))
    }

    /// Checks that a container is given some of what it has a limit of, and no more than that.
    ///
    /// # Errors
    /// [`LimitsMismatch`] names the first limit that is wrong.
    pub fn check(&self, given: &Resources) -> Result<(), LimitsMismatch> {
        for (name, limit) in self.iter() {
            let given = if name == "cpus" { given.cpus() } else { given.mem() };
            if given.is_zero() {
                return Err(LimitsMismatch::NothingGiven { name, limit });
            }
            if !limit.allows(given) {
                return Err(LimitsMismatch::Below { name, limit, given });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(units: u32) -> Option<Limit> {
        Some(Limit::Amount(Scalar::from_units(units)))
    }

    #[test]
    fn a_limit_is_no_less_than_what_is_given() {
        let given: Resources = "cpus:1;mem:64".parse().unwrap();
        let says = |cpus, mem| ContainerLimits { cpus, mem }.check(&given).map_err(|wrong| wrong.to_string());
        assert_eq!(says(None, None), Ok(()));
        assert_eq!(says(amount(1), Some(Limit::Infinite)), Ok(()));
        assert_eq!(says(Some(Limit::Infinite), amount(65)), Ok(()));
        assert_eq!(says(amount(0), None).unwrap_err(), "its limit of 0 cpus is below the 1 that it is given");
        assert_eq!(says(None, amount(63)).unwrap_err(), "its limit of 63 mem is below the 64 that it is given");
    }

    #[test]
    fn what_has_a_limit_is_given_in_part() {
        let limits = ContainerLimits { cpus: None, mem: Some(Limit::Infinite) };
        let wrong = limits.check(&"cpus:1".parse().unwrap()).unwrap_err();
        assert_eq!(wrong, LimitsMismatch::NothingGiven { name: "mem", limit: Limit::Infinite });
    }

    #[test]
    fn limits_are_read_as_they_are_written() {
        let limits = ContainerLimits { cpus: amount(2), mem: Some(Limit::Infinite) };
        let text = serde_json::to_string(&limits).unwrap();
        assert_eq!(serde_json::from_str::<ContainerLimits>(&text).unwrap(), limits, "{text}");
        assert_eq!(serde_json::to_string(&ContainerLimits::default()).unwrap(), "{}");
    }
}
