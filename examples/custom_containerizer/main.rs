//! Containers that are threads: a containerizer of one's own, in a live cluster.
//!
//! ```text
//! cargo run --example custom_containerizer
//! ```
//!
//! A "container" is a function of this program, found by the name of the command. What the kernel needs of it is little: that
//! it starts, that its end is told to all who wait, and that it can be told to end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::container::{ContainerSpec, Exit, Run, Signal, Usage};
use mesos_core::provider::{Container, ContainerError, Launch};
use mesos_core::{
    Ack, CommandInfo, ContainerId, Containerizer, Offer, Resources, Scheduler, SchedulerCx, TaskId, TaskInfo,
    TaskState, TaskStatus,
};
use mesos_sim::{Cluster, LiveOptions};
use tokio::sync::watch;

/// What a container runs: gets its arguments and returns an exit status.
type Function = fn(&[Arc<str>]) -> i32;

/// Runs functions of this program on threads.
#[derive(Debug)]
struct Threads {
    functions: BTreeMap<&'static str, Function>,
    /// How each container ended, once it has.
    ends: Mutex<BTreeMap<ContainerId, watch::Sender<Option<Exit>>>>,
}

impl Threads {
    fn end(&self, id: &ContainerId) -> Option<watch::Receiver<Option<Exit>>> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(id).map(watch::Sender::subscribe)
    }
}

#[async_trait]
impl Containerizer for Threads {
    async fn recover(&self, known: BTreeSet<ContainerId>) -> Result<BTreeSet<ContainerId>, ContainerError> {
        Ok(known.into_iter().filter(|id| self.end(id).is_some_and(|end| end.borrow().is_none())).collect())
    }

    async fn launch(&self, spec: ContainerSpec) -> Result<Launch, ContainerError> {
        let Run::Exec { program, arguments } = spec.command.run else { return Ok(Launch::Unsupported) };
        let Some(&function) = self.functions.get(&*program) else {
            let known: Vec<_> = self.functions.keys().collect();
            return Err(ContainerError::Launch {
                id: spec.id,
                problem: format!("no function {program}, only {known:?}"),
            });
        };
        if self.end(&spec.id).is_some() {
            return Ok(Launch::AlreadyRunning);
        }
        let ended = watch::Sender::new(None);
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.id, ended.clone());
        std::thread::spawn(move || {
            let status = function(&arguments);
            ended.send_if_modified(|end| end.replace(Exit::Status(status)).is_none());
        });
        Ok(Launch::Started(Container { sandbox: None }))
    }

    async fn resize(&self, _: &ContainerId, _: Resources) -> Result<(), ContainerError> {
        Ok(())
    }

    async fn usage(&self, id: &ContainerId) -> Result<Usage, ContainerError> {
        self.end(id).map(|_| Usage::default()).ok_or_else(|| ContainerError::Unknown(id.clone()))
    }

    async fn wait(&self, id: &ContainerId) -> Result<Exit, ContainerError> {
        let mut end = self.end(id).ok_or_else(|| ContainerError::Unknown(id.clone()))?;
        let exit = end.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        Ok(exit.unwrap_or(Exit::Unknown))
    }

    async fn signal(&self, id: &ContainerId, _: Signal) -> Result<(), ContainerError> {
        // A thread cannot be ended from outside; to the cluster it has ended, and what it still computes nobody hears of.
        self.destroy(id).await
    }

    async fn destroy(&self, id: &ContainerId) -> Result<(), ContainerError> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = ends.get(id) {
            ended.send_if_modified(|end| end.is_none() && end.replace(Exit::Signalled(9)).is_none());
        }
        Ok(())
    }
}

/// Asks for the sum of the numbers up to each of these.
#[derive(Debug)]
struct Sums {
    wanted: Vec<u64>,
    launched: usize,
    finished: usize,
}

impl Scheduler for Sums {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        let each: Resources = "cpus:1;mem:16".parse().expect("valid resources");
        for offer in offers {
            let (mut left, mut tasks) = (offer.resources.clone(), Vec::new());
            while self.launched < self.wanted.len() && left.contains(&each) {
                left -= &each;
                let command = CommandInfo::exec("sum", [self.wanted[self.launched].to_string()]);
                let id = TaskId::new(format!("sum-{}", self.launched)).expect("a valid id");
                tasks.push(TaskInfo::command(id, offer.agent_id.clone(), each.clone(), command));
                self.launched += 1;
            }
            cx.launch(&offer, tasks);
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        self.finished += usize::from(status.state == TaskState::Finished);
        if status.state.is_terminal() && self.launched < self.wanted.len() {
            cx.revive();
        }
        Ack::Auto
    }

    fn is_done(&self) -> bool {
        self.finished == self.wanted.len()
    }
}

/// Fails when it is not given a number.
fn sum(arguments: &[Arc<str>]) -> i32 {
    match arguments.first().and_then(|number| number.parse::<u64>().ok()) {
        Some(number) => {
            println!("the numbers up to {number} sum up to {}", (1..=number).sum::<u64>());
            0
        }
        None => 1,
    }
}

async fn run() -> anyhow::Result<u64> {
    let options = LiveOptions::new().containerizer(|_, _| {
        let functions = BTreeMap::from([("sum", sum as Function)]);
        Ok(Arc::new(Threads { functions, ends: Mutex::default() }))
    });
    let mut live = Cluster::builder()
        .agents(2, "cpus:4;mem:512")
        .framework("sums", || {
            Box::new(Sums { wanted: (1..=20).map(|n| n * 1_000).collect(), launched: 0, finished: 0 })
        })
        .live(options)
        .await?;
    let report = live.run_until_done(Duration::from_secs(60)).await?;
    live.shutdown().await?;
    Ok(report.tasks("FINISHED"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("{} tasks finished", run().await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[tokio::test(flavor = "multi_thread")]
    async fn every_task_runs_as_a_thread() {
        assert_eq!(super::run().await.unwrap(), 20);
    }
}
