//! A real master on a real port of this machine, with agents and frameworks at the other end of real streams.
//!
//! Agents are at message level: they say what an agent says and have no containers. Everything else is what runs in
//! production: sockets, gRPC, the master's host, its registry in memory, its views, the driver of a framework.

mod agent;
pub mod first_task;
pub mod lifecycles;
pub mod reregister;
pub mod soak;
pub mod views;

use std::io;
use std::sync::Arc;

use mesos_core::call::Leader;
use mesos_core::daemon::{MemoryStore, SystemClock};
use mesos_core::kernel::Term;
use mesos_core::net::auth::{Authenticator, Open};
use mesos_core::net::grpc::{Dialer, GrpcConnector};
use mesos_core::net::http::Limits;
use mesos_core::{FrameworkId, MasterId};
use mesos_sched::allocator::{HierarchicalDrf, Options};
use mesos_sched::daemon::election::Standalone;
use mesos_sched::daemon::{MasterServer, MasterServerSetup};
use tokio::net::TcpListener;

pub use agent::Toy;

/// Streams of agents that share one connection: fewer than a server lets through, more than descriptors run out.
const STREAMS_PER_CONNECTION: usize = 200;

/// A master that serves on loopback, in the open.
#[derive(Debug)]
pub struct Served {
    /// It.
    pub server: MasterServer,
    /// As others find it.
    pub leader: Leader,
}

impl Served {
    /// A master of this term, with what is in the store; it leads when this returns.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(term: u64, store: MemoryStore) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let id = MasterId::new(format!("m{term}")).expect("an id");
        let leader = Leader { id: id.clone(), address: address.to_string().into(), term: Term(term) };
        let mut limits = Limits::default();
        limits.connections_max = 65_536;
        let allocator = Box::new(HierarchicalDrf::new(Options::default()));
        let contender = Box::new(Standalone::new(Term(term)));
        let server = MasterServer::start(MasterServerSetup {
            authenticator: Authenticator::new(Arc::new(SystemClock::new())).admitting_anonymous(),
            authorizer: Arc::new(Open),
            limits,
            ..MasterServerSetup::new(id, allocator, Arc::new(store), contender, listener, None)?
        })
        .await?;
        if !server.leads().await {
            return Err(io::Error::other("the master ended before it led"));
        }
        Ok(Self { server, leader })
    }
}

/// Connections of their own.
fn connector() -> GrpcConnector {
    GrpcConnector::new(Dialer::plaintext())
}

/// Connections that many share.
fn shared_connector() -> GrpcConnector {
    connector().sharing(STREAMS_PER_CONNECTION)
}

fn framework_id() -> FrameworkId {
    FrameworkId::new("framework").expect("an id")
}

/// Bytes of memory this process has from the system.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096
}
