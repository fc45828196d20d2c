//! What executors' processes find in their environment.
//!
//! The names are those of Apache Mesos, `docs/executor-http-api.md` and `src/slave/slave.cpp` (`executorEnvironment`).
//! Besides these the host says what [every container](mesos_core::ContainerSpec::furnish) is told and hands executors their
//! credentials, and the containerizer says where the sandbox is.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::CommandInfo;

use super::book::ExecutorRef;
use super::{Agent, ExecutorTransport};

/// Says how an executor of this SDK speaks with its agent: `http`, which is what it does when nothing is said, or `grpc`. Set by
/// agents that are told so, and by whoever describes the executor's command, who has the last word.
pub(crate) const TRANSPORT_VARIABLE: &str = "MESOS_EXECUTOR_TRANSPORT";

impl Agent {
    /// Whom a command runs as, unless it says so itself.
    pub(super) fn default_user(&self, executor: ExecutorRef, command: &mut CommandInfo) {
        if command.user.is_none() {
            let info = self.book.framework(executor.framework).and_then(|framework| framework.info.as_ref());
            command.user = info.map(|info| info.user.clone()).filter(|user| !user.is_empty());
        }
    }

    /// What an executor's process finds, whatever it says itself: by these it finds its agent and knows who it is.
    pub(super) fn executor_environment(&self, executor: ExecutorRef, command: &mut CommandInfo) {
        self.default_user(executor, command);
        let is_checkpointed =
            self.book.framework(executor.framework).is_some_and(|framework| framework.is_checkpointed);
        if self.options.executor_transport == ExecutorTransport::Grpc {
            // Whoever describes the executor knows what it can.
            command.environment.entry(TRANSPORT_VARIABLE.into()).or_insert_with(|| "grpc".into());
        }
        let mut set = |name: &str, value: Arc<str>| drop(command.environment.insert(name.into(), value));
        set("MESOS_FRAMEWORK_ID", self.book.framework_id(executor.framework).shared());
        set("MESOS_EXECUTOR_ID", self.book.executor_id(executor).shared());
        if let Some(agent_id) = &self.id {
            set("MESOS_SLAVE_ID", agent_id.shared());
            set("MESOS_AGENT_ID", agent_id.shared());
        }
        if let Some(endpoint) = &self.options.endpoint {
            set("MESOS_SLAVE_PID", format!("slave(1)@{endpoint}").into());
            set("MESOS_AGENT_ENDPOINT", endpoint.clone());
        }
        set("MESOS_CHECKPOINT", if is_checkpointed { "1" } else { "0" }.into());
        set("MESOS_HTTP_COMMAND_EXECUTOR", "0".into());
        // Libraries of the older API take any port, on the address others reach the agent at.
        set("LIBPROCESS_PORT", "0".into());
        if let Some(address) = &self.options.address {
            set("LIBPROCESS_IP", address.clone());
        }
        set("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", duration_text(self.grace_of(executor)).into());
        if is_checkpointed {
            set("MESOS_RECOVERY_TIMEOUT", duration_text(self.options.executor_recovery_timeout).into());
            set("MESOS_SUBSCRIPTION_BACKOFF_MAX", duration_text(self.options.executor_backoff_max).into());
        }
    }
}

/// A time as Mesos' clients read it: a number and the largest unit in which it is whole.
fn duration_text(time: Duration) -> String {
    const UNITS: [(&str, u128); 8] = [
        ("weeks", 604_800_000_000_000),
        ("days", 86_400_000_000_000),
        ("hrs", 3_600_000_000_000),
        ("mins", 60_000_000_000),
        ("secs", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    let nanos = time.as_nanos();
    let fitting = UNITS.into_iter().find(|(_, unit)| nanos > 0 && nanos.is_multiple_of(*unit));
    let (name, unit) = fitting.unwrap_or(("secs", 1_000_000_000));
    format!("{}{name}", nanos / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_their_largest_whole_unit() {
        for (millis, text) in
            [(5_000, "5secs"), (900_000, "15mins"), (1_500, "1500ms"), (3_600_000, "1hrs"), (0, "0secs")]
        {
            assert_eq!(duration_text(Duration::from_millis(millis)), text);
        }
        assert_eq!(duration_text(Duration::from_nanos(7)), "7ns");
    }
}
