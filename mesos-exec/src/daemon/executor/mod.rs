//! Hosts an executor that is a process of its own: finds its agent in the environment and speaks the v1 API with it, by HTTP or
//! by gRPC.
//!
//! * [`environment`]: who it is and where its agent is.
//! * [`world`]: what its driver asks for, done.
//! * [`stream`]: for authors who want a stream of events.

mod environment;
mod stream;
mod world;

use std::sync::Arc;
use std::time::Duration;

use mesos_core::Executor;
use mesos_core::call::executor::Call;
use mesos_core::daemon::{Ended, Host, Task, inbox};
use mesos_core::kernel::Rng;
use tokio::sync::mpsc;

use super::client::AgentClient;
use crate::driver::{Driver, Input, StopReason};
use world::{ExecutorWorld, pass_on, speak};

pub use environment::{EnvironmentError, ExecutorSetup};
pub use stream::{ExecutorEvent, ExecutorEvents, ExecutorHandle, ExecutorStream};

/// Calls that may wait to be sent.
const SAID_MAX: usize = 4_096;
/// What was said last has this long to reach the agent before the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs an author's executor as this process. It speaks with its agent by HTTP or by gRPC
/// ([`transport`](ExecutorSetup::transport)); its author does not notice.
///
/// ```no_run
/// # use mesos_exec::daemon::ExecutorDriver;
/// # use mesos_exec::executor::Command;
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let why = ExecutorDriver::from_env(Command::new(false))?.run().await;
/// println!("{why}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ExecutorDriver {
    setup: ExecutorSetup,
    driver: Driver,
    /// Calls of an author who does not live inside the driver.
    asked: Option<mpsc::Receiver<Call>>,
}

impl ExecutorDriver {
    /// A driver for this executor, of the agent that started this process.
    ///
    /// # Errors
    /// [`EnvironmentError`] when no agent did.
    pub fn from_env(executor: impl Executor + 'static) -> Result<Self, EnvironmentError> {
        Ok(Self::new(ExecutorSetup::from_env()?, executor))
    }

    /// A driver for this executor.
    #[must_use]
    pub fn new(setup: ExecutorSetup, executor: impl Executor + 'static) -> Self {
        let driver = Driver::new(setup.options.clone(), Box::new(executor));
        Self { setup, driver, asked: None }
    }

    /// The same, for an author who does not live inside the driver.
    fn asked_by(self, asked: mpsc::Receiver<Call>) -> Self {
        Self { asked: Some(asked), ..self }
    }

    /// Runs the executor until it ends, and says why it did. Must be called inside a tokio runtime.
    pub async fn run(self) -> StopReason {
        let Self { setup, driver, asked } = self;
        let client = AgentClient::new(
            setup.framework_id.clone(),
            setup.executor_id.clone(),
            setup.endpoint.clone(),
            setup.token.map(|token| token.0),
            setup.transport,
        );
        let client = Arc::new(client);
        let (inbox, mailbox) = inbox();
        let (said, waiting) = mpsc::channel(SAID_MAX);
        let speaking = Task::spawn(speak(client.clone(), waiting));
        let _asking = asked.map(|asked| Task::spawn(pass_on(asked, inbox.clone())));
        let world = ExecutorWorld::new(inbox.clone(), client, setup.options.shutdown_grace, said);
        let host = Host::new(driver, world, mailbox, setup.clock, Rng::new(setup.seed));
        let ended = host.spawn(inbox, Input::Started).join().await;
        // What is said last may go by the stream of what is heard.
        let (why, _stream) = match ended {
            Ok(Ended { mut world, .. }) => (world.stopped.take(), world.stream.take()),
            Err(error) => {
                tracing::error!(%error, "the executor panicked");
                (None, None)
            }
        };
        // The sender is gone with the world: what is left is said, and then the speaker ends.
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, speaking.join()).await;
        why.unwrap_or(StopReason::OutOfTime)
    }
}
