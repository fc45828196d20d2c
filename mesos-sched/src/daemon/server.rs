//! A master on the network: its machine, and the one port behind which everything is.
//!
//! ```text
//!   port ──▶ TLS ──▶ layers: trace, count, who asks, ──▶ gRPC: agents, frameworks ──▶ Door ──▶ MasterDaemon
//!                    how often, which path           └─▶ HTTP: calls and views ──────────▶ ┘
//!            └─▶ gRPC: operators ──▶ the same calls of HTTP, with all layers
//! ```

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::call::Leader;
use mesos_core::daemon::{BacklogBounds, Door, SpanSink, SystemClock, Task};
use mesos_core::kernel::Term;
use mesos_core::net::auth::{Authenticator, Authorizer, Doorman, Parts, RateLimits};
use mesos_core::net::grpc::{
    KernelService, MASTER_OPERATOR, MASTER_SERVICES, bridge, health, leadership, reflection, statuses,
};
use mesos_core::net::http::{Attached, Files, FixedVerbosity, Limits, Plain, Verbosity, axum, serve};
use mesos_core::net::layer::{
    Admit, Authenticate, Authorize, Firewall, LimitConcurrency, Measure, Observe, RateLimit, Timeout, Trace,
};
use mesos_core::net::reached_here;
use mesos_core::net::tls::ServerTls;
use mesos_core::{Allocator, Contender, Detector, FaultDomain, MasterId, Store};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::gate::rules;
use super::http::{self, HttpSetup, MasterAddress};
use super::view::{Memory, View};
use super::{JournalSetup, Lead, LeadError, Led, MasterDaemon, MasterSetup, Patience};
use crate::master::Options;

/// Where frameworks call.
const SCHEDULER: &str = "/api/v1/scheduler";

/// Where streams of gRPC are.
const STREAMS: &str = "/mesos.kernel.Kernel/";

/// So long a master that is asked to end still answers.
const ANSWERS_END: Duration = Duration::from_millis(500);

/// What a master on the network is made of.
pub struct MasterServerSetup {
    /// The master's id; a new one for every start.
    pub id: MasterId,
    /// The master's options.
    pub options: Options,
    /// Decides who is offered what.
    pub allocator: Box<dyn Allocator>,
    /// The registry.
    pub store: Arc<dyn Store>,
    /// How long the registry may take before the master steps down.
    pub patience: Patience,
    /// Finds out when this master leads.
    pub contender: Box<dyn Contender>,
    /// Finds out who leads while this master does not, where there are several: whoever comes to this one is sent there.
    pub detector: Option<Box<dyn Detector>>,
    /// The port.
    pub listener: TcpListener,
    /// Under which `host:port` others reach it.
    pub advertised: Arc<str>,
    /// The address that stands for; without it, that of the listener.
    pub ip: Option<IpAddr>,
    /// Where it stands, if known.
    pub domain: Option<FaultDomain>,
    /// TLS, or plain text.
    pub tls: Option<ServerTls>,
    /// Finds out who asks.
    pub authenticator: Authenticator,
    /// Decides what they may do.
    pub authorizer: Arc<dyn Authorizer>,
    /// Paths that answer nobody.
    pub firewall: Firewall,
    /// What peers may cost.
    pub limits: Limits,
    /// Operators and tools that listen to events at one time; a further one is refused.
    pub subscribers_max: usize,
    /// Whether what is counted of each framework is among the metrics.
    pub publishes_framework_metrics: bool,
    /// How often frameworks may call, by principal.
    pub rate_limits: Option<RateLimits>,
    /// How often everybody else may call and look, by principal, over HTTP and gRPC: operators and tools. What is open to
    /// everybody is not limited.
    pub operator_rate_limits: Option<RateLimits>,
    /// The cluster's name, for people.
    pub cluster: Option<String>,
    /// What the master was started with, for views. No secrets.
    pub flags: Vec<(String, String)>,
    /// How much is logged, for operators who change it.
    pub verbosity: Arc<dyn Verbosity>,
    /// Where everything that happens to the master while it leads is recorded, if anywhere.
    pub journal: Option<JournalSetup>,
    /// How much of what is over views remember.
    pub memory: Memory,
    /// Files that are shown, for example the log at `/master/log`.
    pub attached: Attached,
    /// Who is told how long tasks take until they run, if anybody.
    pub spans: Option<Arc<dyn SpanSink>>,
    /// A candidate beside the allocator, which decides nothing: what it would have decided is in the metrics and the log.
    pub shadow: Option<Box<dyn Allocator>>,
    /// How much may wait for frameworks, and for agents.
    pub backlog: BacklogBounds,
}

