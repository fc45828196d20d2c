//! `/api/v1/scheduler`: frameworks over HTTP.
//!
//! The order of checks, and the status each ends with, are those of Apache Mesos (`src/master/http.cpp`,
//! `Master::Http::scheduler`); so are the texts where clients could compare them.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::header::{HeaderMap, HeaderValue};
use axum::http::{HeaderName, StatusCode};
use mesos_core::call::scheduler::Call;
use mesos_core::daemon::{STREAM_BACKLOG_MAX, Stream};
use mesos_core::net::auth::judge_scheduler;
use mesos_core::net::http::{
    BODY_BYTES_MAX, Body, Caller, Media, OriginalPath, Refusal, Response, accepted, axum, decode, done, read_body,
    record_stream,
};
use mesos_core::wire::convert::{Aside, ReservationForm, call_from_wire};
use mesos_core::wire::v1;
use mesos_core::{FrameworkCapability, FrameworkId, FrameworkInfo, Principal, WallTime};
use tokio::sync::mpsc;
use v1::scheduler::call::Type;

use super::Shared;
use super::pump::Pump;
use super::session::{ASIDES_MAX, CALLS_WAITING_MAX, Session, not_subscribed};
use super::sight::forbid;

const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

pub(super) async fn answer(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Extension<OriginalPath>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let media = Media::of_body(&headers)?;
    let call: v1::scheduler::Call = decode(media, &read_body(body, BODY_BYTES_MAX).await?)?;
    tracing::Span::current().record("call", call.r#type().as_str_name());
    if call.r#type() == Type::Subscribe {
        return subscribe(&context, caller, &headers, call).await;
    }
    let session = session_of(&context, caller.principal.as_ref(), &headers, &call).await?;
    match call.r#type() {
        // Hints that no allocator of ours takes, as in Mesos.
        Type::Request => Ok(accepted()),
        // Answers come as events; as in Mesos the call says all the same how it could be answered.
        Type::ReconcileOperations => {
            Media::of_answer(&headers)?;
            forward(&context, &caller, &session, call).await
        }
        Type::UpdateFramework => update(&context, &caller, &session, call).await,
        _ => forward(&context, &caller, &session, call).await,
    }
}

/// The subscription a call belongs to.
async fn session_of(
    context: &Shared,
    principal: Option<&Principal>,
    headers: &HeaderMap,
    call: &v1::scheduler::Call,
) -> Result<Arc<Session>, Refusal> {
    if call.r#type() == Type::Unknown {
        let text = "the call has no type, or one this master does not know; set type to a call of the scheduler API";
        return Err(Refusal::not_implemented(text));
    }
    let id = call.framework_id.clone().ok_or_else(|| {
        Refusal::bad_request("Failed to validate scheduler::Call: Expecting 'framework_id' to be present")
    })?;
    let id = FrameworkId::try_from(id)?;
    let Some(session) = context.sessions.find(&id) else {
        let asked = id.clone();
        let is_known = context.master.inspect(move |master| master.framework_key(&asked).is_some()).await;
        return Err(match is_known {
            Some(true) => not_subscribed(),
            Some(false) => Refusal::bad_request(format!("Framework {id} cannot be found; subscribe first")),
            None => Refusal::unavailable("this master has ended"),
        });
    };
    if principal.is_some() && session.principal.is_some() && principal != session.principal.as_ref() {
        let text = "the authenticated principal is not the one that subscribed";
        return Err(Refusal::bad_request(text));
    }
    match headers.get(STREAM_ID).map(HeaderValue::as_bytes) {
        Some(given) if given == session.stream_id.as_bytes() => Ok(session),
        Some(_) => Err(Refusal::bad_request(
            "The stream ID included in this request didn't match the stream ID currently associated with this framework",
        )),
        None => Err(Refusal::bad_request(
            "All non-subscribe calls should include the 'Mesos-Stream-Id' header of the subscription",
        )),
    }
}

