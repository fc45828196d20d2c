//! All results as one document, to be kept beside the code.

use std::fmt::Write;

use crate::allocator::changed;
use crate::report::{self, Row};
use crate::workload::Workload;

/// How the document is made again.
pub const COMMAND: &str = "cargo run --release -p mesos-benches --bin figures -- --results > benches/RESULTS.md";

/// Measures everything of which something was expected, and tells it in Markdown.
#[must_use]
pub fn markdown(workloads: &[Workload], is_once: bool) -> String {
    let rows = report::measure(workloads, is_once, |_| true);
    document(&rows, &changed::curve(is_once), &machine())
}

fn document(rows: &[Row], curve: &str, machine: &str) -> String {
    let (beside, beyond): (Vec<Row>, Vec<Row>) = rows.iter().cloned().partition(|row| row.peer.is_some());
    let short = rows.iter().filter(|row| !row.is_reached()).map(|row| format!("`{}` ({})", row.name, row.verdict()));
    let short: Vec<String> = short.collect();
    let short = if short.is_empty() { "none".to_owned() } else { short.join(", ") };
    let mut text = String::new();
    let _ = write!(
        text,
        "# Results\n\n\
         Made by `{COMMAND}` on {machine}. Times are processor time. A figure is the median of all runs and rounds; \
         *least* is the best of them, which other work on the machine changes least. How Mesos was measured is told in \
         `src/peer/mod.rs`, what each workload does by `figures --list`.\n\n\
         Short of their goals: {short}.\n\n\
         ## Goals beyond Mesos\n\nNobody measured Mesos at this work.\n\n{}\n\
         ## Cost follows what changed\n\n\
         A hundred agents come back and are offered again, while all others stay in offers. Visits are agents that the round \
         looked at, considered are clients looked at for them, comparisons are of shares.\n\n{curve}\n\
         ## Beside Mesos\n\n\
         Where no goal is set by itself it is a twentieth of what Mesos takes.\n\n{}",
        report::markdown(&beyond),
        report::markdown(&beside),
    );
    text
}

/// What it ran on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let models: Vec<&str> =
        cpus.lines().filter_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim())).collect();
    let model = models.first().unwrap_or(&"a processor that does not tell its name");
    format!("{} x {model}, Linux {}", models.len().max(1), read("/proc/sys/kernel/osrelease").trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Spread;
    use crate::peer;

    #[test]
    fn the_document_tells_what_is_short_and_both_tables() {
        let row = |name: &str, median: f64| Row {
            name: name.into(),
            unit: "ms",
            ours: Spread { least: median, median, most: median },
            peer: peer::of(name).copied(),
            goal: peer::goal(name).unwrap(),
        };
        let rows = [row("alloc.full_cycle.one_role.10000x1000.cycle", 8.0), row("alloc.changed.50000.100", 1.5)];
        let text = document(&rows, "| curve |\n", "a machine");
        assert!(text.contains("Short of their goals: `alloc.changed.50000.100` (short)."), "{text}");
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        let places = ["## Goals beyond", "| alloc.changed.50000.100 |", "| curve |", "## Beside", "| alloc.full_cycle"];
        assert!(places.map(at).is_sorted(), "{text}");
    }

    #[test]
    fn the_machine_has_a_name_and_a_kernel() {
        assert!(machine().contains("Linux "), "{}", machine());
    }
}
