//! How much is logged, as operators see and change it.

use std::fmt;
use std::time::Duration;

/// How much a process logs. Levels are those of Mesos: 0 is what it was started with, higher ones say more.
pub trait Verbosity: Send + Sync + fmt::Debug {
    /// The level by now.
    fn level(&self) -> u32;

    /// Another level for a while, after which it is 0 again.
    ///
    /// # Errors
    /// A sentence for the operator.
    fn set(&self, level: u32, duration: Duration) -> Result<(), String>;
}

/// A level nobody changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct FixedVerbosity;

impl Verbosity for FixedVerbosity {
    fn level(&self) -> u32 {
        0
    }

    fn set(&self, _: u32, _: Duration) -> Result<(), String> {
        Err("the level of logging of this process is fixed; set it at its start".to_owned())
    }
}
