//! Nobody who wants offers waits for them without end: once nothing goes wrong any more, a framework that suppresses nothing
//! is offered something in bounded time, as long as something is unused that it may have.
//!
//! Source: Apache Mesos, `docs/app-framework-development-guide.md` and its tickets about frameworks that starve behind others
//! who decline (MESOS-3202, MESOS-1086); the chapter on architecture of our own docs. That the work of a run is done some
//! day shows less: whoever starves behind another has its turn when that one has gone.
//!
//! What is unused is what no task and no executor uses, offered to somebody or not. Time counts only while such an agent is
//! there that every framework knows how to use, serves, and has room for more than the smallest offer, and while no quota is
//! in force. No bound is promised by the protocol: this one is many times what offers last that nobody answers, and what
//! frameworks of a swarm refuse.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::call::scheduler::Event;
use mesos_core::{AgentCapability, FrameworkCapability, FrameworkInfo, Instant, Resources};
use mesos_sched::driver::Input;
use mesos_sched::master::{AgentView, Master};

use super::{Check, Step, Stepped};
use crate::node::NodeId;
use crate::world::{FrameworkView, Stage, World};

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What is room for an offer under every policy, however it deals.
const ROOM: (f64, f64) = (1.0, 256.0);

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Starvation {
    /// Since when each framework waits for an offer it could have had.
    waits: BTreeMap<NodeId, Instant>,
    look_at: Instant,
}

impl Check for Starvation {
    fn name(&self) -> &'static str {
        "starvation"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        if step.world.stage() == Stage::Faulty {
            return Ok(());
        }
        if let Stepped::Framework { node, input: Some(Input::Received { event: Event::Offers(_), .. }), .. } =
            step.stepped
        {
            self.waits.remove(&node);
        }
        let now = step.world.now().mono;
        if now < self.look_at {
            return Ok(());
        }
        self.look_at = now + LOOK_EVERY;
        self.look(step.world, now)
    }
}

impl Starvation {
    fn look(&mut self, world: &World, now: Instant) -> Result<(), String> {
        let leader = world.masters().filter_map(|view| view.machine).find(|machine| machine.leading().is_some());
        let Some(leader) = leader.filter(|leader| leader.registry().quotas().is_empty()) else {
            self.waits.clear();
            return Ok(());
        };
        for view in world.frameworks() {
            let Some(room) = room_for(leader, &view) else {
                self.waits.remove(&view.node);
                continue;
            };
            let since = *self.waits.entry(view.node).or_insert(now);
            if now.since(since) > WAIT_MAX {
                return Err(format!(
                    "framework {} wants offers and had none for {:?}, although {room}",
                    view.node,
                    now.since(since)
                ));
            }
        }
        Ok(())
    }
}

/// What a framework could be offered, if it wants to be offered something: in words.
fn room_for(leader: &Master, view: &FrameworkView<'_>) -> Option<String> {
    let driver = view.machine.filter(|driver| driver.is_subscribed() && driver.suppressed().is_empty())?;
    let id = driver.framework_id()?;
    let own = leader.frameworks().find(|framework| framework.id == id && framework.is_connected)?;
    leader.agents().find_map(|agent| {
        let unused = unused(leader, &agent, own.info)?;
        Some(format!("{unused} of agent {} is unused", agent.id))
    })
}

/// What of an agent is unused and enough for an offer to this framework.
fn unused(leader: &Master, agent: &AgentView<'_>, framework: &FrameworkInfo) -> Option<Resources> {
    let knows_all = [AgentCapability::ReservationRefinement, AgentCapability::HierarchicalRole];
    let is_fit = agent.is_connected
        && !agent.is_leaving
        && knows_all.iter().all(|capability| agent.info.capabilities.contains(capability))
        && leader.registry().whitelist().is_none()
        && leader.registry().duty(agent.id).unwrap_or_default().is_serving()
        && (agent.total.gpus().is_zero() || framework.can(FrameworkCapability::GpuResources));
    if !is_fit {
        return None;
    }
    let used: Resources = agent.used.iter().map(|used| &used.resources).sum();
    let unused = (agent.total.clone() - &used).unreserved();
    let has_room = unused.cpus().to_f64() >= ROOM.0 && unused.mem().to_f64() >= ROOM.1;
    has_room.then_some(unused)
}
