//! Tells a service manager how far a program is: the protocol of `sd_notify(3)`.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// The service manager's socket, if there is one.
#[derive(Debug, Clone)]
pub struct Readiness {
    socket: Option<PathBuf>,
}

impl Readiness {
    /// As the environment says, in `NOTIFY_SOCKET`.
    #[must_use]
    pub fn from_env() -> Self {
        Self { socket: std::env::var_os("NOTIFY_SOCKET").map(PathBuf::from) }
    }

    /// To this socket.
    #[must_use]
    pub fn to(socket: impl Into<PathBuf>) -> Self {
        Self { socket: Some(socket.into()) }
    }

    /// It serves.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        let told = || {
            let own = UnixDatagram::unbound()?;
            match socket.to_str().and_then(|path| path.strip_prefix('@')) {
                #[cfg(target_os = "linux")]
                Some(name) => {
                    use std::os::linux::net::SocketAddrExt as _;
                    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                    own.send_to_addr(state.as_bytes(), &address)
                }
                _ => own.send_to(state.as_bytes(), socket),
            }
        };
        if let Err(error) = told() {
            tracing::warn!(%error, socket = %socket.display(), "the service manager cannot be told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_hears_when_the_program_serves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        Readiness::to(&path).ready("leads");
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1\nSTATUS=leads");
    }
}
