//! What starts real containers on this machine.
//!
//! Host side only: nothing here decides anything about tasks, and the simulator replaces all of it by a model. The agent's
//! host calls it through the trait [`Containerizer`](mesos_core::Containerizer).
//!
//! * [`Process`]: plain processes, no privileges needed. Limits nothing.

#[cfg(target_os = "linux")]
pub mod process;

#[cfg(target_os = "linux")]
pub use process::{Process, ProcessError, ProcessOptions, shim_main};
