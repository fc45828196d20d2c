//! What tables tell about what other tables tell, and tables that tell it in another way.

use mesos_sim::trace::QueueBy;

use super::*;

fn samples(tables: &[Table]) -> Vec<File> {
    tables.iter().map(|table| file(table.name(), sample_of(*table))).collect()
}

fn queue_of<'a>(workload: &'a Workload, name: &str) -> &'a str {
    let job = workload.jobs.iter().find(|job| &*job.name == name).unwrap();
    &workload.queues[job.queue as usize]
}

#[test]
fn a_trace_of_samples_alone_has_tasks_from_their_first_sample_to_their_last() {
    let (workload, report) = read_text(sample_of(Table::GoogleVersion1)).unwrap();
    let of = |name: &str| workload.jobs.iter().find(|job| &*job.name == name).unwrap();
    let runs = |name| of(name).runs.of(0).unwrap().as_secs();
    assert_eq!((runs("101"), of("101").submit_at.as_secs(), runs("102")), (600, 90_000, 300), "{report}");
    assert_eq!((of("101").need.cpus().to_f64(), report.usage[&Table::GoogleVersion1].samples), (4.0, 4), "{report}");
    let other = sample_of(Table::GoogleVersion1).replace("ParentID", "JobID");
    assert_eq!(read_text(&other).unwrap().0, workload);
    let (_, rows) = other.split_once('\n').unwrap();
    assert_eq!(read_text(rows).unwrap().0, workload, "told without its header");
}

#[test]
fn a_table_that_says_nothing_new_is_known_and_says_so() {
    let (workload, report) =
        read(samples(&[Table::Google2011Jobs, Table::Google2011Tasks]), &Options::default()).unwrap();
    assert_eq!(workload, read(samples(&[Table::Google2011Tasks]), &Options::default()).unwrap().0);
    let said =
        "google-2011-job-events, 3 lines, 3 rows, 0 refused, compression none; a workload uses nothing of these rows";
    assert!(report.to_string().contains(said), "{report}");
    let bad = sample_of(Table::Google2011Jobs).replace(",100,4,", ",100,44,");
    let files = vec![
        File { table: Some(Table::Google2011Jobs), ..file("bad", bad) },
        file("tasks", sample_of(Table::Google2011Tasks)),
    ];
    let (_, report) = read(files, &Options::default()).unwrap();
    assert_eq!((report.files[0].refused, report.rules[&Rule::UnknownState].line), (1, 3), "{report}");
}

#[test]
fn collections_tell_whose_tasks_are_what_they_come_after_and_how_they_are_spread() {
    let second = sample_of(Table::Google2019Instances).replace("\"collection_id\":\"9\"", "\"collection_id\":\"10\"");
    // Submitted a second later than the job it comes after.
    let second = second.replace("\"610000000\"", "\"611000000\"");
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let texts = [sample_of(Table::Google2019Collections), sample_of(Table::Google2019Instances), &second];
        let files = order.map(|at| file("google", texts[at])).into();
        let options = Options { queue_by: QueueBy::User, ..Options::default() };
        let (workload, report) = read(files, &options).unwrap();
        assert_eq!((queue_of(&workload, "9"), queue_of(&workload, "10")), ("u7", "u8"), "{report}");
        let files = order.map(|at| file("google", texts[at])).into();
        let (workload, report) = read(files, &Options::default()).unwrap();
        let [first, second] = &workload.jobs[..] else { panic!("{report}") };
        assert_eq!((first.is_spread, second.is_spread, &*second.after), (true, false, &[0][..]), "{report}");
    }
}

