//! The algebra's inner loops, with statistics.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mesos_benches::resources::{agent, carve, task};
use mesos_core::{Resources, Role};

fn algebra(criterion: &mut Criterion) {
    let (offer, task) = (agent(), task());
    let plain: Resources = "cpus:16;mem:65536".parse().expect("resources");
    let reserved: Resources =
        "cpus:8;mem:1024;cpus(web):8;mem(web):1024;ports(web):[31000-32000]".parse().expect("resources");
    let web = Role::new("web").expect("a role");
    let mut group = criterion.benchmark_group("resources");
    group.bench_function("clone/ports", |bench| bench.iter(|| offer.clone()));
    group.bench_function("add/plain", |bench| bench.iter(|| &plain + &task));
    group.bench_function("add/reserved", |bench| bench.iter(|| &reserved + &task));
    group.bench_function("contains/reserved", |bench| bench.iter(|| reserved.contains(&task)));
    group.bench_function("allocatable_to/reserved", |bench| bench.iter(|| reserved.allocatable_to(&web)));
    group.bench_function("parse", |bench| bench.iter(agent));
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("carve/1000", |bench| bench.iter(|| carve(&offer, &task, 1_000)));
    group.finish();
}

criterion_group!(benches, algebra);
criterion_main!(benches);
