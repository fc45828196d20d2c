//! A look at those who are about to be told something.
//!
//! In a large idle cluster nearly all that happens is that a master asks some hundred agents at once whether they are there,
//! and that they answer; most of the time would go into waiting for the memory in which each of them lies. So all that are
//! asked together are looked at in one go, before the first of them: none of these looks depends on another one, and a
//! processor waits for many at once. Nothing is decided here.

use mesos_core::call::ConnId;
use mesos_exec::agent::Agent;
use mesos_sched::master::Effect;

use super::World;
use crate::net::End;
use crate::node::NodeId;

/// Fewer are told so soon that nothing is gained.
const MANY: usize = 16;

/// An agent that is told something: at which connection, which agent, and which of its processes.
pub(super) type Told = (ConnId, u32, u32);

impl World {
    /// Looks at the agents that are told something.
    pub(crate) fn glance(&mut self, effects: &[Effect]) {
        if effects.len() < MANY {
            return;
        }
        // One step after the other, for all: what a step reads is where the step before it says.
        let mut told = std::mem::take(&mut self.glanced);
        told.extend(effects.iter().filter_map(|effect| {
            let Effect::ToAgent { conn, .. } = effect else { return None };
            let row = self.net.conn(*conn)?;
            let NodeId::Agent(index) = row.node(End::Client) else { return None };
            Some((*conn, index, row.life(End::Client)))
        }));
        told.retain(|(_, index, life)| {
            let process = &self.agents[*index as usize].process;
            let is_early = process.now(self.now).mono < process.wake_at;
            process.is_life(*life) & is_early & process.is_powered & process.trip.is_none()
        });
        told.retain(|(conn, index, _)| self.machine(*index).is_some_and(|machine| machine.is_idle_at(*conn)));
        told.retain(|(_, index, _)| self.machine(*index).is_some_and(Agent::awaits_pings));
        // What is looked at for nothing would not be looked at.
        std::hint::black_box(told.len());
        told.clear();
        self.glanced = told;
    }

    fn machine(&self, agent: u32) -> Option<&Agent> {
        self.agents[agent as usize].process.machine.as_deref()
    }
}