#[test]
fn constraints_that_stand_in_events_choose_machines() {
    let machines = "{\"time\":\"0\",\"machine_id\":\"7\",\"type\":\"1\",\"capacity\":{\"cpus\":0.5,\"memory\":0.5}}\n";
    let machines = format!("{machines}{}", machines.replace("\"7\"", "\"8\""));
    let files = || {
        let mut files = samples(&[Table::Google2019Instances, Table::Google2019Attributes]);
        files.push(File { table: Some(Table::Google2019Machines), ..file("machines", machines.clone()) });
        files
    };
    let (workload, report) = read(files(), &Options::default()).unwrap();
    let admits = |text: &str| {
        let mut files = files();
        files[0] = file("instances", text);
        let (workload, report) = read(files, &Options::default()).unwrap();
        let attributes = workload.machines.iter().map(|machine| &machine.attributes);
        (attributes.map(|own| workload.jobs[0].admits(own)).collect::<Vec<_>>(), report)
    };
    assert_eq!((workload.machines.len(), workload.jobs[0].constraints.len()), (2, 1), "{report}");
    // Machine 7 has 4, machine 8 has 2.
    let sample = sample_of(Table::Google2019Instances);
    for (relation, value, expected) in [
        ("0", "4", [true, false]),
        ("1", "4", [false, true]),
        ("2", "4", [false, true]),
        ("3", "2", [true, false]),
        ("4", "2", [false, true]),
        ("5", "4", [true, false]),
        ("6", "", [true, true]),
        ("7", "", [false, false]),
        ("GREATER_THAN_EQUAL", "3", [true, false]),
    ] {
        let text = sample.replace(
            "\"value\":\"3\",\"relation\":\"5\"",
            &format!("\"value\":\"{value}\",\"relation\":\"{relation}\""),
        );
        let (found, report) = admits(&text);
        assert_eq!(found, expected, "{relation} {value}\n{report}");
    }
    let unknown = sample.replacen("\"relation\":\"5\"", "\"relation\":\"8\"", 1);
    let (_, report) = admits(&unknown);
    assert_eq!((report.rules[&Rule::UnknownState].count, report.rules[&Rule::UnknownState].line), (1, 1), "{report}");
}

#[test]
fn what_holds_resources_for_others_is_counted_and_not_run() {
    let sample = sample_of(Table::Google2019Instances);
    let set = sample.replace("\"collection_type\":\"0\"", "\"collection_type\":\"1\"").replace("\"9\"", "\"11\"");
    let (workload, report) = read_text(&format!("{sample}{set}")).unwrap();
    assert_eq!(
        (workload.jobs.len(), report.rules[&Rule::NoWork].count, report.files[0].refused),
        (1, 3, 3),
        "{report}"
    );
}

#[test]
fn jobs_and_instances_of_pai_tell_whose_a_task_is_and_how_long_each_instance_ran() {
    use Table::{Pai2020Instances, Pai2020Jobs, Pai2020Tasks};
    let options = Options { queue_by: QueueBy::User, ..Options::default() };
    for tables in [[Pai2020Tasks, Pai2020Jobs, Pai2020Instances], [Pai2020Instances, Pai2020Tasks, Pai2020Jobs]] {
        let (workload, report) = read(samples(&tables), &options).unwrap();
        assert_eq!(
            (queue_of(&workload, "f3a1/worker"), queue_of(&workload, "f3a2/ps")),
            ("user1", "user2"),
            "{report}"
        );
        let job = workload.jobs.iter().find(|job| &*job.name == "f3a1/worker").unwrap();
        let runs: Vec<u64> = (0..job.tasks).map(|task| job.runs.of(task).unwrap().as_secs()).collect();
        assert_eq!((runs, job.is_gang), (vec![280, 300, 290], true), "{report}");
        assert_eq!(report.rules[&Rule::NeverRan].count, 2, "an instance and a task still run\n{report}");
    }
    let (workload, report) = read(samples(&[Pai2020Tasks]), &options).unwrap();
    assert_eq!((workload.jobs.len(), queue_of(&workload, "f3a1/worker")), (2, "f3a1"), "{report}");
}

