//! The sorter alone: clients, agents, allocations and orders, without rounds.
//!
//! The allocator's sorter is no public part of it; `mesos-sched` opens it to benches behind a feature.

use mesos_core::{FrameworkId, Quantities, Role};
use mesos_sched::allocator::SorterKind;

use crate::allocator::{fragments, read_resources};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[
    ("add_clients", "ms"),
    ("add_agents", "ms"),
    ("add_allocations", "ms"),
    ("full_sort", "ms"),
    ("noop_sort", "ms"),
    ("realloc_sort", "ms"),
    ("remove_allocations", "ms"),
    ("remove_agents", "ms"),
];

/// Sorts of what is sorted already.
const NOOPS: u32 = 100;

/// The sizes of the comparison.
const AGENTS: [u32; 6] = [1_000, 5_000, 10_000, 20_000, 30_000, 50_000];
const CLIENTS: [u32; 6] = [1, 50, 100, 200, 500, 1_000];

/// Height and branching of the trees of roles.
const TREES: [(u32, u32); 3] = [(3, 32), (7, 3), (10, 2)];

/// One role of many clients, and trees of roles, in all sizes; clients idle as in the comparison, or active.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let mut all = Vec::new();
    for (is_active, kind) in [(false, ""), (true, "active.")] {
        for agents in AGENTS {
            for clients in CLIENTS {
                let about = "clients of one role: added, allocated to, sorted, sorted after each change, released";
                let run = move |found: &mut Readings| run(agents, &flat(clients), is_active, found);
                all.push(Workload::new(format!("sorter.full_sort.{kind}{agents}x{clients}"), about, PHASES, run));
            }
        }
        for agents in [1_000, 10_000, 50_000] {
            for (height, branching) in TREES {
                let about = "the same with clients all over a tree of roles";
                let run = move |found: &mut Readings| run(agents, &nested(height, branching), is_active, found);
                let name = format!("sorter.hierarchy_full_sort.{kind}{agents}x{height}x{branching}");
                all.push(Workload::new(name, about, PHASES, run));
            }
        }
    }
    all
}

/// A role and the id of a client there.
type Named = (Role, FrameworkId);

fn id(text: &str) -> FrameworkId {
    FrameworkId::new(text).expect("an id")
}

/// Numbered clients of one role.
fn flat(count: u32) -> Vec<Named> {
    (0..count).map(|number| (Role::any(), id(&number.to_string()))).collect()
}

/// A client at every node of a tree but its root, children before parents.
fn nested(height: u32, branching: u32) -> Vec<Named> {
    let mut all = Vec::new();
    below("", height - 1, branching, &mut all);
    all
}

fn below(path: &str, levels: u32, branching: u32, all: &mut Vec<Named>) {
    if levels == 0 {
        return;
    }
    for number in 0..branching {
        let path = if path.is_empty() { number.to_string() } else { format!("{path}/{number}") };
        below(&path, levels - 1, branching, all);
        all.push((Role::new(path).expect("a role"), id("client")));
    }
}

fn run(agents: u32, named: &[Named], is_active: bool, readings: &mut Readings) {
    let total: Quantities = "cpus:24;mem:4096;disk:4096".parse().expect("amounts");
    let each = read_resources(&format!("cpus:16;mem:2014;disk:1024;ports:{}", fragments(31_000, 32_000, 100)));
    let mut sorter = SorterKind::bench();
    readings.time("add_clients", || named.iter().for_each(|(role, id)| sorter.add_client(role, id, is_active)));
    readings.time("add_agents", || (0..agents).for_each(|_| sorter.grow(&total)));
    let of = |agent: u32| agent as usize % named.len();
    readings.time("add_allocations", || {
        for agent in 0..agents {
            sorter.book(of(agent), &each.scalar_quantities());
        }
    });
    let mut sorted = Vec::with_capacity(named.len());
    readings.time("full_sort", || sorter.sort(&mut sorted));
    assert_eq!(sorted.len(), if is_active { named.len() } else { 0 }, "who may be served is in the order");
    // Reading the clock takes as long as a small one, so many are timed together.
    let (spent, ()) = crate::measure::thread_time(|| {
        for _ in 0..NOOPS {
            sorted.clear();
            sorter.sort(std::hint::black_box(&mut sorted));
        }
    });
    readings.note("noop_sort", spent.as_secs_f64() * 1e3 / f64::from(NOOPS));
    readings.time("realloc_sort", || {
        for agent in 0..agents.min(1_000) {
            let amounts = each.scalar_quantities();
            sorter.release(of(agent), &amounts);
            sorter.book(of(agent), &amounts);
            sorted.clear();
            sorter.sort(&mut sorted);
        }
    });
    readings.time("remove_allocations", || {
        for agent in 0..agents {
            sorter.release(of(agent), &each.scalar_quantities());
        }
    });
    readings.time("remove_agents", || (0..agents).for_each(|_| sorter.shrink(&total)));
}