impl MasterServerSetup {
    /// With default options and limits, reached where it listens. It knows holders of certificates and lets every
    /// [part](Parts) do what its kind does, and nobody anything else.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn new(
        id: MasterId,
        allocator: Box<dyn Allocator>,
        store: Arc<dyn Store>,
        contender: Box<dyn Contender>,
        listener: TcpListener,
        tls: Option<ServerTls>,
    ) -> io::Result<Self> {
        let advertised = reached_here(listener.local_addr()?).to_string().into();
        Ok(Self {
            id,
            options: Options::default(),
            allocator,
            store,
            patience: Patience::default(),
            contender,
            detector: None,
            listener,
            advertised,
            ip: None,
            domain: None,
            tls,
            authenticator: Authenticator::new(Arc::new(SystemClock::new())),
            authorizer: Arc::new(Parts),
            firewall: Firewall::default(),
            limits: Limits::default(),
            subscribers_max: http::SUBSCRIBERS_MAX,
            publishes_framework_metrics: true,
            rate_limits: None,
            operator_rate_limits: None,
            cluster: None,
            flags: Vec::new(),
            verbosity: Arc::new(FixedVerbosity),
            journal: None,
            memory: Memory::default(),
            attached: Attached::default(),
            spans: None,
            shadow: None,
            backlog: BacklogBounds::default(),
        })
    }
}

impl fmt::Debug for MasterServerSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterServerSetup")
            .field("id", &self.id)
            .field("advertised", &self.advertised)
            .finish_non_exhaustive()
    }
}

/// A master that serves. Dropping this ends it as if its process had died.
#[derive(Debug)]
pub struct MasterServer {
    daemon: MasterDaemon,
    address: SocketAddr,
    id: MasterId,
    leader: watch::Receiver<Option<Leader>>,
    stop: Option<oneshot::Sender<()>>,
    serving: Task,
    _watching: Task,
}

