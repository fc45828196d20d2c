//! The tasks a framework wants, kept so that the answer to an offer costs what the offer can hold, and not what waits.
//!
//! Tasks of one role and size are a line; only the oldest of each line is looked at, in the order of their age. What does not
//! fit closes its line for this offer, since an offer only shrinks.

use std::collections::{BTreeMap, VecDeque};

use mesos_core::{Instant, Role, TaskId};

/// So many lines may turn out not to fit before an offer is given back: a framework whose every task has a size of its own
/// does not look through all of them for every offer either. Far more than the sizes that occur in traces of one user.
const MISFITS_MAX: usize = 64;

/// Since when a task is wanted, and its place among those wanted since then.
type Age = (Instant, u64);

/// A task that is wanted.
#[derive(Debug)]
pub(super) struct Wish {
    age: Age,
    /// The name it was recorded under.
    pub(super) name: TaskId,
}

impl Wish {
    /// Since when it is wanted.
    pub(super) const fn since(&self) -> Instant {
        self.age.0
    }
}

/// What to do with the task that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It fits, and is taken.
    Taken,
    /// It does not fit, nor does another one of its size.
    Misfit,
}

/// The tasks a framework wants.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    roles: BTreeMap<Role, Lines>,
    count: usize,
    pushed: u64,
}

/// Those of one role.
#[derive(Debug, Default)]
struct Lines {
    /// By size, each oldest first; none of them is empty.
    lines: BTreeMap<u32, VecDeque<Wish>>,
    /// The size of the line that each oldest task stands in.
    heads: BTreeMap<Age, u32>,
}

impl Wishes {
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A task of a role and size is wanted, since later than all others.
    pub(super) fn push(&mut self, role: &Role, size: u32, since: Instant, name: TaskId) {
        let age = (since, self.pushed);
        self.pushed += 1;
        self.count += 1;
        let role = self.roles.entry(role.clone()).or_default();
        let line = role.lines.entry(size).or_default();
        if line.is_empty() {
            role.heads.insert(age, size);
        }
        line.push_back(Wish { age, name });
    }

    /// Looks at tasks of a role, oldest first, and takes those that fit.
    pub(super) fn take(&mut self, role: &Role, mut look: impl FnMut(u32, &Wish) -> Verdict) {
        let Some(Lines { lines, heads }) = self.roles.get_mut(role) else { return };
        let (mut next, mut misfits) = (heads.first_key_value().map(|(age, size)| (*age, *size)), 0);
        while let Some((age, size)) = next.filter(|_| misfits < MISFITS_MAX) {
            let Some(line) = lines.get_mut(&size) else { break };
            match line.front().map(|wish| look(size, wish)) {
                Some(Verdict::Taken) => {
                    line.pop_front();
                    self.count -= 1;
                    heads.remove(&age);
                    match line.front() {
                        // It is younger than the one before it, so it is looked at later.
                        Some(after) => drop(heads.insert(after.age, size)),
                        None => drop(lines.remove(&size)),
                    }
                }
                Some(Verdict::Misfit) | None => misfits += 1,
            }
            let younger = (std::ops::Bound::Excluded(age), std::ops::Bound::Unbounded);
            next = heads.range(younger).next().map(|(age, size)| (*age, *size));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(sizes: impl IntoIterator<Item = u32>) -> Wishes {
        let (mut wishes, role) = (Wishes::default(), Role::new("web").unwrap());
        for (at, size) in (0..).zip(sizes) {
            wishes.push(&role, size, Instant::from_nanos(at), TaskId::new(format!("t{at}")).unwrap());
        }
        wishes
    }

    /// Sizes are amounts here: an offer of so much takes these, and looks at so many.
    fn offer(wishes: &mut Wishes, mut amount: u32) -> (Vec<String>, usize) {
        let (mut taken, mut looks) = (Vec::new(), 0);
        wishes.take(&Role::new("web").unwrap(), |size, wish| {
            looks += 1;
            if size > amount {
                return Verdict::Misfit;
            }
            amount -= size;
            taken.push(wish.name.to_string());
            Verdict::Taken
        });
        (taken, looks)
    }

    #[test]
    fn tasks_go_by_their_age_whatever_their_size() {
        let mut wishes = wishes([2, 5, 2, 1, 5, 1]);
        assert_eq!(offer(&mut wishes, 10).0, ["t0", "t1", "t2", "t3"]);
        assert_eq!(offer(&mut wishes, 4).0, ["t5"]);
        assert_eq!(offer(&mut wishes, 5).0, ["t4"]);
        assert!(wishes.is_empty());
    }

    #[test]
    fn an_answer_costs_what_the_offer_holds_and_not_what_waits() {
        let mut few_sizes = wishes((0..100_000).map(|at| 1 + at % 4));
        assert_eq!(offer(&mut few_sizes, 10), (["t0", "t1", "t2", "t3"].map(String::from).to_vec(), 8));
        let mut all_different = wishes((0..100_000).map(|at| 11 + at));
        assert_eq!(offer(&mut all_different, 10), (Vec::new(), MISFITS_MAX));
    }
}
