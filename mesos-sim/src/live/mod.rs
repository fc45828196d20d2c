//! The same description as real daemons in this process.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mesos_sim::workload::Sleepers;
//! use mesos_sim::{Cluster, LiveOptions, secs};
//!
//! let mut live = Cluster::builder()
//!     .agents(3, "cpus:2;mem:1024")
//!     .framework("batch", || Sleepers::new(10, secs(1)).boxed())
//!     .live(LiveOptions::new())
//!     .await?;
//! let report = live.run_until_done(secs(60)).await?;
//! live.shutdown().await?;
//! println!("{report}");
//! # Ok(())
//! # }
//! ```
//!
//! Masters, agents and frameworks are the production daemons, joined by channels instead of sockets; containers are real
//! processes unless the options say otherwise. The conditions of a simulation (network, faults, container model) do not
//! apply: here, the world is the world.

mod observe;
mod options;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos_core::call::operator;
use mesos_core::daemon::{Directory, MemoryStore, SystemClock, Task, entropy};
use mesos_core::kernel::{Rng, Term};
use mesos_core::{Clock, Containerizer, MasterId, Store};
use mesos_exec::containerizer::{Process, ProcessOptions};
use mesos_exec::daemon::{AgentDaemon, AgentSetup};
use mesos_sched::daemon::election::Ballot;
use mesos_sched::daemon::store::RedbStore;
use mesos_sched::daemon::{JournalSetup, MasterDaemon, MasterSetup, SchedulerDriver, SchedulerSetup};
use mesos_sched::driver::StopReason;
use mesos_sched::master::Master;

pub use observe::Sandbox;
pub use options::{ContainerizerFactory, LiveOptions};

use crate::cluster::{Cluster, ClusterSpec, FrameworkSpec, InvalidCluster};
use crate::report::{Report, Tally};
use observe::{Ledger, Watched, WatchedContainers};

