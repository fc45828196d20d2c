//! `mesos-sim mutants`: is every planted defect found?

use clap::Args;
use mesos_core::kernel::Mutant;
use mesos_sim::{Cluster, Failure, FailureKind};

use crate::print::quiet_panics;
use crate::seeds::{Seeds, parse_mutant, parse_seeds};

#[derive(Debug, Args)]
pub(crate) struct Mutants {
    /// Which seeds may be used to find each of them, as A..B.
    #[arg(long, value_parser = parse_seeds, default_value = "0..400")]
    seeds: Seeds,
    /// Only this one.
    #[arg(long, value_parser = parse_mutant)]
    only: Option<Mutant>,
}

impl Mutants {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        quiet_panics();
        let mut missed = Vec::new();
        for &mutant in Mutant::ALL.iter().filter(|mutant| self.only.is_none_or(|only| only == **mutant)) {
            let found = (self.seeds.from..self.seeds.to)
                .find_map(|seed| Cluster::swarm(seed).checked().mutant(mutant).attempt(seed).err());
            match found {
                Some(failure) => println!("{mutant:?}: found by {} with seed {}", failure.property, failure.seed),
                None => {
                    println!("{mutant:?}: NOT FOUND with seeds {}..{}", self.seeds.from, self.seeds.to);
                    missed.push(format!("{mutant:?}"));
                }
            }
        }
        if missed.is_empty() {
            return Ok(());
        }
        let (kind, property) = (FailureKind::Property, "mutants".to_owned());
        let message = format!("planted defects that nobody found: {}", missed.join(", "));
        let at = mesos_core::Instant::ZERO;
        Err(Failure { kind, property, seed: self.seeds.from, at, message, mutant: missed.into_iter().next() })
    }
}
