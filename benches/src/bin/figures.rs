//! One line per figure: `name value unit`.
//!
//! ```text
//! cargo run --release -p mesos-benches --bin figures                 all
//! cargo run --release -p mesos-benches --bin figures -- kernel       those whose name contains the word
//! cargo run --release -p mesos-benches --bin figures -- --list       the names
//! cargo run --release -p mesos-benches --bin figures -- --instructions kernel.lifecycles.100
//! ```
//!
//! Rates are per second of processor time of this process, so that a busy machine does not change them much; the median of
//! five runs is printed. `--instructions` counts executed instructions under `valgrind --tool=callgrind` instead, which does
//! not depend on the machine's load at all.

use std::process::ExitCode;

use mesos_benches::figures;

#[global_allocator]
static HEAP: mesos_benches::heap::Counted = mesos_benches::heap::Counted;

const HELP: &str = "\
Prints one line per figure: name value unit.

usage: figures [--list] [--instructions] [--once] [WORD ...]

  WORD             only figures whose name contains one of the words
  --list           the names, and what each measures
  --instructions   executed instructions instead of time, counted by valgrind (callgrind)
  --once           one run instead of the median of five
";

fn main() -> ExitCode {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let has = |flag: &str| flags.iter().any(|own| own == flag);
    let known = ["--list", "--instructions", "--once", "--help", "-h"];
    if has("--help") || has("-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = flags.iter().find(|flag| !known.contains(&flag.as_str())) {
        eprintln!("figures: there is no option {unknown}\n\n{HELP}");
        return ExitCode::from(2);
    }
    let chosen: Vec<_> = figures::ALL
        .iter()
        .filter(|figure| words.is_empty() || words.iter().any(|word| figure.name.contains(word.as_str())))
        .collect();
    if chosen.is_empty() {
        eprintln!("figures: no figure is named like {words:?}; --list shows all");
        return ExitCode::from(2);
    }
    for figure in chosen {
        if has("--list") {
            println!("{:32} {}", figure.name, figure.about);
        } else if has("--instructions") {
            match figures::instructions(figure.name) {
                Ok(count) => println!("{} {count} instructions", figure.name),
                Err(problem) => {
                    eprintln!("figures: {}: {problem}", figure.name);
                    return ExitCode::FAILURE;
                }
            }
        } else {
            let runs = if has("--once") { 1 } else { 5 };
            println!("{} {} {}", figure.name, figures::median(figure, runs), figure.unit);
        }
    }
    ExitCode::SUCCESS
}
