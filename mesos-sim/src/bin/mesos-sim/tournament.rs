//! `mesos-sim tournament`: all policies of the allocator on one trace, one table.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use mesos_core::Resources;
use mesos_sim::experiment::{Description, Experiment, ExperimentError, tournament};
use mesos_sim::trace;

use crate::experiment::{Bars, conclude, exit, run_shown};
use crate::outcome::command;

/// How long after its last job a trace is run at most, where nobody says until when.
const AFTER_LAST_DAYS: u64 = 30;

#[derive(Debug, Args)]
pub(crate) struct Tournament {
    /// The trace's files, or one experiment's file (.toml).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    of_trace: OfTrace,
    /// Where results go.
    #[arg(long, default_value = "results/tournament")]
    out: PathBuf,
    /// How many cases at a time; all cores if absent.
    #[arg(long)]
    jobs: Option<usize>,
    /// Prints figures as JSON.
    #[arg(long)]
    json: bool,
}

/// What is made of a trace. An experiment's file says that itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of a trace, not of an experiment's file")]
struct OfTrace {
    /// Agents, as 100xcpus:8;mem:16384; the machines of the trace if absent.
    #[arg(long, value_parser = parse_agents)]
    agents: Vec<Agents>,
    /// Whose jobs are; user if absent.
    #[arg(long, value_parser = ["nobody", "user", "class"])]
    queue_by: Option<String>,
    /// How queues schedule; first_fit if absent.
    #[arg(long, value_parser = DISCIPLINES)]
    discipline: Option<String>,
    /// At most so many queues; 8 if absent.
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    queues: Option<usize>,
    /// At most so many jobs.
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    trace_jobs: Option<usize>,
    /// Times of the trace are divided by this; 1 if absent.
    #[arg(long, value_parser = parse_speedup)]
    speedup: Option<f64>,
    /// Virtual time at most, as 90s, 15m, 24h or 30d; if absent, 30 days more than there are until the last job of the trace,
    /// which is read twice then.
    #[arg(long, value_parser = parse_until)]
    until: Option<String>,
    /// So many seeds each; one if absent.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    seeds: Option<u32>,
}

const DISCIPLINES: [&str; 9] =
    ["fifo", "first_fit", "backfill", "shortest_first", "earliest_deadline", "priority", "delay", "sampling", "gang"];

/// Equal agents.
#[derive(Debug, Clone)]
struct Agents {
    count: u32,
    resources: String,
}

fn parse_agents(text: &str) -> Result<Agents, String> {
    // A name of resources may have an x in it: only behind a number does it mean that many.
    let (count, resources) = match text.split_once('x') {
        Some((count, rest)) if count.trim().bytes().all(|digit| digit.is_ascii_digit()) => (count.trim(), rest.trim()),
        _ => ("1", text.trim()),
    };
    let count = count.parse().ok().filter(|count| (1..=1_000_000).contains(count));
    let count = count.ok_or("write 1 to 1000000 agents, as 100xcpus:8;mem:16384")?;
    let has: Resources = resources.parse().map_err(|error| format!("{error}; write as 100xcpus:8;mem:16384"))?;
    if has.is_empty() {
        return Err("an agent has some resources; write as 100xcpus:8;mem:16384".to_owned());
    }
    Ok(Agents { count, resources: resources.to_owned() })
}

fn parse_speedup(text: &str) -> Result<f64, String> {
    let factor: Option<f64> = text.parse().ok();
    let is_factor = |factor: &f64| factor.is_finite() && *factor >= 0.001;
    factor.filter(is_factor).ok_or_else(|| "write a number of at least 0.001".to_owned())
}

fn parse_until(text: &str) -> Result<String, String> {
    let part = toml::Table::from_iter([("name", ""), ("until", text)].map(|(name, value)| (name.into(), value.into())));
    let read: Result<Description, _> = part.try_into();
    match read {
        Ok(description) if !description.until.0.is_zero() => Ok(text.to_owned()),
        _ => Err("write a span of time, as 90s, 15m, 24h or 30d".to_owned()),
    }
}

