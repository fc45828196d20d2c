//! Checks: of health, and of whatever else a framework wants to know of a task.

use std::sync::Arc;
use std::time::Duration;

use super::required;
use crate::container::CommandInfo;
use crate::error::{Rejection, RejectionCode};
use crate::health::{Check, CheckInfo, CheckStatus, HealthCheck, Probe, Question};
use crate::wire::v1;
use v1::check_info::{self, Type as CheckType};
use v1::check_status_info as status_info;
use v1::health_check::{HttpCheckInfo, TcpCheckInfo, Type};
use v1::network_info::Protocol;

const CODE: RejectionCode = RejectionCode::InvalidTask;
/// What messages call the two.
const HEALTH: &str = "the health check";
const OTHER: &str = "the check";

fn wrong(what: impl Into<String>, remedy: &str) -> Rejection {
    Rejection::new(CODE, what, remedy)
}

fn seconds(of: &str, name: &str, seconds: f64) -> Result<Duration, Rejection> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| wrong(format!("{name} of {of} is {seconds}"), "give seconds that are not negative"))
}

fn port(of: &str, port: u32) -> Result<u16, Rejection> {
    let read = u16::try_from(port).ok().filter(|port| *port > 0);
    read.ok_or_else(|| wrong(format!("{of} asks port {port}"), "give a port from 1 to 65535"))
}

fn connects(of: &str, asked: u32, is_ipv6: bool) -> Result<Check, Rejection> {
    Ok(Check::Probe(Probe { port: port(of, asked)?, is_ipv6, question: Question::Connects }))
}

fn gets(
    of: &str,
    asked: u32,
    is_ipv6: bool,
    path: Option<&str>,
    question: fn(Arc<str>) -> Question,
) -> Result<Check, Rejection> {
    let path = path.unwrap_or("/");
    if !path.starts_with('/') || path.contains(|c: char| c.is_ascii_control() || c == ' ') {
        let what = format!("{of} asks for the path {path:?}");
        return Err(wrong(what, "give a path that begins with '/', with spaces escaped"));
    }
    Ok(Check::Probe(Probe { port: port(of, asked)?, is_ipv6, question: question(path.into()) }))
}

fn command(command: v1::CommandInfo) -> Result<Check, Rejection> {
    Ok(Check::Command(Box::new(CommandInfo::try_from(command)?)))
}

fn untyped(of: &str) -> Rejection {
    wrong(format!("{of} has no type"), "set type to COMMAND, HTTP or TCP")
}

impl TryFrom<v1::HealthCheck> for HealthCheck {
    type Error = Rejection;

    fn try_from(check: v1::HealthCheck) -> Result<Self, Rejection> {
        let what = match check.r#type() {
            Type::Command => command(required(check.command.clone(), "command of the health check", CODE)?)?,
            Type::Http => {
                let http: HttpCheckInfo = required(check.http.clone(), "http of the health check", CODE)?;
                let question = match http.scheme.as_deref() {
                    None | Some("http") => Question::Gets,
                    Some("https") => Question::GetsOverTls,
                    Some(other) => {
                        return Err(wrong(format!("{HEALTH} has the scheme {other:?}"), "set scheme to http or https"));
                    }
                };
                gets(HEALTH, http.port, http.protocol() == Protocol::IPv6, http.path.as_deref(), question)?
            }
            Type::Tcp => {
                let tcp = required(check.tcp, "tcp of the health check", CODE)?;
                connects(HEALTH, tcp.port, tcp.protocol() == Protocol::IPv6)?
            }
            Type::Unknown => return Err(untyped(HEALTH)),
        };
        let mut read = Self::new(what);
        read.delay = seconds(HEALTH, "delay_seconds", check.delay_seconds())?;
        read.interval = seconds(HEALTH, "interval_seconds", check.interval_seconds())?;
        read.timeout = seconds(HEALTH, "timeout_seconds", check.timeout_seconds())?;
        read.grace = seconds(HEALTH, "grace_period_seconds", check.grace_period_seconds())?;
        read.failures_max = check.consecutive_failures().max(1);
        Ok(read)
    }
}

