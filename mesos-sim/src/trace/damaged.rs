//! Every table whose rows are lines, damaged as files are: a row that was cut off, a row that is there twice, a file that is
//! compressed, and one that is compressed and ends in the middle. Each ends in an error that names a line, or is counted. What
//! becomes of spoilt fields is drawn at random in `tests/trace_rows/spoilt.rs`.

use std::io::{Cursor, Write as _};

use super::*;

fn file(name: &str, table: Table, bytes: impl Into<Vec<u8>>) -> File {
    File { name: name.into(), table: Some(table), bytes: Box::new(Cursor::new(bytes.into())) }
}

fn sample_of(table: Table) -> &'static str {
    SAMPLES.iter().find(|sample| sample.table == table).unwrap().text
}

/// The tables that what a table says is about, and a job that is there whatever becomes of them.
fn company(table: Table) -> Vec<File> {
    use Table::{
        AzurePackingTypes, AzurePackingVms, Google2011Attributes, Google2011Constraints, Google2011Machines,
        Google2011Tasks, Google2019Attributes, Google2019Collections, Google2019Instances, Google2019Machines,
        OpenbNodes, OpendcFailures, Pai2020Groups, Pai2020Instances, Pai2020Jobs, Pai2020Tasks,
    };
    let others: &[Table] = match table {
        AzurePackingVms => &[AzurePackingTypes],
        AzurePackingTypes => &[AzurePackingVms],
        Google2011Attributes => &[Google2011Machines],
        Google2011Constraints => &[Google2011Tasks],
        Google2019Attributes => &[Google2019Machines],
        Google2019Collections => &[Google2019Instances],
        OpendcFailures => &[OpenbNodes],
        Pai2020Groups => &[Pai2020Jobs, Pai2020Tasks],
        Pai2020Instances | Pai2020Jobs => &[Pai2020Tasks],
        _ => &[],
    };
    let gwf = "WorkflowID, JobID, SubmitTime, RunTime, NProcs, ReqNProcs, Dependencies\n0, 1, 10, 5, 1, 1,\n";
    let mut files: Vec<File> = others.iter().map(|other| file("company", *other, sample_of(*other))).collect();
    files.push(file("company", Table::Gwf, gwf));
    files
}

/// What became of a file in its company.
fn read_as(table: Table, bytes: impl Into<Vec<u8>>) -> Result<(Workload, TraceReport), TraceError> {
    let mut files = vec![file("damaged", table, bytes)];
    files.extend(company(table));
    read_any(files, &Options { queue_by: QueueBy::User, ..Options::default() })
}

fn counted(report: &TraceReport) -> u64 {
    report.rules.values().map(|seen| seen.count).sum()
}

fn own(report: &TraceReport) -> &FileReport {
    report.files.iter().find(|file| file.name == "damaged").unwrap()
}

/// A table's sample: its header, if it has one, and its rows.
fn rows(table: Table) -> (String, Vec<String>) {
    let text = sample_of(table);
    let mut columns = Columns::of(table.columns(), table.separator());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_head = |line: &String| line.starts_with([';', '#']);
    let comments = lines.iter().take_while(|line| is_head(line)).count();
    let has_header = lines.get(comments).is_some_and(|line| columns.take_header(line));
    let rest = lines.split_off(comments + usize::from(has_header));
    (lines.into_iter().map(|line| line + "\n").collect(), rest)
}

fn by_lines() -> impl Iterator<Item = Table> {
    Table::ALL.iter().copied().filter(|table| table.document().is_none())
}

#[test]
fn a_row_that_was_cut_off_is_refused() {
    for table in by_lines() {
        let (head, rows) = rows(table);
        let last = rows.last().unwrap();
        let cut = if last.starts_with('{') { "{" } else { last.split([',', '\t', ' ']).next().unwrap() };
        let (_, whole) = read_as(table, sample_of(table)).unwrap();
        let text = format!("{head}{}\n{cut}\n", rows.join("\n"));
        let (_, report) = read_as(table, text).unwrap_or_else(|error| panic!("{table}: {error}"));
        assert_eq!(own(&report).refused, own(&whole).refused + 1, "{table}\n{report}");
    }
}

/// Tables of which a row may be there twice without a word, and why.
const TWICE: &[(Table, &str)] = &[
    (Table::Alibaba2017ContainerUsage, "of what was measured nothing is kept but sums"),
    (Table::Alibaba2017ServerUsage, "of what was measured nothing is kept but sums"),
    (Table::AzureReadings, "of what was measured nothing is kept but sums"),
    (Table::OpendcFragments, "of what was measured nothing is kept but sums"),
    (Table::AzurePackingTypes, "of parts of machines the largest counts"),
    (Table::Google2011Jobs, "nothing is made of it"),
    (Table::Google2011Attributes, "the first word about a machine counts"),
    (Table::Google2011Constraints, "what is demanded twice is demanded once"),
    (Table::Google2019Collections, "events of one collection say the same"),
];

#[test]
fn a_row_that_is_there_twice_is_counted_where_it_makes_a_difference() {
    for table in by_lines() {
        let (head, rows) = rows(table);
        let (_, whole) = read_as(table, sample_of(table)).unwrap();
        let text = format!("{head}{}\n{}\n", rows.join("\n"), rows.last().unwrap());
        let (_, report) = read_as(table, text).unwrap_or_else(|error| panic!("{table}: {error}"));
        let is_known = TWICE.iter().any(|(known, _)| *known == table);
        assert_eq!(counted(&report) > counted(&whole), !is_known, "{table}\n{report}");
    }
}

#[test]
fn a_compressed_file_is_read_like_others_and_one_that_ends_in_the_middle_says_so() {
    for table in by_lines() {
        let (workload, _) = read_as(table, sample_of(table)).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(sample_of(table).as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(read_as(table, gzip.clone()).unwrap().0, workload, "{table}");
        for end in [gzip.len() / 2, gzip.len() - 9, gzip.len() - 1] {
            match read_as(table, &gzip[..end]) {
                Ok((_, report)) => assert!(report.rules.contains_key(&Rule::TruncatedFile), "{table}: {end}\n{report}"),
                Err(error) => assert!(error.to_string().contains("line "), "{table}: {end}: {error}"),
            }
        }
    }
}
