//! The agent's side of the cluster: the agent, its executors, and what starts real containers.
//!
//! * [`agent`]: the pure machine that registers, runs tasks, delivers their updates and recovers after a restart.
//! * [`executor`]: the executors that come with it, pure too.
//! * [`driver`]: what stands between an executor and its agent when the executor is a process of its own.
//!
//! The feature `daemon` adds what touches the machine: containerizers and the tokio host of the agent. Everything else
//! compiles without a runtime and is what the simulator runs.

#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod agent;
#[cfg(feature = "daemon")]
pub mod containerizer;
#[cfg(feature = "daemon")]
pub mod daemon;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod driver;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod executor;
#[cfg(feature = "program")]
pub mod program;
