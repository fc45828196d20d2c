//! The flags of an agent. Those of Apache Mesos have its names and meanings (`docs/configuration/agent.md`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use mesos_core::net::auth::RateLimits;
use mesos_core::net::layer::Firewall;
use mesos_core::program::{
    Hidden, Logging, MesosBytes, MesosDuration, Reach, ServerSecurity, Spans, fault_domain, given_text, peer_address,
};
use mesos_core::{FaultDomain, Role};

/// An agent of a cluster: offers what this machine has to the master, and runs what frameworks want run here.
///
/// Every flag can be set in the environment, as MESOS_ and its name in capitals, and in a TOML file named by --config, under
/// its name. A flag counts before the environment, the environment before the file.
#[derive(Debug, Clone, clap::Parser)]
#[command(
    name = "mesos-agent",
    rename_all = "snake_case",
    version,
    after_help = "Try it on one machine, without any security:\n\n    \
    mesos-master --work_dir=/tmp/m --ip=127.0.0.1 --insecure-plaintext --insecure-anonymous\n    \
    mesos-agent  --work_dir=/tmp/a --ip=127.0.0.1 --master=127.0.0.1:5050 --insecure-plaintext --insecure-anonymous\n\n\
    Tasks of frameworks that checkpoint run on when the agent's process ends, each looked after by a small process of its \
    own. An agent that is started again with the same work directory is the same agent: it takes them back, and says how \
    those ended that ended meanwhile. Under systemd, say KillMode=process. To end them all, drain the agent first, or send \
    SIGUSR1, which ends all tasks and then the agent for good."
)]
pub(super) struct Flags {
    /// A TOML file with settings: the names of flags, and their values.
    #[arg(long, env = "MESOS_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The masters: one address or several, each host:port; whichever leads is found.
    #[arg(long, env = "MESOS_MASTER", value_name = "HOST:PORT,…", value_delimiter = ',', required = true, value_parser = peer_address)]
    pub(super) master: Vec<String>,
    /// The address to listen on.
    #[arg(long, env = "MESOS_IP", default_value = "0.0.0.0", value_name = "ADDRESS")]
    pub(super) ip: IpAddr,
    /// The port to listen on; 0 takes any that is free.
    #[arg(long, env = "MESOS_PORT", default_value_t = 5051)]
    pub(super) port: u16,
    /// Where others reach it.
    #[command(flatten)]
    pub(super) reach: Reach,
    /// The folder for checkpoints and sandboxes. Another agent needs another one.
    #[arg(long, env = "MESOS_WORK_DIR", value_name = "FOLDER")]
    pub(super) work_dir: PathBuf,
    /// What to offer, such as cpus:4;mem:8192;ports:[31000-32000], or file:// and the path of a file with it, which may be a
    /// JSON list as well. What is not named is found out.
    #[arg(long, env = "MESOS_RESOURCES", value_name = "RESOURCES")]
    pub(super) resources: Option<String>,
    /// Reserve for this role what --resources names without one, and what is found out; * reserves nothing.
    #[arg(long, env = "MESOS_DEFAULT_ROLE", default_value = "*", value_name = "ROLE")]
    pub(super) default_role: String,
    /// What is said about this machine, such as rack:r7;zone:eu-1.
    #[arg(long, env = "MESOS_ATTRIBUTES", value_name = "ATTRIBUTES")]
    pub(super) attributes: Option<String>,
    /// Where this machine stands, as region/zone, or JSON as in Mesos, or file:// and the path of a file with it.
    #[arg(long, env = "MESOS_DOMAIN", value_name = "REGION/ZONE|JSON")]
    pub(super) domain: Option<String>,
    /// What runs containers: mesos, which is processes of this machine.
    #[arg(long, env = "MESOS_CONTAINERIZERS", default_value = "mesos", value_name = "NAME")]
    pub(super) containerizers: String,
    /// What to do about tasks of an earlier run: take them back and go on (reconnect), or end them and then the agent for
    /// good (cleanup).
    #[arg(long, env = "MESOS_RECOVER", default_value = "reconnect", value_parser = ["reconnect", "cleanup"])]
    pub(super) recover: String,
    /// Whether the agent ends when it cannot read what an earlier run wrote down. It does: with half of that it would say the
    /// wrong things about tasks.
    #[arg(long, env = "MESOS_STRICT", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
        default_missing_value = "true", value_name = "BOOL")]
    pub(super) strict: bool,
    /// What may be otherwise than in an earlier run with the same work directory: nothing (equal), or there may be more
    /// resources and attributes (additive).
    #[arg(long, env = "MESOS_RECONFIGURATION_POLICY", default_value = "equal", value_parser = ["equal", "additive"],
        value_name = "POLICY")]
    pub(super) reconfiguration_policy: String,
    /// Whether commands run as the user they or their framework name, which only root can do; otherwise as the agent's own.
    #[arg(long, env = "MESOS_SWITCH_USER", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
        default_missing_value = "true", value_name = "BOOL")]
    pub(super) switch_user: bool,
    /// Executors that wait for the agent to come back give up after this.
    #[arg(long, env = "MESOS_RECOVERY_TIMEOUT", default_value = "15mins", value_name = "DURATION")]
    pub(super) recovery_timeout: MesosDuration,
    /// An executor that did not register by then is ended, and its tasks fail.
    #[arg(long, env = "MESOS_EXECUTOR_REGISTRATION_TIMEOUT", default_value = "1mins", value_name = "DURATION")]
    pub(super) executor_registration_timeout: MesosDuration,
    /// After the agent's restart, an executor that did not come back by then is ended, and its tasks are gone.
    #[arg(long, env = "MESOS_EXECUTOR_REREGISTRATION_TIMEOUT", default_value = "2secs", value_name = "DURATION")]
    pub(super) executor_reregistration_timeout: MesosDuration,
    /// How long the sandbox of what ended stays on an empty disk; the fuller the disk, the shorter.
    #[arg(long, env = "MESOS_GC_DELAY", default_value = "1weeks", value_name = "DURATION")]
    pub(super) gc_delay: MesosDuration,
    /// The part of the disk that counts as full when it is decided how long sandboxes stay.
    #[arg(long, env = "MESOS_GC_DISK_HEADROOM", default_value_t = 0.1, value_name = "PART")]
    pub(super) gc_disk_headroom: f64,
    /// How often it is looked how full the disk is.
    #[arg(long, env = "MESOS_DISK_WATCH_INTERVAL", default_value = "1mins", value_name = "DURATION")]
    pub(super) disk_watch_interval: MesosDuration,
    /// Ended executors of one framework that views remember.
    #[arg(long, env = "MESOS_MAX_COMPLETED_EXECUTORS_PER_FRAMEWORK", default_value_t = 150, value_name = "COUNT")]
    pub(super) max_completed_executors_per_framework: usize,
    /// Record everything that happens to this agent into this file, which must not be there yet; what the master and executors
    /// say is in it, as are the secrets tasks carry. `mesos-sim replay` does it again.
    #[arg(long, env = "MESOS_JOURNAL", value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// The journal ends when it is so long; the agent goes on.
    #[arg(long, env = "MESOS_JOURNAL_MAX_SIZE", default_value = "4GB", value_name = "BYTES")]
    pub(super) journal_max_size: MesosBytes,
    /// How much of what is fetched is kept for later containers, of what frameworks allow to be kept.
    #[arg(long, env = "MESOS_FETCHER_CACHE_SIZE", default_value = "2GB", value_name = "BYTES")]
    pub(super) fetcher_cache_size: MesosBytes,
    /// Where that is kept, and nothing else; another agent needs another one. Without it, in the work directory.
    #[arg(long, env = "MESOS_FETCHER_CACHE_DIR", value_name = "FOLDER")]
    pub(super) fetcher_cache_dir: Option<PathBuf>,
    /// How much a sandbox may hold once everything is fetched and unpacked. An archive that grows beyond it ends its task.
    #[arg(long, env = "MESOS_FETCHER_MAX_SIZE", default_value = "64GB", value_name = "BYTES")]
    pub(super) fetcher_max_size: MesosBytes,
    /// How long an executor may take to end when told to.
    #[arg(long, env = "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", default_value = "5secs", value_name = "DURATION")]
    pub(super) executor_shutdown_grace_period: MesosDuration,
    /// The first registration after a new leader is found waits a random time up to this.
    #[arg(long, env = "MESOS_REGISTRATION_BACKOFF_FACTOR", default_value = "1secs", value_name = "DURATION")]
    pub(super) registration_backoff_factor: MesosDuration,
    /// How executors of this SDK speak with the agent: http, as those of Mesos do, or grpc, one stream in both directions. It is
    /// told them by MESOS_EXECUTOR_TRANSPORT in their environment, unless their command sets that itself; others pass over it.
    #[arg(long, env = "MESOS_EXECUTOR_TRANSPORT", default_value = "http", value_parser = ["http", "grpc"],
        value_name = "TRANSPORT")]
    pub(super) executor_transport: String,
    /// What every container finds in its environment, unless its own command says otherwise: a JSON object of names and values,
    /// or the path of a file with it, file:// before it or not.
    #[arg(long, env = "MESOS_EXECUTOR_ENVIRONMENT_VARIABLES", value_name = "FILE|JSON", hide_env_values = true)]
    pub(super) executor_environment_variables: Option<Hidden>,
    /// Paths that answer nobody: JSON as in Mesos, such as {"disabled_endpoints": {"paths": ["/files/browse"]}}, or the path of a
    /// file with it, file:// before it or not.
    #[arg(long, env = "MESOS_FIREWALL_RULES", value_name = "FILE|JSON")]
    pub(super) firewall_rules: Option<String>,
    /// Let executors do without tokens: whoever reaches the agent may then speak for any of them. Executors that know no
    /// tokens need it.
    #[arg(long = "insecure-executors", env = "MESOS_INSECURE_EXECUTORS")]
    pub(super) insecure_executors: bool,
    /// How often operators and tools may call and look, by principal, over HTTP and gRPC: JSON, or the path of a file with it,
    /// file:// before it or not. Principals that are not named share what the aggregate default allows. Without it, as often as
    /// they like. Executors are not held back.
    #[arg(long, env = "MESOS_OPERATOR_RATE_LIMITS", value_name = "FILE|JSON")]
    pub(super) operator_rate_limits: Option<String>,
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

