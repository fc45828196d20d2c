//! `mesos-sim tournament`: all policies of the allocator on one trace, one table.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mesos_sim::experiment::{Experiment, ExperimentError, tournament};

use crate::experiment::{Bars, conclude, exit, run_shown};

#[derive(Debug, Args)]
pub(crate) struct Tournament {
    /// The trace's files, or one experiment's file (.toml).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Agents, as 100xcpus:8;mem:16384; the machines of the trace if absent.
    #[arg(long)]
    agents: Vec<String>,
    /// Whose jobs are: nobody, user or class.
    #[arg(long, default_value = "user")]
    queue_by: String,
    /// How queues schedule.
    #[arg(long, default_value = "first_fit")]
    discipline: String,
    /// At most so many queues.
    #[arg(long, default_value_t = 8)]
    queues: usize,
    /// At most so many jobs.
    #[arg(long)]
    trace_jobs: Option<usize>,
    /// Times of the trace are divided by this.
    #[arg(long, default_value_t = 1.0)]
    speedup: f64,
    /// Virtual time at most.
    #[arg(long, default_value = "30d")]
    until: String,
    /// So many seeds each.
    #[arg(long, default_value_t = 1)]
    seeds: u32,
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

impl Tournament {
    pub(crate) fn run(&self) -> ExitCode {
        exit(self.play())
    }

    fn play(&self) -> Result<ExitCode, ExperimentError> {
        let experiment = match &self.files[..] {
            [file] if file.extension().is_some_and(|ext| ext == "toml") => Experiment::load(file)?,
            _ => Experiment::parse(self.text(), PathBuf::new(), self.command())?,
        };
        let experiment = tournament(&experiment)?;
        let outcomes = run_shown(&experiment, &self.out, self.jobs, &Bars::default())?;
        conclude(&experiment, &self.out, &outcomes, self.json)
    }

    fn command(&self) -> String {
        let words: Vec<String> = std::env::args().skip(1).collect();
        format!("mesos-sim {}", words.join(" "))
    }

    fn text(&self) -> String {
        let quote = |path: &Path| format!("{:?}", path.display().to_string());
        let files: Vec<String> = self.files.iter().map(|path| quote(path)).collect();
        let mut text = format!(
            "name = \"tournament\"\ntitle = \"All policies on {}\"\nseeds = {}\nuntil = {:?}\n",
            self.files[0].file_name().map(|name| name.display().to_string()).unwrap_or_default().replace('"', ""),
            self.seeds,
            self.until
        );
        let _ = write!(text, "[cluster]\nfrom_trace = {}\n", self.agents.is_empty());
        for agents in &self.agents {
            let (count, resources) = agents.split_once('x').unwrap_or(("1", agents));
            let _ = write!(text, "[[cluster.agents]]\ncount = {}\nresources = {resources:?}\n", count.trim());
        }
        let _ = write!(
            text,
            "[scheduler]\ndiscipline = {:?}\n[trace]\nfiles = [{}]\nqueue_by = {:?}\nqueues = {}\nspeedup = {:?}\n",
            self.discipline,
            files.join(", "),
            self.queue_by,
            self.queues,
            self.speedup
        );
        if let Some(jobs) = self.trace_jobs {
            let _ = writeln!(text, "jobs = {jobs}");
        }
        text
    }
}
