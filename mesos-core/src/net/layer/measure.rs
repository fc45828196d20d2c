//! Counts of requests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;

use super::Observation;
use crate::net::http::Response;

/// Paths that are told apart; what comes beyond is counted together, because peers choose paths.
const PATHS_MAX: usize = 64;
/// Under which.
const OTHERS: &str = "other";

/// Requests of one path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathTotals {
    /// Answers by the first digit of their status.
    pub by_class: [u64; 6],
    /// Until answers began, in all.
    pub took: Duration,
}

/// What was counted so far, by path. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct RequestTotals {
    by_path: Arc<Mutex<BTreeMap<String, PathTotals>>>,
    unanswered: Arc<AtomicU64>,
}

/// A request without an answer, until one begins or its peer has gone away.
#[derive(Debug)]
pub struct Unanswered(Arc<AtomicU64>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RequestTotals {
    /// As it is.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, PathTotals> {
        self.by_path.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests that have no answer yet.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    fn begin(&self) -> Unanswered {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        Unanswered(self.unanswered.clone())
    }

    fn count(&self, path: String, status: u16, took: Duration) {
        let mut totals = self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
        let path = if totals.len() < PATHS_MAX || totals.contains_key(&path) { path } else { OTHERS.to_owned() };
        let of_path = totals.entry(path).or_default();
        of_path.by_class[usize::from(status / 100).min(5)] += 1;
        of_path.took += took;
    }
}

/// Counts requests.
#[derive(Debug, Clone, Default)]
pub struct Measure(RequestTotals);

impl Measure {
    /// Counts into these.
    #[must_use]
    pub const fn into(totals: RequestTotals) -> Self {
        Self(totals)
    }
}

impl Observation for Measure {
    type Note = (String, Instant, Unanswered);

    fn begin(&self, request: &Request<Body>) -> Self::Note {
        (request.uri().path().to_owned(), Instant::now(), self.0.begin())
    }

    fn end(&self, (path, began, _): Self::Note, response: &Response) {
        // Nobody makes a path known by asking for what is not there.
        let path = if response.status() == http::StatusCode::NOT_FOUND { OTHERS.to_owned() } else { path };
        self.0.count(path, response.status().as_u16(), began.elapsed());
    }
}
