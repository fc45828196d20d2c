//! The models around the master: agents that run what they are told, frameworks that want what they wanted.

use std::collections::{BTreeMap, VecDeque};

use mesos_core::call::ConnId;
use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Seq;
use mesos_core::resource::Quantities;
use mesos_core::{
    AgentId, Filters, FrameworkId, Instant, OfferId, Operation, Resources, Role, TaskId, TaskInfo, TaskStatus,
};

use super::learn::{Key, Past};

/// An agent.
#[derive(Debug)]
pub(super) struct AgentModel {
    pub(super) id: Option<AgentId>,
    pub(super) next: Seq,
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
    /// Tasks it wants, oldest first: since when, under which name they were recorded.
    pub(super) waiting: VecDeque<(Instant, TaskId)>,
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
        past: &BTreeMap<Key, Past>,
        names: &mut BTreeMap<Key, TaskId>,
    ) -> (Call, Vec<Launched>) {
        let mut left = offer.resources;
        let (mut tasks, mut launched, mut kept) = (Vec::new(), Vec::new(), VecDeque::new());
        // Tasks of one size that do not fit are not tried again one by one.
        let mut misfit: Option<Quantities> = None;
        while let Some((since, name)) = self.waiting.pop_front() {
            let key = (self.id.clone(), name.clone());
            let fits = past.get(&key).filter(|own| own.role == offer.role).and_then(|own| {
                let amounts = own.info.resources.quantities();
                if misfit.as_ref() == Some(&amounts) {
                    return None;
                }
                let part = cut(&left, &amounts);
                if part.is_none() {
                    misfit = Some(amounts);
                }
                part.map(|part| (own, part))
            });
            let Some((own, part)) = fits else {
                kept.push_back((since, name));
                if misfit.is_some() && left.is_empty() {
                    break;
                }
                continue;
            };
            left -= &part;
            let id = self.name_of(&name, names);
            let mut task: TaskInfo = (*own.info).clone();
            (task.id, task.agent_id, task.resources) = (id.clone(), offer.agent.clone(), part);
            tasks.push(std::sync::Arc::new(task));
            launched.push((id, since, offer.role.clone()));
        }
        kept.append(&mut self.waiting);
        self.waiting = kept;
        let offers = vec![offer.id];
        let call = if tasks.is_empty() {
            Call::Decline { offers, filters: Filters::default() }
        } else {
            Call::Accept { offers, operations: vec![Operation::Launch(tasks)], filters: Filters::default() }
        };
        (call, launched)
    }

    /// The name a try goes by: that which was recorded, unless a try of this name was lost.
    fn name_of(&mut self, recorded: &TaskId, names: &mut BTreeMap<Key, TaskId>) -> TaskId {
        let key = (self.id.clone(), recorded.clone());
        if names.contains_key(&key) {
            self.retries += 1;
            let text = format!("{recorded}.again-{}", self.retries);
            let id = TaskId::new(text.as_str()).unwrap_or_else(|_| recorded.clone());
            names.insert((self.id.clone(), id.clone()), recorded.clone());
            return id;
        }
        names.insert(key, recorded.clone());
        recorded.clone()
    }
}

/// A part of `left` with these amounts, whatever it is reserved as; nothing if there is too little.
fn cut(left: &Resources, amounts: &Quantities) -> Option<Resources> {
    let mut part = left.filter(|entry| !entry.is_persistent_volume());
    part.shrink(amounts);
    part.contains_quantities(amounts).then_some(part)
}
