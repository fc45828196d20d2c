//! Shows what happens, and what the tasks write.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use mesos_core::{FrameworkId, TaskId, TaskState, TaskStatus};

use super::scheduler::News;
use super::work::Unit;
use crate::cluster::Cluster;
use crate::output::say;
use crate::sandbox::Follower;

/// One task, as far as it is shown.
#[derive(Default)]
struct Row {
    name: Arc<str>,
    /// Where it runs, as `host:port`.
    agent: Option<String>,
    follower: Option<Follower>,
}

/// How a task ended that did not finish.
#[derive(Debug, Clone, Copy)]
struct Bad {
    code: ExitCode,
    /// Maybe because another one of its group ended badly, whose news come later.
    is_killed: bool,
}

/// Shows what happens.
pub(super) struct Terminal {
    json: bool,
    follows: bool,
    has_waited: bool,
    framework: Option<FrameworkId>,
    /// Tasks that have not ended.
    open: BTreeMap<TaskId, Row>,
    /// Whether it must be said which task is meant.
    are_several: bool,
    /// How the first task ended that did not finish; one that was killed comes after all others.
    bad: Option<Bad>,
}

impl Terminal {
    pub(super) fn new(units: &[Unit], follows: bool, json: bool) -> Self {
        let tasks = units.iter().flat_map(Unit::tasks);
        let row = |name: &Arc<str>| Row { name: name.clone(), ..Row::default() };
        let open: BTreeMap<_, _> = tasks.map(|task| (task.id.clone(), row(&task.name))).collect();
        let are_several = open.len() > 1;
        Self { json, follows, has_waited: false, framework: None, open, are_several, bad: None }
    }

    fn say(&self, kind: &str, task: Option<&TaskId>, text: &str) {
        if self.json {
            let mut line = serde_json::json!({ "event": kind, "text": text });
            if let Some(task) = task {
                line["task"] = task.as_str().into();
            }
            say(line);
            return;
        }
        let name = task.and_then(|task| self.open.get(task)).filter(|_| self.are_several).map(|row| row.name.clone());
        match name {
            Some(name) => eprintln!("{name}: {text}"),
            None => eprintln!("{text}"),
        }
    }

    /// How the program is to end, once all tasks have ended.
    pub(super) async fn show(&mut self, cluster: &Cluster, news: News) -> Option<ExitCode> {
        match news {
            News::Subscribed(id) => self.framework = Some(id),
            News::Waits if !self.has_waited => {
                self.has_waited = true;
                self.say("waits", None, "no offer is large enough yet; waits (Ctrl-C gives up)");
            }
            News::Waits => {}
            News::Placed { tasks, hostname, port } => {
                for task in tasks {
                    self.say("placed", Some(&task), &format!("goes to {hostname}"));
                    if let Some(row) = self.open.get_mut(&task) {
                        row.agent = Some(format!("{hostname}:{port}"));
                    }
                }
            }
            News::Refused(why) => self.say("refused", None, &why),
            News::Status(status) => self.show_status(cluster, &status).await,
        }
        self.open.is_empty().then(|| self.bad.map_or(ExitCode::SUCCESS, |bad| bad.code))
    }

    async fn show_status(&mut self, cluster: &Cluster, status: &TaskStatus) {
        let id = &status.task_id;
        let message = status.message.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
        self.say("status", Some(id), &format!("{}{message}", status.state));
        if status.state == TaskState::Running && self.follows {
            self.follow(cluster, status);
        }
        if !status.state.is_terminal() {
            return;
        }
        if let Some(follower) = self.open.get_mut(id).and_then(|row| row.follower.take())
            && let Err(problem) = follower.finish().await
        {
            self.say("output", Some(id), &format!("the output cannot be shown: {problem}"));
        }
        if status.state != TaskState::Finished {
            self.bad = worse(self.bad, status);
        }
        self.open.remove(id);
    }

    fn follow(&mut self, cluster: &Cluster, status: &TaskStatus) {
        let (Some(framework), Some(row)) = (&self.framework, self.open.get_mut(&status.task_id)) else { return };
        let (None, Some(agent)) = (&row.follower, &row.agent) else { return };
        let executor = status.executor_id.as_ref().map_or(status.task_id.as_str(), |id| id.as_str());
        // Tasks of a group share an executor, and have each a container of their own.
        let run = status.container_id.as_ref().map_or("latest", |id| id.as_str());
        let folder = format!("/frameworks/{framework}/executors/{executor}/runs/{run}");
        let prefix = self.are_several.then(|| format!("{} | ", row.name));
        row.follower = Some(Follower::begin(cluster.agent(agent), &folder, prefix));
    }
}

/// What counts of what was bad before and this.
fn worse(before: Option<Bad>, status: &TaskStatus) -> Option<Bad> {
    let is_killed = status.state == TaskState::Killed;
    match before {
        Some(before) if is_killed || !before.is_killed => Some(before),
        _ => Some(Bad { code: code_of(status), is_killed }),
    }
}

/// The status of a task that did not finish, where it has one.
fn code_of(status: &TaskStatus) -> ExitCode {
    let said = status.message.as_deref().unwrap_or_default();
    let number = |before: &str| said.split(before).nth(1)?.split_whitespace().next()?.parse::<u8>().ok();
    match (number("exited with status "), number("terminated with signal ")) {
        (Some(code), _) if code != 0 => ExitCode::from(code),
        (_, Some(signal)) => ExitCode::from(signal.saturating_add(128)),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::{Source, WallTime};

    use super::*;

    fn status(state: TaskState, said: &str) -> TaskStatus {
        TaskStatus::new("t".parse().unwrap(), state, Source::Executor, WallTime::default()).saying(said)
    }

    fn ended(state: TaskState, said: &str) -> String {
        format!("{:?}", code_of(&status(state, said)))
    }

    #[test]
    fn one_that_was_killed_with_its_group_says_nothing_where_another_failed() {
        let killed = || status(TaskState::Killed, "Command terminated with signal 9");
        let failed = |code: u8| status(TaskState::Failed, &format!("Command exited with status {code}"));
        let code = |all: &[TaskStatus]| {
            let bad = all.iter().fold(None, worse).expect("something was bad");
            format!("{:?}", bad.code)
        };
        let expected = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(&[killed(), failed(9)]), expected(9));
        assert_eq!(code(&[failed(9), killed()]), expected(9));
        assert_eq!(code(&[failed(3), failed(9)]), expected(3));
        assert_eq!(code(&[killed()]), expected(137));
    }

    #[test]
    fn the_command_ends_as_its_task_ended() {
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(ended(TaskState::Failed, "Command exited with status 3"), code(3));
        assert_eq!(ended(TaskState::Killed, "Command terminated with signal 15"), code(143));
        assert_eq!(ended(TaskState::Failed, "no room"), code(1));
        assert_eq!(ended(TaskState::Failed, "Command exited with status 0"), code(1));
    }
}
