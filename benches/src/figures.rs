//! The figures: what each measures, and how.

use std::process::Command;
use std::time::Duration;

use crate::{heap, kernel, live, resources, simulated};

/// One figure.
#[derive(Debug)]
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it measures.
    pub about: &'static str,
    measure: fn() -> f64,
}

/// All figures.
pub const ALL: &[Figure] = &[
    Figure {
        name: "kernel.lifecycles.100",
        unit: "1/s",
        about: "task life cycles through master, allocator, driver and 100 agents, checkpointing off",
        measure: || lifecycles(100, false),
    },
    Figure {
        name: "kernel.lifecycles.5000",
        unit: "1/s",
        about: "the same with 5,000 agents",
        measure: || lifecycles(5_000, false),
    },
    Figure {
        name: "kernel.lifecycles.checkpoint.100",
        unit: "1/s",
        about: "the same with 100 agents that encode every checkpoint",
        measure: || lifecycles(100, true),
    },
    Figure {
        name: "master.bytes_per_task",
        unit: "B",
        about: "heap the master holds per live task",
        measure: bytes_per_task,
    },
    Figure {
        name: "master.bytes_per_agent",
        unit: "B",
        about: "heap the master holds per registered agent, registry and allocator included",
        measure: bytes_per_agent,
    },
    Figure {
        name: "resources.carve",
        unit: "1/s",
        about: "contains and subtract, a task from an offer",
        measure: carves,
    },
    Figure {
        name: "resources.parse",
        unit: "1/s",
        about: "text of an agent's resources to the algebra",
        measure: parses,
    },
    Figure {
        name: "sim.steps.1000",
        unit: "1/s",
        about: "kernel steps simulated at 1,000 agents, checks off",
        measure: || {
            let mut steps = 0;
            let spent = processor_time(|| steps = simulated::steady(1_000, 50_000, 120).steps);
            rate(steps, spent)
        },
    },
    Figure {
        name: "sim.failover.1000",
        unit: "ms",
        about: "an author's failover test on 1,000 agents, from nothing to the last task's end",
        measure: || processor_time(|| drop(simulated::failover(1_000, 1_000))).as_secs_f64() * 1e3,
    },
    Figure {
        name: "live.launches",
        unit: "1/s",
        about: "real processes launched and finished through a live master and agent in this process, per second of the clock",
        measure: live::launches,
    },
];

/// The median of so many runs.
#[must_use]
pub fn median(figure: &Figure, runs: usize) -> String {
    let mut values: Vec<f64> = (0..runs).map(|_| (figure.measure)()).collect();
    values.sort_by(f64::total_cmp);
    format!("{:.0}", values[runs / 2])
}

/// Executed instructions of one run of a figure, its set-up included.
///
/// # Errors
/// When valgrind is not installed, or does not say.
pub fn instructions(name: &str) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--once", name])
        .output()
        .map_err(|error| format!("valgrind does not start ({error}); install it, or measure time instead"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = text.lines().find_map(|line| line.split_once("Collected : ").map(|(_, count)| count));
    let count = collected.and_then(|count| count.split_whitespace().next()).and_then(|count| count.parse().ok());
    count.ok_or_else(|| format!("valgrind did not say: {text}"))
}

fn lifecycles(agents: usize, is_checkpointing: bool) -> f64 {
    const COUNT: u64 = 100_000;
    let mut pump = kernel::Pump::new(agents, is_checkpointing);
    rate(COUNT, processor_time(|| pump.run(COUNT)))
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn bytes_per_task() -> f64 {
    const TASKS: u64 = 50_000;
    let idle = kernel::MasterAlone::new(1_000);
    let before = heap::held();
    let mut busy = idle;
    busy.launch(TASKS);
    (heap::held() - before) as f64 / TASKS as f64
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn bytes_per_agent() -> f64 {
    const AGENTS: usize = 10_000;
    let before = heap::held();
    let master = kernel::MasterAlone::new(AGENTS);
    let held = heap::held() - before;
    drop(master);
    held as f64 / AGENTS as f64
}

fn carves() -> f64 {
    const COUNT: u32 = 20_000_000;
    let (offer, task) = (resources::agent(), resources::task());
    rate(COUNT.into(), processor_time(|| drop(std::hint::black_box(resources::carve(&offer, &task, COUNT)))))
}

fn parses() -> f64 {
    const COUNT: u32 = 200_000;
    rate(COUNT.into(), processor_time(|| (0..COUNT).for_each(|_| drop(std::hint::black_box(resources::agent())))))
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(count: u64, spent: Duration) -> f64 {
    count as f64 / spent.as_secs_f64()
}

/// Processor time this process spends in `work`, of all its threads.
fn processor_time(work: impl FnOnce()) -> Duration {
    let before = spent();
    work();
    spent().saturating_sub(before)
}

fn spent() -> Duration {
    let clock = nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID;
    Duration::from(nix::time::clock_gettime(clock).expect("every Linux has this clock"))
}
