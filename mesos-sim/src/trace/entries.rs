//! The entries of a list in a JSON document, one after the other: the document need not be held, nor be sound behind them.

use std::io::{self, BufRead};

/// A longer entry is not one of any trace; memory must not grow with it.
const ENTRY_BYTES_MAX: usize = 16 << 20;

/// Why there is no next entry.
#[derive(Debug)]
pub(super) enum EntryError {
    /// The bytes cannot be had.
    Io(io::Error),
    /// It ends in the middle.
    CutOff,
    /// It is no such document.
    Foreign(&'static str),
}

/// One entry, and the line it begins in.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) bytes: Vec<u8>,
    pub(super) line: u64,
}

/// Goes through the entries of a list.
#[derive(Debug)]
pub(super) struct Entries<R> {
    reader: R,
    line: u64,
    column: u64,
    /// The list is this member of the document; with an empty name, it is the document.
    member: &'static str,
    is_begun: bool,
}

impl<R: BufRead> Entries<R> {
    pub(super) const fn new(reader: R, member: &'static str) -> Self {
        Self { reader, line: 1, column: 1, member, is_begun: false }
    }

    /// Where it is: line and column.
    pub(super) const fn position(&self) -> (u64, u64) {
        (self.line, self.column)
    }

    /// The next entry; nothing after the last one.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>, EntryError> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.begin()?;
        }
        if self.skip(b",")? == b']' {
            return Ok(None);
        }
        let line = self.line;
        let mut bytes = self.value()?;
        if bytes.is_empty() {
            // A bracket or colon that nothing goes before is no entry, and must not hold up the next.
            bytes.push(self.next()?);
        }
        Ok(Some(Entry { bytes, line }))
    }

    /// Up to the first entry.
    fn begin(&mut self) -> Result<(), EntryError> {
        let foreign = |what| Err(EntryError::Foreign(what));
        if self.member.is_empty() {
            return if self.skip(b"")? == b'[' { self.next().map(drop) } else { foreign("it should be a list: [") };
        }
        if self.skip(b"")? != b'{' {
            return foreign("it should be an object: {");
        }
        self.next()?;
        loop {
            if self.skip(b",")? != b'"' {
                return foreign("it has no list of that name");
            }
            let name = self.value()?;
            if self.next()? != b':' {
                return foreign("a member should have a value");
            }
            if name.trim_ascii() == format!("{:?}", self.member).as_bytes() {
                return if self.skip(b"")? == b'[' { self.next().map(drop) } else { foreign("that is no list") };
            }
            self.skip(b"")?;
            self.value()?;
        }
    }

    /// The bytes of a value, up to the comma, colon or bracket behind it.
    fn value(&mut self) -> Result<Vec<u8>, EntryError> {
        let (mut bytes, mut depth, mut is_text, mut is_escaped) = (Vec::new(), 0_u32, false, false);
        loop {
            let byte = self.peek()?;
            if is_text {
                is_text = is_escaped || byte != b'"';
                is_escaped = !is_escaped && byte == b'\\';
            } else {
                match byte {
                    b',' | b':' | b']' | b'}' if depth == 0 => return Ok(bytes),
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    b'"' => is_text = true,
                    _ => {}
                }
            }
            bytes.push(self.next()?);
            if bytes.len() > ENTRY_BYTES_MAX {
                return Err(EntryError::Foreign("an entry of more than 16 MB is none of a trace"));
            }
        }
    }

    /// The first byte that is neither blank nor one of these; it is not taken.
    fn skip(&mut self, others: &[u8]) -> Result<u8, EntryError> {
        loop {
            let byte = self.peek()?;
            if !byte.is_ascii_whitespace() && !others.contains(&byte) {
                return Ok(byte);
            }
            self.next()?;
        }
    }

    fn peek(&mut self) -> Result<u8, EntryError> {
        loop {
            return match self.reader.fill_buf() {
                Ok(bytes) => bytes.first().copied().ok_or(EntryError::CutOff),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(EntryError::CutOff),
                Err(error) => Err(EntryError::Io(error)),
            };
        }
    }

    fn next(&mut self) -> Result<u8, EntryError> {
        let byte = self.peek()?;
        self.reader.consume(1);
        self.column += 1;
        if byte == b'\n' {
            (self.line, self.column) = (self.line + 1, 1);
        }
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, member: &'static str) -> (Vec<(String, u64)>, Option<EntryError>) {
        let (mut entries, mut found) = (Entries::new(text.as_bytes(), member), Vec::new());
        loop {
            match entries.next_entry() {
                Ok(Some(Entry { bytes, line })) => found.push((String::from_utf8(bytes).unwrap(), line)),
                Ok(None) => return (found, None),
                Err(error) => return (found, Some(error)),
            }
        }
    }

    #[test]
    fn entries_are_told_apart_whatever_stands_in_their_texts() {
        let (found, error) = all("[ {\"a\": \"],}\\\"\",\n\"b\": [1, {}]},\n\n5,null]  behind it", "");
        let expected = [("{\"a\": \"],}\\\"\",\n\"b\": [1, {}]}", 1), ("5", 4), ("null", 4)];
        assert_eq!(found, expected.map(|(text, line)| (text.to_owned(), line)));
        assert!(error.is_none());
        let (found, error) = all("[1}, :2, 3]", "");
        let expected = ["1", "}", ":", "2", "3"].map(|text| (text.to_owned(), 1));
        assert!(error.is_none() && found == expected, "{found:?}");
        let (found, error) = all("{\"other\": [[7]], \"name\": \"jobs\", \"jobs\": [1,\n 2]}", "jobs");
        assert_eq!(found, [("1".to_owned(), 1), ("2".to_owned(), 2)]);
        assert!(error.is_none());
    }

    #[test]
    fn what_ends_too_early_or_is_something_else_says_so() {
        let whole = "{\"jobs\": [{\"a\": 1}, {\"b\": \"x\"}]}";
        for end in 0..whole.len() - 1 {
            let (found, error) = all(&whole[..end], "jobs");
            assert!(found.len() <= 2 && matches!(error, Some(EntryError::CutOff)), "{}: {error:?}", &whole[..end]);
        }
        for (text, member) in [("{}", ""), ("[]", "jobs"), ("{}", "jobs"), ("{\"jobs\": 5}", "jobs"), ("x", "")] {
            assert!(matches!(all(text, member), (found, Some(EntryError::Foreign(_))) if found.is_empty()), "{text}");
        }
    }
}
