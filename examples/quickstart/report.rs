//! Both runs side by side, and what the processes wrote.

use mesos_sim::Report;
use mesos_sim::live::Sandbox;

/// Prints the runs as a table, or as JSON, and the sandboxes with their output.
pub fn print(is_json: bool, runs: &[(&str, &Report)], sandboxes: &[Sandbox]) -> anyhow::Result<()> {
    if is_json {
        let runs: std::collections::BTreeMap<_, _> = runs.iter().copied().collect();
        let paths: Vec<_> = sandboxes.iter().map(|sandbox| &sandbox.path).collect();
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "runs": runs, "sandboxes": paths }))?);
        return Ok(());
    }
    for sandbox in sandboxes {
        println!("{:<14} on {}", sandbox.executor_id.as_str(), sandbox.hostname);
        for stream in ["stdout", "stderr"] {
            let text = std::fs::read_to_string(sandbox.path.join(stream)).unwrap_or_default();
            text.lines().for_each(|line| println!("    {line}"));
        }
    }
    if !sandboxes.is_empty() {
        println!();
    }
    print_row("", runs.iter().map(|(name, _)| (*name).to_owned()));
    for (name, value) in ROWS {
        print_row(name, runs.iter().map(|(_, report)| value(report)));
    }
    if let Some(folder) = sandboxes.first().and_then(|sandbox| sandbox.path.ancestors().nth(3)) {
        println!("\nsandboxes (stdout, stderr): {}/agent-*/sandboxes/", folder.display());
    }
    Ok(())
}

fn print_row(name: &str, values: impl Iterator<Item = String>) {
    print!("{name:<26}");
    values.for_each(|value| print!("  {value:>26}"));
    println!();
}

type Row = (&'static str, fn(&Report) -> String);

const ROWS: &[Row] = &[
    ("tasks finished", |report| report.tasks("FINISHED").to_string()),
    ("attempts", |report| report.launched().to_string()),
    ("attempts that ended badly", |report| {
        let bad = |(state, count): (&String, &u64)| (state != "FINISHED").then(|| format!("{count} {state}"));
        let bad: Vec<_> = report.frameworks.iter().flat_map(|row| row.ended.iter().filter_map(bad)).collect();
        if bad.is_empty() { "none".into() } else { bad.join(", ") }
    }),
    ("makespan", |report| report.makespan_secs.map_or_else(|| "-".into(), |secs| format!("{secs:.2} s"))),
    ("cpus used, mean", |report| format!("{:.2} %", report.cpus_used_mean * 100.0)),
    ("mem used, mean", |report| format!("{:.2} %", report.mem_used_mean * 100.0)),
    ("dominant share, highest", |report| {
        let highest = report.shares.iter().flat_map(|(_, shares)| shares).copied().fold(0.0, f64::max);
        format!("{:.2} %", highest * 100.0)
    }),
    ("containers at once", |report| report.containers_at_once_max.to_string()),
    ("masters elected", |report| report.elections.to_string()),
    ("faults that hit", |report| {
        let faults: Vec<_> = report.faults.iter().map(|(name, count)| format!("{count} {name}")).collect();
        if faults.is_empty() { "none".into() } else { faults.join(", ") }
    }),
];
