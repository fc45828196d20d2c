//! Runs some seeds twice: the same seed is the same run, byte for byte. A difference is a defect of determinism somewhere in
//! the kernel or the simulator, and everything else the simulator says is worth nothing until it is found.

use mesos_sim::Cluster;
use mesos_sim::record::{Detail, Trace};

/// Enough to meet every kind of fault; what these agree on, all do that take the same code.
const SEEDS: std::ops::Range<u64> = 0..12;

/// The trace of a whole run, with its end.
fn trace(seed: u64) -> String {
    let trace = Trace::text(Detail::Full);
    let cluster = Cluster::swarm(seed).checked();
    let mut run = cluster.simulate_into(seed, Some(trace)).expect("a drawn cluster is possible");
    let end = run.run().map_or_else(|failure| failure.to_string(), |report| report.digest);
    let mut text = run.trace_mut().expect("one was given").drain();
    text.push_str(&end);
    text
}

#[test]
fn a_seed_is_a_run() {
    for seed in SEEDS {
        let (first, second) = (trace(seed), trace(seed));
        let lines = first.lines().zip(second.lines()).enumerate();
        if let Some((at, (one, two))) = lines.into_iter().find(|(_, (one, two))| one != two) {
            panic!("seed {seed} is two runs; line {at} is\n  {one}\nand\n  {two}");
        }
        assert_eq!(first.len(), second.len(), "seed {seed}: one run goes on where the other ends");
    }
}

/// A trace that says nothing would always be equal.
#[test]
fn another_seed_is_another_run() {
    let (one, two) = (trace(1), trace(2));
    assert!(one.len() > 1_000 && two.len() > 1_000);
    assert_ne!(one, two);
}
