//! Draws what the queues of an experiment's file submit.

use std::path::Path;
use std::time::Duration;

use mesos_core::Resources;
use mesos_core::kernel::Rng;

use super::description::{ArrivalsPart, QueuePart, WorkPart};
use super::error::ExperimentError;
use super::parse::{DrawPart, constraint};
use crate::workload::{Arrivals, Draw, Generator, InvalidWork, Job, Runs, Workload};

pub(super) fn add_queue(
    part: &QueuePart,
    workload: &mut Workload,
    parts: &mut Vec<QueuePart>,
    rng: &mut Rng,
    folder: &Path,
) -> Result<(), ExperimentError> {
    if part.work.is_empty() {
        return Ok(());
    }
    for copy in 0..part.copies.unwrap_or(1) {
        let name = if part.copies.is_some() { format!("{}-{copy}", part.name) } else { part.name.clone() };
        let queue = u32::try_from(workload.queues.len()).unwrap_or(u32::MAX);
        for work in &part.work {
            let work = &WorkPart { constraints: of_copy(&work.constraints, copy), ..work.clone() };
            let first = u32::try_from(workload.jobs.len()).unwrap_or(u32::MAX);
            workload.jobs.extend(jobs(work, queue, first, rng, folder)?);
        }
        workload.queues.push(name.as_str().into());
        parts.push(QueuePart { name, ..part.clone() });
    }
    Ok(())
}

/// `{copy}` in constraints is the number of the copy.
fn of_copy(constraints: &[String], copy: u32) -> Vec<String> {
    constraints.iter().map(|text| text.replace("{copy}", &copy.to_string())).collect()
}

fn jobs(part: &WorkPart, queue: u32, first: u32, rng: &mut Rng, folder: &Path) -> Result<Vec<Job>, ExperimentError> {
    let place = "queue.work";
    let read = |path: &str| {
        let path = folder.join(path);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let draw = |name: &str, part: &DrawPart| {
        let remedy = "write a number, or a distribution as { exponential = 60 }";
        part.draw(&read).map_err(|problem| ExperimentError::invalid(format!("{place}.{name}"), problem, remedy))
    };
    let optional = |name: &str, part: &Option<DrawPart>| part.as_ref().map(|part| draw(name, part)).transpose();
    let mut like = Job::new(Duration::ZERO, 1, Resources::new(), Runs::Forever);
    like.queue = queue;
    like.is_gang = part.gang;
    like.is_spread = part.spread;
    like.replicas = part.replicas;
    like.priority = part.priority;
    let constraints = part.constraints.iter().map(|text| constraint(text));
    let wrong =
        |problem| ExperimentError::invalid("queue.work.constraints", problem, "see the documentation of constraints");
    like.constraints = constraints.collect::<Result<Vec<_>, _>>().map_err(wrong)?.into();
    let arrivals = match &part.arrivals {
        ArrivalsPart::AtOnce | ArrivalsPart::At(_) | ArrivalsPart::Chain(_) => Arrivals::AtOnce,
        ArrivalsPart::Poisson(mean) => Arrivals::Gaps(Draw::Exponential(*mean)),
        ArrivalsPart::Gaps(gap) => Arrivals::Gaps(draw("arrivals", gap)?),
        ArrivalsPart::Diurnal { mean_gap, swing, peak_hour } => {
            Arrivals::Diurnal { mean_gap: *mean_gap, swing: *swing, peak_hour: *peak_hour }
        }
        ArrivalsPart::Bursts { size, gap } => {
            Arrivals::Bursts { size: draw("arrivals", size)?, gap: draw("arrivals", gap)? }
        }
    };
    let generator = Generator {
        arrivals,
        jobs: count(part)?,
        until: part.until.map_or(Duration::MAX, |until| until.0),
        tasks: draw("tasks", &part.tasks)?,
        run: draw("run", part.run.as_ref().unwrap_or(&DrawPart::Constant(1.0)))?,
        is_run_per_task: part.run_per_task,
        cpus: draw("cpus", &part.cpus)?,
        mem: draw("mem", &part.mem)?,
        disk: draw("disk", &part.disk)?,
        gpus: draw("gpus", &part.gpus)?,
        correlation: part.correlation,
        like,
        slack: optional("slack", &part.slack)?,
        overestimate: optional("overestimate", &part.overestimate)?,
    };
    let wrong = |error: InvalidWork| {
        ExperimentError::invalid(format!("{place}.{}", error.quantity), error.problem, "write what can be run")
    };
    let mut jobs = generator.draw(rng).map_err(wrong)?;
    for (index, job) in (first..).zip(&mut jobs) {
        let own = (index - first) as usize;
        if part.run.is_none() {
            job.runs = Runs::Forever;
        }
        match &part.arrivals {
            ArrivalsPart::At(times) => job.submit_at = times[own].0,
            ArrivalsPart::Chain(think) if own > 0 => {
                job.after = Box::from([index - 1]);
                job.think = think.0;
            }
            _ => {}
        }
        job.decision = part.think_per_job.map(|think| think.0);
        job.submit_at += part.from.0;
        job.deadline = job.deadline.map(|deadline| deadline + part.from.0);
        job.name = format!("{index}").into();
    }
    Ok(jobs)
}

/// How many jobs: as many as there are times, where those are said.
fn count(part: &WorkPart) -> Result<u32, ExperimentError> {
    let ArrivalsPart::At(times) = &part.arrivals else { return Ok(part.jobs.unwrap_or(1)) };
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    if part.jobs.is_some_and(|jobs| jobs != count) {
        let problem = format!("{} jobs do not come at {count} times", part.jobs.unwrap_or_default());
        return Err(ExperimentError::invalid(
            "queue.work.jobs",
            problem,
            "leave it out: a job comes at each of the times",
        ));
    }
    Ok(count)
}
