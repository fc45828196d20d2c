//! Rows whose times are dates: held until it is known which of them is the beginning.

use super::builder::{Builder, Row};
use super::rule::Refusal;

/// Later times, in seconds, are counted from 1970: this one is in 1973.
const SINCE_1970: f64 = 1e8;
/// Where rows stand in the order of their times, so many of them tell the beginning.
const HELD: usize = 1_000;

/// Holds rows until the beginning is known.
#[derive(Debug)]
pub(super) struct Dated {
    held: Vec<(Row, u64)>,
    held_max: usize,
    begins: Option<f64>,
}

impl Dated {
    /// Rows in any order: all of them are held.
    pub(super) const fn in_any_order() -> Self {
        Self { held: Vec::new(), held_max: usize::MAX, begins: None }
    }

    /// Rows in the order of their times: the first ones are held.
    pub(super) const fn in_order() -> Self {
        Self { held: Vec::new(), held_max: HELD, begins: None }
    }

    pub(super) fn take(&mut self, row: Row, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        if let Some(begins) = self.begins {
            return put(row, begins, line, builder);
        }
        self.held.push((row, line));
        if self.held.len() >= self.held_max {
            self.finish(builder);
        }
        Ok(())
    }

    /// By the times of submission, where a table has no order of its own.
    pub(super) fn sort(&mut self) {
        self.held.sort_by(|(one, _), (other, _)| one.submit.total_cmp(&other.submit));
    }

    /// There are no more rows, or enough of them.
    pub(super) fn finish(&mut self, builder: &mut Builder<'_>) {
        let begins = beginning(&self.held, builder.options.time_max);
        self.begins = Some(begins);
        for (row, line) in std::mem::take(&mut self.held) {
            if let Err(refusal) = put(row, begins, line, builder) {
                builder.refuse(&refusal, line);
            }
        }
    }
}

fn put(mut row: Row, begins: f64, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
    row.submit -= begins;
    row.deadline = row.deadline.map(|at| at - begins);
    builder.job(row, line)
}

/// The first date that is not too far from most others; nothing if times are counted from the beginning anyway. One date
/// of another century must not make all others come a century later.
fn beginning(rows: &[(Row, u64)], time_max: f64) -> f64 {
    let mut times: Vec<f64> = rows.iter().map(|(row, _)| row.submit).filter(|time| time.is_finite()).collect();
    times.sort_by(f64::total_cmp);
    let Some(middle) = times.get(times.len() / 2).copied() else { return 0.0 };
    let first = times.into_iter().find(|time| middle - time <= time_max).unwrap_or(middle);
    if first > SINCE_1970 { first } else { 0.0 }
}
