//! `mesos-sim`: runs, sweeps and compares simulated clusters from the command line.

#![forbid(unsafe_code)]

mod experiment;
mod meta;
#[cfg(feature = "mutants")]
mod mutants;
mod papers;
mod print;
mod run;
mod scale;
mod seeds;
mod shrink;
mod speed;
mod sweep;
mod tournament;
mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    Run(run::Run),
    /// Runs many seeds on all cores and stops at the first that fails, unless told to go on.
    Sweep(sweep::Sweep),
    /// Leaves out one fault after the other of a run that fails, as long as it still fails in the same way.
    Shrink(shrink::Shrink),
    /// Runs each seed twice and compares every field of every message.
    Meta(meta::Meta),
    /// Measures how fast a large healthy cluster is simulated here.
    Speed(speed::Speed),
    /// Runs experiments described in files: clusters, traces, policies, sweeps; makes tables, charts and a page.
    Experiment(experiment::ExperimentCommand),
    /// Reproduces the papers of the field: what they say, what comes out here, and whether that is within bounds.
    Papers(papers::Papers),
    /// Measures how much cluster can be simulated here: a day, memory, cost per event.
    Scale(scale::Scale),
    /// Compares all policies of the allocator on one trace.
    Tournament(tournament::Tournament),
    /// Reads a trace and tells what is in it, and what is wrong with it.
    Trace(trace::TraceCommand),
    /// Plants each known defect and looks for a seed that finds it.
    #[cfg(feature = "mutants")]
    Mutants(mutants::Mutants),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(command) => command.run(),
        Command::Sweep(command) => command.run(),
        Command::Shrink(command) => command.run(),
        Command::Meta(command) => command.run(),
        Command::Speed(command) => command.run(),
        Command::Experiment(command) => return command.run(),
        Command::Papers(command) => return command.run(),
        Command::Tournament(command) => return command.run(),
        Command::Trace(command) => return command.run(),
        Command::Scale(command) => return command.run(),
        #[cfg(feature = "mutants")]
        Command::Mutants(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.kind.exit_code())
        }
    }
}
