//! What tools and operators ask an agent by gRPC: the calls of HTTP, judged there.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use mesos_core::net::grpc::proto::kernel::agent_operator_client::AgentOperatorClient;
use mesos_core::net::grpc::tonic::codegen::tokio_stream::{self, wrappers::ReceiverStream};
use mesos_core::net::grpc::tonic::transport::Channel;
use mesos_core::net::grpc::tonic::{Code, Status, Streaming};
use mesos_core::net::grpc::{Dialer, channel, code_of};
use mesos_core::net::http::axum::http::HeaderValue;
use mesos_core::wire::{API_VERSION, json, v1};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use v1::agent::call::Type;
use v1::agent::{Call, ProcessIo, Response};

use crate::input::running;
use crate::matrix::{CALLERS, CREDENTIALS, call_of, framework};
use crate::rig::Rig;
use crate::wire::{ask, body};

/// Somebody who asks.
pub(crate) struct Operator {
    client: AgentOperatorClient<Channel>,
    dialer: Dialer,
}

/// What somebody says in `authorization`, if anything.
pub(crate) fn dialer(credential: &str) -> Dialer {
    match credential {
        "" => Dialer::plaintext(),
        credential => Dialer::plaintext().with_credential(HeaderValue::from_str(credential).unwrap()),
    }
}

impl Operator {
    pub(crate) async fn new(address: SocketAddr, credential: &str) -> Self {
        Self::by(dialer(credential), address).await
    }

    /// Somebody who speaks like this.
    pub(crate) async fn by(dialer: Dialer, address: SocketAddr) -> Self {
        let channel = channel(&dialer, &address.to_string()).await.unwrap();
        Self { client: AgentOperatorClient::new(channel), dialer }
    }

    pub(crate) async fn ask(&mut self, call: &Value) -> Result<Response, Status> {
        self.client.ask(self.dialer.request(read(call))).await.map(|answer| answer.into_inner())
    }

    async fn attach_output(&mut self, call: &Value) -> Result<Streaming<ProcessIo>, Status> {
        self.client.attach_output(self.dialer.request(read(call))).await.map(|answer| answer.into_inner())
    }
}

fn read(call: &Value) -> Call {
    json::read(call.to_string().as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_says_that_it_is_well_and_what_it_speaks() {
    let rig = Rig::known(CREDENTIALS).await;
    let plain = channel(&Dialer::plaintext(), &rig.address().to_string()).await.unwrap();
    let mut health = HealthClient::new(plain.clone());
    for service in ["", "mesos.kernel.Agent", "mesos.kernel.AgentOperator"] {
        let asked = HealthCheckRequest { service: service.to_owned() };
        assert_eq!(health.check(asked).await.unwrap().into_inner().status(), ServingStatus::Serving, "{service:?}");
    }
    let master = health.check(HealthCheckRequest { service: "mesos.kernel.Kernel".to_owned() }).await.unwrap_err();
    assert_eq!(master.code(), Code::NotFound, "that is a master's");

    let list = || {
        let request = Some(MessageRequest::ListServices(String::new()));
        tokio_stream::iter([ServerReflectionRequest { host: String::new(), message_request: request }])
    };
    let mut reflection = ServerReflectionClient::new(plain);
    let nobody = reflection.server_reflection_info(list()).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated, "{nobody:?}");
    let operator = dialer(CALLERS[4].1.trim_start_matches("\r\nAuthorization: "));
    let listed = reflection.server_reflection_info(operator.request(list())).await.unwrap().into_inner();
    let listed = { listed }.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = listed else { panic!("{listed:?}") };
    let listed: BTreeSet<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    let known = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "mesos.kernel.Agent",
        "mesos.kernel.AgentOperator",
    ];
    assert_eq!(listed, BTreeSet::from(known));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_asks_and_is_answered() {
    let mut rig = Rig::new().await;
    let named = running(&mut rig).await;
    let mut operator = Operator::new(rig.address(), "").await;
    let version = operator.ask(&json!({"type": "GET_VERSION"})).await.unwrap().get_version.unwrap();
    assert_eq!(version.version_info.version, API_VERSION);
    let containers = operator.ask(&json!({"type": "GET_CONTAINERS"})).await.unwrap().get_containers.unwrap();
    assert_eq!(containers.containers[0].executor_id.as_ref().unwrap().value, "t1");
    let level = json!({"level": 2, "duration": {"nanoseconds": 1_000}});
    let done = operator.ask(&json!({"type": "SET_LOGGING_LEVEL", "set_logging_level": level})).await.unwrap();
    assert_eq!(done, Response::default(), "there is nothing to say");
    let level = operator.ask(&json!({"type": "GET_LOGGING_LEVEL"})).await.unwrap();
    assert_eq!(level.get_logging_level.unwrap().level, 2);

    let id: Value = serde_json::from_str(&named("never")).unwrap();
    let session = json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION",
        "launch_nested_container_session": {"container_id": id, "command": {"value": "true"}}});
    let wrong = operator.ask(&session).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.message().contains("a stream")), (Code::InvalidArgument, true), "{wrong:?}");
    let wait = json!({"type": "WAIT_CONTAINER", "wait_container": {"container_id": id}});
    let unknown = operator.ask(&wait).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound, "what is refused is not begun: {unknown:?}");
    let wrong = operator.attach_output(&json!({"type": "GET_STATE"})).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.message().contains("one message")), (Code::InvalidArgument, true), "{wrong:?}");
}

