//! What an agent reads that others wrote, beside what comes over the network, as functions of bytes: for fuzzing, and for the
//! run of the kept corpus among the tests.

use mesos_core::kernel::Record;
use mesos_core::net::corpus::Target;

use super::fetch::decoders as fetch;
use crate::agent::read_checkpoint;
use crate::containerizer::process::read_record;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "checkpoint", read: checkpoint },
    Target { name: "container_record", read: |bytes| read_record(&String::from_utf8_lossy(bytes)) },
    Target { name: "fetch_uri", read: fetch::uri },
    Target { name: "archive", read: fetch::archive },
];

/// A record in each line: its key, a space, its value.
fn checkpoint(bytes: &[u8]) {
    drop(read_checkpoint(&records(&String::from_utf8_lossy(bytes))));
}

fn records(text: &str) -> Vec<Record> {
    let record = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some(Record { key: key.into(), value: value.as_bytes().into() })
    };
    text.lines().filter_map(record).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use mesos_core::kernel::Rng;
    use mesos_core::net::corpus::Corpus;

    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
    }

    #[test]
    fn nothing_that_is_read_panics_an_agent_or_leads_out_of_a_sandbox() {
        for target in TARGETS {
            let corpus = Corpus::open(&folder(), target.name).unwrap();
            // Each archive takes a program of its own.
            let changed = if target.name == "archive" { 60 } else { 2_000 };
            corpus.feed(target, changed, &mut Rng::new(1)).unwrap();
        }
    }

    #[test]
    fn the_corpus_holds_what_an_agent_would_read() {
        for (path, bytes) in Corpus::open(&folder(), "checkpoint").unwrap().iter() {
            let records = records(std::str::from_utf8(bytes).unwrap());
            assert!(!records.is_empty());
            read_checkpoint(&records).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}
