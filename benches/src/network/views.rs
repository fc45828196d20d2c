//! `/state` of a large cluster, while the master goes on stepping.
//!
//! A reader takes `/state` several times while updates of tasks keep coming, and something is asked of the master again and
//! again: how long an answer takes is how long a step waits at most, with the runtime's own share in it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mesos_core::AgentId;
use mesos_core::daemon::{MemoryStore, Task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::agent::{Toy, report};
use super::{Served, shared_connector};

/// Times `/state` is read.
const READS: usize = 5;
/// Between two looks at the master.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// Between two updates of one agent.
const UPDATE_EVERY: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How long each `/state` took, in seconds.
    pub state_secs: Vec<f64>,
    /// How many bytes it has.
    pub bytes: usize,
    /// How long the master took to answer while nobody read, in milliseconds: the 99th percentile.
    pub quiet_ms: f64,
    /// The same while `/state` was read all the time.
    pub busy_ms: f64,
}

/// So many agents with so many tasks each, and readers.
///
/// # Panics
/// When the cluster does not run: a defect.
#[must_use]
pub fn read(agents: usize, tasks: usize) -> Seen {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let seen = runtime.block_on(async {
        let served = Served::start(1, MemoryStore::new()).await.expect("a master");
        let connector = shared_connector();
        let mut toys = Vec::with_capacity(agents);
        for index in 0..agents {
            let id = AgentId::new(format!("old-S{index}")).expect("an id");
            let report = report(id, index, tasks);
            let reports = report.tasks.clone();
            let toy = Toy::reregister(&connector, &served.leader, index, report).await.expect("the master is there");
            let after = UPDATE_EVERY.mul_f64(0.1) + Duration::from_micros(index as u64 * 450);
            let mut when = tokio::time::interval_at(tokio::time::Instant::now() + after, UPDATE_EVERY);
            when.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            toys.push(Task::spawn(async move { toy.run_restless(&reports, when).await }));
        }
        let wanted = (agents, agents * tasks);
        let look = |master: &mesos_sched::master::Master| (master.agents().count(), master.tasks().count());
        while served.server.daemon().inspect(look).await.expect("the master runs") != wanted {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        measure(&served).await
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    seen
}

async fn measure(served: &Served) -> Seen {
    let address = served.server.address();
    let mut seen = Seen { quiet_ms: percentile(served, Duration::from_secs(2)).await, ..Seen::default() };
    for _ in 0..READS {
        let began = Instant::now();
        seen.bytes = read_state(address).await;
        seen.state_secs.push(began.elapsed().as_secs_f64());
    }
    let reading = Task::spawn(async move {
        loop {
            read_state(address).await;
        }
    });
    seen.busy_ms = percentile(served, Duration::from_secs(5)).await;
    drop(reading);
    seen
}

/// How long the master takes to answer while this goes on, in milliseconds: the 99th percentile. Asked from a thread of its
/// own: how long this program's own tasks wait for each other is no matter of the master.
async fn percentile(served: &Served, span: Duration) -> f64 {
    let daemon = served.server.daemon().handle().clone();
    let probe = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let (began, mut taken) = (Instant::now(), Vec::new());
            while began.elapsed() < span {
                let asked = Instant::now();
                daemon.inspect(|_| ()).await.expect("the master runs");
                taken.push(asked.elapsed());
                tokio::time::sleep(LOOK_EVERY).await;
            }
            taken
        })
    });
    let joined = tokio::task::spawn_blocking(move || probe.join().expect("no panic"));
    let mut taken = joined.await.expect("no panic");
    taken.sort();
    taken[taken.len() * 99 / 100].as_secs_f64() * 1e3
}

async fn read_state(address: SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("the master listens");
    stream.write_all(b"GET /state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("a request");
    let (mut total, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match stream.read(&mut buffer).await.expect("an answer") {
            0 => return total,
            read => total += read,
        }
    }
}
