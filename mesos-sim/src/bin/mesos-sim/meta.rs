//! `mesos-sim meta`: is a run a function of its seed?

use clap::Args;
use indicatif::ProgressBar;
use mesos_sim::record::Trace;
use mesos_sim::{Cluster, Failure, FailureKind, Origin, Simulation};

use crate::outcome::Outcome;
use crate::print::print_line;
use crate::seeds::{Seeds, parse_seeds};

#[derive(Debug, Args)]
pub(crate) struct Meta {
    /// Which seeds, as A..B: B is not among them.
    #[arg(long, value_parser = parse_seeds, default_value = "0..20")]
    seeds: Seeds,
}

impl Meta {
    pub(crate) fn run(&self) -> Outcome {
        let bar = ProgressBar::new(self.seeds.count());
        for seed in self.seeds.from..self.seeds.to {
            compare(seed)?;
            bar.inc(1);
        }
        bar.finish();
        print_line(format_args!("{} seeds, each run twice: equal", self.seeds.count()));
        Ok(())
    }
}

/// Runs a seed twice and finds the first line in which the runs differ.
fn compare(seed: u64) -> Result<(), Failure> {
    let run = || {
        let cluster = Cluster::swarm(seed);
        let trace = Some(Trace::digests());
        let mut simulation = cluster.simulate_into(seed, trace).expect("what a swarm draws can be built");
        // How the run ends is compared too, by its last lines.
        let _ = simulation.guarded(Simulation::run);
        simulation
    };
    let (first, second) = (run(), run());
    let digests =
        |simulation: &Simulation| simulation.trace().map(|trace| trace.line_digests().to_vec()).unwrap_or_default();
    let (one, other) = (digests(&first), digests(&second));
    if one == other {
        return Ok(());
    }
    let line = one.iter().zip(&other).position(|(a, b)| a != b).unwrap_or_else(|| one.len().min(other.len()));
    let (at, property) = (first.world().now().mono, "determinism".to_owned());
    let message = format!("two runs differ first in line {}; compare the outputs of run --trace --full", line + 1);
    let origin = Origin::command(["meta".to_owned(), "--seeds".to_owned(), format!("{seed}..{}", seed + 1)]);
    Err(Failure { kind: FailureKind::NotDeterministic, property, seed, at, message, mutant: None, origin })
}
