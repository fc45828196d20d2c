//! What a run can end with besides success, the statuses the program exits with, and what brings a failure back.

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
    pub const fn exit_status(self) -> ExitStatus {
        match self {
            Self::Property => ExitStatus::Property,
            Self::NotLive => ExitStatus::NotLive,
            Self::NotDeterministic => ExitStatus::NotDeterministic,
            Self::Assertion => ExitStatus::Assertion,
        }
    }

    /// The number of that status.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        self.exit_status().code()
    }
}

/// Every status the program `mesos-sim` exits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitStatus {
    /// Nothing failed.
    Fine = 0,
    /// An argument, a file or a description cannot be used.
    Unusable = 1,
    /// A property was broken.
    Property = 2,
    /// The cluster did not settle.
    NotLive = 3,
    /// Two runs that had to be the same were not.
    NotDeterministic = 4,
    /// A scheduler did what none may do.
    Scheduler = 5,
    /// A figure is not within the bounds it was expected in.
    Unexpected = 6,
    /// An assertion failed.
    Assertion = 101,
    /// Standard output was closed before all was said: nobody read on. Shells give this status to programs that SIGPIPE ended.
    Closed = 141,
}

impl ExitStatus {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Fine,
        Self::Unusable,
        Self::Property,
        Self::NotLive,
        Self::NotDeterministic,
        Self::Scheduler,
        Self::Unexpected,
        Self::Assertion,
        Self::Closed,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it tells, in a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Unusable => "an argument or file cannot be used",
            Self::Property => "a property was broken",
            Self::NotLive => "the cluster did not settle",
            Self::NotDeterministic => "two runs that had to be the same differed",
            Self::Scheduler => "a scheduler did what none may do",
            Self::Unexpected => "a figure is not where it was expected",
            Self::Assertion => "an assertion failed",
            Self::Closed => "nobody read on: standard output was closed",
        }
    }

    /// All of them as people read them in the program's help.
    #[must_use]
    pub fn help() -> String {
        let lines = Self::ALL.map(|status| format!("  {:<4} {}", status.code(), status.meaning()));
        format!("Exit status:\n{}", lines.join("\n"))
    }
}

/// Where a run came from: what brings its failure back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The whole cluster was drawn from the seed.
    Swarm,
    /// The program was asked for it so: its arguments.
    Command(Vec<String>),
    /// It was asked for in this line: a command of the program, as a shell takes it, or code.
    Line(Box<str>),
    /// Code described the cluster, as a test does: the same description with the same seed.
    #[default]
    Described,
}

impl Origin {
    /// The program was asked for it with these words.
    pub fn command<T: Into<String>>(words: impl IntoIterator<Item = T>) -> Self {
        Self::Command(words.into_iter().map(Into::into).collect())
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
    /// What brings it back.
    #[serde(default)]
    pub origin: Origin,
}

impl Failure {
    /// What shows it again: a command, or what to do where no command does.
    #[must_use]
    pub fn reproduction(&self) -> String {
        let (feature, flag) = match &self.mutant {
            Some(mutant) => (",mutants", format!(" --mutant {mutant}")),
            None => ("", String::new()),
        };
        let program = format!("cargo run --release -p mesos-sim --features cli{feature} --");
        match &self.origin {
            Origin::Swarm => format!("{program} run --seed {}{flag}", self.seed),
            Origin::Command(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                format!("{program} {}", words.join(" "))
            }
            Origin::Line(line) => match line.strip_prefix("mesos-sim ") {
                Some(words) => format!("{program} {words}"),
                None => line.to_string(),
            },
            Origin::Described => format!("simulate the same description with seed {}", self.seed),
        }
    }
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=,@%+".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_brings_it_back_and_only_a_swarm_is_its_seed() {
        let again = |origin, mutant: Option<&str>| {
            let (kind, property, message) = (FailureKind::Property, "quota".to_owned(), String::new());
            let mutant = mutant.map(str::to_owned);
            Failure { kind, property, seed: 7, at: Instant::ZERO, message, mutant, origin }.reproduction()
        };
        const PROGRAM: &str = "cargo run --release -p mesos-sim --features cli";
        let journal = Origin::command(["replay", "my journals/m0.journal"]);
        for (origin, mutant, expected) in [
            (Origin::Swarm, None, format!("{PROGRAM} -- run --seed 7")),
            (Origin::Swarm, Some("HideQuota"), format!("{PROGRAM},mutants -- run --seed 7 --mutant HideQuota")),
            (journal, None, format!("{PROGRAM} -- replay 'my journals/m0.journal'")),
            (Origin::Line("mesos-sim papers --only x".into()), None, format!("{PROGRAM} -- papers --only x")),
            (Origin::Line("experiment.run()".into()), None, "experiment.run()".to_owned()),
            (Origin::Described, None, "simulate the same description with seed 7".to_owned()),
        ] {
            assert_eq!(again(origin.clone(), mutant), expected, "{origin:?}");
        }
    }

    #[test]
    fn every_status_has_a_number_of_its_own_and_is_in_the_help() {
        let codes = ExitStatus::ALL.map(ExitStatus::code);
        assert!(codes.is_sorted_by(|a, b| a < b));
        let help = ExitStatus::help();
        for status in ExitStatus::ALL {
            assert!(help.contains(&format!("{:<4} {}", status.code(), status.meaning())), "{help}");
        }
    }
}
