//! Executors that come with the agent.
//!
//! Executors are guests of an [`Agent`](crate::agent::Agent): pure, told what happens, asking for containers as calls. An
//! author's own implementation is made known with [`ExecutorFactory`](crate::agent::ExecutorFactory).

mod command;

pub use command::Command;
pub(crate) use command::{KILL_GRACE_DEFAULT, SHUTDOWN_RESERVE};
