//! Entries that are taken as a whole, entries that do not mix, and copies of shared ones.

use mesos_core::resource::{
    Allocated, Disk, DiskSource, Labels, Reservation, Reservations, Resource, ResourceName, Resources, Value,
    VolumeMode,
};
use mesos_core::{PersistenceId, Principal, ProviderId};

use super::arbitrary::*;

#[test]
fn a_volume_or_an_exclusive_disk_is_never_split() {
    let mount = Resource::disk(units(100)).with_disk(Disk::from_source(DiskSource::mount("/m")));
    let raw = Resource::disk(units(100)).with_disk(Disk::from_source(DiskSource::raw(Some("r".into()), None)));
    for whole in [mount, raw, volume("v1")] {
        let part = whole.clone().with_value(Value::Scalar(units(10)));
        let all = of([whole.clone()]);
        assert!(all.contains_resource(&whole), "{whole}");
        assert!(!all.contains_resource(&part), "{whole}");
        assert_eq!(&all - &of([part]), all, "{whole}");
        assert_eq!(of([whole.clone(), whole.clone()]).len(), 2, "{whole}");
        assert!(!all.contains(&of([whole.clone(), whole])), "one is not two");
    }
}

#[test]
fn folders_and_storage_pools_are_split_and_merged() {
    for source in [DiskSource::path("/p"), DiskSource::raw(None, Some("fast".into()))] {
        let part = Resource::disk(units(10)).with_disk(Disk::from_source(source));
        let all = of([part.clone(), part.clone()]);
        assert_eq!(all.len(), 1);
        assert_eq!(&all - &of([part.clone()]), of([part]));
    }
}

#[test]
fn where_a_volume_is_mounted_and_by_whom_it_was_made_does_not_make_it_another() {
    let elsewhere = {
        let mut info = Disk::volume(PersistenceId::new("v1").unwrap(), Principal::new("ops").ok(), "/elsewhere");
        info.volume.as_mut().unwrap().mode = VolumeMode::Ro;
        volume("v1").with_disk(info)
    };
    assert!(of([volume("v1")]).contains_resource(&elsewhere));
    assert!(!of([volume("v1")]).contains_resource(&volume("v2")));
}

#[test]
fn shared_entries_count_copies_but_their_size_once() {
    let shared = volume("v1").shared();
    let two = of([shared.clone(), shared.clone()]);
    assert_eq!((two.copies(&shared), two.len(), two.disk()), (2, 2, units(64)));
    assert_eq!(two.quantities().get(&ResourceName::Disk), units(64));
    let one = &two - &of([shared.clone()]);
    assert_eq!(one.copies(&shared), 1);
    assert!(two.contains(&one) && !one.contains(&two));
    assert_eq!(one - &two, Resources::new());
    assert!(!two.contains_resource(&volume("v1")), "an exclusive volume is another entry");
}

#[test]
fn reservations_that_differ_in_anything_do_not_mix() {
    let with = |reservation: Reservation| {
        Resource::cpus(units(1)).with_reservations(Reservations::new([reservation]).unwrap())
    };
    let dynamic = Reservation::dynamic(role("a"), None);
    let labels: Labels = [("k", "v")].into_iter().collect();
    let all = of([
        with(dynamic.clone()),
        with(Reservation::dynamic(role("b"), None)),
        with(Reservation::dynamic(role("a"), Principal::new("p").ok())),
        with(dynamic.clone().with_labels(labels)),
        with(Reservation::fixed(role("a"))),
        Resource::cpus(units(1)),
        Resource::cpus(units(1)).revocable(),
        Resource::cpus(units(1)).with_provider(ProviderId::new("rp").unwrap()),
    ]);
    assert_eq!((all.len(), all.cpus()), (8, units(8)));
    assert!(!all.contains_resource(&with(dynamic).with_value(Value::Scalar(units(2)))));
}

#[test]
fn what_two_roles_hold_does_not_mix() {
    let mut held = Allocated::new(role("a"), bag("cpus:1"));
    let other = Allocated::new(role("b"), bag("cpus:1"));
    assert!(held.add(&other).is_err() && held.subtract(&other).is_err() && !held.contains(&other));
    assert_eq!(held.resources, bag("cpus:1"));
    held.add(&held.clone()).unwrap();
    assert_eq!(held.resources, bag("cpus:2"));
}
