//! The flags of allocation: who is offered what, in which order, and how much of it. Those of Apache Mesos have its names.

use anyhow::Context as _;
use mesos_core::Role;
use mesos_core::program::{MesosBytes, MesosDuration};
use mesos_core::resource::{Quantities, ResourceName};

use crate::allocator::{AgentOrder, ConstraintBounds, Options, Packing, Policy, Priorities, SorterKind};

/// Mesos' own name of what is the default here too.
const HIERARCHICAL: &str = "HierarchicalDRF";

/// In what order equals are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Sorter {
    /// The smallest dominant share first.
    Drf,
    /// At random, by weights.
    Random,
}

/// In what order agents are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Order {
    /// At random.
    Random,
    /// Those with the least left first: empty agents stay whole for who needs one.
    FullestFirst,
}

/// Who is offered what.
#[derive(Debug, Clone, clap::Args)]
#[command(rename_all = "snake_case")]
pub(super) struct Allocation {
    /// How offers are divided: HierarchicalDRF, or another policy by name: drf, random, packing, constrained-max-min,
    /// fullest-first, shared-state, fair-with-aging. Further flags change what the name chose.
    #[arg(long, env = "MESOS_ALLOCATOR", default_value = HIERARCHICAL, value_name = "NAME")]
    pub(super) allocator: String,
    /// In what order roles are served.
    #[arg(long, env = "MESOS_ROLE_SORTER", alias = "user_sorter", value_enum)]
    pub(super) role_sorter: Option<Sorter>,
    /// In what order the frameworks of a role are served.
    #[arg(long, env = "MESOS_FRAMEWORK_SORTER", value_enum)]
    pub(super) framework_sorter: Option<Sorter>,
    /// Resources that make no share, such as gpus: scarce ones that would otherwise dominate whoever needs one.
    #[arg(long, env = "MESOS_FAIR_SHARING_EXCLUDED_RESOURCE_NAMES", value_name = "NAME,…", value_delimiter = ',')]
    pub(super) fair_sharing_excluded_resource_names: Vec<String>,
    /// Whether agents with gpus are offered only to frameworks that say they can deal with them.
    #[arg(
        long,
        env = "MESOS_FILTER_GPU_RESOURCES",
        default_value_t = true,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub(super) filter_gpu_resources: bool,
    /// An offer holds at least one of these; nothing between the quotes means that any amount will do.
    #[arg(
        long,
        env = "MESOS_MIN_ALLOCATABLE_RESOURCES",
        default_value = "cpus:0.01|mem:32",
        value_name = "AMOUNTS|AMOUNTS…"
    )]
    pub(super) min_allocatable_resources: String,
    /// After an election, where a quota is set: the part of the agents that must be back before anything is offered.
    #[arg(
        long,
        env = "MESOS_ALLOCATOR_AGENT_RECOVERY_FACTOR",
        alias = "agent_recovery_factor",
        default_value_t = 0.8,
        value_name = "0..1"
    )]
    pub(super) allocator_agent_recovery_factor: f64,
    /// But offers wait for them no longer than this.
    #[arg(
        long,
        env = "MESOS_ALLOCATOR_RECOVERY_TIMEOUT",
        alias = "agent_recovery_timeout",
        default_value = "10mins",
        value_name = "DURATION"
    )]
    pub(super) allocator_recovery_timeout: MesosDuration,
    /// Serve roles of a higher priority first, such as prod=10,prod/batch=-1. A role without one has that of the role above
    /// it, at last 0.
    #[arg(long, env = "MESOS_ROLE_PRIORITIES", value_name = "ROLE=PRIORITY,…", value_delimiter = ',')]
    pub(super) role_priorities: Vec<String>,
    /// For --allocator=packing: how much fairness counts beside packing, from 0 to 1.
    #[arg(long, env = "MESOS_PACKING_FAIRNESS", value_name = "0..1")]
    pub(super) packing_fairness: Option<f64>,
    /// For --allocator=constrained-max-min: what one slot holds, such as cpus:1;mem:1024.
    #[arg(long, env = "MESOS_ALLOCATION_SLOT", value_name = "AMOUNTS")]
    pub(super) allocation_slot: Option<String>,
    /// In what order agents are served.
    #[arg(long, env = "MESOS_AGENT_ORDER", value_enum)]
    pub(super) agent_order: Option<Order>,
    /// Whoever was offered nothing for so many batches goes first once. Choose more than there are frameworks.
    #[arg(long, env = "MESOS_STARVATION_BATCHES", value_name = "COUNT")]
    pub(super) starvation_batches: Option<u32>,
    /// Longest regular expression in an offer constraint.
    #[arg(long, env = "MESOS_OFFER_CONSTRAINTS_MAX_PATTERN", default_value = "512B", value_name = "BYTES")]
    pub(super) offer_constraints_max_pattern: MesosBytes,
    /// What a regular expression in an offer constraint may take when compiled.
    #[arg(long, env = "MESOS_OFFER_CONSTRAINTS_MAX_PROGRAM", default_value = "64KB", value_name = "BYTES")]
    pub(super) offer_constraints_max_program: MesosBytes,
    /// The bound of another library of regular expressions.
    #[arg(long, env = "MESOS_OFFER_CONSTRAINTS_RE2_MAX_MEM", value_name = "BYTES", hide = true)]
    pub(super) offer_constraints_re2_max_mem: Option<String>,
    /// The bound of another library of regular expressions.
    #[arg(long, env = "MESOS_OFFER_CONSTRAINTS_RE2_MAX_PROGRAM_SIZE", value_name = "COUNT", hide = true)]
    pub(super) offer_constraints_re2_max_program_size: Option<String>,
}

