//! What there is in a cluster, simulated or live: masters, agents, frameworks, and how each is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::{AgentInfo, Allocator, FrameworkInfo, Scheduler};
use mesos_exec::agent::{self, ExecutorFactory};
use mesos_sched::allocator::{self, HierarchicalDrf};
use mesos_sched::{driver, master};

use crate::check::Check;
use crate::program::Programs;

/// Makes a scheduler, anew for every start of its framework.
pub type SchedulerFactory = Arc<dyn Fn() -> Box<dyn Scheduler> + Send + Sync>;
/// Makes an allocator, anew for every start of a master.
pub type AllocatorFactory = Arc<dyn Fn() -> Box<dyn Allocator> + Send + Sync>;
/// Makes the checks of a run.
pub type CheckFactory = Arc<dyn Fn() -> Vec<Box<dyn Check>> + Send + Sync>;

/// An agent.
#[derive(Debug, Clone)]
pub struct AgentSpec {
    /// What it says about itself.
    pub info: AgentInfo,
    /// Its settings.
    pub options: Arc<agent::Options>,
}

/// A framework.
#[derive(Clone)]
pub struct FrameworkSpec {
    /// What it says about itself.
    pub info: FrameworkInfo,
    /// Its driver's settings.
    pub options: driver::Options,
    /// Makes its brain.
    pub scheduler: SchedulerFactory,
    /// Whether its work ends some day; a run is over when that of all such frameworks has.
    pub is_finite: bool,
    /// When it starts, counted from the beginning.
    pub starts_after: Duration,
}

impl fmt::Debug for FrameworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameworkSpec")
            .field("info", &self.info)
            .field("options", &self.options)
            .field("is_finite", &self.is_finite)
            .field("starts_after", &self.starts_after)
            .finish_non_exhaustive()
    }
}

/// What a cluster consists of, simulated or live.
#[derive(Clone)]
pub struct ClusterSpec {
    /// How many masters contend.
    pub masters: u32,
    /// Their settings.
    pub master_options: master::Options,
    /// Makes the allocator of each master.
    pub allocator: AllocatorFactory,
    /// Which executors agents can run.
    pub executors: ExecutorFactory,
    /// What executors run that are processes of their own. Only simulated: a live agent starts what commands say.
    pub programs: Programs,
    /// The agents.
    pub agents: Vec<AgentSpec>,
    /// The frameworks.
    pub frameworks: Vec<FrameworkSpec>,
}

impl fmt::Debug for ClusterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterSpec")
            .field("masters", &self.masters)
            .field("master_options", &self.master_options)
            .field("executors", &self.executors)
            .field("programs", &self.programs)
            .field("agents", &self.agents)
            .field("frameworks", &self.frameworks)
            .finish_non_exhaustive()
    }
}

impl Default for ClusterSpec {
    fn default() -> Self {
        Self {
            masters: 1,
            master_options: master::Options::default(),
            allocator: Arc::new(|| Box::new(HierarchicalDrf::new(allocator::Options::default()))),
            executors: ExecutorFactory::new(),
            programs: Programs::default(),
            agents: Vec::new(),
            frameworks: Vec::new(),
        }
    }
}
