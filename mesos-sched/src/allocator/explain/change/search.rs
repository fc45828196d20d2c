//! What a search for ways out has cost, and what it found out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mesos_core::Role;
use mesos_core::provider::explain::Change;
use mesos_core::resource::Quantities;

use super::super::super::quota::Outlook;
use super::super::bounds::Freed;
use super::promise::Aim;

/// What a search has cost, and what it found out about promises: the same for many sets of ways.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Sets of ways that were tried.
    pub(super) attempts: Cell<usize>,
    /// Walks through all roles.
    pub(super) walks: Cell<usize>,
    /// Promises that were lowered, or restored, to see what follows.
    pub(super) steps: Cell<usize>,
    /// Which promises would have to be smaller.
    pub(super) lowered: RefCell<Vec<Lowered>>,
    outlooks: RefCell<Vec<Known>>,
}

/// What promises would have to be lowered for.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) aim: Aim,
    pub(super) freed: Vec<Freed>,
    /// Nothing if those of others are not enough.
    pub(super) changes: Option<Vec<Change>>,
}

/// The books of promises that follow.
#[derive(Debug)]
struct Known {
    lowered: Vec<(Role, Quantities)>,
    freed: Vec<Freed>,
    outlook: Rc<Outlook>,
}

impl Search {
    pub(super) fn outlook(&self, lowered: &[(&Role, &Quantities)], freed: &[Freed]) -> Option<Rc<Outlook>> {
        let is_same = |known: &Known| {
            let own = known.lowered.iter().map(|(role, by)| (role, by));
            known.freed == freed && own.eq(lowered.iter().copied())
        };
        let known = self.outlooks.borrow();
        let found = known.iter().find(|known| is_same(known));
        found.map(|known| Rc::clone(&known.outlook))
    }

    pub(super) fn note_outlook(
        &self,
        lowered: Vec<(Role, Quantities)>,
        freed: &[Freed],
        outlook: Outlook,
    ) -> Rc<Outlook> {
        let outlook = Rc::new(outlook);
        let known = Known { lowered, freed: freed.to_vec(), outlook: Rc::clone(&outlook) };
        self.outlooks.borrow_mut().push(known);
        outlook
    }
}
