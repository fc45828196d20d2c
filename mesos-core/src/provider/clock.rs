//! The only way to a clock, for hosts.

use std::fmt;

use async_trait::async_trait;

use crate::time::{Instant, Now};

/// A clock. No kernel module may name it.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now.
    fn now(&self) -> Now;
    /// Resolves at `at`, or at once when it has passed.
    async fn sleep_until(&self, at: Instant);
}
