//! Folders of daemons, closed to whoever else uses the machine.

use std::fs::{DirBuilder, create_dir_all};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// What others than the owner may do with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: what is in it is the daemon's own.
    Closed,
    /// Go through it to what they know the name of: tasks of other users, to their sandboxes.
    Passage,
}

/// Makes a folder unless it is there; one that is there stays as its owner wants it, and so does what is above.
///
/// # Errors
/// When it cannot be made, or something else stands there.
pub fn make_folder(path: &Path, access: Access) -> io::Result<()> {
    if let Some(above) = path.parent() {
        create_dir_all(above)?;
    }
    let mode = match access {
        Access::Closed => 0o700,
        Access::Passage => 0o711,
    };
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn others_get_as_far_as_they_must_and_what_is_there_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let mode = |path: &Path| metadata(path).unwrap().permissions().mode() & 0o777;
        let (closed, passage) = (root.path().join("above/closed"), root.path().join("passage"));
        make_folder(&closed, Access::Closed).unwrap();
        make_folder(&passage, Access::Passage).unwrap();
        assert_eq!((mode(&closed), mode(&passage)), (0o700, 0o711));
        assert_ne!(mode(&root.path().join("above")), 0o700, "what is above belongs to others as well");
        set_permissions(&closed, Permissions::from_mode(0o750)).unwrap();
        make_folder(&closed, Access::Closed).unwrap();
        assert_eq!(mode(&closed), 0o750);
    }
}
