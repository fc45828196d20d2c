//! `mesos-sim catalogue`: is every planted defect found, by which seed, in what time?

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mesos_core::kernel::Mutant;
use mesos_sim::catalogue::{Found, table};
use mesos_sim::{Cluster, Failure, FailureKind};

use crate::cpu;
use crate::outcome::Outcome;
use crate::print::{print, print_json, quiet_panics};
use crate::seeds::{Seeds, parse_mutant, parse_seeds};

#[derive(Debug, Args)]
pub(crate) struct Catalogue {
    /// Which seeds may be used to find each of them, as A..B.
    #[arg(long, value_parser = parse_seeds, default_value = "0..20000")]
    seeds: Seeds,
    /// Processor time allowed for each of them, in seconds.
    #[arg(long, default_value_t = 600.0)]
    budget: f64,
    /// Only these; may be given several times.
    #[arg(long, value_parser = parse_mutant)]
    only: Vec<Mutant>,
    /// How many at a time; all cores if absent.
    #[arg(long)]
    jobs: Option<usize>,
    /// Writes the table into this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Prints the table as JSON.
    #[arg(long)]
    json: bool,
}

impl Catalogue {
    pub(crate) fn run(&self) -> Outcome {
        quiet_panics();
        let wanted: Vec<Mutant> =
            Mutant::ALL.iter().copied().filter(|own| self.only.is_empty() || self.only.contains(own)).collect();
        let bar = ProgressBar::new(wanted.len() as u64);
        let style = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} defects");
        bar.set_style(style.expect("a constant template"));
        let jobs = self.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into));
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                scope.spawn(|| {
                    while let Some(&mutant) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let row = self.hunt(mutant);
                        bar.suspend(|| eprintln!("{}", line(&row)));
                        bar.inc(1);
                        found.lock().expect("nobody panics here").push(row);
                    }
                });
            }
        });
        bar.finish_and_clear();
        let found = found.into_inner().expect("nobody panics here");
        if self.json {
            print_json(&found);
        } else {
            print(&table(&found));
        }
        if let Some(path) = &self.out {
            let command = "mesos-sim catalogue --out <this file>";
            let text = format!(
                "Written by `{command}`, version {}.\n\nA defect that is not found by seeds shows in a recorded session instead, where a \
                 script plays a peer as bad as it likes: the\ntests look there next.\n\n{}",
                env!("CARGO_PKG_VERSION"),
                table(&found)
            );
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let missed: Vec<&str> = found.iter().filter(|row| row.seed.is_none()).map(|row| row.mutant.as_str()).collect();
        if missed.is_empty() {
            return Ok(());
        }
        let message = format!("planted defects that no seed found: {}", missed.join(", "));
        let (kind, property, at) = (FailureKind::Property, "catalogue".to_owned(), mesos_core::Instant::ZERO);
        let mutant = missed.first().map(|name| (*name).to_owned());
        let origin = crate::outcome::invocation();
        Err(Failure { kind, property, seed: self.seeds.from, at, message, mutant, origin }.into())
    }

    /// The first seed that finds a defect, within the budget.
    fn hunt(&self, mutant: Mutant) -> Found {
        let started = cpu::of_thread();
        let mut spent = 0.0;
        for seed in self.seeds.from..self.seeds.to {
            let failure = Cluster::swarm(seed).checked().mutant(mutant).attempt(seed).err();
            spent = cpu::of_thread() - started;
            if let Some(failure) = failure {
                return Found {
                    mutant: format!("{mutant:?}"),
                    seed: Some(seed),
                    property: failure.property,
                    cpu_secs: spent,
                };
            }
            if spent > self.budget {
                break;
            }
        }
        Found { mutant: format!("{mutant:?}"), seed: None, property: "nobody".to_owned(), cpu_secs: spent }
    }
}

fn line(row: &Found) -> String {
    let seed = row.seed.map_or_else(|| "NOT FOUND".to_owned(), |seed| format!("seed {seed}"));
    format!("{}: {seed}, by {}, {:.1} s", row.mutant, row.property, row.cpu_secs)
}
