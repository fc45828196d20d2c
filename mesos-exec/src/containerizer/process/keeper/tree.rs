//! What is done to all living processes of a container at once: signals and measuring.

use std::io;

use mesos_core::ContainerId;
use mesos_core::container::Usage;
use mesos_core::provider::ContainerError;
use nix::libc;
use nix::unistd::{SysconfVar, sysconf};

use super::Keeper;
use super::kept::Leader;
use crate::containerizer::process::sys::PidFd;
use crate::containerizer::process::table::Stat;

/// A run and its living processes.
type Members = (u64, Vec<(i32, Stat)>);

impl Keeper {
    pub(super) fn signal(&mut self, id: &ContainerId, signal: i32) -> Result<(), ContainerError> {
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
                // A stopped process would only see it when somebody lets it go on; and it may have stopped just now.
                Ok(()) if signal == libc::SIGTERM => drop(signal_process(pid, &seen, libc::SIGCONT)),
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

    pub(super) fn usage(&mut self, id: &ContainerId) -> Result<Usage, ContainerError> {
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
        // A shim looks after its container and is not of it.
        let shim = match self.kept.get(&run).map(|kept| &kept.leader) {
            Some(Leader::Shim { pid, pidfd }) => {
                if pidfd.signal(0).is_err() {
                    // Its number, by which all others were found, may have been somebody else's.
                    return Ok(None);
                }
                Some(*pid)
            }
            _ => None,
        };
        let living = found
            .of(run)
            .filter(|pid| Some(*pid) != shim)
            .filter_map(|pid| Some((pid, Stat::read(pid).ok().flatten()?)));
        Ok(Some((run, living.filter(|(_, stat)| !stat.is_dead()).collect())))
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
