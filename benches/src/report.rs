//! Our figures beside those of Mesos, as a table for people or for programs.

use std::fmt::Write;

use crate::figures::shown;
use crate::measure::Spread;
use crate::peer::{self, Peer};
use crate::workload::Workload;

/// One figure, and Mesos' if there is one.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Ours.
    pub ours: Spread,
    /// Theirs.
    pub peer: Peer,
}

impl Row {
    /// How many times less than Mesos' median ours is.
    #[must_use]
    pub fn times(&self) -> f64 {
        self.peer.spread[1] / self.ours.median
    }

    /// Whether that is what was aimed at.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.times() >= peer::target(&self.name)
    }

    /// That in one word.
    fn verdict(&self) -> &'static str {
        if self.is_reached() { "reached" } else { "short" }
    }
}

/// Measures those figures of the workloads that Mesos has too.
#[must_use]
pub fn measure(workloads: &[Workload], runs_max: usize, is_named: impl Fn(&str) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for workload in workloads {
        let wanted: Vec<_> = workload
            .figures()
            .filter(|(name, ..)| is_named(name))
            .filter_map(|(name, phase, unit)| Some((peer::of(&name)?, name, phase, unit)))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let readings = workload.measure(runs_max);
        rows.extend(wanted.into_iter().filter_map(|(peer, name, phase, unit)| {
            Some(Row { name, unit, ours: readings.spread(phase)?, peer: *peer })
        }));
    }
    rows
}

/// A table in Markdown, and what is short of its target.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut text =
        String::from("| workload | Mesos | ours | times faster | target | verdict |\n|---|---:|---:|---:|---:|---|\n");
    for row in rows {
        let (theirs, ours) = (shown(row.peer.spread[1]), shown(row.ours.median));
        let (unit, times, target) = (row.unit, shown(row.times()), peer::target(&row.name));
        let verdict = row.verdict();
        let _ = writeln!(text, "| {} | {theirs} {unit} | {ours} {unit} | {times} | {target} | {verdict} |", row.name);
    }
    let reached = rows.iter().filter(|row| row.is_reached()).count();
    let _ = writeln!(text, "\n{reached} of {} reached.", rows.len());
    text
}

/// The same as a list of objects.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let Spread { least, median, most } = row.ours;
        let [peer_least, peer_median, peer_most] = row.peer.spread;
        format!(
            "  {{\"name\": \"{}\", \"unit\": \"{}\", \"mesos\": [{peer_least}, {peer_median}, {peer_most}], \
             \"ours\": [{least}, {median}, {most}], \"times\": {:.2}, \"target\": {}, \"reached\": {}}}",
            row.name,
            row.unit,
            row.times(),
            peer::target(&row.name),
            row.is_reached(),
        )
    };
    format!("[\n{}\n]\n", rows.iter().map(row).collect::<Vec<_>>().join(",\n"))
}
