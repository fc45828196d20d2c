//! The fetcher: brings what a command names by URI into its sandbox, before the command starts.
//!
//! ```text
//!   uris ─ each in turn ─▶ place (a path inside the sandbox) ─▶ bring (file, http, https) ─▶ executable, or unpacked
//! ```
//!
//! What it does with a URI, and where it puts it, is as in Apache Mesos (`docs/fetcher.md`); URIs are fetched anew for every
//! container. Nothing is ever written outside the sandbox, whatever a URI or an archive says: files are made where there are
//! none, below folders that are followed to their real place, and archives are unpacked by programs of the system that run as
//! the owner of the sandbox.

mod bring;
mod place;
mod unpack;

use std::path::Path;

use mesos_core::container::Uri;

use self::place::Place;

/// Brings everything; what was wrong with the first that cannot be had.
///
/// # Errors
/// A sentence that names the URI.
pub(super) async fn fetch(uris: &[Uri], sandbox: &Path) -> Result<(), String> {
    for uri in uris {
        one(uri, sandbox).await.map_err(|problem| format!("{} could not be fetched: {problem}", uri.value))?;
    }
    Ok(())
}

async fn one(uri: &Uri, sandbox: &Path) -> Result<(), String> {
    let place = Place::find(uri, sandbox)?;
    bring::bring(&uri.value, &place).await?;
    place.finish(uri.is_executable)?;
    if uri.is_extracted && !uri.is_executable {
        unpack::unpack(&place).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
