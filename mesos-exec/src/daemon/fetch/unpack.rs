//! Archives, by their names: unpacked beside themselves. A name that is none of an archive is left as it is.

use std::process::{Command, Stdio};

use super::budget::Budget;
use super::place::Place;
use super::program;

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
pub(super) async fn unpack(place: &Place, budget: &Budget) -> Result<(), String> {
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
    let mut command = Command::new(program);
    command.args(&arguments);
    let unpacked = program::run(command, place, &place.sandbox, budget, Stdio::null()).await;
    unpacked.map_err(|problem| format!("it cannot be unpacked: {problem}"))
}
