//! What no well-meant client sends, over real sockets: each gets its status and a sentence, and nobody else is slowed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mesos_core::call::Leader;
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::daemon::{BacklogBounds, Connector as _};
use mesos_core::kernel::{Outbound, Term};
use mesos_core::net::auth::Parts;
use mesos_core::net::grpc::{Dialer, GrpcConnector};
use mesos_core::net::http::Pace;
use mesos_core::net::http::axum::http::HeaderValue;
use mesos_core::{FrameworkInfo, MasterId, Role, TaskId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::authorization::{Guarded, OPS, X};
use super::client::{Stream, ask, get, send};
use super::cluster::{Cluster, Made};
use super::framework::{Framework, JSON, PATH, info, task};

const HEAD: &str = "Host: x\r\nContent-Type: application/json\r\nConnection: close\r\n";

/// Sends bytes and hears the status; 0 when the connection was closed without one.
async fn raw(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough may close before all was sent.
    let _ = socket.write_all(request).await;
    let mut heard = Vec::new();
    let _ = socket.read_to_end(&mut heard).await;
    let text = String::from_utf8_lossy(&heard).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

fn post(path: &str, head: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn what_no_client_would_send_gets_a_status_and_a_sentence() {
    let mut cluster = Cluster::start().await;
    let address = cluster.address;
    let agent = cluster.agent("host-1", "cpus:4;mem:1024").await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let objects = "{\"accept\":".repeat(50_000);
    let traversal = json!({"type": "TEARDOWN", "framework_id": {"value": "../../etc/passwd"}}).to_string();
    let stranger = json!({"type": "REVIVE", "framework_id": {"value": "nobody"}}).to_string();
    let no_length = format!("POST {PATH} HTTP/1.1\r\n{HEAD}Content-Length: 99999999999\r\n\r\n{{");
    let endless = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200_000));
    let trailers = format!(
        "POST {PATH} HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n2\r\n{{}}\r\n0\r\nA: b\r\n\r\n"
    );
    let torn_chunk = format!("POST {PATH} HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n");
    let wrong_type = "Host: x\r\nContent-Type: text/html\r\nConnection: close\r\n";
    let no_type = "Host: x\r\nConnection: close\r\n";
    let protobuf = "Host: x\r\nContent-Type: application/x-protobuf\r\nConnection: close\r\n";
    let accepts = format!("{HEAD}Accept: image/png\r\n");
    let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info()}}).to_string();
    for (name, request, status) in [
        ("nested arrays", post(PATH, HEAD, &deep), 400),
        ("nested objects", post("/api/v1", HEAD, &objects), 400),
        ("torn JSON", post(PATH, HEAD, "{\"type\": \"SUBSC"), 400),
        ("an empty body", post("/api/v1", HEAD, ""), 400),
        ("an array", post("/api/v1", HEAD, "[]"), 400),
        ("torn protobuf", post(PATH, protobuf, "\u{8}\u{7f}\u{7f}"), 400),
        ("another type", post(PATH, wrong_type, "{}"), 415),
        ("no type", post(PATH, no_type, "{}"), 400),
        ("an answer nobody gives", post(PATH, &accepts, &subscribe), 406),
        ("no call of that name", post("/api/v1", HEAD, "{\"type\": \"NEWER\"}"), 501),
        ("a path instead of an id", post(PATH, HEAD, &traversal), 400),
        ("a call before SUBSCRIBE", post(PATH, HEAD, &stranger), 400),
        ("the wrong method", b"GET /api/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(), 405),
        ("a length that is a lie", no_length.clone().into_bytes(), 413),
        ("a path without end", endless.into_bytes(), 431),
        ("a path that is no path", b"GET /%zz/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(), 404),
        ("trailers", trailers.into_bytes(), 501),
        ("a chunk without a length", torn_chunk.into_bytes(), 400),
        ("no request at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), 400),
        ("no path", b"GET  HTTP/1.1\r\n\r\n".to_vec(), 400),
    ] {
        let (answered, body) = raw(address, &request).await;
        // What is no HTTP is answered by the protocol's own layer, which says no sentence.
        let is_http = !["no request at all", "no path", "a path without end"].contains(&name);
        assert!(!is_http || (answered == status && !body.is_empty()), "{name}: {answered} {body}");
        assert!(is_http || [0, 400, 404, 414, 431].contains(&answered), "{name}: {answered} {body}");
    }
    assert_eq!(get(address, "/health").await.status, 200);
    let mut framework = Framework::subscribe(address, info()).await;
    let offer = framework.offer().await;
    assert_eq!(offer["agent_id"]["value"], agent.as_str());
    framework.launch(&offer, &[task("../t", &offer["agent_id"], "true"), task("t", &offer["agent_id"], "true")]).await;
    let refused = framework.update("../t").await;
    assert_eq!(refused["state"], "TASK_ERROR", "{refused}");
    assert_eq!(framework.update("t").await["state"], "TASK_RUNNING");

    let stale = framework.stream_id.clone();
    let mut described = info();
    described["id"] = json!({"value": framework.id});
    let body = json!({"type": "SUBSCRIBE", "framework_id": {"value": framework.id},
        "subscribe": {"framework_info": described}});
    let mut again = send(address, "POST", PATH, JSON, &body.to_string()).await;
    assert_eq!(again.head().await.0, 200);
    again.event("SUBSCRIBED").await;
    let old = json!({"type": "REVIVE", "framework_id": {"value": framework.id}}).to_string();
    let answer = ask(address, "POST", PATH, &format!("{JSON}Mesos-Stream-Id: {stale}\r\n"), &old).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("stream ID"), "{}", answer.text());
}

/// It hears nothing for as long as it reads nothing; everybody else hears everything.
#[tokio::test]
async fn a_subscriber_that_never_reads_slows_nobody() {
    let mut cluster = Cluster::start().await;
    let address = cluster.address;
    cluster.agent("host-1", "cpus:400;mem:102400").await;
    let mut framework = Framework::subscribe(address, info()).await;
    let offer = framework.offer().await;
    let subscribe = json!({"type": "SUBSCRIBE"}).to_string();
    let _deaf = send(address, "POST", "/api/v1", JSON, &subscribe).await;
    let mut described = info();
    described["name"] = json!("deaf");
    let body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": described}}).to_string();
    let _deaf_framework = send(address, "POST", PATH, JSON, &body).await;
    let mut hears = send(address, "POST", "/api/v1", JSON, &subscribe).await;
    assert_eq!(hears.head().await.0, 200);
    hears.event("SUBSCRIBED").await;

    // More than a socket's buffers take: 200 tasks, each told of in 60 kB.
    let tasks = long_tasks(&offer["agent_id"]);
    framework.launch(&offer, &tasks).await;
    for n in 0..200 {
        let event = hears.event("TASK_ADDED").await;
        assert_eq!(event["task_added"]["task"]["task_id"]["value"], format!("t{n}"));
    }
    framework.update("t199").await;
}

/// Few states are written out at one time. Readers that take a little of theirs and then nothing, or next to nothing, lose them in
/// time, and everybody else has the next.
#[tokio::test]
async fn readers_that_trickle_do_not_keep_the_state_from_others() {
    let pace = Pace { patience: Duration::from_secs(5), bytes_per_second_min: u64::MAX };
    let mut cluster = Cluster::start_as(Made { pace, ..Made::default() }).await;
    let address = cluster.address;
    cluster.agent("host-1", "cpus:400;mem:102400").await;
    let mut framework = Framework::subscribe(address, info()).await;
    let offer = framework.offer().await;
    // More than the buffers of two sockets take, and what waits before them.
    let tasks = long_tasks(&offer["agent_id"]);
    framework.launch(&offer, &tasks).await;
    assert_eq!(framework.update("t199").await["state"], "TASK_RUNNING");

    // As many as there are places, by each way there is to the whole state.
    let mut slow = Vec::new();
    for kind in ["SUBSCRIBE", "GET_STATE"].repeat(4) {
        let mut reader = send(address, "POST", "/api/v1", JSON, &json!({"type": kind}).to_string()).await;
        assert_eq!(reader.head().await.0, 200);
        slow.push(reader);
    }
    let body = json!({"type": "GET_STATE"}).to_string();
    let next = tokio::time::timeout(Duration::from_secs(240), ask(address, "POST", "/api/v1", JSON, &body));
    let state = next.await.expect("the next one has its turn although nobody went");
    assert_eq!(state.status, 200);
    assert_eq!(state.json()["get_state"]["get_tasks"]["tasks"].as_array().unwrap().len(), 200);
    drop(slow);
}

/// So little may wait for one in these tests.
const SMALL: BacklogBounds = BacklogBounds { stream_bytes_max: 1 << 20, sum_bytes_max: 4 << 20 };
/// Far more news than that, asked for in one call.
const MANY: usize = 20_000;

/// The master answers everybody else as fast as ever while it tells the deaf one what nobody reads.
async fn answers_at_once(address: SocketAddr) {
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(address, "/health").await.status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "20 answers took {:?}", began.elapsed());
}

