//! Quantities and limits, and cutting bags down to them.

use mesos_core::resource::{Limits, Quantities, Resource, ResourceName, Scalar};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::arbitrary::*;

fn targets() -> impl Strategy<Value = Vec<(ResourceName, Scalar)>> {
    vec((select(names()), amounts()), 0..6)
}

proptest! {
    #[test]
    fn shrinking_keeps_a_part_within_the_target(all in bags(), target in targets(), first in any::<Index>()) {
        let target: Quantities = target.into_iter().collect();
        let mut cut = all.clone();
        cut.shrink_in_order(&target, |entries| if !entries.is_empty() { entries.rotate_left(first.index(entries.len())) });
        prop_assert!(target.contains(&cut.quantities()), "{} is more than {}", cut, target);
        prop_assert!(all.contains(&cut));
        prop_assert!(cut.iter().filter(Resource::is_indivisible).all(|entry| all.copies(&entry) > 0));
        let mut enough = all.clone();
        enough.shrink(&all.quantities());
        prop_assert_eq!(&enough, &all, "what fits stays");
    }

    #[test]
    fn shrinking_a_plain_bag_takes_all_there_is_room_for(all in vec(plain_entries(), 0..6).prop_map(of), target in targets()) {
        let quantities: Quantities = target.iter().cloned().collect();
        let limits: Limits = target.into_iter().collect();
        let (mut cut, mut limited) = (all.clone(), all.clone());
        cut.shrink(&quantities);
        limited.shrink_to_limits(&limits);
        for name in names() {
            prop_assert_eq!(cut.scalar(&name), all.scalar(&name).min(quantities.get(&name)));
            let limit = limits.get(&name).unwrap_or_else(|| all.scalar(&name));
            prop_assert_eq!(limited.scalar(&name), all.scalar(&name).min(limit));
        }
    }

    #[test]
    fn shrinking_to_limits_leaves_what_has_none(all in bags(), target in targets()) {
        let limits: Limits = target.into_iter().collect();
        let mut cut = all.clone();
        cut.shrink_to_limits(&limits);
        prop_assert!(limits.contains(&cut.quantities()));
        prop_assert!(cut.contains(&all.filter(|entry| limits.get(entry.name()).is_none())));
    }

    #[test]
    fn quantities_add_up(a in bags(), b in bags()) {
        let b = &b - &(b.shared() + b.non_scalars());
        prop_assert_eq!((&a + &b).quantities(), a.quantities() + &b.quantities());
        prop_assert_eq!((a.quantities() + &b.quantities()) - &b.quantities(), a.quantities());
        prop_assert!(a.contains_quantities(&a.quantities()));
        prop_assert_eq!(a.scalar_quantities(), a.scalars().quantities());
        prop_assert_eq!(a.contains_quantities(&b.quantities()), a.quantities().contains(&b.quantities()));
    }

    #[test]
    fn what_a_limit_leaves_fits_on_top_of_what_is_used(limits in targets(), used in targets(), more in targets()) {
        let limits: Limits = limits.into_iter().collect();
        let (used, more): (Quantities, Quantities) = (used.into_iter().collect(), more.into_iter().collect());
        let left = limits.clone() - &used;
        if limits.contains(&used) {
            prop_assert_eq!(left.contains(&more), limits.contains(&(used + &more)));
        }
        prop_assert!(left.iter().all(|(_, limit)| limit >= Scalar::ZERO));
        prop_assert_eq!(left.iter().count(), limits.iter().count(), "an exhausted limit is still a limit");
    }

    #[test]
    fn quantities_and_limits_survive_text_and_json(target in targets()) {
        let (quantities, limits): (Quantities, Limits) = (target.iter().cloned().collect(), target.into_iter().collect());
        prop_assert_eq!(quantities.to_string().parse::<Quantities>().unwrap(), quantities.clone());
        prop_assert_eq!(limits.to_string().parse::<Limits>().unwrap(), limits.clone());
        let json = serde_json::to_string(&quantities).unwrap();
        prop_assert_eq!(serde_json::from_str::<Quantities>(&json).unwrap(), quantities);
        let json = serde_json::to_string(&limits).unwrap();
        prop_assert_eq!(serde_json::from_str::<Limits>(&json).unwrap(), limits);
    }
}

#[test]
fn an_absent_quantity_is_nothing_but_an_absent_limit_is_none() {
    let mut all = bag("cpus:4;mem:64;ports:[1-9]");
    all.shrink_to_limits(&"cpus:0;ports:2".parse().unwrap());
    assert_eq!(all.to_string(), "mem:64;ports:[1-2]");
    all.shrink(&"ports:1".parse().unwrap());
    assert_eq!(all.to_string(), "ports:[1-1]");
    assert_eq!("cpus:0".parse::<Quantities>().unwrap(), Quantities::new());
    assert_ne!("cpus:0".parse::<Limits>().unwrap(), Limits::new());
    assert!("cpus:1;cpus:2".parse::<Limits>().unwrap_err().to_string().contains("comes twice"));
}

#[test]
fn shrinking_skips_what_cannot_be_divided() {
    let disk = Resource::disk(units(50)).with_reservations(stack(&["a"]));
    let mut all = of([volume("v1"), disk.clone()]);
    all.shrink(&"disk:60".parse().unwrap());
    assert_eq!(all, of([disk]));
}

#[test]
fn shrinking_keeps_every_copy_of_a_shared_volume_or_none() {
    let shared = volume("v1").shared();
    let two = of([shared.clone(), shared]);
    let mut cut = two.clone();
    cut.shrink(&"disk:64".parse().unwrap());
    assert_eq!(cut, two);
    cut.shrink(&"disk:63".parse().unwrap());
    assert!(cut.is_empty());
}
