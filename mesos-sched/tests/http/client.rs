//! HTTP as bytes, so that tests see what clients see.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
}

/// Asks, and hears the whole answer.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
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

pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Stream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
    socket.write_all(request.as_bytes()).await.unwrap();
    Stream { socket, heard: Vec::new() }
}

/// An answer that goes on.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    pub(crate) heard: Vec<u8>,
}

impl Stream {
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

    /// The next record: one chunk holds exactly one, on one line.
    pub(crate) async fn record(&mut self) -> Option<Value> {
        let chunk = String::from_utf8(self.chunk().await?).unwrap();
        let (length, record) = chunk.split_once('\n').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), record.len());
        assert!(!record.contains('\n'));
        Some(serde_json::from_str(record).unwrap())
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
