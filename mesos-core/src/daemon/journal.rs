//! Writes the journal of a live machine into a file, beside the machine's loop.
//!
//! ```text
//!   Host ──begin, end──▶ Encoder ──frames──▶ bounded queue ──▶ a thread that writes
//! ```
//!
//! The machine never waits for the disk. When the queue is full the journal ends there, as [`Ending::Overrun`], and when the
//! file has reached its bound, as [`Ending::Full`]; both are said once in the log. A frame is handed on when it is full or
//! a second old, so a host that dies takes little with it.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;

use super::Recorder;
use crate::journal::{Encoder, Ending, Header};
use crate::kernel::{Machine, Rng};
use crate::time::{Instant, Now};

/// Frames that may wait for the disk, of 64 KiB or one step each.
const QUEUE_MAX: usize = 256;
/// A frame that is older is handed on.
const FRAME_AGE_MAX: Duration = Duration::from_secs(1);

/// Records a machine into a file.
///
/// Dropping it writes what is left and closes the file.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    encoder: Option<Encoder>,
    to_disk: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    /// Says how the journal ended, once the queue has room.
    farewell: Option<Vec<u8>>,
    /// Bytes the file may still grow by.
    room: u64,
    handed_on_at: Instant,
}

/// Where a machine's journal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSetup {
    /// A file that is not there yet.
    pub path: PathBuf,
    /// Its length at most, in bytes: then the journal ends, and the machine goes on.
    pub bytes_max: u64,
}

impl JournalSetup {
    /// A journal of the usual length in this file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), bytes_max: JournalFile::BYTES_MAX_DEFAULT }
    }

    /// Begins the journal of a machine of this kind and recipe, whose randomness is about to be drawn from `rng`.
    ///
    /// # Errors
    /// As [`JournalFile::create`], or when the recipe cannot be written.
    pub fn open<M: Machine>(
        &self,
        machine: &str,
        rng: &Rng,
        recipe: &impl Serialize,
    ) -> io::Result<Box<dyn Recorder<M>>>
    where
        M::Input: Serialize,
        M::Effect: Serialize,
    {
        let header = Header::new(machine, rng, serde_json::to_value(recipe)?);
        Ok(Box::new(JournalFile::create(&self.path, &header, self.bytes_max)?))
    }
}

impl JournalFile {
    /// A file that holds 4 GiB: about ten million inputs of a master.
    pub const BYTES_MAX_DEFAULT: u64 = 4 << 30;

    /// Begins the journal of a machine in a new file of at most `bytes_max` bytes, and a little for its end. Nobody else may
    /// read it: what tasks carry is in it.
    ///
    /// # Errors
    /// When the file is there already, or cannot be made.
    pub fn create(path: impl AsRef<Path>, header: &Header, bytes_max: u64) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        let (to_disk, frames) = sync_channel::<Vec<u8>>(QUEUE_MAX);
        let name = path.clone();
        let writer = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            for frame in frames {
                if let Err(error) = file.write_all(&frame) {
                    tracing::error!(path = %name.display(), %error, "the journal cannot be written; it ends here");
                    return;
                }
            }
            if let Err(error) = file.sync_all() {
                tracing::error!(path = %name.display(), %error, "the journal may not be durable");
            }
        })?;
        Ok(Self {
            path,
            encoder: Some(Encoder::new(header)),
            to_disk: Some(to_disk),
            writer: Some(writer),
            farewell: None,
            room: bytes_max,
            handed_on_at: Instant::ZERO,
        })
    }

    /// Whether it still records.
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        self.encoder.is_some()
    }

    fn hand_on(&mut self) {
        let Some(encoder) = &mut self.encoder else { return };
        let length = encoder.ready() as u64;
        if length > self.room {
            return self.end_as(Ending::Full);
        }
        let bytes = encoder.take();
        match self.to_disk.as_ref().map(|to_disk| to_disk.try_send(bytes)) {
            Some(Ok(())) => self.room -= length,
            Some(Err(TrySendError::Full(bytes))) => {
                // The frame that does not fit any more is the last one.
                self.farewell = Some(bytes);
                self.end_as(Ending::Overrun);
            }
            // The thread has said why.
            Some(Err(TrySendError::Disconnected(_))) | None => self.encoder = None,
        }
    }

    /// The journal ends before its machine, with what was handed on.
    fn end_as(&mut self, ending: Ending) {
        let Some(encoder) = self.encoder.take() else { return };
        tracing::warn!(path = %self.path.display(), ?ending, "the journal ends before its machine");
        let last = encoder.abandon(ending);
        self.farewell.get_or_insert_default().extend(last);
    }
}

