//! Every table's sample, and every rule.

use std::io::{Cursor, Write as _};

use super::*;

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> File {
    File { name: name.into(), table: None, bytes: Box::new(Cursor::new(bytes.into())) }
}

fn read_text(text: &str) -> Result<(Workload, TraceReport), TraceError> {
    read(vec![file("sample", text)], &Options::default())
}

#[test]
fn every_table_is_told_from_its_sample_and_read_in_full() {
    for table in Table::ALL {
        let sample = SAMPLES.iter().find(|sample| sample.table == *table).expect("every table has a sample");
        let mut lines = Lines::new(Cursor::new(sample.text));
        assert_eq!(table::detect(&lines.peek(PEEK).unwrap()), Some(*table), "{}", sample.text);
        // Alone, a table without jobs is no trace: one job is put beside it.
        let beside = "WorkflowID, JobID, SubmitTime, RunTime, NProcs, ReqNProcs, Dependencies\n0, 1, 16, 11, 1, 1,\n";
        let (workload, report) =
            read(vec![file("sample", sample.text), file("beside", beside)], &Options::default()).unwrap();
        let found = (workload.jobs.len() - 1, workload.machines.len());
        assert_eq!(found, (sample.jobs, sample.machines), "{table}\n{report}");
        assert!(workload.jobs.iter().all(|job| job.tasks > 0));
        assert_eq!(report.files[0].table, *table);
    }
}

fn sample_of(table: Table) -> &'static str {
    SAMPLES.iter().find(|sample| sample.table == table).unwrap().text
}

