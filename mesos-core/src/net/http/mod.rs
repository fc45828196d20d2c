//! HTTP as the APIs of Apache Mesos use it: what master and agent have in common.
//!
//! ```text
//!   listener ──▶ serve ──▶ Site: path rules ──▶ layers of the embedder ──▶ handler
//!                 │                                (Caller)                  │
//!           limits of peers                        Media, read_body, decode  │  answer, Refusal, record_stream
//!                                                                            ▼
//! ```
//!
//! * [`serve`]: accepts connections with [`Limits`] for peers that are slow, half open or too many.
//! * [`Site`]: which paths are known, and the rules by which others mean one of them.
//! * [`Media`] and [`Form`]: what a body is and what an answer shall be.
//! * [`read_body`], [`decode`]: bodies of bounded size as messages.
//! * [`answer`], [`accepted`], [`done`], [`Refusal`]: answers with the status codes of Mesos and sentences that help.
//! * [`record_stream`], [`RecordReader`]: RecordIO in both directions, one record in exactly one chunk.
//! * [`Files`]: files that are shown, and nothing beside them.
//! * [`Verbosity`]: how much is logged, for operators who want to know more for a while.
//! * [`Caller`]: who asks; filled in by a layer that authenticates.
//! * [`Pace`]: how fast a large answer must be taken, and [`Hangup`] for whoever is slower.
//! * [`Answering`]: whether the caller has room for one message or for a stream.
//!
//! It decides nothing about calls, and authenticates nobody.

mod answer;
mod answering;
mod body;
mod caller;
mod files;
mod guard;
mod hangup;
mod media;
mod pace;
mod records;
mod serve;
mod site;
mod verbosity;

#[cfg(test)]
mod tests;

pub use answer::{Refusal, accepted, answer, answer_bytes, answer_json, done};
pub use answering::Answering;
pub use body::{BODY_BYTES_MAX, BODY_TIMEOUT, decode, encode, read_body, read_message};
pub use caller::Caller;
#[cfg(any(test, fuzzing))]
pub(in crate::net) use files::decode_query as decode_file_query;
pub use files::{Attached, Files, READ_BYTES_MAX, Roots};
pub use hangup::Hangup;
pub use media::{Form, JSON, Media, PROTOBUF, RECORD_IO};
pub use pace::Pace;
pub use records::{Overrun, RECORDS_WAITING_MAX, RecordReader, RecordSender, STALLED_MAX, record, record_stream};
pub use serve::{Handshake, Limits, Peer, Plain, serve};
pub use site::{OriginalPath, Site};
pub use verbosity::{FixedVerbosity, Verbosity};

pub use axum;
pub use axum::body::Body;
pub use axum::response::Response;
