//! Conversions: each applies only where it fits, undoes its inverse, and keeps every total.

use mesos_core::ProviderId;
use mesos_core::resource::{
    Conversion, ConversionError, Disk, DiskSource, Ranges, Reservation, Reservations, Resource, ResourceProblem,
    Resources, Scalar, Value, VolumeMode,
};
use proptest::prelude::*;

use super::arbitrary::*;

/// Applies and, whatever happens, checks that no amount appeared or vanished.
fn apply(all: &Resources, conversion: &Conversion) -> Result<Resources, ConversionError> {
    let after = all.apply(conversion)?;
    assert_eq!(after.quantities(), all.quantities());
    Ok(after)
}

proptest! {
    #[test]
    fn reserving_and_unreserving_is_identity(all in bags(), extra in bags()) {
        let free = all.to_unreserved().non_revocable();
        let free = (&free - &free.persistent_volumes()) + bag("cpus:1");
        // Ports and names that the rest of the agent has already are no second ones.
        let agent = (&extra - &free.non_scalars()) + &free;
        let target = free.push_reservation(&Reservation::dynamic(role("new"), None)).unwrap();
        let reserved = apply(&agent, &Conversion::reserve(&target).unwrap()).unwrap();
        prop_assert!(reserved.contains(&target));
        let back = apply(&reserved, &Conversion::unreserve(&target).unwrap()).unwrap();
        prop_assert_eq!(back, agent);
    }

    #[test]
    fn a_volume_is_made_resized_and_unmade_without_loss(size in 1..1000_u32, more in 1..1000_u32, is_on_path in any::<bool>()) {
        let info = if is_on_path { volume_info("v").on(DiskSource::path("/p")) } else { volume_info("v") };
        let owner = stack(&["a"]);
        let disk = |amount: u32| {
            let disk = Resource::disk(units(amount)).with_reservations(owner.clone());
            if is_on_path { disk.with_disk(Disk::from_source(DiskSource::path("/p"))) } else { disk }
        };
        let volume = |amount: u32| Resource::disk(units(amount)).with_reservations(owner.clone()).with_disk(info.clone());
        let agent = of([disk(size + more), Resource::cpus(units(1))]);
        let created = apply(&agent, &Conversion::create(&of([volume(size)])).unwrap()).unwrap();
        prop_assert_eq!(&created, &of([volume(size), disk(more), Resource::cpus(units(1))]));
        let grown = apply(&created, &Conversion::grow(&volume(size), &disk(more)).unwrap()).unwrap();
        prop_assert_eq!(&grown, &of([volume(size + more), Resource::cpus(units(1))]));
        let shrunk = apply(&grown, &Conversion::shrink(&volume(size + more), units(more)).unwrap()).unwrap();
        prop_assert_eq!(&shrunk, &created);
        prop_assert_eq!(apply(&shrunk, &Conversion::destroy(&of([volume(size)])).unwrap()).unwrap(), agent);
    }

    #[test]
    fn a_conversion_of_what_is_not_there_is_refused(all in bags(), target in bags()) {
        let conversion = Conversion::new(target.clone(), target.clone()).unwrap();
        match all.apply(&conversion) {
            Ok(after) => prop_assert_eq!(after, all),
            Err(error) => {
                prop_assert!(!all.contains(&target));
                let is_expected = matches!(error, ConversionError::NotContained { .. });
                prop_assert!(is_expected);
            }
        }
    }
}

#[test]
fn a_conversion_may_not_make_or_destroy_amounts() {
    let made = Conversion::new(bag("cpus:1"), bag("cpus:2"));
    assert!(matches!(made, Err(ConversionError::TotalChanged { .. })));
    // Ports that are there already would vanish in the union.
    let ports = Resource::ports(Ranges::single(80)).with_reservations(stack(&["a"]));
    let unreserve = Conversion::unreserve(&of([ports.clone()])).unwrap();
    let twice = of([ports, Resource::ports(Ranges::single(80))]);
    assert!(matches!(twice.apply(&unreserve), Err(ConversionError::TotalChanged { .. })));
}

#[test]
fn reserving_needs_dynamic_reservations_of_irrevocable_resources() {
    assert!(Conversion::reserve(&bag("cpus(a):1")).unwrap_err().to_string().contains("dynamically reserved"));
    assert!(Conversion::reserve(&bag("cpus:1")).is_err());
    assert!(Conversion::reserve(&of([Resource::cpus(units(1)).revocable().with_reservations(stack(&["a"]))])).is_err());
    assert_eq!(Conversion::reserve(&Resources::new()), Err(ConversionError::Empty));
    assert!(Conversion::unreserve(&bag("cpus(a):1")).is_err());
    assert!(Conversion::unreserve(&of([volume("v1")])).unwrap_err().to_string().contains("destroy"));
}

#[test]
fn a_reservation_is_refined_one_level_at_a_time() {
    let agent = bag("cpus(a):4");
    let refined = bag("cpus(a):1").push_reservation(&Reservation::dynamic(role("a/b"), None)).unwrap();
    let after = apply(&agent, &Conversion::reserve(&refined).unwrap()).unwrap();
    assert_eq!(after.to_string(), "cpus(a):3;cpus(STATIC a, DYNAMIC a/b):1");
    assert_eq!(after.reserved_to(&role("a/b")), refined);
    let err = agent.push_reservation(&Reservation::dynamic(role("b"), None)).unwrap_err();
    assert!(matches!(err.problem, ResourceProblem::Reservations(_)), "{err}");
    assert!(bag("cpus:1").pop_reservation().is_err());
}

