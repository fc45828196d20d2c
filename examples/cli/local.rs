//! A whole cluster in one process: a master, agents that run real processes, identities for all of them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mesos_core::daemon::{Access, RedbStore, SystemClock, entropy, make_folder};
use mesos_core::kernel::{Rng, Term};
use mesos_core::net::auth::{Authenticator, Authorizer, Open, Parts, TokenKey};
use mesos_core::net::grpc::{Dialer, GrpcConnector, RemoteDetector};
use mesos_core::net::http::{Attached, FixedVerbosity, Limits};
use mesos_core::net::layer::Firewall;
use mesos_core::net::tls::{Authority, ClientTls, Identity, Part, ServerTls, VALID_FOR_DEFAULT};
use mesos_core::program::{Logging, terminated};
use mesos_core::{AgentInfo, Clock, MasterId, Resources};
use mesos_exec::containerizer::{Process, ProcessOptions};
use mesos_exec::daemon::{AgentServer, AgentServerSetup, AgentSetup, ExecutorTokens, executor_secret};
use mesos_sched::allocator::{HierarchicalDrf, Options as AllocatorOptions};
use mesos_sched::daemon::election::Standalone;
use mesos_sched::daemon::store::term_of_this_moment;
use mesos_sched::daemon::{MasterServer, MasterServerSetup};
use mesos_sched::master::Options;
use tokio::net::TcpListener;

use crate::certificate::{authority, write_secret};
use crate::cluster::{LocalCluster, local_folder};

/// Runs a whole cluster on this machine, until it is interrupted. What was kept is there again the next time.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Local {
    /// How many agents.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    agents: u16,
    /// What each agent offers.
    #[arg(long, default_value = "cpus:2;mem:1024;disk:4096", value_name = "RESOURCES")]
    resources: String,
    /// The master's port; 0 takes any that is free.
    #[arg(long, default_value_t = 5050)]
    port: u16,
    /// The folder for everything that is kept.
    #[arg(long, env = "MESOS_LOCAL_DIR", value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// Speak without TLS and let in whoever comes, for clients that know neither.
    #[arg(long = "insecure-open")]
    insecure_open: bool,
    #[command(flatten)]
    logging: Logging,
}

struct Agent {
    server: AgentServer,
    containerizer: Arc<Process>,
}

impl Local {
    pub(crate) async fn run(mut self, json: bool) -> anyhow::Result<()> {
        if self.logging.logging_level == "info" {
            // The cluster's own news are for whoever asks for them.
            self.logging.logging_level = "warn".to_owned();
        }
        let attached = Attached::default();
        if let Some(log) = self.logging.begin("mesos-local").map_err(anyhow::Error::msg)?.file {
            // One process, one log.
            for path in ["/master/log", "/slave/log", "/agent/log"] {
                attached.attach(path, &log);
            }
        }
        let terminated = terminated()?;
        let resources: Resources = self.resources.parse().context("--resources")?;
        anyhow::ensure!(
            !resources.is_empty(),
            "--resources {:?}: an agent with nothing runs nothing; write for example cpus:2;mem:1024",
            self.resources
        );
        let folder = self.work_dir.clone().map_or_else(local_folder, Ok)?;
        let unusable = || format!("--work_dir {}: it cannot be used as a folder", folder.display());
        make_folder(&folder, Access::Passage).with_context(unusable)?;
        let progress = progress(json);

        progress.set_message("makes identities");
        let authority = authority(&folder)?;
        let operator = authority.issue(&identity(Part::Operator, "operator"), &[], VALID_FOR_DEFAULT)?;
        write_secret(&folder.join("operator.key"), &operator.key)?;
        std::fs::write(folder.join("operator.pem"), operator.certificate)?;

        progress.set_message("starts the master");
        let server = self.start_master(&folder, &authority, &attached).await?;
        anyhow::ensure!(server.leads().await, "the master did not come to lead; see its log");
        let master = format!("127.0.0.1:{}", server.address().port());
        let mut agents = Vec::new();
        for n in 0..self.agents {
            progress.set_message(format!("starts agent {} of {}", n + 1, self.agents));
            agents.push(self.start_agent(n, &resources, &folder, &authority, &master, &attached).await?);
        }
        progress.set_message("waits for the agents");
        let registered = async {
            while server.daemon().inspect(|master| master.agents().count()).await.unwrap_or(0) < agents.len() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), registered)
            .await
            .context("the agents did not register within 30 s; see the log with --logging_level=debug")?;
        let local = LocalCluster { master: master.clone(), is_plaintext: self.insecure_open };
        std::fs::write(folder.join("cluster.json"), serde_json::to_string(&local)?)?;
        progress.finish_and_clear();
        self.greet(json, &master, &folder);