#[test]
fn groups_of_pai_tell_which_model_of_gpu_a_job_demands_and_what_it_does() {
    use Table::{Pai2020Groups, Pai2020Instances, Pai2020Jobs, Pai2020Tasks};
    let number = |at: &str| format!("f7f6218cb5cb82e00b85476691d15d5{at}");
    // The samples number jobs otherwise.
    let numbered = |table: Table| {
        let text = sample_of(table).replace(",i1,", &format!(",{},", number("0")));
        file(table.name(), text.replace(",i2,", &format!(",{},", number("1"))))
    };
    for by in [Pai2020Jobs, Pai2020Instances] {
        let options = Options { queue_by: QueueBy::Class, ..Options::default() };
        let files = vec![numbered(Pai2020Tasks), file("groups", sample_of(Pai2020Groups)), numbered(by)];
        let (workload, report) = read(files, &options).unwrap();
        let of = |name: &str| workload.jobs.iter().find(|job| &*job.name == name).unwrap();
        // It was given a T4 and demands nothing.
        assert_eq!((queue_of(&workload, "f3a1/worker"), of("f3a1/worker").constraints.len()), ("nmt", 0), "{report}");
        let (jobs, strays) = if by == Pai2020Jobs { (1, 0) } else { (0, 1) };
        // The table of instances has none of the other job's: its group is told of in vain.
        assert_eq!(of("f3a2/ps").constraints.len(), jobs, "{report}");
        assert_eq!(report.rules.get(&Rule::OutOfNowhere).map_or(0, |seen| seen.count), strays, "{report}");
        refused(&report);
    }
    let twice = sample_of(Pai2020Groups).repeat(2);
    let (_, report) =
        read(vec![file("groups", twice), numbered(Pai2020Jobs), numbered(Pai2020Tasks)], &Options::default()).unwrap();
    assert_eq!((report.rules[&Rule::ToldAgain].count, report.rules[&Rule::ToldAgain].line), (2, 3), "{report}");
}

#[test]
fn instances_of_tasks_that_no_table_tells_of_are_counted() {
    let (_, report) =
        read(vec![file("pai", sample_of(Table::Pai2020Instances)), beside()], &Options::default()).unwrap();
    let strays = &report.rules[&Rule::OutOfNowhere];
    assert_eq!((strays.count, &*strays.file, strays.line, refused(&report)), (3, "pai", 1, 4), "{report}");
}

#[test]
fn what_instances_and_machines_of_pai_used_is_summed_up() {
    let files = samples(&[Table::Pai2020Tasks, Table::Pai2020Sensors, Table::Pai2020MachineMetrics]);
    let (workload, report) = read(files, &Options::default()).unwrap();
    assert_eq!((workload.jobs.len(), refused(&report)), (2, 1), "{report}");
    for known in [
        // A core, 140 and 60 hundredths of one; 1.5 and 0.5 GB, and a value below nothing.
        "3 samples, 1.000 cores on average and 1.400 at most, 1024.000 MB on average and 1536.000 at most, 0.500 GPUs",
        "2 samples, 18.500 % of cores on average and 18.500 at most, 80.000 % of GPUs",
        "nothing is made of its columns job_name, task_name, inst_id, machine, gpu_name, max_mem, avg_gpu_wrk_mem",
    ] {
        assert!(report.to_string().contains(known), "{known}\n{report}");
    }
    // The memory of the third instance, and 118.5 % of a machine.
    assert_eq!(report.rules[&Rule::NotMeasured].count, 2, "{report}");
    let bad = sample_of(Table::Pai2020MachineMetrics).replace(",100,380,", ",380,100,");
    let (_, report) = read(vec![file("metrics", bad), beside()], &Options::default()).unwrap();
    assert_eq!((refused(&report), report.rules[&Rule::NegativeTime].line), (1, 1), "{report}");
}

