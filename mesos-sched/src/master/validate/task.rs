//! Whether a task can be started with what was offered.
//!
//! Semantics: Apache Mesos, `src/master/validation.cpp` (`task::validate`, `executor::validate`), as far as tasks have the
//! parts. Whether the id is in use is asked of the master's books first.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::{Component, Path};
use std::sync::Arc;

use mesos_core::{
    AgentCapability, AgentId, CommandInfo, ExecutorId, ExecutorInfo, ExecutorRun, KillPolicy, Rejection, RejectionCode,
    Resources, Run, Scalar, TaskId, TaskInfo, TaskRun,
};

use super::bound::{
    ARGUMENT_BYTES_MAX, COMMAND_BYTES_MAX, DATA_BYTES_MAX, LABELS_BYTES_MAX, NAME_BYTES_MAX, check_bytes,
    check_duration, check_grace, check_no_nul, excerpt, labels_bytes,
};
use super::usage::check_usage;

const CODE: RejectionCode = RejectionCode::InvalidTask;

/// Whom a refusal is about; written out only if there is one.
#[derive(Clone, Copy)]
enum Who<'a> {
    Task(&'a TaskId),
    Executor(&'a ExecutorId, &'a TaskId),
    Reported(&'a ExecutorId),
}

impl Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => write!(f, "task {task}"),
            Self::Executor(executor, task) => write!(f, "executor {executor} of task {task}"),
            Self::Reported(executor) => write!(f, "executor {executor}"),
        }
    }
}

/// Checks a task that is to run `on` this agent, which `can` do this, with what `remaining` holds, and says what it takes: its
/// own resources and those of its executor, if that is not `existing` there yet. A plain task is checked without allocating.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidTask`] names the rule broken.
pub fn validate_task(
    task: &TaskInfo,
    on: &AgentId,
    can: &BTreeSet<AgentCapability>,
    existing: Option<&ExecutorInfo>,
    remaining: &Resources,
) -> Result<Resources, Rejection> {
    let who = Who::Task(&task.id);
    if task.agent_id != *on {
        let what = format!("{who}: it is meant for agent {}, but the offers are of agent {on}", task.agent_id);
        return Err(Rejection::new(CODE, what, "launch a task on the agent of the offers"));
    }
    check_times(task, who)?;
    check_own_parts(task)?;
    check_limits(task, can, who)?;
    let Some(executor) = task.run.executor() else {
        check_name_is_free(task, existing)?;
        return take(task, None, remaining);
    };
    let of = Who::Executor(&executor.id, &task.id);
    if matches!(task.run, TaskRun::Executor(_)) && executor.run == ExecutorRun::Default {
        let what = format!("{of}: it runs groups, and the task is alone");
        return Err(Rejection::new(
            CODE,
            what,
            "launch the task as a group of one, or with an executor of another type",
        ));
    }
    check_described_alike(executor, existing, of)?;
    // One that runs there was checked when its first task brought it.
    if existing.is_none() {
        check_executor(executor, of)?;
        check_grace_of(executor, of)?;
    }
    take(task, existing.is_none().then_some(&**executor), remaining)
}

/// Checks that nothing of a task asks to run as root, for masters whose frameworks may not either. What names no user runs as
/// its framework's.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidTask`] says that something does.
pub fn validate_users(task: &TaskInfo) -> Result<(), Rejection> {
    if task.users().all(|user| user != "root") {
        return Ok(());
    }
    let what = format!("task {}: User 'root' is not allowed to run tasks without root submissions", task.id);
    Err(Rejection::new(CODE, what, "name another user for its command, its executor's and its checks'"))
}

