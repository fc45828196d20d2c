//! Requests as other clients make them.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request on a connection of its own; the answer as far as it has come once `until` is in it.
pub(crate) async fn ask(address: SocketAddr, head: &str, body: &str, until: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nHost: agent\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    while !String::from_utf8_lossy(&answer).contains(until) {
        match stream.read(&mut part).await.unwrap() {
            0 => break,
            read => answer.extend_from_slice(&part[..read]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The body of an answer whose length is known.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// One call of the operator API and its whole answer.
pub(crate) async fn call(address: SocketAddr, body: &str) -> (String, String) {
    let post = "POST /slave(1)/api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close";
    let answer = ask(address, post, body, "never said").await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, self::body(&answer).to_owned())
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nConnection: close"), "", "never said").await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, body(&answer).to_owned())
}
