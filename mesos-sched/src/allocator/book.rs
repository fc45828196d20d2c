//! What is known of frameworks and agents.

use std::sync::Arc;

use mesos_core::provider::FrameworkKey;
use mesos_core::resource::{Limits, Quantities, Resources};
use mesos_core::{AgentInfo, FrameworkId, Role};

use super::eligibility::{Abilities, Demands};
use super::explain::Note;
use super::merging::Guaranteed;
use super::quota::RoleKey;
use super::sorter::NodeKey;

/// A framework.
#[derive(Debug, Default)]
pub(super) struct Framework {
    /// Nothing for a framework that is only known to use something: its clients hold, but are offered nothing.
    pub(super) id: Option<FrameworkId>,
    pub(super) is_active: bool,
    /// Its clients, by role.
    pub(super) clients: Vec<(Role, NodeKey)>,
}

/// A framework under one of its roles; its book lies beside its node in the tree.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) framework: FrameworkKey,
    pub(super) role: Role,
    pub(super) role_key: RoleKey,
    pub(super) abilities: Abilities,
    /// Whether the framework has the role. One that gave it up stays a client while it holds something.
    pub(super) is_subscribed: bool,
    pub(super) is_suppressed: bool,
    /// Whether it can be offered more than before, on agents where nothing changed.
    pub(super) is_fresh: bool,
    /// Its own minimal amounts instead of everybody's.
    pub(super) minimums: Option<Arc<[Quantities]>>,
    /// The most one offer may hold.
    pub(super) max_offer: Option<Box<Limits>>,
    /// On how many agents it holds something.
    pub(super) holdings: usize,
}

/// What a client holds on one agent, offered or used.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) client: NodeKey,
    pub(super) resources: Resources,
}

/// An agent.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) total: Resources,
    /// The total without what is held. Shared resources stay, however many hold them.
    pub(super) available: Resources,
    pub(super) holdings: Vec<Holding>,
    pub(super) demands: Demands,
    pub(super) info: Arc<AgentInfo>,
    pub(super) is_active: bool,
    /// Whether its host may be offered.
    pub(super) is_listed: bool,
    /// Whether something is held that is not there: more than there is, or in another form.
    pub(super) is_over: bool,
    /// Shared resources that went to somebody in the round of that count.
    pub(super) offered_shared: (u64, Resources),
    /// The round that served it last, by stage.
    pub(super) served_in: [u64; 2],
    /// What was granted of it when guarantees were served.
    pub(super) guaranteed: Guaranteed,
    /// What the memory for questions knows of it.
    pub(super) noted: Note,
}

impl Framework {
    pub(super) fn client(&self, role: &Role) -> Option<NodeKey> {
        self.place(role).ok().map(|found| self.clients[found].1)
    }

    pub(super) fn place(&self, role: &Role) -> Result<usize, usize> {
        match self.clients.as_slice() {
            [(only, _)] if only == role => Ok(0),
            clients => clients.binary_search_by(|(own, _)| own.cmp(role)),
        }
    }
}

impl Client {
    pub(super) fn new(framework: FrameworkKey, role: Role, role_key: RoleKey) -> Self {
        Self {
            framework,
            role,
            role_key,
            abilities: Abilities::default(),
            is_subscribed: false,
            is_suppressed: false,
            is_fresh: false,
            minimums: None,
            max_offer: None,
            holdings: 0,
        }
    }
}

impl Agent {
    pub(super) fn new(info: Arc<AgentInfo>, total: Resources, demands: Demands) -> Self {
        Self {
            available: total.clone(),
            total,
            holdings: Vec::new(),
            demands,
            info,
            is_active: true,
            is_listed: true,
            is_over: false,
            offered_shared: (0, Resources::new()),
            served_in: [0; 2],
            guaranteed: Guaranteed::default(),
            noted: Note::NONE,
        }
    }

    /// Whether it has something to offer.
    pub(super) fn is_open(&self) -> bool {
        self.is_active && self.is_listed && !self.available.is_empty()
    }

    /// Shared resources that went to somebody in this round.
    pub(super) fn shared_in(&mut self, round: u64) -> Resources {
        let (offered_in, shared) = std::mem::take(&mut self.offered_shared);
        if offered_in == round { shared } else { Resources::new() }
    }

    /// What is held, without what is shared.
    pub(super) fn held(&self) -> Resources {
        self.holdings.iter().map(|holding| holding.resources.non_shared()).sum()
    }

    pub(super) fn holding(&mut self, client: NodeKey) -> Option<&mut Holding> {
        self.holdings.iter_mut().find(|holding| holding.client == client)
    }

    /// A client holds more; by how much its share grew, and whether it held nothing here before.
    pub(super) fn hold(&mut self, client: NodeKey, resources: &Resources) -> (Quantities, bool) {
        let Some(holding) = self.holding(client) else {
            self.holdings.push(Holding { client, resources: resources.clone() });
            return (resources.scalar_quantities(), true);
        };
        if resources.shared().is_empty() {
            holding.resources += resources;
            return (resources.scalar_quantities(), false);
        }
        // Further copies of what a client holds already make its share no larger.
        let before = holding.resources.scalar_quantities();
        holding.resources += resources;
        (holding.resources.scalar_quantities() - &before, false)
    }

    /// A client holds less; by how much its share shrank, and whether it holds nothing here any more. Nothing, and nothing
    /// changes, if it did not hold that.
    pub(super) fn release(&mut self, client: NodeKey, resources: &Resources) -> Option<(Quantities, bool)> {
        let place = self.holdings.iter().position(|holding| holding.client == client)?;
        let holding = &mut self.holdings[place].resources;
        if !holding.contains(resources) {
            return None;
        }
        let released = if resources.shared().is_empty() {
            *holding -= resources;
            resources.scalar_quantities()
        } else {
            let before = holding.scalar_quantities();
            *holding -= resources;
            before - &holding.scalar_quantities()
        };
        let is_empty = holding.is_empty();
        if is_empty {
            self.holdings.swap_remove(place);
        }
        Some((released, is_empty))
    }

    /// Takes what was granted out of what is available.
    pub(super) fn take(&mut self, granted: &Resources) {
        let taken = granted.non_shared();
        if self.available == taken {
            self.available = Resources::new();
        } else {
            self.available -= &taken;
        }
    }

    /// Makes what was released available again.
    pub(super) fn give_back(&mut self, released: &Resources) {
        if self.is_over {
            self.weigh();
        } else {
            self.available += &released.non_shared();
        }
    }

    /// Computes what is available from what there is and what is held. What is held in a form that is not there any more is
    /// kept back nevertheless; in Mesos it would be offered a second time.
    pub(super) fn weigh(&mut self) {
        let held = self.held();
        self.is_over = !self.total.contains(&held);
        self.available = self.total.left_beside(&held);
    }
}
