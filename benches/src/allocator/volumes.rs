//! Agents reserved to a role as a whole, each with a persistent volume: regular, shared, or half of them shared.

use mesos_core::id::PersistenceId;
use mesos_core::resource::{Disk, Reservation, Reservations, Resource, Scalar};
use mesos_core::{FrameworkCapability, Resources, Role};

use super::cluster::{self, Cluster, fragments, resources};
use super::{Size, size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("add_agents", "ms"), ("cycle", "ms")];

/// Which agents have a volume that is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Regular,
    Shared,
    Mixed,
}

/// All kinds in three sizes.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "reserved agents with a persistent volume each come, are offered, handed back and offered again";
    let mut all = Vec::new();
    for (kind, name) in [(Kind::Regular, "regular"), (Kind::Shared, "shared"), (Kind::Mixed, "mixed")] {
        for size in [size(1_000, 50), size(5_000, 200), size(10_000, 1_000)] {
            let name = format!("alloc.volumes.{name}.{size}");
            all.push(Workload::new(name, about, PHASES, move |readings| run(kind, size, readings)));
        }
    }
    all
}

fn volume(role: &Role, number: u32, is_shared: bool) -> Resource {
    let id = PersistenceId::new(format!("id{number}")).expect("an id");
    let entry = Resource::disk(Scalar::from_units(1_024))
        .with_reservations(Reservations::new([Reservation::fixed(role.clone())]).expect("a stack"))
        .with_disk(Disk::volume(id, None, format!("path{number}")));
    if is_shared { entry.shared() } else { entry }
}

fn run(kind: Kind, Size { agents, frameworks }: Size, readings: &mut Readings) {
    let role = cluster::role("test");
    let all: Resources = resources("cpus(test):24;mem(test):4096;disk(test):3072;ports(test):[31000-32000]");
    let ports = fragments(31_000, 32_000, 16);
    let used = resources(&format!("cpus(test):16;mem(test):1024;disk(test):1024;ports(test):{ports}"));
    let agent_facts = cluster::agents(agents, |number| {
        let is_shared = kind == Kind::Shared || kind == Kind::Mixed && number.is_multiple_of(2);
        let mut total = all.clone();
        total.add(volume(&role, number, is_shared)).expect("a valid entry");
        (total, cluster::used(number % frameworks, &Role::any(), &used))
    });
    let capabilities: &[_] = if kind == Kind::Regular { &[] } else { &[FrameworkCapability::SharedResources] };
    let mut cluster = Cluster::new();
    cluster.tell(cluster::frameworks(frameworks, capabilities, |_| cluster::role("test")));
    readings.time("add_agents", || cluster.tell_and_serve(agent_facts));
    for round in 0..6 {
        // A shared volume may go out many times over within one round; whoever holds the rest comes first.
        if kind == Kind::Regular || round > 0 {
            cluster.check_spread(agents, frameworks);
        }
        cluster.hand_back(None);
        readings.time("cycle", || cluster.batch());
    }
    cluster.check_spread(agents, frameworks);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_spread_evenly() {
        for kind in [Kind::Regular, Kind::Shared, Kind::Mixed] {
            run(kind, size(60, 7), &mut Readings::default());
        }
    }
}