impl Allocation {
    /// What the allocator is told. Whatever is wrong is named with what would be right.
    pub(super) fn options(&self) -> anyhow::Result<Options> {
        let name = if self.allocator == HIERARCHICAL { "drf" } else { self.allocator.as_str() };
        let mut options = Options::named(name)
            .map_err(|refused| anyhow::anyhow!("--allocator={name}: {refused}, or {HIERARCHICAL}"))?;
        options.policy = self.policy(options.policy)?;
        if let Some(sorter) = self.role_sorter {
            options.role_sorter = sorter.into();
        }
        if let Some(sorter) = self.framework_sorter {
            options.framework_sorter = sorter.into();
        }
        if let Some(order) = self.agent_order {
            options.agent_order = order.into();
        }
        options.starvation_batches = self.starvation_batches.or(options.starvation_batches);
        options.fairness_excluded = self.excluded()?;
        options.filter_gpu_resources = self.filter_gpu_resources;
        options.min_allocatable = minimums(&self.min_allocatable_resources)?;
        options.agent_recovery_percent = percent(self.allocator_agent_recovery_factor)?;
        options.agent_recovery_timeout = self.allocator_recovery_timeout.0;
        Ok(options)
    }

    /// How long and how large regular expressions of frameworks may be.
    pub(super) fn constraint_bounds(&self) -> anyhow::Result<ConstraintBounds> {
        let others = [
            ("offer_constraints_re2_max_mem", &self.offer_constraints_re2_max_mem),
            ("offer_constraints_re2_max_program_size", &self.offer_constraints_re2_max_program_size),
        ];
        if let Some((name, Some(said))) = others.into_iter().find(|(_, said)| said.is_some()) {
            anyhow::bail!(
                "--{name}={said} is a bound of RE2, which is not the library here; bound regular expressions with \
                 --offer_constraints_max_pattern and --offer_constraints_max_program"
            );
        }
        let bound = |name: &str, said: MesosBytes, most: usize| {
            let bytes = usize::try_from(said.0).unwrap_or(usize::MAX);
            anyhow::ensure!((1..=most).contains(&bytes), "--{name}={said} is not from 1B to {most}B");
            Ok(bytes)
        };
        let most = ConstraintBounds::default();
        Ok(ConstraintBounds {
            pattern_bytes_max: bound(
                "offer_constraints_max_pattern",
                self.offer_constraints_max_pattern,
                most.pattern_bytes_max,
            )?,
            program_bytes_max: bound(
                "offer_constraints_max_program",
                self.offer_constraints_max_program,
                most.program_bytes_max,
            )?,
        })
    }

    /// The policy of the name, as the flags about policies change it.
    fn policy(&self, named: Policy) -> anyhow::Result<Policy> {
        if !self.role_priorities.is_empty() {
            anyhow::ensure!(
                named == Policy::Hierarchical,
                "--role_priorities: roles have no priorities with --allocator={}; leave one of the two out",
                self.allocator
            );
        }
        if self.packing_fairness.is_some() && !matches!(named, Policy::Packing(_)) {
            anyhow::bail!("--packing_fairness is for --allocator=packing; leave it out, or say that too");
        }
        if self.allocation_slot.is_some() && !matches!(named, Policy::ConstrainedMaxMin { .. }) {
            anyhow::bail!("--allocation_slot is for --allocator=constrained-max-min; leave it out, or say that too");
        }
        if let Some(fairness) = self.packing_fairness {
            let packing = Packing::new(fairness);
            return Ok(Policy::Packing(
                packing.with_context(|| format!("--packing_fairness={fairness} is not from 0 to 1"))?,
            ));
        }
        if let Some(text) = &self.allocation_slot {
            let slot = amounts("allocation_slot", text)?;
            anyhow::ensure!(!slot.is_empty(), "--allocation_slot is nothing; write amounts such as cpus:1;mem:1024");
            return Ok(Policy::ConstrainedMaxMin { slot });
        }
        let priorities = self.priorities()?;
        Ok(if self.role_priorities.is_empty() { named } else { Policy::Priority(priorities) })
    }

