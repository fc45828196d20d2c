//! What is said to make room for somebody does, and less of it does not.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::provider::{AgentKey, Allocator, Fact, Preemption, Victim};
use mesos_core::resource::Quantities;
use mesos_sim::history::{History, Stage};

use super::Pair;
use super::model::Client;

const NEEDS: [&str; 4] = ["cpus:1", "cpus:2;mem:512", "mem:1000", "cpus:4;mem:64"];

/// Everybody who takes part asks for several things after a history; how often somebody would have to make room.
pub(crate) fn check(history: &History, play: impl Fn(&History) -> Pair) -> usize {
    let pair = play(history);
    let mut named = 0;
    for client in pair.model.clients().into_iter().filter(|client| pair.model.takes_part(client)) {
        for need in NEEDS.map(|text| text.parse::<Quantities>().unwrap()) {
            let hint = pair.allocator.preemptions(client.0, &client.1, &need).expect("roles have priorities");
            let Some(Preemption { agent, victims }) = hint.filter(|hint| !pair.model.is_over(hint.agent)) else {
                continue;
            };
            named += usize::from(!victims.is_empty());
            let told = || format!("{client:?} needs {need} of {agent:?}: {victims:?}");
            assert!(is_served(play(history), &client, agent, &victims, &need), "it is not served: {}", told());
            for spared in 0..victims.len() {
                let mut fewer = victims.clone();
                fewer.remove(spared);
                assert!(
                    !is_served(play(history), &client, agent, &fewer, &need),
                    "without number {spared} it is served too: {}",
                    told()
                );
            }
        }
    }
    named
}

/// Whether somebody whom nobody competes with is offered what it needs of an agent once these gave back what they hold.
fn is_served(mut pair: Pair, client: &Client, agent: AgentKey, victims: &[Victim], need: &Quantities) -> bool {
    let (asker, role) = client;
    for framework in pair.model.frameworks.keys().copied().collect::<Vec<_>>() {
        let others = pair.model.frameworks[&framework].info.roles.iter().filter(|own| *own != role);
        let roles = if framework == *asker { others.cloned().collect() } else { BTreeSet::new() };
        // Without any role named all of them would be meant.
        if framework != *asker || !roles.is_empty() {
            pair.observe(Fact::RolesSuppressed { framework, roles });
        }
    }
    for other in pair.model.agents.keys().copied().filter(|other| *other != agent).collect::<Vec<_>>() {
        pair.observe(Fact::AgentDeactivated { agent: other });
    }
    for Victim { framework, role, resources, .. } in victims.iter().cloned() {
        pair.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
    }
    pair.observe(Fact::RolesRevived { framework: *asker, roles: [role.clone()].into() });
    let before = pair.log.len();
    let Ok(()) = pair.pass(Duration::from_secs(3));
    pair.log[before..].iter().any(|grant| {
        grant.framework == *asker
            && grant.role == *role
            && grant.agent == agent
            && grant.resources.contains_quantities(need)
    })
}
