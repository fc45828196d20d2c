//! One container as the keeper sees it: its leader, its stragglers, and who waits for its end.

use std::collections::BTreeMap;
use std::time::Instant;

use mesos_core::ContainerId;
use mesos_core::provider::ContainerError;
use nix::libc;
use nix::sys::signal::{SIGKILL, killpg};
use nix::unistd::Pid;
use tokio::sync::oneshot;

use crate::containerizer::process::sys::PidFd;
use crate::containerizer::process::table::Stat;

/// Who is at the head of a container.
#[derive(Debug)]
pub(super) enum Leader {
    /// Our child, alive.
    Alive { pid: i32, pidfd: PidFd },
    /// Our child, dead and not yet reaped: its number is still its own.
    Dead { pid: i32, pidfd: PidFd },
    /// Not our child: left by an earlier containerizer, stopped, to be killed last. Its session may be trusted while it lives.
    Foreign { pid: i32, pidfd: PidFd },
    /// The container's shim, alive, our child or not. It ends the container when told to, and ends with it.
    Shim { pid: i32, pidfd: PidFd },
    /// Nobody, or somebody whose number may have been given away.
    Gone,
}

impl Leader {
    pub(super) const fn session(&self) -> Option<i32> {
        match self {
            Self::Alive { pid, .. } | Self::Dead { pid, .. } | Self::Foreign { pid, .. } | Self::Shim { pid, .. } => {
                Some(*pid)
            }
            Self::Gone => None,
        }
    }
}

/// A container, from its start to the end of its last process.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) id: ContainerId,
    pub(super) leader: Leader,
    /// Processes beside the leader that were killed and have not died yet.
    pub(super) stragglers: BTreeMap<i32, PidFd>,
    /// Being ended, with all that belongs to it.
    pub(super) is_condemned: bool,
    /// It has, or had, a shim: how it ended is on disk.
    pub(super) has_shim: bool,
    /// Its end has been told.
    pub(super) is_announced: bool,
    /// When to give up on killing it.
    pub(super) deadline: Option<Instant>,
    /// Who waits for it to be gone.
    pub(super) replies: Vec<oneshot::Sender<Result<(), ContainerError>>>,
}

impl Kept {
    pub(super) const fn new(id: ContainerId, leader: Leader) -> Self {
        Self {
            id,
            has_shim: matches!(leader, Leader::Shim { .. }),
            leader,
            stragglers: BTreeMap::new(),
            is_condemned: false,
            is_announced: false,
            deadline: None,
            replies: Vec::new(),
        }
    }

    /// Kills what can be reached without a walk.
    pub(super) fn strike(&self) {
        self.strike_group();
        match &self.leader {
            Leader::Alive { pidfd, .. } => drop(pidfd.signal(libc::SIGKILL)),
            // Not killed before the rest, since its number is what the rest is found by; but it must not go on.
            Leader::Foreign { pidfd, .. } => drop(pidfd.signal(libc::SIGSTOP)),
            // It knows what the container is and ends all of it.
            Leader::Shim { pidfd, .. } => drop(pidfd.signal(libc::SIGTERM).and_then(|()| pidfd.signal(libc::SIGCONT))),
            Leader::Dead { .. } | Leader::Gone => {}
        }
        for straggler in self.stragglers.values() {
            let _ = straggler.signal(libc::SIGKILL);
        }
    }

    /// The whole group at once: no member can make a child that escapes. The number is our unreaped child's.
    pub(super) fn strike_group(&self) {
        if let Leader::Alive { pid, .. } | Leader::Dead { pid, .. } = &self.leader {
            let _ = killpg(Pid::from_raw(*pid), SIGKILL);
        }
    }

    /// Which processes SIGKILL did not end, for whoever must look after the machine.
    pub(super) fn survivors(&self) -> String {
        let leader = match &self.leader {
            Leader::Alive { pid, .. } | Leader::Foreign { pid, .. } | Leader::Shim { pid, .. } => Some(*pid),
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
