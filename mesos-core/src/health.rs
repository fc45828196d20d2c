//! Health checks: how an executor finds out whether a task is well.
//!
//! Data only; checks are run by the executor of the task. Rules and defaults: Apache Mesos, `docs/health-checks.md`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::CommandInfo;

/// How it is found out whether a task is well, and when it is ended for not being so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthCheck {
    /// What is tried.
    pub what: Check,
    /// Between the start of the task and the first check.
    pub delay: Duration,
    /// Between the end of a check and the beginning of the next.
    pub interval: Duration,
    /// A check that takes longer has failed; zero means that it may take as long as it takes.
    pub timeout: Duration,
    /// Failures this soon after the start of the task do not count, until the first success.
    pub grace: Duration,
    /// So many failures in a row end the task; at least one.
    pub failures_max: u32,
}

impl HealthCheck {
    /// With the times of Apache Mesos: a delay of 15 s, then every 10 s, each for up to 20 s, after 10 s of grace; three
    /// failures end the task.
    #[must_use]
    pub const fn new(what: Check) -> Self {
        Self {
            what,
            delay: Duration::from_secs(15),
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(20),
            grace: Duration::from_secs(10),
            failures_max: 3,
        }
    }
}

/// What is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// A command beside the task, in its sandbox; the task is well when it exits with 0.
    Command(Box<CommandInfo>),
    /// A question to one of its ports.
    Probe(Probe),
}

/// A question to a port of a task, at the address its own machine has for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The port.
    pub port: u16,
    /// At `::1` instead of `127.0.0.1`.
    #[serde(default)]
    pub is_ipv6: bool,
    /// What is asked.
    pub question: Question,
}

/// What is asked of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Question {
    /// Whether somebody takes connections.
    Connects,
    /// Whether `GET` of this path, which begins with `/`, is answered with a status from 200 to 399.
    Gets(Arc<str>),
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.is_ipv6 { "[::1]" } else { "127.0.0.1" };
        match &self.question {
            Question::Connects => write!(f, "a connection to {host}:{}", self.port),
            Question::Gets(path) => write!(f, "GET http://{host}:{}{path}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_reads_as_what_it_does() {
        let probe = |is_ipv6, question| Probe { port: 80, is_ipv6, question }.to_string();
        assert_eq!(probe(false, Question::Connects), "a connection to 127.0.0.1:80");
        assert_eq!(probe(true, Question::Gets("/up".into())), "GET http://[::1]:80/up");
    }
}
