//! One framework, twice: first on a simulated cluster that loses agents and its leading master, then on this machine with
//! real processes.
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- --help
//! ```
//!
//! The same framework, unchanged, on a cluster of daemons: `mesos local --insecure-open`, and then `quickstart --master
//! 127.0.0.1:5050 --insecure-plaintext`.

#![allow(unreachable_pub, reason = "an example reads like the library it could become")]

mod framework;
mod jobs;
mod remote;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mesos_core::program::{ClientSecurity, Logging};
use mesos_sim::{Cluster, LiveOptions, Report, secs};

use crate::framework::Build;
use crate::jobs::Jobs;

/// What each of the live agents has; the simulated ones have more.
const AGENT: &str = "cpus:2;mem:1024";

/// Runs a build: first simulated on many agents under faults, then live on three with real processes.
#[derive(Debug, Parser)]
#[command(
    after_help = "Each [[job]] has a name, a shell command to `run`, cpus, mem, seconds (when simulated), and may have retries and needs, which name jobs above it; see examples/quickstart/jobs.toml."
)]
struct Arguments {
    /// The file that describes the jobs.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart/jobs.toml"))]
    jobs: PathBuf,
    /// The seed of the simulation: the same seed gives the same run.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many agents are simulated, 100,000 at most.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    agents: u32,
    /// Only simulate; start no processes.
    #[arg(long)]
    simulate_only: bool,
    /// Both reports as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Runs the build on the cluster of these masters, each host:port, instead.
    #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',')]
    master: Vec<String>,
    #[command(flatten)]
    security: ClientSecurity,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("build-").tempdir()?;
    let jobs = Jobs::read(&arguments.jobs, folder.path(), &AGENT.parse()?)?;
    if !arguments.master.is_empty() {
        Logging::of_commands().begin("quickstart").map_err(anyhow::Error::msg)?;
        let dialer = arguments.security.dialer()?;
        let done = tokio::runtime::Runtime::new()?.block_on(remote::run(&jobs, &arguments.master, dialer))?;
        println!("{done} jobs are done");
        return Ok(());
    }
    let simulated = simulate(arguments, &jobs)?;
    if arguments.simulate_only {
        return report::print(arguments.json, &[("simulated", &simulated)], &[]);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let (live, sandboxes) = runtime.block_on(run_live(&jobs))?;
    report::print(arguments.json, &[("simulated", &simulated), ("live", &live)], &sandboxes)
}

/// A partition takes three hundred agents away for two minutes, the leading master dies, the framework's scheduler dies.
fn simulate(arguments: &Arguments, jobs: &Jobs) -> anyhow::Result<Report> {
    let of = jobs.clone();
    let lost = arguments.agents * 3 / 10;
    let cluster = Cluster::builder()
        .masters(3)
        .agents(usize::try_from(arguments.agents)?, "cpus:4;mem:4096")
        .framework("build", move || Box::new(Build(of.clone())))
        .partition_at(secs(5)..secs(125), 0..lost)
        .crash_leader_at(secs(12))
        .crash_framework_at(secs(20), 0)
        .checked();
    Ok(cluster.simulate(arguments.seed)?.run_until_done(secs(3_600))?)
}

async fn run_live(jobs: &Jobs) -> anyhow::Result<(Report, Vec<mesos_sim::live::Sandbox>)> {
    let of = jobs.clone();
    let mut live = Cluster::builder()
        .agents(3, AGENT)
        .framework("build", move || Box::new(Build(of.clone())))
        .live(LiveOptions::new())
        .await?;
    let report = live.run_until_done(Duration::from_secs(120)).await;
    let sandboxes = live.sandboxes();
    live.shutdown().await?;
    Ok((report?, sandboxes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> Arguments {
        Arguments::parse_from(["quickstart"])
    }

    #[test]
    fn the_simulated_build_survives_the_partition_the_failover_and_the_restart() {
        let jobs = Jobs::read(&arguments().jobs, std::path::Path::new("/build"), &AGENT.parse().unwrap()).unwrap();
        let report = simulate(&arguments(), &jobs).unwrap();
        assert!(report.tasks("FINISHED") >= jobs.len() as u64, "{report}");
        assert_eq!(report, simulate(&arguments(), &jobs).unwrap(), "a seed gives one run");
    }

    #[test]
    fn the_live_build_runs_every_job_and_retries_the_flaky_one() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = Jobs::read(&arguments().jobs, folder.path(), &AGENT.parse().unwrap()).unwrap();
        let (report, sandboxes) = tokio::runtime::Runtime::new().unwrap().block_on(run_live(&jobs)).unwrap();
        assert_eq!(report.tasks("FINISHED"), jobs.len() as u64, "{report}");
        assert_eq!(report.tasks("FAILED"), 1, "the flaky test fails once: {report}");
        assert_eq!(sandboxes.len(), jobs.len() + 1);
        assert!(folder.path().join("program.tar.gz").exists());
    }
}
