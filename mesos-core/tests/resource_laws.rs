//! Laws of the resource algebra, checked against arbitrary bags and against a slow model of the same rules.
//!
//! One file per part: the algebra itself here, the others in the folder of the same name.

#[path = "resource_laws/arbitrary.rs"]
mod arbitrary;
#[path = "resource_laws/conversion.rs"]
mod conversion;
#[path = "resource_laws/model.rs"]
mod model;
#[path = "resource_laws/quantity.rs"]
mod quantity;
#[path = "resource_laws/text.rs"]
mod text;
#[path = "resource_laws/value.rs"]
mod value;
#[path = "resource_laws/whole.rs"]
mod whole;

use arbitrary::*;
use mesos_core::Role;
use mesos_core::resource::{Reservation, Resource, Resources};
use model::{Model, sorted};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_algebra_agrees_with_the_model(left in vec(entries(), 0..7), right in vec(entries(), 0..7)) {
        let (a, b) = (of(left.clone()), of(right.clone()));
        let (model_a, model_b) = (Model::of(&left), Model::of(&right));
        prop_assert_eq!(sorted(&a), model_a.entries());
        let both: Vec<Resource> = left.into_iter().chain(right).collect();
        prop_assert_eq!(sorted(&(&a + &b)), Model::of(&both).entries());
        prop_assert_eq!(sorted(&(&a - &b)), model_a.minus(&model_b).entries());
        prop_assert_eq!(a.contains(&b), model_a.contains(&model_b));
        let sum = &a + &b;
        for name in names() {
            prop_assert_eq!(sum.quantities().get(&name).as_milli(), Model::of(&both).total(&name), "total of {}", name);
        }
        prop_assert_eq!(sum.len(), sum.iter().count());
    }

    #[test]
    fn plain_bags_agree_with_the_model_too(left in vec(plain_entries(), 0..5), right in vec(plain_entries(), 0..5)) {
        let (a, b) = (of(left.clone()), of(right.clone()));
        let (model_a, model_b) = (Model::of(&left), Model::of(&right));
        prop_assert!(a.is_plain() && b.is_plain());
        prop_assert_eq!(sorted(&(&a - &b)), model_a.minus(&model_b).entries());
        prop_assert_eq!(a.contains(&b), model_a.contains(&model_b));
        prop_assert_eq!(a.contains(&b), a.contains_quantities(&b.quantities()));
    }

    #[test]
    fn one_entry_is_contained_exactly_if_its_bag_is(all in bags(), entry in entries()) {
        prop_assert_eq!(all.contains_resource(&entry), all.contains(&of([entry])));
    }

    #[test]
    fn addition_commutes_and_associates(a in bags(), b in bags(), c in bags()) {
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!((&a + &b) + &c, &a + &(&b + &c));
        prop_assert_eq!(&a + &Resources::new(), a.clone());
        prop_assert_eq!([&a, &b, &c].into_iter().sum::<Resources>(), &a + &b + &c);
    }

    #[test]
    fn what_was_added_can_be_taken_away(a in bags(), b in bags()) {
        // Ranges and sets are unions: only what was not there before comes back unchanged.
        let a = &a - &b.non_scalars();
        prop_assert_eq!(&(&a + &b) - &b, a);
    }

    #[test]
    fn what_is_contained_can_be_taken_and_given_back(a in bags(), b in bags()) {
        let all = &a + &b;
        prop_assert!(all.contains(&b));
        prop_assert_eq!(all.checked_sub(&b).map(|left| left + &b), Some(all));
    }

    #[test]
    fn containment_is_a_partial_order(a in bags(), b in bags(), c in bags()) {
        prop_assert!(a.contains(&a) && a.contains(&Resources::new()));
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
        if a.contains(&b) && b.contains(&c) {
            prop_assert!(a.contains(&c));
        }
        prop_assert!((&a + &b + &c).contains(&(&a + &b)));
    }

    #[test]
    fn subtraction_leaves_a_part_and_nothing_negative_or_empty(a in bags(), b in bags()) {
        let left = &a - &b;
        prop_assert!(a.contains(&left));
        prop_assert!(left.iter().all(|entry| !entry.is_empty() && entry.value().quantity().is_positive()));
        prop_assert_eq!(a.checked_sub(&b).is_some(), a.contains(&b));
        prop_assert_eq!(&a - &a, Resources::new());
        prop_assert_eq!(left.is_empty(), left.iter().next().is_none());
        prop_assert_eq!(left.is_plain(), left == Resources::from_plain(left.plain_scalars()));
    }

    #[test]
    fn changing_a_copy_leaves_the_original_alone(a in bags(), b in bags()) {
        let before = sorted(&a);
        let mut copy = a.clone();
        copy += &b;
        copy -= &a;
        prop_assert_eq!(sorted(&a), before);
    }

    #[test]
    fn entries_rebuild_their_bag_in_any_order(all in bags()) {
        prop_assert_eq!(&of(all.iter()), &all);
        let mut backwards: Vec<Resource> = all.iter().collect();
        backwards.reverse();
        prop_assert_eq!(of(backwards), all);
    }

    #[test]
    fn owners_partition_a_bag(all in bags()) {
        let by_role = all.reserved();
        prop_assert_eq!(by_role.values().sum::<Resources>() + all.unreserved(), all.clone());
        for (owner, part) in by_role {
            prop_assert_eq!(all.reserved_to(&owner), part);
        }
        prop_assert_eq!(all.revocable() + all.non_revocable(), all.clone());
        prop_assert_eq!(all.shared() + all.non_shared(), all.clone());
        prop_assert_eq!(all.scalars() + all.non_scalars(), all.clone());
        prop_assert_eq!(all.filter(|_| true), all.clone());
        prop_assert_eq!(all.filter(|_| false), Resources::new());
        prop_assert_eq!(all.filter(Resource::is_persistent_volume), all.persistent_volumes());
        prop_assert_eq!(all.filter(Resource::is_unreserved), all.unreserved());
    }

    #[test]
    fn a_filter_asks_about_every_entry_once(all in bags()) {
        let mut distinct: Vec<Resource> = Vec::new();
        for entry in all.iter() {
            if !(entry.is_shared() && distinct.contains(&entry)) {
                distinct.push(entry);
            }
        }
        let mut asked = Vec::new();
        let kept = all.filter(|entry| {
            asked.push(entry.clone());
            asked.len() % 2 == 0
        });
        prop_assert_eq!(asked, distinct);
        prop_assert!(all.contains(&kept));
    }

    #[test]
    fn what_is_allocatable_to_a_role_is_what_it_or_an_ancestor_owns(all in bags()) {
        let part = all.allocatable_to(&role("a/b"));
        prop_assert_eq!(part, all.unreserved() + all.reserved_to(&role("a")) + all.reserved_to(&role("a/b")));
        let part = all.allocatable_to(&role("a"));
        prop_assert_eq!(part, all.unreserved() + all.reserved_to(&role("a")));
        prop_assert_eq!(all.allocatable_to(&Role::any()), all.unreserved());
    }

    #[test]
    fn a_reservation_pushed_and_popped_changes_nothing(all in bags()) {
        let free = all.to_unreserved();
        prop_assert!(free.iter().all(|entry| entry.is_unreserved()));
        let owned = free.push_reservation(&Reservation::dynamic(role("c"), None)).unwrap();
        prop_assert_eq!(&owned.reserved_to(&role("c")), &owned);
        prop_assert_eq!(owned.pop_reservation().unwrap(), free);
    }
}

#[test]
fn a_bag_that_loses_its_last_special_entry_is_plain_again() {
    let mut all = bag("cpus:1;ports:[1-2]");
    assert!(!all.is_plain());
    all -= &bag("ports:[1-2]");
    assert!(all.is_plain());
    all -= &bag("cpus:1");
    assert!(all.is_empty());
}