/// Checks what makes single tasks a group, beyond what [`validate_task`] says of each.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidTask`] names the rule broken.
pub fn validate_group(tasks: &[Arc<TaskInfo>]) -> Result<(), Rejection> {
    let Some(first) = tasks.first() else {
        return Err(Rejection::new(CODE, "the group has no tasks", "name at least one task"));
    };
    let mut ids = BTreeSet::new();
    for task in tasks {
        let who = Who::Task(&task.id);
        let TaskRun::InGroup { group, executor, command } = &task.run else {
            return Err(Rejection::new(CODE, format!("{who}: it belongs to no group"), "launch it alone"));
        };
        if *group != first.id || Some(executor) != first.run.executor() {
            let what = format!("{who}: it belongs to another group or executor than task {}", first.id);
            return Err(Rejection::new(CODE, what, "give all tasks of a group the same executor"));
        }
        if !ids.insert(&task.id) {
            let what = format!("{who}: it is in the group twice");
            return Err(Rejection::new(CODE, what, "give every task of a group an id of its own"));
        }
        if !task.limits.is_empty() {
            let what = format!("{who}: it has limits of its own, and shares what its executor may use");
            return Err(Rejection::new(CODE, what, "leave limits out in a group, or launch the task alone"));
        }
        if command.is_none() && executor.run == ExecutorRun::Default {
            let what = format!("{who}: it has no command, and its executor runs nothing else");
            return Err(Rejection::new(CODE, what, "say what to run"));
        }
    }
    first.run.executor().map_or(Ok(()), |executor| check_group_executor(executor, &first.id))
}

/// An executor of groups is charged for what it uses itself: processor, memory and some disk, at least as much as Mesos asks
/// for (`MIN_CPUS`, `MIN_MEM` of `src/common/resources_utils.hpp`).
fn check_group_executor(executor: &ExecutorInfo, task: &TaskId) -> Result<(), Rejection> {
    let uses = &executor.resources;
    let is_enough =
        uses.cpus() >= Scalar::from_milli(10) && uses.mem() >= Scalar::from_units(32) && !uses.disk().is_zero();
    if is_enough {
        return Ok(());
    }
    let who = Who::Executor(&executor.id, task);
    let what = format!("{who}: it uses {}, too little for an executor of groups", excerpt(uses));
    Err(Rejection::new(CODE, what, "give it at least cpus:0.01, mem:32 and some disk"))
}

/// Checks the description of a task that an agent says it has, as when it was launched: what is booked from a report takes
/// no more room than what is booked from an offer. Times are not judged: they bind the agent, and a task that was launched
/// under another bound goes on.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidTask`] names the rule broken.
pub(super) fn check_reported_task(task: &TaskInfo) -> Result<(), Rejection> {
    check_own_parts(task)?;
    let executor = task.run.executor();
    executor.map_or(Ok(()), |executor| check_executor(executor, Who::Executor(&executor.id, &task.id)))
}

/// Checks the description of an executor that an agent says it has, as [`check_reported_task`] does.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidTask`] names the rule broken.
pub(super) fn check_reported_executor(executor: &ExecutorInfo) -> Result<(), Rejection> {
    check_executor(executor, Who::Reported(&executor.id))
}

/// What a task says of itself, without its executor.
fn check_own_parts(task: &TaskInfo) -> Result<(), Rejection> {
    let who = Who::Task(&task.id);
    check_sizes(task, who)?;
    if task.resources.is_empty() {
        return Err(Rejection::new(CODE, format!("{who}: it uses no resources"), "ask for some, say cpus and mem"));
    }
    check_usage(&who, &task.resources)?;
    task.run.command().map_or(Ok(()), |command| check_command(command, who))
}

/// A task may use more than it is given where its agent knows of that, and not less.
fn check_limits(task: &TaskInfo, can: &BTreeSet<AgentCapability>, who: Who<'_>) -> Result<(), Rejection> {
    if task.limits.is_empty() {
        return Ok(());
    }
    if !can.contains(&AgentCapability::TaskResourceLimits) {
        let what = format!("{who}: it has limits, which agent {} does not know", task.agent_id);
        return Err(Rejection::new(CODE, what, "use an agent with the capability TASK_RESOURCE_LIMITS"));
    }
    task.limits.check(&task.resources).map_err(|wrong| {
        let remedy = "limit what the task asks for, to no less than that";
        Rejection::new(CODE, format!("{who}: {wrong}"), remedy)
    })
}

