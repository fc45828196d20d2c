//! What seeds draw: every kind of fault, whomever it can hit, and all that operators do.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use mesos_core::kernel::Rng;

use super::tests::{kind_after, operation_after, trouble_after};
use super::{Action, ExecutorTrouble, OperatorAction, Scene, Target};
use crate::cluster::{Cluster, secs};
use crate::node::NodeId;

/// Where faults are drawn.
const SCENE: Scene = Scene { masters: 3, agents: 5, frameworks: 3, left: secs(100) };
/// Seeds, and strikes of each nemesis of each of them: enough for what is rare.
const SEEDS: u64 = 300;
const STRIKES: u32 = 60;

/// What seeds draw, with whether it is routine.
fn drawn() -> Vec<(bool, Action)> {
    let mut dice = Rng::new(1);
    let mut actions = Vec::new();
    for seed in 0..SEEDS {
        let cluster = Cluster::swarm(seed);
        for nemesis in &cluster.conditions().faults.nemeses {
            for _ in 0..STRIKES {
                let struck = nemesis.strike(&SCENE, &mut dice);
                actions.extend(struck.into_iter().map(|action| (nemesis.is_routine(), action)));
            }
        }
    }
    actions
}

/// Everything a chain goes through, one after the other.
fn chain<T, R>(next: impl Fn(Option<&T>) -> Option<(T, R)>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    while let Some((one, _)) = next(all.last()) {
        all.push(one);
    }
    all
}

fn kinds<T>(all: &[T]) -> Vec<Discriminant<T>> {
    all.iter().map(discriminant).collect()
}

#[test]
fn seeds_draw_every_kind_of_fault_and_all_that_operators_do() {
    let drawn: Vec<Action> = drawn().into_iter().map(|(_, action)| action).collect();
    let (mut troubles, mut operations): (Vec<ExecutorTrouble>, Vec<OperatorAction>) = Default::default();
    for action in &drawn {
        match action {
            Action::Executors { trouble, .. } => troubles.push(*trouble),
            Action::Operator(operation) => operations.push(operation.clone()),
            _ => {}
        }
    }
    let missing = |all: Vec<String>, is_there: &dyn Fn(usize) -> bool| -> Vec<String> {
        all.into_iter().enumerate().filter(|(place, _)| !is_there(*place)).map(|(_, name)| name).collect()
    };
    let text = |all: &[Action]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let wanted = chain(kind_after);
    let (known, own) = (kinds(&drawn), kinds(&wanted));
    assert_eq!(missing(text(&wanted), &|place| known.contains(&own[place])), Vec::<String>::new());
    let wanted = chain(|trouble: Option<&ExecutorTrouble>| trouble_after(trouble.copied()));
    let (known, own) = (kinds(&troubles), kinds(&wanted));
    let names = wanted.iter().map(|trouble| format!("{trouble:?}")).collect();
    assert_eq!(missing(names, &|place| known.contains(&own[place])), Vec::<String>::new());
    let wanted =
        chain(|operation: Option<&OperatorAction>| operation_after(operation).map(|(before, one)| (one, before)));
    let (known, own) = (kinds(&operations), kinds(&wanted));
    let names = wanted.iter().map(ToString::to_string).collect();
    assert_eq!(missing(names, &|place| known.contains(&own[place])), Vec::<String>::new());
    let retires = |operation: &OperatorAction| matches!(operation, OperatorAction::Drain { mark_gone: true, .. });
    assert!(operations.iter().any(retires) && !operations.iter().all(retires));
}

/// Whom a fault hits, in a word.
const fn whom(target: Target) -> &'static str {
    match target {
        Target::Leader => "leader",
        Target::Standby(_) => "standby",
        Target::Node(NodeId::Master(_)) => "master",
        Target::Node(NodeId::Agent(_)) => "agent",
        Target::Node(NodeId::Framework(_)) => "framework",
        Target::Node(_) => "other",
    }
}

#[test]
fn whatever_can_happen_to_a_process_happens_to_leaders_standbys_agents_and_frameworks() {
    let mut hit: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
    for (_, action) in drawn() {
        let (Action::Crash { target, .. }
        | Action::Trip { target, .. }
        | Action::Earlier { target, .. }
        | Action::Pause { target, .. }
        | Action::Drift { target, .. }
        | Action::WallJump { target, .. }) = action
        else {
            continue;
        };
        // What becomes of disks is another story, and masters have none.
        let name = if matches!(action, Action::Crash { .. }) { "crash" } else { action.name() };
        hit.entry(name).or_default().insert(whom(target));
    }
    let all = BTreeSet::from(["leader", "standby", "master", "agent", "framework"]);
    let names = ["crash", "drift", "earlier-version", "pause", "trip", "wall-jump"];
    assert_eq!(hit, names.into_iter().map(|name| (name, all.clone())).collect());
}

#[test]
fn what_is_routine_is_what_operators_do_and_goes_on_in_some_seeds() {
    for (is_routine, action) in drawn() {
        assert_eq!(is_routine, matches!(action, Action::Operator(_)), "{action}");
    }
    let goes_on = |seed: &u64| {
        let cluster = Cluster::swarm(*seed);
        let faults = &cluster.conditions().faults;
        faults.routine_for > Duration::ZERO && faults.nemeses.iter().any(|nemesis| nemesis.is_routine())
    };
    let seeds: Vec<u64> = (0..SEEDS).filter(goes_on).collect();
    assert!(seeds.len() > 5, "{seeds:?}");
    // Operators act after the last fault, and the cluster settles all the same.
    let late = seeds.iter().filter(|seed| {
        let cluster = Cluster::swarm(**seed);
        let until = cluster.conditions().faults.until;
        let mut run = cluster.simulate(**seed).expect("a drawn cluster is possible");
        run.run().expect("no property is looked at");
        run.world().struck().iter().any(|(at, action)| *at > until && matches!(action, Action::Operator(_)))
    });
    assert!(late.count() >= 3);
}
