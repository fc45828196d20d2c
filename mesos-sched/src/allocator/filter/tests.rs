//! The table against a list of refusals, and how much memory a filter takes.

use std::time::Duration;

use mesos_core::{Instant, Role};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::allocator::sorter::{NodeSet, Tree};

/// What happens to the table.
#[derive(Debug, Clone)]
enum Step {
    Refuse { client: usize, agent: u32, refused: &'static str, seconds: u64 },
    ClearClient(usize),
    ClearAgent(u32),
    Pass { seconds: u64, is_batch: bool },
}

const BAGS: [&str; 5] = ["cpus:1", "cpus:2", "cpus:2;mem:64", "mem:8", "cpus:4;ports:[1-5]"];

fn any_step() -> impl Strategy<Value = Step> {
    let refusal = (0_usize..4, 0_u32..3, select(&BAGS[..]), 1_u64..9);
    prop_oneof![
        8 => refusal.prop_map(|(client, agent, refused, seconds)| Step::Refuse { client, agent, refused, seconds }),
        1 => (0_usize..4).prop_map(Step::ClearClient),
        1 => (0_u32..3).prop_map(Step::ClearAgent),
        4 => (0_u64..4, any::<bool>()).prop_map(|(seconds, is_batch)| Step::Pass { seconds, is_batch }),
    ]
}

struct Refusal {
    client: usize,
    agent: u32,
    refused: Resources,
    due_at: Instant,
    batch: u64,
}

fn clients() -> Vec<NodeKey> {
    let mut tree = Tree::new(Vec::new());
    ["d", "a", "c", "b"].map(|id| tree.add_client(&Role::new("r").unwrap(), id.into())).into()
}

fn bag(text: &str) -> Resources {
    text.parse().unwrap()
}

proptest! {
    /// Whatever is refused, cleared and passes, the table blocks what a list of refusals does and knows what is due.
    #[test]
    fn the_table_is_a_list_of_refusals(steps in prop::collection::vec(any_step(), 1..120)) {
        let clients = clients();
        let (mut table, mut list) = (FilterTable::default(), Vec::<Refusal>::new());
        let (mut now, mut batches) = (Instant::from_nanos(1), 0);
        for step in steps {
            match step {
                Step::Refuse { client, agent, refused, seconds } => {
                    let (refused, due_at) = (bag(refused), now + Duration::from_secs(seconds));
                    let is_pointless = |old: &Refusal| {
                        (old.client, old.agent) == (client, agent)
                            && old.due_at <= due_at
                            && refused.contains(&old.refused)
                    };
                    list.retain(|old| !is_pointless(old));
                    list.push(Refusal { client, agent, refused: refused.clone(), due_at, batch: batches });
                    table.add(clients[client], AgentKey(agent), refused, due_at, batches);
                }
                Step::ClearClient(client) => {
                    list.retain(|old| old.client != client);
                    table.clear_client(clients[client]);
                }
                Step::ClearAgent(agent) => {
                    list.retain(|old| old.agent != agent);
                    table.clear_agent(AgentKey(agent));
                }
                Step::Pass { seconds, is_batch } => {
                    now = now + Duration::from_secs(seconds);
                    batches += u64::from(is_batch);
                    let mut named = std::collections::BTreeSet::new();
                    table.expire(now, batches, |client, agent| {
                        named.insert((client, agent));
                    });
                    let is_over = |old: &Refusal| old.due_at <= now && old.batch < batches;
                    let over = list.iter().filter(|old| is_over(old));
                    let expected = over.map(|old| (clients[old.client], AgentKey(old.agent))).collect();
                    prop_assert_eq!(named, expected);
                    list.retain(|old| !is_over(old));
                }
            }
            prop_assert_eq!(table.len(), list.len());
            prop_assert_eq!(table.next_due(), list.iter().map(|old| old.due_at).min());
            for (place, client) in clients.iter().enumerate() {
                for (agent, offer) in (0..3).flat_map(|agent| BAGS.map(|text| (agent, bag(text)))) {
                    let expected = list.iter().any(|old| {
                        (old.client, old.agent) == (place, agent) && old.refused.contains(&offer)
                    });
                    prop_assert_eq!(table.blocks(*client, AgentKey(agent), &offer), expected);
                }
            }
        }
    }
}

/// What happens where many refuse one agent.
#[derive(Debug, Clone)]
enum Crowded {
    Refuse { client: usize, refused: &'static str, seconds: u64 },
    Clear(usize),
    Pass { seconds: u64 },
    Look(&'static str),
}

fn any_crowded() -> impl Strategy<Value = Crowded> {
    let client = || 0_usize..80;
    prop_oneof![
        40 => (client(), select(&BAGS[..3]), 1_u64..60)
            .prop_map(|(client, refused, seconds)| Crowded::Refuse { client, refused, seconds }),
        3 => client().prop_map(Crowded::Clear),
        1 => (0_u64..20).prop_map(|seconds| Crowded::Pass { seconds }),
        2 => select(&BAGS[..]).prop_map(Crowded::Look),
    ]
}

proptest! {
    /// Whoever is known to refuse all that is there does, and nobody who should be looked at is left out.
    #[test]
    fn refusers_are_those_whom_the_table_blocks(steps in prop::collection::vec(any_crowded(), 1..400)) {
        let mut tree = Tree::new(Vec::new());
        let clients: Vec<NodeKey> =
            (0..80).map(|id| tree.add_client(&Role::new("r").unwrap(), format!("f{id}").into())).collect();
        let all: NodeSet = clients.iter().copied().collect();
        let (mut table, mut refusers, mut others) = (FilterTable::default(), Refusers::default(), Vec::new());
        let (mut now, mut batches) = (Instant::from_nanos(1), 0);
        for step in steps {
            match step {
                Crowded::Refuse { client, refused, seconds } => {
                    let due_at = now + Duration::from_secs(seconds);
                    table.add(clients[client], AgentKey(0), bag(refused), due_at, batches);
                }
                Crowded::Clear(client) => table.clear_client(clients[client]),
                Crowded::Pass { seconds } => {
                    now = now + Duration::from_secs(seconds);
                    batches += 1;
                    table.expire(now, batches, |_, _| {});
                }
                Crowded::Look(available) => {
                    let available = bag(available);
                    table.gather(AgentKey(0), &available, &mut refusers);
                    let is_blocked = |client: &NodeKey| table.blocks(*client, AgentKey(0), &available);
                    for client in &clients {
                        let is_in_force = table.blocking(*client, AgentKey(0), &available).next().is_some();
                        prop_assert_eq!(is_blocked(client), is_in_force, "sets tell what filters do");
                        prop_assert!(!refusers.contains(*client) || is_blocked(client));
                    }
                    let has_set = table.agents.first().is_some_and(|own| own.bags.has_sets());
                    if refusers.list_others(&all, 80, &mut others) {
                        prop_assert!(has_set);
                        prop_assert!(clients.iter().filter(|own| !is_blocked(own)).all(|own| others.contains(own)));
                    }
                }
            }
            prop_assert!(table.cleared.len() <= table.agents.len() + SLACK);
        }
    }
}

#[test]
fn a_refusal_of_what_many_refused_is_known_without_a_look_at_each() {
    let mut tree = Tree::new(Vec::new());
    let clients: Vec<NodeKey> =
        (0..100).map(|id| tree.add_client(&Role::new("r").unwrap(), format!("f{id}").into())).collect();
    let (mut table, mut refusers) = (FilterTable::default(), Refusers::default());
    for client in &clients[1..] {
        table.add(*client, AgentKey(0), bag("cpus:2"), Instant::from_nanos(1_000), 0);
    }
    table.clear_client(clients[7]);
    table.gather(AgentKey(0), &bag("cpus:1"), &mut refusers);
    let (all, mut others): (NodeSet, _) = (clients.iter().copied().collect(), Vec::new());
    assert!(refusers.list_others(&all, 2, &mut others));
    others.sort_unstable();
    assert_eq!(others, [clients[0], clients[7]]);
    table.gather(AgentKey(0), &bag("cpus:3"), &mut refusers);
    assert!(!refusers.list_others(&all, 100, &mut others), "nobody is known to refuse that much");
}

#[test]
fn one_pair_has_few_filters_and_the_longest_stay() {
    let (client, agent, mut table) = (clients()[0], AgentKey(0), FilterTable::default());
    let at = |seconds: u32| Instant::from_nanos(u64::from(seconds));
    for cpus in (1..=40_u32).rev() {
        let refused = bag(&format!("cpus:{cpus};mem:{}", 100 - cpus));
        table.add(client, agent, refused, at(cpus), 0);
    }
    assert_eq!(table.len(), FILTERS_PER_PAIR_MAX);
    let last = bag("cpus:1;mem:99");
    assert!(table.blocks(client, agent, &last) && table.blocks(client, agent, &bag("cpus:40;mem:60")));
}

#[test]
fn refusing_the_same_for_ever_takes_no_memory() {
    let (clients, mut table) = (clients(), FilterTable::default());
    for round in 0..10_000_u64 {
        table.add(clients[0], AgentKey(0), bag("cpus:1"), Instant::from_nanos(round + 1_000_000), 0);
        if round % 3 == 0 {
            table.add(clients[1], AgentKey(1), bag("cpus:1"), Instant::from_nanos(round + 1_000_000), 0);
            table.clear_client(clients[1]);
        }
    }
    let own: usize = table.agents.iter().map(|own| own.len()).sum();
    assert!(own < 16 && table.due.len() < 256, "{own} filters, {} due", table.due.len());
}

#[test]
fn a_filter_is_small() {
    assert_eq!((size_of::<Place>(), size_of::<Filter>(), size_of::<Due>()), (16, 8, 16));
    let (client, mut table) = (clients()[0], FilterTable::default());
    for nanos in 1..=9 {
        table.add(client, AgentKey(0), bag("cpus:4;ports:[1-5]"), Instant::from_nanos(nanos), 0);
    }
    let mut tree = Tree::new(Vec::new());
    for id in 0..100 {
        let client = tree.add_client(&Role::new("r").unwrap(), format!("f{id}").into());
        table.add(client, AgentKey(1), bag("cpus:4;ports:[1-5]"), Instant::from_nanos(1), 0);
    }
    assert_eq!(table.agents[1].bags.intern(bag("cpus:4;ports:[1-5]")), 0, "all refer to one bag");
}
