//! Downloads for the fetcher: plain GETs over HTTP and HTTPS, redirections followed, never from HTTPS to HTTP.
//!
//! Servers are known by the authorities of the system, or those in the file that `SSL_CERT_FILE` names.

use std::fs::File;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, LOCATION};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use mesos_core::daemon::Task;
use mesos_core::net::tls::ClientTls;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::daemon::fetch::shown::shown;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A download that stands still for this long is given up, as in Apache Mesos (`--fetcher_stall_timeout`).
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
const REDIRECTS_MAX: usize = 10;
/// Where systems keep the authorities they trust, the first that is there.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Writes what is under this address into the file, if it is not too long.
pub(in crate::daemon) async fn download(url: &str, file: File, bytes_max: u64) -> Result<(), String> {
    let mut url: Uri = url.parse().map_err(|error| format!("it is no address: {error}"))?;
    for _ in 0..=REDIRECTS_MAX {
        let (response, _connection) = get(&url).await?;
        match response.status() {
            StatusCode::OK => return save(response.into_body(), file, bytes_max).await,
            status if status.is_redirection() => {
                let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
                url = elsewhere(&url, place.ok_or("it is redirected to nowhere")?)?;
            }
            status => return Err(format!("the server answered {status}")),
        }
    }
    Err(format!("it is redirected more than {REDIRECTS_MAX} times"))
}

async fn get(url: &Uri) -> Result<(Response<Incoming>, Task), String> {
    let host = url.host().ok_or("it names no host")?;
    let is_secret = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if is_secret { 443 } else { 80 });
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, connect(host, port, is_secret)).await;
    let stream = stream.map_err(|_| format!("{host}:{port} does not answer"))??;
    let failed = |error: hyper::Error| format!("{host}:{port}: {error}");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let connection = Task::spawn(async move {
        // How it ends shows in the answer.
        let _ = connection.await;
    });
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let host_header = url.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let request = Request::get(path).header(HOST, host_header).header(ACCEPT, "*/*").body(Empty::<Bytes>::new());
    let mut request = request.map_err(|error| error.to_string())?;
    request.headers_mut().extend(authorization(url).map(|who| (AUTHORIZATION, who)));
    let answered = tokio::time::timeout(STALL_TIMEOUT, sender.send_request(request)).await;
    let response = answered.map_err(|_| format!("{host}:{port} does not answer"))?.map_err(failed)?;
    Ok((response, connection))
}

/// What an address says before its host, as HTTP basic authentication (RFC 7617). A redirection says its own: the name
/// and password for one host are not told to another.
fn authorization(url: &Uri) -> Option<HeaderValue> {
    let (pair, _) = url.authority()?.as_str().rsplit_once('@')?;
    let (name, password) = pair.split_once(':').unwrap_or((pair, ""));
    let mut said = percent_decode_str(name).collect::<Vec<u8>>();
    said.push(b':');
    said.extend(percent_decode_str(password));
    let mut who = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(said))).ok()?;
    who.set_sensitive(true);
    Some(who)
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn connect(host: &str, port: u16, is_secret: bool) -> Result<Box<dyn Stream>, String> {
    let failed = |error: std::io::Error| format!("{host}:{port}: {error}");
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port)).await.map_err(failed)?;
    if !is_secret {
        return Ok(Box::new(stream));
    }
    let tls = ClientTls::without_certificate(&authorities().await?).map_err(|error| error.to_string())?;
    Ok(Box::new(tls.connect_http1(name, stream).await.map_err(failed)?))
}

async fn authorities() -> Result<Vec<u8>, String> {
    let named = std::env::var("SSL_CERT_FILE").ok();
    let files = named.iter().map(String::as_str).chain(AUTHORITIES.into_iter().filter(|_| named.is_none()));
    for file in files {
        if let Ok(authorities) = tokio::fs::read(file).await {
            return Ok(authorities);
        }
    }
    Err("no authorities are known here that servers could be known by; install ca-certificates".to_owned())
}

async fn save(mut body: Incoming, file: File, bytes_max: u64) -> Result<(), String> {
    let mut file = tokio::fs::File::from_std(file);
    let mut left = bytes_max;
    if body.size_hint().lower() > bytes_max {
        return Err(format!("it is longer than {bytes_max} bytes"));
    }
    loop {
        let frame = tokio::time::timeout(STALL_TIMEOUT, body.frame()).await;
        let Some(frame) = frame.map_err(|_| "the download stands still".to_owned())? else { break };
        if let Ok(part) = frame.map_err(|error| format!("the download broke off: {error}"))?.into_data() {
            left = left.checked_sub(part.len() as u64).ok_or_else(|| format!("it is longer than {bytes_max} bytes"))?;
            file.write_all(&part).await.map_err(|error| error.to_string())?;
        }
    }
    file.flush().await.map_err(|error| error.to_string())
}

/// Where a redirection leads.
fn elsewhere(from: &Uri, place: &str) -> Result<Uri, String> {
    let wrong = || format!("it is redirected to {:?}", shown(place));
    let text = if place.starts_with('/') {
        let authority = from.authority().ok_or_else(wrong)?;
        format!("{}://{authority}{place}", from.scheme_str().unwrap_or("http"))
    } else {
        place.to_owned()
    };
    let to: Uri = text.parse().map_err(|_| wrong())?;
    match (from.scheme_str(), to.scheme_str()) {
        (Some("http"), Some("http")) | (_, Some("https")) => Ok(to),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_does_not_leave_tls_nor_the_web() {
        let to = |from: &str, place: &str| elsewhere(&from.parse().unwrap(), place).map(|to| to.to_string());
        assert_eq!(to("http://h:1/a", "/b?c").unwrap(), "http://h:1/b?c");
        assert_eq!(to("http://h/a", "https://i/b").unwrap(), "https://i/b");
        assert!(to("https://h/a", "http://h/a").is_err());
        assert!(to("http://h/a", "file:///etc/passwd").is_err());
        assert!(to("http://h/a", "b").is_err());
        let wrong = to("https://h/a", "http://user:secret@h/a?secret").unwrap_err();
        assert!(wrong.contains("http://h/a") && !wrong.contains("secret"), "{wrong}");
    }

    #[test]
    fn a_name_before_the_host_is_said_to_that_host_alone() {
        let said = |url: &str| authorization(&url.parse().unwrap()).map(|who| who.to_str().unwrap().to_owned());
        // The pair of RFC 7617, section 2.
        assert_eq!(said("https://Aladdin:open%20sesame@h/a").unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(said("https://name@h/a").unwrap(), format!("Basic {}", STANDARD.encode("name:")));
        assert_eq!(said("https://h/a@b"), None);
        let to = |from: &str, place: &str| elsewhere(&from.parse().unwrap(), place).unwrap().to_string();
        assert_eq!(said(&to("https://name:x@h/a", "/b")), said("https://name:x@h/b"));
        assert_eq!(said(&to("https://name:x@h/a", "https://h/b")), None);
    }
}
