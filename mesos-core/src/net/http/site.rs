//! Which paths are known, and the rules by which others mean one of them.
//!
//! As in Mesos the longest known prefix of a path answers (`/api/v1/operator` is `/api/v1`), a trailing slash means nothing,
//! and the name of the process in front may be said or left out (`/master/state` is `/state`). Names of old end in `.json`.
//! Paths are known only by being routed, so that rules and routes cannot disagree.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::MethodRouter;
use http::uri::{PathAndQuery, Uri};
use http::{Request, StatusCode};
use tower::ServiceExt;

use super::{Refusal, Response};

/// What a server answers.
#[derive(Debug, Clone)]
pub struct Site {
    router: Router,
    rules: Rules,
}

/// The path and query as they were asked for, in the extensions of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalPath(pub String);

#[derive(Debug, Clone)]
struct Rules {
    /// The process's name, for example `master`.
    process: Arc<str>,
    known: Arc<BTreeSet<String>>,
    /// Of these nothing longer is meant.
    exact: Arc<BTreeSet<String>>,
}

impl Site {
    /// A site of a process of this name: `master`, or `slave(1)`.
    #[must_use]
    pub fn new(process: &str) -> Self {
        let router = Router::new().fallback(async || Refusal::not_found("there is nothing under this path"));
        let rules = Rules { process: process.into(), known: Arc::default(), exact: Arc::default() };
        Self { router, rules }
    }

    /// Answers a path and, by the rules, longer ones.
    ///
    /// # Panics
    /// When the path is routed twice, or does not begin with a slash.
    #[must_use]
    pub fn route(mut self, path: &str, method: MethodRouter) -> Self {
        self.router = self.router.route(path, with_allow(method));
        Arc::make_mut(&mut self.rules.known).insert(path.to_owned());
        self
    }

    /// Answers a path, but nothing longer.
    ///
    /// # Panics
    /// As [`route`](Self::route).
    #[must_use]
    pub fn route_exactly(mut self, path: &str, method: MethodRouter) -> Self {
        Arc::make_mut(&mut self.rules.exact).insert(path.to_owned());
        self.route(path, method)
    }

    /// Wraps the routes, for example in layers. What wraps them sees the paths that are meant, not the spelling.
    #[must_use]
    pub fn map(mut self, wrap: impl FnOnce(Router) -> Router) -> Self {
        self.router = wrap(self.router);
        self
    }

    /// Says under `/help` which paths there are, as JSON of the shape of Mesos. Those that are added later are not among
    /// them.
    #[must_use]
    pub fn with_help(self) -> Self {
        let endpoint = |path: &str| serde_json::json!({"name": path, "text": ""});
        let endpoints: Vec<_> = self.paths().chain(["/help"]).map(endpoint).collect();
        let process = serde_json::json!({"id": &*self.rules.process, "endpoints": endpoints});
        let text = serde_json::json!({"processes": [process]}).to_string();
        self.route("/help", axum::routing::get(move || async move { super::answer_json(text) }))
    }

    /// The paths it answers.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.rules.known.iter().map(String::as_str)
    }

    /// The path that is meant, if any is known.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<String> {
        self.rules.resolve(path)
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let request = self.rules.rewrite(request);
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

fn with_allow(method: MethodRouter) -> MethodRouter {
    method.fallback(async || Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes other methods; see Allow"))
}

impl Rules {
    fn rewrite(&self, mut request: Request<Body>) -> Request<Body> {
        let original = request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        let uri = self.resolve(request.uri().path()).and_then(|path| {
            let meant = match request.uri().query() {
                Some(query) => format!("{path}?{query}"),
                None => path,
            };
            Uri::try_from(meant).ok()
        });
        if let Some(uri) = uri {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(OriginalPath(original));
        request
    }

    fn resolve(&self, path: &str) -> Option<String> {
        let whole = path.trim_end_matches('/');
        // Parentheses may come as they are or escaped.
        let whole = whole.replace("%28", "(").replace("%29", ")");
        let within = whole.strip_prefix('/').and_then(|path| path.strip_prefix(&*self.process));
        match within {
            Some("") => self.known("/"),
            Some(within) if within.starts_with('/') => self.longest(within),
            _ if whole.is_empty() => self.known("/"),
            _ => self.longest(&whole),
        }
    }

    fn known(&self, path: &str) -> Option<String> {
        self.known.contains(path).then(|| path.to_owned())
    }

    fn longest(&self, path: &str) -> Option<String> {
        let mut candidate = path;
        while !candidate.is_empty() {
            let is_whole = candidate.len() == path.len();
            let named = [candidate, candidate.strip_suffix(".json").unwrap_or(candidate)];
            for name in named {
                if self.known.contains(name) && (is_whole || !self.exact.contains(name)) {
                    return Some(name.to_owned());
                }
            }
            candidate = &candidate[..candidate.rfind('/').unwrap_or(0)];
        }
        None
    }
}
