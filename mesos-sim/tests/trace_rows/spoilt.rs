//! Files of every table, shuffled, cut and spoilt in each of their fields: what is left of them can be run, and what is not
//! was counted.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_sim::trace::Sample;
use mesos_sim::workload::Runs;

use super::*;

const ABSURD: [&str; 18] = [
    "",
    "-1",
    "-7",
    "2.5",
    "0",
    "1e300",
    "-1e300",
    "9e17",
    "1e12",
    "NaN",
    "inf",
    "99999999999999999999",
    "x",
    "\"",
    ";",
    "{",
    "null",
    "\u{fffd}",
];
/// Told apart from every amount of memory in the samples.
const MEM_DEFAULT: f64 = 777.0;

/// What stands between the fields of a table.
#[derive(Clone, Copy)]
enum Separator {
    Comma,
    Tab,
    Blanks,
    Json,
}

fn separator(sample: &Sample) -> Separator {
    match sample.table {
        Table::Swf | Table::OmegaCell | Table::GoogleVersion1 => Separator::Blanks,
        Table::Gavel => Separator::Tab,
        _ if sample.text.starts_with(['{', '[']) => Separator::Json,
        _ => Separator::Comma,
    }
}

/// Spoils one field of a line, by what stands between fields in this table.
fn spoil(line: &str, separator: Separator, rng: &mut Rng) -> String {
    let absurd = ABSURD[rng.index(ABSURD.len())];
    let mut replaced = |mut fields: Vec<&str>, between: &str| {
        let at = rng.index(fields.len().max(1));
        if let Some(field) = fields.get_mut(at) {
            *field = absurd;
        }
        fields.join(between)
    };
    match separator {
        Separator::Blanks => replaced(line.split_whitespace().collect(), " "),
        Separator::Tab => replaced(line.split('\t').collect(), "\t"),
        Separator::Comma => replaced(line.split(',').collect(), ","),
        Separator::Json => {
            // The value behind one of the colons, or a piece between commas.
            let colons: Vec<usize> = line.match_indices(':').map(|(at, _)| at + 1).collect();
            if colons.is_empty() || rng.below(4) == 0 {
                return replaced_piece(line, absurd, rng);
            }
            let from = colons[rng.index(colons.len())];
            let until = line[from..].find([',', '}', ']']).map_or(line.len(), |at| from + at);
            format!("{}{absurd}{}", &line[..from], &line[until..])
        }
    }
}

fn replaced_piece(line: &str, absurd: &str, rng: &mut Rng) -> String {
    let mut pieces: Vec<&str> = line.split(',').collect();
    let at = rng.index(pieces.len());
    pieces[at] = absurd;
    pieces.join(",")
}

