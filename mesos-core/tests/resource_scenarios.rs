//! Scenarios of resources and roles that Apache Mesos tests its own with (`src/tests/resources_tests.cpp`, `role_tests.cpp`),
//! each named after its model there. The laws behind them are in `resource_laws`.

use mesos_core::kernel::Rng;
use mesos_core::resource::{
    Allocated, Disk, DiskSource, Limits, Quantities, Resource, ResourceName, Resources, Scalar, Value,
};
use mesos_core::{PersistenceId, Role};

fn bag(text: &str) -> Resources {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn amounts(text: &str) -> Quantities {
    text.parse().unwrap()
}

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

fn disk(size: u32, source: DiskSource) -> Resources {
    let entry = Resource::disk(Scalar::from_units(size)).with_disk(Disk::from_source(source));
    Resources::from_entries([entry]).unwrap()
}

fn plus(parts: &[&str]) -> Resources {
    parts.iter().map(|part| bag(part)).fold(Resources::new(), |sum, part| sum + &part)
}

#[test]
fn precision_many_consecutive_ops() {
    let start = bag("cpus:1.001");
    let mut sum = start.clone();
    for _ in 0..100_000 {
        sum += &start;
    }
    assert_eq!(sum, bag("cpus:100101.001"));
    for _ in 0..100_000 {
        sum -= &start;
    }
    assert_eq!(sum, start);
}

#[test]
fn precision_lost_and_rounding() {
    assert_eq!(bag("cpus:1.5011"), bag("cpus:1.501"));
    assert_eq!(bag("cpus:1.5015"), bag("cpus:1.502"));
    assert!(bag("cpus:1.5") != bag("cpus:1.501"));
}

#[test]
fn absent_resources() {
    let none = bag("gpus:0");
    assert_eq!((none.len(), none.is_empty()), (0, true));
    assert_eq!(bag("cpus:0;ports:[];zones:{};mem:1").len(), 1);
}

#[test]
fn ranges_addition() {
    let sum = plus(&["ports:[20000-40000]", "ports:[30000-50000,10000-20000]"]);
    assert_eq!(sum, bag("ports:[10000-50000]"));
}

#[test]
fn ranges_addition_3() {
    let sum = plus(&["ports:[1-2]", "ports:[3-4]", "ports:[7-8]", "ports:[5-6]"]);
    assert_eq!(sum.to_string(), "ports:[1-8]");
}

#[test]
fn contains_resource_quantities() {
    for (all, asked, expected) in [
        ("ports:[1-2]", "ports:2", true),
        ("ports:[1-1]", "ports:2", false),
        ("zones:{a,b}", "zones:2", true),
        ("cpus(role1):2;cpus:1", "cpus:3", true),
        ("ports(role1):[1-10];ports:[20-25]", "ports:12", true),
        ("ports(role1):[1-10];ports:[20-25]", "ports:17", false),
        ("cpus:1", "cpus:1;mem:1", false),
        ("cpus:1", "", true),
    ] {
        assert_eq!(bag(all).contains_quantities(&amounts(asked)), expected, "{all} against {asked}");
    }
}

#[test]
fn shrink_to_limits() {
    for (all, limits, expected) in
        [("cpus:1", "", "cpus:1"), ("cpus:2", "cpus:1", "cpus:1"), ("cpus:2;mem:64", "cpus:0", "mem:64")]
    {
        let mut shrunk = bag(all);
        shrunk.shrink_to_limits(&limits.parse::<Limits>().unwrap());
        assert_eq!(shrunk, bag(expected), "{all} within {limits:?}");
    }
}

#[test]
fn random_chopping() {
    let mut rng = Rng::new(1);
    let (plain, mount) = (bag("disk:10"), disk(10, DiskSource::mount("/m")));
    let (mut plain_seen, mut mount_seen) = (0, 0);
    for _ in 0..1_000 {
        let mut shrunk = plain.clone() + &mount;
        shrunk.shrink_in_order(&amounts("disk:10"), |entries| rng.shuffle(entries));
        plain_seen += u32::from(shrunk == plain);
        mount_seen += u32::from(shrunk == mount);
    }
    assert_eq!(plain_seen + mount_seen, 1_000, "one of them fits, and nothing else comes out");
    assert!(plain_seen > 400 && mount_seen > 400, "{plain_seen} and {mount_seen}");
}

#[test]
fn disk_source_addition() {
    let path = |root: &str| disk(10, DiskSource::path(root));
    let one_folder = path("/a") + &path("/a");
    assert_eq!((one_folder.len(), one_folder.disk()), (1, Scalar::from_units(20)));
    let mounts = disk(10, DiskSource::mount("/a")) + &disk(10, DiskSource::mount("/a"));
    assert_eq!((mounts.len(), mounts.disk()), (2, Scalar::from_units(20)));
    assert_eq!((path("/a") + &path("/b")).len(), 2);
}

#[test]
fn disk_source_contains() {
    assert!(disk(20, DiskSource::path("/a")).contains(&disk(10, DiskSource::path("/a"))));
    let mount = disk(20, DiskSource::mount("/a"));
    assert!(!mount.contains(&disk(10, DiskSource::mount("/a"))));
    assert!(mount.contains(&mount));
}

#[test]
fn revocable_resources() {
    let kept = Resources::from_entries([Resource::cpus(Scalar::from_units(1))]).unwrap();
    let lent = Resources::from_entries([Resource::cpus(Scalar::from_units(1)).revocable()]).unwrap();
    assert!(kept != lent && !kept.contains(&lent) && !lent.contains(&kept));
    let both = kept.clone() + &lent;
    assert_eq!((both.len(), both.cpus()), (2, Scalar::from_units(2)));
    assert_eq!((both.revocable(), both.non_revocable()), (lent, kept));
}

#[test]
fn shared_addition() {
    let id = PersistenceId::new("v1").unwrap();
    let volume = Resource::disk(Scalar::from_units(64)).with_disk(Disk::volume(id, None, "data")).shared();
    let one = Resources::from_entries([volume.clone()]).unwrap();
    let two = one.clone() + &one;
    assert_eq!((two.copies(&volume), two.disk()), (2, Scalar::from_units(64)));
    assert_eq!((two - &one).copies(&volume), 1);
}

#[test]
fn allocation_info() {
    let mut held = Allocated::new(role("role1"), bag("cpus:1"));
    assert!(held.add(&Allocated::new(role("role2"), bag("cpus:1"))).is_err());
    assert_eq!(held.resources, bag("cpus:1"));
}

#[test]
fn hierarchical_allocatable() {
    let all = bag("cpus:1;cpus(a):2;cpus(a/b):4;cpus(b):8");
    assert_eq!(all.allocatable_to(&role("a/b")), bag("cpus:1;cpus(a):2;cpus(a/b):4"));
    assert_eq!(all.allocatable_to(&role("a")), bag("cpus:1;cpus(a):2"));
    assert_eq!(all.allocatable_to(&role("c")), bag("cpus:1"));
}

#[test]
fn role_validate() {
    let eight = "a/b/c/d/e/f/g/h";
    for good in ["foo", "123", "foo_123", "*", "foo-bar", "foo.bar", "foo..bar", "...", "foo/bar", "foo/.bar", eight] {
        assert!(Role::new(good).is_ok(), "{good:?} was refused");
    }
    for bad in [
        "",
        ".",
        "..",
        "-foo",
        "/",
        "/foo",
        "foo/",
        "foo//bar",
        "foo bar",
        "foo\tbar",
        "foo\nbar",
        "./foo",
        "foo/.",
        "foo/../bar",
        "foo/-bar",
        "foo/*",
        "*/foo",
    ] {
        assert!(Role::new(bad).is_err(), "{bad:?} was accepted");
    }
}

#[test]
fn role_ancestors() {
    let above = |path: &str| std::iter::successors(role(path).parent(), Role::parent).collect::<Vec<_>>();
    assert_eq!(above("a/b/c"), [role("a/b"), role("a")]);
    assert_eq!(above("a"), []);
}

/// What the old quota calls refused of a request's resources cannot even be written as amounts here.
#[test]
fn set_request_with_invalid_data() {
    for bad in ["cpus:1;cpus:2", "cpus(role):1", "ports:[1-2]", "zones:{a}", "cpus:-1", "cpus:inf", "cpus"] {
        assert!(bad.parse::<Quantities>().is_err(), "{bad:?} was read as amounts");
    }
    let entry = Resource::scalar(ResourceName::Cpus, Scalar::from_units(1)).with_value(Value::Scalar(Scalar::ZERO));
    assert!(entry.is_empty(), "and nothing is no amount");
}
