//! What containers find in their environment.
//!
//! The names are those of Apache Mesos, `docs/executor-http-api.md` and `src/slave/slave.cpp` (`executorEnvironment`).
//! Besides these the containerizer says where the sandbox is, and the host hands executors their credentials.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::{CommandInfo, TaskId};

use super::Agent;
use super::book::ExecutorRef;

/// The names of what every command finds in its environment.
#[derive(Debug)]
pub(super) struct Variables {
    framework_id: Arc<str>,
    executor_id: Arc<str>,
    task_id: Arc<str>,
    agent_id: Arc<str>,
    role: Arc<str>,
}

impl Default for Variables {
    fn default() -> Self {
        Self {
            framework_id: "MESOS_FRAMEWORK_ID".into(),
            executor_id: "MESOS_EXECUTOR_ID".into(),
            task_id: "MESOS_TASK_ID".into(),
            agent_id: "MESOS_AGENT_ID".into(),
            role: "MESOS_ALLOCATION_ROLE".into(),
        }
    }
}

impl Agent {
    /// What a task's command finds, unless it says otherwise itself.
    pub(super) fn task_environment(&self, executor: ExecutorRef, task_id: Option<&TaskId>, command: &mut CommandInfo) {
        let names = &self.variables;
        let mut offer = |name: &Arc<str>, value: Arc<str>| {
            command.environment.entry(name.clone()).or_insert(value);
        };
        offer(&names.framework_id, self.book.framework_id(executor.framework).shared());
        offer(&names.executor_id, self.book.executor_id(executor).shared());
        if let Some(task_id) = task_id {
            offer(&names.task_id, task_id.shared());
        }
        if let Some(agent_id) = &self.id {
            offer(&names.agent_id, agent_id.shared());
        }
        if let Some(hosted) = self.book.executor(executor) {
            offer(&names.role, hosted.role.as_str().into());
        }
        let info = self.book.framework(executor.framework).and_then(|framework| framework.info.as_ref());
        let user = info.map(|info| info.user.clone()).filter(|user| !user.is_empty());
        command.user = command.user.take().or(user);
    }

    /// What an executor's process finds, whatever it says itself: by these it finds its agent and knows who it is.
    pub(super) fn executor_environment(&self, executor: ExecutorRef, command: &mut CommandInfo) {
        self.task_environment(executor, None, command);
        let is_checkpointed =
            self.book.framework(executor.framework).is_some_and(|framework| framework.is_checkpointed);
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
