//! Text and JSON in and out, and what validation refuses.

use mesos_core::Principal;
use mesos_core::resource::{
    InvalidResources, Label, Labels, Limits, Quantities, Ranges, Reservation, Reservations, Resource, ResourceName,
    ResourceProblem, Resources, Scalar,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::arbitrary::*;

proptest! {
    #[test]
    fn json_says_everything(all in bags()) {
        let json = serde_json::to_string(&all).unwrap();
        let read: Resources = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &all);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn text_is_read_back_as_written(declared in vec(declarable_entries(), 0..7)) {
        let all = of(declared);
        let text = all.to_string();
        prop_assert_eq!(text.parse::<Resources>().map_err(|error| error.to_string()), Ok(all));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in any::<String>()) {
        let _ = text.parse::<Resources>();
        let _ = text.parse::<Quantities>();
        let _ = text.parse::<Limits>();
        let _ = text.parse::<Scalar>();
        let _ = serde_json::from_str::<Resources>(&text);
    }

    #[test]
    fn no_almost_right_text_makes_a_reader_panic(
        parts in vec(
            select(vec![
                "cpus", "ports", "zones", ":", ";", "(", ")", "[", "]", "{", "}", "-", ",", "*", "a/b", "1", "0.0001",
                "18446744073709551615", "1e400", "NaN", " ", "é", "\"name\"", "null",
            ]),
            0..12,
        )
    ) {
        let text = parts.concat();
        if let Ok(all) = text.parse::<Resources>() {
            prop_assert_eq!(all.to_string().parse::<Resources>().ok(), Some(all));
        }
        let _ = text.parse::<Limits>();
    }
}

#[test]
fn the_text_form_reads_what_agents_are_started_with() {
    let all = bag(" cpus:4; mem : 1024;ports:[31000-32000];cpus(web):2;zones:{b,a};cpus(*):0.5;disk:0;; ");
    assert_eq!(all.to_string(), "cpus:4.5;mem:1024;cpus(web):2;ports:[31000-32000];zones:{a,b}");
    assert_eq!(all.cpus(), Scalar::from_milli(6500));
    assert_eq!(all.ports().count(), 1001);
    assert_eq!(bag(""), Resources::new());
    let declared = Resources::declared("cpus:1;mem(*):2;disk(web):3", Some(&role("ops"))).unwrap();
    assert_eq!(declared.to_string(), "mem:2;cpus(ops):1;disk(web):3");
}

#[test]
fn a_refusal_says_where_and_what_would_be_right() {
    for (text, expected) in [
        ("cpus", "entry 1 \"cpus\": there is no ':'"),
        ("cpus:1;mem:-1", "entry 2 \"mem:-1\": -1 is negative"),
        ("cpus:0.0004", "vanishes when rounded"),
        ("cpus:NaN", "not a finite number"),
        ("cpus:inf", "not a finite number"),
        ("cpus:lots", "a value is an amount \"4\", ranges"),
        (":4", "it is empty"),
        ("cpus(web:4", "the role is not closed"),
        ("cpus(web/):4", "invalid role"),
        ("cpus:[1-2]", "its value is RANGES, but it must be SCALAR"),
        ("ports:4", "its value is SCALAR, but it must be RANGES"),
        ("ports:[1-3,3-4]", "overlap"),
        ("zones:{a,a}", "comes twice"),
        ("fpgas:1;fpgas:{a}", "fpgas is both SCALAR and SET"),
        ("[{\"name\":\"cpus\"}]", "not a JSON list"),
        ("[{\"name\":\"cpus\",\"type\":\"SCALAR\"}]", "needs the field \"scalar\""),
        ("[{\"name\":\"cpus\",\"type\":\"TEXT\",\"text\":{\"value\":\"x\"}}]", "not a JSON list"),
    ] {
        let refused = text.parse::<Resources>().unwrap_err().to_string();
        assert!(refused.contains(expected), "{text}: {refused}");
    }
}

#[test]
fn an_agent_cannot_declare_what_comes_about_at_run_time() {
    let revocable = Resource::cpus(units(1)).revocable();
    let dynamic = Resource::cpus(units(1)).with_reservations(stack(&["a"]));
    let fixed = Reservations::new([Reservation::fixed(role("a"))]).unwrap();
    for entry in [revocable, dynamic, volume("v1"), volume("v1").with_reservations(fixed)] {
        let json = serde_json::to_string(&of([entry.clone()])).unwrap();
        let refused = json.parse::<Resources>();
        let Err(InvalidResources::Entry { position: 1, source }) = refused else { panic!("{entry}: {refused:?}") };
        assert!(matches!(source.problem, ResourceProblem::NotDeclarable(_)));
        assert_eq!(serde_json::from_str::<Resources>(&json).unwrap(), of([entry]), "JSON itself may say it");
    }
}

#[test]
fn json_has_the_shape_of_the_field() {
    let labels: Labels = [Label { key: "k".into(), value: None }].into_iter().collect();
    let owner = Reservation::dynamic(role("a"), Some(Principal::new("ops").unwrap())).with_labels(labels);
    let entry = volume("v1").with_reservations(Reservations::new([owner]).unwrap()).shared();
    let all = of([entry, Resource::ports(Ranges::single(80)), Resource::cpus(Scalar::from_milli(1500))]);
    let expected = serde_json::json!([
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.5}},
        {"name": "disk", "type": "SCALAR", "scalar": {"value": 64},
         "reservations": [{"type": "DYNAMIC", "role": "a", "principal": "ops", "labels": {"labels": [{"key": "k"}]}}],
         "disk": {"persistence": {"id": "v1"}, "volume": {"container_path": "/data", "mode": "RW"}}, "shared": {}},
        {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 80, "end": 80}]}},
    ]);
    assert_eq!(serde_json::to_value(&all).unwrap(), expected);
}