impl MasterServer {
    /// Starts it. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the listener has no address, or the allocator cannot have that shadow.
    pub async fn start(setup: MasterServerSetup) -> io::Result<Self> {
        let MasterServerSetup {
            id,
            options,
            allocator,
            store,
            patience,
            contender,
            detector,
            listener,
            advertised,
            ip,
            domain,
            tls,
            authenticator,
            authorizer,
            firewall,
            limits,
            subscribers_max,
            publishes_framework_metrics,
            rate_limits,
            operator_rate_limits,
            cluster,
            flags,
            verbosity,
            journal,
            memory,
            attached,
            spans,
            shadow,
            backlog,
        } = setup;
        let address = listener.local_addr()?;
        let (hostname, port) = advertised.rsplit_once(':').unwrap_or((&advertised, ""));
        let port = port.parse().unwrap_or_else(|_| address.port());
        let ip = ip.unwrap_or_else(|| reached_here(address).ip());
        let mut reached_at = MasterAddress::new(hostname, ip, port);
        reached_at.domain = domain;
        let (door, keeper) = Door::new();
        let mut daemon = MasterSetup::new(id.clone(), allocator, store, contender, door);
        if let Some(candidate) = shadow {
            daemon = daemon.with_shadow(candidate).map_err(io::Error::other)?;
        }
        daemon.patience = patience;
        daemon.options = options;
        daemon.journal = journal;
        daemon.backlog = backlog;
        let (view, feed) = View::start(memory);
        if let Some(sink) = spans {
            view.tell_spans(sink);
        }
        daemon.view = Some(feed);
        let daemon = MasterDaemon::start(daemon);
        let (tell, leader) = leadership(None);
        let own = Leader { id, address: advertised, term: Term(0) };
        let id = own.id.clone();
        let watching = Task::spawn(announce(daemon.handle().lead(), own, detector, tell));

        let detector = Box::new(Told(leader.clone()));
        let handle = daemon.handle().clone();
        let mut http = HttpSetup::new(handle, keeper.clone(), view, detector, reached_at, authorizer.clone());
        let requests = http.requests.clone();
        http.cluster = cluster;
        http.subscribers_max = subscribers_max;
        http.publishes_framework_metrics = publishes_framework_metrics;
        http.flags = flags;
        http.verbosity = verbosity;
        http.files = Files::new(attached);
        let mut site = http::site(http);
        let rate_limits = rate_limits.map(Arc::new);
        let doorman = Arc::new(Doorman::new(authorizer.clone()).limiting(rate_limits.clone()));
        for (path, service) in KernelService::new(keeper, leader.clone(), doorman).into_routes() {
            site = site.route(path, axum::routing::post_service(service));
        }
        let site = reflection(health(site, MASTER_SERVICES).await, MASTER_SERVICES);
        let firewall = firewall.on(&site);
        let rules = rules();
        let known = Authenticate::new(authenticator).except(rules.open_paths());
        let limited = rate_limits.map(RateLimit::new).map(|limit| limit.only(SCHEDULER));
        let operators = operator_rate_limits.map(|limits| {
            let limit = RateLimit::new(Arc::new(limits)).except(SCHEDULER).except(STREAMS);
            rules.open_paths().fold(limit, RateLimit::except)
        });
        let site = site.map(|router| {
            let router = router.layer(Admit(Authorize::new(authorizer, rules)));
            let router = match limited {
                Some(limited) => router.layer(Admit(limited)),
                None => router,
            };
            let router = match operators {
                Some(limited) => router.layer(Admit(limited)),
                None => router,
            };
            // Streams are open for as long as they like.
            let router = router.layer(Admit(known)).layer(Admit(firewall));
            let router = router.layer(Timeout::new(limits.answer_timeout).except(STREAMS));
            let router = router.layer(LimitConcurrency::new(limits.requests_max).except(STREAMS));
            let router = router.layer(Observe(Measure::into(requests))).layer(Observe(Trace));
            router.layer(axum::middleware::from_fn(statuses))
        });
        let site = bridge(site, MASTER_OPERATOR);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // Dropped or sent: either way it is over.
            let _ = stopped.await;
        };
        let serving = match tls {
            Some(tls) => Task::spawn(serve(listener, tls, site, limits, shutdown)),
            None => Task::spawn(serve(listener, Plain, site, limits, shutdown)),
        };
        Ok(Self { daemon, address, id, leader, stop: Some(stop), serving, _watching: watching })
    }

    /// The machine's host.
    #[must_use]
    pub const fn daemon(&self) -> &MasterDaemon {
        &self.daemon
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who leads, as far as this master knows.
    #[must_use]
    pub fn leader(&self) -> watch::Receiver<Option<Leader>> {
        self.leader.clone()
    }

    /// Waits until it leads. Whether it does: it may end before.
    pub async fn leads(&self) -> bool {
        self.leader.clone().wait_for(|leader| leader.as_ref().is_some_and(|leader| leader.id == self.id)).await.is_ok()
    }

    /// Resolves when the master has stepped down, or could not lead.
    pub async fn ended(&self) {
        let mut lead = self.daemon.handle().lead();
        // When the daemon is gone nobody says so any more.
        let _ = lead.wait_for(|lead| *lead == Lead::Ended).await;
    }

    /// Takes no new connections, gives answers under way their time, and ends; streams end with the master that fills them.
    ///
    /// # Errors
    /// [`LeadError`] when it had ended before, and why.
    pub async fn stop(self) -> Result<Option<Led>, LeadError> {
        drop(self.stop);
        let mut serving = pin!(self.serving.join());
        let has_served = tokio::time::timeout(ANSWERS_END, &mut serving).await.is_ok();
        let led = if self.daemon.is_finished() {
            self.daemon.join().await.map(Some)
        } else {
            // It ends like a process: what matters is in the registry.
            drop(self.daemon);
            Ok(None)
        };
        drop(self._watching);
        if !has_served {
            // Whoever was cut off comes back to the next leader.
            let _ = serving.await;
        }
        led
    }
}

