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

    /// Whether the median is what was aimed at.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.ours.median <= peer::goal(&self.peer)
    }

    /// That in a few words. What only the least of the values reaches is not reached, but close: other work on the machine
    /// makes every value larger.
    fn verdict(&self) -> &'static str {
        if self.is_reached() {
            "reached"
        } else if self.ours.least <= peer::goal(&self.peer) {
            "reached at best"
        } else {
            "short"
        }
    }
}

/// Measures those figures of the workloads that Mesos has too, and says on the way which.
#[must_use]
pub fn measure(workloads: &[Workload], is_once: bool, is_named: impl Fn(&str) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, workload) in (1..).zip(workloads) {
        let wanted: Vec<_> = workload
            .figures()
            .filter(|(name, ..)| is_named(name))
            .filter_map(|(name, phase, unit)| Some((peer::of(&name)?, name, phase, unit)))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        eprintln!("{number}/{} {}", workloads.len(), workload.name);
        let readings = if is_once { workload.measure_once() } else { workload.measure() };
        rows.extend(wanted.into_iter().filter_map(|(peer, name, phase, unit)| {
            Some(Row { name, unit, ours: readings.spread(phase)?, peer: *peer })
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
        let [theirs, goal, median, least] =
            [row.peer.spread[1], peer::goal(&row.peer), row.ours.median, row.ours.least].map(shown);
        let (times, verdict) = (shown(row.times()), row.verdict());
        let _ = writeln!(
            text,
            "| {name} | {theirs} {unit} | {goal} {unit} | {median} {unit} | {least} {unit} | {times} | {verdict} |"
        );
    }
    let of = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
    let (reached, at_best) = (of("reached"), of("reached at best"));
    let _ = writeln!(text, "\n{reached} of {} reached, {at_best} more at best.", rows.len());
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
             \"ours\": [{least}, {median}, {most}], \"times\": {:.2}, \"goal\": {}, \"reached\": {}}}",
            row.name,
            row.unit,
            row.times(),
            peer::goal(&row.peer),
            row.is_reached(),
        )
    };
    format!("[\n{}\n]\n", rows.iter().map(row).collect::<Vec<_>>().join(",\n"))
}
