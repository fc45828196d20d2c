//! `mesos-sim shrink`: the least that still fails.

use std::time::Duration;

use clap::Args;
use mesos_sim::fault::Action;
use mesos_sim::record::{Detail, Trace};
use mesos_sim::{Cluster, Failure, Simulation};

use crate::print::{print, quiet_panics};

#[derive(Debug, Args)]
pub(crate) struct Shrink {
    /// The seed of a run that fails.
    #[arg(long)]
    seed: u64,
    /// Prints one line per step of the smallest run found.
    #[arg(long)]
    trace: bool,
    /// Plants this defect.
    #[cfg(feature = "mutants")]
    #[arg(long, value_parser = crate::seeds::parse_mutant)]
    mutant: Option<mesos_core::kernel::Mutant>,
}

impl Shrink {
    fn cluster(&self) -> Cluster {
        let cluster = Cluster::swarm(self.seed).checked();
        #[cfg(feature = "mutants")]
        if let Some(mutant) = self.mutant {
            return cluster.mutant(mutant);
        }
        cluster
    }

    /// The same cluster with this plan instead of its nemeses.
    fn planned(&self, plan: &[(Duration, Action)]) -> Cluster {
        let mut cluster = self.cluster();
        let faults = &mut cluster.conditions_mut().faults;
        faults.nemeses.clear();
        faults.plan = plan.to_vec();
        cluster
    }

    pub(crate) fn run(&self) -> Result<(), Failure> {
        quiet_panics();
        let (mut plan, seed) = (Vec::new(), self.seed);
        let mut whole = self.cluster().simulate(seed).expect("what a swarm draws can be built");
        let first = whole.guarded(Simulation::run);
        plan.extend_from_slice(whole.world().struck());
        let Err(wanted) = first else {
            println!("seed {seed} does not fail; there is nothing to shrink");
            return Ok(());
        };
        let fails = |plan: &[(Duration, Action)]| {
            let failure = self.planned(plan).attempt(seed).err();
            failure.is_some_and(|failure| failure.property == wanted.property)
        };
        if !fails(&plan) {
            println!("the {} faults of the run, done again from a plan, do not fail in the same way", plan.len());
            return Err(wanted);
        }
        let before = plan.len();
        // Large pieces first: most faults have nothing to do with a failure.
        let mut size = plan.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < plan.len() {
                let mut fewer = plan.clone();
                fewer.drain(at..(at + size).min(plan.len()));
                if fails(&fewer) { plan = fewer } else { at += size }
            }
            size /= 2;
        }
        println!("{} of {before} faults are needed:", plan.len());
        for (at, action) in &plan {
            println!("  {at:?} {action:?}");
        }
        if self.trace {
            let trace = Some(Trace::text(Detail::Brief));
            let mut run = self.planned(&plan).simulate_into(seed, trace).expect("what a swarm draws can be built");
            let _ = run.guarded(Simulation::run);
            print(run.trace().map_or("", Trace::as_str));
        }
        Err(wanted)
    }
}
