//! Hosts the agent on tokio, and executors that are processes of their own. It decides nothing: the
//! [machine](crate::agent::Agent) does, and the [executor's driver](crate::driver::Driver).

mod agent;
#[cfg(feature = "net")]
mod client;
#[cfg(all(feature = "net", any(test, fuzzing)))]
pub mod decoders;
#[cfg(feature = "net")]
mod executor;
mod fetch;
#[cfg(feature = "net")]
mod gate;
#[cfg(feature = "net")]
pub mod http;
mod line;
mod owner;
mod probe;
mod sandbox;
#[cfg(feature = "net")]
mod server;
mod starts;
#[cfg(test)]
mod tests;

pub use agent::{AgentDaemon, AgentEnded, AgentSetup, ExecutorCredentials, StartError};
#[cfg(feature = "net")]
pub use client::Transport;
#[cfg(feature = "net")]
pub use executor::{
    EnvironmentError, ExecutorDriver, ExecutorEvent, ExecutorEvents, ExecutorHandle, ExecutorSetup, ExecutorStream,
};
pub use fetch::FetcherOptions;
pub use line::{ExecutorDoor, ExecutorLine, LineItem};
pub use owner::FrameworkOwners;
pub use sandbox::Sandboxes;
#[cfg(feature = "net")]
pub use server::{AgentServer, AgentServerSetup, ExecutorTokens, executor_secret};
