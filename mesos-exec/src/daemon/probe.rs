//! Questions to ports of tasks, for their checks.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mesos_core::health::{CheckStatus, Checked, Probe, Question};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How much of an answer is read: its first line is what counts.
const LINE_BYTES_MAX: u64 = 4 << 10;

/// Asks, for at most so long.
pub(super) async fn ask(probe: &Probe, timeout: Duration) -> Checked {
    let nothing = match probe.question {
        Question::Gets(_) | Question::GetsOverTls(_) => CheckStatus::Http(None),
        _ => CheckStatus::Tcp(None),
    };
    match tokio::time::timeout(timeout, answer(probe)).await {
        Ok(Ok(found)) => found.about(probe),
        Ok(Err(problem)) => Checked::nothing(nothing, format!("{probe}: {problem}")),
        Err(_) => Checked::nothing(nothing, format!("{probe} took longer than {timeout:?}")),
    }
}

async fn answer(probe: &Probe) -> io::Result<Checked> {
    let ip: IpAddr = if probe.is_ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    let address = SocketAddr::new(ip, probe.port);
    let connected = TcpStream::connect(address).await;
    match &probe.question {
        Question::Gets(path) => get(&mut connected?, address, path).await.map(Checked::by_http),
        Question::GetsOverTls(path) => get_over_tls(connected?, address, path).await.map(Checked::by_http),
        _ => Ok(Checked::by_tcp(connected.map(drop).map_err(|error| error.to_string().into()))),
    }
}

/// The status of the answer. Redirections are not followed: they are an answer, too.
async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), address: SocketAddr, path: &str) -> io::Result<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let (mut line, mut limited) = (Vec::new(), stream.take(LINE_BYTES_MAX));
    while !line.contains(&b'\n') && limited.read_buf(&mut line).await? > 0 {}
    let odd = || io::Error::other("what answered does not speak HTTP");
    let line = std::str::from_utf8(line.split(|byte| *byte == b'\n').next().unwrap_or_default()).map_err(|_| odd())?;
    let mut words = line.split_ascii_whitespace();
    let (version, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !version.starts_with("HTTP/1.") {
        return Err(odd());
    }
    status.parse().map_err(|_| odd())
}

#[cfg(feature = "net")]
async fn get_over_tls(stream: TcpStream, address: SocketAddr, path: &str) -> io::Result<u16> {
    let mut stream = mesos_core::net::tls::connect_to_anyone(address.ip(), stream).await?;
    get(&mut stream, address, path).await
}

#[cfg(not(feature = "net"))]
async fn get_over_tls(_: TcpStream, _: SocketAddr, _: &str) -> io::Result<u16> {
    Err(io::Error::other("this agent was built without TLS"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// What a probe says of a port that answers with this; `None` never answers.
    async fn asked(question: Question, answer: Option<&'static str>) -> Checked {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            match answer {
                Some(answer) => {
                    let mut request = [0; 1_024];
                    let _ = stream.read(&mut request).await;
                    // In two pieces, as networks do.
                    let (one, other) = answer.split_at(answer.len() / 2);
                    let _ = stream.write_all(one.as_bytes()).await;
                    let _ = stream.write_all(other.as_bytes()).await;
                }
                None => std::future::pending().await,
            }
        });
        let timeout = if answer.is_none() { Duration::from_millis(20) } else { PATIENCE };
        let said = ask(&Probe { port, is_ipv6: false, question }, timeout).await;
        server.abort();
        said
    }

    #[tokio::test]
    async fn a_port_that_takes_connections_and_a_path_that_is_answered_are_well() {
        let well = |status| Checked::by_http(status);
        assert_eq!(asked(Question::Connects, Some("")).await, Checked::by_tcp(Ok(())));
        assert_eq!(asked(Question::Gets("/".into()), Some("HTTP/1.1 200 OK\r\n\r\n")).await, well(200));
        let moved = "HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n";
        assert_eq!(asked(Question::Gets("/".into()), Some(moved)).await, well(302));
        assert_eq!((well(200).problem, well(302).problem, Checked::by_tcp(Ok(())).problem), (None, None, None));
    }

    #[tokio::test]
    async fn everything_else_is_not_and_says_why() {
        for (answer, status, what) in [
            (Some("HTTP/1.1 503 No\r\n\r\n"), Some(503), "status 503"),
            (Some("SSH-2.0-x\r\n"), None, "does not speak HTTP"),
            (Some("HTTP/1.1 abc\r\n"), None, "does not speak HTTP"),
            (Some(""), None, "does not speak HTTP"),
            (None, None, "took longer"),
        ] {
            let said = asked(Question::Gets("/up".into()), answer).await;
            assert_eq!(said.status, CheckStatus::Http(status));
            let problem = said.problem.unwrap();
            assert!(problem.contains(what) && problem.contains("/up"), "{answer:?}: {problem}");
        }
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let probe = Probe { port: free, is_ipv6: false, question: Question::Connects };
        let said = ask(&probe, PATIENCE).await;
        assert_eq!(said.status, CheckStatus::Tcp(Some(false)));
        assert!(said.problem.unwrap().contains("refused"));
    }

    /// Whoever made the certificate: nobody here knows the authority.
    #[cfg(feature = "net")]
    #[tokio::test]
    async fn a_path_is_asked_for_over_tls_whatever_certificate_is_shown() {
        use mesos_core::net::tls::{Authority, Identity, Part, ServerTls, VALID_FOR_DEFAULT};
        let authority = Authority::new("somebody's", VALID_FOR_DEFAULT).unwrap();
        let identity = Identity::new(Part::Agent, "other".parse().unwrap());
        let names = ["elsewhere".to_owned()];
        let tls = ServerTls::new(&authority.material(&identity, &names, VALID_FOR_DEFAULT).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            for status in [200, 500] {
                let (stream, _) = listener.accept().await.unwrap();
                let (mut stream, _) = tls.accept(stream).await.unwrap();
                let mut request = [0; 1_024];
                let length = stream.read(&mut request).await.unwrap();
                assert!(request[..length].starts_with(b"GET /up HTTP/1.1\r\n"));
                stream.write_all(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
            let (mut plain, _) = listener.accept().await.unwrap();
            plain.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        });
        let probe = Probe { port, is_ipv6: false, question: Question::GetsOverTls("/up".into()) };
        for status in [200, 500] {
            assert_eq!(ask(&probe, PATIENCE).await.status, CheckStatus::Http(Some(status)));
        }
        let said = ask(&probe, PATIENCE).await;
        assert_eq!(said.status, CheckStatus::Http(None), "what speaks no TLS does not answer");
        assert!(said.problem.unwrap().starts_with("GET https://127.0.0.1"));
        server.await.unwrap();
    }
}