#[test]
fn rows_of_gavel_are_read_by_how_many_columns_they_have() {
    let wide = |directory: &str, tail: &str| {
        format!("LM (batch size 80)\tpython main.py{directory}\t--steps\t1\t12000\t4\t{tail}\n")
    };
    for directory in ["", "\tlanguage_modeling"] {
        let text = wide(directory, "5.0\t1.5\t72.0")
            + &wide(directory, "1.0\t-1.0\t80.0")
            + &wide(directory, "-3\t-1.0\t90.0");
        let (workload, report) = read_text(&text).unwrap();
        let of = |at: usize| {
            let job = &workload.jobs[at];
            (job.submit_at.as_secs(), job.tasks, job.priority, job.deadline.map(|at| at.as_secs()))
        };
        // Ten steps a second, and half as long again.
        assert_eq!(
            [of(0), of(1), of(2)],
            [(72, 4, 5, Some(72 + 1_800)), (80, 4, 1, None), (90, 4, 1, None)],
            "{report}"
        );
        assert_eq!((report.rules[&Rule::NoHint].count, report.rules[&Rule::NoHint].line), (1, 3), "{report}");
    }
    let odd = wide("", "5.0\t1.5\t72.0").replace("\t1.5", "");
    let (_, report) = read(vec![file("gavel", wide("", "5\t1\t7") + &odd)], &Options::default()).unwrap();
    assert_eq!((refused(&report), report.rules[&Rule::MissingField].line), (1, 2), "{report}");
}

/// As `sqlite3 -header -csv` writes them: NULL is nothing.
#[test]
fn the_tables_of_a_database_are_read_as_its_own_program_writes_them() {
    let files =
        || vec![file("vm", sample_of(Table::AzurePackingVms)), file("types", sample_of(Table::AzurePackingTypes))];
    let (workload, report) = read(files(), &Options::default()).unwrap();
    assert_eq!((workload.jobs.len(), report.rules[&Rule::NoEnd].count), (2, 1), "{report}");
    assert!(report.to_string().contains("nothing is made of its columns id, machineId, hdd, ssd, nic"), "{report}");
    let mut odd = files();
    odd[0] = file("vm", sample_of(Table::AzurePackingVms).replace("2,5,0,1,", "2,5,0,7,"));
    let (workload, report) = read(odd, &Options::default()).unwrap();
    assert_eq!((workload.jobs.len(), report.rules[&Rule::UnknownState].line), (1, 3), "{report}");
}

#[test]
fn machines_are_measured_minute_by_minute() {
    let beside = || file("beside", sample_of(Table::Philly));
    for (table, known, not_measured) in [
        (Table::PhillyGpus, "2 samples, 78.000 % of GPUs on average", 6),
        (Table::PhillyCpus, "2 samples, 31.845 % of cores on average", 1),
        (Table::PhillyMem, "2 samples, 75.000 % of memory on average", 2),
    ] {
        let (_, rows) = sample_of(table).split_once('\n').unwrap();
        for text in [sample_of(table), rows] {
            let (workload, report) = read(vec![file("util", text), beside()], &Options::default()).unwrap();
            assert_eq!((report.files[0].table, workload.jobs.len()), (table, 1), "{report}");
            assert!(report.to_string().contains(known), "{report}");
            assert_eq!(report.rules[&Rule::NotMeasured].count, not_measured, "{report}");
        }
        let (at, _) = rows.split_once(' ').unwrap();
        let bad = File { table: Some(table), ..file("util", rows.replacen(at, "yesterday", 1)) };
        let (_, report) = read(vec![bad, beside()], &Options::default()).unwrap();
        assert_eq!((report.files[0].refused, report.rules[&Rule::NotANumber].line), (1, 1), "{report}");
    }
}

