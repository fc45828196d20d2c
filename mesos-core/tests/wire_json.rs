//! The dialect, by the messages of clients.

use mesos_core::wire::json::{self, InvalidJson};
use mesos_core::wire::v1::{self, executor, master, scheduler};
use prost::Message as _;

fn read_call(text: &str) -> Result<scheduler::Call, InvalidJson> {
    json::read(text.as_bytes())
}

fn path_of(text: &str) -> String {
    match read_call(text) {
        Err(InvalidJson::Value { path, .. }) => path,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_subscription_reads_as_a_client_writes_it() {
    let call = read_call(
        r#"{"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "batch", "roles": ["web"],
            "failover_timeout": 100, "checkpoint": true, "capabilities": [{"type": "MULTI_ROLE"}], "webui_url": null}}}"#,
    );
    let call = call.unwrap();
    assert_eq!(call.r#type(), scheduler::call::Type::Subscribe);
    let info = call.subscribe.unwrap().framework_info;
    assert_eq!((info.name.as_str(), info.failover_timeout, info.webui_url), ("batch", Some(100.0), None));
    assert_eq!(info.capabilities[0].r#type(), v1::framework_info::capability::Type::MultiRole);
}

#[test]
fn what_clients_get_away_with_is_forgiven() {
    let text = r#"{"type": "ACCEPT", "colour": "red", "framework_id": {"value": "f"}, "accept": {
        "filters": null, "offer_ids": {"value": "o1"},
        "operations": [null, {"type": "LAUNCH", "launch": {"task_infos": [{
            "name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "a"}, "slave_id": {"value": "a"},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": "0.5"}},
                          {"name": "ports", "type": "RANGES", "ranges": {"range": {"begin": "31000", "end": 31001.0}}}],
            "container": {"type": "MESOS", "network_infos": {"name": "n"}},
            "command": {"shell": "false", "value": "x"}, "data": "aGk="}]}}]}}"#;
    let accept = read_call(text).unwrap().accept.unwrap();
    assert_eq!(accept.offer_ids.len(), 1);
    let task = &accept.operations[0].launch.as_ref().unwrap().task_infos[0];
    assert_eq!(task.resources[0].scalar.unwrap().value, 0.5);
    let range = &task.resources[1].ranges.as_ref().unwrap().range[0];
    assert_eq!((range.begin, range.end), (31_000, 31_001));
    assert_eq!(task.container.as_ref().unwrap().network_infos.len(), 1);
    assert_eq!(task.command.as_ref().unwrap().shell, Some(false));
    assert_eq!(task.data.as_deref(), Some(&b"hi"[..]));
}

#[test]
fn an_unknown_name_of_an_enum_is_nothing_said() {
    assert_eq!(read_call(r#"{"type": "TELEPORT"}"#).unwrap().r#type, None);
    let capabilities =
        r#"{"name": "f", "user": "", "capabilities": [{"type": "MIND_READING"}, {"type": "MULTI_ROLE"}]}"#;
    let info: v1::FrameworkInfo = json::read(capabilities.as_bytes()).unwrap();
    assert_eq!(info.capabilities.len(), 2);
    assert_eq!(info.capabilities[0].r#type(), v1::framework_info::capability::Type::Unknown);
}

#[test]
fn maps_are_objects() {
    let text =
        r#"{"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "a"}, "limits": {"cpus": {"value": "2"}}}"#;
    let task: v1::TaskInfo = json::read(text.as_bytes()).unwrap();
    assert_eq!(task.limits["cpus"].value, 2.0);
    let wrong = json::read::<v1::TaskInfo>(br#"{"limits": {"cpus": 2}}"#).unwrap_err().to_string();
    assert!(wrong.starts_with("limits[\"cpus\"]: "), "{wrong}");
}

#[test]
fn what_stays_wrong_is_named_by_its_path() {
    assert_eq!(path_of(r#"{"framework_id": "f"}"#), "framework_id");
    assert_eq!(path_of(r#"{"accept": {"offer_ids": [{"value": "a"}, {"value": 7}]}}"#), "accept.offer_ids[1].value");
    assert_eq!(path_of(r#"{"decline": {"filters": {"refuse_seconds": "soon"}}}"#), "decline.filters.refuse_seconds");
    assert_eq!(path_of("[]"), "the message");
    assert_eq!(path_of(r#"{"acknowledge": {"uuid": 5}}"#), "acknowledge.uuid");
    let error = read_call(r#"{"acknowledge": {"uuid": "***"}}"#).unwrap_err().to_string();
    assert!(error.contains("base64"), "{error}");
}

#[test]
fn broken_and_bottomless_texts_are_refused() {
    for text in ["", "{", "nope", &"[".repeat(100_000), &r#"{"accept":"#.repeat(10_000)] {
        assert!(matches!(read_call(text), Err(InvalidJson::Syntax(_))));
    }
}

#[test]
fn events_are_written_on_one_line_with_the_names_clients_look_for() {
    let status = v1::TaskStatus {
        task_id: v1::TaskId { value: "a\nb".into() },
        state: v1::TaskState::TaskRunning.into(),
        uuid: Some(vec![0, 1, 2, 255]),
        timestamp: Some(1.5),
        ..Default::default()
    };
    let event = scheduler::Event {
        r#type: Some(scheduler::event::Type::Update.into()),
        update: Some(scheduler::event::Update { status }),
        ..Default::default()
    };
    let text = json::write(&event);
    assert_eq!(
        text,
        r#"{"type":"UPDATE","update":{"status":{"task_id":{"value":"a\nb"},"state":"TASK_RUNNING","timestamp":1.5,"uuid":"AAEC/w=="}}}"#
    );
    assert_eq!(json::read::<scheduler::Event>(text.as_bytes()).unwrap(), event);
}

#[test]
fn numbers_of_64_bits_are_numbers() {
    let range = v1::value::Range { begin: 1, end: u64::MAX };
    assert_eq!(json::write(&range), r#"{"begin":1,"end":18446744073709551615}"#);
    assert_eq!(json::read::<v1::value::Range>(br#"{"begin":"1","end":"18446744073709551615"}"#).unwrap(), range);
}

#[test]
fn protobuf_of_newer_peers_is_read_past_what_is_unknown() {
    // Type 99 and a field 900 that this version has never heard of.
    let bytes = [8, 99, 0xa2, 0x38, 3, b'n', b'e', b'w'];
    let event = scheduler::Event::decode(&bytes[..]).unwrap();
    assert_eq!((event.r#type, event.r#type()), (Some(99), scheduler::event::Type::Unknown));
    assert!(executor::Event::decode(&bytes[..]).is_ok() && master::Event::decode(&bytes[..]).is_ok());
}
