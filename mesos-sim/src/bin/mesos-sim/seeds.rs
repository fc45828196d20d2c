//! What several commands take: ranges of seeds, sizes of clusters and names of planted defects.

use clap::builder::RangedU64ValueParser;

/// A cluster without agents runs nothing, and one of more of them than this fits into no memory.
pub(crate) const AGENTS_MAX: u64 = 1_000_000;

/// Reads a number of agents.
pub(crate) fn agents() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=AGENTS_MAX)
}

/// Reads a number of tasks or frameworks: without any there is nothing to be seen.
pub(crate) fn some() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=u64::from(u32::MAX))
}

/// Seeds from one number to the one before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seeds {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Seeds {
    pub(crate) const fn count(self) -> u64 {
        self.to - self.from
    }
}

/// Reads `A..B`.
pub(crate) fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let (from, to) = text.split_once("..").ok_or("write A..B, for example 0..1000")?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let seeds = Seeds { from: number(from)?, to: number(to)? };
    if seeds.from < seeds.to { Ok(seeds) } else { Err(format!("{text} holds no seed; B must be larger than A")) }
}

/// Reads the name of a planted defect.
#[cfg(feature = "mutants")]
pub(crate) fn parse_mutant(text: &str) -> Result<mesos_core::kernel::Mutant, String> {
    use mesos_core::kernel::Mutant;
    let names = || Mutant::ALL.iter().map(|mutant| format!("{mutant:?}")).collect::<Vec<_>>().join(", ");
    let found = Mutant::ALL.iter().find(|mutant| format!("{mutant:?}").eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| format!("no defect of this name; there are {}", names()))
}
