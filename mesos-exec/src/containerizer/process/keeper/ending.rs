//! How containers end: condemned, searched for, killed, reaped, announced; or given up on.

use std::time::Instant;

use mesos_core::provider::ContainerError;
use mesos_core::{ContainerId, Exit};
use nix::libc;
use tokio::sync::oneshot;

use super::kept::{Kept, Leader};
use super::{Gone, Keeper};
use crate::containerizer::process::sys::PidFd;
use crate::containerizer::process::table::{Found, Stat};

impl Keeper {
    pub(super) fn destroy(&mut self, id: &ContainerId, reply: oneshot::Sender<Result<(), ContainerError>>) {
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
    pub(super) fn condemn(&mut self, run: u64) {
        let Some(kept) = self.kept.get_mut(&run) else { return };
        kept.is_condemned = true;
        kept.deadline.get_or_insert_with(|| Instant::now() + self.parts.kill_timeout);
        kept.strike();
        // A shim does the rest itself, and its end brings us back.
        if !matches!(kept.leader, Leader::Shim { .. }) {
            self.due.insert(run);
        }
    }

    /// One walk for all that is due.
    pub(super) fn look_after_due(&mut self) {
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
            Leader::Alive { .. } | Leader::Shim { .. } => {} // killed; its end brings us back
            Leader::Foreign { pidfd, .. } => drop(pidfd.signal(libc::SIGKILL)),
            Leader::Dead { .. } | Leader::Gone if found.is_settled => self.finish(run),
            Leader::Dead { .. } | Leader::Gone => drop(self.due.insert(run)),
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
    pub(super) fn finish(&mut self, run: u64) {
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
            _ if kept.has_shim => self.parts.exits.read(&kept.id).unwrap_or(Exit::Unknown),
            _ => Exit::Unknown,
        };
        if let Err(error) = self.parts.records.remove(&kept.id) {
            tracing::warn!(container = %kept.id, %error, "the record of an ended container stays");
        }
        if self.runs.get(&kept.id) == Some(&run) {
            self.runs.remove(&kept.id);
        }
        self.set_ended(&kept.id, run, exit);
        if self.parts.book.follow(&kept.id).is_none() {
            self.parts.exits.remove(&kept.id); // nobody will ask how it ended
        }
    }

    /// Tells how a container ended, and forgets what nobody asks for any more.
    pub(super) fn set_ended(&self, id: &ContainerId, run: u64, exit: Exit) {
        for forgotten in self.parts.book.set_ended(id, run, exit) {
            self.parts.exits.remove(&forgotten);
        }
    }

    /// Gives up on what could not be killed in time, and says what survives.
    pub(super) fn expire(&mut self, now: Instant) {
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

    /// Condemns everything, now and to come.
    pub(super) fn close(&mut self) -> Vec<Gone> {
        self.is_closing = true;
        self.condemn_all()
    }

    /// Condemns what is not to outlive this, and lets go of the rest.
    pub(super) fn part(&mut self) {
        self.is_closing = true;
        self.kept.retain(|_, kept| !matches!(kept.leader, Leader::Shim { .. }) || kept.is_condemned);
        drop(self.condemn_all());
    }

    fn condemn_all(&mut self) -> Vec<Gone> {
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
}
