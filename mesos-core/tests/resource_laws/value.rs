//! Scalars, ranges and sets, each against a model of its own.

use std::collections::BTreeSet;

use mesos_core::resource::{Range, Ranges, Resource, ResourceName, Resources, Scalar, Set};
use proptest::collection::vec;
use proptest::prelude::*;

use super::arbitrary::*;

#[test]
fn scalars_are_fixed_point() {
    let scalar = |number: f64| Scalar::from_f64(number).unwrap();
    assert_eq!(scalar(0.1) + scalar(0.2), scalar(0.3));
    assert_eq!(scalar(1.0001), scalar(1.0));
    assert_eq!(scalar(0.0005), Scalar::from_milli(1), "half rounds away from zero");
    assert_eq!(scalar(0.0), Scalar::ZERO);
    assert_eq!(scalar(-0.0), Scalar::ZERO);
    for refused in [0.0004, -1.0, -0.0001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, f64::MIN_POSITIVE] {
        assert!(Scalar::from_f64(refused).is_err(), "{refused} was accepted");
    }
    assert_eq!(Scalar::from_f64(Scalar::MAX_INPUT.to_f64()), Ok(Scalar::MAX_INPUT));
    assert!(Scalar::from_f64(Scalar::MAX_INPUT.to_f64() + 1.0).is_err());
}

#[test]
fn scalars_never_wrap_around() {
    let most = Scalar::from_milli(i64::MAX);
    assert_eq!(most + most, most);
    assert_eq!(most.checked_add(Scalar::from_milli(1)), None);
    assert_eq!(units(1).checked_sub(units(2)), None);
    assert_eq!(units(1).sub_floored(units(2)), Scalar::ZERO);
    assert_eq!((units(1) - units(2)).to_string(), "-1");
    assert_eq!(Scalar::from_count(u64::MAX), most);
}

proptest! {
    #[test]
    fn entries_collected_at_once_are_entries_added_one_by_one(entries in vec(entries(), 0..12)) {
        let mut added = Resources::new();
        for entry in &entries {
            added.add(entry.clone()).unwrap();
        }
        prop_assert_eq!(of(entries), added);
    }

    #[test]
    fn short_texts_of_amounts_are_read_as_long_ones(text in "[0-9]{0,14}(\\.[0-9]{0,5})?") {
        let long = text.parse::<f64>().ok().and_then(|number| Scalar::from_f64(number).ok());
        prop_assert_eq!(text.parse::<Scalar>().ok(), long);
    }

    #[test]
    fn scalars_survive_text_float_and_json(milli in 0..=Scalar::MAX_INPUT.as_milli()) {
        let scalar = Scalar::from_milli(milli);
        prop_assert_eq!(scalar.to_string().parse(), Ok(scalar));
        prop_assert_eq!(Scalar::from_f64(scalar.to_f64()), Ok(scalar));
        let json = serde_json::to_string(&scalar).unwrap();
        prop_assert!(json.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 3), "{} in JSON", json);
        prop_assert_eq!(serde_json::from_str::<Scalar>(&json).unwrap(), scalar);
    }

    #[test]
    fn ranges_agree_with_sets_of_numbers(a in numbers(), b in numbers(), count in 0..15_u64) {
        let (left, right) = (ranges_of(&a), ranges_of(&b));
        let mut sum = left.clone();
        sum += &right;
        prop_assert_eq!(&sum, &ranges_of(&(&a | &b)));
        let mut difference = left.clone();
        difference -= &right;
        prop_assert_eq!(difference, ranges_of(&(&a - &b)));
        prop_assert_eq!(left.contains(&right), a.is_superset(&b));
        prop_assert_eq!(left.count(), a.len() as u64);
        prop_assert!((0..40).all(|number| left.contains_number(number) == a.contains(&number)));
        prop_assert!(sum.as_slice().windows(2).all(|pair| pair[0].end + 1 < pair[1].begin), "{} has touching parts", sum);
        prop_assert_eq!(left.lowest(count), ranges_of(&a.iter().copied().zip(0..count).map(|(number, _)| number).collect()));
        prop_assert_eq!(left.to_string().parse::<Ranges>(), Ok(left));
    }

    #[test]
    fn sets_agree_with_sets_of_strings(a in words(), b in words()) {
        let set = |words: &BTreeSet<String>| Set::new(words.iter().rev().cloned()).unwrap();
        let mut sum = set(&a);
        sum += &set(&b);
        prop_assert_eq!(sum, set(&(&a | &b)));
        let mut difference = set(&a);
        difference -= &set(&b);
        prop_assert_eq!(difference, set(&(&a - &b)));
        prop_assert_eq!(set(&a).contains(&set(&b)), a.is_superset(&b));
    }
}

#[test]
fn ranges_reach_to_the_ends_of_what_fits() {
    let all = Ranges::new([Range { begin: 0, end: u64::MAX }]).unwrap();
    assert_eq!(all.count(), u64::MAX);
    assert_eq!(all.lowest(u64::MAX).as_slice(), [Range { begin: 0, end: u64::MAX - 1 }]);
    let mut left = all.clone();
    left -= &Ranges::single(u64::MAX);
    left -= &Ranges::single(0);
    assert_eq!(left.as_slice(), [Range { begin: 1, end: u64::MAX - 1 }]);
    left += &all;
    assert_eq!(left, all);
    assert_eq!(of([Resource::ports(all)]).quantities().get(&ResourceName::Ports), Scalar::from_milli(i64::MAX));
}

#[test]
fn bad_ranges_and_sets_are_refused() {
    for text in [
        "[2-1]",
        "[1-5,5-9]",
        "[1-3,2-2]",
        "[1]",
        "[a-b]",
        "[1-2",
        "1-2]",
        "[1-2,]",
        "[-1-2]",
        "[0-99999999999999999999]",
    ] {
        assert!(text.parse::<Ranges>().is_err(), "{text} was accepted");
    }
    for text in ["{a,a}", "{a,}", "{a", "a}", "{,}"] {
        assert!(text.parse::<Set>().is_err(), "{text} was accepted");
    }
    assert_eq!("[1-3, 4-6]".parse::<Ranges>().unwrap().to_string(), "[1-6]");
    assert_eq!("[]".parse(), Ok(Ranges::default()));
    assert_eq!("{ }".parse(), Ok(Set::default()));
}