/// Waits until the master has given the framework of this name up.
async fn is_cut_off(operator: &mut Stream, name: &str) {
    let heard = async {
        loop {
            let event = operator.event("FRAMEWORK_UPDATED").await;
            let framework = &event["framework_updated"]["framework"];
            if framework["framework_info"]["name"] == name && framework["connected"] != true {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), heard).await.expect("it is never cut off");
}

async fn listen(address: SocketAddr, who: &str) -> Stream {
    let body = json!({"type": "SUBSCRIBE"}).to_string();
    let mut operator = send(address, "POST", "/api/v1", &format!("{JSON}{who}"), &body).await;
    assert_eq!(operator.head().await.0, 200);
    operator.event("SUBSCRIBED").await;
    operator
}

#[tokio::test]
async fn a_framework_that_asks_for_much_and_never_reads_is_cut_off() {
    let mut cluster = Cluster::start_with(SMALL).await;
    let address = cluster.address;
    cluster.agent("host-1", "cpus:4;mem:1024").await;
    let mut healthy = Framework::subscribe(address, info()).await;
    let offer = healthy.offer().await;
    let mut operator = listen(address, "").await;
    let mut described = info();
    described["name"] = json!("deaf");
    let deaf = Framework::subscribe(address, described).await;
    let tasks: Vec<_> = (0..MANY).map(|n| json!({"task_id": {"value": format!("unknown-{n}")}})).collect();
    deaf.call_accepted(json!({"type": "RECONCILE", "reconcile": {"tasks": tasks}})).await;
    answers_at_once(address).await;
    is_cut_off(&mut operator, "deaf").await;
    healthy.launch(&offer, &[task("t", &offer["agent_id"], "sleep")]).await;
    assert_eq!(healthy.update("t").await["state"], "TASK_RUNNING");
    drop(deaf);
}

/// Its transport answers every ping: only what waits for it says that it is deaf.
#[tokio::test]
async fn a_framework_over_grpc_that_asks_for_much_and_never_reads_is_cut_off() {
    let guarded = Guarded::start_with(Arc::new(Parts), None, SMALL).await;
    let address = guarded.address;
    let mut operator = listen(address, OPS).await;
    let dialer = Dialer::plaintext().with_credential(HeaderValue::from_static("Basic eDpz"));
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: address.to_string().into(), term: Term(1) };
    let mut stream: mesos_core::daemon::Stream<Call, Event> =
        GrpcConnector::new(dialer).connect(&leader).await.unwrap();
    let mut outbound = Outbound::default();
    let info = Box::new(FrameworkInfo::new("deaf", Role::any()));
    let subscribe = Call::Subscribe { info, suppressed: [].into(), constraints: Arc::default() };
    stream.sender.send((outbound.next(), subscribe)).await.unwrap();
    assert!(matches!(stream.receiver.recv().await.unwrap().1, Event::Subscribed { .. }));
    let tasks = (0..MANY).map(|n| (TaskId::new(format!("unknown-{n}")).unwrap(), None)).collect();
    stream.sender.send((outbound.next(), Call::Reconcile { tasks })).await.unwrap();
    answers_at_once(address).await;
    is_cut_off(&mut operator, "deaf").await;
    guarded.framework(X, "x").await;
}

/// 200 tasks, each told of in 60 kB.
fn long_tasks(agent_id: &Value) -> Vec<Value> {
    let label = "x".repeat(60_000);
    let long = |n| {
        let mut task = task(&format!("t{n}"), agent_id, "sleep");
        task["labels"] = json!({"labels": [{"key": "long", "value": label}]});
        task
    };
    (0..200).map(long).collect()
}
