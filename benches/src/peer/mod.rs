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
//! The sorter is measured with idle clients, as Mesos' own benchmark leaves them, and again with active ones.
//!
//! Three kinds of rows are special: of `a+=b` and `a-=b` on ranges it is wall time, since reading the clock weighs too much
//! on processor time; the round of `multi_framework` has a least and a largest value only, its median is their middle; and
//! the memory of a refusal is resident memory there and requested memory here.

mod data;
mod goal;
mod sorter;

pub use goal::{TIMES, goal, goals};

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

/// All of them.
pub fn figures() -> impl Iterator<Item = &'static Peer> {
    data::FIGURES.iter().chain(sorter::FIGURES)
}

/// Mesos' figure for the same work, if there is one.
#[must_use]
pub fn of(name: &str) -> Option<&'static Peer> {
    figures().find(|peer| peer.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{figures, goals};

    #[test]
    fn every_figure_of_the_peer_and_every_goal_is_one_of_ours() {
        let ours: BTreeSet<String> = crate::figures::all()
            .iter()
            .flat_map(|workload| workload.figures().map(|(name, ..)| name).collect::<Vec<_>>())
            .collect();
        let named = figures().map(|peer| peer.name).chain(goals().map(|(name, _)| name));
        let missing: Vec<_> = named.filter(|name| !ours.contains(*name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn spreads_are_in_order_and_names_come_once() {
        assert!(figures().all(|peer| peer.spread.is_sorted() && peer.spread[0] > 0.0));
        let names: BTreeSet<_> = figures().map(|peer| peer.name).collect();
        assert_eq!(names.len(), figures().count());
    }
}