/// Hears what a container writes until this was among it.
async fn hear(output: &mut Streaming<ProcessIo>, heard: &mut String, text: &str) {
    while !heard.contains(text) {
        let piece = output.message().await.unwrap().expect("it was never written");
        if let Some(data) = piece.data {
            *heard += &String::from_utf8_lossy(&data.data.unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_given_what_it_reads_and_tells_what_it_writes() {
    let mut rig = Rig::new().await;
    let named = running(&mut rig).await;
    let id: Value = serde_json::from_str(&named("echo")).unwrap();
    let mut operator = Operator::new(rig.address(), "").await;
    let session = json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session":
        {"container_id": id, "command": {"value": "cat; echo over"}}});
    let mut output = operator.attach_output(&session).await.unwrap();

    let attach = |part: Value| read(&json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": part}));
    let first = || attach(json!({"type": "CONTAINER_ID", "container_id": id}));
    let give = |data: &str| {
        let data = json!({"type": "STDIN", "data": data});
        attach(json!({"type": "PROCESS_IO", "process_io": {"type": "DATA", "data": data}}))
    };
    let (say, calls) = mpsc::channel(4);
    let mut attached = operator.client.clone();
    let input = tokio::spawn(async move { attached.attach_input(ReceiverStream::new(calls)).await });
    say.send(first()).await.unwrap();
    say.send(give("aGVsbG8K")).await.unwrap();
    let mut heard = String::new();
    hear(&mut output, &mut heard, "hello").await;
    let second = operator.client.attach_input(tokio_stream::iter([first()])).await.unwrap_err();
    assert_eq!(second.code(), Code::FailedPrecondition, "one at a time: {second:?}");
    say.send(give("")).await.unwrap();
    drop(say);
    assert_eq!(input.await.unwrap().unwrap().into_inner(), Response::default());
    hear(&mut output, &mut heard, "over").await;
    while output.message().await.unwrap().is_some() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_with_a_terminal_is_typed_into_and_told_its_size() {
    let mut rig = Rig::new().await;
    let named = running(&mut rig).await;
    let id: Value = serde_json::from_str(&named("terminal")).unwrap();
    let mut operator = Operator::new(rig.address(), "").await;
    let line = "stty size; while read line; do echo got $line; stty size; done; echo over";
    let size = |rows: u32, columns: u32| json!({"window_size": {"rows": rows, "columns": columns}});
    let session = json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
        "container_id": id, "command": {"value": line}, "container": {"type": "MESOS", "tty_info": size(24, 80)}}});
    let mut output = operator.attach_output(&session).await.unwrap();
    let mut heard = String::new();
    hear(&mut output, &mut heard, "24 80\r\n").await;

    let attach = |part: Value| read(&json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": part}));
    let given = |io: Value| attach(json!({"type": "PROCESS_IO", "process_io": io}));
    let give = |data: &str| given(json!({"type": "DATA", "data": {"type": "STDIN", "data": data}}));
    let resize = |size: Value| given(json!({"type": "CONTROL", "control": {"type": "TTY_INFO", "tty_info": size}}));
    let (say, calls) = mpsc::channel(8);
    let mut attached = operator.client.clone();
    let input = tokio::spawn(async move { attached.attach_input(ReceiverStream::new(calls)).await });
    say.send(attach(json!({"type": "CONTAINER_ID", "container_id": id}))).await.unwrap();
    say.send(resize(size(50, 132))).await.unwrap();
    // A word and a line end.
    say.send(give("aGVsbG8K")).await.unwrap();
    hear(&mut output, &mut heard, "got hello\r\n50 132\r\n").await;
    // EOT.
    say.send(give("BA==")).await.unwrap();
    hear(&mut output, &mut heard, "over\r\n").await;
    drop(say);
    assert_eq!(input.await.unwrap().unwrap().into_inner(), Response::default());
    while output.message().await.unwrap().is_some() {}
}

/// Every call of everybody, by gRPC and by HTTP: the same is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_do_what_is_the_same_as_over_http() {
    let mut rig = Rig::known(CREDENTIALS).await;
    framework(&mut rig, "x").await;
    framework(&mut rig, "y").await;
    let address = rig.address();
    for (who, line) in CALLERS {
        let mut operator = Operator::new(address, line.trim_start_matches("\r\nAuthorization: ")).await;
        let is_stream = |kind: &Type| {
            matches!(
                kind,
                Type::LaunchNestedContainerSession | Type::AttachContainerOutput | Type::AttachContainerInput
            )
        };
        for kind in (0..=64).filter_map(|number| Type::try_from(number).ok()).filter(|kind| !is_stream(kind)) {
            // Beside a container nobody has: what is allowed is tried, and does nothing.
            let call = call_of(kind, "nobody");
            if matches!(kind, Type::LaunchContainer | Type::WaitContainer | Type::KillContainer | Type::RemoveContainer)
            {
                continue;
            }
            let head = format!("POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close{line}");
            let answer = ask(address, &head, &call.to_string(), "never said").await;
            let http: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
            match operator.ask(&call).await {
                Ok(response) => {
                    assert!((200..300).contains(&http), "{who} {kind:?}: {answer}");
                    let shows =
                        |text: &str| ["task-x", "task-y", "said-by-x", "of-the-agent"].map(|word| text.contains(word));
                    let written = String::from_utf8(json::write_bytes(&response)).unwrap();
                    assert_eq!(shows(&written), shows(body(&answer)), "{who} {kind:?}: {written}");
                }
                Err(status) => {
                    let code = code_of(http.try_into().unwrap());
                    assert_eq!((status.code(), status.message()), (code, body(&answer)), "{who} {kind:?}");
                }
            }
        }
    }
}
