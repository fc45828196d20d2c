//! Containers that are plain processes, for any Linux and without privileges.
//!
//! ```text
//!   Process --jobs--> launchers (threads) --started--> keeper (thread) --stages--> book --> wait()
//!      \------------------asks------------------------^       \--- watchdog (a shell, for when the host is killed)
//! ```
//!
//! # What a container is here
//!
//! A process that leads its own session, and everything that descends from it. It starts in its sandbox
//! `<work dir>/sandboxes/<container id>/` (or below it) with `stdout` and `stderr` appended to files of these names there,
//! nothing to read unless it [takes input](mesos_core::ContainerSpec::takes_input) or has a
//! [terminal](mesos_core::ContainerSpec::terminal) for all three, no other open file of the host's, no ignored
//! signals, umask 022, and this environment, later ones winning:
//!
//! 1. `HOME`, the sandbox; with a user also `USER` and `LOGNAME`;
//! 2. `PATH`, `LANG=C.UTF-8` and whatever [`ProcessOptions::environment`] adds or replaces;
//! 3. the container's own;
//! 4. `MESOS_SANDBOX`, `MESOS_CONTAINER_ID` and `MESOS_CONTAINERIZER`, by which its processes are found again, and
//!    `MESOS_DIRECTORY`, the sandbox once more under the name executors know.
//!
//! Nothing of the host's own environment is passed on.
//!
//! # How it ends
//!
//! When the leader has ended, everything that still belongs to the container is killed, and only then the end is told. So
//! a container leaves nothing running. `destroy` does the same to a container that runs. When the containerizer is dropped
//! or [shut down](Process::shutdown), all containers end; when the host is killed, the kernel ends the leaders and a
//! watchdog process the rest. [`recover`](Containerizer::recover) ends what it finds of earlier hosts, and returns the
//! containers of this very containerizer (an agent that restarts inside its host).
//!
//! A process escapes only if it leaves the session, loses its parent *and* wipes its environment.
//!
//! # What outlives its host
//!
//! With a [shim](ProcessOptions::shim), containers that are [checkpointed](mesos_core::ContainerSpec::is_checkpointed) are
//! each started by a process of their own, and end when they have ended or when they are destroyed: neither the death of the
//! host touches them nor dropping the containerizer, only [`shutdown`](Process::shutdown) does. `recover` takes back those
//! it knows, also those that ended meanwhile, whose [`wait`](Containerizer::wait) then tells how, and ends the rest. When
//! the machine was started anew, what had not ended before is gone, and not taken back.
//!
//! An operator who lets a service manager end the agent must tell it to leave the rest alone (`KillMode=process`).
//!
//! # What it does not do
//!
//! It limits nothing: processor time, memory and disk are what the machine gives, whatever a container was given and whatever
//! its [limits](mesos_core::ContainerSpec::limits) are, and `resize` changes nothing. It does not hide the machine from a
//! container or one container from another. It removes no sandbox by itself ([`Process::remove_sandbox`]).
//!
//! # What it asks of its host
//!
//! Linux 5.11 or newer, `/proc` and `/bin/sh`; `/dev/ptmx` for terminals. One file descriptor for each container that runs, and
//! two more for its terminal. A tokio runtime, of which `spawn_blocking` is used, to make and remove sandboxes, and the
//! reactor, for containers that take input. The host process must not wait for just any child (`waitpid(-1)`) nor ignore
//! `SIGCHLD`: a container whose status was taken that way ends as [`Exit::Unknown`].

mod book;
mod command;
mod error;
mod exits;
mod input;
mod keeper;
mod launcher;
mod options;
mod record;
mod sandbox;
mod shim;
mod spawn;
mod sys;
mod table;
mod terminal;
mod watchdog;

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as thread_mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::container::{Usage, WindowSize};
use mesos_core::daemon::{Access, make_folder};
use mesos_core::provider::{ContainerError, Launch};
use mesos_core::{ContainerId, ContainerSpec, Containerizer, Exit, Resources, Signal};
use tokio::sync::{mpsc, oneshot, watch};

pub use error::ProcessError;
pub use options::ProcessOptions;
#[cfg(all(feature = "net", any(test, fuzzing)))]
pub(crate) use record::read as read_record;
pub use shim::main as shim_main;

