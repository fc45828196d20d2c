//! `mesos-sim what-if`: forks a journal and compares two futures.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mesos_core::resource::{Limits, Quantities, Resources};
use mesos_core::{Quota, Role, Weight};
use mesos_sched::allocator::Options;
use mesos_sim::replay::ReplayError;
use mesos_sim::whatif::{Arrivals, Candidate, Change, Comparison, Plan, what_if};

use crate::outcome::{Made, Outcome, provenance};
use crate::print::{print, print_json, print_line};
use crate::progress;

/// What the journal is read for.
const PASSES: [&str; 3] = ["learns", "as it was", "with the change"];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mesos-sim what-if m0-1.journal --at 3600 --allocator packing
  mesos-sim what-if m0-1.journal --at 3600 --weights web=4,batch=1 --backlog
  mesos-sim what-if m0-1.journal --at 3600 --quota 'web=cpus:40;mem:65536' --agents 20 --json
  mesos-sim what-if m0-1.journal --at 3600 --force --quota 'web=guarantee:cpus:8,limit:cpus:40'")]
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
    /// What a role may have at most from there on, as web=cpus:40;mem:65536, or what it is promised and may have, as
    /// web=guarantee:cpus:8,limit:cpus:40; may be given several times.
    #[arg(long, value_name = "ROLE=QUOTA", value_parser = parse_quota)]
    quota: Vec<(Role, Quota)>,
    /// Sets quotas also where the master would refuse them: below what is in use, or beyond what there is.
    #[arg(long, requires = "quota")]
    force: bool,
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
    let (role, said) = text.split_once('=').ok_or_else(|| format!("{text:?}: write role=cpus:40;mem:65536"))?;
    let role = Role::new(role).map_err(|error| format!("{text:?}: {error}"))?;
    let amounts = |said: &str| -> Result<Quantities, String> {
        let amounts: Resources = said.parse().map_err(|error| format!("{said:?}: {error}"))?;
        Ok(amounts.quantities())
    };
    let (mut guarantees, mut limits) = (Quantities::new(), Quantities::new());
    for part in said.split(',') {
        match part.split_once(':') {
            Some(("guarantee", said)) => guarantees = amounts(said)?,
            Some(("limit", said)) => limits = amounts(said)?,
            // Limits alone need no name.
            _ => limits = amounts(part)?,
        }
    }
    let limits: Limits = limits.iter().map(|(name, amount)| (name.clone(), amount)).collect();
    let quota = Quota::new(guarantees, limits).map_err(|rejection| format!("{text:?}: {rejection}"))?;
    Ok((role, quota))
}

impl WhatIf {
    /// What was asked for and changes nothing.
    fn remarks(&self, comparison: &Comparison) -> Vec<String> {
        let Self { allocator, weights, quota, agents, .. } = self;
        if allocator.is_none() && weights.is_empty() && quota.is_empty() && *agents == 0 {
            let what =
                "nothing is changed, so both futures are the same: say --allocator, --weights, --quota or --agents";
            return vec![what.to_owned()];
        }
        let futures = [&comparison.recorded, &comparison.baseline, &comparison.changed];
        let has_tasks = |role: &Role| {
            let inside = format!("{role}/");
            let mut names = futures.iter().flat_map(|own| own.roles.keys());
            names.any(|name| name == role.as_str() || name.starts_with(&inside))
        };
        let named = weights.iter().map(|(role, _)| role).chain(quota.iter().map(|(role, _)| role));
        let idle: BTreeSet<&Role> = named.filter(|role| !has_tasks(role)).collect();
        idle.iter().map(|role| format!("role {role} has no task after the fork: is this its name?")).collect()
    }

    pub(crate) fn run(&self) -> Outcome {
        let say = |error: &dyn std::fmt::Display| format!("{}: {error}", self.file.display());
        let at = Duration::try_from_secs_f64(self.at).map_err(|error| format!("--at {}: {error}", self.at))?;
        let arrivals = if self.backlog { Arrivals::Backlog } else { Arrivals::AsLaunched };
        let plan = Plan { at, arrivals, patience: Duration::from_secs(self.patience) };
        let change = Change {
            allocator: self.allocator.clone().map(Candidate::from),
            weights: self.weights.clone(),
            quotas: self.quota.clone(),
            is_forced: self.force,
            agents: self.agents,
        };
        let bar = progress::bytes(&self.file, PASSES.len() as u64);
        // What is played after a pass takes time too.
        bar.enable_steady_tick(Duration::from_millis(200));
        let mut passes = PASSES.iter();
        let mut open = || {
            bar.set_message(passes.next().copied().unwrap_or_default());
            let journal = progress::read(&self.file, &bar).map_err(mesos_core::journal::JournalError::from)?;
            Ok::<_, ReplayError>(journal)
        };
        let comparison = what_if(&mut open, plan, &change).map_err(|error| say(&error))?;
        bar.finish_and_clear();
        self.remarks(&comparison).iter().for_each(|remark| eprintln!("{remark}"));
        // Nothing is drawn but what the journal says.
        let provenance = provenance([]);
        if self.json {
            print_json(&Made { provenance, figures: comparison });
        } else {
            print(&comparison.to_string());
            print_line(provenance);
        }
        Ok(())
    }
}
