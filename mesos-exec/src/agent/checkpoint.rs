//! What an agent writes down: which records there are, and how they are read back.
//!
//! | key | value | from | to |
//! |---|---|---|---|
//! | `agent` | the agent's id, and its description where that counts | first registration | the agent's end |
//! | `total` | its resources with reservations and volumes | every change | - |
//! | `framework/<id>` | its description | its first task here | its last task and executor are gone |
//! | `executor/<framework>/<id>` | description, role; not for commands | its first task | its end |
//! | `task/<framework>/<id>` | description, role | before it starts | its last update is acknowledged |
//! | `state/<framework>/<task>` | the newest acknowledged state, and updates that may come again | an acknowledgement | with the task |
//! | `update/<framework>/<task>/<number>` | an update | before it is sent | its acknowledgement |
//! | `operation/<uuid>` | one with an id, its framework | it is done, with the total | its acknowledgement |
//! | `container/<id>` | whose it is | before it starts | its end |
//! | `standalone/<id>` | its name, and what it lies beside: nobody's | before it starts | its end |
//!
//! Ids hold no `/`, so keys need no escaping. Every change that belongs together is one batch, so any prefix of the batches
//! is a state the agent was in.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::kernel::{Draft, Key, Record};
use mesos_core::{
    AgentId, AgentInfo, ContainerId, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Resources, Role, TaskId,
    TaskInfo, TaskState, TaskStatus, TrackedOperation, UpdateId,
};
use serde::{Deserialize, Serialize};

use super::nested::nest_of;

const AGENT: &str = "agent";
const TOTAL: &str = "total";
const FRAMEWORK: &str = "framework";
const EXECUTOR: &str = "executor";
const TASK: &str = "task";
const STATE: &str = "state";
const UPDATE: &str = "update";
const OPERATION: &str = "operation";
const CONTAINER: &str = "container";
const STANDALONE: &str = "standalone";

#[derive(Debug, Serialize, Deserialize)]
struct AgentRecord {
    id: AgentId,
    /// Its description, where that may not change as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    info: Option<Arc<AgentInfo>>,
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

/// An operation that has an id, as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OperationRecord {
    pub(super) framework_id: FrameworkId,
    pub(super) framework: Arc<FrameworkInfo>,
    pub(super) operation: Arc<TrackedOperation>,
}

/// A container as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ContainerRecord {
    pub(super) framework_id: FrameworkId,
    pub(super) executor_id: ExecutorId,
    /// For which task; none for an executor's own.
    pub(super) task_id: Option<TaskId>,
    pub(super) name: ContainerId,
    /// Whether its executor itself runs in it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_process: bool,
    /// The container it lies beside, if it lies beside one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<ContainerId>,
}

/// A container that no executor has, as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum StandaloneRecord {
    /// It lies beside no other.
    Outermost(ContainerId),
    /// It lies beside another one that no executor has.
    Beside { id: ContainerId, parent: ContainerId },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The newest acknowledged state of a task as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum StateRecord {
    /// Of an executor inside the agent.
    Bare(TaskState),
    /// Of one that names its updates itself.
    WithRecent {
        state: TaskState,
        /// The newest acknowledged updates, oldest first, each as its upper and its lower half.
        recent: Vec<(u64, u64)>,
    },
}

impl StateRecord {
    /// The state, and the newest acknowledged updates.
    pub(super) fn into_parts(self) -> (TaskState, Vec<UpdateId>) {
        match self {
            Self::Bare(state) => (state, Vec::new()),
            Self::WithRecent { state, recent } => {
                let whole = |(upper, lower)| UpdateId(u128::from(upper) << 64 | u128::from(lower));
                (state, recent.into_iter().map(whole).collect())
            }
        }
    }
}

pub(super) fn put_agent(id: &AgentId, info: Option<&Arc<AgentInfo>>) -> Draft {
    Draft::put(Key::new(AGENT), AgentRecord { id: id.clone(), info: info.cloned() })
}

