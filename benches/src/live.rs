//! Real processes through a live master and agent in this process.

use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, LiveOptions, secs};

/// How many processes one measurement starts.
const PROCESSES: u32 = 1_000;

/// Processes started, ended and acknowledged per second of the clock: a batch of `true`, from the first launch to the last
/// end.
///
/// # Panics
/// When the cluster does not run: a defect.
#[must_use]
pub fn launches() -> f64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut live = Cluster::builder()
            .agents(1, "cpus:4000;mem:4000000")
            .framework("batch", || Sleepers::new(PROCESSES, secs(0)).boxed())
            .live(LiveOptions::new())
            .await
            .expect("a cluster");
        let report = live.run_until_done(secs(300)).await.expect("the batch ends");
        live.shutdown().await.expect("a clean end");
        let span = report.makespan_secs.expect("tasks ran");
        f64::from(PROCESSES) / span
    })
}
