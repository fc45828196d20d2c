//! The thread that owns all processes of containers that run: it learns of their ends, signals, measures, kills and reaps.
//!
//! ```text
//!   launchers --Keep-------------> +--------+ --Stage::Ended--> book --> wait()
//!   callers --Destroy, Signal, --> | keeper |
//!             Usage, Recover       +--------+ <--readable-- epoll: one descriptor per leader and per straggler
//! ```
//!
//! A container ends in three steps. Its leader dies, by itself or killed. The table of processes is walked and whatever
//! still belongs to the container is killed, each through its own descriptor, until a walk finds nothing. Only then is the
//! leader reaped, so that its number, which names the session, cannot be given away while it is searched for; and only
//! then is the end announced. One walk serves all containers that end at the same time.
//!
//! Nothing is polled: the thread sleeps until a process dies, a caller asks or a deadline passes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mesos_core::container::Usage;
use mesos_core::provider::ContainerError;
use mesos_core::{ContainerId, Exit};
use nix::errno::Errno;
use nix::libc;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SIGKILL, killpg};
use nix::unistd::{Pid, SysconfVar, sysconf};
use tokio::sync::{mpsc, oneshot};

use super::book::Book;
use super::record::{Record, Records};
use super::sys::PidFd;
use super::table::{Found, Known, Stat, Walker};
use super::watchdog::Watchdog;

/// Requests that may wait for the keeper; more wait at their callers.
const ASKS_MAX: usize = 256;
/// Events taken from the kernel at a time.
const EVENTS_MAX: usize = 256;
/// How often a watchdog that was killed is replaced; something that kills so many will kill the next.
const WATCHDOGS_MAX: u32 = 16;

const WAKE: u64 = 0;
const WATCHDOG: u64 = 1;
const FIRST_TOKEN: u64 = 2;

/// Answer to a request to end something: `Ok` once it is gone.
pub(super) type Gone = oneshot::Receiver<Result<(), ContainerError>>;

/// A run and its living processes.
type Members = (u64, Vec<(i32, Stat)>);

/// A container that has just been started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) id: ContainerId,
    pub(super) run: u64,
    pub(super) pid: i32,
    pub(super) pidfd: PidFd,
}

/// What the keeper is asked to do.
#[derive(Debug)]
pub(super) enum Ask {
    /// Look after a new container.
    Keep(Started),
    /// End a container.
    Destroy { id: ContainerId, reply: oneshot::Sender<Result<(), ContainerError>> },
    /// Signal all processes of a container.
    Signal { id: ContainerId, signal: i32, reply: oneshot::Sender<Result<(), ContainerError>> },
    /// Measure a container.
    Usage { id: ContainerId, reply: oneshot::Sender<Result<Usage, ContainerError>> },
    /// End everything that is not known.
    Recover { known: BTreeSet<ContainerId>, reply: oneshot::Sender<Recovered> },
    /// End everything.
    Shutdown { reply: oneshot::Sender<Vec<Gone>> },
}

/// What a recovery found.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Known, and still running.
    pub(super) kept: BTreeSet<ContainerId>,
    /// Everything else that was found, on its way out.
    pub(super) leaving: Vec<Gone>,
}

/// How to reach the keeper.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    asks: mpsc::Sender<Ask>,
    wake: Arc<EventFd>,
}

impl Asker {
    /// Asks from async code; fails when the keeper has ended.
    pub(super) async fn ask(&self, ask: Ask) -> Result<(), Ask> {
        self.asks.send(ask).await.map_err(|refused| refused.0)?;
        self.wake();
        Ok(())
    }

    /// Asks from a thread; fails when the keeper has ended.
    pub(super) fn tell(&self, ask: Ask) -> Result<(), Ask> {
        self.asks.blocking_send(ask).map_err(|refused| refused.0)?;
        self.wake();
        Ok(())
    }