impl From<&HealthCheck> for v1::HealthCheck {
    fn from(check: &HealthCheck) -> Self {
        let mut written = Self {
            delay_seconds: Some(check.delay.as_secs_f64()),
            interval_seconds: Some(check.interval.as_secs_f64()),
            timeout_seconds: Some(check.timeout.as_secs_f64()),
            grace_period_seconds: Some(check.grace.as_secs_f64()),
            consecutive_failures: Some(check.failures_max),
            ..Default::default()
        };
        match &check.what {
            Check::Command(command) => {
                written.set_type(Type::Command);
                written.command = Some((&**command).into());
            }
            Check::Probe(Probe { port, is_ipv6, question }) => {
                let (port, protocol) = (u32::from(*port), is_ipv6.then_some(Protocol::IPv6.into()));
                match question {
                    Question::Connects => {
                        written.set_type(Type::Tcp);
                        written.tcp = Some(TcpCheckInfo { port, protocol });
                    }
                    Question::Gets(path) | Question::GetsOverTls(path) => {
                        written.set_type(Type::Http);
                        let scheme = matches!(question, Question::GetsOverTls(_)).then(|| "https".to_owned());
                        let path = Some((**path).to_owned());
                        written.http = Some(HttpCheckInfo { port, protocol, path, scheme, ..Default::default() });
                    }
                }
            }
        }
        written
    }
}

impl TryFrom<v1::CheckInfo> for CheckInfo {
    type Error = Rejection;

    fn try_from(check: v1::CheckInfo) -> Result<Self, Rejection> {
        let what = match check.r#type() {
            CheckType::Command => command(required(check.command.clone(), "command of the check", CODE)?.command)?,
            CheckType::Http => {
                let http = required(check.http.clone(), "http of the check", CODE)?;
                gets(OTHER, http.port, false, http.path.as_deref(), Question::Gets)?
            }
            CheckType::Tcp => connects(OTHER, required(check.tcp, "tcp of the check", CODE)?.port, false)?,
            CheckType::Unknown => return Err(untyped(OTHER)),
        };
        let mut read = Self::new(what);
        read.delay = seconds(OTHER, "delay_seconds", check.delay_seconds())?;
        read.interval = seconds(OTHER, "interval_seconds", check.interval_seconds())?;
        read.timeout = seconds(OTHER, "timeout_seconds", check.timeout_seconds())?;
        Ok(read)
    }
}

impl From<&CheckInfo> for v1::CheckInfo {
    fn from(check: &CheckInfo) -> Self {
        let mut written = Self {
            delay_seconds: Some(check.delay.as_secs_f64()),
            interval_seconds: Some(check.interval.as_secs_f64()),
            timeout_seconds: Some(check.timeout.as_secs_f64()),
            ..Default::default()
        };
        match &check.what {
            Check::Command(command) => {
                written.set_type(CheckType::Command);
                written.command = Some(check_info::Command { command: (&**command).into() });
            }
            Check::Probe(Probe { port, question: Question::Connects, .. }) => {
                written.set_type(CheckType::Tcp);
                written.tcp = Some(check_info::Tcp { port: u32::from(*port) });
            }
            Check::Probe(Probe { port, question: Question::Gets(path) | Question::GetsOverTls(path), .. }) => {
                written.set_type(CheckType::Http);
                written.http = Some(check_info::Http { port: u32::from(*port), path: Some((**path).to_owned()) });
            }
        }
        written
    }
}

impl From<CheckStatus> for v1::CheckStatusInfo {
    fn from(status: CheckStatus) -> Self {
        let mut written = Self::default();
        match status {
            CheckStatus::Command(exit_code) => {
                written.set_type(CheckType::Command);
                written.command = Some(status_info::Command { exit_code });
            }
            CheckStatus::Http(status) => {
                written.set_type(CheckType::Http);
                written.http = Some(status_info::Http { status_code: status.map(u32::from) });
            }
            CheckStatus::Tcp(succeeded) => {
                written.set_type(CheckType::Tcp);
                written.tcp = Some(status_info::Tcp { succeeded });
            }
        }
        written
    }
}

/// What a check found; of a kind that is not known, nothing.
pub(super) fn check_status_from_wire(status: v1::CheckStatusInfo) -> Option<CheckStatus> {
    Some(match status.r#type() {
        CheckType::Command => CheckStatus::Command(status.command.and_then(|command| command.exit_code)),
        CheckType::Http => {
            let code = status.http.and_then(|http| http.status_code);
            CheckStatus::Http(code.and_then(|code| u16::try_from(code).ok()))
        }
        CheckType::Tcp => CheckStatus::Tcp(status.tcp.and_then(|tcp| tcp.succeeded)),
        CheckType::Unknown => return None,
    })
}
