//! Everything here that reads what others wrote, as functions of bytes: for fuzzing, and for the run of the kept corpus
//! among the tests.
//!
//! A decoder may refuse anything and may never panic. Some say more: what was read can be written, and is read as the same.

use http::{HeaderMap, HeaderValue};
use prost::{Message, Name};

use super::auth::{Acls, Authenticator, Credentials, RateLimits, Secret, TokenKey};
use super::grpc::decoders as streams;
use super::http::{Form, Media, Site};
use crate::resource::Resources;
use crate::wire::convert::{call_from_wire, event_from_wire, executor_call_from_wire, resources_from_wire};
use crate::wire::{json, record_io, v1};

/// A decoder.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "scheduler_call_json", read: |bytes| scheduler_call(json::read(bytes).ok()) },
    Target { name: "scheduler_call_protobuf", read: |bytes| scheduler_call(v1::scheduler::Call::decode(bytes).ok()) },
    Target { name: "operator_call_json", read: |bytes| operator_call(json::read(bytes).ok()) },
    Target { name: "operator_call_protobuf", read: |bytes| operator_call(v1::master::Call::decode(bytes).ok()) },
    Target { name: "executor_call_json", read: |bytes| executor_call(json::read(bytes).ok()) },
    Target { name: "executor_call_protobuf", read: |bytes| executor_call(v1::executor::Call::decode(bytes).ok()) },
    Target { name: "agent_call_json", read: |bytes| again(json::read::<v1::agent::Call>(bytes).ok()) },
    Target { name: "scheduler_event", read: |bytes| drop(v1::scheduler::Event::decode(bytes).map(event_from_wire)) },
    Target { name: "resources_json", read: resources_json },
    Target { name: "resources_text", read: resources_text },
    Target { name: "attributes_text", read: |bytes| drop(text(bytes).parse::<crate::Attributes>()) },
    Target { name: "record_io", read: records },
    Target { name: "agent_stream", read: streams::agent_up },
    Target { name: "master_stream", read: streams::agent_down },
    Target { name: "call_stream", read: streams::scheduler_up },
    Target { name: "event_stream", read: streams::scheduler_down },
    Target { name: "grpc_frames", read: streams::frames },
    Target { name: "acls", read: |bytes| drop(Acls::parse(&text(bytes))) },
    Target { name: "credentials", read: |bytes| drop(Credentials::parse(&text(bytes))) },
    Target { name: "rate_limits", read: |bytes| drop(RateLimits::parse(&text(bytes))) },
    Target { name: "token", read: token },
    Target { name: "authorization", read: authorization },
    Target { name: "media", read: media },
    Target { name: "path", read: path },
    #[cfg(feature = "journal")]
    Target { name: "journal", read: journal },
    #[cfg(feature = "program")]
    Target { name: "duration", read: |bytes| drop(text(bytes).parse::<crate::program::MesosDuration>()) },
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What was read is written, and read as the same.
fn again<M: Message + Name + Default + PartialEq>(message: Option<M>) {
    let Some(message) = message else { return };
    let bytes = message.encode_to_vec();
    assert_eq!(M::decode(&bytes[..]).expect("what was written can be read").encode_to_vec(), bytes);
    let written = json::write(&message);
    json::read::<M>(written.as_bytes()).expect("what was written can be read");
}

fn scheduler_call(call: Option<v1::scheduler::Call>) {
    again(call.clone());
    drop(call.map(call_from_wire));
}

fn operator_call(call: Option<v1::master::Call>) {
    again(call.clone());
    drop(call.map(crate::call::operator::Call::try_from));
}

fn executor_call(call: Option<v1::executor::Call>) {
    again(call.clone());
    drop(call.map(executor_call_from_wire));
}

fn resources_json(bytes: &[u8]) {
    if let Ok(offer) = json::read::<v1::Offer>(bytes) {
        drop(resources_from_wire(offer.resources));
    }
}

fn resources_text(bytes: &[u8]) {
    if let Ok(resources) = text(bytes).parse::<Resources>() {
        let written = resources.to_string();
        assert_eq!(written.parse::<Resources>().as_ref(), Ok(&resources), "{written}");
    }
}

/// However the bytes are cut into parts, the records are the same.
fn records(bytes: &[u8]) {
    let read = |part: usize| {
        let mut decoder = record_io::Decoder::new(1 << 16);
        let mut records = Vec::new();
        for part in bytes.chunks(part) {
            decoder.feed(part);
            loop {
                match decoder.next_record() {
                    Ok(Some(record)) => records.push(record),
                    Ok(None) => break,
                    Err(_) => return (records, true),
                }
            }
        }
        (records, false)
    };
    assert_eq!(read(1), read(bytes.len().max(1)));
}

fn token(bytes: &[u8]) {
    let key = TokenKey::new(&Secret::new(*b"a key nobody who fuzzes knows..."));
    assert!(key.verify(&text(bytes), crate::WallTime::default()).is_err(), "nobody without the key makes a token");
}

fn authorization(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
    let authenticator = Authenticator::new(std::sync::Arc::new(crate::daemon::SystemClock::new()))
        .with_tokens(TokenKey::new(&Secret::new(*b"a key nobody who fuzzes knows...")));
    assert!(authenticator.authenticate(&headers, &http::Extensions::new()).is_err(), "nobody is known");
}

fn media(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([
        (http::header::CONTENT_TYPE, value.clone()),
        (http::header::ACCEPT, value.clone()),
        (http::HeaderName::from_static("message-content-type"), value.clone()),
        (http::HeaderName::from_static("message-accept"), value),
    ]);
    drop((Media::of_body(&headers), Media::of_answer(&headers), Form::of_body(&headers), Form::of_answer(&headers)));
}