pub(super) fn delete_agent() -> Draft {
    Draft::delete(Key::new(AGENT))
}

pub(super) fn put_total(total: &Resources) -> Draft {
    Draft::put(Key::new(TOTAL), total.clone())
}

pub(super) fn put_framework(id: &FrameworkId, info: &Arc<FrameworkInfo>) -> Draft {
    Draft::put_shared(Key::of(FRAMEWORK, id.shared()), info.clone())
}

pub(super) fn delete_framework(id: &FrameworkId) -> Draft {
    Draft::delete(Key::of(FRAMEWORK, id.shared()))
}

pub(super) fn put_executor(framework: &FrameworkId, id: &ExecutorId, record: ExecutorRecord) -> Draft {
    Draft::put(Key::of_two(EXECUTOR, framework.shared(), id.shared()), record)
}

pub(super) fn delete_executor(framework: &FrameworkId, id: &ExecutorId) -> Draft {
    Draft::delete(Key::of_two(EXECUTOR, framework.shared(), id.shared()))
}

pub(super) fn put_task(framework: &FrameworkId, id: &TaskId, record: TaskRecord) -> Draft {
    Draft::put(Key::of_two(TASK, framework.shared(), id.shared()), record)
}

/// Everything about a task with these unacknowledged updates.
pub(super) fn delete_task(
    framework: &FrameworkId,
    id: &TaskId,
    updates: impl Iterator<Item = u64>,
) -> impl Iterator<Item = Draft> {
    let rest = [STATE, TASK].map(|kind| Draft::delete(Key::of_two(kind, framework.shared(), id.shared())));
    updates.map(|number| delete_update(framework, id, number)).chain(rest)
}

pub(super) fn put_state(
    framework: &FrameworkId,
    id: &TaskId,
    state: TaskState,
    recent: Option<Vec<UpdateId>>,
) -> Draft {
    let key = Key::of_two(STATE, framework.shared(), id.shared());
    match recent {
        None => Draft::put(key, state),
        Some(recent) => {
            let low = u128::from(u64::MAX);
            #[allow(clippy::expect_used, reason = "the upper half is cut off")]
            let half = |bits: u128| u64::try_from(bits & low).expect("64 bits");
            let recent = recent.into_iter().map(|UpdateId(bits)| (half(bits >> 64), half(bits))).collect();
            Draft::put(key, StateRecord::WithRecent { state, recent })
        }
    }
}

pub(super) fn put_update(framework: &FrameworkId, number: u64, status: Arc<TaskStatus>) -> Draft {
    Draft::put_shared(update_key(framework, &status.task_id, number), status)
}

pub(super) fn delete_update(framework: &FrameworkId, id: &TaskId, number: u64) -> Draft {
    Draft::delete(update_key(framework, id, number))
}

fn update_key(framework: &FrameworkId, id: &TaskId, number: u64) -> Key {
    Key::of_two(UPDATE, framework.shared(), id.shared()).numbered(number)
}

pub(super) fn put_operation(record: OperationRecord) -> Draft {
    Draft::put(operation_key(record.operation.uuid), record)
}

pub(super) fn delete_operation(uuid: UpdateId) -> Draft {
    Draft::delete(operation_key(uuid))
}

fn operation_key(uuid: UpdateId) -> Key {
    Key::of(OPERATION, uuid.to_string().into())
}

pub(super) fn put_container(id: &ContainerId, record: ContainerRecord) -> Draft {
    Draft::put(Key::of(CONTAINER, id.shared()), record)
}

/// A container that no executor has: its name, and what it lies beside.
pub(super) fn put_standalone(id: &ContainerId, parent: Option<&ContainerId>) -> Draft {
    let key = Key::of(STANDALONE, id.shared());
    match parent {
        None => Draft::put(key, StandaloneRecord::Outermost(id.clone())),
        Some(parent) => Draft::put(key, StandaloneRecord::Beside { id: id.clone(), parent: parent.clone() }),
    }
}

