//! The models around the master: agents that run what they are told, frameworks that want what they wanted.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use mesos_core::call::ConnId;
use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Seq;
use mesos_core::resource::Quantities;
use mesos_core::{
    AgentId, Filters, FrameworkId, Instant, OfferId, Operation, Resources, Role, TaskId, TaskInfo, TaskStatus,
};

use super::learn::{Key, Lesson};
use super::wishes::{Verdict, Wishes};

/// An agent.
#[derive(Debug)]
pub(super) struct AgentModel {
    pub(super) id: Option<AgentId>,
    pub(super) next: Seq,
    /// Cores and megabytes.
    pub(super) has: [f64; 2],
    pub(super) tasks: BTreeMap<Key, TaskModel>,
}

/// A task on an agent.
#[derive(Debug)]
pub(super) struct TaskModel {
    pub(super) resources: Resources,
    pub(super) role: Role,
    pub(super) since: Instant,
    /// News that the framework has not acknowledged, the first of it on its way.
    pub(super) news: VecDeque<TaskStatus>,
    pub(super) is_over: bool,
}

/// A framework.
#[derive(Debug)]
pub(super) struct FrameworkModel {
    pub(super) id: FrameworkId,
    pub(super) next: Seq,
    pub(super) conn: Option<ConnId>,
    /// Tasks it wants.
    pub(super) waiting: Wishes,
    pub(super) is_suppressed: bool,
    /// Tries that were lost get a name of their own.
    pub(super) retries: u64,
}

/// What a model has in its hands.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) id: OfferId,
    pub(super) agent: AgentId,
    pub(super) role: Role,
    pub(super) resources: Resources,
}

/// A task that was launched: under which name, since when it was wanted, under which role.
pub(super) type Launched = (TaskId, Instant, Role);

impl FrameworkModel {
    /// Answers an offer: as many of the waiting tasks as fit, oldest first; the rest goes back.
    pub(super) fn answer(
        &mut self,
        offer: Offered,
        lesson: &Lesson,
        names: &mut BTreeMap<Key, TaskId>,
    ) -> (Call, Vec<Launched>) {
        let mut left = offer.resources;
        let (mut tasks, mut launched) = (Vec::new(), Vec::new());
        let Self { id, waiting, retries, .. } = self;
        waiting.take(&offer.role, |size, wish| {
            let Some(part) = cut(&left, lesson.size(size)) else { return Verdict::Misfit };
            let key = (id.clone(), wish.name.clone());
            // What is wanted was recorded.
            let Some(own) = lesson.tasks.get(&key) else { return Verdict::Misfit };
            left -= &part;
            let name = name_of(key, retries, names);
            let mut task: TaskInfo = (*own.info).clone();
            (task.id, task.agent_id, task.resources) = (name.clone(), offer.agent.clone(), part);
            tasks.push(std::sync::Arc::new(task));
            launched.push((name, wish.since(), offer.role.clone()));
            Verdict::Taken
        });
        let offers = vec![offer.id];
        let call = if tasks.is_empty() {
            Call::Decline { offers, filters: Filters::default() }
        } else {
            Call::Accept { offers, operations: vec![Operation::Launch(tasks)], filters: Filters::default() }
        };
        (call, launched)
    }
}

/// The name a try goes by: that which was recorded, unless a try of this name was lost.
fn name_of(recorded: Key, retries: &mut u64, names: &mut BTreeMap<Key, TaskId>) -> TaskId {
    let (framework, name) = recorded.clone();
    if let Entry::Vacant(place) = names.entry(recorded) {
        place.insert(name.clone());
        return name;
    }
    *retries += 1;
    let text = format!("{name}.again-{retries}");
    let again = TaskId::new(text.as_str()).unwrap_or_else(|_| name.clone());
    names.insert((framework, again.clone()), name);
    again
}

/// A part of `left` with these amounts, whatever it is reserved as; nothing if there is too little.
fn cut(left: &Resources, amounts: &Quantities) -> Option<Resources> {
    let mut part = left.filter(|entry| !entry.is_persistent_volume());
    part.shrink(amounts);
    part.contains_quantities(amounts).then_some(part)
}
