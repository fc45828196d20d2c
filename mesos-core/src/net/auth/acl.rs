//! Access lists, as Mesos writes them (`docs/authorization.md`), with one difference: what no list allows is forbidden,
//! unless the file says `"permissive": true` itself.
//!
//! ```
//! use mesos_core::net::auth::{Acls, Action, Authorizer};
//! use mesos_core::net::http::Caller;
//!
//! let acls = Acls::parse(
//!     r#"{"register_frameworks": [{"principals": {"values": ["web"]}, "roles": {"values": ["web"]}}]}"#,
//! )?;
//! let web = Caller::of("web".parse().unwrap());
//! assert!(acls.allows(&web, Action::RegisterFramework, Some("web")));
//! assert!(!acls.allows(&web, Action::RegisterFramework, Some("ops")));
//! # Ok::<(), mesos_core::net::auth::InvalidAcls>(())
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Action, Authorizer};
use crate::net::http::Caller;

/// Why a file holds no access lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("access lists: {0}")]
pub struct InvalidAcls(String);

/// Access lists: for each action rules in order, of which the first that speaks of both subject and object decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acls {
    is_permissive: bool,
    rules: BTreeMap<Action, Vec<Rule>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    subjects: Entity,
    objects: Entity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entity {
    Any,
    None,
    Some(BTreeSet<String>),
}

impl Entity {
    /// Whether a rule speaks of `value`; of nothing named, only rules about all speak.
    fn speaks_of(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Any | Self::None, _) => true,
            (Self::Some(values), Some(value)) => values.iter().any(|own| covers(own, value)),
            (Self::Some(_), None) => false,
        }
    }
}

/// A name, or a role and all below it: `eng/%`.
fn covers(pattern: &str, value: &str) -> bool {
    match pattern.strip_suffix("/%") {
        Some(above) => value.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
        None => pattern == value,
    }
}

impl Acls {
    /// Reads JSON or TOML.
    ///
    /// # Errors
    /// Names what cannot be understood: an unknown list would be a rule that nobody applies.
    pub fn parse(text: &str) -> Result<Self, InvalidAcls> {
        let file: Map<String, Value> = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| InvalidAcls(error.to_string()))?
        } else {
            toml::from_str(text).map_err(|error| InvalidAcls(error.to_string()))?
        };
        let mut read = Self::default();
        for (name, value) in file {
            if name == "permissive" {
                read.is_permissive =
                    value.as_bool().ok_or_else(|| InvalidAcls("permissive is true or false".to_owned()))?;
                continue;
            }
            let action = Action::ALL.iter().copied().find(|action| action.name() == name).ok_or_else(|| {
                let known: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
                InvalidAcls(format!("there is no list {name:?}; known are {}", known.join(", ")))
            })?;
            let rules = value.as_array().ok_or_else(|| InvalidAcls(format!("{name} is not a list of rules")))?;
            let rules = rules.iter().enumerate().map(|(n, rule)| {
                read_rule(action, rule).map_err(|what| InvalidAcls(format!("rule {} of {name}: {what}", n + 1)))
            });
            read.rules.insert(action, rules.collect::<Result<_, _>>()?);
        }
        Ok(read)
    }

    /// Whether what no list speaks of is allowed.
    #[must_use]
    pub const fn is_permissive(&self) -> bool {
        self.is_permissive
    }
}

/// What is a framework's is named by whose it is.
const OWNERS: &str = "principals_of_frameworks";
/// Mesos names it by the user it runs as. As long as all or none are meant, that is the same.
const USERS: &str = "users";

fn read_rule(action: Action, rule: &Value) -> Result<Rule, String> {
    let rule = rule.as_object().ok_or("it is no table")?;
    let by_user = action.object() == OWNERS && rule.contains_key(USERS);
    if by_user && rule.contains_key(OWNERS) {
        return Err(format!("{USERS} and {OWNERS} are said both; leave {USERS} out"));
    }
    let objects = if by_user { USERS } else { action.object() };
    if let Some(other) = rule.keys().find(|key| *key != "principals" && *key != objects) {
        return Err(format!("{other:?} is not known; it has principals and {}", action.object()));
    }
    let entity =
        |name: &str| rule.get(name).map_or(Ok(Entity::Any), read_entity).map_err(|what| format!("{name}: {what}"));
    let rule = Rule { subjects: entity("principals")?, objects: entity(objects)? };
    match (by_user, &rule.objects) {
        (true, Entity::Some(_)) => {
            Err(format!("{USERS}: frameworks are told apart by their principals; name those as {OWNERS}"))
        }
        _ => Ok(rule),
    }
}

fn read_entity(entity: &Value) -> Result<Entity, String> {
    const WRITE: &str = "write {\"values\": [\"…\"]}, or {\"type\": \"ANY\"} or {\"type\": \"NONE\"}";
    let entity = entity.as_object().ok_or(WRITE)?;
    let texts = |values: &Value| {
        let values = values.as_array()?.iter();
        values.map(|value| value.as_str().map(str::to_owned)).collect::<Option<BTreeSet<_>>>()
    };
    match (entity.get("type").map(|kind| kind.as_str()), entity.get("values")) {
        (Some(Some("ANY")), None) => Ok(Entity::Any),
        (Some(Some("NONE")), None) => Ok(Entity::None),
        (None | Some(Some("SOME")), Some(values)) => texts(values).map(Entity::Some).ok_or_else(|| WRITE.to_owned()),
        _ => Err(WRITE.to_owned()),
    }
}

impl Authorizer for Acls {
    fn allows(&self, caller: &Caller, action: Action, object: Option<&str>) -> bool {
        let subject = caller.principal.as_ref().map(|principal| principal.as_str());
        let rules = self.rules.get(&action).map_or(&[][..], Vec::as_slice);
        let rule = rules.iter().find(|rule| rule.subjects.speaks_of(subject) && rule.objects.speaks_of(object));
        rule.map_or(self.is_permissive, |rule| rule.subjects != Entity::None && rule.objects != Entity::None)
    }
}
