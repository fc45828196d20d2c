//! What may wait for peers, in bytes: for one, and for all of them together.
//!
//! Messages are bounded by their number where they wait. That is not enough: some are small and some are not, and many peers
//! that do not read hold as much as all of them together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::call::agent::ToAgent;
use crate::call::scheduler::Event;
use crate::container::{CommandInfo, Run};
use crate::executor::ExecutorInfo;
use crate::feedback::OperationStatus;
use crate::framework::FrameworkInfo;
use crate::resource::{Label, Resources};
use crate::task::{TaskInfo, TaskRun, TaskStatus};

/// About what one entry of resources takes.
const RESOURCE_BYTES: usize = 128;
/// About what an id takes.
const ID_BYTES: usize = 64;
/// What a label, or a variable of an environment, takes beside its text.
const PAIR_BYTES: usize = 64;

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BacklogBounds {
    /// For one peer. One that reaches this is cut off: it comes back and is told everything again.
    pub stream_bytes_max: usize,
    /// For all peers of a kind together. When that is reached the one that holds most is cut off.
    pub sum_bytes_max: usize,
}

impl Default for BacklogBounds {
    /// For one, the answer to a reconciliation of a quarter of a million tasks; for all, eight of these.
    fn default() -> Self {
        Self { stream_bytes_max: 128 << 20, sum_bytes_max: 1 << 30 }
    }
}

/// A message that may have to wait.
pub trait Weigh {
    /// About how many bytes it takes. What it shares with others counts as well: while it waits it may be the last that has
    /// it.
    fn bytes(&self) -> usize;
}

impl Weigh for Event {
    fn bytes(&self) -> usize {
        let beside: usize = match self {
            Self::Offers(offers) => offers.iter().map(|offer| size_of_val(offer) + bag(&offer.resources)).sum(),
            Self::InverseOffers(offers) => offers.iter().map(size_of_val).sum(),
            Self::Update(status) => of_status(status),
            Self::OperationUpdate(status) => of_operation(status),
            Self::Message { data, .. } => data.len(),
            Self::Error(why) => why.what.len() + why.remedy.len(),
            _ => 0,
        };
        size_of::<Self>() + ID_BYTES + beside
    }
}

impl Weigh for ToAgent {
    fn bytes(&self) -> usize {
        let beside: usize = match self {
            Self::Reregistered { missing, .. } => missing.len() * 2 * ID_BYTES,
            Self::Run(run) => size_of_val(&**run) + of_framework(&run.framework) + of_task(&run.task),
            Self::RunGroup(run) => {
                let tasks = run.tasks.iter().map(|task| of_task(task));
                size_of_val(&**run) + of_framework(&run.framework) + tasks.sum::<usize>()
            }
            Self::UpdateFramework { info, .. } => of_framework(info),
            Self::SetTotal { total } => bag(total),
            Self::Apply(apply) => {
                size_of_val(&**apply)
                    + of_framework(&apply.framework)
                    + bag(&apply.operation.converted)
                    + bag(&apply.total)
            }
            Self::Message { data, .. } => data.len(),
            Self::Shutdown(why) => why.what.len() + why.remedy.len(),
            _ => 0,
        };
        size_of::<Self>() + ID_BYTES + beside
    }
}

fn bag(resources: &Resources) -> usize {
    resources.len() * RESOURCE_BYTES
}

fn pairs(pairs: &BTreeMap<Arc<str>, Arc<str>>) -> usize {
    pairs.iter().map(|(name, value)| PAIR_BYTES + name.len() + value.len()).sum()
}

fn of_status(status: &TaskStatus) -> usize {
    let text = status.message.as_ref().map_or(0, |message| message.len());
    let label = |label: &Label| PAIR_BYTES + label.key.len() + label.value.as_ref().map_or(0, String::len);
    let labels: usize = status.labels.as_slice().iter().map(label).sum();
    let beside = labels + status.limitation.as_ref().map_or(0, |limitation| bag(limitation));
    size_of_val(status) + 2 * ID_BYTES + text + beside + status.data.as_ref().map_or(0, |data| data.len())
}

fn of_operation(status: &OperationStatus) -> usize {
    size_of_val(status) + status.message.as_ref().map_or(0, |message| message.len()) + bag(&status.converted)
}

fn of_framework(info: &FrameworkInfo) -> usize {
    size_of_val(info) + info.roles.len() * ID_BYTES + pairs(&info.labels)
}

fn of_task(task: &TaskInfo) -> usize {
    let run = match &task.run {
        TaskRun::Command(command) => of_command(command),
        TaskRun::Executor(executor) => of_executor(executor),
        TaskRun::InGroup { executor, command, .. } => of_executor(executor) + command.as_ref().map_or(0, of_command),
    };
    size_of_val(task) + task.data.len() + pairs(&task.labels) + bag(&task.resources) + run
}

fn of_command(command: &CommandInfo) -> usize {
    let uris = command.uris.iter().map(|uri| size_of_val(uri) + uri.value.len());
    let line = match &command.run {
        Run::Shell(line) => line.len(),
        Run::Exec { program, arguments } => {
            program.len() + arguments.iter().map(|argument| size_of_val(argument) + argument.len()).sum::<usize>()
        }
    };
    line + pairs(&command.environment) + uris.sum::<usize>()
}

fn of_executor(executor: &ExecutorInfo) -> usize {
    let command = executor.command().map_or(0, of_command);
    size_of_val(executor) + executor.data.len() + pairs(&executor.labels) + bag(&executor.resources) + command
}

/// What waits for one peer, as far as it is known: its queue is looked at when something is said.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Of each message that may still wait, the oldest first.
    messages: VecDeque<usize>,
    bytes: usize,
}

impl Waiting {
    /// Only the newest `count` wait by now; the bytes that went.
    pub(super) fn settle(&mut self, count: usize) -> usize {
        let mut gone = 0;
        while self.messages.len() > count {
            gone += self.messages.pop_front().unwrap_or_default();
        }
        self.bytes -= gone;
        gone
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.messages.push_back(bytes);
        self.bytes += bytes;
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
