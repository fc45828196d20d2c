//! Jobs: what is to be run, when, by whom, and what it needs.
//!
//! The neutral form between the readers of [`trace`](crate::trace) and the generators on one side, and the
//! [`scheduler`](crate::scheduler)s and [`metric`](crate::metric)s on the other. A workload is data: it does nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::attribute::AttributeValue;
use mesos_core::{Attributes, Resources};

/// How long the tasks of a job run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// All of them so long.
    Equal(Duration),
    /// Each its own time; one entry per task.
    Each(Arc<[Duration]>),
    /// Until somebody ends them.
    Forever,
}

impl Runs {
    /// How long this task runs; `None` for one that does not end by itself.
    #[must_use]
    pub fn of(&self, task: u32) -> Option<Duration> {
        match self {
            Self::Equal(run) => Some(*run),
            Self::Each(runs) => runs.get(task as usize).copied(),
            Self::Forever => None,
        }
    }
}

/// How a value is compared with an agent's attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The attribute is this text or number; with an empty value: it is absent.
    Equal,
    /// The attribute is absent, or something else.
    NotEqual,
    /// The attribute is a smaller number.
    Less,
    /// The attribute is a larger number.
    Greater,
    /// The attribute is this number or a smaller one.
    AtMost,
    /// The attribute is this number or a larger one.
    AtLeast,
    /// The attribute is one of these, separated by `|`.
    OneOf,
    /// The attribute is there.
    Present,
}

/// What a job demands of the agents its tasks run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// The attribute's name.
    pub attribute: Box<str>,
    /// How it is compared.
    pub relation: Relation,
    /// With what.
    pub value: Box<str>,
}

impl Constraint {
    /// Whether an agent with these attributes will do.
    #[must_use]
    pub fn is_met_by(&self, attributes: &Attributes) -> bool {
        let found = attributes.get(&self.attribute);
        let is = |value: &AttributeValue, text: &str| match value {
            AttributeValue::Text(own) => **own == *text,
            AttributeValue::Scalar(own) => text.parse().is_ok_and(|other: f64| (own.to_f64() - other).abs() < 1e-9),
            AttributeValue::Ranges(_) => false,
        };
        let number = |value: &AttributeValue| match value {
            AttributeValue::Scalar(own) => Some(own.to_f64()),
            AttributeValue::Text(own) => own.parse().ok(),
            AttributeValue::Ranges(_) => None,
        };
        let compared = |holds: fn(f64, f64) -> bool| {
            let bound = self.value.parse::<f64>().ok();
            found.and_then(number).zip(bound).is_some_and(|(own, bound)| holds(own, bound))
        };
        match self.relation {
            Relation::Equal if self.value.is_empty() => found.is_none(),
            Relation::Equal => found.is_some_and(|value| is(value, &self.value)),
            Relation::NotEqual => !found.is_some_and(|value| is(value, &self.value)),
            Relation::Less => compared(|own, bound| own < bound),
            Relation::Greater => compared(|own, bound| own > bound),
            Relation::AtMost => compared(|own, bound| own <= bound),
            Relation::AtLeast => compared(|own, bound| own >= bound),
            Relation::OneOf => found.is_some_and(|value| self.value.split('|').any(|text| is(value, text))),
            Relation::Present => found.is_some(),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attribute, relation, value } = self;
        let sign = match relation {
            Relation::Equal => "=",
            Relation::NotEqual => "!=",
            Relation::Less => "<",
            Relation::Greater => ">",
            Relation::AtMost => "<=",
            Relation::AtLeast => ">=",
            Relation::OneOf => "in",
            Relation::Present => return f.write_str(attribute),
        };
        write!(f, "{attribute} {sign} {value}")
    }
}

/// A job: equal tasks that are submitted together.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name in the trace it is from.
    pub name: Box<str>,
    /// Whose it is: an index into [`Workload::queues`].
    pub queue: u32,
    /// When it is submitted, counted from the beginning.
    pub submit_at: Duration,
    /// How many tasks it has.
    pub tasks: u32,
    /// What each of them uses.
    pub need: Resources,
    /// How long they run.
    pub runs: Runs,
    /// How long its owner said they run, if he did.
    pub estimate: Option<Duration>,
    /// When it should be done, counted from the beginning.
    pub deadline: Option<Duration>,
    /// Larger is more important.
    pub priority: i32,
    /// Whether its tasks must start together.
    pub is_gang: bool,
    /// Whether no two of its tasks may run on one agent.
    pub is_spread: bool,
    /// What it demands of agents.
    pub constraints: Arc<[Constraint]>,
    /// On how many agents lies the input of each task; 0 if it has none. Which ones: [`replica`].
    pub replicas: u32,
    /// Whether its tasks end badly after their time.
    pub fails: bool,
    /// Jobs of the same queue that must be done before: indexes into [`Workload::jobs`].
    pub after: Box<[u32]>,
    /// How long after the last of those it is submitted.
    pub think: Duration,
    /// How long a scheduler that takes its time decides about it, where that differs from other jobs of its queue.
    pub decision: Option<Duration>,
}

impl Job {
    /// A job of one queue with nothing special about it.
    #[must_use]
    pub fn new(submit_at: Duration, tasks: u32, need: Resources, runs: Runs) -> Self {
        Self {
            name: "".into(),
            queue: 0,
            submit_at,
            tasks,
            need,
            runs,
            estimate: None,
            deadline: None,
            priority: 0,
            is_gang: false,
            is_spread: false,
            constraints: Arc::from([]),
            replicas: 0,
            fails: false,
            after: Box::from([]),
            think: Duration::ZERO,
            decision: None,
        }
    }

