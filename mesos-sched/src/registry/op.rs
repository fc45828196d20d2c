//! The changes the registry accepts, one pure step each.
//!
//! An op either holds as a whole or is refused and changes nothing, and one refusal concerns no other op. Asking for what
//! holds already is no mistake: it changes nothing and is answered like the first time, because a caller who did not hear
//! the answer asks again. The exceptions are a contradiction (an id that is admitted cannot be admitted as something else)
//! and maintenance, as in Mesos: only what drains is taken down, and only what is down is taken up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::kernel::Change;
use mesos_core::maintenance::{MachineId, MaintenanceSchedule};
use mesos_core::{AgentId, AgentInfo, MasterId, Quota, Rejection, RejectionCode, Role, WallTime, Weight};

use super::record::Edit;
use super::{
    Admitted, BATCH_CHANGES_MAX, Drain, Duty, Gone, Registry, Standing, Unreachable, duty, maintenance, quota,
};

/// Most roles one [`Op::SetWeights`] may name: it is written in one batch.
pub const WEIGHTS_PER_OP_MAX: usize = BATCH_CHANGES_MAX;

/// Most records one [`Op::Prune`] drops: it is written in one batch. The rest falls to the next one.
pub const PRUNED_PER_OP_MAX: usize = BATCH_CHANGES_MAX;

/// Most roles with a weight of their own; weights are kept for ever, so their number needs a bound. Ten times as many
/// roles as the largest Mesos clusters report.
pub const WEIGHTED_ROLES_MAX: usize = 10_000;

pub use mesos_core::role::ROLE_BYTES_MAX;

/// A change of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// A new leader's first act. Always written, even if nothing changes: the write shows that no newer leader fenced it
    /// off.
    Lead {
        /// Who leads.
        master: MasterId,
    },
    /// A new agent joins the cluster.
    AdmitAgent {
        /// Its id, given by this master.
        id: AgentId,
        /// Its description.
        info: Arc<AgentInfo>,
    },
    /// An admitted agent describes itself anew.
    UpdateAgent {
        /// Which.
        id: AgentId,
        /// The new description.
        info: Arc<AgentInfo>,
    },
    /// An admitted agent is lost.
    MarkUnreachable {
        /// Which.
        id: AgentId,
        /// When it was given up.
        since_wall: WallTime,
    },
    /// A lost agent is back. An id the registry does not know is admitted too: its record may have been pruned, and its
    /// tasks still run.
    MarkReachable {
        /// Which.
        id: AgentId,
        /// Its description.
        info: Arc<AgentInfo>,
    },
    /// An agent left for good in an orderly way; nothing about it is worth keeping, unless it was marked gone.
    RemoveAgent {
        /// Which.
        id: AgentId,
    },
    /// An operator says that an agent will never come back.
    MarkGone {
        /// Which.
        id: AgentId,
        /// When that was said.
        at_wall: WallTime,
    },
    /// Sets how much roles count; others keep theirs. [`Weight::ONE`] needs no record.
    SetWeights(BTreeMap<Role, Weight>),
    /// Sets what roles are promised and allowed; others keep theirs. A quota that does neither needs no record.
    SetQuotas(BTreeMap<Role, Quota>),
    /// An agent is not offered any more and its tasks end.
    DrainAgent {
        /// Which.
        id: AgentId,
        /// How.
        drain: Drain,
    },
    /// A draining agent's tasks have all ended.
    MarkDrained {
        /// Which.
        id: AgentId,
    },
    /// An agent is not offered any more.
    DeactivateAgent {
        /// Which.
        id: AgentId,
    },
    /// An agent that is not draining is offered again.
    ReactivateAgent {
        /// Which.
        id: AgentId,
    },
    /// Replaces the maintenance schedule. Changes at most [`MACHINES_PER_OP_MAX`](super::MACHINES_PER_OP_MAX) machines.
    SetSchedule(MaintenanceSchedule),
    /// Machines of the schedule are down.
    StartMaintenance(BTreeSet<MachineId>),
    /// Machines that were down are up, and not in the schedule any more.
    StopMaintenance(BTreeSet<MachineId>),
    /// Only agents on these hosts are offered; nothing said means all.
    SetWhitelist(Option<BTreeSet<Arc<str>>>),
    /// Forgets lost agents and gone ones, each by age and by number. Drops at most [`PRUNED_PER_OP_MAX`] records, the
    /// oldest of each kind first.
    Prune {
        /// Marked before this time.
        before_wall: WallTime,
        /// How many of each kind may stay.
        count_max: usize,
    },
}

