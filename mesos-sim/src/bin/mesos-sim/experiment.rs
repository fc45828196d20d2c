//! `mesos-sim experiment`: runs the cases of a file, and makes tables, charts and a page of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use clap::{Args, Subcommand};
use indicatif::{MultiProgress, ProgressBar};
use mesos_sim::ExitStatus;
use mesos_sim::experiment::{Experiment, ExperimentError, Finding, Outcome, Progress};

use crate::print::{print, print_json, print_line};
use crate::progress;

#[derive(Debug, Args)]
pub(crate) struct ExperimentCommand {
    #[command(subcommand)]
    command: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Runs what has not been run yet, on all cores, and writes tables, charts and the page.
    Run(RunArgs),
    /// Makes tables, charts and the page anew from the results that are there; writes nothing where there are none.
    Report(RunArgs),
    /// Lists the cases of a file.
    Cases {
        /// The experiment's file.
        file: PathBuf,
    },
    /// Prints a file to begin with.
    Example,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The experiment's file.
    file: PathBuf,
    /// Where results go and come from; results/NAME if absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// How many cases at a time; all cores if absent.
    #[arg(long)]
    jobs: Option<usize>,
    /// Prints figures as JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = include_str!("example.toml");

impl ExperimentCommand {
    pub(crate) fn run(&self) -> ExitCode {
        match &self.command {
            Step::Run(args) => exit(args.run(true)),
            Step::Report(args) => exit(args.run(false)),
            Step::Cases { file } => exit(cases(file)),
            Step::Example => {
                print(EXAMPLE);
                ExitCode::SUCCESS
            }
        }
    }
}

/// What a command amounts to, as the exit status.
pub(crate) fn exit(result: Result<ExitCode, ExperimentError>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("mesos-sim: {error}");
        ExitCode::from(match error {
            ExperimentError::Kernel { failure, .. } => failure.kind.exit_code(),
            _ => ExitStatus::Unusable.code(),
        })
    })
}

fn cases(file: &Path) -> Result<ExitCode, ExperimentError> {
    for case in Experiment::load(file)?.cases()? {
        print(&format!("{} seed {} {}\n", case.key, case.seed, case.label));
    }
    Ok(ExitCode::SUCCESS)
}

impl RunArgs {
    fn run(&self, is_running: bool) -> Result<ExitCode, ExperimentError> {
        let experiment = Experiment::load(&self.file)?;
        let folder = self.out.clone().unwrap_or_else(|| Path::new("results").join(&experiment.description.name));
        let outcomes = if is_running {
            run_shown(&experiment, &folder, self.jobs, &Bars::default())?
        } else {
            let (cases, kept) = (experiment.cases()?, experiment.kept(&folder)?);
            if kept.is_empty() {
                // Tables of nothing would take the place of those that are there.
                let what = format!(
                    "none of {} cases has a result in {} made by this build of this description and its files; nothing was \
                     written. Run the experiment, or name its folder with --out",
                    cases.len(),
                    folder.display()
                );
                return Err(ExperimentError::Text(what));
            }
            if kept.len() < cases.len() {
                eprintln!("{} of {} cases have results in {}", kept.len(), cases.len(), folder.display());
            }
            kept
        };
        conclude(&experiment, &folder, &outcomes, self.json)
    }
}

/// The bars of experiments under way: one for each, and one for all of them together where there are several.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    pub(crate) all: MultiProgress,
    pub(crate) total: Option<ProgressBar>,
}

/// Runs an experiment behind a progress bar, and says how busy the cores were and what was not run again.
pub(crate) fn run_shown(
    experiment: &Experiment,
    folder: &Path,
    jobs: Option<usize>,
    bars: &Bars,
) -> Result<Vec<Outcome>, ExperimentError> {
    let threads = jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into));
    let style = "{elapsed_precise} {wide_bar} {pos}/{len} cases, {eta} left, {msg}";
    let bar = bars.all.add(progress::bar(0, style));
    let (started, used_before) = (Instant::now(), cpu_secs());
    let resumed = AtomicUsize::new(0);
    let outcomes = experiment.run(Some(folder), threads, &|progress: Progress<'_>| {
        bar.set_length(progress.of as u64);
        bar.set_position(progress.done as u64);
        resumed.store(progress.resumed, Ordering::Relaxed);
        if let Some(total) = &bars.total {
            total.inc(if progress.last.is_some() { 1 } else { progress.resumed as u64 });
        }
        let what = progress.last.map_or_else(|| format!("{} there already", progress.resumed), Outcome::label);
        bar.set_message(what);
        if let Some(fault) = progress.last.and_then(|outcome| outcome.fault.as_deref()) {
            bars.all.suspend(|| eprintln!("{fault}"));
        }
    });
    bar.finish_and_clear();
    bars.all.remove(&bar);
    let (outcomes, real) = (outcomes?, started.elapsed().as_secs_f64());
    let resumed = resumed.into_inner();
    bars.all.suspend(|| {
        if let Some((before, after)) = used_before.zip(cpu_secs()) {
            let threads = u32::try_from(threads).unwrap_or(u32::MAX);
            eprintln!(
                "{} cases in {real:.1} s on {threads} threads: {:.1} CPU-seconds, {:.0} % of {threads} cores",
                outcomes.len(),
                after - before,
                (after - before) / (real * f64::from(threads)) * 100.0
            );
        }
        // Said after the bar is gone: whoever looks at figures must know that they were not made just now.
        if resumed > 0 {
            eprintln!(
                "{resumed} of {} cases were there already, made by this build of the same description and files, and were \
                 not run again; to run them, remove {}",
                outcomes.len(),
                folder.join("cases").display()
            );
        }
    });
    Ok(outcomes)
}

