//! Who is subscribed, where, under which roles, and what runs for them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mesos_core::call::ConnId;
use mesos_core::handles;
use mesos_core::kernel::Table;
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::{
    AgentId, FrameworkCapability, FrameworkId, FrameworkInfo, KillPolicy, OfferConstraints, OperationId,
    OperationState, Role, TaskId, TaskInfo, TaskState, TrackedOperation, UpdateId, WallTime,
};

use super::OfferKey;
use super::Tally;
use crate::master::past::{FrameworkTimes, Over, TaskPast, TaskRow};

handles! {
    /// A task within its framework's book.
    TaskKey;
}

/// How a framework stands with this master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) enum Standing {
    /// Subscribed on this connection.
    Connected(ConnId),
    /// Its connection broke; it is removed when its failover timeout has passed.
    Disconnected,
    /// Known from agents only: it has not come to this master yet, and no timeout runs. It is forgotten when nothing of it
    /// is left.
    Recovered,
}

/// A framework's row.
#[derive(Debug)]
pub(in crate::master) struct Framework {
    pub id: FrameworkId,
    pub info: Arc<FrameworkInfo>,
    pub is_partition_aware: bool,
    pub is_killing_aware: bool,
    pub standing: Standing,
    pub suppressed: BTreeSet<Role>,
    /// What it demands of agents.
    pub constraints: Arc<OfferConstraints>,
    pub tasks: Table<TaskId, TaskKey, Task>,
    pub offers: BTreeSet<OfferKey>,
    /// The operations it gave an id, until it has acknowledged their end.
    pub operations: BTreeMap<OperationId, Tracked>,
    pub unreachable: BTreeMap<TaskId, UnreachableTask>,
    /// The unreachable tasks in the order they became so: the oldest is forgotten first.
    pub unreachable_order: VecDeque<TaskId>,
    pub tally: Tally,
    pub times: FrameworkTimes,
    /// What is remembered of its tasks, for views.
    pub over: Over,
}

/// A task's row.
#[derive(Debug)]
pub(in crate::master) struct Task {
    pub info: Arc<TaskInfo>,
    pub role: Role,
    pub agent: AgentKey,
    /// Its newest state.
    pub state: TaskState,
    /// The state its framework was last told.
    pub told: TaskState,
    /// The update its framework was last told and has not acknowledged.
    pub unacknowledged: Option<UpdateId>,
    /// Whether what it uses still counts.
    pub is_charged: bool,
    /// A kill asked for, until the task's end is known: sent again when its agent comes back.
    pub kill: Option<Box<Option<KillPolicy>>>,
    /// Its place in its agent's list.
    pub place: u32,
    /// What is kept of it for views, if anything.
    pub past: Option<Box<TaskPast>>,
}

impl Task {
    /// As views show it.
    pub(in crate::master) fn shown(&self, framework_id: &FrameworkId, agent_id: &AgentId) -> TaskRow {
        let row = TaskRow {
            framework_id: framework_id.clone(),
            agent_id: agent_id.clone(),
            info: self.info.clone(),
            role: self.role.clone(),
            since_wall: WallTime::default(),
            heard_wall: WallTime::default(),
            state: self.state,
            statuses: Vec::new(),
        };
        row.with_past(self.past.as_deref())
    }
}

/// The row of an operation that has an id.
#[derive(Debug)]
pub(in crate::master) struct Tracked {
    pub operation: Arc<TrackedOperation>,
    pub agent: AgentKey,
    /// What its agent said last.
    pub state: OperationState,
    /// Whether its framework was told that end and has to acknowledge it.
    pub is_told: bool,
}

/// What is remembered of a task whose agent became unreachable, or lost its connection and the framework keeps no
/// checkpoints.
#[derive(Debug, Clone)]
pub(in crate::master) struct UnreachableTask {
    pub agent_id: AgentId,
    pub since_wall: WallTime,
    /// What its framework was told: `UNREACHABLE`, or `LOST` with the connection.
    pub told: TaskState,
}

/// All frameworks, and the ids that cannot come back.
#[derive(Debug, Default)]
pub(in crate::master) struct Frameworks {
    pub table: Table<FrameworkId, FrameworkKey, Framework>,
    removed: BTreeSet<FrameworkId>,
    removed_order: VecDeque<FrameworkId>,
    numbered: u64,
}

impl Framework {
    pub(in crate::master) fn new(id: FrameworkId, info: Arc<FrameworkInfo>, standing: Standing) -> Self {
        Self {
            id,
            is_partition_aware: info.can(FrameworkCapability::PartitionAware),
            is_killing_aware: info.can(FrameworkCapability::TaskKillingState),
            info,
            standing,
            suppressed: BTreeSet::new(),
            constraints: Arc::default(),
            tasks: Table::default(),
            offers: BTreeSet::new(),
            operations: BTreeMap::new(),
            unreachable: BTreeMap::new(),
            unreachable_order: VecDeque::new(),
            tally: Tally::default(),
            times: FrameworkTimes::default(),
            over: Over::default(),
        }
    }

    pub(in crate::master) fn set_info(&mut self, info: Arc<FrameworkInfo>) {
        self.is_partition_aware = info.can(FrameworkCapability::PartitionAware);
        self.is_killing_aware = info.can(FrameworkCapability::TaskKillingState);
        self.info = info;
    }

    pub(in crate::master) const fn conn(&self) -> Option<ConnId> {
        match self.standing {
            Standing::Connected(conn) => Some(conn),
            Standing::Disconnected | Standing::Recovered => None,
        }
    }

    /// The state as this framework may be told it. An executor says `KILLING` because the framework knew the state when it
    /// was started; by now it may have gone back to an earlier version.
    pub(in crate::master) const fn hears(&self, state: TaskState) -> TaskState {
        let state = if self.is_partition_aware { state } else { state.for_partition_unaware() };
        if self.is_killing_aware { state } else { state.for_killing_unaware() }
    }

    pub(in crate::master) fn remember_unreachable(&mut self, id: TaskId, task: UnreachableTask, max: usize) {
        if self.unreachable.insert(id.clone(), task).is_none() {
            self.unreachable_order.push_back(id);
        }
        while self.unreachable.len() > max {
            match self.unreachable_order.pop_front() {
                Some(oldest) => drop(self.unreachable.remove(&oldest)),
                None => break,
            }
        }
    }

    pub(in crate::master) fn forget_unreachable(&mut self, id: &TaskId) -> Option<UnreachableTask> {
        let task = self.unreachable.remove(id)?;
        self.unreachable_order.retain(|other| other != id);
        Some(task)
    }
}

impl Frameworks {
    /// The next id of this master: its own id and a number of at least four digits, as Mesos writes them.
    pub(in crate::master) fn next_id(&mut self, master: &str) -> FrameworkId {
        loop {
            let id = FrameworkId::new(format!("{master}-{:04}", self.numbered)).expect("a master id leaves room");
            self.numbered += 1;
            if self.table.find(&id).is_none() && !self.removed.contains(&id) {
                return id;
            }
        }
    }

    pub(in crate::master) fn remember_removed(&mut self, id: FrameworkId, max: usize) {
        if self.removed.insert(id.clone()) {
            self.removed_order.push_back(id);
        }
        while self.removed.len() > max {
            match self.removed_order.pop_front() {
                Some(oldest) => drop(self.removed.remove(&oldest)),
                None => break,
            }
        }
    }

    pub(in crate::master) fn was_removed(&self, id: &FrameworkId) -> bool {
        self.removed.contains(id)
    }
}
