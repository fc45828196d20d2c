//! What a case amounted to, small enough to keep and to compare.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::derived;
use super::description::SchedulerPart;
use crate::metric::{Distribution, Record, Summary, dominant_share, fairness};
use crate::workload::Workload;

/// Points of a curve over time, at most.
const POINTS_MAX: usize = 256;
/// Points of a cumulative distribution, at most.
const CURVE_POINTS_MAX: usize = 200;
/// Queues with curves of their own, at most.
const QUEUES_DRAWN_MAX: usize = 12;
/// Launches whose order is kept.
const LAUNCHES_MAX: usize = 64;

/// One figure: whose (nobody's: all together), which, how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The queue; none for all together.
    pub queue: Option<String>,
    /// Which figure.
    pub metric: String,
    /// How much.
    pub value: f64,
}

/// A curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// What it shows: `share`, `cpus_used`, `wait` and so on.
    pub metric: String,
    /// Whose; none for all together.
    pub queue: Option<String>,
    /// Points, by x.
    pub points: Vec<(f64, f64)>,
}

/// What a case amounted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The case's key.
    pub key: String,
    /// What was replaced in the file.
    pub parameters: Vec<(String, String)>,
    /// What tells its case from others, in words.
    pub label: String,
    /// The seed.
    pub seed: u64,
    /// The version and build it was made with.
    pub version: String,
    /// The command that made it.
    pub command: String,
    /// The digest of the run: equal for equal runs.
    pub digest: String,
    /// Steps of all machines.
    pub steps: u64,
    /// Whether all work with an end was done in time, and none of it given up.
    pub is_done: bool,
    /// What a scheduler did that no scheduler may do.
    pub fault: Option<String>,
    /// What became of the rows of the trace.
    pub trace: Option<String>,
    /// The figures.
    pub figures: Vec<Figure>,
    /// The curves.
    pub curves: Vec<Curve>,
    /// The queues of the first launches, in their order.
    pub launches: Vec<String>,
}

impl Outcome {
    /// A figure; of all queues together if none is named.
    #[must_use]
    pub fn get(&self, metric: &str, queue: Option<&str>) -> Option<f64> {
        self.figures.iter().find(|row| row.metric == metric && row.queue.as_deref() == queue).map(|row| row.value)
    }

    /// What tells its case from others.
    #[must_use]
    pub fn label(&self) -> String {
        self.label.clone()
    }

    pub(super) fn empty(case: &Case, command: &str) -> Self {
        Self {
            key: case.key.clone(),
            parameters: case.parameters.clone(),
            label: case.label.clone(),
            seed: case.seed,
            version: super::version().to_owned(),
            command: command.to_owned(),
            digest: String::new(),
            steps: 0,
            is_done: true,
            fault: None,
            trace: None,
            figures: Vec::new(),
            curves: Vec::new(),
            launches: Vec::new(),
        }
    }

