//! Traces an experiment names, each read once however many cases replay it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::description::{QueueByPart, TracePart};
use super::error::ExperimentError;
#[cfg(unix)]
use crate::trace::ReadAt;
use crate::trace::{self, Options, QueueBy, TraceReport};
use crate::workload::Workload;

/// Files are read in any order, except what is none, such as a pipe, which can be read once.
impl trace::Source for File {
    #[cfg(unix)]
    fn anywhere(&self) -> Option<Box<dyn ReadAt>> {
        let is_file = self.metadata().is_ok_and(|metadata| metadata.is_file());
        let again = self.try_clone().ok().filter(|_| is_file)?;
        Some(Box::new(again))
    }
}

#[cfg(unix)]
impl ReadAt for File {
    fn size(&self) -> std::io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, into, at)
    }
}

/// A trace that was read.
pub(super) type Read = Arc<(Workload, TraceReport)>;

/// Traces that were read.
#[derive(Debug, Default)]
pub(super) struct Sources(Mutex<BTreeMap<String, Read>>);

impl Sources {
    pub(super) fn get(&self, part: &TracePart, folder: &Path) -> Result<Read, ExperimentError> {
        let key = format!("{part:?}");
        // Held while reading: a second case waits instead of reading the same again.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known.get(&key) {
            return Ok(read.clone());
        }
        let read = Arc::new(read(part, folder)?);
        known.insert(key, read.clone());
        Ok(read)
    }
}

fn read(part: &TracePart, folder: &Path) -> Result<(Workload, TraceReport), ExperimentError> {
    let mut files = Vec::new();
    for file in &part.files {
        let path = folder.join(file.path());
        let bytes = File::open(&path).map_err(|source| ExperimentError::File { path: path.clone(), source })?;
        files.push(trace::File { name: path.display().to_string(), table: file.table()?, bytes: Box::new(bytes) });
    }
    Ok(trace::read(files, &options(part))?)
}

fn options(part: &TracePart) -> Options {
    let secs = |span: super::parse::Span| span.0.as_secs_f64();
    let usual = Options::default();
    Options {
        unit_cpus: part.unit_cpus.unwrap_or(usual.unit_cpus),
        unit_mem: part.unit_mem.unwrap_or(usual.unit_mem),
        mem_default: part.mem_default.unwrap_or(usual.mem_default),
        from: part.from.map_or(usual.from, secs),
        until: part.until.map_or(usual.until, secs),
        jobs_max: part.jobs.unwrap_or(usual.jobs_max),
        speedup: part.speedup.unwrap_or(usual.speedup),
        queues_max: part.queues.unwrap_or(usual.queues_max),
        is_parallel_gang: part.gangs.unwrap_or(true),
        queue_by: match part.queue_by {
            QueueByPart::Nobody => QueueBy::Nobody,
            QueueByPart::User => QueueBy::User,
            QueueByPart::Class => QueueBy::Class,
        },
        ..usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_of_reading_that_cannot_be_is_an_error() {
        for (said, name) in [("speedup = -5", "speedup"), ("speedup = 0", "speedup"), ("unit_cpus = nan", "unit_cpus")]
        {
            let part: TracePart = toml::from_str(&format!("files = [\"x.swf\"]\n{said}\n")).unwrap();
            let error = trace::read(Vec::new(), &options(&part)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("trace.{name}: ")), "{said}: {error}");
        }
    }
}
