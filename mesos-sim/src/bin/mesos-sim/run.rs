//! `mesos-sim run`: one seed and what it amounted to.

use std::time::Instant;

use clap::Args;

use mesos_sim::record::{Detail, Trace};

use crate::case::Which;
use crate::outcome::Outcome;
use crate::print::{print, print_json, print_line, print_pace};

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    which: Which,
    /// Prints one line per step while it runs.
    #[arg(long)]
    trace: bool,
    /// With --trace: prints every field of every message.
    #[arg(long, requires = "trace")]
    full: bool,
    /// Prints the report as JSON, and nothing else.
    #[arg(long, conflicts_with_all = ["trace", "describe"])]
    json: bool,
    /// Prints what was drawn from the seed before it runs.
    #[arg(long)]
    describe: bool,
    /// Checks nothing: only to measure.
    #[arg(long)]
    unchecked: bool,
}

impl Run {
    pub(crate) fn run(&self) -> Outcome {
        let (mut cluster, seed) = self.which.cluster()?;
        if self.unchecked {
            cluster = cluster.checks(Vec::new);
        }
        if self.describe {
            print_line(format_args!("{:#?}\n{:#?}", cluster.spec(), cluster.conditions()));
        }
        let detail = if self.full { Detail::Full } else { Detail::Brief };
        let trace = self.trace.then(|| Trace::text(detail));
        let mut simulation = cluster.simulate_into(seed, trace).expect("what a swarm draws can be built");
        let started = Instant::now();
        let result = simulation.guarded(|simulation| simulation.run_observed(|trace| print(&trace.drain())));
        if let Some(trace) = simulation.trace_mut() {
            print(&trace.drain());
        }
        let report = result?;
        if self.json {
            print_json(&report);
        } else {
            print(&report.to_string());
            print_pace(&report, started);
        }
        Ok(())
    }
}
