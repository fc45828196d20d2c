//! Parquet: rows of a table whose columns go by the names they have in its text files.
//!
//! Members of groups are named with a point between, as in JSON: `resource_request.cpus`. A row's number stands for its line.
//! What is in such a file stands at its end. Where its bytes can be had in any order it is read one row group after the other,
//! and of each column a page at a time; where they only come one after the other, as out of a pipe or when the file is
//! compressed as a whole, they are held, up to a bound. A spoilt row ends the reading: unlike lines, what comes after it cannot
//! be found.

use std::borrow::Cow;
use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::record::Field;

use super::builder::Builder;
use super::fields::{Columns, Fields};
use super::table::{self, Table};
use super::{Parts, ReadAt, Rows, TraceError, io};

/// What cannot be read in parts is held: at most this much of it.
const HELD_BYTES_MAX: u64 = 256 << 20;
/// A column of a row group that is larger, uncompressed, is none that a page at a time can be had of: writers make groups of
/// 128 MB or a million rows.
const CHUNK_BYTES_MAX: i64 = 1 << 30;

/// The bytes of a file, for the decoder.
struct Chunks {
    bytes: Arc<dyn ReadAt>,
    size: u64,
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.size
    }
}

/// The bytes from a place on.
struct Tail {
    bytes: Arc<dyn ReadAt>,
    at: u64,
}

impl Read for Tail {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read_at(self.at, into)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Tail>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(Tail { bytes: self.bytes.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A length that a spoilt file tells takes no memory before it is known to be there.
        let left = self.size.saturating_sub(start);
        if length as u64 > left {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on, where there are {left}")));
        }
        let mut bytes = Vec::with_capacity(length);
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on, where there are {}", bytes.len())));
        }
        Ok(bytes.into())
    }
}

/// Bytes that are held.
struct Held(Vec<u8>);

impl ReadAt for Held {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len());
        let mut rest = &self.0[from..];
        rest.read(into)
    }
}

fn chunks(name: &str, parts: Parts, held_max: u64) -> Result<Chunks, TraceError> {
    let failed = |source| io(name, 0, source);
    let bytes: Arc<dyn ReadAt> = match parts {
        Parts::Anywhere(bytes) => bytes.into(),
        Parts::InOrder(bytes) => {
            let mut held = Vec::new();
            bytes.take(held_max).read_to_end(&mut held).map_err(failed)?;
            if held.len() as u64 == held_max {
                let problem = format!(
                    "Parquet of {held_max} bytes or more that cannot be read in parts; give it as a file, and unpack it if it is \
                     compressed as a whole"
                );
                return Err(TraceError::Columnar { file: name.to_owned(), problem });
            }
            Arc::new(Held(held))
        }
    };
    let size = bytes.size().map_err(failed)?;
    Ok(Chunks { bytes, size })
}

