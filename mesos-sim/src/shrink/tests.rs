//! Failing runs become small and fail as before.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::kernel::Rng;

use super::*;
use crate::check::{Check, Step, Stepped};
use crate::cluster::lasts;
use crate::fault::{Action, Scene};
use crate::node::NodeId;

/// Breaks when one particular agent goes down while a container runs on it.
#[derive(Debug, Default)]
struct NoCrashUnderLoad;

impl Check for NoCrashUnderLoad {
    fn name(&self) -> &'static str {
        "no_crash_under_load"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Crashed { node: NodeId::Agent(_) } if step.world.running() > 0 => Err("an agent went down".into()),
            _ => Ok(()),
        }
    }
}

fn build(seed: u64) -> impl Fn(&Reduction) -> Cluster {
    move |reduction| {
        let cluster = reduction.apply(Cluster::swarm_of(seed, reduction.pieces_max));
        cluster.checks(|| vec![Box::new(NoCrashUnderLoad)])
    }
}

/// A seed whose run breaks the property, on more agents than that takes.
fn failing() -> u64 {
    let breaks = |seed: &u64| {
        let cluster = build(*seed)(&Reduction::default());
        cluster.spec().agents.len() > 4 && cluster.attempt(*seed).is_err()
    };
    (0..200).find(breaks).expect("agents crash")
}

#[test]
fn a_failing_run_becomes_as_small_as_the_failure_allows() {
    let seed = failing();
    let mut told = 0;
    let shrunk = shrink(seed, 400, &build(seed), &mut |_, _| told += 1).expect("it fails");
    assert_eq!(shrunk.failure.property, "no_crash_under_load");
    let left = &shrunk.reduction;
    let plan = left.plan.as_ref().expect("the faults can be done again from a plan");
    assert_eq!(plan.len(), 1, "{plan:#?}");
    let small = build(seed)(left);
    assert_eq!((small.spec().frameworks.len(), small.spec().masters), (1, 1));
    // No agent can be spared.
    let agents = left.agents.clone().expect("there were more");
    assert_eq!(agents.len(), small.spec().agents.len());
    for spared in agents.iter().filter(|_| agents.len() > 1) {
        let others = agents.iter().copied().filter(|agent| agent != spared).collect();
        let fewer = build(seed)(&Reduction { agents: Some(others), ..left.clone() });
        let failure = fewer.attempt(seed).err();
        assert!(failure.is_none_or(|failure| failure.property != shrunk.failure.property), "without agent {spared}");
    }
    assert!(told > 5 && shrunk.runs <= 400);
    let again = build(seed)(left).attempt(seed).unwrap_err();
    assert_eq!(again, shrunk.failure, "what is left fails like this always");
}

#[test]
fn a_run_that_does_not_fail_is_not_shrunk() {
    let build = |reduction: &Reduction| reduction.apply(Cluster::swarm(0));
    assert!(shrink(0, 100, &build, &mut |_, _| {}).is_none());
}

#[test]
fn a_case_survives_the_way_through_a_file() {
    let seed = failing();
    let shrunk = shrink(seed, 60, &build(seed), &mut |_, _| {}).unwrap();
    let case = Case { seed, mutant: None, left: shrunk.reduction };
    let text = serde_json::to_string_pretty(&case).unwrap();
    assert_eq!(serde_json::from_str::<Case>(&text).unwrap(), case);
    assert!(case.cluster().is_ok());
}

/// Whatever seeds draw, what is left of it names those who are left, by the numbers they have then, and shorter is shorter.
#[test]
fn what_is_left_of_a_plan_hits_only_those_who_are_left() {
    let scene = Scene { masters: 3, agents: 6, frameworks: 3, left: Duration::from_secs(200) };
    let left =
        Reduction { masters: Some(2), agents: Some(vec![1, 4]), frameworks: Some(vec![2]), ..Reduction::default() };
    let (mut dice, mut plan) = (Rng::new(7), Vec::new());
    for seed in 0..60 {
        for nemesis in &Cluster::swarm(seed).conditions().faults.nemeses {
            plan.extend((0..20).flat_map(|_| nemesis.strike(&scene, &mut dice)));
        }
    }
    let planned = |action: &Action| Planned { after: Duration::ZERO, action: action.clone() };
    let before: BTreeSet<&str> = plan.iter().map(Action::name).collect();
    let reduction = Reduction { plan: Some(plan.iter().map(planned).collect()), ..left };
    let cluster = reduction.apply(Cluster::swarm(0));
    let kept: Vec<&Action> = cluster.conditions().faults.plan.iter().map(|(_, action)| action).collect();
    assert_eq!(kept.iter().map(|action| action.name()).collect::<BTreeSet<&str>>(), before);
    assert!(kept.len() < plan.len() && kept.len() > plan.len() / 10);
    let strangers = (2..6).map(NodeId::Agent).chain([NodeId::Master(2), NodeId::Framework(1), NodeId::Framework(2)]);
    for stranger in strangers {
        // What touches all of a kind names none of them.
        let names = |action: &&&Action| action.touches(stranger) && !touches_all(action, stranger);
        assert_eq!(kept.iter().find(names), None, "{stranger}");
    }
    for action in &plan {
        let mut shorter = Reduction { plan: Some(vec![planned(action)]), ..Reduction::default() };
        shorter.shorten(0);
        let after = &shorter.plan.as_ref().expect("one was given")[0].action;
        let is_short = lasts(action) <= Duration::from_millis(10);
        assert!(lasts(after) <= lasts(action).mul_f64(0.51) || is_short, "{action}");
    }
}

fn touches_all(action: &Action, node: NodeId) -> bool {
    let other = match node {
        NodeId::Agent(_) => NodeId::Agent(99),
        NodeId::Master(_) => NodeId::Master(99),
        _ => NodeId::Framework(99),
    };
    action.touches(other)
}

#[test]
fn the_faults_of_a_run_done_again_from_a_plan_are_the_same_run() {
    let mut faults = 0;
    for seed in 0..40 {
        let mut whole = Cluster::swarm(seed).simulate(seed).unwrap();
        let report = whole.run().unwrap();
        let plan = whole.world().struck().iter();
        let plan: Vec<_> = plan.map(|(after, action)| Planned { after: *after, action: action.clone() }).collect();
        faults += plan.len();
        let planned = Reduction { plan: Some(plan), ..Reduction::default() }.apply(Cluster::swarm(seed));
        assert_eq!(planned.simulate(seed).unwrap().run().unwrap().digest, report.digest, "seed {seed}");
    }
    assert!(faults > 200, "{faults} faults");
}
