//! Who offers machines, how alive they are, and what is used on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::call::ConnId;
use mesos_core::kernel::Table;
use mesos_core::maintenance::Unavailability;
use mesos_core::provider::{AgentKey, FrameworkKey, Used};
use mesos_core::{
    AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, Instant, OperationId, Resources, Role, TaskId,
};

use super::{OfferKey, TaskKey};
use crate::master::past::AgentTimes;

/// How alive a registered agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) enum Liveness {
    /// Connected; so many pings in a row were not answered.
    Connected { conn: ConnId, unanswered: u32 },
    /// Its connection broke.
    Disconnected,
}

/// A registry write about the agent that is under way; until it is done nothing else may be decided about the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) enum Transition {
    /// None.
    Settled,
    /// It is being marked unreachable, gone, or removed.
    Leaving,
}

/// An executor that was charged to an agent.
#[derive(Debug, Clone)]
pub(in crate::master) struct Executor {
    pub info: Arc<ExecutorInfo>,
    pub role: Role,
}

/// A registered agent's row.
#[derive(Debug)]
pub(in crate::master) struct Agent {
    pub id: AgentId,
    pub info: Arc<AgentInfo>,
    /// What it has, with reservations and volumes.
    pub total: Resources,
    pub liveness: Liveness,
    /// When it is asked next whether it is there.
    pub asked_at: Option<Instant>,
    pub transition: Transition,
    /// What tasks and executors use; offers are not in it.
    pub used: Vec<Used>,
    pub tasks: Vec<(FrameworkKey, TaskKey)>,
    pub executors: BTreeMap<(FrameworkKey, ExecutorId), Executor>,
    pub offers: BTreeSet<OfferKey>,
    /// The operations with an id that are done on it, until their end is acknowledged.
    pub operations: BTreeSet<(FrameworkKey, OperationId)>,
    /// When it is planned to be away.
    pub unavailability: Option<Unavailability>,
    /// Tasks it reported although they run elsewhere by now: it was told to kill them, and their updates go nowhere.
    pub strays: BTreeSet<(FrameworkId, TaskId)>,
    pub times: AgentTimes,
}

/// All agents.
#[derive(Debug, Default)]
pub(in crate::master) struct Agents {
    pub table: Table<AgentId, AgentKey, Agent>,
    /// Admitted in the registry, not in the table: they have not come back to this master yet.
    pub absent: BTreeSet<AgentId>,
    /// The tasks that were lost with an agent and may turn up with it again.
    lost: BTreeMap<AgentId, Vec<(FrameworkKey, TaskId)>>,
    by_address: BTreeMap<(Arc<str>, u16), AgentKey>,
    numbered: u64,
}

/// Agents whose lost tasks are remembered, for the word that they are gone when an agent comes back without them. Beyond it
/// frameworks hear the same by reconciling.
const LOST_AGENTS_MAX: usize = 100_000;

impl Agent {
    pub(in crate::master) fn new(id: AgentId, info: Arc<AgentInfo>, total: Resources, conn: ConnId) -> Self {
        Self {
            id,
            info,
            total,
            liveness: Liveness::Connected { conn, unanswered: 0 },
            asked_at: None,
            transition: Transition::Settled,
            used: Vec::new(),
            tasks: Vec::new(),
            executors: BTreeMap::new(),
            offers: BTreeSet::new(),
            operations: BTreeSet::new(),
            unavailability: None,
            strays: BTreeSet::new(),
            times: AgentTimes::default(),
        }
    }

    pub(in crate::master) const fn conn(&self) -> Option<ConnId> {
        match self.liveness {
            Liveness::Connected { conn, .. } => Some(conn),
            Liveness::Disconnected => None,
        }
    }

    pub(in crate::master) fn charge(&mut self, framework: FrameworkKey, role: &Role, resources: &Resources) {
        match self.used.iter_mut().find(|used| used.framework == framework && used.role == *role) {
            Some(used) => used.resources += resources,
            None => self.used.push(Used { framework, role: role.clone(), resources: resources.clone() }),
        }
    }

    pub(in crate::master) fn discharge(&mut self, framework: FrameworkKey, role: &Role, resources: &Resources) {
        let place = self.used.iter().position(|used| used.framework == framework && used.role == *role);
        let Some(place) = place else { panic!("agent {} was never charged for role {role}", self.id) };
        let used = &mut self.used[place].resources;
        assert!(used.contains(resources), "{resources} was never charged to agent {}", self.id);
        *used -= resources;
        if used.is_empty() {
            self.used.swap_remove(place);
        }
    }
}

impl Agents {
    /// The next id of this master.
    pub(in crate::master) fn next_id(&mut self, master: &str) -> AgentId {
        let id = AgentId::new(format!("{master}-S{}", self.numbered)).expect("a master id leaves room");
        self.numbered += 1;
        id
    }

    /// Whether somebody may have the id: another master gave it, or this one did already.
    pub(in crate::master) fn may_exist(&self, master: &str, id: &AgentId) -> bool {
        let own = id.as_str().strip_prefix(master).and_then(|rest| rest.strip_prefix("-S"));
        own.and_then(|number| number.parse::<u64>().ok()).is_none_or(|number| number < self.numbered)
    }

    pub(in crate::master) fn insert(&mut self, agent: Agent) -> AgentKey {
        let address = (agent.info.hostname.clone(), agent.info.port);
        let key = self.table.insert(agent.id.clone(), agent).expect("an agent is added once");
        self.by_address.insert(address, key);
        key
    }

    pub(in crate::master) fn remove(&mut self, key: AgentKey) -> Option<Agent> {
        let (_, agent) = self.table.remove(key)?;
        let address = (agent.info.hostname.clone(), agent.info.port);
        if self.by_address.get(&address) == Some(&key) {
            self.by_address.remove(&address);
        }
        Some(agent)
    }

    pub(in crate::master) fn remember_lost(&mut self, agent: AgentId, framework: FrameworkKey, task: TaskId) {
        if self.lost.len() < LOST_AGENTS_MAX || self.lost.contains_key(&agent) {
            self.lost.entry(agent).or_default().push((framework, task));
        }
    }

    /// Forgets the lost tasks nobody waits for any more.
    pub(in crate::master) fn forget_lost(&mut self, is_awaited: impl Fn(FrameworkKey, &AgentId, &TaskId) -> bool) {
        self.lost.retain(|agent, tasks| {
            tasks.retain(|(framework, task)| is_awaited(*framework, agent, task));
            !tasks.is_empty()
        });
    }

    pub(in crate::master) fn take_lost(&mut self, agent: &AgentId) -> Vec<(FrameworkKey, TaskId)> {
        self.lost.remove(agent).unwrap_or_default()
    }

    pub(in crate::master) fn at_address(&self, info: &AgentInfo) -> Option<AgentKey> {
        self.by_address.get(&(info.hostname.clone(), info.port)).copied()
    }
}
