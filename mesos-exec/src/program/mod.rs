//! An agent of a cluster, as a program.

mod flags;
mod machine;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::agent::{ExecutorTransport, GcOptions, Options, PastOptions, Reconfiguration, StopReason};
use crate::containerizer::{Process, ProcessOptions};
use crate::daemon::{AgentServer, AgentServerSetup, AgentSetup, ExecutorTokens, StartError, executor_secret};
use anyhow::Context as _;
use mesos_core::daemon::{Access, JournalSetup, Patience, RedbStore, SystemClock, make_folder};
use mesos_core::kernel::Term;
use mesos_core::net::auth::TokenKey;
use mesos_core::net::grpc::{GrpcConnector, RemoteDetector};
use mesos_core::net::http::{Attached, Limits};
use mesos_core::net::tls::Part;
use mesos_core::program::{Log, Readiness, ServerSecurity, SpanExport, run_to_end, terminated};
use mesos_core::{AgentInfo, Clock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::flags::Flags;

/// Runs the program with these arguments, the first of which is its name, to its end.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    mesos_core::program::main("mesos-agent", arguments, run)
}

fn run(flags: &Flags, settings: Vec<(String, String)>) -> anyhow::Result<()> {
    flags.validate()?;
    let log = flags.logging.begin("mesos-agent").map_err(anyhow::Error::msg)?;
    run_to_end(serve(flags, settings, log))?
}

async fn serve(flags: &Flags, settings: Vec<(String, String)>, log: Log) -> anyhow::Result<()> {
    let spans = flags.spans.begin("mesos-agent").map_err(anyhow::Error::msg)?;
    let ended = work(flags, settings, log, spans.as_ref()).await;
    if let Some(spans) = spans {
        spans.end().await;
    }
    ended
}

async fn work(
    flags: &Flags,
    settings: Vec<(String, String)>,
    log: Log,
    spans: Option<&SpanExport>,
) -> anyhow::Result<()> {
    let terminated = terminated()?;
    let mut ends_tasks = signal(SignalKind::user_defined1())?;
    let readiness = Readiness::from_env();
    let material = flags.security.material(Part::Agent)?;
    let dialer = ServerSecurity::dialer(material.as_ref())?;

    let work_dir = &flags.work_dir;
    make_folder(work_dir, Access::Passage).with_context(|| format!("--work_dir {}", work_dir.display()))?;
    let listener = TcpListener::bind((flags.ip, flags.port))
        .await
        .with_context(|| format!("{}:{} cannot be listened on", flags.ip, flags.port))?;
    let info = describe(flags, listener.local_addr()?).await?;
    let endpoint = info.endpoint();
    // First of all, since only one agent may have the folder.
    let path = work_dir.join("checkpoints.redb");
    let (checkpoints, last) = RedbStore::open_within(path, Patience::default().fetch).await?;
    let containerizer = Arc::new(Process::new(process_options(flags)?)?);
    let detector = Box::new(RemoteDetector::new(flags.master.clone(), dialer.clone()));
    let connector = Arc::new(GrpcConnector::new(dialer));
    let mut setup = AgentSetup::new(info, containerizer.clone(), Arc::new(checkpoints), detector, connector);
    setup.term = setup.term.max(Term(last.0 + 1));
    setup.options = options(flags);
    setup.spans = spans.map(SpanExport::sink);
    setup.journal = flags.journal.as_ref().map(|path| {
        let mut journal = JournalSetup::new(path);
        journal.bytes_max = flags.journal_max_size.0;
        journal
    });
    setup.fetcher.cache_dir = Some(flags.fetcher_cache_dir.clone().unwrap_or_else(|| work_dir.join("fetch")));
    setup.fetcher.cache_bytes_max = flags.fetcher_cache_size.0;
    setup.fetcher.bytes_max = flags.fetcher_max_size.0;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (mut authenticator, authorizer) = flags.security.doors(clock)?;
    if !flags.insecure_executors {
        let secret = executor_secret(&work_dir.join("executor.key")).context("executor.key")?;
        setup.credentials = Some(Arc::new(ExecutorTokens::new(&secret)));
        authenticator = authenticator.with_tokens(TokenKey::new(&secret));
    } else {
        tracing::warn!("insecure: whoever reaches this port may speak for any executor");
        authenticator = authenticator.admitting_anonymous();
    }
    tracing::info!(hostname = %setup.info.hostname, port = setup.info.port, resources = %setup.info.resources, "starts");
    let server = AgentServer::start(AgentServerSetup {
        agent: setup,
        work_dir: work_dir.clone(),
        listener,
        tls: material.as_ref().map(ServerSecurity::server_tls).transpose()?,
        authenticator,
        authorizer,
        insecure_executors: flags.insecure_executors,
        firewall: flags.firewall()?,
        limits: Limits::default(),
        operator_rate_limits: flags.operator_rate_limits()?,
        flags: settings,
        verbosity: log.verbosity,
        attached: attached(log.file),
    })
    .await?;
    let is_cleaning_up = flags.recover == "cleanup";
    if is_cleaning_up {
        tracing::info!("ends what an earlier run left running");
        server.daemon().stop().await;
    }
    readiness.ready(&format!("looks for the master from {endpoint}"));
    let stops = async {
        ends_tasks.recv().await;
    };
    tokio::select! {
        signal = terminated, if !is_cleaning_up => {
            tracing::info!(signal, "ends; what runs here runs on, for its next run to take back");
            readiness.stopping();
            server.leave().await;
            return Ok(());
        }
        () = stops => {
            tracing::info!("ends all tasks, then itself");
            server.daemon().stop().await;
        }
        () = server.daemon().ended() => {}
    }
    readiness.stopping();
    let ended = server.join().await?;
    match ended.why {
        Some(StopReason::Requested) => Ok(containerizer.shutdown().await?),
        Some(why @ StopReason::Ordered(_)) => {
            containerizer.shutdown().await?;
            anyhow::bail!("{why}")
        }
        // The next run takes its containers back.
        Some(why) => anyhow::bail!("{why}"),
        None => anyhow::bail!(StartError::Task("nobody could reach the agent any more".to_owned())),
    }
}

