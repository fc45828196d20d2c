//! How the tasks of a framework that does everything are run: each by itself, by executors that are processes of their own, or
//! in groups.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::health::{Check, HealthCheck, Probe, Question};
use mesos_core::resource::{Quantities, ResourceName};
use mesos_core::{
    CommandInfo, ExecutorId, ExecutorInfo, Offer, Operation, Resources, Scalar, SchedulerCx, TaskInfo, TaskRun,
};
use serde::{Deserialize, Serialize};

use crate::container::DURATION_ENV;
use crate::program::Programs;

/// How tasks are run. All chances are per million.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ways {
    /// The tasks of an accept are run by an executor that is a process of its own.
    pub executor_ppm: u32,
    /// The tasks of an accept are a group.
    pub group_ppm: u32,
    /// The program of such an executor is broken: it never connects, or ends before it does.
    pub broken_ppm: u32,
    /// It is asked regularly whether a task is well.
    pub health_ppm: u32,
    /// A task needs a gpu.
    pub gpu_ppm: u32,
    /// An executor is sent a message.
    pub message_ppm: u32,
}

/// Executors of one kind a framework has on an agent.
const EXECUTORS: u64 = 2;

impl Ways {
    /// The operation that launches these tasks, out of what is left of an offer, and the executor that is named in it.
    pub(super) fn launch(
        self,
        cx: &mut SchedulerCx<'_>,
        offer: &Offer,
        left: &mut Resources,
        mut tasks: Vec<TaskInfo>,
    ) -> (Operation, Option<ExecutorId>) {
        if cx.rng.chance(self.health_ppm) {
            tasks.iter_mut().for_each(|task| task.health_check = Some(health_check(cx)));
        }
        if cx.rng.chance(self.group_ppm)
            && let Some(executor) = self.group_executor(cx, offer, left)
        {
            let id = executor.id.clone();
            return (Operation::LaunchGroup(TaskInfo::group(executor, tasks)), Some(id));
        }
        if cx.rng.chance(self.executor_ppm)
            && let Some(executor) = self.runner(cx, offer, left)
        {
            let (id, executor) = (executor.id.clone(), Arc::new(executor));
            tasks.iter_mut().for_each(|task| run_by(task, &executor));
            return (Operation::Launch(tasks.into_iter().map(Into::into).collect()), Some(id));
        }
        (Operation::Launch(tasks.into_iter().map(Into::into).collect()), None)
    }

    fn runner(self, cx: &mut SchedulerCx<'_>, offer: &Offer, left: &mut Resources) -> Option<ExecutorInfo> {
        let resources = share(left)?;
        let (kind, line) = match cx.rng.chance(self.broken_ppm) {
            false => ("runner", Programs::RUNNER),
            true if cx.rng.chance(500_000) => ("silent", "a program that never connects"),
            true => ("broken", "exit 3"),
        };
        let id = name(cx, kind, offer);
        let command = CommandInfo::shell(line);
        // What runs tasks runs until they are done; what is broken ends as its line says, or never.
        let command = if kind == "broken" { command } else { command.env(DURATION_ENV, "forever") };
        Some(ExecutorInfo::custom(id, command, resources))
    }

    #[allow(clippy::unused_self, reason = "beside its sibling")]
    fn group_executor(self, cx: &mut SchedulerCx<'_>, offer: &Offer, left: &mut Resources) -> Option<ExecutorInfo> {
        let resources = share(left)?;
        if cx.rng.chance(500_000) {
            return Some(ExecutorInfo::for_groups(name(cx, "default", offer), resources));
        }
        let command = CommandInfo::shell(Programs::GROUPS).env(DURATION_ENV, "forever");
        Some(ExecutorInfo::custom(name(cx, "groups", offer), command, resources))
    }
}

/// What an executor uses itself, if there is so much that nobody owns.
fn share(left: &mut Resources) -> Option<Resources> {
    let amounts: Quantities = [
        (ResourceName::Cpus, Scalar::from_milli(50)),
        (ResourceName::Mem, Scalar::from_units(32)),
        (ResourceName::Disk, Scalar::from_units(8)),
    ]
    .into_iter()
    .collect();
    let mut part = left.unreserved().scalars();
    part.shrink(&amounts);
    let is_enough = part.contains_quantities(&amounts);
    is_enough.then(|| {
        *left -= &part;
        part
    })
}

/// One name for one description: what an executor uses belongs to the role of the offer.
fn name(cx: &mut SchedulerCx<'_>, kind: &str, offer: &Offer) -> ExecutorId {
    let role = offer.role.as_str().replace('/', ".");
    ExecutorId::new(format!("{kind}-{role}-{}", cx.rng.below(EXECUTORS))).expect("letters and digits make an id")
}

/// The task is run by this executor, which is told how long in its data.
fn run_by(task: &mut TaskInfo, executor: &Arc<ExecutorInfo>) {
    let runs_for = task.run.command().and_then(|command| command.environment.get(DURATION_ENV)).cloned();
    task.data = runs_for.map(|text| text.as_bytes().into()).unwrap_or_default();
    task.run = TaskRun::Executor(executor.clone());
}

fn health_check(cx: &mut SchedulerCx<'_>) -> Arc<HealthCheck> {
    let what = match cx.rng.chance(500_000) {
        true => Check::Probe(Probe { port: 80, is_ipv6: false, question: Question::Connects }),
        false => Check::Command(Box::new(CommandInfo::shell("true"))),
    };
    let mut check = HealthCheck::new(what);
    check.delay = cx.rng.duration(Duration::from_secs(5));
    check.interval = Duration::from_secs(1) + cx.rng.duration(Duration::from_secs(5));
    check.grace = Duration::ZERO;
    check.failures_max = 2;
    Arc::new(check)
}
