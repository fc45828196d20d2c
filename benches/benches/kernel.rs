//! Task life cycles through the machines, with statistics.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mesos_benches::kernel::Pump;

/// Life cycles of one measurement.
const LIFE_CYCLES: u64 = 10_000;

fn life_cycles(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel/lifecycles");
    group.throughput(Throughput::Elements(LIFE_CYCLES)).sample_size(10);
    for (agents, is_checkpointing) in [(100, false), (100, true), (1_000, false), (5_000, false)] {
        let name = if is_checkpointing { "checkpoint" } else { "plain" };
        group.bench_function(BenchmarkId::new(name, agents), |bench| {
            let mut pump = Pump::new(agents, is_checkpointing);
            bench.iter(|| pump.run(LIFE_CYCLES));
        });
    }
    group.finish();
}

fn registration(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel/registration");
    group.throughput(Throughput::Elements(1_000)).sample_size(10);
    group.bench_function("1000", |bench| {
        bench.iter_batched(|| (), |()| Pump::new(1_000, false), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, life_cycles, registration);
criterion_main!(benches);
