//! `mesos-sim`: runs, sweeps and compares simulated clusters from the command line.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use mesos_sim::fault::Action;
use mesos_sim::record::{Detail, Trace};
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, Failure, FailureKind, Report, Simulation, secs};

/// A run is many small messages: this allocator simulates a good part faster than the system's.
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Hunts for defects of the cluster kernel: whole clusters, drawn from seeds, in virtual time.
///
/// Every seed draws another cluster: masters, agents, frameworks with bad manners, options, and what goes wrong. The very
/// code that runs in production is run, its properties are checked after every step, and once the faults are over the
/// cluster has to settle. The same seed gives the same run, always and everywhere.
///
/// Exit status: 0 fine, 2 a property was broken, 3 the cluster did not settle, 4 two runs of one seed differed,
/// 101 an assertion failed.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  mesos-sim run --seed 42                 one run and its report
  mesos-sim run --seed 42 --trace | less  what happened, step by step
  mesos-sim sweep --seeds 0..10000        look for seeds that fail, on all cores
  mesos-sim shrink --seed 42              which of the faults does the failure need?
  mesos-sim meta --seeds 0..100           is a run a function of its seed?
  mesos-sim mutants                       is every planted defect found? (feature mutants)"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one seed and tells what it amounted to.
    Run(Run),
    /// Runs many seeds on all cores and stops at the first that fails, unless told to go on.
    Sweep(Sweep),
    /// Leaves out one fault after the other of a run that fails, as long as it still fails in the same way.
    Shrink(Shrink),
    /// Runs each seed twice and compares every field of every message.
    Meta(Meta),
    /// Measures how fast a large healthy cluster is simulated here.
    Speed(Speed),
    /// Plants each known defect and looks for a seed that finds it.
    #[cfg(feature = "mutants")]
    Mutants(Mutants),
}

#[derive(Debug, Args)]
struct Run {
    /// The seed: a number, written in decimal.
    #[arg(long)]
    seed: u64,
    /// Prints one line per step while it runs.
    #[arg(long)]
    trace: bool,
    /// With --trace: prints every field of every message.
    #[arg(long, requires = "trace")]
    full: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
    /// Prints what was drawn from the seed before it runs.
    #[arg(long)]
    describe: bool,
    /// Checks nothing: only to measure.
    #[arg(long)]
    unchecked: bool,
    /// Plants this defect.
    #[cfg(feature = "mutants")]
    #[arg(long, value_parser = parse_mutant)]
    mutant: Option<mesos_core::kernel::Mutant>,
}

#[derive(Debug, Args)]
struct Sweep {
    /// Which seeds, as A..B: B is not among them.
    #[arg(long, value_parser = parse_seeds, default_value = "0..1000")]
    seeds: Seeds,
    /// Goes on after a failure and lists them all.
    #[arg(long)]
    all: bool,
    /// How many at a time; all cores if absent.
    #[arg(long)]
    jobs: Option<usize>,
}

#[derive(Debug, Args)]
struct Shrink {
    /// The seed of a run that fails.
    #[arg(long)]
    seed: u64,
    /// Prints one line per step of the smallest run found.
    #[arg(long)]
    trace: bool,
    /// Plants this defect.
    #[cfg(feature = "mutants")]
    #[arg(long, value_parser = parse_mutant)]
    mutant: Option<mesos_core::kernel::Mutant>,
}

impl Shrink {
    fn cluster(&self) -> Cluster {
        let cluster = Cluster::swarm(self.seed).checked();
        #[cfg(feature = "mutants")]
        if let Some(mutant) = self.mutant {
            return cluster.mutant(mutant);
        }
        cluster
    }

    /// The same cluster with this plan instead of its nemeses.
    fn planned(&self, plan: &[(Duration, Action)]) -> Cluster {
        let mut cluster = self.cluster();
        let faults = &mut cluster.conditions_mut().faults;
        faults.nemeses.clear();
        faults.plan = plan.to_vec();
        cluster
    }
}

