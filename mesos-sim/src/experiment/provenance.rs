//! Where figures are from: whoever has them can make them again.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::outcome::Outcome;
use super::version;

/// Seeds, version and command of some figures. Shown as one line, and part of what is printed as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The seeds, in order. None where a journal says what was drawn, and where how many there are is a figure itself.
    pub seeds: Vec<u64>,
    /// What made them: version and build. Several where results of several builds are looked at together.
    pub versions: Vec<String>,
    /// The command that makes them again.
    pub command: String,
}

impl Provenance {
    /// Of figures that this build has just made of these seeds.
    #[must_use]
    pub fn new(seeds: impl IntoIterator<Item = u64>, command: impl Into<String>) -> Self {
        let seeds: BTreeSet<u64> = seeds.into_iter().collect();
        Self { seeds: seeds.into_iter().collect(), versions: vec![version().to_owned()], command: command.into() }
    }

    /// Of outcomes, whichever builds made them.
    pub(super) fn of(command: &str, outcomes: &[Outcome]) -> Self {
        let made = Self::new(outcomes.iter().map(|outcome| outcome.seed), command);
        let versions: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.version.as_str()).collect();
        if versions.is_empty() {
            return made;
        }
        Self { versions: versions.into_iter().map(str::to_owned).collect(), ..made }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seeds[..] {
            [] => {}
            [only] => write!(f, "seed {only} · ")?,
            [first, .., last] if last - first == self.seeds.len() as u64 - 1 => {
                write!(f, "seeds {first} to {last} · ")?
            }
            _ => {
                let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
                write!(f, "seeds {} · ", seeds.join(", "))?;
            }
        }
        write!(f, "mesos-sim {} · {}", self.versions.join(" and "), self.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_said_briefly() {
        let said = |seeds: &[u64]| Provenance::new(seeds.iter().copied(), "again").to_string();
        let end = format!("mesos-sim {} · again", version());
        assert_eq!(said(&[]), end);
        assert_eq!(said(&[7, 7]), format!("seed 7 · {end}"));
        assert_eq!(said(&[3, 1, 2]), format!("seeds 1 to 3 · {end}"));
        assert_eq!(said(&[9, 1]), format!("seeds 1, 9 · {end}"));
    }
}
