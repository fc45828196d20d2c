//! Whoever folds what a master publishes has what its books hold.
//!
//! Source: the contract of [`Changes`](mesos_sched::master::Changes). Views of operators are made of nothing else, so what is
//! not published is not seen. Only masters whose options say that they publish are looked at: comparing everything costs more
//! than the other checks do.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::{
    AgentId, ExecutorId, FrameworkId, OfferId, OperationId, OperationState, Resources, TaskId, TaskState,
};
use mesos_sched::master::{Change, Connection, Effect, Master};

use super::{Check, Step, Stepped};
use crate::node::NodeId;

/// The books are compared with every so many steps.
const COMPARED_EVERY: u64 = 8;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Published {
    pictures: BTreeMap<NodeId, Picture>,
    steps: u64,
}

#[derive(Debug, Default, PartialEq)]
struct Picture {
    frameworks: BTreeMap<FrameworkId, Connection>,
    agents: BTreeMap<AgentId, (bool, bool, Resources)>,
    absent: BTreeSet<AgentId>,
    tasks: BTreeMap<(FrameworkId, TaskId), (AgentId, TaskState)>,
    executors: BTreeSet<(AgentId, FrameworkId, ExecutorId)>,
    offers: BTreeMap<OfferId, (FrameworkId, AgentId, Resources)>,
    operations: BTreeMap<(FrameworkId, OperationId), (AgentId, OperationState)>,
}

impl Picture {
    fn fold(&mut self, change: &Change) {
        match change {
            Change::Reset => *self = Self::default(),
            Change::Framework(state) => drop(self.frameworks.insert(state.id.clone(), state.connection)),
            Change::FrameworkGone(id) => drop(self.frameworks.remove(id)),
            Change::Agent(state) => {
                let row = (state.is_connected, state.is_leaving, state.total.clone());
                self.agents.insert(state.id.clone(), row);
            }
            Change::AgentGone(id) => drop(self.agents.remove(id)),
            Change::Absent { id, .. } => drop(self.absent.insert(id.clone())),
            Change::AbsentGone(id) => drop(self.absent.remove(id)),
            Change::Executor { agent_id, framework_id, info, .. } => {
                self.executors.insert((agent_id.clone(), framework_id.clone(), info.id.clone()));
            }
            Change::ExecutorGone { agent_id, framework_id, executor_id } => {
                self.executors.remove(&(agent_id.clone(), framework_id.clone(), executor_id.clone()));
            }
            Change::Task(row) => {
                let key = (row.framework_id.clone(), row.id().clone());
                self.tasks.insert(key, (row.agent_id.clone(), row.state));
            }
            Change::TaskState { framework_id, task_id, state } => {
                if let Some((_, known)) = self.tasks.get_mut(&(framework_id.clone(), task_id.clone())) {
                    *known = *state;
                }
            }
            // What is asked for and what is over are not in what is compared.
            Change::TaskStatus { .. }
            | Change::InverseOffer(_)
            | Change::InverseOfferGone { .. }
            | Change::Over { .. }
            | Change::Past { .. } => {}
            Change::TaskGone { framework_id, task_id } => {
                self.tasks.remove(&(framework_id.clone(), task_id.clone()));
            }
            Change::Offer { id, framework_id, agent_id, resources, .. } => {
                self.offers.insert(id.clone(), (framework_id.clone(), agent_id.clone(), resources.clone()));
            }
            Change::OfferGone(id) => drop(self.offers.remove(id)),
            Change::Operation { framework_id, agent_id, operation, state } => {
                self.operations.insert((framework_id.clone(), operation.id.clone()), (agent_id.clone(), *state));
            }
            Change::OperationGone { framework_id, operation_id } => {
                self.operations.remove(&(framework_id.clone(), operation_id.clone()));
            }
        }
    }

    fn of(master: &Master) -> Self {
        let names: BTreeMap<_, _> = master.frameworks().map(|row| (row.key, row.id.clone())).collect();
        let hosts: BTreeMap<_, _> = master.agents().map(|row| (row.key, row.id.clone())).collect();
        let connection = |is_connected, is_recovered| match (is_connected, is_recovered) {
            (true, _) => Connection::Connected,
            (false, true) => Connection::Recovered,
            (false, false) => Connection::Disconnected,
        };
        let frameworks =
            master.frameworks().map(|row| (row.id.clone(), connection(row.is_connected, row.is_recovered)));
        let agents = master.agents().map(|row| (row.id.clone(), (row.is_connected, row.is_leaving, row.total.clone())));
        let tasks = master
            .tasks()
            .map(|row| ((row.framework_id.clone(), row.info.id.clone()), (row.agent_id.clone(), row.state)));
        let executors = master
            .executors()
            .map(|row| (hosts[&row.agent].clone(), names[&row.framework].clone(), row.info.id.clone()));
        let offers = master.offers().map(|row| {
            let content = (names[&row.framework].clone(), hosts[&row.agent].clone(), row.resources.clone());
            (row.id.clone(), content)
        });
        let operations = master
            .operations()
            .map(|row| ((row.framework_id.clone(), row.operation.id.clone()), (row.agent_id.clone(), row.state)));
        Self {
            frameworks: frameworks.collect(),
            agents: agents.collect(),
            absent: master.absent_agents().cloned().collect(),
            tasks: tasks.collect(),
            executors: executors.collect(),
            offers: offers.collect(),
            operations: operations.collect(),
        }
    }

    /// Where two pictures differ first.
    fn difference(&self, books: &Self) -> Option<String> {
        fn of<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
            what: &str,
            published: &BTreeMap<K, V>,
            books: &BTreeMap<K, V>,
        ) -> Option<String> {
            let keys: BTreeSet<&K> = published.keys().chain(books.keys()).collect();
            let key = keys.into_iter().find(|key| published.get(key) != books.get(key))?;
            Some(format!("{what} {key:?} was published as {:?} and is {:?}", published.get(key), books.get(key)))
        }
        of("framework", &self.frameworks, &books.frameworks)
            .or_else(|| of("agent", &self.agents, &books.agents))
            .or_else(|| of("task", &self.tasks, &books.tasks))
            .or_else(|| of("offer", &self.offers, &books.offers))
            .or_else(|| of("operation", &self.operations, &books.operations))
            .or_else(|| {
                let odd = self.absent.symmetric_difference(&books.absent).next()?;
                Some(format!("agent {odd} is published as absent, or in the books, but not both"))
            })
            .or_else(|| {
                let odd = self.executors.symmetric_difference(&books.executors).next()?;
                Some(format!("executor {odd:?} is published, or in the books, but not both"))
            })
    }
}

impl Check for Published {
    fn name(&self) -> &'static str {
        "published"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        if !step.world.spec.master_options.publishes {
            return Ok(());
        }
        match &step.stepped {
            Stepped::Master { node, machine, effects, .. } => {
                let published = effects.iter().filter_map(|effect| match effect {
                    Effect::Publish(changes) => Some(&changes.list),
                    _ => None,
                });
                let picture = self.pictures.entry(*node).or_default();
                for change in published.flatten() {
                    picture.fold(change);
                }
                self.steps += 1;
                if machine.leading().is_none() || !self.steps.is_multiple_of(COMPARED_EVERY) {
                    return Ok(());
                }
                match picture.difference(&Picture::of(machine)) {
                    Some(difference) => Err(format!("{node}: {difference}")),
                    None => Ok(()),
                }
            }
            Stepped::Restarted { node } => {
                self.pictures.remove(node);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
