//! The master's books: rows and their indexes, no decisions.

mod agents;
mod conns;
mod frameworks;
mod inverse;
mod offers;
mod tally;

pub(super) use agents::{Agent, Agents, Executor, Liveness, Transition};
pub(super) use conns::{ConnKey, Conns, Who};
pub(super) use frameworks::{Framework, Frameworks, Standing, Task, TaskKey, Tracked, UnreachableTask};
pub(super) use inverse::{Answer, Asked, InverseKey, InverseOffers};
pub(super) use offers::{OfferKey, Offered, Offers};
pub use tally::{Counted, Tally};
