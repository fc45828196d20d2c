//! Containers: what is started, how it may be limited, and how it ended.
//!
//! Data only; who starts them is a [`Containerizer`](crate::provider::Containerizer).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use crate::limit::ContainerLimits;
use crate::resource::Resources;
use crate::role::Role;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandInfo {
    /// The program and its arguments.
    pub run: Run,
    /// Added to the environment the agent gives; wins over it.
    pub environment: BTreeMap<Arc<str>, Arc<str>>,
    /// The user to run as; absent means the framework's, and if that is empty the agent's own.
    pub user: Option<Arc<str>>,
    /// Where to start, relative to the sandbox; absent means the sandbox itself.
    pub working_dir: Option<Arc<str>>,
    /// What is brought into the sandbox before it starts, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<Uri>,
}

/// Something that is brought into a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Uri {
    /// Where it is: `file:///path` on the agent's machine, or `http` or `https`.
    pub value: Arc<str>,
    /// Whether it is a program: then it may be run, and is not unpacked.
    pub is_executable: bool,
    /// Whether it is unpacked if its name is that of an archive, as it is unless told otherwise.
    pub is_extracted: bool,
    /// Whether the same thing may be kept for later containers. An agent may fetch it anew all the same.
    pub is_cached: bool,
    /// Its path in the sandbox; absent means the last part of its own.
    pub output_file: Option<Arc<str>>,
}

impl Uri {
    /// Under its own name, unpacked if it is an archive.
    #[must_use]
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        let value = value.into();
        Self { value, is_executable: false, is_extracted: true, is_cached: false, output_file: None }
    }
}

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// A line for `/bin/sh -c`.
    Shell(Arc<str>),
    /// A program, found along `PATH` when it has no `/`, and its arguments.
    Exec {
        /// The program.
        program: Arc<str>,
        /// Its arguments, without the program's own name.
        arguments: Vec<Arc<str>>,
    },
}

impl CommandInfo {
    /// A shell line.
    #[must_use]
    pub fn shell(line: impl Into<Arc<str>>) -> Self {
        Self::of(Run::Shell(line.into()))
    }

    /// A program and its arguments, without a shell.
    #[must_use]
    pub fn exec<A: Into<Arc<str>>>(program: impl Into<Arc<str>>, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self::of(Run::Exec { program: program.into(), arguments })
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    const fn of(run: Run) -> Self {
        Self { run, environment: BTreeMap::new(), user: None, working_dir: None, uris: Vec::new() }
    }
}

/// Everything a containerizer needs to start a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its name, unique on the agent.
    pub id: ContainerId,
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// Under which executor.
    pub executor_id: ExecutorId,
    /// For which task, if it is for one.
    #[serde(default)]
    pub task_id: Option<TaskId>,
    /// On which agent.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    /// The role its resources are allocated to.
    #[serde(default)]
    pub role: Option<Role>,
    /// What to run.
    pub command: CommandInfo,
    /// What it is given.
    pub resources: Resources,
    /// What it may use beyond that.
    #[serde(default, skip_serializing_if = "ContainerLimits::is_empty")]
    pub limits: ContainerLimits,
    /// What it is for.
    #[serde(default)]
    pub purpose: Purpose,
    /// Whether it is to run on when its agent's process ends, for the next one to take back: its framework checkpoints. A
    /// containerizer that cannot do that ends it.
    #[serde(default)]
    pub is_checkpointed: bool,
    /// Whether its standard input is [written to](crate::provider::Containerizer::write_input) while it runs; otherwise it
    /// finds nothing to read.
    #[serde(default)]
    pub takes_input: bool,
    /// Whether it has a terminal for its three streams, and how large that is at first; what it shows is its standard output. A
    /// containerizer that has none refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<WindowSize>,
}

/// How large a terminal is, in characters; nothing where nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    /// From top to bottom.
    pub rows: u16,
    /// From left to right.
    pub columns: u16,
}

impl ContainerSpec {
    /// A container for a task.
    #[must_use]
    pub const fn new(
        id: ContainerId,
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        command: CommandInfo,
        resources: Resources,
    ) -> Self {
        Self {
            id,
            framework_id,
            executor_id,
            task_id: None,
            agent_id: None,
            role: None,
            command,
            resources,
            limits: ContainerLimits { cpus: None, mem: None },
            purpose: Purpose::Task,
            is_checkpointed: false,
            takes_input: false,
            terminal: None,
        }
    }

