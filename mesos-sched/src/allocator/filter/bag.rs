//! The bags that were refused on one agent. What an agent has free is mostly refused by many, so each bag is kept once.

use mesos_core::resource::Resources;

use crate::allocator::sorter::{NodeKey, NodeSet};

/// So many bags, latest first, are compared with a new one. More different ones on one agent are rare, and then a bag is
/// kept twice.
const COMPARED_MAX: usize = 16;

/// So many refusals of one bag make a set of who refused it worth its while.
const SET_FROM: u32 = 16;

/// A set may have so many bits for every filter: no more than they take themselves.
const BITS_PER_FILTER_MAX: usize = 256;

/// Bags with who refused each.
#[derive(Debug, Default)]
pub(super) struct Bags {
    bags: Vec<Bag>,
    /// How many places nobody refers to.
    vacant: u32,
}

/// What was refused.
#[derive(Debug)]
struct Bag {
    refused: Resources,
    /// How many filters refer to it.
    users: u32,
    /// Whose, if they are many. May name somebody whose filters were cleared since.
    by: Option<NodeSet>,
}

impl Bags {
    pub(super) fn get(&self, bag: u32) -> &Resources {
        &self.bags[bag as usize].refused
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.bags.iter().filter(|bag| bag.users > 0).count()
    }

    /// The place of a bag, for one more filter.
    pub(super) fn intern(&mut self, refused: Resources) -> u32 {
        let latest = self.bags.iter().enumerate().rev().take(COMPARED_MAX);
        let known = latest.filter(|(_, bag)| bag.users > 0).find(|(_, bag)| bag.refused == refused);
        let place = match known.map(|(place, _)| place) {
            Some(place) => place,
            None => self.place(refused),
        };
        self.bags[place].users += 1;
        u32::try_from(place).expect("there are fewer than 2^32 bags")
    }

    fn place(&mut self, refused: Resources) -> usize {
        if self.vacant > 0
            && let Some(place) = self.bags.iter().position(|bag| bag.users == 0)
        {
            self.vacant -= 1;
            self.bags[place].refused = refused;
            return place;
        }
        self.bags.push(Bag { refused, users: 0, by: None });
        self.bags.len() - 1
    }

    /// One filter of a client less refers to a bag; maybe the last of that client.
    pub(super) fn release(&mut self, place: u32, client: NodeKey, is_last: bool) {
        let bag = &mut self.bags[place as usize];
        bag.users -= 1;
        match &mut bag.by {
            Some(_) if bag.users < SET_FROM / 2 => bag.by = None,
            Some(by) if is_last => by.remove(client),
            _ => {}
        }
        if bag.users == 0 {
            bag.refused = Resources::new();
            self.vacant += 1;
        }
        while self.bags.last().is_some_and(|bag| bag.users == 0) {
            self.bags.pop();
            self.vacant -= 1;
        }
    }

    // Who refused.

    /// Whether a bag should have a set of those who refused it, and has none.
    pub(super) fn is_worth_a_set(&self, place: u32, clients: usize) -> bool {
        let Bag { users, by, .. } = &self.bags[place as usize];
        by.is_none() && *users >= SET_FROM && *users as usize >= clients / BITS_PER_FILTER_MAX
    }

    /// Those who refused a bag have a set from now on.
    pub(super) fn set_apart(&mut self, place: u32, by: NodeSet) {
        self.bags[place as usize].by = Some(by);
    }

    /// Whether a client refused a bag that holds all of an offer, as far as sets tell: nothing where there is a bag without.
    pub(super) fn block(&self, client: NodeKey, offer: &Resources) -> Option<bool> {
        let mut is_told = true;
        for bag in &self.bags {
            match &bag.by {
                Some(by) if by.contains(client) && bag.refused.contains(offer) => return Some(true),
                Some(_) => {}
                None => is_told &= bag.users == 0,
            }
        }
        is_told.then_some(false)
    }

    /// Whether sets tell that a client refused none of them.
    pub(super) fn are_without(&self, client: NodeKey) -> bool {
        self.bags.iter().all(|bag| bag.by.as_ref().map_or(bag.users == 0, |by| !by.contains(client)))
    }

    /// A client refused a bag.
    pub(super) fn note(&mut self, place: u32, client: NodeKey) {
        if let Some(by) = &mut self.bags[place as usize].by {
            by.insert(client);
        }
    }

    /// What a client refused is void.
    pub(super) fn forget(&mut self, client: NodeKey) {
        for by in self.bags.iter_mut().filter_map(|bag| bag.by.as_mut()) {
            by.remove(client);
        }
    }

    /// Whether there is any set.
    pub(super) fn has_sets(&self) -> bool {
        self.bags.iter().any(|bag| bag.by.is_some())
    }

    /// The sets of those who refused all of this.
    pub(super) fn refusers<'a>(&'a self, available: &Resources) -> impl Iterator<Item = &'a NodeSet> {
        self.bags.iter().filter_map(move |bag| bag.by.as_ref().filter(|_| bag.refused.contains(available)))
    }
}
