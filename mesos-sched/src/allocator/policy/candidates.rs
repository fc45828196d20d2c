//! Those who come into question for an agent that is dealt out piece by piece, in groups.
//!
//! ```text
//!   walk ──▶ candidates, in order ──▶ groups: who takes as much at a time of the same rest
//!                                        │
//!                  a piece is cut once for a group, and whoever is first of it stands for it
//! ```
//!
//! Whether a piece fits, and how well an agent suits it, is the same for all of a group. So before every piece each group is
//! looked at, and not each of its members: there are as many groups as there are different demands, times the different parts
//! of the agent that roles may have where something of it is reserved.

use std::collections::BTreeMap;

use mesos_core::resource::{Quantities, Resources};

use super::dealing::next_piece;
use super::piece::PieceKey;
use super::ranks::Ranks;
use crate::allocator::sorter::NodeKey;

/// The candidates of one agent; kept for its memory.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// In the order of the walk; some of them may be out by now.
    all: Vec<Candidate>,
    groups: Vec<Group>,
    /// By the rest and what is taken of it at a time.
    by_piece: BTreeMap<(usize, Option<PieceKey>), usize>,
    /// The different rests, as they were to begin with, each with a client that may have it.
    rests: Vec<(NodeKey, Resources)>,
    /// The groups with somebody left whose piece fits.
    fitting: Vec<usize>,
    /// How many are left in them.
    left: usize,
    /// The places of those who are left.
    ranks: Ranks,
}

/// A client while an agent is dealt out.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) client: NodeKey,
    group: usize,
    /// The next one of its group.
    next: Option<usize>,
    /// What it was dealt of this agent.
    pub(super) dealt: Quantities,
    pub(super) pieces: u64,
}

/// Candidates who take as much at a time of the same rest.
#[derive(Debug)]
struct Group {
    rest: usize,
    /// Nothing means all there is.
    piece: Option<Quantities>,
    first: usize,
    last: usize,
    count: usize,
    /// What each of them would be handed next.
    portion: Option<Resources>,
}

