//! An executor of one's own: a program that an agent starts, and that runs tasks as it sees fit.
//!
//! This one runs nothing at all. What a task carries as data says how it is to end: `finish` (or nothing) at once, `fail`
//! at once and badly, `run` when it is killed, `contain` with a process in a container of its own, `tell` with one that says
//! whether it could speak for the executor, `check` when that is killed, after a look at it, and `crash` takes the whole
//! executor along. It answers every message with the same words.
//!
//! It needs an agent to start it: give a task an `ExecutorInfo` of type CUSTOM whose command is this program.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::Call;
use mesos_core::health::{Check, Checked};
use mesos_core::{CommandInfo, ContainerId, Executor, ExecutorCx, Exit, KillPolicy, TaskId, TaskInfo, TaskState};
use mesos_exec::daemon::ExecutorDriver;

/// Runs tasks that do nothing.
#[derive(Debug, Default)]
struct Idle {
    running: Vec<TaskId>,
    /// Of these a look is taken at what they wrote.
    looked_at: Vec<TaskId>,
}

/// The name of a look at a task begins so.
const LOOK: &str = "look-at-";

fn contain(cx: &mut ExecutorCx<'_>, task: &TaskInfo, line: &str) {
    let container = ContainerId::new(task.id.shared()).expect("a task's id is a container's too");
    let (task_id, resources) = (task.id.clone(), task.resources.clone());
    let (command, limits) = (CommandInfo::shell(line), task.limits);
    cx.emit(Call::Launch { container, task_id, command, resources, limits });
}

fn look(cx: &mut ExecutorCx<'_>, container: &ContainerId) {
    let check = ContainerId::new(format!("{LOOK}{container}")).expect("letters and an id make an id");
    let line = "until test -s found; do sleep 0.01; done; exit $(wc -l < found)";
    let what = Check::Command(Box::new(CommandInfo::shell(line)));
    cx.emit(Call::Check { check, container: container.clone(), what, timeout: Duration::from_secs(60) });
}

impl Idle {
    fn start(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskInfo) {
        match &*task.data {
            b"run" => {
                self.running.push(task.id.clone());
                cx.report(&task.id, TaskState::Running);
            }
            b"fail" => cx.report_saying(&task.id, TaskState::Failed, "as it was told to"),
            b"contain" => contain(cx, task, "echo inside > found; exit 7"),
            b"tell" => contain(cx, task, "exit $(env | grep -c MESOS_EXECUTOR_AUTHENTICATION_TOKEN)"),
            b"check" => {
                self.looked_at.push(task.id.clone());
                contain(cx, task, "echo inside > found; exec sleep 1000");
            }
            b"crash" => std::process::exit(3),
            _ => {
                cx.report(&task.id, TaskState::Running);
                cx.report(&task.id, TaskState::Finished);
            }
        }
    }
}

impl Executor for Idle {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            self.start(cx, &task);
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, _: KillPolicy) {
        if let Some(at) = self.running.iter().position(|own| own == task) {
            self.running.swap_remove(at);
            cx.report(task, TaskState::Killed);
        } else if let Ok(container) = ContainerId::new(task.shared()) {
            cx.emit(Call::Destroy { container });
        }
    }

    fn launched(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId) {
        if let Ok(task) = TaskId::new(container.shared()) {
            cx.report(&task, TaskState::Running);
            if self.looked_at.contains(&task) {
                look(cx, container);
            }
        }
    }

    fn checked(&mut self, cx: &mut ExecutorCx<'_>, check: &ContainerId, found: Checked) {
        let task = check.as_str().strip_prefix(LOOK).and_then(|name| TaskId::new(name).ok());
        if let Some(task) = task {
            cx.report_saying(&task, TaskState::Running, found.problem.as_deref().unwrap_or("nothing was wrong"));
        }
    }

    fn exited(&mut self, cx: &mut ExecutorCx<'_>, container: &ContainerId, exit: Result<Exit, Arc<str>>) {
        let how = exit.map_or_else(|problem| problem.to_string(), |exit| exit.to_string());
        if let Ok(task) = TaskId::new(container.shared()) {
            cx.report_saying(&task, TaskState::Finished, how);
        }
    }

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, _: Duration) {
        for task in std::mem::take(&mut self.running) {
            cx.report(&task, TaskState::Killed);
        }
        cx.emit(Call::Exit);
    }

    /// Nobody makes this executor anew: its process outlives its agent.
    fn recovered(&mut self, _: &mut ExecutorCx<'_>, _: Vec<(Arc<TaskInfo>, TaskState)>, _: &[ContainerId]) {}

    fn message(&mut self, cx: &mut ExecutorCx<'_>, data: &[u8]) {
        cx.emit(Call::Message(data.into()));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let why = ExecutorDriver::from_env(Idle::default())?.run().await;
    tracing::info!(%why, "ends");
    Ok(())
}
