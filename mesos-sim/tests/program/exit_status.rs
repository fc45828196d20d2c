//! The exit statuses the help lists, each provoked by something real.

use crate::program::{mesos_sim, scratch, word, write};

/// What can be wrong with what was asked for has one status, that of no verdict about a run.
#[test]
fn what_cannot_be_used_is_1() {
    for words in [
        &["run"][..],
        &["run", "not-a-seed"],
        &["no-such-command"],
        &["run", "2", "--no-such-flag"],
        &["sweep", "--seeds", "5..5"],
        &["replay", "no-such.journal"],
        &["what-if", "no-such.journal", "--at", "1"],
        &["run", "--case", "no-such.json"],
        &["experiment", "run", "no-such.toml"],
        &["trace", "no-such.swf"],
        &["explain", "2"],
        &["explain", "2", "--agent", "a999"],
        &["explain", "2", "--task", "f9/3.1"],
        &["explain", "2", "--task", "nope"],
        &["run", "2", "--describe", "--json"],
        &["run", "2", "--trace", "--json"],
        &["replay", "x.journal", "--trace", "--json"],
        &["papers", "--only", "no-such-paper"],
        &["speed", "--masters", "0", "--agents", "10", "--tasks", "10"],
        &["speed", "--agents", "0"],
        &["speed", "--agents", "99999999"],
        &["speed", "--tasks", "0"],
        &["scale", "day", "--agents", "0"],
        &["scale", "memory", "--agents", "0"],
        &["scale", "curve", "--tasks", "0"],
        &["scale", "curve", "--agents-max", "500"],
        &["record", "--agents", "0", "--tasks", "5"],
        &["record", "--agents", "2", "--tasks", "0"],
        &["record", "--agents", "2", "--frameworks", "0"],
        &["tournament", "x.swf", "--speedup", "nan"],
        &["tournament", "x.swf", "--speedup", "0"],
        &["tournament", "x.swf", "--queue-by", "zz"],
        &["tournament", "x.swf", "--discipline", "zz"],
        &["tournament", "x.swf", "--until", "5 parsecs"],
        &["tournament", "x.swf", "--until", "0s"],
        &["tournament", "x.swf", "--agents", "0xcpus:1"],
        &["tournament", "x.swf", "--agents", "3xcpus"],
        &["tournament", "x.swf", "--seeds", "0"],
        &["tournament", "x.swf", "--seeds", "4000000000"],
        &["tournament", "x.swf", "--queues", "0"],
        &["tournament", "x.swf", "--trace-jobs", "0"],
    ] {
        let ran = mesos_sim(words);
        assert_eq!(ran.code, 1, "{words:?}: {}", ran.err);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{words:?}: {ran:?}");
        assert!(!ran.err.contains("panicked") && !ran.err.contains("TOML"), "{words:?}: {ran:?}");
    }
    let bad = write(&scratch("unusable"), "bad.toml", "name = \"bad\"\nseads = 3\n");
    let ran = mesos_sim(&["experiment", "run", &bad]);
    assert!(ran.code == 1 && ran.err.contains("seads"), "{ran:?}");
}

#[test]
fn an_experiments_file_is_not_told_what_it_says_itself() {
    let file = write(&scratch("tournament-file"), "small.toml", &experiment(""));
    for option in [
        ["--agents", "3xcpus:1"],
        ["--queue-by", "user"],
        ["--discipline", "fifo"],
        ["--queues", "2"],
        ["--trace-jobs", "3"],
        ["--speedup", "2"],
        ["--until", "1h"],
        ["--seeds", "1"],
    ] {
        let ran = mesos_sim(&[&["tournament", &file], &option[..]].concat());
        assert!(ran.code == 1 && ran.err.contains(&format!("leave out {}", option[0])), "{option:?}: {ran:?}");
    }
}

#[test]
fn a_cluster_without_agents_is_called_that() {
    let folder = scratch("no-agents");
    for text in [
        experiment("").replace("count = 2", "count = 0"),
        experiment("").replace("[[cluster.agents]]\ncount = 2\nresources = \"cpus:2;mem:2048\"\n", ""),
    ] {
        let file = write(&folder, "none.toml", &text);
        let ran = mesos_sim(&["experiment", "run", &file, "--out", word(&folder.join("results"))]);
        assert!(ran.code == 1 && ran.err.contains("it has no agents"), "{text}: {ran:?}");
    }
}

