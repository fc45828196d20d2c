//! A look at those who are about to be told something.
//!
//! In a large idle cluster nearly all that happens is that a master asks some hundred agents at once whether they are there,
//! and that they answer; most of the time would go into waiting for the memory in which each of them lies. So all that are
//! asked together are looked at in one go, before the first of them: none of these looks depends on another one, and a
//! processor waits for many at once. Nothing is decided here.

use mesos_core::kernel::Machine;
use mesos_sched::master::Effect;

use super::World;
use crate::net::End;
use crate::node::NodeId;

/// Fewer are told so soon that nothing is gained.
const MANY: usize = 16;

impl World {
    /// Looks at the agents that are told something.
    pub(crate) fn glance(&self, effects: &[Effect]) {
        if effects.len() < MANY {
            return;
        }
        let seen = effects.iter().filter(|effect| self.is_to_be_told(effect)).count();
        // What is looked at for nothing would not be looked at.
        std::hint::black_box(seen);
    }

    fn is_to_be_told(&self, effect: &Effect) -> bool {
        let Effect::ToAgent { conn, .. } = effect else { return false };
        let Some(NodeId::Agent(index)) = self.net.conn(*conn).map(|conn| conn.node(End::Client)) else { return false };
        let process = &self.agents[index as usize].process;
        let machine = process.machine.as_ref().filter(|_| process.is_powered && process.trip.is_none());
        machine.is_some_and(|machine| machine.is_registered() && machine.deadline().is_some())
    }
}
