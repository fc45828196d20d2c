//! `mesos-sim what-if`: forks a journal and compares two futures.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mesos_core::resource::{Limits, Quantities, Resources};
use mesos_core::{Quota, Role, Weight};
use mesos_sched::allocator::Options;
use mesos_sim::replay::ReplayError;
use mesos_sim::whatif::{Arrivals, Change, Plan, what_if};

use crate::outcome::Outcome;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mesos-sim what-if m0-1.journal --at 3600 --allocator packing
  mesos-sim what-if m0-1.journal --at 3600 --weights web=4,batch=1 --backlog
  mesos-sim what-if m0-1.journal --at 3600 --quota 'web=cpus:40;mem:65536' --agents 20 --json")]
pub(crate) struct WhatIf {
    /// The journal.
    file: PathBuf,
    /// Where to fork, in seconds from the first step of the journal.
    #[arg(long, value_name = "SECONDS")]
    at: f64,
    /// Another allocation policy from there on.
    #[arg(long, value_name = "POLICY", value_parser = parse_allocator)]
    allocator: Option<Options>,
    /// How much roles count from there on, as web=4,batch=1.
    #[arg(long, value_delimiter = ',', value_name = "ROLE=WEIGHT", value_parser = parse_weight)]
    weights: Vec<(Role, Weight)>,
    /// What a role may have at most from there on, as web=cpus:40;mem:65536; may be given several times.
    #[arg(long, value_name = "ROLE=LIMITS", value_parser = parse_quota)]
    quota: Vec<(Role, Quota)>,
    /// So many more agents, each like the first one there is.
    #[arg(long, default_value_t = 0)]
    agents: u32,
    /// Frameworks want at the fork all that they launched later: right for those with a queue.
    #[arg(long)]
    backlog: bool,
    /// A future that is not over so many seconds after the end of the journal is cut off.
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS")]
    patience: u64,
    /// Prints the comparison as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_allocator(text: &str) -> Result<Options, String> {
    Options::named(text).map_err(|rejection| rejection.to_string())
}

fn parse_weight(text: &str) -> Result<(Role, Weight), String> {
    let (role, weight) = text.split_once('=').ok_or_else(|| format!("{text:?}: write role=weight, as web=4"))?;
    let number: f64 = weight.parse().map_err(|error| format!("{weight:?}: {error}"))?;
    let role = Role::new(role).map_err(|error| error.to_string())?;
    Ok((role, Weight::new(number).map_err(|rejection| rejection.to_string())?))
}

fn parse_quota(text: &str) -> Result<(Role, Quota), String> {
    let (role, limits) = text.split_once('=').ok_or_else(|| format!("{text:?}: write role=cpus:40;mem:65536"))?;
    let role = Role::new(role).map_err(|error| error.to_string())?;
    let amounts: Resources = limits.parse().map_err(|error| format!("{limits:?}: {error}"))?;
    let limits: Limits = amounts.quantities().iter().map(|(name, amount)| (name.clone(), amount)).collect();
    let quota = Quota::new(Quantities::new(), limits).map_err(|rejection| rejection.to_string())?;
    Ok((role, quota))
}

impl WhatIf {
    pub(crate) fn run(&self) -> Outcome {
        let say = |error: &dyn std::fmt::Display| format!("{}: {error}", self.file.display());
        let at = Duration::try_from_secs_f64(self.at).map_err(|error| format!("--at {}: {error}", self.at))?;
        let arrivals = if self.backlog { Arrivals::Backlog } else { Arrivals::AsLaunched };
        let plan = Plan { at, arrivals, patience: Duration::from_secs(self.patience) };
        let change = Change {
            allocator: self.allocator.clone(),
            weights: self.weights.clone(),
            quotas: self.quota.clone(),
            agents: self.agents,
        };
        let mut open = || {
            let file = File::open(&self.file).map_err(mesos_core::journal::JournalError::from)?;
            Ok::<_, ReplayError>(BufReader::with_capacity(1 << 20, file))
        };
        let comparison = what_if(&mut open, plan, &change).map_err(|error| say(&error))?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&comparison).expect("plain data"));
        } else {
            print!("{comparison}");
        }
        Ok(())
    }
}
