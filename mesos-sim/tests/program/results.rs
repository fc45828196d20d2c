//! Results of an experiment say where they are from, and are used again only while they would be the same.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crate::program::{mesos_sim, own, recorded, scratch, told, word, write};

const TEXT: &str = "name = \"kept\"\nseeds = 2\nuntil = \"1h\"\n[[cluster.agents]]\ncount = 2\nresources = \"cpus:2;mem:2048\"\n\
    [[queue]]\nname = \"batch\"\n[[queue.work]]\njobs = 3\ntasks = 2\nrun = { omega = { path = \"runs.txt\", kind = 0 } }\n";

/// The lines of a CSV, each taken apart; nothing in these files has a comma in quotes but the command.
fn rows(path: &Path) -> (Vec<String>, Vec<String>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    let names = lines.next().unwrap().split(',').map(str::to_owned).collect();
    (names, lines.collect())
}

#[test]
fn results_of_another_build_or_of_other_files_are_not_used_again() {
    let folder = scratch("kept");
    let file = write(&folder, "kept.toml", TEXT);
    let results = folder.join("results");
    let run = |program: &Path| told(program, &["experiment", "run", &file, "--out", word(&results)], "");
    let makespan = || {
        let (names, rows) = rows(&results.join("runs.csv"));
        let at = names.iter().position(|name| name == "makespan_secs").unwrap();
        // Counted from the end: columns of text before it may have commas in quotes.
        rows[0].rsplit(',').nth(names.len() - 1 - at).unwrap().parse::<f64>().unwrap()
    };
    write(&folder, "runs.txt", "A batch 0 10\n");
    assert!(!run(own()).err.contains("there already"));
    let before = makespan();
    let again = run(own());
    // It is said after the bar is gone, where there is one: nothing overwrites it.
    assert!(again.err.contains("2 of 2 cases were there already"), "{again:?}");
    assert!((makespan() - before).abs() < 1e-9);

    let changed = folder.join("changed");
    std::fs::copy(own(), &changed).unwrap();
    // What follows the last section of a program does nothing, and yet it is another program.
    OpenOptions::new().append(true).open(&changed).unwrap().write_all(b"x").unwrap();
    let other = run(&changed);
    assert!(other.code == 0 && !other.err.contains("there already"), "{other:?}");
    assert!(run(&changed).err.contains("2 of 2 cases were there already"));

    // As long as before, and as old.
    let runs = folder.join("runs.txt");
    let at = std::fs::metadata(&runs).unwrap().modified().unwrap();
    write(&folder, "runs.txt", "A batch 0 90\n");
    File::options().write(true).open(&runs).unwrap().set_modified(at).unwrap();
    let longer = run(&changed);
    assert!(longer.code == 0 && !longer.err.contains("there already"), "{longer:?}");
    assert!(makespan() > before + 100.0, "{} and {before}", makespan());
}

#[test]
fn a_report_of_nothing_leaves_what_is_there() {
    let folder = scratch("nothing");
    let text = TEXT.replace("{ omega = { path = \"runs.txt\", kind = 0 } }", "20");
    let file = write(&folder, "kept.toml", &text);
    let results = folder.join("results");
    mesos_sim(&["experiment", "run", &file, "--out", word(&results)]).fine();
    let table = || std::fs::read_to_string(results.join("runs.csv")).unwrap();
    let before = table();
    assert_eq!(before.lines().count(), 3, "{before}");
    write(&folder, "kept.toml", &text.replace("jobs = 3", "jobs = 4"));
    let ran = mesos_sim(&["experiment", "report", &file, "--out", word(&results)]);
    assert!(ran.code == 1 && ran.err.contains("none of 2 cases has a result") && ran.out.is_empty(), "{ran:?}");
    assert_eq!(table(), before);
    let missing = folder.join("missing");
    let ran = mesos_sim(&["experiment", "report", &file, "--out", word(&missing)]);
    assert!(ran.code == 1 && ran.err.contains(word(&missing)) && !missing.exists(), "{ran:?}");
}

/// Two jobs of a minute each, more than 31 days apart.
const SPREAD: &str = "1 0 0 60 1 -1 -1 1 -1 -1 1 1 1 1 1 1 -1 -1\n2 2700000 0 60 1 -1 -1 1 -1 -1 1 1 1 1 1 1 -1 -1\n";

