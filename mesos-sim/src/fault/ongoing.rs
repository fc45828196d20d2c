//! Faults that last, and what they come to together.
//!
//! Several of one kind may last at the same time, and each ends by itself. Then the worst of them counts, not their sum: what
//! a nemesis draws is the bound of what it does to a run, and two strikes must not lose every message.

use std::collections::{BTreeMap, BTreeSet};

use super::StoreTrouble;
use crate::container::ContainerModel;
use crate::node::{Earlier, NodeId};

/// A fault that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// The network knows it by its number.
    Net,
    /// So many messages per million are lost.
    Loss(u32),
    /// So many messages per million come twice.
    Duplication(u32),
    /// Storage is slow or fails.
    Store(StoreTrouble),
    /// Containers fail.
    Containers {
        /// Starts that fail, per million.
        launch_failure_ppm: u32,
        /// Runs that end badly, per million.
        crash_ppm: u32,
    },
    /// A node runs an earlier version.
    Version(NodeId, Earlier),
}

/// All faults that last now.
#[derive(Debug, Default)]
pub(crate) struct Ongoing {
    next: u32,
    faults: BTreeMap<u32, Lasting>,
}

impl Ongoing {
    /// One more; the number it has.
    pub(crate) fn begin(&mut self, fault: Lasting) -> u32 {
        let id = self.next;
        self.next += 1;
        self.faults.insert(id, fault);
        id
    }

    /// It has lasted; nothing if it was over already.
    pub(crate) fn end(&mut self, id: u32) -> Option<Lasting> {
        self.faults.remove(&id)
    }

    /// All have lasted; the nodes whose version is their own again.
    pub(crate) fn clear(&mut self) -> BTreeSet<NodeId> {
        let faults = std::mem::take(&mut self.faults).into_values();
        faults.filter_map(|fault| if let Lasting::Version(node, _) = fault { Some(node) } else { None }).collect()
    }

    /// The earlier version a node runs, if it does; of several the one that was set up last.
    pub(crate) fn version(&self, node: NodeId) -> Option<Earlier> {
        self.faults.values().rev().find_map(|fault| match fault {
            Lasting::Version(own, earlier) if *own == node => Some(*earlier),
            _ => None,
        })
    }

    /// Messages that are lost, per million.
    pub(crate) fn loss_ppm(&self) -> u32 {
        let losses = self.faults.values().map(|fault| if let Lasting::Loss(ppm) = fault { *ppm } else { 0 });
        losses.max().unwrap_or(0)
    }

    /// Messages that come twice, per million.
    pub(crate) fn duplicate_ppm(&self) -> u32 {
        let twice = self.faults.values().map(|fault| if let Lasting::Duplication(ppm) = fault { *ppm } else { 0 });
        twice.max().unwrap_or(0)
    }

    /// What is wrong with storage.
    pub(crate) fn store(&self) -> StoreTrouble {
        self.faults.values().fold(StoreTrouble::NONE, |worst, fault| match fault {
            Lasting::Store(own) => StoreTrouble {
                slow: worst.slow.max(own.slow),
                unknown_ppm: worst.unknown_ppm.max(own.unknown_ppm),
                disk_ppm: worst.disk_ppm.max(own.disk_ppm),
            },
            _ => worst,
        })
    }

    /// How containers behave whose behaviour is this when nothing is wrong.
    pub(crate) fn containers(&self, healthy: &ContainerModel) -> ContainerModel {
        let mut model = healthy.clone();
        for fault in self.faults.values() {
            if let Lasting::Containers { launch_failure_ppm, crash_ppm } = fault {
                model.launch_failure_ppm = model.launch_failure_ppm.max(*launch_failure_ppm);
                model.crash_ppm = model.crash_ppm.max(*crash_ppm);
            }
        }
        model
    }
}
