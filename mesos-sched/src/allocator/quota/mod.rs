//! The books of quota: what every role consumes, is promised and may have, along the whole path of roles.
//!
//! ```text
//!   root        required: 6   ◀── must stay free for promises that are not consumed yet
//!    ├─ eng     guarantee 6, consumed 3: 3 unclaimed by the roles below      limit 10
//!    │   └─ web guarantee 2, consumed 2                                      limit 4
//!    └─ ops     guarantee 3, consumed 0
//! ```
//!
//! A role consumes what is reserved to it or below, in use or not, and the unreserved and irrevocable amounts that frameworks
//! there hold. What is required for a role is the larger of its own unsatisfied guarantee and of what is required for the
//! roles below it: a guarantee below is part of the one above, never added to it. The unclaimed part of a guarantee is what
//! it asks for beyond the roles below; a grant may count on the unclaimed parts along its path, and consuming them leaves
//! the headroom of everybody else as it is.
//!
//! Every change touches one path and nothing else. This is not where is decided who is offered what, see
//! [`stage`](super::stage), and not where a quota is checked, see
//! [`Quota`](mesos_core::Quota).
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/hierarchical.cpp` (the role tree), where only top-level roles may
//! have a quota.

mod outlook;
mod room;
mod tree;

#[cfg(test)]
mod tests;

pub(super) use outlook::{Outlook, Prospect};
pub(super) use room::Room;
pub(super) use tree::{QuotaTree, RoleBook, RoleKey};

use mesos_core::resource::{Quantities, ResourceName, Scalar};

/// Names and amounts that do not lie inline in quantities.
fn others(amounts: &Quantities) -> impl Iterator<Item = (&ResourceName, Scalar)> {
    use ResourceName::{Cpus, Disk, Gpus, Mem};
    amounts.iter().filter(|(name, _)| !matches!(name, Cpus | Mem | Disk | Gpus))
}

/// The part of `wanted` that lies within `most`, name by name; what `most` does not name is nothing.
pub(super) fn within(wanted: &Quantities, most: &Quantities) -> Quantities {
    let (wanted_common, most_common) = (wanted.common(), most.common());
    let mut part = Quantities::from_common(std::array::from_fn(|slot| wanted_common[slot].min(most_common[slot])));
    for (name, amount) in others(wanted) {
        part.set(name.clone(), amount.min(most.get(name)));
    }
    part
}
