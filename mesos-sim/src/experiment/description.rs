//! What an experiment's file may say.
//!
//! ```toml
//! name = "two-users"
//! title = "Two users, one of them greedy"
//! seeds = 3                      # or [1, 5, 9]
//! until = "2h"                   # of virtual time
//!
//! [[cluster.agents]]
//! count = 100
//! resources = "cpus:8;mem:16384"
//!
//! [allocator]
//! policy = "drf"                 # drf, random, priority, packing, choosy, shared, shared_all_or_nothing, or one's own
//!
//! [[queue]]
//! name = "batch"
//! scheduler = { discipline = "fifo" }
//! [[queue.work]]
//! arrivals = { poisson = 2.0 }   # a job every 2 s on average
//! jobs = 500
//! tasks = { uniform = [1, 20] }
//! run = { exponential = 60 }
//! cpus = 1
//! mem = 1024
//!
//! [sweep]
//! "allocator.policy" = ["drf", "random"]
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};

use super::division::Division;
use super::error::ExperimentError;
use super::expect::Expect;
use super::parse::{DrawPart, Span};
use super::property::Properties;
use crate::trace::{Table, UnknownTable};

/// Everything a file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// A short name; results are kept under it.
    pub name: String,
    /// What it is about, in a line.
    #[serde(default)]
    pub title: String,
    /// What it is about, at length.
    #[serde(default)]
    pub about: String,
    /// How often every case is run: with the seeds from 1 on, or with these.
    #[serde(default)]
    pub seeds: Seeds,
    /// How long a case runs at most, in virtual time.
    #[serde(default = "day")]
    pub until: Span,
    /// How long the cluster has to come up before the first job is submitted.
    #[serde(default = "warm_up")]
    pub warm_up: Span,
    /// The cluster.
    #[serde(default)]
    pub cluster: ClusterPart,
    /// The allocator.
    #[serde(default)]
    pub allocator: AllocatorPart,
    /// How queues schedule, unless they say otherwise.
    #[serde(default)]
    pub scheduler: SchedulerPart,
    /// The trace that is replayed.
    #[serde(default)]
    pub trace: Option<TracePart>,
    /// The queues: what they submit, or how those of the trace schedule.
    #[serde(default)]
    pub queue: Vec<QueuePart>,
    /// What goes wrong.
    #[serde(default)]
    pub faults: FaultsPart,
    /// A division on paper instead of a cluster.
    #[serde(default)]
    pub division: Option<Division>,
    /// Properties that a rule of division should have, instead of a cluster.
    #[serde(default)]
    pub properties: Option<Properties>,
    /// Names in this file, and the values each of them takes.
    #[serde(default)]
    pub sweep: BTreeMap<String, Vec<toml::Value>>,
    /// What values of the sweep are called on charts and in tables.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The paper this reproduces.
    #[serde(default)]
    pub paper: Option<PaperPart>,
    /// What should come out.
    #[serde(default)]
    pub expect: Vec<Expect>,
}

fn day() -> Span {
    Span::secs(86_400)
}

fn warm_up() -> Span {
    Span::secs(10)
}

