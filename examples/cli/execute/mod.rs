//! Commands and groups of tasks on a cluster, with their output here.
//!
//! * [`work`]: from flags and files to what is placed at once.
//! * [`scheduler`]: places it, and tells what becomes of it.
//! * [`terminal`]: shows that, and what the tasks write.

mod scheduler;
mod terminal;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mesos_core::daemon::MemoryStore;
use mesos_core::net::grpc::{GrpcConnector, RemoteDetector};
use mesos_core::program::Logging;
use mesos_core::{FrameworkInfo, Limit, Role, Scalar};
use mesos_sched::daemon::{SchedulerDriver, SchedulerSetup};
use mesos_sched::driver::StopReason;
use tokio::sync::mpsc;

use self::scheduler::{Batch, News};
use self::terminal::Terminal;
use self::work::Unit;
use crate::cluster::Cluster;

/// Runs a command, several instances of it, or a group of tasks on the cluster and follows the output; ends as they end: with
/// 0 when all have finished, and otherwise with the status of the first that did not. One that was killed counts only where
/// no other ended badly.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Execute {
    /// The role to run under.
    #[arg(long, default_value = "*")]
    role: String,
    /// Processors for each instance.
    #[arg(long, default_value_t = 0.1)]
    cpus: f64,
    /// Memory in MiB for each instance.
    #[arg(long, default_value_t = 32.0)]
    mem: f64,
    /// Processors each instance may use at most, while nobody else wants them; "infinity" for all there are. Without it, what
    /// --cpus says.
    #[arg(long, value_name = "CPUS", value_parser = limit)]
    cpus_limit: Option<Limit>,
    /// Memory in MiB that each instance may use at most; "infinity" for all there is. Without it, what --mem says.
    #[arg(long, value_name = "MIB", value_parser = limit)]
    mem_limit: Option<Limit>,
    /// A name for the task.
    #[arg(long)]
    name: Option<String>,
    /// How many tasks run the command, each with MESOS_TASK_ID in its environment.
    #[arg(long, short = 'n', default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    instances: u32,
    /// A file that says a group of tasks in JSON, as {"tasks": [{"name": …, "resources": […], "command": {"value": …}}]}.
    /// They are placed together on one agent, and when one of them fails or is killed, the others are killed too.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "instances", "cpus", "mem", "cpus_limit",
        "mem_limit", "env", "uri", "user"])]
    task_group: Option<PathBuf>,
    /// More environment, as NAME=VALUE.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// What is brought into the sandbox before the command starts: a file:///, http:// or https:// URI. Archives are
    /// unpacked.
    #[arg(long, value_name = "URI")]
    uri: Vec<String>,
    /// The user to run as; without it, the agent's.
    #[arg(long)]
    user: Option<String>,
    /// Do not follow the output.
    #[arg(long)]
    quiet: bool,
    /// The program and its arguments; one word is a shell line.
    #[arg(required_unless_present = "task_group", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "infinity" => Ok(Limit::Infinite),
        _ => text.parse::<Scalar>().map(Limit::Amount).map_err(|error| error.to_string()),
    }
}

impl Execute {
    pub(crate) async fn run(self, cluster: &Cluster, json: bool) -> anyhow::Result<ExitCode> {
        let units = work::units(&self)?;
        Logging::of_commands().begin("mesos").map_err(anyhow::Error::msg)?;
        let mut terminal = Terminal::new(&units, !self.quiet, json);
        let (news, mut told) = mpsc::channel(scheduler::NEWS_MAX);
        let driver = SchedulerDriver::start(self.setup(cluster, units, news)?).await?;
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let code = loop {
            tokio::select! {
                news = told.recv() => match news {
                    Some(news) => if let Some(code) = terminal.show(cluster, news).await {
                        break code;
                    },
                    // The driver has ended without the tasks having done so.
                    None => match driver.join().await?.why {
                        StopReason::Requested => return Ok(ExitCode::from(130)),
                        why => anyhow::bail!("{why}"),
                    },
                },
                _ = &mut interrupted => {
                    eprintln!("interrupted: ends what runs");
                    driver.stop(true).await;
                    driver.join().await?;
                    return Ok(ExitCode::from(130));
                }
            }
        };
        // The end is acknowledged before the framework is gone for good.
        driver.stop(true).await;
        driver.join().await?;
        Ok(code)
    }

    fn setup(
        &self,
        cluster: &Cluster,
        units: Vec<Unit>,
        news: mpsc::Sender<News>,
    ) -> anyhow::Result<SchedulerSetup<Batch>> {
        let name = units.first().map(Unit::name).unwrap_or_default();
        let mut info = FrameworkInfo::new(format!("mesos execute: {name}"), Role::new(self.role.as_str())?);
        // Nobody comes back for it.
        info.failover_timeout = Duration::ZERO;
        let batch = Box::new(Batch::new(units, news));
        let detector = Box::new(RemoteDetector::new(cluster.masters.clone(), cluster.dialer.clone()));
        let connector = Arc::new(GrpcConnector::new(cluster.dialer.clone()));
        let mut setup = SchedulerSetup::new(info, batch, Arc::new(MemoryStore::new()), detector, connector);
        // Somebody waits for it, and few do so at once.
        setup.options.connect_jitter_max = Duration::ZERO;
        Ok(setup)
    }
}