use book::{Begin, Book, Stage};
use command::Base;
use exits::Exits;
use input::Input;
use keeper::{Ask, Asker, Gone, Keeper, Parts, Recovered};
use launcher::{Job, Launcher};
use record::Records;

/// Launches that may wait for a launcher; more wait at their callers.
const JOBS_MAX: usize = 256;

/// Runs containers as plain processes. See the [module](self).
///
/// Dropping it ends all containers but those that outlive it, and blocks until they are gone, for at most about the
/// [kill timeout](ProcessOptions::kill_timeout); on an async thread call [`Process::shutdown`] first.
#[derive(Debug)]
pub struct Process {
    sandboxes: PathBuf,
    book: Arc<Book>,
    /// `None` only while it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    keeper: Asker,
    is_stopping: Arc<AtomicBool>,
    /// Disconnected once all launchers have ended.
    launching: Mutex<thread_mpsc::Receiver<()>>,
    /// `None` only while it is dropped.
    keeping: Option<JoinHandle<()>>,
    kill_timeout: Duration,
    /// Held for as long as the work directory is ours.
    lock: File,
}

impl Process {
    /// Makes the folders, starts the threads and the watchdog. Starts and ends no container;
    /// [`recover`](Containerizer::recover) ends those of an earlier host.
    ///
    /// # Errors
    /// [`ProcessError`] when the work directory cannot be used or the machine lacks something.
    pub fn new(options: ProcessOptions) -> Result<Self, ProcessError> {
        let (work_dir, lock) = claim(&options.work_dir)?;
        let sandboxes = work_dir.join("sandboxes");
        let in_work_dir = |problem| ProcessError::WorkDir { path: work_dir.clone(), problem };
        make_folder(&sandboxes, Access::Passage).map_err(in_work_dir)?;
        let records = Records::open(&work_dir).map_err(in_work_dir)?;
        let exits = Exits::open(&work_dir).map_err(in_work_dir)?;
        let machine = |what| move |problem| ProcessError::Machine { what, problem };
        let boot = record::boot_id().map_err(machine("the machine's boot id could not be read"))?;
        let owner = record::fresh_name().map_err(machine("no random name could be had"))?;
        let book = Arc::new(Book::default());
        let is_stopping = Arc::new(AtomicBool::new(false));
        let parts = Parts {
            work_dir: work_dir.clone(),
            sandboxes: sandboxes.clone(),
            owner: owner.clone(),
            boot: boot.clone(),
            records: records.clone(),
            exits,
            book: book.clone(),
            kill_timeout: options.kill_timeout,
            is_stopping: is_stopping.clone(),
        };
        let (keeper, asker) = Keeper::new(parts).map_err(machine("the keeper of containers could not be set up"))?;
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let launcher = Arc::new(Launcher {
            owner: owner.clone(),
            base: Base { owner: Some(owner), environment: options.environment, limits: options.limits },
            work_dir,
            sandboxes: sandboxes.clone(),
            boot,
            shim: options.shim,
            records,
            book: book.clone(),
            jobs: Mutex::new(queue),
        });
        let no_thread = machine("a thread for containers could not be started");
        let keeping = thread::Builder::new().name("mesos-keeper".into()).spawn(|| keeper.run()).map_err(no_thread)?;
        let (running, launching) = thread_mpsc::sync_channel::<()>(1);
        let (kill_timeout, launching) = (options.kill_timeout, Mutex::new(launching));
        let (jobs, keeping, keeper) = (Some(jobs), Some(keeping), asker);
        let process = Self { sandboxes, book, jobs, keeper, is_stopping, launching, keeping, kill_timeout, lock };
        for _ in 0..options.launchers {
            let (launcher, keeper, running) = (launcher.clone(), process.keeper.clone(), running.clone());
            let life = move || {
                launcher.run(&keeper);
                drop(running);
            };
            thread::Builder::new().name("mesos-launcher".into()).spawn(life).map_err(no_thread)?;
        }
        Ok(process)
    }

    /// Where a container's sandbox is or would be.
    #[must_use]
    pub fn sandbox(&self, id: &ContainerId) -> PathBuf {
        self.sandboxes.join(id.as_str())
    }

