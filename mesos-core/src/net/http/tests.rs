//! The rules of media types and paths, and peers on real sockets that do not behave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;
use crate::wire::v1;

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_body_says_what_it_is() {
    let of = |list: &[(&'static str, &str)]| Media::of_body(&headers(list)).map_err(|refusal| refusal.status);
    assert_eq!(of(&[]), Err(StatusCode::BAD_REQUEST));
    assert_eq!(of(&[("content-type", "text/plain")]), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    assert_eq!(of(&[("content-type", "application/json")]), Ok(Media::Json));
    assert_eq!(of(&[("content-type", "Application/JSON; charset=utf-8")]), Ok(Media::Json));
    assert_eq!(of(&[("content-type", "application/x-protobuf")]), Ok(Media::Protobuf));
}

#[test]
fn an_answer_is_json_unless_that_is_not_taken() {
    let of = |accept: &[&str]| {
        let list: Vec<_> = accept.iter().map(|value| ("accept", *value)).collect();
        Media::of_answer(&headers(&list)).map_err(|refusal| refusal.status)
    };
    for json in
        [&[][..], &["*/*"], &["application/*"], &["application/x-protobuf, application/json"], &["text/html", "*/*"]]
    {
        assert_eq!(of(json), Ok(Media::Json), "{json:?}");
    }
    for protobuf in
        [&["application/x-protobuf"][..], &["application/json;q=0, */*"], &["application/json; q=0.0", "application/*"]]
    {
        assert_eq!(of(protobuf), Ok(Media::Protobuf), "{protobuf:?}");
    }
    for neither in ["text/html", "application/json;q=0", "*/*;q=0"] {
        assert_eq!(of(&[neither]), Err(StatusCode::NOT_ACCEPTABLE), "{neither:?}");
    }
}

#[test]
fn records_have_a_type_within() {
    let of = |list: &[(&'static str, &str)]| Form::of_body(&headers(list)).map_err(|refusal| refusal.status);
    assert_eq!(of(&[("content-type", RECORD_IO)]), Err(StatusCode::BAD_REQUEST));
    let both = [("content-type", RECORD_IO), ("message-content-type", PROTOBUF)];
    assert_eq!(of(&both), Ok(Form::Records(Media::Protobuf)));
    let taken = Form::of_answer(&headers(&[("accept", RECORD_IO), ("message-accept", PROTOBUF)]));
    assert_eq!(taken, Ok(Form::Records(Media::Protobuf)));
    assert_eq!(Form::of_answer(&headers(&[])), Ok(Form::Message(Media::Json)));
}

fn site() -> Site {
    Site::new("master")
        .route("/", get(async || "root"))
        .route("/api/v1", post(async || "operator"))
        .route("/api/v1/scheduler", post(async || "scheduler"))
        .route("/state", get(async || "state"))
        .route("/files/read", get(async || "read"))
        .route_exactly("/redirect", get(async || "redirect"))
}

#[test]
fn the_longest_known_prefix_is_meant() {
    let site = site();
    for (asked, meant) in [
        ("/", Some("/")),
        ("/master", Some("/")),
        ("/master/", Some("/")),
        ("/state", Some("/state")),
        ("/state/", Some("/state")),
        ("/master/state", Some("/state")),
        ("/master/state.json", Some("/state")),
        ("/state.json", Some("/state")),
        ("/files/read.json", Some("/files/read")),
        ("/api/v1/operator", Some("/api/v1")),
        ("/api/v1/scheduler", Some("/api/v1/scheduler")),
        ("/api/v1/scheduler/", Some("/api/v1/scheduler")),
        ("/api/v1.json", Some("/api/v1")),
        ("/redirect", Some("/redirect")),
        ("/redirect/", Some("/redirect")),
        ("/redirect/x", None),
        ("/mastery", None),
        ("/api", None),
        ("/nothing", None),
    ] {
        assert_eq!(site.resolve(asked).as_deref(), meant, "{asked}");
    }
    let agent = Site::new("slave(1)").route("/state", get(async || "state"));
    assert_eq!(agent.resolve("/slave(1)/state").as_deref(), Some("/state"));
    assert_eq!(agent.resolve("/slave%281%29/state.json").as_deref(), Some("/state"));
}

proptest! {
    #[test]
    fn any_path_means_something_known_or_nothing(path in "(/|\\PC|[a-z/.()%]){0,40}") {
        let site = site();
        if let Some(meant) = site.resolve(&path) {
            prop_assert_eq!(site.resolve(&meant), Some(meant));
        }
    }

    #[test]
    fn any_header_is_read_or_refused(value in "\\PC{0,40}") {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let mut headers = HeaderMap::new();
            for name in ["accept", "content-type", "message-accept", "message-content-type"] {
                headers.insert(name, value.clone());
            }
            drop((Form::of_body(&headers), Form::of_answer(&headers)));
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for media in [Media::Json, Media::Protobuf] {
            if let Err(refusal) = decode::<v1::scheduler::Call>(media, &bytes) {
                prop_assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
            }
        }
    }
}

#[test]
fn json_nested_too_deep_is_refused() {
    let deep = [b"[".repeat(100_000), br#"{"a":"#.repeat(100_000)];
    for deep in deep {
        let refused = decode::<v1::scheduler::Call>(Media::Json, &deep).unwrap_err();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_body_is_bounded_whatever_its_pieces() {
    let pieces = |count: usize| {
        let (sender, body) = record_stream();
        tokio::spawn(async move {
            for _ in 0..count {
                if sender.send_frame(vec![b'x'; 100].into()).await.is_err() {
                    return;
                }
            }
        });
        body
    };
    assert_eq!(read_body(pieces(10), 1_000).await.unwrap().len(), 1_000);
    assert_eq!(read_body(pieces(10_000), 1_000).await.unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_and_a_reader_that_takes_nothing_are_given_up() {
    let (_sender, body) = record_stream();
    assert_eq!(read_body(body, 10).await.unwrap_err().status, StatusCode::REQUEST_TIMEOUT);

    let (sender, body) = record_stream();
    for _ in 0..RECORDS_WAITING_MAX {
        sender.send(b"news").await.unwrap();
    }
    assert_eq!(sender.send(b"more").await, Err(Overrun::Stalled));
    drop(body);
    assert_eq!(sender.send(b"more").await, Err(Overrun::Gone));
}

#[tokio::test]
async fn records_are_read_as_they_come_and_a_torn_one_is_refused() {
    let (sender, body) = record_stream();
    let mut reader = RecordReader::new(body, 100);
    sender.send(b"one").await.unwrap();
    assert_eq!(reader.next_record().await.unwrap().as_deref(), Some(&b"one"[..]));
    sender.send_frame("3\ntw".into()).await.unwrap();
    sender.send_frame("o".into()).await.unwrap();
    assert_eq!(reader.next_record().await.unwrap().as_deref(), Some(&b"two"[..]));
    sender.send_frame("5\nxx".into()).await.unwrap();
    drop(sender);
    assert_eq!(reader.next_record().await.unwrap_err().status, StatusCode::BAD_REQUEST);

    let (sender, body) = record_stream();
    sender.send(&[0; 101]).await.unwrap();
    assert!(RecordReader::new(body, 100).next_record().await.unwrap_err().text.contains("101"));
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn start(site: Site, limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve(listener, Plain, site, limits, async { drop(stopped.await) }));
    Server { address, stop, task }
}

/// Says this, and hears everything until the server closes.
async fn talk(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    // The other side may break off; what was heard before counts.
    let _ = stream.read_to_end(&mut heard).await;
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn a_record_is_exactly_one_chunk_and_goes_out_at_once() {
    let (senders, mut sent) = tokio::sync::mpsc::channel(1);
    let stream = get(move || {
        let senders = senders.clone();
        async move {
            let (sender, body) = record_stream();
            senders.send(sender).await.unwrap();
            body
        }
    });
    let server = start(Site::new("master").route("/stream", stream), Limits::default()).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let sender = sent.recv().await.unwrap();
    let mut heard = Vec::new();
    let expect = async |client: &mut TcpStream, heard: &mut Vec<u8>, end: &[u8]| {
        while !heard.ends_with(end) {
            assert_ne!(client.read_buf(heard).await.unwrap(), 0);
        }
    };
    // The head comes before any record.
    expect(&mut client, &mut heard, b"\r\n\r\n").await;
    assert!(String::from_utf8_lossy(&heard).to_lowercase().contains("transfer-encoding: chunked"));
    for _ in 0..3 {
        sender.send(b"{\"a\":1}").await.unwrap();
        expect(&mut client, &mut heard, b"\r\n9\r\n7\n{\"a\":1}\r\n").await;
        heard.extend_from_slice(b"\r\n");
    }
    drop(client);
    sender.closed().await;
    assert_eq!(sender.send(b"x").await, Err(Overrun::Gone));
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_cut_off_with_what_waits_for_it() {
    let (senders, mut sent) = tokio::sync::mpsc::channel(1);
    let stream = get(move || {
        let senders = senders.clone();
        async move {
            let (sender, body) = record_stream();
            senders.send(sender).await.unwrap();
            body
        }
    });
    let limits = Limits { write_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = start(Site::new("master").route("/stream", stream), limits).await;
    let mut deaf = TcpStream::connect(server.address).await.unwrap();
    deaf.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let sender = sent.recv().await.unwrap();
    // More than the buffers of two sockets take.
    let held = Arc::new(());
    let (message, _) = Pace::default().hold(vec![b'x'; 64 << 20], held.clone(), Hangup::default());
    sender.send_frame(message).await.unwrap();
    let over = tokio::time::timeout(Duration::from_secs(30), sender.closed());
    over.await.expect("nothing was taken, and the connection stands");
    assert_eq!(Arc::strong_count(&held), 1, "the message is still there");
    drop(deaf);
}

/// What it takes now and then is not enough: what is held for it is free again in time, and so is everything else that waits on
/// its connection.
#[tokio::test]
async fn a_peer_that_trickles_is_hung_up_on() {
    let held = Arc::new(());
    let kept = held.clone();
    let large = get(move |hangup: Hangup| {
        let kept = kept.clone();
        async move {
            let pace = Pace { patience: Duration::from_millis(300), bytes_per_second_min: u64::MAX };
            let (bytes, watch) = pace.hold(vec![b'x'; 64 << 20], kept, hangup);
            tokio::spawn(watch);
            Body::from(bytes)
        }
    });
    let server = start(Site::new("master").route("/large", large), Limits::default()).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut taken = 0;
    let over = async {
        // A little at a time, for as long as there is something.
        while slow.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {
            taken += 1;
            tokio::task::yield_now().await;
            if taken > 1_000 {
                break;
            }
        }
        while Arc::strong_count(&held) > 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), over).await.expect("it still has what was held for it");
}

#[tokio::test]
async fn refusals_are_sentences_with_the_status_of_mesos() {
    let call = post(async |headers: HeaderMap, body: Body| {
        let call = read_message::<v1::scheduler::Call>(&headers, body, 100).await?;
        Ok::<_, Refusal>(format!("{:?}", call.r#type()))
    });
    let server = start(Site::new("master").route("/api/v1/scheduler", call), Limits::default()).await;
    let ask = async |method: &str, path: &str, headers: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        talk(server.address, &request).await
    };
    let json = "Content-Type: application/json\r\n";
    for (method, path, headers, body, status, text) in [
        ("POST", "/api/v1/scheduler", json, r#"{"type":"DECLINE"}"#, "200", "Decline"),
        ("POST", "/master/api/v1/scheduler/", json, r#"{"type":"REVIVE"}"#, "200", "Revive"),
        ("POST", "/api/v1/scheduler", "", "{}", "400", "Content-Type"),
        ("POST", "/api/v1/scheduler", "Content-Type: text/xml\r\n", "{}", "415", "application/json"),
        ("POST", "/api/v1/scheduler", json, "{", "400", "Failed to parse"),
        ("POST", "/api/v1/scheduler", json, r#"{"type":[]}"#, "400", "type"),
        ("POST", "/api/v1/scheduler", json, &"x".repeat(101), "413", "100 bytes"),
        ("GET", "/api/v1/scheduler", json, "", "405", "Allow: POST"),
        ("GET", "/nothing", "", "", "404", "nothing"),
    ] {
        let heard = ask(method, path, headers, body).await;
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path} {body}: {heard}");
        assert!(heard.contains(text), "{method} {path} {body}: {heard}");
    }
}

#[tokio::test]
async fn a_peer_that_never_ends_its_head_is_cut_off_and_an_idle_one_is_not() {
    let limits = Limits { head_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = start(site(), limits).await;
    // Ends only because the server closes.
    assert_eq!(talk(server.address, "").await, "");
    assert_eq!(talk(server.address, "GET / HTTP/1.1\r\nHost:").await, "");

    let mut client = TcpStream::connect(server.address).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..2 {
        client.write_all(b"GET /state HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        heard.clear();
        while !heard.ends_with(b"state") {
            assert_ne!(client.read_buf(&mut heard).await.unwrap(), 0, "an idle connection was closed");
        }
        // A dawdler that was cut off meanwhile proves that more than the time-out has passed.
        assert_eq!(talk(server.address, "GET / HTT").await, "");
    }
}

#[tokio::test]
async fn heads_that_are_too_large_and_connections_that_are_too_many_are_turned_away() {
    let limits = Limits { head_bytes_max: 8 << 10, connections_max: 2, ..Limits::default() };
    let server = start(site(), limits).await;
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let heard = talk(server.address, &large).await;
    assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 431"), "{heard}");

    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(b"GET /state HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"state") {
            assert_ne!(client.read_buf(&mut heard).await.unwrap(), 0);
        }
        held.push(client);
    }
    assert_eq!(talk(server.address, "").await, "", "a third is closed at once");
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_finishes_what_is_under_way() {
    let (begun, mut begin) = tokio::sync::mpsc::channel(1);
    let (release, released) = tokio::sync::watch::channel(false);
    let slow = get(move || {
        let (begun, mut released) = (begun.clone(), released.clone());
        async move {
            begun.send(()).await.unwrap();
            released.wait_for(|is| *is).await.unwrap();
            "done"
        }
    });
    let server = start(Site::new("master").route("/slow", slow), Limits::default()).await;
    let address = server.address;
    let asked = tokio::spawn(async move { talk(address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await });
    begin.recv().await.unwrap();
    server.stop.send(()).unwrap();
    release.send(true).unwrap();
    assert!(asked.await.unwrap().ends_with("done"));
    server.task.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_spelling_of_a_path_stays_with_the_request() {
    let original = get(async |axum::Extension(OriginalPath(path)): axum::Extension<OriginalPath>| path);
    let site = Site::new("master").route("/state", original);
    let request = Request::get("/master/state.json?x=1").body(Body::empty()).unwrap();
    let body = site.answer(request).await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "/master/state.json?x=1");
}