#[test]
fn a_tournament_covers_its_trace_and_says_so_where_it_must_not() {
    let folder = scratch("covered");
    let (file, out) = (write(&folder, "spread.swf", SPREAD), folder.join("results"));
    let words = ["tournament", &file, "--agents", "1xcpus:4;mem:8192", "--out", word(&out), "--json"];
    let whole = mesos_sim(&words);
    assert!(!whole.err.contains("WARNING"), "{whole:?}");
    let figure = |said: &serde_json::Value, metric: &str| {
        let figures = said["outcomes"][0]["figures"].as_array().unwrap().iter();
        let own = figures.filter(|row| row["metric"] == metric && row["queue"].is_null());
        own.map(|row| row["value"].as_f64().unwrap()).next()
    };
    let said = whole.json();
    assert_eq!((figure(&said, "jobs_done"), figure(&said, "jobs_late")), (Some(2.0), None), "{said}");
    let cut = mesos_sim(&[&words[..], &["--until", "1h"]].concat());
    assert!(cut.err.contains("WARNING: 1 of 2 jobs come after the end of the run, in 7 of 7 cases"), "{cut:?}");
    assert_eq!(figure(&cut.json(), "jobs_late"), Some(1.0));
}

#[test]
fn an_experiment_that_ends_before_its_jobs_come_says_so() {
    let folder = scratch("late");
    let text = TEXT.replace("{ omega = { path = \"runs.txt\", kind = 0 } }", "20");
    let run = |name: &str, text: &str| {
        let file = write(&folder, name, text);
        mesos_sim(&["experiment", "run", &file, "--out", word(&folder.join("results"))])
    };
    let late = run("late.toml", &text.replace("jobs = 3\n", "arrivals = { at = [0, 5000, 9000] }\n"));
    assert!(late.err.contains("WARNING: 2 of 3 jobs come after the end of the run, in 2 of 2 cases"), "{late:?}");
    // Where no job at all comes in time, nothing is run.
    for (name, text) in
        [("until.toml", text.replace("\"1h\"", "\"0s\"")), ("warm.toml", format!("warm_up = \"2h\"\n{text}"))]
    {
        let ran = run(name, &text);
        assert!(ran.code == 1 && ran.err.contains("is over before the first job comes"), "{name}: {ran:?}");
    }
}

