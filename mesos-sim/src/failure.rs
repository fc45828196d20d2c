//! What a run can end with besides success, and the one line that brings it back.

use std::fmt;

use mesos_core::Instant;
use serde::{Deserialize, Serialize};

/// What kind of failure it is; decides the program's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A property was broken.
    Property,
    /// The cluster did not settle after the faults were over.
    NotLive,
    /// The same seed gave two different runs.
    NotDeterministic,
    /// An assertion of the kernel or the simulator failed.
    Assertion,
}

impl FailureKind {
    /// The program's exit status for it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Property => 2,
            Self::NotLive => 3,
            Self::NotDeterministic => 4,
            Self::Assertion => 101,
        }
    }
}

/// A run that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// Which property, or what stands for one.
    pub property: String,
    /// The seed of the run.
    pub seed: u64,
    /// The virtual time.
    pub at: Instant,
    /// What was seen, and what would have been right.
    pub message: String,
    /// The planted defect of the run, if any.
    pub mutant: Option<String>,
}

impl Failure {
    /// The command that shows it again.
    #[must_use]
    pub fn reproduction(&self) -> String {
        let (feature, flag) = match &self.mutant {
            Some(mutant) => (",mutants", format!(" --mutant {mutant}")),
            None => ("", String::new()),
        };
        format!("cargo run --release -p mesos-sim --features cli{feature} -- run --seed {}{flag}", self.seed)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FailureKind::Property => "property broken",
            FailureKind::NotLive => "not live",
            FailureKind::NotDeterministic => "not deterministic",
            FailureKind::Assertion => "assertion failed",
        };
        writeln!(f, "{kind}: {} (seed {}, at {})", self.property, self.seed, self.at)?;
        writeln!(f, "  {}", self.message)?;
        write!(f, "  to see it again: {}", self.reproduction())
    }
}