#[test]
fn work_that_is_not_done_in_time_is_3() {
    // Nine tasks of fifteen hours do not fit on eight cores in a day.
    let ran = mesos_sim(&["speed", "--agents", "1", "--tasks", "9", "--sleep", "54000"]);
    assert!(ran.code == 3 && ran.err.contains("not live"), "{ran:?}");
}

/// A small cluster, and what is expected of it.
fn experiment(expected: &str) -> String {
    format!(
        "name = \"small\"\nuntil = \"1h\"\n[[cluster.agents]]\ncount = 2\nresources = \"cpus:2;mem:2048\"\n[[queue]]\n\
         name = \"batch\"\n[[queue.work]]\njobs = 3\ntasks = 2\nrun = 10\n[[expect]]\nwhat = \"jobs\"\nmetric = \"jobs_done\"\n{expected}"
    )
}

#[test]
fn a_figure_that_was_not_expected_is_6() {
    let folder = scratch("unexpected");
    let run = |name: &str, text: &str| {
        let file = write(&folder, name, text);
        mesos_sim(&["experiment", "run", &file, "--out", word(&folder.join("results"))])
    };
    let expected = run("expected.toml", &experiment("low = 3"));
    assert_eq!(expected.code, 0, "{expected:?}");
    let unexpected = run("unexpected.toml", &experiment("low = 4"));
    assert_eq!(unexpected.code, 6, "{unexpected:?}");
}

/// The schedulers of this program are not at fault; somebody's own, in Rust or Python, leaves its fault in the results.
#[test]
fn a_scheduler_at_fault_is_5() {
    let folder = scratch("fault");
    let file = write(&folder, "small.toml", &experiment("low = 3"));
    let results = folder.join("results");
    mesos_sim(&["experiment", "run", &file, "--out", word(&results)]).fine();
    let case = std::fs::read_dir(results.join("cases")).unwrap().next().unwrap().unwrap().path();
    let kept = std::fs::read_to_string(&case).unwrap();
    let fault = "scheduler mine: it panicked: no such thing (seed 1)";
    std::fs::write(&case, kept.replace("\"fault\":null", &format!("\"fault\":{fault:?}"))).unwrap();
    let ran = mesos_sim(&["experiment", "report", &file, "--out", word(&results)]);
    assert!(ran.code == 5 && ran.err.contains(fault), "{ran:?}");
}

#[test]
fn the_help_lists_every_status() {
    let help = mesos_sim(&["--help"]).fine();
    let said = help.split_once("Exit status:").map(|(_, rest)| rest.split_once("Usage:").map_or(rest, |(own, _)| own));
    let said = said.unwrap_or_else(|| panic!("{help}"));
    for status in ["0", "1", "2", "3", "4", "5", "6", "101", "141"] {
        assert!(said.split([' ', '\n']).any(|word| word == status), "{status} is not in: {said}");
    }
}

/// Planted defects are what breaks a kernel.
#[cfg(feature = "mutants")]
#[test]
fn a_planted_defect_breaks_a_property_keeps_a_cluster_from_settling_or_fails_an_assertion() {
    for (mutant, code, said) in [
        ("RecoverTwice", 2, "property broken: "),
        ("MissLeaderChange", 3, "not live: "),
        ("ExpectFrameworkConnected", 101, "assertion failed: "),
    ] {
        let runs = (0..50_u32).map(|seed| mesos_sim(&["run", &seed.to_string(), "--mutant", mutant]));
        let failed = runs.into_iter().find(|ran| ran.code != 0);
        let failed = failed.unwrap_or_else(|| panic!("no seed finds {mutant}"));
        assert_eq!(failed.code, code, "{mutant}: {}", failed.err);
        assert!(failed.err.contains(said) && failed.err.contains("to see it again"), "{mutant}: {}", failed.err);
    }
}
