//! One case for each rule about operations.

use mesos_core::resource::{Disk, Reservation, Reservations, Scalar, Volume, VolumeMode};
use mesos_core::{PersistenceId, ProviderId};

use super::*;

fn role(text: &str) -> Role {
    Role::new(text).unwrap()
}

fn principal(text: &str) -> Principal {
    Principal::new(text).unwrap()
}

fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

fn reserved(text: &str, to: &str, by: Option<&str>) -> Resources {
    resources(text).push_reservation(&Reservation::dynamic(role(to), by.map(principal))).unwrap()
}

fn volume(id: &str, by: Option<&str>) -> Resource {
    let stack = Reservations::new([Reservation::dynamic(role("web"), None)]).unwrap();
    let disk = Disk::volume(PersistenceId::new(id).unwrap(), by.map(principal), "data");
    Resource::disk(Scalar::from_units(5)).with_reservations(stack).with_disk(disk)
}

fn bag(entries: impl IntoIterator<Item = Resource>) -> Resources {
    Resources::from_entries(entries).unwrap()
}

/// The entry, provided by `name`.
fn of_provider(entry: Resource, name: &str) -> Resource {
    entry.with_provider(ProviderId::new(name).unwrap())
}

fn two_providers() -> Resources {
    bag(["x", "y"].map(|provider| of_provider(volume(provider, None), provider)))
}

fn refuses(says: &str, result: Result<Conversion, Rejection>) {
    let refused = result.expect_err(says);
    assert_eq!(refused.code, RejectionCode::InvalidOperation);
    assert!(refused.what.contains(says), "{refused} does not say {says:?}");
    assert!(refused.to_string().len() < 1_024, "a refusal stays short");
}

#[test]
fn an_operator_moves_what_is_reserved_and_neither_static_reservations_nor_volumes() {
    let web = reserved("cpus:2", "web", Some("p"));
    let deep = web.push_reservation(&Reservation::dynamic(role("web/a"), None)).unwrap();
    let moved = validate_reserve_from(&deep, &reserved("cpus:2", "db", None)).unwrap();
    assert_eq!((moved.consumed(), moved.converted()), (&deep, &reserved("cpus:2", "db", None)));
    validate_reserve_from(&resources("cpus:2"), &deep).unwrap();
    validate_reserve_from(&web, &reserved("cpus:2", "web", Some("q"))).unwrap();
    for (says, source, target) in [
        ("the same apart from", web.clone(), reserved("cpus:1", "db", None)),
        (
            "reserved alike",
            &web + &resources("mem:1"),
            &reserved("cpus:2", "db", None) + &reserved("mem:1", "db", None),
        ),
        ("static reservation", resources("cpus(web):2"), reserved("cpus:2", "db", None)),
        ("not dynamically reserved", web.clone(), resources("cpus:2")),
        ("is a volume", bag([volume("v", None)]), bag([volume("v", None)])),
    ] {
        refuses(says, validate_reserve_from(&source, &target));
    }
}

#[test]
fn a_framework_reserves_for_the_role_of_its_offers_in_its_own_name() {
    let (web, p) = (role("web"), principal("p"));
    let judge = |entries: &Resources| validate_reserve(entries, Some(&web), Some(&p));
    let conversion = judge(&reserved("cpus:1;ports:[1-3]", "web", Some("p"))).unwrap();
    assert_eq!(conversion.consumed(), &resources("cpus:1;ports:[1-3]"));
    let revocable = bag([Resource::cpus(Scalar::from_units(1)).revocable()]);
    let stack = |name: &str| Reservations::new([Reservation::dynamic(role(name), Some(principal("p")))]).unwrap();
    let two_providers = ["x", "y"]
        .map(|provider| of_provider(Resource::cpus(Scalar::from_units(1)).with_reservations(stack("web")), provider));
    let labelled = (0..3_000).map(|n| {
        let labels = [(format!("label{n}"), "x".repeat(50))].into_iter().collect();
        let reservation = Reservation::dynamic(role("web"), Some(principal("p"))).with_labels(labels);
        Resource::cpus(Scalar::from_units(1)).with_reservations(Reservations::new([reservation]).unwrap())
    });
    for (says, entries) in [
        ("nothing to convert", Resources::new()),
        ("dynamically reserved", resources("cpus:1")),
        ("dynamically reserved", resources("cpus(web):1")),
        ("revocable", revocable.push_reservation(&Reservation::dynamic(role("web"), Some(principal("p")))).unwrap()),
        ("is not reserved for web", reserved("cpus:1", "db", Some("p"))),
        ("is not reserved for web", reserved("cpus:1", "web/a", Some("p"))),
        ("does not name p", reserved("cpus:1", "web", Some("q"))),
        ("does not name p", reserved("cpus:1", "web", None)),
        ("is a volume", bag([volume("v", Some("p"))])),
        ("whole ones", reserved("gpus:0.5", "web", Some("p"))),
        ("different resource providers", bag(two_providers)),
        ("resources take", bag(labelled)),
    ] {
        refuses(says, judge(&entries));
    }
}

