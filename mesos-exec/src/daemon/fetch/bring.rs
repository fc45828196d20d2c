//! Transports: files of this machine, and HTTP with and without TLS.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

use super::place::Place;

/// Copies what a URI names to its place.
pub(super) async fn bring(uri: &str, place: &Place) -> Result<(), String> {
    let file = place.create()?;
    match uri.split_once("://") {
        None if uri.starts_with('/') => copy(uri.to_owned(), file).await,
        Some(("file", rest)) => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err("a file URI names a file of the agent's machine, as file:///path".to_owned());
            }
            copy(path.to_owned(), file).await
        }
        #[cfg(feature = "net")]
        Some(("http" | "https", _)) => super::super::http::download::download(uri, file).await,
        Some((scheme, _)) => Err(format!("{scheme} is not one of the ways this agent fetches: file, http, https")),
        None => Err("write file:///path, http://… or https://…".to_owned()),
    }
}

async fn copy(path: String, mut to: File) -> Result<(), String> {
    let copied = tokio::task::spawn_blocking(move || {
        // A pipe in its place must not hold anything up.
        let flags = nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
        let mut from = File::options().read(true).custom_flags(flags).open(path)?;
        if !from.metadata()?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        io::copy(&mut from, &mut to)
    });
    copied.await.map_err(io::Error::other).flatten().map(drop).map_err(|error| error.to_string())
}
