//! `/api/v1/executor`: what executors that are processes of their own say and are told.
//!
//! A SUBSCRIBE is answered once the agent has taken it, with a stream of records; everything else with 202. There is no
//! stream id: a second SUBSCRIBE takes the place of the first. Rules: Apache Mesos, `docs/executor-http-api.md`.

use mesos_core::call::CloseReason;
use mesos_core::call::executor::{Event, Subscription};
use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::axum::http::HeaderMap;
use mesos_core::net::http::axum::http::header::{CONTENT_TYPE, HeaderValue};
use mesos_core::net::http::{
    BODY_BYTES_MAX, Body, Caller, Media, RecordSender, Refusal, Response, accepted, encode, read_message, record_stream,
};
use mesos_core::wire::convert::{ExecutorCall, executor_call_from_wire, executor_event_to_wire};
use mesos_core::wire::v1;
use mesos_core::{ExecutorId, FrameworkId};

use super::super::{ExecutorDoor, ExecutorLine, LineItem};
use super::judge::proven;
use crate::agent::Speaker;

/// Where calls go, and what is asked of callers.
#[derive(Debug, Clone)]
pub(super) struct Executors {
    pub(super) door: ExecutorDoor,
    pub(super) is_insecure: bool,
}

pub(super) async fn answer(
    State(executors): State<Executors>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (speaker, call) = executors.read(&caller, read_message(&headers, body, BODY_BYTES_MAX).await?)?;
    match call {
        ExecutorCall::Subscribe(subscription) => {
            let media = Media::of_answer(&headers)?;
            let (line, first) = executors.subscribe(speaker, subscription).await?;
            Ok(open(line, media, first))
        }
        ExecutorCall::Said(said) => {
            executors.door.say(speaker, said).await?;
            Ok(accepted())
        }
    }
}

impl Executors {
    /// A call, and who makes it.
    pub(super) fn read(&self, caller: &Caller, call: v1::executor::Call) -> Result<(Speaker, ExecutorCall), Refusal> {
        let (framework_id, executor_id, call) = executor_call_from_wire(call)?;
        Ok((self.speaker(caller, framework_id, executor_id)?, call))
    }

    /// Subscribes an executor: the agent's first word decides whether that is a stream, and begins it.
    pub(super) async fn subscribe(
        &self,
        speaker: Speaker,
        subscription: Subscription,
    ) -> Result<(ExecutorLine, Event), Refusal> {
        let mut line = self.door.subscribe(speaker, subscription).await?;
        match line.next().await {
            Some(LineItem::Event(event)) => Ok((line, event)),
            Some(LineItem::Closed(CloseReason::Refused(rejection))) => Err(rejection.into()),
            Some(LineItem::Closed(why)) => Err(Refusal::unavailable(why.to_string())),
            None => Err(Refusal::unavailable("the agent has ended")),
        }
    }

    /// Whom the caller may speak for.
    fn speaker(&self, caller: &Caller, framework_id: FrameworkId, executor_id: ExecutorId) -> Result<Speaker, Refusal> {
        match proven(caller)? {
            Some(proven) if (&proven.framework_id, &proven.executor_id) != (&framework_id, &executor_id) => {
                Err(Refusal::forbidden(format!(
                    "these are the credentials of executor {} of framework {}, not of another",
                    proven.executor_id, proven.framework_id
                )))
            }
            Some(proven) => Ok(proven),
            None if self.is_insecure => Ok(Speaker { framework_id, executor_id, container_id: None }),
            None => Err(Refusal::forbidden(
                "an executor proves who it is; send MESOS_EXECUTOR_AUTHENTICATION_TOKEN as a bearer token",
            )),
        }
    }
}

/// The answer to a SUBSCRIBE.
fn open(line: ExecutorLine, media: Media, first: Event) -> Response {
    let (sender, body) = record_stream();
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media.name()));
    tokio::spawn(pump(line, sender, media, first));
    response
}

/// Carries what the agent says until one of both ends.
async fn pump(mut line: ExecutorLine, sender: RecordSender, media: Media, first: Event) {
    let mut next = Some(first);
    loop {
        if let Some(event) = next.take()
            && let Err(overrun) = sender.send(&encode(media, &executor_event_to_wire(&event))).await
        {
            tracing::debug!(%overrun, "an executor's stream ended");
            return;
        }
        next = tokio::select! {
            biased;
            () = sender.closed() => return,
            item = line.next() => match item {
                Some(LineItem::Event(event)) => Some(event),
                Some(LineItem::Closed(why)) => {
                    tracing::debug!(%why, "closes an executor's stream");
                    return;
                }
                None => return,
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::ContainerId;
    use mesos_core::daemon::inbox;

    use super::*;

    fn speaker(is_insecure: bool, claims: &[(&str, &str)]) -> Result<Speaker, u16> {
        let (inbox, _mailbox) = inbox();
        let executors = Executors { door: ExecutorDoor::new(inbox), is_insecure };
        let caller = claims.iter().fold(Caller::anonymous(), |caller, (name, value)| caller.with_claim(*name, *value));
        let (framework, executor) = ("f1".parse().unwrap(), "e1".parse().unwrap());
        executors.speaker(&caller, framework, executor).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn an_executor_speaks_for_itself_only() {
        let own = [("fid", "f1"), ("eid", "e1"), ("cid", "e1.1")];
        for is_insecure in [false, true] {
            let speaker = speaker(is_insecure, &own).unwrap();
            assert_eq!(speaker.container_id.as_ref().map(ContainerId::as_str), Some("e1.1"));
        }
        for other in [
            [("fid", "f2"), ("eid", "e1"), ("cid", "e1.1")],
            [("fid", "f1"), ("eid", "e2"), ("cid", "e1.1")],
            [("fid", "f1"), ("eid", "e1"), ("cid", "../e1")],
        ] {
            assert_eq!(speaker(false, &other), Err(403), "{other:?}");
            assert_eq!(
                speaker(true, &other),
                Err(403),
                "whoever proves to be another is not taken for anybody: {other:?}"
            );
        }
    }

    #[test]
    fn without_credentials_nobody_speaks_unless_that_is_allowed() {
        assert_eq!(speaker(false, &[]), Err(403));
        assert_eq!(speaker(false, &[("fid", "f1"), ("eid", "e1")]), Err(403));
        assert_eq!(speaker(true, &[]).unwrap().container_id, None);
    }
}
