//! `mesos-sim shrink`: the least that still fails.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mesos_sim::Simulation;
use mesos_sim::record::{Detail, Trace};
use mesos_sim::shrink::{Case, Reduction, shrink};

use crate::case::Which;
use crate::outcome::Outcome;
use crate::print::{print, print_line, quiet_panics};

#[derive(Debug, Args)]
pub(crate) struct Shrink {
    #[command(flatten)]
    which: Which,
    /// How many runs may be tried.
    #[arg(long, default_value_t = 2_000)]
    runs: u32,
    /// Writes the small run into this file, for `run --case`, `step --case` and `explain --case`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Prints one line per step of the smallest run found.
    #[arg(long)]
    trace: bool,
}

impl Shrink {
    pub(crate) fn run(&self) -> Outcome {
        quiet_panics();
        let case = self.which.case()?;
        let of = |left: &Reduction| Case { left: left.clone(), ..case.clone() };
        // Whether the defect can be planted is known before the first run.
        of(&Reduction::default()).cluster()?;
        let build = |left: &Reduction| of(left).cluster().expect("the defect was planted before");
        let bar = ProgressBar::new(u64::from(self.runs));
        bar.set_style(
            ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} runs, {msg}")
                .expect("a constant template"),
        );
        let mut progress = |runs, best: &Reduction| {
            bar.set_position(u64::from(runs));
            bar.set_message(size(best));
        };
        let Some(shrunk) = shrink(case.seed, self.runs, &build, &mut progress) else {
            bar.finish_and_clear();
            print_line(format_args!("seed {} does not fail; there is nothing to shrink", case.seed));
            return Ok(());
        };
        bar.finish_and_clear();
        let small = of(&shrunk.reduction);
        print_line(format_args!(
            "{} runs; {} faults struck in the whole run. What is left: {}",
            shrunk.runs,
            shrunk.faults_before,
            size(&small.left)
        ));
        for planned in small.left.plan.iter().flatten() {
            print_line(format_args!("  {:>9.3} s  {}", planned.after.as_secs_f64(), planned.action));
        }
        if let Some(path) = &self.out {
            let text = serde_json::to_string_pretty(&small).expect("a case is plain data");
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            print_line(format_args!("written to {0}; look at it with: mesos-sim step --case {0}", path.display()));
        }
        if self.trace {
            let trace = Some(Trace::text(Detail::Brief));
            let mut run = small.cluster()?.simulate_into(small.seed, trace).map_err(|invalid| invalid.to_string())?;
            let _ = run.guarded(Simulation::run);
            print(run.trace().map_or("", Trace::as_str));
        }
        Err(shrunk.failure.into())
    }
}

fn size(left: &Reduction) -> String {
    let all = |count: Option<usize>| count.map_or_else(|| "all".to_owned(), |count| count.to_string());
    let faults = match (&left.plan, &left.kinds) {
        (Some(plan), _) => plan.len().to_string(),
        (None, Some(kinds)) => format!("those of {}", kinds.join(", ")),
        (None, None) => "all".to_owned(),
    };
    format!(
        "faults: {faults}, masters: {}, agents: {}, frameworks: {}, pieces of work each at most: {}",
        all(left.masters.map(|count| count as usize)),
        all(left.agents.as_ref().map(Vec::len)),
        all(left.frameworks.as_ref().map(Vec::len)),
        all(left.pieces_max.map(|count| count as usize)),
    )
}
