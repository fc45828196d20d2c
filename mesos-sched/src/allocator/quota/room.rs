//! How much more somebody may have of each name.

use mesos_core::resource::{Limits, Quantities, ResourceName, Scalar};

use super::others;

/// A bound on amounts; a name that is not bounded may grow without end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::allocator) struct Room {
    /// cpus, mem, disk, gpus; the largest amount means no bound.
    common: [Scalar; 4],
    /// Every other bounded name.
    others: Vec<(ResourceName, Scalar)>,
}

const NO_BOUND: Scalar = Scalar::from_milli(i64::MAX);

impl Room {
    pub(in crate::allocator) const UNBOUNDED: Self = Self { common: [NO_BOUND; 4], others: Vec::new() };

    /// The bounds of cpus, mem, disk and gpus; the largest amount there is means no bound.
    pub(in crate::allocator) const fn common(&self) -> [Scalar; 4] {
        self.common
    }

    /// Narrows it to what is left of limits.
    pub(in crate::allocator) fn narrow(&mut self, limits: &Limits, consumed: &Quantities) {
        for ((own, limit), consumed) in self.common.iter_mut().zip(limits.common()).zip(consumed.common()) {
            if let Some(limit) = limit {
                *own = (*own).min(limit.sub_floored(consumed));
            }
        }
        for (name, limit) in limits.iter().filter(|(name, _)| !is_common(name)) {
            self.narrow_other(name, limit.sub_floored(consumed.get(name)));
        }
    }

    /// What is free beyond what is required; a name of which nothing is required is not bounded.
    pub(in crate::allocator) fn beyond(required: &Quantities, free: &Quantities) -> Self {
        let mut room = Self::UNBOUNDED;
        for ((own, required), free) in room.common.iter_mut().zip(required.common()).zip(free.common()) {
            if required.is_positive() {
                *own = free.sub_floored(required);
            }
        }
        for (name, required) in others(required) {
            room.others.push((name.clone(), free.get(name).sub_floored(required)));
        }
        room
    }

    fn narrow_other(&mut self, name: &ResourceName, bound: Scalar) {
        match self.others.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = (*own).min(bound),
            None => self.others.push((name.clone(), bound)),
        }
    }

    /// The larger bounds exclude nothing that both allow.
    pub(in crate::allocator) fn meet(&mut self, other: &Self) {
        for (own, other) in self.common.iter_mut().zip(&other.common) {
            *own = (*own).min(*other);
        }
        for (name, bound) in &other.others {
            self.narrow_other(name, *bound);
        }
    }

    /// The bound of a name, if it has one.
    fn bound(&self, name: &ResourceName) -> Option<Scalar> {
        self.others.iter().find(|(own, _)| own == name).map(|(_, bound)| *bound)
    }

    /// Whether an amount may be had as a whole.
    pub(in crate::allocator) fn fits(&self, amounts: &Quantities) -> bool {
        self.common.iter().zip(amounts.common()).all(|(bound, amount)| amount <= *bound)
            && self.others.iter().all(|(name, bound)| amounts.get(name) <= *bound)
    }

    /// The part of some amounts that may be had.
    pub(in crate::allocator) fn part(&self, amounts: &Quantities) -> Quantities {
        let common = amounts.common();
        let mut part = Quantities::from_common(std::array::from_fn(|slot| common[slot].min(self.common[slot])));
        for (name, amount) in others(amounts) {
            part.set(name.clone(), self.bound(name).map_or(amount, |bound| amount.min(bound)));
        }
        part
    }

    /// Somebody has this much now.
    pub(in crate::allocator) fn take(&mut self, amounts: &Quantities) {
        for (own, amount) in self.common.iter_mut().zip(amounts.common()).filter(|(own, _)| **own != NO_BOUND) {
            *own = own.sub_floored(amount);
        }
        for (name, own) in &mut self.others {
            *own = own.sub_floored(amounts.get(name));
        }
    }

    /// Whether some name has more room than in `other`.
    pub(in crate::allocator) fn exceeds(&self, other: &Self) -> bool {
        let is_wider = |name: &ResourceName| {
            let [own, other] = [self, other].map(|room| room.bound(name).unwrap_or(NO_BOUND));
            own > other
        };
        self.common.iter().zip(&other.common).any(|(own, other)| own > other)
            || other.others.iter().any(|(name, _)| is_wider(name))
    }

    /// The same as limits, for cutting bags.
    pub(in crate::allocator) fn to_limits(&self) -> Limits {
        let common = COMMON.into_iter().zip(self.common).filter(|(_, bound)| *bound != NO_BOUND);
        common.chain(self.others.iter().cloned()).collect()
    }
}

const COMMON: [ResourceName; 4] = [ResourceName::Cpus, ResourceName::Mem, ResourceName::Disk, ResourceName::Gpus];

const fn is_common(name: &ResourceName) -> bool {
    matches!(name, ResourceName::Cpus | ResourceName::Mem | ResourceName::Disk | ResourceName::Gpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(text: &str) -> Quantities {
        text.parse().unwrap()
    }

    fn limited(limits: &str, consumed: &str) -> Room {
        let mut room = Room::UNBOUNDED;
        room.narrow(&limits.parse().unwrap(), &amounts(consumed));
        room
    }

    #[test]
    fn the_tightest_of_several_limits_counts() {
        let mut room = limited("cpus:4;fpgas:2", "cpus:1");
        room.narrow(&"cpus:9;mem:5;fpgas:3".parse().unwrap(), &amounts("cpus:7;fpgas:2;mem:6"));
        assert_eq!(room.part(&amounts("cpus:8;mem:1;disk:3;fpgas:5")).to_string(), "cpus:2;disk:3;fpgas:1");
        assert!(room.fits(&amounts("cpus:2;disk:9;fpgas:1")) && !room.fits(&amounts("fpgas:2")));
        room.take(&amounts("cpus:0.5;disk:2"));
        assert_eq!(room.to_limits().to_string(), "cpus:1.5;mem:0;fpgas:1");
    }

    #[test]
    fn only_names_that_are_required_are_bounded_by_headroom() {
        let room = Room::beyond(&amounts("cpus:3;gpus:2"), &amounts("cpus:5;mem:9;gpus:1"));
        assert_eq!(room.to_limits().to_string(), "cpus:2;gpus:0");
    }

    #[test]
    fn room_grows_in_any_name() {
        let (small, large) = (limited("cpus:2;fpgas:1", ""), limited("cpus:1;fpgas:2", ""));
        assert!(small.exceeds(&large) && large.exceeds(&small) && !small.exceeds(&small));
        assert!(Room::UNBOUNDED.exceeds(&small) && !small.exceeds(&Room::UNBOUNDED));
        assert!(limited("cpus:1", "").exceeds(&large), "what has no bound any more has grown");
    }
}
