//! What an operator may set about an agent.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{GcOptions, PastOptions, Reconfiguration};

/// How an executor speaks with its agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutorTransport {
    /// As executors of Mesos do: nothing need be said.
    #[default]
    Http,
    /// One stream of gRPC, which executors of this SDK can.
    Grpc,
}

/// An agent's settings. Defaults are those of Apache Mesos (`src/slave/constants.hpp`, `src/slave/flags.cpp`) where it has
/// the setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Options {
    /// The first registration after a new leader is found waits a random time up to this, so that agents do not come all
    /// at once.
    pub registration_delay_max: Duration,
    /// Registration is repeated after a random time up to this, which doubles each time.
    pub registration_retry: Duration,
    /// The doubling ends here.
    pub registration_retry_max: Duration,
    /// A connection that was not made by then is asked for again.
    pub connect_timeout: Duration,
    /// No ping for this long means the master is gone; the master says how long when it registers the agent.
    pub ping_timeout: Duration,
    /// An unacknowledged update is sent again after this, which doubles each time.
    pub update_retry: Duration,
    /// The doubling ends here.
    pub update_retry_max: Duration,
    /// Between the polite signal and the other, for tasks that say nothing themselves.
    pub kill_grace: Duration,
    /// How long an executor that says nothing itself may take to end when told to.
    pub executor_shutdown_grace: Duration,
    /// An executor's process that did not connect by then is ended and its tasks fail.
    pub executor_registration_timeout: Duration,
    /// After the agent's restart, an executor's process that did not connect again by then is ended and its tasks are gone.
    pub executor_reregistration_timeout: Duration,
    /// How long a checkpointed executor whose connection broke may take to come back.
    pub executor_recovery_timeout: Duration,
    /// The longest random delay between an executor's attempts to connect again.
    pub executor_backoff_max: Duration,
    /// How often a connected executor hears that its agent lives.
    pub executor_heartbeat: Duration,
    /// Where executors reach the agent, as `ip:port`; they get it in their environment. Without it none can connect, and
    /// tasks of executors with a command of their own fail.
    pub endpoint: Option<Arc<str>>,
    /// How executors are told to speak with the agent, unless their own command says.
    #[serde(default)]
    pub executor_transport: ExecutorTransport,
    /// The address tasks can be reached at, as their statuses say it: the agent's own.
    pub address: Option<Arc<str>>,
    /// How sandboxes of what ended are collected; without it nobody removes them.
    pub sandbox_gc: Option<GcOptions>,
    /// How much of what is over is remembered, for views; without it nothing is.
    pub past: Option<PastOptions>,
    /// What may change about the agent between two runs with the same records; none means anything.
    pub reconfiguration: Option<Reconfiguration>,
    /// Whether commands run as the user they or their framework name; otherwise all run as the agent's own.
    #[serde(default = "yes")]
    pub switch_user: bool,
    /// A container that did not start by then is destroyed and its task fails.
    pub container_launch_timeout: Duration,
    /// A container that is not gone by then is destroyed again.
    pub container_destroy_timeout: Duration,
    /// After so many attempts to destroy it, a container is reported as ended although nobody could say so; the attempts
    /// go on.
    pub container_destroy_attempts: u32,
    /// What runs on the machine must be found out by then, or the agent stops.
    pub recovery_timeout: Duration,
    /// Tasks on this agent, with those whose end is not acknowledged yet; more are `DROPPED`.
    pub tasks_max: usize,
    /// Tasks one executor may have; more are `DROPPED`.
    pub tasks_per_executor_max: usize,
    /// Tasks that may wait to be written before they start; more are `DROPPED`.
    pub queued_tasks_max: usize,
    /// Unacknowledged updates of one task. An executor that adds more is ended and the task fails.
    pub updates_per_task_max: usize,
    /// Containers one executor may have. An executor that asks for more is ended.
    pub containers_per_executor_max: usize,
    /// The defect planted in this agent.
    #[cfg(feature = "mutants")]
    #[serde(skip)]
    pub mutant: Option<mesos_core::kernel::Mutant>,
}

/// What agents did before they could be told otherwise.
const fn yes() -> bool {
    true
}

impl Default for Options {
    fn default() -> Self {
        const SECOND: Duration = Duration::from_secs(1);
        Self {
            registration_delay_max: SECOND,
            registration_retry: 2 * SECOND,
            registration_retry_max: 60 * SECOND,
            connect_timeout: 10 * SECOND,
            ping_timeout: 75 * SECOND,
            update_retry: 10 * SECOND,
            update_retry_max: 600 * SECOND,
            kill_grace: crate::executor::KILL_GRACE_DEFAULT,
            executor_shutdown_grace: 5 * SECOND,
            executor_registration_timeout: 60 * SECOND,
            executor_reregistration_timeout: 2 * SECOND,
            executor_recovery_timeout: 15 * 60 * SECOND,
            executor_backoff_max: 2 * SECOND,
            executor_heartbeat: 30 * 60 * SECOND,
            endpoint: None,
            executor_transport: ExecutorTransport::Http,
            address: None,
            sandbox_gc: None,
            past: None,
            reconfiguration: None,
            switch_user: true,
            container_launch_timeout: 300 * SECOND,
            container_destroy_timeout: 60 * SECOND,
            container_destroy_attempts: 3,
            recovery_timeout: 300 * SECOND,
            tasks_max: 100_000,
            tasks_per_executor_max: 10_000,
            queued_tasks_max: 10_000,
            updates_per_task_max: 1_000,
            containers_per_executor_max: 10_000,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

/// Whether this defect is planted; false, and gone from the build, without the feature.
#[cfg(feature = "mutants")]
macro_rules! mutant {
    ($options:expr, $name:ident) => {
        $options.mutant == Some(mesos_core::kernel::Mutant::$name)
    };
}

#[cfg(not(feature = "mutants"))]
macro_rules! mutant {
    ($options:expr, $name:ident) => {
        false
    };
}

pub(super) use mutant;
