//! What would have to stay free if promises were smaller, or somebody gave something back: computed beside the books, along
//! the paths that change. A change costs as many steps as there are roles above up to the outermost that is promised
//! something, however many changes there were before: further up all of it is required that is required below.

use std::collections::BTreeMap;

use mesos_core::Role;
use mesos_core::resource::Quantities;

use super::{QuotaTree, RoleBook, RoleKey};

/// The books as they would be.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::allocator) struct Outlook {
    /// What has to stay free in all.
    pub(in crate::allocator) required: Quantities,
    /// What a grant to the role in question could count on.
    pub(in crate::allocator) promised: Quantities,
}

/// The books as they would be to a role, while they are changed.
#[derive(Debug)]
pub(in crate::allocator) struct Prospect<'a> {
    tree: &'a QuotaTree,
    /// The role in question and those above it.
    path: Vec<RoleKey>,
    changed: BTreeMap<RoleKey, Changed>,
    required: Quantities,
    changes: usize,
}

/// What would be different about one role.
#[derive(Debug)]
struct Changed {
    /// So much less is promised.
    lowered: Quantities,
    /// So much less is consumed.
    freed: Quantities,
    /// What is required for the roles below.
    below: Quantities,
    unclaimed: Quantities,
    required: Quantities,
}

impl Changed {
    fn of(book: &RoleBook) -> Self {
        Self {
            lowered: Quantities::new(),
            freed: Quantities::new(),
            below: book.below.clone(),
            unclaimed: book.unclaimed.clone(),
            required: book.own_required.clone(),
        }
    }
}

impl QuotaTree {
    /// How things look to a role, before anything changes.
    pub(in crate::allocator) fn prospect(&self, role: &Role) -> Prospect<'_> {
        let (path, required) = (self.keys_above(role), self.required().clone());
        Prospect { tree: self, path, changed: BTreeMap::new(), required, changes: 0 }
    }

    /// The books of a role and of those above it, from the innermost.
    fn keys_above(&self, role: &Role) -> Vec<RoleKey> {
        let path = std::iter::successors(Some(role.clone()), Role::parent);
        path.filter_map(|role| self.by_role.get(&role).copied()).collect()
    }
}

impl Prospect<'_> {
    /// What has to stay free for promises that are not consumed yet.
    pub(in crate::allocator) const fn required(&self) -> &Quantities {
        &self.required
    }

    /// What a grant to the role in question could count on.
    pub(in crate::allocator) fn promised(&self) -> Quantities {
        self.path.iter().map(|key| self.unclaimed(*key).clone()).sum()
    }

    pub(in crate::allocator) fn outlook(&self) -> Outlook {
        Outlook { required: self.required.clone(), promised: self.promised() }
    }

    /// The part of a role's unsatisfied guarantee that no role below asks for.
    pub(in crate::allocator) fn unclaimed(&self, key: RoleKey) -> &Quantities {
        self.changed.get(&key).map_or(&self.tree[key].unclaimed, |own| &own.unclaimed)
    }

    /// Whether it is the role in question or above it.
    pub(in crate::allocator) fn is_own(&self, key: RoleKey) -> bool {
        self.path.contains(&key)
    }

    /// Whether a role is promised anything.
    pub(in crate::allocator) fn has_guarantee(&self, key: RoleKey) -> bool {
        self.tree[key].quota.as_ref().is_some_and(|quota| !quota.guarantees().is_empty())
    }

    /// Whether a role above one is promised anything: it would ask for a part of what is promised less below it.
    pub(in crate::allocator) fn is_below_promise(&self, key: RoleKey) -> bool {
        self.above(key).any(|above| self.has_guarantee(above))
    }

    /// The roles above one, from the innermost.
    pub(in crate::allocator) fn above(&self, key: RoleKey) -> impl Iterator<Item = RoleKey> + use<'_> {
        let next = |key: &RoleKey| Some(self.tree[*key].parent).filter(|parent| *parent != RoleKey::ROOT);
        std::iter::successors(next(&key), next)
    }

    /// So much less is promised to a role.
    pub(in crate::allocator) fn lower(&mut self, key: RoleKey, by: &Quantities) {
        self.change(key, |own, is_last| {
            if is_last {
                own.lowered += by;
            }
        });
    }

    /// So much of what a role was promised less is promised to it again.
    pub(in crate::allocator) fn restore(&mut self, key: RoleKey, by: &Quantities) {
        self.change(key, |own, is_last| {
            if is_last {
                own.lowered -= by;
            }
        });
    }

    /// As [`Self::lower`], of a role by its name.
    pub(in crate::allocator) fn lower_role(&mut self, role: &Role, by: &Quantities) {
        if let Some(key) = self.tree.by_role.get(role) {
            self.lower(*key, by);
        }
    }

    /// Somebody under a role gives so much back.
    pub(in crate::allocator) fn give_back(&mut self, role: &Role, amounts: &Quantities) {
        if let Some(key) = self.tree.keys_above(role).first() {
            self.change(*key, |own, _| own.freed += amounts);
        }
    }

    /// Every role that would be promised less, and by how much.
    pub(in crate::allocator) fn lowered(&self) -> Vec<(Role, Quantities)> {
        let lowered = self.changed.iter().filter(|(_, own)| !own.lowered.is_empty());
        let mut lowered: Vec<_> =
            lowered.map(|(key, own)| (self.tree[*key].role.clone(), own.lowered.clone())).collect();
        lowered.sort_by(|(left, _), (right, _)| left.cmp(right));
        lowered
    }

    /// How many changes there were.
    pub(in crate::allocator) const fn changes(&self) -> usize {
        self.changes
    }

    /// Changes a role, which is the last of its path, and those above it.
    fn change(&mut self, last: RoleKey, mut change: impl FnMut(&mut Changed, bool)) {
        self.changes += 1;
        let mut key = last;
        while key != RoleKey::ROOT {
            let book = &self.tree[key];
            let own = self.changed.entry(key).or_insert_with(|| Changed::of(book));
            change(own, key == last);
            let guarantees = book.quota.as_ref().map(|quota| quota.guarantees().clone()).unwrap_or_default();
            own.unclaimed = guarantees - &own.lowered - &(book.consumed.clone() - &own.freed) - &own.below;
            let required = own.below.clone() + &own.unclaimed;
            let before = std::mem::replace(&mut own.required, required.clone());
            if !self.is_below_promise(key) {
                self.required -= &before;
                self.required += &required;
                return;
            }
            let parent = self.changed.entry(book.parent).or_insert_with(|| Changed::of(&self.tree[book.parent]));
            parent.below = parent.below.clone() - &before + &required;
            key = book.parent;
        }
    }
}
