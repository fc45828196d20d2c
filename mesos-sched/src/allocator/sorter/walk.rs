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
    /// How many roles were put in order by priority.
    ranked: u64,
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
        Self { roles, clients, is_for_promises: false, ranked: 0 }
    }

    /// The same walk, with roles of a higher priority before all others.
    pub(crate) fn ranked(self, priorities: Priorities) -> Self {
        let roles = RoleOrder::Ranked(Box::new((RankedRoles::new(priorities), self.roles)));
        Self { roles, ..self }
    }

    /// Whether clients come in an order of the tree alone, without draws or priorities.
    pub(crate) const fn is_by_share(&self) -> bool {
        matches!((&self.roles, &self.clients), (RoleOrder::Drf(_), ClientOrder::Drf { .. }))
    }

    /// From here on, walks go through those alone that lead to promises.
    pub(crate) fn begin_promises(&mut self, tree: &mut Tree) {
        self.is_for_promises = true;
        self.roles.begin_promises(tree);
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
        self.ranked += self.roles.start(tree, rng, self.is_for_promises) as u64;
    }

    /// How many roles were put in order by priority, in all walks.
    pub(crate) const fn ranked_count(&self) -> u64 {
        self.ranked
    }

    /// The virtual leaf of the next role that has somebody to serve.
    pub(crate) fn next_role(&mut self, tree: &mut Tree, rng: &mut Rng) -> Option<NodeKey> {
        let own = self.roles.next(tree, rng, self.is_for_promises)?;
        match &mut self.clients {
            ClientOrder::Drf { own: current, next } => (*current, *next) = (own, 0),
            ClientOrder::Random(clients) => clients.start(own),
        }
        Some(own)
    }

    /// The next framework of the role that [`Walk::next_role`] gave last.
    pub(crate) fn next_client(&mut self, tree: &mut Tree, rng: &mut Rng) -> Option<NodeKey> {
        match &mut self.clients {
            ClientOrder::Drf { own, next } => {
                let client = tree.clients_in_order(*own).get(*next).copied();
                *next += 1;
                client
            }
            ClientOrder::Random(clients) => clients.draw(tree, rng),
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

    fn begin_promises(&mut self, tree: &mut Tree) {
        match self {
            Self::Drf(_) => drop(tree.drain_flipped()),
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

    /// Begins a walk; how many roles that put in order by priority.
    fn start(&mut self, tree: &mut Tree, rng: &mut Rng, is_for_promises: bool) -> usize {
        match self {
            Self::Drf(stack) => {
                stack.clear();
                stack.push(Step::begin(NodeKey::ROOT));
                0
            }
            Self::Random(roles) => {
                roles.start(tree);
                0
            }
            Self::Ranked(ranked) => {
                let (ranked, equals) = &mut **ranked;
                equals.start(tree, rng, is_for_promises);
                ranked.gather(tree, |tree| equals.next(tree, rng, is_for_promises))
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
