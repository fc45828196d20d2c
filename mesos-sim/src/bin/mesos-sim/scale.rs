//! `mesos-sim scale`: how much simulated cluster this machine can do, as figures that can be quoted.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use mesos_sim::scheduler::{Discipline, JobScheduler, Options};
use mesos_sim::workload::{Arrivals, Draw, Generator, Sleepers, Workload};
use mesos_sim::{Cluster, Failure, Simulation, secs};
use serde::Serialize;

use crate::experiment::cpu_secs;
use crate::outcome::{Made, provenance};
use crate::print::print_line;
use crate::progress;
use crate::seeds::{AGENTS_MAX, agents, some};

#[derive(Debug, Args)]
pub(crate) struct Scale {
    #[command(subcommand)]
    what: What,
    /// One line of JSON per row instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A day of a cluster: jobs come all day long, through the full kernel. 10,000 agents and 1,000,000 tasks unless said
    /// otherwise.
    Day {
        /// Agents, of 16 cores each.
        #[arg(long, default_value_t = 10_000, value_parser = agents())]
        agents: usize,
        /// Tasks, in jobs of a hundred.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
        tasks: u32,
        /// The seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// How much memory agents take: registers so many, runs ten tasks on each, and tells the peak of this process.
    Memory {
        /// Agents, of 16 cores each.
        #[arg(long, default_value_t = 100_000, value_parser = agents())]
        agents: usize,
    },
    /// What an event costs in clusters of growing size; grows no faster than the logarithm if the last column stays.
    Curve {
        /// Tasks per agent.
        #[arg(long, default_value_t = 20, value_parser = some())]
        tasks: u32,
        /// The largest cluster: sizes are 1,000, 2,000, 5,000, 10,000 and so on up to it.
        #[arg(long, default_value_t = 50_000, value_parser = RangedU64ValueParser::<usize>::new().range(1_000..=AGENTS_MAX))]
        agents_max: usize,
    },
}

impl Scale {
    pub(crate) fn run(&self) -> ExitCode {
        let json = self.json;
        let done = match self.what {
            What::Day { agents, tasks, seed } => day(agents, tasks, seed).map(|figures| say(figures, seed, json)),
            What::Memory { agents } => memory(agents).map(|figures| say(figures, SEED, json)),
            What::Curve { tasks, agents_max } => curve(tasks, agents_max, json),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("{failure}");
                ExitCode::from(failure.kind.exit_code())
            }
        }
    }
}

/// What a run was and what it took.
#[derive(Debug, Serialize)]
struct Figures {
    agents: usize,
    tasks: u64,
    virtual_hours: f64,
    cpu_secs: f64,
    real_secs: f64,
    steps: u64,
    events: u64,
    /// The largest part of memory this process ever had, where the system tells.
    peak_gb: Option<f64>,
    /// A number that is another one when anything at all happened otherwise.
    digest: String,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agents, tasks, virtual_hours, cpu_secs, real_secs, steps, digest, .. } = self;
        write!(f, "{agents} agents, {tasks} tasks, {virtual_hours:.1} virtual hours: ")?;
        writeln!(f, "{cpu_secs:.1} CPU-seconds, {real_secs:.1} real seconds, {steps} steps, digest {digest}")?;
        match self.peak_gb {
            Some(peak) => write!(f, "peak memory {peak:.2} GB"),
            None => f.write_str("this system does not tell the peak of memory"),
        }
    }
}

fn say(figures: Figures, seed: u64, is_json: bool) {
    let provenance = provenance([seed]);
    if is_json {
        print_line(serde_json::to_string(&Made { provenance, figures }).expect("figures are plain data"));
    } else {
        print_line(figures);
        print_line(provenance);
    }
}

/// Runs until all work is done, and on until `least` if that is later.
fn measured(mut simulation: Simulation, agents: usize, tasks: u64, least: Duration) -> Result<Figures, Failure> {
    let bar = progress::of_tasks(&mut simulation, tasks);
    let measured = timed(|| {
        simulation.run_until(least)?;
        simulation.run_until_done(DAY * 2).map(|_| ())
    });
    bar.finish_and_clear();
    let ((), cost) = measured?;
    let report = simulation.report();
    Ok(Figures {
        agents,
        tasks,
        virtual_hours: report.at_secs / 3_600.0,
        cpu_secs: cost.cpu,
        real_secs: cost.real,
        steps: simulation.steps(),
        events: report.events,
        peak_gb: peak_gb(),
        digest: simulation.digest().to_string(),
    })
}