impl<M: Machine> Recorder<M> for JournalFile
where
    M::Input: Serialize,
    M::Effect: Serialize,
{
    fn begin(&mut self, now: Now, input: Option<&M::Input>) {
        let Some(encoder) = &mut self.encoder else { return };
        if now.mono.since(self.handed_on_at) >= FRAME_AGE_MAX {
            self.handed_on_at = now.mono;
            encoder.close_frame();
            self.hand_on();
        }
        if let Some(encoder) = &mut self.encoder {
            encoder.begin(now, input);
        }
    }

    fn end(&mut self, effects: &[M::Effect]) {
        let Some(encoder) = &mut self.encoder else { return };
        encoder.end(effects);
        if encoder.has_frames() {
            self.hand_on();
        }
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        let last = self.encoder.take().map(|encoder| encoder.finish(Ending::Complete)).or_else(|| self.farewell.take());
        if let (Some(last), Some(to_disk)) = (last, self.to_disk.take()) {
            // The machine has ended: now there is time to wait. A thread that has ended has said why.
            drop(to_disk.send(last));
        }
        self.to_disk = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;
    use crate::journal::Journal;
    use crate::kernel::Cx;

    struct Echo;

    impl Machine for Echo {
        type Input = u64;
        type Effect = u64;
        fn handle(&mut self, cx: &mut Cx<'_, u64>, input: u64) {
            cx.emit(input);
        }
        fn deadline(&self) -> Option<Instant> {
            None
        }
        fn tick(&mut self, _cx: &mut Cx<'_, u64>) {}
    }

    fn record(path: &Path, bytes_max: u64, inputs: u64) {
        let header = Header {
            machine: "echo".into(),
            software: "0".into(),
            rng: Rng::new(1).state(),
            settings: serde_json::Value::Null,
        };
        let mut file = JournalFile::create(path, &header, bytes_max).unwrap();
        for input in 0..inputs {
            let recorder: &mut dyn Recorder<Echo> = &mut file;
            let now = Now { mono: Instant::from_nanos(input * 1_000), ..Now::default() };
            recorder.begin(now, Some(&input));
            recorder.end(&[input]);
        }
    }

    fn read(path: &Path) -> (u64, Option<Ending>) {
        let mut journal = Journal::open(BufReader::new(File::open(path).unwrap())).unwrap();
        let mut steps = 0;
        while let Some(step) = journal.next_step::<u64>().unwrap() {
            assert_eq!(step.input, Some(steps));
            steps += 1;
        }
        (steps, journal.ending())
    }

    #[test]
    fn everything_is_in_the_file_when_the_machine_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.journal");
        record(&path, u64::MAX, 20_000);
        assert_eq!(read(&path), (20_000, Some(Ending::Complete)));
        let header = Header {
            machine: "echo".into(),
            software: "0".into(),
            rng: Rng::new(1).state(),
            settings: serde_json::Value::Null,
        };
        assert!(JournalFile::create(&path, &header, 1).is_err(), "no journal is written over");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
    }

    #[test]
    fn a_file_stops_at_its_bound_and_what_is_there_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.journal");
        record(&path, 100_000, 20_000);
        let (steps, ending) = read(&path);
        assert!(steps > 1_000 && steps < 20_000, "{steps} steps");
        assert_eq!(ending, Some(Ending::Full));
        assert!(std::fs::metadata(&path).unwrap().len() <= 100_100);
    }
}