#[test]
fn an_operator_reserves_for_any_role() {
    let judge = |entries: &Resources| validate_reserve(entries, None, None);
    assert!(judge(&reserved("cpus:1", "db", None)).is_ok());
    assert!(judge(&reserved("cpus(eng):1", "eng/db", Some("q"))).is_ok(), "nobody proved to be anybody");
    assert!(validate_reserve(&reserved("cpus:1", "db", Some("q")), None, Some(&principal("p"))).is_err());
}

#[test]
fn only_what_was_reserved_at_run_time_is_unreserved() {
    let conversion = validate_unreserve(&reserved("cpus:1", "web", Some("p"))).unwrap();
    assert_eq!(conversion.converted(), &resources("cpus:1"));
    for (says, entries) in [
        ("nothing to convert", Resources::new()),
        ("not dynamically reserved", resources("cpus:1")),
        ("not dynamically reserved", resources("cpus(web):1")),
        ("destroy", bag([volume("v", None)])),
        ("whole ones", reserved("gpus:0.5", "web", None)),
    ] {
        refuses(says, validate_unreserve(&entries));
    }
}

fn framework(by: Option<&str>) -> FrameworkInfo {
    let mut info = FrameworkInfo::new("f", role("web"));
    info.principal = by.map(principal);
    info
}

#[test]
fn every_rule_of_making_volumes_has_its_case() {
    let mounted = |volume: Option<(&str, VolumeMode, Option<&str>)>| {
        let volume = volume.map(|(path, mode, host_path)| Volume {
            container_path: path.to_owned(),
            host_path: host_path.map(str::to_owned),
            mode,
        });
        let disk = Disk { volume, ..Disk::volume(PersistenceId::new("v").unwrap(), None, "data") };
        let stack = Reservations::new([Reservation::dynamic(role("web"), None)]).unwrap();
        bag([Resource::disk(Scalar::from_units(5)).with_reservations(stack).with_disk(disk)])
    };
    let unreserved =
        Resource::disk(Scalar::from_units(5)).with_disk(Disk::volume(PersistenceId::new("v").unwrap(), None, "data"));
    let nothing = Resources::new();
    let judge = |volumes: &Resources| validate_create(volumes, &nothing, Some(&framework(None)));
    assert!(judge(&bag([volume("v", None), volume("w", Some("q"))])).is_ok());
    for (says, volumes) in [
        ("nothing to convert", Resources::new()),
        ("persistence id", reserved("disk:5", "web", None)),
        ("read-write", mounted(None)),
        ("read-write", mounted(Some(("data", VolumeMode::Ro, None)))),
        ("read-write", mounted(Some(("data", VolumeMode::Rw, Some("/etc"))))),
        ("no path", mounted(Some(("", VolumeMode::Rw, None)))),
        ("no path", mounted(Some(("a/../../b", VolumeMode::Rw, None)))),
        ("no path", mounted(Some(("a\0", VolumeMode::Rw, None)))),
        ("unreserved", bag([unreserved])),
        ("revocable", bag([volume("v", None).revocable()])),
        ("is shared", bag([volume("v", None).shared()])),
        ("persistence id of another", bag([volume("v", None), volume("v", None)])),
        ("different resource providers", two_providers()),
    ] {
        refuses(says, judge(&volumes));
    }
}

#[test]
fn a_persistence_id_is_used_once_on_an_agent() {
    let (existing, news) = (volume("v", None), bag([volume("v", None)]));
    let mut info = framework(None);
    info.capabilities.insert(FrameworkCapability::SharedResources);
    for total in [bag([existing.clone()]), bag([existing.clone().shared(), existing.clone().shared()])] {
        refuses("persistence id of another", validate_create(&news, &total, Some(&info)));
        assert!(validate_create(&bag([volume("w", None)]), &total, Some(&info)).is_ok());
    }
    let other_role = Reservations::new([Reservation::dynamic(role("db"), None)]).unwrap();
    let total = bag([existing.with_reservations(other_role)]);
    assert!(validate_create(&news, &total, Some(&info)).is_ok());
    assert!(validate_create(&bag([volume("v", None).shared()]), &Resources::new(), Some(&info)).is_ok());
}

#[test]
fn a_volume_is_made_in_ones_own_name() {
    let judge =
        |by: Option<&str>| validate_create(&bag([volume("v", by)]), &Resources::new(), Some(&framework(Some("p"))));
    assert!(judge(Some("p")).is_ok());
    refuses("does not name p", judge(Some("q")));
    refuses("does not name p", judge(None));
}

#[test]
fn a_volume_is_destroyed_where_it_is_and_when_nobody_uses_it() {
    let (v, w) = (bag([volume("v", None)]), bag([volume("w", None)]));
    let total = resources("cpus:4") + v.clone() + &w;
    let used = [resources("cpus:1"), resources("cpus:1") + &w];
    assert_eq!(validate_destroy(&v, &total, &used).unwrap().consumed(), &v);
    refuses("is in use", validate_destroy(&w, &total, &used));
    refuses("is not on the agent", validate_destroy(&bag([volume("x", None)]), &total, &used));
    refuses("is no persistent volume", validate_destroy(&reserved("disk:5", "web", None), &total, &used));
    refuses("different resource providers", validate_destroy(&two_providers(), &two_providers(), &used));
    refuses("nothing to convert", validate_destroy(&Resources::new(), &total, &used));
}
