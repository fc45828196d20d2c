//! What an agent writes down: which records there are, and how they are read back.
//!
//! | key | value | from | to |
//! |---|---|---|---|
//! | `agent` | the agent's id | first registration | the agent's end |
//! | `total` | its resources with reservations and volumes | every change | - |
//! | `framework/<id>` | its description | its first task here | its last task and executor are gone |
//! | `executor/<framework>/<id>` | description, role; not for commands | its first task | its end |
//! | `task/<framework>/<id>` | description, role | before it starts | its last update is acknowledged |
//! | `state/<framework>/<task>` | the newest acknowledged state | an acknowledgement | with the task |
//! | `update/<framework>/<task>/<number>` | an update | before it is sent | its acknowledgement |
//! | `container/<id>` | whose it is | before it starts | its end |
//!
//! Ids hold no `/`, so keys need no escaping. Every change that belongs together is one batch, so any prefix of the batches
//! is a state the agent was in.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::kernel::{Change, Record};
use mesos_core::{
    AgentId, ContainerId, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Resources, Role, TaskId, TaskInfo,
    TaskState, TaskStatus,
};
use serde::{Deserialize, Serialize};

const AGENT: &str = "agent";
const TOTAL: &str = "total";

#[derive(Debug, Serialize, Deserialize)]
struct AgentRecord {
    id: AgentId,
}

/// An executor as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ExecutorRecord {
    pub(super) info: Arc<ExecutorInfo>,
    pub(super) role: Role,
}

/// A task as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskRecord {
    pub(super) info: Arc<TaskInfo>,
    pub(super) role: Role,
}

/// A container as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ContainerRecord {
    pub(super) framework_id: FrameworkId,
    pub(super) executor_id: ExecutorId,
    pub(super) task_id: TaskId,
    pub(super) name: ContainerId,
}

pub(super) fn put_agent(id: &AgentId) -> Change {
    Change::Put(Record::encode(AGENT, &AgentRecord { id: id.clone() }))
}

pub(super) fn delete_agent() -> Change {
    Change::Delete(AGENT.into())
}

pub(super) fn put_total(total: &Resources) -> Change {
    Change::Put(Record::encode(TOTAL, total))
}

pub(super) fn put_framework(id: &FrameworkId, info: &FrameworkInfo) -> Change {
    Change::Put(Record::encode(format!("framework/{id}"), info))
}

pub(super) fn delete_framework(id: &FrameworkId) -> Change {
    Change::Delete(format!("framework/{id}").into())
}

pub(super) fn put_executor(framework: &FrameworkId, id: &ExecutorId, record: &ExecutorRecord) -> Change {
    Change::Put(Record::encode(format!("executor/{framework}/{id}"), record))
}

pub(super) fn delete_executor(framework: &FrameworkId, id: &ExecutorId) -> Change {
    Change::Delete(format!("executor/{framework}/{id}").into())
}

pub(super) fn put_task(framework: &FrameworkId, id: &TaskId, record: &TaskRecord) -> Change {
    Change::Put(Record::encode(format!("task/{framework}/{id}"), record))
}

/// Everything about a task with these unacknowledged updates.
pub(super) fn delete_task(framework: &FrameworkId, id: &TaskId, updates: impl Iterator<Item = u64>) -> Vec<Change> {
    let mut changes: Vec<Change> = updates.map(|number| delete_update(framework, id, number)).collect();
    changes.push(Change::Delete(format!("state/{framework}/{id}").into()));
    changes.push(Change::Delete(format!("task/{framework}/{id}").into()));
    changes
}

pub(super) fn put_state(framework: &FrameworkId, id: &TaskId, state: TaskState) -> Change {
    Change::Put(Record::encode(format!("state/{framework}/{id}"), &state))
}

pub(super) fn put_update(framework: &FrameworkId, id: &TaskId, number: u64, status: &TaskStatus) -> Change {
    Change::Put(Record::encode(update_key(framework, id, number), status))
}

pub(super) fn delete_update(framework: &FrameworkId, id: &TaskId, number: u64) -> Change {
    Change::Delete(update_key(framework, id, number).into())
}

fn update_key(framework: &FrameworkId, id: &TaskId, number: u64) -> String {
    format!("update/{framework}/{id}/{number}")
}

pub(super) fn put_container(id: &ContainerId, record: &ContainerRecord) -> Change {
    Change::Put(Record::encode(format!("container/{id}"), record))
}

pub(super) fn delete_container(id: &ContainerId) -> Change {
    Change::Delete(format!("container/{id}").into())
}

/// Everything an earlier run wrote down.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) agent_id: Option<AgentId>,
    pub(super) total: Option<Resources>,
    pub(super) frameworks: BTreeMap<FrameworkId, Arc<FrameworkInfo>>,
    pub(super) executors: BTreeMap<(FrameworkId, ExecutorId), ExecutorRecord>,
    pub(super) tasks: BTreeMap<(FrameworkId, TaskId), TaskRecord>,
    pub(super) states: BTreeMap<(FrameworkId, TaskId), TaskState>,
    pub(super) updates: BTreeMap<(FrameworkId, TaskId), BTreeMap<u64, TaskStatus>>,
    pub(super) containers: BTreeMap<ContainerId, ContainerRecord>,
}

