//! What operators ask by gRPC: the calls of HTTP, judged there.

use std::sync::Arc;

use mesos_core::net::auth::{Open, Parts};
use mesos_core::net::grpc::proto::kernel::master_operator_client::MasterOperatorClient;
use mesos_core::net::grpc::tonic::transport::Channel;
use mesos_core::net::grpc::tonic::{Code, Status, Streaming};
use mesos_core::net::grpc::{Dialer, channel};
use mesos_core::net::http::axum::http::HeaderValue;
use mesos_core::wire::{API_VERSION, Message as _, json, v1};
use serde_json::{Value, json};
use v1::master::call::Type;
use v1::master::{Call, Event, Response, event};

use super::authorization::{CALLERS, Guarded, OPS, X, Y, call_of};
use super::cluster::agent_on;
use super::framework::{Framework, JSON, info};

/// Somebody who asks.
pub(crate) struct Operator {
    client: MasterOperatorClient<Channel>,
    dialer: Dialer,
}

impl Operator {
    /// `who` is a line of a head, as other tests write it.
    pub(crate) async fn new(guarded: &Guarded, who: &str) -> Self {
        let dialer = match who.trim_end().strip_prefix("Authorization: ") {
            Some(credential) => Dialer::plaintext().with_credential(HeaderValue::from_str(credential).unwrap()),
            None => Dialer::plaintext(),
        };
        let channel = channel(&dialer, &guarded.address.to_string()).await.unwrap();
        let client = MasterOperatorClient::new(channel).max_encoding_message_size(usize::MAX);
        Self { client, dialer }
    }

    pub(crate) async fn ask(&mut self, call: &Value) -> Result<Response, Status> {
        let call: Call = json::read(call.to_string().as_bytes()).unwrap();
        self.client.ask(self.dialer.request(call)).await.map(|answer| answer.into_inner())
    }

    async fn subscribe(&mut self, kind: Type) -> Result<Streaming<Event>, Status> {
        let call = Call { r#type: Some(kind.into()), ..Call::default() };
        self.client.subscribe(self.dialer.request(call)).await.map(|answer| answer.into_inner())
    }
}

#[tokio::test]
async fn an_operator_reads_changes_and_is_refused_with_the_sentences_of_http() {
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let mut operator = Operator::new(&guarded, OPS).await;
    let version = operator.ask(&json!({"type": "GET_VERSION"})).await.unwrap();
    assert_eq!(version.get_version.unwrap().version_info.version, API_VERSION);
    let state = operator.ask(&json!({"type": "GET_STATE"})).await.unwrap().get_state.unwrap();
    let agents = state.get_agents.unwrap().agents;
    assert_eq!(agents[0].agent_info.hostname, "host-of-all");

    let weights = json!({"weight_infos": [{"role": "web", "weight": 2.5}]});
    let done = operator.ask(&json!({"type": "UPDATE_WEIGHTS", "update_weights": weights})).await.unwrap();
    assert_eq!(done, Response::default(), "there is nothing to say");
    let read = operator.ask(&json!({"type": "GET_WEIGHTS"})).await.unwrap().get_weights.unwrap();
    assert_eq!((read.weight_infos[0].role.as_deref(), read.weight_infos[0].weight), (Some("web"), 2.5));

    let wrong = operator.ask(&json!({"type": "SUBSCRIBE"})).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.message().contains("a stream")), (Code::InvalidArgument, true), "{wrong:?}");
    let wrong = operator.subscribe(Type::GetState).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.message().contains("one message")), (Code::InvalidArgument, true), "{wrong:?}");
}

