//! Random order: every draw takes one of those left, in proportion to their weights.
//!
//! A role's chance is its part of its siblings' weights times the chance of the role above it, among roles that have
//! somebody to serve. Drawing without replacement gives the same order as sorting by `u^(1/weight)`, without the
//! floating point that may differ from one machine to the next.

use mesos_core::kernel::Rng;

use super::{Kind, NodeKey, Tree};

/// What can still be drawn.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    left: Vec<(NodeKey, u64)>,
    sum: u64,
}

/// The roles with their chances, computed again when the tree has another shape.
#[derive(Debug, Default)]
pub(crate) struct RandomRoles {
    shape: Option<u64>,
    chances: Vec<(NodeKey, u64)>,
    pool: Pool,
}

/// All chances together; leaves room to sum the rounding up of four billion roles.
const WHOLE: u64 = 1 << 60;

impl Pool {
    pub(crate) fn fill(&mut self, items: impl Iterator<Item = (NodeKey, u64)>) {
        self.left.clear();
        self.left.extend(items);
        self.sum = self.left.iter().map(|(_, chance)| chance).sum();
    }

    pub(crate) fn draw(&mut self, rng: &mut Rng) -> Option<NodeKey> {
        let mut at = rng.below(self.sum);
        let drawn = self.left.iter().position(|(_, chance)| match at.checked_sub(*chance) {
            Some(rest) => {
                at = rest;
                false
            }
            None => true,
        })?;
        let (node, chance) = self.left.swap_remove(drawn);
        self.sum -= chance;
        Some(node)
    }
}

impl RandomRoles {
    pub(crate) fn start(&mut self, tree: &Tree) {
        if self.shape != Some(tree.shape()) {
            self.shape = Some(tree.shape());
            self.chances.clear();
            weigh(tree, &mut self.chances);
        }
        self.pool.fill(self.chances.iter().copied());
    }

    pub(crate) fn draw(&mut self, rng: &mut Rng) -> Option<NodeKey> {
        self.pool.draw(rng)
    }
}

fn weigh(tree: &Tree, chances: &mut Vec<(NodeKey, u64)>) {
    let weight_of = |node: &NodeKey| u128::from(tree[*node].weight().as_milli());
    let mut open = vec![(NodeKey::ROOT, WHOLE)];
    while let Some((node, chance)) = open.pop() {
        if tree[node].kind == Kind::Own {
            chances.push((node, chance));
            continue;
        }
        let siblings = tree.active_children(node);
        let sum: u128 = siblings.iter().map(weight_of).sum();
        for child in siblings {
            let part = u128::from(chance) * weight_of(child) / sum;
            // Never zero, so that even the least of many is drawn in the end.
            open.push((*child, u64::try_from(part).unwrap_or(WHOLE).max(1)));
        }
    }
}
