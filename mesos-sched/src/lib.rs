//! The master's side of the kernel: master, allocator, registry, scheduler driver, reference frameworks.
//!
//! Everything outside `daemon` is pure: synchronous state machines that are told the time, handed their randomness and
//! append what they want done. The module `daemon` hosts them on tokio; the simulator hosts the same code in virtual time.

#![forbid(unsafe_code)]

#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod allocator;
#[cfg(feature = "daemon")]
pub mod daemon;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod driver;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod framework;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod master;
#[cfg(feature = "program")]
pub mod program;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod registry;
