//! Streams between the parts of one cluster over gRPC, and the typed API for clients of other languages.
//!
//! ```text
//!   machine ──(Seq, message)──▶ Outgoing ──batches──▶ HTTP/2 ──▶ Incoming ──(Seq, message)──▶ machine
//!                 backlog of the Stream      flow control          its inbox
//! ```
//!
//! * [`GrpcConnector`]: makes the connections of agents and frameworks.
//! * [`KernelService`]: takes them in on a master and brings them to its [`Door`](crate::daemon::Door).
//! * [`RemoteDetector`]: finds the leading master among addresses.
//! * [`bridge()`]: methods that the HTTP APIs answer; what operators ask comes this way.
//! * [`statuses`]: whoever asks by gRPC is refused by gRPC.
//!
//! Messages travel in batches: whatever waits when the connection can take more goes together, so that a busy stream costs
//! little per message and an idle one waits for nothing. Batches are numbered and a gap ends the stream. A message of a
//! kind that this version does not know, or that it cannot read, is skipped and logged, and a framework is told; the
//! numbers that machines see stay without gaps, and the counts that masters tell their peers include what was skipped.
//!
//! It decides nothing, and authenticates nobody: see [`auth`](super::auth).

mod about;
mod agent;
mod bridge;
mod connector;
#[cfg(any(test, fuzzing))]
pub(in crate::net) mod decoders;
mod direction;
mod leader;
mod scheduler;
mod server;
mod status;
mod stream;

#[cfg(test)]
mod tests;

pub use about::{AGENT_SERVICES, MASTER_SERVICES, health, reflection};
pub use bridge::{AGENT_OPERATOR, Bridged, MASTER_OPERATOR, bridge};
pub use connector::{Dialer, GrpcConnector, channel};
pub use leader::{RemoteDetector, leadership};
pub use server::{Admit, AdmitAll, CALLS_BYTES_MAX, Judge, KernelService, MESSAGE_BYTES_MAX, Pace};
pub use status::{code_of, statuses};

pub use tonic;

/// The messages and the service of `proto/mesos/kernel`.
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
pub mod proto {
    pub use crate::wire::v1;

    pub mod kernel {
        include!("../../wire/generated/mesos.kernel.rs");
    }
}
