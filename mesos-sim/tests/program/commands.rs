//! Every command does something, on something small.

use std::collections::BTreeSet;

use mesos_sim::experiment::{LARGE, PAPERS};

use crate::program::{mesos_sim, own, scratch, told, word, write};

/// The names a help lists under this heading.
fn listed(help: &str, heading: &str) -> BTreeSet<String> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.is_empty());
    // A name begins a line, two columns from its edge; what is further in goes on with the line before.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_help_and_so_have_those_below_it() {
    let help = mesos_sim(&["--help"]).fine();
    let commands = listed(&help, "Commands:");
    assert!(commands.len() >= 17 && commands.contains("what-if"), "{commands:?}");
    let mut seen = 0;
    for command in commands.iter().filter(|name| *name != "help") {
        let help = mesos_sim(&[command, "--help"]).fine();
        assert!(help.contains(&format!("Usage: mesos-sim {command}")), "{help}");
        for below in listed(&help, "Commands:").iter().filter(|name| *name != "help") {
            let help = mesos_sim(&[command, below, "--help"]).fine();
            assert!(help.contains(&format!("Usage: mesos-sim {command} {below}")), "{help}");
            seen += 1;
        }
        seen += 1;
    }
    assert!(seen >= 23, "only {seen} helps");
    let shown: BTreeSet<&str> =
        help.lines().filter_map(|line| line.strip_prefix("  mesos-sim ")?.split(' ').next()).collect();
    assert!(shown.len() > 5 && shown.iter().all(|name| commands.contains(*name)), "{shown:?} of {commands:?}");
}

#[test]
fn the_commands_of_a_journey_stand_below_each_other() {
    let help = mesos_sim(&["step", "--help"]).fine();
    let lines = help.lines().skip_while(|line| !line.starts_with("Commands, typed")).skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        .map(|line| line.strip_prefix("  ").and_then(|line| line.split(' ').next()));
    let names: Vec<Option<&str>> = names.collect();
    let known = ["n", "b", "g", "f", "r", "w", "t", "s", "x", "e", "h", "q"].map(Some);
    assert_eq!(names, known, "{help}");
}

#[test]
fn the_version_names_the_build() {
    let said = mesos_sim(&["--version"]).fine();
    let build = said.trim().strip_prefix(concat!("mesos-sim ", env!("CARGO_PKG_VERSION"), "+"));
    let is_digest = |build: &str| build.len() == 12 && build.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(build.is_some_and(is_digest), "{said}");
    assert_eq!(mesos_sim(&["-V"]).fine(), said);
}

#[test]
fn a_seed_runs_and_is_swept_compared_with_itself_and_not_shrunk() {
    let report = mesos_sim(&["run", "2", "--json"]).json();
    assert!(report["steps"].as_u64() > Some(1_000) && report["seed"] == 2, "{report}");
    let traced = mesos_sim(&["run", "2", "--trace"]).fine();
    assert!(traced.lines().count() > 1_000 && traced.contains("REGISTERED"));
    assert!(mesos_sim(&["sweep", "--seeds", "0..3"]).fine().contains("3 seeds, "));
    assert!(mesos_sim(&["meta", "--seeds", "0..2"]).fine().contains("2 seeds, each run twice: equal"));
    assert!(mesos_sim(&["shrink", "2"]).fine().contains("seed 2 does not fail"));
}

#[test]
fn a_run_is_gone_through_and_explained() {
    let session = told(own(), &["step", "2"], "f REGISTERED\nn 3\nb 2\ng 20s\nt\ns\nx\nq\n").fine();
    assert!(session.contains("REGISTERED") && session.contains("leads in term"), "{session}");
    let launched = mesos_sim(&["explain", "2", "--tasks"]).fine();
    let first = launched.lines().find_map(|line| line.split_whitespace().find(|word| word.starts_with("f0/")));
    let task = first.unwrap_or_else(|| panic!("no task of f0 in {launched}"));
    let story = mesos_sim(&["explain", "2", "--task", task]).fine();
    assert!(story.lines().count() > 5 && story.contains("At the end of the run"), "{story}");
    let story = mesos_sim(&["explain", "2", "--agent", "a0", "--json"]).fine();
    let lines = story.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    assert!(lines.count() > 5, "{story}");
    let listed = mesos_sim(&["explain", "2", "--tasks", "--json"]).fine();
    let texts = listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].clone());
    assert!(texts.filter(|text| text.as_str().is_some_and(|text| text.contains("f0/"))).count() > 0, "{listed}");
    let ran = mesos_sim(&["explain", "2", "--agent", "a999"]);
    assert!(ran.err.contains("there is no agent a999 in this run; it has "), "{ran:?}");
}

