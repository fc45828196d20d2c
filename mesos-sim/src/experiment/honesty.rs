//! Figures say what is not in them, and charts what is.

use std::path::PathBuf;

use super::*;

fn run(text: &str) -> (Experiment, Vec<Outcome>) {
    let experiment = Experiment::parse(text.to_owned(), PathBuf::new(), "test".to_owned()).unwrap();
    let outcomes = experiment.run(None, 2, &|_| {}).unwrap();
    (experiment, outcomes)
}

fn is_near(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 0.1), "{found:?}, not {expected}");
}

const STARVED: &str = "name = \"starve\"\nuntil = \"100s\"\n[[cluster.agents]]\ncount = 1\nresources = \"cpus:2;mem:1024\"\n\
    [[queue]]\nname = \"q\"\n[[queue.work]]\njobs = 10\nrun = 1000\nmem = 10\n";

#[test]
fn tasks_that_never_started_are_counted_and_wait_as_long_as_the_run_was() {
    let (experiment, outcomes) = run(STARVED);
    let outcome = &outcomes[0];
    for queue in [None, Some("q")] {
        assert_eq!(outcome.get("tasks_never_started", queue), Some(8.0));
        assert!(outcome.get("wait_mean_secs", queue).unwrap() < 1.0, "of those that ran");
        // Two began at once, eight waited for 90 s.
        is_near(
            outcome.get("wait_mean_at_least_secs", queue),
            0.8 * 90.0 + 0.2 * outcome.get("wait_mean_secs", queue).unwrap(),
        );
    }
    assert!(!outcome.is_done && page(&experiment, &outcomes).contains("(8 tasks never started)"));
    let runs = &tables(&outcomes)[0];
    assert!(runs.columns.iter().any(|(name, _)| *name == "tasks_never_started"));
}

/// While something waits there is work, whether or not anything of it was ever launched.
#[test]
fn the_makespan_begins_with_the_first_submission_and_lasts_while_tasks_wait() {
    let first = "[[queue.work]]\nrun = 10\ncpus = 2\nmem = 10\n";
    let text = STARVED.replace(
        "[[queue.work]]",
        &format!("scheduler = {{ discipline = \"first_fit\" }}\n{first}[[queue.work]]\nfrom = \"50s\""),
    );
    // The first job is alone until 50 s, and is over before.
    is_near(run(&text).1[0].get("makespan_secs", None), 90.0);
    // The framework of the first job never comes, and the others begin 40 s later and are over before the end.
    let blocked = STARVED.replace("jobs = 10\nrun = 1000", "from = \"40s\"\njobs = 2\nrun = 20")
        + "[[queue]]\nname = \"late\"\nstarts = \"150s\"\n[[queue.work]]\nrun = 5\nmem = 10\n";
    is_near(run(&blocked).1[0].get("makespan_secs", None), 90.0);
}

#[test]
fn shares_as_weights_say_are_fair() {
    let queue = |name: &str, more: &str| {
        format!("[[queue]]\nname = \"{name}\"\n{more}[[queue.work]]\njobs = 1000\nrun = 5\nmem = 10\n")
    };
    let cluster =
        "name = \"weights\"\nuntil = \"200s\"\n[[cluster.agents]]\ncount = 12\nresources = \"cpus:1;mem:512\"\n";
    let fairness = |queues: &str| run(&format!("{cluster}{queues}")).1[0].get("fairness_jain", None).unwrap();
    let weighted = fairness(&(queue("a", "weight = 2\n") + &queue("b", "")));
    assert!(weighted > 0.98, "{weighted}");
    // A role of two queues is entitled to as much as one of a single queue.
    let shared = fairness(&(queue("a", "role = \"x\"\n") + &queue("b", "role = \"x\"\n") + &queue("c", "")));
    assert!(shared > 0.95, "{shared}");
}

#[test]
fn work_that_was_given_up_is_not_done() {
    let text = STARVED
        .replace("until = \"100s\"", "until = \"2h\"")
        .replace("jobs = 10\nrun = 1000", "jobs = 3\ntasks = 2\nrun = 1000")
        + "[faults]\nmachine_fails_every = \"1s\"\nmachine_back_after = \"1s\"\n";
    let (_, outcomes) = run(&text);
    let outcome = &outcomes[0];
    let get = |metric| outcome.get(metric, None).unwrap_or(0.0);
    assert!(get("jobs_done") < 3.0 && !outcome.is_done, "{:?}", outcome.figures);
    assert!(get("tasks_unfinished") > 0.0);
}

#[test]
fn a_chart_of_several_seeds_is_of_all_of_them_and_says_so() {
    let text = "name = \"seeds\"\nseeds = 3\nuntil = \"1h\"\n[[cluster.agents]]\ncount = 1\nresources = \"cpus:2;mem:1024\"\n\
        [[queue]]\nname = \"a\"\n[[queue.work]]\njobs = 6\nrun = { exponential = 30 }\nmem = 10\n\
        [[queue]]\nname = \"b\"\n[[queue.work]]\njobs = 6\nrun = { exponential = 30 }\nmem = 10\n";
    let (experiment, outcomes) = run(text);
    let all = page::charts(&experiment, &outcomes);
    let first = page::charts(&experiment, &outcomes[..1]);
    for (name, svg) in &all {
        assert!(svg.contains("mean over seeds, shaded"), "{name}");
    }
    for (name, of_one) in &first {
        assert!(!of_one.contains("over seeds") && !of_one.contains("<polygon"), "{name}");
    }
    for name in ["cpus_used", "wait", "share-0", "wait-0"] {
        let (_, svg) = all.iter().find(|(own, _)| own == name).unwrap();
        assert!(svg.contains("<polygon"), "{name} shows one seed");
    }
}

#[test]
fn cases_that_are_not_drawn_are_counted_below_the_chart() {
    let mut text = STARVED.replace("run = 1000", "run = 1");
    text.push_str("[sweep]\n\"queue.0.work.0.jobs\" = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]\n");
    let (experiment, outcomes) = run(&text);
    let charts = page::charts(&experiment, &outcomes);
    let (_, lines) = charts.iter().find(|(name, _)| name == "cpus_used").unwrap();
    assert!(lines.contains("12 of 13 cases are drawn"), "{lines}");
    let (_, bars) = charts.iter().find(|(name, _)| name == "bars-use").unwrap();
    assert!(!bars.contains("cases are drawn"), "all of them have bars");
}
