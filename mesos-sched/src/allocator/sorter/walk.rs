//! One walk through the tree, for one agent: roles in order, and in each role its frameworks in order.
//!
//! The tree must not change during a walk, which is why a round books an agent's grants only when it is done with it.

use mesos_core::kernel::Rng;

use super::order::Step;
use super::random::{RandomClients, RandomRoles};
use super::ranked::RankedRoles;
use super::{Kind, NodeKey, SorterKind, Tree};
use crate::allocator::policy::Priorities;

/// Where a walk is; kept between walks for its memory.
#[derive(Debug)]
pub(crate) struct Walk {
    roles: RoleOrder,
    clients: ClientOrder,
    /// Whether it goes through those alone that lead to promises.
    is_for_promises: bool,
    costs: WalkCosts,
}

/// What all walks cost beside comparisons.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WalkCosts {
    /// How many roles were put in order by priority.
    pub(crate) ranked: u64,
    /// How many roles and frameworks were drawn.
    pub(crate) draws: u64,
    /// Of how many roles chances to be drawn were computed.
    pub(crate) weighed: u64,
}

#[derive(Debug)]
enum RoleOrder {
    /// Nodes on the way down.
    Drf(Vec<Step>),
    Random(RandomRoles),
    Ranked(Box<(RankedRoles, Self)>),
}

#[derive(Debug)]
enum ClientOrder {
    Drf { own: NodeKey, next: usize },
    Random(RandomClients),
}

impl Walk {
    pub(crate) fn new(roles: SorterKind, frameworks: SorterKind) -> Self {
        let roles = RoleOrder::new(roles);
        let clients = match frameworks {
            SorterKind::Drf => ClientOrder::Drf { own: NodeKey::ROOT, next: 0 },
            SorterKind::Random => ClientOrder::Random(RandomClients::default()),
        };
        Self { roles, clients, is_for_promises: false, costs: WalkCosts::default() }
    }

    /// The same walk, with roles of a higher priority before all others.
    pub(crate) fn ranked(self, priorities: Priorities) -> Self {
        let roles = RoleOrder::Ranked(Box::new((RankedRoles::new(priorities), self.roles)));
        Self { roles, ..self }
    }

    /// Whether draws decide the order in which clients come: then nobody can be left out of a walk, since the others would be
    /// drawn otherwise.
    pub(crate) fn is_drawn(&self) -> bool {
        self.roles.is_drawn() || matches!(self.clients, ClientOrder::Random(_))
    }

    /// Puts active clients into the order in which a walk would come to them, where nothing is drawn.
    pub(crate) fn arrange(&mut self, clients: &mut [NodeKey], tree: &mut Tree) {
        debug_assert!(!self.is_drawn(), "what is drawn is not known before");
        tree.arrange(clients);
        if let RoleOrder::Ranked(ranked) = &mut self.roles {
            ranked.0.arrange(clients, tree);
        }
    }

    /// Puts the one of some active clients to whom a walk would come first before the others, where nothing is drawn.
    pub(crate) fn bring_first(&mut self, clients: &mut [NodeKey], tree: &mut Tree) {
        match &self.roles {
            RoleOrder::Ranked(_) => self.arrange(clients, tree),
            RoleOrder::Drf(_) | RoleOrder::Random(_) => tree.bring_first(clients),
        }
    }

    /// From here on, walks go through those alone that lead to promises.
    pub(crate) fn begin_promises(&mut self, tree: &mut Tree) {
        self.is_for_promises = true;
        self.costs.weighed += self.roles.begin_promises(tree) as u64;
    }

    /// From here on, walks go through the whole tree again.
    pub(crate) fn end_promises(&mut self) {
        self.is_for_promises = false;
        self.roles.end_promises();
    }

    /// The role that [`Walk::next_role`] gave last does not come again in this stage.
    pub(crate) fn leave_promises(&mut self) {
        self.roles.leave_promises();
    }

    /// Begins a walk.
    pub(crate) fn start(&mut self, tree: &mut Tree, rng: &mut Rng) {
        self.roles.start(tree, rng, self.is_for_promises, &mut self.costs);
    }

    /// What all walks cost so far.
    pub(crate) const fn costs(&self) -> WalkCosts {
        self.costs
    }