pub(super) fn delete_standalone(id: &ContainerId) -> Draft {
    Draft::delete(Key::of(STANDALONE, id.shared()))
}

pub(super) fn delete_container(id: &ContainerId) -> Draft {
    Draft::delete(Key::of(CONTAINER, id.shared()))
}

/// Everything an earlier run wrote down.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) agent_id: Option<AgentId>,
    pub(super) info: Option<Arc<AgentInfo>>,
    pub(super) total: Option<Resources>,
    pub(super) frameworks: BTreeMap<FrameworkId, Arc<FrameworkInfo>>,
    pub(super) executors: BTreeMap<(FrameworkId, ExecutorId), ExecutorRecord>,
    pub(super) tasks: BTreeMap<(FrameworkId, TaskId), TaskRecord>,
    pub(super) states: BTreeMap<(FrameworkId, TaskId), StateRecord>,
    pub(super) updates: BTreeMap<(FrameworkId, TaskId), BTreeMap<u64, TaskStatus>>,
    pub(super) containers: BTreeMap<ContainerId, ContainerRecord>,
    /// Containers that no executor had, each with what it lay beside.
    pub(super) standalone: BTreeMap<ContainerId, Option<ContainerId>>,
    /// By their keys.
    pub(super) operations: BTreeMap<Arc<str>, OperationRecord>,
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
            [AGENT] => {
                let agent: AgentRecord = decode(record)?;
                (self.agent_id, self.info) = (Some(agent.id), agent.info);
            }
            [TOTAL] => self.total = Some(decode(record)?),
            [FRAMEWORK, id] => drop(self.frameworks.insert(parse(record, id)?, decode(record)?)),
            [EXECUTOR, framework, id] => {
                self.executors.insert((parse(record, framework)?, parse(record, id)?), decode(record)?);
            }
            [TASK, framework, id] => {
                self.tasks.insert((parse(record, framework)?, parse(record, id)?), decode(record)?);
            }
            [STATE, framework, id] => {
                self.states.insert((parse(record, framework)?, parse(record, id)?), decode(record)?);
            }
            [UPDATE, framework, id, number] => {
                let key = (parse(record, framework)?, parse(record, id)?);
                self.updates.entry(key).or_default().insert(parse(record, number)?, decode(record)?);
            }
            [OPERATION, _] => drop(self.operations.insert(record.key.clone(), decode(record)?)),
            [STANDALONE, id] => {
                let (written, parent) = match decode(record)? {
                    StandaloneRecord::Outermost(id) => (id, None),
                    StandaloneRecord::Beside { id, parent } => (id, Some(parent)),
                };
                let named: ContainerId = parse(record, id)?;
                if written != named {
                    return Err(format!("record {:?} is of another container: {written}", record.key));
                }
                if let Some(parent) = parent.clone().filter(|parent| nest_of(&named, parent.clone()).is_none()) {
                    return Err(format!("record {:?} lies beside {parent}, which its name does not say", record.key));
                }
                self.standalone.insert(named, parent);
            }
            [CONTAINER, id] => drop(self.containers.insert(parse(record, id)?, decode(record)?)),
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

/// Reads records, for fuzzing.
#[cfg(all(feature = "net", any(test, fuzzing)))]
pub(crate) fn read(records: &[Record]) -> Result<(), String> {
    Memory::decode(records).map(|memory| memory.states.into_values().for_each(|state| drop(state.into_parts())))
}

