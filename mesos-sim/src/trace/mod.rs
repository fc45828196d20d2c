//! Reads the traces people have into a [`Workload`](crate::workload::Workload).
//!
//! ```text
//!   file ──gz, zstd──▶ lines ──▶ fields ──table──▶ rows ──rules──▶ builder ──▶ Workload + TraceReport
//!     └──────────▶ Parquet ──▶ ┘
//! ```
//!
//! A trace is one or more files, each a [`Table`]: which one is told from its first lines, or said. What other tables speak of
//! is read before them, whatever the order of the files. Files are streamed, those of columns page by page; what is kept is
//! what will run. Real traces are dirty: every row that breaks a [`Rule`] is refused or repaired as that rule says, and counted
//! with the line where it was first seen. The columns of which nothing is made are named. A file most of whose rows are refused
//! is the wrong file, and the whole trace is refused with the reason.
//!
//! This module opens no files: the host hands in what it reads from. A database or an archive is refused with the command that
//! takes its files out: Azure's packing trace of 2020, which is a database of SQLite, is read as the CSV that `sqlite3` writes.
//!
//! Times are counted from the beginning of the trace, memory in MB. Columns and units of each schema: the table's own file.

mod alibaba;
mod azure;
mod builder;
#[cfg(feature = "parquet")]
mod columnar;
mod dated;
mod entries;
mod fields;
mod finish;
mod fleet;
mod google;
mod judge;
mod learning;
mod lines;
mod minutes;
mod name;
mod omega;
mod opendc;
mod options;
mod placement;
mod pods;
mod report;
mod rule;
mod sample;
mod swf;
mod table;
mod usage;

#[cfg(test)]
mod damaged;
#[cfg(test)]
mod tests;

use std::io::{BufRead, Read};

pub use name::UnknownTable;
pub use options::{Options, QueueBy};
pub use report::TraceReport;
pub use rule::{Rule, Seen, Verdict};
pub use sample::{SAMPLES, Sample};
pub use table::Table;
pub use usage::{Level, Usage, UsageUnit};

use builder::Builder;
use entries::{Entries, EntryError};
use fields::{Columns, Fields};
use lines::{Compression, Lines};

use crate::workload::Workload;

/// So many lines are looked at to tell what a file is.
const PEEK: usize = 12;
/// So much of the beginning of a file tells what it is: the mark of an archive stands in its first block.
const BEGINNING: u64 = 512;
/// How Parquet files begin.
const PARQUET: &[u8] = b"PAR1";
/// How databases of SQLite begin.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// What archives have in their first block, and where.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// A file with fewer rows than this is not judged by the part of them that was refused.
const JUDGED_FROM: u64 = 20;

/// The bytes of a file, from the beginning on.
pub trait Source: Read {
    /// The same bytes in any order, so that a file of columns need not be held; nothing where they can only be read from the
    /// beginning on.
    fn anywhere(&self) -> Option<Box<dyn ReadAt>> {
        None
    }
}

impl Source for std::io::Cursor<Vec<u8>> {}

/// Bytes that can be read in any order.
pub trait ReadAt: Send + Sync {
    /// How many there are.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> std::io::Result<u64>;

    /// Reads what follows this place, as many bytes as there is room for or fewer; none only at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize>;
}

