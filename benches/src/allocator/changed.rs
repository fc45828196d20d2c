//! Small changes in clusters of all sizes: what a round costs follows what changed, not how much there is.

use std::fmt::Write;

use mesos_core::Role;
use mesos_core::kernel::Rng;
use mesos_core::provider::Fact;

use super::cluster::{self, Cluster, LARGE, recovered, resources};
use crate::figures::shown;
use crate::measure::Readings;
use crate::workload::Workload;

/// The time of a round, and how often it did what rounds consist of.
const PHASES: &[(&str, &str)] =
    &[("", "ms"), ("visits", "agents"), ("considered", "clients"), ("comparisons", "pairs")];

/// How large the clusters are.
const AGENTS: [u32; 7] = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
const FRAMEWORKS: u32 = 1_000;
/// How many agents come back before a round.
const BACK: usize = 100;

/// All sizes.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    AGENTS.map(workload).into()
}

fn workload(agents: u32) -> Workload {
    let about = "a round after 100 agents came back while all others stay in offers";
    let name = format!("alloc.changed.{agents}.{BACK}");
    Workload::new(name, about, PHASES, move |found| run(agents, FRAMEWORKS, found))
}

/// Rounds in which some of the agents came back, the others being in offers.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn run(agents: u32, frameworks: u32, readings: &mut Readings) {
    let total = resources(LARGE);
    let mut cluster = Cluster::new();
    cluster.tell(cluster::agents(agents, |_| (total.clone(), Vec::new())));
    cluster.tell(cluster::frameworks(frameworks, &[], |_| Role::any()));
    cluster.batch();
    cluster.check_spread(agents, frameworks);
    let mut rng = Rng::new(3);
    for _ in 0..50 {
        let take = |_| recovered(cluster.offers.swap_remove(rng.index(cluster.offers.len())), None);
        let back: Vec<Fact> = (0..BACK).map(take).collect();
        let before = cluster.allocator.costs();
        readings.time("", || {
            cluster.tell(back);
            cluster.batch();
        });
        let after = cluster.allocator.costs();
        readings.note("visits", (after.visits - before.visits) as f64);
        readings.note("considered", (after.considered - before.considered) as f64);
        readings.note("comparisons", (after.comparisons - before.comparisons) as f64);
        cluster.check_once_each(agents);
    }
}

/// The curve from the smallest to the largest cluster, as a table in Markdown.
#[must_use]
pub fn curve(is_once: bool) -> String {
    let measured = AGENTS.map(|agents| {
        let workload = workload(agents);
        eprintln!("{}", workload.name);
        (agents, if is_once { workload.measure_once() } else { workload.measure() })
    });
    table(&measured)
}

fn table(measured: &[(u32, Readings)]) -> String {
    let mut text = String::from(
        "| agents | of which changed | a round | least | visits | considered | comparisons | agents, times the first | \
         a round, times the first |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let median = |readings: &Readings, phase| readings.spread(phase).map_or(f64::NAN, |spread| spread.median);
    let Some((fewest, first)) = measured.first() else { return text };
    for (agents, readings) in measured {
        let least = readings.spread("").map_or(f64::NAN, |spread| spread.least);
        let counts = ["visits", "considered", "comparisons"].map(|phase| format!("{:.0}", median(readings, phase)));
        let _ = writeln!(
            text,
            "| {agents} | {BACK} | {} ms | {} ms | {} | {} | {} |",
            shown(median(readings, "")),
            shown(least),
            counts.join(" | "),
            shown(f64::from(*agents) / f64::from(*fewest)),
            shown(median(readings, "") / median(first, "")),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_looks_at_what_changed_whatever_there_is() {
        let costs = [200, 1_600].map(|agents| {
            let mut readings = Readings::default();
            run(agents, 50, &mut readings);
            (agents, readings)
        });
        let most = |readings: &Readings, phase| readings.spread(phase).unwrap().most;
        for (agents, readings) in &costs {
            let visits = most(readings, "visits");
            assert!((visits - 100.0).abs() < 0.5, "{visits} of {agents} agents were visited, and 100 had changed");
        }
        for phase in ["considered", "comparisons"] {
            let [few, many] = costs.each_ref().map(|(_, readings)| readings.spread(phase).unwrap().median);
            assert!(many <= few * 1.5 + 50.0, "{phase}: {few} with few agents, {many} with many");
        }
        let table = table(&costs);
        assert_eq!(table.lines().count(), 4, "{table}");
        assert!(table.contains("| 1600 | 100 |") && table.contains("| 8.00 |"), "{table}");
    }
}