    fn priorities(&self) -> anyhow::Result<Priorities> {
        let mut known = std::collections::BTreeMap::new();
        for pair in &self.role_priorities {
            let problem = || format!("--role_priorities: {pair:?} is no priority; write role=10");
            let (role, priority) = pair.split_once('=').with_context(problem)?;
            let role = Role::new(role).with_context(problem)?;
            let priority: i32 = priority.parse().with_context(problem)?;
            if let Some(before) = known.insert(role.clone(), priority) {
                anyhow::bail!(
                    "--role_priorities: {role} has both {before} and {priority}; give each role one priority"
                );
            }
        }
        Ok(known.into_iter().collect())
    }

    fn excluded(&self) -> anyhow::Result<Vec<ResourceName>> {
        let names = self.fair_sharing_excluded_resource_names.iter().map(|name| name.trim());
        let read = |name: &str| {
            let problem = || {
                format!(
                    "--fair_sharing_excluded_resource_names: {name:?} is no name of a resource; write gpus or gpus,fpgas"
                )
            };
            name.parse().with_context(problem)
        };
        names.filter(|name| !name.is_empty()).map(read).collect()
    }
}

/// Alternatives, divided by bars.
fn minimums(text: &str) -> anyhow::Result<Vec<Quantities>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let alternatives = text.split('|').map(|one| {
        let least = amounts("min_allocatable_resources", one.trim())?;
        anyhow::ensure!(
            !least.is_empty(),
            "--min_allocatable_resources={text}: one of the alternatives is nothing; write amounts such as \
             cpus:0.01|mem:32, or nothing at all"
        );
        Ok(least)
    });
    alternatives.collect()
}

fn amounts(flag: &str, text: &str) -> anyhow::Result<Quantities> {
    text.parse().with_context(|| format!("--{flag}: {text:?} is not amounts; write cpus:1;mem:64"))
}

/// A part of one, in hundredths.
fn percent(factor: f64) -> anyhow::Result<u32> {
    anyhow::ensure!(
        (0.0..=1.0).contains(&factor),
        "--allocator_agent_recovery_factor={factor} is not from 0 to 1; 0.8 waits for four agents of five"
    );
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 100")]
    let percent = (factor * 100.0).round() as u32;
    Ok(percent)
}

impl From<Sorter> for SorterKind {
    fn from(sorter: Sorter) -> Self {
        match sorter {
            Sorter::Drf => Self::Drf,
            Sorter::Random => Self::Random,
        }
    }
}

