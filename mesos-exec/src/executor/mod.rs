//! Executors that come with the agent.
//!
//! Executors are guests of an [`Agent`](crate::agent::Agent): pure, told what happens, asking for containers as calls. An
//! author's own implementation is made known with [`ExecutorFactory`](crate::agent::ExecutorFactory), or run as a process of
//! its own.

mod checker;
mod command;
mod group;
mod health;
mod watch;
mod work;

pub use command::Command;
pub use group::Group;
pub(crate) use work::{KILL_GRACE_DEFAULT, SHUTDOWN_RESERVE, limitation};
