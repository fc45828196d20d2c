//! What is left of a bag while somebody uses a part of it, in whatever form.
//!
//! Subtracting takes away what matches, and ignores what does not: who holds `cpus:4` of an agent whose cores were reserved
//! since, as `cpus(web):4`, would leave all of them to `web`. There are no eight cores, though. So what does not match is kept
//! back from what is left of the same name.

use super::{Resource, Resources, Value};

impl Resources {
    /// What is left when others hold `held`: no more than there is, whatever became of the form it was taken in.
    ///
    /// What matches is taken away as by subtraction. The rest is kept back from entries of the same name, unreserved ones
    /// first: as much of an amount, and those very ports or items. What cannot be divided is kept back as a whole. Revocable
    /// resources and others are kept apart, and shared ones are nobody's alone.
    ///
    /// ```
    /// use mesos_core::resource::Resources;
    ///
    /// let total: Resources = "cpus(web):3;cpus:1;ports(web):[1-9]".parse()?;
    /// let held: Resources = "cpus:2;ports:[1-2]".parse()?;
    /// assert_eq!((&total - &held).to_string(), "cpus(web):3;ports(web):[1-9]");
    /// assert_eq!(total.left_beside(&held).to_string(), "cpus(web):2;ports(web):[3-9]");
    /// # Ok::<(), mesos_core::resource::InvalidResources>(())
    /// ```
    #[must_use]
    pub fn left_beside(&self, held: &Self) -> Self {
        let left = self - held;
        if self.contains(held) {
            return left;
        }
        let mut unmatched: Vec<Resource> = (&held.non_shared() - self).iter().collect();
        let mut kept = left.shared();
        let mut entries: Vec<Resource> = left.non_shared().iter().collect();
        entries.sort_by_key(|entry| !entry.is_unreserved());
        for mut entry in entries {
            for other in &mut unmatched {
                if is_alike(other, &entry) {
                    keep_back(&mut entry, other);
                }
            }
            kept.insert(entry, 1);
        }
        kept
    }
}

/// Whether two entries are of one thing, whoever owns it and wherever it lies.
fn is_alike(one: &Resource, other: &Resource) -> bool {
    one.name() == other.name() && one.is_revocable() == other.is_revocable()
}

/// Takes what is held out of an entry, and notes that it was.
fn keep_back(entry: &mut Resource, held: &mut Resource) {
    let is_indivisible = entry.is_indivisible();
    match (entry.value_mut(), held.value_mut()) {
        (Value::Scalar(own), Value::Scalar(held)) => {
            let part = match is_indivisible && held.is_positive() {
                true => *own,
                false => (*own).min(*held),
            };
            *own = own.sub_floored(part);
            *held = held.sub_floored(part);
        }
        (own, held) if own.kind() == held.kind() => own.subtract(held),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Quantities, Scalar};
    use super::*;

    fn bag(text: &str) -> Resources {
        text.parse().unwrap()
    }

    /// With these ports of role `a`.
    fn any_bag(ports: &'static str) -> impl Strategy<Value = Resources> {
        let part = prop_oneof![
            Just("cpus:2;mem:64"),
            Just("cpus(a):1"),
            Just("cpus(b):3;mem(b):32"),
            Just("ports:[1-5]"),
            Just(ports),
            Just("mem:16;disk:10"),
        ];
        (prop::collection::vec(part, 0..5), 0_u32..3).prop_map(|(parts, revocable)| {
            let mut all: Resources = parts.into_iter().map(bag).sum();
            all.add(Resource::cpus(Scalar::from_units(revocable)).revocable()).unwrap();
            all
        })
    }

    fn amounts(bag: &Resources) -> [Quantities; 2] {
        [bag.non_revocable().scalar_quantities(), bag.revocable().scalar_quantities()]
    }

    proptest! {
        /// Together with what is held there is no more than there was, of any name; and as much, unless more was held. No
        /// port is in two entries of what there is; which of them is held in another form is open.
        #[test]
        fn nothing_is_there_twice(total in any_bag("ports(a):[6-9]"), held in any_bag("ports(a):[4-8]")) {
            let left = total.left_beside(&held);
            prop_assert!(total.contains(&left));
            for ((total, held), left) in amounts(&total).iter().zip(amounts(&held)).zip(amounts(&left)) {
                prop_assert_eq!(left, total.clone() - &held);
            }
            let is_in = |bag: &Resources, port| bag.ports().contains_number(port);
            prop_assert!((1..=9).all(|port| !(is_in(&left, port) && is_in(&held, port))));
            if total.contains(&held) {
                prop_assert_eq!(left + &held, total);
            }
        }
    }

    #[test]
    fn unreserved_amounts_are_kept_back_first() {
        let total = bag("cpus:2;cpus(a):2");
        assert_eq!(total.left_beside(&bag("cpus(b):3")).to_string(), "cpus(a):1");
        assert_eq!(total.left_beside(&bag("cpus(b):1")).to_string(), "cpus:1;cpus(a):2");
        assert_eq!(total.left_beside(&bag("mem:4")), total);
    }
}
