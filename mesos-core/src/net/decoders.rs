//! Everything here that reads what others wrote, as functions of bytes: for fuzzing, and for the run of the kept corpus
//! among the tests.
//!
//! A decoder may refuse anything and may never panic. Some say more: what was read can be written, and is read as the same.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use prost::{Message, Name};

use super::auth::{Acls, Authenticator, Credentials, RateLimits, Secret, TokenKey};
pub use super::corpus::Target;
use super::grpc::decoders as streams;
use super::http::{Form, Media, Site};
use super::tls::{Authority, ClientTls, Identity, Material, ServerTls};
use crate::resource::Resources;
use crate::wire::convert::{
    call_from_wire, event_from_wire, executor_call_from_wire, executor_event_from_wire, resources_from_wire,
};
use crate::wire::{json, record_io, v1};

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "scheduler_call_json", read: |bytes| scheduler_call(json::read(bytes).ok()) },
    Target { name: "scheduler_call_protobuf", read: |bytes| scheduler_call(v1::scheduler::Call::decode(bytes).ok()) },
    Target { name: "operator_call_json", read: |bytes| operator_call(json::read(bytes).ok()) },
    Target { name: "operator_call_protobuf", read: |bytes| operator_call(v1::master::Call::decode(bytes).ok()) },
    Target { name: "executor_call_json", read: |bytes| executor_call(json::read(bytes).ok()) },
    Target { name: "executor_call_protobuf", read: |bytes| executor_call(v1::executor::Call::decode(bytes).ok()) },
    Target { name: "agent_call_json", read: |bytes| again(json::read::<v1::agent::Call>(bytes).ok()) },
    Target { name: "agent_call_protobuf", read: |bytes| again(v1::agent::Call::decode(bytes).ok()) },
    Target { name: "executor_event_json", read: |bytes| executor_event(json::read(bytes).ok()) },
    Target { name: "executor_event_protobuf", read: |bytes| executor_event(v1::executor::Event::decode(bytes).ok()) },
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
    Target { name: "leadership", read: streams::leadership },
    Target { name: "executor_message", read: streams::executor_message },
    Target { name: "acls", read: |bytes| drop(Acls::parse(&text(bytes))) },
    Target { name: "credentials", read: |bytes| drop(Credentials::parse(&text(bytes))) },
    Target { name: "rate_limits", read: |bytes| drop(RateLimits::parse(&text(bytes))) },
    Target { name: "token", read: token },
    Target { name: "authorization", read: authorization },
    Target { name: "media", read: media },
    Target { name: "path", read: path },
    Target { name: "file_query", read: |bytes| super::http::decode_file_query(&text(bytes)) },
    Target { name: "certificate", read: |bytes| drop(Identity::of_certificate(&bytes.into())) },
    Target { name: "pem", read: pem },
    #[cfg(feature = "journal")]
    Target { name: "journal", read: journal },
    #[cfg(feature = "program")]
    Target { name: "duration", read: |bytes| drop(text(bytes).parse::<crate::program::MesosDuration>()) },
    #[cfg(feature = "program")]
    Target { name: "bytes", read: |bytes| same::<crate::program::MesosBytes>(&text(bytes)) },
    #[cfg(feature = "program")]
    Target { name: "rate", read: rate },
    #[cfg(feature = "program")]
    Target { name: "percent", read: |bytes| same::<crate::program::MesosPercent>(&text(bytes)) },
    #[cfg(feature = "program")]
    Target { name: "peer_address", read: |bytes| drop(crate::program::peer_address(&text(bytes))) },
    #[cfg(feature = "program")]
    Target { name: "config", read: config },
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

fn executor_event(event: Option<v1::executor::Event>) {
    again(event.clone());
    drop(event.map(|event| executor_event_from_wire(event, Duration::from_secs(5))));
}

/// A certificate, its key and an authority, in one text or each in its own: whoever can be made of it says who it is.
fn pem(bytes: &[u8]) {
    let text = text(bytes);
    drop(Authority::from_pem(&text, &text));
    if let Ok(material) = Material::from_pem(&text, &text, &text) {
        drop((material.identity(), ServerTls::new(&material), ClientTls::new(&material)));
    }
    drop(ClientTls::without_certificate(bytes));
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

/// A value of a flag is written, and read as the same.
#[cfg(feature = "program")]
fn same<V: std::str::FromStr + std::fmt::Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<V>() {
        let written = value.to_string();
        assert!(written.parse::<V>().is_ok_and(|again| again == value), "{text:?} is written as {written:?}");
    }
}

#[cfg(feature = "program")]
fn rate(bytes: &[u8]) {
    if let Ok(rate) = text(bytes).parse::<crate::program::MesosRate>() {
        let _ = (rate.every(), rate.to_string());
    }
}

/// The file of a program with a flag of each kind, and then its command line.
#[cfg(feature = "program")]
fn config(bytes: &[u8]) {
    use clap::{Arg, ArgAction, value_parser};
    let flags = [
        Arg::new("config").long("config"),
        Arg::new("work_dir").long("work_dir").required(true),
        Arg::new("port").long("port").value_parser(value_parser!(u16)).default_value("5050"),
        Arg::new("roles").long("roles").value_delimiter(',').action(ArgAction::Append),
        Arg::new("insecure").long("insecure").action(ArgAction::SetTrue),
    ];
    let command = clap::Command::new("program").args(flags);
    if let Ok(mut command) = crate::program::layered(command, std::path::Path::new("program.toml"), &text(bytes)) {
        drop(command.try_get_matches_from_mut(["program"]));
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

    use super::super::corpus::{Corpus, keep};
    use super::*;
    use crate::kernel::Rng;

    /// Changed inputs of each decoder in one run: seconds, on a loaded machine.
    const CHANGED: u64 = 400;

    fn folder() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
    }

    fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
        let corpus = Corpus::open(&folder(), target).unwrap();
        let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        corpus.iter().map(|(path, bytes)| (name(path), bytes.to_owned())).collect()
    }

    #[test]
    fn no_decoder_panics_at_the_corpus_and_what_is_made_of_it() {
        for (n, target) in TARGETS.iter().enumerate() {
            let corpus =
                Corpus::open(&folder(), target.name).unwrap_or_else(|error| panic!("{}: {error}", target.name));
            corpus.feed(target, CHANGED, &mut Rng::of_node(1, n as u64)).unwrap();
        }
    }

    /// Texts are written by hand; what is not text is made from them.
    #[test]
    fn the_corpus_of_what_is_no_text_is_fresh() {
        let mut made = streams::samples();
        for (name, text) in corpus("scheduler_call_json") {
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
            ("agent_call_json", "agent_call_protobuf", converted::<v1::agent::Call>),
            ("executor_event_json", "executor_event_protobuf", converted::<v1::executor::Event>),
        ] {
            for (name, text) in corpus(from) {
                // Some are there to be refused.
                let Some(bytes) = convert(&text) else { continue };
                made.push((to, name, bytes));
            }
        }
        #[cfg(feature = "journal")]
        made.push(("journal", "three_steps".to_owned(), a_journal()));
        for (target, name, bytes) in made {
            keep(&folder(), target, &name, &bytes).unwrap();
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
        for entry in std::fs::read_dir(folder()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let of_features = ["journal", "duration", "bytes", "rate", "percent", "peer_address", "config"];
            let of_features = of_features.contains(&name.as_str());
            assert!(of_features || TARGETS.iter().any(|target| target.name == name), "{name}");
        }
    }
}