/// One file of a trace.
pub struct File {
    /// Its name, for messages.
    pub name: String,
    /// What it holds; told from its first lines if absent.
    pub table: Option<Table>,
    /// Its bytes, compressed or not.
    pub bytes: Box<dyn Source>,
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
    /// The columns it has of which nothing is made.
    pub unused: Vec<String>,
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
    /// A database or an archive: what is in it must be taken out first.
    #[error("{file}: this is {what}; {remedy}")]
    Packed {
        /// Which file.
        file: String,
        /// What it is.
        what: &'static str,
        /// How to take it out.
        remedy: &'static str,
    },
    /// A file of columns cannot be read.
    #[error("{file}: {problem}")]
    Columnar {
        /// Which file.
        file: String,
        /// What is wrong.
        problem: String,
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
    /// No table has this name.
    #[error(transparent)]
    NoSuchTable(#[from] UnknownTable),
    /// The trace cannot be read in this way.
    #[error("trace.{option}: {value} cannot be; {remedy}")]
    Option {
        /// Which of the [`Options`].
        option: &'static str,
        /// What it is.
        value: f64,
        /// What would be right.
        remedy: &'static str,
    },
    /// There is nothing to run, or, of those who only look, nothing at all.
    #[error("no job is left of the trace; {0}")]
    Empty(String),
}

/// Reads the files of one trace, to run what is in it.
///
/// # Errors
/// [`TraceError`] when a file cannot be read at all, is not what it is said to be, or no job is left.
pub fn read(files: Vec<File>, options: &Options) -> Result<(Workload, TraceReport), TraceError> {
    let (workload, report) = read_any(files, options)?;
    if workload.jobs.is_empty() {
        return Err(TraceError::Empty(report.to_string()));
    }
    Ok((workload, report))
}

/// Reads the files of one trace, to look at them: machines alone, or what was measured, are something too.
///
/// # Errors
/// As [`read`], but only where there are neither jobs nor machines nor measurements.
pub fn read_any(files: Vec<File>, options: &Options) -> Result<(Workload, TraceReport), TraceError> {
    if let Some((option, value, remedy)) = options.flaw() {
        return Err(TraceError::Option { option, value, remedy });
    }
    let mut files = files.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(|file| !file.is_spoken_of());
    let mut builder = Builder::new(options);
    for file in files {
        read_file(file, &mut builder)?;
    }
    builder.finish()
}

/// A file of which the beginning was looked at.
struct Opened {
    name: String,
    compression: Compression,
    content: Content,
}

enum Content {
    Lines(Table, Lines<Box<dyn BufRead>>),
    /// What it holds is only told when it is read, unless it was said.
    Columns(Option<Table>, Parts),
}

/// The bytes of a file of columns.
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "only who reads Parquet looks at them"))]
enum Parts {
    /// In any order.
    Anywhere(Box<dyn ReadAt>),
    /// From the beginning on: it must be held to be read.
    InOrder(Box<dyn BufRead>),
}

impl Opened {
    fn is_spoken_of(&self) -> bool {
        match &self.content {
            Content::Lines(table, _) | Content::Columns(Some(table), _) => table.is_spoken_of(),
            Content::Columns(None, _) => false,
        }
    }
}

fn open(file: File) -> Result<Opened, TraceError> {
    let name = file.name;
    let anywhere = file.bytes.anywhere();
    let (reader, compression) = lines::open(file.bytes).map_err(|source| io(&name, 0, source))?;
    let (beginning, reader) = lines::begin(reader, BEGINNING).map_err(|source| io(&name, 0, source))?;
    let reader: Box<dyn BufRead> = Box::new(reader);
    if let Some((what, remedy)) = packed(&beginning) {
        return Err(TraceError::Packed { file: name, what, remedy });
    }
    if beginning.starts_with(PARQUET) {
        let whole = anywhere.filter(|_| compression == Compression::None);
        let parts = whole.map_or(Parts::InOrder(reader), Parts::Anywhere);
        return Ok(Opened { name, compression, content: Content::Columns(file.table, parts) });
    }
    let mut lines = Lines::new(reader);
    let start = lines.peek(PEEK).map_err(|source| io(&name, lines.number(), source))?;
    let Some(table) = file.table.or_else(|| table::detect(&start)) else {
        let start = start.first().map(|line| line.chars().take(120).collect()).unwrap_or_default();
        return Err(TraceError::UnknownTable { file: name, start, known: Table::names() });
    };
    Ok(Opened { name, compression, content: Content::Lines(table, lines) })
}

/// What holds files that are not read where they are, and how to take them out.
fn packed(beginning: &[u8]) -> Option<(&'static str, &'static str)> {
    if beginning.starts_with(SQLITE) {
        return Some((
            "a database of SQLite",
            "write its tables as CSV with a header, each into a file: sqlite3 -header -csv FILE 'select * from vm' > vm.csv, \
             and the same of vmType",
        ));
    }
    let is_tar = beginning.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1));
    is_tar.then_some(("an archive", "unpack it: tar -xf FILE"))
}

fn read_file(file: Opened, builder: &mut Builder<'_>) -> Result<(), TraceError> {
    let Opened { name, compression, content } = file;
    let (table, lines) = match content {
        Content::Columns(table, parts) => return read_columns(&name, table, parts, builder),
        Content::Lines(table, lines) => (table, lines),
    };
    builder.begin_file(&name, table);
    match table.document() {
        Some(member) => read_document(&name, table, member, lines, compression, builder),
        None => read_rows(&name, table, lines, compression, builder),
    }
}

fn io(file: &str, line: u64, source: std::io::Error) -> TraceError {
    TraceError::Io { file: file.to_owned(), line, source }
}

