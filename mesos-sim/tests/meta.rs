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

/// What these seeds are, in every build and on every machine.
const DIGESTS: [(u64, &str); 5] = [
    (0, "aea6138ec22ea5ec"),
    (3, "4f3f445fa8eb3370"),
    (7, "95c78f4aa2a1c66e"),
    (15, "43c27f53d1e38283"),
    (29, "db39301ae6346487"),
];

/// Debug and release, this machine and that one: all come to the digests that are written down here.
#[test]
fn a_seed_is_the_same_run_in_every_build_and_on_every_machine() {
    let digest = |seed: u64| match Cluster::swarm(seed).checked().attempt(seed) {
        Ok(report) => report.digest,
        Err(failure) => failure.to_string(),
    };
    let found: Vec<(u64, String)> = DIGESTS.iter().map(|(seed, _)| (*seed, digest(*seed))).collect();
    let is_same = |((_, known), (_, found)): (&(u64, &str), &(u64, String))| known == found;
    let lines: Vec<String> = found.iter().map(|(seed, digest)| format!("    ({seed}, {digest:?}),")).collect();
    assert!(
        DIGESTS.iter().zip(&found).all(is_same),
        "Digests tell every step of every machine. If a change was meant to let masters, agents, frameworks, faults or draws do \
         something else, these take the place of those in DIGESTS:\n{}\nIf nothing of the kind was changed, or the other \
         profile (cargo test --release) comes to others, a build or a machine is not like the rest, and nothing that the \
         simulator finds can be relied upon until it is known why.",
        lines.join("\n")
    );
}
