//! Every task a master accepted ends in a state its framework is told: it leaves the books only with its framework's
//! knowledge, and at the end of a run nobody waits for it in vain.
//!
//! Source: Apache Mesos, `docs/high-availability-framework-guide.md` and `docs/reconciliation.md`; the chapter on
//! architecture of our own docs. A framework that is not connected at that moment is not told; it asks when it is back. What
//! a master forgets by dying is in the reports of the agents: a report that was taken must be in the new books whole.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::call::ConnId;
use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::{FrameworkId, TaskId, TaskState};
use mesos_sched::master::{Effect, Input, Master, TaskView};

use super::{Check, Step, Stepped};
use crate::node::NodeId;
use crate::world::World;

type Key = (FrameworkId, TaskId);

/// What is remembered of one master's books.
#[derive(Debug, Default)]
struct Books {
    /// The tasks, and whether their framework was told an end.
    tasks: BTreeMap<Key, bool>,
    /// What agents reported on connections that are not answered yet.
    reports: BTreeMap<ConnId, Vec<Key>>,
    /// Whose connection is whose.
    subscribed: BTreeMap<ConnId, FrameworkId>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct NoLostTask {
    books: BTreeMap<NodeId, Books>,
}

impl Check for NoLostTask {
    fn name(&self) -> &'static str {
        "no_lost_task"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Master { node, machine, input, effects } => {
                let books = self.books.entry(node).or_default();
                books.step(machine, input, effects).map_err(|what| format!("{node}: {what}"))
            }
            Stepped::Crashed { node } | Stepped::Restarted { node } => {
                self.books.remove(&node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Every task a driver still waits for is one that somebody has.
    fn settled(&mut self, world: &World) -> Result<(), String> {
        let Some(leader) = world.masters().filter_map(|view| view.machine).find(|machine| machine.leading().is_some())
        else {
            return Ok(());
        };
        for view in world.frameworks().filter(|view| view.ended.is_none()) {
            let Some(driver) = view.machine else { continue };
            let Some(framework) = driver.framework_id() else { continue };
            let lost = driver.ledger().iter().find(|(id, row)| {
                let is_in_doubt = matches!(row.state, Some(TaskState::Unreachable));
                leader.task(framework, id).is_none() && !is_in_doubt
            });
            if let Some((id, row)) = lost {
                return Err(format!("framework {framework} waits for task {id} ({:?}), which nobody has", row.state));
            }
        }
        Ok(())
    }
}

impl Books {
    fn step(&mut self, master: &Master, input: Option<&Input>, effects: &[Effect]) -> Result<(), String> {
        if master.leading().is_none() {
            *self = Self::default();
            return Ok(());
        }
        if let Some(Input::Agent { conn, message: ToMaster::Reregister(report), .. }) = input {
            let keys = report.tasks.iter().map(|task| (task.framework_id.clone(), task.info.id.clone()));
            self.reports.insert(*conn, keys.collect());
        }
        let told = self.told(effects);
        let mut has_merged = false;
        for effect in effects {
            let Effect::ToAgent { conn, message, .. } = effect else { continue };
            match message {
                ToAgent::Run(run) => {
                    self.tasks.insert((run.framework_id.clone(), run.task.id.clone()), false);
                }
                ToAgent::RunGroup(run) => {
                    let own = run.tasks.iter().map(|task| ((run.framework_id.clone(), task.id.clone()), false));
                    self.tasks.extend(own);
                }
                ToAgent::Reregistered { .. } => {
                    self.took(master, *conn)?;
                    has_merged = true;
                }
                _ => {}
            }
        }
        for (key, state) in &told {
            if let Some(is_told) = self.tasks.get_mut(key) {
                *is_told |= state.is_terminal();
            }
        }
        if has_merged {
            self.tasks.extend(master.tasks().map(|task| (key(&task), task.told.is_terminal())));
        }
        let count: usize = master.frameworks().map(|framework| framework.tasks).sum();
        if count < self.tasks.len() { self.missing(master, input, &told) } else { Ok(()) }
    }

    /// What frameworks are told of their tasks in this step.
    fn told(&mut self, effects: &[Effect]) -> BTreeMap<Key, TaskState> {
        let mut told = BTreeMap::new();
        for effect in effects {
            let Effect::ToScheduler { conn, event, .. } = effect else { continue };
            match event {
                Event::Subscribed { framework_id, .. } => drop(self.subscribed.insert(*conn, framework_id.clone())),
                Event::Update(status) => {
                    let key = self.subscribed.get(conn).map(|framework| (framework.clone(), status.task_id.clone()));
                    told.extend(key.map(|key| (key, status.state)));
                }
                _ => {}
            }
        }
        told
    }

    /// The tasks of a report that was taken are in the books, unless their framework is not.
    fn took(&mut self, master: &Master, conn: ConnId) -> Result<(), String> {
        for (framework, task) in self.reports.remove(&conn).unwrap_or_default() {
            let is_known = master.framework_key(&framework).is_some();
            if is_known && master.task(&framework, &task).is_none() {
                return Err(format!("task {framework}/{task} was reported by its agent and is not in the books"));
            }
        }
        Ok(())
    }

    /// Some tasks left the books: each for a reason its framework knows.
    fn missing(
        &mut self,
        master: &Master,
        input: Option<&Input>,
        told: &BTreeMap<Key, TaskState>,
    ) -> Result<(), String> {
        let present: BTreeSet<Key> = master.tasks().map(|task| key(&task)).collect();
        let gone: Vec<(Key, bool)> = self.tasks.extract_if(.., |key, _| !present.contains(key)).collect();
        for ((framework, task), is_told) in gone {
            let is_acknowledged = match input {
                Some(Input::Scheduler { call: Call::Acknowledge { task_id, .. }, .. }) => *task_id == task,
                _ => false,
            };
            let is_known = is_told || is_acknowledged || told.contains_key(&(framework.clone(), task.clone()));
            if is_connected(master, &framework) && !is_known {
                return Err(format!("task {framework}/{task} left the books and its framework was not told"));
            }
        }
        Ok(())
    }
}

fn key(task: &TaskView<'_>) -> Key {
    (task.framework_id.clone(), task.info.id.clone())
}

/// Whether a framework is known and connected.
fn is_connected(master: &Master, id: &FrameworkId) -> bool {
    master.frameworks().any(|framework| framework.id == id && framework.is_connected)
}