/// A number of seeds, or seeds.
#[derive(Debug, Clone)]
pub enum Seeds {
    /// From 1 on.
    Count(u32),
    /// These.
    List(Vec<u64>),
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Seeds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("how many seeds, as 3, or a list of them, as [1, 5, 9]; none is negative")
            }
            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Seeds, E> {
                u32::try_from(count).map(Seeds::Count).map_err(|_| E::invalid_value(Unexpected::Signed(count), &self))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Seeds, A::Error> {
                let mut seeds = Vec::new();
                while let Some(seed) = list.next_element::<i64>()? {
                    let wrong = |_| de::Error::invalid_value(Unexpected::Signed(seed), &self);
                    seeds.push(u64::try_from(seed).map_err(wrong)?);
                }
                Ok(Seeds::List(seeds))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Default for Seeds {
    fn default() -> Self {
        Self::Count(1)
    }
}

impl Seeds {
    /// The seeds.
    #[must_use]
    pub fn list(&self) -> Vec<u64> {
        match self {
            Self::Count(count) => (1..=u64::from(*count)).collect(),
            Self::List(list) => list.clone(),
        }
    }
}

/// The cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterPart {
    /// Groups of equal agents.
    pub agents: Vec<AgentsPart>,
    /// The machines of the trace are the agents, and go and come as there.
    pub from_trace: bool,
    /// How many masters; one if absent.
    pub masters: Option<u32>,
    /// Shortest and longest way of a message.
    pub latency: Option<[Span; 2]>,
    /// Shortest and longest start of a container.
    pub start: Option<[Span; 2]>,
    /// Shortest and longest write to a disk.
    pub disk: Option<[Span; 2]>,
    /// How long the lease of a leader holds that is not heard of any more; 10 s if absent.
    pub lease: Option<Span>,
    /// What a message costs a master: it handles one after the other, and each takes so long. Nothing if absent.
    pub message_cost: Option<Span>,
    /// What a round of the allocator costs: it comes so much later, while the master goes on with its messages. Nothing if absent.
    pub round_cost: Option<Span>,
    /// What it costs besides, for each agent there is. Nothing if absent.
    pub round_cost_per_agent: Option<Span>,
    /// Offers nobody answers are taken back after this time.
    pub offer_timeout: Option<Span>,
    /// How often masters ping agents and tell frameworks that they are there. Absent: every 15 s, and in runs of more than
    /// a week so much less often that a run has as many pings as a week has: idle machines would take most of the time.
    pub ping_every: Option<Span>,
    /// What a typical task needs, for fragmentation; the mean of all if absent.
    pub typical: Option<String>,
}

/// Equal agents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentsPart {
    /// How many.
    pub count: u32,
    /// What each of them has.
    pub resources: String,
    /// What is said about them; `{index}` is the agent's number, `{index%8}` its remainder.
    #[serde(default)]
    pub attributes: String,
}

/// The allocator.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AllocatorPart {
    /// Which policy; or the name of an allocator that was brought along, which is told none of the other settings here.
    pub policy: Policy,
    /// How often everything free is offered; 1 s if absent.
    pub interval: Option<Span>,
    /// Of `packing`: 0 packs as well as it can, 1 is fair.
    pub fairness: Option<f64>,
    /// Of `priority`: by role.
    pub priorities: BTreeMap<String, i32>,
    /// Of `choosy`: what a slot holds.
    pub slot: Option<String>,
    /// Fullest agents first.
    pub fullest_first: bool,
    /// A framework that was granted nothing for so many rounds goes first once.
    pub starvation_batches: Option<u32>,
}

/// Policies of the allocator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Policy {
    /// Dominant resource fairness.
    #[default]
    Drf,
    /// By weighted lot.
    Random,
    /// Higher roles first.
    Priority,
    /// Piece by piece to whom the agent suits best.
    Packing,
    /// Constrained max-min fairness.
    Choosy,
    /// Everything to everybody; what still fits is done.
    Shared,
    /// Everything to everybody; all of it or nothing.
    SharedAllOrNothing,
    /// An allocator that was brought along under this name.
    Own(String),
}

impl Policy {
    /// Those there are; a tournament compares them, and those that were brought along.
    pub const ALL: [&str; 7] = ["drf", "random", "priority", "packing", "choosy", "shared", "shared_all_or_nothing"];

    /// The policy a file calls so.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "drf" => Self::Drf,
            "random" => Self::Random,
            "priority" => Self::Priority,
            "packing" => Self::Packing,
            "choosy" => Self::Choosy,
            "shared" => Self::Shared,
            "shared_all_or_nothing" => Self::SharedAllOrNothing,
            own => Self::Own(own.to_owned()),
        }
    }

    /// What a file calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Drf => "drf",
            Self::Random => "random",
            Self::Priority => "priority",
            Self::Packing => "packing",
            Self::Choosy => "choosy",
            Self::Shared => "shared",
            Self::SharedAllOrNothing => "shared_all_or_nothing",
            Self::Own(name) => name,
        }
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::named(&name))
    }
}

