//! What an earlier containerizer left in the same work directory, and how it is ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mesos_core::ContainerId;
use tokio::sync::oneshot;

use super::kept::{Kept, Leader};
use super::{Keeper, Recovered};
use crate::containerizer::process::record::Record;
use crate::containerizer::process::sys::PidFd;
use crate::containerizer::process::table::{BLANK_FOR, Stat};

/// Between two walks of a recovery.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Keeper {
    /// Condemns everything that runs here or was left by an earlier containerizer and is not known.
    pub(super) fn recover(&mut self, known: &BTreeSet<ContainerId>) -> Recovered {
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
    fn leader_of(&self, record: &Record) -> Option<(i32, PidFd)> {
        if record.boot != self.parts.boot || record.pid <= 1 {
            return None;
        }
        let pidfd = PidFd::open(record.pid).ok()?;
        let stat = Stat::read(record.pid).ok().flatten()?;
        (stat.start == record.start && stat.session == record.pid).then_some((record.pid, pidfd))
    }
}