impl Candidates {
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.groups.clear();
        self.by_piece.clear();
        self.rests.clear();
        self.fitting.clear();
        self.left = 0;
    }

    /// The number of a rest that a client may have.
    pub(super) fn rest(&mut self, client: NodeKey, bag: Resources) -> usize {
        let known = self.rests.iter().position(|(_, own)| *own == bag);
        known.unwrap_or_else(|| {
            self.rests.push((client, bag));
            self.rests.len() - 1
        })
    }

    /// For each rest, a client that may have it.
    pub(super) fn rests(&self) -> impl Iterator<Item = NodeKey> {
        self.rests.iter().map(|(client, _)| *client)
    }

    /// The next one in order, who takes a piece of this key at a time; `piece` tells of a new one how much that is.
    pub(super) fn push(
        &mut self,
        client: NodeKey,
        rest: usize,
        key: Option<PieceKey>,
        piece: impl FnOnce() -> Option<Quantities>,
    ) {
        let place = self.all.len();
        let group = match self.by_piece.get(&(rest, key)) {
            Some(group) => {
                let own = &mut self.groups[*group];
                self.all[own.last].next = Some(place);
                own.last = place;
                own.count += 1;
                *group
            }
            None => {
                let group = self.groups.len();
                self.by_piece.insert((rest, key), group);
                self.fitting.push(group);
                self.groups.push(Group { rest, piece: piece(), first: place, last: place, count: 1, portion: None });
                group
            }
        };
        self.all.push(Candidate { client, group, next: None, dealt: Quantities::new(), pieces: 0 });
        self.left += 1;
    }

    /// From here on ranks are asked for.
    pub(super) fn rank(&mut self) {
        self.ranks.fill(self.all.len());
    }

    /// Cuts a piece for each group of what is left of each rest; whose does not fit any more is out. How many groups were
    /// looked at.
    pub(super) fn fit(&mut self, lefts: &[Resources]) -> usize {
        let looked_at = self.fitting.len();
        let Self { all, groups, fitting, left, ranks, .. } = self;
        fitting.retain(|group| {
            let group = &mut groups[*group];
            group.portion = next_piece(lefts[group.rest].clone(), group.piece.as_ref());
            if group.portion.is_none() {
                *left -= group.count;
                let members = std::iter::successors(Some(group.first), |place| all[*place].next);
                members.take(group.count).for_each(|place| ranks.remove(place));
            }
            group.portion.is_some()
        });
        looked_at
    }

    /// Whether nobody is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.fitting.is_empty()
    }

    /// How many are left.
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// All there were to begin with, by place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Candidate)> {
        self.all.iter().enumerate()
    }

    pub(super) fn get(&self, place: usize) -> &Candidate {
        &self.all[place]
    }

    pub(super) fn get_mut(&mut self, place: usize) -> &mut Candidate {
        &mut self.all[place]
    }

    /// What a candidate would be handed next; nothing for one who is out.
    pub(super) fn portion(&self, place: usize) -> Option<&Resources> {
        self.groups[self.all[place].group].portion.as_ref()
    }

    /// Of every group that is left, who comes first, and what is taken at a time; of the first so many alone.
    pub(super) fn first_of(&self, many: usize) -> impl Iterator<Item = (usize, Option<&Quantities>)> {
        let end = if many < self.left { self.ranks.find(many) } else { None };
        let firsts = self.fitting.iter().map(|group| &self.groups[*group]);
        let firsts = firsts.map(|group| (group.first, group.piece.as_ref()));
        firsts.filter(move |(place, _)| end.is_none_or(|end| *place < end))
    }

    /// The first one of a group is out.
    pub(super) fn drop_first(&mut self, place: usize) {
        let number = self.all[place].group;
        let group = &mut self.groups[number];
        debug_assert_eq!(group.first, place, "only whoever is first of a group stands for it");
        self.left -= 1;
        group.count -= 1;
        self.ranks.remove(place);
        match self.all[place].next {
            Some(next) => group.first = next,
            None => {
                group.portion = None;
                self.fitting.retain(|other| *other != number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::kernel::Rng;

    use super::super::piece::Pieces;
    use super::*;

    fn resources(text: &str) -> Resources {
        text.parse().unwrap()
    }

    /// Groups against a list of everybody, gone through for every question.
    #[test]
    fn groups_are_left_and_led_as_if_everybody_was_looked_at() {
        for seed in 0..200 {
            let rng = &mut Rng::new(seed);
            let (mut pieces, mut candidates) = (Pieces::default(), Candidates::default());
            let [one, other] =
                ["cpus(a):1;mem:1", "cpus:1"].map(|bag| candidates.rest(NodeKey::from_slot(0), resources(bag)));
            let mut naive = Vec::new();
            for place in 0..rng.index(40) {
                let amounts: Quantities = format!("cpus:{};mem:{}", 1 + rng.below(3), rng.below(3)).parse().unwrap();
                let key = rng.chance(900_000).then(|| pieces.intern(&amounts));
                let piece = key.map(|_| amounts);
                let rest = if rng.chance(500_000) { one } else { other };
                candidates.push(NodeKey::from_slot(0), rest, key, || piece.clone());
                naive.push((place, rest, key, piece));
            }
            candidates.rank();
            for cpus in (0..8).rev() {
                let lefts = [format!("cpus:{cpus};mem:{cpus}"), format!("cpus:{};mem:2", cpus / 2)];
                let lefts = lefts.map(|text| resources(&text));
                naive.retain(|(_, rest, _, piece)| next_piece(lefts[*rest].clone(), piece.as_ref()).is_some());
                candidates.fit(&lefts);
                while !naive.is_empty() {
                    assert_eq!(candidates.left(), naive.len());
                    let many = 1 + rng.index(naive.len());
                    let mut led = BTreeMap::new();
                    for (place, rest, key, _) in &naive[..many] {
                        led.entry((*rest, *key)).or_insert(*place);
                    }
                    let mut firsts: Vec<usize> = candidates.first_of(many).map(|(place, _)| place).collect();
                    firsts.sort_unstable();
                    let mut expected: Vec<usize> = led.into_values().collect();
                    expected.sort_unstable();
                    assert_eq!(firsts, expected, "seed {seed}");
                    if rng.chance(400_000) {
                        break;
                    }
                    let gone = firsts[rng.index(firsts.len())];
                    candidates.drop_first(gone);
                    naive.retain(|(place, ..)| *place != gone);
                }
                assert_eq!(candidates.is_empty(), naive.is_empty());
            }
        }
    }
}