/// How a queue schedules.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchedulerPart {
    /// `fifo`, `first_fit`, `backfill`, `shortest_first`, `earliest_deadline`, `priority`, `delay`, `sampling`,
    /// `gang`; or the name of one that was brought along.
    pub discipline: Option<String>,
    /// Of `delay`: how long a job waits for its input.
    pub patience: Option<Span>,
    /// Of `sampling`: how many agents are drawn for each task; 2 if absent.
    pub probes: Option<u32>,
    /// Jobs tried at most when offers come.
    pub depth: Option<usize>,
    /// Tasks per offer at most.
    pub per_offer: Option<u32>,
    /// How long what was not used is refused.
    pub refuse: Option<Span>,
    /// Time to decide about a job.
    pub think_per_job: Option<Span>,
    /// Time to decide about each of its tasks.
    pub think_per_task: Option<Span>,
    /// How long offers are held for a gang.
    pub hold: Option<Span>,
    /// How much longer a task runs away from its input.
    pub remote_factor: Option<f64>,
    /// Keeps offers until it needs them; for a framework that is alone in its cluster.
    pub keeps_offers: bool,
    /// Goes on where it was when its process is started again; costs a write before every launch.
    pub remembers: bool,
}

/// The trace that is replayed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracePart {
    /// Its files: jobs, machines.
    pub files: Vec<TraceFile>,
    /// Whose jobs are: `nobody`, `user`, `class`.
    #[serde(default)]
    pub queue_by: QueueByPart,
    /// Only from here on, in the trace's own time.
    #[serde(default)]
    pub from: Option<Span>,
    /// Only up to here.
    #[serde(default)]
    pub until: Option<Span>,
    /// At most so many jobs.
    #[serde(default)]
    pub jobs: Option<usize>,
    /// Times are divided by this.
    #[serde(default)]
    pub speedup: Option<f64>,
    /// Cores of a machine of 1.0.
    #[serde(default)]
    pub unit_cpus: Option<f64>,
    /// MB of a machine of 1.0.
    #[serde(default)]
    pub unit_mem: Option<f64>,
    /// MB of tasks of which nothing is known.
    #[serde(default)]
    pub mem_default: Option<f64>,
    /// Processors of a parallel job start together; yes if absent.
    #[serde(default)]
    pub gangs: Option<bool>,
    /// Queues at most.
    #[serde(default)]
    pub queues: Option<usize>,
}

/// A file of a trace: its path, or its path and table.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum TraceFile {
    /// Told from its first lines.
    Path(String),
    /// Said.
    Named {
        /// Where it is.
        path: String,
        /// What it holds.
        table: String,
    },
}

impl TraceFile {
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Path(path) | Self::Named { path, .. } => path,
        }
    }

    pub(super) fn table(&self) -> Result<Option<Table>, ExperimentError> {
        let Self::Named { table, .. } = self else { return Ok(None) };
        let problem = |error: UnknownTable| {
            let remedy = format!("write one of {}", error.known);
            ExperimentError::invalid("trace.files", format!("there is no table {:?}", error.name), remedy)
        };
        Table::named(table).map(Some).map_err(problem)
    }
}

/// Whose jobs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueByPart {
    /// One queue.
    #[default]
    Nobody,
    /// By user.
    User,
    /// By class.
    Class,
}

/// A queue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuePart {
    /// Its name.
    pub name: String,
    /// Its role; its name if absent.
    #[serde(default)]
    pub role: Option<String>,
    /// How much the role counts; 1 if absent.
    #[serde(default)]
    pub weight: Option<f64>,
    /// When its framework comes; with the others at the beginning if absent.
    #[serde(default)]
    pub starts: Option<Span>,
    /// What the role is guaranteed, as `"cpus:4;mem:4096"`.
    #[serde(default)]
    pub guarantee: Option<String>,
    /// What the role may have at most.
    #[serde(default)]
    pub limit: Option<String>,
    /// The most of an agent that is offered to it at a time; all of it if absent.
    #[serde(default)]
    pub max_offer: Option<String>,
    /// How it schedules.
    #[serde(default)]
    pub scheduler: Option<SchedulerPart>,
    /// It appears so many times, as `name-0`, `name-1` and so on, with the same work each.
    #[serde(default)]
    pub copies: Option<u32>,
    /// What is submitted to it.
    #[serde(default)]
    pub work: Vec<WorkPart>,
}

