//! The allocator at work, alone: the workloads Mesos' own benchmarks run, and some beyond.
//!
//! The driver is a `Cluster` (`cluster.rs`): a master reduced to feeding facts and holding grants. Common to all:
//!
//! * Facts are built before the timed section and moved into the allocator. Nothing is enqueued from another thread.
//! * **Batching.** All facts of a phase are observed one after the other, then one round runs; its time belongs to the
//!   phase. A "cycle" is one batch round: time moves on by the interval of one second, then the allocator allocates.
//! * The time is that of the processor in this thread, in milliseconds. Checks are outside of it.
//! * Where all agents are free, a round must give each of N agents to one of M frameworks, and each framework the floor or
//!   the ceiling of N/M agents. A bench that finds another spread fails: it would not measure the same work.

pub mod add_and_update;
pub mod backlog;
pub mod beyond;
pub mod changed;
mod cluster;
pub mod decline;
pub mod explain;
pub mod full_cycle;
pub mod labels;
pub mod metrics;
pub mod multi_framework;
pub mod quota;
pub mod suppress;
pub mod update_allocation;
pub mod volumes;

pub(crate) use cluster::{fragments, resources as read_resources};

use crate::workload::Workload;

/// Agents and frameworks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many agents.
    pub agents: u32,
    /// How many frameworks.
    pub frameworks: u32,
}

/// The sizes of the comparison.
const SIZES: [Size; 6] =
    [size(1_000, 50), size(1_000, 200), size(5_000, 200), size(10_000, 500), size(10_000, 1_000), size(50_000, 200)];

const fn size(agents: u32, frameworks: u32) -> Size {
    Size { agents, frameworks }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.agents, self.frameworks)
    }
}

/// All workloads of the allocator.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let families = [
        full_cycle::workloads(),
        add_and_update::workloads(),
        decline::workloads(),
        explain::workloads(),
        backlog::workloads(),
        suppress::workloads(),
        labels::workloads(),
        volumes::workloads(),
        metrics::workloads(),
        quota::workloads(),
        multi_framework::workloads(),
        update_allocation::workloads(),
        beyond::workloads(),
        changed::workloads(),
    ];
    families.into_iter().flatten().collect()
}
