//! Runs many clusters, each drawn from a seed with its faults, under all checks. `MESOS_SIM_SEEDS=5000` runs more of them,
//! `MESOS_SIM_FIRST=777` begins elsewhere.

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
    Cluster::swarm(seed).checked().attempt(seed).err().map(|failure| failure.to_string())
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
