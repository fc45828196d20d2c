//! Small experiments, from the file to the page.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::*;

const SMALL: &str = r#"
name = "small"
title = "Two users <and> a policy"
seeds = 2
until = "2h"

[[cluster.agents]]
count = 4
resources = "cpus:4;mem:8192"
attributes = "rack:r{index%2}"

[[queue]]
name = "a"
scheduler = { discipline = "first_fit" }
[[queue.work]]
arrivals = { poisson = 5 }
jobs = 20
tasks = { uniform = [1, 4] }
run = { exponential = 20 }
constraints = ["rack = r1"]

[[queue]]
name = "b"
weight = 2
[[queue.work]]
jobs = 10
run = 30
gang = true
tasks = 2

[sweep]
"allocator.policy" = ["drf", "random"]

[[expect]]
what = "everything is done"
metric = "jobs_done"
paper = 30
low = 30
high = 30
"#;

fn small() -> Experiment {
    Experiment::parse(SMALL.to_owned(), PathBuf::new(), "mesos-sim experiment run small.toml".to_owned()).unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mesos-sim-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn quiet(_: Progress<'_>) {}

#[test]
fn a_small_experiment_runs_is_resumed_and_becomes_a_page() {
    let (experiment, folder) = (small(), scratch("small"));
    let outcomes = experiment.run(Some(&folder), 2, &quiet).unwrap();
    assert_eq!(outcomes.len(), 4);
    assert!(outcomes.iter().all(|outcome| outcome.is_done && outcome.fault.is_none()));
    let mut figures = outcomes.iter().flat_map(|outcome| &outcome.figures);
    assert!(figures.all(|figure| figure::is_figure(&figure.metric)), "one of them could not be expected");
    assert_eq!(experiment.findings(&outcomes)[0].verdict, Verdict::Holds);
    // The second time nothing is run, and everything is the same.
    let resumed = std::sync::atomic::AtomicUsize::new(0);
    let again = experiment
        .run(Some(&folder), 1, &|progress| {
            resumed.store(progress.resumed, std::sync::atomic::Ordering::Relaxed);
            assert!(progress.last.is_none(), "a case was run again");
        })
        .unwrap();
    assert_eq!((again == outcomes, resumed.into_inner()), (true, 4));
    let written = experiment.write(&folder, &outcomes).unwrap();
    let names = |ext: &str| written.iter().filter(|path| path.extension().is_some_and(|own| own == ext)).count();
    assert!(names("csv") == 3 && names("svg") >= 8 && names("html") == 1, "{written:?}");
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    for part in ["Two users &lt;and&gt; a policy", "seeds 1 to 2", VERSION, "small.toml", "<svg", "fairness", "holds"] {
        assert!(page.contains(part), "the page lacks {part}");
    }
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org/2000/svg").count()
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_same_case_gives_the_same_outcome_on_any_number_of_threads() {
    let experiment = small();
    let (one, two) = (experiment.run(None, 1, &quiet).unwrap(), experiment.run(None, 2, &quiet).unwrap());
    assert!(one == two);
    assert_ne!(one[0].digest, one[1].digest, "another seed is another run");
}

/// What the small experiment is, in every build and on every machine: policies and seeds in the order of its cases.
const DIGESTS: [&str; 4] = ["5e7de088194f4d59", "b6ddd999a7401ee7", "6d124ba28855a38a", "f84cb251921cbb31"];

#[test]
fn an_experiment_is_the_same_in_every_build_and_on_every_machine() {
    let outcomes = small().run(None, 2, &quiet).unwrap();
    let found: Vec<&str> = outcomes.iter().map(|outcome| outcome.digest.as_str()).collect();
    assert_eq!(
        found, DIGESTS,
        "If a change was meant to let a machine, a scheduler or a draw do something else, the digests on the left take the place \
         of those in DIGESTS. If not, or if the other profile (cargo test --release) comes to others, a build or a machine is \
         not like the rest: figures of the two cannot be compared until it is known why."
    );
}

#[test]
fn a_cut_off_result_is_made_again() {
    let (experiment, folder) = (small(), scratch("torn"));
    let outcomes = experiment.run(Some(&folder), 2, &quiet).unwrap();
    let path = folder.join("cases").join(format!("{}.json", outcomes[0].key));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    assert!(experiment.run(Some(&folder), 2, &quiet).unwrap() == outcomes);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_figure_within_bounds_that_exclude_the_papers_differs_and_one_outside_fails() {
    let with = |bounds: &str| {
        let text = SMALL.replace("paper = 30\nlow = 30\nhigh = 30\n", bounds);
        let experiment = Experiment::parse(text, PathBuf::new(), String::new()).unwrap();
        let outcomes = experiment.run(None, 2, &quiet).unwrap();
        (experiment.findings(&outcomes).remove(0), page(&experiment, &outcomes))
    };
    let (odd, said) = with("paper = 99\nlow = 30\nhigh = 30\ndiffers = \"other <jobs>\"\n");
    assert_eq!((odd.verdict, odd.differs.as_deref()), (Verdict::Differs, Some("other <jobs>")));
    assert!(said.contains(">differs</td>") && said.contains("<b>Differs:</b> other &lt;jobs&gt;"));
    assert_eq!(serde_json::to_value(&odd).unwrap()["verdict"], "differs");
    let (bad, said) = with("paper = 99\nlow = 31\nhigh = 40\ndiffers = \"other jobs\"\n");
    assert!(bad.verdict == Verdict::Fails && said.contains(">FAILS</td>"));
    let tally = Tally::of([&odd, &bad]);
    assert_eq!((tally.holding, tally.differing, tally.failing, tally.all()), (0, 1, 1, 2));
}

/// What was made by another build may have been decided otherwise.
#[test]
fn an_outcome_of_another_build_is_made_again_and_still_reported() {
    let (experiment, folder) = (small(), scratch("build"));
    let outcomes = experiment.run(Some(&folder), 2, &quiet).unwrap();
    let path = folder.join("cases").join(format!("{}.json", outcomes[0].key));
    let other = std::fs::read_to_string(&path).unwrap().replace(version(), "0.1.0+000000000000");
    std::fs::write(&path, &other).unwrap();
    let kept = experiment.kept(&folder).unwrap();
    assert_eq!((kept.len(), kept[0].version.as_str()), (4, "0.1.0+000000000000"));
    assert!(page(&experiment, &kept).contains(&format!("0.1.0+000000000000 and {}", version())));
    assert_eq!(made_before(&experiment, &folder), 3);
    assert_eq!(made_before(&experiment, &folder), 4);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// How many cases are not run, because their outcomes are there.
fn made_before(experiment: &Experiment, folder: &Path) -> usize {
    let resumed = std::sync::atomic::AtomicUsize::new(0);
    let note = |progress: Progress<'_>| resumed.store(progress.resumed, std::sync::atomic::Ordering::Relaxed);
    experiment.run(Some(folder), 2, &note).unwrap();
    resumed.into_inner()
}

#[test]
fn a_scheduler_of_somebodys_own_is_run_again_unless_its_version_is_the_same() {
    use crate::scheduler::{JobScheduler, Options};
    let folder = scratch("own");
    let maker = || -> SchedulerMaker {
        Arc::new(|workload, queue, _| JobScheduler::new(workload, queue, Options::default()).boxed())
    };
    let text = SMALL.replace("\"first_fit\"", "\"fifo\"");
    let built_in = Experiment::parse(text, PathBuf::new(), String::new()).unwrap();
    let unknown = built_in.clone().with_scheduler("fifo", maker());
    let first = built_in.clone().with_scheduler_version("fifo", "1", maker());
    let second = built_in.clone().with_scheduler_version("fifo", "2", maker());
    for experiment in [&unknown, &first, &second, &built_in] {
        assert_eq!(made_before(experiment, &folder), 0, "what another scheduler of this name made is not used");
    }
    let again = [&unknown, &first, &second, &built_in].map(|experiment| made_before(experiment, &folder));
    assert_eq!(again, [0, 4, 4, 4]);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Also when it is as long and as old as before, and wherever it is named.
#[test]
fn a_case_is_another_when_a_file_it_reads_holds_something_else() {
    let folder = scratch("files");
    std::fs::create_dir_all(&folder).unwrap();
    let swf = crate::trace::SAMPLES.iter().find(|sample| sample.table == crate::trace::Table::Swf).unwrap().text;
    let files = [("runs.txt", "A batch 0 10\n".to_owned()), ("trace.swf", swf.to_owned())];
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    files.iter().for_each(|(name, text)| write(name, text));
    let draws = SMALL.replace("{ exponential = 20 }", "{ omega = { path = \"runs.txt\", kind = 0 } }");
    let trace = SMALL.replace("[sweep]", "[trace]\nfiles = [\"trace.swf\"]\n[sweep]");
    let keys = |text: &str| -> Vec<String> {
        let experiment = Experiment::parse(text.to_owned(), folder.clone(), String::new()).unwrap();
        experiment.cases().unwrap().into_iter().map(|case| case.key).collect()
    };
    for ((name, before), text) in files.iter().zip([&draws, &trace]) {
        let (path, known) = (folder.join(name), keys(text));
        let at = std::fs::metadata(&path).unwrap().modified().unwrap();
        let last = before.rfind(|letter: char| letter.is_ascii_digit()).unwrap();
        let mut after = before.clone();
        after.replace_range(last..=last, if &before[last..=last] == "7" { "8" } else { "7" });
        write(name, &after);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        let changed = keys(text);
        assert!(known.iter().all(|key| !changed.contains(key)), "{name}");
        write(name, before);
        assert_eq!(keys(text), known, "{name}: when it was written does not matter");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What a reader looks for is there, fragmentation among the bars since nothing is fragmented here, each chart with its units
/// and where it is from; nothing is fetched, and a reader whose system is dark has a dark page.
#[test]
fn a_page_shows_everything_in_its_units_light_or_dark_and_fetches_nothing() {
    let experiment = small();
    let outcomes = experiment.run(None, 2, &quiet).unwrap();
    let page = page(&experiment, &outcomes);
    let charts: Vec<&str> = page.split("<svg ").skip(1).map(|part| part.split("</svg>").next().unwrap()).collect();
    for (title, axes) in [
        ("Cores in use", &["time, s", "part of all"][..]),
        ("Memory in use", &["time, s", "part of all"]),
        ("Tasks that wait", &["time, s", "tasks"]),
        ("Waiting of tasks, from submission to running", &["wait, s", "part of all"]),
        ("Completion of jobs, from submission to end", &["response time, s", "part of all"]),
        ("Jain's index of dominant shares over weights", &["time, s", "index"]),
        ("Offers made", &["time, s", "per second"]),
        ("Offers refused", &["time, s", "per second"]),
        ("Tasks launched", &["time, s", "per second"]),
        ("Dominant shares over time: policy drf", &["time, s", "dominant share, part of all"]),
        ("Waiting of tasks by queue: policy random", &["wait, s", "part of all"]),
        ("Use between first submission and last end", &["part of all"]),
        ("Waiting of tasks", &["wait, s"]),
        ("Completion of jobs", &["response time, s"]),
        ("Fairness and fragmentation", &["index, part of what is free"]),
        ("Offers", &["offers"]),
    ] {
        let title = format!("<title>{title}</title>");
        let chart = charts.iter().find(|chart| chart.contains(&title)).unwrap_or_else(|| panic!("no chart {title}"));
        for axis in axes {
            assert!(chart.contains(&format!(">{axis}</text>")), "{title} has no axis {axis}");
        }
    }
    for chart in &charts {
        let words: Vec<&str> =
            chart.split("</text>").filter_map(|part| part.rsplit_once('>')).map(|(_, word)| word).collect();
        let said = words.join(" ");
        assert!(said.contains("seeds 1 to 2 · mesos-sim ") && said.contains("small.toml"), "{said}");
    }
    for fetched in ["<script", "<link", "<img", "src=", "@import", "url("] {
        assert!(!page.contains(fetched), "{fetched}");
    }
    assert!(page.contains("@media screen and (prefers-color-scheme:dark)"));
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_a_way_out() {
    let parse = |text: String| Experiment::parse(text, PathBuf::new(), String::new());
    let cases = [
        (SMALL.replace("seeds = 2", "seads = 2"), "seads"),
        (SMALL.replace("until = \"2h\"", "until = \"2 parsecs\""), "span of time"),
        (SMALL.replace("name = \"small\"", "name = \"../small\""), "letters, digits"),
        (SMALL.replace("[[cluster.agents]]", "[[cluster.gents]]"), "gents"),
        (SMALL.replace("count = 4", "count = -4"), "-4"),
        (SMALL.replace("count = 4", "count = 0"), "cluster: it has no agents"),
        (SMALL.replace("seeds = 2", "seeds = -3"), "`-3`, expected how many seeds"),
        (SMALL.replace("seeds = 2", "seeds = [1, -3]"), "`-3`, expected how many seeds"),
        (SMALL.replace("seeds = 2", "seeds = [1, 1]"), "seeds: one of them is there twice"),
        (SMALL.replace("seeds = 2", "seeds = 4000000000"), "seeds: there are too many"),
        (SMALL.replace("[[cluster.agents]]", "[cluster]\nmasters = 0\n[[cluster.agents]]"), "cluster.masters: "),
        (SMALL.replace("until = \"2h\"", "until = \"0s\""), "until: a run of 0 s is over"),
        (SMALL.replace("until = \"2h\"", "until = \"2h\"\nwarm_up = \"3h\""), "a warm-up of 10800 s"),
        (SMALL.replace("name = \"b\"", "name = \"a\""), "queue.name: there are two queues \"a\""),
        (SMALL.replace("[sweep]", "[faults]\nmachine_fails_every = \"0s\"\n[sweep]"), "faults.machine_fails_every: "),
        (SMALL.replace("{ poisson = 5 }", "{ at = [nan] }"), "no span of time"),
        (SMALL.replace("{ poisson = 5 }", "{ at = [-5] }"), "no span of time"),
        (SMALL.replace("low = 30\nhigh = 30\n", ""), "without a bound anything would hold"),
        (SMALL.replace("low = 30\nhigh = 30\n", "low = 31\nhigh = 30\n"), "nothing is both"),
        (SMALL.replace("\"jobs_done\"", "\"nope\""), "there is no figure \"nope\""),
        (SMALL.replace("metric = \"jobs_done\"\n", ""), "it is about no figure"),
        (SMALL.replace("paper = 30", "queue = \"c\""), "there is no queue \"c\""),
        (SMALL.replace("paper = 30", "paper = 31"), "what the paper says is outside the bounds; say why, as differs"),
        (
            SMALL.replace("paper = 30", "paper = 30\ndiffers = \"no reason\""),
            "the bounds exclude nothing the paper says",
        ),
        (SMALL.replace("paper = 30", "where = { \"allocator.policy\" = \"rdf\" }"), "no case has allocator.policy = "),
    ];
    for (text, part) in cases {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let run = |text: String| parse(text).unwrap().run(None, 1, &quiet).unwrap_err().to_string();
    let cases = [
        (SMALL.replace("first_fit", "last_fit"), "write fifo, first_fit"),
        (SMALL.replace("exponential = 20", "exponential = -20"), "the mean must be positive"),
        (SMALL.replace("rack = r1", "the rack"), "write \"rack = r1\""),
        (SMALL.replace("cpus:4;mem:8192", "cpus;mem:8192"), "cpus"),
        (SMALL.replace("\"allocator.policy\" =", "\"queue.7.weight\" ="), "there is no such place"),
        (SMALL.replace("run = 30", "run = nan"), "queue.work.run: NaN: it is no number"),
        (SMALL.replace("run = 30", "run = 1e300"), "queue.work.run: 1e300 s is too long"),
        (SMALL.replace("run = 30", "run = 30\ncpus = 1e30"), "queue.work.cpus: 1e30 is too large"),
        (SMALL.replace("run = 30", "run = 30\ncpus = 0.0001"), "queue.work.cpus: 0.0001 vanishes"),
        (SMALL.replace("tasks = 2\n", "tasks = 0\n"), "queue.work.tasks: 0.0: 0 is none at all"),
        (SMALL.replace("tasks = 2\n", "tasks = 1e18\n"), "queue.work.tasks: 1e18 is too many"),
        (SMALL.replace("run = 30", "run = 30\ncorrelation = 9"), "queue.work.correlation: 9 is not between 0 and 1"),
        (SMALL.replace("{ poisson = 5 }", "{ poisson = -1 }"), "queue.work.arrivals: "),
        (
            SMALL.replace("{ poisson = 5 }", "{ diurnal = { mean_gap = nan, swing = 2, peak_hour = 1 } }"),
            "queue.work.arrivals: a mean gap of NaN s is none",
        ),
        (SMALL.replace("{ poisson = 5 }\njobs = 20", "\"at_once\"\njobs = 4000000000"), "more than 10000000 come"),
        (SMALL.replace("{ poisson = 5 }", "{ at = [\"0s\", 5, 10] }"), "20 jobs do not come at 3 times"),
        (SMALL.replace("jobs = 20", "jobs = 0").replace("jobs = 10", "jobs = 0"), "no job is ever submitted"),
        (
            SMALL.replace("name = \"b\"", "name = \"a-0\"").replace("name = \"a\"", "name = \"a\"\ncopies = 1"),
            "two queues",
        ),
    ];
    for (text, part) in cases {
        let error = run(text);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn jobs_that_fit_nowhere_are_counted_and_left_out() {
    let text = SMALL.replace("tasks = 2\n", "tasks = 17\n");
    let experiment = Experiment::parse(text, PathBuf::new(), String::new()).unwrap();
    let outcome = &experiment.run(None, 2, &quiet).unwrap()[0];
    assert_eq!(outcome.get("jobs", None), Some(20.0));
    assert!(outcome.trace.as_deref().unwrap().contains("refused       10  fits no machine"), "{:?}", outcome.trace);
}

#[test]
fn who_uses_no_gpus_is_told_that_machines_with_some_are_not_for_him() {
    let text = SMALL.replace("cpus:4;mem:8192", "cpus:4;mem:8192;gpus:1");
    let experiment = Experiment::parse(text, PathBuf::new(), String::new()).unwrap();
    let error = experiment.run(None, 1, &quiet).unwrap_err().to_string();
    assert!(error.contains("only offered to queues with jobs that use some"), "{error}");
}

#[test]
fn a_bad_scheduler_is_reported_with_its_seed_and_stops_nobody_else() {
    use mesos_core::provider::Ack;
    use mesos_core::{Offer, Resources, Scheduler, SchedulerCx, TaskId, TaskInfo, TaskStatus};
    #[derive(Clone, Copy)]
    enum Flaw {
        Panics,
        Hangs,
        TakesTooMuch,
        AnswersNobody,
        AnswersTwice,
    }
    struct Flawed(Flaw);
    impl Scheduler for Flawed {
        fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
            match self.0 {
                Flaw::Panics => panic!("division by zero"),
                Flaw::Hangs => {}
                Flaw::AnswersNobody => {
                    let id = mesos_core::OfferId::new("made-up").unwrap();
                    cx.accept([id], [], mesos_core::Filters::none());
                }
                Flaw::AnswersTwice => {
                    cx.decline(&offers[0]);
                    cx.decline(&offers[0]);
                }
                Flaw::TakesTooMuch => {
                    let need: Resources = "cpus:99;mem:32".parse().unwrap();
                    let id = TaskId::new("0.0.0").unwrap();
                    cx.launch(&offers[0], [TaskInfo::shell(id, offers[0].agent_id.clone(), need, "true")]);
                }
            }
        }
        fn update(&mut self, _cx: &mut SchedulerCx<'_>, _status: &TaskStatus) -> Ack {
            Ack::Auto
        }
        fn deadline(&self) -> Option<mesos_core::Instant> {
            matches!(self.0, Flaw::Hangs).then_some(mesos_core::Instant::ZERO)
        }
    }
    for (flaw, part) in [
        (Flaw::Panics, "it panicked: division by zero"),
        (Flaw::Hangs, "never lets time pass"),
        (Flaw::TakesTooMuch, "it launched task 0.0.0, which it could not"),
        (Flaw::AnswersNobody, "it answered offer made-up, which it was never made"),
        (Flaw::AnswersTwice, "which it was never made or had answered before"),
    ] {
        let text = SMALL.replace("\"first_fit\"", "\"flawed\"");
        let experiment = Experiment::parse(text, PathBuf::new(), String::new()).unwrap();
        let experiment = experiment.with_scheduler("flawed", Arc::new(move |_, _, _| Box::new(Flawed(flaw))));
        let outcomes = experiment.run(None, 2, &quiet).unwrap();
        let fault = outcomes[1].fault.as_deref().unwrap_or_else(|| panic!("{part}: nothing was found"));
        assert!(fault.contains(part) && fault.contains("seed 2"), "{fault}");
        assert!(!outcomes[1].is_done);
    }
}

#[test]
fn machines_of_a_trace_go_and_come_as_there() {
    use crate::trace::{SAMPLES, Table};
    let folder = scratch("trace");
    std::fs::create_dir_all(&folder).unwrap();
    let sample = |table| SAMPLES.iter().find(|sample| sample.table == table).unwrap().text;
    std::fs::write(folder.join("tasks.csv"), sample(Table::Google2011Tasks)).unwrap();
    std::fs::write(folder.join("machines.csv"), sample(Table::Google2011Machines)).unwrap();
    let text = "name = \"google\"\nuntil = \"1h\"\ncluster.from_trace = true\n[trace]\nfiles = [\"tasks.csv\", \"machines.csv\"]\n\
                queue_by = \"user\"\n";
    let experiment = Experiment::parse(text.to_owned(), folder.clone(), String::new()).unwrap();
    let outcome = &experiment.run(None, 1, &quiet).unwrap()[0];
    assert_eq!(outcome.get("tasks_finished", None), Some(3.0), "{outcome:?}");
    assert!(outcome.trace.as_deref().unwrap().contains("2 machines"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The example that the program prints is one that runs.
#[test]
fn the_example_is_an_experiment() {
    let text = include_str!("../bin/mesos-sim/example.toml")
        .replace("1h", "3m")
        .replace("6h", "20m")
        .replace("seeds = 3", "seeds = 1");
    let experiment = Experiment::parse(text, PathBuf::new(), String::new()).unwrap();
    let outcomes = experiment.run(None, 2, &quiet).unwrap();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|outcome| outcome.fault.is_none() && outcome.get("tasks_finished", None) > Some(50.0)));
}

#[test]
fn a_scheduler_that_remembers_goes_on_where_it_was_when_its_process_is_started_again() {
    let text = SMALL.replace("until = \"2h\"", "until = \"2h\"\nfaults.frameworks_crash_at = [\"40s\", \"75s\"]");
    let text = text.replace("discipline = \"first_fit\" }", "discipline = \"first_fit\", remembers = true }");
    let text = text.replace("name = \"b\"\n", "name = \"b\"\nscheduler = { remembers = true }\n");
    let outcomes = Experiment::parse(text, PathBuf::new(), String::new()).unwrap().run(None, 2, &quiet).unwrap();
    for outcome in outcomes {
        let get = |metric| outcome.get(metric, None).unwrap();
        assert!(outcome.is_done && outcome.fault.is_none(), "{outcome:?}");
        assert_eq!((get("jobs_done"), get("tasks_finished")), (30.0, get("tasks")), "{outcome:?}");
        // Nothing is run twice but what was on its way to the master when the process ended.
        assert!(get("tries") - get("tasks") <= 4.0, "{} tries of {} tasks", get("tries"), get("tasks"));
    }
}

#[test]
fn a_round_that_costs_something_comes_later() {
    let wait = |cost: &str| {
        let text = SMALL.replace("until = \"2h\"", &format!("until = \"2h\"\n{cost}"));
        let outcome =
            Experiment::parse(text, PathBuf::new(), String::new()).unwrap().run(None, 2, &quiet).unwrap().remove(0);
        assert!(outcome.is_done && outcome.fault.is_none(), "{outcome:?}");
        (outcome.get("wait_mean_secs", None).unwrap(), outcome.digest)
    };
    let (usual, digest) = wait("");
    assert_eq!(wait("cluster.round_cost = \"0s\"").1, digest, "what costs nothing changes nothing");
    let (costly, _) = wait("cluster.round_cost = \"8s\"");
    assert!(costly > usual + 4.0, "{costly} and {usual}");
    // Four agents.
    let (by_agent, same) = wait("cluster.round_cost_per_agent = \"2s\"");
    assert!(by_agent > usual + 4.0 && same != digest, "{by_agent} and {usual}");
}

#[test]
fn a_framework_that_comes_late_comes_when_it_is_to() {
    let text = SMALL.replace("name = \"b\"\n", "name = \"b\"\nstarts = \"50s\"\n");
    let outcome = &Experiment::parse(text, PathBuf::new(), String::new()).unwrap().run(None, 2, &quiet).unwrap()[0];
    // Its jobs are there after ten seconds, and wait for it.
    let wait = outcome.get("job_wait_first_mean_secs", Some("b")).unwrap();
    assert!(outcome.is_done && wait > 40.0, "{wait}");
}

#[test]
fn what_never_begins_waits_until_the_end() {
    let text = "name = \"too-much\"\nuntil = \"150s\"\n[[cluster.agents]]\ncount = 1\nresources = \"cpus:4;mem:8192\"\n\
                [[queue]]\nname = \"a\"\n[[queue.work]]\njobs = 10\ntasks = 4\nrun = 100\n";
    let experiment = Experiment::parse(text.to_owned(), PathBuf::new(), String::new()).unwrap();
    let outcome = &experiment.run(None, 1, &quiet).unwrap()[0];
    let backlog = outcome.curves.iter().find(|curve| curve.metric == "backlog").unwrap();
    let tasks: Vec<f64> = backlog.points.iter().map(|point| point.1).collect();
    assert_eq!(tasks.last(), Some(&32.0), "four ran, four run, and the rest waits: {tasks:?}");
    assert!(tasks.contains(&36.0), "until the first four are done: {tasks:?}");
}

#[test]
fn an_allocator_of_somebodys_own_is_named_in_the_file_and_plays_in_the_tournament() {
    use mesos_sched::allocator::HierarchicalDrf;

    use crate::cluster::DecisionCost;

    let slow = || {
        let cost = DecisionCost { per_round: Duration::from_secs(10), ..DecisionCost::default() };
        cost.charge(Box::<HierarchicalDrf>::default())
    };
    let named = |text: &str| Experiment::parse(text.to_owned(), PathBuf::new(), String::new()).unwrap();
    let text = SMALL.replace("[\"drf\", \"random\"]", "[\"drf\", \"mine\"]");
    let unknown = named(&text).cases().unwrap_err().to_string();
    assert!(unknown.contains("allocator.policy: there is no \"mine\"; write one of drf, random"), "{unknown}");
    let own = || named(&text).with_allocator("mine", slow);
    let outcomes = own().run(None, 2, &quiet).unwrap();
    let waits: Vec<f64> = outcomes.iter().map(|own| own.get("wait_mean_secs", None).unwrap()).collect();
    assert!(outcomes.iter().all(|outcome| outcome.is_done) && waits[2] > waits[0] + 3.0, "{waits:?}");
    let labels: Vec<String> = tournament(&own()).unwrap().cases().unwrap().into_iter().map(|case| case.label).collect();
    assert_eq!(labels.len(), 2 * 8);
    assert_eq!(labels.iter().filter(|label| *label == "policy mine").count(), 2);
    // Of its code nobody can tell whether it is what it was; of a version somebody says so.
    let folder = scratch("own-allocator");
    let first = named(&text).with_allocator_version("mine", "1", slow);
    let second = named(&text).with_allocator_version("mine", "2", slow);
    assert_eq!([&own(), &first, &second].map(|experiment| made_before(experiment, &folder)), [0, 2, 2]);
    assert_eq!([&own(), &first, &second].map(|experiment| made_before(experiment, &folder)), [2, 4, 4]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_tournament_has_every_policy() {
    let outcomes = tournament(&small()).unwrap().run(None, 2, &quiet).unwrap();
    let labels: std::collections::BTreeSet<String> = outcomes.iter().map(Outcome::label).collect();
    assert_eq!(labels.len(), 7);
    assert!(outcomes.iter().all(|outcome| outcome.is_done), "{outcomes:?}");
}

/// Gangs of up to sixteen tasks on as many agents as they need, some of which fail: what was refused at different times has
/// to come together again.
#[test]
fn gangs_of_a_real_trace_end_although_machines_fail() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    if !root.exists() {
        eprintln!("skipped: {} is not there", root.display());
        return;
    }
    let text = "name = \"gangs\"\nseeds = 5\nuntil = \"400d\"\nscheduler.discipline = \"first_fit\"\n\
                faults.machine_fails_every = \"1h\"\n[[cluster.agents]]\ncount = 6\n\
                resources = \"cpus:128;mem:260096;gpus:4\"\n[trace]\nfiles = [\"tiresias/60_job.csv\"]\n";
    let experiment = Experiment::parse(text.to_owned(), root, String::new()).unwrap();
    for outcome in experiment.run(None, 2, &quiet).unwrap() {
        let get = |metric| outcome.get(metric, None).unwrap();
        assert!(outcome.is_done && get("makespan_secs") < 10_000.0, "{outcome:?}");
        assert_eq!(get("jobs_done"), get("jobs"));
    }
}