#[cfg(feature = "parquet")]
use columnar::read as read_columns;

#[cfg(not(feature = "parquet"))]
fn read_columns(
    name: &str,
    _table: Option<Table>,
    _parts: Parts,
    _builder: &mut Builder<'_>,
) -> Result<(), TraceError> {
    let problem = "this is a Parquet file, which only builds of mesos-sim with the feature parquet read";
    Err(TraceError::Columnar { file: name.to_owned(), problem: problem.to_owned() })
}

/// The rows of a file on their way to the builder.
struct Rows {
    table: Table,
    reader: Box<dyn table::Reader>,
    rows: u64,
    refused: u64,
    /// Rows that speak of another table, and the first of them.
    misfits: u64,
    first_misfit: Option<(u64, rule::Refusal)>,
}

impl Rows {
    fn new(table: Table) -> Self {
        Self { table, reader: table.reader(), rows: 0, refused: 0, misfits: 0, first_misfit: None }
    }

    const fn count(&self) -> u64 {
        self.rows
    }

    fn take(&mut self, fields: &Fields<'_>, at: u64, builder: &mut Builder<'_>) {
        self.rows += 1;
        let row = if fields.is_malformed() {
            Err(rule::Refusal::new(Rule::Malformed, "row", ""))
        } else {
            self.reader.row(fields, at, builder)
        };
        if let Err(refusal) = row {
            self.refused += 1;
            builder.count(refusal.rule, at);
            if refusal.rule.speaks_of_another_table() {
                self.misfits += 1;
                self.first_misfit.get_or_insert((at, refusal));
            }
        }
    }

    fn finish(
        mut self,
        name: &str,
        lines: u64,
        compression: &'static str,
        unused: Vec<String>,
        builder: &mut Builder<'_>,
    ) -> Result<(), TraceError> {
        self.reader.finish(builder);
        let Self { table, rows, refused, misfits, first_misfit, .. } = self;
        let file = name.to_owned();
        if let Some((line, why)) = first_misfit.filter(|_| rows >= JUDGED_FROM && misfits * 2 > rows) {
            return Err(TraceError::WrongTable { file, table, rows, refused: misfits, line, why: why.to_string() });
        }
        builder.end_file(FileReport { name: file, table, lines, rows, refused, compression, unused });
        Ok(())
    }
}

fn read_rows(
    name: &str,
    table: Table,
    mut lines: Lines<impl BufRead>,
    compression: Compression,
    builder: &mut Builder<'_>,
) -> Result<(), TraceError> {
    let mut rows = Rows::new(table);
    let mut columns = Columns::of(table.columns(), table.separator()).laid_out(table.layouts());
    let mut line = String::new();
    let mut is_first = true;
    loop {
        match lines.next_into(&mut line) {
            Ok(true) => {}
            Ok(false) => break,
            // What was there before counts; a part of a file is a smaller trace.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && rows.count() > 0 => {
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
            rows.reader.comment(text, lines.number(), builder);
            continue;
        }
        if std::mem::take(&mut is_first) && columns.take_header(text) {
            continue;
        }
        rows.take(&Fields::split(text, &columns), lines.number(), builder);
    }
    rows.finish(name, lines.number(), compression.name(), columns.unused(), builder)
}

fn read_document(
    name: &str,
    table: Table,
    member: &'static str,
    lines: Lines<impl BufRead>,
    compression: Compression,
    builder: &mut Builder<'_>,
) -> Result<(), TraceError> {
    let mut rows = Rows::new(table);
    let columns = Columns::of(table.columns(), table.separator());
    let mut entries = Entries::new(lines.into_inner(), member);
    loop {
        match entries.next_entry() {
            Ok(Some(entry)) => rows.take(&Fields::entry(&entry.bytes, &columns), entry.line, builder),
            Ok(None) => break,
            // What was there before counts, as in a table.
            Err(EntryError::CutOff) if rows.count() > 0 => {
                builder.count(Rule::TruncatedFile, entries.position().0);
                break;
            }
            Err(EntryError::Io(source)) => return Err(io(name, entries.position().0, source)),
            Err(error) => {
                let (line, column) = entries.position();
                let problem = match error {
                    EntryError::Foreign(problem) => problem,
                    _ => "it ends before its first entry",
                };
                return Err(TraceError::Document { file: name.to_owned(), line, column, problem: problem.to_owned() });
            }
        }
    }
    rows.finish(name, entries.position().0, compression.name(), columns.unused(), builder)
}
