//! What of an agent may go to a client at a stage of the round.
//!
//! **Guarantees** come first: a client whose path has an unclaimed guarantee is given that part of what nobody owns, whatever
//! the headroom, with what is reserved to exactly its role, everything that is no amount, and what is revocable. Beyond the
//! guarantee it may have more, within its limits and within the headroom. **Fair shares** follow: everybody is given what is
//! reserved to its role or above it, what is no amount and what is revocable, and what nobody owns within its limits and
//! within the headroom. A client that asked for small offers has that bound as well, in both stages.
//!
//! What is cut are amounts only. Where several entries of a name compete, the round's draws decide which is cut, and what is
//! indivisible goes as a whole or not at all.
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/hierarchical.cpp` (`__allocate`).

use mesos_core::kernel::Rng;
use mesos_core::resource::{Quantities, Resource, Resources, Value};

use super::book::Client;
use super::headroom::Headroom;
use super::quota::{QuotaTree, Room, within};

/// A part of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Guarantees are satisfied.
    Guarantees,
    /// What is left goes to everybody.
    FairShare,
}

/// What a client may have, and what it was cut by.
#[derive(Debug)]
pub(super) struct Portion {
    pub(super) resources: Resources,
    /// Less than there was, for the sake of limits.
    pub(super) is_limited: bool,
    /// Less than there was, for the sake of promises to others.
    pub(super) is_held_back: bool,
    /// Less than there was, because the client wants small offers.
    pub(super) is_sized: bool,
}

/// The bounds on one offer.
struct Bounds {
    /// What counts on nobody's headroom; always within `most`.
    promised: Quantities,
    /// Limits along the path, and the size of offers.
    most: Room,
    headroom: Room,
}

impl Portion {
    pub(super) const fn whole(resources: Resources) -> Self {
        Self { resources, is_limited: false, is_held_back: false, is_sized: false }
    }
}

impl Stage {
    /// The part of `whole` that a client may have; nothing if the stage is not about it. What it was granted of the agent
    /// earlier in the round counts against the size of offers.
    pub(super) fn portion(
        self,
        own: &Client,
        whole: Resources,
        earlier: &Quantities,
        quotas: &QuotaTree,
        headroom: &Headroom,
        rng: &mut Rng,
    ) -> Option<Portion> {
        if !quotas.has_quota() && own.max_offer.is_none() {
            return Some(Portion::whole(whole));
        }
        let whole = if self == Self::Guarantees { without_ancestors(own, whole) } else { whole };
        let amounts = whole.quota_quantities();
        let is_whole =
            self == Self::Guarantees && own.max_offer.is_none() && whole.is_quota_plain() && !amounts.is_empty();
        if is_whole && quotas.covers(own.role_key, &amounts) {
            return Some(Portion::whole(whole));
        }
        let promised = match self {
            Self::Guarantees => Some(quotas.promised(own.role_key)).filter(|promised| !promised.is_empty())?,
            Self::FairShare => Quantities::new(),
        };
        let mut most = quotas.room(own.role_key);
        let is_limited = !most.fits(&amounts);
        let mut is_sized = false;
        if let Some(size) = &own.max_offer {
            let within_limits = most.part(&amounts);
            most.narrow(size, earlier);
            is_sized = !most.fits(&within_limits);
        }
        let promised = within(&most.part(&amounts), &promised);
        let bounds = Bounds { promised, most, headroom: headroom.room(quotas) };
        let is_given = if whole.is_quota_plain() { Bounds::cut_plain } else { Bounds::cut_entries };
        let given = is_given(bounds, whole, &amounts, Some(rng));
        let is_skipped = self == Self::Guarantees && given.guaranteed.is_empty();
        let Given { resources, is_held_back, .. } = given;
        (!is_skipped).then_some(Portion { resources, is_limited, is_held_back, is_sized })
    }
}

/// The part of what an offer holds that a client may have now, whichever stage it was shown in: what is promised to it,
/// whatever the headroom, what others own or no amount is, and beyond it what is within limits and headroom. Where several
/// entries of a name compete they are cut in their own order, so that all of the answer is the answer to itself.
pub(super) fn committable(own: &Client, whole: Resources, quotas: &QuotaTree, headroom: &Headroom) -> Resources {
    if !quotas.has_quota() && own.max_offer.is_none() {
        return whole;
    }
    let amounts = whole.quota_quantities();
    let mut most = quotas.room(own.role_key);
    if let Some(size) = &own.max_offer {
        most.narrow(size, &Quantities::new());
    }
    let promised = within(&most.part(&amounts), &quotas.promised(own.role_key));
    let bounds = Bounds { promised, most, headroom: headroom.room(quotas) };
    let is_given = if whole.is_quota_plain() { Bounds::cut_plain } else { Bounds::cut_entries };
    is_given(bounds, whole, &amounts, None).resources
}

/// Without amounts that are reserved to roles above the client's.
fn without_ancestors(own: &Client, whole: Resources) -> Resources {
    if whole.reserved_amounts().all(|(role, ..)| *role == own.role) {
        return whole;
    }
    let is_above = |entry: &Resource| entry.reservations().role().is_some_and(|role| *role != own.role);
    whole.filter(|entry| !is_above(entry) || entry.is_revocable() || !matches!(entry.value(), Value::Scalar(_)))
}

/// What is within bounds.
struct Given {
    resources: Resources,
    guaranteed: Quantities,
    is_held_back: bool,
}

impl Bounds {
    /// Where all amounts are plain, nothing has to be drawn.
    fn cut_plain(mut self, whole: Resources, amounts: &Quantities, _: Option<&mut Rng>) -> Given {
        let guaranteed = self.promised;
        let beyond = amounts.clone() - &guaranteed;
        self.most.take(&guaranteed);
        let is_held_back = !self.headroom.fits(&beyond);
        let mut kept = self.most.part(&beyond);
        if is_held_back {
            kept = self.headroom.part(&kept);
        }
        let excess = beyond - &kept;
        let resources = if excess.is_empty() { whole } else { whole - &Resources::from_plain(excess.common()) };
        Given { resources, guaranteed, is_held_back }
    }

    fn cut_entries(mut self, whole: Resources, amounts: &Quantities, mut rng: Option<&mut Rng>) -> Given {
        let mut arrange = |entries: &mut [Resource]| {
            if let Some(rng) = &mut rng {
                rng.shuffle(entries);
            }
        };
        let owned = whole.filter(|entry| !entry.is_under_quota());
        let free = whole.filter(Resource::is_under_quota);
        let mut promised = free.clone();
        promised.shrink_in_order(&self.promised, &mut arrange);
        let guaranteed = promised.quota_quantities();
        let mut beyond = free - &promised;
        self.most.take(&guaranteed);
        let is_held_back = !self.headroom.fits(&(amounts.clone() - &guaranteed));
        self.most.meet(&self.headroom);
        beyond.shrink_to_limits_in_order(&self.most.to_limits(), &mut arrange);
        Given { resources: owned + promised + beyond, guaranteed, is_held_back }
    }
}
