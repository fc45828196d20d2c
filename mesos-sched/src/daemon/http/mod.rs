//! The master's HTTP side: what existing clients of Mesos speak to.
//!
//! ```text
//!   /api/v1/scheduler ──▶ scheduler ──calls──▶ Door ──▶ Master
//!                         pump ◀──events── the same stream
//!   /api/v1 ──▶ operator ──changes──▶ MasterHandle ──▶ Master
//!                  └──looks──▶ View ◀──Publish── Master
//!   /state … ──▶ legacy ──────▶ View
//! ```
//!
//! A subscription is a stream like any other to the master; the calls that name its id arrive on connections of their own and
//! join it. Nothing here decides anything about a cluster.

mod address;
mod asking;
mod constraints;
mod explain;
mod leadership;
mod legacy;
mod metrics;
mod operator;
mod preemptions;
mod pump;
mod registry;
mod scheduler;
mod session;
mod sight;

use std::sync::Arc;
use std::time::Duration;

use axum::routing::{get, post};
use mesos_core::Detector;
use mesos_core::daemon::{DoorKeeper, Task};
use mesos_core::net::auth::Authorizer;
use mesos_core::net::http::{Attached, Files, FixedVerbosity, Pace, Site, Verbosity, axum};
use mesos_core::net::layer::RequestTotals;

use super::MasterHandle;
use super::view::View;

pub use address::MasterAddress;
use leadership::Leadership;
pub use operator::SUBSCRIBERS_MAX;
use session::Sessions;

/// What the master's HTTP side is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct HttpSetup {
    /// The master.
    pub master: MasterHandle,
    /// Where subscriptions go in.
    pub door: DoorKeeper,
    /// The picture of the cluster: the one whose feed the master fills.
    pub view: View,
    /// Finds the leading master, which requests are sent to while it is another one.
    pub detector: Box<dyn Detector>,
    /// Where clients reach this master.
    pub address: MasterAddress,
    /// Decides who may do and see what. A layer outside puts who asks into requests; without one, everybody is anonymous.
    pub authorizer: Arc<dyn Authorizer>,
    /// What a layer outside counts of requests, for metrics.
    pub requests: RequestTotals,
    /// The cluster's name for people.
    pub cluster: Option<String>,
    /// What the master was started with, for views. No secrets.
    pub flags: Vec<(String, String)>,
    /// How much is logged.
    pub verbosity: Arc<dyn Verbosity>,
    /// Files that are shown, for example the log at `/master/log`.
    pub files: Files,
    /// Between two heartbeats to those who listen to events.
    pub heartbeat_every: Duration,
    /// How fast states of the cluster must be taken.
    pub pace: Pace,
    /// Who listens to events at one time; a further one is refused.
    pub subscribers_max: usize,
    /// Whether what is counted of each framework is among the metrics.
    pub publishes_framework_metrics: bool,
}

impl HttpSetup {
    /// Without a name, flags and files, with a fixed level of logging, and with heartbeats as often as those of Mesos.
    #[must_use]
    pub fn new(
        master: MasterHandle,
        door: DoorKeeper,
        view: View,
        detector: Box<dyn Detector>,
        address: MasterAddress,
        authorizer: Arc<dyn Authorizer>,
    ) -> Self {
        Self {
            master,
            door,
            view,
            detector,
            address,
            authorizer,
            requests: RequestTotals::default(),
            cluster: None,
            flags: Vec::new(),
            verbosity: Arc::new(FixedVerbosity),
            files: Files::new(Attached::default()),
            heartbeat_every: Duration::from_secs(15),
            pace: Pace::default(),
            subscribers_max: SUBSCRIBERS_MAX,
            publishes_framework_metrics: true,
        }
    }
}

