//! Each layer alone, around a service of one line.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::{Layer, ServiceExt as _, service_fn};

use super::*;
use crate::id::Principal;
use crate::net::auth::{Acls, Authenticator, PART_CLAIM, Parts, RateLimits};
use crate::net::http::{Caller, Refusal, Response};
use crate::net::tls::{Identity, Part};

/// Reads the whole body and answers who asked.
async fn who(request: Request<Body>) -> Result<Response, Infallible> {
    use axum::response::IntoResponse as _;
    let (head, body) = request.into_parts();
    let caller = head.extensions.get::<Caller>().cloned().unwrap_or_default();
    Ok(match body.collect().await {
        Ok(_) => caller.principal.map_or_else(String::new, |principal| principal.to_string()).into_response(),
        Err(error) => Refusal::bad_request(error.to_string()).into_response(),
    })
}

async fn ask<L>(layer: &L, request: Request<Body>) -> (StatusCode, String)
where
    L: Layer<tower::util::ServiceFn<fn(Request<Body>) -> futures::Answer>>,
    L::Service: tower::Service<Request<Body>, Response = Response, Error = Infallible>,
{
    let inner: fn(Request<Body>) -> futures::Answer = |request| Box::pin(who(request));
    let Ok(response) = layer.layer(service_fn(inner)).oneshot(request).await;
    let (head, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8_lossy(&text).into_owned())
}

mod futures {
    use super::{Infallible, Response};

    pub(super) type Answer = std::pin::Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn of(mut request: Request<Body>, caller: Caller) -> Request<Body> {
    request.extensions_mut().insert(caller);
    request
}

fn principal(name: &str) -> Principal {
    Principal::new(name).unwrap()
}

#[tokio::test]
async fn who_asks_is_known_behind_authenticate_and_nobody_else_passes() {
    let authenticator = Authenticator::new(Arc::new(crate::daemon::SystemClock::new()));
    let layer = Admit(Authenticate::new(authenticator).except(["/health"]));
    assert_eq!(ask(&layer, get("/state")).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&layer, get("/health")).await, (StatusCode::OK, String::new()));
    let mut known = get("/state");
    known.extensions_mut().insert(Identity::new(Part::Operator, principal("ops")));
    assert_eq!(ask(&layer, known).await, (StatusCode::OK, "ops".to_owned()));
}

