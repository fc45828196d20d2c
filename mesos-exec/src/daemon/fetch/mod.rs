//! The fetcher: brings what a command names by URI into its sandbox, before the command starts.
//!
//! ```text
//!   uris ─ each in turn ─▶ place (a path inside the sandbox) ─▶ bring (file, http, https) ─▶ executable, or unpacked
//!                                                                 └─ cache, if it may be kept
//! ```
//!
//! What it does with a URI, and where it puts it, is as in Apache Mesos (`docs/fetcher.md`). Nothing is ever written outside
//! the sandbox, whatever a URI or an archive says: files are made where there are none, below folders that are followed to
//! their real place, and archives are unpacked by programs of the system that run as the owner of the sandbox. Files of the
//! machine are read as that owner, too. What comes, and what comes out of it, is bounded: an archive that grows beyond that
//! ends its container before it starts.

mod bring;
mod budget;
mod cache;
#[cfg(all(feature = "net", any(test, fuzzing)))]
pub(super) mod decoders;
mod place;
mod program;
pub(super) mod shown;
mod unpack;

use std::io;
use std::path::{Path, PathBuf};

use mesos_core::container::Uri;

use self::bring::bring;
use self::budget::Budget;
use self::cache::Cache;
use self::place::Place;

/// How an agent fetches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetcherOptions {
    /// Where what may be kept for later containers is kept; without one everything is fetched anew. Its content does not
    /// outlive the agent's process.
    pub cache_dir: Option<PathBuf>,
    /// The most that is kept, in bytes. What is used least recently goes first.
    pub cache_bytes_max: u64,
    /// The most that one container's sandbox may hold when everything is fetched and unpacked, in bytes.
    pub bytes_max: u64,
}

impl Default for FetcherOptions {
    /// No cache; 64 GiB for a container.
    fn default() -> Self {
        Self { cache_dir: None, cache_bytes_max: 2 << 30, bytes_max: 64 << 30 }
    }
}

/// Fetches for the containers of one agent.
#[derive(Debug)]
pub(super) struct Fetcher {
    cache: Option<Cache>,
    budget: Budget,
}

impl Fetcher {
    /// An empty cache: what an earlier run left is removed.
    ///
    /// # Errors
    /// When the cache's folder cannot be made.
    pub(super) fn new(options: &FetcherOptions) -> io::Result<Self> {
        let cache =
            options.cache_dir.as_ref().map(|folder| Cache::open(folder, options.cache_bytes_max)).transpose()?;
        Ok(Self { cache, budget: Budget { bytes_max: options.bytes_max } })
    }

    /// Brings everything; what was wrong with the first that cannot be had.
    ///
    /// # Errors
    /// A sentence that names the URI, without the secrets in it.
    pub(super) async fn fetch(&self, uris: &[Uri], sandbox: &Path) -> Result<(), String> {
        for uri in uris {
            let fetched = self.one(uri, sandbox).await;
            fetched.map_err(|problem| format!("{} could not be fetched: {problem}", shown::shown(&uri.value)))?;
        }
        Ok(())
    }

    async fn one(&self, uri: &Uri, sandbox: &Path) -> Result<(), String> {
        let place = Place::find(uri, sandbox)?;
        match self.cache.as_ref().filter(|_| uri.is_cached) {
            Some(cache) => {
                let kept = cache.get(&uri.value, &place, &self.budget).await?;
                bring::copy(kept.path(), place.create()?, self.budget.bytes_max).await?;
            }
            None => bring(&uri.value, &place, place.create()?, &place.path, &self.budget).await?,
        }
        self.budget.check(&place.sandbox).await?;
        place.finish(uri.is_executable)?;
        if uri.is_extracted && !uri.is_executable {
            unpack::unpack(&place, &self.budget).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
