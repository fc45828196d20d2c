//! What is to run: tasks that are placed alone, and groups that are placed together.

use std::sync::Arc;

use anyhow::Context as _;
use mesos_core::container::Uri;
use mesos_core::kernel::Rng;
use mesos_core::wire::{json, v1};
use mesos_core::{
    AgentId, CommandInfo, ContainerLimits, ExecutorId, ExecutorInfo, Operation, Resources, TaskId, TaskInfo, TaskRun,
};
use serde_json::{Value, json};

use super::Execute;

/// Stands for an agent until there is one.
const NOWHERE: &str = "nowhere-yet";
/// What the executor of a group is given, as Apache Mesos' `mesos-execute` gives it (`src/cli/execute.cpp`).
const GROUP_OVERHEAD: &str = "cpus:0.1;mem:32;disk:32";

/// What is placed at once, on one agent.
#[derive(Debug)]
pub(super) struct Unit {
    tasks: Vec<TaskInfo>,
    /// Of a group.
    executor: Option<ExecutorInfo>,
    needs: Resources,
}

impl Unit {
    fn alone(task: TaskInfo) -> Self {
        let needs = task.resources.clone();
        Self { tasks: vec![task], executor: None, needs }
    }

    /// What it uses in all.
    pub(super) const fn needs(&self) -> &Resources {
        &self.needs
    }

    pub(super) fn tasks(&self) -> &[TaskInfo] {
        &self.tasks
    }

    /// A name for people: its first task's.
    pub(super) fn name(&self) -> &str {
        self.tasks.first().map_or("", |task| &task.name)
    }

    /// What starts it on this agent.
    pub(super) fn place(self, agent: &AgentId) -> Operation {
        let there = |mut task: TaskInfo| {
            task.agent_id = agent.clone();
            task
        };
        let tasks = self.tasks.into_iter().map(there);
        match self.executor {
            Some(executor) => Operation::LaunchGroup(TaskInfo::group(executor, tasks)),
            None => Operation::Launch(tasks.map(Arc::new).collect()),
        }
    }
}

/// What the flags say.
pub(super) fn units(flags: &Execute) -> anyhow::Result<Vec<Unit>> {
    let mut rng = Rng::new(mesos_core::daemon::entropy());
    let prefix = format!("execute-{}", &rng.update_id().to_string()[..12]);
    match &flags.task_group {
        None => instances(flags, &prefix),
        Some(file) => {
            let text = std::fs::read(file).with_context(|| format!("--task_group {}", file.display()))?;
            let group = group(&text, &prefix).with_context(|| format!("--task_group {}", file.display()))?;
            Ok(vec![group])
        }
    }
}

fn instances(flags: &Execute, prefix: &str) -> anyhow::Result<Vec<Unit>> {
    let command = command(flags)?;
    let name = flags.name.clone().unwrap_or_else(|| flags.command.join(" "));
    let resources: Resources = format!("cpus:{:?};mem:{:?}", flags.cpus, flags.mem).parse()?;
    let limits = ContainerLimits { cpus: flags.cpus_limit, mem: flags.mem_limit };
    limits.check(&resources)?;
    let nowhere = AgentId::new(NOWHERE)?;
    let mut units = Vec::new();
    for number in 0..flags.instances {
        let is_alone = flags.instances == 1;
        let id = TaskId::new(if is_alone { prefix.to_owned() } else { format!("{prefix}-{number}") })?;
        let mut task = TaskInfo::command(id, nowhere.clone(), resources.clone(), command.clone());
        task.limits = limits;
        task.name = if is_alone { name.as_str().into() } else { format!("{name} #{number}").into() };
        units.push(Unit::alone(task));
    }
    Ok(units)
}

