//! One description of a cluster, and how it is run.
//!
//! ```
//! use mesos_sim::{Cluster, secs};
//! use mesos_sim::workload::Sleepers;
//!
//! // A thousand agents lose their leading master in the middle of ten thousand tasks.
//! let report = Cluster::builder()
//!     .masters(3)
//!     .agents(100, "cpus:8;mem:16384")
//!     .framework("batch", || Sleepers::new(1_000, secs(20)).boxed())
//!     .crash_leader_at(secs(15))
//!     .simulate(7)?
//!     .run_until_done(secs(600))?;
//! assert_eq!(report.tasks("FINISHED"), 1_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ClusterSpec`] says what there is and is the same for a live and a simulated cluster; [`Conditions`] says how the
//! simulated surroundings behave and what goes wrong.

mod conditions;
mod decision;
mod spec;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::attribute::InvalidAttribute;
use mesos_core::resource::InvalidResources;
use mesos_core::role::InvalidRole;
use mesos_core::{AgentInfo, Allocator, Attributes, FrameworkInfo, Rejection, Resources, Role, Scheduler, Weight};
use mesos_exec::agent::{self, ExecutorFactory};
use mesos_sched::allocator::{self, HierarchicalDrf};
use mesos_sched::{driver, master};

use crate::check::Check;
use crate::failure::Origin;
use crate::fault::{Action, CrashKind, DiskFate, Nemesis, Target};
use crate::net::{Cut, CutMode, Group};
use crate::node::NodeId;
use crate::program::Programs;
use crate::record::Trace;
use crate::simulation::Simulation;
use crate::watch::Watch;
use crate::world::World;

pub use conditions::Conditions;
pub use decision::DecisionCost;
pub use spec::{AgentSpec, AllocatorFactory, CheckFactory, ClusterSpec, FrameworkSpec, SchedulerFactory};

/// How often it is looked whether a cluster has settled.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(1);

