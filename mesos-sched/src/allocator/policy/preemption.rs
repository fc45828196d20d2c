//! What would have to be returned so that somebody more important is served.
//!
//! A hint for whoever may end tasks: an operator, or a framework on behalf of one. The allocator itself takes nothing away.
//!
//! Finding the fewest holdings that together cover several amounts is a covering problem, so this is a heuristic: on each
//! agent, holdings of the least important are given up first, of these the ones that fill most of what is missing; then
//! every one is spared, the most important first, without which it is still enough. Of all agents the one with the fewest
//! victims is named, then with the least important ones, then where the least is given up. When one holding suffices, one is
//! named.
//!
//! What comes back has to be of use: within the limits along the path of who asks, not kept for promises to others (those to
//! whoever gave it back among them), and as much as an offer has to hold. What the framework refused is not looked at: it may
//! revive. Neither is who else of its priority or above would take it first.

use std::cmp::Reverse;

use mesos_core::Role;
use mesos_core::kernel::Handle;
use mesos_core::provider::explain::{Need, Question, Subject};
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::resource::{Quantities, Resources, Scalar};

use super::{Policy, Priorities};
use crate::allocator::HierarchicalDrf;
use crate::allocator::book::{Agent, Client};
use crate::allocator::explain::Asker;
use crate::allocator::sorter::NodeKey;

/// Of one agent no more holdings than this are looked at; the least important ones.
const HOLDINGS_MAX: usize = 256;

/// Whose return on which agent would make room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preemption {
    /// Where.
    pub agent: AgentKey,
    /// Who would have to return what they hold there; nobody if there is room already.
    pub victims: Vec<Victim>,
}

/// A framework that holds something under a role of a lower priority.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Victim {
    /// Who.
    pub framework: FrameworkKey,
    /// Under which role.
    pub role: Role,
    /// The priority of the role.
    pub priority: i32,
    /// All it holds there, offered or used.
    pub resources: Resources,
}

/// A holding that could be given up.
#[derive(Debug, Clone)]
struct Room {
    priority: i32,
    client: NodeKey,
    amounts: Quantities,
}

impl HierarchicalDrf {
    /// Whose return would let a framework have this much of one agent under one of its roles. Nothing if no return would, if
    /// the framework is not known, or if roles have no priorities. Changes nothing.
    #[must_use]
    pub fn preemptions(&self, framework: FrameworkKey, role: &Role, need: &Quantities) -> Option<Preemption> {
        let Policy::Priority(priorities) = &self.options.policy else { return None };
        let client = self.framework(framework)?.client(role)?;
        let own = self.clients[client.slot()].as_ref()?;
        let slots = (0..).map(AgentKey::from_slot).zip(&self.agents);
        let agents = slots.filter_map(|(key, agent)| Some((key, agent.as_ref()?)));
        let eligible = agents.filter(|(key, agent)| {
            agent.is_active
                && agent.is_listed
                && agent.demands.admit(own.abilities)
                && self.constraints.admit(client, *key, &agent.info)
        });
        let question = Question { framework, role: role.clone(), of: Subject::Need(Need::Quantities(need.clone())) };
        let asker = Asker::new(self, &question);
        let found = eligible.filter_map(|(key, agent)| {
            let is_enough = |rooms: &[Room]| self.is_of_use(&asker, key, agent, rooms);
            Some((key, self.make_room(agent, own, need, priorities, is_enough)?))
        });
        let (agent, rooms) = found.min_by_key(|(key, rooms)| (cost(rooms), key.slot()))?;
        let victims = rooms.into_iter().map(|room| self.victim(agent, &room)).collect();
        Some(Preemption { agent, victims })
    }

    fn victim(&self, agent: AgentKey, room: &Room) -> Victim {
        let own = self.clients[room.client.slot()].as_ref().expect("who holds something is a client");
        let agent = self.agent(agent).expect("the agent was found a moment ago");
        let held = agent.holdings.iter().find(|holding| holding.client == room.client);
        let resources = held.map(|holding| holding.resources.clone()).unwrap_or_default();
        Victim { framework: own.framework, role: own.role.clone(), priority: room.priority, resources }
    }

    /// Whether there would be an offer that holds the need, once these gave back what they hold.
    fn is_of_use(&self, asker: &Asker<'_>, key: AgentKey, agent: &Agent, rooms: &[Room]) -> bool {
        let held = rooms.iter().filter_map(|room| {
            let held = agent.holdings.iter().find(|holding| holding.client == room.client)?;
            let holder = self.clients[room.client.slot()].as_ref()?;
            Some((holder.role.clone(), held.resources.non_shared()))
        });
        let returned: Vec<(Role, Resources)> = held.collect();
        self.would_offer(asker, key, agent, &returned)
    }