    /// Makes the keeper look up.
    pub(super) fn wake(&self) {
        // Fails only when the counter is full, and then the keeper is being woken already.
        let _ = self.wake.write(1);
    }
}

/// Who is at the head of a container.
#[derive(Debug)]
enum Leader {
    /// Our child, alive.
    Alive { pid: i32, pidfd: PidFd },
    /// Our child, dead and not yet reaped: its number is still its own.
    Dead { pid: i32, pidfd: PidFd },
    /// Not our child: left by an earlier containerizer, stopped, to be killed last. Its session may be trusted while it lives.
    Foreign { pid: i32, pidfd: PidFd },
    /// Nobody, or somebody whose number may have been given away.
    Gone,
}

impl Leader {
    const fn session(&self) -> Option<i32> {
        match self {
            Self::Alive { pid, .. } | Self::Dead { pid, .. } | Self::Foreign { pid, .. } => Some(*pid),
            Self::Gone => None,
        }
    }
}

/// A container, from its start to the end of its last process.
#[derive(Debug)]
struct Kept {
    id: ContainerId,
    leader: Leader,
    /// Processes beside the leader that were killed and have not died yet.
    stragglers: BTreeMap<i32, PidFd>,
    /// Being ended, with all that belongs to it.
    is_condemned: bool,
    /// Its end has been told.
    is_announced: bool,
    /// When to give up on killing it.
    deadline: Option<Instant>,
    /// Who waits for it to be gone.
    replies: Vec<oneshot::Sender<Result<(), ContainerError>>>,
}

/// What the keeper is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) work_dir: PathBuf,
    pub(super) sandboxes: PathBuf,
    pub(super) owner: String,
    pub(super) boot: String,
    pub(super) records: Records,
    pub(super) book: Arc<Book>,
    pub(super) kill_timeout: Duration,
    /// Set, with a ring of the bell, to end the keeper and all it keeps.
    pub(super) is_stopping: Arc<AtomicBool>,
}

/// The keeper.
#[derive(Debug)]
pub(super) struct Keeper {
    parts: Parts,
    epoll: Epoll,
    wake: Arc<EventFd>,
    asks: mpsc::Receiver<Ask>,
    walker: Walker,
    watchdog: Option<Watchdog>,
    watchdogs: u32,
    kept: BTreeMap<u64, Kept>,
    /// The same for walks: their sessions and names.
    known: Known,
    /// The latest run of each container that has not ended.
    runs: HashMap<ContainerId, u64>,
    /// Which process a descriptor's events are about.
    tokens: HashMap<u64, (u64, i32)>,
    next_token: u64,
    /// Runs to look for at the next walk.
    due: BTreeSet<u64>,
    is_closing: bool,
}

impl Keeper {
    /// A keeper with nothing to keep, its watchdog, and how to reach it.
    pub(super) fn new(parts: Parts) -> io::Result<(Self, Asker)> {
        let (asker, asks) = mpsc::channel(ASKS_MAX);
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        let watchdog = Watchdog::start(&parts.work_dir, &parts.owner)?;
        epoll.add(watchdog.pidfd(), EpollEvent::new(EpollFlags::EPOLLIN, WATCHDOG))?;
        let walker = Walker::new(&parts.sandboxes);
        let keeper = Self {
            parts,
            epoll,
            wake: wake.clone(),
            asks,
            walker,
            watchdog: Some(watchdog),
            watchdogs: 1,
            kept: BTreeMap::new(),
            known: Known::default(),
            runs: HashMap::new(),
            tokens: HashMap::new(),
            next_token: FIRST_TOKEN,
            due: BTreeSet::new(),
            is_closing: false,
        };
        Ok((keeper, Asker { asks: asker, wake }))
    }

