//! One line per figure: `name value unit`.
//!
//! ```text
//! cargo run --release -p mesos-benches --bin figures                 all
//! cargo run --release -p mesos-benches --bin figures -- kernel       those whose name contains the word
//! cargo run --release -p mesos-benches --bin figures -- --list       the names
//! cargo run --release -p mesos-benches --bin figures -- --peer       the table beside Mesos' own allocator
//! cargo run --release -p mesos-benches --bin figures -- --instructions kernel.lifecycles.100
//! ```
//!
//! Times and rates are of processor time, so that a busy machine does not change them much; the median of several runs, and
//! of all rounds in them, is printed. `--instructions` counts executed instructions under `valgrind --tool=callgrind`
//! instead, which does not depend on the machine's load at all.

use std::process::ExitCode;

use mesos_benches::workload::Workload;
use mesos_benches::{figures, report};

#[global_allocator]
static HEAP: mesos_benches::heap::Counted = mesos_benches::heap::Counted;

const HELP: &str = "\
Prints one line per figure: name value unit.

usage: figures [--list] [--instructions] [--once] [--peer [--json]] [WORD ...]

  WORD             only figures whose name contains one of the words
  --list           the names, and what each measures
  --instructions   executed instructions instead of time, counted by valgrind (callgrind)
  --once           one run instead of the median of several
  --peer           a table beside what Mesos' own allocator took for the same work
  --json           that table as JSON instead of Markdown
";

fn main() -> ExitCode {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let has = |flag: &str| flags.iter().any(|own| own == flag);
    let known = ["--list", "--instructions", "--once", "--peer", "--json", "--help", "-h"];
    if has("--help") || has("-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = flags.iter().find(|flag| !known.contains(&flag.as_str())) {
        eprintln!("figures: there is no option {unknown}\n\n{HELP}");
        return ExitCode::from(2);
    }
    let is_named = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let chosen: Vec<_> =
        figures::all().into_iter().filter(|workload| workload.figures().any(|(name, ..)| is_named(&name))).collect();
    if chosen.is_empty() {
        eprintln!("figures: no figure is named like {words:?}; --list shows all");
        return ExitCode::from(2);
    }
    let runs_max = if has("--once") { 1 } else { usize::MAX };
    if has("--peer") {
        let rows = report::measure(&chosen, runs_max, is_named);
        print!("{}", if has("--json") { report::json(&rows) } else { report::markdown(&rows) });
        return ExitCode::SUCCESS;
    }
    for workload in chosen {
        if has("--list") {
            for (name, _, unit) in workload.figures().filter(|(name, ..)| is_named(name)) {
                println!("{name:56} {unit:4} {}", workload.about);
            }
        } else if has("--instructions") {
            match figures::instructions(&workload.name) {
                Ok(count) => println!("{} {count} instructions", workload.name),
                Err(problem) => {
                    eprintln!("figures: {}: {problem}", workload.name);
                    return ExitCode::FAILURE;
                }
            }
        } else {
            print_figures(&workload, runs_max, is_named);
        }
    }
    ExitCode::SUCCESS
}

fn print_figures(workload: &Workload, runs_max: usize, is_named: impl Fn(&str) -> bool) {
    let readings = workload.measure(runs_max);
    for (name, phase, unit) in workload.figures().filter(|(name, ..)| is_named(name)) {
        if let Some(spread) = readings.spread(phase) {
            println!("{name} {} {unit}", figures::shown(spread.median));
        }
    }
}