#[test]
fn gaps_and_iterations_stand_for_times_that_are_not_told() {
    let text = "job_id,num_gpu,submit_time,iterations,model_name,duration,interval\n\
                0,1,0,606,vgg19,164,30\n1,8,,133,vgg11,147,23\n2,2,53,157,inception4,,26\n";
    let (workload, report) = read_text(text).unwrap();
    let jobs: Vec<_> =
        workload.jobs.iter().map(|job| (job.submit_at.as_secs(), job.runs.of(0).unwrap().as_secs_f64())).collect();
    assert_eq!(jobs, [(0, 164.0), (30, 147.0), (53, 15.7)], "{report}");
    assert_eq!(report.rules[&Rule::FromOthers].count, 2, "{report}");
    let scaled = "job_id,num_gpu,submit_time,start_time,duration,model_size,aggr_interval,model_name,model_scale\n\
                  10,12,11,14,20,400,0,vgg19,1\n11,2,12,14,20,400,0,vgg19,1\n";
    let (workload, report) = read_text(scaled).unwrap();
    let options = Options { queue_by: QueueBy::User, ..Options::default() };
    assert_eq!((report.files[0].table, workload.jobs[0].tasks), (Table::Tiresias, 12), "{report}");
    let (workload, report) = read(vec![file("scaled", scaled)], &options).unwrap();
    assert_eq!(&*workload.queues[0], "vgg19", "{report}");
}

#[test]
fn what_still_ran_when_a_list_was_made_has_no_end() {
    let text = sample_of(Table::Philly).replace("\"2017-10-03 05:06:00\"", "null");
    let (_, report) = read_text(&text).map_err(|error| error.to_string()).unwrap();
    assert_eq!(report.rules[&Rule::NoEnd].count, 1, "{report}");
    let twice = sample_of(Table::Philly).replace("\"attempts\": [{", "\"attempts\": [{\"start_time\": null}, {");
    let (workload, report) = read_text(&twice).unwrap();
    assert_eq!((workload.jobs.len(), report.rules[&Rule::RunAgain].count), (1, 1), "{report}");
}

#[test]
fn one_date_of_another_century_does_not_move_the_others() {
    let day = |date: &str| format!("{date} 18:17:03.97,4808,10\n");
    let days: Vec<String> = ["1023-11-16", "2023-11-16", "2023-11-17", "2023-11-18"].map(day).into();
    for turn in 0..days.len() {
        let mut days = days.clone();
        days.rotate_left(turn);
        let (workload, report) =
            read_text(&format!("TIMESTAMP,ContextTokens,GeneratedTokens\n{}", days.concat())).unwrap();
        let at: Vec<u64> = workload.jobs.iter().map(|job| job.submit_at.as_secs() / 86_400).collect();
        assert_eq!((at, report.rules[&Rule::TooFar].count), (vec![0, 1, 2], 1), "{report}");
    }
}

#[test]
fn what_a_table_does_not_tell_is_counted_where_it_is_made_up() {
    for table in [Table::Gavel, Table::Tiresias, Table::Philly, Table::AzureLlm, Table::Elastisim] {
        let (workload, report) = read_text(sample_of(table)).unwrap_or_else(|error| panic!("{table}: {error}"));
        assert_eq!(report.rules[&Rule::Invented].count, workload.jobs.len() as u64, "{table}: {report}");
        // What they need of memory is the default's, or comes with a GPU.
        let without = report.rules.get(&Rule::NoMemory).map_or(0, |seen| seen.count);
        let expected = if workload.jobs[0].need.gpus().to_f64() > 0.0 { 0 } else { workload.jobs.len() as u64 };
        assert_eq!(without, expected, "{table}: {report}");
    }
    for table in [Table::Swf, Table::Gwf, Table::AzureVms, Table::OpenbPods] {
        let (_, report) = read_text(sample_of(table)).unwrap_or_else(|error| panic!("{table}: {error}"));
        assert!(!report.rules.contains_key(&Rule::Invented), "{table}: {report}");
    }
    let read = |table: Table| read(vec![file("machines", sample_of(table)), beside()], &Options::default()).unwrap();
    let (workload, report) = read(Table::PhillyMachines);
    assert_eq!(report.rules[&Rule::Invented].count, workload.machines.len() as u64, "{report}");
}
