//! A link delivers a prefix of what was sent, or breaks.
//!
//! Every message on a connection is numbered from zero. The receiver drops a number it has seen (a duplicate) and treats
//! a skipped number as the end of the connection: both sides then start again with what they know, by registering or
//! subscribing anew. So no handler ever has to ask "was the one before this lost?", and loss, duplication and delay all
//! become one event that was needed anyway: a disconnection. Over TCP the numbers never skip; they cost eight bytes.
//!
//! A loss at the very end of a conversation shows with the next ping or heartbeat, which are numbered like the rest.

use serde::{Deserialize, Serialize};

/// Position of a message on its connection, per direction, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Seq(pub u64);

/// The sending end of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outbound(u64);

/// The receiving end of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inbound(u64);

/// What the receiver makes of a message's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The next one: handle it.
    InOrder,
    /// Seen before: drop it.
    Duplicate,
    /// At least one message was lost: the connection is over.
    Gap,
}

impl Outbound {
    /// The number for the next message.
    pub const fn next(&mut self) -> Seq {
        let seq = Seq(self.0);
        self.0 += 1;
        seq
    }

    /// How many messages were sent.
    #[must_use]
    pub const fn sent(self) -> u64 {
        self.0
    }
}

impl Inbound {
    /// Judges a message that came with number `seq`, and counts it when it is in order.
    pub const fn arrive(&mut self, seq: Seq) -> Arrival {
        if seq.0 == self.0 {
            self.0 += 1;
            Arrival::InOrder
        } else if seq.0 < self.0 {
            Arrival::Duplicate
        } else {
            Arrival::Gap
        }
    }

    /// How many messages were received in order.
    #[must_use]
    pub const fn received(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_hears_each_message_once_and_notices_a_gap() {
        let (mut out, mut inbound) = (Outbound::default(), Inbound::default());
        let (a, b, c) = (out.next(), out.next(), out.next());
        assert_eq!(inbound.arrive(a), Arrival::InOrder);
        assert_eq!(inbound.arrive(a), Arrival::Duplicate);
        assert_eq!(inbound.arrive(c), Arrival::Gap);
        assert_eq!(inbound.arrive(b), Arrival::InOrder);
        assert_eq!((out.sent(), inbound.received()), (3, 2));
    }
}
