//! Tasks of a job: which is next, and what it runs.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::CommandInfo;
use mesos_core::text::shared;

use crate::container::{DURATION_ENV, EXIT_ENV};
use crate::scheduler::queue::Progress;
use crate::workload::{Job, replica};

/// Longer than any run: what is added to a time must not overflow it.
pub(super) const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The task of a job to launch next on this agent.
pub(super) fn next_task(progress: &Progress, job: &Job, agent: u32, is_near_wanted: bool) -> Option<u32> {
    if let Some(again) = progress.again.last() {
        return Some(*again);
    }
    if job.replicas == 0 {
        return Some(progress.next);
    }
    let near = progress.near.get(&agent).and_then(|tasks| tasks.first().copied());
    if is_near_wanted { near } else { near.or_else(|| progress.open.first().copied()) }
}

/// Takes note that a task is launched.
pub(super) fn begin(progress: &mut Progress, job: &Job, index: u32, task: u32, agents: u32) {
    if progress.again.last() == Some(&task) {
        progress.again.pop();
        return;
    }
    if job.replicas == 0 {
        progress.next += 1;
        return;
    }
    progress.open.remove(&task);
    for copy in 0..job.replicas {
        let agent = replica(index, task, copy, agents);
        if let Some(tasks) = progress.near.get_mut(&agent) {
            tasks.remove(&task);
            if tasks.is_empty() {
                progress.near.remove(&agent);
            }
        }
    }
}

pub(super) fn command(job: &Job, task: u32, factor: f64) -> CommandInfo {
    let command = match job.runs.of(task) {
        Some(run) => {
            let run = if factor > 1.0 { run.mul_f64(factor) } else { run };
            CommandInfo::shell(shared(format_args!("sleep {}", run.as_secs_f64())))
        }
        None => CommandInfo::shell("serve").env(DURATION_ENV, "forever"),
    };
    if job.fails {
        CommandInfo::shell("fail").env(DURATION_ENV, secs_of(job, task)).env(EXIT_ENV, "1")
    } else {
        command
    }
}

fn secs_of(job: &Job, task: u32) -> Arc<str> {
    job.runs.of(task).map_or_else(|| "forever".into(), |run| shared(format_args!("{}", run.as_secs_f64())))
}