impl Op {
    /// Its name, for messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Lead { .. } => "LEAD",
            Self::AdmitAgent { .. } => "ADMIT_AGENT",
            Self::UpdateAgent { .. } => "UPDATE_AGENT",
            Self::MarkUnreachable { .. } => "MARK_UNREACHABLE",
            Self::MarkReachable { .. } => "MARK_REACHABLE",
            Self::RemoveAgent { .. } => "REMOVE_AGENT",
            Self::MarkGone { .. } => "MARK_GONE",
            Self::SetWeights(_) => "SET_WEIGHTS",
            Self::SetQuotas(_) => "SET_QUOTAS",
            Self::DrainAgent { .. } => "DRAIN_AGENT",
            Self::MarkDrained { .. } => "MARK_DRAINED",
            Self::DeactivateAgent { .. } => "DEACTIVATE_AGENT",
            Self::ReactivateAgent { .. } => "REACTIVATE_AGENT",
            Self::SetSchedule(_) => "SET_SCHEDULE",
            Self::StartMaintenance(_) => "START_MAINTENANCE",
            Self::StopMaintenance(_) => "STOP_MAINTENANCE",
            Self::SetWhitelist(_) => "SET_WHITELIST",
            Self::Prune { .. } => "PRUNE",
        }
    }

    /// Changes `registry` and says what to write to make the same true in a store. No changes means that it held already.
    ///
    /// # Errors
    /// [`Rejection`], and nothing changes.
    pub fn apply(&self, registry: &mut Registry) -> Result<Vec<Change>, Rejection> {
        let edits = self.plan(registry)?;
        let changes = edits.iter().map(Edit::encode).collect();
        for edit in edits {
            registry.edit(edit);
        }
        Ok(changes)
    }

    /// Whether it holds in `registry` already, so that there is nothing to write. Who waits for the answer of an op
    /// submits it even so.
    #[must_use]
    pub fn holds(&self, registry: &Registry) -> bool {
        self.plan(registry).is_ok_and(|edits| edits.is_empty())
    }

    /// The edits that make this op true.
    pub(super) fn plan(&self, registry: &Registry) -> Result<Vec<Edit>, Rejection> {
        match self {
            Self::Lead { master } => Ok(vec![Edit::Leader(master.clone())]),
            Self::AdmitAgent { id, info } => admit(registry, id, info),
            Self::UpdateAgent { id, info } => update(registry, id, info),
            Self::MarkUnreachable { id, since_wall } => mark_unreachable(registry, id, *since_wall),
            Self::MarkReachable { id, info } => mark_reachable(registry, id, info),
            Self::RemoveAgent { id } => Ok(remove(registry, id)),
            Self::MarkGone { id, at_wall } => mark_gone(registry, id, *at_wall),
            Self::SetWeights(weights) => set_weights(registry, weights),
            Self::SetQuotas(quotas) => quota::set(registry, quotas),
            Self::DrainAgent { id, drain } => duty::drain(registry, id, *drain),
            Self::MarkDrained { id } => duty::mark_drained(registry, id),
            Self::DeactivateAgent { id } => duty::deactivate(registry, id),
            Self::ReactivateAgent { id } => duty::reactivate(registry, id),
            Self::SetSchedule(schedule) => maintenance::set_schedule(registry, schedule),
            Self::StartMaintenance(machines) => maintenance::start(registry, machines),
            Self::StopMaintenance(machines) => maintenance::stop(registry, machines),
            Self::SetWhitelist(hostnames) => maintenance::set_whitelist(registry, hostnames.as_ref()),
            Self::Prune { before_wall, count_max } => Ok(prune(registry, *before_wall, *count_max)),
        }
    }
}

fn admitted(id: &AgentId, info: &Arc<AgentInfo>, duty: Duty) -> Edit {
    Edit::Admitted(id.clone(), Some(Admitted { info: info.clone(), duty }))
}