/// So many seconds.
#[must_use]
pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What is wrong with a description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCluster {
    /// An agent's resources cannot be read.
    #[error("agents: {0}")]
    Resources(#[from] InvalidResources),
    /// An agent's attributes cannot be read.
    #[error("agents: {0}")]
    Attributes(#[from] InvalidAttribute),
    /// A framework's role, or one with a weight, is not one.
    #[error("roles: {0}")]
    Role(#[from] InvalidRole),
    /// A role's weight is not one.
    #[error("weights: {0}")]
    Weight(Rejection),
    /// Nobody could lead.
    #[error("a cluster needs at least one master; say masters(1)")]
    NoMaster,
    /// Agent indexes of a fault are not there.
    #[error("a fault names agents {from}..{to}, but there are {count}; describe the agents first")]
    NoSuchAgents {
        /// The first index named.
        from: u32,
        /// One past the last.
        to: u32,
        /// How many there are.
        count: usize,
    },
}

/// A cluster being described.
#[derive(Clone)]
pub struct Cluster {
    spec: ClusterSpec,
    conditions: Conditions,
    drf: allocator::Options,
    checks: Option<CheckFactory>,
    is_traced: bool,
    problem: Option<InvalidCluster>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("spec", &self.spec)
            .field("conditions", &self.conditions)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// One master, and nothing else yet.
    #[must_use]
    pub fn builder() -> Self {
        Self::new(ClusterSpec::default(), Conditions::default())
    }

    /// A cluster that is described already.
    #[must_use]
    pub fn new(spec: ClusterSpec, conditions: Conditions) -> Self {
        let drf = allocator::Options::default();
        Self { spec, conditions, drf, checks: None, is_traced: false, problem: None }
    }

    /// A cluster drawn from a seed, faults and all. Run it with the same seed.
    #[must_use]
    pub fn swarm(seed: u64) -> Self {
        crate::swarm::draw(seed, None).coming_from(Origin::Swarm)
    }

    /// Failures of its runs are seen again like this.
    #[must_use]
    pub fn coming_from(mut self, origin: Origin) -> Self {
        self.conditions.origin = origin;
        self
    }

    /// As [`swarm`](Self::swarm), but no framework has more than so many pieces of work.
    #[must_use]
    pub fn swarm_of(seed: u64, pieces_max: Option<u32>) -> Self {
        crate::swarm::draw(seed, pieces_max)
    }

    /// What it consists of.
    #[must_use]
    pub const fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    /// What it consists of, to change it.
    pub const fn spec_mut(&mut self) -> &mut ClusterSpec {
        &mut self.spec
    }

    /// How its surroundings behave.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// How its surroundings behave, to change it.
    pub const fn conditions_mut(&mut self) -> &mut Conditions {
        &mut self.conditions
    }

    /// So many masters contend.
    #[must_use]
    pub const fn masters(mut self, count: u32) -> Self {
        self.spec.masters = count;
        self
    }

    /// Settings of the masters. Weights that were set before stay, unless the options have others for the same roles.
    #[must_use]
    pub fn master_options(mut self, options: master::Options) -> Self {
        let before = std::mem::replace(&mut self.spec.master_options, options).weights;
        for (role, weight) in before {
            self.spec.master_options.weights.entry(role).or_insert(weight);
        }
        self
    }

    /// How much a role counts from the start: twice the weight is twice the share. A role nobody speaks of weighs 1. Live
    /// or simulated, the first leader writes it to the registry, where operators may change it later.
    #[must_use]
    pub fn weight(mut self, role: &str, weight: f64) -> Self {
        let role = Role::new(role).map_err(InvalidCluster::from);
        match role.and_then(|role| Ok((role, Weight::new(weight).map_err(InvalidCluster::Weight)?))) {
            Ok((role, weight)) => drop(self.spec.master_options.weights.insert(role, weight)),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Makes the allocator of each master.
    #[must_use]
    pub fn allocator(mut self, make: impl Fn() -> Box<dyn Allocator> + Send + Sync + 'static) -> Self {
        self.spec.allocator = Arc::new(make);
        self
    }

    /// The hierarchical allocator with these options.
    #[must_use]
    pub fn drf(mut self, options: allocator::Options) -> Self {
        self.drf = options.clone();
        self.allocator(move || Box::new(HierarchicalDrf::new(options.clone())))
    }

    /// Which executors agents can run.
    #[must_use]
    pub fn executors(mut self, executors: ExecutorFactory) -> Self {
        self.spec.executors = executors;
        self
    }

    /// What executors run that are processes of their own.
    #[must_use]
    pub fn programs(mut self, programs: Programs) -> Self {
        self.spec.programs = programs;
        self
    }

    /// So many more agents with these resources, as `cpus:8;mem:16384`. What is reserved to a role from the start is said
    /// with the resource, as in `cpus:6;cpus(web):2;mem:16384`.
    #[must_use]
    pub fn agents(self, count: usize, resources: &str) -> Self {
        self.agents_with(count, resources, "")
    }

    /// So many more agents with these resources and attributes, as `rack:r7`.
    #[must_use]
    pub fn agents_with(mut self, count: usize, resources: &str, attributes: &str) -> Self {
        let resources = resources.parse::<Resources>().map_err(InvalidCluster::from);
        let attributes = attributes.parse::<Attributes>().map_err(InvalidCluster::from);
        match resources.and_then(|resources| Ok((resources, attributes?))) {
            Ok((resources, attributes)) => {
                let mut options = agent::Options::default();
                // Executors that are processes of their own are told where their agent listens; a live one says so itself.
                options.endpoint = Some("localhost:5051".into());
                let options = Arc::new(options);
                for _ in 0..count {
                    let hostname = format!("agent-{}", self.spec.agents.len());
                    let mut info = AgentInfo::new(hostname, resources.clone());
                    info.attributes = attributes.clone();
                    self.spec.agents.push(AgentSpec { info, options: options.clone() });
                }
            }
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// A framework of this name, which is also its role, whose work ends some day.
    #[must_use]
    pub fn framework(mut self, name: &str, scheduler: impl Fn() -> Box<dyn Scheduler> + Send + Sync + 'static) -> Self {
        match Role::new(name) {
            Ok(role) => self.framework_as(FrameworkInfo::new(name, role), scheduler),
            Err(problem) => {
                self.problem = self.problem.or_else(|| Some(problem.into()));
                self
            }
        }
    }

    /// A framework described in full, whose work ends some day.
    #[must_use]
    pub fn framework_as(
        mut self,
        info: FrameworkInfo,
        scheduler: impl Fn() -> Box<dyn Scheduler> + Send + Sync + 'static,
    ) -> Self {
        self.spec.frameworks.push(FrameworkSpec {
            info,
            options: driver::Options::default(),
            scheduler: Arc::new(scheduler),
            is_finite: true,
            starts_after: Duration::ZERO,
        });
        self
    }

    /// A framework that serves for ever: runs do not wait for its end.
    #[must_use]
    pub fn service(self, name: &str, scheduler: impl Fn() -> Box<dyn Scheduler> + Send + Sync + 'static) -> Self {
        self.framework(name, scheduler).serving()
    }

    /// The framework described last serves for ever.
    #[must_use]
    pub fn serving(mut self) -> Self {
        if let Some(framework) = self.spec.frameworks.last_mut() {
            framework.is_finite = false;
        }
        self
    }

    /// The framework described last starts only after this time.
    #[must_use]
    pub fn starts_after(mut self, after: Duration) -> Self {
        if let Some(framework) = self.spec.frameworks.last_mut() {
            framework.starts_after = after;
        }
        self
    }

    /// Something goes wrong at this time.
    #[must_use]
    pub fn fault_at(mut self, at: Duration, action: Action) -> Self {
        let ends_at = at + lasts(&action);
        self.conditions.faults.until = self.conditions.faults.until.max(ends_at + Duration::from_millis(1));
        self.conditions.faults.plan.push((at, action));
        self
    }

    /// The leading master's process ends at this time and is back ten seconds later.
    #[must_use]
    pub fn crash_leader_at(self, at: Duration) -> Self {
        let crash = Action::Crash {
            target: Target::Leader,
            kind: CrashKind::Process,
            down_for: secs(10),
            disk: DiskFate::Kept,
        };
        self.fault_at(at, crash)
    }

    /// A framework's process ends at this time and is back a second later.
    #[must_use]
    pub fn crash_framework_at(self, at: Duration, framework: u32) -> Self {
        self.crash_node_at(at, NodeId::Framework(framework), CrashKind::Process, secs(1))
    }

    /// An agent's process ends at this time, its containers run on, and it is back two seconds later.
    #[must_use]
    pub fn crash_agent_at(self, at: Duration, agent: u32) -> Self {
        self.crash_node_at(at, NodeId::Agent(agent), CrashKind::Process, secs(2))
    }

    /// A node goes down at this time.
    #[must_use]
    pub fn crash_node_at(self, at: Duration, node: NodeId, kind: CrashKind, down_for: Duration) -> Self {
        self.fault_at(at, Action::Crash { target: Target::Node(node), kind, down_for, disk: DiskFate::Kept })
    }

    /// Cuts agents off from all masters: `partition_at(secs(10)..secs(20), 0..100)`.
    #[must_use]
    pub fn partition_at(mut self, during: Range<Duration>, agents: Range<u32>) -> Self {
        let count = self.spec.agents.len();
        if agents.end as usize > count {
            let problem = InvalidCluster::NoSuchAgents { from: agents.start, to: agents.end, count };
            self.problem = self.problem.or(Some(problem));
        }
        let cut = Cut {
            from: Group::new(agents.map(NodeId::Agent)),
            to: Group::new((0..self.spec.masters).map(NodeId::Master)),
            is_both_ways: true,
            mode: CutMode::Drop,
        };
        let lasts = during.end.saturating_sub(during.start);
        self.fault_at(during.start, Action::Partition { cut, lasts })
    }

    /// Of a million messages so many are lost, from the start until this time.
    #[must_use]
    pub fn loss(self, ppm: u32, until: Duration) -> Self {
        self.fault_at(Duration::ZERO, Action::Loss { ppm, lasts: until })
    }

    /// Something keeps going wrong until this time.
    #[must_use]
    pub fn nemesis(mut self, nemesis: impl Nemesis + 'static, until: Duration) -> Self {
        self.conditions.faults.nemeses.push(Arc::new(nemesis));
        self.conditions.faults.until = self.conditions.faults.until.max(until);
        self
    }

    /// These properties are checked at every step.
    #[must_use]
    pub fn checks(mut self, make: impl Fn() -> Vec<Box<dyn Check>> + Send + Sync + 'static) -> Self {
        self.checks = Some(Arc::new(make));
        self
    }

    /// Masters publish what changes in their books.
    #[must_use]
    pub const fn publishing(mut self) -> Self {
        self.spec.master_options.publishes = true;
        self
    }

    /// All properties are checked at every step.
    #[must_use]
    pub fn checked(self) -> Self {
        self.checks(crate::check::all)
    }

    /// A brief line per step is kept.
    #[must_use]
    pub const fn traced(mut self) -> Self {
        self.is_traced = true;
        self
    }

    /// Plants a defect in every machine described so far that knows it, and in the hierarchical allocator.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn mutant(mut self, mutant: mesos_core::kernel::Mutant) -> Self {
        self.conditions.mutant = Some(mutant);
        self.spec.master_options.mutant = Some(mutant);
        for agent in &mut self.spec.agents {
            Arc::make_mut(&mut agent.options).mutant = Some(mutant);
        }
        for framework in &mut self.spec.frameworks {
            framework.options.mutant = Some(mutant);
        }
        let mut drf = self.drf.clone();
        drf.mutant = Some(mutant);
        self.drf(drf)
    }

    /// The description, if it can be.
    pub(crate) fn checked_spec(&self) -> Result<&ClusterSpec, InvalidCluster> {
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None if self.spec.masters == 0 => Err(InvalidCluster::NoMaster),
            None => Ok(&self.spec),
        }
    }

    /// Builds it in virtual time. The same description and seed give the same run, to the byte.
    ///
    /// # Errors
    /// [`InvalidCluster`] names the first thing in the description that cannot be.
    pub fn simulate(&self, seed: u64) -> Result<Simulation, InvalidCluster> {
        let trace = self.is_traced.then(|| Trace::text(crate::record::Detail::Brief));
        self.simulate_into(seed, trace)
    }

    /// As [`simulate`](Self::simulate), with this trace.
    ///
    /// # Errors
    /// As [`simulate`](Self::simulate).
    pub fn simulate_into(&self, seed: u64, trace: Option<Trace>) -> Result<Simulation, InvalidCluster> {
        self.checked_spec()?;
        let checks = self.checks.as_ref().map(|make| make()).unwrap_or_default();
        let world = World::new(Arc::new(self.spec.clone()), Arc::new(self.conditions.clone()), seed);
        Ok(Simulation::new(world, Watch::new(checks, trace)))
    }
}

/// For how long a fault lasts; nothing if it happens at once.
pub(crate) const fn lasts(action: &Action) -> Duration {
    match action {
        Action::Crash { down_for: lasts, .. }
        | Action::Trip { down_for: lasts, .. }
        | Action::Earlier { lasts, .. }
        | Action::DiskFull { lasts, .. }
        | Action::DiskSlow { lasts, .. }
        | Action::Partition { lasts, .. }
        | Action::Clog { lasts, .. }
        | Action::Loss { lasts, .. }
        | Action::Duplicate { lasts, .. }
        | Action::Pause { lasts, .. }
        | Action::Store { lasts, .. }
        | Action::Containers { lasts, .. } => *lasts,
        Action::Executors { trouble, .. } => trouble.lasts(),
        Action::Reset { .. }
        | Action::Flap
        | Action::Kill { .. }
        | Action::Drift { .. }
        | Action::WallJump { .. }
        | Action::Operator(_) => Duration::ZERO,
    }
}
