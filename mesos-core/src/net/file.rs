//! Files that settings name.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// More than any list of settings, credentials or access rights of a cluster: 100,000 credentials have a tenth.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// Reads a file or a pipe to its end. What has no end is refused, and so is what cannot be meant.
///
/// # Errors
/// When it cannot be read, is something else than a file or a pipe, too large, or no text.
pub fn read_text(path: &Path) -> io::Result<String> {
    let refuse = |problem: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    // Looked at first: opening a device may do something already.
    let kind = path.metadata()?.file_type();
    if !kind.is_file() && !kind.is_fifo() {
        return refuse("it is neither a file nor a pipe; name a file");
    }
    let mut text = String::new();
    File::open(path)?.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
    match text.len() as u64 > TEXT_BYTES_MAX {
        true => refuse("it is longer than 64 MiB; name a file of settings"),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_pipes_are_read_and_what_has_no_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        std::fs::write(&file, "a = 1").unwrap();
        assert_eq!(read_text(&file).unwrap(), "a = 1");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (writing, to) = (file.clone(), pipe.clone());
        let writer = std::thread::spawn(move || std::fs::copy(writing, to).unwrap());
        assert_eq!(read_text(&pipe).unwrap(), "a = 1");
        writer.join().unwrap();
        for path in [Path::new("/dev/zero"), folder.path()] {
            let refused = read_text(path).unwrap_err().to_string();
            assert!(refused.contains("neither a file nor a pipe"), "{refused}");
        }
        File::create(&file).unwrap().set_len(TEXT_BYTES_MAX + 1).unwrap();
        assert!(read_text(&file).unwrap_err().to_string().contains("64 MiB"));
    }
}
