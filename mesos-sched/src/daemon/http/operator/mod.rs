//! `/api/v1`: people and tools.
//!
//! Calls that look are answered from the picture of the cluster; the master does not notice. Calls that change something go
//! to the master and are answered when what they did is durable.

mod look;
mod stream;
mod wire;

use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use mesos_core::call::operator::{Call, Response as Outcome};
use mesos_core::net::http::{
    Answering, BODY_BYTES_MAX, Body, Caller, Hangup, Media, OriginalPath, Refusal, Response, accepted, answer as say,
    answer_bytes, axum, decode, done, encode, read_body,
};
use mesos_core::wire::v1;
use mesos_core::{Rejection, RejectionCode};
use v1::master::call::Type;

use super::Shared;
use look::Late;

pub use stream::SUBSCRIBERS_MAX;
pub(super) use stream::states;
pub(super) use wire::{demands, pid};

pub(super) async fn answer(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
    answering: Answering,
    hangup: Hangup,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let media = Media::of_body(&headers)?;
    let call: v1::master::Call = decode(media, &read_body(body, BODY_BYTES_MAX).await?)?;
    tracing::Span::current().record("call", call.r#type().as_str_name());
    answering.check(call.r#type().as_str_name(), call.r#type() == Type::Subscribe)?;
    let sight = context.sight(caller);
    context.judge(&sight, &call).await?;
    let media = Media::of_answer(&headers)?;
    match call.r#type() {
        Type::Subscribe => stream::subscribe(&context, sight, media, hangup).await,
        Type::SetLoggingLevel => set_logging_level(&context, call),
        Type::ListFiles | Type::ReadFile => look::files(&context, call).await.map(|response| say(media, &response)),
        kind => match look::read(&context, &sight, kind).await? {
            Some(Late::Small(response)) => Ok(say(media, &*response)),
            Some(Late::Large(read)) => write(&context, media, read, hangup).await,
            None => change(&context, call).await,
        },
    }
}

/// Writes out what is as large as the cluster: where that stops nobody, and only so much at one time.
async fn write(
    context: &Shared,
    media: Media,
    read: Box<dyn FnOnce() -> v1::master::Response + Send>,
    hangup: Hangup,
) -> Result<Response, Refusal> {
    let turn = stream::turn(context).await?;
    let written = tokio::task::spawn_blocking(move || encode(media, &read())).await;
    let written = written.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let (written, watch) = context.pace.hold(written, turn, hangup);
    context.view.begin(watch);
    Ok(answer_bytes(media, written))
}

async fn change(context: &Shared, call: v1::master::Call) -> Result<Response, Refusal> {
    let kind = call.r#type();
    let call = Call::try_from(call)?;
    match context.master.operate(call).await {
        Outcome::Refused(why) if kind != Type::MarkAgentGone && is_unknown(why.code) => {
            Err(Refusal::bad_request(why.to_string()))
        }
        Outcome::Refused(why) => Err(refusal(why)),
        _ => Ok(match kind {
            Type::ReserveResources
            | Type::UnreserveResources
            | Type::CreateVolumes
            | Type::DestroyVolumes
            | Type::GrowVolume
            | Type::ShrinkVolume => accepted(),
            _ => done(),
        }),
    }
}

/// An agent or a framework that nobody knows is a bad request (`src/master/http.cpp` of Mesos: "No agent found with specified
/// ID"), except where an agent is marked gone: there it is not found.
pub(super) const fn is_unknown(code: RejectionCode) -> bool {
    matches!(code, RejectionCode::UnknownAgent | RejectionCode::UnknownFramework)
}

/// Operators are told what is missing and what is in the way by the status already.
pub(super) fn refusal(why: Rejection) -> Refusal {
    let status = match why.code {
        RejectionCode::Unavailable => StatusCode::CONFLICT,
        RejectionCode::UnknownAgent | RejectionCode::UnknownFramework | RejectionCode::UnknownTask => {
            StatusCode::NOT_FOUND
        }
        _ => return why.into(),
    };
    Refusal::new(status, why.to_string())
}

fn set_logging_level(context: &Shared, call: v1::master::Call) -> Result<Response, Refusal> {
    let set = call.set_logging_level.ok_or_else(|| Refusal::bad_request("set_logging_level is missing; set it"))?;
    let wrong =
        |why: Rejection| Refusal::bad_request(format!("set_logging_level.duration: {}; {}", why.what, why.remedy));
    let duration = Duration::try_from(set.duration).map_err(wrong)?;
    context.verbosity.set(set.level, duration).map_err(Refusal::bad_request)?;
    Ok(done())
}
