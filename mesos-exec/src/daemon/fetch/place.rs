//! Where in a sandbox what is fetched is put.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Component, Path, PathBuf};

use mesos_core::container::Uri;

/// A path in a sandbox, and whom the sandbox belongs to.
#[derive(Debug)]
pub(super) struct Place {
    /// The sandbox, as it really is.
    pub(super) sandbox: PathBuf,
    /// The folder, as it really is.
    pub(super) folder: PathBuf,
    /// The file in it.
    pub(super) path: PathBuf,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Place {
    /// Where this is to go: under the name it is given, or the last part of its own.
    pub(super) fn find(uri: &Uri, sandbox: &Path) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: {error}", sandbox.display());
        let sandbox = fs::canonicalize(sandbox).map_err(failed)?;
        let owner = fs::metadata(&sandbox).map_err(failed)?;
        let (uid, gid) = (owner.uid(), owner.gid());
        let inner = match &uri.output_file {
            Some(file) => file.to_string(),
            None => base_name(&uri.value).ok_or("its name does not end in that of a file; say output_file")?.to_owned(),
        };
        let escapes = || format!("output_file {inner:?} is not below the sandbox; give a relative path without '..'");
        let mut parts = Vec::new();
        for part in Path::new(&inner).components() {
            match part {
                Component::Normal(name) => parts.push(name),
                Component::CurDir => {}
                _ => return Err(escapes()),
            }
        }
        let name = parts.pop().ok_or_else(escapes)?;
        let mut folder = sandbox.clone();
        for part in parts {
            folder.push(part);
            match fs::create_dir(&folder) {
                Ok(()) => chown(&folder, Some(uid), Some(gid)).map_err(failed)?,
                // Something that was fetched before may have put a link there.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    folder = fs::canonicalize(&folder).map_err(failed)?;
                    if !folder.starts_with(&sandbox) || !folder.is_dir() {
                        return Err(escapes());
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Self { path: folder.join(name), sandbox, folder, uid, gid })
    }

    /// Makes the file, where there is none.
    pub(super) fn create(&self) -> Result<File, String> {
        let made = File::options().write(true).create_new(true).mode(0o644).open(&self.path);
        made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{} is there already; say another output_file", self.shown()),
            _ => format!("{}: {error}", self.shown()),
        })
    }

    /// Hands the file to the owner of the sandbox.
    pub(super) fn finish(&self, is_executable: bool) -> Result<(), String> {
        let failed = |error: io::Error| format!("{}: {error}", self.shown());
        if is_executable {
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        }
        chown(&self.path, Some(self.uid), Some(self.gid)).map_err(failed)
    }

    /// The file's name, for messages.
    pub(super) fn shown(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The last part of a URI's path, without what asks for a part of it.
fn base_name(uri: &str) -> Option<&str> {
    let path = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let path = path.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once('/')?;
    (!name.is_empty() && name != "." && name != "..").then_some(name)
}
