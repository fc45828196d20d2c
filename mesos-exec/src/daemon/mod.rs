//! Hosts the agent on tokio. It decides nothing: the [machine](crate::agent::Agent) does.

mod agent;
#[cfg(test)]
mod tests;

pub use agent::{AgentDaemon, AgentEnded, AgentSetup, StartError};
