//! On every agent, what is offered, what is used and what is free make up what the agent has, in form and in amount.
//!
//! Source: Apache Mesos, `docs/architecture.md` and `src/master/allocator/mesos/hierarchical.hpp` (`available = total -
//! offeredOrAllocated`); the chapter on architecture of our own docs. Checked on leading masters only, since nobody else
//! keeps such books, and after whole steps, since within one the resources are on their way from one book to another.
//!
//! A fact that the allocator had to refuse, because it disagreed with its books, breaks the rule whatever the sums say.
//!
//! Two agents in turn at every step, and all of them every now and then: books that went wrong stay wrong.

use std::collections::BTreeMap;

use mesos_core::provider::{AgentKey, Concurrency};
use mesos_core::resource::{Quantities, Resources};
use mesos_sched::master::{AgentView, Master};

use super::{Check, Step, Stepped};
use crate::world::World;

/// All agents are looked at once in so many steps of masters.
const FULL_EVERY: u64 = 256;
/// Agents looked at in every step.
const PER_STEP: usize = 2;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Conservation {
    steps: u64,
}

impl Check for Conservation {
    fn name(&self) -> &'static str {
        "conservation"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        let Stepped::Master { machine, .. } = step.stepped else { return Ok(()) };
        if machine.leading().is_none() {
            return Ok(());
        }
        if let Some(inconsistency) = machine.allocator().inconsistency() {
            return Err(format!("the allocator was told what its books know nothing of: {inconsistency}"));
        }
        self.steps += 1;
        if self.steps.is_multiple_of(FULL_EVERY) {
            return all(machine);
        }
        let mut agents: Vec<AgentView<'_>> = machine.agents().collect();
        if !agents.is_empty() {
            let turn = usize::try_from(self.steps).unwrap_or(0) * PER_STEP % agents.len();
            agents.rotate_left(turn);
        }
        agents.iter().take(PER_STEP).try_for_each(|agent| balanced(machine, agent))
    }

    fn settled(&mut self, world: &World) -> Result<(), String> {
        let leaders = world.masters().filter_map(|view| view.machine);
        leaders.filter(|machine| machine.leading().is_some()).try_for_each(all)
    }
}

fn all(master: &Master) -> Result<(), String> {
    master.agents().try_for_each(|agent| balanced(master, &agent))?;
    charged_is_used(master)
}

fn balanced(master: &Master, agent: &AgentView<'_>) -> Result<(), String> {
    let free = master.allocator().available(agent.key).unwrap_or_default();
    let mut sum = free.clone();
    let mut amounts = free.quantities();
    for part in parts(master, agent) {
        sum += part;
        part.quantities().iter().for_each(|(name, amount)| amounts.add_amount(name, amount));
    }
    if sum == *agent.total && is_equal(&amounts, &agent.total.quantities()) {
        return Ok(());
    }
    let offered: Resources = master.offers_on(agent.key).map(|offer| offer.resources).sum();
    let used: Resources = agent.used.iter().map(|used| &used.resources).sum();
    Err(format!("agent {}: offered {offered}, used {used} and free {free} are not its total {}", agent.id, agent.total))
}

/// What is booked on an agent: an optimistic offer is not.
fn parts<'a>(master: &'a Master, agent: &'a AgentView<'a>) -> impl Iterator<Item = &'a Resources> {
    let is_booked = master.allocator().concurrency() == Concurrency::Pessimistic;
    let offered = master.offers_on(agent.key).filter(move |_| is_booked).map(|offer| offer.resources);
    offered.chain(agent.used.iter().map(|used| &used.resources))
}

fn is_equal(left: &Quantities, right: &Quantities) -> bool {
    left.contains(right) && right.contains(left)
}

/// What counts as used on an agent is what its tasks and executors use, and a task that has ended uses nothing.
fn charged_is_used(master: &Master) -> Result<(), String> {
    let mut charged: BTreeMap<AgentKey, Resources> = BTreeMap::new();
    for task in master.tasks() {
        if task.is_charged && task.state.is_terminal() {
            return Err(format!("task {}/{} is {} and still charged", task.framework_id, task.info.id, task.state));
        }
        if let (true, Some(agent)) = (task.is_charged, master.agent_key(task.agent_id)) {
            *charged.entry(agent).or_default() += &task.info.resources;
        }
    }
    for executor in master.executors() {
        *charged.entry(executor.agent).or_default() += &executor.info.resources;
    }
    for agent in master.agents() {
        let used: Resources = agent.used.iter().map(|used| &used.resources).sum();
        let charged = charged.remove(&agent.key).unwrap_or_default();
        if used != charged {
            return Err(format!("agent {}: {used} counts as used, its tasks and executors use {charged}", agent.id));
        }
    }
    Ok(())
}