/// Tells everybody when this master leads, and when it does not any more; and who leads instead, where that is found out.
async fn announce(
    mut lead: watch::Receiver<Lead>,
    own: Leader,
    detector: Option<Box<dyn Detector>>,
    tell: watch::Sender<Option<Leader>>,
) {
    let (noted, mut found) = watch::channel::<Option<Leader>>(None);
    let detection = async {
        let Some(mut detector) = detector else {
            std::future::pending::<()>().await;
            return;
        };
        loop {
            let previous = noted.borrow().clone();
            noted.send_replace(detector.detect(previous).await);
        }
    };
    let telling = async {
        loop {
            let other = found.borrow_and_update().clone().filter(|leader| leader.id != own.id);
            let leader = match *lead.borrow_and_update() {
                Lead::Leading(term) => Some(Leader { term, ..own.clone() }),
                // This one leads when it has read the registry, whoever says so before.
                Lead::Waiting | Lead::Recovering | Lead::Ended => other,
            };
            tell.send_if_modified(|told| {
                let is_news = *told != leader;
                *told = leader;
                is_news
            });
            let changed = tokio::select! {
                biased;
                changed = lead.changed() => changed,
                changed = found.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = telling => {}
        () = detection => {}
    }
    tell.send_replace(None);
}

/// Knows what this master tells.
#[derive(Debug)]
struct Told(watch::Receiver<Option<Leader>>);

#[async_trait]
impl Detector for Told {
    async fn detect(&mut self, previous: Option<Leader>) -> Option<Leader> {
        let found = self.0.wait_for(|leader| *leader != previous).await.map(|leader| leader.clone());
        match found {
            Ok(leader) => leader,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::daemon::MemoryStore;
    use mesos_core::net::auth::Open;
    use mesos_core::net::grpc::{Dialer, GrpcConnector, RemoteDetector};
    use mesos_core::{CommandInfo, FrameworkInfo, Role};

    use super::*;
    use crate::allocator::HierarchicalDrf;
    use crate::daemon::election::{Ballot, Standalone};
    use crate::daemon::{SchedulerDriver, SchedulerSetup};
    use crate::framework::batch::{Batch, Job};

    #[tokio::test]
    async fn streams_do_not_hold_up_a_master_that_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (id, contender) = (MasterId::new("m1").unwrap(), Box::new(Standalone::new(Term(1))));
        let (allocator, store) = (Box::<HierarchicalDrf>::default(), Arc::new(MemoryStore::new()));
        let mut setup = MasterServerSetup::new(id, allocator, store, contender, listener, None).unwrap();
        // Whoever waited for this would never come to an end.
        setup.limits.drain_timeout = Duration::from_secs(86_400);
        setup.authenticator = Authenticator::new(Arc::new(SystemClock::new())).admitting_anonymous();
        setup.authorizer = Arc::new(Open);
        let server = MasterServer::start(setup).await.unwrap();
        assert!(server.leads().await);

        let detector = Box::new(RemoteDetector::new([address.as_str()], Dialer::plaintext()));
        let connector = Arc::new(GrpcConnector::default());
        let info = FrameworkInfo::new("waits", Role::new("waits").unwrap());
        let memory = Arc::new(MemoryStore::new());
        // There is no agent, so it waits.
        let waits = Job::new("waits", CommandInfo::shell("true"), "cpus:1".parse().unwrap());
        let setup = SchedulerSetup::new(info, Box::new(Batch::new(vec![waits]).unwrap()), memory, detector, connector);
        let driver = SchedulerDriver::start(setup).await.unwrap();
        while server.daemon().inspect(|master| master.frameworks().count()).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        let ended = tokio::time::timeout(Duration::from_secs(60), server.stop()).await;
        assert!(ended.expect("it ends although a framework is connected").unwrap().is_none());
        driver.stop(true).await;
    }

    /// A master that contends and detects like this.
    async fn server(
        listener: TcpListener,
        name: &str,
        contender: Box<dyn Contender>,
        detector: Option<Box<dyn Detector>>,
    ) -> MasterServer {
        let id = MasterId::new(name).unwrap();
        let (allocator, store) = (Box::<HierarchicalDrf>::default(), Arc::new(MemoryStore::new()));
        let mut setup = MasterServerSetup::new(id, allocator, store, contender, listener, None).unwrap();
        setup.authenticator = Authenticator::new(Arc::new(SystemClock::new())).admitting_anonymous();
        setup.authorizer = Arc::new(Open);
        setup.detector = detector;
        MasterServer::start(setup).await.unwrap()
    }

    /// The status of the answer to this question, and where it sends.
    async fn asked(address: SocketAddr, request: &str) -> (String, Option<String>) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().to_owned();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let location = answer.lines().filter_map(header).find(|(name, _)| name == "location").map(|(_, value)| value);
        (status, location)
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
    }

    #[tokio::test]
    async fn a_master_that_does_not_lead_sends_everybody_to_the_one_that_does() {
        let ballot = Ballot::new(Term(0));
        let mut servers = Vec::new();
        for name in ["m1", "m2"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let contender = ballot.contender(MasterId::new(name).unwrap(), address);
            servers.push(server(listener, name, Box::new(contender), Some(Box::new(ballot.detector()))).await);
            assert!(servers[0].leads().await, "the first to contend");
        }
        let (first, second) = (servers.remove(0), servers.remove(0));
        let call = r#"{"type":"SUBSCRIBE"}"#;
        let post = format!(
            "POST /api/v1/scheduler HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{call}",
            call.len()
        );
        let heard = async |server: &MasterServer, id: &str| {
            let mut leader = server.leader();
            leader.wait_for(|leader| leader.as_ref().is_some_and(|leader| leader.id.as_str() == id)).await.unwrap();
        };
        heard(&second, "m1").await;
        for (request, path) in
            [(get("/state?x=1"), "/state?x=1"), (post.clone(), "/api/v1/scheduler"), (get("/redirect"), "")]
        {
            let (status, location) = asked(second.address(), &request).await;
            assert_eq!((status.as_str(), location), ("307", Some(format!("//{}{path}", first.address()))), "{request}");
        }
        assert_eq!(asked(second.address(), &get("/health")).await.0, "200");
        assert_eq!(asked(first.address(), &get("/state")).await.0, "200");

        // Whoever is deposed ends; the other one takes over, and answers itself.
        ballot.depose().unwrap();
        first.ended().await;
        heard(&second, "m2").await;
        assert!(second.leads().await);
        assert_eq!(asked(second.address(), &get("/state")).await.0, "200");
    }

    #[tokio::test]
    async fn a_master_that_listens_everywhere_does_not_say_it_is_nowhere() {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let server = server(listener, "m1", Box::new(Standalone::new(Term(1))), None).await;
        assert!(server.leads().await);
        let leader = server.leader().borrow().clone().unwrap();
        assert_eq!(*leader.address, format!("127.0.0.1:{}", server.address().port()));
        let (status, location) = asked(([127, 0, 0, 1], server.address().port()).into(), &get("/redirect")).await;
        assert_eq!((status.as_str(), location), ("307", Some(format!("//{}", leader.address))));
    }
}
