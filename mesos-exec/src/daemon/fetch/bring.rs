//! Transports: files of this machine, and HTTP with and without TLS.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::budget::Budget;
use super::place::Place;
use super::program;

/// Copies what a URI names into a file, which lies at `to` and is for this place.
pub(super) async fn bring(uri: &str, place: &Place, file: File, to: &Path, budget: &Budget) -> Result<(), String> {
    match uri.split_once("://") {
        None if uri.starts_with('/') => read(uri, place, file, to, budget).await,
        Some(("file", rest)) => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err("a file URI names a file of the agent's machine, as file:///path".to_owned());
            }
            read(path, place, file, to, budget).await
        }
        #[cfg(feature = "net")]
        Some(("http" | "https", _)) => super::super::http::download::download(uri, file, budget.bytes_max).await,
        Some((scheme, _)) => Err(format!("{scheme} is not one of the ways this agent fetches: file, http, https")),
        None => Err("write file:///path, http://… or https://…".to_owned()),
    }
}

/// Reads a file of this machine as whoever will have it: what the agent may read is not for everybody.
async fn read(path: &str, place: &Place, file: File, to: &Path, budget: &Budget) -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() || place.uid == 0 {
        return copy(Path::new(path), file, budget.bytes_max).await;
    }
    let mut command = Command::new("sh");
    command.args([
        "-c",
        r#"[ -f "$1" ] || { echo "it is not a plain file, or not to be had" >&2; exit 1; }; exec cat -- "$1""#,
    ]);
    command.args(["sh", path]);
    program::run(command, place, to, budget, file.into()).await
}

/// Copies a file, if it is not too long.
pub(super) async fn copy(from: &Path, mut to: File, bytes_max: u64) -> Result<(), String> {
    let from: PathBuf = from.to_owned();
    let copied = tokio::task::spawn_blocking(move || {
        // A pipe in its place must not hold anything up.
        let flags = nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
        let from = File::options().read(true).custom_flags(flags).open(from)?;
        let metadata = from.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        let too_long = || io::Error::other(format!("it is longer than {bytes_max} bytes"));
        if metadata.len() > bytes_max {
            return Err(too_long());
        }
        // It may grow meanwhile.
        let copied = io::copy(&mut from.take(bytes_max.saturating_add(1)), &mut to)?;
        if copied > bytes_max { Err(too_long()) } else { Ok(()) }
    });
    copied.await.map_err(io::Error::other).flatten().map_err(|error| error.to_string())
}