#[test]
fn an_operator_moves_reservations_over_several_levels() {
    let held = |roles: &[&str]| of([Resource::cpus(units(2)).with_reservations(stack(roles))]);
    let agent = held(&["a", "a/b"]) + bag("mem:1");
    let moved = Conversion::reserve_from(&held(&["a", "a/b"]), &held(&["a", "a/c"])).unwrap();
    assert_eq!(apply(&agent, &moved).unwrap(), held(&["a", "a/c"]) + bag("mem:1"));
    let freed = Conversion::reserve_from(&held(&["a", "a/b"]), &held(&["b"])).unwrap();
    assert_eq!(apply(&agent, &freed).unwrap(), held(&["b"]) + bag("mem:1"));
    for (source, target) in [
        (held(&["a"]) + held(&["b"]), held(&["c"]) + held(&["c"])),
        (held(&["a"]), held(&["b"]) + held(&["b"])),
        (bag("cpus(a):2"), held(&["b"])),
        (held(&["a"]), bag("cpus(b):2")),
        (of([volume("v1")]), of([volume("v1").with_reservations(stack(&["b"]))])),
        (Resources::new(), Resources::new()),
    ] {
        assert!(Conversion::reserve_from(&source, &target).is_err(), "moved {source} to {target}");
    }
}

#[test]
fn only_reserved_writable_volumes_are_created() {
    let mut read_only = volume_info("v");
    read_only.volume.as_mut().unwrap().mode = VolumeMode::Ro;
    let mut on_host = volume_info("v");
    on_host.volume.as_mut().unwrap().host_path = Some("/host".into());
    let mut unmounted = volume_info("v");
    unmounted.volume = None;
    for bad in [
        volume("v").with_disk(read_only),
        volume("v").with_disk(on_host),
        volume("v").with_disk(unmounted),
        volume("v").with_reservations(Reservations::NONE),
        volume("v").revocable(),
        Resource::disk(units(64)).with_reservations(stack(&["a"])),
    ] {
        assert!(Conversion::create(&of([bad.clone()])).is_err(), "created {bad}");
    }
    let agent = of([Resource::disk(units(63)).with_reservations(stack(&["a"]))]);
    let refused = agent.apply(&Conversion::create(&of([volume("v")])).unwrap()).unwrap_err();
    assert!(matches!(refused, ConversionError::NotContained { .. }), "{refused}");
}

#[test]
fn an_exclusive_disk_becomes_a_volume_as_a_whole() {
    let mount = Disk::from_source(DiskSource::mount("/m"));
    let disk = Resource::disk(units(64)).with_reservations(stack(&["a"])).with_disk(mount);
    let on_it = volume("v").with_disk(volume_info("v").on(DiskSource::mount("/m")));
    let created = apply(&of([disk.clone()]), &Conversion::create(&of([on_it.clone()])).unwrap()).unwrap();
    assert_eq!(created, of([on_it.clone()]));
    let smaller = on_it.clone().with_value(Value::Scalar(units(32)));
    assert!(of([disk.clone()]).apply(&Conversion::create(&of([smaller])).unwrap()).is_err());
    assert!(Conversion::grow(&on_it, &disk).is_err());
    assert!(Conversion::shrink(&on_it, units(1)).is_err());
}

#[test]
fn a_shared_volume_is_destroyed_with_its_last_copy_only() {
    let shared = volume("v").shared();
    let agent = of([Resource::disk(units(64)).with_reservations(stack(&["a"]))]);
    let created = apply(&agent, &Conversion::create(&of([shared.clone()])).unwrap()).unwrap();
    let destroy = Conversion::destroy(&of([shared.clone()])).unwrap();
    let used_twice = &created + &of([shared.clone()]);
    assert!(matches!(used_twice.apply(&destroy), Err(ConversionError::StillShared(_))));
    assert_eq!(apply(&created, &destroy).unwrap(), agent);
    let destroy_both = Conversion::destroy(&of([shared.clone(), shared])).unwrap();
    assert_eq!(apply(&used_twice, &destroy_both).unwrap(), agent);
}

#[test]
fn resizing_needs_a_volume_of_its_own_and_matching_disk() {
    let disk = |amount: u32| Resource::disk(units(amount)).with_reservations(stack(&["a"]));
    assert!(Conversion::grow(&volume("v"), &disk(1)).is_ok());
    for addition in [
        disk(0),
        disk(1).with_reservations(stack(&["b"])),
        disk(1).with_disk(Disk::from_source(DiskSource::path("/p"))),
        Resource::mem(units(1)).with_reservations(stack(&["a"])),
        Resource::disk(Scalar::from_milli(-1)).with_reservations(stack(&["a"])),
    ] {
        assert!(Conversion::grow(&volume("v"), &addition).is_err(), "grew by {addition}");
    }
    for fixed in [volume("v").shared(), volume("v").with_provider(ProviderId::new("rp").unwrap()), disk(64)] {
        assert!(Conversion::shrink(&fixed, units(1)).is_err(), "shrank {fixed}");
    }
    for amount in [Scalar::ZERO, Scalar::from_milli(-1), units(64), units(65)] {
        assert!(Conversion::shrink(&volume("v"), amount).is_err(), "shrank by {amount}");
    }
}
