//! A container's terminal: a pair of ends, of which the container has one as its three streams, and the host the other.
//!
//! ```text
//!   write ──▶ host's end ══ the kernel's line discipline ══ container's end: what it reads, writes and is controlled by
//!   stdout ◀── copied ──┘
//! ```
//!
//! What the container shows is copied to the file `stdout` of its sandbox, where it is read like other output; `stderr` stays
//! empty. Until the container has ended, whoever types into it waits while it does not read. There is no end of input: who
//! wants one types it (`EOT`).
//!
//! The host keeps the container's end open too, so that a program that closes its streams and opens its terminal anew is shown
//! all the same; and so the kernel never says that the line is dead, but the [book](super::book) does.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Mutex, PoisonError};

use mesos_core::container::WindowSize;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::{Winsize, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::unistd::{Uid, fchown};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use super::spawn::Identity;
use super::sys::{above_streams, awaitable, set_window_size};

/// The most that is copied at once. One container that shows a lot does not keep the host from others.
const PIECE_BYTES: usize = 16 << 10;
/// The most that is still copied when the container has ended: the kernel holds less, and a process that escaped could go on
/// for ever.
const LAST_PIECES_MAX: usize = 64;

/// The host's end. Must be made inside a tokio runtime.
#[derive(Debug)]
pub(super) struct Terminal {
    host: AsyncFd<OwnedFd>,
    container: OwnedFd,
    /// One types at a time; the others wait.
    typing: tokio::sync::Mutex<()>,
    /// Where it goes what is shown, once the container is started.
    output: Mutex<Option<File>>,
    is_over: watch::Sender<bool>,
}

impl Terminal {
    pub(super) fn open(size: WindowSize) -> io::Result<Self> {
        // Neither is to control the host, nor to reach what else the host starts.
        let host = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        grantpt(&host)?;
        unlockpt(&host)?;
        let path = ptsname_r(&host)?;
        let container = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path)?;
        set_window_size(&host, &winsize(size))?;
        Ok(Self {
            host: awaitable(above_streams(host.into())?)?,
            container: above_streams(container.into())?,
            typing: tokio::sync::Mutex::default(),
            output: Mutex::default(),
            is_over: watch::Sender::new(false),
        })
    }

    /// The container's end, to be one of its streams.
    pub(super) fn stream(&self) -> io::Result<OwnedFd> {
        self.container.try_clone()
    }

    /// Programs open their terminal by its name too, which its user must be allowed to.
    pub(super) fn give_to(&self, identity: &Identity) -> io::Result<()> {
        Ok(fchown(&self.container, Some(Uid::from_raw(identity.uid)), None)?)
    }

    /// What is shown from now on goes here.
    pub(super) fn show_in(&self, output: File) {
        *self.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
    }

    /// Copies what is shown until the container has ended.
    pub(super) async fn run(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.over() => return,
                ready = self.host.readable() => {
                    let copied = match ready {
                        Ok(mut ready) => ready.try_io(|_| self.copy()),
                        Err(error) => Ok(Err(error)),
                    };
                    if let Ok(Err(error)) = copied {
                        tracing::warn!(%error, "what a terminal shows can be read no more");
                        return;
                    }
                }
            }
        }
    }

    /// The container has ended: what it showed last is copied, and whoever types is told. May be said again.
    pub(super) fn close(&self) {
        for _ in 0..LAST_PIECES_MAX {
            if self.copy().is_err() {
                break;
            }
        }
        self.is_over.send_replace(true);
    }

    /// Copies a piece; would block when there is none.
    fn copy(&self) -> io::Result<()> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = output.as_mut() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let mut piece = [0; PIECE_BYTES];
        let length = match nix::unistd::read(self.host.get_ref(), &mut piece) {
            Ok(0) => return Err(io::ErrorKind::WouldBlock.into()),
            Ok(length) => length,
            Err(Errno::EINTR) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        if let Err(error) = file.write_all(&piece[..length]) {
            // As it is for a container without a terminal, whose writes fail; the terminal goes on.
            tracing::warn!(%error, bytes = length, "what a terminal showed is lost, since its sandbox takes no more");
        }
        Ok(())
    }

    /// Types.
    pub(super) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let _turn = self.typing.lock().await;
        while !bytes.is_empty() {
            tokio::select! {
                biased;
                () = self.over() => return Err(io::Error::new(io::ErrorKind::BrokenPipe, "its terminal is closed")),
                ready = self.host.writable() => {
                    let written = ready?.try_io(|host| Ok(nix::unistd::write(host.get_ref(), bytes)?));
                    match written {
                        Ok(Ok(count)) => bytes = &bytes[count..],
                        Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                        Ok(Err(error)) => return Err(error),
                        Err(_would_block) => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells whoever runs in it that it has another size.
    pub(super) fn resize(&self, size: WindowSize) -> io::Result<()> {
        set_window_size(&self.host, &winsize(size))
    }

    async fn over(&self) {
        // The sender is ours: it is not dropped while we wait.
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }
}

const fn winsize(size: WindowSize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}
