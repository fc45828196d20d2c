//! Reading a hundred amounts of names nobody knows.

use std::hint::black_box;

use mesos_core::Resources;

use super::{NANOS, note_each};
use crate::measure::Readings;
use crate::workload::Workload;

/// The one workload.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let run = |readings: &mut Readings| {
        let names: Vec<String> = (0..100).map(|number| format!("res{number}:{number}")).collect();
        let text = names.join(";");
        note_each(readings, 1_000, || {
            drop(black_box(black_box(text.as_str()).parse::<Resources>().expect("resources")));
        });
    };
    vec![Workload::new("resources.parse.100scalars", "text of a hundred amounts to the algebra", NANOS, run).runs(9)]
}
