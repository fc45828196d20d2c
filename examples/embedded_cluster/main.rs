//! A whole cluster inside a program of one's own: two masters, two agents, a framework that is asked for work while it runs.
//!
//! ```text
//! cargo run --example embedded_cluster
//! ```
//!
//! The program looks at the master's books, takes its leader away, and sees that the task did not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mesos_core::{Ack, Offer, Resources, Scheduler, SchedulerCx, TaskId, TaskInfo, TaskState, TaskStatus};
use mesos_sim::{Cluster, LiveCluster, LiveOptions};

/// Runs one command and counts how often it was started and finished, for the program around it.
#[derive(Debug, Clone)]
struct RunOnce {
    line: Arc<str>,
    started: Arc<AtomicU32>,
    finished: Arc<AtomicU32>,
}

impl Scheduler for RunOnce {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            let is_first = self.started.fetch_add(1, Ordering::Relaxed) == 0;
            let task = is_first.then(|| {
                let resources: Resources = "cpus:0.5;mem:32".parse().expect("valid resources");
                TaskInfo::shell(
                    TaskId::new("once").expect("a valid id"),
                    offer.agent_id.clone(),
                    resources,
                    self.line.clone(),
                )
            });
            cx.launch(&offer, task);
        }
        cx.suppress();
    }

    fn update(&mut self, _: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if status.state == TaskState::Finished {
            self.finished.fetch_add(1, Ordering::Relaxed);
        }
        Ack::Auto
    }

    fn is_done(&self) -> bool {
        self.finished.load(Ordering::Relaxed) > 0
    }
}

/// Waits until the leading master says so.
async fn until(live: &LiveCluster, what: fn(&mesos_sched::master::Master) -> bool) -> anyhow::Result<()> {
    let wait = async {
        while live.inspect(what).await != Some(true) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    Ok(tokio::time::timeout(Duration::from_secs(60), wait).await?)
}

async fn run() -> anyhow::Result<String> {
    let (started, finished) = (Arc::default(), Arc::default());
    let once = RunOnce { line: "sleep 6; echo still here".into(), started, finished };
    let mut live = Cluster::builder()
        .masters(2)
        .agents(2, "cpus:2;mem:512")
        .framework("once", move || Box::new(once.clone()))
        .live(LiveOptions::new())
        .await?;
    until(&live, |master| master.tasks().any(|task| task.state == TaskState::Running)).await?;
    println!("the task runs; the leading master dies");
    live.fail_leader();
    until(&live, |master| master.tasks().any(|task| task.state == TaskState::Running)).await?;
    println!("the next master knows the task from its agent");
    let report = live.run_until_done(Duration::from_secs(60)).await?;
    println!("{} task finished, started {} time", report.tasks("FINISHED"), report.containers);
    let output = std::fs::read_to_string(live.sandboxes()[0].path.join("stdout"))?;
    live.shutdown().await?;
    Ok(output)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    print!("its output: {}", run().await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[tokio::test(flavor = "multi_thread")]
    async fn a_task_outlives_the_master_that_launched_it() {
        assert_eq!(super::run().await.unwrap(), "still here\n");
    }
}
