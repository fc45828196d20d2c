//! An agent on the network: its machine, and the port behind which executors and tools find it.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mesos_core::daemon::Task;
use mesos_core::net::auth::{Authenticator, Authorizer, Claims, RateLimits, Secret, TokenKey};
use mesos_core::net::grpc::{AGENT_OPERATOR, AGENT_SERVICES, bridge, health, reflection, statuses};
use mesos_core::net::http::{Attached, Limits, Plain, Verbosity, axum, serve};
use mesos_core::net::layer::{
    Admit, Authenticate, Authorize, Firewall, LimitConcurrency, Measure, Observe, RateLimit, Timeout, Trace,
};
use mesos_core::net::reached_here;
use mesos_core::net::tls::ServerTls;
use mesos_core::{ContainerSpec, Purpose};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::gate::{ForExecutors, OfOthers, rules, sandboxes};
use super::http::AgentSite;
use super::{AgentDaemon, AgentEnded, AgentSetup, ExecutorCredentials, Sandboxes, StartError};

/// Tokens by which executors prove who they are: each speaks for its own container and nobody else.
///
/// No time is written in them, since an executor is told once and may live for years. A token lives as long as its container:
/// whoever takes one looks whether the agent still has that, and no later container has its name
/// ([more](mesos_core::docs::security)).
#[derive(Debug)]
pub struct ExecutorTokens {
    key: TokenKey,
}

impl ExecutorTokens {
    /// Signs with this secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self { key: TokenKey::new(secret) }
    }
}

impl ExecutorCredentials for ExecutorTokens {
    fn issue(&self, spec: &ContainerSpec) -> Option<String> {
        if spec.purpose != Purpose::Executor {
            return None;
        }
        let claims = Claims::default()
            .with("fid", spec.framework_id.as_str())
            .with("eid", spec.executor_id.as_str())
            .with("cid", spec.id.as_str());
        Some(self.key.sign(&claims))
    }
}

/// The secret that signs an agent's tokens: made once, since executors outlive the agent's restarts.
///
/// # Errors
/// When the file cannot be read or made.
pub fn executor_secret(path: &Path) -> io::Result<Secret> {
    match fs::read(path) {
        Ok(bytes) if bytes.len() >= 32 => Ok(Secret::new(bytes)),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a key of tokens has at least 32 bytes")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = Secret::random();
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            io::Write::write_all(&mut file, secret.expose())?;
            file.sync_all()?;
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}

/// What an agent on the network is made of.
pub struct AgentServerSetup {
    /// The agent. Its description says the listener's port, or the one others reach it at instead; likewise its address, which
    /// is that of the listener where it says none.
    pub agent: AgentSetup,
    /// Where sandboxes are shown from.
    pub work_dir: PathBuf,
    /// The port.
    pub listener: TcpListener,
    /// TLS, or plain text.
    pub tls: Option<ServerTls>,
    /// Finds out who asks.
    pub authenticator: Authenticator,
    /// Decides what they may do.
    pub authorizer: Arc<dyn Authorizer>,
    /// Whether executors may do without tokens.
    pub insecure_executors: bool,
    /// Paths that answer nobody.
    pub firewall: Firewall,
    /// What peers may cost.
    pub limits: Limits,
    /// How often operators and tools may ask, by principal. Executors are not held back.
    pub operator_rate_limits: Option<RateLimits>,
    /// What the agent was started with, for views. No secrets.
    pub flags: Vec<(String, String)>,
    /// How much is logged, for operators who change it.
    pub verbosity: Arc<dyn Verbosity>,
    /// Files that are shown beside sandboxes, for example the log at `/slave/log`.
    pub attached: Attached,
}

impl fmt::Debug for AgentServerSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentServerSetup").field("agent", &self.agent).finish_non_exhaustive()
    }
}

/// An agent that serves. Dropping this ends it as if its process had died.
#[derive(Debug)]
pub struct AgentServer {
    daemon: AgentDaemon,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: Task,
    _for_executors: Option<Task>,
}

