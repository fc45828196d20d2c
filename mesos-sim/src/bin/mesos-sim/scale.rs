//! `mesos-sim scale`: how much simulated cluster this machine can do, as figures that can be quoted.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use mesos_sim::scheduler::{Discipline, JobScheduler, Options};
use mesos_sim::workload::{Arrivals, Draw, Generator, Sleepers, Workload};
use mesos_sim::{Cluster, Failure, Simulation, secs};

use crate::experiment::cpu_secs;

#[derive(Debug, Args)]
pub(crate) struct Scale {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A day of a cluster: jobs come all day long, through the full kernel. 10,000 agents and 1,000,000 tasks unless said
    /// otherwise.
    Day {
        /// Agents, of 16 cores each.
        #[arg(long, default_value_t = 10_000)]
        agents: usize,
        /// Tasks, in jobs of a hundred.
        #[arg(long, default_value_t = 1_000_000)]
        tasks: u32,
        /// The seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// How much memory agents take: registers so many, runs ten tasks on each, and tells the peak of this process.
    Memory {
        /// Agents, of 16 cores each.
        #[arg(long, default_value_t = 100_000)]
        agents: usize,
    },
    /// What an event costs in clusters of growing size; grows no faster than the logarithm if the last column stays.
    Curve {
        /// Tasks per agent.
        #[arg(long, default_value_t = 20)]
        tasks: u32,
        /// The largest cluster.
        #[arg(long, default_value_t = 32_000)]
        agents_max: usize,
    },
}

impl Scale {
    pub(crate) fn run(&self) -> ExitCode {
        let done = match self.what {
            What::Day { agents, tasks, seed } => day(agents, tasks, seed),
            What::Memory { agents } => memory(agents),
            What::Curve { tasks, agents_max } => curve(tasks, agents_max),
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

const DAY: Duration = Duration::from_secs(86_400);
const JOB: u32 = 100;

fn day(agents: usize, tasks: u32, seed: u64) -> Result<(), Failure> {
    let jobs = (tasks / JOB).max(1);
    // The last job comes well before the day is over.
    let gap = DAY.as_secs_f64() * 0.95 / f64::from(jobs);
    let generator = Generator {
        arrivals: Arrivals::Gaps(Draw::Exponential(gap)),
        tasks: Draw::Constant(f64::from(JOB)),
        is_run_per_task: true,
        mem: Draw::Constant(2_048.0),
        ..Generator::new(jobs, Draw::Exponential(600.0))
    };
    let mut rng = mesos_core::kernel::Rng::new(seed);
    let mut workload = Workload { queues: vec!["batch".into()], jobs: generator.draw(&mut rng), ..Workload::default() };
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
    let mut cluster = Cluster::builder().agents(agents, "cpus:16;mem:65536").framework("batch", make);
    cluster.conditions_mut().is_tallied = false;
    let mut simulation = cluster.simulate(seed).expect("the description is a constant");
    let (report, cost) = timed(|| {
        let report = simulation.run_until_done(DAY * 2)?;
        // The rest of the day passes too, with nothing but pings.
        simulation.run_until(DAY.max(Duration::from_secs_f64(report.at_secs)))?;
        Ok(report)
    })?;
    println!(
        "{agents} agents, {total} tasks, {:.1} virtual hours: {:.1} CPU-seconds, {:.1} real seconds, {} steps, digest {}",
        report.at_secs.max(DAY.as_secs_f64()) / 3_600.0,
        cost.cpu,
        cost.real,
        simulation.steps(),
        simulation.digest()
    );
    if let Some(peak) = peak_gb() {
        println!("peak memory {peak:.2} GB");
    }
    Ok(())
}

fn sleepers(agents: usize, per_agent: u32) -> Simulation {
    let tasks = u32::try_from(agents).unwrap_or(u32::MAX).saturating_mul(per_agent);
    let mut cluster = Cluster::builder()
        .agents(agents, "cpus:16;mem:65536")
        .framework("batch", move || Sleepers::new(tasks, secs(60)).boxed());
    cluster.conditions_mut().is_tallied = false;
    cluster.simulate(1).expect("the description is a constant")
}

fn memory(agents: usize) -> Result<(), Failure> {
    let mut simulation = sleepers(agents, 10);
    let (report, cost) = timed(|| simulation.run_until_done(DAY))?;
    println!(
        "{agents} agents, {} tasks: {:.1} CPU-seconds, {:.1} real seconds, {} steps",
        agents * 10,
        cost.cpu,
        cost.real,
        report.steps
    );
    match peak_gb() {
        Some(peak) => println!("peak memory {peak:.2} GB"),
        None => println!("this system does not tell the peak of memory"),
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "rates for people")]
fn curve(tasks: u32, agents_max: usize) -> Result<(), Failure> {
    println!(
        "{:>9} {:>10} {:>12} {:>10} {:>12} {:>18}",
        "agents", "tasks", "events", "CPU s", "µs/event", "µs/event/log2(n)"
    );
    let mut agents = 1_000;
    while agents <= agents_max {
        let mut simulation = sleepers(agents, tasks);
        let (report, cost) = timed(|| simulation.run_until_done(DAY))?;
        let each = cost.cpu * 1e6 / report.events.max(1) as f64;
        println!(
            "{agents:>9} {:>10} {:>12} {:>10.2} {each:>12.3} {:>18.4}",
            agents * tasks as usize,
            report.events,
            cost.cpu,
            each / (agents as f64).log2()
        );
        agents *= 2;
    }
    Ok(())
}