    /// What a scheduler may know in advance of how long a task runs: what the owner said, else the truth.
    #[must_use]
    pub fn expected(&self, task: u32) -> Duration {
        self.estimate.or_else(|| self.runs.of(task)).unwrap_or(Duration::MAX)
    }

    /// Whether an agent with these attributes will do.
    #[must_use]
    pub fn admits(&self, attributes: &Attributes) -> bool {
        self.constraints.iter().all(|constraint| constraint.is_met_by(attributes))
    }
}

/// A machine of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Its name there.
    pub name: Box<str>,
    /// What it has.
    pub resources: Resources,
    /// What is said about it.
    pub attributes: Attributes,
}

/// A machine goes or comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// Which: an index into [`Workload::machines`].
    pub machine: u32,
    /// From when on it is away.
    pub from: Duration,
    /// When it is back, if ever.
    pub until: Option<Duration>,
}

/// Jobs, whose they are, and the machines they ran on if the trace tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Workload {
    /// Names of those who submit.
    pub queues: Vec<Box<str>>,
    /// The jobs, by time of submission.
    pub jobs: Vec<Job>,
    /// The machines, if known.
    pub machines: Vec<Machine>,
    /// When machines were away.
    pub absences: Vec<Absence>,
}

impl Workload {
    /// How many tasks there are.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.jobs.iter().map(|job| u64::from(job.tasks)).sum()
    }

    /// Whether everything in this queue ends some day.
    #[must_use]
    pub fn is_finite(&self, queue: u32) -> bool {
        self.jobs.iter().filter(|job| job.queue == queue).all(|job| job.runs != Runs::Forever)
    }

    /// Brings the jobs into the order of their submission, and keeps what refers to them right.
    pub fn sort(&mut self) {
        let mut order: Vec<u32> = (0..).zip(&self.jobs).map(|(index, _)| index).collect();
        order.sort_by_key(|index| (self.jobs[*index as usize].submit_at, *index));
        let mut place = vec![0_u32; order.len()];
        for (to, from) in (0..).zip(&order) {
            place[*from as usize] = to;
        }
        let mut old: Vec<Option<Job>> = std::mem::take(&mut self.jobs).into_iter().map(Some).collect();
        self.jobs = order.iter().filter_map(|from| old[*from as usize].take()).collect();
        for job in &mut self.jobs {
            for index in &mut job.after {
                *index = place[*index as usize];
            }
        }
    }

    /// Moves everything later, so that a cluster can come up first.
    pub fn delay(&mut self, by: Duration) {
        for job in &mut self.jobs {
            job.submit_at += by;
            if let Some(deadline) = &mut job.deadline {
                *deadline += by;
            }
        }
        for absence in &mut self.absences {
            absence.from += by;
            if let Some(until) = &mut absence.until {
                *until += by;
            }
        }
    }

    /// The work of all tasks with an end, in core-seconds.
    #[must_use]
    pub fn core_seconds(&self) -> f64 {
        let work = |job: &Job| {
            let run: f64 = (0..job.tasks).filter_map(|task| job.runs.of(task)).map(|run| run.as_secs_f64()).sum();
            run * job.need.cpus().to_f64()
        };
        self.jobs.iter().map(work).sum()
    }
}

/// The agent on which one copy of a task's input lies: drawn once, from the numbers of job and task (SplitMix64).
#[must_use]
pub fn replica(job: u32, task: u32, copy: u32, agents: u32) -> u32 {
    let seed = u64::from(job) << 32 | u64::from(task);
    let mut bits = seed.wrapping_add(u64::from(copy + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    u32::try_from(bits % u64::from(agents.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(relation: Relation, value: &str) -> Constraint {
        Constraint { attribute: "kernel".into(), relation, value: value.into() }
    }

    #[test]
    fn constraints_compare_texts_and_numbers() {
        let agent: Attributes = "kernel:5;rack:r1".parse().unwrap();
        for (relation, value, expected) in [
            (Relation::Equal, "5", true),
            (Relation::Equal, "6", false),
            (Relation::NotEqual, "6", true),
            (Relation::Less, "6", true),
            (Relation::Greater, "6", false),
            (Relation::AtMost, "5", true),
            (Relation::AtMost, "4", false),
            (Relation::AtLeast, "5", true),
            (Relation::AtLeast, "6", false),
            (Relation::OneOf, "4|5", true),
            (Relation::OneOf, "4|6", false),
            (Relation::Present, "", true),
            (Relation::Equal, "", false),
        ] {
            assert_eq!(constraint(relation, value).is_met_by(&agent), expected, "{relation:?} {value}");
        }
        assert!(constraint(Relation::Equal, "").is_met_by(&Attributes::default()));
        assert!(!constraint(Relation::Less, "6").is_met_by(&Attributes::default()));
    }

    #[test]
    fn constraints_are_shown_as_they_are_written() {
        let shown = |relation, value| constraint(relation, value).to_string();
        assert_eq!(shown(Relation::Equal, "5"), "kernel = 5");
        assert_eq!(shown(Relation::OneOf, "4|6"), "kernel in 4|6");
        assert_eq!(shown(Relation::Present, ""), "kernel");
    }

    #[test]
    fn sorting_keeps_who_comes_after_whom() {
        let job = |secs| Job::new(Duration::from_secs(secs), 1, Resources::new(), Runs::Forever);
        let mut workload = Workload { jobs: vec![job(9), job(1), job(5)], ..Workload::default() };
        workload.jobs[0].after = Box::from([2]);
        workload.sort();
        assert_eq!(workload.jobs.iter().map(|job| job.submit_at.as_secs()).collect::<Vec<_>>(), [1, 5, 9]);
        assert_eq!(*workload.jobs[2].after, [1]);
    }
}