fn decode<T: serde::de::DeserializeOwned>(record: &Record) -> Result<T, String> {
    record.decode().map_err(|error| error.to_string())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(record: &Record, text: &str) -> Result<T, String> {
    text.parse().map_err(|problem| format!("record {:?} has an unreadable key: {problem}", record.key))
}

#[cfg(test)]
mod tests {
    use mesos_core::kernel::Change;
    use mesos_core::{Source, UpdateId, WallTime};

    use super::*;

    fn ids() -> (FrameworkId, TaskId) {
        (FrameworkId::new("f1").unwrap(), TaskId::new("t1").unwrap())
    }

    fn records(drafts: &[Draft]) -> Vec<Record> {
        drafts
            .iter()
            .map(|draft| match draft.write_out() {
                Change::Put(record) => record,
                Change::Delete(key) => panic!("{key} is deleted"),
            })
            .collect()
    }

    fn task_batch() -> Vec<Draft> {
        let (framework, id) = ids();
        let agent = AgentId::new("a1").unwrap();
        let info = Arc::new(TaskInfo::shell(id.clone(), agent.clone(), Resources::new(), "true"));
        let role = Role::new("web").unwrap();
        vec![
            put_agent(&agent, None),
            put_framework(&framework, &Arc::new(FrameworkInfo::new("f", role.clone()))),
            put_task(&framework, &id, TaskRecord { info, role }),
        ]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (framework, id) = ids();
        let mut status = TaskStatus::new(id.clone(), TaskState::Running, Source::Executor, WallTime::default());
        status.uuid = Some(UpdateId(u128::MAX - 5));
        let mut batch = task_batch();
        batch.push(put_update(&framework, 11, Arc::new(status.clone())));
        batch.push(put_state(&framework, &id, TaskState::Starting, None));
        let memory = Memory::decode(&records(&batch)).unwrap();
        let key = (framework, id);
        assert_eq!(memory.updates[&key][&11], status);
        assert_eq!(memory.states[&key], StateRecord::Bare(TaskState::Starting));
        assert_eq!(memory.tasks[&key].role.as_str(), "web");
    }

    #[cfg(feature = "net")]
    #[test]
    fn the_corpus_is_what_this_version_writes() {
        let (framework, id) = ids();
        let mut status = TaskStatus::new(id.clone(), TaskState::Running, Source::Executor, WallTime::default());
        status.uuid = Some(UpdateId(7));
        let executor = ExecutorId::new("e1").unwrap();
        let name = ContainerId::new("c1").unwrap();
        let info = Arc::new(ExecutorInfo::new(executor.clone(), "kind", "cpus:1".parse().unwrap()));
        let mut batch = task_batch();
        batch.extend([
            put_total(&"cpus:2;ports:[1-2]".parse().unwrap()),
            put_update(&framework, 11, Arc::new(status)),
            put_state(&framework, &id, TaskState::Starting, Some(vec![UpdateId(3)])),
            put_executor(&framework, &executor, ExecutorRecord { info, role: Role::new("web").unwrap() }),
            put_container(
                &name.clone(),
                ContainerRecord {
                    framework_id: framework.clone(),
                    executor_id: executor,
                    task_id: Some(id),
                    name,
                    is_process: false,
                    parent: None,
                },
            ),
        ]);
        let line = |record: Record| format!("{} {}\n", record.key, std::str::from_utf8(&record.value).unwrap());
        let text: String = records(&batch).into_iter().map(line).collect();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        mesos_core::net::corpus::keep(&folder, "checkpoint", "task", text.as_bytes()).unwrap();
    }

    #[test]
    fn a_state_with_updates_that_may_come_again_is_read_back() {
        let (framework, id) = ids();
        let recent = vec![UpdateId(7), UpdateId(u128::MAX)];
        let mut batch = task_batch();
        batch.push(put_state(&framework, &id, TaskState::Running, Some(recent.clone())));
        let mut memory = Memory::decode(&records(&batch)).unwrap();
        let state = memory.states.remove(&(framework, id)).unwrap();
        assert_eq!(state.into_parts(), (TaskState::Running, recent));
    }

    #[test]
    fn an_update_without_its_task_is_refused() {
        let (framework, id) = ids();
        let refused = Memory::decode(&records(&[put_state(&framework, &id, TaskState::Running, None)]));
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