#[derive(Debug, Args)]
struct Meta {
    /// Which seeds, as A..B: B is not among them.
    #[arg(long, value_parser = parse_seeds, default_value = "0..20")]
    seeds: Seeds,
}

#[derive(Debug, Args)]
struct Speed {
    /// Agents, of 8 cores each.
    #[arg(long, default_value_t = 1_000)]
    agents: usize,
    /// Tasks, of one core each.
    #[arg(long, default_value_t = 50_000)]
    tasks: u32,
    /// How long each of them sleeps, in seconds. Long sleeps measure what a quiet cluster costs.
    #[arg(long, default_value_t = 30)]
    sleep: u64,
    /// Masters; with more than one, the leader is crashed after 20 s.
    #[arg(long, default_value_t = 1)]
    masters: u32,
    /// Checks all properties too.
    #[arg(long)]
    checked: bool,
}

#[cfg(feature = "mutants")]
#[derive(Debug, Args)]
struct Mutants {
    /// Which seeds may be used to find each of them, as A..B.
    #[arg(long, value_parser = parse_seeds, default_value = "0..400")]
    seeds: Seeds,
    /// Only this one.
    #[arg(long, value_parser = parse_mutant)]
    only: Option<mesos_core::kernel::Mutant>,
}

#[derive(Debug, Clone, Copy)]
struct Seeds {
    from: u64,
    to: u64,
}

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let (from, to) = text.split_once("..").ok_or("write A..B, for example 0..1000")?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let seeds = Seeds { from: number(from)?, to: number(to)? };
    if seeds.from < seeds.to { Ok(seeds) } else { Err(format!("{text} holds no seed; B must be larger than A")) }
}

#[cfg(feature = "mutants")]
fn parse_mutant(text: &str) -> Result<mesos_core::kernel::Mutant, String> {
    use mesos_core::kernel::Mutant;
    let names = || Mutant::ALL.iter().map(|mutant| format!("{mutant:?}")).collect::<Vec<_>>().join(", ");
    let found = Mutant::ALL.iter().find(|mutant| format!("{mutant:?}").eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| format!("no defect of this name; there are {}", names()))
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(run) => run_one(&run),
        Command::Sweep(sweep) => run_sweep(&sweep),
        Command::Shrink(shrink) => run_shrink(&shrink),
        Command::Meta(meta) => run_meta(&meta),
        Command::Speed(speed) => run_speed(&speed),
        #[cfg(feature = "mutants")]
        Command::Mutants(mutants) => run_mutants(&mutants),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// Runs a cluster with a seed; a panic becomes a failure.
fn attempt(cluster: &Cluster, seed: u64, each: impl FnOnce(&mut Simulation)) -> Result<Report, Failure> {
    let mut simulation = cluster.simulate(seed).expect("what a swarm draws can be built");
    let result = guarded(&mut simulation, seed, Simulation::run);
    each(&mut simulation);
    result
}

fn guarded<T>(
    simulation: &mut Simulation,
    seed: u64,
    body: impl FnOnce(&mut Simulation) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(|| body(simulation))) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
            let at = simulation.world().now().mono;
            let (kind, property) = (FailureKind::Assertion, "assertion".to_owned());
            let mutant = simulation.world().mutant();
            Err(Failure { kind, property, seed, at, message: message.to_owned(), mutant })
        }
    }
}

