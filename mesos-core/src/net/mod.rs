//! Connections between processes: how calls and events reach a daemon and leave it.
//!
//! Nothing here decides anything about a cluster. It turns bytes into the domain's messages and back, finds out who is at
//! the other end, and carries streams to the same [`Door`](crate::daemon::Door) that connections inside one process use.
//!
//! * [`http`]: HTTP as the APIs of Apache Mesos use it, for master and agent alike.

pub mod http;
