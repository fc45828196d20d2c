//! Who can count on a guarantee.
//!
//! While guarantees are served, most roles of a large cluster have theirs; a walk that came past all of them for every agent
//! would cost the number of roles. So among siblings those that lead to somebody with a promise lie apart from the others,
//! each part in order: the stage of guarantees walks through the one part, the stage of fair shares through both, merged. A
//! role that can count on something is told to the tree when that begins. That it ended is found out when a walk meets it, at
//! the cost of one step: so who is looked at may only be too many, and a round pays for what changed.

use super::{Kind, NodeKey, Tree};

impl Tree {
    /// Whether the frameworks of a role can count on a guarantee, as far as was found out.
    pub(crate) fn set_promised(&mut self, own: NodeKey, is_promised: bool) {
        if self[own].is_promised == is_promised {
            return;
        }
        self.flipped.push(own);
        self.part(own, is_promised);
        if self[own].is_active {
            self.settle_promise(self[own].parent);
        }
    }

    /// A virtual leaf that may be served and can count on something as far as is known, if there is one.
    pub(crate) fn any_promised(&self) -> Option<NodeKey> {
        let mut node = NodeKey::ROOT;
        while let Some(next) = self[node].order.any_promised() {
            node = next;
        }
        (node != NodeKey::ROOT).then_some(node)
    }

    /// Names the virtual leaves that began or ceased to be promised something since this was asked last.
    pub(crate) fn drain_flipped(&mut self) -> impl Iterator<Item = NodeKey> {
        self.flipped.drain(..)
    }

    /// A role leads to promises as long as one of its active children does.
    pub(super) fn settle_promise(&mut self, role: NodeKey) {
        let mut node = role;
        while node != NodeKey::ROOT && self[node].kind == Kind::Role {
            let is_promised = self[node].order.any_promised().is_some();
            if self[node].is_promised == is_promised {
                return;
            }
            self.part(node, is_promised);
            node = self[node].parent;
        }
    }

    /// Puts a node into the part of its siblings where it belongs.
    fn part(&mut self, node: NodeKey, is_promised: bool) {
        if self[node].is_active {
            self.leave_order(node);
            self[node].is_promised = is_promised;
            self.enter_order(node);
        } else {
            self[node].is_promised = is_promised;
        }
    }
}
