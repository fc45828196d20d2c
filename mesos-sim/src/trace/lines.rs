//! Lines of a file that may be compressed, numbered, and none of them too long.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

/// A longer line is not a row of any trace; memory must not grow with it.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Some programs write it before everything else, to say that what follows is Unicode.
const MARK: char = '\u{feff}';

fn too_long() -> io::Error {
    let problem = format!("a line of more than {LINE_BYTES_MAX} bytes is no row of a trace");
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// How a file was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// How files begin that are compressed in ways that are not undone here.
const FOREIGN: [(&[u8], &str); 4] =
    [(b"BZh", "bzip2"), (b"\xfd7zX", "xz"), (b"PK\x03\x04", "zip"), (b"\x1f\x9d", "compress (.Z)")];

/// So many bytes tell how a file is compressed.
const MAGIC: u64 = 4;

/// So many bytes from the beginning of a file, as far as it goes, and all of it.
pub(super) fn begin<R: Read>(mut bytes: R, count: u64) -> io::Result<(Vec<u8>, impl BufRead)> {
    let mut begins = Vec::new();
    match bytes.by_ref().take(count).read_to_end(&mut begins) {
        // What ends in the middle is told of by who reads on.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof || begins.is_empty() => return Err(error),
        _ => {}
    }
    Ok((begins.clone(), BufReader::with_capacity(1 << 16, Cursor::new(begins).chain(bytes))))
}

/// Undoes the compression that the first bytes speak of.
pub(super) fn open(bytes: Box<dyn Read>) -> io::Result<(Box<dyn BufRead>, Compression)> {
    let (magic, whole) = begin(bytes, MAGIC)?;
    if let Some((_, foreign)) = FOREIGN.iter().find(|(start, _)| magic.starts_with(start)) {
        let problem = format!("this is compressed as {foreign}; unpack it, or compress it with gzip or zstd");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    let compression = match magic[..] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    };
    let reader: Box<dyn BufRead> = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(whole))),
        Compression::Zstd => {
            let decoder = StreamingDecoder::new(whole).map_err(io::Error::other)?;
            Box::new(BufReader::with_capacity(1 << 16, decoder))
        }
    };
    Ok((reader, compression))
}

/// Numbered lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    peeked: VecDeque<String>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, peeked: VecDeque::new(), number: 0 }
    }

    /// The number of the line read last.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The first lines that are neither empty nor comments. They are read again later.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        while found.len() < count && self.peeked.len() < 100 * count {
            let mut line = String::new();
            let is_whole = match self.read(&mut line) {
                Ok(Some(is_whole)) => is_whole,
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !found.is_empty() => break,
                Err(error) => return Err(error),
            };
            if self.peeked.is_empty() && line.starts_with(MARK) {
                line.drain(..MARK.len_utf8());
            }
            let text = line.trim();
            if !text.is_empty() && !text.starts_with([';', '#']) {
                found.push(text.to_owned());
            }
            self.peeked.push_back(line);
            if !is_whole {
                // A document may be one line; what follows of it is read as it is needed.
                let is_document = found.first().is_some_and(|first| first.starts_with(['{', '[']));
                return if is_document { Ok(found) } else { Err(too_long()) };
            }
        }
        Ok(found)
    }

    /// Reads the next line; whether there was one.
    pub(super) fn next_into(&mut self, line: &mut String) -> io::Result<bool> {
        let is_whole = match self.peeked.pop_front() {
            Some(peeked) => {
                let is_whole = peeked.ends_with('\n') || (peeked.len() as u64) < LINE_BYTES_MAX;
                *line = peeked;
                Some(is_whole)
            }
            None => self.read(line)?,
        };
        self.number += u64::from(is_whole.is_some());
        if is_whole == Some(false) { Err(too_long()) } else { Ok(is_whole.is_some()) }
    }

    /// Reads a line or what fits of it; whether it is all of it, if there is one.
    fn read(&mut self, line: &mut String) -> io::Result<Option<bool>> {
        let mut bytes = std::mem::take(line).into_bytes();
        bytes.clear();
        let read = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)? as u64;
        let is_whole = read < LINE_BYTES_MAX || bytes.last() == Some(&b'\n');
        // Bytes that are no text can only be in names; what they stand for does not matter.
        *line = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Ok((read > 0).then_some(is_whole))
    }

    /// All that is left, from the first line on.
    pub(super) fn into_inner(self) -> impl BufRead {
        let peeked: String = self.peeked.into_iter().collect();
        BufReader::new(Cursor::new(peeked.into_bytes()).chain(self.reader))
    }
}
