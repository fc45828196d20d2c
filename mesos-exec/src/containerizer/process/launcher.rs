//! The threads that start containers.
//!
//! Threads of their own for two reasons: the kernel's death signal is tied to the thread that started a process, so these
//! live as long as the containerizer; and a start that hangs on a dead disk or a slow user directory holds up neither the
//! caller's runtime nor the other launchers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mesos_core::provider::{Container, ContainerError, Launch};
use mesos_core::{ContainerId, ContainerSpec};
use nix::libc;
use tokio::sync::{mpsc, oneshot};

use super::book::Book;
use super::command::{self, Base};
use super::input::Reads;
use super::keeper::{Ask, Asker, Started};
use super::record::{Record, Records};
use super::sandbox;
use super::shim::{self, Ordering};
use super::spawn::{self, Plan, Spawned};
use super::table::Stat;
use super::terminal::Terminal;

/// One container to start.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) spec: ContainerSpec,
    pub(super) run: u64,
    pub(super) reads: Reads,
    pub(super) reply: oneshot::Sender<Result<Launch, ContainerError>>,
}

/// What every launcher works with.
#[derive(Debug)]
pub(super) struct Launcher {
    /// The containerizer's own name.
    pub(super) owner: String,
    pub(super) base: Base,
    pub(super) work_dir: PathBuf,
    pub(super) sandboxes: PathBuf,
    pub(super) boot: String,
    /// What starts containers that outlive this containerizer, if any do.
    pub(super) shim: Option<PathBuf>,
    pub(super) records: Records,
    pub(super) book: Arc<Book>,
    pub(super) jobs: Mutex<mpsc::Receiver<Job>>,
}

impl Launcher {
    /// Starts containers until nobody can ask for one any more.
    pub(super) fn run(&self, keeper: &Asker) {
        while let Some(job) = self.next() {
            let Job { spec, run, reads, reply } = job;
            let launched = self.launch(&spec, run, reads, keeper).map_err(|problem| {
                self.book.abandon(&spec.id, run);
                ContainerError::Launch { id: spec.id.clone(), problem }
            });
            // A caller that went away finds the container under its id.
            let _ = reply.send(launched);
        }
    }

    fn next(&self) -> Option<Job> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
    }

    fn launch(&self, spec: &ContainerSpec, run: u64, reads: Reads, keeper: &Asker) -> Result<Launch, String> {
        self.refuse_doomed(&spec.id, run)?;
        let folder = self.sandboxes.join(spec.id.as_str());
        // What writes to it ends with this containerizer, and so does what reads it.
        let shim = self.shim.as_deref().filter(|_| spec.is_checkpointed && reads.is_nothing());
        let Spawned { pid, pidfd } = match shim {
            Some(program) => self.start_shim(program, spec)?,
            None => self.start(spec, run, reads, &folder)?,
        };
        let started = Started { id: spec.id.clone(), run, pid, pidfd, has_shim: shim.is_some() };
        keeper.tell(Ask::Keep(started)).map_err(|ask| {
            if let Ask::Keep(started) = ask {
                started.end();
            }
            "the containerizer has been shut down".to_owned()
        })?;
        self.book.set_running(&spec.id, run);
        Ok(Launch::Started(Container { sandbox: Some(folder) }))
    }

    /// A container that ends with this containerizer: its leader.
    fn start(&self, spec: &ContainerSpec, run: u64, reads: Reads, folder: &Path) -> Result<Spawned, String> {
        let mut plan = command::plan(&self.base, spec, folder)?;
        match reads {
            Reads::Nothing => {}
            Reads::Pipe(stdin) => plan.stdin = stdin,
            Reads::Terminal { terminal, begin } => {
                let failed = |error| format!("its terminal could not be set up: {error}");
                put_at(&mut plan, &terminal).map_err(failed)?;
                // Whoever copies what is shown has gone with the runtime, and the container goes soon.
                let _ = begin.send(());
            }
        }
        self.refuse_doomed(&spec.id, run)?;
        let spawned = spawn::spawn(&plan).map_err(|failure| command::explain(&failure, &plan, &spec.command))?;
        drop(plan);
        if let Err(problem) = self.record(&spec.id, run, &spawned) {
            end(&spawned);
            return Err(problem);
        }
        Ok(spawned)
    }

    /// A container that outlives this containerizer: its shim.
    fn start_shim(&self, program: &Path, spec: &ContainerSpec) -> Result<Spawned, String> {
        let ordering = Ordering {
            program,
            work_dir: &self.work_dir,
            sandboxes: &self.sandboxes,
            boot: &self.boot,
            environment: &self.base.environment,
            limits: &self.base.limits,
        };
        shim::start(&ordering, spec)
    }

    fn refuse_doomed(&self, id: &ContainerId, run: u64) -> Result<(), String> {
        if self.book.is_doomed(id, run) { Err("it was destroyed before it started".into()) } else { Ok(()) }
    }

    /// Remembers the process on disk before anybody is told of it.
    fn record(&self, id: &ContainerId, run: u64, spawned: &Spawned) -> Result<(), String> {
        let stat = Stat::read(spawned.pid).map_err(|error| error.to_string())?;
        let stat = stat.ok_or("its process was reaped by somebody else; the host must not wait for just any child")?;
        let (boot, owner) = (self.boot.clone(), self.owner.clone());
        let record = Record { pid: spawned.pid, start: stat.start, boot, owner };
        let written = self.records.write(id, &run.to_string(), &record);
        written.map_err(|error| format!("its record could not be written: {error}; {}", sandbox::advice(&error)))
    }
}

/// Puts a terminal in the place of the three streams.
fn put_at(plan: &mut Plan, terminal: &Terminal) -> io::Result<()> {
    if let Some(identity) = &plan.identity {
        terminal.give_to(identity)?;
    }
    plan.stdin = terminal.stream()?;
    plan.stderr = terminal.stream()?;
    let output = std::mem::replace(&mut plan.stdout, terminal.stream()?);
    plan.has_terminal = true;
    terminal.show_in(output.into());
    Ok(())
}

/// Ends a process nobody was told of, with its group: it was started a moment ago.
pub(super) fn end(spawned: &Spawned) {
    let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(spawned.pid), nix::sys::signal::SIGKILL);
    let _ = spawned.pidfd.signal(libc::SIGKILL);
    let _ = spawned.pidfd.wait();
}
