//! The figures: what each measures, and how.

use std::process::Command;
use std::time::Duration;

use crate::measure::process_time;
use crate::workload::Workload;
use crate::{allocator, heap, kernel, live, mark, network, resources, simulated, sorter};

/// Figures per second.
const PER_SECOND: &[(&str, &str)] = &[("", "1/s")];
const BYTES: &[(&str, &str)] = &[("", "B")];
const MILLIS: &[(&str, &str)] = &[("", "ms")];

/// The environment variable that tells the heap for how long to keep what is freed.
pub const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Everything that is measured.
#[must_use]
pub fn all() -> Vec<Workload> {
    let mut all = kernel_workloads();
    all.extend(mark::workloads());
    all.extend(allocator::workloads());
    all.extend(sorter::workloads());
    all.extend(resources::workloads());
    all.extend(network_workloads());
    all
}

fn kernel_workloads() -> Vec<Workload> {
    vec![
        Workload::single(
            "kernel.lifecycles.100",
            PER_SECOND,
            "task life cycles through master, allocator, driver and 100 agents, checkpointing off",
            || lifecycles(100, false),
        ),
        Workload::single("kernel.lifecycles.5000", PER_SECOND, "the same with 5,000 agents", || {
            lifecycles(5_000, false)
        }),
        Workload::single(
            "kernel.lifecycles.checkpoint.100",
            PER_SECOND,
            "the same with 100 agents that encode every checkpoint",
            || lifecycles(100, true),
        ),
        Workload::single("master.bytes_per_task", BYTES, "heap the master holds per live task", bytes_per_task),
        Workload::single(
            "master.bytes_per_agent",
            BYTES,
            "heap the master holds per registered agent, registry and allocator included",
            bytes_per_agent,
        ),
        Workload::single("resources.carve", PER_SECOND, "contains and subtract, a task from an offer", carves),
        Workload::single("resources.parse", PER_SECOND, "text of an agent's resources to the algebra", parses),
        Workload::single(
            "sim.steps.1000",
            PER_SECOND,
            "kernel steps simulated at 1,000 agents, checks off",
            simulated_steps,
        ),
        Workload::single(
            "sim.failover.1000",
            MILLIS,
            "an author's failover test on 1,000 agents, from nothing to the last task's end",
            || process_time(|| drop(simulated::failover(1_000, 1_000))).as_secs_f64() * 1e3,
        ),
        Workload::single(
            "sim.cluster_test.1000",
            MILLIS,
            "one seed of a cluster_test! on 1,000 agents: a minute of the standard faults, all checks after every step",
            || process_time(|| drop(simulated::trial(1_000, 1))).as_secs_f64() * 1e3,
        ),
        Workload::single(
            "live.launches",
            PER_SECOND,
            "real processes launched and finished through a live master and agent in this process, per second of the clock",
            live::launches,
        ),
    ]
}

/// Through real masters on ports of this machine; of the clock, because both ends work at the same time.
fn network_workloads() -> Vec<Workload> {
    vec![
        Workload::new(
            "network.lifecycles.100",
            "task life cycles through a master on a port, 100 agents with 1,000 tasks at a time each and a framework over \
             gRPC: per second of the clock, and processor time of each",
            &[("", "1/s"), ("cpu", "us")],
            |readings| {
                let rate = network::lifecycles::rate(100, 1_000, 200_000);
                readings.note("", rate.per_second);
                readings.note("cpu", rate.cpu_micros);
            },
        ),
        Workload::new(
            "network.reregister.50000x10",
            "50,000 agents with 500,000 tasks come to a new master over gRPC; memory of both ends",
            &[("", "s"), ("cpu", "s"), ("bytes_per_agent", "B")],
            |readings| {
                let taken = network::reregister::everybody(50_000, 10);
                readings.note("", taken.secs);
                readings.note("cpu", taken.cpu_secs);
                readings.note("bytes_per_agent", taken.bytes_per_agent);
            },
        )
        .runs(1),
        Workload::new(
            "network.views.10000x10",
            "/state of 10,000 agents with 100,000 tasks; how long the master takes to answer meanwhile, 99 of 100 times",
            &[("state", "s"), ("quiet_p99", "ms"), ("busy_p99", "ms")],
            |readings| {
                let seen = network::views::read(10_000, 10);
                seen.state_secs.iter().for_each(|secs| readings.note("state", *secs));
                readings.note("quiet_p99", seen.quiet_ms);
                readings.note("busy_p99", seen.busy_ms);
            },
        )
        .runs(1),
        Workload::new(
            "network.first_task",
            "from the start of `mesos local` until it is up, and from then to a task's output (needs `mesos` built beside)",
            &[("up", "ms"), ("ran", "ms")],
            |readings| match network::first_task::measure() {
                Ok((up, ran)) => {
                    readings.note("up", up.as_secs_f64() * 1e3);
                    readings.note("ran", ran.as_secs_f64() * 1e3);
                }
                Err(problem) => eprintln!("network.first_task: {problem}"),
            },
        ),
    ]
}

/// A figure as people read it: three digits that count, or whole numbers.
#[must_use]
pub fn shown(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        some if some >= 10.0 => format!("{value:.1}"),
        few if few >= 1.0 => format!("{value:.2}"),
        little if little >= 0.1 => format!("{value:.3}"),
        least if least >= 0.01 => format!("{value:.4}"),
        _ => format!("{value:.5}"),
    }
}

/// Executed instructions of one run of a workload, its set-up included.
///
/// # Errors
/// When valgrind is not installed, or does not say.
pub fn instructions(name: &str) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--once", name])
        // Or the program would begin again with it, beyond valgrind's sight.
        .env(PURGE_DELAY, "-1")
        .output()
        .map_err(|error| format!("valgrind does not start ({error}); install it, or measure time instead"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = text.lines().find_map(|line| line.split_once("Collected : ").map(|(_, count)| count));
    let count = collected.and_then(|count| count.split_whitespace().next()).and_then(|count| count.parse().ok());
    count.ok_or_else(|| format!("valgrind did not say: {text}"))
}

fn simulated_steps() -> f64 {
    let mut steps = 0;
    let spent = process_time(|| steps = simulated::steady(1_000, 50_000, 120).steps);
    rate(steps, spent)
}

fn lifecycles(agents: usize, is_checkpointing: bool) -> f64 {
    const COUNT: u64 = 100_000;
    let mut pump = kernel::Pump::new(agents, is_checkpointing);
    rate(COUNT, process_time(|| pump.run(COUNT)))
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
    rate(COUNT.into(), process_time(|| drop(std::hint::black_box(resources::carve(&offer, &task, COUNT)))))
}

fn parses() -> f64 {
    const COUNT: u32 = 200_000;
    rate(COUNT.into(), process_time(|| (0..COUNT).for_each(|_| drop(std::hint::black_box(resources::agent())))))
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(count: u64, spent: Duration) -> f64 {
    count as f64 / spent.as_secs_f64()
}
