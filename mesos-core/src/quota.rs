//! What a role is promised, and what it may have at most.
//!
//! A guarantee is kept free for a role (with everything below it) even while others want it; a limit is never exceeded, even
//! while nobody else wants it. Both concern unreserved and irrevocable amounts, with reservations of the role counted as
//! used whether somebody uses them or not.
//!
//! Semantics: Apache Mesos, `docs/quota.md`. Other than there, roles at any depth may have a quota.

use serde::{Deserialize, Serialize};

use crate::error::{Rejection, RejectionCode};
use crate::resource::{Limits, Quantities, ResourceName, Scalar};

/// A role's guarantees and limits. The default promises nothing and forbids nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Quota {
    guarantees: Quantities,
    limits: Limits,
}

/// As it is written down, not checked yet.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    guarantees: Quantities,
    #[serde(default)]
    limits: Limits,
}

impl Quota {
    /// The most mem or disk that can be named: 2^40 MB, an exabyte (as in Mesos).
    pub const SPACE_MAX: Scalar = Scalar::from_milli((1 << 40) * 1_000);
    /// The most of any other name: 10^12 (as in Mesos).
    pub const AMOUNT_MAX: Scalar = Scalar::from_milli(1_000_000_000_000_000);

    /// A quota.
    ///
    /// # Errors
    /// [`RejectionCode::InvalidQuota`] if an amount is beyond the bounds, or a guarantee above its limit.
    pub fn new(guarantees: Quantities, limits: Limits) -> Result<Self, Rejection> {
        let amounts =
            guarantees.iter().map(|pair| ("guarantee", pair)).chain(limits.iter().map(|pair| ("limit", pair)));
        for (kind, (name, amount)) in amounts {
            let most = most_of(name);
            if amount > most {
                return Err(refuse(format!("a {kind} of {amount} {name}"), format!("name at most {most} {name}")));
            }
        }
        let above = guarantees.iter().find(|(name, amount)| limits.get(name).is_some_and(|limit| *amount > limit));
        if let Some((name, amount)) = above {
            let limit = limits.get(name).unwrap_or_default();
            return Err(refuse(
                format!("a guarantee of {amount} {name} with a limit of {limit}"),
                "guarantee at most what the limit allows",
            ));
        }
        Ok(Self { guarantees, limits })
    }

    /// A quota whose limits are its guarantees.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn exactly(amounts: Quantities) -> Result<Self, Rejection> {
        let limits = amounts.iter().map(|(name, amount)| (name.clone(), amount)).collect();
        Self::new(amounts, limits)
    }

    /// What is kept for the role.
    #[must_use]
    pub const fn guarantees(&self) -> &Quantities {
        &self.guarantees
    }

    /// What the role may have at most.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether it promises nothing and forbids nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.guarantees.is_empty() && self.limits.iter().next().is_none()
    }
}

fn most_of(name: &ResourceName) -> Scalar {
    match name {
        ResourceName::Mem | ResourceName::Disk => Quota::SPACE_MAX,
        _ => Quota::AMOUNT_MAX,
    }
}

fn refuse(what: String, remedy: impl Into<String>) -> Rejection {
    Rejection::new(RejectionCode::InvalidQuota, what, remedy)
}

impl TryFrom<Parts> for Quota {
    type Error = Rejection;

    fn try_from(parts: Parts) -> Result<Self, Rejection> {
        Self::new(parts.guarantees, parts.limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(guarantees: &str, limits: &str) -> Result<Quota, String> {
        let quota = Quota::new(guarantees.parse().unwrap(), limits.parse().unwrap());
        quota.map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn a_guarantee_above_its_limit_is_refused_and_says_which() {
        assert!(quota("cpus:2;mem:5", "cpus:2").is_ok());
        let error = quota("cpus:2;mem:5", "cpus:1").unwrap_err();
        assert!(error.contains("2 cpus") && error.contains("limit of 1"), "{error}");
    }

    #[test]
    fn amounts_beyond_the_bounds_are_refused() {
        assert!(quota("mem:1099511627776", "").is_ok());
        assert!(quota("mem:1099511627777", "").is_err());
        assert!(quota("", "cpus:1000000000001").is_err());
    }

    #[test]
    fn an_explicit_limit_of_nothing_is_a_quota() {
        assert!(quota("", "").unwrap().is_none());
        assert!(!quota("", "cpus:0").unwrap().is_none());
    }

    #[test]
    fn the_rules_hold_for_what_is_read_too() {
        let text = r#"{"guarantees":{"cpus":2},"limits":{"cpus":1}}"#;
        assert!(serde_json::from_str::<Quota>(text).is_err());
        let quota: Quota = serde_json::from_str(r#"{"limits":{"cpus":1}}"#).unwrap();
        assert_eq!(serde_json::from_str::<Quota>(&serde_json::to_string(&quota).unwrap()).unwrap(), quota);
    }
}