/// Every call of everybody, by gRPC and by HTTP: the same is done, and the same is said.
#[tokio::test]
async fn who_may_do_what_is_the_same_as_over_http() {
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let _x = guarded.framework(X, "x").await;
    let _y = guarded.framework(Y, "y").await;
    for (who, line) in CALLERS {
        let mut operator = Operator::new(&guarded, line).await;
        for kind in (0..=64).filter_map(|number| Type::try_from(number).ok()).filter(|kind| *kind != Type::Subscribe) {
            let call = call_of(kind, "nobody");
            let asked = operator.ask(&call).await;
            let answer = guarded.operate(line, &call).await;
            match asked {
                Ok(response) => {
                    assert!((200..300).contains(&answer.status), "{who} {kind:?}: {}", answer.text());
                    let is_same = match kind {
                        // These tell times and counts, which go on.
                        Type::GetMetrics | Type::GetMaster => true,
                        _ if answer.body.is_empty() => response == Response::default(),
                        _ => json::write_bytes(&response) == answer.body,
                    };
                    assert!(is_same, "{who} {kind:?}: {response:?} and {}", answer.text());
                }
                Err(status) => {
                    let code = mesos_core::net::grpc::code_of(answer.status.try_into().unwrap());
                    assert_eq!((status.code(), status.message()), (code, &*answer.text()), "{who} {kind:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn who_is_not_known_or_not_allowed_or_too_large_is_refused_by_grpc() {
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let state = json!({"type": "GET_AGENTS"});
    for (line, expected) in [
        ("", Code::Unauthenticated),
        ("Authorization: Basic eDpub3Q=\r\n", Code::Unauthenticated),
        (X, Code::PermissionDenied),
    ] {
        let refused = Operator::new(&guarded, line).await.ask(&state).await.unwrap_err();
        assert_eq!(refused.code(), expected, "{line:?}: {refused:?}");
        assert!(refused.message().len() > 10, "{refused:?}");
    }
    let nobody = Operator::new(&guarded, "").await.subscribe(Type::Subscribe).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);

    let mut operator = Operator::new(&guarded, OPS).await;
    let path = "x".repeat(mesos_core::net::http::BODY_BYTES_MAX);
    let large = operator.ask(&json!({"type": "LIST_FILES", "list_files": {"path": path}})).await.unwrap_err();
    assert_eq!(large.code(), Code::ResourceExhausted, "{large:?}");
    assert!(large.message().contains("split the call"), "{large:?}");
    // And who comes after is answered.
    assert!(operator.ask(&json!({"type": "GET_HEALTH"})).await.unwrap().get_health.unwrap().healthy);
}

#[tokio::test]
async fn a_subscriber_hears_the_state_and_then_what_it_may_see() {
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let mut of_ops = Operator::new(&guarded, OPS).await.subscribe(Type::Subscribe).await.unwrap();
    let mut of_y = Operator::new(&guarded, Y).await.subscribe(Type::Subscribe).await.unwrap();
    let first = of_ops.message().await.unwrap().unwrap();
    let state = first.subscribed.unwrap().get_state.unwrap();
    assert_eq!(state.get_agents.unwrap().agents[0].agent_info.hostname, "host-of-all");
    let first = of_y.message().await.unwrap().unwrap();
    assert!(!format!("{first:?}").contains("host-of-all"));

    let _x = guarded.framework(X, "x").await;
    let _y = guarded.framework(Y, "y").await;
    let hear = async |stream: &mut Streaming<Event>, until: &str| {
        let mut heard = Vec::new();
        loop {
            let event = stream.message().await.unwrap().unwrap();
            let is_last = format!("{event:?}").contains(until) && event.r#type() == event::Type::TaskAdded;
            heard.push(event);
            if is_last {
                return heard;
            }
        }
    };
    let heard = hear(&mut of_ops, "task-y").await;
    for kind in [event::Type::FrameworkAdded, event::Type::TaskAdded, event::Type::TaskUpdated] {
        assert!(heard.iter().any(|event| event.r#type() == kind), "{kind:?} in {heard:?}");
    }
    let heard = hear(&mut of_y, "task-y").await;
    assert!(!format!("{heard:?}").contains("-x"), "{heard:?}");
}

#[tokio::test]
async fn an_agent_that_comes_is_told_and_a_master_that_ends_ends_the_stream() {
    use mesos_core::MasterId;
    use mesos_core::call::Leader;
    use mesos_core::daemon::Connector as _;
    use mesos_core::kernel::Term;
    use mesos_core::net::grpc::GrpcConnector;
    let guarded = Guarded::start(Arc::new(Open), None).await;
    let mut stream = Operator::new(&guarded, OPS).await.subscribe(Type::Subscribe).await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap().r#type(), event::Type::Subscribed);
    let address = guarded.address.to_string().into();
    let leader = Leader { id: MasterId::new("m1").unwrap(), address, term: Term(1) };
    let dialer = Dialer::plaintext().with_credential(HeaderValue::from_static("Basic YTpz"));
    let agent = GrpcConnector::new(dialer).connect(&leader).await.unwrap();
    let (id, _task) = agent_on(agent, "host-2", "cpus:1").await;
    let added = loop {
        let event = stream.message().await.unwrap().unwrap();
        if let Some(added) = event.agent_added {
            break added;
        }
    };
    assert_eq!(added.agent.agent_info.id.unwrap().value, id.as_str());
    drop(guarded);
    while let Ok(Some(_)) = stream.message().await {}
}

/// A framework's stream is refused by gRPC as well when nobody knows who it is.
#[tokio::test]
async fn streams_of_strangers_are_refused_with_a_sentence() {
    use mesos_core::call::Leader;
    use mesos_core::call::scheduler;
    use mesos_core::daemon::{Connector as _, Stream};
    use mesos_core::kernel::Term;
    use mesos_core::net::grpc::GrpcConnector;
    let guarded = Guarded::start(Arc::new(Parts), None).await;
    let answer = super::client::ask(guarded.address, "POST", "/api/v1", JSON, "{}").await;
    let address = guarded.address.to_string().into();
    let leader = Leader { id: mesos_core::MasterId::new("m1").unwrap(), address, term: Term(1) };
    let refused: Result<Stream<scheduler::Call, scheduler::Event>, _> =
        GrpcConnector::new(Dialer::plaintext()).connect(&leader).await;
    assert_eq!(refused.unwrap_err().problem, answer.text());
    let known = Framework::subscribe_as(X, guarded.address, info()).await;
    assert!(!known.id.is_empty());
    let call = Call { r#type: Some(Type::GetHealth.into()), ..Call::default() };
    let (path, headers) =
        ("/mesos.kernel.MasterOperator/Ask", format!("Content-Type: application/x-protobuf\r\n{OPS}"));
    let plain = super::client::ask(guarded.address, "POST", path, &headers, call.encode_to_vec()).await;
    assert_eq!(plain.status, 415);
}
