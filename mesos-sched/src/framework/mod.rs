//! Reference frameworks: schedulers that are useful as they are and show how others may be written.
//!
//! * [`batch`] runs a list of jobs with dependencies once.
//! * [`matching`] says whether a task fits an offer, and if not, why.
//!
//! All of it is pure: no clock, no randomness of its own, no IO. The same framework runs live and simulated.

pub mod batch;
pub mod matching;

/// Environment variable that tells a simulated container how long it runs, in seconds. Means nothing to a real one.
pub const SIM_DURATION_ENV: &str = "MESOS_SIM_DURATION";

/// Task label with the same meaning, for tools that see tasks and not their containers.
pub const SIM_DURATION_LABEL: &str = "mesos.sim/duration";
