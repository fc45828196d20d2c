//! W2-idle: what doing nothing costs.
//!
//! Agents that only live: the master asks each of them every 15 seconds whether it is there. An event-driven simulator pays
//! for every question, and for nothing in between.

use std::time::Duration;

use mesos_sim::{Cluster, Report};

/// So many agents idle for so long; pings and their answers are in the report's messages.
///
/// # Panics
/// When the simulation fails: a defect.
#[must_use]
pub fn idle(agents: usize, lasts: Duration) -> Report {
    let mut cluster = Cluster::builder().agents(agents, "cpus:16;mem:65536");
    cluster.conditions_mut().is_tallied = false;
    let mut simulation = cluster.simulate(1).expect("a valid cluster");
    simulation.run_until(lasts).expect("nothing happens");
    simulation.report()
}

#[cfg(test)]
mod tests {
    use mesos_sim::secs;

    use super::*;

    #[test]
    fn an_idle_agent_is_asked_every_fifteen_seconds() {
        let (agents, minutes) = (200, 10);
        let before = idle(agents, secs(60)).net.sent;
        let after = idle(agents, secs(60 + 60 * minutes)).net.sent;
        // A question and an answer, four times a minute; some are under way when a minute ends.
        let expected = 2 * 4 * minutes * agents as u64;
        assert!((after - before).abs_diff(expected) <= 10, "{before} and {after}");
    }
}
