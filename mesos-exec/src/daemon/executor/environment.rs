//! Who an executor is and where its agent is: what the agent sets in the environment of its process.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::daemon::{SystemClock, entropy};
use mesos_core::{Clock, ExecutorId, FrameworkId};

use crate::agent::environment::TRANSPORT_VARIABLE;
use crate::daemon::agent::TOKEN_VARIABLE;
use crate::daemon::client::Transport;
use crate::driver::Options;

/// Who an executor is and where its agent is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecutorSetup {
    /// Whose executor it is.
    pub framework_id: FrameworkId,
    /// Which one.
    pub executor_id: ExecutorId,
    /// Where its agent listens, as `host:port`.
    pub endpoint: Arc<str>,
    /// What proves who it is.
    pub(super) token: Option<Token>,
    /// How it speaks with its agent.
    pub transport: Transport,
    /// How it behaves.
    pub options: Options,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The seed of its randomness, by which its updates get their ids too: whoever runs two executors from clones of one
    /// setup gives the second another seed, or its updates are taken for repetitions.
    pub seed: u64,
}

/// What never prints.
#[derive(Clone)]
pub(super) struct Token(pub(super) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A variable an agent sets is missing or unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {name}: {problem}; executors are started by an agent, which sets it")]
pub struct EnvironmentError {
    /// Which.
    pub name: &'static str,
    /// What is wrong.
    pub problem: String,
}

impl ExecutorSetup {
    /// An executor without checkpoints, with default options.
    #[must_use]
    pub fn new(framework_id: FrameworkId, executor_id: ExecutorId, endpoint: impl Into<Arc<str>>) -> Self {
        Self {
            framework_id,
            executor_id,
            endpoint: endpoint.into(),
            token: None,
            transport: Transport::default(),
            options: Options::default(),
            clock: Arc::new(SystemClock::new()),
            seed: entropy(),
        }
    }

    /// What the agent set in the environment of this process. What proves who it is stays there, since no process can change
    /// its environment safely while other threads may read it: start children of your own with
    /// [`without_credentials`](Self::without_credentials). Those in containers of the agent never find it.
    ///
    /// # Errors
    /// Names the variable that is missing or unreadable.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::read(|name| env::var(name).ok())
    }

    /// Sees that a program an executor starts does not find what would let it speak for the executor.
    ///
    /// ```no_run
    /// # use mesos_exec::daemon::ExecutorSetup;
    /// let mut command = std::process::Command::new("true");
    /// ExecutorSetup::without_credentials(&mut command).spawn()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn without_credentials(command: &mut Command) -> &mut Command {
        command.env_remove(TOKEN_VARIABLE)
    }

    fn read(get: impl Fn(&'static str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let need = |name| get(name).ok_or_else(|| EnvironmentError { name, problem: "it is not set".into() });
        let wrong = |name, problem: String| EnvironmentError { name, problem };
        let framework_id = need("MESOS_FRAMEWORK_ID")?;
        let framework_id = FrameworkId::new(framework_id).map_err(|e| wrong("MESOS_FRAMEWORK_ID", e.to_string()))?;
        let executor_id = need("MESOS_EXECUTOR_ID")?;
        let executor_id = ExecutorId::new(executor_id).map_err(|e| wrong("MESOS_EXECUTOR_ID", e.to_string()))?;
        let mut setup = Self::new(framework_id, executor_id, need("MESOS_AGENT_ENDPOINT")?);
        let time = |name: &'static str, default: Duration| match get(name) {
            None => Ok(default),
            Some(text) => duration(&text).ok_or_else(|| wrong(name, format!("{text:?} is no time such as 5secs"))),
        };
        let options = &mut setup.options;
        options.checkpoint = get("MESOS_CHECKPOINT").as_deref() == Some("1");
        options.recovery_timeout = time("MESOS_RECOVERY_TIMEOUT", options.recovery_timeout)?;
        options.backoff_max = time("MESOS_SUBSCRIPTION_BACKOFF_MAX", options.backoff_max)?;
        options.shutdown_grace = time("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", options.shutdown_grace)?;
        setup.token = get(TOKEN_VARIABLE).map(Token);
        setup.transport = match get(TRANSPORT_VARIABLE).as_deref() {
            None | Some("http") => Transport::Http,
            Some("grpc") => Transport::Grpc,
            Some(other) => return Err(wrong(TRANSPORT_VARIABLE, format!("{other:?} is neither http nor grpc"))),
        };
        Ok(setup)
    }
}

/// A time as agents write it: `5secs`, `1.5mins`.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..end].parse().ok()?;
    let unit = match &text[end..] {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "secs" => 1.0,
        "mins" => 60.0,
        "hrs" => 3_600.0,
        "days" => 86_400.0,
        "weeks" => 604_800.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<ExecutorSetup, EnvironmentError> {
        ExecutorSetup::read(|name| pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
    }

    const WHO: [(&str, &str); 3] =
        [("MESOS_FRAMEWORK_ID", "f1"), ("MESOS_EXECUTOR_ID", "e1"), ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051")];

    #[test]
    fn an_executor_finds_everything_in_its_environment() {
        let more = [
            ("MESOS_CHECKPOINT", "1"),
            ("MESOS_RECOVERY_TIMEOUT", "15mins"),
            ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "1.5secs"),
            ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "sesame"),
            ("MESOS_EXECUTOR_TRANSPORT", "grpc"),
        ];
        let setup = read(&[&WHO[..], &more].concat()).unwrap();
        assert!(setup.options.checkpoint);
        assert_eq!(setup.options.recovery_timeout, Duration::from_secs(900));
        assert_eq!(setup.options.shutdown_grace, Duration::from_millis(1_500));
        assert!(!format!("{setup:?}").contains("sesame"), "a secret never prints");
        assert_eq!(setup.transport, Transport::Grpc);
        let bare = read(&WHO).unwrap();
        assert_eq!((bare.options.checkpoint, bare.transport), (false, Transport::Http));
    }

    #[test]
    fn a_program_an_executor_starts_does_not_find_what_proves_who_that_is() {
        let environment = |change: fn(&mut Command) -> &mut Command| {
            let mut command = Command::new("env");
            // As if it were inherited.
            command.env(TOKEN_VARIABLE, "sesame").env("OTHER", "stays");
            String::from_utf8(change(&mut command).output().unwrap().stdout).unwrap()
        };
        let (before, after) = (environment(|command| command), environment(ExecutorSetup::without_credentials));
        assert!(before.contains("sesame"));
        assert!(!after.contains("sesame") && after.contains("OTHER=stays"), "{after}");
    }

    #[test]
    fn what_is_missing_or_unreadable_is_named() {
        for (name, _) in WHO {
            let rest: Vec<_> = WHO.into_iter().filter(|(own, _)| *own != name).collect();
            assert_eq!(read(&rest).unwrap_err().name, name);
        }
        for wrong in [("MESOS_RECOVERY_TIMEOUT", "soon"), ("MESOS_EXECUTOR_TRANSPORT", "pigeons")] {
            let bad = [&WHO[..], &[wrong]].concat();
            assert_eq!(read(&bad).unwrap_err().name, wrong.0);
        }
    }
}