/// A path means a known one, or none.
fn path(bytes: &[u8]) {
    let get = || axum::routing::get(async || "");
    let site = Site::new("slave(1)").route("/", get()).route("/state", get()).route("/api/v1/executor", get());
    if let Some(meant) = site.resolve(&text(bytes)) {
        assert!(site.paths().any(|known| known == meant), "{meant}");
    }
}

#[cfg(feature = "journal")]
fn journal(bytes: &[u8]) {
    let Ok(mut journal) = crate::journal::Journal::open(bytes) else { return };
    while let Ok(Some(_)) = journal.next_step::<u64>() {}
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::kernel::Rng;

    /// Changed inputs of each decoder in one run: seconds, on a loaded machine.
    const CHANGED: u64 = 400;
    /// No input is longer, so that none takes long.
    const BYTES_MAX: usize = 4_096;

    fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    /// One step of what a fuzzer does.
    fn change(input: &mut Vec<u8>, others: &[(PathBuf, Vec<u8>)], rng: &mut Rng) {
        let below = |rng: &mut Rng, end: usize| usize::try_from(rng.below(end.max(1) as u64)).unwrap();
        let at = below(rng, input.len());
        match below(rng, 7) {
            0 if !input.is_empty() => input[at] ^= 1 << below(rng, 8),
            1 if !input.is_empty() => input[at] = [0, 0xff, 0x7f, 0x80, b'"', b'{', b'[', b'\\'][below(rng, 8)],
            2 => input.truncate(at),
            3 => input.insert(at.min(input.len()), u8::try_from(below(rng, 256)).unwrap()),
            4 => {
                let end = at + below(rng, input.len() - at.min(input.len()) + 1);
                let part = input.get(at..end.min(input.len())).unwrap_or_default().to_vec();
                for _ in 0..below(rng, 8) {
                    input.splice(at..at, part.iter().copied());
                }
            }
            5 if !input.is_empty() => drop(input.remove(at)),
            _ => {
                let (_, other) = &others[below(rng, others.len())];
                let from = below(rng, other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
        input.truncate(BYTES_MAX);
    }

    #[test]
    fn no_decoder_panics_at_the_corpus_and_what_is_made_of_it() {
        for (n, target) in TARGETS.iter().enumerate() {
            let corpus = corpus(target.name);
            assert!(!corpus.is_empty(), "{} has a corpus", target.name);
            for (_, input) in &corpus {
                (target.read)(input);
            }
            let mut rng = Rng::of_node(1, n as u64);
            for _ in 0..CHANGED {
                let seed = usize::try_from(rng.below(corpus.len() as u64)).unwrap();
                let mut input = corpus[seed].1.clone();
                for _ in 0..=rng.below(6) {
                    change(&mut input, &corpus, &mut rng);
                }
                let read = std::panic::catch_unwind(|| (target.read)(&input));
                assert!(read.is_ok(), "{} panics at {:?}, made of {:?}", target.name, input, corpus[seed].0);
            }
        }
    }

    /// Texts are written by hand; what is not text is made from them.
    #[test]
    fn the_corpus_of_what_is_no_text_is_fresh() {
        let mut made = streams::samples();
        for (name, text) in corpus("scheduler_call_json") {
            let name = name.file_name().unwrap().to_str().unwrap().to_owned();
            let Ok(call) = json::read::<v1::scheduler::Call>(&text) else { continue };
            made.push(("call_stream", name.clone(), streams::calls(vec![call.clone()])));
            made.push(("scheduler_call_protobuf", name, call.encode_to_vec()));
        }
        for (from, to, convert) in [
            (
                "operator_call_json",
                "operator_call_protobuf",
                converted::<v1::master::Call> as fn(&[u8]) -> Option<Vec<u8>>,
            ),
            ("executor_call_json", "executor_call_protobuf", converted::<v1::executor::Call>),
        ] {
            for (name, text) in corpus(from) {
                // Some are there to be refused.
                let Some(bytes) = convert(&text) else { continue };
                made.push((to, name.file_name().unwrap().to_str().unwrap().to_owned(), bytes));
            }
        }
        #[cfg(feature = "journal")]
        made.push(("journal", "three_steps".to_owned(), a_journal()));
        for (target, name, bytes) in made {
            let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
            if std::env::var_os("UPDATE_CORPUS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(&name), &bytes).unwrap();
            }
            let kept = std::fs::read(folder.join(&name)).unwrap_or_default();
            assert!(kept == bytes, "{target}/{name} is stale; UPDATE_CORPUS=1 writes it anew");
        }
    }

    fn converted<M: Message + Name + Default>(text: &[u8]) -> Option<Vec<u8>> {
        Some(json::read::<M>(text).ok()?.encode_to_vec())
    }

    #[cfg(feature = "journal")]
    fn a_journal() -> Vec<u8> {
        use crate::journal::{Encoder, Ending, Header};
        use crate::time::Now;
        let header = Header {
            machine: "echo".into(),
            software: "0".into(),
            rng: Rng::new(1).state(),
            settings: serde_json::Value::Null,
        };
        let mut encoder = Encoder::new(&header);
        for input in 0_u64..3 {
            encoder.begin(Now::default(), Some(&input));
            encoder.end(&[input]);
        }
        let mut bytes = encoder.take();
        bytes.extend(encoder.finish(Ending::Complete));
        bytes
    }

    #[test]
    fn every_corpus_belongs_to_a_decoder() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let of_features = ["journal", "duration"].contains(&name.as_str());
            assert!(of_features || TARGETS.iter().any(|target| target.name == name), "{name}");
        }
    }
}
