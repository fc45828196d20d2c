//! What a trace is like: quantiles of its jobs, of its tasks and of its machines, as a table and as JSON.

use std::fmt;

use mesos_core::Resources;
use mesos_sim::metric::Distribution;
use mesos_sim::workload::{Job, Runs, Workload};
use serde::Serialize;

/// One quantity; nothing where nobody has it.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    mean: Option<f64>,
    median: Option<f64>,
    /// Nine of ten are not larger.
    p90: Option<f64>,
    largest: Option<f64>,
}

/// What a trace is like.
#[derive(Debug, Serialize)]
pub(crate) struct Described {
    rows: Vec<Row>,
    /// Of jobs whose tasks end by themselves; nothing where there are no jobs.
    core_hours: Option<f64>,
}

impl Described {
    /// What is said of jobs is over jobs, what is said of tasks is over tasks: a job of a thousand of them counts a thousand
    /// times there.
    pub(crate) fn new(workload: &Workload) -> Self {
        let jobs = &workload.jobs;
        let mut rows = Vec::new();
        if !jobs.is_empty() {
            let gaps = jobs.windows(2).map(|pair| (pair[1].submit_at - pair[0].submit_at).as_secs_f64());
            rows.push(by_one("seconds between jobs", gaps));
            rows.push(by_one("tasks per job", jobs.iter().map(|job| f64::from(job.tasks))));
            rows.push(by_weight("seconds a task runs", jobs.iter().flat_map(runs)));
            let need = |of: fn(&Resources) -> f64| jobs.iter().map(move |job| (of(&job.need), job.tasks));
            rows.push(by_weight("cores per task", need(|need| need.cpus().to_f64())));
            rows.push(by_weight("MB per task", need(|need| need.mem().to_f64())));
            rows.push(by_weight("GPUs per task", need(|need| need.gpus().to_f64())));
        }
        let machines = &workload.machines;
        if !machines.is_empty() {
            let has = |of: fn(&Resources) -> f64| machines.iter().map(move |machine| of(&machine.resources));
            rows.push(by_one("cores per machine", has(|has| has.cpus().to_f64())));
            rows.push(by_one("MB per machine", has(|has| has.mem().to_f64())));
            rows.push(by_one("GPUs per machine", has(|has| has.gpus().to_f64())));
        }
        Self { rows, core_hours: (!jobs.is_empty()).then(|| workload.core_seconds() / 3_600.0) }
    }
}

/// How long the tasks of a job run, and how many of them so long.
fn runs(job: &Job) -> Vec<(f64, u32)> {
    match &job.runs {
        Runs::Equal(run) => vec![(run.as_secs_f64(), job.tasks)],
        Runs::Each(runs) => runs.iter().map(|run| (run.as_secs_f64(), 1)).collect(),
        Runs::Forever => Vec::new(),
    }
}

fn by_one(name: &'static str, values: impl Iterator<Item = f64>) -> Row {
    let values = Distribution::new(values);
    Row { name, mean: values.mean(), median: values.quantile(0.5), p90: values.quantile(0.9), largest: values.max() }
}

/// Each value counts so often: quantiles are the smallest values that so large a part is not larger than.
fn by_weight(name: &'static str, values: impl Iterator<Item = (f64, u32)>) -> Row {
    let mut values: Vec<(f64, u32)> = values.filter(|(value, count)| value.is_finite() && *count > 0).collect();
    values.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let all: f64 = values.iter().map(|(_, count)| f64::from(*count)).sum();
    let quantile = |part: f64| {
        let mut passed = 0.0;
        let reaches = |(_, count): &&(f64, u32)| {
            passed += f64::from(*count);
            passed >= all * part
        };
        values.iter().find(reaches).map(|(value, _)| *value)
    };
    let sum: f64 = values.iter().map(|(value, count)| value * f64::from(*count)).sum();
    Row {
        name,
        mean: (all > 0.0).then(|| sum / all),
        median: quantile(0.5),
        p90: quantile(0.9),
        largest: values.last().map(|(value, _)| *value),
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        writeln!(f, "{:<22} {:>12} {:>12} {:>12} {:>12}", "", "mean", "median", "90 %", "largest")?;
        for Row { name, mean, median, p90, largest } in &self.rows {
            let cell = |value: &Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
            let [mean, median, p90, largest] = [mean, median, p90, largest].map(cell);
            writeln!(f, "{name:<22} {mean:>12} {median:>12} {p90:>12} {largest:>12}")?;
        }
        self.core_hours.map_or(Ok(()), |hours| writeln!(f, "{hours:.0} core-hours of work with an end"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_said_of_tasks_is_said_of_every_one_of_them() {
        let job = |tasks, need: &str, secs| {
            Job::new(Duration::ZERO, tasks, need.parse().unwrap(), Runs::Equal(Duration::from_secs(secs)))
        };
        let jobs = vec![job(1, "cpus:8;mem:9000", 100), job(99, "cpus:1;mem:1000", 10)];
        let described = Described::new(&Workload { queues: vec!["a".into()], jobs, ..Workload::default() });
        let row = |name: &str| {
            let row = described.rows.iter().find(|row| row.name == name).unwrap();
            [row.mean, row.median, row.p90, row.largest].map(Option::unwrap)
        };
        // By hand: (1 × 9000 + 99 × 1000) / 100, and so on.
        assert_eq!(row("MB per task"), [1_080.0, 1_000.0, 1_000.0, 9_000.0]);
        assert_eq!(row("cores per task"), [1.07, 1.0, 1.0, 8.0]);
        assert_eq!(row("seconds a task runs"), [10.9, 10.0, 10.0, 100.0]);
        assert_eq!(row("tasks per job")[..2], [50.0, 50.0]);
    }

    #[test]
    fn tasks_of_one_job_may_each_run_for_another_time_and_some_for_ever() {
        let each = Runs::Each([1, 2, 3, 4].map(Duration::from_secs).into());
        let jobs = vec![
            Job::new(Duration::ZERO, 4, "cpus:1".parse().unwrap(), each),
            Job::new(Duration::ZERO, 9, "cpus:1".parse().unwrap(), Runs::Forever),
        ];
        let described = Described::new(&Workload { queues: vec!["a".into()], jobs, ..Workload::default() });
        let row = described.rows.iter().find(|row| row.name == "seconds a task runs").unwrap();
        assert_eq!([row.mean, row.median, row.p90, row.largest].map(Option::unwrap), [2.5, 2.0, 4.0, 4.0]);
    }
}
