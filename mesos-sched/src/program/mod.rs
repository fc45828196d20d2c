//! The master of a cluster, as a program.

mod allocation;
mod flags;

use std::ffi::OsString;
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
use mesos_core::program::{Log, MesosRate, Readiness, ServerSecurity, SpanExport, terminated};
use mesos_core::{MasterId, Store};
use tokio::net::TcpListener;

use self::flags::{Flags, Registry};

/// Runs the program with these arguments, the first of which is its name, to its end.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    mesos_core::program::main("mesos-master", arguments, run)
}

fn run(flags: &Flags) -> anyhow::Result<()> {
    flags.validate()?;
    let log = flags.logging.begin("mesos-master").map_err(anyhow::Error::msg)?;
    tokio::runtime::Runtime::new()?.block_on(serve(flags, log))
}

async fn serve(flags: &Flags, log: Log) -> anyhow::Result<()> {
    let spans = flags.spans.begin("mesos-master").map_err(anyhow::Error::msg)?;
    let ended = lead(flags, log, spans.as_ref()).await;
    if let Some(spans) = spans {
        spans.end().await;
    }
    ended
}

async fn lead(flags: &Flags, log: Log, spans: Option<&SpanExport>) -> anyhow::Result<()> {
    let terminated = terminated()?;
    let readiness = Readiness::from_env();
    let tls = flags.security.material(Part::Master)?;
    let tls = tls.as_ref().map(ServerSecurity::server_tls).transpose()?;
    let (authenticator, authorizer) = flags.security.doors(Arc::new(SystemClock::new()))?;
    let (store, term) = registry(flags).await?;
    let listener = TcpListener::bind((flags.ip, flags.port))
        .await
        .with_context(|| format!("{}:{} cannot be listened on", flags.ip, flags.port))?;
    let port = flags.advertise_port.unwrap_or(listener.local_addr()?.port());
    let advertised: Arc<str> = match (&flags.hostname, flags.ip) {
        (Some(hostname), _) => format!("{hostname}:{port}").into(),
        (None, ip) if ip.is_unspecified() => format!("{}:{port}", own_hostname()).into(),
        (None, std::net::IpAddr::V6(ip)) => format!("[{ip}]:{port}").into(),
        (None, ip) => format!("{ip}:{port}").into(),
    };
    let id = MasterId::new(Rng::new(entropy()).update_id().to_string()).expect("hexadecimal digits are an id");
    let mut limits = Limits::default();
    limits.connections_max = flags.max_connections;
    let allocation = allocator_options(flags)?;
    let shadow = flags.shadow(&allocation)?;
    let allocator = Box::new(HierarchicalDrf::new(allocation));
    let contender = Box::new(Standalone::new(term));
    let server = MasterServer::start(MasterServerSetup {
        options: options(flags)?,
        advertised: advertised.clone(),
        authenticator,
        authorizer,
        limits,
        rate_limits: flags.rate_limits()?,
        operator_rate_limits: flags.operator_rate_limits()?,
        cluster: flags.cluster.clone(),
        flags: shown(flags),
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

/// The flags, as views show them: those that tell no secret.
fn shown(flags: &Flags) -> Vec<(String, String)> {
    let duration = |duration: mesos_core::program::MesosDuration| duration.to_string();
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let all = [
        ("ip", Some(flags.ip.to_string())),
        ("port", Some(flags.port.to_string())),
        ("hostname", flags.hostname.clone()),
        ("work_dir", path(&flags.work_dir)),
        ("cluster", flags.cluster.clone()),
        ("weights", Some(flags.weights.join(","))),
        ("allocation_interval", Some(duration(flags.allocation_interval))),
        ("shadow_allocator", flags.shadow_allocator.clone()),
        ("allocator", Some(flags.allocation.allocator.clone())),
        ("role_sorter", flags.allocation.role_sorter.map(|sorter| sorter.to_string())),
        ("framework_sorter", flags.allocation.framework_sorter.map(|sorter| sorter.to_string())),
        (
            "fair_sharing_excluded_resource_names",
            Some(flags.allocation.fair_sharing_excluded_resource_names.join(",")).filter(|names| !names.is_empty()),
        ),
        ("filter_gpu_resources", Some(flags.allocation.filter_gpu_resources.to_string())),
        ("min_allocatable_resources", Some(flags.allocation.min_allocatable_resources.clone())),
        ("offer_timeout", flags.offer_timeout.map(duration)),
        ("agent_ping_timeout", Some(duration(flags.agent_ping_timeout))),
        ("max_agent_ping_timeouts", Some(flags.max_agent_ping_timeouts.to_string())),
        ("agent_reregister_timeout", Some(duration(flags.agent_reregister_timeout))),
        ("agent_removal_rate_limit", flags.agent_removal_rate_limit.map(|rate| rate.to_string())),
        ("recovery_agent_removal_limit", Some(flags.recovery_agent_removal_limit.to_string())),
        ("root_submissions", Some(flags.root_submissions.to_string())),
        ("heartbeat_interval", Some(duration(flags.heartbeat_interval))),
        ("registry_max_agent_age", Some(duration(flags.registry_max_agent_age))),
        ("registry_max_agent_count", Some(flags.registry_max_agent_count.to_string())),
        ("max_completed_frameworks", Some(flags.max_completed_frameworks.to_string())),
        ("max_completed_tasks_per_framework", Some(flags.max_completed_tasks_per_framework.to_string())),
        ("max_unreachable_tasks_per_framework", Some(flags.max_unreachable_tasks_per_framework.to_string())),
        ("journal", path(&flags.journal.journal)),
        ("log_dir", path(&flags.logging.log_dir)),
        ("otlp_endpoint", flags.spans.otlp_endpoint.clone()),
        ("acls", flags.security.acls.clone()),
        ("insecure-plaintext", Some(flags.security.insecure_plaintext.to_string())),
        ("insecure-anonymous", Some(flags.security.insecure_anonymous.to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The registry, and a term later than any it was opened with.
async fn registry(flags: &Flags) -> anyhow::Result<(Arc<dyn Store>, Term)> {
    let now = term_of_this_moment();
    match (flags.registry, &flags.work_dir) {
        (Registry::File, Some(work_dir)) => {
            make_folder(work_dir, Access::Closed).with_context(|| format!("--work_dir {}", work_dir.display()))?;
            let store = RedbStore::open(work_dir.join("registry.redb"))?;
            let last = store.fence().await?;
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
        region: flags.region.as_deref().map(Into::into),
        ..flags.allocation.options()?
    })
}

/// This machine's name, as the system knows it.
fn own_hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
