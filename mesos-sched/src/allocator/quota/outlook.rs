//! What would have to stay free if promises were smaller, or somebody gave something back: computed beside the books, along
//! the paths that would change.

use std::collections::BTreeMap;

use mesos_core::Role;
use mesos_core::resource::Quantities;

use super::{QuotaTree, RoleKey};

/// The books as they would be.
#[derive(Debug)]
pub(in crate::allocator) struct Outlook {
    /// What has to stay free in all.
    pub(in crate::allocator) required: Quantities,
    /// What a grant to the role in question could count on.
    pub(in crate::allocator) promised: Quantities,
}

/// What would be different about one role.
#[derive(Debug, Default)]
struct Changed {
    depth: usize,
    /// So much less is promised.
    lowered: Quantities,
    /// So much less is consumed.
    freed: Quantities,
    /// What is required for the roles below: so much less, and so much more.
    below: (Quantities, Quantities),
    unclaimed: Quantities,
}

impl QuotaTree {
    /// How things would look to a role, were so much less promised to some roles and so much given back by others.
    pub(in crate::allocator) fn outlook(
        &self,
        role: &Role,
        lowered: &[(Role, Quantities)],
        freed: &[(Role, Quantities)],
    ) -> Outlook {
        let mut changed: BTreeMap<RoleKey, Changed> = BTreeMap::new();
        for (own, amounts) in lowered {
            self.change_path(own, &mut changed, |change, is_own| {
                if is_own {
                    change.lowered += amounts;
                }
            });
        }
        for (own, amounts) in freed {
            self.change_path(own, &mut changed, |change, _| change.freed += amounts);
        }
        let mut order: Vec<RoleKey> = changed.keys().copied().collect();
        order.sort_by_key(|key| std::cmp::Reverse(changed[key].depth));
        let (mut less, mut more) = (Quantities::new(), Quantities::new());
        for key in order {
            let (book, own) = (&self[key], changed.get_mut(&key).expect("it is listed"));
            let below = book.below.clone() + &own.below.1 - &own.below.0;
            let guarantees = book.quota.as_ref().map(|quota| quota.guarantees().clone()).unwrap_or_default();
            let consumed = book.consumed.clone() - &own.freed;
            own.unclaimed = guarantees - &own.lowered - &consumed - &below;
            let required = below + &own.unclaimed;
            match changed.get_mut(&book.parent) {
                Some(parent) => {
                    parent.below.0 += &book.own_required;
                    parent.below.1 += &required;
                }
                None => {
                    less += &book.own_required;
                    more += &required;
                }
            }
        }
        let own = std::iter::successors(Some(role.clone()), Role::parent).filter_map(|role| self.by_role.get(&role));
        let unclaimed = |key: &RoleKey| changed.get(key).map_or(&self[*key].unclaimed, |own| &own.unclaimed).clone();
        Outlook { required: self.required().clone() + &more - &less, promised: own.map(unclaimed).sum() }
    }

    /// Tells every role on a path that it changes, whether it is the last one.
    fn change_path(
        &self,
        role: &Role,
        changed: &mut BTreeMap<RoleKey, Changed>,
        mut change: impl FnMut(&mut Changed, bool),
    ) {
        let path: Vec<RoleKey> = std::iter::successors(Some(role.clone()), Role::parent)
            .filter_map(|role| self.by_role.get(&role).copied())
            .collect();
        for (place, key) in path.iter().enumerate() {
            let own = changed.entry(*key).or_default();
            own.depth = path.len() - place;
            change(own, place == 0);
        }
    }
}