pub(super) fn read(
    name: &str,
    table: Option<Table>,
    parts: Parts,
    builder: &mut Builder<'_>,
) -> Result<(), TraceError> {
    let chunks = chunks(name, parts, HELD_BYTES_MAX)?;
    let wrong = |problem: String| TraceError::Columnar { file: name.to_owned(), problem };
    let reader = unpanicked(|| SerializedFileReader::new(chunks))
        .and_then(|opened| opened.map_err(|error| error.to_string()))
        .map_err(|problem| wrong(format!("it begins as Parquet, and is none or not all of it: {problem}")))?;
    if let Some(problem) = foreign(&reader, CHUNK_BYTES_MAX) {
        return Err(wrong(problem));
    }
    let leaves = reader.metadata().file_metadata().schema_descr().columns().iter();
    let names: Vec<String> = leaves.map(|leaf| leaf.path().parts().join(".").to_ascii_lowercase()).collect();
    let Some(table) = table.or_else(|| table::by_names(|name| names.iter().any(|own| own == name))) else {
        return Err(TraceError::UnknownTable { file: name.to_owned(), start: names.join(","), known: Table::names() });
    };
    builder.begin_file(name, table);
    let mut columns = Columns::of(table.columns(), table.separator());
    let mut rows = Rows::new(table);
    // One row group after the other, each of them opened when the one before it is read.
    let mut iterator = reader.get_row_iter(None).map_err(|error| wrong(error.to_string()))?;
    let mut values = Vec::new();
    for at in 1.. {
        let row = unpanicked(|| iterator.next().transpose())
            .and_then(|row| row.map_err(|error| error.to_string()))
            .map_err(|problem| wrong(format!("after row {}: {problem}", at - 1)))?;
        let Some(row) = row else { break };
        values.clear();
        for (name, value) in row.get_column_iter() {
            flatten(name, value, &mut values);
        }
        if at == 1 {
            columns.take_names(&values.iter().map(|(name, _)| name.to_ascii_lowercase()).collect::<Vec<_>>());
        }
        let fields = Fields::of(values.drain(..).map(|(_, text)| Cow::Owned(text)).collect(), &columns);
        rows.take(&fields, at, builder);
    }
    let count = rows.count();
    rows.finish(name, count, "parquet", columns.unused(), builder)
}

/// What the decoder says of bytes, some of which it only asserts to be as they should.
fn unpanicked<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the decoder gave up");
        format!("spoilt bytes: {text}")
    })
}

/// What is wrong with a column that is compressed in a way nothing here undoes, or larger than a group of rows should be.
fn foreign(reader: &impl FileReader, most: i64) -> Option<String> {
    let mut chunks = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    chunks.find_map(|chunk| {
        let (column, codec, size) = (chunk.column_path().string(), chunk.compression(), chunk.uncompressed_size());
        if !matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_)) {
            let known = "what is uncompressed, SNAPPY or GZIP can be read";
            return Some(format!("column {column} is compressed as {codec}; {known}"));
        }
        (size > most).then(|| {
            format!(
                "column {column} has {size} bytes in one group of rows, where {most} are the most; write smaller groups"
            )
        })
    })
}

/// A value as it would stand in a text file, under its name. A group has its members in every row, so columns keep their
/// places; what may be absent is empty.
fn flatten(name: &str, value: &Field, into: &mut Vec<(String, String)>) {
    if let Field::Group(members) = value {
        for (member, value) in members.get_column_iter() {
            flatten(&format!("{name}.{member}"), value, into);
        }
        return;
    }
    into.push((name.to_owned(), text(value)));
}

