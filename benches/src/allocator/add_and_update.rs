//! Agents come, partly used, and are offered; then each gains revocable cores, which are offered too.

use mesos_core::provider::{AgentKey, Fact};
use mesos_core::resource::{Resource, Scalar};
use mesos_core::{FrameworkCapability, Role};

use super::cluster::{self, Cluster, resources};
use super::{SIZES, Size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("add_agents", "ms"), ("update_agents", "ms")];

/// All sizes.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let about = "partly used agents come and are offered; then each gains revocable cores";
    let of = |size| Workload::new(format!("alloc.add_and_update.{size}"), about, PHASES, move |found| run(size, found));
    SIZES.map(of).into()
}

fn run(Size { agents, frameworks }: Size, readings: &mut Readings) {
    let total = resources("cpus:2;mem:1024;disk:4096;ports:[31000-32000]");
    let used = resources("cpus:1;mem:128;disk:1024;ports:[31126-31510,31512-31623,31810-31852,31854-31964]");
    let agent_facts =
        cluster::agents(agents, |number| (total.clone(), cluster::used(number % frameworks, &Role::any(), &used)));
    let mut grown = total.clone();
    grown.add(Resource::cpus(Scalar::from_units(10)).revocable()).expect("a valid entry");
    let updates: Vec<Fact> =
        (0..agents).map(|agent| Fact::AgentResized { agent: AgentKey(agent), total: grown.clone() }).collect();
    let mut cluster = Cluster::new();
    cluster.tell(cluster::frameworks(frameworks, &[FrameworkCapability::RevocableResources], |_| Role::any()));
    readings.time("add_agents", || cluster.tell_and_serve(agent_facts));
    cluster.check_spread(agents, frameworks);
    cluster.offers.clear();
    readings.time("update_agents", || cluster.tell_and_serve(updates));
    cluster.check_once_each(agents);
}
