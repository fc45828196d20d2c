//! What is left of a run, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::failure::Origin;
use crate::fault::{Action, OperatorAction, Target};
use crate::net::{Clog, Cut, Group};
use crate::node::NodeId;

/// A small run that can be kept in a file: a seed of the swarm, and what is left of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The seed.
    pub seed: u64,
    /// The defect that was planted, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    /// What is left.
    #[serde(default)]
    pub left: Reduction,
}

/// A fault and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Counted from the start.
    pub after: Duration,
    /// What goes wrong. Names nodes of the whole cluster, also of those that were left out.
    pub action: Action,
}

/// What is left of a cluster and its faults; what is not said stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reduction {
    /// Instead of nemeses: exactly these faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<Planned>>,
    /// Only nemeses of these names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// Faults are over at this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
    /// So many masters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masters: Option<u32>,
    /// Only these agents; they are numbered anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<u32>>,
    /// Only these frameworks; they are numbered anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frameworks: Option<Vec<u32>>,
    /// No framework of the swarm has more pieces of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pieces_max: Option<u32>,
}

impl Reduction {
    /// The cluster with what is left. Of whatever kind it is: only the pieces of work are the business of who draws them.
    #[must_use]
    pub fn apply(&self, mut cluster: Cluster) -> Cluster {
        let masters = self.masters.unwrap_or_else(|| cluster.spec().masters);
        cluster.spec_mut().masters = masters;
        let faults = &mut cluster.conditions_mut().faults;
        if let Some(kinds) = &self.kinds {
            faults.nemeses.retain(|nemesis| kinds.iter().any(|kind| kind == nemesis.name()));
        }
        if let Some(plan) = &self.plan {
            faults.nemeses.clear();
            faults.plan = plan
                .iter()
                .filter_map(|planned| Some((planned.after, self.renumbered(&planned.action, masters)?)))
                .collect();
        }
        faults.until = self.until.unwrap_or(faults.until);
        let spec = cluster.spec_mut();
        if let Some(kept) = &self.agents {
            spec.agents = kept.iter().filter_map(|index| spec.agents.get(*index as usize).cloned()).collect();
        }
        if let Some(kept) = &self.frameworks {
            spec.frameworks = kept.iter().filter_map(|index| spec.frameworks.get(*index as usize).cloned()).collect();
        }
        cluster
    }

    /// A fault among those who are left; nothing if nobody is left it could hit.
    fn renumbered(&self, action: &Action, masters: u32) -> Option<Action> {
        let mut action = action.clone();
        let group = |group: &Group| {
            Some(Group::new(group.iter().filter_map(|node| self.node(node, masters)))).filter(|group| !group.is_empty())
        };
        match &mut action {
            Action::Crash { target, .. }
            | Action::Trip { target, .. }
            | Action::Earlier { target, .. }
            | Action::Pause { target, .. }
            | Action::DiskFull { target, .. }
            | Action::DiskSlow { target, .. }
            | Action::Drift { target, .. }
            | Action::WallJump { target, .. } => {
                if let Target::Node(node) = target {
                    *node = self.node(*node, masters)?;
                }
            }
            Action::Partition { cut, .. } => {
                *cut = Cut { from: group(&cut.from)?, to: group(&cut.to)?, ..cut.clone() };
            }
            Action::Clog { clog, .. } => *clog = Clog { group: group(&clog.group)?, ..clog.clone() },
            Action::Kill { agent, .. } | Action::Executors { agent, .. } => *agent = self.agent(*agent)?,
            Action::Operator(operator) => self.renumber_operator(operator)?,
            Action::Loss { .. }
            | Action::Duplicate { .. }
            | Action::Reset { .. }
            | Action::Store { .. }
            | Action::Flap
            | Action::Containers { .. } => {}
        }
        Some(action)
    }

