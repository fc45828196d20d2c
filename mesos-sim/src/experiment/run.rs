//! Runs one case.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mesos_core::Instant;

use super::build::{Built, build};
use super::case::Case;
use super::error::ExperimentError;
use super::outcome::{Figure, Outcome};
use super::source::Sources;
use super::{Experiment, division, property};
use crate::cluster::FrameworkSpec;
use crate::metric::Recorder;
use crate::scheduler::SchedulerFault;
use crate::workload::Workload;
use crate::{Failure, FailureKind, Origin, Simulation};

/// Between two looks at whether everything is done, in events.
const LOOK_EVERY: u32 = 256;

pub(super) fn run_case(experiment: &Experiment, case: &Case, sources: &Sources) -> Result<Outcome, ExperimentError> {
    let mut outcome = Outcome::empty(case, &experiment.command);
    if let Some(part) = &case.description.division {
        outcome.figures = on_paper(division::figures(part)?);
        return Ok(outcome);
    }
    if let Some(part) = case.description.properties {
        outcome.figures = on_paper(property::figures(part, case.seed));
        return Ok(outcome);
    }
    let Built { cluster, workload, schedulers, typical, trace, has_end } = build(experiment, case, sources)?;
    let cluster = cluster.coming_from(Origin::Line(experiment.command.as_str().into()));
    let mut simulation = cluster.simulate(case.seed)?;
    let spec = cluster.spec();
    let role = |framework: &FrameworkSpec| {
        let role = framework.info.roles.first().cloned();
        let weight = role.as_ref().and_then(|role| spec.master_options.weights.get(role)).copied();
        (role.map_or_else(|| framework.info.name.clone(), |role| role.as_str().into()), weight.unwrap_or_default())
    };
    let recorder = Recorder::new(
        spec.agents.iter().map(|agent| (agent.info.hostname.clone(), &agent.info.resources)),
        spec.frameworks.iter().map(|framework| framework.info.name.clone()),
        workload.jobs.iter().map(|job| job.tasks),
        &typical,
    );
    simulation.record(recorder.with_roles(spec.frameworks.iter().map(role)));
    let limit = Instant::ZERO + case.description.until.0;
    let run = catch_unwind(AssertUnwindSafe(|| until_done(&mut simulation, limit, has_end)));
    match run {
        Ok(Ok(is_done)) => outcome.is_done = is_done,
        Ok(Err(failure)) => outcome.fault = Some(whose(case, failure)?),
        Err(panic) => {
            let failure = match panic.downcast::<SchedulerFault>() {
                Ok(fault) => {
                    outcome.fault = Some(format!("{fault} (seed {})", case.seed));
                    None
                }
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    Some(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned())
                }
            };
            if let Some(message) = failure {
                let failure = simulation.world().failure(FailureKind::Assertion, "assertion", message);
                return Err(ExperimentError::Kernel { case: case.label.clone(), failure: Box::new(failure) });
            }
        }
    }
    outcome.is_done &= outcome.fault.is_none();
    outcome.digest = simulation.digest().to_string();
    outcome.steps = simulation.steps();
    outcome.trace = trace.map(|report| report.to_string());
    if let Some(record) = simulation.take_record() {
        outcome.take(&workload, &record, &schedulers);
        outcome.figures.extend(late(&workload, case.description.until.0));
    }
    Ok(outcome)
}

/// How many jobs come after the end of the run, where there are any.
#[allow(clippy::cast_precision_loss, reason = "a count")]
fn late(workload: &Workload, until: Duration) -> Option<Figure> {
    let count = workload.jobs.iter().filter(|job| job.submit_at >= until).count();
    (count > 0).then(|| Figure { queue: None, metric: "jobs_late".to_owned(), value: count as f64 })
}

fn on_paper(rows: Vec<division::Row>) -> Vec<Figure> {
    rows.into_iter().map(|(queue, metric, value)| Figure { queue, metric: metric.to_owned(), value }).collect()
}

/// Whether everything with an end was done by the limit.
fn until_done(simulation: &mut Simulation, limit: Instant, has_end: bool) -> Result<bool, Failure> {
    loop {
        if has_end && simulation.world().finite_done() {
            return Ok(true);
        }
        for _ in 0..LOOK_EVERY {
            if !simulation.step(limit)? {
                return Ok(!has_end || simulation.world().finite_done());
            }
        }
    }
}

/// A framework that never lets time pass has a bad scheduler; everything else is the kernel's.
fn whose(case: &Case, failure: Failure) -> Result<String, ExperimentError> {
    let node = failure.message.split(' ').next().unwrap_or_default();
    let index = node.strip_prefix('f').and_then(|digits| digits.parse::<usize>().ok());
    match index {
        Some(index) if failure.property == "progress" => Ok(format!(
            "the scheduler of framework {index} never lets time pass: {} (seed {}, at {})",
            failure.message, case.seed, failure.at
        )),
        _ => Err(ExperimentError::Kernel { case: case.label.clone(), failure: Box::new(failure) }),
    }
}