impl Memory {
    /// Reads the records back.
    ///
    /// # Errors
    /// Names the first record that this version does not understand or that belongs to nothing: an agent must not guess
    /// what runs on its machine.
    pub(super) fn decode(records: &[Record]) -> Result<Self, String> {
        let mut memory = Self::default();
        for record in records {
            memory.fold(record)?;
        }
        memory.validate()?;
        Ok(memory)
    }

    fn fold(&mut self, record: &Record) -> Result<(), String> {
        let parts: Vec<&str> = record.key.split('/').collect();
        match *parts {
            [AGENT] => self.agent_id = Some(decode::<AgentRecord>(record)?.id),
            [TOTAL] => self.total = Some(decode(record)?),
            ["framework", id] => drop(self.frameworks.insert(parse(record, id)?, decode(record)?)),
            ["executor", framework, id] => {
                self.executors.insert((parse(record, framework)?, parse(record, id)?), decode(record)?);
            }
            ["task", framework, id] => {
                self.tasks.insert((parse(record, framework)?, parse(record, id)?), decode(record)?);
            }
            ["state", framework, id] => {
                self.states.insert((parse(record, framework)?, parse(record, id)?), decode(record)?);
            }
            ["update", framework, id, number] => {
                let key = (parse(record, framework)?, parse(record, id)?);
                self.updates.entry(key).or_default().insert(parse(record, number)?, decode(record)?);
            }
            ["container", id] => drop(self.containers.insert(parse(record, id)?, decode(record)?)),
            _ => return Err(format!("record {:?} is of a kind this version does not know", record.key)),
        }
        Ok(())
    }

    fn validate(&self) -> Result<(), String> {
        let orphan = self.states.keys().chain(self.updates.keys()).find(|key| !self.tasks.contains_key(*key));
        if let Some((framework, task)) = orphan {
            return Err(format!("there are updates of task {task} of framework {framework}, but not the task"));
        }
        match self.tasks.keys().find(|(framework, _)| !self.frameworks.contains_key(framework)) {
            Some((framework, task)) => Err(format!("there is task {task}, but not its framework {framework}")),
            None => Ok(()),
        }
    }
}

fn decode<T: serde::de::DeserializeOwned>(record: &Record) -> Result<T, String> {
    record.decode().map_err(|error| error.to_string())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(record: &Record, text: &str) -> Result<T, String> {
    text.parse().map_err(|problem| format!("record {:?} has an unreadable key: {problem}", record.key))
}

#[cfg(test)]
mod tests {
    use mesos_core::{Source, UpdateId, WallTime};

    use super::*;

    fn ids() -> (FrameworkId, TaskId) {
        (FrameworkId::new("f1").unwrap(), TaskId::new("t1").unwrap())
    }

    fn records(changes: Vec<Change>) -> Vec<Record> {
        changes
            .into_iter()
            .map(|change| match change {
                Change::Put(record) => record,
                Change::Delete(key) => panic!("{key} is deleted"),
            })
            .collect()
    }

    fn task_batch() -> Vec<Change> {
        let (framework, id) = ids();
        let agent = AgentId::new("a1").unwrap();
        let info = Arc::new(TaskInfo::shell(id.clone(), agent.clone(), Resources::new(), "true"));
        let role = Role::new("web").unwrap();
        vec![
            put_agent(&agent),
            put_framework(&framework, &FrameworkInfo::new("f", role.clone())),
            put_task(&framework, &id, &TaskRecord { info, role }),
        ]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (framework, id) = ids();
        let mut status = TaskStatus::new(id.clone(), TaskState::Running, Source::Executor, WallTime::default());
        status.uuid = Some(UpdateId(u128::MAX - 5));
        let mut batch = task_batch();
        batch.push(put_update(&framework, &id, 11, &status));
        batch.push(put_state(&framework, &id, TaskState::Starting));
        let memory = Memory::decode(&records(batch)).unwrap();
        let key = (framework, id);
        assert_eq!(memory.updates[&key][&11], status);
        assert_eq!(memory.states[&key], TaskState::Starting);
        assert_eq!(memory.tasks[&key].role.as_str(), "web");
    }

    #[test]
    fn an_update_without_its_task_is_refused() {
        let (framework, id) = ids();
        let refused = Memory::decode(&records(vec![put_state(&framework, &id, TaskState::Running)]));
        assert!(refused.unwrap_err().contains("t1"));
    }

    #[test]
    fn unknown_and_torn_records_are_named() {
        for (key, value) in [("quota/x", "{}"), ("agent", "{\"id\":\"a"), ("task/f1", "{}"), ("update/f/t/x", "{}")] {
            let record = Record { key: key.into(), value: value.as_bytes().into() };
            assert!(Memory::decode(&[record]).unwrap_err().contains(key), "{key}");
        }
    }
}
