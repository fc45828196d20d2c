//! `mesos-sim night`: how many years of a cluster under faults are simulated here in a night.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mesos_sim::Cluster;

use crate::cpu;
use crate::outcome::{Made, Outcome, provenance};
use crate::print::{print_json, print_line, quiet_panics};
use crate::seeds::Seeds;
use crate::sweep::on_all_cores;

/// Of a year, in seconds.
const YEAR_SECS: f64 = 365.25 * 86_400.0;

#[derive(Debug, Args)]
pub(crate) struct Night {
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 30)]
    secs: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many at a time; all cores if absent.
    #[arg(long)]
    jobs: Option<usize>,
    /// How long a night is, in hours.
    #[arg(long, default_value_t = 8.0)]
    hours: f64,
    /// Cores of the machine that works in the night.
    #[arg(long, default_value_t = 2.0)]
    cores: f64,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

impl Night {
    pub(crate) fn run(&self) -> Outcome {
        quiet_panics();
        let bar = ProgressBar::new(self.secs);
        bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} s").expect("a constant template"));
        let (started, limit, stop) = (Instant::now(), Duration::from_secs(self.secs), AtomicBool::new(false));
        let before = cpu::of_process();
        let (mut seeds, mut steps, mut virtual_secs, mut agents, mut failed) = (0_u64, 0_u64, 0.0, 0.0, Vec::new());
        on_all_cores(Seeds { from: self.from, to: u64::MAX }, self.jobs, &stop, |outcome| {
            match outcome {
                Ok(report) => {
                    seeds += 1;
                    steps += report.steps;
                    virtual_secs += report.at_secs;
                    agents += Cluster::swarm(report.seed).spec().agents.len() as f64;
                }
                Err(failure) => failed.push(failure),
            }
            bar.set_position(started.elapsed().as_secs());
            if started.elapsed() >= limit {
                stop.store(true, Ordering::Relaxed);
            }
        });
        bar.finish_and_clear();
        let cpu = cpu::of_process() - before;
        let pace = virtual_secs / cpu.max(1e-9);
        let years = pace * self.hours * 3_600.0 * self.cores / YEAR_SECS;
        let mean_agents = agents / (seeds as f64).max(1.0);
        let (hours, cores) = (self.hours, self.cores);
        // How many seeds there are depends on the machine.
        let provenance = provenance([]);
        if self.json {
            let figures = serde_json::json!({
                "first_seed": self.from, "seeds": seeds, "steps": steps, "virtual_secs": virtual_secs, "cpu_secs": cpu,
                "mean_agents": mean_agents,
                "virtual_secs_per_cpu_sec": pace, "cluster_years_per_night": years, "hours": hours, "cores": cores,
                "failed": failed.len(),
            });
            print_json(&Made { provenance, figures });
        } else {
            print_line(format_args!(
                "{seeds} clusters of {mean_agents:.1} agents on average, all checks on, {steps} steps, {virtual_secs:.0} \
                 virtual seconds in {cpu:.1} s of processor time: {pace:.0} virtual seconds per second"
            ));
            print_line(format_args!("{years:.1} faulted cluster-years in a night of {hours} hours on {cores} cores"));
            print_line(format_args!("seeds from {} on · {provenance}", self.from));
        }
        failed.into_iter().next().map_or(Ok(()), |failure| Err(failure.into()))
    }
}