fn admit(registry: &Registry, id: &AgentId, info: &Arc<AgentInfo>) -> Result<Vec<Edit>, Rejection> {
    match registry.standing(id) {
        None => Ok(vec![admitted(id, info, Duty::Serving)]),
        Some(Standing::Admitted(known)) if known.info == *info => Ok(Vec::new()),
        Some(Standing::Admitted(_)) => Err(two_agents(id)),
        Some(Standing::Unreachable(_)) => Err(Rejection::new(
            RejectionCode::InvalidAgent,
            format!("agent id {id} belongs to an agent that was lost"),
            "give a new agent a new id; a lost one reregisters",
        )),
        Some(Standing::Gone(_)) => Err(is_gone(id)),
    }
}

fn update(registry: &Registry, id: &AgentId, info: &Arc<AgentInfo>) -> Result<Vec<Edit>, Rejection> {
    match registry.standing(id) {
        Some(Standing::Admitted(known)) if known.info == *info => Ok(Vec::new()),
        Some(Standing::Admitted(known)) => Ok(vec![admitted(id, info, known.duty)]),
        Some(Standing::Gone(_)) => Err(is_gone(id)),
        Some(Standing::Unreachable(_)) | None => Err(is_not_admitted(id)),
    }
}

fn mark_unreachable(registry: &Registry, id: &AgentId, since_wall: WallTime) -> Result<Vec<Edit>, Rejection> {
    match registry.standing(id) {
        Some(Standing::Admitted(known)) => {
            let unreachable = Unreachable { since_wall, duty: known.duty, principal: known.info.principal.clone() };
            Ok(vec![Edit::Admitted(id.clone(), None), Edit::Unreachable(id.clone(), Some(unreachable))])
        }
        // The first time stands: it is what frameworks were told.
        Some(Standing::Unreachable(_)) => Ok(Vec::new()),
        Some(Standing::Gone(_)) => Err(is_gone(id)),
        None => Err(is_not_admitted(id)),
    }
}

fn mark_reachable(registry: &Registry, id: &AgentId, info: &Arc<AgentInfo>) -> Result<Vec<Edit>, Rejection> {
    match registry.standing(id) {
        Some(Standing::Unreachable(known)) => {
            Ok(vec![Edit::Unreachable(id.clone(), None), admitted(id, info, known.duty)])
        }
        None => Ok(vec![admitted(id, info, Duty::Serving)]),
        Some(Standing::Admitted(known)) if known.info == *info => Ok(Vec::new()),
        Some(Standing::Admitted(_)) => Err(two_agents(id)),
        Some(Standing::Gone(_)) => Err(is_gone(id)),
    }
}

fn remove(registry: &Registry, id: &AgentId) -> Vec<Edit> {
    match registry.standing(id) {
        Some(Standing::Admitted(_)) => vec![Edit::Admitted(id.clone(), None)],
        Some(Standing::Unreachable(_)) => vec![Edit::Unreachable(id.clone(), None)],
        Some(Standing::Gone(_)) | None => Vec::new(),
    }
}

fn mark_gone(registry: &Registry, id: &AgentId, since_wall: WallTime) -> Result<Vec<Edit>, Rejection> {
    let gone = Edit::Gone(id.clone(), Some(Gone { since_wall }));
    match registry.standing(id) {
        Some(Standing::Admitted(_)) => Ok(vec![Edit::Admitted(id.clone(), None), gone]),
        Some(Standing::Unreachable(_)) => Ok(vec![Edit::Unreachable(id.clone(), None), gone]),
        Some(Standing::Gone(_)) => Ok(Vec::new()),
        None => Err(Rejection::new(
            RejectionCode::UnknownAgent,
            format!("agent {id} is not in the registry"),
            "name an agent that is admitted or unreachable",
        )),
    }
}

fn set_weights(registry: &Registry, weights: &BTreeMap<Role, Weight>) -> Result<Vec<Edit>, Rejection> {
    if weights.len() > WEIGHTS_PER_OP_MAX {
        let what = format!("the call sets the weights of {} roles", weights.len());
        return Err(Rejection::new(
            RejectionCode::TooMany,
            what,
            format!("set at most {WEIGHTS_PER_OP_MAX} in one call"),
        ));
    }
    let is_news =
        |(role, weight): &(&Role, &Weight)| registry.weights.get(*role).copied().unwrap_or_default() != **weight;
    let edits: Vec<Edit> = weights
        .iter()
        .filter(is_news)
        .map(|(role, weight)| Edit::Weight(role.clone(), (*weight != Weight::ONE).then_some(*weight)))
        .collect();
    let added =
        edits.iter().filter(|edit| matches!(edit, Edit::Weight(role, _) if !registry.weights.contains_key(role)));
    let dropped = edits.iter().filter(|edit| matches!(edit, Edit::Weight(_, None)));
    if registry.weights.len() + added.count() > WEIGHTED_ROLES_MAX + dropped.count() {
        let what = format!("{} roles have a weight of their own already", registry.weights.len());
        return Err(Rejection::new(RejectionCode::TooMany, what, "set some of them back to 1 first"));
    }
    Ok(edits)
}

