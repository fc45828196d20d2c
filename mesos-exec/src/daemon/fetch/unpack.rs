//! Archives, by their names: unpacked beside themselves by programs of the system that run as the sandbox's owner and have
//! nothing of the agent's. A name that is none of an archive is left as it is.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::place::Place;

/// Unpacking takes no longer than this.
const TIMEOUT: Duration = Duration::from_secs(600);
/// So much of what a program complains about is told.
const COMPLAINT_BYTES_MAX: usize = 512;

/// The endings of archives, and what unpacks them.
const KINDS: [(&str, Kind); 11] = [
    (".tar", Kind::Tar),
    (".tar.gz", Kind::Tar),
    (".tgz", Kind::Tar),
    (".tar.bz2", Kind::Tar),
    (".tbz2", Kind::Tar),
    (".tar.xz", Kind::Tar),
    (".txz", Kind::Tar),
    (".zip", Kind::Zip),
    (".tar.zst", Kind::Tar),
    (".tzst", Kind::Tar),
    (".gz", Kind::Gzip),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tar,
    Zip,
    Gzip,
}

/// Unpacks an archive in its own folder.
pub(super) async fn unpack(place: &Place) -> Result<(), String> {
    let name = place.shown();
    // The longer endings count first.
    let kinds = KINDS.into_iter().filter(|(ending, _)| name.ends_with(ending));
    let Some((_, kind)) = kinds.max_by_key(|(ending, _)| ending.len()) else { return Ok(()) };
    // A name is never taken for a flag.
    let file = format!("./{name}");
    let (program, arguments) = match kind {
        Kind::Tar => ("tar", vec!["--no-same-owner", "-xf", &file]),
        Kind::Zip => ("unzip", vec!["-o", "-q", &file]),
        Kind::Gzip => ("gzip", vec!["-d", "-k", "-f", &file]),
    };
    let mut command = std::process::Command::new(program);
    command.args(&arguments).current_dir(&place.folder).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    if nix::unistd::geteuid().is_root() {
        command.uid(place.uid).gid(place.gid);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let failed = |error: std::io::Error| format!("{program}, which unpacks it, cannot be run: {error}");
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().map_err(failed)?;
    let mut complaint = Vec::new();
    let ending = async {
        if let Some(mut stderr) = child.stderr.take() {
            let mut part = [0; 4_096];
            while let Ok(length @ 1..) = stderr.read(&mut part).await {
                let room = COMPLAINT_BYTES_MAX.saturating_sub(complaint.len());
                complaint.extend_from_slice(&part[..length.min(room)]);
            }
        }
        child.wait().await
    };
    let ended = tokio::time::timeout(TIMEOUT, ending).await;
    let status = ended.map_err(|_| format!("unpacking takes more than {TIMEOUT:?}"))?.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(format!("it cannot be unpacked ({program}, {status}): {}", String::from_utf8_lossy(&complaint).trim()))
}
