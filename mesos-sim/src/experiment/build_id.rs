//! Which build makes figures: its version, and a digest of the program it is in.
//!
//! Two builds of one version may decide otherwise: what was changed in between is in neither's version. The digest is that
//! of the very file the code was loaded from, a program or, under Python, a shared library: it changes with the kernel, the
//! compiler, features and every dependency, needs no version control, and cannot be forgotten. Builds that differ in
//! nothing that matters are told apart as well; that costs a run, where the opposite would cost a wrong figure.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{VERSION, digest};

/// Digits of the digest that are shown: enough for all builds there will be.
const DIGITS: usize = 12;

/// What figures are made with: the version and the build, as `0.1.0+1a2b3c4d5e6f`; the version alone where the system does
/// not tell which program runs.
#[must_use]
pub fn version() -> &'static str {
    static KNOWN: OnceLock<String> = OnceLock::new();
    KNOWN.get_or_init(|| match program().and_then(|file| digest::of(file).ok()) {
        Some(digest) => format!("{VERSION}+{}", &digest[..DIGITS]),
        None => VERSION.to_owned(),
    })
}

/// Whether this build is told from others: otherwise no result of an earlier run can be trusted to be its own.
pub(super) fn is_known() -> bool {
    version() != VERSION
}

/// The file this code was loaded from.
fn program() -> Option<File> {
    let running = Path::new("/proc/self/exe");
    match image() {
        // Also when another build has taken its place since.
        Some(image) if std::fs::read_link(running).is_ok_and(|own| own == image) => File::open(running).ok(),
        Some(image) => File::open(image).ok(),
        // No Linux.
        None => File::open(std::env::current_exe().ok()?).ok(),
    }
}

/// The file that is mapped where this function is: of a library its own, not that of the program that loaded it.
fn image() -> Option<PathBuf> {
    let here = image as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let bound = |text: &str| usize::from_str_radix(text, 16).ok();
        let path = rest.find('/').map(|at| PathBuf::from(&rest[at..]));
        if (bound(from)?..bound(to)?).contains(&here) { path } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_test_is_in_the_program_of_the_test() {
        assert_eq!(image(), std::env::current_exe().ok());
        assert!(is_known() && version().starts_with(VERSION), "{}", version());
        assert_eq!(version().len(), VERSION.len() + 1 + DIGITS);
    }
}