fn check_sizes(task: &TaskInfo, who: Who<'_>) -> Result<(), Rejection> {
    check_bytes(CODE, &who, "the name", task.name.len(), NAME_BYTES_MAX)?;
    check_bytes(CODE, &who, "the labels", labels_bytes(&task.labels), LABELS_BYTES_MAX)?;
    let discovery = task.discovery.as_ref().map_or(0, |discovery| discovery.bytes());
    check_bytes(CODE, &who, "the discovery", discovery, LABELS_BYTES_MAX)?;
    check_bytes(CODE, &who, "the data", task.data.len(), DATA_BYTES_MAX)
}

fn check_times(task: &TaskInfo, who: Who<'_>) -> Result<(), Rejection> {
    check_grace(CODE, &who, "the grace of its kill policy", task.kill_policy.grace)?;
    match task.max_completion_time {
        None => Ok(()),
        Some(time) => check_duration(CODE, &who, "the longest time to completion", time),
    }
}

/// Texts the system will see, and how much of them.
struct Texts<'a> {
    who: Who<'a>,
    bytes: usize,
}

impl Texts<'_> {
    fn check(&mut self, what: &str, text: &str) -> Result<(), Rejection> {
        check_no_nul(CODE, &self.who, what, text)?;
        self.count(what, text.len())
    }

    fn count(&mut self, what: &str, bytes: usize) -> Result<(), Rejection> {
        check_bytes(CODE, &self.who, what, bytes, ARGUMENT_BYTES_MAX)?;
        // One for the end of each text: many empty arguments are not free.
        self.bytes = self.bytes.saturating_add(bytes + 1);
        check_bytes(CODE, &self.who, "all parts of the command", self.bytes, COMMAND_BYTES_MAX)
    }
}

fn check_command(command: &CommandInfo, who: Who<'_>) -> Result<(), Rejection> {
    let mut texts = Texts { who, bytes: 0 };
    let start = match &command.run {
        Run::Shell(line) => line,
        Run::Exec { program, arguments } => {
            for argument in arguments {
                texts.check("an argument", argument)?;
            }
            program
        }
    };
    if start.trim().is_empty() {
        return Err(Rejection::new(CODE, format!("{who}: its command is empty"), "say what to run"));
    }
    texts.check("the command", start)?;
    check_environment(command, &mut texts)?;
    if let Some(user) = &command.user {
        texts.check("the user", user)?;
    }
    match &command.working_dir {
        None => Ok(()),
        Some(folder) => {
            texts.check("the working directory", folder)?;
            check_working_dir(folder, who)
        }
    }
}

fn check_environment(command: &CommandInfo, texts: &mut Texts<'_>) -> Result<(), Rejection> {
    for (name, value) in &command.environment {
        if name.is_empty() || name.contains('=') {
            let what = format!("{}: {:?} is not the name of an environment variable", texts.who, excerpt(name));
            return Err(Rejection::new(CODE, what, "give it a name without '='"));
        }
        check_no_nul(CODE, &texts.who, "the name of an environment variable", name)?;
        check_no_nul(CODE, &texts.who, "the value of an environment variable", value)?;
        texts.count("name and value of an environment variable", name.len() + value.len() + 1)?;
    }
    Ok(())
}

/// A task starts inside its sandbox.
fn check_working_dir(folder: &str, who: Who<'_>) -> Result<(), Rejection> {
    let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !folder.is_empty() && Path::new(folder).components().all(is_inside) {
        return Ok(());
    }
    let what = format!("{who}: the working directory {:?} does not lie in the sandbox", excerpt(&folder));
    Err(Rejection::new(CODE, what, "give a path relative to the sandbox, without '..'"))
}

