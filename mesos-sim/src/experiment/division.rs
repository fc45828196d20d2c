//! Ways of dividing a pool of resources among users, worked out on paper: what allocators are compared with.
//!
//! Every user has a demand, the same for each of its tasks, and as many tasks as it may have. The rules are those of Ghodsi
//! et al., "Dominant Resource Fairness", NSDI 2011, sections 4 and 5. Continuous rules allow parts of tasks.

use serde::Deserialize;

use super::error::ExperimentError;

/// Rounds of the market that finds competitive prices; it converges long before.
const ROUNDS: u32 = 200_000;
/// A price moves by this power of how far demand is from supply.
const STEP: f64 = 0.05;
/// After so many halvings a double does not change any more.
const HALVINGS: u32 = 60;
/// What counts as used up.
const FULL: f64 = 1e-9;

/// A pool, users and a rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Division {
    /// How much there is of each resource.
    pub pool: Vec<f64>,
    /// The users.
    pub users: Vec<User>,
    /// How it is divided.
    pub rule: Rule,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its name.
    pub name: String,
    /// What it says that each of its tasks needs.
    pub demand: Vec<f64>,
    /// What each of its tasks needs really, if it lies.
    #[serde(default)]
    pub truth: Option<Vec<f64>>,
}

/// How a pool is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Equal dominant shares, as long as there is something left.
    Drf,
    /// The same in whole tasks, one after the other to the lowest dominant share; ties go to the later user.
    DrfWhole,
    /// Equal sums of shares.
    Asset,
    /// The market in which everybody begins with an equal part of everything: the largest product of utilities.
    Ceei,
}

/// Tasks of every user.
#[must_use]
pub fn divide(division: &Division) -> Vec<f64> {
    let Division { pool, users, rule } = division;
    let shares = |demand: &[f64]| -> Vec<f64> { demand.iter().zip(pool).map(|(need, all)| need / all).collect() };
    let dominant = |user: &User| shares(&user.demand).into_iter().fold(0.0, f64::max);
    match rule {
        Rule::Drf => fill(pool, users, &users.iter().map(|user| 1.0 / dominant(user)).collect::<Vec<_>>()),
        Rule::Asset => {
            let sums = users.iter().map(|user| 1.0 / shares(&user.demand).iter().sum::<f64>());
            fill(pool, users, &sums.collect::<Vec<_>>())
        }
        Rule::DrfWhole => whole(pool, users, &users.iter().map(dominant).collect::<Vec<_>>()),
        Rule::Ceei => market(pool, users),
    }
}

/// Everybody's tasks grow at these rates until a resource is used up; who needs it stops, the others go on.
fn fill(pool: &[f64], users: &[User], rates: &[f64]) -> Vec<f64> {
    let mut tasks = vec![0.0; users.len()];
    let mut left = pool.to_vec();
    let mut is_growing = vec![true; users.len()];
    while is_growing.contains(&true) {
        let growth = |resource: usize| -> f64 {
            let own = users.iter().zip(rates).zip(&is_growing).filter(|(_, is_growing)| **is_growing);
            own.map(|((user, rate), _)| user.demand[resource] * rate).sum()
        };
        let time = (0..pool.len()).filter(|at| growth(*at) > 0.0).map(|at| left[at].max(0.0) / growth(at));
        let Some(time) = time.min_by(f64::total_cmp) else { break };
        let used: Vec<f64> = (0..pool.len()).map(|at| growth(at) * time).collect();
        for ((tasks, rate), is_growing) in tasks.iter_mut().zip(rates).zip(&is_growing) {
            *tasks += if *is_growing { rate * time } else { 0.0 };
        }
        left.iter_mut().zip(used).for_each(|(left, used)| *left -= used);
        for (user, is_growing) in users.iter().zip(&mut is_growing) {
            let is_stopped = (0..pool.len()).any(|at| left[at] <= FULL * pool[at] && user.demand[at] > 0.0);
            *is_growing &= !is_stopped;
        }
    }
    tasks
}

fn whole(pool: &[f64], users: &[User], dominant: &[f64]) -> Vec<f64> {
    let (mut tasks, mut left) = (vec![0.0; users.len()], pool.to_vec());
    loop {
        let fits = |user: &User| user.demand.iter().zip(&left).all(|(need, left)| *need <= left + FULL);
        let order =
            (0..users.len()).rev().min_by(|a, b| (tasks[*a] * dominant[*a]).total_cmp(&(tasks[*b] * dominant[*b])));
        match order {
            // The one who is next may not fit any more; as in the paper's algorithm, that is the end.
            Some(next) if fits(&users[next]) => {
                tasks[next] += 1.0;
                left.iter_mut().zip(&users[next].demand).for_each(|(left, need)| *left -= need);
            }
            _ => return tasks,
        }
    }
}

/// The tasks everybody can buy who spends one; prices are of all there is of a resource.
fn bought(pool: &[f64], users: &[User], prices: &[f64]) -> Vec<f64> {
    let cost = |user: &User| -> f64 {
        user.demand.iter().zip(prices).zip(pool).map(|((need, price), all)| need * price / all).sum()
    };
    users.iter().map(|user| 1.0 / cost(user)).collect()
}