/// What a run cost.
struct Cost {
    real: f64,
    cpu: f64,
}

fn timed<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Cost), Failure> {
    let (started, before) = (Instant::now(), cpu_secs());
    let value = body()?;
    let cpu = cpu_secs().zip(before).map_or(f64::NAN, |(after, before)| after - before);
    Ok((value, Cost { real: started.elapsed().as_secs_f64(), cpu }))
}

/// The largest part of memory this process ever had, in GB, where the system tells.
fn peak_gb() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1_048_576.0)
}

/// The seed of runs of which nobody says one.
const SEED: u64 = 1;
const DAY: Duration = Duration::from_secs(86_400);
const JOB: u32 = 100;

fn day(agents: usize, tasks: u32, seed: u64) -> Result<Figures, Failure> {
    let jobs = (tasks / JOB).max(1);
    // The last job comes so early that the longest of a million tasks, some two hours, ends before the day is over.
    let gap = DAY.as_secs_f64() * 0.88 / f64::from(jobs);
    let generator = Generator {
        arrivals: Arrivals::Gaps(Draw::Exponential(gap)),
        tasks: Draw::Constant(f64::from(JOB)),
        is_run_per_task: true,
        mem: Draw::Constant(2_048.0),
        ..Generator::new(jobs, Draw::Exponential(600.0))
    };
    let mut rng = mesos_core::kernel::Rng::new(seed);
    let jobs = generator.draw(&mut rng).expect("all of it can be drawn");
    let mut workload = Workload { queues: vec!["batch".into()], jobs, ..Workload::default() };
    workload.delay(secs(30));
    let workload = Arc::new(workload);
    let options = Options {
        discipline: Discipline::FirstFit,
        agents: u32::try_from(agents).unwrap_or(u32::MAX),
        keeps_offers: true,
        ..Options::default()
    };
    let total = workload.tasks();
    let make = move || JobScheduler::new(workload.clone(), 0, options.clone()).boxed();
    let mut cluster = Cluster::builder()
        .agents(agents, "cpus:16;mem:65536")
        .framework("batch", make)
        .coming_from(crate::outcome::invocation());
    cluster.conditions_mut().is_tallied = false;
    // The rest of the day passes too, with nothing but pings.
    measured(cluster.simulate(seed).expect("the description is a constant"), agents, total, DAY)
}

fn sleepers(agents: usize, per_agent: u32) -> Simulation {
    let tasks = u32::try_from(agents).unwrap_or(u32::MAX).saturating_mul(per_agent);
    let mut cluster = Cluster::builder()
        .agents(agents, "cpus:16;mem:65536")
        .framework("batch", move || Sleepers::new(tasks, secs(60)).boxed())
        .coming_from(crate::outcome::invocation());
    cluster.conditions_mut().is_tallied = false;
    cluster.simulate(SEED).expect("the description is a constant")
}

fn memory(agents: usize) -> Result<Figures, Failure> {
    measured(sleepers(agents, 10), agents, agents as u64 * 10, Duration::ZERO)
}

#[allow(clippy::cast_precision_loss, reason = "rates for people")]
fn curve(tasks: u32, agents_max: usize, is_json: bool) -> Result<(), Failure> {
    if !is_json {
        print_line(format_args!(
            "{:>9} {:>10} {:>12} {:>10} {:>12} {:>18}",
            "agents", "tasks", "events", "CPU s", "µs/event", "µs/event/log2(n)"
        ));
    }
    let decades = std::iter::successors(Some(1_000_usize), |decade| decade.checked_mul(10));
    let sizes = decades.flat_map(|decade| [1, 2, 5].map(|step| decade.saturating_mul(step)));
    for agents in sizes.take_while(|agents| *agents <= agents_max) {
        let figures = measured(sleepers(agents, tasks), agents, agents as u64 * u64::from(tasks), Duration::ZERO)?;
        if is_json {
            say(figures, SEED, true);
            continue;
        }
        let Figures { tasks, events, cpu_secs, .. } = figures;
        let each = cpu_secs * 1e6 / events.max(1) as f64;
        let by_log = each / (agents as f64).log2();
        print_line(format_args!("{agents:>9} {tasks:>10} {events:>12} {cpu_secs:>10.2} {each:>12.3} {by_log:>18.4}"));
    }
    if !is_json {
        print_line(provenance([SEED]));
    }
    Ok(())
}
