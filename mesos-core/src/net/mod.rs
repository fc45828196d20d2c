//! Connections between processes: how calls and events reach a daemon and leave it.
//!
//! Nothing here decides anything about a cluster. It turns bytes into the domain's messages and back, finds out who is at
//! the other end, and carries streams to the same [`Door`](crate::daemon::Door) that connections inside one process use.
//!
//! * [`http`]: HTTP as the APIs of Apache Mesos use it, for master and agent alike.
//! * [`grpc`]: streams between the parts of one cluster.
//! * [`tls`]: who is at the other end.
//! * [`auth`]: who asks, and what they may do.
//! * [`layer`]: who asks, what they may do and how often, spans and counts: around any service of HTTP.
//! * [`metrics`]: numbers of a daemon, as Mesos names them and as Prometheus reads them.
//! * [`client`]: asks the HTTP APIs.
//! * [`read_text`]: files that settings name.
//! * [`reached_here`]: where this machine reaches what listens everywhere.

pub mod auth;
pub mod client;
pub mod corpus;
#[cfg(any(test, fuzzing))]
pub mod decoders;
mod file;
pub mod grpc;
mod here;
pub mod http;
pub mod layer;
pub mod metrics;
pub mod tls;

pub use file::read_text;
pub use here::reached_here;
