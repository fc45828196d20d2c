//! A world looked at from outside: by checks, reports and whoever steps through a run.
//!
//! Everything here borrows and changes nothing. What a view shows is the truth, not what some machine believes: which
//! processes are up, which containers run, what is durable.

use std::time::Duration;

use mesos_core::Now;
use mesos_core::kernel::Term;
use mesos_exec::agent::Agent;
use mesos_sched::driver::{Driver, StopReason};
use mesos_sched::master::Master;

use crate::cluster::ClusterSpec;
use crate::container::Containers;
use crate::disk::{Disk, SharedStore};
use crate::election::Election;
use crate::fault::Action;
use crate::net::Net;
use crate::node::{AgentNode, FrameworkNode, NodeId, OperatorLog, Process};
use crate::world::{Stage, World};

/// A master's node.
#[derive(Debug, Clone, Copy)]
pub struct MasterView<'a> {
    /// Its name.
    pub node: NodeId,
    /// Its machine; absent while it is down.
    pub machine: Option<&'a Master>,
    /// The term its present process was elected under, if it was.
    pub term: Option<Term>,
}

/// An agent's node.
#[derive(Debug, Clone, Copy)]
pub struct AgentView<'a> {
    /// Its name.
    pub node: NodeId,
    /// Its machine; absent while it is down.
    pub machine: Option<&'a Agent>,
    /// What really runs there.
    pub containers: &'a Containers,
    /// What is durable there.
    pub disk: &'a Disk,
}

/// A framework's node.
#[derive(Debug, Clone, Copy)]
pub struct FrameworkView<'a> {
    /// Its name.
    pub node: NodeId,
    /// Its machine; absent while it is down.
    pub machine: Option<&'a Driver>,
    /// What is durable there.
    pub disk: &'a Disk,
    /// Why it ended, if it has ended for good.
    pub ended: Option<&'a StopReason>,
}

/// What a node's parts look like from outside.
impl World {
    /// The seed of the run.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The time; the calendar time is that of a node whose clock is right.
    #[must_use]
    pub fn now(&self) -> Now {
        Process::<()>::right_now(self.now)
    }

    /// Where the run is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// The name of the planted defect, if there is one.
    #[must_use]
    pub fn mutant(&self) -> Option<String> {
        self.conditions.mutant_name()
    }

    /// The description of the cluster.
    #[must_use]
    pub fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    /// All masters.
    pub fn masters(&self) -> impl Iterator<Item = MasterView<'_>> {
        (0..).zip(&self.masters).map(|(index, node)| MasterView {
            node: NodeId::Master(index),
            machine: node.process.machine.as_deref(),
            term: node.term,
        })
    }

    /// All agents.
    pub fn agents(&self) -> impl Iterator<Item = AgentView<'_>> {
        (0..).zip(&self.agents).map(|(index, node)| agent_view(index, node))
    }

    /// The agent of this index.
    #[must_use]
    pub fn agent(&self, index: u32) -> Option<AgentView<'_>> {
        self.agents.get(index as usize).map(|node| agent_view(index, node))
    }

    /// All frameworks.
    pub fn frameworks(&self) -> impl Iterator<Item = FrameworkView<'_>> {
        (0..).zip(&self.frameworks).map(|(index, node)| framework_view(index, node))
    }

    /// The framework of this index.
    #[must_use]
    pub fn framework(&self, index: u32) -> Option<FrameworkView<'_>> {
        self.frameworks.get(index as usize).map(|node| framework_view(index, node))
    }

    /// The registry as it really is.
    #[must_use]
    pub const fn store(&self) -> &SharedStore {
        &self.store
    }

    /// Who holds the lease.
    #[must_use]
    pub const fn election(&self) -> &Election {
        &self.election
    }

    /// Who can reach whom.
    #[must_use]
    pub const fn net(&self) -> &Net {
        &self.net
    }

    /// What went wrong so far, in order: a plan that does it again.
    #[must_use]
    pub fn struck(&self) -> &[(Duration, Action)] {
        &self.struck
    }

    /// What operators asked and were answered.
    #[must_use]
    pub const fn operator_log(&self) -> &OperatorLog {
        self.operator.log()
    }

    /// Containers that really run now.
    #[must_use]
    pub const fn running(&self) -> u64 {
        self.tally.running()
    }
}

fn agent_view(index: u32, node: &AgentNode) -> AgentView<'_> {
    AgentView {
        node: NodeId::Agent(index),
        machine: node.process.machine.as_deref(),
        containers: &node.containers,
        disk: &node.disk,
    }
}

fn framework_view(index: u32, node: &FrameworkNode) -> FrameworkView<'_> {
    FrameworkView {
        node: NodeId::Framework(index),
        machine: node.process.machine.as_deref(),
        disk: &node.disk,
        ended: node.ended.as_ref(),
    }
}
