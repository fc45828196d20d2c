//! Sessions that are given something to read.

use std::net::SocketAddr;

use mesos_core::{TaskId, TaskInfo, TaskState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, agent_id};
use crate::wire::call;

/// A request whose body comes in pieces.
struct Attached(TcpStream);

impl Attached {
    async fn open(address: SocketAddr, container: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "POST /slave(1)/api/v1 HTTP/1.1\r\nHost: agent\r\nContent-Type: application/recordio\r\n\
            Message-Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut attached = Self(stream);
        attached.say(&format!(r#""type":"CONTAINER_ID","container_id":{container}"#)).await;
        attached
    }

    /// One record.
    async fn say(&mut self, attach: &str) {
        let call = format!(r#"{{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{{{attach}}}}}"#);
        let record = format!("{}\n{call}", call.len());
        self.0.write_all(format!("{:x}\r\n{record}\r\n", record.len()).as_bytes()).await.unwrap();
    }

    /// Something to read, in base64.
    async fn give(&mut self, data: &str) {
        let data = format!(r#"{{"type":"STDIN","data":"{data}"}}"#);
        self.say(&format!(r#""type":"PROCESS_IO","process_io":{{"type":"DATA","data":{data}}}"#)).await;
    }

    async fn answer(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Ends the body; the answer.
    async fn end(mut self) -> String {
        self.0.write_all(b"0\r\n\r\n").await.unwrap();
        self.answer().await
    }
}

/// A session whose output is read as it comes.
struct Session {
    stream: TcpStream,
    heard: String,
}

impl Session {
    /// Starts one; it runs.
    async fn open(address: SocketAddr, container: &str, line: &str) -> Self {
        let body = format!(
            r#"{{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{{
            "container_id":{container},"command":{{"value":"{line}"}}}}}}"#
        );
        let head = "POST /api/v1 HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\nConnection: close\r\n\
            Accept: application/recordio\r\nMessage-Accept: application/json";
        let stream = TcpStream::connect(address).await.unwrap();
        let mut session = Self { stream, heard: String::new() };
        let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        session.stream.write_all(request.as_bytes()).await.unwrap();
        session.hear("\r\n\r\n").await;
        assert!(session.heard.starts_with("HTTP/1.1 200"), "{}", session.heard);
        session
    }

    /// Reads until this was said.
    async fn hear(&mut self, text: &str) {
        let mut part = [0; 4_096];
        while !self.heard.contains(text) {
            let read = self.stream.read(&mut part).await.unwrap();
            assert!(read > 0, "{text} was never said: {}", self.heard);
            self.heard += &String::from_utf8_lossy(&part[..read]);
        }
    }

    /// Everything until it has ended.
    async fn end(mut self) -> String {
        self.stream.read_to_string(&mut self.heard).await.unwrap();
        self.heard
    }
}

/// A task that runs, and how containers beside it are named.
pub(crate) async fn running(rig: &mut Rig) -> impl Fn(&str) -> String + use<> {
    let idle = TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), "cpus:0.1".parse().unwrap(), "sleep 1000");
    rig.run(idle).await;
    rig.expect("t1", &[TaskState::Starting, TaskState::Running]).await;
    let (_, containers) = call(rig.address(), r#"{"type":"GET_CONTAINERS"}"#).await;
    let containers: serde_json::Value = serde_json::from_str(&containers).unwrap();
    let parent = containers["get_containers"]["containers"][0]["container_id"]["value"].to_string();
    move |name: &str| format!(r#"{{"value":"{name}","parent":{{"value":{parent}}}}}"#)
}

const HEARTBEAT: &str = r#""type":"PROCESS_IO","process_io":{"type":"CONTROL","control":{"type":"HEARTBEAT",
    "heartbeat":{"interval":{"nanoseconds":30000000000}}}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_reads_what_it_is_given_until_that_ends() {
    let mut rig = Rig::new().await;
    let named = running(&mut rig).await;
    let address = rig.address();
    let mut session = Session::open(address, &named("echo"), "cat; echo over").await;

    let mut input = Attached::open(address, &named("echo")).await;
    input.give("aGVsbG8K").await;
    session.hear(r#"{"type":"STDOUT","data":"aGVsbG8K"}"#).await;
    input.say(HEARTBEAT).await;
    // One at a time.
    let second = Attached::open(address, &named("echo")).await.end().await;
    assert!(second.starts_with("HTTP/1.1 409"), "{second}");
    // The end of a stream is not that of the input.
    let answer = input.end().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut again = Attached::open(address, &named("echo")).await;
    again.give("d29ybGQK").await;
    session.hear(r#"{"type":"STDOUT","data":"d29ybGQK"}"#).await;
    again.give("").await;
    let answer = again.end().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let told = session.end().await;
    assert!(told.contains(r#"{"type":"STDOUT","data":"b3Zlcgo="}"#), "cat ended with its input: {told}");
    let mut late = Attached::open(address, &named("echo")).await;
    late.give("aGVsbG8K").await;
    let late = late.answer().await;
    assert!(late.starts_with("HTTP/1.1 409") && late.contains("reads no more"), "{late}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_that_nobody_reads_waits_for_its_reader_and_ends_with_it() {
    let mut rig = Rig::new().await;
    let named = running(&mut rig).await;
    let address = rig.address();
    let session = Session::open(address, &named("deaf"), "exec sleep 1000").await;
    let mut input = Attached::open(address, &named("deaf")).await;
    // More than a pipe holds: the agent takes no more than that from us.
    let piece = "A".repeat(64 << 10);
    for _ in 0..2 {
        input.give(&piece).await;
    }
    drop(session);
    let answer = input.answer().await;
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("reads no more"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_that_is_none_is_refused_with_a_sentence() {
    let mut rig = Rig::new().await;
    let named = running(&mut rig).await;
    let address = rig.address();
    let _session = Session::open(address, &named("s"), "exec sleep 1000").await;
    let nobody = Attached::open(address, &named("nobody")).await.end().await;
    assert!(nobody.starts_with("HTTP/1.1 404"), "{nobody}");
    let stdout = r#""type":"PROCESS_IO","process_io":{"type":"DATA","data":{"type":"STDOUT","data":"QQ=="}}"#;
    let resize = |size: &str| {
        let control = format!(r#"{{"type":"TTY_INFO","tty_info":{{{size}}}}}"#);
        format!(r#""type":"PROCESS_IO","process_io":{{"type":"CONTROL","control":{control}}}"#)
    };
    let (sizeless, vast) = (resize(""), resize(r#""window_size":{"rows":65536,"columns":1}"#));
    let pointless = resize(r#""window_size":{"rows":24,"columns":80}"#);
    for (said, status) in [
        (r#""type":"PROCESS_IO""#, "400"),
        (r#""type":"CONTAINER_ID""#, "400"),
        (r#""type":"PROCESS_IO","process_io":{"type":"DATA"}"#, "400"),
        (stdout, "400"),
        (sizeless.as_str(), "400"),
        (vast.as_str(), "400"),
        (pointless.as_str(), "409"),
    ] {
        let mut attached = Attached::open(address, &named("s")).await;
        attached.say(said).await;
        let answer = attached.answer().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{said}: {answer}");
    }
    // A container that was not started as a session reads nothing.
    let launch = format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{{"container_id":{},
        "command":{{"value":"sleep 1000"}}}}}}"#,
        named("plain")
    );
    assert_eq!(call(address, &launch).await.0, "200");
    let mut attached = Attached::open(address, &named("plain")).await;
    attached.give("QQ==").await;
    let answer = attached.answer().await;
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("without an input"), "{answer}");
}
