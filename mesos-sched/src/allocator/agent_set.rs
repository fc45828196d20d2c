//! A set of agents that is cheap to change and to walk through.

use mesos_core::kernel::{Handle, Rng};
use mesos_core::provider::AgentKey;

/// A set of agents. Their order follows from the history of changes alone.
#[derive(Debug, Default)]
pub(super) struct AgentSet {
    members: Vec<AgentKey>,
    /// By agent slot: the place among the members.
    places: Vec<Option<usize>>,
}

impl AgentSet {
    /// Adds an agent, if it is not there.
    pub(super) fn insert(&mut self, agent: AgentKey) {
        if self.places.len() <= agent.slot() {
            self.places.resize(agent.slot() + 1, None);
        }
        if self.places[agent.slot()].is_none() {
            self.places[agent.slot()] = Some(self.members.len());
            self.members.push(agent);
        }
    }

    /// Removes an agent; whether it was there.
    pub(super) fn remove(&mut self, agent: AgentKey) -> bool {
        let Some(place) = self.places.get_mut(agent.slot()).and_then(Option::take) else { return false };
        self.members.swap_remove(place);
        if let Some(moved) = self.members.get(place) {
            self.places[moved.slot()] = Some(place);
        }
        true
    }

    /// Takes a random one of the members that are not among the first `from`, and puts it into that place. Drawing one place
    /// after the other visits all members in random order, at the cost of those visited.
    pub(super) fn draw(&mut self, from: usize, rng: &mut Rng) -> Option<AgentKey> {
        let left = self.members.len().checked_sub(from).filter(|left| *left > 0)?;
        let drawn = from + rng.index(left);
        self.members.swap(from, drawn);
        for place in [from, drawn] {
            self.places[self.members[place].slot()] = Some(place);
        }
        Some(self.members[from])
    }

    pub(super) fn contains(&self, agent: AgentKey) -> bool {
        self.places.get(agent.slot()).is_some_and(Option::is_some)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn as_slice(&self) -> &[AgentKey] {
        &self.members
    }

    pub(super) fn clear(&mut self) {
        for agent in self.members.drain(..) {
            self.places[agent.slot()] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_one_leaves_the_others_where_they_are_found() {
        let mut set = AgentSet::default();
        for agent in [3, 1, 4, 1, 5] {
            set.insert(AgentKey(agent));
        }
        assert!(set.remove(AgentKey(3)));
        assert!(!set.remove(AgentKey(3)) && !set.remove(AgentKey(9)));
        assert_eq!(set.as_slice(), [AgentKey(5), AgentKey(1), AgentKey(4)]);
        assert!(set.remove(AgentKey(5)) && set.remove(AgentKey(4)) && set.contains(AgentKey(1)));
        set.clear();
        assert!(set.is_empty() && !set.contains(AgentKey(1)));
    }
}
