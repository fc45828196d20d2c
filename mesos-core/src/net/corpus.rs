//! Kept inputs of decoders, and what is made of them: a short run of a fuzzer without one, for tests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::kernel::Rng;

/// No input is longer, so that none takes long.
const BYTES_MAX: usize = 4_096;

/// A decoder.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&[u8]),
}

/// The kept inputs of one decoder, each with its file.
#[derive(Debug, Clone)]
pub struct Corpus(Vec<(PathBuf, Vec<u8>)>);

impl Corpus {
    /// The files of the folder that is named after the decoder.
    ///
    /// # Errors
    /// When there is no such folder, or nothing in it.
    pub fn open(folder: &Path, target: &str) -> io::Result<Self> {
        let folder = folder.join(target);
        let mut files = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        if files.is_empty() {
            return Err(io::Error::other(format!("{} is empty", folder.display())));
        }
        files.sort();
        files.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect::<io::Result<_>>().map(Self)
    }

    /// Each file and what it holds.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.0.iter().map(|(path, bytes)| (&**path, &**bytes))
    }

    /// Lets the decoder read all of it, and so many inputs that are made of it.
    ///
    /// # Errors
    /// Names the first input at which it panics.
    pub fn feed(&self, target: &Target, changed: u64, rng: &mut Rng) -> Result<(), String> {
        for (path, input) in self.iter() {
            read(target, input, path)?;
        }
        for _ in 0..changed {
            let (path, input) = &self.0[below(rng, self.0.len())];
            let mut input = input.clone();
            for _ in 0..=rng.below(6) {
                self.change(&mut input, rng);
            }
            read(target, &input, path)?;
        }
        Ok(())
    }

    /// One step of what a fuzzer does.
    fn change(&self, input: &mut Vec<u8>, rng: &mut Rng) {
        let at = below(rng, input.len());
        match below(rng, 7) {
            0 if !input.is_empty() => input[at] ^= 1 << below(rng, 8),
            1 if !input.is_empty() => input[at] = [0, 0xff, 0x7f, 0x80, b'"', b'{', b'[', b'\\'][below(rng, 8)],
            2 => input.truncate(at),
            3 => input.insert(at.min(input.len()), below(rng, 256).to_le_bytes()[0]),
            4 => {
                let end = at + below(rng, input.len() - at.min(input.len()) + 1);
                let part = input.get(at..end.min(input.len())).unwrap_or_default().to_vec();
                for _ in 0..below(rng, 8) {
                    input.splice(at..at, part.iter().copied());
                }
            }
            5 if !input.is_empty() => drop(input.remove(at)),
            _ => {
                let (_, other) = &self.0[below(rng, self.0.len())];
                let from = below(rng, other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
        input.truncate(BYTES_MAX);
    }
}

/// Sees that an input of a corpus, made by a program, is kept as it is made now; with `UPDATE_CORPUS` in the environment,
/// writes it anew.
///
/// # Errors
/// When what is kept differs, or cannot be written.
pub fn keep(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> Result<(), String> {
    let folder = folder.join(target);
    let path = folder.join(name);
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, bytes));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    match fs::read(&path) {
        Ok(kept) if kept == bytes => Ok(()),
        _ => Err(format!("{target}/{name} is stale; UPDATE_CORPUS=1 writes it anew")),
    }
}

fn below(rng: &mut Rng, end: usize) -> usize {
    let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
    usize::try_from(rng.below(end)).unwrap_or_default()
}

fn read(target: &Target, input: &[u8], made_of: &Path) -> Result<(), String> {
    let read = catch_unwind(AssertUnwindSafe(|| (target.read)(input)));
    read.map_err(|_| format!("{} panics at {input:?}, made of {}", target.name, made_of.display()))
}
