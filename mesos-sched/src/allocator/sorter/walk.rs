//! One walk through the tree, for one agent: roles in order, and in each role its frameworks in order.
//!
//! The tree must not change during a walk, which is why a round books an agent's grants only when it is done with it.

use mesos_core::kernel::Rng;

use super::random::{RandomClients, RandomRoles};
use super::ranked::RankedRoles;
use super::{Kind, NodeKey, SorterKind, Tree};
use crate::allocator::policy::Priorities;

/// Where a walk is; kept between walks for its memory.
#[derive(Debug)]
pub(crate) struct Walk {
    roles: RoleOrder,
    clients: ClientOrder,
}

#[derive(Debug)]
enum RoleOrder {
    /// Nodes on the way down, each with the place of its next child.
    Drf(Vec<(NodeKey, usize)>),
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
        Self { roles, clients }
    }

    /// The same walk, with roles of a higher priority before all others.
    pub(crate) fn ranked(self, priorities: Priorities) -> Self {
        let roles = RoleOrder::Ranked(Box::new((RankedRoles::new(priorities), self.roles)));
        Self { roles, ..self }
    }

    /// Begins a walk.
    pub(crate) fn start(&mut self, tree: &mut Tree, rng: &mut Rng) {
        self.roles.start(tree, rng);
    }

    /// The virtual leaf of the next role that has somebody to serve.
    pub(crate) fn next_role(&mut self, tree: &mut Tree, rng: &mut Rng) -> Option<NodeKey> {
        let own = self.roles.next(tree, rng)?;
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
                let client = tree.order(*own).get(*next).copied();
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

    fn start(&mut self, tree: &mut Tree, rng: &mut Rng) {
        match self {
            Self::Drf(stack) => {
                stack.clear();
                stack.push((NodeKey::ROOT, 0));
            }
            Self::Random(roles) => roles.start(tree),
            Self::Ranked(ranked) => {
                let (ranked, equals) = &mut **ranked;
                equals.start(tree, rng);
                ranked.gather(tree, |tree| equals.next(tree, rng));
            }
        }
    }

    fn next(&mut self, tree: &mut Tree, rng: &mut Rng) -> Option<NodeKey> {
        match self {
            Self::Drf(stack) => next_in_preorder(stack, tree),
            Self::Random(roles) => roles.draw(rng),
            Self::Ranked(ranked) => ranked.0.next(),
        }
    }
}

/// A stack instead of recursion: how deep roles nest is up to whoever subscribes.
fn next_in_preorder(stack: &mut Vec<(NodeKey, usize)>, tree: &mut Tree) -> Option<NodeKey> {
    while let Some((node, next)) = stack.last_mut() {
        let Some(child) = tree.order(*node).get(*next).copied() else {
            stack.pop();
            continue;
        };
        *next += 1;
        if tree[child].kind == Kind::Own {
            return Some(child);
        }
        stack.push((child, 0));
    }
    None
}
