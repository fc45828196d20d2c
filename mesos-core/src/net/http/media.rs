//! What a body is, and what an answer shall be.
//!
//! Rules: Apache Mesos, `docs/scheduler-http-api.md` and `docs/operator-http-api.md`. A body without a `Content-Type` is a
//! bad request, one of another type is not supported. Who names no `Accept`, or takes anything, is answered in JSON; so is
//! who takes both. Answers carry the bare names, without parameters: clients compare the whole value.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};

use super::Refusal;

/// The name of JSON.
pub const JSON: &str = "application/json";
/// The name of protobuf.
pub const PROTOBUF: &str = "application/x-protobuf";
/// The name of a stream of records whose messages have a type of their own.
pub const RECORD_IO: &str = "application/recordio";

const MESSAGE_CONTENT_TYPE: HeaderName = HeaderName::from_static("message-content-type");
const MESSAGE_ACCEPT: HeaderName = HeaderName::from_static("message-accept");

/// How one message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// As JSON, in the dialect of Mesos.
    Json,
    /// As protobuf.
    Protobuf,
}

impl Media {
    /// Its name in headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Protobuf => PROTOBUF,
        }
    }

    /// What the body of a request is.
    ///
    /// # Errors
    /// 400 when nothing is said, 415 when it is neither.
    pub fn of_body(headers: &HeaderMap) -> Result<Self, Refusal> {
        Self::named(headers, &CONTENT_TYPE)
    }

    /// What the answer shall be.
    ///
    /// # Errors
    /// 406 when the caller takes neither.
    pub fn of_answer(headers: &HeaderMap) -> Result<Self, Refusal> {
        Self::accepted(headers, &ACCEPT)
    }

    fn named(headers: &HeaderMap, header: &HeaderName) -> Result<Self, Refusal> {
        let Some(given) = headers.get(header) else {
            let text = format!("Expecting '{}' to be present; say {JSON} or {PROTOBUF}", spelled(header));
            return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
        };
        match essence(given.as_bytes()).as_deref() {
            Some(JSON) => Ok(Self::Json),
            Some(PROTOBUF) => Ok(Self::Protobuf),
            _ => {
                let given = String::from_utf8_lossy(given.as_bytes());
                let text = format!("Expecting '{}' of {JSON} or {PROTOBUF}, not of {given:?}", spelled(header));
                Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
            }
        }
    }

    fn accepted(headers: &HeaderMap, header: &HeaderName) -> Result<Self, Refusal> {
        let accepts = Accepts::read(headers, header);
        [Self::Json, Self::Protobuf].into_iter().find(|media| accepts.takes(media.name())).ok_or_else(|| {
            let text = format!("Expecting '{}' to allow {JSON} or {PROTOBUF}", spelled(header));
            Refusal::new(StatusCode::NOT_ACCEPTABLE, text)
        })
    }
}

/// One message, or a stream of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// One message.
    Message(Media),
    /// Records, each of them one message.
    Records(Media),
}

impl Form {
    /// What the body of a request is; a stream says the type of its messages in `Message-Content-Type`.
    ///
    /// # Errors
    /// 400 when nothing is said, 415 when it is none of them.
    pub fn of_body(headers: &HeaderMap) -> Result<Self, Refusal> {
        let given = headers.get(CONTENT_TYPE).and_then(|given| essence(given.as_bytes()));
        if given.as_deref() == Some(RECORD_IO) {
            return Media::named(headers, &MESSAGE_CONTENT_TYPE).map(Self::Records);
        }
        Media::of_body(headers).map(Self::Message)
    }

    /// What the answer shall be; whoever takes records says in `Message-Accept` of what type.
    ///
    /// # Errors
    /// 406 when the caller takes none of them.
    pub fn of_answer(headers: &HeaderMap) -> Result<Self, Refusal> {
        if let Ok(media) = Media::of_answer(headers) {
            return Ok(Self::Message(media));
        }
        if Accepts::read(headers, &ACCEPT).takes(RECORD_IO) {
            return Media::accepted(headers, &MESSAGE_ACCEPT).map(Self::Records);
        }
        let text = format!("Expecting 'Accept' to allow {JSON}, {PROTOBUF} or {RECORD_IO}");
        Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, text))
    }
}

/// A header's name as people write it: `message-accept` is `Message-Accept`.
fn spelled(header: &HeaderName) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    };
    header.as_str().split('-').map(word).collect::<Vec<_>>().join("-")
}

/// A media type without its parameters, in lower case.
fn essence(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let essence = text.split(';').next().unwrap_or_default().trim();
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}

/// What a caller takes.
struct Accepts {
    /// Patterns, and whether they are wanted at all; nothing said means everything.
    patterns: Vec<(String, bool)>,
}

impl Accepts {
    fn read(headers: &HeaderMap, header: &HeaderName) -> Self {
        let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
        let patterns = values.flat_map(|value| value.split(',')).filter_map(|item| {
            let pattern = essence(item.as_bytes())?;
            let weight = item.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
            let is_wanted = weight.and_then(|weight| weight.trim().parse::<f64>().ok()).is_none_or(|q| q > 0.0);
            Some((pattern, is_wanted))
        });
        Self { patterns: patterns.collect() }
    }

    /// The most specific pattern decides.
    fn takes(&self, name: &str) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        let family = name.split('/').next().unwrap_or_default();
        let of = |wanted: &str| self.patterns.iter().find(|(pattern, _)| pattern == wanted).map(|(_, is)| *is);
        of(name).or_else(|| of(&format!("{family}/*"))).or_else(|| of("*/*")).unwrap_or(false)
    }
}
