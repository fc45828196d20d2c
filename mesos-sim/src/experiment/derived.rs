//! Figures that are made of the record for some papers only: by size of job, of schedulers that think, of slots that are held.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos_core::{Instant, TaskState};

use super::description::SchedulerPart;
use super::outcome::Figure;
use crate::metric::{Distribution, Record};
use crate::workload::Workload;

/// Sizes of jobs that are told apart in a queue, at most; with more of them, means would be of single jobs.
const SIZES_MAX: usize = 16;

/// `response_mean_secs_of_N`: of jobs with N tasks. `busyness`: the part of its time a scheduler thought about jobs of which it
/// then launched some. `used_of_held`: cores in use over those in use or in offers that nobody had answered yet.
///
/// `schedulers` are those of the queues, `submissions` the times of the jobs.
pub(super) fn figures(
    workload: &Workload,
    record: &Record,
    submissions: &[Option<Duration>],
    schedulers: &[SchedulerPart],
) -> Vec<Figure> {
    let mut figures = by_size(workload, record, submissions);
    figures.extend(busyness(workload, record, schedulers));
    figures.extend(used_of_held(workload, record));
    figures
}

fn secs(at: Instant) -> f64 {
    at.since(Instant::ZERO).as_secs_f64()
}

fn figure(workload: &Workload, queue: usize, metric: impl Into<String>, value: f64) -> Figure {
    let queue = workload.queues.get(queue).map(|name| name.to_string());
    Figure { queue, metric: metric.into(), value }
}

fn by_size(workload: &Workload, record: &Record, submissions: &[Option<Duration>]) -> Vec<Figure> {
    let mut finished = BTreeMap::<u32, (u32, f64)>::new();
    for row in record.tasks.iter().filter(|row| row.state == TaskState::Finished) {
        let (count, last) = finished.entry(row.key.job).or_default();
        *count += 1;
        *last = last.max(row.ended_at.map_or(0.0, secs));
    }
    let mut responses = BTreeMap::<(usize, u32), Vec<f64>>::new();
    let mut sizes = BTreeMap::<usize, BTreeSet<u32>>::new();
    for ((index, job), submitted_at) in (0..).zip(&workload.jobs).zip(submissions) {
        sizes.entry(job.queue as usize).or_default().insert(job.tasks);
        let (Some((count, ended_at)), Some(submitted_at)) = (finished.get(&index), submitted_at) else { continue };
        if *count >= job.tasks {
            let response = ended_at - submitted_at.as_secs_f64();
            responses.entry((job.queue as usize, job.tasks)).or_default().push(response);
        }
    }
    let several = |queue: &usize| sizes.get(queue).is_some_and(|sizes| (2..=SIZES_MAX).contains(&sizes.len()));
    let row = |((queue, tasks), own): ((usize, u32), Vec<f64>)| {
        let mean = Distribution::new(own).mean()?;
        Some(figure(workload, queue, format!("response_mean_secs_of_{tasks}"), mean))
    };
    responses.into_iter().filter(|((queue, _), _)| several(queue)).filter_map(row).collect()
}

/// A decision is what is launched of a job at one time; it was about all tasks of the job that waited then.
fn busyness(workload: &Workload, record: &Record, schedulers: &[SchedulerPart]) -> Vec<Figure> {
    let thinks = |part: &SchedulerPart| {
        let span = |span: Option<super::parse::Span>| span.map_or(0.0, |span| span.0.as_secs_f64());
        (span(part.think_per_job), span(part.think_per_task))
    };
    let thinking: Vec<(f64, f64)> = schedulers.iter().map(thinks).collect();
    let mut launched = BTreeMap::<u32, BTreeMap<Instant, u32>>::new();
    for row in &record.tasks {
        *launched.entry(row.key.job).or_default().entry(row.launched_at).or_default() += 1;
    }
    let mut busy = BTreeMap::<usize, f64>::new();
    for (index, decisions) in launched {
        let Some(job) = workload.jobs.get(index as usize) else { continue };
        let Some((per_job, per_task)) = thinking.get(job.queue as usize) else { continue };
        let per_job = job.decision.map_or(*per_job, |own| own.as_secs_f64());
        if per_job + per_task <= 0.0 {
            continue;
        }
        let mut waiting = job.tasks;
        for count in decisions.into_values() {
            *busy.entry(job.queue as usize).or_default() += per_job + per_task * f64::from(waiting.max(count));
            waiting = waiting.saturating_sub(count);
        }
    }
    let begins = workload.jobs.iter().map(|job| job.submit_at).min().unwrap_or_default().as_secs_f64();
    let span = (secs(record.ends_at) - begins).max(f64::MIN_POSITIVE);
    busy.into_iter().map(|(queue, busy)| figure(workload, queue, "busyness", busy / span)).collect()
}

