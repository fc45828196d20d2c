//! One line per figure: `name value unit`.
//!
//! ```text
//! cargo run --release -p mesos-benches --bin figures                 all
//! cargo run --release -p mesos-benches --bin figures -- kernel       those whose name contains the word
//! cargo run --release -p mesos-benches --bin figures -- --list       the names
//! cargo run --release -p mesos-benches --bin figures -- --peer       the table beside Mesos' own allocator and our goals
//! cargo run --release -p mesos-benches --bin figures -- --curve      what a round costs from 1,000 to 100,000 agents
//! cargo run --release -p mesos-benches --bin figures -- --results    all of that as the document RESULTS.md
//! cargo run --release -p mesos-benches --bin figures -- --instructions kernel.lifecycles.100
//! ```
//!
//! Times and rates are of processor time, so that a busy machine does not change them much. A workload runs once for nothing,
//! then several times; the median of all runs, and of all rounds in them, is printed, and beside Mesos' the least too. The
//! heap keeps what is freed: handing memory to the kernel and fetching it again is not what is measured. `--instructions`
//! counts executed instructions under `valgrind --tool=callgrind` instead, which does not depend on the machine's load at
//! all.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use mesos_benches::allocator::changed;
use mesos_benches::workload::Workload;
use mesos_benches::{figures, heap, report, results};

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

const HELP: &str = "\
Prints one line per figure: name value unit.

usage: figures [--list] [--instructions] [--once] [--peer [--json]] [--curve] [--results] [WORD ...]

  WORD             only figures whose name contains one of the words
  --list           the names, and what each measures
  --instructions   executed instructions instead of time, counted by valgrind (callgrind)
  --once           one run from nothing, instead of the median of several
  --peer           a table beside what Mesos' own allocator took for the same work, and beside goals of our own
  --json           that table as JSON instead of Markdown
  --curve          what a round costs after 100 agents changed, from 1,000 to 100,000 agents
  --results        the whole of both tables and the curve, as the document benches/RESULTS.md
";

fn main() -> ExitCode {
    heap::keep();
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let has = |flag: &str| flags.iter().any(|own| own == flag);
    let known = ["--list", "--instructions", "--once", "--peer", "--json", "--curve", "--results", "--help", "-h"];
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
    let is_once = has("--once");
    if !has("--list") && !has("--instructions") {
        keep_memory();
    }
    if has("--results") {
        print!("{}", results::markdown(&chosen, is_once));
        return ExitCode::SUCCESS;
    }
    if has("--curve") {
        print!("{}", changed::curve(is_once));
        return ExitCode::SUCCESS;
    }
    if has("--peer") {
        let rows = report::measure(&chosen, is_once, is_named);
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
            print_figures(&workload, is_once, is_named);
        }
    }
    ExitCode::SUCCESS
}

/// Has the heap keep freed memory. It reads how long when the program begins, so the program begins again with that set.
fn keep_memory() {
    if std::env::var_os(figures::PURGE_DELAY).is_some() {
        return;
    }
    let begun = std::env::current_exe().map(|program| {
        let mut again = Command::new(program);
        again.args(std::env::args_os().skip(1)).env(figures::PURGE_DELAY, "-1").exec()
    });
    let (Ok(problem) | Err(problem)) = begun;
    eprintln!("figures: the heap gives memory back while it is measured ({problem}); figures vary more");
}

fn print_figures(workload: &Workload, is_once: bool, is_named: impl Fn(&str) -> bool) {
    let readings = if is_once { workload.measure_once() } else { workload.measure() };
    for (name, phase, unit) in workload.figures().filter(|(name, ..)| is_named(name)) {
        if let Some(spread) = readings.spread(phase) {
            println!("{name} {} {unit}", figures::shown(spread.median));
        }
    }
}