#[tokio::test]
async fn a_path_nobody_named_needs_permission() {
    let rules = Rules::new().open("/health").path("/api/v1", Needs::Handler);
    let layer = Admit(Authorize::new(Arc::new(Parts), rules.clone()));
    let operator = Caller::of(principal("ops")).with_claim(PART_CLAIM, Part::Operator.name());
    assert_eq!(ask(&layer, get("/forgotten")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&layer, of(get("/forgotten"), operator)).await.0, StatusCode::OK);
    assert_eq!(ask(&layer, get("/health")).await.0, StatusCode::OK);
    assert_eq!(ask(&layer, get("/health/not")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&layer, get("/api/v1")).await.0, StatusCode::OK);
    let acls = r#"{"get_endpoints": [{"principals": {"values": ["mon"]}, "paths": {"values": ["/metrics"]}}]}"#;
    let layer = Admit(Authorize::new(Arc::new(Acls::parse(acls).unwrap()), rules));
    let monitor = || Caller::of(principal("mon"));
    assert_eq!(ask(&layer, of(get("/metrics"), monitor())).await.0, StatusCode::OK);
    assert_eq!(ask(&layer, of(get("/flags"), monitor())).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_body_longer_than_allowed_is_refused_whether_it_says_so_or_not() {
    let layer = Admit(LimitBody::new(10));
    let post = |body: &'static str| Request::post("/").body(Body::from(body)).unwrap();
    assert_eq!(ask(&layer, post("0123456789")).await.0, StatusCode::OK);
    assert_eq!(ask(&layer, post("0123456789a")).await.0, StatusCode::BAD_REQUEST, "broken off");
    let mut said = post("0123456789a");
    said.headers_mut().insert(http::header::CONTENT_LENGTH, 11.into());
    assert_eq!(ask(&layer, said).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_again_and_nobody_else_is_slowed() {
    let limits = r#"{"limits": [{"principal": "eager", "qps": 0.01, "capacity": 2}, {"principal": "free"}]}"#;
    let layer = Admit(RateLimit::new(Arc::new(RateLimits::parse(limits).unwrap())).only("/api"));
    let asks = async |path: &str, name: &str| ask(&layer, of(get(path), Caller::of(principal(name)))).await.0;
    assert_eq!(asks("/api", "eager").await, StatusCode::OK);
    assert_eq!(asks("/api", "eager").await, StatusCode::OK);
    assert_eq!(asks("/api", "eager").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(asks("/health", "eager").await, StatusCode::OK);
    for _ in 0..10 {
        assert_eq!(asks("/api", "free").await, StatusCode::OK);
        assert_eq!(asks("/api", "other").await, StatusCode::OK);
    }
}

#[test]
fn tokens_come_back_evenly_and_those_who_are_not_named_share() {
    let limits =
        r#"{"limits": [{"principal": "a", "qps": 10}], "aggregate_default_qps": 2, "aggregate_default_capacity": 1}"#;
    let limits = RateLimits::parse(limits).unwrap();
    let (a, b, c) = (principal("a"), principal("b"), principal("c"));
    let start = Instant::now();
    let take = |who: &Principal, at: u64| limits.take_at(Some(who), start + Duration::from_millis(at));
    assert!((0..10).all(|_| take(&a, 0).is_ok()));
    assert_eq!(take(&a, 0), Err(Duration::from_millis(100)));
    assert!(take(&a, 100).is_ok() && take(&a, 150).is_err());
    assert!(take(&b, 0).is_ok() && take(&c, 0).is_err() && take(&c, 500).is_ok());
    for (bad, says) in [
        (r#"{"limits": [{"principal": "a", "qps": 0}]}"#, "more than 0"),
        (r#"{"limits": [{"principal": "a", "qps": -1}]}"#, "more than 0"),
        (r#"{"limits": [{"principal": "a", "capacity": 5}]}"#, "qps too"),
        (r#"{"limits": [{"principal": "a", "qps": 1, "capacity": 0}]}"#, "1 or more"),
        (r#"{"limits": [{"principal": "a"}, {"principal": "a"}]}"#, "twice"),
        (r#"{"limit": []}"#, "unknown field"),
        ("", "EOF"),
    ] {
        let error = RateLimits::parse(bad).unwrap_err().to_string();
        assert!(error.contains(says), "{bad}: {error}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_path_and_status_and_unknown_paths_together() {
    let totals = RequestTotals::default();
    let layer = Observe(Measure::into(totals.clone()));
    for n in 0..100 {
        ask(&layer, get(&format!("/{n}"))).await;
    }
    ask(&layer, get("/1")).await;
    let read = totals.read();
    assert_eq!(read["/1"].by_class[2], 2);
    assert_eq!(read["other"].by_class[2], 36);
    assert_eq!(read.len(), 65);
    let refused = (Observe(Measure::into(totals.clone())), Admit(LimitBody::new(0)));
    let mut long = get("/1");
    long.headers_mut().insert(http::header::CONTENT_LENGTH, 5.into());
    let inner: fn(Request<Body>) -> futures::Answer = |request| Box::pin(who(request));
    let service = refused.0.layer(refused.1.layer(service_fn(inner)));
    let Ok(_) = service.oneshot(long).await;
    assert_eq!(totals.read()["/1"].by_class[4], 1);
}

#[tokio::test]
async fn a_request_is_unanswered_until_its_answer_begins_or_nobody_waits_for_it() {
    let totals = RequestTotals::default();
    let layer = Observe(Measure::into(totals.clone()));
    let never: fn(Request<Body>) -> futures::Answer = |_| Box::pin(std::future::pending());
    let waits = layer.layer(service_fn(never)).oneshot(get("/"));
    let waits = tokio::spawn(waits);
    while totals.unanswered() != 1 {
        tokio::task::yield_now().await;
    }
    ask(&layer, get("/")).await;
    assert_eq!(totals.unanswered(), 1);
    waits.abort();
    assert!(waits.await.is_err());
    assert_eq!((totals.unanswered(), totals.read()["/"].by_class[2]), (0, 1));
}

#[tokio::test]
async fn a_traced_request_is_answered_as_without() {
    assert_eq!(ask(&Observe(Trace), get("/")).await.0, StatusCode::OK);
}

type Teller = tokio::sync::watch::Sender<bool>;

/// A service that answers when it is told to.
fn held() -> (Teller, fn(Request<Body>) -> futures::Answer) {
    fn answer(request: Request<Body>) -> futures::Answer {
        let mut told = request.extensions().get::<tokio::sync::watch::Receiver<bool>>().unwrap().clone();
        Box::pin(async move {
            // When nobody can tell any more it is over, too.
            let _ = told.wait_for(|told| *told).await;
            who(request).await
        })
    }
    (Teller::new(false), answer)
}

fn told_by(teller: &Teller, path: &str) -> Request<Body> {
    let mut request = get(path);
    request.extensions_mut().insert(teller.subscribe());
    request
}

#[tokio::test]
async fn so_many_requests_are_answered_at_one_time_and_others_come_again() {
    let (teller, answer) = held();
    let layer = LimitConcurrency::new(2).except("/streams/");
    let begin = |path: &str| {
        // Services of one layer share its places.
        let service = layer.layer(service_fn(answer));
        tokio::spawn(service.oneshot(told_by(&teller, path)))
    };
    let waiting = [begin("/a"), begin("/b")];
    tokio::task::yield_now().await;
    let Ok(refused) = begin("/c").await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    let stream = begin("/streams/c");
    teller.send_replace(true);
    for answered in waiting.into_iter().chain([stream]) {
        let Ok(response) = answered.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let Ok(response) = begin("/c").await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "the places are free again");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_said_to_be_long_takes_no_place_and_has_its_time() {
    fn answer(request: Request<Body>) -> futures::Answer {
        if request.uri().path() == "/wait" {
            request.extensions().get::<LongAnswer>().unwrap().announce();
        }
        (held().1)(request)
    }
    let teller = Teller::new(false);
    let (places, timeout) = (LimitConcurrency::new(1), Timeout::new(Duration::from_secs(5)));
    let begin = |path: &str| {
        let service = places.layer(timeout.layer(service_fn(answer)));
        tokio::spawn(service.oneshot(told_by(&teller, path)))
    };
    let waiting = [begin("/wait"), begin("/wait")];
    tokio::task::yield_now().await;
    let Ok(late) = begin("/a").await.unwrap();
    let text = late.into_body().collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"no answer came within"), "{text:?}");
    tokio::time::advance(Duration::from_secs(3_600)).await;
    teller.send_replace(true);
    for waited in waiting {
        let Ok(response) = waited.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_begin_in_time_is_given_up() {
    let (teller, answer) = held();
    let layer = Timeout::new(Duration::from_secs(5)).except("/waits/");
    let ask = |path: &str| tokio::spawn(layer.layer(service_fn(answer)).oneshot(told_by(&teller, path)));
    let patient = ask("/waits/long");
    let Ok(late) = ask("/a").await.unwrap();
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    teller.send_replace(true);
    let Ok(response) = patient.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let Ok(response) = ask("/a").await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