fn prune(registry: &Registry, before_wall: WallTime, count_max: usize) -> Vec<Edit> {
    let unreachable = registry.unreachable.iter().map(|(id, agent)| (agent.since_wall, id));
    let gone = registry.gone.iter().map(|(id, agent)| (agent.since_wall, id));
    let mut edits: Vec<Edit> = Vec::new();
    edits.extend(overdue(unreachable, before_wall, count_max).map(|id| Edit::Unreachable(id, None)));
    edits.extend(overdue(gone, before_wall, count_max).map(|id| Edit::Gone(id, None)));
    edits.truncate(PRUNED_PER_OP_MAX);
    edits
}

/// The marks that are too old or too many, oldest first.
fn overdue<'a>(
    marks: impl Iterator<Item = (WallTime, &'a AgentId)>,
    before_wall: WallTime,
    count_max: usize,
) -> impl Iterator<Item = AgentId> {
    let mut marks: Vec<(WallTime, &AgentId)> = marks.collect();
    marks.sort_unstable();
    let surplus = marks.len().saturating_sub(count_max);
    let is_overdue = move |index: usize, at: WallTime| index < surplus || at < before_wall;
    let overdue = marks.into_iter().enumerate().take_while(move |(index, (at, _))| is_overdue(*index, *at));
    overdue.map(|(_, (_, id))| id.clone())
}

fn two_agents(id: &AgentId) -> Rejection {
    let what = format!("agent {id} is already admitted with another description");
    Rejection::new(RejectionCode::InvalidAgent, what, "one id is one agent; an admitted agent's description is updated")
}

pub(super) fn is_not_admitted(id: &AgentId) -> Rejection {
    Rejection::new(RejectionCode::UnknownAgent, format!("agent {id} is not admitted"), "name an agent of this cluster")
}

pub(super) fn is_gone(id: &AgentId) -> Rejection {
    let what = format!("agent {id} was marked gone");
    Rejection::new(RejectionCode::AgentGone, what, "start the agent afresh, without its old id")
}

#[cfg(test)]
mod tests {
    use mesos_core::Resources;

    use super::*;

    fn id(text: &str) -> AgentId {
        AgentId::new(text).unwrap()
    }

    fn info(hostname: &str) -> Arc<AgentInfo> {
        AgentInfo::new(hostname, Resources::new()).into()
    }

    fn at(nanos: u64) -> WallTime {
        WallTime::from_nanos(nanos)
    }

    /// One admitted agent, one lost, one gone.
    fn one_of_each() -> Registry {
        let mut registry = Registry::default();
        for name in ["here", "lost", "gone"] {
            Op::AdmitAgent { id: id(name), info: info(name) }.apply(&mut registry).unwrap();
        }
        Op::MarkUnreachable { id: id("lost"), since_wall: at(5) }.apply(&mut registry).unwrap();
        Op::MarkGone { id: id("gone"), at_wall: at(6) }.apply(&mut registry).unwrap();
        registry
    }

