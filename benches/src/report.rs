//! Our figures beside those of Mesos and beside our own goals, as a table for people or for programs.

use std::fmt::Write;

use crate::figures::shown;
use crate::measure::Spread;
use crate::peer::{self, Peer};
use crate::workload::Workload;

/// A figure of which something was expected.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Ours.
    pub ours: Spread,
    /// Theirs, if Mesos does such work and somebody measured it.
    pub peer: Option<Peer>,
    /// What ours is to be at most.
    pub goal: f64,
}

impl Row {
    /// How many times less than Mesos' median ours is.
    #[must_use]
    pub fn times(&self) -> Option<f64> {
        Some(self.peer?.spread[1] / self.ours.median)
    }

    /// Whether the median is what was aimed at.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.ours.median <= self.goal
    }

    /// That in a few words. What only the least of the values reaches is not reached, but close: other work on the machine
    /// makes every value larger.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.is_reached() {
            "reached"
        } else if self.ours.least <= self.goal {
            "reached at best"
        } else {
            "short"
        }
    }
}

/// Measures those figures of the workloads of which something was expected, and says on the way which.
#[must_use]
pub fn measure(workloads: &[Workload], is_once: bool, is_named: impl Fn(&str) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, workload) in (1..).zip(workloads) {
        let wanted: Vec<_> = workload
            .figures()
            .filter(|(name, ..)| is_named(name))
            .filter_map(|(name, phase, unit)| Some((peer::goal(&name)?, name, phase, unit)))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        eprintln!("{number}/{} {}", workloads.len(), workload.name);
        let readings = if is_once { workload.measure_once() } else { workload.measure() };
        rows.extend(wanted.into_iter().filter_map(|(goal, name, phase, unit)| {
            let (ours, peer) = (readings.spread(phase)?, peer::of(&name).copied());
            Some(Row { name, unit, ours, peer, goal })
        }));
    }
    rows
}

/// A table in Markdown, and what is short of its goal.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| workload | Mesos | goal | ours, median | ours, least | times faster | verdict |\n|---|---:|---:|---:|---:|---:|---|\n",
    );
    for row in rows {
        let (unit, name) = (row.unit, &row.name);
        let [goal, median, least] = [row.goal, row.ours.median, row.ours.least].map(shown);
        let theirs = row.peer.map_or_else(|| "-".to_owned(), |peer| format!("{} {unit}", shown(peer.spread[1])));
        let times = row.times().map_or_else(|| "-".to_owned(), shown);
        let verdict = row.verdict();
        let _ = writeln!(
            text,
            "| {name} | {theirs} | {goal} {unit} | {median} {unit} | {least} {unit} | {times} | {verdict} |"
        );
    }
    let of = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
    let (reached, at_best) = (of("reached"), of("reached at best"));
    let _ = writeln!(text, "\n{reached} of {} reached, {at_best} more at best.", rows.len());
    text
}

/// The same as a list of objects; `mesos` and `times` are null where nobody measured Mesos.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let Spread { least, median, most } = row.ours;
        let theirs = row.peer.map_or_else(
            || "null".to_owned(),
            |Peer { spread: [least, median, most], .. }| format!("[{least}, {median}, {most}]"),
        );
        format!(
            "  {{\"name\": \"{}\", \"unit\": \"{}\", \"mesos\": {theirs}, \"ours\": [{least}, {median}, {most}], \
             \"times\": {}, \"goal\": {}, \"reached\": {}}}",
            row.name,
            row.unit,
            row.times().map_or_else(|| "null".to_owned(), |times| format!("{times:.2}")),
            row.goal,
            row.is_reached(),
        )
    };
    format!("[\n{}\n]\n", rows.iter().map(row).collect::<Vec<_>>().join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, median: f64) -> Row {
        let ours = Spread { least: median * 0.5, median, most: median * 2.0 };
        Row { name: name.into(), unit: "ms", ours, peer: peer::of(name).copied(), goal: peer::goal(name).unwrap() }
    }

    #[test]
    fn figures_with_and_without_a_peer_have_a_verdict() {
        let rows = [
            row("alloc.full_cycle.one_role.10000x1000.cycle", 8.0),
            row("alloc.changed.50000.100", 1.5),
            row("alloc.free.20000x2000.cycle", 50.0),
        ];
        assert_eq!(rows.each_ref().map(Row::verdict), ["reached", "reached at best", "short"]);
        let table = markdown(&rows);
        assert!(
            table.contains("| alloc.full_cycle.one_role.10000x1000.cycle | 305 ms | 10.0 ms | 8.00 ms |"),
            "{table}"
        );
        assert!(
            table.contains("| alloc.free.20000x2000.cycle | - | 20.0 ms | 50.0 ms | 25.0 ms | - | short |"),
            "{table}"
        );
        assert!(table.ends_with("1 of 3 reached, 1 more at best.\n"), "{table}");
        assert!(json(&rows).contains("\"mesos\": null, \"ours\": [0.75, 1.5, 3], \"times\": null, \"goal\": 1"));
    }
}
