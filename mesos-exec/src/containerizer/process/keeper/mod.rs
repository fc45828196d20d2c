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
//! Nothing is polled: the thread sleeps until a process dies, a caller asks or a deadline passes. Only while a walk meets a
//! process that is just becoming another program, and cannot be told whose it is, another walk follows a millisecond later.

mod ask;
mod ending;
mod kept;
mod recovery;
mod tree;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mesos_core::{ContainerId, Exit};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::mpsc;

use super::book::Book;
use super::exits::Exits;
use super::record::Records;
use super::sys::PidFd;
use super::table::{Known, Walker};
use super::watchdog::Watchdog;
use kept::{Kept, Leader};

pub(super) use ask::{Ask, Asker, Gone, Recovered, Started};

/// Requests that may wait for the keeper; more wait at their callers.
const ASKS_MAX: usize = 256;
/// Events taken from the kernel at a time.
const EVENTS_MAX: usize = 256;
/// How often a watchdog that was killed is replaced; something that kills so many will kill the next.
const WATCHDOGS_MAX: u32 = 16;

/// When to walk again after a walk that could not tell everything: about how long it takes to become another program.
const LOOK_AGAIN_MILLIS: u8 = 1;

const WAKE: u64 = 0;
const WATCHDOG: u64 = 1;
const FIRST_TOKEN: u64 = 2;

/// What the keeper is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) work_dir: PathBuf,
    pub(super) sandboxes: PathBuf,
    pub(super) owner: String,
    pub(super) boot: String,
    pub(super) records: Records,
    pub(super) exits: Exits,
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
                self.part();
            }
            if is_orphaned && self.kept.values().all(|kept| kept.deadline.is_none()) && self.due.is_empty() {
                break;
            }
        }
    }

    fn timeout(&self) -> EpollTimeout {
        if !self.due.is_empty() {
            return EpollTimeout::from(LOOK_AGAIN_MILLIS);
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
        if let Err(error) = self.watch(started.run, started.pid, &started.pidfd) {
            // No memory for one more event: a container that cannot be watched is not kept.
            tracing::error!(container = %started.id, %error, "the container cannot be watched and is ended");
            let (id, run) = (started.id.clone(), started.run);
            started.end();
            let _ = self.parts.records.remove(&id);
            self.set_ended(&id, run, Exit::Unknown);
            return;
        }
        let Started { id, run, pid, pidfd, has_shim } = started;
        self.runs.insert(id.clone(), run);
        self.enter(
            run,
            Kept::new(id, if has_shim { Leader::Shim { pid, pidfd } } else { Leader::Alive { pid, pidfd } }),
        );
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
            Leader::Shim { pidfd, .. } => {
                let _ = self.epoll.delete(&pidfd);
                // One that an earlier containerizer started is not ours to reap.
                let _ = pidfd.reap();
                Leader::Gone
            }
            other => other,
        };
        if kept.leader.session().is_none() {
            self.known.sessions.remove(&pid);
            self.walker.remember_session(pid, run);
        }
        kept.is_condemned = true;
        if kept.has_shim && !self.parts.records.has(&kept.id) {
            // Removing its record was the shim's last act: nothing is left.
            self.finish(run);
            return;
        }
        kept.deadline.get_or_insert_with(|| Instant::now() + self.parts.kill_timeout);
        self.due.insert(run);
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