/// The log, where clients of Mesos look for it.
fn attached(log: Option<PathBuf>) -> Attached {
    let attached = Attached::default();
    if let Some(file) = log {
        attached.attach("/slave/log", &file);
        attached.attach("/agent/log", file);
    }
    attached
}

async fn describe(flags: &Flags, listens: SocketAddr) -> anyhow::Result<AgentInfo> {
    let role = flags.default_role()?;
    let resources = machine::resources(flags.resources.as_deref(), &role, &flags.work_dir)?;
    let reached = flags.reach.found(listens, &machine::hostname()).await;
    let mut info = AgentInfo::new(reached.host(), resources);
    info.ip = Some(reached.ip);
    info.port = reached.port;
    if let Some(attributes) = &flags.attributes {
        info.attributes = attributes.parse().with_context(|| format!("--attributes {attributes:?}"))?;
    }
    info.domain = flags.domain()?;
    Ok(info)
}

/// How containers are run, with what each of them finds in its environment.
fn process_options(flags: &Flags) -> anyhow::Result<ProcessOptions> {
    let options = ProcessOptions::new(&flags.work_dir).shim("/proc/self/exe");
    let set = |options: ProcessOptions, (name, value): (String, String)| options.environment(name, value);
    Ok(flags.environment()?.into_iter().fold(options, set))
}

/// A part as millionths; the flags were checked to be one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and a million")]
fn headroom_ppm(part: f64) -> u32 {
    (part * 1e6).round() as u32
}

#[allow(clippy::field_reassign_with_default, reason = "one line for each setting")]
fn options(flags: &Flags) -> Options {
    let mut options = Options::default();
    options.registration_delay_max = flags.registration_backoff_factor.0;
    options.executor_recovery_timeout = flags.recovery_timeout.0;
    options.executor_reregistration_timeout = flags.executor_reregistration_timeout.0;
    options.sandbox_gc = Some(GcOptions {
        delay: flags.gc_delay.0,
        headroom_ppm: headroom_ppm(flags.gc_disk_headroom),
        watch_every: flags.disk_watch_interval.0,
        ..GcOptions::default()
    });
    options.switch_user = flags.switch_user;
    options.reconfiguration = Some(match flags.reconfiguration_policy.as_str() {
        "additive" => Reconfiguration::Additive,
        _ => Reconfiguration::Equal,
    });
    let mut past = PastOptions::default();
    past.executors_per_framework_max = flags.max_completed_executors_per_framework;
    options.past = Some(past);
    options.executor_transport = match flags.executor_transport.as_str() {
        "grpc" => ExecutorTransport::Grpc,
        _ => ExecutorTransport::Http,
    };
    options.executor_shutdown_grace = flags.executor_shutdown_grace_period.0;
    options.executor_registration_timeout = flags.executor_registration_timeout.0;
    options
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use mesos_core::program::{Layered, parse_layered};

    use super::*;

    fn parsed(flags: &[&str]) -> Layered<Flags> {
        let usual = ["mesos-agent", "--work_dir=/", "--master=m:5050"];
        parse_layered(usual.iter().chain(flags).map(Into::into)).unwrap()
    }

    #[tokio::test]
    async fn an_agent_says_where_it_is_reached_and_for_whom_it_is() {
        let described = async |flags: &[&str], listens: &str| {
            describe(&parsed(flags).flags, listens.parse().unwrap()).await.unwrap()
        };
        let info = described(&["--hostname=localhost", "--ip=127.0.0.1"], "127.0.0.1:1").await;
        assert_eq!((&*info.hostname, info.pid().as_str()), ("localhost", "slave(1)@127.0.0.1:1"));
        let flags = ["--advertise_ip=10.0.0.9", "--advertise_port=80", "--hostname_lookup=false", "--default_role=ops"];
        let info = described(&flags, "0.0.0.0:1").await;
        assert_eq!((&*info.hostname, info.endpoint().as_str()), ("10.0.0.9", "10.0.0.9:80"));
        assert!(info.resources.iter().all(|entry| entry.reservations().role().is_some()), "{}", info.resources);
        let info = described(&[], "0.0.0.0:1").await;
        assert_eq!(*info.hostname, *machine::hostname());
        assert!(info.ip.is_some_and(|ip| !ip.is_unspecified()), "{:?}", info.ip);
    }

    #[test]
    fn every_flag_is_shown_and_no_secret() {
        let Layered { flags, settings } =
            parsed(&[r#"--executor_environment_variables={"TOKEN": "sesame"}"#, "--insecure-executors"]);
        assert_eq!(flags.environment().unwrap()["TOKEN"], "sesame");
        let value = |name: &str| settings.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        for argument in Flags::command().get_arguments().filter(|argument| !argument.get_default_values().is_empty()) {
            let name = argument.get_long().unwrap();
            assert!(value(name).is_some(), "--{name} is missing in {settings:?}");
        }
        assert_eq!((value("master"), value("work_dir")), (Some("m:5050"), Some("/")));
        assert_eq!((value("executor_environment_variables"), value("hostname")), (Some("(hidden)"), None));
        assert_eq!((value("insecure-executors"), value("insecure-plaintext")), (Some("true"), Some("false")));
        assert!(!format!("{settings:?}").contains("sesame"), "{settings:?}");
    }
}
