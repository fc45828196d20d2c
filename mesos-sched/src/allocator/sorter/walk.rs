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
    /// Whether it goes through the short list alone.
    is_short: bool,
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
        Self { roles, clients, is_short: false }
    }

    /// The same walk, with roles of a higher priority before all others.
    pub(crate) fn ranked(self, priorities: Priorities) -> Self {
        let roles = RoleOrder::Ranked(Box::new((RankedRoles::new(priorities), self.roles)));
        Self { roles, ..self }
    }

    /// From here on, walks go through the tree's short list.
    pub(crate) fn begin_shortlist(&mut self, tree: &Tree) {
        self.is_short = true;
        self.roles.begin_shortlist(tree);
    }

    /// From here on, walks go through the whole tree again.
    pub(crate) fn end_shortlist(&mut self) {
        self.is_short = false;
        self.roles.end_shortlist();
    }

    /// The role that [`Walk::next_role`] gave last does not come again in this stage.
    pub(crate) fn leave_shortlist(&mut self) {
        self.roles.leave_shortlist();
    }

    /// Begins a walk.
    pub(crate) fn start(&mut self, tree: &mut Tree, rng: &mut Rng) {
        self.roles.start(tree, rng, self.is_short);
    }

    /// The virtual leaf of the next role that has somebody to serve.
    pub(crate) fn next_role(&mut self, tree: &mut Tree, rng: &mut Rng) -> Option<NodeKey> {
        let own = self.roles.next(tree, rng, self.is_short)?;
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

    fn begin_shortlist(&mut self, tree: &Tree) {
        match self {
            Self::Drf(_) => {}
            Self::Random(roles) => roles.begin_shortlist(tree),
            Self::Ranked(ranked) => ranked.1.begin_shortlist(tree),
        }
    }

    fn end_shortlist(&mut self) {
        match self {
            Self::Drf(_) => {}
            Self::Random(roles) => roles.end_shortlist(),
            Self::Ranked(ranked) => ranked.1.end_shortlist(),
        }
    }

    fn leave_shortlist(&mut self) {
        match self {
            // It left the list itself. Ranked roles were all drawn before the first of them was served.
            Self::Drf(_) | Self::Ranked(_) => {}
            Self::Random(roles) => roles.leave_shortlist(),
        }
    }

    fn start(&mut self, tree: &mut Tree, rng: &mut Rng, is_short: bool) {
        match self {
            Self::Drf(stack) => {
                stack.clear();
                stack.push((NodeKey::ROOT, 0));
            }
            Self::Random(roles) => roles.start(tree),
            Self::Ranked(ranked) => {
                let (ranked, equals) = &mut **ranked;
                equals.start(tree, rng, is_short);
                ranked.gather(tree, |tree| equals.next(tree, rng, is_short));
            }
        }
    }

    fn next(&mut self, tree: &mut Tree, rng: &mut Rng, is_short: bool) -> Option<NodeKey> {
        match self {
            Self::Drf(stack) if is_short => next_in_preorder(stack, tree, |tree, node| tree.shortlist(node)),
            Self::Drf(stack) => next_in_preorder(stack, tree, |tree, node| tree.order(node)),
            Self::Random(roles) => roles.draw(rng),
            Self::Ranked(ranked) => ranked.0.next(),
        }
    }
}

/// A stack instead of recursion: how deep roles nest is up to whoever subscribes.
fn next_in_preorder(
    stack: &mut Vec<(NodeKey, usize)>,
    tree: &mut Tree,
    order: impl Fn(&mut Tree, NodeKey) -> &[NodeKey],
) -> Option<NodeKey> {
    while let Some((node, next)) = stack.last_mut() {
        let Some(child) = order(tree, *node).get(*next).copied() else {
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