fn run_one(run: &Run) -> Result<(), Failure> {
    let mut cluster = Cluster::swarm(run.seed);
    if !run.unchecked {
        cluster = cluster.checked();
    }
    #[cfg(feature = "mutants")]
    if let Some(mutant) = run.mutant {
        cluster = cluster.mutant(mutant);
    }
    if run.describe {
        println!("{:#?}\n{:#?}", cluster.spec(), cluster.conditions());
    }
    let detail = if run.full { Detail::Full } else { Detail::Brief };
    let trace = run.trace.then(|| Trace::text(detail));
    let mut simulation = cluster.simulate_into(run.seed, trace).expect("what a swarm draws can be built");
    let started = Instant::now();
    let result = guarded(&mut simulation, run.seed, |simulation| {
        let result = simulation.run_observed(|trace| print(&trace.drain()));
        if let Some(trace) = simulation.trace_mut() {
            print(&trace.drain());
        }
        result
    });
    if let Some(trace) = simulation.trace_mut() {
        print(&trace.drain());
    }
    let report = result?;
    if run.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("a report is plain data"));
    } else {
        print!("{report}");
        print_pace(&report, started);
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "rates for people")]
fn print_pace(report: &Report, started: Instant) {
    let real = started.elapsed().as_secs_f64();
    let (steps, pace) = (report.steps as f64 / real, report.at_secs / real);
    println!("{real:.3} real seconds, {steps:.0} steps/s, {pace:.0} virtual seconds per second");
}

fn run_speed(speed: &Speed) -> Result<(), Failure> {
    let (tasks, sleep) = (speed.tasks, secs(speed.sleep));
    let mut cluster = Cluster::builder()
        .masters(speed.masters)
        .agents(speed.agents, "cpus:8;mem:16384")
        .framework("batch", move || Sleepers::new(tasks, sleep).boxed());
    if speed.masters > 1 {
        cluster = cluster.crash_leader_at(secs(20));
    }
    if speed.checked {
        cluster = cluster.checked();
    }
    let mut simulation = cluster.simulate(1).expect("the description is a constant");
    let started = Instant::now();
    let report = guarded(&mut simulation, 1, |simulation| simulation.run_until_done(secs(24 * 3_600)))?;
    print!("{report}");
    print_pace(&report, started);
    Ok(())
}

/// Prints what a reader wants; a closed pipe is no reason to fail.
fn print(text: &str) {
    use std::io::Write as _;
    if !text.is_empty() && std::io::stdout().write_all(text.as_bytes()).is_err() {
        std::process::exit(0);
    }
}

fn run_sweep(sweep: &Sweep) -> Result<(), Failure> {
    quiet_panics();
    let jobs = sweep.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into));
    let (next, stop) = (AtomicU64::new(sweep.seeds.from), AtomicBool::new(false));
    let bar = ProgressBar::new(sweep.seeds.to - sweep.seeds.from);
    let style = "{elapsed_precise} {wide_bar} {pos}/{len} seeds, {per_sec}, {msg}";
    bar.set_style(ProgressStyle::with_template(style).expect("a constant template"));
    let (send, receive) = mpsc::sync_channel::<Result<Report, Failure>>(1_024);
    let mut failures = Vec::new();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (send, next, stop) = (send.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= sweep.seeds.to
                        || send.send(attempt(&Cluster::swarm(seed).checked(), seed, |_| {})).is_err()
                    {
                        return;
                    }
                }
            });
        }
        drop(send);
        let (mut steps, mut virtual_secs) = (0_u64, 0.0);
        for outcome in receive {
            match outcome {
                Ok(report) => {
                    steps += report.steps;
                    virtual_secs += report.at_secs;
                }
                Err(failure) => {
                    bar.suspend(|| eprintln!("{failure}"));
                    failures.push(failure);
                    stop.fetch_or(!sweep.all, Ordering::Relaxed);
                }
            }
            bar.set_message(format!(
                "{steps} steps, {:.1} virtual days, {} failed",
                virtual_secs / 86_400.0,
                failures.len()
            ));
            bar.inc(1);
        }
        bar.finish();
        println!(
            "{} seeds, {steps} steps, {virtual_secs:.0} virtual seconds, {} failed",
            bar.position(),
            failures.len()
        );
    });
    failures.sort_by_key(|failure| failure.seed);
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// A sweep shows one line per failure, not a backtrace.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn run_shrink(shrink: &Shrink) -> Result<(), Failure> {
    quiet_panics();
    let (mut plan, seed) = (Vec::new(), shrink.seed);
    let first = attempt(&shrink.cluster(), seed, |run| plan = run.world().struck().to_vec());
    let Err(wanted) = first else {
        println!("seed {seed} does not fail; there is nothing to shrink");
        return Ok(());
    };
    let fails = |plan: &[(Duration, Action)]| {
        let failure = attempt(&shrink.planned(plan), seed, |_| {}).err();
        failure.is_some_and(|failure| failure.property == wanted.property)
    };
    if !fails(&plan) {
        println!("the {} faults of the run, done again from a plan, do not fail in the same way", plan.len());
        return Err(wanted);
    }
    let before = plan.len();
    // Large pieces first: most faults have nothing to do with a failure.
    let mut size = plan.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < plan.len() {
            let mut fewer = plan.clone();
            fewer.drain(at..(at + size).min(plan.len()));
            if fails(&fewer) { plan = fewer } else { at += size }
        }
        size /= 2;
    }
    println!("{} of {before} faults are needed:", plan.len());
    for (at, action) in &plan {
        println!("  {at:?} {action:?}");
    }
    if shrink.trace {
        let trace = Some(Trace::text(Detail::Brief));
        let mut run = shrink.planned(&plan).simulate_into(seed, trace).expect("what a swarm draws can be built");
        let _ = guarded(&mut run, seed, Simulation::run);
        print(run.trace().map_or("", Trace::as_str));
    }
    Err(wanted)
}