#[test]
fn the_older_json_shape_with_one_role_is_read_too() {
    let text = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"web"},
                   {"name":"mem","type":"SCALAR","scalar":{"value":64},"role":"*"},
                   {"name":"disk","type":"SCALAR","scalar":{"value":5}}]"#;
    assert_eq!(bag(text).to_string(), "mem:64;disk:5;cpus(web):2");
    let declared = Resources::declared(text, Some(&role("ops"))).unwrap();
    assert_eq!(declared.to_string(), "mem:64;cpus(web):2;disk(ops):5");
    let dynamic =
        r#"{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"web","reservation":{"principal":"p"}}"#;
    let entry: Resource = serde_json::from_str(dynamic).unwrap();
    assert_eq!(entry.to_string(), "cpus(DYNAMIC web by p):2");
}

#[test]
fn bad_json_entries_are_refused() {
    let disk = |extra: &str| format!(r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":1}},{extra}}}"#);
    for bad in [
        disk(r#""shared":{}"#),
        disk(r#""disk":{"source":{"type":"UNKNOWN"}}"#),
        disk(r#""disk":{"source":{"type":"BLOCK","mount":{"root":"/m"}}}"#),
        disk(r#""disk":{"source":{"type":"RAW","path":{"root":"/p"}}}"#),
        disk(r#""disk":{"persistence":{"id":"a/b"}}"#),
        disk(r#""ranges":{"range":[]}"#),
        disk(r#""reservations":[{"type":"DYNAMIC","role":"*"}]"#),
        disk(r#""reservations":[{"type":"DYNAMIC","role":"a"},{"type":"DYNAMIC","role":"b"}]"#),
        disk(r#""reservations":[{"type":"DYNAMIC","role":"a"},{"type":"STATIC","role":"a/b"}]"#),
        r#"{"name":"","type":"SCALAR","scalar":{"value":1}}"#.to_owned(),
        r#"{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}"#.to_owned(),
        r#"{"name":"cpus","type":"SCALAR","scalar":{"value":0.0001}}"#.to_owned(),
        r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},"disk":{"persistence":{"id":"v"}}}"#.to_owned(),
        r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":2,"end":1}]}}"#.to_owned(),
        r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":3},{"begin":3,"end":4}]}}"#.to_owned(),
        r#"{"name":"zones","type":"SET","set":{"item":["a","a"]}}"#.to_owned(),
    ] {
        assert!(serde_json::from_str::<Resource>(&bad).is_err(), "accepted {bad}");
    }
    assert!(serde_json::from_str::<Resource>(&disk(r#""disk":{"source":{"type":"BLOCK"}}"#)).is_ok());
}

#[test]
fn an_invalid_entry_is_refused_and_changes_nothing() {
    let mut all = bag("cpus:1");
    let before = all.clone();
    for (bad, problem) in [
        (Resource::cpus(Scalar::from_milli(-1)), ResourceProblem::Negative),
        (Resource::mem(units(1)).with_disk(volume_info("v")), ResourceProblem::DiskInfoElsewhere),
        (Resource::disk(units(1)).shared(), ResourceProblem::SharedWithoutPersistence),
    ] {
        assert_eq!(all.add(bad).unwrap_err().problem, problem);
        assert_eq!(all, before);
    }
    assert!(all.add(Resource::cpus(Scalar::ZERO)).is_ok());
    assert_eq!(all, before);
}

#[test]
fn graphics_processors_in_use_are_whole() {
    assert!(bag("gpus:2;gpus(a):1").validate_gpus().is_ok());
    assert!(bag("gpus:0.5").validate_gpus().is_err());
    assert!(bag("gpus:1;gpus(a):0.5").validate_gpus().unwrap_err().to_string().contains("gpus(a):0.5"));
}

#[test]
fn names_that_text_cannot_write_are_refused() {
    for bad in ["", " cpus", "a:b", "a;b", "a(b", "a,b", "[a", "{a", "a\nb", &"x".repeat(256)] {
        assert!(ResourceName::new(bad).is_err(), "{bad:?} was accepted");
    }
    let mut order = names();
    order.sort();
    assert_eq!(
        order.iter().map(ResourceName::as_str).collect::<Vec<_>>().join(" "),
        "cpus mem disk gpus ports fpgas zones"
    );
}
