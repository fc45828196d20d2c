//! What an earlier containerizer left in the same work directory, and how it is ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mesos_core::{ContainerId, Exit};
use tokio::sync::oneshot;

use super::kept::{Kept, Leader};
use super::{Keeper, Recovered};
use crate::containerizer::process::book::Stage;
use crate::containerizer::process::record::Record;
use crate::containerizer::process::shim;
use crate::containerizer::process::sys::PidFd;
use crate::containerizer::process::table::{BLANK_FOR, Stat};

/// Between two walks of a recovery.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A process an earlier containerizer started at the head of a container.
struct Former {
    pid: i32,
    pidfd: PidFd,
    is_shim: bool,
}

impl Former {
    fn into_leader(self) -> Leader {
        let Self { pid, pidfd, is_shim } = self;
        if is_shim { Leader::Shim { pid, pidfd } } else { Leader::Foreign { pid, pidfd } }
    }
}

impl Keeper {
    /// Takes back what is known and outlived an earlier containerizer. Condemns everything that runs here and is not known,
    /// and what else was left.
    pub(super) fn recover(&mut self, known: &BTreeSet<ContainerId>) -> Recovered {
        let mut leaving = Vec::new();
        self.take_back(known);
        let unknown: Vec<ContainerId> = self.runs.keys().filter(|id| !known.contains(*id)).cloned().collect();
        for id in unknown {
            let (reply, gone) = oneshot::channel();
            self.destroy(&id, reply);
            leaving.push(gone);
        }
        for (id, leader) in self.leftovers() {
            let run = self.parts.book.unlisted_run();
            let (reply, gone) = oneshot::channel();
            let leader = leader.filter(|Former { pid, pidfd, .. }| self.watch(run, *pid, pidfd).is_ok());
            let leader = leader.map_or(Leader::Gone, Former::into_leader);
            self.enter(run, Kept::new(id, leader));
            self.condemn(run);
            if let Some(kept) = self.kept.get_mut(&run) {
                kept.replies.push(reply);
            }
            leaving.push(gone);
        }
        let is_kept = |id: &&ContainerId| self.runs.contains_key(*id) || self.parts.book.has_ended(id);
        let kept = known.iter().filter(is_kept).cloned().collect();
        Recovered { kept, leaving }
    }

    /// Containers that are known and have, or had, a shim: those that run and those whose end was written down.
    fn take_back(&mut self, known: &BTreeSet<ContainerId>) {
        for (id, record) in self.records() {
            let record = record.filter(|record| record.owner == shim::OWNER && known.contains(&id));
            if self.parts.book.follow(&id).is_some() {
                continue;
            }
            let Some(Former { pid, pidfd, .. }) = record.and_then(|record| self.leader_of(&record)) else { continue };
            let run = self.parts.book.adopt(&id, Stage::Running);
            if let Err(error) = self.watch(run, pid, &pidfd) {
                tracing::error!(container = %id, %error, "the container cannot be watched and is ended");
                let _ = pidfd.signal(nix::libc::SIGTERM);
                self.set_ended(&id, run, Exit::Unknown);
                continue;
            }
            self.runs.insert(id.clone(), run);
            self.enter(run, Kept::new(id, Leader::Shim { pid, pidfd }));
        }
        let ended = self.parts.exits.list().unwrap_or_else(|error| {
            tracing::warn!(%error, "how containers ended cannot be read");
            Vec::new()
        });
        for id in ended.into_iter().filter(|id| self.parts.book.follow(id).is_none()) {
            match self.parts.exits.read(&id).filter(|_| known.contains(&id)) {
                Some(exit) => drop(self.parts.book.adopt(&id, Stage::Ended(exit))),
                None => self.parts.exits.remove(&id),
            }
        }
    }

    fn records(&self) -> Vec<(ContainerId, Option<Record>)> {
        self.parts.records.read_all().unwrap_or_else(|error| {
            tracing::warn!(%error, "the records of containers cannot be read");
            Vec::new()
        })
    }

    /// Containers of earlier containerizers: by their records, and by what their processes say of themselves.
    fn leftovers(&mut self) -> Vec<(ContainerId, Option<Former>)> {
        let mut all = BTreeMap::new();
        for (id, record) in self.records() {
            let is_own = record.as_ref().is_some_and(|record| record.owner == self.parts.owner);
            // One of ours that is not running is being launched, or has just ended.
            let is_begun = is_own || self.parts.book.is_launching(&id);
            if !is_begun && !self.runs.contains_key(&id) {
                let leader = record.and_then(|record| self.leader_of(&record));
                all.insert(id, leader);
            }
        }
        let ids = self.unclaimed().into_iter().filter_map(|name| ContainerId::new(String::from_utf8(name).ok()?).ok());
        for id in ids.filter(|id| self.parts.book.follow(id).is_none()) {
            all.entry(id).or_insert(None);
        }
        all.into_iter().collect()
    }

    /// Names that processes of nobody here say of themselves. A process that is just becoming another program says nothing
    /// for a moment, so the table is walked until all have spoken, for as long as one may be believed to be doing that.
    fn unclaimed(&mut self) -> BTreeSet<Vec<u8>> {
        let deadline = Instant::now() + 2 * BLANK_FOR;
        let mut names = BTreeSet::new();
        self.walker.forget_foreign();
        loop {
            let is_certain = match self.walker.walk(&self.known) {
                Ok(found) => {
                    names.extend(found.unclaimed);
                    found.is_certain
                }
                Err(error) => {
                    tracing::warn!(%error, "the table of processes cannot be read");
                    false
                }
            };
            if is_certain || Instant::now() >= deadline {
                return names;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The process a record speaks of, if it is still that very process.
    fn leader_of(&self, record: &Record) -> Option<Former> {
        if record.boot != self.parts.boot || record.pid <= 1 {
            return None;
        }
        let pidfd = PidFd::open(record.pid).ok()?;
        let stat = Stat::read(record.pid).ok().flatten()?;
        let is_the_same = stat.start == record.start && stat.session == record.pid;
        is_the_same.then_some(Former { pid: record.pid, pidfd, is_shim: record.owner == shim::OWNER })
    }
}
