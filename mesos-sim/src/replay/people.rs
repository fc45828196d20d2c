//! Who is at the other end of a master's connections: what a journal says about that, with names for people.

use std::collections::BTreeMap;

use mesos_core::call::ConnId;
use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::scheduler::Event;
use mesos_core::{AgentId, FrameworkId};
use mesos_sched::master::{Effect, Input};

use crate::node::NodeId;

/// Agents and frameworks by the order in which they came: the first agent is `a0`, the first framework `f0`, as in a run.
#[derive(Debug, Default)]
pub struct People {
    agents: Vec<AgentId>,
    frameworks: Vec<FrameworkId>,
    /// Their places, by id.
    agent_places: BTreeMap<AgentId, u32>,
    framework_places: BTreeMap<FrameworkId, u32>,
    conns: BTreeMap<ConnId, NodeId>,
}

/// The place of somebody in the order, who may be new.
fn place<I: Clone + Ord>(known: &mut Vec<I>, places: &mut BTreeMap<I, u32>, id: &I) -> u32 {
    let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
    let place = *places.entry(id.clone()).or_insert(next);
    if place == next {
        known.push(id.clone());
    }
    place
}

impl People {
    /// Learns from what a master is about to take in.
    pub fn asked(&mut self, input: Option<&Input>) {
        if let Some(Input::Agent { conn, message: ToMaster::Reregister(report), .. }) = input {
            let index = place(&mut self.agents, &mut self.agent_places, &report.agent_id);
            self.conns.insert(*conn, NodeId::Agent(index));
        }
    }

    /// Learns from what a master answered.
    pub fn answered(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::ToAgent {
                    conn,
                    message: ToAgent::Registered { agent_id, .. } | ToAgent::Reregistered { agent_id, .. },
                    ..
                } => {
                    let index = place(&mut self.agents, &mut self.agent_places, agent_id);
                    self.conns.insert(*conn, NodeId::Agent(index));
                }
                Effect::ToScheduler { conn, event: Event::Subscribed { framework_id, .. }, .. } => {
                    let index = place(&mut self.frameworks, &mut self.framework_places, framework_id);
                    self.conns.insert(*conn, NodeId::Framework(index));
                }
                _ => {}
            }
        }
    }

    /// Forgets the connections that are closed after this step.
    pub fn closed(&mut self, input: Option<&Input>, effects: &[Effect]) {
        if let Some(Input::Disconnected { conn }) = input {
            self.conns.remove(conn);
        }
        for effect in effects {
            if let Effect::Close { conn, .. } = effect {
                self.conns.remove(conn);
            }
        }
    }

    /// All of a step, for whoever tells nothing of it.
    pub fn note(&mut self, input: Option<&Input>, effects: &[Effect]) {
        self.asked(input);
        self.answered(effects);
        self.closed(input, effects);
    }

    /// Who is at the other end.
    #[must_use]
    pub fn at(&self, conn: ConnId) -> Option<NodeId> {
        self.conns.get(&conn).copied()
    }

    /// The short name of an agent, or its id while it has none.
    #[must_use]
    pub fn agent_name(&self, id: &AgentId) -> String {
        self.agent_places.get(id).map_or_else(|| format!("agent {id}"), |index| NodeId::Agent(*index).to_string())
    }

    /// The short name of a framework, or its id while it has none.
    #[must_use]
    pub fn framework_name(&self, id: &FrameworkId) -> String {
        let place = self.framework_places.get(id);
        place.map_or_else(|| format!("framework {id}"), |index| NodeId::Framework(*index).to_string())
    }

    /// The agent's place in the order.
    #[must_use]
    pub fn agent_place(&self, id: &AgentId) -> Option<u32> {
        self.agent_places.get(id).copied()
    }

    /// The framework's place in the order.
    #[must_use]
    pub fn framework_place(&self, id: &FrameworkId) -> Option<u32> {
        self.framework_places.get(id).copied()
    }

    /// Who the agent of this place is.
    #[must_use]
    pub fn agent(&self, index: u32) -> Option<&AgentId> {
        self.agents.get(index as usize)
    }

    /// Who the framework of this place is.
    #[must_use]
    pub fn framework(&self, index: u32) -> Option<&FrameworkId> {
        self.frameworks.get(index as usize)
    }
}
