//! HTTP as bytes, so that tests see what clients see.

use std::net::SocketAddr;

use mesos_core::wire::{Message, Name, json};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) use mesos_core::net::http::Media;

/// Runs each of these tests once for every form messages are sent in.
macro_rules! in_both_media {
    ($($test:ident),* $(,)?) => {
        mod in_json {
            $(#[tokio::test] async fn $test() { super::$test(super::super::client::Media::Json).await })*
        }
        mod in_protobuf {
            $(#[tokio::test] async fn $test() { super::$test(super::super::client::Media::Protobuf).await })*
        }
    };
}

/// What a client says that sends messages in this form, and takes no other.
pub(crate) fn headers_of(media: Media) -> String {
    format!("Content-Type: {0}\r\nAccept: {0}\r\n", media.name())
}

/// A message that a test writes as JSON, in the form it is sent in.
pub(crate) fn written<M: Message + Name + Default>(media: Media, message: &Value) -> Vec<u8> {
    let text = message.to_string().into_bytes();
    match media {
        Media::Json => text,
        Media::Protobuf => json::read::<M>(&text).unwrap().encode_to_vec(),
    }
}

/// A message in the form it came in, as JSON for a test to look into.
pub(crate) fn read<M: Message + Name + Default>(media: Media, bytes: &[u8]) -> Value {
    match media {
        Media::Json => {
            assert!(!bytes.contains(&b'\n'), "clients take a line for a message");
            serde_json::from_slice(bytes).unwrap()
        }
        Media::Protobuf => serde_json::from_slice(&json::write_bytes(&M::decode(bytes).unwrap())).unwrap(),
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The message it carries, in the form that was asked for.
    pub(crate) fn message<M: Message + Name + Default>(&self, media: Media) -> Value {
        assert_eq!(self.header("content-type"), Some(media.name()));
        read::<M>(media, &self.body)
    }
}

/// Asks, and hears the whole answer.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: impl AsRef<[u8]>,
) -> Answer {
    let mut stream = send(address, method, path, &format!("{headers}Connection: close\r\n"), body).await;
    let (status, headers) = stream.head().await;
    let mut answer = Answer { status, headers, body: Vec::new() };
    if answer.header("transfer-encoding") == Some("chunked") {
        while let Some(chunk) = stream.chunk().await {
            answer.body.extend(chunk);
        }
    } else {
        stream.rest().await;
        answer.body = stream.heard;
    }
    answer
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "", "").await
}

/// Asks; the answer may go on. Its records are JSON, unless they are said to be [others](Stream::of).
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: impl AsRef<[u8]>,
) -> Stream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = body.as_ref();
    let length = body.len();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes();
    request.extend_from_slice(body);
    socket.write_all(&request).await.unwrap();
    Stream { socket, heard: Vec::new(), read: |bytes| serde_json::from_slice(bytes).unwrap() }
}

/// An answer that goes on.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    pub(crate) heard: Vec<u8>,
    read: fn(&[u8]) -> Value,
}

impl Stream {
    /// Its records are these messages in this form.
    pub(crate) fn of<M: Message + Name + Default>(mut self, media: Media) -> Self {
        self.read = match media {
            Media::Json => |bytes| read::<M>(Media::Json, bytes),
            Media::Protobuf => |bytes| read::<M>(Media::Protobuf, bytes),
        };
        self
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.heard.drain(..end + 2).collect();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            if self.socket.read_buf(&mut self.heard).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn rest(&mut self) {
        while self.socket.read_buf(&mut self.heard).await.unwrap_or(0) > 0 {}
    }

    pub(crate) async fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let status = self.line().await.expect("an answer begins with its status");
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().await.expect("a head ends with an empty line");
            let Some((name, value)) = line.split_once(": ") else { return (status, headers) };
            headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The next chunk; nothing at the end.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line().await?, 16).unwrap();
        while self.heard.len() < length + 2 {
            if self.socket.read_buf(&mut self.heard).await.unwrap_or(0) == 0 {
                return None;
            }
        }
        let chunk = self.heard.drain(..length + 2).take(length).collect();
        (length > 0).then_some(chunk)
    }

    /// The next record: one chunk holds exactly one.
    pub(crate) async fn record(&mut self) -> Option<Value> {
        let chunk = self.chunk().await?;
        let end = chunk.iter().position(|byte| *byte == b'\n').expect("a record begins with its length");
        let (length, record) = (std::str::from_utf8(&chunk[..end]).unwrap(), &chunk[end + 1..]);
        assert_eq!(length.parse::<usize>().unwrap(), record.len());
        Some((self.read)(record))
    }

    /// The next record of this type; others before it are passed over.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = self.record().await.unwrap_or_else(|| panic!("the stream ended before {kind}"));
            if event["type"] == kind {
                return event;
            }
        }
    }
}