impl AgentServer {
    /// Starts it. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// As [`AgentDaemon::start`].
    pub async fn start(setup: AgentServerSetup) -> Result<Self, StartError> {
        let AgentServerSetup {
            mut agent,
            work_dir,
            listener,
            tls,
            authenticator,
            authorizer,
            insecure_executors,
            firewall,
            limits,
            operator_rate_limits,
            flags,
            verbosity,
            attached,
        } = setup;
        let containerizer = agent.containerizer.clone();
        let address = listener.local_addr().map_err(|error| StartError::Task(error.to_string()))?;
        let executors = executor_listener(&work_dir, tls.is_some())
            .await
            .map_err(|error| StartError::Task(format!("no port for executors under 127.0.0.1: {error}")))?;
        // Executors run on this machine, and reach it where it listens.
        let for_executors = executors.as_ref().and_then(|executors| executors.local_addr().ok());
        let reached_at = reached_here(for_executors.unwrap_or(address));
        agent.options.endpoint = Some(reached_at.to_string().into());
        if agent.info.ip.is_none() && !address.ip().is_unspecified() {
            agent.info.ip = Some(address.ip());
        }
        agent.info.has_tls = tls.is_some();
        if agent.options.address.is_none() {
            agent.options.address = agent.info.address().map(|ip| ip.to_string().into());
        }
        let endpoint = agent.info.endpoint();
        // Whoever looks at it looks back as well.
        agent.options.past.get_or_insert_default();
        let shown = Some(Arc::new(Sandboxes::new(work_dir)));
        agent.sandboxes = shown.clone();
        let daemon = AgentDaemon::start(agent).await?;
        let mut site = AgentSite::new(&daemon, containerizer, authorizer.clone());
        let judge = site.judge();
        site.insecure_executors = insecure_executors;
        site.sandboxes = shown;
        site.address = endpoint;
        site.flags = flags;
        site.verbosity = verbosity;
        site.attached = attached;
        let requests = site.requests.clone();
        let site = reflection(health(site.site(), AGENT_SERVICES).await, AGENT_SERVICES);
        let firewall = firewall.on(&site);
        let rules = rules();
        let known = Authenticate::new(authenticator).except(rules.open_paths());
        let limited = operator_rate_limits.map(|limits| {
            let limit = RateLimit::new(Arc::new(limits));
            OfOthers(rules.open_paths().fold(limit, RateLimit::except))
        });
        let allowed = Authorize::new(authorizer, rules);
        let (places, timeout) = (LimitConcurrency::new(limits.requests_max), Timeout::new(limits.answer_timeout));
        let guarded = site.map(|router| {
            let router = router.layer(axum::middleware::from_fn_with_state(judge, sandboxes)).layer(Admit(allowed));
            let router = match limited {
                Some(limited) => router.layer(Admit(limited)),
                None => router,
            };
            router.layer(timeout).layer(places).layer(Admit(firewall))
        });
        let watched = |router: axum::Router| {
            let router = router.layer(Observe(Measure::into(requests.clone()))).layer(Observe(Trace));
            router.layer(axum::middleware::from_fn(statuses))
        };
        let for_executors = executors.map(|listener| {
            let site =
                guarded.clone().map(|router| watched(router.layer(Admit(ForExecutors)).layer(Admit(known.clone()))));
            Task::spawn(serve(listener, Plain, bridge(site, AGENT_OPERATOR), limits, std::future::pending()))
        });
        let site = bridge(guarded.map(|router| watched(router.layer(Admit(known)))), AGENT_OPERATOR);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // Dropped or sent: either way it is over.
            let _ = stopped.await;
        };
        let serving = match tls {
            Some(tls) => Task::spawn(serve(listener, tls, site, limits, shutdown)),
            None => Task::spawn(serve(listener, Plain, site, limits, shutdown)),
        };
        Ok(Self { daemon, address, stop, serving, _for_executors: for_executors })
    }

    /// The machine's host.
    #[must_use]
    pub const fn daemon(&self) -> &AgentDaemon {
        &self.daemon
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it as if its process had died, after what is under way at its port: what its containers survive is up to the
    /// containerizer.
    pub async fn leave(self) {
        self.daemon.abort();
        drop(self.stop);
        // Executors that are cut off look for the next run.
        let _ = self.serving.join().await;
    }

    /// Waits until the agent has ended, and ends serving.
    ///
    /// # Errors
    /// When its task panicked or was aborted.
    pub async fn join(self) -> Result<AgentEnded, StartError> {
        let ended = self.daemon.join().await;
        drop(self.stop);
        let _ = self.serving.join().await;
        ended
    }
}

/// Where executors connect when the agent's own port speaks TLS, which existing ones do not: this machine alone, without
/// TLS, for executors and nothing else. It stays where it was, since executors are told once.
async fn executor_listener(work_dir: &Path, speaks_tls: bool) -> io::Result<Option<TcpListener>> {
    if !speaks_tls {
        return Ok(None);
    }
    let remembered = work_dir.join("executor.port");
    let before = fs::read_to_string(&remembered).ok().and_then(|text| text.trim().parse::<u16>().ok());
    if let Some(port) = before {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(Some(listener)),
            Err(error) => {
                tracing::warn!(%error, port, "the port of executors is taken; earlier executors will not come back")
            }
        }
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    fs::write(&remembered, listener.local_addr()?.port().to_string())?;
    Ok(Some(listener))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_tokens_is_made_once_and_nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("executor.key");
        let made = executor_secret(&path).unwrap();
        assert!(executor_secret(&path).unwrap().matches(made.expose()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        assert!(executor_secret(&path).is_err());
    }
}
