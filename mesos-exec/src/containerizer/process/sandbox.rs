//! Sandboxes: the folder each container starts in and leaves its output in.
//!
//! A sandbox stays after its container until the host removes it; nothing here removes one by itself. What a container
//! left behind is not trusted: a second container of the same name does not follow links planted in its place.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown, fchown};
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::spawn::Identity;
use super::sys::above_streams;

/// The streams of a container: nothing to read, and files to append to.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// Makes the sandbox, or takes the one of an earlier container of this name, and opens its streams.
pub(super) fn prepare(sandbox: &Path, identity: Option<&Identity>) -> Result<Streams, String> {
    let failed = |error: io::Error| format!("sandbox {}: {error}; {}", sandbox.display(), advice(&error));
    // Its user's and, to look at it, that user's group's.
    match DirBuilder::new().mode(0o750).create(sandbox) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    if let Some(identity) = identity {
        chown(sandbox, Some(identity.uid), Some(identity.gid)).map_err(failed)?;
    }
    let nothing = File::open("/dev/null").and_then(|file| above_streams(file.into()));
    Ok(Streams {
        stdin: nothing.map_err(|error| format!("/dev/null: {error}"))?,
        stdout: stream(&sandbox.join("stdout"), identity)?,
        stderr: stream(&sandbox.join("stderr"), identity)?,
    })
}

fn stream(path: &Path, identity: Option<&Identity>) -> Result<OwnedFd, String> {
    let failed = |error: io::Error| format!("{}: {error}; {}", path.display(), advice(&error));
    // Not blocking: a pipe planted in the file's place must not hold the launch up.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().append(true).create(true).custom_flags(flags).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        return Err(format!("{} is not a plain file of its own; remove the sandbox first", path.display()));
    }
    if let Some(identity) = identity {
        fchown(&file, Some(identity.uid), Some(identity.gid)).map_err(failed)?;
    }
    above_streams(file.into()).map_err(failed)
}

/// Where a container starts: below its sandbox, also when links are followed.
pub(super) fn working_dir(sandbox: &Path, inner: Option<&str>, identity: Option<&Identity>) -> Result<PathBuf, String> {
    let Some(inner) = inner.filter(|inner| !inner.is_empty()) else { return Ok(sandbox.to_owned()) };
    let escapes = || format!("working directory {inner:?} leaves the sandbox; give a path below it, without '..'");
    let mut path = sandbox.to_owned();
    for component in Path::new(inner).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => continue,
            _ => return Err(escapes()),
        }
        let failed = |error: io::Error| format!("working directory {inner:?}: {error}; {}", advice(&error));
        match DirBuilder::new().mode(0o755).create(&path) {
            Ok(()) => {
                if let Some(identity) = identity {
                    chown(&path, Some(identity.uid), Some(identity.gid)).map_err(failed)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path = fs::canonicalize(&path).map_err(failed)?;
                if !path.starts_with(sandbox) {
                    return Err(escapes());
                }
                if !path.is_dir() {
                    return Err(format!("working directory {inner:?}: {} is not a directory", path.display()));
                }
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(path)
}

/// What would be right, for the failures an operator can mend.
pub(super) fn advice(error: &io::Error) -> &'static str {
    if error.raw_os_error() == Some(libc::ELOOP) {
        return "a link stands where a plain file should be; remove the sandbox first";
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => "the agent's user must be able to write there",
        io::ErrorKind::NotFound => "the work directory must stay in place while the agent runs",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space or move the work directory",
        io::ErrorKind::ReadOnlyFilesystem => "move the work directory to a disk that can be written to",
        _ => "see whether the disk of the work directory is healthy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_directory_may_not_leave_the_sandbox_by_name_or_by_link() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = folder.path().canonicalize().unwrap();
        std::os::unix::fs::symlink("/", sandbox.join("root")).unwrap();
        for escape in ["..", "a/../..", "/etc", "root", "root/etc"] {
            let refused = working_dir(&sandbox, Some(escape), None).unwrap_err();
            assert!(refused.contains("leaves the sandbox"), "{escape}: {refused}");
        }
        assert_eq!(working_dir(&sandbox, Some("./a/b"), None).unwrap(), sandbox.join("a/b"));
        assert_eq!(working_dir(&sandbox, Some(""), None).unwrap(), sandbox);
        assert!(sandbox.join("a/b").is_dir());
    }

    #[test]
    fn output_does_not_follow_what_an_earlier_container_planted() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = folder.path().join("s");
        fs::create_dir(&sandbox).unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "").unwrap();
        std::os::unix::fs::symlink(&victim, sandbox.join("stdout")).unwrap();
        assert!(prepare(&sandbox, None).is_err());
        fs::remove_file(sandbox.join("stdout")).unwrap();
        nix::unistd::mkfifo(&sandbox.join("stdout"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(prepare(&sandbox, None).is_err());
        fs::remove_file(sandbox.join("stdout")).unwrap();
        fs::hard_link(&victim, sandbox.join("stdout")).unwrap();
        assert!(prepare(&sandbox, None).is_err());
        fs::remove_file(sandbox.join("stdout")).unwrap();
        prepare(&sandbox, None).unwrap();
    }
}
