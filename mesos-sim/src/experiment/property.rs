//! Which properties a rule of division has: counterexamples are looked for in drawn cases.
//!
//! The properties are those of Ghodsi et al., "Dominant Resource Fairness", NSDI 2011, section 3, and table 2 says which rule
//! has which. A rule that has a property never shows a counterexample; one that lacks it shows some in a few hundred cases.

use mesos_core::kernel::Rng;
use serde::Deserialize;

use super::division::{Division, Row, Rule, User, divide};

/// The random stream cases are drawn from.
const PROPERTY_STREAM: u64 = 8;
/// How much there is of each resource.
const POOL: f64 = 100.0;
/// A difference smaller than this part is none: the market's prices are found by halving.
const SAME: f64 = 1e-6;

/// A rule, and how many cases are drawn to find where it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Properties {
    /// The rule.
    pub rule: Rule,
    /// How many cases.
    #[serde(default = "cases")]
    pub cases: u32,
}

const fn cases() -> u32 {
    500
}

/// A drawn case: users by their demands for two resources, all of them positive.
struct Drawn {
    users: Vec<Vec<f64>>,
}

impl Drawn {
    fn new(dice: &mut Rng) -> Self {
        let count = 2 + dice.index(3);
        Self { users: (0..count).map(|_| vec![amount(dice), amount(dice)]).collect() }
    }
}

#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn amount(dice: &mut Rng) -> f64 {
    dice.between(1, 16) as f64
}

/// Looks for counterexamples to every property: in how many cases the rule failed it.
pub(super) fn figures(properties: Properties, seed: u64) -> Vec<Row> {
    type Property = fn(Rule, &Drawn, &mut Rng) -> bool;
    let all: [(&'static str, Property); 8] = [
        ("fails_sharing_incentive", has_sharing_incentive),
        ("fails_strategy_proofness", is_strategy_proof),
        ("fails_envy_freeness", is_envy_free),
        ("fails_pareto_efficiency", is_pareto_efficient),
        ("fails_single_resource_fairness", is_fair_on_one),
        ("fails_bottleneck_fairness", is_fair_on_the_bottleneck),
        ("fails_population_monotonicity", is_population_monotone),
        ("fails_resource_monotonicity", is_resource_monotone),
    ];
    let figure = |(name, holds): (&'static str, Property)| {
        let mut dice = Rng::of_node(seed, PROPERTY_STREAM);
        let failed = (0..properties.cases).filter(|_| {
            let drawn = Drawn::new(&mut dice);
            !holds(properties.rule, &drawn, &mut dice)
        });
        (None, name, f64::from(u32::try_from(failed.count()).unwrap_or(u32::MAX)))
    };
    all.into_iter().map(figure).collect()
}

fn tasks(rule: Rule, pool: &[f64], demands: &[Vec<f64>]) -> Vec<f64> {
    let user = |demand: &Vec<f64>| User { name: String::new(), demand: demand.clone(), truth: None };
    divide(&Division { pool: pool.to_vec(), users: demands.iter().map(user).collect(), rule })
}

/// How many tasks a user could run with so much of everything.
fn worth(demand: &[f64], bundle: &[f64]) -> f64 {
    demand.iter().zip(bundle).map(|(need, has)| has / need).fold(f64::INFINITY, f64::min)
}

fn held(demand: &[f64], tasks: f64) -> Vec<f64> {
    demand.iter().map(|need| need * tasks).collect()
}

fn is_less(left: f64, right: f64) -> bool {
    left < right * (1.0 - SAME)
}

/// Nobody does better with an equal part of everything for himself.
#[allow(clippy::cast_precision_loss, reason = "a few users")]
fn has_sharing_incentive(rule: Rule, drawn: &Drawn, _: &mut Rng) -> bool {
    let part = POOL / drawn.users.len() as f64;
    let given = tasks(rule, &[POOL; 2], &drawn.users);
    drawn.users.iter().zip(given).all(|(demand, tasks)| !is_less(tasks, worth(demand, &[part; 2])))
}

/// Nobody can run more of his tasks by asking for others.
fn is_strategy_proof(rule: Rule, drawn: &Drawn, dice: &mut Rng) -> bool {
    let truth = tasks(rule, &[POOL; 2], &drawn.users)[0];
    let mut users = drawn.users.clone();
    users[0] = vec![amount(dice), amount(dice)];
    let lie = tasks(rule, &[POOL; 2], &users)[0];
    !is_less(truth, worth(&drawn.users[0], &held(&users[0], lie)))
}

/// Nobody would do better with what another one was given.
fn is_envy_free(rule: Rule, drawn: &Drawn, _: &mut Rng) -> bool {
    let given = tasks(rule, &[POOL; 2], &drawn.users);
    let bundles: Vec<Vec<f64>> = drawn.users.iter().zip(&given).map(|(demand, tasks)| held(demand, *tasks)).collect();
    let envies = |(demand, own): (&Vec<f64>, &f64)| bundles.iter().any(|other| is_less(*own, worth(demand, other)));
    !drawn.users.iter().zip(&given).any(envies)
}

/// Nobody can be given more without another one having less: everybody needs something that is used up.
fn is_pareto_efficient(rule: Rule, drawn: &Drawn, _: &mut Rng) -> bool {
    let given = tasks(rule, &[POOL; 2], &drawn.users);
    (0..2).any(|at| {
        let used: f64 = drawn.users.iter().zip(&given).map(|(demand, tasks)| demand[at] * tasks).sum();
        !is_less(used, POOL)
    })
}

/// With one resource, all have the same of it.
fn is_fair_on_one(rule: Rule, drawn: &Drawn, _: &mut Rng) -> bool {
    let users: Vec<Vec<f64>> = drawn.users.iter().map(|demand| vec![demand[0]]).collect();
    let given = tasks(rule, &[POOL], &users);
    are_equal(users.iter().zip(given).map(|(demand, tasks)| demand[0] * tasks))
}

/// When all need most of the same resource, all have the same of it.
fn is_fair_on_the_bottleneck(rule: Rule, drawn: &Drawn, _: &mut Rng) -> bool {
    let sorted = |demand: &Vec<f64>| vec![demand[0].max(demand[1]), demand[0].min(demand[1])];
    let users: Vec<Vec<f64>> = drawn.users.iter().map(sorted).collect();
    let given = tasks(rule, &[POOL; 2], &users);
    are_equal(users.iter().zip(given).map(|(demand, tasks)| demand[0] * tasks))
}

/// When one leaves, nobody has less.
fn is_population_monotone(rule: Rule, drawn: &Drawn, _: &mut Rng) -> bool {
    let before = tasks(rule, &[POOL; 2], &drawn.users);
    let after = tasks(rule, &[POOL; 2], &drawn.users[1..]);
    before[1..].iter().zip(after).all(|(before, after)| !is_less(after, *before))
}

/// When there is more of something, nobody has less.
fn is_resource_monotone(rule: Rule, drawn: &Drawn, dice: &mut Rng) -> bool {
    let before = tasks(rule, &[POOL; 2], &drawn.users);
    let after = tasks(rule, &[POOL, POOL * (1.0 + amount(dice) / 4.0)], &drawn.users);
    before.iter().zip(after).all(|(before, after)| !is_less(after, *before))
}

fn are_equal(values: impl Iterator<Item = f64>) -> bool {
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    !is_less(low, high)
}