/// When jobs come.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalsPart {
    /// At the beginning.
    #[default]
    AtOnce,
    /// Mean seconds between two.
    Poisson(f64),
    /// Seconds between two.
    Gaps(DrawPart),
    /// At these times.
    At(Vec<Span>),
    /// With a swing over the day.
    Diurnal {
        /// Mean seconds between two.
        mean_gap: f64,
        /// The largest rate as a multiple of the smallest.
        swing: f64,
        /// The hour of the largest rate.
        peak_hour: f64,
    },
    /// So many at once.
    Bursts {
        /// How many.
        size: DrawPart,
        /// Seconds between bursts.
        gap: DrawPart,
    },
    /// The next one so long after the one before is done.
    Chain(Span),
}

/// What is submitted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkPart {
    /// When.
    #[serde(default)]
    pub arrivals: ArrivalsPart,
    /// The first not before this time.
    #[serde(default)]
    pub from: Span,
    /// None after this time.
    #[serde(default)]
    pub until: Option<Span>,
    /// How many jobs, at most; one if absent, or as many as there are times.
    #[serde(default)]
    pub jobs: Option<u32>,
    /// Tasks per job.
    #[serde(default = "one")]
    pub tasks: DrawPart,
    /// Seconds a task runs; absent: for ever.
    #[serde(default)]
    pub run: Option<DrawPart>,
    /// Every task draws its own.
    #[serde(default)]
    pub run_per_task: bool,
    /// Cores per task.
    #[serde(default = "one")]
    pub cpus: DrawPart,
    /// MB per task.
    #[serde(default = "mem")]
    pub mem: DrawPart,
    /// MB of disk per task.
    #[serde(default = "zero")]
    pub disk: DrawPart,
    /// GPUs per task.
    #[serde(default = "zero")]
    pub gpus: DrawPart,
    /// How much larger jobs run longer, from 0 to 1.
    #[serde(default)]
    pub correlation: f64,
    /// Tasks of a job start together.
    #[serde(default)]
    pub gang: bool,
    /// No two tasks of a job on one agent.
    #[serde(default)]
    pub spread: bool,
    /// On how many agents the input of a task lies.
    #[serde(default)]
    pub replicas: u32,
    /// Larger is more important.
    #[serde(default)]
    pub priority: i32,
    /// What agents must be like; `{copy}` is the number of the queue's copy.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// The deadline, in run times after submission.
    #[serde(default)]
    pub slack: Option<DrawPart>,
    /// The estimate, in run times.
    #[serde(default)]
    pub overestimate: Option<DrawPart>,
    /// How long the scheduler decides about such a job; as about any of its queue if absent.
    #[serde(default)]
    pub think_per_job: Option<Span>,
}

const fn one() -> DrawPart {
    DrawPart::Constant(1.0)
}

const fn zero() -> DrawPart {
    DrawPart::Constant(0.0)
}

const fn mem() -> DrawPart {
    DrawPart::Constant(512.0)
}

/// What goes wrong.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultsPart {
    /// Mean time between failures of one machine.
    pub machine_fails_every: Option<Span>,
    /// Mean time until it is back.
    pub machine_back_after: Option<Span>,
    /// Of a million containers, so many end badly.
    pub container_crash_ppm: u32,
    /// Of a million messages, so many are lost.
    pub loss_ppm: u32,
    /// The leading master's process ends at these times.
    pub leader_crashes_at: Vec<Span>,
    /// The processes of all frameworks end at these times, and are started again.
    pub frameworks_crash_at: Vec<Span>,
}

/// The paper an experiment reproduces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperPart {
    /// Its authors, title, place and year.
    pub cite: String,
    /// Where in it.
    pub place: String,
    /// A short name for a line of a table.
    pub id: String,
    /// Its figures that are drawn again: what is expected says where on them it stands.
    #[serde(default)]
    pub figure: Vec<FigurePart>,
}

/// A figure of a paper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigurePart {
    /// What expectations call it.
    pub name: String,
    /// What it shows, and which one of the paper it is.
    pub title: String,
    /// What is along the horizontal axis, with its unit.
    pub x: String,
    /// What is along the vertical axis, with its unit.
    pub y: String,
    /// Whether the horizontal axis is logarithmic.
    #[serde(default)]
    pub is_log: bool,
    /// Whether the vertical axis is.
    #[serde(default)]
    pub is_y_log: bool,
}

impl Description {
    /// The title, or the name.
    #[must_use]
    pub fn heading(&self) -> &str {
        if self.title.is_empty() { &self.name } else { &self.title }
    }
}