/// A sample with its lines shuffled, half of them spoilt, some told twice, and its end cut off.
fn spoilt(sample: &Sample, seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let separator = separator(sample);
    let mut lines: Vec<String> = sample.text.lines().map(str::to_owned).collect();
    if rng.below(3) > 0 {
        let twice = lines[rng.index(lines.len())].clone();
        lines.push(twice);
    }
    let is_document = matches!(sample.table, Table::Philly | Table::Elastisim);
    if !is_document || rng.below(4) == 0 {
        rng.shuffle(&mut lines);
    }
    for line in &mut lines {
        if rng.below(2) == 0 {
            *line = spoil(line, separator, &mut rng);
        }
    }
    let mut text = lines.join("\n");
    if rng.below(2) == 0 {
        let end = rng.index(text.len() + 1);
        text.truncate((0..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
    }
    text
}

/// Tables of which every row is a job, or refused; and those of which every row is a task.
fn is_job_a_row(table: Table) -> bool {
    use Table::{
        Alibaba2017Tasks, Alibaba2018Containers, Alibaba2018Tasks, AzureLlm, AzureVms, Elastisim, Gavel, Gwf,
        OpenbPods, OpendcTasks, Pai2020Tasks, Philly, SpotJobs, Swf, Tiresias,
    };
    let tables = [
        Swf,
        Gwf,
        Alibaba2017Tasks,
        Alibaba2018Tasks,
        Alibaba2018Containers,
        Pai2020Tasks,
        OpenbPods,
        SpotJobs,
        AzureVms,
        AzureLlm,
        Philly,
        Elastisim,
        Gavel,
        Tiresias,
        OpendcTasks,
    ];
    tables.contains(&table)
}

fn can_be_run(workload: &Workload, options: &Options) {
    let in_time = |at: Duration| at.as_secs_f64() <= options.time_max + options.run_max;
    let order: Vec<_> = workload.jobs.iter().map(|job| job.submit_at).collect();
    assert!(order.is_sorted() && order.iter().all(|at| at.as_secs_f64() <= options.time_max), "{order:?}");
    for (index, job) in workload.jobs.iter().enumerate() {
        let amounts = [job.need.cpus(), job.need.mem(), job.need.disk(), job.need.gpus()].map(|own| own.to_f64());
        assert!(amounts[0] + amounts[3] > 0.0 && amounts[1] > 0.0, "{job:?}");
        assert!((1..=options.tasks_max).contains(&job.tasks), "{job:?}");
        let mut runs = (0..job.tasks).filter_map(|task| job.runs.of(task)).map(|run| run.as_secs_f64());
        assert!(runs.all(|run| run > 0.0 && run <= options.run_max), "{job:?}");
        let is_short = matches!(&job.runs, Runs::Each(runs) if runs.len() != job.tasks as usize);
        assert!(!is_short, "{job:?}");
        assert!(job.deadline.is_none_or(|deadline| deadline >= job.submit_at && in_time(deadline)), "{job:?}");
        assert!(job.estimate.is_none_or(in_time) && in_time(job.think), "{job:?}");
        assert!(job.after.iter().all(|before| (*before as usize) < index), "{job:?}");
        assert!((job.queue as usize) < workload.queues.len(), "{job:?}");
    }
    for machine in &workload.machines {
        assert!(machine.resources.cpus().is_positive() && machine.resources.mem().is_positive(), "{machine:?}");
    }
    let mut absences = workload.absences.clone();
    absences.sort_by_key(|absence| (absence.machine, absence.from));
    for absence in &absences {
        assert!((absence.machine as usize) < workload.machines.len() && in_time(absence.from), "{absence:?}");
        assert!(absence.until.is_none_or(|until| until >= absence.from && in_time(until)), "{absence:?}");
    }
    for pair in absences.windows(2).filter(|pair| pair[0].machine == pair[1].machine) {
        assert!(pair[0].until.is_some_and(|until| until <= pair[1].from), "{pair:?}");
    }
}

/// What was repaired is seen in the jobs, and what was refused in how many are left.
fn is_counted(table: Table, workload: &Workload, report: &TraceReport) {
    let count = |rule| report.rules.get(&rule).map_or(0, |seen| seen.count);
    refused(report);
    let [own, _] = &report.files[..] else { panic!("{report}") };
    let jobs = workload.jobs.len() as u64 - 1;
    if is_job_a_row(table) {
        assert_eq!(jobs + own.refused, own.rows, "{report}");
    }
    if matches!(table, Table::Alibaba2017Instances | Table::Alibaba2018Instances) {
        assert_eq!(workload.tasks() - 1 + own.refused, own.rows, "{report}");
    }
    let jobs = workload.jobs.iter();
    let without_mem = jobs.clone().filter(|job| (job.need.mem().to_f64() - MEM_DEFAULT).abs() < 1e-9).count() as u64;
    assert!(without_mem <= count(Rule::NoMemory), "{report}");
    let shortest = Duration::from_millis(1);
    let without_time = jobs.filter(|job| job.runs.of(0) == Some(shortest)).count() as u64;
    assert!(without_time <= count(Rule::NoTime) + count(Rule::NoEnd), "{report}");
}

/// What was looked at when something was found.
struct Shown(String);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

#[test]
fn whatever_becomes_of_a_file_it_is_refused_or_what_is_left_of_it_can_be_run_and_the_rest_is_counted() {
    let options = Options { mem_default: MEM_DEFAULT, ..Options::default() };
    let mut read_tables = BTreeSet::new();
    for (sample, seed) in SAMPLES.iter().flat_map(|sample| (0..60).map(move |seed| (sample, seed))) {
        let text = spoilt(sample, seed);
        // Tables without jobs are read beside one.
        let files = vec![File { table: Some(sample.table), ..file("spoilt", text.clone()) }, beside()];
        let Ok((workload, report)) = read(files, &options) else { continue };
        read_tables.insert(sample.table);
        let _shown = Shown(format!("{}, seed {seed}:\n{text}\n{report}", sample.table));
        can_be_run(&workload, &options);
        is_counted(sample.table, &workload, &report);
    }
    assert_eq!(read_tables.len(), SAMPLES.len(), "every table was read at least once");
}
