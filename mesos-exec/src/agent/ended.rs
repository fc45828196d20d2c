//! How containers beside others ended, for whoever asks later.

use std::collections::BTreeMap;

use mesos_core::{ContainerId, Exit};

use super::Nest;

/// How many ends are kept, of one agent; beyond, the container that ended first is forgotten first.
const ENDED_MAX: usize = 4_096;

/// The ends that are kept.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Each with its number in the order of ends.
    exits: BTreeMap<Nest, (u64, Exit)>,
    oldest_first: BTreeMap<u64, Nest>,
    next: u64,
}

impl Ended {
    pub(super) fn get(&self, nest: &Nest) -> Option<&Exit> {
        self.exits.get(nest).map(|(_, exit)| exit)
    }

    pub(super) fn contains(&self, nest: &Nest) -> bool {
        self.exits.contains_key(nest)
    }

    pub(super) fn insert(&mut self, nest: Nest, exit: Exit) {
        if let Some((number, _)) = self.exits.insert(nest.clone(), (self.next, exit)) {
            self.oldest_first.remove(&number);
        }
        self.oldest_first.insert(self.next, nest);
        self.next += 1;
        while self.oldest_first.len() > ENDED_MAX {
            if let Some((_, oldest)) = self.oldest_first.pop_first() {
                self.exits.remove(&oldest);
            }
        }
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, nest: &Nest) -> bool {
        let removed = self.exits.remove(nest);
        removed.is_some_and(|(number, _)| self.oldest_first.remove(&number).is_some())
    }

    /// Forgets what lay beside a container that has gone.
    pub(super) fn forget_beside(&mut self, parent: &ContainerId) {
        let exits = &mut self.exits;
        self.oldest_first.retain(|_, nest| {
            let is_kept = nest.parent.as_ref() != Some(parent);
            if !is_kept {
                exits.remove(nest);
            }
            is_kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nest(parent: &str, name: &str) -> Nest {
        Nest { parent: Some(ContainerId::new(parent).unwrap()), name: ContainerId::new(name).unwrap() }
    }

    #[test]
    fn what_ended_first_is_forgotten_first_whatever_its_name() {
        let mut ended = Ended::default();
        for n in (0..=ENDED_MAX).rev() {
            ended.insert(nest("p", &format!("{n:05}")), Exit::Status(0));
        }
        assert!(!ended.contains(&nest("p", &format!("{ENDED_MAX:05}"))));
        assert!(ended.contains(&nest("p", "00000")) && ended.contains(&nest("p", "00001")));
    }

    #[test]
    fn one_that_ended_again_counts_from_its_last_end() {
        let mut ended = Ended::default();
        ended.insert(nest("p", "a"), Exit::Status(1));
        ended.insert(nest("p", "b"), Exit::Status(1));
        ended.insert(nest("p", "a"), Exit::Status(2));
        for n in 0..ENDED_MAX - 1 {
            ended.insert(nest("p", &format!("{n:05}")), Exit::Status(0));
        }
        assert_eq!((ended.get(&nest("p", "a")), ended.get(&nest("p", "b"))), (Some(&Exit::Status(2)), None));
    }

    #[test]
    fn what_lay_beside_a_container_is_forgotten_with_it() {
        let mut ended = Ended::default();
        for (parent, name) in [("p", "a"), ("q", "a"), ("p", "b")] {
            ended.insert(nest(parent, name), Exit::Status(0));
        }
        ended.forget_beside(&ContainerId::new("p").unwrap());
        assert!(!ended.contains(&nest("p", "a")) && !ended.remove(&nest("p", "b")));
        assert!(ended.remove(&nest("q", "a")) && !ended.remove(&nest("q", "a")));
    }
}
