//! The flags of a master. Those of Apache Mesos have its names and meanings (`docs/configuration/master.md`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use mesos_core::net::auth::RateLimits;
use mesos_core::net::layer::Firewall;
use mesos_core::program::{
    Logging, MesosBytes, MesosDuration, MesosPercent, MesosRate, Reach, ServerSecurity, Spans, fault_domain, given_text,
};
use mesos_core::provider::Concurrency;
use mesos_core::{Allocator, FaultDomain, Role, Weight};

use super::allocation::Allocation;
use crate::allocator::{HierarchicalDrf, Options, candidate};
use crate::daemon::{JournalSetup, Patience};

/// Where the registry is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Registry {
    /// In a file under the work directory: agents, quotas and weights outlive the master.
    #[value(name = "file", alias = "replicated_log")]
    File,
    /// In memory: all of it is forgotten when the master ends.
    #[value(name = "in_memory")]
    InMemory,
}

/// What is recorded, to be replayed.
#[derive(Debug, Clone, clap::Args)]
#[command(rename_all = "snake_case")]
pub(super) struct Journal {
    /// Record everything that happens to this master while it leads into this file, which must not be there yet; what
    /// frameworks and agents say is in it, as are the secrets tasks carry. `mesos-sim replay` does it again.
    #[arg(long, env = "MESOS_JOURNAL", value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// The journal ends when it is so long; the master goes on.
    #[arg(long, env = "MESOS_JOURNAL_MAX_SIZE", default_value = "4GB", value_name = "BYTES")]
    pub(super) journal_max_size: MesosBytes,
}

impl Journal {
    /// Where it goes, if anywhere.
    pub(super) fn setup(&self) -> Option<JournalSetup> {
        let mut setup = JournalSetup::new(self.journal.as_ref()?);
        setup.bytes_max = self.journal_max_size.0;
        Some(setup)
    }
}