    /// Keeps until it is told to stop, or nobody can ask any more, and everything is gone or beyond killing.
    pub(super) fn run(mut self) {
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        loop {
            let count = match self.epoll.wait(&mut events, self.timeout()) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(errno) => panic!("epoll_wait refused valid arguments: {errno}"),
            };
            for event in events.iter().take(count) {
                self.handle_event(event.data());
            }
            if self.parts.is_stopping.load(Ordering::Acquire) {
                self.asks.close();
            }
            let is_orphaned = self.take_asks();
            self.look_after_due();
            self.expire(Instant::now());
            if is_orphaned && !self.is_closing {
                self.close();
            }
            if is_orphaned && self.kept.values().all(|kept| kept.deadline.is_none()) && self.due.is_empty() {
                break;
            }
        }
    }

    fn timeout(&self) -> EpollTimeout {
        if !self.due.is_empty() {
            return EpollTimeout::ZERO;
        }
        let Some(deadline) = self.kept.values().filter_map(|kept| kept.deadline).min() else {
            return EpollTimeout::NONE;
        };
        // A millisecond more, lest the sleep end just before the deadline.
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX)
    }

    fn handle_event(&mut self, token: u64) {
        match token {
            WAKE => {
                let _ = self.wake.read();
            }
            WATCHDOG => self.replace_watchdog(),
            _ => {
                if let Some((run, pid)) = self.tokens.remove(&token) {
                    self.handle_death(run, pid);
                }
            }
        }
    }

    /// Handles all that was asked. Returns whether nobody is left to ask.
    fn take_asks(&mut self) -> bool {
        loop {
            match self.asks.try_recv() {
                Ok(ask) => self.handle_ask(ask),
                Err(mpsc::error::TryRecvError::Empty) => return false,
                Err(mpsc::error::TryRecvError::Disconnected) => return true,
            }
        }
    }

    fn handle_ask(&mut self, ask: Ask) {
        // A caller that went away needs no answer.
        match ask {
            Ask::Keep(started) => self.keep(started),
            Ask::Destroy { id, reply } => self.destroy(&id, reply),
            Ask::Signal { id, signal, reply } => drop(reply.send(self.signal(&id, signal))),
            Ask::Usage { id, reply } => drop(reply.send(self.usage(&id))),
            Ask::Recover { known, reply } => drop(reply.send(self.recover(&known))),
            Ask::Shutdown { reply } => drop(reply.send(self.close())),
        }
    }

    fn keep(&mut self, started: Started) {
        let Started { id, run, pid, pidfd } = started;
        if let Err(error) = self.watch(run, pid, &pidfd) {
            // No memory for one more event: a container that cannot be watched is not kept.
            tracing::error!(container = %id, %error, "the container cannot be watched and is ended");
            let _ = pidfd.signal(libc::SIGKILL);
            let _ = pidfd.wait();
            let _ = self.parts.records.remove(&id);
            self.parts.book.set_ended(&id, run, Exit::Unknown);
            return;
        }
        self.runs.insert(id.clone(), run);
        self.enter(run, Kept::new(id, Leader::Alive { pid, pidfd }));
        if self.is_closing {
            self.condemn(run);
        }
    }

    fn enter(&mut self, run: u64, kept: Kept) {
        self.known.names.insert(kept.id.as_str().as_bytes().to_vec(), run);
        if let Some(session) = kept.leader.session() {
            self.known.sessions.insert(session, run);
        }
        self.kept.insert(run, kept);
    }

    fn watch(&mut self, run: u64, pid: i32, pidfd: &PidFd) -> io::Result<()> {
        let token = self.next_token;
        self.epoll.add(pidfd, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
        self.next_token += 1;
        self.tokens.insert(token, (run, pid));
        Ok(())
    }

    fn handle_death(&mut self, run: u64, pid: i32) {
        let Some(kept) = self.kept.get_mut(&run) else { return };
        if let Some(straggler) = kept.stragglers.remove(&pid) {
            let _ = self.epoll.delete(&straggler);
            if kept.stragglers.is_empty() {
                self.due.insert(run);
            }
            return;
        }
        kept.leader = match std::mem::replace(&mut kept.leader, Leader::Gone) {
            Leader::Alive { pid, pidfd } => {
                let _ = self.epoll.delete(&pidfd);
                // Somebody in this process who waits for just any child may have taken it from us.
                if matches!(pidfd.is_dead(), Ok(true)) { Leader::Dead { pid, pidfd } } else { Leader::Gone }
            }
            Leader::Foreign { pidfd, .. } => {
                let _ = self.epoll.delete(&pidfd);
                Leader::Gone
            }
            other => other,
        };
        if kept.leader.session().is_none() {
            self.known.sessions.remove(&pid);
        }
        kept.is_condemned = true;
        kept.deadline.get_or_insert_with(|| Instant::now() + self.parts.kill_timeout);
        self.due.insert(run);
    }

    fn destroy(&mut self, id: &ContainerId, reply: oneshot::Sender<Result<(), ContainerError>>) {
        let Some(run) = self.kept.iter().rev().find_map(|(run, kept)| (kept.id == *id).then_some(*run)) else {
            let _ = reply.send(Ok(()));
            return;
        };
        self.condemn(run);
        if let Some(kept) = self.kept.get_mut(&run) {
            kept.replies.push(reply);
        }
    }

    /// Begins to end a container, or begins anew where that has been given up.
    fn condemn(&mut self, run: u64) {
        let Some(kept) = self.kept.get_mut(&run) else { return };
        kept.is_condemned = true;
        kept.deadline.get_or_insert_with(|| Instant::now() + self.parts.kill_timeout);
        kept.strike();
        self.due.insert(run);
    }

    /// One walk for all that is due.
    fn look_after_due(&mut self) {
        if self.due.is_empty() {
            return;
        }
        let found = match self.walker.walk(&self.known) {
            Ok(found) => found,
            Err(error) => {
                // Out of descriptors or memory for a moment; what is due stays due, and the deadline holds.
                tracing::warn!(%error, "the table of processes cannot be read");
                self.due.retain(|run| self.kept.get(run).is_some_and(|kept| kept.deadline.is_some()));
                std::thread::yield_now();
                return;
            }
        };
        for run in std::mem::take(&mut self.due) {
            self.end_rest(run, &found);
        }
    }

    /// Kills what a walk found of a condemned container, and closes it when nothing was found.
    fn end_rest(&mut self, run: u64, found: &Found) {
        let Some(kept) = self.kept.get_mut(&run).filter(|kept| kept.is_condemned) else { return };
        kept.strike_group();
        let leader = kept.leader.session();
        let mut is_clean = true;
        for pid in found.of(run).filter(|pid| Some(*pid) != leader) {
            is_clean &= self.kill_straggler(run, pid);
        }
        let Some(kept) = self.kept.get_mut(&run) else { return };
        if !kept.stragglers.is_empty() {
            return; // their ends bring us back
        }
        if !is_clean {
            self.due.insert(run); // some ended while we looked, perhaps leaving children
            return;
        }
        match &kept.leader {
            Leader::Alive { .. } => {} // killed; its end brings us back
            Leader::Foreign { pidfd, .. } => drop(pidfd.signal(libc::SIGKILL)),
            Leader::Dead { .. } | Leader::Gone => self.finish(run),
        }
    }

    /// Kills one process. Returns whether there was nothing to kill.
    fn kill_straggler(&mut self, run: u64, pid: i32) -> bool {
        let Some(kept) = self.kept.get(&run) else { return true };
        if kept.stragglers.contains_key(&pid) {
            return false;
        }
        let Ok(Some(seen)) = Stat::read(pid) else { return false };
        if seen.is_dead() {
            return true;
        }
        let Ok(pidfd) = PidFd::open(pid) else { return false };
        // The number may have been given to another process since it was found; the descriptor cannot.
        if !matches!(Stat::read(pid), Ok(Some(now)) if now.start == seen.start && now.session == seen.session) {
            return false;
        }
        if let Err(error) = pidfd.signal(libc::SIGKILL) {
            tracing::debug!(container = %kept.id, pid, %error, "a process could not be killed");
        }
        if self.watch(run, pid, &pidfd).is_ok()
            && let Some(kept) = self.kept.get_mut(&run)
        {
            kept.stragglers.insert(pid, pidfd);
        }
        false
    }

    /// Closes a container of which nothing is left.
    fn finish(&mut self, run: u64) {
        let Some(mut kept) = self.kept.remove(&run) else { return };
        self.announce(run, &mut kept);
        if self.known.names.get(kept.id.as_str().as_bytes()) == Some(&run) {
            self.known.names.remove(kept.id.as_str().as_bytes());
        }
        for reply in kept.replies {
            let _ = reply.send(Ok(()));
        }
    }

    /// Reaps the leader and tells how it ended, once.
    fn announce(&mut self, run: u64, kept: &mut Kept) {
        if std::mem::replace(&mut kept.is_announced, true) {
            return;
        }
        let exit = match std::mem::replace(&mut kept.leader, Leader::Gone) {
            Leader::Dead { pid, pidfd } => {
                self.known.sessions.remove(&pid);
                pidfd.reap().ok().flatten().unwrap_or(Exit::Unknown)
            }
            _ => Exit::Unknown,
        };
        if let Err(error) = self.parts.records.remove(&kept.id) {
            tracing::warn!(container = %kept.id, %error, "the record of an ended container stays");
        }
        if self.runs.get(&kept.id) == Some(&run) {
            self.runs.remove(&kept.id);
        }
        self.parts.book.set_ended(&kept.id, run, exit);
    }

    /// Gives up on what could not be killed in time, and says what survives.
    fn expire(&mut self, now: Instant) {
        let due: Vec<u64> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.deadline.is_some_and(|at| at <= now))
            .map(|(run, _)| *run)
            .collect();
        for run in due {
            let Some(mut kept) = self.kept.remove(&run) else { continue };
            kept.deadline = None;
            self.due.remove(&run);
            let problem = kept.survivors();
            tracing::warn!(container = %kept.id, %problem, "a container could not be ended");
            for reply in kept.replies.drain(..) {
                let _ = reply.send(Err(ContainerError::Failed { id: kept.id.clone(), problem: problem.clone() }));
            }
            if matches!(kept.leader, Leader::Dead { .. } | Leader::Gone) {
                // How it ended is known and must not wait for what cannot be helped.
                self.announce(run, &mut kept);
            }
            self.kept.insert(run, kept);
        }
    }

    fn signal(&mut self, id: &ContainerId, signal: i32) -> Result<(), ContainerError> {
        let Some((run, members)) = self.members(id)? else { return Ok(()) };
        let failed = |problem| Err(ContainerError::Failed { id: id.clone(), problem });
        let Some(kept) = self.kept.get(&run) else { return Ok(()) };
        let mut refused = Vec::new();
        for (pid, seen) in members {
            let sent = match &kept.leader {
                Leader::Alive { pid: leader, pidfd, .. } if *leader == pid => pidfd.signal(signal),
                _ => signal_process(pid, &seen, signal),
            };
            match sent {
                // A stopped process would only see it when somebody lets it go on.
                Ok(()) if seen.state == 'T' => drop(signal_process(pid, &seen, libc::SIGCONT)),
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                    refused.push(format!("{pid} ({}): {error}", seen.name));
                }
                _ => {}
            }
        }
        if refused.is_empty() {
            Ok(())
        } else {
            failed(format!("signal {signal} was refused by {}", refused.join(", ")))
        }
    }

    fn usage(&mut self, id: &ContainerId) -> Result<Usage, ContainerError> {
        let Some((_, members)) = self.members(id)? else {
            return Err(ContainerError::Failed { id: id.clone(), problem: "it has ended".into() });
        };
        let unit = |name, usual| sysconf(name).ok().flatten().and_then(|n| u64::try_from(n).ok()).unwrap_or(usual);
        let (tick_nanos, page) =
            (1_000_000_000 / unit(SysconfVar::CLK_TCK, 100).max(1), unit(SysconfVar::PAGE_SIZE, 4096));
        let mut usage = Usage::default();
        for (_, stat) in members {
            usage.cpu_nanos = usage.cpu_nanos.saturating_add(stat.ticks.saturating_mul(tick_nanos));
            usage.memory_bytes = usage.memory_bytes.saturating_add(stat.resident_pages.saturating_mul(page));
            usage.processes = usage.processes.saturating_add(stat.threads);
        }
        Ok(usage)
    }

    /// The living processes of a container; `None` when it has ended.
    fn members(&mut self, id: &ContainerId) -> Result<Option<Members>, ContainerError> {
        let Some(run) = self.runs.get(id).copied() else { return Ok(None) };
        let problem = |error: io::Error| ContainerError::Failed {
            id: id.clone(),
            problem: format!("the table of processes cannot be read: {error}"),
        };
        let found = self.walker.walk(&self.known).map_err(problem)?;
        let living = found.of(run).filter_map(|pid| Some((pid, Stat::read(pid).ok().flatten()?)));
        Ok(Some((run, living.filter(|(_, stat)| !stat.is_dead()).collect())))
    }

    /// Condemns everything that runs here or was left by an earlier containerizer and is not known.
    fn recover(&mut self, known: &BTreeSet<ContainerId>) -> Recovered {
        let mut leaving = Vec::new();
        let unknown: Vec<ContainerId> = self.runs.keys().filter(|id| !known.contains(*id)).cloned().collect();
        for id in unknown {
            let (reply, gone) = oneshot::channel();
            self.destroy(&id, reply);
            leaving.push(gone);
        }
        for (id, leader) in self.leftovers() {
            let run = self.parts.book.unlisted_run();
            let (reply, gone) = oneshot::channel();
            let leader = leader.filter(|(pid, pidfd)| self.watch(run, *pid, pidfd).is_ok());
            let leader = leader.map_or(Leader::Gone, |(pid, pidfd)| Leader::Foreign { pid, pidfd });
            self.enter(run, Kept::new(id, leader));
            self.condemn(run);
            if let Some(kept) = self.kept.get_mut(&run) {
                kept.replies.push(reply);
            }
            leaving.push(gone);
        }
        let kept = known.iter().filter(|id| self.runs.contains_key(*id)).cloned().collect();
        Recovered { kept, leaving }
    }

    /// Containers of earlier containerizers: by their records, and by what their processes say of themselves.
    fn leftovers(&mut self) -> Vec<(ContainerId, Option<(i32, PidFd)>)> {
        let mut all = BTreeMap::new();
        let records = self.parts.records.read_all().unwrap_or_else(|error| {
            tracing::warn!(%error, "the records of containers cannot be read");
            Vec::new()
        });
        for (id, record) in records {
            // One of ours that is not running is being launched, or has just ended.
            if record.as_ref().is_none_or(|record| record.owner != self.parts.owner) && !self.runs.contains_key(&id) {
                let leader = record.and_then(|record| self.leader_of(&record));
                all.insert(id, leader);
            }
        }
        let unclaimed = self.walker.walk(&self.known).map(|found| found.unclaimed).unwrap_or_default();
        let ids = unclaimed.into_iter().filter_map(|name| ContainerId::new(String::from_utf8(name).ok()?).ok());
        for id in ids.filter(|id| self.parts.book.follow(id).is_none()) {
            all.entry(id).or_insert(None);
        }
        all.into_iter().collect()
    }

    /// The process a record speaks of, if it is still that very process.
    fn leader_of(&self, record: &Record) -> Option<(i32, PidFd)> {
        if record.boot != self.parts.boot || record.pid <= 1 {
            return None;
        }
        let pidfd = PidFd::open(record.pid).ok()?;
        let stat = Stat::read(record.pid).ok().flatten()?;
        (stat.start == record.start && stat.session == record.pid).then_some((record.pid, pidfd))
    }

    /// Condemns everything, now and to come.
    fn close(&mut self) -> Vec<Gone> {
        self.is_closing = true;
        let runs: Vec<u64> = self.kept.keys().copied().collect();
        let mut leaving = Vec::new();
        for run in runs {
            self.condemn(run);
            let (reply, gone) = oneshot::channel();
            if let Some(kept) = self.kept.get_mut(&run) {
                kept.replies.push(reply);
            }
            leaving.push(gone);
        }
        leaving
    }

    fn replace_watchdog(&mut self) {
        if let Some(old) = self.watchdog.take() {
            let _ = self.epoll.delete(old.pidfd());
        }
        if self.watchdogs >= WATCHDOGS_MAX {
            tracing::error!(
                "the watchdog was killed too often; a sudden death of this process may leave containers behind"
            );
            return;
        }
        self.watchdogs += 1;
        match Watchdog::start(&self.parts.work_dir, &self.parts.owner) {
            Ok(watchdog) => {
                let _ = self.epoll.add(watchdog.pidfd(), EpollEvent::new(EpollFlags::EPOLLIN, WATCHDOG));
                self.watchdog = Some(watchdog);
            }
            Err(error) => tracing::error!(%error, "the watchdog was killed and cannot be replaced"),
        }
    }
}