#[test]
fn what_this_machine_can_do_is_measured() {
    let night = mesos_sim(&["night", "--secs", "1", "--jobs", "1", "--json"]).json();
    assert!(night["cluster_years_per_night"].as_f64() > Some(0.0) && night["failed"] == 0, "{night}");
    let speed = mesos_sim(&["speed", "--agents", "20", "--tasks", "200"]).fine();
    assert!(speed.contains("steps/s"), "{speed}");
    let day = mesos_sim(&["scale", "day", "--agents", "20", "--tasks", "200", "--json"]).json();
    assert!(day["virtual_hours"].as_f64() >= Some(24.0) && day["tasks"] == 200, "{day}");
    let memory = mesos_sim(&["scale", "memory", "--agents", "50", "--json"]).json();
    assert_eq!((&memory["agents"], &memory["tasks"]), (&50.into(), &500.into()));
    let curve = mesos_sim(&["scale", "curve", "--tasks", "1", "--agents-max", "1000"]).fine();
    assert!(curve.lines().count() == 3 && curve.lines().nth(1).is_some_and(|row| row.contains("1000")), "{curve}");
}

#[test]
fn a_sample_of_every_table_is_a_trace_or_says_what_it_lacks() {
    let folder = scratch("trace");
    let tables = mesos_sim(&["trace", "--tables"]).fine();
    assert!(tables.lines().count() > 10, "{tables}");
    let sample = mesos_sim(&["trace", "--sample", "swf"]).fine();
    let file = write(&folder, "sample.swf", &sample);
    let said = mesos_sim(&["trace", &file]).fine();
    assert!(said.contains("core-hours of work") && said.contains("tasks per job"), "{said}");
    let said = mesos_sim(&["trace", &file, "--json"]).json();
    assert!(
        said["report"]["jobs"].as_u64() > Some(1) && said["report"]["rules"][0]["count"].as_u64() > Some(0),
        "{said}"
    );
    assert_eq!(said["described"]["rows"][0]["name"], "seconds between jobs", "{said}");
    let out = folder.join("tournament");
    let words = ["tournament", &file, "--agents", "64xcpus:16;mem:65536", "--out", word(&out), "--until", "2d"];
    let table = mesos_sim(&words).fine();
    assert!(table.contains("packing") && table.contains("drf") && out.join("report.html").exists(), "{table}");
}

#[test]
fn machines_and_measurements_are_described_where_there_are_no_jobs() {
    let folder = scratch("trace-alone");
    let of = |table: &str| write(&folder, table, &mesos_sim(&["trace", "--sample", table]).fine());
    let machines = mesos_sim(&["trace", &of("openb-nodes")]).fine();
    assert!(machines.contains("0 jobs, 0 tasks, 2 machines") && machines.contains("cores per machine"), "{machines}");
    assert!(!machines.contains("per task") && !machines.contains("core-hours"), "{machines}");
    let usage = mesos_sim(&["trace", &of("philly-gpu-util"), "--json"]).json();
    assert!(usage["report"]["usage"][0]["samples"].as_u64() > Some(0), "{usage}");
    assert_eq!((&usage["report"]["jobs"], &usage["described"]["rows"]), (&0.into(), &serde_json::json!([])), "{usage}");
    // What nothing is left of is no trace.
    let nothing = write(&folder, "nothing.swf", "; nothing\n1 0 0 -1 0 -1 -1 0 -1 -1 5 1 1 1 1 1 -1 -1\n");
    let ran = mesos_sim(&["trace", &nothing]);
    assert!(ran.code == 1 && ran.err.contains("no job is left"), "{ran:?}");
    let ran = mesos_sim(&["trace"]);
    assert!(ran.code == 1 && ran.err.contains("<FILES>"), "{ran:?}");
}

#[test]
fn a_paper_is_reproduced_and_the_rest_is_listed() {
    let folder = scratch("papers");
    let list = mesos_sim(&["papers", "--list"]).fine();
    assert!(list.lines().count() >= 40 && list.contains("drf-d5-bottleneck"), "{list}");
    let said = mesos_sim(&["papers", "--only", "drf-d5", "--out", word(&folder)]).fine();
    assert!(said.contains("DRF: part of the bottleneck for user one") && said.contains("holds"), "{said}");
    assert!(said.contains(" hold, 0 differ from the paper for a stated reason, 0 fail\n"), "{said}");
    assert!(folder.join("report.html").exists() && folder.join("drf-d5-bottleneck/figures.csv").exists());
    assert!(mesos_sim(&["papers", "--only", "drf-d5", "--show"]).fine().contains("[division]"));
    let said = mesos_sim(&["papers", "--only", "drf-d8", "--out", word(&folder)]).fine();
    let (what, here, bound) = ("market, tasks of user 1 after", "23.81", "23.81..23.81");
    let odd = format!("{what:<64} | {:>10} | {here:>10} | {bound:>16} | differs: ", "23.8");
    assert!(
        said.contains(&odd) && said.contains(" hold, 2 differ from the paper for a stated reason, 0 fail\n"),
        "{said}"
    );
    for image in ["drf-d8-population/images/paper-tasks.svg", "images/ratios.svg"] {
        let svg = std::fs::read_to_string(folder.join(image)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{image}: {svg}");
    }
}

/// Also of those that take minutes, which are only named here.
#[test]
fn the_command_that_a_figure_of_a_paper_carries_is_accepted_and_means_that_paper() {
    for paper in PAPERS.iter().chain(LARGE) {
        let command = paper.experiment().unwrap().command;
        let words: Vec<&str> = command.strip_prefix("mesos-sim ").unwrap().split(' ').chain(["--list"]).collect();
        let listed = mesos_sim(&words).fine();
        let names: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, [paper.name], "{command}");
    }
}
