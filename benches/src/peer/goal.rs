//! What our figures are to be at most: by Mesos' figure for the same work, or by a goal of their own.

use super::of;

/// How many times faster than Mesos a figure has to be that has no goal of its own.
pub const TIMES: f64 = 20.0;

/// Goals of figures that Mesos has too, in the unit of the figure.
const BESIDE: &[(&str, f64)] = &[
    ("alloc.full_cycle.one_role.10000x1000.cycle", 10.0),
    ("alloc.full_cycle.one_role.50000x200.cycle", 40.0),
    ("alloc.full_cycle.role_each.10000x1000.cycle", 15.0),
    ("alloc.full_cycle.role_each.10000x1000.add_frameworks", 20.0),
    ("alloc.full_cycle.one_role.50000x200.idle_cycle", 1.0),
    ("alloc.decline.10000x1000.cycle", 20.0),
    ("alloc.decline.10000x1000.recover", 20.0),
    ("alloc.decline.saturated.1000x200.cycle", 2.0),
    ("alloc.quota.large_and_small.random.2500+500.cycle_0", 50.0),
    ("alloc.quota.large_and_small.random.2500+500.cycle_1", 50.0),
    ("alloc.decline.saturated.1000x200.bytes_per_filter", 150.0),
];

/// Goals of figures that nobody measured of Mesos.
const BEYOND: &[(&str, f64)] = &[
    // Mesos would need about a minute.
    ("alloc.filtered.10000x1000.cycle", 100.0),
    ("alloc.filtered.10000x1000.shrunk_cycle", 100.0),
    ("alloc.free.20000x2000.cycle", 20.0),
    ("alloc.free.100000x10000.cycle", 200.0),
    ("alloc.changed.50000.100", 1.0),
    ("alloc.quota_everywhere.10000x500", 1.5),
    // No growth: differences under a fifth mean nothing.
    ("alloc.decline_storm.10000x1000.growth", 1.2),
    ("alloc.decline_storm.10000x1000.recover_growth", 1.2),
    ("alloc.decline_storm.10000x1000.bytes_per_filter", 150.0),
    // Free when nobody asks: what remembering costs cannot be told from noise.
    ("alloc.unasked.10000x1000.cycle", 1.05),
    ("alloc.unasked.10000x1000.recover", 1.05),
];

/// An answer is there within a millisecond, whatever the policy and whatever is in the way.
macro_rules! answers {
    ($($policy:literal)*) => {
        &[$(
            (concat!("alloc.explain.", $policy, "10000"), 1.0),
            (concat!("alloc.explain.", $policy, "10000.agent"), 1.0),
            (concat!("alloc.explain.", $policy, "hard.10000"), 1.0),
            (concat!("alloc.explain.", $policy, "hard.10000.agent"), 1.0),
            (concat!("alloc.explain.", $policy, "promised.10000x1000"), 1.0),
            (concat!("alloc.explain.", $policy, "promised.10000x1000.agent"), 1.0),
        )*]
    };
}

/// Goals of answers, by policy; nothing stands for the hierarchical one.
const ANSWERS: &[(&str, f64)] = answers!["" "random." "priority." "packing." "choosy." "shared."];

/// What a figure is to be at most, if anything was aimed at.
#[must_use]
pub fn goal(name: &str) -> Option<f64> {
    let own = goals().find(|(own, _)| *own == name).map(|(_, goal)| goal);
    own.or_else(|| Some(of(name)?.spread[1] / TIMES))
}

/// All goals that do not follow from Mesos' figure.
pub fn goals() -> impl Iterator<Item = (&'static str, f64)> {
    BESIDE.iter().chain(BEYOND).chain(ANSWERS).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_goals_ask_for_more_than_the_others_or_are_of_figures_that_mesos_has_not() {
        for (name, goal) in BESIDE {
            assert!(of(name).is_some_and(|peer| *goal <= peer.spread[1] / TIMES), "{name}");
        }
        assert!(BEYOND.iter().chain(ANSWERS).all(|(name, _)| of(name).is_none()));
    }

    #[test]
    fn a_goal_is_its_own_or_a_part_of_what_mesos_takes_or_none() {
        assert_eq!(goal("alloc.changed.50000.100"), Some(1.0));
        assert_eq!(goal("alloc.full_cycle.one_role.10000x1000.cycle"), Some(10.0));
        assert_eq!(goal("alloc.full_cycle.one_role.1000x50.cycle"), Some(13.6 / TIMES));
        assert_eq!(goal("kernel.lifecycles.100"), None);
    }
}