#[test]
fn a_batch_trace_keeps_users_estimates_failures_and_who_follows_whom() {
    let options = Options { queue_by: QueueBy::User, ..Options::default() };
    let (workload, report) = read(vec![file("swf", sample_of(Table::Swf))], &options).unwrap();
    let [first, second, third] = &workload.jobs[..] else { panic!("{report}") };
    assert_eq!(workload.queues.iter().map(|name| &**name).collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!((first.tasks, first.is_gang, first.need.mem().to_f64()), (16, true, 4.0));
    assert_eq!((second.fails, second.runs.of(0).unwrap().as_secs_f64()), (true, 60.5));
    assert_eq!((&*third.after, third.think.as_secs(), first.estimate.unwrap().as_secs()), (&[0][..], 20, 600));
    assert_eq!(report.rules[&Rule::NeverRan].line, 7);
    assert_eq!(workload.machines[0].resources.cpus().to_f64(), 16.0);
}

#[test]
fn events_become_tasks_and_an_evicted_one_counts_its_last_run() {
    let files = vec![file("t", sample_of(Table::Google2011Tasks)), file("m", sample_of(Table::Google2011Machines))];
    let (workload, report) = read(files, &Options::default()).unwrap();
    let two = workload.jobs.iter().find(|job| &*job.name == "200").unwrap();
    assert_eq!((two.tasks, two.is_spread, two.need.cpus().to_f64()), (2, true, 4.0));
    assert_eq!([0, 1].map(|task| two.runs.of(task).unwrap().as_secs()), [79, 80]);
    assert_eq!(two.submit_at.as_secs(), 20);
    assert_eq!(report.rules[&Rule::RunAgain].count, 1);
    assert_eq!(report.rules[&Rule::NoEnd].count, 1);
    assert_eq!(report.rules[&Rule::BeforeTheBeginning].count, 1);
    let [absence] = workload.absences[..] else { panic!("{:?}", workload.absences) };
    assert_eq!((absence.machine, absence.from.as_secs(), absence.until.unwrap().as_secs()), (0, 300, 360));
}

#[test]
fn tasks_run_where_their_constraints_and_the_machines_attributes_say() {
    use Table::{Google2011Attributes, Google2011Constraints, Google2011Machines, Google2011Tasks};
    let files = [Google2011Constraints, Google2011Attributes, Google2011Tasks, Google2011Machines];
    let files = files.map(|table| file(table.name(), sample_of(table))).into();
    let (workload, report) = read(files, &Options::default()).unwrap();
    let one = workload.jobs.iter().find(|job| &*job.name == "100").unwrap();
    let two = workload.jobs.iter().find(|job| &*job.name == "200").unwrap();
    let admits = |job: &crate::workload::Job| {
        workload.machines.iter().map(|machine| job.admits(&machine.attributes)).collect::<Vec<_>>()
    };
    assert_eq!((two.tasks, two.constraints.len()), (2, 2), "{report}");
    assert_eq!((admits(one), admits(two)), (vec![true, true], vec![true, false]), "{:?}", workload.machines);
}

#[test]
fn what_was_used_is_summed_up_and_what_cannot_be_is_left_out() {
    let unit = |report: &TraceReport, table| report.usage[&table];
    let (workload, report) = read_text(sample_of(Table::Google2011Usage)).unwrap();
    // Alone it is a trace: tasks from their first sample to their last, with the most they used.
    let jobs: Vec<_> = workload.jobs.iter().map(|job| (&*job.name, job.runs.of(0).unwrap().as_secs())).collect();
    assert_eq!(jobs, [("100", 600), ("200", 60)], "{report}");
    assert_eq!(workload.jobs[0].need.cpus().to_f64(), 16.0);
    assert_eq!((report.rules[&Rule::Overlapping].line, report.files[0].refused), (4, 1));
    let usage = unit(&report, Table::Google2011Usage);
    let mean = (0.03125 * 300.0 + 0.02125 * 300.0 + 0.5 * 60.0) / 660.0 * 64.0;
    assert!((usage.cpus.mean().unwrap() - mean).abs() < 1e-9, "{report}");
    // Beside events it only tells what was used.
    let files = [Table::Google2011Tasks, Table::Google2011Usage].map(|table| file(table.name(), sample_of(table)));
    let (workload, report) = read(files.into(), &Options::default()).unwrap();
    assert_eq!((workload.jobs.len(), unit(&report, Table::Google2011Usage).samples), (2, 4), "{report}");
    for (table, known, left_out) in [
        (Table::Alibaba2018ContainerUsage, "2 samples, 13.000 % of cores on average and 14.000 at most, 78.000 %", 2),
        (Table::Alibaba2018MachineUsage, "2 samples, 42.000 % of cores on average and 43.000 at most, 92.000 %", 2),
        (Table::Alibaba2017ServerUsage, "2 samples, 30.500 % of cores on average and 31.100 at most, 52.800 %", 0),
        (Table::OpendcFragments, "2 samples, 2194.500 MHz on average and 2926.000 at most", 0),
    ] {
        let files = vec![file("usage", sample_of(table)), file("beside", gwf(&[row(1, "10", "5", "1")]))];
        let (_, report) = read(files, &Options::default()).unwrap();
        assert!(report.to_string().contains(known), "{report}");
        assert_eq!(report.rules.get(&Rule::NotMeasured).map_or(0, |seen| seen.line), left_out, "{report}");
    }
}

#[test]
fn failures_take_machines_in_turn() {
    let tables = [Table::OpendcTasks, Table::Google2011Machines, Table::OpendcFailures];
    let machines = "0,7,0,p,0.5,0.25\n0,8,0,p,1,1\n0,9,0,p,1,1\n0,10,0,p,1,1\n";
    let text = |table| if table == Table::Google2011Machines { machines } else { sample_of(table) };
    let files = tables.map(|table| file(table.name(), text(table))).into();
    let (workload, report) = read(files, &Options::default()).unwrap();
    let mut absences: Vec<_> = workload
        .absences
        .iter()
        .map(|absence| (absence.from.as_secs(), absence.machine, absence.until.unwrap().as_secs()))
        .collect();
    absences.sort_unstable();
    let all = (0..4).map(|machine| (720, machine, 1_320));
    assert_eq!(absences, [(300, 0, 600), (300, 1, 600)].into_iter().chain(all).collect::<Vec<_>>(), "{report}");
    let waits: Vec<_> = workload.jobs.iter().map(|job| job.submit_at.as_secs()).collect();
    assert_eq!((waits, workload.jobs[0].deadline.unwrap().as_secs()), (vec![0, 50, 100], 1_000));
}

#[test]
fn a_graph_of_tasks_is_in_their_names() {
    let (workload, report) = read_text(sample_of(Table::Alibaba2018Tasks)).unwrap();
    let reduce = workload.jobs.iter().find(|job| &*job.name == "j_1/2").unwrap();
    assert_eq!(&*workload.jobs[reduce.after[0] as usize].name, "j_1/1");
    assert_eq!((report.rules[&Rule::AboveTheUnit].count, report.rules[&Rule::NeverRan].count), (1, 1));
}

#[test]
fn a_part_of_a_gpu_counts_as_a_whole_one() {
    let (workload, report) = read_text(sample_of(Table::OpenbPods)).unwrap();
    let gpus: Vec<f64> = workload.jobs.iter().map(|job| job.need.gpus().to_f64()).collect();
    assert_eq!((gpus, report.rules[&Rule::PartOfAGpu].line), (vec![1.0, 1.0, 0.0], 3));
}

#[test]
fn parts_of_machines_are_of_the_largest_kind() {
    let files =
        vec![file("types", sample_of(Table::AzurePackingTypes)), file("vms", sample_of(Table::AzurePackingVms))];
    let (workload, report) = read(files, &Options::default()).unwrap();
    assert_eq!(workload.jobs.len(), 2);
    assert!(workload.jobs.iter().all(|job| (job.need.cpus().to_f64() - 16.0).abs() < 1e-9), "{report}");
    assert_eq!(report.rules[&Rule::BeforeTheBeginning].count, 1);
}

/// A row of a GWF file.
fn row(id: u32, submit: &str, run: &str, processors: &str) -> String {
    format!("0, {id}, {submit}, {run}, {processors}, {processors},\n")
}

fn gwf(rows: &[String]) -> String {
    let mut text = "WorkflowID, JobID, SubmitTime, RunTime, NProcs, ReqNProcs, Dependencies\n".to_owned();
    rows.iter().for_each(|row| text.push_str(row));
    text
}

#[test]
fn every_bad_row_is_refused_or_repaired_by_a_rule_that_names_its_line() {
    let cases = [
        (row(2, "x", "5", "1"), Rule::NotANumber),
        (row(2, "NaN", "5", "1"), Rule::NotANumber),
        ("0, 2, 5\n".to_owned(), Rule::NeverRan),
        (row(2, "5", "99999999", "1"), Rule::TooLong),
        (row(2, "5", "5", "0"), Rule::AbsurdSize),
        (row(2, "5", "5", "4000000000"), Rule::AbsurdSize),
        (row(2, "-5", "5", "1"), Rule::BeforeTheBeginning),
        (row(2, "5", "0", "1"), Rule::NoTime),
        (row(2, "0", "5", "1"), Rule::OutOfOrder),
        ("0, 2, 50, 5, 1, 1, 77\n".to_owned(), Rule::NobodyToFollow),
    ];
    for (bad, rule) in cases {
        let (workload, report) = read_text(&gwf(&[row(1, "10", "5", "1"), bad.clone()])).unwrap();
        let seen = report.rules.get(&rule).unwrap_or_else(|| panic!("{bad}{report}"));
        assert_eq!((seen.count, seen.line), (1, 3), "{bad}{report}");
        let kept = if rule.verdict() == Verdict::Refused { 1 } else { 2 };
        assert_eq!(workload.jobs.len(), kept, "{bad}{report}");
    }
}

#[test]
fn absurd_rows_of_a_batch_table_are_refused_or_repaired_too() {
    let good = "task_a,1,j_1,1,Terminated,100,160,100,0.5\n";
    let cases = [
        ("task_b,1,j\n", Rule::MissingField),
        ("task_b,1,j_2,1,Sleeping,100,160,100,0.5\n", Rule::UnknownState),
        ("task_b,1,j_2,1,Terminated,160,100,100,0.5\n", Rule::NegativeTime),
        ("task_b,1,j_2,1,Terminated,0,160,100,0.5\n", Rule::NeverRan),
        ("task_b,1,j_2,1,Terminated,100,99999999,100,0.5\n", Rule::TooLong),
        ("task_b,1,j_2,1,Terminated,100,160,0,0.5\n", Rule::AsksForNothing),
        ("task_b,1,j_2,1,Terminated,100,160,-100,0.5\n", Rule::AsksForNothing),
        ("task_b,-1,j_2,1,Terminated,100,160,100,0.5\n", Rule::AbsurdSize),
        ("task_b,1,j_2,1,Terminated,100,160,100,101\n", Rule::AboveTheUnit),
        ("task_b,1,j_2,1,Terminated,100,160,100,-1\n", Rule::NoMemory),
    ];
    for (bad, rule) in cases {
        let whole = File { table: Some(Table::Alibaba2018Tasks), ..file("batch", format!("{good}{bad}")) };
        let (workload, report) = read(vec![whole], &Options::default()).unwrap();
        let seen = report.rules.get(&rule).unwrap_or_else(|| panic!("{bad}{report}"));
        assert_eq!((seen.count, seen.line), (1, 2), "{bad}{report}");
        let kept = if rule.verdict() == Verdict::Refused { 1 } else { 2 };
        assert_eq!(workload.jobs.len(), kept, "{bad}{report}");
    }
}

#[test]
fn what_was_used_below_nothing_and_parts_of_machines_that_are_none_are_not_taken_in_silence() {
    let used = |cpus: &str| format!("100,160,1,2,3,Terminated,1,1,{cpus},0.5,0.1,0.1\n");
    let of_2017 = (Table::Alibaba2017Instances, used("0.5") + &used("-5"));
    let used = |cpus: &str| format!("i_1,task_a,j_1,1,Terminated,100,160,m_1,1,1,50,{cpus},0.1,0.1\n");
    for (table, text) in [of_2017, (Table::Alibaba2018Instances, used("50") + &used("-5"))] {
        let whole = File { table: Some(table), ..file("instances", text) };
        let (workload, report) = read(vec![whole], &Options::default()).unwrap();
        assert_eq!((workload.tasks(), report.rules[&Rule::NotMeasured].line), (2, 2), "{report}");
    }
    let types = sample_of(Table::AzurePackingTypes);
    for odd in ["-0.25", "1.25", "1e300"] {
        let text = types.replace(",1,0.25,", &format!(",1,{odd},"));
        let files = vec![file("types", text), file("vms", sample_of(Table::AzurePackingVms))];
        let (_, report) = read(files, &Options::default()).unwrap();
        assert_eq!((report.files[0].refused, report.rules[&Rule::AbsurdSize].line), (1, 3), "{report}");
    }
}

#[test]
fn overlapping_lives_and_events_from_nowhere_are_refused() {
    let text = "vmid,cpu,memory,time,type\n0,2,4,0,0\n0,2,4,5,0\n7,2,4,6,1\n1,2,4,7,9\n0,2,4,500,1\n";
    let (workload, report) = read_text(text).unwrap();
    assert_eq!(workload.jobs.len(), 1);
    for (rule, line) in [(Rule::Overlapping, 3), (Rule::OutOfNowhere, 4), (Rule::UnknownState, 5)] {
        assert_eq!(report.rules[&rule].line, line, "{report}");
    }
}

#[test]
fn a_window_and_a_speed_choose_a_part_of_a_trace() {
    let rows: Vec<String> = (0..100).map(|at| row(at, &(at * 10).to_string(), "60", "1")).collect();
    let options = Options { from: 200.0, until: 400.0, speedup: 10.0, ..Options::default() };
    let (workload, report) = read(vec![file("gwf", gwf(&rows))], &options).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((workload.jobs.len(), report.rules[&Rule::OutsideWindow].count), (21, 79));
    assert_eq!(workload.jobs[20].submit_at.as_secs(), 20);
    assert_eq!(workload.jobs[0].runs.of(0).unwrap().as_secs(), 6);
}

#[test]
fn compressed_files_are_read_like_others_and_a_torn_one_counts_as_far_as_it_goes() {
    let text = gwf(&(0..5_000).map(|at| row(at, &at.to_string(), "60", "1")).collect::<Vec<_>>());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(Cursor::new(text.as_bytes()), ruzstd::encoding::CompressionLevel::Fastest);
    for (bytes, name) in [(text.clone().into_bytes(), "none"), (gzip.clone(), "gzip"), (zstd, "zstd")] {
        let (workload, report) = read(vec![file("f", bytes)], &Options::default()).unwrap();
        assert_eq!((workload.jobs.len(), report.files[0].compression), (5_000, name));
    }
    let torn = gzip[..gzip.len() / 2].to_vec();
    let (workload, report) = read(vec![file("torn", torn)], &Options::default()).unwrap();
    assert!((1_000..4_999).contains(&workload.jobs.len()));
    assert_eq!(report.rules[&Rule::TruncatedFile].count, 1);
}

#[test]
fn what_is_no_trace_is_refused_with_a_way_out() {
    for text in ["", "<html><body>not found</body></html>", "\u{0}\u{1}\u{2}binary", "a,b,c\n1,2,3\n"] {
        let error = read_text(text).unwrap_err().to_string();
        assert!(error.contains("table = \"swf\""), "{error}");
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(b"<html><body>not found</body></html>").unwrap();
    let gzip = gzip.finish().unwrap();
    let error = read(vec![file("page.gz", gzip.clone())], &Options::default()).unwrap_err().to_string();
    assert!(error.contains("<html>") && error.contains("table = \"swf\""), "{error}");
    assert!(matches!(read(vec![file("torn.gz", &gzip[..8])], &Options::default()), Err(TraceError::Io { .. })));
    for (start, name) in [(&b"BZh91AY"[..], "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\x03\x04\x14", "zip")] {
        let error = read(vec![file("packed", start)], &Options::default()).unwrap_err().to_string();
        assert!(error.contains(&format!("compressed as {name}; unpack it")), "{error}");
    }
    // What holds files that are read once they are taken out.
    let database = [b"SQLite format 3\0", &[0; 84][..]].concat();
    let error = read(vec![file("packing.sqlite", database)], &Options::default()).unwrap_err().to_string();
    assert!(error.contains("sqlite3 -header -csv FILE 'select * from vm' > vm.csv"), "{error}");
    let mut archive = vec![0; 512];
    archive[..7].copy_from_slice(b"pai.csv");
    archive[257..262].copy_from_slice(b"ustar");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&archive).unwrap();
    for bytes in [archive, packed.finish().unwrap()] {
        let error = read(vec![file("pai.tar", bytes)], &Options::default()).unwrap_err().to_string();
        assert!(error.contains("pai.tar: this is an archive; unpack it: tar -xf FILE"), "{error}");
    }
    let wrong = File { table: Some(Table::Alibaba2018Tasks), ..file("jobs.swf", sample_of(Table::Swf).repeat(10)) };
    let error = read(vec![wrong], &Options::default()).unwrap_err();
    assert!(matches!(error, TraceError::WrongTable { line: 4, .. }), "{error}");
    let long = "x".repeat(3 << 20);
    assert!(matches!(read_text(&long), Err(TraceError::Io { .. })));
}
