//! The state of a cell at the beginning, of the simulator published with Omega.
//!
//! Fields between blanks. `11`, time, job, production 0 or 1, class, tasks, cores of all of them, bytes of memory of all of
//! them: a job that is there at the beginning. `12` and the time at which it ended: its end. What never ends within the file
//! is a service.

use std::collections::BTreeMap;

use super::builder::{Builder, Row};
use super::fields::{Fields, Separator, count};
use super::rule::{Refusal, Rule};
use super::table::Reader;

const BYTES_PER_MB: f64 = 1_048_576.0;

#[derive(Debug, Default)]
pub(super) struct Cell {
    open: BTreeMap<String, (Row, u64)>,
}

impl Cell {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["event", "time", "job", "production", "class", "tasks", "cpus", "memory"];
    pub(super) const SEPARATOR: Separator = Separator::Blanks;
}

impl Reader for Cell {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (at, job) = (fields.required(1)?, fields.name(2)?.into_owned());
        builder.see(at)?;
        match &*fields.name(0)? {
            "11" => {
                if self.open.contains_key(&job) {
                    return Err(Refusal::new(Rule::Overlapping, "job", &job));
                }
                // Some files name the number of tasks, some leave it out.
                let (tasks, cpus, bytes) = match fields.len() {
                    0..7 => return Err(Refusal::new(Rule::MissingField, "memory", "")),
                    7 => (1.0, fields.required(5)?, fields.required(6)?),
                    _ => (fields.required(5)?, fields.required(6)?, fields.required(7)?),
                };
                let class = format!("class{}", fields.text(4).unwrap_or_default());
                let production = fields.code(3)?;
                if !(0..=1).contains(&production) {
                    return Err(Refusal::new(Rule::UnknownState, "production", &production.to_string()));
                }
                let shared = tasks.max(1.0);
                let row = Row {
                    user: class.clone(),
                    class,
                    submit: at,
                    tasks: count(tasks),
                    cpus: cpus / shared,
                    mem: Some(bytes / BYTES_PER_MB / shared),
                    priority: i32::from(production == 1),
                    is_forever: true,
                    ..Row::default()
                };
                self.open.insert(job, (row, line));
                Ok(())
            }
            "12" => {
                let (row, begun) =
                    self.open.remove(&job).ok_or_else(|| Refusal::new(Rule::OutOfNowhere, "job", &job))?;
                builder.job(Row { run: Some(at - row.submit), is_forever: false, ..row }, begun)
            }
            other => Err(Refusal::new(Rule::UnknownState, "event", other)),
        }
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        for (_, (row, line)) in std::mem::take(&mut self.open) {
            if let Err(refusal) = builder.job(row, line) {
                builder.refuse(&refusal, line);
            }
        }
    }
}