        let signal = terminated.await;
        eprintln!("{signal}: ends everything");
        // Nobody shall look for what is about to end.
        let _ = std::fs::remove_file(folder.join("cluster.json"));
        for agent in &agents {
            agent.server.daemon().stop().await;
        }
        for agent in agents {
            let ended = tokio::time::timeout(Duration::from_secs(30), agent.server.join()).await;
            ended.context("an agent did not end within 30 s")??;
            agent.containerizer.shutdown().await?;
        }
        server.stop().await?;
        Ok(())
    }

    async fn start_master(
        &self,
        folder: &std::path::Path,
        authority: &Authority,
        attached: &Attached,
    ) -> anyhow::Result<MasterServer> {
        let listener = TcpListener::bind((IpAddr::from(Ipv4Addr::LOCALHOST), self.port))
            .await
            .with_context(|| format!("port {} of 127.0.0.1 cannot be used; name another one with --port", self.port))?;
        let port = listener.local_addr()?.port();
        let store = RedbStore::open(folder.join("registry.redb"))
            .with_context(|| format!("--work_dir {}", folder.display()))?;
        let term = term_of_this_moment().max(Term(store.fence().await?.0 + 1));
        let tls = if self.insecure_open {
            None
        } else {
            let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
            let material = authority.material(&identity(Part::Master, "local"), &names, VALID_FOR_DEFAULT)?;
            Some(ServerTls::new(&material)?)
        };
        let mut authenticator = Authenticator::new(Arc::new(SystemClock::new()));
        let mut authorizer: Arc<dyn Authorizer> = Arc::new(Parts);
        if self.insecure_open {
            authenticator = authenticator.admitting_anonymous();
            authorizer = Arc::new(Open);
        }
        let mut options = Options::default();
        // Agents of an earlier run come back within a second, or never.
        options.agent_reregister_timeout = Duration::from_secs(30);
        let id = MasterId::new(Rng::new(entropy()).update_id().to_string())?;
        let allocator = Box::new(HierarchicalDrf::new(AllocatorOptions::default()));
        let contender = Box::new(Standalone::new(term));
        Ok(MasterServer::start(MasterServerSetup {
            options,
            advertised: format!("127.0.0.1:{port}").into(),
            authenticator,
            authorizer,
            cluster: Some("local".to_owned()),
            attached: attached.clone(),
            ..MasterServerSetup::new(id, allocator, Arc::new(store), contender, listener, tls)?
        })
        .await?)
    }

    async fn start_agent(
        &self,
        n: u16,
        resources: &Resources,
        folder: &std::path::Path,
        authority: &Authority,
        master: &str,
        attached: &Attached,
    ) -> anyhow::Result<Agent> {
        let name = format!("agent-{n}");
        let folder = folder.join(&name);
        make_folder(&folder, Access::Passage).with_context(|| folder.display().to_string())?;
        let (dialer, tls) = if self.insecure_open {
            (Dialer::plaintext(), None)
        } else {
            let names = ["127.0.0.1".to_owned()];
            let material = authority.material(&identity(Part::Agent, &name), &names, VALID_FOR_DEFAULT)?;
            (Dialer::tls(ClientTls::new(&material)?), Some(ServerTls::new(&material)?))
        };
        let listener = listen_again(&folder.join("port")).await?;
        let checkpoints = RedbStore::open(folder.join("checkpoints.redb"))?;
        let last = checkpoints.fence().await?;
        let containerizer = Arc::new(Process::new(ProcessOptions::new(&folder))?);
        let detector = Box::new(RemoteDetector::new([master], dialer.clone()));
        let connector = Arc::new(GrpcConnector::new(dialer));
        let mut info = AgentInfo::new("127.0.0.1", resources.clone());
        info.port = listener.local_addr()?.port();
        info.attributes = format!("name:{name}").parse()?;
        let mut setup = AgentSetup::new(info, containerizer.clone(), Arc::new(checkpoints), detector, connector);
        setup.term = setup.term.max(Term(last.0 + 1));
        setup.options.registration_delay_max = Duration::from_millis(50);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mut authenticator = Authenticator::new(clock);
        let mut authorizer: Arc<dyn Authorizer> = Arc::new(Parts);
        if self.insecure_open {
            authenticator = authenticator.admitting_anonymous();
            authorizer = Arc::new(Open);
        } else {
            let secret = executor_secret(&folder.join("executor.key"))?;
            setup.credentials = Some(Arc::new(ExecutorTokens::new(&secret)));
            authenticator = authenticator.with_tokens(TokenKey::new(&secret));
        }
        let server = AgentServer::start(AgentServerSetup {
            agent: setup,
            work_dir: folder.clone(),
            listener,
            tls,
            authenticator,
            authorizer,
            insecure_executors: self.insecure_open,
            firewall: Firewall::default(),
            limits: Limits::default(),
            operator_rate_limits: None,
            flags: Vec::new(),
            verbosity: Arc::new(FixedVerbosity),
            attached: attached.clone(),
        })
        .await?;
        Ok(Agent { server, containerizer })
    }

    fn greet(&self, json: bool, master: &str, folder: &std::path::Path) {
        if json {
            let said = serde_json::json!({
                "master": master, "agents": self.agents, "folder": folder, "is_plaintext": self.insecure_open,
            });
            println!("{said}");
            return;
        }
        println!("A cluster of a master and {} agents runs at {master}.", self.agents);
        println!("Everything is kept in {}.", folder.display());
        if self.insecure_open {
            println!("insecure: no TLS, and whoever reaches the port may do everything.");
        }
        println!();
        println!("In another terminal, try:");
        // Commands look where a cluster is kept by default.
        if local_folder().ok().as_deref() != Some(folder) {
            println!("    export MESOS_LOCAL_DIR='{}'", folder.display().to_string().replace('\'', r"'\''"));
        }
        println!("    mesos execute -- echo hello");
        println!("    mesos execute --cpus 0.5 --mem 64 -- sh -c 'for i in 1 2 3; do date; sleep 1; done'");
        println!("    mesos agents");
        println!("    mesos tasks");
        println!();
        println!("Ctrl-C ends it.");
    }
}

/// An agent that comes back is at the port where it was.
async fn listen_again(remembered: &std::path::Path) -> anyhow::Result<TcpListener> {
    let before = std::fs::read_to_string(remembered).ok().and_then(|text| text.trim().parse::<u16>().ok());
    if let Some(port) = before {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| {
            format!("port {port} of 127.0.0.1, where an agent of this cluster was, is used by somebody else")
        });
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    std::fs::write(remembered, listener.local_addr()?.port().to_string())?;
    Ok(listener)
}

fn identity(part: Part, name: &str) -> Identity {
    Identity::new(part, name.parse().expect("these names are principals"))
}

fn progress(json: bool) -> ProgressBar {
    if json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is whole");
    let progress = ProgressBar::new_spinner().with_style(style);
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}