/// The master of a cluster: agents offer it what they have, it offers that to frameworks, and what they want run it passes
/// to the agents.
///
/// Every flag can be set in the environment, as MESOS_ and its name in capitals, and in a TOML file named by --config, under
/// its name. A flag counts before the environment, the environment before the file.
#[derive(Debug, Clone, clap::Parser)]
#[command(
    name = "mesos-master",
    rename_all = "snake_case",
    version,
    after_help = "Try it on one machine, without any security:\n\n    \
    mesos-master --work_dir=/tmp/m --ip=127.0.0.1 --insecure-plaintext --insecure-anonymous\n    \
    mesos-agent  --work_dir=/tmp/a --ip=127.0.0.1 --master=127.0.0.1:5050 --insecure-plaintext\n\n\
    For a cluster, let `mesos certificate` make an authority and a certificate for each part, and give them with --tls_cert, \
    --tls_key and --tls_ca."
)]
pub(super) struct Flags {
    /// A TOML file with settings: the names of flags, and their values.
    #[arg(long, env = "MESOS_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, env = "MESOS_IP", default_value = "0.0.0.0", value_name = "ADDRESS")]
    pub(super) ip: IpAddr,
    /// The port to listen on; 0 takes any that is free.
    #[arg(long, env = "MESOS_PORT", default_value_t = 5050)]
    pub(super) port: u16,
    /// Where others reach it.
    #[command(flatten)]
    pub(super) reach: Reach,
    /// The folder for what must outlive the master.
    #[arg(long, env = "MESOS_WORK_DIR", value_name = "FOLDER", required_unless_present = "registry")]
    pub(super) work_dir: Option<PathBuf>,
    /// Where the registry is kept.
    #[arg(long, env = "MESOS_REGISTRY", value_enum, default_value = "file")]
    pub(super) registry: Registry,
    /// A name for the cluster, for people.
    #[arg(long, env = "MESOS_CLUSTER", value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// Weights of roles in a new cluster, such as web=2,batch=0.5; later the registry's count.
    #[arg(long, env = "MESOS_WEIGHTS", value_name = "ROLE=WEIGHT,…", value_delimiter = ',')]
    pub(super) weights: Vec<String>,
    /// How often everything that is free is offered again.
    #[arg(long, env = "MESOS_ALLOCATION_INTERVAL", default_value = "1secs", value_name = "DURATION")]
    pub(super) allocation_interval: MesosDuration,
    /// Runs this allocation policy as a shadow beside the one that decides: what it would have offered otherwise is counted in
    /// the metrics under allocator/shadow, and now and then logged. It decides nothing, and costs as much again as a round.
    #[arg(long, env = "MESOS_SHADOW_ALLOCATOR", value_name = "POLICY")]
    pub(super) shadow_allocator: Option<String>,
    /// An offer nobody answered for so long is rescinded. Without it, offers stay.
    #[arg(long, env = "MESOS_OFFER_TIMEOUT", value_name = "DURATION")]
    pub(super) offer_timeout: Option<MesosDuration>,
    /// Between two pings of an agent.
    #[arg(long, env = "MESOS_AGENT_PING_TIMEOUT", default_value = "15secs", value_name = "DURATION")]
    pub(super) agent_ping_timeout: MesosDuration,
    /// So many unanswered pings in a row make an agent unreachable.
    #[arg(long, env = "MESOS_MAX_AGENT_PING_TIMEOUTS", default_value_t = 5, value_name = "COUNT")]
    pub(super) max_agent_ping_timeouts: u32,
    /// How long a new leader waits for the agents of the registry before they are unreachable; at least 10mins, as in
    /// Mesos, unless the cluster is for trying things out.
    #[arg(long, env = "MESOS_AGENT_REREGISTER_TIMEOUT", default_value = "10mins", value_name = "DURATION")]
    pub(super) agent_reregister_timeout: MesosDuration,
    /// At most so many agents in such a time are marked unreachable, such as 1/10mins. Without it, any number at once.
    #[arg(long, env = "MESOS_AGENT_REMOVAL_RATE_LIMIT", value_name = "COUNT/DURATION")]
    pub(super) agent_removal_rate_limit: Option<MesosRate>,
    /// When more than this part of the registry's agents is missing when their time to come back is over, the master ends
    /// instead of giving them up: it is more likely to be cut off than they are to be lost.
    #[arg(long, env = "MESOS_RECOVERY_AGENT_REMOVAL_LIMIT", default_value = "100%", value_name = "PERCENT")]
    pub(super) recovery_agent_removal_limit: MesosPercent,
    /// Whether frameworks may run as root.
    #[arg(long, env = "MESOS_ROOT_SUBMISSIONS", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
        default_missing_value = "true", value_name = "BOOL")]
    pub(super) root_submissions: bool,
    /// Between two heartbeats to a framework.
    #[arg(long, env = "MESOS_HEARTBEAT_INTERVAL", default_value = "15secs", value_name = "DURATION")]
    pub(super) heartbeat_interval: MesosDuration,
    /// How long the registry may take to be read when this master is elected, before the master ends.
    #[arg(long, env = "MESOS_REGISTRY_FETCH_TIMEOUT", default_value = "1mins", value_name = "DURATION")]
    pub(super) registry_fetch_timeout: MesosDuration,
    /// How long a change may take to become durable in the registry, before the master steps down: what it decides after that
    /// would be forgotten.
    #[arg(long, env = "MESOS_REGISTRY_STORE_TIMEOUT", default_value = "20secs", value_name = "DURATION")]
    pub(super) registry_store_timeout: MesosDuration,
    /// Between two clean-ups of the registry.
    #[arg(long, env = "MESOS_REGISTRY_GC_INTERVAL", default_value = "15mins", value_name = "DURATION")]
    pub(super) registry_gc_interval: MesosDuration,
    /// Unreachable and gone agents are forgotten after so long.
    #[arg(long, env = "MESOS_REGISTRY_MAX_AGENT_AGE", default_value = "2weeks", value_name = "DURATION")]
    pub(super) registry_max_agent_age: MesosDuration,
    /// Unreachable and gone agents remembered at most.
    #[arg(long, env = "MESOS_REGISTRY_MAX_AGENT_COUNT", default_value_t = 102_400, value_name = "COUNT")]
    pub(super) registry_max_agent_count: usize,
    /// Tasks of one framework on unreachable agents that are remembered.
    #[arg(long, env = "MESOS_MAX_UNREACHABLE_TASKS_PER_FRAMEWORK", default_value_t = 1_000, value_name = "COUNT")]
    pub(super) max_unreachable_tasks_per_framework: usize,
    /// Removed frameworks that views remember.
    #[arg(long, env = "MESOS_MAX_COMPLETED_FRAMEWORKS", default_value_t = 50, value_name = "COUNT")]
    pub(super) max_completed_frameworks: usize,
    /// Ended tasks of one framework that views remember.
    #[arg(long, env = "MESOS_MAX_COMPLETED_TASKS_PER_FRAMEWORK", default_value_t = 1_000, value_name = "COUNT")]
    pub(super) max_completed_tasks_per_framework: usize,
    /// Whether what is counted of each framework is among the metrics.
    #[arg(long, env = "MESOS_PUBLISH_PER_FRAMEWORK_METRICS", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
        default_missing_value = "true", value_name = "BOOL")]
    pub(super) publish_per_framework_metrics: bool,
    /// Operators and tools that listen to events at one time; a further one is refused.
    #[arg(long, env = "MESOS_MAX_OPERATOR_EVENT_STREAM_SUBSCRIBERS", default_value_t = 1_000, value_name = "COUNT")]
    pub(super) max_operator_event_stream_subscribers: usize,
    /// Where this master stands, as region/zone, or JSON as in Mesos, or file:// and the path of a file with it. Agents of other
    /// regions are offered only to frameworks that can deal with them.
    #[arg(long, env = "MESOS_DOMAIN", value_name = "REGION/ZONE|JSON")]
    pub(super) domain: Option<String>,
    /// The region this master is in, when nothing is said about its zone.
    #[arg(long, env = "MESOS_REGION", value_name = "NAME")]
    pub(super) region: Option<String>,
    /// Whether agents that do not say where they stand are refused.
    #[arg(long, env = "MESOS_REQUIRE_AGENT_DOMAIN", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1,
        default_missing_value = "true", value_name = "BOOL")]
    pub(super) require_agent_domain: bool,
    /// Paths that answer nobody: JSON as in Mesos, such as {"disabled_endpoints": {"paths": ["/files/browse"]}}, or the path of a
    /// file with it, file:// before it or not.
    #[arg(long, env = "MESOS_FIREWALL_RULES", value_name = "FILE|JSON")]
    pub(super) firewall_rules: Option<String>,
    /// Connections at one time; further ones are turned away.
    #[arg(long, env = "MESOS_MAX_CONNECTIONS", default_value_t = 65_536, value_name = "COUNT")]
    pub(super) max_connections: usize,
    /// How often frameworks may call, by principal: JSON, or the path of a file with it, file:// before it or not.
    #[arg(long, env = "MESOS_RATE_LIMITS", value_name = "FILE|JSON")]
    pub(super) rate_limits: Option<String>,
    /// How often operators and tools may call and look, by principal, over HTTP and gRPC: written as --rate_limits is. Principals
    /// that are not named share what the aggregate default allows. Without it, as often as they like.
    #[arg(long, env = "MESOS_OPERATOR_RATE_LIMITS", value_name = "FILE|JSON")]
    pub(super) operator_rate_limits: Option<String>,
    /// Masters that vote on the registry. This version keeps it on one master.
    #[arg(long, env = "MESOS_QUORUM", value_name = "COUNT")]
    pub(super) quorum: Option<u32>,
    /// Where ZooKeeper is. This version elects no leader among several masters.
    #[arg(long, env = "MESOS_ZK", value_name = "URL")]
    pub(super) zk: Option<String>,
    /// Roles that are known. Roles need no list here: quotas and access lists say what each may have.
    #[arg(long, env = "MESOS_ROLES", value_name = "ROLE,…", hide = true)]
    pub(super) roles: Option<String>,
    /// Who is offered what.
    #[command(flatten)]
    pub(super) allocation: Allocation,
    /// What is recorded.
    #[command(flatten)]
    pub(super) journal: Journal,
    /// Who is who.
    #[command(flatten)]
    pub(super) security: ServerSecurity,
    /// What is logged.
    #[command(flatten)]
    pub(super) logging: Logging,
    /// Who collects spans.
    #[command(flatten)]
    pub(super) spans: Spans,
}

