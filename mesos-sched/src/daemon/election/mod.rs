//! Who leads.
//!
//! * [`Standalone`]: one master, which always leads.
//! * [`Ballot`]: masters of one process take turns; for trying failover live.

mod ballot;
mod standalone;

pub use ballot::{Ballot, BallotContender, BallotDetector};
pub use standalone::{Fixed, Standalone};