fn run_meta(meta: &Meta) -> Result<(), Failure> {
    let bar = ProgressBar::new(meta.seeds.to - meta.seeds.from);
    for seed in meta.seeds.from..meta.seeds.to {
        compare(seed)?;
        bar.inc(1);
    }
    bar.finish();
    println!("{} seeds, each run twice: equal", meta.seeds.to - meta.seeds.from);
    Ok(())
}

/// Runs a seed twice and finds the first line in which the runs differ.
fn compare(seed: u64) -> Result<(), Failure> {
    let run = || {
        let cluster = Cluster::swarm(seed);
        let mut simulation =
            cluster.simulate_into(seed, Some(Trace::digests())).expect("what a swarm draws can be built");
        // How the run ends is compared too, by its last lines.
        let _ = guarded(&mut simulation, seed, Simulation::run);
        simulation
    };
    let (first, second) = (run(), run());
    let digests =
        |simulation: &Simulation| simulation.trace().map(|trace| trace.line_digests().to_vec()).unwrap_or_default();
    let (one, other) = (digests(&first), digests(&second));
    if one == other {
        return Ok(());
    }
    let line = one.iter().zip(&other).position(|(a, b)| a != b).unwrap_or_else(|| one.len().min(other.len()));
    let (at, property) = (first.world().now().mono, "determinism".to_owned());
    let message = format!("two runs differ first in line {}; compare the outputs of run --trace --full", line + 1);
    Err(Failure { kind: FailureKind::NotDeterministic, property, seed, at, message, mutant: None })
}

#[cfg(feature = "mutants")]
fn run_mutants(mutants: &Mutants) -> Result<(), Failure> {
    use mesos_core::kernel::Mutant;
    quiet_panics();
    let mut missed = Vec::new();
    for &mutant in Mutant::ALL.iter().filter(|mutant| mutants.only.is_none_or(|only| only == **mutant)) {
        let found = (mutants.seeds.from..mutants.seeds.to)
            .find_map(|seed| attempt(&Cluster::swarm(seed).checked().mutant(mutant), seed, |_| {}).err());
        match found {
            Some(failure) => println!("{mutant:?}: found by {} with seed {}", failure.property, failure.seed),
            None => {
                println!("{mutant:?}: NOT FOUND with seeds {}..{}", mutants.seeds.from, mutants.seeds.to);
                missed.push(format!("{mutant:?}"));
            }
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    let (kind, property) = (FailureKind::Property, "mutants".to_owned());
    let message = format!("planted defects that nobody found: {}", missed.join(", "));
    let at = mesos_core::Instant::ZERO;
    Err(Failure { kind, property, seed: mutants.seeds.from, at, message, mutant: missed.into_iter().next() })
}
