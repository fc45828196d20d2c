//! The command `mesos`: a whole cluster on this machine, programs on a cluster, and everything an operator asks of one.

mod ask;
mod certificate;
mod cluster;
mod drain;
mod exec;
mod execute;
mod local;
mod output;
mod sandbox;
mod show;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mesos_core::program::{ClientSecurity, peer_address, run_to_end};

use crate::ask::Ask;

/// Starts clusters, runs programs on them, and says what they are doing.
#[derive(Debug, Parser)]
#[command(
    name = "mesos",
    rename_all = "snake_case",
    version,
    after_help = "Begin with `mesos local`, and in another terminal `mesos execute -- echo hello`.\n\n\
    Commands speak to the cluster that `mesos local` runs, unless --master names another one."
)]
struct Arguments {
    /// The masters, each host:port; whichever leads is found. Without it, the cluster of `mesos local`.
    #[arg(long, env = "MESOS_MASTER", value_name = "HOST:PORT,…", value_delimiter = ',', global = true, value_parser = peer_address)]
    master: Vec<String>,
    /// JSON for programs instead of tables for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    security: ClientSecurity,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
enum Command {
    /// Runs a whole cluster on this machine, until it is interrupted.
    Local(local::Local),
    /// Runs commands or a group of tasks on the cluster and follows their output; ends as they end.
    #[command(alias = "run")]
    Execute(Box<execute::Execute>),
    /// Runs a command in the sandbox of a task that runs, and ends as it ends.
    Exec(exec::Exec),
    /// Shows what a task wrote.
    Logs(sandbox::Logs),
    /// Makes an authority, and certificates for the parts of a cluster.
    Certificate(certificate::Certificate),
    /// Runs a master; `mesos master --help` says how.
    #[command(disable_help_flag = true)]
    Master(Program),
    /// Runs an agent; `mesos agent --help` says how.
    #[command(disable_help_flag = true)]
    Agent(Program),
    #[command(flatten)]
    Ask(Ask),
}

/// A program that reads its own flags.
#[derive(Debug, clap::Args)]
struct Program {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    // An agent's shims are this program, called by another name.
    if let Some(code) = mesos_exec::containerizer::shim_main() {
        return code;
    }
    // Daemons have flags of their own, some under the names of those here.
    let words: Vec<OsString> = std::env::args_os().collect();
    let rest = words.iter().skip(2).cloned();
    match words.get(1).and_then(|word| word.to_str()) {
        Some("master") => return mesos_sched::program::main(std::iter::once("mesos master".into()).chain(rest)),
        Some("agent") => return mesos_exec::program::main(std::iter::once("mesos agent".into()).chain(rest)),
        _ => {}
    }
    let arguments = Arguments::parse_from(words);
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mesos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { master, json, security, command } = arguments;
    if let Command::Certificate(certificate) = command {
        certificate.make()?;
        return Ok(ExitCode::SUCCESS);
    }
    run_to_end(async {
        let cluster = || cluster::find(&master, &security);
        match command {
            Command::Local(local) => local.run(json).await?,
            Command::Execute(execute) => return execute.run(&cluster()?, json).await,
            Command::Exec(exec) => return exec.run(&cluster()?).await,
            Command::Logs(logs) => logs.run(&cluster()?, json).await?,
            Command::Ask(ask) => ask.run(&cluster()?, json).await?,
            // Done above.
            Command::Certificate(_) | Command::Master(_) | Command::Agent(_) => {}
        }
        Ok(ExitCode::SUCCESS)
    })?
}