fn command(flags: &Execute) -> anyhow::Result<CommandInfo> {
    let mut command = match flags.command.as_slice() {
        [line] if line.is_empty() => anyhow::bail!("the command is empty; say what to run"),
        [line] => CommandInfo::shell(line.as_str()),
        [program, arguments @ ..] => {
            CommandInfo::exec(program.as_str(), arguments.iter().map(String::as_str).collect::<Vec<_>>())
        }
        [] => anyhow::bail!("say what to run"),
    };
    for pair in &flags.env {
        let (name, value) = pair.split_once('=').with_context(|| format!("--env {pair:?}: write NAME=VALUE"))?;
        command = command.env(name, value);
    }
    command.uris = flags.uri.iter().map(|uri| Uri::new(uri.as_str())).collect();
    command.user = flags.user.as_deref().map(Into::into);
    Ok(command)
}

/// A group as `mesos-execute` of Apache Mesos reads it. Ids are made for tasks that have none.
fn group(text: &[u8], prefix: &str) -> anyhow::Result<Unit> {
    let said: Value = serde_json::from_slice(text).context("this is no JSON")?;
    let said = said["tasks"].as_array().filter(|tasks| !tasks.is_empty());
    let said = said.context("say at least one task, as {\"tasks\": [{\"name\": …, \"command\": {\"value\": …}}]}")?;
    let mut tasks = Vec::new();
    for (number, task) in said.iter().enumerate() {
        tasks.push(group_task(task, format!("{prefix}-{number}")).with_context(|| format!("tasks[{number}]"))?);
    }
    let id = ExecutorId::new(prefix)?;
    let overhead: Resources = GROUP_OVERHEAD.parse()?;
    let needs = tasks.iter().map(|task: &TaskInfo| &task.resources).sum::<Resources>() + &overhead;
    Ok(Unit { tasks, executor: Some(ExecutorInfo::for_groups(id, overhead)), needs })
}

fn group_task(said: &Value, id: String) -> anyhow::Result<TaskInfo> {
    let mut said = said.clone();
    let fields = said.as_object_mut().context("a task is an object")?;
    let is_named =
        |value: Option<&Value>| value.is_some_and(|id| id["value"].as_str().is_some_and(|id| !id.is_empty()));
    if !is_named(fields.get("task_id")) {
        fields.insert("task_id".into(), json!({ "value": id }));
    }
    fields.insert("agent_id".into(), json!({ "value": NOWHERE }));
    let name = fields["task_id"]["value"].clone();
    fields.entry("name").or_insert(name);
    let task: v1::TaskInfo = json::from_value(said)?;
    let task = TaskInfo::try_from(task)?;
    anyhow::ensure!(matches!(task.run, TaskRun::Command(_)), "say its command; the executor is the group's");
    Ok(task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_as_other_tools_write_it() {
        let text = br#"{"tasks": [
            {"name": "a", "task_id": {"value": "one"}, "agent_id": {"value": ""}, "command": {"value": "true"},
             "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}}]},
            {"command": {"value": "sleep 1"}, "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}]}
        ]}"#;
        let unit = group(text, "x").unwrap();
        let ids: Vec<_> = unit.tasks().iter().map(|task| (task.id.as_str(), &*task.name)).collect();
        assert_eq!(ids, [("one", "a"), ("x-1", "x-1")]);
        assert!(unit.needs().contains(&"cpus:1.6;mem:32".parse().unwrap()), "{}", unit.needs());
        let agent = AgentId::new("a1").unwrap();
        let Operation::LaunchGroup(tasks) = unit.place(&agent) else { panic!("no group") };
        assert!(tasks.iter().all(|task| task.agent_id == agent));
    }

    #[test]
    fn what_is_wrong_with_a_group_is_named() {
        let says = |text: &str, what: &str| {
            let refused = format!("{:#}", group(text.as_bytes(), "x").unwrap_err());
            assert!(refused.contains(what), "{text}: {refused}");
        };
        says("{", "JSON");
        says("{}", "at least one task");
        says(r#"{"tasks": [3]}"#, "tasks[0]");
        says(r#"{"tasks": [{"name": "a"}]}"#, "command");
        says(r#"{"tasks": [{"task_id": {"value": "a/b"}, "command": {"value": "x"}}]}"#, "a/b");
    }
}
