//! Reads the traces people have into a [`Workload`](crate::workload::Workload).
//!
//! ```text
//!   file ──gz, zstd──▶ lines ──▶ fields ──table──▶ rows ──rules──▶ builder ──▶ Workload + TraceReport
//! ```
//!
//! A trace is one or more files, each a [`Table`]: which one is told from its first lines, or said. Files are streamed; what
//! is kept is what will run. Real traces are dirty: every row that breaks a [`Rule`] is refused or repaired as that rule
//! says, and counted with the line where it was first seen. A file most of whose rows are refused is the wrong file, and
//! the whole trace is refused with the reason.
//!
//! This module opens no files: the host hands in readers.
//!
//! Times are counted from the beginning of the trace, memory in MB. Columns and units of each schema: the table's own file.

mod alibaba;
mod azure;
mod builder;
mod fields;
mod google;
mod learning;
mod lines;
mod omega;
mod placement;
mod pods;
mod rule;
mod sample;
mod swf;
mod table;

#[cfg(test)]
mod tests;

use std::io::{BufRead, Read};

pub use builder::{Options, QueueBy, TraceReport};
pub use rule::{Rule, Seen, Verdict};
pub use sample::{SAMPLES, Sample};
pub use table::Table;

use builder::Builder;
use fields::{Columns, Fields};
use lines::{Compression, Lines};

use crate::workload::Workload;

/// So many lines are looked at to tell what a file is.
const PEEK: usize = 12;
/// A file with fewer rows than this is not judged by the part of them that was refused.
const JUDGED_FROM: u64 = 20;

/// One file of a trace.
pub struct File {
    /// Its name, for messages.
    pub name: String,
    /// What it holds; told from its first lines if absent.
    pub table: Option<Table>,
    /// Its bytes, compressed or not.
    pub bytes: Box<dyn Read>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("name", &self.name).field("table", &self.table).finish_non_exhaustive()
    }
}

/// What was read of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Its name.
    pub name: String,
    /// What it was read as.
    pub table: Table,
    /// Lines in it.
    pub lines: u64,
    /// Rows of the table; the rest are comments, headers and empty lines.
    pub rows: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// How it was compressed.
    pub compression: &'static str,
}

/// Why a trace cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The bytes cannot be had.
    #[error("{file}, line {line}: {source}")]
    Io {
        /// Which file.
        file: String,
        /// The line that was being read.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// No table looks like this.
    #[error(
        "{file}: no known trace begins like this: {start:?}; say which table it is, as table = \"swf\". There are: {known}"
    )]
    UnknownTable {
        /// Which file.
        file: String,
        /// How it begins.
        start: String,
        /// The names of all tables.
        known: String,
    },
    /// Most rows break a rule.
    #[error(
        "{file}: {refused} of {rows} rows read as {table} were refused, the first one in line {line}: {why}; this is \
         probably another table"
    )]
    WrongTable {
        /// Which file.
        file: String,
        /// What it was read as.
        table: Table,
        /// How many rows.
        rows: u64,
        /// How many of them were refused.
        refused: u64,
        /// The first that was.
        line: u64,
        /// Why.
        why: String,
    },
    /// A file that is one document cannot be parsed.
    #[error("{file}, line {line}, column {column}: {problem}")]
    Document {
        /// Which file.
        file: String,
        /// Where.
        line: u64,
        /// Where in the line.
        column: u64,
        /// What is wrong.
        problem: String,
    },
    /// There is nothing to run.
    #[error("no job is left of the trace; {0}")]
    Empty(String),
}

/// Reads the files of one trace.
///
/// # Errors
/// [`TraceError`] when a file cannot be read at all, is not what it is said to be, or nothing is left.
pub fn read(files: Vec<File>, options: &Options) -> Result<(Workload, TraceReport), TraceError> {
    let mut builder = Builder::new(options);
    for file in files {
        read_file(file, &mut builder)?;
    }
    builder.finish()
}