impl From<Order> for AgentOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Random => Self::Random,
            Order::FullestFirst => Self::FullestFirst,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser as _;
    use mesos_core::provider::{Allocator as _, Transactions};

    use super::super::flags::Flags;
    use super::*;
    use crate::allocator::HierarchicalDrf;

    fn parse(flags: &[&str]) -> Flags {
        Flags::parse_from(["mesos-master", "--registry=in_memory"].iter().chain(flags))
    }

    fn refused(flags: &[&str]) -> String {
        format!("{:#}", parse(flags).validate().unwrap_err())
    }

    /// What the allocator that a master with these flags makes says it is made of.
    fn made(flags: &[&str]) -> Options {
        let options = super::super::allocator_options(&parse(flags)).unwrap();
        serde_json::from_value(HierarchicalDrf::new(options).recipe().unwrap().settings).unwrap()
    }

    #[test]
    fn without_flags_it_is_what_mesos_does() {
        assert_eq!(made(&[]), Options::default());
    }

    #[test]
    fn every_flag_of_allocation_reaches_the_allocator() {
        let role = |path| Role::new(path).unwrap();
        let random = SorterKind::Random;
        let amounts = |text: &str| text.parse::<Quantities>().unwrap();
        let with = |change: &dyn Fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options
        };
        for (flags, expected) in [
            (vec!["--role_sorter=random"], with(&|own| own.role_sorter = random)),
            (vec!["--user_sorter=random"], with(&|own| own.role_sorter = random)),
            (vec!["--framework_sorter=random"], with(&|own| own.framework_sorter = random)),
            (
                vec!["--fair_sharing_excluded_resource_names=gpus,fpgas"],
                with(&|own| own.fairness_excluded = vec![ResourceName::Gpus, "fpgas".parse().unwrap()]),
            ),
            (vec!["--filter_gpu_resources=false"], with(&|own| own.filter_gpu_resources = false)),
            (vec!["--filter_gpu_resources"], Options::default()),
            (
                vec!["--min_allocatable_resources=cpus:0.5;mem:64|disk:10"],
                with(&|own| own.min_allocatable = vec![amounts("cpus:0.5;mem:64"), amounts("disk:10")]),
            ),
            (vec!["--min_allocatable_resources="], with(&|own| own.min_allocatable = Vec::new())),
            (vec!["--allocator_agent_recovery_factor=0.25"], with(&|own| own.agent_recovery_percent = 25)),
            (vec!["--agent_recovery_factor=0.25"], with(&|own| own.agent_recovery_percent = 25)),
            (
                vec!["--allocator_recovery_timeout=90secs"],
                with(&|own| own.agent_recovery_timeout = Duration::from_secs(90)),
            ),
            (
                vec!["--agent_recovery_timeout=90secs"],
                with(&|own| own.agent_recovery_timeout = Duration::from_secs(90)),
            ),
            (
                vec!["--role_priorities=prod=10,prod/batch=-1"],
                with(&|own| {
                    let priorities = [(role("prod"), 10), (role("prod/batch"), -1)];
                    own.policy = Policy::Priority(Priorities::from_iter(priorities));
                }),
            ),
            (
                vec!["--allocator=packing", "--packing_fairness=0.5"],
                with(&|own| own.policy = Policy::Packing(Packing::new(0.5).unwrap())),
            ),
            (
                vec!["--allocator=constrained-max-min", "--allocation_slot=cpus:2"],
                with(&|own| own.policy = Policy::ConstrainedMaxMin { slot: amounts("cpus:2") }),
            ),
            (vec!["--allocator=shared-state"], with(&|own| own.policy = Policy::SharedState(Transactions::default()))),
            (vec!["--allocator=HierarchicalDRF"], Options::default()),
            (vec!["--allocator=random", "--role_sorter=drf"], with(&|own| own.framework_sorter = random)),
            (vec!["--agent_order=fullest_first"], with(&|own| own.agent_order = AgentOrder::FullestFirst)),
            (vec!["--starvation_batches=7"], with(&|own| own.starvation_batches = Some(7))),
            (vec!["--allocation_interval=250ms"], with(&|own| own.allocation_interval = Duration::from_millis(250))),
            (vec!["--region=eu"], with(&|own| own.region = Some("eu".into()))),
        ] {
            parse(&flags).validate().unwrap();
            assert_eq!(made(&flags), expected, "{flags:?}");
        }
    }

    #[test]
    fn bounds_on_regular_expressions_reach_the_master() {
        let flags = parse(&["--offer_constraints_max_pattern=64B", "--offer_constraints_max_program=4KB"]);
        let expected = ConstraintBounds { pattern_bytes_max: 64, program_bytes_max: 4_096 };
        assert_eq!(super::super::options(&flags).unwrap().constraint_bounds, expected);
    }

    #[test]
    fn what_is_wrong_about_allocation_is_named_with_what_is_right() {
        for (flags, name, right) in [
            (vec!["--allocator=drff"], "--allocator", "drf, random"),
            (vec!["--min_allocatable_resources=cpus:0.1|"], "--min_allocatable_resources", "cpus:0.01|mem:32"),
            (vec!["--min_allocatable_resources=much"], "--min_allocatable_resources", "cpus:1;mem:64"),
            (vec!["--allocator_agent_recovery_factor=1.5"], "--allocator_agent_recovery_factor", "0 to 1"),
            (vec!["--agent_recovery_factor=NaN"], "--allocator_agent_recovery_factor", "0 to 1"),
            (vec!["--role_priorities=web"], "--role_priorities", "role=10"),
            (vec!["--role_priorities=web=1,web=2"], "--role_priorities", "one priority"),
            (vec!["--allocator=packing", "--role_priorities=web=1"], "--role_priorities", "leave one"),
            (vec!["--packing_fairness=0.5"], "--packing_fairness", "--allocator=packing"),
            (vec!["--allocator=packing", "--packing_fairness=2"], "--packing_fairness", "0 to 1"),
            (vec!["--allocation_slot=cpus:1"], "--allocation_slot", "--allocator=constrained-max-min"),
            (vec!["--fair_sharing_excluded_resource_names=gpus:1"], "--fair_sharing", "gpus,fpgas"),
            (vec!["--offer_constraints_max_pattern=1MB"], "--offer_constraints_max_pattern", "512B"),
            (
                vec!["--offer_constraints_re2_max_mem=4096"],
                "--offer_constraints_re2",
                "--offer_constraints_max_program",
            ),
        ] {
            let said = refused(&flags);
            assert!(said.starts_with(name) && said.contains(right), "{flags:?}: {said}");
        }
    }
}