fn read_limits(flag: &'static str, said: Option<&str>) -> anyhow::Result<Option<RateLimits>> {
    let Some(said) = said else { return Ok(None) };
    let text = given_text(said).context(flag)?;
    Ok(Some(RateLimits::parse(&text).context(flag)?))
}

impl Flags {
    /// How often frameworks may call.
    pub(super) fn rate_limits(&self) -> anyhow::Result<Option<RateLimits>> {
        read_limits("--rate_limits", self.rate_limits.as_deref())
    }

    /// How often everybody else may.
    pub(super) fn operator_rate_limits(&self) -> anyhow::Result<Option<RateLimits>> {
        read_limits("--operator_rate_limits", self.operator_rate_limits.as_deref())
    }

    /// Which paths answer nobody.
    pub(super) fn firewall(&self) -> anyhow::Result<Firewall> {
        let Some(said) = &self.firewall_rules else { return Ok(Firewall::default()) };
        let text = given_text(said).context("--firewall_rules")?;
        Firewall::parse(&text).map_err(|problem| anyhow::anyhow!("--firewall_rules: {problem}"))
    }

    /// Where this master stands, if that is said.
    pub(super) fn domain(&self) -> anyhow::Result<Option<FaultDomain>> {
        let read = |said: &String| fault_domain(said).map_err(|problem| anyhow::anyhow!("--domain={said}: {problem}"));
        self.domain.as_ref().map(read).transpose()
    }

