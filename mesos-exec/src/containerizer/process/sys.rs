//! The system calls on processes that the used crates do not wrap, as safe functions.
//!
//! A process is held by its descriptor (`pidfd`), so that a number that was given to somebody else meanwhile is never
//! signalled. Starting a process is [`spawn`](super::spawn).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use mesos_core::Exit;
use nix::libc;
use tokio::io::unix::AsyncFd;

/// One process, whatever happens to its number. Readable for `epoll` once the process is dead.
#[derive(Debug)]
pub(super) struct PidFd(OwnedFd);

impl PidFd {
    /// The process that has this number now; `ESRCH` when there is none.
    pub(super) fn open(pid: i32) -> io::Result<Self> {
        // SAFETY: takes two integers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Takes the descriptor that came with a new process.
    pub(super) const fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends a signal; `ESRCH` when the process is dead and reaped.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open for as long as `self` lives; a null `info` is allowed.
        let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal, no_info, 0) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Whether it is dead and still ours to reap. An error (`ECHILD`) when it is not our child or was reaped elsewhere.
    pub(super) fn is_dead(&self) -> io::Result<bool> {
        Ok(self.status(libc::WNOWAIT)?.is_some())
    }

    /// Reaps the process if it is dead.
    pub(super) fn reap(&self) -> io::Result<Option<Exit>> {
        self.status(0)
    }

    /// Waits until our child is dead and reaps it.
    pub(super) fn wait(&self) -> io::Result<Exit> {
        loop {
            match self.wait_id(libc::WEXITED) {
                Ok(info) => return Ok(exit_of(&info).unwrap_or(Exit::Unknown)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn status(&self, flags: i32) -> io::Result<Option<Exit>> {
        Ok(exit_of(&self.wait_id(libc::WEXITED | libc::WNOHANG | flags)?))
    }

    fn wait_id(&self, flags: i32) -> io::Result<libc::siginfo_t> {
        let id = libc::id_t::try_from(self.0.as_raw_fd()).map_err(io::Error::other)?;
        // SAFETY: `siginfo_t` is plain data for which all zeroes are valid; the kernel leaves it so if nothing happened.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is open, `info` is a live `siginfo_t` the kernel may fill.
        let done = unsafe { libc::waitid(libc::P_PIDFD, id, &raw mut info, flags) };
        if done == 0 { Ok(info) } else { Err(io::Error::last_os_error()) }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The same file above the three standard streams, which a child replaces one by one: a host may have closed its own.
pub(super) fn above_streams(fd: OwnedFd) -> io::Result<OwnedFd> {
    // The standard library duplicates to 3 and above.
    if fd.as_raw_fd() > 2 { Ok(fd) } else { fd.try_clone() }
}

/// A descriptor that does not block, to be waited for. Must be called inside a tokio runtime.
pub(super) fn awaitable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is the same open descriptor from its making to its end, and nothing else closes it.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

/// Gives a terminal another size; its processes are told.
pub(super) fn set_window_size(terminal: &impl AsRawFd, size: &libc::winsize) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `terminal` is borrowed; `size` is a live `winsize` the kernel reads.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, std::ptr::from_ref(size)) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn exit_of(info: &libc::siginfo_t) -> Option<Exit> {
    // SAFETY: `waitid` fills the child's fields, and all zeroes (nothing happened) are valid too.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    match (pid, info.si_code) {
        (0, _) => None,
        (_, libc::CLD_EXITED) => Some(Exit::Status(status)),
        (_, _) => Some(Exit::Signalled(status)),
    }
}
