//! Frameworks that want no offers: a fifth more of them each round, or nearly all from the start.

use std::collections::BTreeSet;

use mesos_core::provider::{Fact, FrameworkKey};

use super::{SIZES, Size, decline};
use crate::measure::Readings;
use crate::workload::Workload;

const USED: &str = "cpus:16;mem:1024;disk:1024";

/// The rounds of the comparison: with a fifth, four fifths and all of the frameworks suppressed.
const PHASES: &[(&str, &str)] = &[("cycle_0", "ms"), ("cycle_3", "ms"), ("cycle_4", "ms")];

const EXTREME: &[(&str, &str)] = &[("cycle", "ms")];

/// Both kinds in all sizes.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let by_fifths = SIZES.map(|size| {
        let about = "offers come back and a further fifth of the frameworks suppresses";
        Workload::new(format!("alloc.suppress.{size}"), about, PHASES, move |readings| by_fifths(size, readings))
    });
    let extreme = SIZES.map(|size| {
        let about = "offers come back, 99 of 100 frameworks are suppressed";
        Workload::new(format!("alloc.suppress.extreme.{size}"), about, EXTREME, move |readings| extreme(size, readings))
    });
    by_fifths.into_iter().chain(extreme).collect()
}

fn suppressed(frameworks: std::ops::Range<u32>) -> impl Iterator<Item = Fact> {
    frameworks.map(|number| Fact::RolesSuppressed { framework: FrameworkKey(number), roles: BTreeSet::new() })
}

fn by_fifths(size: Size, readings: &mut Readings) {
    let mut cluster = decline::partly_used(size, USED, &mut Readings::default());
    let fifth = size.frameworks / 5;
    for (round, phase) in (0..).zip(["cycle_0", "cycle_1", "cycle_2", "cycle_3", "cycle_4"]) {
        cluster.hand_back(None);
        cluster.tell(suppressed(round * fifth..(round + 1) * fifth));
        readings.time(phase, || cluster.batch());
        if round == 4 {
            assert!(cluster.offers.is_empty(), "nobody wants offers");
        } else {
            cluster.check_spread(size.agents, size.frameworks - (round + 1) * fifth);
        }
    }
}

fn extreme(size: Size, readings: &mut Readings) {
    let mut cluster = decline::partly_used(size, USED, &mut Readings::default());
    let away = size.frameworks * 99 / 100;
    cluster.tell(suppressed(0..away));
    for _ in 0..5 {
        cluster.hand_back(None);
        readings.time("cycle", || cluster.batch());
        cluster.check_spread(size.agents, size.frameworks - away);
    }
}

#[cfg(test)]
mod tests {
    use super::super::size;
    use super::*;

    #[test]
    fn who_wants_offers_has_them_evenly() {
        by_fifths(size(64, 10), &mut Readings::default());
        extreme(size(50, 200), &mut Readings::default());
    }
}