impl Flags {
    /// Refuses what is understood but cannot be done.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if !(0.0..=1.0).contains(&self.gc_disk_headroom) {
            anyhow::bail!("--gc_disk_headroom={}: say a part of the disk, from 0 to 1", self.gc_disk_headroom);
        }
        if self.containerizers != "mesos" {
            anyhow::bail!("--containerizers={}: this version has mesos alone", self.containerizers);
        }
        anyhow::ensure!(
            self.strict,
            "--strict=false: this agent does not go on with half of what an earlier run wrote down; leave it out, or start with \
             an empty work directory"
        );
        self.reach.validate().map_err(anyhow::Error::msg)?;
        self.default_role()?;
        self.firewall()?;
        self.environment()?;
        self.operator_rate_limits()?;
        self.domain().map(drop)
    }

    /// How often operators and tools may ask.
    pub(super) fn operator_rate_limits(&self) -> anyhow::Result<Option<RateLimits>> {
        let Some(said) = &self.operator_rate_limits else { return Ok(None) };
        let limits = given_text(said).map_err(anyhow::Error::new).and_then(|text| Ok(RateLimits::parse(&text)?));
        limits.context("--operator_rate_limits").map(Some)
    }

    /// Where this machine stands, if that is said.
    pub(super) fn domain(&self) -> anyhow::Result<Option<FaultDomain>> {
        let read = |said: &String| fault_domain(said).map_err(|problem| anyhow::anyhow!("--domain={said}: {problem}"));
        self.domain.as_ref().map(read).transpose()
    }

    /// For whom everything is that is for nobody else.
    pub(super) fn default_role(&self) -> anyhow::Result<Role> {
        Role::new(self.default_role.as_str()).with_context(|| format!("--default_role={}", self.default_role))
    }

    /// Which paths answer nobody.
    pub(super) fn firewall(&self) -> anyhow::Result<Firewall> {
        let Some(said) = &self.firewall_rules else { return Ok(Firewall::default()) };
        let text = given_text(said).context("--firewall_rules")?;
        Firewall::parse(&text).map_err(|problem| anyhow::anyhow!("--firewall_rules: {problem}"))
    }

    /// What every container finds in its environment.
    pub(super) fn environment(&self) -> anyhow::Result<BTreeMap<String, String>> {
        const FLAG: &str = "--executor_environment_variables";
        let Some(said) = &self.executor_environment_variables else { return Ok(BTreeMap::new()) };
        let text = given_text(said.expose()).context(FLAG)?;
        // What is wrong with it may be a secret, so it is not quoted.
        let read: Result<BTreeMap<String, String>, _> = serde_json::from_str(&text);
        let Ok(variables) = read else {
            anyhow::bail!(r#"{FLAG} is no JSON object of names and texts; write {{"NAME": "value"}}"#);
        };
        let is_wrong = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
        if let Some(name) = variables.keys().find(is_wrong) {
            anyhow::bail!("{FLAG}: {name:?} is no name of a variable; write one without '='");
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn refused(flag: &str) -> Option<String> {
        let usual = ["mesos-agent", "--work_dir=/x"];
        let master = Some("--master=m").filter(|_| !flag.starts_with("--master"));
        match Flags::try_parse_from(usual.into_iter().chain(master).chain([flag])) {
            Ok(flags) => flags.validate().err().map(|error| format!("{error:#}")),
            Err(error) => Some(error.to_string()),
        }
    }

    #[test]
    fn what_names_no_host_or_no_place_is_refused_by_name() {
        for right in [
            "--operator_rate_limits={\"aggregate_default_qps\": 5}",
            "--master=foo",
            "--master=a:1,b:2",
            "--domain=eu/1",
            r#"--domain={"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "1"}}}"#,
            "--hostname=h",
            "--strict",
            "--strict=true",
            "--default_role=ops",
            r#"--executor_environment_variables={"A": "b"}"#,
            r#"--firewall_rules={"disabled_endpoints": {"paths": ["/files/browse"]}}"#,
        ] {
            assert_eq!(refused(right), None, "{right}");
        }
        for (wrong, says) in [
            ("--master=", "it is empty; write host:port"),
            ("--master=a:1,,b:2", "it is empty; write host:port"),
            ("--master=host:99999", "from 1 to 65535"),
            ("--master=zk://h:2181/mesos", "ZooKeeper"),
            ("--hostname=", "name this machine"),
            ("--advertise_ip=::", "no address others can reach"),
            ("--advertise_port=0", "from 1 to 65535"),
            ("--default_role=a b", "--default_role=a b"),
            ("--strict=false", "empty work directory"),
            ("--executor_environment_variables={\"A\": 1}", "write {\"NAME\": \"value\"}"),
            ("--executor_environment_variables={\"A=\": \"b\"}", "without '='"),
            ("--firewall_rules=[]", "write {"),
            ("--domain=x/y/z", "write region/zone"),
            ("--domain=x", "write region/zone"),
            ("--domain=x/", "write region/zone"),
            ("--gc_disk_headroom=2", "from 0 to 1"),
            ("--operator_rate_limits={\"limit\": []}", "--operator_rate_limits"),
        ] {
            let name = wrong.split('=').next().unwrap();
            let refused = refused(wrong).unwrap();
            assert!(refused.contains(name) && refused.contains(says), "{wrong}: {refused}");
        }
    }
}
