//! The master of a cluster, as a program.

mod allocation;
mod flags;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::allocator::{self, HierarchicalDrf};
use crate::daemon::election::Standalone;
use crate::daemon::store::{MemoryStore, RedbStore, term_of_this_moment};
use crate::daemon::view::Memory;
use crate::daemon::{MasterServer, MasterServerSetup};
use crate::master;
use anyhow::Context as _;
use mesos_core::daemon::{Access, SystemClock, entropy, make_folder};
use mesos_core::kernel::{Rng, Term};
use mesos_core::net::http::{Attached, Limits};
use mesos_core::net::tls::Part;
use mesos_core::program::{Log, MesosRate, Reached, Readiness, ServerSecurity, SpanExport, run_to_end, terminated};
use mesos_core::{MasterId, Store};
use tokio::net::TcpListener;

use self::flags::{Flags, Registry};

/// Runs the program with these arguments, the first of which is its name, to its end.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    mesos_core::program::main("mesos-master", arguments, run)
}

fn run(flags: &Flags, settings: Vec<(String, String)>) -> anyhow::Result<()> {
    flags.validate()?;
    let log = flags.logging.begin("mesos-master").map_err(anyhow::Error::msg)?;
    run_to_end(serve(flags, settings, log))?
}

async fn serve(flags: &Flags, settings: Vec<(String, String)>, log: Log) -> anyhow::Result<()> {
    let spans = flags.spans.begin("mesos-master").map_err(anyhow::Error::msg)?;
    let ended = lead(flags, settings, log, spans.as_ref()).await;
    if let Some(spans) = spans {
        spans.end().await;
    }
    ended
}

async fn lead(
    flags: &Flags,
    settings: Vec<(String, String)>,
    log: Log,
    spans: Option<&SpanExport>,
) -> anyhow::Result<()> {
    let terminated = terminated()?;
    let readiness = Readiness::from_env();
    let tls = flags.security.material(Part::Master)?;
    let tls = tls.as_ref().map(ServerSecurity::server_tls).transpose()?;
    let (authenticator, authorizer) = flags.security.doors(Arc::new(SystemClock::new()))?;
    let (store, term) = registry(flags).await?;
    let listener = TcpListener::bind((flags.ip, flags.port))
        .await
        .with_context(|| format!("{}:{} cannot be listened on", flags.ip, flags.port))?;
    let reached = reached(flags, listener.local_addr()?).await;
    let advertised: Arc<str> = reached.address().into();
    let id = MasterId::new(Rng::new(entropy()).update_id().to_string()).expect("hexadecimal digits are an id");
    let mut limits = Limits::default();
    limits.connections_max = flags.max_connections;
    let allocation = allocator_options(flags)?;
    let shadow = flags.shadow(&allocation)?;
    let allocator = Box::new(HierarchicalDrf::new(allocation));
    let contender = Box::new(Standalone::new(term));
    let server = MasterServer::start(MasterServerSetup {
        options: options(flags)?,
        patience: flags.patience(),
        advertised: advertised.clone(),
        ip: Some(reached.ip),
        domain: flags.domain()?,
        firewall: flags.firewall()?,
        subscribers_max: flags.max_operator_event_stream_subscribers,
        publishes_framework_metrics: flags.publish_per_framework_metrics,
        authenticator,
        authorizer,
        limits,
        rate_limits: flags.rate_limits()?,
        operator_rate_limits: flags.operator_rate_limits()?,
        cluster: flags.cluster.clone(),
        flags: settings,
        verbosity: log.verbosity,
        attached: attached(log.file),
        journal: flags.journal.setup(),
        memory: memory(flags),
        spans: spans.map(SpanExport::sink),
        shadow,
        ..MasterServerSetup::new(id, allocator, store, contender, listener, tls)?
    })
    .await?;
    let leads = tokio::select! {
        leads = server.leads() => leads,
        () = server.ended() => false,
    };
    if leads {
        tracing::info!(listens = %server.address(), %advertised, cluster = flags.cluster.as_deref(), "ready");
        readiness.ready(&format!("leads at {advertised}"));
    }
    tokio::select! {
        signal = terminated => tracing::info!(signal, "ends"),
        () = server.ended() => {}
    }
    readiness.stopping();
    match server.stop().await? {
        // The registry is somebody else's: whoever supervises this starts it again, and it looks anew.
        Some(led) => anyhow::bail!("stepped down in term {}: {}", led.term.0, led.why),
        None => Ok(()),
    }
}

/// The log, where clients of Mesos look for it.
fn attached(log: Option<PathBuf>) -> Attached {
    let attached = Attached::default();
    if let Some(file) = log {
        attached.attach("/master/log", file);
    }
    attached
}

/// The registry, and a term later than any it was opened with.
async fn registry(flags: &Flags) -> anyhow::Result<(Arc<dyn Store>, Term)> {
    let now = term_of_this_moment();
    match (flags.registry, &flags.work_dir) {
        (Registry::File, Some(work_dir)) => {
            make_folder(work_dir, Access::Closed).with_context(|| format!("--work_dir {}", work_dir.display()))?;
            let patience = flags.patience().fetch;
            let (store, last) = RedbStore::open_within(work_dir.join("registry.redb"), patience).await?;
            // Also when the clock went back.
            Ok((Arc::new(store), now.max(Term(last.0 + 1))))
        }
        _ => Ok((Arc::new(MemoryStore::new()), now)),
    }
}