fn text(value: &Field) -> String {
    match value {
        Field::Null => String::new(),
        Field::Bool(is) => u8::from(*is).to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        Field::TimestampMillis(number) | Field::TimestampMicros(number) => number.to_string(),
        Field::ListInternal(list) => list.elements().iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parquet::basic::GzipLevel;
    use parquet::data_type::{ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::super::{File, Options, QueueBy, Rule, Source, TraceReport, read as read_trace};
    use super::*;
    use crate::workload::Workload;

    fn codecs() -> [Compression; 3] {
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())]
    }

    /// Tasks as OpenDC writes them.
    fn opendc(rows: i64, codec: Compression) -> Vec<u8> {
        opendc_groups(rows, rows, codec)
    }

    /// The same, of which so many are in a group.
    fn opendc_groups(rows: i64, each: i64, codec: Compression) -> Vec<u8> {
        let schema =
            "message task { required binary id (UTF8); required int64 submission_time; required int64 duration;
            required int64 cpu_count; required int64 mem_capacity; optional binary nature (UTF8); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(codec).build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let begins = 1_376_314_546_000;
        let values: [&dyn Fn(i64) -> i64; 4] =
            [&|row| begins + (rows - row) * 1_000, &|row| row * 500 - 500, &|_| 2, &|_| 1_024];
        for first in (0..rows).step_by(usize::try_from(each).unwrap()) {
            let rows = first..rows.min(first + each);
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let ids: Vec<_> = rows.clone().map(|row| format!("t{row}").as_str().into()).collect();
            column.typed::<ByteArrayType>().write_batch(&ids, None, None).unwrap();
            column.close().unwrap();
            for value in values {
                let mut column = group.next_column().unwrap().unwrap();
                let values: Vec<i64> = rows.clone().map(value).collect();
                column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
                column.close().unwrap();
            }
            let mut column = group.next_column().unwrap().unwrap();
            let levels: Vec<i16> = rows.clone().map(|row| i16::from(row % 2 == 0)).collect();
            let natures: Vec<_> = levels.iter().filter(|level| **level == 1).map(|_| "deferrable".into()).collect();
            column.typed::<ByteArrayType>().write_batch(&natures, Some(&levels), None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn read_bytes(bytes: Vec<u8>, options: &Options) -> Result<(Workload, TraceReport), TraceError> {
        let bytes = Box::new(io::Cursor::new(bytes));
        read_trace(vec![File { name: "tasks.parquet".into(), table: None, bytes }], options)
    }

    #[test]
    fn a_table_of_columns_is_told_by_their_names_and_its_rows_are_judged_like_lines() {
        let options = Options { queue_by: QueueBy::Class, ..Options::default() };
        for codec in codecs() {
            let (workload, report) = read_bytes(opendc(5, codec), &options).unwrap();
            assert_eq!((report.files[0].table, report.files[0].compression), (Table::OpendcTasks, "parquet"));
            // The first row ends before it begins, and the second runs for no time.
            assert_eq!((report.rules[&Rule::NegativeTime].line, report.rules[&Rule::NoTime].line), (1, 2), "{report}");
            let jobs: Vec<_> = workload.jobs.iter().map(|job| (&*job.name, job.submit_at.as_secs())).collect();
            assert_eq!(jobs, [("t4", 0), ("t3", 1), ("t2", 2), ("t1", 3)], "{report}");
            assert_eq!((workload.jobs[0].need.cpus().to_f64(), workload.jobs[0].need.mem().to_f64()), (2.0, 1_024.0));
            let classes: Vec<_> = workload.jobs.iter().map(|job| &*workload.queues[job.queue as usize]).collect();
            assert_eq!(classes, ["deferrable", "unknown", "deferrable", "unknown"], "{report}");
        }
    }

    #[test]
    fn files_of_columns_may_be_compressed_as_a_whole() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&opendc(4, Compression::SNAPPY)).unwrap();
        let (workload, report) = read_bytes(gzip.finish().unwrap(), &Options::default()).unwrap();
        assert_eq!((workload.jobs.len(), report.files[0].table), (3, Table::OpendcTasks));
    }

    /// Bytes, of which the largest piece that was read at once is known.
    struct Watched {
        bytes: Arc<Held>,
        most: Arc<AtomicUsize>,
        at: u64,
    }

    impl ReadAt for Watched {
        fn size(&self) -> io::Result<u64> {
            self.bytes.size()
        }

        fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
            self.most.fetch_max(into.len(), Ordering::Relaxed);
            self.bytes.read_at(at, into)
        }
    }

    impl Read for Watched {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.read_at(self.at, into)?;
            self.at += count as u64;
            Ok(count)
        }
    }

    impl Source for Watched {
        fn anywhere(&self) -> Option<Box<dyn ReadAt>> {
            Some(Box::new(Self { bytes: self.bytes.clone(), most: self.most.clone(), at: 0 }))
        }
    }

    #[test]
    fn groups_of_rows_are_read_one_after_the_other() {
        let whole = opendc_groups(20_000, 500, Compression::UNCOMPRESSED);
        let (size, most) = (whole.len(), Arc::new(AtomicUsize::new(0)));
        let bytes = Box::new(Watched { bytes: Arc::new(Held(whole.clone())), most: most.clone(), at: 0 });
        let file = File { name: "tasks.parquet".into(), table: None, bytes };
        let (workload, report) = read_trace(vec![file], &Options::default()).unwrap();
        assert_eq!((workload.jobs.len(), report.files[0].rows), (19_999, 20_000), "{report}");
        let most = most.load(Ordering::Relaxed);
        assert!(most > 0 && most < size / 8, "{most} of {size} bytes at once");
        let (held, report) = read_bytes(whole, &Options::default()).unwrap();
        assert_eq!(held, workload, "{report}");
    }

    #[test]
    fn what_cannot_be_read_in_parts_is_held_up_to_a_bound() {
        let whole = opendc(40, Compression::UNCOMPRESSED);
        let in_order = || Parts::InOrder(Box::new(BufReader::new(io::Cursor::new(whole.clone()))));
        let error = chunks("piped", in_order(), 100).err().unwrap().to_string();
        assert!(error.contains("piped: Parquet of 100 bytes or more that cannot be read in parts"), "{error}");
        let reader = SerializedFileReader::new(chunks("piped", in_order(), 1 << 20).unwrap()).unwrap();
        assert_eq!(foreign(&reader, 1 << 20), None);
        let problem = foreign(&reader, 10).unwrap();
        assert!(problem.starts_with("column id has ") && problem.ends_with("write smaller groups"), "{problem}");
    }

    #[test]
    fn columns_of_which_nothing_is_made_are_named() {
        let (_, report) = read_bytes(opendc(5, Compression::SNAPPY), &Options::default()).unwrap();
        assert!(report.files[0].unused.is_empty(), "{report}");
        let schema = "message task { required int64 id; required int64 submission_time; required int64 duration;
            required int64 cpu_count; required int64 cpu_capacity; required int64 children; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        while let Some(mut column) = group.next_column().unwrap() {
            column.typed::<Int64Type>().write_batch(&[7], None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        let (_, report) = read_bytes(writer.into_inner().unwrap(), &Options::default()).unwrap();
        assert_eq!(report.files[0].unused, ["cpu_capacity", "children"], "{report}");
    }

    #[test]
    fn what_is_no_whole_file_of_columns_or_a_foreign_one_is_refused_by_name() {
        for codec in codecs() {
            let whole = opendc(40, codec);
            for length in (4..whole.len()).step_by(7) {
                let error = read_bytes(whole[..length].to_vec(), &Options::default()).unwrap_err().to_string();
                assert!(error.starts_with("tasks.parquet") && error.contains("not all of it"), "{error}");
            }
        }
        let error = read_bytes(b"PAR1, a story in one part\n".repeat(40), &Options::default()).unwrap_err();
        assert!(error.to_string().contains("it begins as Parquet, and is none"), "{error}");
        let schema = Arc::new(parse_message_type("message other { required int64 apples; }").unwrap());
        let foreign = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap().into_inner().unwrap();
        let error = read_bytes(foreign, &Options::default()).unwrap_err();
        assert!(matches!(&error, TraceError::UnknownTable { start, .. } if start == "apples"), "{error}");
    }

    /// Whatever a file of columns holds: an answer, and no panic. One of the bytes says how a column is compressed.
    #[test]
    fn spoilt_bytes_are_refused_or_read() {
        let mut foreign = 0;
        for codec in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
            let whole = opendc(12, codec);
            for (at, spoil) in (4..whole.len()).flat_map(|at| [(at, 0x55), (at, whole[at] ^ ZSTD)]) {
                let mut spoilt = whole.clone();
                spoilt[at] ^= spoil;
                if let Err(error) = read_bytes(spoilt, &Options::default()) {
                    let error = error.to_string();
                    assert!(error.starts_with("tasks.parquet") || error.contains("no job is left"), "{error}");
                    foreign += u32::from(error.contains("is compressed as ZSTD"));
                }
            }
        }
        assert!(foreign > 0);
    }

    /// The number of that codec, as its byte stands in a file.
    const ZSTD: u8 = 6 << 1;
}
