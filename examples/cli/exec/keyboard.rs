//! What this program is given to read, and its terminal while another one is shown in it.

use std::io::{self, Read as _};

use anyhow::Context as _;
use mesos_core::container::WindowSize;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// So much is read at a time.
const PIECE_BYTES: usize = 4 << 10;

/// What is passed on.
#[derive(Debug)]
pub(super) enum Typed {
    /// Bytes; none are the end.
    Bytes(Vec<u8>),
    /// The terminal has this size now.
    Size(WindowSize),
}

/// Reads until this program ends. A terminal passes everything on as it comes, and is as it was when this is dropped.
#[derive(Debug)]
pub(super) struct Keyboard {
    /// How the terminal was, and how large it was when it was looked at first.
    terminal: Option<(Termios, WindowSize)>,
}

impl Keyboard {
    /// What is read, to its end.
    pub(super) fn of_text(typing: mpsc::Sender<Typed>) -> Self {
        pass_on(typing);
        Self { terminal: None }
    }

    /// What is typed, and each size the terminal has.
    ///
    /// # Errors
    /// When this program was not started in a terminal.
    pub(super) fn of_terminal(typing: mpsc::Sender<Typed>) -> anyhow::Result<Self> {
        let stdin = io::stdin();
        anyhow::ensure!(isatty(&stdin), "--tty: this program was not started in a terminal; leave --tty out");
        let before = tcgetattr(&stdin).context("the terminal cannot be asked how it is set")?;
        let size = size_now().context("the terminal does not say how large it is")?;
        let mut changed = signal(SignalKind::window_change())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).context("the terminal cannot be set")?;
        tokio::spawn({
            let typing = typing.clone();
            async move {
                while changed.recv().await.is_some() {
                    let Ok(size) = size_now() else { continue };
                    if typing.send(Typed::Size(size)).await.is_err() {
                        return;
                    }
                }
            }
        });
        pass_on(typing);
        Ok(Self { terminal: Some((before, size)) })
    }

    /// How large the terminal is, if there is one.
    pub(super) fn size(&self) -> Option<WindowSize> {
        self.terminal.as_ref().map(|(_, size)| *size)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some((before, _)) = &self.terminal
            && let Err(error) = tcsetattr(io::stdin(), OptionalActions::Now, before)
        {
            eprintln!("mesos: the terminal could not be set as it was: {error}; say `reset`");
        }
    }
}

fn size_now() -> io::Result<WindowSize> {
    let size = tcgetwinsize(io::stdin())?;
    Ok(WindowSize { rows: size.ws_row, columns: size.ws_col })
}

/// A thread of its own: a read of a terminal is not interrupted, and ends with this program.
fn pass_on(typing: mpsc::Sender<Typed>) {
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut piece = [0; PIECE_BYTES];
        loop {
            let length = match stdin.read(&mut piece) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    eprintln!("mesos: nothing more can be read: {error}");
                    0
                }
            };
            if typing.blocking_send(Typed::Bytes(piece[..length].to_vec())).is_err() || length == 0 {
                return;
            }
        }
    });
}
