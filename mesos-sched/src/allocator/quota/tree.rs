//! The tree of roles with what each consumes and requires.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

use mesos_core::Role;
use mesos_core::quota::Quota;
use mesos_core::resource::{Quantities, ResourceName, Scalar};

use super::Room;
use crate::allocator::Options;
use crate::allocator::sorter::NodeKey;

/// A role with books; used again after it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::allocator) struct RoleKey(u32);

impl RoleKey {
    pub(in crate::allocator) const ROOT: Self = Self(0);

    const fn slot(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a role.
#[derive(Debug)]
pub(in crate::allocator) struct RoleBook {
    pub(super) role: Role,
    pub(super) parent: RoleKey,
    children: Vec<RoleKey>,
    /// Frameworks under exactly this role.
    clients: Vec<NodeKey>,
    pub(super) quota: Option<Box<Quota>>,
    /// What is reserved to exactly this role, in use or not.
    reserved: Quantities,
    /// What is reserved to it or below, and what frameworks there hold of what nobody owns.
    pub(super) consumed: Quantities,
    /// The part of its unsatisfied guarantee that no role below asks for.
    pub(super) unclaimed: Quantities,
    /// What is required for the roles below, together.
    pub(super) below: Quantities,
    /// What has to stay free for promises to it and to those below; part of the parent's `below`.
    pub(super) own_required: Quantities,
    /// Whether somebody here or below was given less than there was, because of limits or headroom, since they were last
    /// told that there may be more.
    has_cut: bool,
    /// Whether it is listed among those that may count on something.
    is_awake: bool,
}

/// The tree.
#[derive(Debug)]
pub(in crate::allocator) struct QuotaTree {
    books: Vec<RoleBook>,
    vacant: Vec<RoleKey>,
    pub(super) by_role: BTreeMap<Role, RoleKey>,
    /// Roles with a quota.
    quotas: usize,
    /// How many roles have a guarantee with an unclaimed part.
    hungry: usize,
    /// Roles that, with those below, began to count on something since this was asked last, if they still do.
    awake: Vec<RoleKey>,
    /// Roles where somebody who was given less than there was may be given more.
    grown: Vec<RoleKey>,
    /// A planted defect: limits count nothing of the roles below.
    #[cfg(feature = "mutants")]
    counts_own_role_only: bool,
}

impl Index<RoleKey> for QuotaTree {
    type Output = RoleBook;

    fn index(&self, role: RoleKey) -> &RoleBook {
        &self.books[role.slot()]
    }
}

impl IndexMut<RoleKey> for QuotaTree {
    fn index_mut(&mut self, role: RoleKey) -> &mut RoleBook {
        &mut self.books[role.slot()]
    }
}

impl RoleBook {
    const fn new(role: Role, parent: RoleKey) -> Self {
        Self {
            role,
            parent,
            children: Vec::new(),
            clients: Vec::new(),
            quota: None,
            reserved: Quantities::new(),
            consumed: Quantities::new(),
            unclaimed: Quantities::new(),
            below: Quantities::new(),
            own_required: Quantities::new(),
            has_cut: false,
            is_awake: false,
        }
    }

    pub(in crate::allocator) const fn role(&self) -> &Role {
        &self.role
    }

    pub(in crate::allocator) fn quota(&self) -> Option<&Quota> {
        self.quota.as_deref()
    }

    pub(in crate::allocator) const fn consumed(&self) -> &Quantities {
        &self.consumed
    }

    /// What has to stay free for promises to the role and those below.
    pub(in crate::allocator) const fn required(&self) -> &Quantities {
        &self.own_required
    }

    /// The part of its unsatisfied guarantee that no role below asks for.
    pub(in crate::allocator) const fn unclaimed(&self) -> &Quantities {
        &self.unclaimed
    }

    fn is_needless(&self) -> bool {
        self.children.is_empty() && self.clients.is_empty() && self.quota.is_none() && self.reserved.is_empty()
    }
}

impl Default for QuotaTree {
    fn default() -> Self {
        Self {
            books: vec![RoleBook::new(Role::any(), RoleKey::ROOT)],
            vacant: Vec::new(),
            by_role: BTreeMap::new(),
            quotas: 0,
            hungry: 0,
            awake: Vec::new(),
            grown: Vec::new(),
            #[cfg(feature = "mutants")]
            counts_own_role_only: false,
        }
    }
}

impl QuotaTree {
    /// The tree of an allocator with these options.
    pub(in crate::allocator) fn of(options: &Options) -> Self {
        let tree = Self::default();
        #[cfg(feature = "mutants")]
        let tree =
            Self { counts_own_role_only: options.mutant == Some(mesos_core::kernel::Mutant::CountOwnRoleOnly), ..tree };
        let _ = options;
        tree
    }

    /// Whether any role has a quota.
    pub(in crate::allocator) const fn has_quota(&self) -> bool {
        self.quotas > 0
    }

    /// Whether a guarantee is not satisfied, other than by roles below that ask for it themselves.
    pub(in crate::allocator) const fn is_hungry(&self) -> bool {
        self.hungry > 0
    }

    /// Names a client of every role that can count on something since this was asked last.
    pub(in crate::allocator) fn drain_awake(&mut self, mut awake: impl FnMut(NodeKey)) {
        while let Some(top) = self.awake.pop() {
            self[top].is_awake = false;
            if !self.is_promised(top) {
                continue;
            }
            // What is promised to a role is promised to those below.
            let mut open = vec![top];
            while let Some(key) = open.pop() {
                self[key].clients.first().copied().into_iter().for_each(&mut awake);
                open.extend_from_slice(&self[key].children);
            }
        }
    }

    fn awaken(&mut self, key: RoleKey) {
        if !std::mem::replace(&mut self[key].is_awake, true) {
            self.awake.push(key);
        }
    }

    /// What has to stay free for promises that are not consumed yet.
    pub(in crate::allocator) fn required(&self) -> &Quantities {
        &self[RoleKey::ROOT].below
    }

    pub(in crate::allocator) fn find(&self, role: &Role) -> Option<&RoleBook> {
        self.by_role.get(role).map(|key| &self[*key])
    }

    /// All roles that have books, by path.
    pub(in crate::allocator) fn roles(&self) -> impl Iterator<Item = &RoleBook> {
        self.keyed().map(|(_, book)| book)
    }

    /// The same, with their places.
    pub(in crate::allocator) fn keyed(&self) -> impl Iterator<Item = (RoleKey, &RoleBook)> {
        self.by_role.values().map(|key| (*key, &self[*key]))
    }

    /// What a grant to the role can count on: the unclaimed guarantees along its path. Consuming it makes what is
    /// required smaller by as much.
    pub(in crate::allocator) fn promised(&self, role: RoleKey) -> Quantities {
        let mut promised = Quantities::new();
        for book in self.path(role).filter(|book| !book.unclaimed.is_empty()) {
            promised += &book.unclaimed;
        }
        promised
    }

    /// Whether a grant to the role can count on anything.
    pub(in crate::allocator) fn is_promised(&self, role: RoleKey) -> bool {
        self.is_hungry() && self.path(role).any(|book| !book.unclaimed.is_empty())
    }

    /// Whether one promise along the path covers a grant as a whole, and every limit along it does: then nothing of the
    /// grant is cut, whatever the headroom.
    pub(in crate::allocator) fn covers(&self, role: RoleKey, amounts: &Quantities) -> bool {
        let after = |book: &RoleBook| book.consumed.clone() + amounts;
        let admits = |book: &RoleBook| book.quota.as_ref().is_none_or(|quota| quota.limits().contains(&after(book)));
        self.path(role).any(|book| book.unclaimed.contains(amounts)) && self.path(role).all(admits)
    }

    /// What the limits along the path leave.
    pub(in crate::allocator) fn room(&self, role: RoleKey) -> Room {
        let mut room = Room::UNBOUNDED;
        for book in self.path(role) {
            if let Some(quota) = &book.quota {
                room.narrow(quota.limits(), &book.consumed);
            }
            #[cfg(feature = "mutants")]
            if self.counts_own_role_only {
                break;
            }
        }
        room
    }

    /// The same once somebody gave this back: what counts against his role then, and against those above it.
    pub(in crate::allocator) fn room_without(&self, role: RoleKey, freed: &[(Role, Quantities)]) -> Room {
        let mut room = Room::UNBOUNDED;
        for book in self.path(role) {
            let Some(quota) = &book.quota else { continue };
            let own = freed.iter().filter(|(holder, _)| *holder == book.role || holder.is_below(&book.role));
            let consumed = own.fold(book.consumed.clone(), |left, (_, amounts)| left - amounts);
            room.narrow(quota.limits(), &consumed);
        }
        room
    }

    /// The role and those above it, without the root.
    fn path(&self, role: RoleKey) -> impl Iterator<Item = &RoleBook> {
        let next = |book: &&RoleBook| (book.parent != RoleKey::ROOT).then(|| &self[book.parent]);
        std::iter::successors((role != RoleKey::ROOT).then(|| &self[role]), next)
    }

    // Changes.

    /// Sets the whole of a role's quota; the default one is none.
    pub(in crate::allocator) fn set_quota(&mut self, role: &Role, quota: Quota) {
        if quota.is_none() && !self.by_role.contains_key(role) {
            return;
        }
        let key = self.intern(role);
        let before = self[key].quota.take();
        self[key].quota = (!quota.is_none()).then(|| Box::new(quota));
        self.quotas -= usize::from(before.is_some());
        self.quotas += usize::from(self[key].quota.is_some());
        self.settle_upward(key);
        // Who was cut here may have more; and so may who was cut under a role above, if less of its guarantee is asked for
        // by this one.
        let mut above = key;
        while above != RoleKey::ROOT {
            self.note_growth(above);
            above = self[above].parent;
        }
        self.prune(key);
    }

    /// Somebody under the role holds more.
    pub(in crate::allocator) fn consume(&mut self, role: RoleKey, amounts: &Quantities) {
        self.change_upward(role, |consumed| *consumed += amounts);
    }

    /// Somebody under the role holds less.
    pub(in crate::allocator) fn release(&mut self, role: RoleKey, amounts: &Quantities) {
        if !amounts.is_empty() {
            self.change_upward(role, |consumed| *consumed -= amounts);
            self.note_growth_upward(role);
        }
    }

    /// More is reserved to the role.
    pub(in crate::allocator) fn reserve(&mut self, role: &Role, name: &ResourceName, amount: Scalar) {
        let key = self.intern(role);
        self[key].reserved.add_amount(name, amount);
        self.change_upward(key, |consumed| consumed.add_amount(name, amount));
    }

    /// Less is reserved to the role.
    pub(in crate::allocator) fn unreserve(&mut self, role: &Role, name: &ResourceName, amount: Scalar) {
        let Some(key) = self.by_role.get(role).copied() else { return };
        let less = Quantities::from_iter([(name.clone(), amount)]);
        self[key].reserved -= &less;
        self.release(key, &less);
        self.prune(key);
    }

    /// A framework comes under the role.
    pub(in crate::allocator) fn add_client(&mut self, role: &Role, client: NodeKey) -> RoleKey {
        let key = self.intern(role);
        self[key].clients.push(client);
        if self[key].clients.len() == 1 && self.is_promised(key) {
            self.awaken(key);
        }
        key
    }

    /// A framework leaves the role; it holds nothing there.
    pub(in crate::allocator) fn remove_client(&mut self, role: RoleKey, client: NodeKey) {
        if let Some(place) = self[role].clients.iter().position(|other| *other == client) {
            self[role].clients.swap_remove(place);
        }
        self.prune(role);
    }

    fn change_upward(&mut self, role: RoleKey, change: impl Fn(&mut Quantities)) {
        let mut key = role;
        while key != RoleKey::ROOT {
            change(&mut self[key].consumed);
            if self.quotas > 0 {
                self.settle(key);
            }
            key = self[key].parent;
        }
    }

    fn settle_upward(&mut self, role: RoleKey) {
        let mut key = role;
        while key != RoleKey::ROOT {
            self.settle(key);
            key = self[key].parent;
        }
    }

    /// Computes what is required for a role, and tells the one above.
    fn settle(&mut self, key: RoleKey) {
        let book = &mut self.books[key.slot()];
        let guarantees = book.quota.as_ref().map(|quota| quota.guarantees()).filter(|all| !all.is_empty());
        // Few roles have others below them that require anything, and this is done for every grant.
        let requires_below = !book.below.is_empty();
        let mut unclaimed = Quantities::new();
        if let Some(guarantees) = guarantees {
            unclaimed = guarantees.clone() - &book.consumed;
            if requires_below {
                unclaimed -= &book.below;
            }
        }
        let was_hungry = !book.unclaimed.is_empty();
        let is_hungry = !unclaimed.is_empty();
        book.unclaimed = unclaimed.clone();
        let mut required = unclaimed;
        if requires_below {
            required += &book.below;
        }
        if required != book.own_required {
            let (parent, before) = (book.parent, std::mem::replace(&mut book.own_required, required));
            let required = self.books[key.slot()].own_required.clone();
            let above = &mut self[parent].below;
            *above -= &before;
            *above += &required;
        }
        self.hungry = self.hungry + usize::from(is_hungry) - usize::from(was_hungry);
        if is_hungry && !was_hungry {
            self.awaken(key);
        }
    }

    // Who may have more.

    /// Somebody under the role was given less than there was.
    pub(in crate::allocator) fn note_cut(&mut self, role: RoleKey) {
        let mut key = role;
        while key != RoleKey::ROOT && !self[key].has_cut {
            self[key].has_cut = true;
            key = self[key].parent;
        }
    }

    /// Less is consumed under a role: whoever was cut by a quota along the path may have more.
    fn note_growth_upward(&mut self, role: RoleKey) {
        if !self.has_quota() {
            return;
        }
        let mut key = role;
        while key != RoleKey::ROOT {
            if self[key].quota.is_some() {
                self.note_growth(key);
            }
            key = self[key].parent;
        }
    }

    fn note_growth(&mut self, key: RoleKey) {
        if self[key].has_cut {
            self.grown.push(key);
        }
    }

    /// Whether somebody who was cut may have more.
    pub(in crate::allocator) const fn has_growth(&self) -> bool {
        !self.grown.is_empty()
    }

    /// Names the clients that were cut and may have more; each once until it is cut again.
    pub(in crate::allocator) fn drain_growth(&mut self, clients: &mut Vec<NodeKey>) {
        while let Some(top) = self.grown.pop() {
            let mut open = vec![top];
            while let Some(key) = open.pop() {
                let book = &mut self.books[key.slot()];
                if std::mem::take(&mut book.has_cut) {
                    clients.extend_from_slice(&book.clients);
                    open.extend_from_slice(&book.children);
                }
            }
        }
    }

    // Growing and pruning.

    fn intern(&mut self, role: &Role) -> RoleKey {
        if let Some(key) = self.by_role.get(role) {
            return *key;
        }
        let parent = role.parent().map_or(RoleKey::ROOT, |parent| self.intern(&parent));
        let book = RoleBook::new(role.clone(), parent);
        let key = match self.vacant.pop() {
            Some(key) => {
                self[key] = book;
                key
            }
            None => {
                self.books.push(book);
                RoleKey(u32::try_from(self.books.len() - 1).expect("there are fewer than 2^32 roles"))
            }
        };
        self[parent].children.push(key);
        self.by_role.insert(role.clone(), key);
        key
    }

    /// Forgets roles that nobody needs any more.
    fn prune(&mut self, role: RoleKey) {
        let mut key = role;
        while key != RoleKey::ROOT && self[key].is_needless() {
            let parent = self[key].parent;
            self.by_role.remove(&self.books[key.slot()].role);
            self[parent].children.retain(|child| *child != key);
            self.grown.retain(|grown| *grown != key);
            if self[key].is_awake {
                self.awake.retain(|awake| *awake != key);
            }
            self.vacant.push(key);
            key = parent;
        }
    }
}