    #[test]
    fn what_each_op_does_to_each_standing() {
        use RejectionCode::{AgentGone, InvalidAgent, UnknownAgent};
        type Make = fn(&str) -> Op;
        // Per op, what becomes of an agent that is admitted, lost, gone or unknown: the number of changes, or the refusal.
        let table: [(Make, [Result<usize, RejectionCode>; 4]); 7] = [
            (
                |name| Op::AdmitAgent { id: id(name), info: info(name) },
                [Ok(0), Err(InvalidAgent), Err(AgentGone), Ok(1)],
            ),
            (
                |name| Op::AdmitAgent { id: id(name), info: info("other") },
                [Err(InvalidAgent), Err(InvalidAgent), Err(AgentGone), Ok(1)],
            ),
            (
                |name| Op::UpdateAgent { id: id(name), info: info("other") },
                [Ok(1), Err(UnknownAgent), Err(AgentGone), Err(UnknownAgent)],
            ),
            (
                |name| Op::MarkUnreachable { id: id(name), since_wall: at(9) },
                [Ok(2), Ok(0), Err(AgentGone), Err(UnknownAgent)],
            ),
            (
                |name| Op::MarkReachable { id: id(name), info: info("other") },
                [Err(InvalidAgent), Ok(2), Err(AgentGone), Ok(1)],
            ),
            (|name| Op::RemoveAgent { id: id(name) }, [Ok(1), Ok(1), Ok(0), Ok(0)]),
            (|name| Op::MarkGone { id: id(name), at_wall: at(9) }, [Ok(2), Ok(2), Ok(0), Err(UnknownAgent)]),
        ];
        for (make, expected) in table {
            for (name, expected) in ["here", "lost", "gone", "new"].into_iter().zip(expected) {
                let (op, mut registry) = (make(name), one_of_each());
                let found = op.apply(&mut registry).map(|changes| changes.len()).map_err(|refused| refused.code);
                assert_eq!(found, expected, "{op:?}");
                if expected.is_err() {
                    assert_eq!(registry, one_of_each(), "{op:?} was refused, but left something behind");
                }
            }
        }
    }

    #[test]
    fn the_first_mark_stands() {
        let mut registry = one_of_each();
        Op::MarkUnreachable { id: id("lost"), since_wall: at(99) }.apply(&mut registry).unwrap();
        Op::MarkGone { id: id("gone"), at_wall: at(99) }.apply(&mut registry).unwrap();
        assert_eq!(registry.unreachable()[&id("lost")].since_wall, at(5));
        assert_eq!(registry.gone()[&id("gone")].since_wall, at(6));
    }

    #[test]
    fn pruning_drops_the_old_and_the_oldest_of_the_many() {
        let lost =
            |n: u64| (id(&format!("a{n}")), Unreachable { since_wall: at(n), duty: Duty::Serving, principal: None });
        let registry = || Registry { unreachable: (0..10).map(lost).collect(), ..Registry::default() };
        let left = |before: u64, count_max| {
            let mut registry = registry();
            Op::Prune { before_wall: at(before), count_max }.apply(&mut registry).unwrap();
            registry.unreachable.values().map(|agent| agent.since_wall.as_nanos()).collect::<Vec<_>>()
        };
        assert_eq!(left(0, 10).len(), 10);
        assert_eq!(left(8, 10), [8, 9]);
        assert_eq!(left(0, 3), [7, 8, 9]);
        assert_eq!(left(9, 3), [9]);
    }

    #[test]
    fn pruning_much_takes_several_ops() {
        let gone = |n: u64| (id(&format!("a{n}")), Gone { since_wall: at(n) });
        let mut registry = Registry { gone: (0..300).map(gone).collect(), ..Registry::default() };
        let op = Op::Prune { before_wall: at(1_000), count_max: 0 };
        let counts: Vec<usize> = (0..4).map(|_| op.apply(&mut registry).unwrap().len()).collect();
        assert_eq!(counts, [128, 128, 44, 0]);
    }

    #[test]
    fn weights_are_bounded_and_one_needs_no_record() {
        let role = |n: usize| Role::new(format!("r{n}")).unwrap();
        let two = Weight::new(2.0).unwrap();
        let mut registry = Registry {
            weights: Arc::new((0..WEIGHTED_ROLES_MAX).map(|n| (role(n), two)).collect()),
            ..Registry::default()
        };
        let set =
            |pairs: &[(usize, Weight)]| Op::SetWeights(pairs.iter().map(|(n, weight)| (role(*n), *weight)).collect());
        let extra = WEIGHTED_ROLES_MAX;
        assert_eq!(set(&[(extra, two)]).apply(&mut registry).unwrap_err().code, RejectionCode::TooMany);
        assert_eq!(set(&[(extra, Weight::ONE)]).apply(&mut registry).unwrap(), []);
        assert_eq!(set(&[(extra, two), (3, Weight::ONE)]).apply(&mut registry).unwrap().len(), 2);
        assert_eq!(registry.weights.len(), WEIGHTED_ROLES_MAX);
        assert!(!registry.weights.contains_key(&role(3)));

        let many: Vec<(usize, Weight)> = (0..=WEIGHTS_PER_OP_MAX).map(|n| (n, two)).collect();
        assert_eq!(set(&many).apply(&mut Registry::default()).unwrap_err().code, RejectionCode::TooMany);
    }
}