fn used_of_held(workload: &Workload, record: &Record) -> Vec<Figure> {
    let bins = record.series.bins();
    let offered: f64 = bins.iter().map(|bin| bin.offered[0]).sum();
    let of = |queue: usize| {
        let used: f64 = bins.iter().filter_map(|bin| bin.used.get(queue)).map(|used| used[0]).sum();
        (used > 0.0).then(|| figure(workload, queue, "used_of_held", used / (used + offered)))
    };
    (0..workload.queues.len()).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Experiment, Outcome};

    fn run(text: &str) -> Outcome {
        let experiment = Experiment::parse(text.to_owned(), PathBuf::new(), String::new()).unwrap();
        experiment.run(None, 1, &|_| {}).unwrap().remove(0)
    }

    fn is_near(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found / expected - 1.0).abs() < 0.05), "{found:?} is not {expected}");
    }

    #[test]
    fn a_scheduler_may_think_about_some_jobs_for_longer_than_about_others() {
        let text = "name = \"thinker\"\nuntil = \"130s\"\n[[cluster.agents]]\ncount = 4\nresources = \"cpus:4;mem:8192\"\n\
                    [[queue]]\nname = \"a\"\nscheduler = { discipline = \"fifo\", think_per_job = \"10s\" }\n\
                    [[queue.work]]\narrivals = { at = [10, 50] }\nrun = 5\n\
                    [[queue.work]]\narrivals = { at = [80] }\nrun = 5\nthink_per_job = \"20s\"\n\
                    [[queue.work]]\narrivals = { at = [2000] }\nrun = 5\n";
        let outcome = run(text);
        let waited = outcome.get("wait_max_secs", Some("a")).unwrap();
        assert!((20.0..22.0).contains(&waited), "{waited}");
        // Forty seconds, of those from the first job on, ten seconds after the cluster, which takes ten.
        is_near(outcome.get("busyness", Some("a")), 40.0 / 110.0);
    }

    #[test]
    fn who_thinks_for_ten_seconds_about_each_of_six_jobs_is_busy_for_a_minute() {
        let text = "name = \"thinker\"\nuntil = \"130s\"\n[[cluster.agents]]\ncount = 4\nresources = \"cpus:4;mem:8192\"\n\
                    [[queue]]\nname = \"a\"\nscheduler = { discipline = \"first_fit\", think_per_job = \"10s\" }\n\
                    [[queue.work]]\narrivals = { gaps = 18 }\njobs = 6\ntasks = 2\nrun = 30\n\
                    [[queue.work]]\narrivals = { at = [2000] }\nrun = 10\n";
        let outcome = run(text);
        // The first job comes 18 s after the cluster, which takes 10 s: 102 s are left.
        is_near(outcome.get("busyness", Some("a")), 60.0 / 102.0);
        is_near(outcome.get("response_mean_secs_of_2", Some("a")), 40.0);
        assert_eq!(outcome.get("response_mean_secs_of_1", Some("a")), None, "it does not come in time");
    }

    #[test]
    fn a_gang_that_gathers_slots_holds_them_without_use() {
        // Four slots come free after 10, 20, 30 and 40 s, and are held until the last: 60 slot-seconds; then used for 60 s.
        let before: String = [10, 20, 30, 40].map(|run| format!("[[queue.work]]\nrun = {run}\n")).concat();
        let text = format!(
            "name = \"gang\"\nuntil = \"5m\"\n[[cluster.agents]]\ncount = 4\nresources = \"cpus:1;mem:1024\"\n\
             [[queue]]\nname = \"before\"\nscheduler = {{ discipline = \"first_fit\" }}\n{before}\
             [[queue]]\nname = \"job\"\nscheduler = {{ discipline = \"gang\", hold = \"1h\" }}\n\
             [[queue.work]]\nfrom = \"1s\"\ntasks = 4\nrun = 60\ngang = true\n"
        );
        is_near(run(&text).get("used_of_held", Some("job")), 0.8);
    }
}
