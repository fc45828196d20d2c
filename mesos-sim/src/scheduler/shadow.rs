//! When the first job in the queue will be able to start, and where: what backfilling must not delay.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::{Instant, Resources};

/// A promise to the job at the head of the queue.
#[derive(Debug)]
pub(super) struct Shadow {
    /// Until then its agents have to be free again.
    pub(super) starts_at: Instant,
    pub(super) agents: BTreeSet<u32>,
}

impl Shadow {
    /// Whether a task may run on this agent until then.
    pub(super) fn allows(&self, agent: u32, until: Instant) -> bool {
        until <= self.starts_at || !self.agents.contains(&agent)
    }
}

/// Adds up what is free and what ends, until `wanted` tasks fit. `ends` comes in the order of time.
pub(super) fn cast<'a>(
    wanted: u32,
    need: &Resources,
    free: impl Iterator<Item = (u32, Resources)>,
    ends: impl Iterator<Item = (Instant, u32, &'a Resources)>,
) -> Option<Shadow> {
    let fits = |left: &mut Resources| {
        let mut count = 0_u32;
        while count < wanted && left.contains(need) {
            *left -= need;
            count += 1;
        }
        count
    };
    let (mut left, mut found, mut agents) = (BTreeMap::<u32, Resources>::new(), 0_u32, BTreeSet::new());
    let mut starts_at = Instant::ZERO;
    for (agent, resources) in free {
        let row = left.entry(agent).or_default();
        *row += &resources;
        let more = fits(row);
        if more > 0 {
            agents.insert(agent);
        }
        found = found.saturating_add(more);
    }
    for (at, agent, resources) in ends {
        if found >= wanted {
            break;
        }
        let row = left.entry(agent).or_default();
        *row += resources;
        let more = fits(row);
        if more > 0 {
            agents.insert(agent);
            starts_at = at;
        }
        found = found.saturating_add(more);
    }
    (found >= wanted).then_some(Shadow { starts_at, agents })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_head_starts_when_enough_has_ended_on_agents_where_it_fits() {
        let need: Resources = "cpus:4".parse().unwrap();
        let (one, two): (Resources, Resources) = ("cpus:1".parse().unwrap(), "cpus:2".parse().unwrap());
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        let free = || [(0, two.clone()), (1, one.clone())].into_iter();
        let ends = [(at(5), 1, &one), (at(9), 0, &two), (at(20), 1, &two)];
        let shadow = cast(1, &need, free(), ends.into_iter()).unwrap();
        assert_eq!((shadow.starts_at, shadow.agents.clone()), (at(9), BTreeSet::from([0])));
        assert!(shadow.allows(1, at(99)) && shadow.allows(0, at(9)) && !shadow.allows(0, at(10)));
        assert!(cast(3, &need, free(), ends.into_iter()).is_none());
    }
}
