//! What existing clients speak: the v1 API of Apache Mesos, in protobuf and in its dialect of JSON.
//!
//! ```text
//!   stream ──▶ record_io ──▶ one record ──▶ protobuf or json ──▶ v1::… ──convert──▶ the domain's calls and events
//! ```
//!
//! The `.proto` files under `proto/` are the contract; names and numbers in them never change. What is generated of them
//! is committed, so nobody needs a compiler for them, and a test proves that it is fresh. Generated types stay in here and
//! in daemons: the kernel knows only the domain. Fields and enum values of newer peers are kept out of the way, never an
//! error.
//!
//! This is not where anything is sent or received (the daemons), nor where calls are judged (the kernel).

/// The version of Mesos whose API this is. Clients take it apart at its dots and read each part as a number.
pub const API_VERSION: &str = "1.11.0";

pub use prost::{Message, Name};

pub mod convert;
#[cfg(test)]
mod drawn;
pub mod json;
pub mod record_io;

/// The messages of the v1 API, as generated from `proto/`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    rustdoc::all,
    unreachable_pub,
    unused_qualifications,
    missing_debug_implementations
)]
pub mod v1 {
    include!("generated/mesos.v1.rs");

    pub mod agent {
        include!("generated/mesos.v1.agent.rs");
    }

    pub mod allocator {
        include!("generated/mesos.v1.allocator.rs");
    }

    pub mod executor {
        include!("generated/mesos.v1.executor.rs");
    }

    pub mod maintenance {
        include!("generated/mesos.v1.maintenance.rs");
    }

    pub mod master {
        include!("generated/mesos.v1.master.rs");
    }

    pub mod quota {
        include!("generated/mesos.v1.quota.rs");
    }

    pub mod scheduler {
        include!("generated/mesos.v1.scheduler.rs");
    }
}
