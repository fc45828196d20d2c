//! Runs many clusters, each drawn from a seed with its faults, under all checks. `MESOS_SIM_SEEDS=5000` runs more of them,
//! `MESOS_SIM_FIRST=777` begins elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, thread};

use mesos_sim::Cluster;

/// Seeds of every test run.
const SEEDS: u64 = 500;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What is wrong with a run: one line that names it and one that brings it back.
fn problem(seed: u64) -> Option<String> {
    let run = || Cluster::swarm(seed).checked().simulate(seed).expect("a drawn cluster is possible").run();
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(_)) => None,
        Ok(Err(failure)) => Some(failure.to_string()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let again = format!("cargo run --release -p mesos-sim --features cli -- run --seed {seed}");
            Some(format!("assertion failed: {}\n  to see it again: {again}", said.unwrap_or_default()))
        }
    }
}

#[test]
fn random_clusters_keep_every_promise_and_settle() {
    let (first, count) = (setting("MESOS_SIM_FIRST", 0), setting("MESOS_SIM_SEEDS", SEEDS));
    let next = AtomicU64::new(first);
    let problems = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    if let Some(problem) = problem(seed) {
                        problems.lock().expect("nobody panics here").push((seed, problem));
                    }
                }
            });
        }
    });
    let mut problems = problems.into_inner().expect("nobody panics here");
    problems.sort();
    let lines: Vec<String> = problems.iter().map(|(_, problem)| problem.clone()).collect();
    assert!(lines.is_empty(), "{} of {count} seeds failed:\n{}", lines.len(), lines.join("\n"));
}
