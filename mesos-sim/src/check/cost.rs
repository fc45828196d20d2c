//! No step costs more than what it is about: an answer as many looks as tasks were asked about, a round one look at an agent.
//!
//! Source: Apache Mesos, its tickets about costs that grow faster than the cluster (MESOS-2940: a reconciliation that cost the
//! square of its tasks; MESOS-3052 and MESOS-7521: rounds that cost more with every framework). A run takes no time, so what
//! is held to a bound is counted by the machines themselves, and each step is looked at by itself: what is too much for a few
//! hundred tasks shows at once, and not when a cluster has grown.

use std::collections::BTreeMap;

use mesos_core::call::scheduler::Call;
use mesos_core::provider::RoundCosts;
use mesos_sched::master::{Input, Master};

use super::{Check, Step, Stepped};
use crate::node::NodeId;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Cost {
    /// What each master had counted after its last step.
    counted: BTreeMap<NodeId, Counted>,
}

/// What a master has counted.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    reconciled: u64,
    rounds: RoundCosts,
}

impl Check for Cost {
    fn name(&self) -> &'static str {
        "cost"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let (node, machine, input) = match step.stepped {
            Stepped::Master { node, machine, input, .. } => (node, machine, input),
            // A fresh process counts from the beginning.
            Stepped::Restarted { node } => {
                self.counted.remove(&node);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let rounds = machine.allocator().round_costs().unwrap_or_default();
        let now = Counted { reconciled: machine.counters().reconciled_tasks, rounds };
        let before = self.counted.insert(node, now).unwrap_or_default();
        check_reconciliation(node, machine, input, now.reconciled - before.reconciled)?;
        check_rounds(node, machine, before.rounds, rounds)
    }
}

fn check_reconciliation(node: NodeId, machine: &Master, input: Option<&Input>, cost: u64) -> Result<(), String> {
    if cost == 0 {
        return Ok(());
    }
    let asked = match input {
        Some(Input::Scheduler { call: Call::Reconcile { tasks }, .. }) if tasks.is_empty() => machine.tasks().count(),
        Some(Input::Scheduler { call: Call::Reconcile { tasks }, .. }) => tasks.len(),
        // A kill of a task that nobody knows is answered like a question.
        Some(Input::Scheduler { call: Call::Kill { .. }, .. }) => 1,
        _ => 0,
    };
    if cost <= asked as u64 {
        return Ok(());
    }
    Err(format!("{node} looks at {cost} tasks to answer for {asked}"))
}

/// One look at an agent for fair shares, and one for guarantees where there is a quota.
fn check_rounds(node: NodeId, machine: &Master, before: RoundCosts, after: RoundCosts) -> Result<(), String> {
    let (rounds, visits) = (after.rounds - before.rounds, after.visits - before.visits);
    if visits == 0 {
        return Ok(());
    }
    let looks = if machine.registry().quotas().is_empty() { 1 } else { 2 };
    let most = rounds * looks * machine.agents().count() as u64;
    if visits <= most {
        return Ok(());
    }
    Err(format!("{node} looks at agents {visits} times in {rounds} rounds, and {most} times would have done"))
}
