//! Names and secrets, in the files of Mesos.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Secret;
use crate::id::Principal;
use crate::net::tls::Part;

/// Why a file holds no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write {{\"credentials\": [{{\"principal\": \"name\", \"secret\": \"…\"}}]}}, or lines of a name and a secret"
)]
pub struct InvalidCredentials(String);

/// Who has which secret, and what kind of part each is.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    by_principal: BTreeMap<Principal, (Secret, Part)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    credentials: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    principal: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    part: Option<String>,
}

impl Credentials {
    /// Reads them as Mesos does: JSON, or lines of a principal and a secret. In JSON an entry may say what `part` somebody
    /// is: `framework`, which is the default, `operator` or `agent`.
    ///
    /// # Errors
    /// Says what is wrong, without any secret.
    pub fn parse(text: &str) -> Result<Self, InvalidCredentials> {
        let entries = if text.trim_start().starts_with('{') {
            // The parser's own words might quote the text.
            serde_json::from_str::<File>(text)
                .map_err(|error| InvalidCredentials(format!("line {}, column {}", error.line(), error.column())))?
                .credentials
        } else {
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .enumerate()
                .map(|(n, line)| entry(n, line))
                .collect::<Result<_, _>>()?
        };
        let mut read = Self::default();
        for (n, Entry { principal, secret, part }) in entries.into_iter().enumerate() {
            let refuse = |what: &str| InvalidCredentials(format!("credential {}: {what}", n + 1));
            let principal = Principal::new(principal).map_err(|error| refuse(&error.to_string()))?;
            if secret.is_empty() {
                return Err(refuse("the secret is empty"));
            }
            let part = match part.as_deref() {
                None => Part::Framework,
                Some(name) => Part::ALL
                    .into_iter()
                    .find(|part| part.name() == name && *part != Part::Master)
                    .ok_or_else(|| refuse("part is framework, operator or agent"))?,
            };
            read.add(principal, Secret::new(secret.into_bytes()), part);
        }
        Ok(read)
    }

    /// Adds somebody, in place of whoever had the name.
    pub fn add(&mut self, principal: Principal, secret: Secret, part: Part) {
        self.by_principal.insert(principal, (secret, part));
    }

    /// Who somebody is that says this name and secret.
    #[must_use]
    pub fn verify(&self, principal: &str, secret: &[u8]) -> Option<(Principal, Part)> {
        let found = self.by_principal.get_key_value(principal);
        // A name nobody has takes as long as one that somebody has.
        let nobody = Secret::new(*b"nobody has this");
        let known = found.map_or(&nobody, |(_, (known, _))| known);
        let is_right = known.matches(secret);
        found.filter(|_| is_right).map(|(principal, (_, part))| (principal.clone(), *part))
    }
}

fn entry(n: usize, line: &str) -> Result<Entry, InvalidCredentials> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(principal), Some(secret), None) => {
            Ok(Entry { principal: principal.to_owned(), secret: secret.to_owned(), part: None })
        }
        _ => Err(InvalidCredentials(format!("line {} is not a name and a secret", n + 1))),
    }
}
