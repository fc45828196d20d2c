//! The properties a run is watched for: one per file, each seen to fail by a planted defect.
//!
//! A check sees every step after the machine took it and before its effects are performed, together with the whole
//! [`World`]: the machines that are up, what the registry really holds, which containers really run. It keeps books of its
//! own and says what does not add up. It never changes anything, so a run is the same with and without checks.
//!
//! Checks are not the place to *drive* anything; what happens in a run is decided by its seed.

pub mod agent_recovery;
pub mod blast_radius;
pub mod conservation;
pub mod cost;
pub mod duty;
pub mod final_word;
pub mod framework_kept;
mod inbox;
pub mod kill_in_time;
pub mod memory;
pub mod no_double_offer;
pub mod no_duplicate_run;
pub mod no_lost_task;
pub mod offer_role;
pub mod one_leader;
pub mod published;
pub mod quota;
pub mod registry_truth;
pub mod settled;
pub mod starvation;
pub mod task_lifecycle;
pub mod true_end;
pub mod update_order;
pub mod vocabulary;

pub use agent_recovery::AgentRecovery;
pub use blast_radius::BlastRadius;
pub use conservation::Conservation;
pub use cost::Cost;
pub use duty::DutyKept;
pub use final_word::FinalWord;
pub use framework_kept::FrameworkKept;
pub use kill_in_time::KillInTime;
pub use memory::Memory;
pub use no_double_offer::NoDoubleOffer;
pub use no_duplicate_run::NoDuplicateRun;
pub use no_lost_task::NoLostTask;
pub use offer_role::OfferRole;
pub use one_leader::OneLeader;
pub use published::Published;
pub use quota::QuotaLimit;
pub use registry_truth::RegistryTruth;
pub use settled::Settled;
pub use starvation::Starvation;
pub use task_lifecycle::TaskLifecycle;
pub use true_end::TrueEnd;
pub use update_order::UpdateOrder;
pub use vocabulary::Vocabulary;

pub(crate) use settled::leftover;

use mesos_core::Now;
use mesos_exec::agent::{self, Agent};
use mesos_sched::driver::{self, Driver};
use mesos_sched::master::{self, Master};

use crate::node::NodeId;
use crate::world::World;

/// What took a step.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stepped<'a> {
    /// A master handled an input, or ticked.
    Master {
        /// Which.
        node: NodeId,
        /// Its state after the step.
        machine: &'a Master,
        /// What it was told; `None` is a tick.
        input: Option<&'a master::Input>,
        /// What it asks for.
        effects: &'a [master::Effect],
    },
    /// An agent handled an input, or ticked.
    Agent {
        /// Which.
        node: NodeId,
        /// Its state after the step.
        machine: &'a Agent,
        /// What it was told; `None` is a tick.
        input: Option<&'a agent::Input>,
        /// What it asks for.
        effects: &'a [agent::Effect],
    },
    /// A framework's driver handled an input, or ticked.
    Framework {
        /// Which.
        node: NodeId,
        /// Its state after the step.
        machine: &'a Driver,
        /// What it was told; `None` is a tick.
        input: Option<&'a driver::Input>,
        /// What it asks for.
        effects: &'a [driver::Effect],
    },
    /// The driver of an executor that is a process of its own handled an input, or ticked.
    Executor {
        /// Which.
        node: NodeId,
        /// Its state after the step.
        machine: &'a mesos_exec::driver::Driver,
        /// What it was told; `None` is a tick.
        input: Option<&'a mesos_exec::driver::Input>,
        /// What it asks for.
        effects: &'a [mesos_exec::driver::Effect],
    },
    /// A process ended: by a fault, or because its machine asked for it. Its state is gone, its disk is not.
    Crashed {
        /// Which.
        node: NodeId,
    },
    /// A process started again, with a fresh machine that has not been told anything.
    Restarted {
        /// Which.
        node: NodeId,
    },
}

/// One step, as a check sees it.
#[derive(Debug)]
pub struct Step<'a> {
    /// When.
    pub now: Now,
    /// Who did what.
    pub stepped: Stepped<'a>,
    /// Everything there is, after the step and before its effects are performed.
    pub world: &'a World,
}

/// One property.
///
/// The text of an error is shown to people beside the name, the seed and the time: it says what was seen and what would
/// have been right.
pub trait Check: Send {
    /// The property's name: that of its file.
    fn name(&self) -> &'static str;

    /// Looks at one step.
    ///
    /// # Errors
    /// When the property is broken.
    fn step(&mut self, step: &Step<'_>) -> Result<(), String>;

    /// Looks at the end: faults are over and the world has settled. Not called for runs that end before.
    ///
    /// # Errors
    /// When the property is broken.
    fn settled(&mut self, _world: &World) -> Result<(), String> {
        Ok(())
    }
}

/// All properties, each with fresh books.
#[must_use]
pub fn all() -> Vec<Box<dyn Check>> {
    vec![
        Box::new(AgentRecovery),
        Box::new(BlastRadius),
        Box::new(Conservation::default()),
        Box::new(Cost::default()),
        Box::new(DutyKept),
        Box::new(FinalWord::default()),
        Box::new(FrameworkKept::default()),
        Box::new(KillInTime::default()),
        Box::new(Memory),
        Box::new(NoDoubleOffer),
        Box::new(NoDuplicateRun::default()),
        Box::new(NoLostTask::default()),
        Box::new(OfferRole::default()),
        Box::new(OneLeader::default()),
        Box::new(Published::default()),
        Box::new(QuotaLimit),
        Box::new(RegistryTruth),
        Box::new(Settled),
        Box::new(Starvation::default()),
        Box::new(TaskLifecycle::default()),
        Box::new(TrueEnd::default()),
        Box::new(UpdateOrder::default()),
        Box::new(Vocabulary),
    ]
}
