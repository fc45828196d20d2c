//! Packing as one would compute it by hand: what a framework asks for at a time, and how well an agent suits that.

use mesos_core::resource::{Limits, Quantities, Resources, Scalar};
use mesos_core::{FrameworkInfo, Role};

/// By so much the allocator's whole numbers may be off, which it multiplies for a few names.
pub(crate) const ROUNDING: f64 = 1e-4;
/// An agent falls into no more pieces of one size than about this.
const PIECES_MAX: i64 = 64;

/// What a framework says that it takes at a time; of one that says nothing the model knows nothing.
pub(crate) fn demand(info: &FrameworkInfo, role: &Role) -> Option<Quantities> {
    let least = info.min_allocatable.get(role).and_then(|minimums| minimums.first()).cloned();
    let most = || info.max_offer.get(role).map(|most| most.iter().map(|(name, size)| (name.clone(), size)).collect());
    least.or_else(most).filter(|demand: &Quantities| !demand.is_empty())
}

/// What is handed out of the rest to one who takes so much at a time; nothing if that is more than there is.
pub(crate) fn piece(mut left: Resources, demand: &Quantities) -> Option<Resources> {
    let times = |(name, amount): (_, Scalar)| left.quantities().get(name).as_milli() / amount.as_milli();
    let times = demand.iter().map(times).min()?;
    let at_once = (times + PIECES_MAX - 1) / PIECES_MAX;
    let size = |(name, amount): (&mesos_core::resource::ResourceName, Scalar)| {
        (name.clone(), Scalar::from_milli(amount.as_milli() * at_once))
    };
    let size: Limits = demand.iter().map(size).collect();
    left.shrink_to_limits(&size);
    (times > 0 && !left.is_empty()).then_some(left)
}

/// The dot product of what is asked for and what is left, both as parts of what there is.
pub(crate) fn alignment(demand: &Quantities, left: &Quantities, capacity: &Quantities) -> f64 {
    let part = |amount: Scalar, whole: Scalar| (amount.as_milli() as f64 / whole.as_milli() as f64).min(1.0);
    capacity.iter().map(|(name, whole)| part(demand.get(name), whole) * part(left.get(name), whole)).sum()
}
