//! The production kernel in virtual time, under faults, from one seed.
//!
//! Master, agent, driver, allocator, executors and frameworks are the very code that runs in production; what is simulated
//! is only what surrounds them: network, disks, elections, containers and time. A run is a function of its description and
//! its seed, so whatever it finds can be seen again as often as one likes.
//!
//! # Where to start
//!
//! * To try a cluster or a framework of your own: [`Cluster`], the front door.
//! * To test a framework of your own against everything that can go wrong, in one line: [`cluster_test!`].
//! * To hunt for defects: [`Cluster::swarm`] draws cluster, workload and faults from a seed.
//! * To replay a trace, compare policies or reproduce a paper: [`workload`], [`scheduler`] and [`metric`]; with the feature
//!   `experiment`, traces and files that describe experiments.
//! * To try an allocator of your own: the [`conformance`] suite, and the random histories it is made of, [`history`].
//! * To state what must always hold: [`check::Check`].
//! * To see how it works: [`world`] is the loop, [`agenda`] its queue, [`net`], [`disk`], [`election`] and [`container`]
//!   are the models, [`fault`] is what goes wrong.
//! * To understand a run that failed: [`shrink`] makes it small, [`story`] tells it, [`travel`] goes through it.
//! * To do again what a live master did: [`replay`].

#![forbid(unsafe_code)]

#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod agenda;
mod attempt;
#[cfg(feature = "mutants")]
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod catalogue;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod check;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod cluster;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod conformance;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod container;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod disk;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod election;
#[cfg(feature = "experiment")]
pub mod experiment;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod failure;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod fault;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod history;
#[cfg(feature = "live")]
pub mod live;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod metric;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod net;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod node;
pub mod program;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod record;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod recording;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod replay;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod report;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod scheduler;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod script;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod shrink;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
mod simulation;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod story;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
mod swarm;
#[cfg(feature = "experiment")]
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod trace;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod travel;
pub mod trial;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
mod view;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
mod watch;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod whatif;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod workload;
#[deny(clippy::disallowed_types, clippy::disallowed_methods)]
pub mod world;

pub use cluster::{Cluster, ClusterSpec, Conditions, InvalidCluster, secs};
pub use failure::{ExitStatus, Failure, FailureKind, Origin};
#[cfg(feature = "live")]
pub use live::{LiveCluster, LiveError, LiveOptions};
pub use node::NodeId;
pub use report::Report;
pub use simulation::{Show, Simulation};
pub use trial::Trial;
pub use world::World;
