//! Arbitrary entries and bags, and the few made by hand that several tests use.

use std::collections::BTreeSet;

use mesos_core::resource::{
    Disk, DiskSource, Labels, Range, Ranges, Reservation, Reservations, Resource, ResourceName, Resources, Scalar, Set,
    Value,
};
use mesos_core::{PersistenceId, Principal, ProviderId, Role};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

pub(crate) fn role(text: &str) -> Role {
    Role::new(text).unwrap()
}

pub(crate) fn units(amount: u32) -> Scalar {
    Scalar::from_units(amount)
}

pub(crate) fn bag(text: &str) -> Resources {
    text.parse().unwrap()
}

pub(crate) fn stack(roles: &[&str]) -> Reservations {
    Reservations::new(roles.iter().map(|name| Reservation::dynamic(role(name), None))).unwrap()
}

pub(crate) fn volume_info(id: &str) -> Disk {
    Disk::volume(PersistenceId::new(id).unwrap(), None, "/data")
}

/// 64 MB of volume `id`, reserved to role `a`.
pub(crate) fn volume(id: &str) -> Resource {
    Resource::disk(units(64)).with_reservations(stack(&["a"])).with_disk(volume_info(id))
}

pub(crate) fn of(entries: impl IntoIterator<Item = Resource>) -> Resources {
    Resources::from_entries(entries).unwrap()
}

pub(crate) fn amounts() -> impl Strategy<Value = Scalar> {
    prop_oneof![Just(0), 1..5_i64, 1..20_000_i64].prop_map(Scalar::from_milli)
}

pub(crate) fn numbers() -> impl Strategy<Value = BTreeSet<u64>> {
    proptest::collection::btree_set(0..40_u64, 0..12)
}

pub(crate) fn ranges_of(numbers: &BTreeSet<u64>) -> Ranges {
    Ranges::new(numbers.iter().map(|number| Range { begin: *number, end: *number })).unwrap()
}

pub(crate) fn words() -> impl Strategy<Value = BTreeSet<String>> {
    subsequence(vec!["a", "b", "c", "d", "e"], 0..=5).prop_map(|words| words.into_iter().map(str::to_owned).collect())
}

pub(crate) fn stacks() -> impl Strategy<Value = Reservations> {
    let ops = Principal::new("ops").unwrap();
    let labels: Labels = [("k", "v")].into_iter().collect();
    let fixed = Reservation::fixed(role("a"));
    let dynamic = |name: &str| Reservation::dynamic(role(name), Some(ops.clone()));
    let all = [
        vec![],
        vec![fixed.clone()],
        vec![dynamic("a")],
        vec![dynamic("a").with_labels(labels)],
        vec![fixed, dynamic("a/b")],
        vec![dynamic("b")],
    ];
    select(all.map(|stack| Reservations::new(stack).unwrap()).to_vec())
}

pub(crate) fn disks() -> impl Strategy<Value = Option<Disk>> {
    let id = |text: &str| Some(text.to_owned());
    select(vec![
        None,
        Some(Disk::from_source(DiskSource::path("/p"))),
        Some(Disk::from_source(DiskSource::mount("/m"))),
        Some(Disk::from_source(DiskSource::block(id("b"), id("fast")))),
        Some(Disk::from_source(DiskSource::raw(None, id("fast")))),
        Some(Disk::from_source(DiskSource::raw(id("r"), None))),
        Some(volume_info("v1")),
        Some(volume_info("v2").on(DiskSource::path("/p"))),
        Some(volume_info("v3").on(DiskSource::mount("/m"))),
    ])
}

pub(crate) fn values() -> impl Strategy<Value = (ResourceName, Value)> {
    let scalar_name = select(vec!["cpus", "mem", "disk", "disk", "disk", "gpus", "fpgas"]);
    prop_oneof![
        4 => (scalar_name, amounts()).prop_map(|(name, amount)| (name, Value::Scalar(amount))),
        1 => numbers().prop_map(|numbers| ("ports", Value::Ranges(ranges_of(&numbers)))),
        1 => words().prop_map(|words| ("zones", Value::Set(Set::new(words).unwrap()))),
    ]
    .prop_map(|(name, value)| (ResourceName::new(name).unwrap(), value))
}

pub(crate) fn entries() -> impl Strategy<Value = Resource> {
    let flags = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (values(), stacks(), disks(), flags).prop_map(
        |((name, value), stack, disk, (is_shared, is_revocable, is_provided))| {
            let disk = disk.filter(|_| name == ResourceName::Disk);
            let mut entry = Resource::new(name, value).with_reservations(stack);
            if is_shared && disk.as_ref().is_some_and(|disk| disk.persistence.is_some()) {
                entry = entry.shared();
            }
            if let Some(disk) = disk {
                entry = entry.with_disk(disk);
            } else if is_revocable {
                entry = entry.revocable();
            }
            if is_provided { entry.with_provider(ProviderId::new("rp").unwrap()) } else { entry }
        },
    )
}

pub(crate) fn bags() -> impl Strategy<Value = Resources> {
    vec(entries(), 0..7).prop_map(of)
}

pub(crate) fn plain_entries() -> impl Strategy<Value = Resource> {
    (select(vec!["cpus", "mem", "disk", "gpus"]), amounts())
        .prop_map(|(name, amount)| Resource::scalar(ResourceName::new(name).unwrap(), amount))
}

/// What the text form can say: static reservations at most, no further information.
pub(crate) fn declarable_entries() -> impl Strategy<Value = Resource> {
    let roles = select(vec!["*", "a", "a/b", "odd:role", "x)y"]);
    (values(), roles).prop_map(|((name, value), text)| {
        let stack = if text == "*" { vec![] } else { vec![Reservation::fixed(role(text))] };
        Resource::new(name, value).with_reservations(Reservations::new(stack).unwrap())
    })
}

pub(crate) fn names() -> Vec<ResourceName> {
    ["cpus", "mem", "disk", "gpus", "ports", "fpgas", "zones"].map(|name| ResourceName::new(name).unwrap()).to_vec()
}
