//! The simulator at work, with statistics.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mesos_benches::simulated::{failover, steady};

fn simulator(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulator");
    group.sample_size(10);
    group.bench_function("failover/1000", |bench| bench.iter(|| failover(1_000, 1_000)));
    group.throughput(Throughput::Elements(steady(1_000, 10_000, 60).steps));
    group.bench_function("steps/1000", |bench| bench.iter(|| steady(1_000, 10_000, 60)));
    group.finish();
}

criterion_group!(benches, simulator);
criterion_main!(benches);
