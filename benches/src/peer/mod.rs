//! What Apache Mesos' own allocator, sorter and resources take for the same work.
//!
//! # How these numbers came about
//!
//! Mesos 1.12-dev (commit c1b42f79, August 2024), built with `-O2 -DNDEBUG` and glibc's malloc, its sources unchanged but
//! for one wait in libprocess; the workloads are hand ports of the bodies of its benchmarks (`hierarchical_allocator_tests`,
//! `hierarchical_allocator_benchmarks`, `sorter_tests`, `resources_tests`) and one more, `FullCycle`. Times are processor
//! time of all threads but the driver's, least, median and largest of several runs and rounds, on 2 virtual processors (AMD
//! EPYC) under Linux 6.18 with other work going on: the load was 2.6 to 7.7 throughout. Differences under a fifth mean
//! nothing. Another malloc (tcmalloc) makes Mesos 6 to 44 % faster, which is malloc's merit and not the allocator's; our
//! figures are taken with mimalloc.
//!
//! Three kinds of rows are special: of `a+=b` and `a-=b` on ranges it is wall time, since reading the clock weighs too much
//! on processor time; the round of `multi_framework` has a least and a largest value only, its median is their middle; and
//! the memory of a refusal is resident memory there and requested memory here.

mod data;

pub use data::FIGURES;

/// One figure of Mesos.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peer {
    /// The name of our figure of the same work.
    pub name: &'static str,
    /// Least, median and largest, in the unit of our figure.
    pub spread: [f64; 3],
}

const fn peer(name: &'static str, spread: [f64; 3]) -> Peer {
    Peer { name, spread }
}

/// How many times faster than Mesos a figure has to be that has no goal of its own.
pub const TIMES: f64 = 20.0;

/// Goals of their own, in the unit of the figure.
const GOALS: &[(&str, f64)] = &[
    ("alloc.full_cycle.one_role.10000x1000.cycle", 10.0),
    ("alloc.full_cycle.one_role.50000x200.cycle", 40.0),
    ("alloc.full_cycle.role_each.10000x1000.cycle", 15.0),
    ("alloc.full_cycle.role_each.10000x1000.add_frameworks", 20.0),
    ("alloc.full_cycle.one_role.50000x200.idle_cycle", 1.0),
    ("alloc.decline.10000x1000.cycle", 20.0),
    ("alloc.decline.10000x1000.recover", 20.0),
    ("alloc.decline.saturated.1000x200.cycle", 2.0),
    ("alloc.quota.large_and_small.random.2500+500.cycle_0", 50.0),
    ("alloc.quota.large_and_small.random.2500+500.cycle_1", 50.0),
    ("alloc.decline.saturated.1000x200.bytes_per_filter", 150.0),
];

/// What a figure is to be at most.
#[must_use]
pub fn goal(peer: &Peer) -> f64 {
    GOALS.iter().find(|(name, _)| *name == peer.name).map_or(peer.spread[1] / TIMES, |(_, goal)| *goal)
}

/// Mesos' figure for the same work, if there is one.
#[must_use]
pub fn of(name: &str) -> Option<&'static Peer> {
    FIGURES.iter().find(|peer| peer.name == name)
}

#[cfg(test)]
mod tests {
    use super::{FIGURES, GOALS, TIMES, of};

    #[test]
    fn every_figure_of_the_peer_is_one_of_ours() {
        let ours: std::collections::BTreeSet<String> = crate::figures::all()
            .iter()
            .flat_map(|workload| workload.figures().map(|(name, ..)| name).collect::<Vec<_>>())
            .collect();
        let missing: Vec<_> = FIGURES.iter().filter(|peer| !ours.contains(peer.name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn own_goals_are_of_figures_of_the_peer_and_ask_for_more_than_the_others() {
        for (name, goal) in GOALS {
            assert!(of(name).is_some_and(|peer| *goal <= peer.spread[1] / TIMES), "{name}");
        }
    }

    #[test]
    fn spreads_are_in_order_and_names_come_once() {
        assert!(FIGURES.iter().all(|peer| peer.spread.is_sorted() && peer.spread[0] > 0.0));
        let names: std::collections::BTreeSet<_> = FIGURES.iter().map(|peer| peer.name).collect();
        assert_eq!(names.len(), FIGURES.len());
    }
}
