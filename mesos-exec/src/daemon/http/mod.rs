//! The agent's side of the HTTP APIs of Mesos.
//!
//! ```text
//!   /api/v1/executor ── executor ──────────────▶ ExecutorDoor ──▶ the agent's machine
//!   mesos.kernel.Agent ── connection ──────────▶      │
//!   /api/v1 ── operator ─┬─ containers ────────▶      │
//!                        └─ wire, statistics ◀─ Snapshot
//!   /state, /containers, /metrics/snapshot .. ◀───────┘
//!   /files/.. ◀── the sandboxes, by the paths of Mesos
//! ```
//!
//! A handler decodes, has it judged (`judge`), asks, encodes; it decides nothing else. Who asks is said by the [`Caller`] in the
//! request, which a layer of the embedder fills in. An executor's credentials are the claims `fid`, `eid` and `cid` there, as
//! Mesos names them.
//!
//! [`Caller`]: mesos_core::net::http::Caller

pub(super) mod connection;
mod containers;
pub(super) mod download;
mod executor;
mod input;
pub(super) mod judge;
mod legacy;
mod metrics;
mod operator;
mod sight;
mod statistics;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mesos_core::Containerizer;
use mesos_core::net::auth::Authorizer;
use mesos_core::net::http::axum::routing::{get, post, post_service};
use mesos_core::net::http::{Attached, Files, FixedVerbosity, Roots, Site, Verbosity};
use mesos_core::net::layer::RequestTotals;

use self::input::Inputs;
use self::judge::Judge;
use super::{AgentDaemon, ExecutorDoor, Sandboxes};

/// What an agent answers under, besides bare paths.
pub const PROCESS: &str = "slave(1)";
/// The version of the API: clients take its parts for numbers.
const VERSION: &str = "1.11.0";

/// What an agent's site is made of.
#[derive(Debug, Clone)]
pub struct AgentSite {
    /// Where calls go.
    executors: ExecutorDoor,
    judge: Judge,
    /// Whether executors may do without credentials: whoever reaches the agent may then speak for any of them.
    pub insecure_executors: bool,
    /// What says how much containers use.
    pub containerizer: Arc<dyn Containerizer>,
    /// The sandboxes that are shown.
    pub sandboxes: Option<Arc<Sandboxes>>,
    /// Where the agent is reached, as `ip:port`.
    pub address: String,
    /// What it was started with, for views. No secrets.
    pub flags: Vec<(String, String)>,
    /// How much is logged.
    pub verbosity: Arc<dyn Verbosity>,
    /// Other files that are shown, for example the log at `/slave/log`.
    pub attached: Attached,
    /// What a layer outside counts of requests, for metrics.
    pub requests: RequestTotals,
}

/// What every handler works with.
#[derive(Debug)]
struct Context {
    executors: ExecutorDoor,
    containerizer: Arc<dyn Containerizer>,
    sandboxes: Option<Arc<Sandboxes>>,
    address: String,
    flags: Vec<(String, String)>,
    verbosity: Arc<dyn Verbosity>,
    files: Files,
    judge: Judge,
    inputs: Inputs,
    requests: RequestTotals,
    /// Seconds since 1970.
    started: f64,
    began: Instant,
}

type Shared = Arc<Context>;

impl AgentSite {
    /// A site of this agent that asks executors for credentials, and lets others do what they may.
    #[must_use]
    pub fn new(agent: &AgentDaemon, containerizer: Arc<dyn Containerizer>, authorizer: Arc<dyn Authorizer>) -> Self {
        let executors = agent.executors();
        Self {
            judge: Judge { authorizer, owners: agent.owners(), executors: executors.clone() },
            executors,
            insecure_executors: false,
            containerizer,
            sandboxes: None,
            address: String::new(),
            flags: Vec::new(),
            verbosity: Arc::new(FixedVerbosity),
            attached: Attached::default(),
            requests: RequestTotals::default(),
        }
    }

    /// What judges who may have which sandbox.
    pub(super) fn judge(&self) -> Judge {
        self.judge.clone()
    }

    /// The routes.
    #[must_use]
    pub fn site(self) -> Site {
        let executors = executor::Executors { door: self.executors.clone(), is_insecure: self.insecure_executors };
        let files = Files::new(Shown { sandboxes: self.sandboxes.clone(), attached: self.attached });
        let context = Arc::new(Context {
            executors: self.executors,
            containerizer: self.containerizer,
            sandboxes: self.sandboxes,
            address: self.address,
            flags: self.flags,
            verbosity: self.verbosity,
            files: files.clone(),
            judge: self.judge,
            inputs: Inputs::default(),
            requests: self.requests,
            started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            began: Instant::now(),
        });
        let site = Site::new(PROCESS)
            .route("/api/v1", post(operator::ask).with_state(context.clone()))
            .route("/api/v1/executor", post(executor::answer).with_state(executors.clone()))
            .route("/state", get(legacy::state).with_state(context.clone()))
            .route("/flags", get(legacy::flags).with_state(context.clone()))
            .route("/containers", get(statistics::all).with_state(context.clone()))
            .route("/monitor/statistics", get(statistics::monitor).with_state(context.clone()))
            .route("/metrics/snapshot", get(metrics::snapshot).with_state(context.clone()))
            .route("/metrics", get(metrics::prometheus).with_state(context))
            .route("/health", get(legacy::health))
            .route("/version", get(legacy::version))
            .route_exactly("/", get(legacy::root));
        // Help is about HTTP.
        files.add_to(site).with_help().route(connection::CONNECT, post_service(connection::service(executors)))
    }
}

/// Sandboxes by the paths of Mesos, and whatever else is attached.
#[derive(Debug)]
struct Shown {
    sandboxes: Option<Arc<Sandboxes>>,
    attached: Attached,
}

impl Roots for Shown {
    fn find(&self, path: &str) -> Option<(PathBuf, String)> {
        self.attached.find(path).or_else(|| self.sandboxes.as_ref()?.find(path))
    }

    fn all(&self) -> BTreeMap<String, PathBuf> {
        let mut all = self.sandboxes.as_ref().map(|sandboxes| sandboxes.all()).unwrap_or_default();
        all.append(&mut self.attached.all());
        all
    }
}
