//! Columns of one type each, as CSV and, with the feature `parquet`, as Parquet.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// The values of a column; an absent one is empty in CSV and null in Parquet.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Texts.
    Text(Vec<Option<String>>),
    /// Numbers.
    Number(Vec<Option<f64>>),
    /// Whole numbers.
    Whole(Vec<Option<u64>>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Whole(values) => values.len(),
        }
    }

    fn cell(&self, row: usize) -> String {
        match self {
            Self::Text(values) => values[row].as_deref().map(quoted).unwrap_or_default(),
            Self::Number(values) => values[row].map(|number| number.to_string()).unwrap_or_default(),
            Self::Whole(values) => values[row].map(|number| number.to_string()).unwrap_or_default(),
        }
    }
}

/// Quotes what CSV would take apart (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A table with a fixed schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name: that of its file.
    pub name: &'static str,
    /// Names and values of its columns, all equally long.
    pub columns: Vec<(&'static str, Column)>,
}

impl Table {
    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// As CSV with a header.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
        text.push('\n');
        for row in 0..self.rows() {
            for (at, (_, column)) in self.columns.iter().enumerate() {
                let _ = write!(text, "{}{}", if at > 0 { "," } else { "" }, column.cell(row));
            }
            text.push('\n');
        }
        text
    }

    /// Writes it into a folder, in every form this build knows; returns the files.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let path = folder.join(format!("{}.csv", self.name));
        std::fs::write(&path, self.csv())?;
        #[allow(unused_mut, reason = "with the feature parquet there is another")]
        let mut paths = vec![path];
        #[cfg(feature = "parquet")]
        {
            let path = folder.join(format!("{}.parquet", self.name));
            self.write_parquet(&path)?;
            paths.push(path);
        }
        Ok(paths)
    }

    #[cfg(feature = "parquet")]
    fn write_parquet(&self, path: &Path) -> io::Result<()> {
        use parquet::basic::{LogicalType, Repetition, Type as Physical};
        use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
        use parquet::file::properties::WriterProperties;
        use parquet::file::writer::SerializedFileWriter;
        use parquet::schema::types::Type;
        use std::sync::Arc;

        let field = |name: &str, column: &Column| {
            let (physical, logical) = match column {
                Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                Column::Number(_) => (Physical::DOUBLE, None),
                Column::Whole(_) => (Physical::INT64, None),
            };
            let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
            builder.with_logical_type(logical).build().map(Arc::new)
        };
        let fields = self.columns.iter().map(|(name, column)| field(name, column));
        let fields = fields.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let schema = Type::group_type_builder(self.name).with_fields(fields).build().map_err(io::Error::other)?;
        let file = std::fs::File::create(path)?;
        let properties =
            Arc::new(WriterProperties::builder().set_created_by(format!("mesos-sim {}", super::version())).build());
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), properties).map_err(io::Error::other)?;
        let mut group = writer.next_row_group().map_err(io::Error::other)?;
        for (_, column) in &self.columns {
            let mut open = group
                .next_column()
                .map_err(io::Error::other)?
                .ok_or_else(|| io::Error::other("the schema has fewer columns than the table"))?;
            let levels = |is_there: Vec<bool>| is_there.into_iter().map(i16::from).collect::<Vec<_>>();
            let written = match column {
                Column::Text(values) => {
                    let own: Vec<ByteArray> = values.iter().flatten().map(|text| text.as_str().into()).collect();
                    let levels = levels(values.iter().map(Option::is_some).collect());
                    open.typed::<ByteArrayType>().write_batch(&own, Some(&levels), None)
                }
                Column::Number(values) => {
                    let own: Vec<f64> = values.iter().flatten().copied().collect();
                    let levels = levels(values.iter().map(Option::is_some).collect());
                    open.typed::<DoubleType>().write_batch(&own, Some(&levels), None)
                }
                Column::Whole(values) => {
                    let own: Vec<i64> =
                        values.iter().flatten().map(|number| i64::try_from(*number).unwrap_or(i64::MAX)).collect();
                    let levels = levels(values.iter().map(Option::is_some).collect());
                    open.typed::<Int64Type>().write_batch(&own, Some(&levels), None)
                }
            };
            written.map_err(io::Error::other)?;
            open.close().map_err(io::Error::other)?;
        }
        group.close().map_err(io::Error::other)?;
        writer.close().map_err(io::Error::other)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        Table {
            name: "sample",
            columns: vec![
                ("who", Column::Text(vec![Some("a, \"b\"".into()), None])),
                ("share", Column::Number(vec![Some(0.5), None])),
                ("seed", Column::Whole(vec![Some(7), Some(8)])),
            ],
        }
    }

    #[test]
    fn csv_quotes_what_it_must_and_leaves_out_what_is_absent() {
        assert_eq!(sample().csv(), "who,share,seed\n\"a, \"\"b\"\"\",0.5,7\n,,8\n");
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn parquet_gives_back_what_was_written() {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        let folder = std::env::temp_dir().join(format!("mesos-sim-parquet-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let paths = sample().write(&folder).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&paths[1]).unwrap()).unwrap();
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].contains("0.5") && rows[0].contains("seed: 7") && rows[1].contains("share: null"), "{rows:?}");
    }
}