    /// Tells the command by its environment where it is, as an agent's host does before it hands the container over. What the
    /// command says itself wins. The names are those of Apache Mesos, `docs/executor-http-api.md`.
    pub fn furnish(&mut self) {
        let environment = &mut self.command.environment;
        let mut offer = |name: &str, value: Arc<str>| {
            if !environment.contains_key(name) {
                environment.insert(name.into(), value);
            }
        };
        if !self.purpose.is_standalone() {
            offer("MESOS_FRAMEWORK_ID", self.framework_id.shared());
            offer("MESOS_EXECUTOR_ID", self.executor_id.shared());
        }
        if let Some(task_id) = &self.task_id {
            offer("MESOS_TASK_ID", task_id.shared());
        }
        if let Some(agent_id) = &self.agent_id {
            offer("MESOS_AGENT_ID", agent_id.shared());
        }
        if let Some(role) = &self.role {
            offer("MESOS_ALLOCATION_ROLE", role.as_str().into());
        }
    }
}

/// What a container is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Purpose {
    /// A task runs in it.
    #[default]
    Task,
    /// An executor runs in it, which will connect to the agent.
    Executor,
    /// Somebody asked the agent for it, beside another one.
    Nested {
        /// The other one; this one ends with it.
        parent: ContainerId,
    },
    /// Somebody asked the agent for it, and no executor has it, nor the one it may lie beside: framework and executor are names
    /// alone.
    Standalone,
    /// Somebody looks from it into another one: a check whether its task is well, or a session. It begins where that began.
    Debug {
        /// The other one.
        parent: ContainerId,
    },
    /// Somebody looks from it into one that no executor has. It begins where that began.
    StandaloneDebug {
        /// The other one.
        parent: ContainerId,
    },
}

impl Purpose {
    /// Whether no executor has it.
    #[must_use]
    pub const fn is_standalone(&self) -> bool {
        matches!(self, Self::Standalone | Self::StandaloneDebug { .. })
    }
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// The process returned this status.
    Status(i32),
    /// The process was ended by this signal.
    Signalled(i32),
    /// It used more than it was given and was ended for it.
    LimitExceeded {
        /// Which resource, for example `mem`.
        resource: Arc<str>,
        /// What was seen.
        message: Arc<str>,
    },
    /// It ended while nobody could look, for example during an agent's absence.
    Unknown,
}

impl Exit {
    /// As the system writes it for whoever waits: `status << 8`, or the number of the signal; -1 when nobody knows.
    #[must_use]
    pub const fn wait_status(&self) -> i32 {
        match self {
            Self::Status(status) => (*status & 0xff) << 8,
            Self::Signalled(signal) => *signal & 0x7f,
            // What used too much is ended by SIGKILL.
            Self::LimitExceeded { .. } => 9,
            Self::Unknown => -1,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "Command exited with status {status}"),
            Self::Signalled(signal) => write!(f, "Command terminated with signal {signal}"),
            Self::LimitExceeded { resource, message } => write!(f, "Limit of {resource} exceeded: {message}"),
            Self::Unknown => {
                f.write_str("Command ended while its agent was away, or how it ended could not be written down")
            }
        }
    }
}

/// The signals containers are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Signal {
    /// Please end (SIGTERM).
    Terminate,
    /// End (SIGKILL).
    Kill,
    /// Another one, by its number on this system.
    Other(u8),
}

impl Signal {
    /// The last number of a signal.
    const LAST: u8 = 64;

    /// The signal of this number, if there is one.
    #[must_use]
    pub fn of(number: i32) -> Option<Self> {
        match u8::try_from(number).ok()? {
            9 => Some(Self::Kill),
            15 => Some(Self::Terminate),
            other @ 1..=Self::LAST => Some(Self::Other(other)),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Terminate => 15,
            Self::Kill => 9,
            Self::Other(number) => number as i32,
        }
    }
}

/// What a container uses now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time since the start, in nanoseconds.
    pub cpu_nanos: u64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub processes: u32,
}
