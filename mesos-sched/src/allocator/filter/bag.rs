//! The bags that were refused on one agent. What an agent has free is mostly refused by many, so each bag is kept once.

use mesos_core::resource::Resources;

/// So many bags, latest first, are compared with a new one. More different ones on one agent are rare, and then a bag is
/// kept twice.
const COMPARED_MAX: usize = 16;

/// Bags with the number of filters that refer to each.
#[derive(Debug, Default)]
pub(super) struct Bags {
    bags: Vec<(Resources, u32)>,
    /// How many places nobody refers to.
    vacant: u32,
}

impl Bags {
    pub(super) fn get(&self, bag: u32) -> &Resources {
        &self.bags[bag as usize].0
    }

    /// All of them, by place; those that nobody refers to are empty.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Resources> {
        self.bags.iter().map(|(bag, _)| bag)
    }

    /// The place of a bag, for one more filter.
    pub(super) fn intern(&mut self, refused: Resources) -> u32 {
        let latest = self.bags.iter().enumerate().rev().take(COMPARED_MAX);
        let known = latest.filter(|(_, (_, users))| *users > 0).find(|(_, (bag, _))| *bag == refused);
        let place = match known.map(|(place, _)| place) {
            Some(place) => place,
            None => self.place(refused),
        };
        self.bags[place].1 += 1;
        u32::try_from(place).expect("there are fewer than 2^32 bags")
    }

    fn place(&mut self, refused: Resources) -> usize {
        if self.vacant > 0
            && let Some(place) = self.bags.iter().position(|(_, users)| *users == 0)
        {
            self.vacant -= 1;
            self.bags[place].0 = refused;
            return place;
        }
        self.bags.push((refused, 0));
        self.bags.len() - 1
    }

    /// One filter less refers to a bag.
    pub(super) fn release(&mut self, bag: u32) {
        let (refused, users) = &mut self.bags[bag as usize];
        *users -= 1;
        if *users == 0 {
            *refused = Resources::new();
            self.vacant += 1;
        }
        while self.bags.last().is_some_and(|(_, users)| *users == 0) {
            self.bags.pop();
            self.vacant -= 1;
        }
    }
}