impl Kept {
    const fn new(id: ContainerId, leader: Leader) -> Self {
        Self {
            id,
            leader,
            stragglers: BTreeMap::new(),
            is_condemned: false,
            is_announced: false,
            deadline: None,
            replies: Vec::new(),
        }
    }

    /// Kills what can be reached without a walk.
    fn strike(&self) {
        self.strike_group();
        match &self.leader {
            Leader::Alive { pidfd, .. } => drop(pidfd.signal(libc::SIGKILL)),
            // Not killed before the rest, since its number is what the rest is found by; but it must not go on.
            Leader::Foreign { pidfd, .. } => drop(pidfd.signal(libc::SIGSTOP)),
            Leader::Dead { .. } | Leader::Gone => {}
        }
        for straggler in self.stragglers.values() {
            let _ = straggler.signal(libc::SIGKILL);
        }
    }

    /// The whole group at once: no member can make a child that escapes. The number is our unreaped child's.
    fn strike_group(&self) {
        if let Leader::Alive { pid, .. } | Leader::Dead { pid, .. } = &self.leader {
            let _ = killpg(Pid::from_raw(*pid), SIGKILL);
        }
    }

    /// Which processes SIGKILL did not end, for whoever must look after the machine.
    fn survivors(&self) -> String {
        let leader = match &self.leader {
            Leader::Alive { pid, .. } | Leader::Foreign { pid, .. } => Some(*pid),
            Leader::Dead { .. } | Leader::Gone => None,
        };
        let pids = leader.into_iter().chain(self.stragglers.keys().copied());
        let named = pids.map(|pid| match Stat::read(pid) {
            Ok(Some(stat)) => format!("{pid} ({}, state {})", stat.name, stat.state),
            _ => pid.to_string(),
        });
        let named: Vec<String> = named.collect();
        let named = if named.is_empty() { "new ones as fast as they are killed".into() } else { named.join(", ") };
        format!("processes survive SIGKILL: {named}; state D waits for a disk or a network disk that does not answer")
    }
}

/// Signals a process that was seen, unless its number means another one by now.
fn signal_process(pid: i32, seen: &Stat, signal: i32) -> io::Result<()> {
    let pidfd = PidFd::open(pid)?;
    match Stat::read(pid)? {
        Some(now) if now.start == seen.start => pidfd.signal(signal),
        _ => Err(io::Error::from_raw_os_error(libc::ESRCH)),
    }
}
