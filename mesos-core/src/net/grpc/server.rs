//! Takes connections in and brings them to a master's door.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Extensions;
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream as Batches, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::agent::{AgentDown, AgentUp};
use super::direction::Direction;
use super::proto::kernel;
use super::proto::kernel::kernel_server::{Kernel, KernelServer};
use super::scheduler::{SchedulerDown, SchedulerUp};
use super::stream::{Answer, Checks, Line, Outgoing, attend};
use crate::call::agent::ToMaster;
use crate::call::{Leader, scheduler};
use crate::daemon::{DoorKeeper, STREAM_BACKLOG_MAX, Stream, Task};
use crate::error::Rejection;
use crate::net::http::BODY_BYTES_MAX;

/// The largest batch that is read of an agent or a master. The largest message is an agent's report of all its tasks.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// The largest batch of calls that is read of a framework: one call as large as it may be over HTTP, and a batch that had
/// room for one more.
pub const CALLS_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;
/// A question that has no parts, with room for those of newer peers.
const QUESTION_BYTES_MAX: usize = 64 << 10;
/// Messages that were read and wait for the machine. What comes beyond waits in the connection.
const INBOUND_MAX: usize = 1_024;

/// Judges one message of a peer, and may put into it what is sure about the peer.
pub type Judge<T> = Box<dyn FnMut(&mut T) -> Result<(), Rejection> + Send>;

/// Says before each message of a peer how long it has to wait. The peer's own backlog fills meanwhile, and nobody else's.
pub type Pace = Box<dyn FnMut() -> Duration + Send>;

/// Decides who may connect as what. The extensions of the request say who asks.
pub trait Admit: Send + Sync + 'static {
    /// An agent. What comes back judges each of its messages, and writes into a registration who the agent proved to be.
    ///
    /// # Errors
    /// Why not.
    fn agent(&self, who: &Extensions) -> Result<Judge<ToMaster>, Rejection>;

    /// A framework. What comes back judges each of its calls.
    ///
    /// # Errors
    /// Why not.
    fn scheduler(&self, who: &Extensions) -> Result<Judge<scheduler::Call>, Rejection>;

    /// How fast a framework may call; nothing when it may as it likes.
    fn pace(&self, _who: &Extensions) -> Option<Pace> {
        None
    }
}

/// Admits everybody and lets everything pass. For clusters whose network is the fence, and for tests.
#[derive(Debug, Clone, Copy)]
pub struct AdmitAll;

impl Admit for AdmitAll {
    fn agent(&self, _: &Extensions) -> Result<Judge<ToMaster>, Rejection> {
        Ok(Box::new(|_| Ok(())))
    }

    fn scheduler(&self, _: &Extensions) -> Result<Judge<scheduler::Call>, Rejection> {
        Ok(Box::new(|_| Ok(())))
    }
}

/// The service on a master.
#[derive(Clone)]
pub struct KernelService {
    keeper: DoorKeeper,
    leader: watch::Receiver<Option<Leader>>,
    admit: Arc<dyn Admit>,
}

impl KernelService {
    /// Brings connections to `keeper`; tells who asks who leads.
    #[must_use]
    pub fn new(keeper: DoorKeeper, leader: watch::Receiver<Option<Leader>>, admit: Arc<dyn Admit>) -> Self {
        Self { keeper, leader, admit }
    }

    /// As services to be routed under their paths: whom each method reads as much of as its peers have reason to say.
    #[must_use]
    pub fn into_routes(self) -> [(&'static str, KernelServer<Self>); 3] {
        let reading = |bytes_max| {
            KernelServer::new(self.clone())
                .max_decoding_message_size(bytes_max)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
        };
        [
            ("/mesos.kernel.Kernel/WatchLeader", reading(QUESTION_BYTES_MAX)),
            ("/mesos.kernel.Kernel/ConnectAgent", reading(MESSAGE_BYTES_MAX)),
            ("/mesos.kernel.Kernel/ConnectScheduler", reading(CALLS_BYTES_MAX)),
        ]
    }
}

/// A connection of a peer, as the machine and as the transport see it.
async fn open<U: Direction, D: Direction>(
    batches: Streaming<U::Batch>,
    door: &mpsc::Sender<Stream<D::Domain, U::Domain>>,
    checks: Checks<U::Domain>,
) -> Result<Response<Answers<D::Batch>>, Status>
where
    D::Domain: Unpin,
{
    let (down, messages) = mpsc::channel(STREAM_BACKLOG_MAX);
    let (to_machine, up) = mpsc::channel(INBOUND_MAX);
    let theirs = Stream { sender: down, receiver: up };
    door.send(theirs).await.map_err(|_| Status::unavailable("this master has ended; look for the leader"))?;
    let line = Line::default();
    let (outgoing, tell) = Outgoing::<D>::new(line.clone(), messages);
    let reader = Task::spawn(attend::<U, D>(batches, to_machine, line, checks, tell, outgoing.last_words()));
    Ok(Response::new(Box::pin(Answer(outgoing.with_reader(reader)))))
}

type Answers<B> = Pin<Box<dyn Batches<Item = Result<B, Status>> + Send>>;

fn denied(rejection: &Rejection) -> Status {
    Status::permission_denied(rejection.to_string())
}

#[tonic::async_trait]
impl Kernel for KernelService {
    type WatchLeaderStream = Answers<kernel::Leadership>;
    type ConnectAgentStream = Answers<kernel::MasterMessages>;
    type ConnectSchedulerStream = Answers<kernel::SchedulerEvents>;

    async fn watch_leader(
        &self,
        _: Request<kernel::WatchLeaderRequest>,
    ) -> Result<Response<Self::WatchLeaderStream>, Status> {
        let leaders = tokio_stream::wrappers::WatchStream::new(self.leader.clone());
        Ok(Response::new(Box::pin(leaders.map(|leader| Ok(leader.as_ref().into())))))
    }

    async fn connect_agent(
        &self,
        request: Request<Streaming<kernel::AgentMessages>>,
    ) -> Result<Response<Self::ConnectAgentStream>, Status> {
        let judge = Some(self.admit.agent(request.extensions()).map_err(|rejection| denied(&rejection))?);
        // Nobody paces agents: their pace is the cluster's.
        let checks = Checks { judge, pace: None };
        open::<AgentUp, AgentDown>(request.into_inner(), &self.keeper.agents, checks).await
    }

    async fn connect_scheduler(
        &self,
        request: Request<Streaming<kernel::SchedulerCalls>>,
    ) -> Result<Response<Self::ConnectSchedulerStream>, Status> {
        let judge = Some(self.admit.scheduler(request.extensions()).map_err(|rejection| denied(&rejection))?);
        let checks = Checks { judge, pace: self.admit.pace(request.extensions()) };
        open::<SchedulerUp, SchedulerDown>(request.into_inner(), &self.keeper.schedulers, checks).await
    }
}

impl fmt::Debug for KernelService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelService").field("leader", &*self.leader.borrow()).finish_non_exhaustive()
    }
}
