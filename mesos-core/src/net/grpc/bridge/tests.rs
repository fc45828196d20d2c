//! A bridge before handlers of a few lines.

use http::header::{HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use tokio::net::TcpListener;
use tonic::{Code, Request as Asked, Status};

use super::*;
use crate::daemon::Task;
use crate::net::grpc::proto::kernel::kernel_client::KernelClient;
use crate::net::grpc::proto::kernel::master_operator_client::MasterOperatorClient;
use crate::net::grpc::proto::kernel::{self};
use crate::net::grpc::{Dialer, channel, statuses};
use crate::net::http::{BODY_BYTES_MAX, Limits, Media, Plain, answer as say, read_message, serve};
use crate::wire::v1::master::{Call, Event, Response as Said, call, response};

/// Answers GET_HEALTH, and refuses everything else in its own way.
async fn handle(answering: Answering, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    assert_eq!(Media::of_answer(&headers), Ok(Media::Protobuf));
    let call: Call = read_message(&headers, body, BODY_BYTES_MAX).await?;
    answering.check(call.r#type().as_str_name(), call.r#type() == call::Type::Subscribe)?;
    let wait = HeaderValue::from_static("7");
    Err(match call.r#type() {
        call::Type::GetHealth => {
            let get_health = Some(response::GetHealth { healthy: true });
            return Ok(say(Media::Protobuf, &Said { get_health, ..Said::default() }));
        }
        call::Type::Subscribe => {
            let (records, body) = crate::net::http::record_stream();
            let event = Event { r#type: Some(8), ..Event::default() };
            records.send(&prost::Message::encode_to_vec(&event)).await.unwrap();
            return Ok(Response::new(body));
        }
        call::Type::GetAgents => Refusal::redirect("host:5050", "/api/v1"),
        call::Type::GetTasks => Refusal::new(StatusCode::TOO_MANY_REQUESTS, "come again").with(RETRY_AFTER, wait),
        call::Type::GetFlags => Refusal::unauthorized(HeaderValue::from_static("Basic"), "who are you?"),
        call::Type::Teardown => Refusal::not_found("framework f is not known"),
        call::Type::GetRoles => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "é\n%"),
        _ => Refusal::bad_request("x".repeat(1 << 20)),
    })
}

async fn open() -> (tonic::transport::Channel, Task) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let site = Site::new("master").route("/api/v1", axum::routing::post(handle));
    let site = bridge(site.map(|router| router.layer(axum::middleware::from_fn(statuses))), MASTER_OPERATOR);
    let serving = Task::spawn(serve(listener, Plain, site, Limits::default(), std::future::pending()));
    (channel(&Dialer::plaintext(), &address).await.unwrap(), serving)
}

fn of(kind: call::Type) -> Call {
    Call { r#type: Some(kind.into()), ..Call::default() }
}

#[tokio::test]
async fn answers_and_streams_are_those_of_the_handler() {
    let (channel, _serving) = open().await;
    let mut client = MasterOperatorClient::new(channel);
    let said = client.ask(of(call::Type::GetHealth)).await.unwrap().into_inner();
    assert_eq!(said.get_health, Some(response::GetHealth { healthy: true }));
    let mut events = client.subscribe(of(call::Type::Subscribe)).await.unwrap().into_inner();
    assert_eq!(events.message().await.unwrap().unwrap().r#type, Some(8));
    assert_eq!(events.message().await.unwrap(), None, "it ends in good order");
    for wrong in [
        client.ask(of(call::Type::Subscribe)).await.map(drop),
        client.subscribe(of(call::Type::GetHealth)).await.map(drop),
    ] {
        assert_eq!(wrong.unwrap_err().code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn refusals_keep_their_sentences_and_what_says_how_to_come_again() {
    let (channel, _serving) = open().await;
    let mut client = MasterOperatorClient::new(channel.clone());
    let mut refused = async |kind| -> Status { client.ask(Asked::new(of(kind))).await.unwrap_err() };
    for (kind, code, says) in [
        (call::Type::GetAgents, Code::Unavailable, "another master leads; ask at host:5050"),
        (call::Type::GetTasks, Code::ResourceExhausted, "come again"),
        (call::Type::GetFlags, Code::Unauthenticated, "who are you?"),
        (call::Type::Teardown, Code::NotFound, "framework f is not known"),
        (call::Type::GetRoles, Code::Internal, "é\n%"),
        // What has no room in a head is not half a sentence.
        (call::Type::GetState, Code::InvalidArgument, "400 Bad Request"),
    ] {
        let status = refused(kind).await;
        assert_eq!((status.code(), status.message()), (code, says), "{kind:?}");
    }
    let later = refused(call::Type::GetTasks).await;
    assert_eq!(later.metadata().get(RETRY_AFTER.as_str()).unwrap(), "7");
    let unknown = refused(call::Type::GetFlags).await;
    assert_eq!(unknown.metadata().get(WWW_AUTHENTICATE.as_str()).unwrap(), "Basic");
    // A method nobody has is not a thing nobody has.
    let missing = KernelClient::new(channel).watch_leader(kernel::WatchLeaderRequest {}).await.unwrap_err();
    assert_eq!((missing.code(), missing.message()), (Code::Unimplemented, "there is nothing under this path"));
}
