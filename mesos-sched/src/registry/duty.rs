//! Whether agents serve: draining, deactivated, and back.
//!
//! An agent's duty outlives its absence: it is kept beside its record while it is admitted and while it is unreachable.

use std::time::Duration;

use mesos_core::{AgentId, Rejection, RejectionCode};
use serde::{Deserialize, Serialize};

use super::op::{is_gone, is_not_admitted};
use super::record::Edit;
use super::{Admitted, Registry, Standing, Unreachable};

/// How an agent ends its tasks, and what becomes of it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Tasks get no longer than this to end; without it their own kill policies hold.
    #[serde(default)]
    pub max_grace: Option<Duration>,
    /// Whether the drained agent is marked gone.
    pub mark_gone: bool,
}

/// Whether an agent is offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// It is.
    #[default]
    Serving,
    /// It is not; its tasks run on.
    Deactivated,
    /// It is not, and its tasks are being ended.
    Draining(Drain),
    /// It is not, and all its tasks have ended.
    Drained,
}

impl Duty {
    /// Whether the agent is offered; such agents need no word about it in their records.
    #[must_use]
    pub const fn is_serving(&self) -> bool {
        matches!(self, Self::Serving)
    }
}

impl Registry {
    /// Whether an agent is offered, while it is known and not gone.
    #[must_use]
    pub fn duty(&self, agent: &AgentId) -> Option<Duty> {
        match self.standing(agent)? {
            Standing::Admitted(Admitted { duty, .. }) | Standing::Unreachable(Unreachable { duty, .. }) => Some(*duty),
            Standing::Gone(_) => None,
        }
    }
}

/// The agent's record with another duty.
fn with_duty(registry: &Registry, id: &AgentId, duty: Duty) -> Result<Vec<Edit>, Rejection> {
    match registry.standing(id) {
        Some(Standing::Admitted(Admitted { duty: old, .. }) | Standing::Unreachable(Unreachable { duty: old, .. }))
            if *old == duty =>
        {
            Ok(Vec::new())
        }
        Some(Standing::Admitted(agent)) => {
            Ok(vec![Edit::Admitted(id.clone(), Some(Admitted { duty, ..agent.clone() }))])
        }
        Some(Standing::Unreachable(agent)) => {
            Ok(vec![Edit::Unreachable(id.clone(), Some(Unreachable { duty, ..agent.clone() }))])
        }
        Some(Standing::Gone(_)) => Err(is_gone(id)),
        None => Err(is_not_admitted(id)),
    }
}

/// A schedule says when a machine goes down and a drain when it is empty; with both nobody could say which holds.
pub(super) fn drain(registry: &Registry, id: &AgentId, drain: Drain) -> Result<Vec<Edit>, Rejection> {
    if let Some(Standing::Admitted(agent)) = registry.standing(id)
        && registry.machine_of(&agent.info.hostname).is_some()
    {
        let what = format!("agent {id} is on a machine of the maintenance schedule");
        let remedy = "take the machine out of the schedule to drain the agent";
        return Err(Rejection::new(RejectionCode::InvalidMaintenance, what, remedy));
    }
    with_duty(registry, id, Duty::Draining(drain))
}

/// A drain that was called off meanwhile, or ended already, leaves nothing to mark.
pub(super) fn mark_drained(registry: &Registry, id: &AgentId) -> Result<Vec<Edit>, Rejection> {
    match registry.duty(id) {
        Some(Duty::Draining(_)) => with_duty(registry, id, Duty::Drained),
        _ => Ok(Vec::new()),
    }
}

pub(super) fn deactivate(registry: &Registry, id: &AgentId) -> Result<Vec<Edit>, Rejection> {
    match registry.duty(id) {
        Some(Duty::Draining(_) | Duty::Drained | Duty::Deactivated) => Ok(Vec::new()),
        _ => with_duty(registry, id, Duty::Deactivated),
    }
}

pub(super) fn reactivate(registry: &Registry, id: &AgentId) -> Result<Vec<Edit>, Rejection> {
    if let Some(Duty::Draining(_)) = registry.duty(id) {
        let what = format!("agent {id} is still draining");
        return Err(Rejection::new(RejectionCode::InvalidAgent, what, "wait until it is drained"));
    }
    with_duty(registry, id, Duty::Serving)
}

#[cfg(test)]
mod tests {
    use mesos_core::{AgentInfo, Resources, WallTime};

    use super::super::Op;
    use super::*;

    const DRAIN: Drain = Drain { max_grace: Some(Duration::from_secs(9)), mark_gone: false };

    fn id() -> AgentId {
        AgentId::new("a").unwrap()
    }

    fn registry() -> Registry {
        let mut registry = Registry::default();
        let info = AgentInfo::new("Host", Resources::new()).into();
        Op::AdmitAgent { id: id(), info }.apply(&mut registry).unwrap();
        registry
    }

    #[test]
    fn duty_goes_round() {
        let mut registry = registry();
        let mut apply = |op: Op| {
            let found = op.apply(&mut registry).map(|changes| changes.len()).map_err(|refused| refused.code);
            (found, registry.duty(&id()).unwrap())
        };
        assert_eq!(apply(Op::ReactivateAgent { id: id() }), (Ok(0), Duty::Serving));
        assert_eq!(apply(Op::DeactivateAgent { id: id() }), (Ok(1), Duty::Deactivated));
        assert_eq!(apply(Op::MarkDrained { id: id() }), (Ok(0), Duty::Deactivated));
        assert_eq!(apply(Op::DrainAgent { id: id(), drain: DRAIN }), (Ok(1), Duty::Draining(DRAIN)));
        assert_eq!(apply(Op::DeactivateAgent { id: id() }), (Ok(0), Duty::Draining(DRAIN)));
        let refused = apply(Op::ReactivateAgent { id: id() });
        assert_eq!(refused, (Err(RejectionCode::InvalidAgent), Duty::Draining(DRAIN)));
        assert_eq!(apply(Op::MarkDrained { id: id() }), (Ok(1), Duty::Drained));
        assert_eq!(apply(Op::DeactivateAgent { id: id() }), (Ok(0), Duty::Drained));
        assert_eq!(apply(Op::ReactivateAgent { id: id() }), (Ok(1), Duty::Serving));
    }

    #[test]
    fn duty_outlives_absence_and_a_new_description() {
        let mut registry = registry();
        let info: std::sync::Arc<AgentInfo> = AgentInfo::new("Host", "cpus:1".parse().unwrap()).into();
        for op in [
            Op::DrainAgent { id: id(), drain: DRAIN },
            Op::UpdateAgent { id: id(), info: info.clone() },
            Op::MarkUnreachable { id: id(), since_wall: WallTime::default() },
            Op::MarkReachable { id: id(), info },
        ] {
            op.apply(&mut registry).unwrap();
            assert_eq!(registry.duty(&id()), Some(Duty::Draining(DRAIN)), "{op:?}");
        }
        Op::MarkGone { id: id(), at_wall: WallTime::default() }.apply(&mut registry).unwrap();
        assert_eq!(registry.duty(&id()), None);
        let refused = Op::DeactivateAgent { id: id() }.apply(&mut registry).unwrap_err();
        assert_eq!(refused.code, RejectionCode::AgentGone);
    }
}
