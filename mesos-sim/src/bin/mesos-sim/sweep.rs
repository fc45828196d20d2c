//! `mesos-sim sweep`: many seeds on all cores.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mesos_sim::{Cluster, Failure, Report};

use crate::outcome::Outcome;
use crate::print::{print_line, quiet_panics};
use crate::seeds::{Seeds, parse_seeds};

#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Which seeds, as A..B: B is not among them.
    #[arg(long, value_parser = parse_seeds, default_value = "0..1000")]
    seeds: Seeds,
    /// Goes on after a failure and lists them all.
    #[arg(long)]
    all: bool,
    /// How many at a time; all cores if absent.
    #[arg(long)]
    jobs: Option<usize>,
}

impl Sweep {
    pub(crate) fn run(&self) -> Outcome {
        quiet_panics();
        let bar = ProgressBar::new(self.seeds.count());
        let style = "{elapsed_precise} {wide_bar} {pos}/{len} seeds, {per_sec}, {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a constant template"));
        let stop = AtomicBool::new(false);
        let (mut failures, mut steps, mut virtual_secs) = (Vec::new(), 0_u64, 0.0);
        on_all_cores(self.seeds, self.jobs, &stop, |outcome| {
            match outcome {
                Ok(report) => {
                    steps += report.steps;
                    virtual_secs += report.at_secs;
                }
                Err(failure) => {
                    bar.suspend(|| eprintln!("{failure}"));
                    failures.push(failure);
                    stop.fetch_or(!self.all, Ordering::Relaxed);
                }
            }
            let (days, failed) = (virtual_secs / 86_400.0, failures.len());
            bar.set_message(format!("{steps} steps, {days:.1} virtual days, {failed} failed"));
            bar.inc(1);
        });
        bar.finish();
        let (seeds, failed) = (bar.position(), failures.len());
        print_line(format_args!("{seeds} seeds, {steps} steps, {virtual_secs:.0} virtual seconds, {failed} failed"));
        failures.sort_by_key(|failure| failure.seed);
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.into()))
    }
}

/// Runs every seed under all checks, some at a time, until `stop`; hands each outcome to `each` as it comes.
pub(crate) fn on_all_cores(
    seeds: Seeds,
    jobs: Option<usize>,
    stop: &AtomicBool,
    mut each: impl FnMut(Result<Report, Failure>),
) {
    let jobs = jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into));
    let next = AtomicU64::new(seeds.from);
    let (send, receive) = mpsc::sync_channel::<Result<Report, Failure>>(1_024);
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.to || send.send(Cluster::swarm(seed).checked().attempt(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        receive.into_iter().for_each(&mut each);
    });
}
