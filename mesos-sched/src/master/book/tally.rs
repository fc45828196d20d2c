//! What is counted of each framework, for whoever watches it: nothing is decided by it.

use mesos_core::TaskState;

/// Counts by name. There are few names, and all are the program's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted(Vec<(&'static str, u64)>);

impl Counted {
    pub(in crate::master) fn count(&mut self, name: &'static str) {
        // The same name is the same text in memory, nearly always.
        match self.0.iter_mut().find(|(own, _)| std::ptr::eq(*own, name) || *own == name) {
            Some((_, count)) => *count += 1,
            None => self.0.push((name, 1)),
        }
    }

    /// All that was counted at least once, in the order of its first time.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().copied()
    }

    /// All together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

/// What was counted of a framework since this master knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Its calls.
    pub calls: Counted,
    /// What it was told.
    pub events: Counted,
    /// What it accepted offers for.
    pub operations: Counted,
    /// Offers it was sent.
    pub offers_sent: u64,
    /// Offers it accepted.
    pub offers_accepted: u64,
    /// Offers it declined.
    pub offers_declined: u64,
    /// Offers that were taken back.
    pub offers_rescinded: u64,
    ended: [u64; 14],
}

impl Tally {
    pub(in crate::master) const fn end(&mut self, state: TaskState) {
        self.ended[state as usize] += 1;
    }

    /// Its tasks that ended like this.
    #[must_use]
    pub const fn ended(&self, state: TaskState) -> u64 {
        self.ended[state as usize]
    }
}
