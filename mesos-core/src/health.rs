//! Checks: how an executor finds out whether a task is well, and what else its framework wants to know of it regularly.
//!
//! Data only; checks are run by the executor of the task. Rules and defaults: Apache Mesos, `docs/health-checks.md` and
//! `docs/checks.md`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{CommandInfo, Exit};

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

/// What is looked at regularly for a task's framework to judge; nothing follows from what is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckInfo {
    /// What is tried.
    pub what: Check,
    /// Between the start of the task and the first check.
    pub delay: Duration,
    /// Between the end of a check and the beginning of the next.
    pub interval: Duration,
    /// A check that takes longer has found nothing; zero means that it may take as long as it takes.
    pub timeout: Duration,
}

impl CheckInfo {
    /// With the times of Apache Mesos: a delay of 15 s, then every 10 s, each for up to 20 s.
    #[must_use]
    pub const fn new(what: Check) -> Self {
        let (delay, interval, timeout) = (Duration::from_secs(15), Duration::from_secs(10), Duration::from_secs(20));
        Self { what, delay, interval, timeout }
    }
}

/// What a check found; nothing in it when nothing was found, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckStatus {
    /// With what the command exited.
    Command(Option<i32>),
    /// The status of the answer.
    Http(Option<u16>),
    /// Whether somebody took the connection.
    Tcp(Option<bool>),
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checked {
    /// What was found.
    pub status: CheckStatus,
    /// Why the task is not well by that; nothing when it is.
    pub problem: Option<Arc<str>>,
}

impl Checked {
    /// A command ended, or could not be started: the task is well when it exits with 0.
    #[must_use]
    pub fn by_command(exit: Result<Exit, Arc<str>>) -> Self {
        let (code, problem) = match exit {
            Ok(Exit::Status(0)) => (Some(0), None),
            Ok(exit @ Exit::Status(code)) => (Some(code), Some(exit.to_string().into())),
            Ok(exit) => (None, Some(exit.to_string().into())),
            Err(problem) => (None, Some(problem)),
        };
        Self { status: CheckStatus::Command(code), problem }
    }

    /// The answer came with this status: the task is well when that is from 200 to 399.
    #[must_use]
    pub fn by_http(status: u16) -> Self {
        let problem = (!(200..=399).contains(&status)).then(|| format!("answered with status {status}").into());
        Self { status: CheckStatus::Http(Some(status)), problem }
    }

    /// Somebody took the connection, or why not.
    #[must_use]
    pub fn by_tcp(connected: Result<(), Arc<str>>) -> Self {
        Self { status: CheckStatus::Tcp(Some(connected.is_ok())), problem: connected.err() }
    }

    /// Nothing was found, where [`nothing`](Check::nothing) is this.
    #[must_use]
    pub fn nothing(status: CheckStatus, problem: impl Into<Arc<str>>) -> Self {
        Self { status, problem: Some(problem.into()) }
    }

    /// With these words before those about the problem.
    #[must_use]
    pub fn about(mut self, what: impl fmt::Display) -> Self {
        self.problem = self.problem.map(|problem| format!("{what}: {problem}").into());
        self
    }
}

impl Check {
    /// What is said while nothing is found.
    #[must_use]
    pub const fn nothing(&self) -> CheckStatus {
        match self {
            Self::Command(_) => CheckStatus::Command(None),
            Self::Probe(Probe { question: Question::Gets(_) | Question::GetsOverTls(_), .. }) => {
                CheckStatus::Http(None)
            }
            Self::Probe(Probe { question: Question::Connects, .. }) => CheckStatus::Tcp(None),
        }
    }
}

/// What is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// A command beside the task, in its sandbox.
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
    /// Whether and how `GET` of this path, which begins with `/`, is answered.
    Gets(Arc<str>),
    /// The same over TLS. Whoever answers need not prove who it is.
    GetsOverTls(Arc<str>),
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.is_ipv6 { "[::1]" } else { "127.0.0.1" };
        match &self.question {
            Question::Connects => write!(f, "a connection to {host}:{}", self.port),
            Question::Gets(path) => write!(f, "GET http://{host}:{}{path}", self.port),
            Question::GetsOverTls(path) => write!(f, "GET https://{host}:{}{path}", self.port),
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
        assert_eq!(probe(false, Question::GetsOverTls("/up".into())), "GET https://127.0.0.1:80/up");
    }
}
