//! One agent reserved piece by piece to many roles; pieces are unreserved and reserved again.

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Used};
use mesos_core::resource::{Label, Labels, Reservation, Reservations, Resource};
use mesos_core::{AgentId, AgentInfo, Resources, Role};

use super::cluster::{self, Cluster, resources};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("unreserve", "ms"), ("reserve", "ms")];

/// With 50, 100 and 200 roles.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "four reserved entries of one role among many on an agent are unreserved, then reserved again";
    let of = |roles| {
        Workload::new(format!("alloc.update_allocation.{roles}"), about, PHASES, move |found| run(roles, found))
    };
    [50, 100, 200].map(of).into()
}

fn letters(rng: &mut Rng) -> String {
    (0..36).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz"[rng.index(26)])).collect()
}

/// What one role has of the agent: three amounts and a port, each with a label of its own.
fn piece(role: &Role, number: u32, rng: &mut Rng) -> Resources {
    let text = format!("cpus:100;mem:100;disk:100;ports:[{number}-{number}]", number = 31_000 + 2 * number);
    let mut piece = Resources::new();
    for entry in resources(&text).iter() {
        let labels: Labels = [Label { key: letters(rng), value: None }].into_iter().collect();
        let reservation = Reservation::dynamic(role.clone(), None).with_labels(labels);
        let stack = Reservations::new([reservation]).expect("a stack");
        piece.add(Resource::with_reservations(entry, stack)).expect("a valid entry");
    }
    piece
}

fn run(roles: u32, readings: &mut Readings) {
    let mut rng = Rng::new(11);
    let names: Vec<Role> = (0..roles).map(|_| cluster::role(&format!("role-{}", letters(&mut rng)))).collect();
    let pieces: Vec<Resources> = (0..).zip(&names).map(|(number, role)| piece(role, number, &mut rng)).collect();
    let total: Resources = pieces.iter().cloned().sum();
    let used = (0..).zip(names.iter().zip(&pieces)).map(|(number, (role, piece))| Used {
        framework: FrameworkKey(number),
        role: role.clone(),
        resources: piece.clone(),
    });
    let used: Vec<Used> = used.collect();
    let mut cluster = Cluster::new();
    cluster.tell(cluster::frameworks(roles, &[], |number| names[number as usize].clone()));
    cluster.tell_and_serve([Fact::AgentAdded {
        agent: AgentKey(0),
        id: AgentId::new("agent1").expect("an id"),
        info: std::sync::Arc::new(AgentInfo::new("agent1", total.clone())),
        total,
        used,
    }]);
    for number in 0..20 {
        let slot = number as usize;
        let converted = |from: &Resources, to: &Resources| Fact::Converted {
            framework: FrameworkKey(number),
            role: names[slot].clone(),
            agent: AgentKey(0),
            from: from.clone(),
            to: to.clone(),
        };
        let bare = pieces[slot].to_unreserved();
        let (unreserve, reserve) = (converted(&pieces[slot], &bare), converted(&bare, &pieces[slot]));
        readings.time("unreserve", || cluster.tell([unreserve]));
        readings.time("reserve", || cluster.tell([reserve]));
    }
    assert_eq!(
        cluster.allocator.total().get(&mesos_core::resource::ResourceName::Cpus).whole_units(),
        u64::from(roles) * 100
    );
}
