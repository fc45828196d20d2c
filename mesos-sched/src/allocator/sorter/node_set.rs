//! Sets of nodes as bits: thousands of clients are compared in a few dozen words.

use super::NodeKey;

/// A set of nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeSet {
    words: Vec<u64>,
}

const BITS: usize = u64::BITS as usize;

impl NodeSet {
    /// Adds a node.
    pub(crate) fn insert(&mut self, node: NodeKey) {
        let word = node.slot() / BITS;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (node.slot() % BITS);
    }

    /// Removes a node, if it is there.
    pub(crate) fn remove(&mut self, node: NodeKey) {
        if let Some(word) = self.words.get_mut(node.slot() / BITS) {
            *word &= !(1 << (node.slot() % BITS));
        }
    }

    pub(crate) fn contains(&self, node: NodeKey) -> bool {
        self.words.get(node.slot() / BITS).is_some_and(|word| word & (1 << (node.slot() % BITS)) != 0)
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }

    /// Adds all nodes of another set.
    pub(crate) fn unite(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (own, other) in self.words.iter_mut().zip(&other.words) {
            *own |= other;
        }
    }

    /// Lists the nodes that are not in `others`, if there are at most so many; whether there are.
    pub(crate) fn list_without(&self, others: &Self, most: usize, listed: &mut Vec<NodeKey>) -> bool {
        listed.clear();
        for (place, word) in (0..).zip(&self.words) {
            let mut left = word & !others.words.get(place as usize).copied().unwrap_or(0);
            if listed.len() + left.count_ones() as usize > most {
                listed.clear();
                return false;
            }
            while left != 0 {
                listed.push(NodeKey::from_slot(place * u64::BITS + left.trailing_zeros()));
                left &= left - 1;
            }
        }
        true
    }
}

impl FromIterator<NodeKey> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeKey>>(nodes: I) -> Self {
        let mut set = Self::default();
        nodes.into_iter().for_each(|node| set.insert(node));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_that_are_left_are_listed_and_many_are_not() {
        let nodes = [0, 3, 63, 64, 200].map(NodeKey::from_slot);
        let (mut all, mut gone) = (NodeSet::default(), NodeSet::default());
        nodes.iter().for_each(|node| all.insert(*node));
        [nodes[1], nodes[4]].iter().for_each(|node| gone.insert(*node));
        let mut listed = Vec::new();
        assert!(all.list_without(&gone, 3, &mut listed));
        assert_eq!(listed, [nodes[0], nodes[2], nodes[3]]);
        assert!(!all.list_without(&gone, 2, &mut listed) && listed.is_empty());
        gone.unite(&all);
        assert!(all.list_without(&gone, 0, &mut listed));
        gone.remove(nodes[3]);
        assert!(!gone.contains(nodes[3]) && gone.contains(nodes[4]) && !gone.contains(NodeKey::from_slot(9_999)));
    }
}
