//! How often a principal may call: limits as Mesos writes them (`docs/framework-rate-limiting.md`).
//!
//! ```
//! use mesos_core::net::auth::RateLimits;
//!
//! let limits = RateLimits::parse(r#"{"limits": [{"principal": "web", "qps": 100, "capacity": 1000}],
//!                                    "aggregate_default_qps": 300}"#)?;
//! assert!(limits.take(Some(&"web".parse().unwrap())).is_ok());
//! # Ok::<(), mesos_core::net::auth::InvalidRateLimits>(())
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::id::Principal;

/// Why a text holds no limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rate limits: {0}")]
pub struct InvalidRateLimits(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    limits: Vec<Entry>,
    aggregate_default_qps: Option<f64>,
    aggregate_default_capacity: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    principal: String,
    qps: Option<f64>,
    capacity: Option<u32>,
}

/// A bucket of tokens: full at first, refilled evenly.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    capacity: f64,
    filled: Mutex<(f64, Option<Instant>)>,
}

impl Bucket {
    fn new(per_second: f64, capacity: Option<u32>) -> Self {
        // Without a capacity, what comes in a second may come at once.
        let capacity = capacity.map_or_else(|| per_second.max(1.0), f64::from);
        Self { per_second, capacity, filled: Mutex::new((capacity, None)) }
    }

    /// Takes a token; nothing when there was none, and how long until there is. With `owing` it is taken all the same.
    fn take(&self, now: Instant, owing: bool) -> Option<Duration> {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, at) = *filled;
        let since = at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        let tokens = (tokens + since * self.per_second).min(self.capacity);
        let wait = (tokens < 1.0).then(|| Duration::from_secs_f64((1.0 - tokens) / self.per_second));
        let taken = if wait.is_none() || owing { 1.0 } else { 0.0 };
        *filled = (tokens - taken, Some(now));
        wait
    }
}

/// Limits by principal. Those that are not named share one; those that are named without a number have none.
#[derive(Debug, Default)]
pub struct RateLimits {
    named: BTreeMap<Principal, Option<Bucket>>,
    others: Option<Bucket>,
}

impl RateLimits {
    /// Reads JSON: `limits` with `principal`, `qps` and `capacity`; `aggregate_default_qps` and
    /// `aggregate_default_capacity` for all who are not named, together.
    ///
    /// A capacity is how many calls may come at once; in Mesos it is how many may wait.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidRateLimits> {
        let file: File = serde_json::from_str(text).map_err(|error| InvalidRateLimits(error.to_string()))?;
        let bucket = |of: &str, qps: Option<f64>, capacity: Option<u32>| match (qps, capacity) {
            (Some(qps), _) if !(qps.is_finite() && (1e-6..=1e9).contains(&qps)) => {
                Err(InvalidRateLimits(format!("{of}: qps is {qps}; give calls per second, more than 0")))
            }
            (_, Some(0)) => {
                Err(InvalidRateLimits(format!("{of}: a capacity of 0 lets nothing through; give 1 or more")))
            }
            (None, Some(_)) => {
                Err(InvalidRateLimits(format!("{of}: capacity without qps limits nothing; give qps too")))
            }
            (qps, capacity) => Ok(qps.map(|qps| Bucket::new(qps, capacity))),
        };
        let mut read = Self {
            named: BTreeMap::new(),
            others: bucket("aggregate default", file.aggregate_default_qps, file.aggregate_default_capacity)?,
        };
        for Entry { principal: name, qps, capacity } in file.limits {
            let principal =
                Principal::new(name.as_str()).map_err(|error| InvalidRateLimits(format!("{name:?}: {error}")))?;
            if read.named.insert(principal, bucket(&name, qps, capacity)?).is_some() {
                return Err(InvalidRateLimits(format!("{name} is named twice")));
            }
        }
        Ok(read)
    }

    fn of(&self, principal: Option<&Principal>) -> Option<&Bucket> {
        match principal.and_then(|principal| self.named.get(principal)) {
            Some(own) => own.as_ref(),
            None => self.others.as_ref(),
        }
    }

    /// One call of a principal.
    ///
    /// # Errors
    /// When it comes too soon: how long to wait.
    pub fn take(&self, principal: Option<&Principal>) -> Result<(), Duration> {
        self.take_at(principal, Instant::now())
    }

    pub(crate) fn take_at(&self, principal: Option<&Principal>, now: Instant) -> Result<(), Duration> {
        match self.of(principal).and_then(|bucket| bucket.take(now, false)) {
            None => Ok(()),
            Some(wait) => Err(wait),
        }
    }

    /// One call of a principal that is made in any case: how long to wait before it.
    #[must_use]
    pub fn pace(&self, principal: Option<&Principal>) -> Duration {
        self.of(principal).and_then(|bucket| bucket.take(Instant::now(), true)).unwrap_or_default()
    }
}
