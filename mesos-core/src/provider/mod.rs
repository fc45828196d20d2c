//! What a user may supply. Each trait is re-exported at the crate's root.
//!
//! [`Allocator`], [`Scheduler`] and [`Executor`] are synchronous and pure: the same code runs live and simulated.
//! [`Containerizer`], [`Store`], [`Contender`], [`Detector`] and [`Clock`] are for hosts and await; the kernel never sees
//! them.

mod allocator;
mod clock;
mod containerizer;
mod election;
mod executor;
pub mod explain;
mod preemption;
mod scheduler;
mod store;

pub use allocator::{
    AgentKey, Allocator, Concurrency, Conflict, Fact, FrameworkKey, Grant, InverseGrant, Recipe, Round, RoundCosts,
    Transactions, Used,
};
pub use clock::Clock;
pub use containerizer::{Container, ContainerError, Containerizer, Launch};
pub use election::{Contender, Detector};
pub use executor::{Executor, ExecutorCx};
pub use explain::{Explanation, Question};
pub use preemption::{NoPriorities, Preemption, Victim};
pub use scheduler::{Ack, Action, Scheduler, SchedulerCx};
pub use store::{Store, StoreError};
