//! How far something is: bars and wheels on standard error, and only where a person looks at it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mesos_core::Instant;
use mesos_sim::{Simulation, World};

/// A bar of so many things, drawn in this way.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
    bar
}

/// A wheel, for what nobody knows the length of.
pub(crate) fn wheel() -> ProgressBar {
    let wheel = ProgressBar::new_spinner();
    wheel.set_style(ProgressStyle::with_template("{elapsed_precise} {spinner} {msg}").expect("a constant template"));
    wheel
}

/// A bar of the bytes of a file, so many times over.
pub(crate) fn bytes(path: &Path, times: u64) -> ProgressBar {
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    bar(length * times, "{elapsed_precise} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {msg}")
}

/// A file that moves a bar while it is read.
pub(crate) fn read(path: &Path, bar: &ProgressBar) -> std::io::Result<impl Read + use<>> {
    Ok(bar.wrap_read(BufReader::with_capacity(1 << 20, File::open(path)?)))
}

/// A time of a run, for people.
pub(crate) fn time(at: Instant) -> String {
    let secs = at.since(Instant::ZERO).as_secs();
    format!("{}:{:02}:{:02} virtual", secs / 3_600, secs / 60 % 60, secs % 60)
}

/// A bar of the tasks that are launched in a run.
pub(crate) fn of_tasks(simulation: &mut Simulation, tasks: u64) -> ProgressBar {
    let bar = bar(tasks, "{elapsed_precise} {wide_bar} {pos}/{len} tasks launched, {msg}");
    let shown = bar.clone();
    simulation.show(Box::new(move |world: &World| {
        let masters = world.masters().filter_map(|view| view.machine);
        // A master that was replaced has begun to count anew.
        let launched = masters.map(|master| master.counters().launches).max().unwrap_or(0);
        shown.set_position(shown.position().max(launched).min(tasks));
        shown.set_message(time(world.now().mono));
    }));
    bar
}

/// A bar of the virtual time until the last fault of a run.
pub(crate) fn of_time(simulation: &mut Simulation, until: Duration) -> ProgressBar {
    let bar = bar(until.as_secs(), "{elapsed_precise} {wide_bar} {pos}/{len} virtual s, {msg}");
    let shown = bar.clone();
    simulation.show(Box::new(move |world: &World| {
        let passed = world.now().mono.since(Instant::ZERO);
        shown.set_position(passed.as_secs().min(until.as_secs()));
        shown.set_message(if passed < until { "faults" } else { "settles" });
    }));
    bar
}
