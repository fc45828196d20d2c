//! A new leader, and all agents of the old one come to it with their tasks.

use std::time::{Duration, Instant};

use mesos_core::AgentId;
use mesos_core::call::Leader;
use mesos_core::daemon::MemoryStore;
use tokio::task::JoinSet;

use super::agent::{Toy, report};
use super::{Served, resident, shared_connector};
use crate::measure::process_clock;

/// Agents that connect at one time.
const TOGETHER: usize = 64;

/// What one re-registration of everybody took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// From the first connection to the last agent with all its tasks in the books.
    pub secs: f64,
    /// Processor time of both ends meanwhile.
    pub cpu_secs: f64,
    /// Memory of the whole process, agents' ends of the streams included, per agent.
    pub bytes_per_agent: f64,
}

/// So many agents with so many tasks each, which registered with an earlier master, come to a new one.
///
/// # Panics
/// When they cannot: a defect.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub fn everybody(agents: usize, tasks: usize) -> Taken {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let taken = runtime.block_on(async {
        let store = MemoryStore::new();
        let earlier = Served::start(1, store.clone()).await.expect("a master");
        let ids = register(&earlier.leader, agents).await;
        drop(earlier);
        let reports: Vec<_> = ids.into_iter().map(|(n, id)| (n, report(id, n, tasks))).collect();
        let held = resident();

        let served = Served::start(2, store).await.expect("a master");
        let connector = shared_connector();
        let (began, spent) = (Instant::now(), process_clock());
        let mut coming: JoinSet<Toy> = JoinSet::new();
        let mut running = JoinSet::new();
        for (index, report) in reports {
            if coming.len() >= TOGETHER
                && let Some(toy) = coming.join_next().await
            {
                running.spawn(toy.expect("no panic").run());
            }
            let (connector, leader) = (connector.clone(), served.leader.clone());
            coming.spawn(async move {
                Toy::reregister(&connector, &leader, index, report).await.expect("the master is there")
            });
        }
        while let Some(toy) = coming.join_next().await {
            running.spawn(toy.expect("no panic").run());
        }
        let wanted = (agents, agents * tasks);
        loop {
            let look = |master: &mesos_sched::master::Master| (master.agents().count(), master.tasks().count());
            let known = served.server.daemon().inspect(look).await.expect("the master runs");
            if known == wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let secs = began.elapsed().as_secs_f64();
        let cpu_secs = process_clock().saturating_sub(spent).as_secs_f64();
        let bytes_per_agent = resident().saturating_sub(held) as f64 / agents as f64;
        Taken { secs, cpu_secs, bytes_per_agent }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    taken
}

/// Agents that register and go; their numbers and ids.
async fn register(leader: &Leader, agents: usize) -> Vec<(usize, AgentId)> {
    let total = "cpus:32;mem:65536;ports:[31000-32000]".parse().expect("resources");
    let connector = shared_connector();
    let mut coming = JoinSet::new();
    let mut ids = Vec::with_capacity(agents);
    for index in 0..agents {
        if coming.len() >= TOGETHER
            && let Some(toy) = coming.join_next().await
        {
            ids.push(toy.expect("no panic"));
        }
        let (connector, leader, total): (_, _, mesos_core::Resources) =
            (connector.clone(), leader.clone(), Clone::clone(&total));
        coming.spawn(async move {
            let toy = Toy::register(&connector, &leader, index, &total).await.expect("the master is there");
            (index, toy.id().clone())
        });
    }
    while let Some(id) = coming.join_next().await {
        ids.push(id.expect("no panic"));
    }
    ids
}
