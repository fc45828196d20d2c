//! Parquet: rows of a table whose columns go by the names they have in its text files.
//!
//! Members of groups are named with a point between, as in JSON: `resource_request.cpus`. A row's number stands for its line.
//! Files of this form are read whole, since what is in them stands at their end. A spoilt row ends the reading: unlike lines,
//! what comes after it cannot be found.

use std::borrow::Cow;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::builder::Builder;
use super::fields::{Columns, Fields};
use super::table::{self, Table};
use super::{Rows, TraceError, WHOLE_BYTES_MAX, io};

pub(super) fn read(
    name: &str,
    table: Option<Table>,
    bytes: impl Read,
    builder: &mut Builder<'_>,
) -> Result<(), TraceError> {
    let mut whole = Vec::new();
    bytes.take(WHOLE_BYTES_MAX).read_to_end(&mut whole).map_err(|source| io(name, 0, source))?;
    let wrong = |problem: String| TraceError::Columnar { file: name.to_owned(), problem };
    if whole.len() as u64 == WHOLE_BYTES_MAX {
        return Err(wrong(format!("more than {WHOLE_BYTES_MAX} bytes of Parquet; split it into several files")));
    }
    let reader = unpanicked(|| SerializedFileReader::new(Bytes::from(whole)))
        .and_then(|opened| opened.map_err(|error| error.to_string()))
        .map_err(|problem| wrong(format!("it begins as Parquet, and is none or not all of it: {problem}")))?;
    if let Some((column, codec)) = foreign_codec(&reader) {
        return Err(wrong(format!(
            "column {column} is compressed as {codec}; what is uncompressed, SNAPPY or GZIP can be read"
        )));
    }
    let leaves = reader.metadata().file_metadata().schema_descr().columns().iter();
    let names: Vec<String> = leaves.map(|leaf| leaf.path().parts().join(".").to_ascii_lowercase()).collect();
    let Some(table) = table.or_else(|| table::by_names(|name| names.iter().any(|own| own == name))) else {
        return Err(TraceError::UnknownTable { file: name.to_owned(), start: names.join(","), known: Table::names() });
    };
    builder.begin_file(name, table);
    let mut columns = Columns::of(table.columns(), table.separator());
    let mut rows = Rows::new(table);
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
    rows.finish(name, count, "parquet", builder)
}

/// What the decoder says of bytes, some of which it only asserts to be as they should.
fn unpanicked<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the decoder gave up");
        format!("spoilt bytes: {text}")
    })
}

/// A column that is compressed in a way nothing here undoes.
fn foreign_codec(reader: &impl FileReader) -> Option<(String, Compression)> {
    let chunks = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    chunks
        .map(|chunk| (chunk.column_path().string(), chunk.compression()))
        .find(|(_, codec)| !matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_)))
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
    use std::sync::Arc;

    use parquet::basic::GzipLevel;
    use parquet::data_type::{ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::super::{File, Options, QueueBy, Rule, TraceReport, read as read_trace};
    use super::*;
    use crate::workload::Workload;

    fn codecs() -> [Compression; 3] {
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())]
    }

    /// Tasks as OpenDC writes them.
    fn opendc(rows: i64, codec: Compression) -> Vec<u8> {
        let schema =
            "message task { required binary id (UTF8); required int64 submission_time; required int64 duration;
            required int64 cpu_count; required int64 mem_capacity; optional binary nature (UTF8); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(codec).build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let ids: Vec<_> = (0..rows).map(|row| format!("t{row}").as_str().into()).collect();
        column.typed::<ByteArrayType>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
        let begins = 1_376_314_546_000;
        let values: [&dyn Fn(i64) -> i64; 4] =
            [&|row| begins + (rows - row) * 1_000, &|row| row * 500 - 500, &|_| 2, &|_| 1_024];
        for value in values {
            let mut column = group.next_column().unwrap().unwrap();
            let values: Vec<i64> = (0..rows).map(value).collect();
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        let mut column = group.next_column().unwrap().unwrap();
        let levels: Vec<i16> = (0..rows).map(|row| i16::from(row % 2 == 0)).collect();
        let natures: Vec<_> = levels.iter().filter(|level| **level == 1).map(|_| "deferrable".into()).collect();
        column.typed::<ByteArrayType>().write_batch(&natures, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    fn read_bytes(bytes: Vec<u8>, options: &Options) -> Result<(Workload, TraceReport), TraceError> {
        let bytes = Box::new(std::io::Cursor::new(bytes));
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
