//! A master under a steady load for long, with its memory: by hand, never as a test.
//!
//! ```text
//! cargo run --release -p mesos-benches --bin soak                         ten minutes at 10,000 life cycles per second
//! cargo run --release -p mesos-benches --bin soak -- --seconds 30 --rate 5000
//! ```

use std::process::ExitCode;
use std::time::Duration;

use mesos_benches::network::soak;

#[global_allocator]
static HEAP: mesos_benches::heap::Counted = mesos_benches::heap::Counted;

const HELP: &str = "\
Runs task life cycles at a steady rate through a master with 100 agents and one framework, all over sockets of this
machine, and prints every few seconds: seconds, life cycles per second, memory of the process in MiB.

usage: soak [--seconds N] [--rate N] [--every N]

  --seconds N   for so long (600)
  --rate N      life cycles per second (10000)
  --every N     seconds between two lines (10)
";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let (mut seconds, mut rate, mut every) = (600, 10_000, 10);
    for pair in words.chunks(2) {
        let number = pair.get(1).and_then(|number| number.parse::<u64>().ok()).filter(|number| *number > 0);
        let place = match pair[0].as_str() {
            "--seconds" => &mut seconds,
            "--rate" => &mut rate,
            "--every" => &mut every,
            _ => &mut 0,
        };
        match number {
            Some(number) if *place > 0 => *place = number,
            _ => {
                eprintln!("soak: {} is not understood\n\n{HELP}", pair.join(" "));
                return ExitCode::from(2);
            }
        }
    }
    println!("{:>8} {:>10} {:>8}", "seconds", "per second", "MiB");
    soak::run(rate, Duration::from_secs(seconds), Duration::from_secs(every), |at, rate, bytes| {
        println!("{at:8.0} {rate:10.0} {:8}", bytes >> 20);
    });
    ExitCode::SUCCESS
}