    /// The region it is in, if that is said.
    pub(super) fn region(&self) -> anyhow::Result<Option<Arc<str>>> {
        let domain = self.domain()?.map(|domain| domain.region);
        let said: Option<Arc<str>> = self.region.as_deref().map(Into::into);
        if let (Some(one), Some(other)) = (&domain, &said)
            && one != other
        {
            anyhow::bail!("--region={other} contradicts --domain, which names {one}; leave it out");
        }
        Ok(domain.or(said))
    }

    /// How long the registry may take.
    pub(super) const fn patience(&self) -> Patience {
        Patience { fetch: self.registry_fetch_timeout.0, store: self.registry_store_timeout.0 }
    }

    /// The candidate beside an allocator of these options, if there is to be one.
    pub(super) fn shadow(&self, live: &Options) -> anyhow::Result<Option<Box<dyn Allocator>>> {
        let Some(name) = &self.shadow_allocator else { return Ok(None) };
        let problem = || format!("--shadow_allocator={name}");
        let candidate = HierarchicalDrf::new(candidate(live, name).with_context(problem)?);
        anyhow::ensure!(
            candidate.concurrency() == Concurrency::Pessimistic,
            "--shadow_allocator={name}: this policy offers the same to several at once, which no shadow can; compare it with \
             mesos-sim experiment"
        );
        Ok(Some(Box::new(candidate)))
    }

    /// How much roles count.
    pub(super) fn weights(&self) -> anyhow::Result<BTreeMap<Role, Weight>> {
        let mut weights = BTreeMap::new();
        for pair in &self.weights {
            let (role, weight) = weight(pair)?;
            if let Some(before) = weights.insert(role.clone(), weight) {
                anyhow::bail!("--weights: {role} weighs both {before} and {weight}; give each role one weight");
            }
        }
        Ok(weights)
    }

