//! Who may have which path.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use http::Request;

use super::Admission;
use crate::net::auth::{Action, Authorizer};
use crate::net::http::{Caller, Refusal};

/// What a path needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: everybody may have it.
    Nothing,
    /// Its handler judges, by what is asked for.
    Handler,
    /// To do this, to all there is.
    Action(Action),
    /// To read this page.
    Endpoint,
}

/// What each path needs. One that is not named needs [`Needs::Endpoint`]: a path somebody adds is not open by accident.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    exact: BTreeMap<&'static str, Needs>,
    prefixes: Vec<(&'static str, Needs)>,
}

impl Rules {
    /// No path is named.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everybody may have this path.
    #[must_use]
    pub fn open(self, path: &'static str) -> Self {
        self.path(path, Needs::Nothing)
    }

    /// This path needs this.
    #[must_use]
    pub fn path(mut self, path: &'static str, needs: Needs) -> Self {
        self.exact.insert(path, needs);
        self
    }

    /// Paths that begin like this need this.
    #[must_use]
    pub fn prefix(mut self, prefix: &'static str, needs: Needs) -> Self {
        self.prefixes.push((prefix, needs));
        self
    }

    /// What a path needs.
    #[must_use]
    pub fn needs(&self, path: &str) -> Needs {
        let by_prefix = || self.prefixes.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, needs)| *needs);
        self.exact.get(path).copied().or_else(by_prefix).unwrap_or(Needs::Endpoint)
    }

    /// The paths everybody may have.
    pub fn open_paths(&self) -> impl Iterator<Item = &'static str> {
        self.exact.iter().filter(|(_, needs)| **needs == Needs::Nothing).map(|(path, _)| *path)
    }
}

/// Lets through whoever may have a path, and refuses others with 403. Behind [`Authenticate`](super::Authenticate), or
/// everybody is anonymous.
#[derive(Debug, Clone)]
pub struct Authorize {
    authorizer: Arc<dyn Authorizer>,
    rules: Arc<Rules>,
}

impl Authorize {
    /// By these rules.
    #[must_use]
    pub fn new(authorizer: Arc<dyn Authorizer>, rules: Rules) -> Self {
        Self { authorizer, rules: Arc::new(rules) }
    }
}

impl Admission for Authorize {
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Refusal> {
        let nobody = Caller::anonymous();
        let caller = request.extensions().get::<Caller>().unwrap_or(&nobody);
        let path = request.uri().path();
        let judged = match self.rules.needs(path) {
            Needs::Nothing | Needs::Handler => Ok(()),
            Needs::Action(action) => self.authorizer.demand(caller, action, None),
            Needs::Endpoint => self.authorizer.demand(caller, Action::GetEndpoint, Some(path)),
        };
        judged.map_err(|rejection| Refusal::forbidden(rejection.to_string()))
    }
}