fn read_file(file: File, builder: &mut Builder<'_>) -> Result<(), TraceError> {
    let name = file.name.clone();
    let (reader, compression) = lines::open(file.bytes).map_err(|source| io(&name, 0, source))?;
    let mut lines = Lines::new(reader);
    let start = lines.peek(PEEK).map_err(|source| io(&name, lines.number(), source))?;
    let Some(table) = file.table.or_else(|| table::detect(&start)) else {
        let start = start.first().map(|line| line.chars().take(120).collect()).unwrap_or_default();
        return Err(TraceError::UnknownTable { file: name, start, known: Table::names() });
    };
    builder.begin_file(&name, table);
    if table.is_document() {
        return read_document(&name, table, lines, compression, builder);
    }
    read_rows(&name, table, lines, compression, builder)
}

fn io(file: &str, line: u64, source: std::io::Error) -> TraceError {
    TraceError::Io { file: file.to_owned(), line, source }
}

fn read_rows(
    name: &str,
    table: Table,
    mut lines: Lines<impl BufRead>,
    compression: Compression,
    builder: &mut Builder<'_>,
) -> Result<(), TraceError> {
    let mut reader = table.reader();
    let mut columns = Columns::of(table.columns(), table.separator());
    let mut line = String::new();
    let (mut rows, mut refused, mut misfits, mut first_misfit) = (0_u64, 0_u64, 0_u64, None);
    let mut is_first = true;
    loop {
        match lines.next_into(&mut line) {
            Ok(true) => {}
            Ok(false) => break,
            // What was there before counts; a part of a file is a smaller trace.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && rows > 0 => {
                builder.count(Rule::TruncatedFile, lines.number());
                break;
            }
            Err(error) => return Err(io(name, lines.number(), error)),
        }
        let text = line.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            continue;
        }
        if text.starts_with([';', '#']) {
            reader.comment(text, builder);
            continue;
        }
        if std::mem::take(&mut is_first) && columns.take_header(text) {
            continue;
        }
        rows += 1;
        let at = lines.number();
        let fields = Fields::split(text, &columns);
        if let Err(refusal) = reader.row(&fields, at, builder) {
            refused += 1;
            builder.count(refusal.rule, at);
            if refusal.rule.speaks_of_another_table() {
                misfits += 1;
                first_misfit.get_or_insert((at, refusal));
            }
        }
    }
    reader.finish(builder);
    if rows >= JUDGED_FROM && misfits * 2 > rows {
        let (line, refusal) = first_misfit.expect("there were some");
        let refused = misfits;
        return Err(TraceError::WrongTable {
            file: name.to_owned(),
            table,
            rows,
            refused,
            line,
            why: refusal.to_string(),
        });
    }
    builder.end_file(FileReport {
        name: name.to_owned(),
        table,
        lines: lines.number(),
        rows,
        refused,
        compression: compression.name(),
    });
    Ok(())
}

/// Documents are read whole: at most this much, uncompressed.
const DOCUMENT_BYTES_MAX: u64 = 2 << 30;

fn read_document(
    name: &str,
    table: Table,
    lines: Lines<impl BufRead>,
    compression: Compression,
    builder: &mut Builder<'_>,
) -> Result<(), TraceError> {
    let mut text = String::new();
    let mut bytes = lines.into_inner().take(DOCUMENT_BYTES_MAX);
    bytes.read_to_string(&mut text).map_err(|source| io(name, 0, source))?;
    let outcome = match table {
        Table::Elastisim => learning::elastisim(&text, builder),
        _ => learning::philly(&text, builder),
    };
    let (rows, refused) = outcome.map_err(|error| TraceError::Document {
        file: name.to_owned(),
        line: error.line() as u64,
        column: error.column() as u64,
        problem: error.to_string(),
    })?;
    let lines = text.lines().count() as u64;
    let compression = compression.name();
    builder.end_file(FileReport { name: name.to_owned(), table, lines, rows, refused, compression });
    Ok(())
}