/// How much of what is over views remember.
const fn memory(flags: &Flags) -> Memory {
    Memory {
        completed_frameworks_max: flags.max_completed_frameworks,
        completed_tasks_max: flags.max_completed_tasks_per_framework,
        unreachable_tasks_max: flags.max_unreachable_tasks_per_framework,
    }
}

fn options(flags: &Flags) -> anyhow::Result<master::Options> {
    Ok(master::Options {
        offer_timeout: flags.offer_timeout.map(Into::into),
        agent_ping_every: flags.agent_ping_timeout.0,
        agent_ping_timeouts_max: flags.max_agent_ping_timeouts,
        agent_reregister_timeout: flags.agent_reregister_timeout.0,
        heartbeat_every: flags.heartbeat_interval.0,
        agent_removal_every: flags.agent_removal_rate_limit.map(MesosRate::every),
        recovery_removal_limit_ppm: flags.recovery_agent_removal_limit.ppm(),
        root_submissions: flags.root_submissions,
        require_agent_domain: flags.require_agent_domain,
        registry_prune_every: flags.registry_gc_interval.0,
        registry_age_max: flags.registry_max_agent_age.0,
        registry_count_max: flags.registry_max_agent_count,
        unreachable_tasks_max: flags.max_unreachable_tasks_per_framework,
        weights: flags.weights()?,
        constraint_bounds: flags.allocation.constraint_bounds()?,
        ..master::Options::default()
    })
}

fn allocator_options(flags: &Flags) -> anyhow::Result<allocator::Options> {
    Ok(allocator::Options {
        allocation_interval: flags.allocation_interval.0,
        region: flags.region()?,
        ..flags.allocation.options()?
    })
}

/// Where others reach it. A master that listens on one address is known by that.
async fn reached(flags: &Flags, listens: SocketAddr) -> Reached {
    let mut reach = flags.reach.clone();
    reach.hostname_lookup &= flags.ip.is_unspecified();
    reach.found(listens, &own_hostname()).await
}

/// This machine's name, as the system knows it.
fn own_hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use mesos_core::program::{Layered, parse_layered};

    use super::*;

    fn parsed(flags: &[&str]) -> Layered<Flags> {
        let usual = ["mesos-master", "--registry=in_memory"];
        parse_layered(usual.iter().chain(flags).map(Into::into)).unwrap()
    }

    #[tokio::test]
    async fn a_master_is_reached_where_it_says_so_and_never_nowhere() {
        let at = async |flags: &[&str], listens: &str| {
            let found = reached(&parsed(flags).flags, listens.parse().unwrap()).await;
            (found.ip.to_string(), found.address())
        };
        let pair = |ip: &str, address: &str| (ip.to_owned(), address.to_owned());
        assert_eq!(at(&["--ip=127.0.0.3"], "127.0.0.3:1").await, pair("127.0.0.3", "127.0.0.3:1"));
        assert_eq!(at(&["--ip=::1", "--advertise_port=2"], "[::1]:1").await, pair("::1", "[::1]:2"));
        let flags = ["--advertise_ip=10.0.0.9", "--hostname=m.example", "--advertise_port=80"];
        assert_eq!(at(&flags, "0.0.0.0:1").await, pair("10.0.0.9", "m.example:80"));
        assert_eq!(at(&["--advertise_ip=10.0.0.9", "--hostname_lookup=false"], "0.0.0.0:1").await.1, "10.0.0.9:1");
        let (ip, address) = at(&[], "0.0.0.0:1").await;
        assert_ne!(ip, "0.0.0.0");
        assert_eq!(address, format!("{}:1", own_hostname()));
    }

    #[test]
    fn every_flag_is_shown_and_no_secret() {
        use clap::CommandFactory as _;
        let secrets = r#"--credentials={"credentials": [{"principal": "p", "secret": "sesame"}]}"#;
        let Layered { flags, settings } = parsed(&[secrets, "--weights=a=1,b=2", "--insecure-plaintext"]);
        assert!(flags.security.credentials.is_some());
        let value = |name: &str| settings.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        // Those without a default are shown when they are said, as the first of them is.
        for argument in Flags::command().get_arguments().filter(|argument| !argument.get_default_values().is_empty()) {
            let name = argument.get_long().unwrap();
            assert!(value(name).is_some(), "--{name} is missing in {settings:?}");
        }
        assert_eq!((value("credentials"), value("weights")), (Some("(hidden)"), Some("a=1,b=2")));
        assert_eq!((value("insecure-plaintext"), value("insecure-anonymous")), (Some("true"), Some("false")));
        assert_eq!((value("registry_store_timeout"), value("hostname")), (Some("20secs"), None));
        assert!(!format!("{settings:?}").contains("sesame"), "{settings:?}");
    }
}