    /// Removes the sandbox of a container that has ended, with all it holds. It may be gone already.
    ///
    /// # Errors
    /// When the container runs, or when a file cannot be removed.
    pub async fn remove_sandbox(&self, id: &ContainerId) -> Result<(), ContainerError> {
        let failed = |problem| ContainerError::Failed { id: id.clone(), problem };
        if self.book.follow(id).is_some_and(|stage| !matches!(*stage.borrow(), Stage::Ended(_))) {
            return Err(failed("its sandbox is in use; destroy the container first".into()));
        }
        let path = self.sandbox(id);
        let removed = tokio::task::spawn_blocking({
            let path = path.clone();
            move || fs::remove_dir_all(path)
        });
        match removed.await.map_err(io::Error::other).flatten() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed(format!("its sandbox {} could not be removed: {error}", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// Ends all containers, also those that would outlive this; resolves once they are gone, and takes no further ones. May
    /// be called again.
    ///
    /// # Errors
    /// Names a container that could not be ended within the [kill timeout](ProcessOptions::kill_timeout).
    pub async fn shutdown(&self) -> Result<(), ContainerError> {
        self.book.close();
        await_all(self.ask(|reply| Ask::Shutdown { reply }).await).await
    }

    /// Asks the keeper and awaits its answer. The keeper ends after its containerizer only, and answers everybody.
    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> T {
        let (reply, answer) = oneshot::channel();
        assert!(self.keeper.ask(ask(reply)).await.is_ok(), "the keeper of containers died");
        answer.await.expect("the keeper of containers died")
    }

    /// A container's stage once it has left [`Stage::Launching`].
    async fn launched(&self, id: &ContainerId) -> Result<Stage, ContainerError> {
        self.reach(id, |stage| !matches!(stage, Stage::Launching { .. })).await
    }

    /// What a container that runs reads.
    async fn input(&self, id: &ContainerId) -> Result<Arc<Input>, ContainerError> {
        let failed = |problem| ContainerError::Failed { id: id.clone(), problem };
        match self.launched(id).await? {
            Stage::Ended(exit) => Err(failed(format!("it reads no more: {exit}"))),
            _ => self.book.input(id).ok_or_else(|| failed("it was started without an input".into())),
        }
    }

    async fn reach(&self, id: &ContainerId, is_there: fn(&Stage) -> bool) -> Result<Stage, ContainerError> {
        let unknown = || ContainerError::Unknown(id.clone());
        let mut stage: watch::Receiver<Stage> = self.book.follow(id).ok_or_else(unknown)?;
        // Its launch failed meanwhile, or its end was forgotten.
        let reached = stage.wait_for(is_there).await.map_err(|_| unknown())?;
        Ok(reached.clone())
    }
}

#[async_trait]
impl Containerizer for Process {
    /// Ends everything that is not in `known`, and whatever an earlier host left that has no shim, known or not. Returns what
    /// of `known` runs, or has ended in a way that is known. Fails when something could not be ended, and names it; it may be called again.
    async fn recover(&self, known: BTreeSet<ContainerId>) -> Result<BTreeSet<ContainerId>, ContainerError> {
        let Recovered { kept, leaving } = self.ask(|reply| Ask::Recover { known, reply }).await;
        await_all(leaving).await?;
        Ok(kept)
    }

    /// Makes the sandbox, for the container's user.
    async fn prepare(&self, spec: &ContainerSpec) -> Result<Option<PathBuf>, ContainerError> {
        let (sandbox, user) = (self.sandbox(&spec.id), spec.command.user.clone());
        let made = tokio::task::spawn_blocking(move || {
            let identity = user.as_deref().map(command::identity).transpose()?.flatten();
            sandbox::prepare(&sandbox, identity.as_ref()).map(|_| sandbox)
        });
        let made = made.await.unwrap_or_else(|error| Err(error.to_string()));
        made.map(Some).map_err(|problem| ContainerError::Launch { id: spec.id.clone(), problem })
    }

    /// Starts a container; returns once its program runs and a record of it is on disk.
    ///
    /// A caller that goes away does not undo the launch.
    async fn launch(&self, spec: ContainerSpec) -> Result<Launch, ContainerError> {
        let closed = |id| ContainerError::Launch { id, problem: "the containerizer has been shut down".into() };
        let Some(jobs) = &self.jobs else { return Err(closed(spec.id)) };
        // A place in the queue first: once the container is in the book nothing may stop it from being launched.
        let Ok(place) = jobs.reserve().await else { return Err(closed(spec.id)) };
        let id = spec.id.clone();
        let (input, reads) = Input::open(&spec).map_err(|error| {
            let what = if spec.terminal.is_some() { "terminal" } else { "pipe" };
            ContainerError::Launch { id: id.clone(), problem: format!("no {what}: {error}") }
        })?;
        let run = match self.book.begin(&id, input) {
            Begin::Run(run) => run,
            Begin::AlreadyRunning => return Ok(Launch::AlreadyRunning),
            Begin::Closed => return Err(closed(id)),
        };
        let (reply, launched) = oneshot::channel();
        place.send(Job { spec, run, reads, reply });
        launched.await.unwrap_or_else(|_| Err(closed(id)))
    }

    /// Changes nothing: a plain process is not limited.
    async fn resize(&self, id: &ContainerId, _to: Resources) -> Result<(), ContainerError> {
        self.book.follow(id).map(drop).ok_or_else(|| ContainerError::Unknown(id.clone()))
    }

    /// Adds up what its processes use now, and what those that have ended used, as far as their parents waited for them.
    async fn usage(&self, id: &ContainerId) -> Result<Usage, ContainerError> {
        self.launched(id).await?;
        self.ask(|reply| Ask::Usage { id: id.clone(), reply }).await
    }

    async fn write_input(&self, id: &ContainerId, bytes: &[u8]) -> Result<(), ContainerError> {
        let input = self.input(id).await?;
        input
            .write(bytes)
            .await
            .map_err(|error| ContainerError::Failed { id: id.clone(), problem: format!("it reads no more: {error}") })
    }

    async fn resize_terminal(&self, id: &ContainerId, to: WindowSize) -> Result<(), ContainerError> {
        let input = self.input(id).await?;
        input.resize(to).map_err(|error| ContainerError::Failed { id: id.clone(), problem: error.to_string() })
    }

    /// Every caller gets the same answer, also one that asks after the end.
    async fn wait(&self, id: &ContainerId) -> Result<Exit, ContainerError> {
        match self.reach(id, |stage| matches!(stage, Stage::Ended(_))).await? {
            Stage::Ended(exit) => Ok(exit),
            Stage::Launching { .. } | Stage::Running => Err(ContainerError::Unknown(id.clone())),
        }
    }

    /// Reaches every process of the container; one that asks to end makes stopped ones go on, so that they see it. A container
    /// that has ended is beyond signals: that is no error.
    async fn signal(&self, id: &ContainerId, signal: Signal) -> Result<(), ContainerError> {
        self.launched(id).await?;
        self.ask(|reply| Ask::Signal { id: id.clone(), signal: signal.number(), reply }).await
    }

    /// A container that is being launched is stopped as early as possible.
    async fn destroy(&self, id: &ContainerId) -> Result<(), ContainerError> {
        if self.book.doom(id) {
            // It has failed to launch, or it runs, or it has ended: in every case it is the keeper's to say.
            let _ = self.launched(id).await;
        }
        self.ask(|reply| Ask::Destroy { id: id.clone(), reply }).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.book.close();
        // Without jobs the launchers end, unless one hangs in a start: what it starts it will then end itself.
        self.jobs = None;
        let launching = self.launching.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = launching.recv_timeout(self.kill_timeout);
        self.is_stopping.store(true, Ordering::Release);
        self.keeper.wake();
        if let Some(keeping) = self.keeping.take() {
            let _ = keeping.join();
        }
        // Said aloud: a process that anybody here is just starting holds a copy of the descriptor for an instant.
        let _ = self.lock.unlock();
    }
}

async fn await_all(leaving: Vec<Gone>) -> Result<(), ContainerError> {
    let mut answer = Ok(());
    for gone in leaving {
        let gone = gone.await.unwrap_or(Ok(()));
        if answer.is_ok() {
            answer = gone;
        }
    }
    answer
}

/// Makes the work directory and takes it for ourselves.
fn claim(work_dir: &Path) -> Result<(PathBuf, File), ProcessError> {
    let failed = |problem| ProcessError::WorkDir { path: work_dir.to_owned(), problem };
    make_folder(work_dir, Access::Passage).map_err(failed)?;
    let path = work_dir.canonicalize().map_err(failed)?;
    // Whoever could read it could lock it, and keep the agent out.
    let lock = File::options().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock"));
    let lock = lock.map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok((path, lock)),
        Err(TryLockError::WouldBlock) => Err(ProcessError::InUse { path }),
        Err(TryLockError::Error(problem)) => Err(failed(problem)),
    }
}
