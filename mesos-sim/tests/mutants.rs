//! Plants every known defect, one at a time: the checkers must find it within some random seeds, and find nothing in the
//! same seeds without it. A checker that was never seen to fail checks nothing.
//!
//! A defect that takes more seeds than a test has, or a peer worse than any that is drawn, must show in the recorded sessions
//! instead, where the script plays a peer as bad as it likes.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use mesos_core::kernel::Mutant;
use mesos_sim::Cluster;
use mesos_sim::script::{AgentSession, AllocatorSession, DriverSession, MasterSession, Session, replay};

/// A defect that hides from so many clusters hides too well. They take a processor some twenty seconds.
const SEEDS_MAX: u64 = 200;
/// So many defects must be found by random seeds alone.
const BY_SEED_MIN: usize = 40;

/// What gave a defect away.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    BySeed(u64, String),
    BySession(String),
    Not,
}

/// The first line about what a run came to; nothing if it was fine.
fn run(seed: u64, mutant: Option<Mutant>) -> Option<String> {
    let run = || {
        let cluster = Cluster::swarm(seed).checked();
        let cluster = match mutant {
            Some(mutant) => cluster.mutant(mutant),
            None => cluster,
        };
        cluster.simulate(seed).expect("a drawn cluster is possible").run()
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(_)) => None,
        Ok(Err(failure)) => Some(failure.property),
        Err(_) => Some("assertion".into()),
    }
}

fn open(machine: &str, mutant: Mutant) -> Box<dyn Session> {
    match machine {
        "allocator" => Box::new(AllocatorSession::with_mutant(mutant)),
        "master" => Box::new(MasterSession::with_mutant(mutant)),
        "agent" => Box::new(AgentSession::with_mutant(mutant)),
        _ => Box::new(DriverSession::with_mutant(mutant)),
    }
}

/// The first session that reads otherwise with the defect.
fn session_that_differs(mutant: Mutant) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    for machine in ["master", "agent", "driver", "allocator"] {
        let entries = fs::read_dir(root.join(machine)).expect("the folder of the sessions is there");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path).expect("the session can be read");
            let name = path.file_name().map(|name| format!("{machine}/{}", name.display())).unwrap_or_default();
            let replayed = catch_unwind(|| replay(&name, &text, &mut *open(machine, mutant)));
            if !matches!(replayed, Ok(Ok(same)) if same == text) {
                return Some(name);
            }
        }
    }
    None
}

/// The seed that found a defect when the catalogue was last written: most changes of the code leave it one that does.
fn known_seed(mutant: Mutant) -> Option<u64> {
    let table = include_str!("../src/catalogue.md");
    let row = table.lines().find(|line| line.contains(&format!("| `{mutant:?}` |")))?;
    row.split('|').nth(6)?.trim().parse().ok()
}

fn hunt(mutant: Mutant) -> Found {
    for seed in known_seed(mutant).into_iter().chain(0..SEEDS_MAX) {
        if let Some(property) = run(seed, Some(mutant)) {
            return Found::BySeed(seed, property);
        }
    }
    session_that_differs(mutant).map_or(Found::Not, Found::BySession)
}

/// Calls `work` for every number below `count`, on all cores.
fn on_all_cores(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    work(index);
                }
            });
        }
    });
}

#[test]
fn every_planted_defect_is_found() {
    // Assertions of the kernel are one way of finding a defect; their noise is not wanted here.
    set_hook(Box::new(|_| {}));
    let only = env::var("MESOS_SIM_MUTANT").ok();
    let planted: Vec<Mutant> = Mutant::ALL
        .iter()
        .copied()
        .filter(|own| only.as_ref().is_none_or(|only| format!("{own:?}") == *only))
        .collect();
    let found = Mutex::new(Vec::new());
    on_all_cores(planted.len(), |index| {
        let outcome = hunt(planted[index]);
        found.lock().expect("nobody panics here").push((planted[index], outcome));
    });
    let mut found = found.into_inner().expect("nobody panics here");
    found.sort_by_key(|(mutant, _)| *mutant);
    let lines: Vec<String> = found.iter().map(|(mutant, outcome)| format!("{mutant:?}: {outcome:?}")).collect();
    println!("{}", lines.join("\n"));
    let _ = std::panic::take_hook();
    let missed: Vec<&String> = lines.iter().filter(|line| line.ends_with("Not")).collect();
    assert!(missed.is_empty(), "not found in {SEEDS_MAX} seeds, nor by a session: {missed:#?}");
    let by_seed = found.iter().filter(|(_, outcome)| matches!(outcome, Found::BySeed(..))).count();
    assert!(
        only.is_some() || by_seed >= BY_SEED_MIN,
        "only {by_seed} defects were found by seeds:\n{}",
        lines.join("\n")
    );
}

#[test]
fn the_clean_kernel_passes_the_same_seeds() {
    let failed = Mutex::new(Vec::new());
    on_all_cores(usize::try_from(SEEDS_MAX).unwrap_or(usize::MAX), |seed| {
        if let Some(property) = run(seed as u64, None) {
            failed.lock().expect("nobody panics here").push(format!("seed {seed}: {property}"));
        }
    });
    let failed = failed.into_inner().expect("nobody panics here");
    assert!(failed.is_empty(), "without any defect:\n{}", failed.join("\n"));
}