    fn make_room(
        &self,
        agent: &Agent,
        own: &Client,
        need: &Quantities,
        priorities: &Priorities,
        is_enough: impl Fn(&[Room]) -> bool,
    ) -> Option<Vec<Room>> {
        let usable = |resources: &Resources| own.abilities.strip(&resources.allocatable_to(&own.role)).quantities();
        let missing = need.clone() - &usable(&agent.available);
        let priority = priorities.of(&own.role);
        let rooms = agent.holdings.iter().filter_map(|holding| {
            let holder = self.clients[holding.client.slot()].as_ref()?;
            let priority = Some(priorities.of(&holder.role)).filter(|other| *other < priority)?;
            Some(Room { priority, client: holding.client, amounts: usable(&holding.resources.non_shared()) })
        });
        let mut rooms: Vec<Room> = rooms.collect();
        rooms.sort_by_key(|room| (room.priority, Reverse(fills(&room.amounts, &missing)), room.client));
        rooms.truncate(HOLDINGS_MAX);
        let filling = rooms.iter().filter(|room| fills(&room.amounts, &missing) > 0).cloned().collect();
        let fewest = cover(filling, &missing)?;
        if is_enough(&fewest) {
            return Some(fewest);
        }
        // Where a limit above both counts, more has to come back than is missing on the agent.
        rooms.retain(|room| !fewest.iter().any(|own| own.client == room.client));
        cover_otherwise(fewest, rooms, is_enough)
    }
}

/// Fewest first, then the least important, then the least.
fn cost(rooms: &[Room]) -> (usize, i32, i64) {
    let highest = rooms.iter().map(|room| room.priority).max().unwrap_or(i32::MIN);
    let amounts = rooms.iter().flat_map(|room| room.amounts.common());
    (rooms.len(), highest, amounts.fold(0, |sum, amount| sum.saturating_add(amount.as_milli())))
}

/// How much of what is missing these amounts would fill, in millionths of each name.
fn fills(amounts: &Quantities, missing: &Quantities) -> u128 {
    let milli = |amount: Scalar| u128::try_from(amount.as_milli()).unwrap_or(0);
    missing
        .iter()
        .map(|(name, lack)| (milli(amounts.get(name)).min(milli(lack)) * 1_000_000).div_ceil(milli(lack).max(1)))
        .sum()
}

fn is_enough<'a>(rooms: impl Iterator<Item = &'a Room>, missing: &Quantities) -> bool {
    rooms.fold(missing.clone(), |missing, room| missing - &room.amounts).is_empty()
}

/// All of the holdings but those, the most important first, without which it is still enough; nothing if it never is.
fn cover_otherwise(fewest: Vec<Room>, others: Vec<Room>, is_enough: impl Fn(&[Room]) -> bool) -> Option<Vec<Room>> {
    let mut taken = [fewest, others].concat();
    if !is_enough(&taken) {
        return None;
    }
    for place in (0..taken.len()).rev() {
        let spared = taken.remove(place);
        if !is_enough(&taken) {
            taken.insert(place, spared);
        }
    }
    Some(taken)
}

/// A few of the holdings, least important first, that make up for all that is missing.
fn cover(mut rooms: Vec<Room>, missing: &Quantities) -> Option<Vec<Room>> {
    if missing.is_empty() {
        return Some(Vec::new());
    }
    if let Some(place) = rooms.iter().position(|room| room.amounts.contains(missing)) {
        return Some(vec![rooms.swap_remove(place)]);
    }
    let (mut taken, mut lacking) = (Vec::new(), missing.clone());
    while !lacking.is_empty() {
        let best = rooms.iter().enumerate().filter(|(_, room)| fills(&room.amounts, &lacking) > 0);
        let key = |room: &Room| (room.priority, Reverse(fills(&room.amounts, &lacking)));
        let (place, _) = best.min_by_key(|(_, room)| key(room))?;
        let room = rooms.remove(place);
        lacking -= &room.amounts;
        taken.push(room);
    }
    for place in (0..taken.len()).rev() {
        let others = taken.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, room)| room);
        if is_enough(others, missing) {
            taken.remove(place);
        }
    }
    Some(taken)
}
