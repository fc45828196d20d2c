//! What a daemon tells whoever started it, as `systemd` is told.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// Where a daemon says that it is ready.
pub(crate) struct Ears(UnixDatagram);

impl Ears {
    /// Listens at a path, to be given as `NOTIFY_SOCKET`, for so long at most.
    pub(crate) fn open(path: &Path, patience: Duration) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(patience)).unwrap();
        Self(socket)
    }

    /// Waits until the daemon is ready; what it says.
    pub(crate) fn hear(&self) -> String {
        let mut said = [0; 512];
        let length = loop {
            match self.0.recv(&mut said) {
                // A child of another test ended, and the signal broke the wait off.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        let said = String::from_utf8_lossy(&said[..length]).into_owned();
        assert!(said.contains("READY=1"), "{said}");
        said
    }
}