    fn renumber_operator(&self, action: &mut OperatorAction) -> Option<()> {
        match action {
            OperatorAction::MarkGone { agent }
            | OperatorAction::Reserve { agent, .. }
            | OperatorAction::Unreserve { agent, .. }
            | OperatorAction::CreateVolumes { agent, .. }
            | OperatorAction::DestroyVolumes { agent, .. }
            | OperatorAction::GrowVolume { agent, .. }
            | OperatorAction::ShrinkVolume { agent, .. }
            | OperatorAction::Drain { agent, .. }
            | OperatorAction::Deactivate { agent }
            | OperatorAction::Reactivate { agent } => *agent = self.agent(*agent)?,
            OperatorAction::Teardown { framework } => *framework = place(self.frameworks.as_ref(), *framework)?,
            OperatorAction::Schedule { agents }
            | OperatorAction::StartMaintenance { agents }
            | OperatorAction::StopMaintenance { agents }
            | OperatorAction::Whitelist { agents: Some(agents) } => {
                *agents = agents.iter().filter_map(|agent| self.agent(*agent)).collect();
            }
            OperatorAction::Whitelist { agents: None }
            | OperatorAction::SetWeight { .. }
            | OperatorAction::SetQuota { .. } => {}
        }
        Some(())
    }

    fn node(&self, node: NodeId, masters: u32) -> Option<NodeId> {
        match node {
            NodeId::Quorum | NodeId::Operator => Some(node),
            NodeId::Master(index) => (index < masters).then_some(node),
            NodeId::Framework(index) => place(self.frameworks.as_ref(), index).map(NodeId::Framework),
            NodeId::Agent(index) => self.agent(index).map(NodeId::Agent),
            // Which executors there are comes out in the run.
            NodeId::Executor(_) => None,
        }
    }

    fn agent(&self, index: u32) -> Option<u32> {
        place(self.agents.as_ref(), index)
    }

    /// The fault of this index lasts half as long.
    pub(super) fn shorten(&mut self, index: usize) {
        let Some(planned) = self.plan.as_mut().and_then(|plan| plan.get_mut(index)) else { return };
        let lasts = match &mut planned.action {
            Action::Crash { down_for: lasts, .. }
            | Action::Trip { down_for: lasts, .. }
            | Action::Earlier { lasts, .. }
            | Action::Partition { lasts, .. }
            | Action::Clog { lasts, .. }
            | Action::Loss { lasts, .. }
            | Action::Duplicate { lasts, .. }
            | Action::Pause { lasts, .. }
            | Action::DiskFull { lasts, .. }
            | Action::DiskSlow { lasts, .. }
            | Action::Store { lasts, .. }
            | Action::Containers { lasts, .. } => lasts,
            Action::Executors { trouble, .. } => match trouble.lasts_mut() {
                Some(lasts) => lasts,
                None => return,
            },
            Action::Reset { .. }
            | Action::Flap
            | Action::Kill { .. }
            | Action::Drift { .. }
            | Action::WallJump { .. }
            | Action::Operator(_) => return,
        };
        if *lasts > Duration::from_millis(10) {
            *lasts = Duration::from_millis(u64::try_from(lasts.as_millis() / 2).unwrap_or(u64::MAX));
        }
    }

    /// The fault of this index comes at a whole second.
    pub(super) fn round_time(&mut self, index: usize) {
        if let Some(planned) = self.plan.as_mut().and_then(|plan| plan.get_mut(index)) {
            planned.after = Duration::from_secs(planned.after.as_secs());
        }
    }
}

fn place(kept: Option<&Vec<u32>>, index: u32) -> Option<u32> {
    match kept {
        None => Some(index),
        Some(kept) => kept.iter().position(|own| *own == index).and_then(|at| u32::try_from(at).ok()),
    }
}

impl Case {
    /// The cluster of the case, with all checks. The planted defect is planted, too, where that can be.
    ///
    /// # Errors
    /// When the case names a defect that this program cannot plant.
    pub fn cluster(&self) -> Result<Cluster, String> {
        let whole = Cluster::swarm_of(self.seed, self.left.pieces_max);
        let origin = if self.left == Reduction::default() { Origin::Swarm } else { Origin::Described };
        let cluster = self.left.apply(whole).checked().coming_from(origin);
        let Some(name) = &self.mutant else { return Ok(cluster) };
        plant(cluster, name)
    }
}

#[cfg(feature = "mutants")]
fn plant(cluster: Cluster, name: &str) -> Result<Cluster, String> {
    use mesos_core::kernel::Mutant;
    let found = Mutant::ALL.iter().find(|mutant| format!("{mutant:?}").eq_ignore_ascii_case(name));
    found.map(|mutant| cluster.mutant(*mutant)).ok_or_else(|| format!("there is no planted defect {name:?}"))
}

#[cfg(not(feature = "mutants"))]
fn plant(_cluster: Cluster, name: &str) -> Result<Cluster, String> {
    Err(format!("the defect {name:?} can only be planted by a build with the feature mutants"))
}