async fn forward(
    context: &Shared,
    caller: &Caller,
    session: &Session,
    call: v1::scheduler::Call,
) -> Result<Response, Refusal> {
    let mut read = call_from_wire(call)?;
    judge_scheduler(&*context.authorizer, caller, &mut read.call).map_err(forbid)?;
    let asides: Vec<Aside> = read.asides(WallTime::from_nanos(super::wall_nanos())).collect();
    session.call(read.call).await?;
    for aside in asides {
        match aside {
            Aside::Event(event) => session.tell(*event).await?,
            Aside::Refusal(why) => tracing::warn!(%why, "an operation was left out"),
        }
    }
    Ok(accepted())
}

/// Judged before it is handed over, because its caller is told.
async fn update(
    context: &Shared,
    caller: &Caller,
    session: &Session,
    mut call: v1::scheduler::Call,
) -> Result<Response, Refusal> {
    if let (Some(update), Some(principal)) = (&mut call.update_framework, &session.principal) {
        claim(&mut update.framework_info, principal)?;
        update.framework_info.id = update.framework_info.id.clone().or_else(|| call.framework_id.clone());
    }
    let id: Option<FrameworkId> = call.framework_id.clone().map(TryInto::try_into).transpose()?;
    let mut call: Call = call.try_into()?;
    judge_scheduler(&*context.authorizer, caller, &mut call).map_err(forbid)?;
    if let (Call::UpdateFramework { info, suppressed, constraints }, Some(id)) = (call.clone(), id) {
        let judged = context.master.inspect(move |master| master.judge_update(&id, *info, &suppressed, &constraints));
        match judged.await {
            Some(judged) => judged?,
            None => return Err(Refusal::unavailable("this master has ended")),
        }
    }
    session.call(call).await?;
    Ok(done())
}

async fn subscribe(
    context: &Shared,
    caller: Caller,
    headers: &HeaderMap,
    mut call: v1::scheduler::Call,
) -> Result<Response, Refusal> {
    let media = Media::of_answer(headers)?;
    if headers.contains_key(STREAM_ID) {
        return Err(Refusal::bad_request("Subscribe calls should not include the 'Mesos-Stream-Id' header"));
    }
    if let (Some(subscribe), Some(principal)) = (&mut call.subscribe, &caller.principal) {
        claim(&mut subscribe.framework_info, principal)?;
    }
    let mut call: Call = call.try_into()?;
    judge_scheduler(&*context.authorizer, &caller, &mut call).map_err(forbid)?;
    let Call::Subscribe { info, .. } = &call else { unreachable!("the type was looked at") };
    let form = form_of(info);

    let (say, calls) = mpsc::channel(CALLS_WAITING_MAX);
    let (hear, events) = mpsc::channel(STREAM_BACKLOG_MAX);
    let (tell, asides) = mpsc::channel(ASIDES_MAX);
    let session = Arc::new(Session::new(caller.principal, say, tell));
    session.call(call).await?;
    let stream = Stream { sender: hear, receiver: calls };
    if context.door.schedulers.send(stream).await.is_err() {
        return Err(Refusal::unavailable("this master has ended"));
    }
    let (out, body) = record_stream();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let stream_id = HeaderValue::try_from(&session.stream_id).expect("a UUID can stand in a header");
    response.headers_mut().insert(STREAM_ID, stream_id);
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, HeaderValue::from_static(media.name()));
    let master = context.address.to_wire(context.master.id());
    let pump = Pump { session, sessions: context.sessions.clone(), master, form, media, out };
    // Ends with the subscription; what it holds of the master's side ends with the master.
    tokio::spawn(pump.run(events, asides));
    Ok(response)
}

/// A framework may not say it is somebody else; who says nothing is whom it proved to be.
fn claim(info: &mut v1::FrameworkInfo, principal: &Principal) -> Result<(), Refusal> {
    match &info.principal {
        Some(said) if said != principal.as_str() => {
            let text =
                format!("Authenticated principal '{principal}' does not match principal '{said}' of the framework");
            Err(Refusal::bad_request(text))
        }
        _ => {
            info.principal = Some(principal.as_str().to_owned());
            Ok(())
        }
    }
}

fn form_of(info: &FrameworkInfo) -> ReservationForm {
    match info.can(FrameworkCapability::ReservationRefinement) {
        true => ReservationForm::Stack,
        false => ReservationForm::Single,
    }
}
