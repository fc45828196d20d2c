//! The framework on a cluster of daemons: another connector, another detector, and nothing else.

use std::sync::Arc;

use mesos_core::daemon::MemoryStore;
use mesos_core::net::grpc::{Dialer, GrpcConnector, RemoteDetector};
use mesos_core::{FrameworkInfo, Role};
use mesos_sched::daemon::{SchedulerDriver, SchedulerSetup};
use mesos_sched::driver::StopReason;

use crate::framework::Build;
use crate::jobs::Jobs;

/// Runs the build to its end; how many jobs there were.
pub async fn run(jobs: &Jobs, masters: &[String], dialer: Dialer) -> anyhow::Result<usize> {
    eprintln!("looks for the leading master at {}", masters.join(", "));
    let detector = Box::new(RemoteDetector::new(masters.to_vec(), dialer.clone()));
    let connector = Arc::new(GrpcConnector::new(dialer));
    let info = FrameworkInfo::new("build", Role::new("build")?);
    let memory = Arc::new(MemoryStore::new());
    let setup = SchedulerSetup::new(info, Box::new(Build(jobs.clone())), memory, detector, connector);
    let ended = SchedulerDriver::start(setup).await?.join().await?;
    anyhow::ensure!(ended.why == StopReason::Done, "{}", ended.why);
    Ok(jobs.len())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use mesos_core::daemon::SystemClock;
    use mesos_core::kernel::Term;
    use mesos_core::net::auth::{Authenticator, Open};
    use mesos_core::net::http::{Attached, FixedVerbosity, Limits};
    use mesos_core::net::layer::Firewall;
    use mesos_core::{AgentInfo, MasterId};
    use mesos_exec::containerizer::{Process, ProcessOptions};
    use mesos_exec::daemon::{AgentServer, AgentServerSetup, AgentSetup};
    use mesos_sched::allocator::{HierarchicalDrf, Options};
    use mesos_sched::daemon::election::Standalone;
    use mesos_sched::daemon::{MasterServer, MasterServerSetup};
    use tokio::net::TcpListener;

    use super::*;

    async fn listener() -> TcpListener {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
    }

    fn anybody() -> Authenticator {
        Authenticator::new(Arc::new(SystemClock::new())).admitting_anonymous()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_build_runs_unchanged_on_a_cluster_of_daemons() {
        let folder = tempfile::tempdir().unwrap();
        let listener_of_master = listener().await;
        let address = listener_of_master.local_addr().unwrap().to_string();
        let id = MasterId::new("m1").unwrap();
        let allocator = Box::new(HierarchicalDrf::new(Options::default()));
        let (store, contender) = (Arc::new(MemoryStore::new()), Box::new(Standalone::new(Term(1))));
        let master = MasterServer::start(MasterServerSetup {
            authenticator: anybody(),
            authorizer: Arc::new(Open),
            ..MasterServerSetup::new(id, allocator, store, contender, listener_of_master, None).unwrap()
        });
        let master = master.await.unwrap();
        assert!(master.leads().await);
        let mut agents = Vec::new();
        for n in 0..3 {
            let work_dir = folder.path().join(format!("agent-{n}"));
            let containers = Arc::new(Process::new(ProcessOptions::new(&work_dir)).unwrap());
            let port = listener().await;
            let mut info = AgentInfo::new("127.0.0.1", crate::AGENT.parse().unwrap());
            info.port = port.local_addr().unwrap().port();
            let detector = Box::new(RemoteDetector::new([address.as_str()], Dialer::plaintext()));
            let connector = Arc::new(GrpcConnector::default());
            let agent = AgentSetup::new(info, containers.clone(), Arc::new(MemoryStore::new()), detector, connector);
            let server = AgentServer::start(AgentServerSetup {
                agent,
                work_dir,
                listener: port,
                tls: None,
                authenticator: anybody(),
                authorizer: Arc::new(Open),
                insecure_executors: true,
                firewall: Firewall::default(),
                limits: Limits::default(),
                operator_rate_limits: None,
                flags: Vec::new(),
                verbosity: Arc::new(FixedVerbosity),
                attached: Attached::default(),
            });
            agents.push((server.await.unwrap(), containers));
        }
        let jobs = concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart/jobs.toml");
        let jobs = Jobs::read(jobs.as_ref(), folder.path(), &crate::AGENT.parse().unwrap()).unwrap();
        assert_eq!(run(&jobs, &[address], Dialer::plaintext()).await.unwrap(), jobs.len());
        assert!(folder.path().join("program.tar.gz").exists(), "the last job made what the build is for");
        for (server, containers) in agents {
            server.daemon().stop().await;
            server.join().await.unwrap();
            containers.shutdown().await.unwrap();
        }
        master.stop().await.unwrap();
    }
}