impl OfTrace {
    /// The options that were said.
    fn said(&self) -> Vec<&'static str> {
        let Self { agents, queue_by, discipline, queues, trace_jobs, speedup, until, seeds } = self;
        let all = [
            ("--agents", !agents.is_empty()),
            ("--queue-by", queue_by.is_some()),
            ("--discipline", discipline.is_some()),
            ("--queues", queues.is_some()),
            ("--trace-jobs", trace_jobs.is_some()),
            ("--speedup", speedup.is_some()),
            ("--until", until.is_some()),
            ("--seeds", seeds.is_some()),
        ];
        all.into_iter().filter(|(_, is_said)| *is_said).map(|(name, _)| name).collect()
    }

    fn speedup(&self) -> f64 {
        self.speedup.unwrap_or(1.0)
    }

    /// How long to run so that every job of the trace is submitted, and has some time.
    fn until_covered(&self, files: &[PathBuf]) -> Result<String, ExperimentError> {
        let mut opened = Vec::new();
        for path in files {
            let wrong = |source| ExperimentError::File { path: path.clone(), source };
            let file = File::open(path).map_err(wrong)?;
            if !file.metadata().map_err(wrong)?.is_file() {
                let what = format!("{} can only be read once: say --until", path.display());
                return Err(ExperimentError::Text(what));
            }
            opened.push(trace::File { name: path.display().to_string(), table: None, bytes: Box::new(file) });
        }
        let usual = trace::Options::default();
        let jobs_max = self.trace_jobs.unwrap_or(usual.jobs_max);
        let (workload, _) = trace::read(opened, &trace::Options { jobs_max, speedup: self.speedup(), ..usual })?;
        let last = workload.jobs.iter().map(|job| job.submit_at).max().unwrap_or_default();
        let whole = Duration::from_secs(last.as_secs().saturating_add(1 + AFTER_LAST_DAYS * 86_400));
        Ok(format!("{}s", whole.as_secs()))
    }

    /// The experiment on these files.
    fn experiment(&self, files: &[PathBuf], command: String) -> Result<Experiment, ExperimentError> {
        let until = match &self.until {
            Some(until) => until.clone(),
            None => self.until_covered(files)?,
        };
        let name = |path: &Path| path.file_name().map(|name| name.display().to_string()).unwrap_or_default();
        let agents = self.agents.iter();
        let agents: Vec<_> =
            agents.map(|own| serde_json::json!({ "count": own.count, "resources": own.resources })).collect();
        let mut trace = serde_json::json!({
            "files": files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "queue_by": self.queue_by.as_deref().unwrap_or("user"),
            "queues": self.queues.unwrap_or(8),
            "speedup": self.speedup(),
        });
        if let Some(jobs) = self.trace_jobs {
            trace["jobs"] = jobs.into();
        }
        let whole = serde_json::json!({
            "name": "tournament",
            "title": format!("All policies on {}", files.first().map(|path| name(path)).unwrap_or_default()),
            "seeds": self.seeds.unwrap_or(1),
            "until": until,
            "cluster": { "from_trace": agents.is_empty(), "agents": agents },
            "scheduler": { "discipline": self.discipline.as_deref().unwrap_or("first_fit") },
            "trace": trace,
        });
        let text = toml::to_string(&whole).map_err(|error| ExperimentError::Text(error.to_string()))?;
        Experiment::parse(text, PathBuf::new(), command)
    }
}

impl Tournament {
    pub(crate) fn run(&self) -> ExitCode {
        exit(self.play())
    }

    fn play(&self) -> Result<ExitCode, ExperimentError> {
        let experiment = match &self.files[..] {
            [file] if file.extension().is_some_and(|ext| ext == "toml") => {
                let said = self.of_trace.said();
                if !said.is_empty() {
                    let what = format!(
                        "{} says itself what it runs; leave out {}, or name the files of a trace",
                        file.display(),
                        said.join(", ")
                    );
                    return Err(ExperimentError::Text(what));
                }
                Experiment::load(file)?
            }
            files => self.of_trace.experiment(files, command())?,
        };
        let experiment = tournament(&experiment)?;
        let outcomes = run_shown(&experiment, &self.out, self.jobs, &Bars::default())?;
        conclude(&experiment, &self.out, &outcomes, self.json)
    }
}