    /// `schedulers` are those of the workload's queues.
    pub(super) fn take(&mut self, workload: &Workload, record: &Record, schedulers: &[SchedulerPart]) {
        let summary = Summary::of(workload, record);
        let name = |queue: u32| workload.queues.get(queue as usize).map(|name| name.to_string());
        self.figures = summary
            .values
            .iter()
            .map(|row| Figure { queue: row.queue.and_then(name), metric: row.metric.to_owned(), value: row.value })
            .collect();
        // What is still open when nothing more is to come was tried in vain.
        if self.is_done {
            let finite = (0..).zip(&workload.queues).map(|(queue, _)| queue).filter(|queue| workload.is_finite(*queue));
            let given_up: f64 = finite.filter_map(|queue| summary.get("tasks_unfinished", Some(queue))).sum();
            self.figures.push(Figure { queue: None, metric: "tasks_given_up".to_owned(), value: given_up });
        }
        self.is_done &= summary.get("tasks_unfinished", None).is_none_or(|open| open < 1.0);
        self.figures.extend(derived::figures(workload, record, &summary.submissions, schedulers));
        let launched = record.tasks.iter().take(LAUNCHES_MAX);
        self.launches = launched.filter_map(|row| name(row.framework)).collect();
        self.curves = over_time(workload, record);
        self.curves.extend(distributions("wait", workload, &summary.waits));
        self.curves.extend(distributions("response", workload, &summary.responses));
        self.curves.push(backlog(workload, record, &summary.submissions));
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts and sums for charts")]
fn over_time(workload: &Workload, record: &Record) -> Vec<Curve> {
    let bins = record.series.bins();
    let step = bins.len().div_ceil(POINTS_MAX).max(1);
    let width = record.series.width().as_secs_f64();
    let places: Vec<usize> = (0..bins.len()).step_by(step).collect();
    let curve = |metric: &str, queue: Option<String>, of: &dyn Fn(usize) -> f64| {
        let mean = |from: usize| {
            let part = from..(from + step).min(bins.len());
            let count = part.len() as f64;
            part.map(of).sum::<f64>() / count
        };
        let points = places.iter().map(|from| ((*from as f64 + step as f64 / 2.0) * width, mean(*from))).collect();
        Curve { metric: metric.to_owned(), queue, points }
    };
    let used = |bin: usize, kind: usize| {
        let (all, span) = (record.capacity[kind] as f64 / 1_000.0, record.series.span_of(bin));
        let sum: f64 = bins[bin].used.iter().map(|used| used[kind]).sum();
        if all > 0.0 && span > 0.0 { sum / (all * span) } else { 0.0 }
    };
    let per_sec = |count: u32, bin: usize| {
        let span = record.series.span_of(bin);
        if span > 0.0 { f64::from(count) / span } else { 0.0 }
    };
    let mut curves = vec![
        curve("cpus_used", None, &|bin| used(bin, 0)),
        curve("mem_used", None, &|bin| used(bin, 1)),
        curve("fragmentation", None, &|bin| bins[bin].fragmentation),
        curve("offers_per_sec", None, &|bin| per_sec(bins[bin].offers, bin)),
        curve("declines_per_sec", None, &|bin| per_sec(bins[bin].declines, bin)),
        curve("launches_per_sec", None, &|bin| per_sec(bins[bin].launches, bin)),
    ];
    if record.capacity[3] > 0 {
        curves.push(curve("gpus_used", None, &|bin| used(bin, 3)));
    }
    curves.push(curve("fairness", None, &|bin| fairness(record, bin).unwrap_or(1.0)));
    for (at, name) in workload.queues.iter().enumerate().take(QUEUES_DRAWN_MAX) {
        curves.push(curve("share", Some(name.to_string()), &|bin| dominant_share(record, bin, at)));
    }
    curves
}

fn distributions(metric: &str, workload: &Workload, parts: &[Distribution]) -> Vec<Curve> {
    let curve = |queue: Option<String>, part: &Distribution| Curve {
        metric: metric.to_owned(),
        queue,
        points: part.cumulative(CURVE_POINTS_MAX),
    };
    let all = Distribution::new(parts.iter().flat_map(|part| part.values().iter().copied()));
    let mut curves = vec![curve(None, &all)];
    if parts.len() > 1 {
        let named = workload.queues.iter().zip(parts).take(QUEUES_DRAWN_MAX);
        curves.extend(named.map(|(name, part)| curve(Some(name.to_string()), part)));
    }
    curves.retain(|curve| !curve.points.is_empty());
    curves
}

/// Tasks that were submitted and have not run yet, over time.
#[allow(clippy::cast_precision_loss, reason = "counts for charts")]
fn backlog(workload: &Workload, record: &Record, submissions: &[Option<Duration>]) -> Curve {
    let secs = |at: mesos_core::Instant| at.since(mesos_core::Instant::ZERO).as_secs_f64();
    let submitted = workload.jobs.iter().zip(submissions);
    let mut changes: Vec<(f64, i64)> =
        submitted.filter_map(|(job, at)| Some(((*at)?.as_secs_f64(), i64::from(job.tasks)))).collect();
    let mut begun = BTreeSet::new();
    for row in &record.tasks {
        let (Some(Some(submitted_at)), Some(running_at)) = (submissions.get(row.key.job as usize), row.running_at)
        else {
            continue;
        };
        if begun.insert((row.key.job, row.key.task)) {
            changes.push((secs(running_at).max(submitted_at.as_secs_f64()), -1));
        }
    }
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let end = secs(record.ends_at).max(1.0);
    let (mut points, mut count, mut at) = (Vec::new(), 0_i64, 0);
    for point in 0..=POINTS_MAX {
        let time = end * point as f64 / POINTS_MAX as f64;
        while at < changes.len() && changes[at].0 <= time {
            count += changes[at].1;
            at += 1;
        }
        points.push((time, count as f64));
    }
    Curve { metric: "backlog".to_owned(), queue: None, points }
}
