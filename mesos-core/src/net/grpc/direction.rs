//! The four directions: what is said, how it is written, and how several go together.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use prost::Message;

use crate::error::Rejection;
use crate::wire::convert::Aside;

/// What one side of a connection says to the other.
pub(super) trait Direction: Send + Sync + 'static {
    /// As machines know it.
    type Domain: Send + 'static;
    /// As it is written.
    type Wire: Message + Unpin;
    /// Several, with the number of the first.
    type Batch: Message + Default + Unpin + 'static;

    /// Writes a message. `skipped` is what was skipped so far of what the peer said: counts told to it include that.
    fn encode(message: &Self::Domain, skipped: u64) -> Self::Wire;

    /// Reads a message; refuses what this version cannot do.
    fn decode(message: Self::Wire) -> Result<Self::Domain, Rejection>;

    /// The same, and what the peer is told of parts that are left out.
    fn decode_parts(message: Self::Wire) -> Result<(Self::Domain, Vec<Aside>), Rejection> {
        Self::decode(message).map(|message| (message, Vec::new()))
    }

    /// What was refused as a message of this direction, where the peer can be told.
    fn aside(aside: Aside) -> Option<Self::Wire>;

    fn batch(first: u64, messages: Vec<Self::Wire>) -> Self::Batch;

    fn open(batch: Self::Batch) -> (u64, Vec<Self::Wire>);
}