    /// Refuses what is understood but cannot be done.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if let Some(zk) = &self.zk {
            anyhow::bail!("--zk={zk}: this version elects no leader among several masters; run one, without --zk");
        }
        if let Some(quorum) = self.quorum.filter(|quorum| *quorum != 1) {
            anyhow::bail!("--quorum={quorum}: this version keeps the registry on one master; leave it out, or say 1");
        }
        if let Some(roles) = &self.roles {
            anyhow::bail!(
                "--roles={roles}: any role may be used, and none needs to be listed; set quotas for what roles may have \
                 and access lists for who may use them"
            );
        }
        if self.registry == Registry::File && self.work_dir.is_none() {
            anyhow::bail!("say with --work_dir where to keep what must outlive the master, or --registry=in_memory");
        }
        anyhow::ensure!(self.max_agent_ping_timeouts > 0, "--max_agent_ping_timeouts is at least 1");
        anyhow::ensure!(self.max_connections > 0, "--max_connections is at least 1");
        for (name, duration) in [
            ("agent_ping_timeout", self.agent_ping_timeout),
            ("allocation_interval", self.allocation_interval),
            ("heartbeat_interval", self.heartbeat_interval),
            ("registry_gc_interval", self.registry_gc_interval),
            ("registry_fetch_timeout", self.registry_fetch_timeout),
            ("registry_store_timeout", self.registry_store_timeout),
        ] {
            anyhow::ensure!(!duration.0.is_zero(), "--{name} is more than nothing");
        }
        anyhow::ensure!(
            self.offer_timeout.is_none_or(|timeout| !timeout.0.is_zero()),
            "--offer_timeout is more than nothing; leave it out, and offers stay"
        );
        anyhow::ensure!(
            self.max_operator_event_stream_subscribers > 0,
            "--max_operator_event_stream_subscribers is at least 1"
        );
        self.reach.validate().map_err(anyhow::Error::msg)?;
        self.region()?;
        self.firewall()?;
        self.shadow(&self.allocation.options()?)?;
        self.allocation.constraint_bounds()?;
        self.weights().map(drop)
    }
}

fn weight(pair: &str) -> anyhow::Result<(Role, Weight)> {
    let problem = || format!("--weights: {pair:?} is no weight; write role=2.5");
    let (role, weight) = pair.split_once('=').with_context(problem)?;
    let weight = Weight::new(weight.parse().with_context(problem)?).with_context(problem)?;
    Ok((Role::new(role).with_context(problem)?, weight))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_would_never_rest_or_never_answer_is_refused_by_name() {
        let parse = |flag: &str| Flags::parse_from(["mesos-master", "--registry=in_memory", flag]).validate();
        assert!(parse("--heartbeat_interval=1secs").is_ok());
        assert!(parse("--shadow_allocator=packing").is_ok());
        for flag in [
            "--heartbeat_interval=0secs",
            "--registry_gc_interval=0secs",
            "--allocation_interval=0secs",
            "--agent_ping_timeout=0secs",
            "--max_agent_ping_timeouts=0",
            "--max_connections=0",
            "--offer_timeout=0secs",
            "--hostname=",
            "--advertise_port=0",
            "--advertise_ip=0.0.0.0",
            "--registry_fetch_timeout=0secs",
            "--registry_store_timeout=0secs",
            "--max_operator_event_stream_subscribers=0",
            "--domain=eu",
            "--domain={}",
            "--firewall_rules={\"disabled\": {}}",
            "--firewall_rules=/nowhere/rules",
            "--weights=web=2,ops=1,web=3",
            "--shadow_allocator=no-such-policy",
            "--shadow_allocator=shared-state",
        ] {
            let (name, _) = flag.split_once('=').unwrap();
            let refused = parse(flag).unwrap_err().to_string();
            assert!(refused.starts_with(name), "{flag}: {refused}");
        }
    }

    fn parsed(flags: &[&str]) -> Flags {
        Flags::parse_from(["mesos-master", "--registry=in_memory"].iter().chain(flags))
    }

    #[test]
    fn the_region_is_that_of_the_domain() {
        let domain = r#"--domain={"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}}"#;
        let flags = parsed(&[domain]);
        assert_eq!((flags.region().unwrap().as_deref(), &*flags.domain().unwrap().unwrap().zone), (Some("eu"), "eu-1"));
        assert_eq!(parsed(&["--region=us"]).region().unwrap().as_deref(), Some("us"));
        assert_eq!(parsed(&["--region=eu", "--domain=eu/1"]).region().unwrap().as_deref(), Some("eu"));
        let refused = parsed(&["--region=us", "--domain=eu/1"]).validate().unwrap_err().to_string();
        assert!(refused.starts_with("--region=us contradicts --domain"), "{refused}");
    }

    #[test]
    fn the_registry_has_as_long_as_is_said() {
        assert_eq!(parsed(&[]).patience(), Patience::default());
        let flags = parsed(&["--registry_fetch_timeout=5secs", "--registry_store_timeout=1ms"]);
        let (fetch, store) = (std::time::Duration::from_secs(5), std::time::Duration::from_millis(1));
        assert_eq!(flags.patience(), Patience { fetch, store });
    }
}
