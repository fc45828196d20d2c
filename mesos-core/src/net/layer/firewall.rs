//! Paths that answer nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use serde::Deserialize;

use super::Admission;
use crate::net::http::{Refusal, Site};

/// Refuses with 403 what is asked for under the paths that its rules disable, whoever asks and however the path is spelt.
#[derive(Debug, Clone, Default)]
pub struct Firewall {
    disabled: Arc<BTreeSet<String>>,
}

/// As Apache Mesos writes them (`docs/configuration/master-and-agent.md`, `firewall_rules`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    disabled_endpoints: Option<Disabled>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disabled {
    #[serde(default)]
    paths: Vec<String>,
}

impl Firewall {
    /// Reads the rules of Mesos: `{"disabled_endpoints": {"paths": ["/files/browse", "/metrics/snapshot"]}}`.
    ///
    /// # Errors
    /// Says what is wrong with them, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        const RIGHT: &str = r#"write {"disabled_endpoints": {"paths": ["/files/browse", …]}}"#;
        let rules: Rules = serde_json::from_str(text).map_err(|error| format!("{error}; {RIGHT}"))?;
        let paths = rules.disabled_endpoints.map(|disabled| disabled.paths).unwrap_or_default();
        if let Some(wrong) = paths.iter().find(|path| !path.starts_with('/')) {
            return Err(format!("{wrong:?} is no path, which begins with a slash; {RIGHT}"));
        }
        Ok(Self { disabled: Arc::new(paths.into_iter().collect()) })
    }

    /// The same rules for this site, whose paths have several spellings: `/master/state.json` disables `/state`. What it does
    /// not answer anyway is said in the log: the rules may be those of Mesos, which has more paths, or wrong.
    #[must_use]
    pub fn on(&self, site: &Site) -> Self {
        let mut disabled = BTreeSet::new();
        for path in &*self.disabled {
            match site.resolve(path) {
                Some(meant) => {
                    disabled.insert(meant);
                }
                None => tracing::warn!(path, "disabled by --firewall_rules, and there is nothing under it"),
            }
        }
        Self { disabled: Arc::new(disabled) }
    }
}

impl Admission for Firewall {
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Refusal> {
        match self.disabled.contains(request.uri().path()) {
            true => Err(Refusal::new(StatusCode::FORBIDDEN, "this endpoint is disabled by --firewall_rules")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    #[test]
    fn rules_that_are_not_understood_are_refused_and_those_for_other_paths_are_not() {
        assert!(Firewall::parse("{}").unwrap().disabled.is_empty());
        for (wrong, says) in [
            ("", "disabled_endpoints"),
            (r#"{"disabled": {}}"#, "unknown field"),
            (r#"{"disabled_endpoints": {"path": []}}"#, "unknown field"),
            (r#"{"disabled_endpoints": {"paths": ["state"]}}"#, "begins with a slash"),
        ] {
            let refused = Firewall::parse(wrong).unwrap_err();
            assert!(refused.contains(says) && refused.contains("write {"), "{wrong}: {refused}");
        }
        let site = Site::new("master").route("/state", get(async || "all"));
        let rules = Firewall::parse(r#"{"disabled_endpoints": {"paths": ["/profiler/start", "/state"]}}"#).unwrap();
        assert_eq!(*rules.on(&site).disabled, BTreeSet::from(["/state".to_owned()]));
    }

    #[tokio::test]
    async fn a_disabled_path_answers_nobody_however_it_is_spelt() {
        let site = Site::new("master").route("/state", get(async || "all")).route("/health", get(async || "well"));
        let rules = Firewall::parse(r#"{"disabled_endpoints": {"paths": ["/master/state.json"]}}"#).unwrap();
        let firewall = rules.on(&site);
        let site = site.map(|router| router.layer(crate::net::layer::Admit(firewall)));
        for (path, status) in [
            ("/state", 403),
            ("/state.json", 403),
            ("/master/state", 403),
            ("/state/", 403),
            ("/state/more?x=1", 403),
            ("/health", 200),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(site.answer(request).await.status(), status, "{path}");
        }
    }
}