#[test]
fn every_table_and_every_chart_says_seed_version_and_command() {
    let folder = scratch("origin");
    let name = "a-name-so-long-that-the-note-of-a-chart-does-not-fit-into-one-line-".repeat(2);
    let file =
        write(&folder, &format!("{name}.toml"), &TEXT.replace("{ omega = { path = \"runs.txt\", kind = 0 } }", "20"));
    let results = folder.join("results");
    mesos_sim(&["experiment", "run", &file, "--out", word(&results)]).fine();
    let version = mesos_sim(&["--version"]).fine().trim().replace("mesos-sim ", "");
    for table in ["runs.csv", "figures.csv", "curves.csv"] {
        let (names, rows) = rows(&results.join(table));
        for column in ["seed", "version", "command"] {
            assert!(names.iter().any(|name| name == column), "{table} has no {column}: {names:?}");
        }
        assert!(!rows.is_empty());
        for row in &rows {
            assert!(
                row.contains(&version) && row.contains(&format!("mesos-sim experiment run {file}")),
                "{table}: {row}"
            );
        }
    }
    let charts: Vec<_> =
        std::fs::read_dir(results.join("images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(charts.len() > 5);
    for chart in charts {
        let svg = std::fs::read_to_string(&chart).unwrap();
        // A long note goes on in the next line, wherever it has to be broken.
        let words: String =
            svg.split("</text>").filter_map(|part| part.rsplit_once('>')).map(|(_, word)| word).collect();
        let packed: String = words.split_whitespace().collect();
        let said: String = format!("seeds 1 to 2 · mesos-sim {version} · mesos-sim experiment run {file}")
            .split_whitespace()
            .collect();
        assert!(packed.contains(&said), "{}: {words}", chart.display());
    }
    let page = std::fs::read_to_string(results.join("report.html")).unwrap();
    assert!(page.contains(&version) && page.contains(&file));
}

#[test]
fn what_was_not_done_is_said_with_what_became_of_it() {
    let folder = scratch("undone");
    let starved = TEXT.replace("{ omega = { path = \"runs.txt\", kind = 0 } }", "1000").replace("\"1h\"", "\"100s\"");
    let file = write(&folder, "starved.toml", &starved.replace("jobs = 3", "jobs = 5"));
    let results = folder.join("results");
    let out = mesos_sim(&["experiment", "run", &file, "--out", word(&results)]).fine();
    assert!(out.contains("no: 0 of 5 jobs, 6 tasks never started\n"), "{out}");
    let (names, _) = rows(&results.join("runs.csv"));
    for name in ["tasks_never_started", "tasks_given_up", "wait_mean_at_least_secs"] {
        assert!(names.iter().any(|own| own == name), "{name}");
    }
}

#[test]
fn work_that_was_given_up_is_not_called_done() {
    let folder = scratch("given-up");
    let text = TEXT.replace("{ omega = { path = \"runs.txt\", kind = 0 } }", "1000").replace("seeds = 2\n", "");
    let text = text + "[faults]\nmachine_fails_every = \"1s\"\nmachine_back_after = \"1s\"\n";
    let file = write(&folder, "given-up.toml", &text);
    let out = mesos_sim(&["experiment", "run", &file, "--out", word(&folder.join("results"))]).fine();
    assert!(out.contains("no: 0 of 3 jobs") && out.contains("6 tasks given up"), "{out}");
}

#[test]
fn what_is_wrong_is_said_by_the_program_with_the_file_it_is_in() {
    let folder = scratch("named");
    for (name, text) in [
        ("text.toml", TEXT.replace("seeds", "seads")),
        ("value.toml", TEXT.replace("seeds = 2", "seeds = [1, 1]")),
        ("case.toml", TEXT.to_owned() + "[sweep]\n\"queue.3.weight\" = [1]\n"),
        ("run.toml", TEXT.replace("{ omega = { path = \"runs.txt\", kind = 0 } }", "1e300")),
    ] {
        let file = write(&folder, name, &text);
        let ran = mesos_sim(&["experiment", "run", &file, "--out", word(&folder.join("results"))]);
        assert!(ran.code == 1 && ran.err.starts_with(&format!("mesos-sim: {file}: ")), "{ran:?}");
        assert_eq!(ran.err.matches(&file).count(), 1, "{ran:?}");
    }
}

/// On standard output, as text and as JSON, as in files.
#[test]
fn every_figure_that_is_printed_says_seed_version_and_command() {
    let folder = scratch("printed");
    let journal = recorded(&folder);
    let file = write(&folder, "plain.toml", &TEXT.replace("{ omega = { path = \"runs.txt\", kind = 0 } }", "20"));
    let swf = write(&folder, "spread.swf", SPREAD);
    let version = mesos_sim(&["--version"]).fine().trim().replace("mesos-sim ", "");
    let (results, papers) = (folder.join("results"), folder.join("papers"));
    let own = "mesos-sim papers --only drf-d8-population".to_owned();
    let tournament = ["tournament", &swf, "--agents", "1xcpus:4;mem:8192", "--until", "1h", "--out", word(&results)];
    let experiment = Some(format!("mesos-sim experiment run {file}"));
    let all: [(&[&str], &str, Option<String>); 8] = [
        (&["experiment", "run", &file, "--out", word(&results)], "seeds 1 to 2", experiment),
        (&tournament, "seed 1", None),
        (&["papers", "--only", "drf-d8-population", "--out", word(&papers)], "seed 1", Some(own)),
        (&["what-if", &journal, "--at", "60", "--agents", "1"], "", None),
        (&["scale", "day", "--agents", "2", "--tasks", "100", "--seed", "7"], "seed 7", None),
        (&["scale", "memory", "--agents", "2"], "seed 1", None),
        (&["scale", "curve", "--tasks", "1", "--agents-max", "1000"], "seed 1", None),
        (&["night", "--secs", "0", "--jobs", "1", "--from", "5"], "seeds from 5 on", None),
    ];
    for (words, seeds, command) in all {
        let typed = words.iter().map(|word| if word.contains(';') { format!("'{word}'") } else { (*word).to_owned() });
        let typed = format!("mesos-sim {}", typed.collect::<Vec<_>>().join(" "));
        let command = command.unwrap_or(typed);
        let said = mesos_sim(words).fine();
        let line = said.lines().find(|line| line.contains(&format!("mesos-sim {version} · {command}")));
        assert!(line.is_some_and(|line| line.starts_with(seeds)), "{words:?}: {said}");
        if words[0] == "papers" {
            continue;
        }
        let said = mesos_sim(&[words, &["--json"]].concat()).fine();
        // A row a line, or one text.
        let first = said.lines().next().filter(|line| line.len() > 1).unwrap_or(&said);
        let made: serde_json::Value = serde_json::from_str(first).unwrap();
        let made = &made["provenance"];
        let again = made["command"].as_str().unwrap_or_default().to_owned();
        assert!(again == command || again == format!("{command} --json"), "{words:?}: {made}");
        assert_eq!(made["versions"], serde_json::json!([version]), "{words:?}");
        assert!(made["seeds"].is_array(), "{words:?}: {made}");
    }
}