/// A command gets an executor with the task's own name.
fn check_name_is_free(task: &TaskInfo, existing: Option<&ExecutorInfo>) -> Result<(), Rejection> {
    if existing.is_none() {
        return Ok(());
    }
    let what = format!("task {}: an executor of this name runs on the agent already", task.id);
    Err(Rejection::new(CODE, what, "give the task another id, or run it by that executor"))
}

/// Tasks that name one executor describe one executor.
fn check_described_alike(info: &ExecutorInfo, existing: Option<&ExecutorInfo>, who: Who<'_>) -> Result<(), Rejection> {
    if existing.is_none_or(|existing| existing == info) {
        return Ok(());
    }
    let what = format!("{who}: an executor of this name with another description runs on the agent");
    Err(Rejection::new(CODE, what, "describe one executor alike in all its tasks, or name them differently"))
}

fn check_grace_of(info: &ExecutorInfo, who: Who<'_>) -> Result<(), Rejection> {
    check_grace(CODE, &who, "the grace of its shutdown", info.shutdown_grace)
}

fn check_kind(kind: &str, who: Who<'_>) -> Result<(), Rejection> {
    if kind.is_empty() || [ExecutorInfo::COMMAND, ExecutorInfo::DEFAULT].contains(&kind) {
        let what = format!("{who}: its kind is {kind:?}");
        return Err(Rejection::new(
            CODE,
            what,
            "name an implementation; those for commands and groups come with the tasks",
        ));
    }
    check_bytes(CODE, &who, "the kind", kind.len(), NAME_BYTES_MAX)
}

fn check_executor(info: &ExecutorInfo, who: Who<'_>) -> Result<(), Rejection> {
    match &info.run {
        ExecutorRun::Custom(command) => check_command(command, who)?,
        ExecutorRun::BuiltIn(kind) => check_kind(kind, who)?,
        _ => {}
    }
    check_bytes(CODE, &who, "the name", info.name.len(), NAME_BYTES_MAX)?;
    check_bytes(CODE, &who, "the labels", labels_bytes(&info.labels), LABELS_BYTES_MAX)?;
    check_bytes(CODE, &who, "the data", info.data.len(), DATA_BYTES_MAX)?;
    check_usage(&who, &info.resources)?;
    if info.resources.is_plain() || info.resources.shared().is_empty() {
        return Ok(());
    }
    Err(Rejection::new(CODE, format!("{who}: it uses shared resources"), "give shared volumes to tasks"))
}

/// Checks what a KILL asks for.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidTask`] if its grace is longer than [`GRACE_MAX`](super::GRACE_MAX).
pub fn validate_kill(task: &TaskId, policy: Option<KillPolicy>) -> Result<(), Rejection> {
    check_grace(CODE, &Who::Task(task), "the grace of the KILL", policy.and_then(|policy| policy.grace))
}

/// What the task takes from the offers. One after the other, so that what both name must be there twice: ranges and sets
/// that overlap are refused here.
fn take(task: &TaskInfo, executor: Option<&ExecutorInfo>, remaining: &Resources) -> Result<Resources, Rejection> {
    let Some(executor) = executor.filter(|executor| !executor.resources.is_empty()) else {
        if remaining.contains(&task.resources) {
            return Ok(task.resources.clone());
        }
        let what = format!(
            "task {}: it uses {}, but the offers hold {}",
            task.id,
            excerpt(&task.resources),
            excerpt(remaining)
        );
        return Err(Rejection::new(
            CODE,
            what,
            "use no more than the offers hold and earlier operations of the call left",
        ));
    };
    if let Some(left) = remaining.checked_sub(&task.resources)
        && left.contains(&executor.resources)
    {
        return Ok(task.resources.clone() + &executor.resources);
    }
    let what = format!(
        "task {}: it uses {} and its executor {}, but the offers hold {}",
        task.id,
        excerpt(&task.resources),
        excerpt(&executor.resources),
        excerpt(remaining),
    );
    Err(Rejection::new(CODE, what, "both together, without overlap, use no more than the offers hold"))
}

#[cfg(test)]
mod tests;
