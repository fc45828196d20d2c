//! Health checks.

use std::time::Duration;

use super::{required, unsupported};
use crate::container::CommandInfo;
use crate::error::{Rejection, RejectionCode};
use crate::health::{Check, HealthCheck, Probe, Question};
use crate::wire::v1;
use v1::health_check::{HttpCheckInfo, TcpCheckInfo, Type};
use v1::network_info::Protocol;

fn wrong(what: impl Into<String>, remedy: &str) -> Rejection {
    Rejection::new(RejectionCode::InvalidTask, what, remedy)
}

fn seconds(name: &str, seconds: f64) -> Result<Duration, Rejection> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| wrong(format!("{name} of the health check is {seconds}"), "give seconds that are not negative"))
}

fn port(port: u32) -> Result<u16, Rejection> {
    let read = u16::try_from(port).ok().filter(|port| *port > 0);
    read.ok_or_else(|| wrong(format!("the health check asks port {port}"), "give a port from 1 to 65535"))
}

impl TryFrom<v1::HealthCheck> for HealthCheck {
    type Error = Rejection;

    fn try_from(check: v1::HealthCheck) -> Result<Self, Rejection> {
        const CODE: RejectionCode = RejectionCode::InvalidTask;
        let what = match check.r#type() {
            Type::Command => {
                let command = required(check.command.clone(), "command of the health check", CODE)?;
                Check::Command(Box::new(CommandInfo::try_from(command)?))
            }
            Type::Http => Check::Probe(http(required(check.http.clone(), "http of the health check", CODE)?)?),
            Type::Tcp => {
                let tcp = required(check.tcp, "tcp of the health check", CODE)?;
                let is_ipv6 = tcp.protocol() == Protocol::IPv6;
                Check::Probe(Probe { port: port(tcp.port)?, is_ipv6, question: Question::Connects })
            }
            Type::Unknown => return Err(wrong("the health check has no type", "set type to COMMAND, HTTP or TCP")),
        };
        let mut read = Self::new(what);
        read.delay = seconds("delay_seconds", check.delay_seconds())?;
        read.interval = seconds("interval_seconds", check.interval_seconds())?;
        read.timeout = seconds("timeout_seconds", check.timeout_seconds())?;
        read.grace = seconds("grace_period_seconds", check.grace_period_seconds())?;
        read.failures_max = check.consecutive_failures().max(1);
        Ok(read)
    }
}

fn http(http: HttpCheckInfo) -> Result<Probe, Rejection> {
    if http.scheme.as_deref().is_some_and(|scheme| scheme != "http") {
        return Err(unsupported("a health check by https", "check by http or tcp, or by a command"));
    }
    let path = http.path.as_deref().unwrap_or("/");
    if !path.starts_with('/') || path.contains(|c: char| c.is_ascii_control() || c == ' ') {
        let what = format!("the health check asks for the path {path:?}");
        return Err(wrong(what, "give a path that begins with '/', with spaces escaped"));
    }
    let is_ipv6 = http.protocol() == Protocol::IPv6;
    Ok(Probe { port: port(http.port)?, is_ipv6, question: Question::Gets(path.into()) })
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
                    Question::Gets(path) => {
                        written.set_type(Type::Http);
                        let path = Some((**path).to_owned());
                        written.http = Some(HttpCheckInfo { port, protocol, path, ..Default::default() });
                    }
                }
            }
        }
        written
    }
}
