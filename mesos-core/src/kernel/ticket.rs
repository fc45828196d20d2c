//! Tickets: what ties a request a machine made to the completion that comes back as an input.

use serde::{Deserialize, Serialize};

/// Names one request of one machine; never reused in the machine's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// Hands out tickets.
#[derive(Debug, Default, Clone)]
pub struct Tickets(u64);

impl Tickets {
    /// The next ticket.
    pub const fn draw(&mut self) -> Ticket {
        self.0 += 1;
        Ticket(self.0)
    }
}
