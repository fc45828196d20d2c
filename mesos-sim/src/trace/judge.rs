//! Which rows are believed: the rules that hold for jobs of every table.

use mesos_core::Scalar;
use mesos_core::resource::InvalidScalar;

use super::builder::Row;
use super::options::Options;
use super::rule::{Refusal, Rule};

/// Amounts are counted in thousandths: less is nothing.
pub(super) const AMOUNT_MIN: f64 = 0.001;

/// In seconds: nothing runs shorter.
pub(super) const RUN_MIN: f64 = 0.001;

/// The first of these amounts that is below nothing, or more than can be counted.
pub(super) fn uncountable(amounts: [f64; 4]) -> Option<f64> {
    amounts.into_iter().find(|amount| !matches!(Scalar::from_f64(*amount), Ok(_) | Err(InvalidScalar::Vanishing(_))))
}

/// Whether a time lies too far from the beginning to be believed.
pub(super) fn is_too_far(time: f64, options: &Options) -> bool {
    let far = time - options.from;
    !far.is_finite() || far.abs() > options.time_max
}

fn refuse(rule: Rule, column: &'static str, value: f64) -> Refusal {
    Refusal::new(rule, column, &value.to_string())
}

/// Repairs a row that can be, refuses one that cannot, and notes the rules it is repaired by.
pub(super) fn judge(row: &mut Row, options: &Options, repaired: &mut Vec<Rule>) -> Result<(), Refusal> {
    amounts(row, options, repaired)?;
    if row.tasks == 0 || row.tasks > options.tasks_max {
        return Err(refuse(Rule::AbsurdSize, "tasks", f64::from(row.tasks)));
    }
    times(row, options, repaired)?;
    hints(row, options, repaired);
    if row.is_invented {
        repaired.push(Rule::Invented);
    }
    Ok(())
}

fn amounts(row: &mut Row, options: &Options, repaired: &mut Vec<Rule>) -> Result<(), Refusal> {
    if row.cpus < 0.0 || row.gpus < 0.0 || (row.cpus < AMOUNT_MIN && row.gpus < AMOUNT_MIN) {
        return Err(refuse(Rule::AsksForNothing, "cores", row.cpus));
    }
    let amounts = [row.cpus, row.mem.filter(|mem| *mem > 0.0).unwrap_or(0.0), row.disk.max(0.0), row.gpus];
    if let Some(absurd) = uncountable(amounts) {
        return Err(refuse(Rule::AbsurdSize, "amount", absurd));
    }
    if row.gpus.fract() > 0.0 {
        repaired.push(Rule::PartOfAGpu);
        row.gpus = row.gpus.ceil();
    }
    if !row.mem.is_some_and(|mem| mem >= AMOUNT_MIN) {
        repaired.push(Rule::NoMemory);
        row.mem = Some(options.mem_default);
    }
    Ok(())
}

fn times(row: &mut Row, options: &Options, repaired: &mut Vec<Rule>) -> Result<(), Refusal> {
    if let Some(run) = row.run {
        if run.is_nan() || run < 0.0 {
            return Err(refuse(Rule::NegativeTime, "run time", run));
        }
        if run > options.run_max {
            return Err(refuse(Rule::TooLong, "run time", run));
        }
        if run < RUN_MIN {
            repaired.push(Rule::NoTime);
            row.run = Some(RUN_MIN);
        }
    }
    let Options { from, until, .. } = *options;
    if (row.submit < from && from > 0.0) || row.submit > until {
        return Err(refuse(Rule::OutsideWindow, "time", row.submit));
    }
    if is_too_far(row.submit, options) {
        return Err(refuse(Rule::TooFar, "time", row.submit));
    }
    if row.submit < from {
        repaired.push(Rule::BeforeTheBeginning);
        row.submit = from;
    }
    Ok(())
}

/// What schedulers are told about a job: without it, they know less.
fn hints(row: &mut Row, options: &Options, repaired: &mut Vec<Rule>) {
    let is_believed = |span: f64| (0.0..=options.time_max).contains(&span);
    if row.estimate.is_some_and(|estimate| !is_believed(estimate)) {
        repaired.push(Rule::NoHint);
        row.estimate = None;
    }
    if row.deadline.is_some_and(|deadline| !is_believed(deadline - row.submit)) {
        repaired.push(Rule::NoHint);
        row.deadline = None;
    }
    if !is_believed(row.think) {
        repaired.push(Rule::NoHint);
        row.think = 0.0;
    }
}
