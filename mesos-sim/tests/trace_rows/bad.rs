//! Rows that cannot be true: each is refused or repaired by a rule, counted, and does no harm to the rows beside it.

use super::*;

fn read_as(table: Table, text: &str) -> Result<(Workload, TraceReport), TraceError> {
    read(vec![File { table: Some(table), ..file("bad", text) }], &Options::default())
}

fn names(workload: &Workload) -> Vec<&str> {
    workload.jobs.iter().map(|job| &*job.name).collect()
}

#[test]
fn one_absurd_time_does_not_make_everything_run_for_ever() {
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
                a,1000,1024,0,0,,LS,Running,0,5000,0\nb,1000,1024,0,0,,LS,Running,1000,,1000\n";
    for absurd in ["1e300", "1e12", "-1e300"] {
        let (workload, report) = read_text(&format!("{pods}x,1000,1024,0,0,,LS,Running,{absurd},,\n"))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((names(&workload), refused(&report)), (vec!["a", "b"], 1), "{report}");
        assert_eq!(run(&workload.jobs[1]), 4_000.0, "{report}");
    }
    let tasks = "610000000,,100,0,,0,u1,2,9,0.125,0.0625,0.0004,0\n620000000,,100,0,7,1,u1,2,9,0.125,0.0625,0.0004,0\n\
                 700000000,,200,0,,0,u1,2,9,0.125,0.0625,0.0004,0\n8000000000000000000,,200,0,7,1,u1,2,9,0.125,0.0625,0.0004,0\n";
    let (workload, report) = read_as(Table::Google2011Tasks, tasks).unwrap();
    assert_eq!((names(&workload), run(&workload.jobs[0])), (vec!["100"], 90.0), "{report}");
    // Machines, containers, samples and failures tell of times too.
    for (table, text) in [
        (Table::Google2011Machines, "0,7,0,p,0.5,0.5\n9000000000000000000,7,1,p,,\n"),
        (Table::Alibaba2017Containers, "0,Create,1,505,4,0.04,0.03,\n1e17,Remove,1,505,4,0.04,0.03,\n"),
        (Table::Google2011Usage, "600000000,900000000,1,0,7,0.03,0.06\n600000000,8e18,2,0,7,0.03,0.06\n"),
        (Table::Alibaba2018MachineUsage, "m_1,100,41,92,,,43.04,33.08,5\nm_1,1e18,43,-1,,,43.05,33.09,5\n"),
    ] {
        let files = vec![File { table: Some(table), ..file("bad", text) }, file("pods", pods)];
        let (workload, report) = read(files, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
        let open = workload.jobs.iter().find(|job| &*job.name == "b").unwrap();
        assert_eq!((run(open), report.files[0].refused), (4_000.0, 1), "{table}\n{report}");
    }
}

#[test]
fn what_ran_to_the_end_of_the_trace_is_judged_like_what_ended() {
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
                open,1000,1024,0,0,,LS,Running,0,,0\nold,1000,1024,0,0,,LS,Running,100000000,100000100,100000000\n";
    let (workload, report) = read_text(pods).unwrap();
    assert_eq!((names(&workload), refused(&report)), (vec!["old"], 1), "{report}");
    assert_eq!(report.rules[&Rule::TooLong].line, 2, "{report}");
}

#[test]
fn no_number_is_taken_that_is_none() {
    let gavel = "a\tb\t--steps\t1\t195000\t0.000000\t1\n";
    for bad in
        ["a\tb\t--steps\t1\t195000\tNaN\t1\n", "a\tb\t--steps\t1\tinf\t5\t1\n", "a\tb\t--steps\t1\t195000\t5\tNaN\n"]
    {
        let (workload, report) = read_as(Table::Gavel, &format!("{gavel}{bad}")).unwrap();
        assert_eq!((workload.jobs.len(), refused(&report)), (1, 1), "{bad}{report}");
        assert_eq!(report.rules[&Rule::NotANumber].line, 2, "{report}");
    }
    let vms = "vm/1,s,d,0,600,99,3,10,Unknown,1,1.75\n";
    for bad in ["vm/2,s,d,0,600,99,3,10,Unknown,>NaN,1.75\n", "vm/2,s,d,0,600,99,3,10,Unknown,1,>inf\n"] {
        let (workload, report) = read_as(Table::AzureVms, &format!("{vms}{bad}")).unwrap();
        assert_eq!((workload.jobs.len(), report.rules[&Rule::NotANumber].line), (1, 2), "{bad}{report}");
    }
    let packing =
        "vmId,tenantId,vmTypeId,priority,starttime,endtime\n1,5,0,0,0,0.25\n2,5,0,1,0.01,NaN\n3,5,0,1,0.01,inf\n";
    let files = vec![file("types", sample_of(Table::AzurePackingTypes)), file("vms", packing)];
    let (workload, report) = read(files, &Options::default()).unwrap();
    assert_eq!((workload.jobs.len(), refused(&report)), (1, 2), "{report}");
    let requests =
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,4808,10\n2023-11-16 18:NaN:04,3180,8\n";
    let (workload, report) = read_text(requests).unwrap();
    assert_eq!((workload.jobs.len(), report.rules[&Rule::NotANumber].line), (1, 3), "{report}");
}

#[test]
fn of_two_jobs_of_one_name_in_a_cell_the_first_counts() {
    let cell = "11 0 501 1 3 1 0.5 524288000\n11 5 501 1 3 1 0.25 524288000\n12 20 501 1 3 20\n";
    let (workload, report) = read_as(Table::OmegaCell, cell).unwrap();
    let [job] = &workload.jobs[..] else { panic!("{report}") };
    assert_eq!((job.need.cpus().to_f64(), job.submit_at.as_secs(), run(job)), (0.5, 0, 20.0), "{report}");
    assert_eq!((refused(&report), report.rules[&Rule::Overlapping].line), (1, 2), "{report}");
}

#[test]
fn a_job_number_that_comes_twice_counts_once() {
    let swf = "1 0 0 10 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n2 5 0 10 2 -1 -1 2 -1 -1 1 1 1 -1 1 -1 -1 -1\n\
               2 9 0 10 4 -1 -1 4 -1 -1 1 1 1 -1 1 -1 -1 -1\n3 9 0 10 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 2 5\n";
    let (workload, report) = read_text(swf).unwrap();
    let tasks: Vec<u32> = workload.jobs.iter().map(|job| job.tasks).collect();
    assert_eq!((tasks, refused(&report)), (vec![1, 2, 1], 1), "{report}");
    assert_eq!(*workload.jobs[2].after, [1], "{report}");
    // What was run of a job in parts is told of in the row of the whole too.
    let parts = swf.replace("2 9 0 10 4 -1 -1 4 -1 -1 1 ", "7 9 0 10 4 -1 -1 4 -1 -1 2 ");
    let (workload, report) = read_text(&parts).unwrap();
    assert_eq!((workload.jobs.len(), refused(&report)), (3, 1), "{report}");
}

#[test]
fn numbers_of_jobs_are_those_of_their_own_file() {
    let swf = |more: &str| {
        format!("1 0 0 10 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n{more}2 5 0 10 2 -1 -1 2 -1 -1 1 1 1 -1 1 -1 1 -1\n")
    };
    let other = swf("").replace("1 0 0 10 1 ", "1 0 0 10 9 ");
    let (workload, report) = read(vec![file("one", swf("")), file("other", other)], &Options::default()).unwrap();
    let before: Vec<u32> = workload.jobs[2..].iter().map(|job| workload.jobs[job.after[0] as usize].tasks).collect();
    assert_eq!(before, [1, 9], "{report}");
}

#[test]
fn a_machine_keeps_the_size_it_had_first_and_is_there_from_when_it_came() {
    let tasks = file("t", sample_of(Table::Google2011Tasks));
    let rows = "0,7,0,p,0.5,0.5\n700000000,7,2,p,0.75,0.75\n900000000,7,1,p,,\n960000000,7,0,p,1,1\n1000000000,7,0,p,0.5,0.5\n";
    let (workload, report) = read(vec![file("m", rows), tasks], &Options::default()).unwrap();
    assert_eq!(workload.machines[0].resources.cpus().to_f64(), 32.0, "{report}");
    let absences: Vec<_> = workload
        .absences
        .iter()
        .map(|absence| (absence.from.as_secs(), absence.until.map(|at| at.as_secs())))
        .collect();
    assert_eq!(absences, [(300, Some(360))], "{report}");
    assert!(report.to_string().contains("changed later on"), "{report}");
    // Shuffled, they say the same.
    let mut lines: Vec<&str> = rows.lines().skip(1).collect();
    lines.reverse();
    lines.insert(0, "0,7,0,p,0.5,0.5");
    let files = vec![file("m", lines.join("\n")), file("t", sample_of(Table::Google2011Tasks))];
    let (again, report) = read(files, &Options::default()).unwrap();
    assert_eq!(again.absences, workload.absences, "{report}");
}

#[test]
fn one_bad_entry_of_a_document_is_refused_and_the_others_are_read() {
    let good = "{\"status\": \"Pass\", \"vc\": \"v\", \"jobid\": \"j1\", \"submitted_time\": \"2017-10-03 04:05:06\",\n \
                \"attempts\": [{\"start_time\": \"2017-10-03 04:06:00\", \"end_time\": \"2017-10-03 05:06:00\",\n \
                \"detail\": [{\"ip\": \"m1\", \"gpus\": [\"gpu0\"]}]}]}";
    for bad in [
        "{\"status\": \"Pass\", \"vc\": \"v\", \"jobid\": \"j2\", \"submitted_time\": \"2017-10-03 04:05:06\", \"attempts\": null}",
        "{\"status\": 5, \"vc\": \"v\", \"jobid\": \"j2\", \"attempts\": []}",
        "null",
        "{\"status\": \"Pass\" \"vc\"}",
    ] {
        let text = format!("[\n{good},\n{bad},\n{}\n]\n", good.replace("j1", "j3"));
        let (workload, report) = read_as(Table::Philly, &text).unwrap_or_else(|error| panic!("{bad}: {error}"));
        assert_eq!(
            (names(&workload), report.files[0].rows, refused(&report)),
            (vec!["j1", "j3"], 3, 1),
            "{bad}\n{report}"
        );
        assert_eq!(report.rules.values().next().unwrap().line, 5, "{bad}\n{report}");
    }
    let job = |submit: &str| {
        format!(
            "{{\"type\": \"rigid\",\n\"submit_time\": {submit}, \"num_nodes\": 14, \"arguments\": {{\"iterations\": 15, \"flops\": 2e14}}}}"
        )
    };
    for bad in ["\"61\"", "null", "1e400", "[]"] {
        let text = format!("{{\"jobs\": [\n{},\n{},\n{}]}}\n", job("5"), job(bad), job("7"));
        let (workload, report) = read_text(&text).unwrap_or_else(|error| panic!("{bad}: {error}"));
        let submits: Vec<u64> = workload.jobs.iter().map(|job| job.submit_at.as_secs()).collect();
        assert_eq!((submits, report.files[0].rows, refused(&report)), (vec![5, 7], 3, 1), "{bad}\n{report}");
        assert_eq!(report.rules.values().next().unwrap().line, 4, "{bad}\n{report}");
    }
}

#[test]
fn a_document_that_was_cut_off_counts_as_far_as_it_goes() {
    let job = "{\"type\": \"rigid\", \"submit_time\": 5, \"num_nodes\": 14, \"arguments\": {\"iterations\": 15, \"flops\": 2e14}}";
    let text = format!("{{\"jobs\": [{}]}}", vec![job; 20].join(",\n"));
    let (workload, report) = read_text(&text[..text.len() / 2]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((workload.jobs.len(), report.rules[&Rule::TruncatedFile].count), (9, 1), "{report}");
    // On one line, and longer than any row of a table.
    let text = format!("{{\"jobs\": [{}]}}", vec![job; 20_000].join(","));
    let (workload, report) = read_text(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((workload.jobs.len(), refused(&report)), (20_000, 0), "{report}");
}

#[test]
fn what_is_found_at_the_end_names_the_file_it_is_in() {
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
                a,1000,1024,0,0,,LS,Running,0,5000,0\nb,1000,1024,0,0,,LS,Running,1000,,1000\n";
    let (_, report) = read(vec![file("pods", pods), beside()], &Options::default()).unwrap();
    let seen = &report.rules[&Rule::NoEnd];
    assert_eq!((&*seen.file, seen.line), ("pods", 3), "{report}");
}

#[test]
fn options_that_cannot_be_are_refused() {
    let usual = Options::default();
    for (options, name) in [
        (Options { speedup: -5.0, ..usual.clone() }, "speedup"),
        (Options { speedup: f64::NAN, ..usual.clone() }, "speedup"),
        (Options { unit_cpus: 0.0, ..usual.clone() }, "unit_cpus"),
        (Options { unit_mem: f64::INFINITY, ..usual.clone() }, "unit_mem"),
        (Options { mem_default: -1.0, ..usual.clone() }, "mem_default"),
        (Options { from: f64::NAN, ..usual.clone() }, "from"),
        (Options { from: 10.0, until: 5.0, ..usual.clone() }, "until"),
    ] {
        let error = read(vec![beside()], &options).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_header_behind_a_mark_of_its_encoding_is_one() {
    let (workload, report) =
        read_text(&format!("\u{feff}{}", sample_of(Table::Tiresias))).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((workload.jobs.len(), refused(&report)), (2, 0), "{report}");
}
