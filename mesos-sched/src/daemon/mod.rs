//! Hosts of the master and of schedulers on tokio: the only module of this crate that awaits.
//!
//! * [`MasterDaemon`]: contends for leadership, leads for one term, ends.
//! * [`SchedulerDriver`]: what a framework author starts.
//! * [`store`]: the durable truth, in memory or in one file.
//! * [`view`]: a picture of the cluster outside the master, for whoever shows it.
//! * [`election`]: who leads, alone or among masters of one process.
//!
//! None of it decides anything: the machines do. What carries connections comes from outside
//! ([`Directory`](mesos_core::daemon::Directory) inside one process), so that a network transport changes nothing here.

pub mod election;
mod events;
#[cfg(feature = "net")]
mod gate;
#[cfg(feature = "net")]
pub mod http;
mod master;
mod rounds;
mod scheduler;
#[cfg(feature = "net")]
mod server;
mod shadow;
pub mod store;
mod store_watch;
#[cfg(test)]
mod tests;
pub mod view;

pub use events::{EVENTS_WAITING_MAX, EventFramework, EventScheduler, FrameworkEvent, FrameworkEvents};
pub use master::{Lead, LeadError, Led, MasterDaemon, MasterHandle, MasterSetup};
pub use mesos_core::daemon::{JournalSetup, Patience};
pub use rounds::{Measured, Rounds, Times};
pub use scheduler::{SchedulerDriver, SchedulerEnded, SchedulerSetup, StartError};
#[cfg(feature = "net")]
pub use server::{MasterServer, MasterServerSetup};
pub use shadow::ShadowTally;
pub use store_watch::{StoreTimes, StoreWatch};