/// Prices at which everything with a price is used up.
fn market(pool: &[f64], users: &[User]) -> Vec<f64> {
    if let [first, _] = pool {
        return market_of_two(pool, users, *first);
    }
    let mut prices = vec![1.0 / pool.len().max(1) as f64; pool.len()];
    let bought = |prices: &[f64]| bought(pool, users, prices);
    // They rise where more is wanted than there is, and fall otherwise.
    for _ in 0..ROUNDS {
        let tasks = bought(&prices);
        for (at, price) in prices.iter_mut().enumerate() {
            let wanted: f64 = users.iter().zip(&tasks).map(|(user, tasks)| user.demand[at] * tasks).sum();
            *price = (*price * libm::pow(wanted / pool[at], STEP)).max(1e-300);
        }
    }
    bought(&prices)
}

/// Two prices add up to what all spend, and the dearer the first is, the less of it is wanted: halving finds it exactly.
#[allow(clippy::cast_precision_loss, reason = "a count of users")]
fn market_of_two(pool: &[f64], users: &[User], first: f64) -> Vec<f64> {
    let money = users.len() as f64;
    let (mut low, mut high) = (0.0, money);
    for _ in 0..HALVINGS {
        let price = f64::midpoint(low, high);
        let tasks = bought(pool, users, &[price, money - price]);
        let wanted: f64 = users.iter().zip(&tasks).map(|(user, tasks)| user.demand[0] * tasks).sum();
        if wanted > first { low = price } else { high = price }
    }
    let price = f64::midpoint(low, high);
    bought(pool, users, &[price, money - price])
}

/// Whose, which, how much.
pub(super) type Row = (Option<String>, &'static str, f64);

/// Tasks and shares as figures: of tasks that are really of use, if somebody lies.
pub(super) fn figures(division: &Division) -> Result<Vec<Row>, ExperimentError> {
    let sizes = division.users.iter().flat_map(|user| std::iter::once(&user.demand).chain(&user.truth));
    let is_sound = division.pool.iter().all(|all| *all > 0.0)
        && sizes.clone().all(|demand| demand.len() == division.pool.len() && demand.iter().any(|need| *need > 0.0))
        && sizes.flatten().all(|need| *need >= 0.0);
    if !is_sound {
        let remedy = "give the pool and every demand as many numbers, none of them negative";
        return Err(ExperimentError::invalid("division", "pool and demands do not go together", remedy));
    }
    const SHARES: [&str; 4] = ["share_0", "share_1", "share_2", "share_3"];
    const USED: [&str; 4] = ["used_0", "used_1", "used_2", "used_3"];
    let tasks = divide(division);
    let mut figures = Vec::new();
    for (user, tasks) in division.users.iter().zip(&tasks) {
        let name = Some(user.name.clone());
        let held: Vec<f64> = user.demand.iter().map(|need| need * tasks).collect();
        let useful = user.truth.as_ref().map_or(*tasks, |truth| {
            let parts = truth.iter().zip(&held).filter(|(need, _)| **need > 0.0);
            parts.map(|(need, held)| held / need).fold(f64::INFINITY, f64::min)
        });
        figures.push((name.clone(), "tasks", *tasks));
        figures.push((name.clone(), "tasks_useful", useful));
        let shares: Vec<f64> = held.iter().zip(&division.pool).map(|(held, all)| held / all).collect();
        figures.push((name.clone(), "dominant_share", shares.iter().copied().fold(0.0, f64::max)));
        for ((share, held), (share_name, used_name)) in shares.iter().zip(&held).zip(SHARES.into_iter().zip(USED)) {
            figures.push((name.clone(), share_name, *share));
            figures.push((name.clone(), used_name, *held));
        }
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn division(pool: &[f64], demands: &[&[f64]], rule: Rule) -> Vec<f64> {
        let users = demands.iter().map(|demand| User { name: String::new(), demand: demand.to_vec(), truth: None });
        divide(&Division { pool: pool.to_vec(), users: users.collect(), rule })
    }

    fn is_near(found: &[f64], expected: &[f64]) -> bool {
        found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-3)
    }

    #[test]
    fn the_papers_first_example_comes_out_under_every_rule() {
        let (pool, demands): (_, [&[f64]; 2]) = ([9.0, 18.0], [&[1.0, 4.0], &[3.0, 1.0]]);
        for (rule, expected) in [
            (Rule::Drf, [3.0, 2.0]),
            (Rule::DrfWhole, [3.0, 2.0]),
            (Rule::Asset, [2.52, 2.16]),
            (Rule::Ceei, [45.0 / 11.0, 18.0 / 11.0]),
        ] {
            let found = division(&pool, &demands, rule);
            assert!(is_near(&found, &expected), "{rule:?}: {found:?}");
        }
    }

    #[test]
    fn who_does_not_need_what_is_used_up_goes_on() {
        let found = division(&[10.0, 10.0], &[&[1.0, 0.0], &[1.0, 0.0], &[0.0, 1.0]], Rule::Drf);
        assert!(is_near(&found, &[5.0, 5.0, 10.0]), "{found:?}");
    }
}
