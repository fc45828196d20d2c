//! What is done when the last row was read: jobs get their ends and who they come after, and machines their absences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos_core::{Resources, Scalar};

use super::TraceError;
use super::builder::{Builder, Draft, Instances, Row};
use super::fleet::{Known, Place};
use super::judge::RUN_MIN;
use super::options::QueueBy;
use super::report::TraceReport;
use super::rule::{Rule, Verdict};
use crate::workload::{Absence, Job, Machine, Runs, Workload};

/// What has no end ends after so many seconds: about a century, far behind everything that is believed.
const SECS_MAX: f64 = 3.2e9;

impl Builder<'_> {
    /// The workload, and what became of the rows.
    pub(super) fn finish(mut self) -> Result<(Workload, TraceReport), TraceError> {
        self.count_what_nothing_speaks_of();
        let drafts = std::mem::take(&mut self.drafts);
        let drafts = self.ended(drafts);
        let owners: Vec<String> = drafts.iter().map(|draft| self.owner(&draft.row)).collect();
        let queues = self.queues(&owners);
        let mut jobs = Vec::with_capacity(drafts.len());
        for (draft, owner) in drafts.into_iter().zip(&owners) {
            let queue = queues.iter().position(|name| **name == **owner).unwrap_or(queues.len() - 1);
            jobs.push(self.make_job(draft, u32::try_from(queue).unwrap_or(0)));
        }
        let (machines, absences) = self.make_machines();
        let mut workload = Workload { queues, jobs, machines, absences };
        if workload.jobs.is_empty() && workload.machines.is_empty() && self.report.usage.is_empty() {
            return Err(TraceError::Empty(self.report.to_string()));
        }
        keep_after_within_queues(&mut workload, &mut self.report);
        workload.sort();
        self.report.jobs = workload.jobs.len() as u64;
        self.report.tasks = workload.tasks();
        self.report.machines = workload.machines.len() as u64;
        Ok((workload, self.report))
    }

    /// What was told of tasks and jobs that no table tells of.
    fn count_what_nothing_speaks_of(&mut self) {
        for (_, Instances { runs, place }) in std::mem::take(&mut self.lore.instances) {
            self.count_at(Rule::OutOfNowhere, runs.len() as u64, place);
        }
        let known: BTreeSet<String> = self.lore.pai_jobs.values().map(|job| job.number.clone()).collect();
        for (number, tag) in std::mem::take(&mut self.lore.pai_tags) {
            if !known.contains(&number) {
                self.count_at(Rule::OutOfNowhere, 1, tag.place);
            }
        }
    }

    /// A row somewhere broke a rule.
    fn count_at(&mut self, rule: Rule, times: u64, place: Place) {
        let file = place.file as usize;
        let name = self.files.get(file).cloned().unwrap_or_default();
        for _ in 0..times {
            self.report.count(rule, &name, place.line);
        }
        if let Some(report) = self.report.files.get_mut(file).filter(|_| rule.verdict() == Verdict::Refused) {
            report.refused += times;
        }
    }

    /// Gives an end to what has none: that of the trace. It is then judged like what ended.
    fn ended(&mut self, drafts: Vec<Draft>) -> Vec<Draft> {
        let (mut kept, mut places) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
        for mut draft in drafts {
            if !draft.row.is_forever {
                self.end(&mut draft);
            }
            places.push((draft.row.tasks > 0).then(|| u32::try_from(kept.len()).unwrap_or(u32::MAX)));
            if draft.row.tasks > 0 {
                kept.push(draft);
            }
        }
        for known in self.names.values_mut() {
            known.retain_mut(|(_, at)| match places.get(*at as usize).copied().flatten() {
                Some(place) => {
                    *at = place;
                    true
                }
                None => false,
            });
        }
        kept
    }

    fn end(&mut self, draft: &mut Draft) {
        let lasts = (self.latest - draft.row.submit).max(RUN_MIN);
        let is_believed = lasts <= self.options.run_max;
        for (run, tasks) in &mut draft.runs {
            if run.is_some() {
                continue;
            }
            let rule = if is_believed { Rule::NoEnd } else { Rule::TooLong };
            // Rows of a group are a task each; without a group, a row is all of them.
            let rows = if draft.row.group.is_some() { u64::from(*tasks) } else { 1 };
            self.count_at(rule, rows, draft.place);
            *run = Some(lasts);
            if !is_believed {
                draft.row.tasks = draft.row.tasks.saturating_sub(std::mem::take(tasks));
            }
        }
        draft.runs.retain(|(_, tasks)| *tasks > 0);
    }

    fn time(&self, secs: f64) -> Duration {
        let secs = ((secs - self.options.from) / self.options.speedup).clamp(0.0, SECS_MAX);
        Duration::try_from_secs_f64(secs).unwrap_or(Duration::ZERO)
    }

    fn span(&self, secs: f64) -> Duration {
        Duration::try_from_secs_f64((secs / self.options.speedup).clamp(RUN_MIN, SECS_MAX))
            .unwrap_or(Duration::from_millis(1))
    }

    fn owner(&self, row: &Row) -> String {
        let name = match self.options.queue_by {
            QueueBy::Nobody => "jobs",
            QueueBy::User => &row.user,
            QueueBy::Class => &row.class,
        };
        // Names become roles: what a role may not contain goes.
        let clean: String =
            name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).take(40).collect();
        if clean.is_empty() { "unknown".to_owned() } else { clean }
    }

    /// The largest queues, and one for the rest.
    fn queues(&self, owners: &[String]) -> Vec<Box<str>> {
        let mut counts = BTreeMap::<&str, usize>::new();
        for owner in owners {
            *counts.entry(owner).or_default() += 1;
        }
        let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
        names.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let most = self.options.queues_max.max(1);
        let has_rest = names.len() > most;
        if has_rest {
            names.truncate(most - 1);
        }
        let mut kept: Vec<Box<str>> = names.into_iter().map(|(name, _)| name.into()).collect();
        if has_rest || kept.is_empty() {
            kept.push("others".into());
        }
        kept
    }

    /// The jobs of this name: those of the same file, or of others where there is none in it.
    fn named(&self, name: &str, file: u32) -> Vec<u32> {
        let known = self.names.get(name).map_or(&[][..], Vec::as_slice);
        let own: Vec<u32> = known.iter().filter(|(of, _)| *of == file).map(|(_, at)| *at).collect();
        if own.is_empty() { known.iter().map(|(_, at)| *at).collect() } else { own }
    }

    fn make_job(&mut self, draft: Draft, queue: u32) -> Job {
        let Draft { row, runs, place } = draft;
        let amount = |value: f64| Scalar::from_f64(value).unwrap_or(Scalar::ZERO);
        let need = [row.cpus, row.mem.unwrap_or(0.0), row.disk, row.gpus].map(amount);
        let spans = runs.iter().map(|(run, tasks)| (self.span(run.unwrap_or(0.0)), *tasks));
        let spans: Vec<(Duration, u32)> = if row.is_forever { Vec::new() } else { spans.collect() };
        let runs = match spans.first() {
            None => Runs::Forever,
            Some((first, _)) if spans.iter().all(|(span, _)| span == first) => Runs::Equal(*first),
            Some(_) => {
                let each = spans.iter().flat_map(|(span, tasks)| std::iter::repeat_n(*span, *tasks as usize));
                Runs::Each(each.collect())
            }
        };
        let mut after: BTreeSet<u32> = BTreeSet::new();
        for name in &row.after {
            let before = self.named(name, place.file);
            if before.is_empty() {
                self.count_at(Rule::NobodyToFollow, 1, place);
            }
            after.extend(before);
        }
        let submit_at = self.time(row.submit);
        Job {
            name: row.name.into(),
            queue,
            submit_at,
            tasks: row.tasks,
            need: Resources::from_plain(need),
            runs,
            estimate: row.estimate.filter(|estimate| *estimate > 0.0).map(|estimate| self.span(estimate)),
            deadline: row.deadline.map(|deadline| self.time(deadline)),
            priority: row.priority,
            is_gang: row.is_gang && row.tasks > 1,
            is_spread: row.is_spread,
            constraints: row.constraints.into(),
            replicas: 0,
            fails: row.fails,
            after: after.into_iter().collect(),
            think: if row.think > 0.0 { self.span(row.think) } else { Duration::ZERO },
            decision: None,
        }
    }

    fn make_machines(&mut self) -> (Vec<Machine>, Vec<Absence>) {
        let (known, broken) = std::mem::take(&mut self.fleet).finish(self.options.from);
        for (rule, times, place) in broken {
            self.count_at(rule, times, place);
        }
        let (mut machines, mut absences) = (Vec::with_capacity(known.len()), Vec::new());
        for Known { machine, absences: away } in known {
            let index = u32::try_from(machines.len()).unwrap_or(u32::MAX);
            absences.extend(away.into_iter().map(|(from, until)| Absence {
                machine: index,
                from: self.time(from),
                until: until.map(|at| self.time(at)),
            }));
            machines.push(machine);
        }
        (machines, absences)
    }
}

/// A scheduler knows its own jobs only, and nobody can wait for itself or for who waits for it.
fn keep_after_within_queues(workload: &mut Workload, report: &mut TraceReport) {
    let queues: Vec<u32> = workload.jobs.iter().map(|job| job.queue).collect();
    let submits: Vec<Duration> = workload.jobs.iter().map(|job| job.submit_at).collect();
    for (index, job) in workload.jobs.iter_mut().enumerate() {
        let before = job.after.len();
        let is_sound = |other: &u32| {
            let at = *other as usize;
            // By time, then place: an order without circles.
            at < queues.len() && queues[at] == queues[index] && (submits[at], at) < (submits[index], index)
        };
        job.after = job.after.iter().copied().filter(is_sound).collect();
        for _ in job.after.len()..before {
            report.count(Rule::NobodyToFollow, "the whole trace", 0);
        }
    }
}