/// What every handler works with.
#[derive(Debug)]
struct Context {
    master: MasterHandle,
    door: DoorKeeper,
    view: View,
    address: MasterAddress,
    authorizer: Arc<dyn Authorizer>,
    requests: RequestTotals,
    cluster: Option<String>,
    flags: Vec<(String, String)>,
    verbosity: Arc<dyn Verbosity>,
    files: Files,
    heartbeat_every: Duration,
    pace: Pace,
    leadership: Leadership,
    sessions: Arc<Sessions>,
    subscribers_max: usize,
    publishes_framework_metrics: bool,
    subscribers: Arc<tokio::sync::Semaphore>,
    /// Places for states of the cluster that are written out as a whole.
    states: Arc<tokio::sync::Semaphore>,
    /// Seconds since 1970.
    started: f64,
    began: std::time::Instant,
    _watch: Task,
}

type Shared = Arc<Context>;

impl Context {
    /// When it was elected, in seconds since 1970.
    fn elected(&self) -> Option<f64> {
        self.leadership.elected()
    }

    fn uptime(&self) -> Duration {
        self.began.elapsed()
    }
}

/// What the master answers. Must be called inside a tokio runtime.
#[must_use]
pub fn site(setup: HttpSetup) -> Site {
    let HttpSetup {
        master,
        door,
        view,
        detector,
        address,
        authorizer,
        requests,
        cluster,
        flags,
        verbosity,
        files,
        heartbeat_every,
        pace,
        subscribers_max,
        publishes_framework_metrics,
    } = setup;
    let subscribers_max = subscribers_max.min(tokio::sync::Semaphore::MAX_PERMITS);
    let (leadership, watch) = Leadership::watch(master.lead(), detector);
    let context = Arc::new(Context {
        master,
        door,
        view,
        address,
        authorizer,
        requests,
        cluster,
        flags,
        verbosity,
        files: files.clone(),
        heartbeat_every,
        pace,
        leadership,
        sessions: Arc::default(),
        subscribers_max,
        publishes_framework_metrics,
        subscribers: Arc::new(tokio::sync::Semaphore::new(subscribers_max)),
        states: operator::states(),
        started: metrics::seconds_now(),
        began: std::time::Instant::now(),
        _watch: watch,
    });
    let site = Site::new("master")
        .route("/", get(legacy::root))
        .route("/api/v1/scheduler", post(scheduler::answer).with_state(context.clone()))
        .route("/api/v1", post(operator::answer).with_state(context.clone()))
        .route("/state", get(legacy::state).with_state(context.clone()))
        .route("/state-summary", get(legacy::summary).with_state(context.clone()))
        .route("/slaves", get(legacy::slaves).with_state(context.clone()))
        .route("/frameworks", get(legacy::frameworks).with_state(context.clone()))
        .route("/tasks", get(legacy::tasks).with_state(context.clone()))
        .route("/roles", get(legacy::roles).with_state(context.clone()))
        .route("/weights", get(legacy::weights).with_state(context.clone()))
        .route("/quota", get(legacy::quota).with_state(context.clone()))
        .route("/maintenance/schedule", get(legacy::maintenance_schedule).with_state(context.clone()))
        .route("/maintenance/status", get(legacy::maintenance_status).with_state(context.clone()))
        .route("/registrar(1)/registry", get(registry::registry).with_state(context.clone()))
        .route("/offer_constraints_debug", get(constraints::debug).with_state(context.clone()))
        .route(
            "/hierarchical-allocator(1)/offer_constraints_debug",
            get(constraints::debug).with_state(context.clone()),
        )
        .route("/explain", get(explain::explain).with_state(context.clone()))
        .route("/preemptions", get(preemptions::preemptions).with_state(context.clone()))
        .route("/teardown", post(legacy::teardown).with_state(context.clone()))
        .route("/metrics/snapshot", get(metrics::snapshot).with_state(context.clone()))
        .route("/metrics", get(metrics::prometheus).with_state(context.clone()))
        .route("/health", get(legacy::health))
        .route("/version", get(legacy::version))
        .route("/flags", get(legacy::flags).with_state(context.clone()))
        .route_exactly("/redirect", get(legacy::redirect).with_state(context));
    files.add_to(site).with_help()
}

/// Nanoseconds since 1970.
fn wall_nanos() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