    /// The virtual leaf of the next role that has somebody to serve.
    pub(crate) fn next_role(&mut self, tree: &mut Tree, rng: &mut Rng) -> Option<NodeKey> {
        let own = self.roles.next(tree, rng, self.is_for_promises)?;
        self.costs.draws += u64::from(matches!(self.roles, RoleOrder::Random(_)));
        match &mut self.clients {
            ClientOrder::Drf { own: current, next } => (*current, *next) = (own, 0),
            ClientOrder::Random(clients) => clients.start(own),
        }
        Some(own)
    }

    /// The next framework of the role that [`Walk::next_role`] gave last.
    #[inline]
    pub(crate) fn next_client(&mut self, tree: &mut Tree, rng: &mut Rng) -> Option<NodeKey> {
        match &mut self.clients {
            ClientOrder::Drf { own, next } => {
                let client = tree.clients_in_order(*own).get(*next).copied();
                *next += 1;
                client
            }
            ClientOrder::Random(clients) => {
                let client = clients.draw(tree, rng)?;
                self.costs.draws += 1;
                Some(client)
            }
        }
    }
}

impl RoleOrder {
    fn new(kind: SorterKind) -> Self {
        match kind {
            SorterKind::Drf => Self::Drf(Vec::new()),
            SorterKind::Random => Self::Random(RandomRoles::default()),
        }
    }

    fn is_drawn(&self) -> bool {
        match self {
            Self::Drf(_) => false,
            Self::Random(_) => true,
            Self::Ranked(ranked) => ranked.1.is_drawn(),
        }
    }

    /// A stage begins that is about promises; of how many roles that computed chances.
    fn begin_promises(&mut self, tree: &mut Tree) -> usize {
        match self {
            Self::Drf(_) => {
                drop(tree.drain_flipped());
                0
            }
            Self::Random(roles) => roles.begin_promises(tree),
            Self::Ranked(ranked) => ranked.1.begin_promises(tree),
        }
    }

    fn end_promises(&mut self) {
        match self {
            Self::Drf(_) => {}
            Self::Random(roles) => roles.end_promises(),
            Self::Ranked(ranked) => ranked.1.end_promises(),
        }
    }

    fn leave_promises(&mut self) {
        match self {
            // It left the list itself. Ranked roles were all drawn before the first of them was served.
            Self::Drf(_) | Self::Ranked(_) => {}
            Self::Random(roles) => roles.leave_promises(),
        }
    }

    /// Begins a walk.
    fn start(&mut self, tree: &mut Tree, rng: &mut Rng, is_for_promises: bool, costs: &mut WalkCosts) {
        match self {
            Self::Drf(stack) => {
                stack.clear();
                stack.push(Step::begin(NodeKey::ROOT));
            }
            Self::Random(roles) => costs.weighed += roles.start(tree) as u64,
            Self::Ranked(ranked) => {
                let (ranked, equals) = &mut **ranked;
                equals.start(tree, rng, is_for_promises, costs);
                let count = ranked.gather(tree, |tree| equals.next(tree, rng, is_for_promises)) as u64;
                costs.ranked += count;
                // All of them were drawn to be put in order.
                costs.draws += if matches!(equals, Self::Random(_)) { count } else { 0 };
            }
        }
    }

    fn next(&mut self, tree: &mut Tree, rng: &mut Rng, is_for_promises: bool) -> Option<NodeKey> {
        match self {
            Self::Drf(stack) => next_in_preorder(stack, tree, is_for_promises),
            Self::Random(roles) => roles.draw(rng),
            Self::Ranked(ranked) => ranked.0.next(),
        }
    }
}

/// A stack instead of recursion: how deep roles nest is up to whoever subscribes.
fn next_in_preorder(stack: &mut Vec<Step>, tree: &mut Tree, is_for_promises: bool) -> Option<NodeKey> {
    while let Some(step) = stack.last_mut() {
        let Some(child) = tree.next_child(step, is_for_promises) else {
            stack.pop();
            continue;
        };
        if tree[child].kind == Kind::Own {
            return Some(child);
        }
        stack.push(Step::begin(child));
    }
    None
}
