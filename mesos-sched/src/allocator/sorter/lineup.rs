//! Nodes in an order, but for those that came last.
//!
//! Whoever comes is put behind the others, and taken to where it belongs only when somebody asks for the order: so thousands
//! that come one after the other cost one sort, and one that comes now and then a search. What the order is, the caller says.

use std::cmp::Ordering;

use super::NodeKey;

/// So few late ones are searched a place for each, however few the others are.
const FEW: usize = 4;

/// One in so many may be late before sorting all costs less than a search and a move for each.
const LATE_PART: usize = 8;

/// The nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Lineup {
    all: Vec<NodeKey>,
    /// So many of them, the first, are in order.
    sorted: usize,
}

impl Lineup {
    /// All of them; in order if they [are sorted](Self::is_sorted).
    pub(super) fn all(&self) -> &[NodeKey] {
        &self.all
    }

    /// Those that are in order.
    pub(super) fn sorted(&self) -> &[NodeKey] {
        &self.all[..self.sorted]
    }

    /// Whether all are in order, and the last of them comes before somebody else.
    pub(super) fn are_all_before(&self, is_before: impl FnOnce(NodeKey) -> bool) -> bool {
        self.is_sorted() && self.all.last().is_none_or(|last| is_before(*last))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn is_sorted(&self) -> bool {
        self.sorted == self.all.len()
    }

    /// Adds one, which is late unless it is known to come after all others, and these are in order.
    pub(super) fn push(&mut self, node: NodeKey, is_last: bool) {
        self.all.push(node);
        self.sorted += usize::from(is_last);
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.all.remove(place);
        self.sorted -= usize::from(place < self.sorted);
    }

    /// Whether sorting all costs less than to search a place for each that is late.
    pub(super) fn are_many_late(&self) -> bool {
        self.all.len() - self.sorted > (self.sorted / LATE_PART).max(FEW)
    }

    /// Takes the first late one to its place; which that is.
    pub(super) fn place_next(&mut self, mut is_before: impl FnMut(NodeKey, NodeKey) -> bool) -> Option<usize> {
        let own = *self.all.get(self.sorted)?;
        let place = self.all[..self.sorted].partition_point(|other| is_before(*other, own));
        self.all[place..=self.sorted].rotate_right(1);
        self.sorted += 1;
        Some(place)
    }

    pub(super) fn sort(&mut self, compare: impl FnMut(&NodeKey, &NodeKey) -> Ordering) {
        self.all.sort_unstable_by(compare);
        self.sorted = self.all.len();
    }

    /// Others, or the same in another order: that they are in.
    pub(super) fn fill(&mut self, sorted: impl Iterator<Item = NodeKey>) {
        self.all.clear();
        self.all.extend(sorted);
        self.sorted = self.all.len();
    }

    /// The one at a place has changed, and belongs elsewhere maybe; they are in order but for it.
    pub(super) fn replace(&mut self, place: usize, mut is_before: impl FnMut(NodeKey) -> bool) {
        let all = &mut self.all;
        if all.get(place + 1).is_some_and(|next| is_before(*next)) {
            let last = place + 1 + all[place + 2..].partition_point(|other| is_before(*other));
            all[place..=last].rotate_left(1);
        } else if place > 0 && !is_before(all[place - 1]) {
            let first = all[..place - 1].partition_point(|other| is_before(*other));
            all[first..=place].rotate_right(1);
        }
    }
}

impl From<Lineup> for Vec<NodeKey> {
    fn from(line: Lineup) -> Self {
        line.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(slots: &[u32]) -> Lineup {
        let mut line = Lineup::default();
        slots.iter().for_each(|slot| line.push(NodeKey::from_slot(*slot), false));
        line
    }

    fn settle(line: &mut Lineup) -> usize {
        let mut placed = 0;
        while line.place_next(|left, right| left < right).is_some() {
            placed += 1;
        }
        placed
    }

    fn slots(line: &Lineup) -> Vec<usize> {
        line.all().iter().map(|node| node.slot()).collect()
    }

    #[test]
    fn late_ones_come_to_their_places() {
        let mut line = line(&[5, 3, 9]);
        assert!(!line.are_all_before(|_| true));
        assert_eq!((settle(&mut line), slots(&line)), (3, vec![3, 5, 9]));
        assert!(line.are_all_before(|last| last.slot() == 9) && !line.are_all_before(|_| false));
        line.push(NodeKey::from_slot(10), true);
        assert!(line.is_sorted());
        line.push(NodeKey::from_slot(4), false);
        line.remove(0);
        assert_eq!((line.sorted().len(), settle(&mut line), slots(&line)), (3, 1, vec![4, 5, 9, 10]));
        line.remove(3);
        assert!(line.is_sorted());
    }

    #[test]
    fn many_late_ones_are_sorted_with_the_others() {
        let mut line = line(&[8, 1, 7, 2]);
        assert!(!line.are_many_late());
        line.push(NodeKey::from_slot(0), false);
        assert!(line.are_many_late());
        line.sort(Ord::cmp);
        assert_eq!(slots(&line), [0, 1, 2, 7, 8]);
        (10..14).for_each(|slot| line.push(NodeKey::from_slot(slot), false));
        assert!(!line.are_many_late());
    }
}