/// How long agents may take to end what runs when the cluster is shut down, beyond the tasks' own grace periods.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Why a live cluster could not be started, or did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The description cannot be.
    #[error(transparent)]
    Invalid(#[from] InvalidCluster),
    /// A folder or file could not be used.
    #[error("{path}: {problem}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: std::io::Error,
    },
    /// A store could not be used.
    #[error(transparent)]
    Store(#[from] mesos_core::provider::StoreError),
    /// An agent's containerizer could not be made.
    #[error("the containerizer of {hostname} could not be made: {problem}")]
    Containerizer {
        /// Whose.
        hostname: Arc<str>,
        /// Why.
        problem: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An agent did not start or ended by itself.
    #[error(transparent)]
    Agent(#[from] mesos_exec::daemon::StartError),
    /// A framework did not start, or its task panicked.
    #[error("framework {name}: {problem}")]
    Framework {
        /// Which.
        name: Arc<str>,
        /// Why.
        problem: String,
    },
    /// The work was not done in time.
    #[error("the work was not done within {0:?}")]
    TimedOut(Duration),
    /// Containers could not be ended.
    #[error(transparent)]
    Containers(#[from] mesos_core::provider::ContainerError),
    /// An agent did not stop in time.
    #[error("agent {0} did not stop in time")]
    Stuck(Arc<str>),
}

/// An agent's daemon, and the name to complain about it.
#[derive(Debug)]
struct LiveAgent {
    hostname: Arc<str>,
    daemon: AgentDaemon,
}

/// A framework and what is needed to start it again.
struct LiveFramework {
    spec: FrameworkSpec,
    index: u32,
    memory: Arc<dyn Store>,
    runs: u64,
    task: Task<Result<(), String>>,
}

/// Real daemons in this process. Shut it down when done; when it is dropped, everything ends as if the process had died.
pub struct LiveCluster {
    spec: ClusterSpec,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    directory: Arc<Directory>,
    ballot: Ballot,
    registry: Arc<dyn Store>,
    masters: Vec<MasterDaemon>,
    agents: Vec<LiveAgent>,
    processes: Vec<Arc<Process>>,
    frameworks: Vec<LiveFramework>,
    ledger: Ledger,
    /// Where the masters' journals go.
    journals: Option<PathBuf>,
    elections: u64,
}

impl Cluster {
    /// Starts it for real: daemons in this process, containers as the options say. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`LiveError`] says what could not be started.
    pub async fn live(&self, options: LiveOptions) -> Result<LiveCluster, LiveError> {
        LiveCluster::start(self.checked_spec()?.clone(), options).await
    }
}

impl LiveCluster {
    async fn start(spec: ClusterSpec, options: LiveOptions) -> Result<Self, LiveError> {
        let is_durable = options.folder.is_some();
        let folder = match &options.folder {
            Some(folder) => folder.clone(),
            None => tempfile::Builder::new()
                .prefix("mesos-")
                .tempdir()
                .map_err(|problem| LiveError::Folder { path: std::env::temp_dir(), problem })?
                .keep(),
        };
        make_folder(&folder)?;
        let (registry, last): (Arc<dyn Store>, Term) = if is_durable {
            let store = RedbStore::open(folder.join("registry.redb"))?;
            let last = store.fence().await?;
            (Arc::new(store), last)
        } else {
            (Arc::new(MemoryStore::new()), Term(0))
        };
        let capacity: Vec<_> = spec.agents.iter().map(|agent| &agent.info.resources).collect();
        let names = spec.frameworks.iter().map(|framework| framework.info.name.clone());
        let ledger = Ledger::new(Tally::new(true, &capacity, names));
        let mut cluster = Self {
            folder,
            clock: Arc::new(SystemClock::new()),
            directory: Arc::new(Directory::new()),
            ballot: Ballot::new(last),
            registry,
            masters: Vec::new(),
            agents: Vec::new(),
            processes: Vec::new(),
            frameworks: Vec::new(),
            ledger,
            elections: 1,
            journals: options.journals.clone(),
            spec,
        };
        for _ in 0..cluster.spec.masters {
            cluster.start_master();
        }
        cluster.start_agents(&options).await?;
        cluster.start_frameworks(is_durable)?;
        Ok(cluster)
    }

    fn start_master(&mut self) {
        let mut rng = Rng::new(entropy());
        let id = MasterId::new(rng.update_id().to_string()).expect("hexadecimal digits are an id");
        let contender = Box::new(self.ballot.contender(id.clone(), id.as_str()));
        let door = self.directory.open(id.as_str());
        let mut setup = MasterSetup::new(id, (self.spec.allocator)(), self.registry.clone(), contender, door);
        setup.options = self.spec.master_options.clone();
        setup.clock = self.clock.clone();
        let name = format!("{}.journal", setup.id);
        setup.journal = self.journals.as_ref().map(|folder| JournalSetup::new(folder.join(name)));
        self.masters.push(MasterDaemon::start(setup));
    }

    async fn start_agents(&mut self, options: &LiveOptions) -> Result<(), LiveError> {
        for (n, agent) in self.spec.agents.clone().into_iter().enumerate() {
            let folder = self.folder.join(format!("agent-{n}"));
            make_folder(&folder)?;
            let hostname = agent.info.hostname.clone();
            let inner = match &options.containerizer {
                Some(make) => make(&agent.info, &folder),
                None => Process::new(ProcessOptions::new(&folder)).map_err(Into::into).map(|process| {
                    let process = Arc::new(process);
                    self.processes.push(process.clone());
                    process as Arc<dyn Containerizer>
                }),
            };
            let inner = inner.map_err(|problem| LiveError::Containerizer { hostname: hostname.clone(), problem })?;
            let containerizer = Arc::new(WatchedContainers {
                inner,
                hostname: hostname.clone(),
                clock: self.clock.clone(),
                ledger: self.ledger.clone(),
                running: Mutex::new(BTreeMap::new()),
            });
            let checkpoints = open_store(&folder.join("checkpoints.redb"), options.folder.is_some())?;
            let detector = Box::new(self.ballot.detector());
            let mut setup = AgentSetup::new(agent.info, containerizer, checkpoints, detector, self.directory.clone());
            setup.options = (*agent.options).clone();
            setup.executors = self.spec.executors.clone();
            setup.clock = self.clock.clone();
            setup.journal =
                self.journals.as_ref().map(|folder| JournalSetup::new(folder.join(format!("{hostname}.journal"))));
            self.agents.push(LiveAgent { hostname, daemon: AgentDaemon::start(setup).await? });
        }
        Ok(())
    }

    fn start_frameworks(&mut self, is_durable: bool) -> Result<(), LiveError> {
        for (index, spec) in (0_u32..).zip(self.spec.frameworks.clone()) {
            let memory = open_store(&self.folder.join(format!("framework-{index}.redb")), is_durable)?;
            let task = self.run_framework(&spec, index, memory.clone(), 0, spec.starts_after);
            self.frameworks.push(LiveFramework { spec, index, memory, runs: 1, task });
        }
        Ok(())
    }

    fn run_framework(
        &self,
        spec: &FrameworkSpec,
        framework: u32,
        memory: Arc<dyn Store>,
        run: u64,
        after: Duration,
    ) -> Task<Result<(), String>> {
        let inner = (spec.scheduler)();
        let watched = Watched { inner, framework, ledger: self.ledger.clone(), actions: Vec::new() };
        let scheduler = Box::new(watched);
        let detector = Box::new(self.ballot.detector());
        let mut setup = SchedulerSetup::new(spec.info.clone(), scheduler, memory, detector, self.directory.clone());
        setup.options = spec.options.clone();
        setup.clock = self.clock.clone();
        setup.term = Term(setup.term.0 + run);
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        Task::spawn(async move {
            tokio::time::sleep(after).await;
            serve(setup).await?;
            ledger.tally(|tally| tally.ended(clock.now().mono, framework));
            Ok(())
        })
    }

    /// The folder below which everything is kept: registry, checkpoints, sandboxes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sandboxes of all tasks that were started, in the order of their starts.
    #[must_use]
    pub fn sandboxes(&self) -> Vec<Sandbox> {
        self.ledger.sandboxes()
    }

    /// Waits until the work of all frameworks that end is done.
    ///
    /// # Errors
    /// When it is not done within `limit`, or a framework could not go on.
    pub async fn run_until_done(&mut self, limit: Duration) -> Result<Report, LiveError> {
        let work = async {
            for framework in self.frameworks.iter_mut().filter(|framework| framework.spec.is_finite) {
                let ended = std::mem::replace(&mut framework.task, Task::spawn(std::future::pending()));
                let name = framework.spec.info.name.clone();
                let result = ended.join().await.unwrap_or_else(|error| Err(error.to_string()));
                result.map_err(|problem| LiveError::Framework { name, problem })?;
            }
            Ok::<(), LiveError>(())
        };
        tokio::time::timeout(limit, work).await.map_err(|_| LiveError::TimedOut(limit))??;
        Ok(self.report())
    }

    /// What happened so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let now = self.clock.now().mono;
        let mut report = self.ledger.tally(|tally| tally.report(now));
        report.elections = self.elections;
        report
    }

    /// Looks at the leading master between two of its steps; nothing when there is none at the moment.
    pub async fn inspect<R: Send + 'static>(&self, look: impl FnOnce(&Master) -> R + Send + 'static) -> Option<R> {
        self.leading()?.inspect(look).await
    }

    /// Asks the leading master something as an operator; nothing when there is none at the moment.
    pub async fn operate(&self, call: operator::Call) -> Option<operator::Response> {
        Some(self.leading()?.operate(call).await)
    }

    fn leading(&self) -> Option<&MasterDaemon> {
        let leader = self.ballot.leader()?;
        self.masters.iter().find(|master| *master.id() == leader.id)
    }

    /// Ends the leading master as if its process had died, and starts another that waits for its turn. Tasks run on.
    pub fn fail_leader(&mut self) {
        let Some(leader) = self.ballot.leader() else { return };
        if let Some(place) = self.masters.iter().position(|master| *master.id() == leader.id) {
            self.masters.swap_remove(place).abort();
            self.elections += 1;
            self.ledger.tally(|tally| tally.fault("leader-lost"));
            self.start_master();
        }
    }

    /// Ends a framework's scheduler as if its process had died, and starts it again with what it remembers.
    ///
    /// # Panics
    /// When there is no framework of this number.
    pub fn fail_framework(&mut self, framework: usize) {
        let row = &self.frameworks[framework];
        row.task.abort();
        let task = self.run_framework(&row.spec, row.index, row.memory.clone(), row.runs, Duration::ZERO);
        self.ledger.tally(|tally| tally.fault("framework-lost"));
        let row = &mut self.frameworks[framework];
        row.runs += 1;
        row.task = task;
    }

    /// Ends everything: tasks politely, then agents, frameworks and masters. Nothing it started is left running.
    ///
    /// # Errors
    /// When something could not be ended.
    pub async fn shutdown(self) -> Result<(), LiveError> {
        for framework in &self.frameworks {
            framework.task.abort();
        }
        for agent in &self.agents {
            agent.daemon.stop().await;
        }
        for agent in self.agents {
            match tokio::time::timeout(STOP_PATIENCE, agent.daemon.join()).await {
                Ok(ended) => drop(ended?),
                Err(_) => return Err(LiveError::Stuck(agent.hostname)),
            }
        }
        for process in &self.processes {
            process.shutdown().await?;
        }
        for master in self.masters {
            master.abort();
            // Its end is what was asked for; with it, its journal is complete.
            drop(master.join().await);
        }
        Ok(())
    }
}

impl std::fmt::Debug for LiveCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveCluster").field("spec", &self.spec).field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Runs a framework to its end.
async fn serve(setup: SchedulerSetup<Watched>) -> Result<(), String> {
    let driver = SchedulerDriver::start(setup).await.map_err(|error| error.to_string())?;
    match driver.join().await.map_err(|error| error.to_string())?.why {
        StopReason::Done | StopReason::Requested => Ok(()),
        why => Err(why.to_string()),
    }
}

fn make_folder(path: &Path) -> Result<(), LiveError> {
    std::fs::create_dir_all(path).map_err(|problem| LiveError::Folder { path: path.to_owned(), problem })
}

fn open_store(path: &Path, is_durable: bool) -> Result<Arc<dyn Store>, LiveError> {
    Ok(if is_durable { Arc::new(RedbStore::open(path)?) } else { Arc::new(MemoryStore::new()) })
}
