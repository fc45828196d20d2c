//! Bodies of requests: bounded in size and time, then read as a message.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use prost::{Message, Name};

use super::{Media, Refusal};
use crate::wire::json;

/// The largest body of a call: an ACCEPT with some ten thousand tasks fits.
pub const BODY_BYTES_MAX: usize = 32 << 20;
/// A body has this long to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a whole body.
///
/// # Errors
/// 413 when it is larger than `bytes_max`, of which no more is kept; 408 when it does not arrive in time; 400 when it
/// breaks off.
pub async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    // What says that it will be too long is not waited for.
    if http_body::Body::size_hint(&body).lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    match tokio::time::timeout(BODY_TIMEOUT, collect(body, bytes_max)).await {
        Ok(read) => read,
        Err(_) => {
            let text = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, text))
        }
    }
}

fn too_large(bytes_max: usize) -> Refusal {
    let text = format!("the body is larger than {bytes_max} bytes; split the call");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::bad_request(format!("the body broke off: {error}")))?;
        // Trailers say nothing here.
        let Ok(part) = frame.into_data() else { continue };
        if first.len() + rest.len() + part.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        if first.is_empty() {
            first = part;
        } else {
            rest.extend_from_slice(&part);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Reads a message.
///
/// # Errors
/// 400 says what cannot be read, and in JSON where.
pub fn decode<M: Message + Name + Default>(media: Media, bytes: &[u8]) -> Result<M, Refusal> {
    let read = match media {
        Media::Json => json::read(bytes).map_err(|error| error.to_string()),
        Media::Protobuf => M::decode(bytes).map_err(|error| error.to_string()),
    };
    read.map_err(|problem| Refusal::bad_request(format!("Failed to parse the body into {}: {problem}", M::NAME)))
}

/// Writes a message.
#[must_use]
pub fn encode<M: Message + Name>(media: Media, message: &M) -> Vec<u8> {
    match media {
        Media::Json => json::write_bytes(message),
        Media::Protobuf => message.encode_to_vec(),
    }
}

/// Reads the message a request carries.
///
/// # Errors
/// Those of [`Media::of_body`], [`read_body`] and [`decode`].
pub async fn read_message<M: Message + Name + Default>(
    headers: &http::HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<M, Refusal> {
    let media = Media::of_body(headers)?;
    decode(media, &read_body(body, bytes_max).await?)
}
