//! `mesos-sim`: runs, sweeps and compares simulated clusters from the command line.

#![deny(clippy::print_stdout, reason = "print.rs knows what to do where standard output is closed or full")]

mod case;
#[cfg(feature = "mutants")]
mod catalogue;
mod cpu;
mod described;
mod experiment;
mod explain;
mod heap;
mod meta;
mod night;
mod outcome;
mod papers;
mod print;
mod progress;
mod record;
mod replay;
mod run;
mod scale;
mod seeds;
mod shrink;
mod speed;
mod step;
mod sweep;
mod tournament;
mod trace;
mod whatif;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use mesos_sim::ExitStatus;
use mesos_sim::experiment::version;

/// Hunts for defects of the cluster kernel: whole clusters, drawn from seeds, in virtual time.
///
/// Every seed draws another cluster: masters, agents, frameworks with bad manners, options, and what goes wrong. The very
/// code that runs in production is run, its properties are checked after every step, and once the faults are over the
/// cluster has to settle. The same seed gives the same run, always and everywhere.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXAMPLES}{CATALOGUE}\n\n{}", ExitStatus::help()))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mesos-sim run 42                        one run and its report
  mesos-sim run 42 --trace | less         what happened, step by step
  mesos-sim sweep --seeds 0..10000        look for seeds that fail, on all cores
  mesos-sim shrink 42 --out small.json    the least that still fails in the same way
  mesos-sim explain 42 --task f0/3.1      the story of a task; --agent a2 of an agent
  mesos-sim step 42                       forwards and backwards through the run
  mesos-sim record --seed 42 --out .      journals of its masters
  mesos-sim replay m0-1.journal           the same again, bit for bit
  mesos-sim meta --seeds 0..100           is a run a function of its seed?";

/// Of a command that only some builds have.
const CATALOGUE: &str = match cfg!(feature = "mutants") {
    true => "\n  mesos-sim catalogue                     is every planted defect found?",
    false => "",
};

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one seed and tells what it amounted to.
    Run(run::Run),
    /// Runs many seeds on all cores and stops at the first that fails, unless told to go on.
    Sweep(sweep::Sweep),
    /// Makes a run that fails small: fewest faults, agents, frameworks and tasks, shortest times, same failure.
    Shrink(shrink::Shrink),
    /// Tells the story of one task or one agent of a run in plain sentences.
    Explain(explain::Explain),
    /// Goes forwards and backwards through a run, and answers questions on the way.
    Step(step::StepCommand),
    /// Runs each seed twice and compares every field of every message.
    Meta(meta::Meta),
    /// Records the masters of a run, as the daemon records a live one with --journal.
    Record(record::Record),
    /// Does again, bit for bit, what a master did according to its journal, and says where the first difference is.
    Replay(replay::ReplayCommand),
    /// Forks a journal at a moment, changes something, and compares both futures.
    WhatIf(whatif::WhatIf),
    /// Measures how many years of clusters under faults are simulated here in a night.
    Night(night::Night),
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
    /// Plants each known defect, looks for the first seed that finds it, and writes the table.
    #[cfg(feature = "mutants")]
    Catalogue(catalogue::Catalogue),
}

/// What was typed. Which build this is costs a look at the whole program, so it is only found out for those who ask.
fn parse() -> Result<Cli, clap::Error> {
    let is_asked = std::env::args_os().nth(1).is_some_and(|word| word == "--version" || word == "-V");
    let command = if is_asked { Cli::command().version(version()) } else { Cli::command() };
    Cli::from_arg_matches(&command.try_get_matches()?)
}

fn main() -> ExitCode {
    heap::keep();
    let cli = match parse() {
        Ok(cli) => cli,
        Err(said) => {
            // Help and version are what was asked for; anything else cannot be used. The usual status of clap, 2, is that of a
            // broken property here.
            let written = said.print();
            if said.use_stderr() {
                return ExitCode::from(ExitStatus::Unusable.code());
            }
            print::or_end(written.and_then(|()| std::io::stdout().flush()));
            return ExitCode::SUCCESS;
        }
    };
    let result = match cli.command {
        Command::Run(command) => command.run(),
        Command::Sweep(command) => command.run(),
        Command::Shrink(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Step(command) => command.run(),
        Command::Meta(command) => command.run(),
        Command::Record(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::WhatIf(command) => command.run(),
        Command::Night(command) => command.run(),
        Command::Speed(command) => command.run(),
        Command::Experiment(command) => return command.run(),
        Command::Papers(command) => return command.run(),
        Command::Tournament(command) => return command.run(),
        Command::Trace(command) => return command.run(),
        Command::Scale(command) => return command.run(),
        #[cfg(feature = "mutants")]
        Command::Catalogue(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => trouble.report(),
    }
}