/// CPU time of this process, where the system tells.
pub(crate) fn cpu_secs() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold anything; the numbers begin behind it.
    let mut numbers = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || numbers.next()?.parse::<f64>().ok();
    // Linux counts in hundredths of a second, whatever the kernel's own clock is (USER_HZ).
    Some((ticks()? + ticks()?) / 100.0)
}

/// Writes what there is to write, and tells the exit status.
pub(crate) fn conclude(
    experiment: &Experiment,
    folder: &Path,
    outcomes: &[Outcome],
    is_json: bool,
) -> Result<ExitCode, ExperimentError> {
    let written = experiment.write(folder, outcomes)?;
    let (findings, provenance) = (experiment.findings(outcomes), experiment.provenance(outcomes));
    if is_json {
        let figures = serde_json::json!({ "provenance": provenance, "outcomes": outcomes, "findings": findings });
        print_json(&figures);
    } else {
        print(&traces(outcomes));
        print(&table(outcomes));
        print(&findings_text(&findings));
        print_line(&provenance);
        let tables = written.iter().filter(|path| path.extension().is_some_and(|ext| ext != "svg"));
        for path in tables {
            print(&format!("{}\n", path.display()));
        }
        print(&format!("{}\n", folder.join("images").display()));
    }
    if let Some(late) = late(outcomes) {
        eprintln!("{late}");
    }
    let faults = outcomes.iter().filter_map(|outcome| outcome.fault.as_deref());
    let mut faults = faults.peekable();
    if faults.peek().is_some() {
        faults.for_each(|fault| eprintln!("{fault}"));
        return Ok(ExitCode::from(ExitStatus::Scheduler.code()));
    }
    let is_expected = findings.iter().all(|finding| finding.verdict.is_within());
    Ok(if is_expected { ExitCode::SUCCESS } else { ExitCode::from(ExitStatus::Unexpected.code()) })
}

const COLUMNS: [(&str, &str); 9] = [
    ("cpus_used", "cpus"),
    ("mem_used", "mem"),
    ("fairness_jain", "fairness"),
    ("fragmentation", "fragm."),
    ("wait_mean_secs", "wait s"),
    ("response_mean_secs", "resp. s"),
    ("makespan_secs", "makespan"),
    ("offers", "offers"),
    ("offers_declined", "declined"),
];

/// The figures that are compared most, a line per case.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    if outcomes.iter().all(|outcome| outcome.digest.is_empty()) {
        return String::new();
    }
    let wide = outcomes.iter().map(|outcome| outcome.label().chars().count()).max().unwrap_or(0).clamp(4, 60);
    let mut text = format!("{:<wide$} {:>6}", "case", "seed");
    for (_, name) in COLUMNS {
        text.push_str(&format!(" {name:>10}"));
    }
    text.push_str("  done\n");
    for outcome in outcomes {
        text.push_str(&format!("{:<wide$} {:>6}", outcome.label(), outcome.seed));
        for (metric, _) in COLUMNS {
            let cell = outcome.get(metric, None).map_or_else(|| "-".to_owned(), digits);
            text.push_str(&format!(" {cell:>10}"));
        }
        text.push_str(&format!("  {}\n", done(outcome)));
    }
    text
}

/// Whether all was done; where not, what was, and what became of the rest.
fn done(outcome: &Outcome) -> String {
    if outcome.is_done {
        return "yes".to_owned();
    }
    let number = |metric| outcome.get(metric, None).unwrap_or(0.0);
    let mut text = format!("no: {} of {} jobs", number("jobs_done"), number("jobs"));
    for (metric, what) in [("tasks_never_started", "never started"), ("tasks_given_up", "given up")] {
        let count = number(metric);
        if count > 0.0 {
            text.push_str(&format!(", {count} {} {what}", if count > 1.0 { "tasks" } else { "task" }));
        }
    }
    text
}

/// What is to be said of jobs that nobody ran because they come after the end: the figures are those of the others.
fn late(outcomes: &[Outcome]) -> Option<String> {
    let of = |outcome: &Outcome| Some((outcome.get("jobs_late", None)?, outcome.get("jobs", None)?));
    let late: Vec<(f64, f64)> = outcomes.iter().filter_map(of).collect();
    let (count, jobs) = late.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let cases =
        if outcomes.len() > 1 { format!(", in {} of {} cases", late.len(), outcomes.len()) } else { String::new() };
    Some(format!(
        "WARNING: {count} of {jobs} jobs come after the end of the run{cases}: they were not run, and figures tell of the others \
         alone; a later `until` (--until) covers them"
    ))
}

/// What became of the rows of traces: each text once, however many cases replay the same trace.
fn traces(outcomes: &[Outcome]) -> String {
    let mut texts: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome.trace.as_deref()).collect();
    texts.dedup();
    texts.concat()
}

fn digits(value: f64) -> String {
    if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// `paper | here | bound | verdict`, and why the paper differs where it does.
pub(crate) fn findings_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let Finding { what, paper, here, bound, verdict, differs, .. } = finding;
        let why = differs.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        text.push_str(&format!("{what:<64} | {paper:>10} | {here:>10} | {bound:>16} | {verdict}{why}\n"));
    }
    text
}
