//! Questions to an allocator with many agents: about one agent, and about a need on all of them. And what it takes that there
//! may be questions, when nobody asks: the same rounds with an allocator that remembers for them and with one that does not.
//! Their instructions are told side by side by `figures --instructions alloc.unasked`.

use std::sync::Arc;

use mesos_core::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
use mesos_core::provider::explain::{Explanation, Need, Question, Subject, Verdict};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Transactions};
use mesos_core::{Quota, Role};

use mesos_sched::allocator::{Options, Packing, Policy, Priorities, SorterKind};

use super::cluster::{self, Cluster, LARGE, resources};
use super::{Size, size};
use crate::measure::Readings;
use crate::workload::Workload;

const PHASES: &[(&str, &str)] = &[("", "ms"), ("agent", "ms")];

const UNASKED: &[(&str, &str)] = &[("cycle", "ms"), ("recover", "ms")];

/// Of the one to the other.
const RATIO: &[(&str, &str)] = &[("cycle", "times"), ("recover", "times")];

/// A way to decide who is served, by the name its rows have.
#[derive(Clone)]
struct Kind {
    /// Nothing for the hierarchical policy.
    name: &'static str,
    options: Options,
    /// How many frameworks there are where there could be any number.
    frameworks: u32,
}

fn kinds() -> [Kind; 6] {
    let of = |name, policy| Kind { name, options: Options { policy, ..Options::default() }, frameworks: 500 };
    let (role_sorter, framework_sorter) = (SorterKind::Random, SorterKind::Random);
    let random = Options { role_sorter, framework_sorter, ..Options::default() };
    // Every other team, and of those who ask for what is promised to others every third.
    let important = (0..TEAMS).step_by(2).map(|team| (cluster::role(&format!("team{team}")), 1));
    let important = important.chain((0..20).step_by(3).map(|number| (promised_role(number), 1)));
    [
        of("", Policy::Hierarchical),
        Kind { options: random, ..of("random.", Policy::Hierarchical) },
        of("priority.", Policy::Priority(Priorities::from_iter(important))),
        of("packing.", Policy::Packing(Packing::default())),
        of("choosy.", Policy::ConstrainedMaxMin { slot: "cpus:4;mem:512".parse().expect("amounts") }),
        // Everybody is shown everything: with more of them a round would make millions of offers.
        Kind { frameworks: 20, ..of("shared.", Policy::SharedState(Transactions::default())) },
    ]
}

/// The questions to clusters of 10,000 agents, for every policy, and what rounds take because there may be questions.
#[must_use]
pub fn workloads() -> Vec<Workload> {
    let unasked = [("remembering", true), ("forgetful", false)].map(|(kind, remembers)| {
        let about = "nobody asks: rounds of an allocator that remembers them for questions, and of one that does not";
        Workload::new(format!("alloc.unasked.10000x1000.{kind}"), about, UNASKED, move |readings| {
            run_unasked(size(10_000, 1_000), remembers, readings);
        })
    });
    let about = "how many times as much a round takes that is remembered for questions which nobody asks";
    let ratio = Workload::new("alloc.unasked.10000x1000", about, RATIO, |readings| {
        unasked_ratio(size(10_000, 1_000), readings);
    });
    kinds().into_iter().flat_map(asked).chain([ratio]).chain(unasked).collect()
}

/// The questions to a cluster of which everything was granted in the last round, and to two that are harder.
fn asked(kind: Kind) -> [Workload; 3] {
    let Kind { name, options, frameworks } = kind;
    let [plain, hard, promised] = std::array::from_fn(|_| options.clone());
    let about = "why is nothing offered that holds a need (all agents are looked at), or one agent";
    let plain = Workload::new(format!("alloc.explain.{name}10000"), about, PHASES, move |readings| {
        run(&plain, size(10_000, frameworks), readings);
    });
    let about =
        "the same questions where roles have quotas, frameworks refused much and demand more, and agents differ";
    let hard = Workload::new(format!("alloc.explain.{name}hard.10000"), about, PHASES, move |readings| {
        ask_hard(&hard, size(10_000, frameworks), readings);
    });
    let about =
        "the same questions where a thousand roles are promised more than there is, half of them beside who asks";
    let promised = Workload::new(format!("alloc.explain.{name}promised.10000x1000"), about, PHASES, move |readings| {
        ask_promised(&promised, size(10_000, 20), readings);
    });
    [plain, hard, promised]
}

/// Both kinds in turns, so that what else goes on on the machine slows both.
fn unasked_ratio(size: Size, readings: &mut Readings) {
    let mut found = [Readings::default(), Readings::default()];
    let mut clusters = [true, false].map(|remembers| unasked(size, remembers));
    for _ in 0..20 {
        for (cluster, found) in clusters.iter_mut().zip(&mut found) {
            round_unasked(cluster, size, found);
        }
    }
    for (phase, _) in RATIO {
        let [with, without] = found.each_ref().map(|found| found.spread(phase).map_or(0.0, |spread| spread.median));
        readings.note(phase, with / without);
    }
}

fn run_unasked(size: Size, remembers: bool, readings: &mut Readings) {
    let mut cluster = unasked(size, remembers);
    for _ in 0..20 {
        round_unasked(&mut cluster, size, readings);
    }
}

fn round_unasked(cluster: &mut Cluster, size: Size, readings: &mut Readings) {
    readings.time("cycle", || cluster.batch());
    cluster.check_once_each(size.agents);
    readings.time("recover", || cluster.hand_back(None));
}

fn unasked(Size { agents, frameworks }: Size, remembers: bool) -> Cluster {
    let total = resources(LARGE);
    let mut cluster = Cluster::new();
    if !remembers {
        cluster.allocator.forget_for_questions();
    }
    cluster.tell(cluster::agents(agents, |_| (total.clone(), Vec::new())));
    cluster.tell(cluster::frameworks(frameworks, &[], |_| Role::any()));
    cluster
}

fn run(options: &Options, Size { agents, frameworks }: Size, readings: &mut Readings) {
    let total = resources(LARGE);
    let mut cluster = Cluster::with(options.clone());
    cluster.tell(cluster::agents(agents, |_| (total.clone(), Vec::new())));
    cluster.tell(cluster::frameworks(frameworks, &[], |_| Role::any()));
    cluster.batch();
    if *options == Options::default() {
        cluster.check_spread(agents, frameworks);
    }
    ask(&cluster, |_| Role::any(), readings);
}

/// Twenty frameworks ask for something, for too much and for an agent.
fn ask(cluster: &Cluster, role_of: impl Fn(u32) -> Role, readings: &mut Readings) {
    let needs = ["cpus:1;mem:64", "cpus:25"].map(|text| Need::Resources(resources(text)));
    for number in 0..20 {
        let asked = |of| Question { framework: FrameworkKey(number), role: role_of(number), of };
        for need in &needs {
            let question = asked(Subject::Need(Need::clone(need)));
            let answer = readings.time("", || cluster.allocator.explain(cluster.now, &question));
            assert!(answer.is_some_and(|answer| is_complete(&answer)), "it can tell");
        }
        let question = asked(Subject::Agent(AgentKey(number * 37)));
        let answer = readings.time("agent", || cluster.allocator.explain(cluster.now, &question));
        assert!(answer.is_some_and(|answer| is_complete(&answer)), "it can tell");
    }
}

/// Whoever is offered nothing hears why, and what would change that.
fn is_complete(answer: &Explanation) -> bool {
    let is_offered = matches!(answer.verdict, Verdict::Offered { .. });
    is_offered != (!answer.reasons.is_empty() && !answer.change.is_empty())
}

// A cluster where much is in the way.

const TEAMS: u32 = 50;
const RACKS: u32 = 20;

/// Half of the frameworks are directly under a team, half under a unit of it.
fn team_role(number: u32) -> Role {
    let team = number % TEAMS;
    cluster::role(&if (number / TEAMS).is_multiple_of(2) {
        format!("team{team}")
    } else {
        format!("team{team}/unit{}", number % 3)
    })
}

fn ask_hard(options: &Options, size: Size, readings: &mut Readings) {
    ask(&hard(options, size), team_role, readings);
}

/// Every team has a guarantee and a limit, every unit a guarantee below it; frameworks want agents of some racks and hosts
/// only; a tenth of the agents has GPUs, a tenth is reserved in part; three times everybody refused half of what was offered.
fn hard(options: &Options, Size { agents, frameworks }: Size) -> Cluster {
    let mut cluster = Cluster::with(options.clone());
    cluster.tell((0..agents).map(hard_agent));
    cluster.tell(cluster::frameworks(frameworks, &[], team_role));
    cluster.tell((0..frameworks).map(|number| Fact::ConstraintsSet {
        framework: FrameworkKey(number),
        constraints: Arc::new(demands(number)),
    }));
    let each = agents / TEAMS;
    for team in 0..TEAMS {
        let quota = quota(&format!("cpus:{}", each * 12), &format!("cpus:{};mem:{}", each * 18, each * 4_000));
        cluster.tell([Fact::QuotaSet { role: cluster::role(&format!("team{team}")), quota }]);
        for unit in 0..3 {
            let role = cluster::role(&format!("team{team}/unit{unit}"));
            cluster.tell([Fact::QuotaSet { role, quota: quota_of_unit(each) }]);
        }
    }
    for _ in 0..3 {
        cluster.batch();
        let half = cluster.offers.len() / 2;
        let refused: Vec<Fact> = cluster.offers.drain(..half).map(|offer| refused(options, offer)).collect();
        cluster.tell(refused);
    }
    cluster.batch();
    assert!(cluster.allocator.filter_count() > 0 && !cluster.offers.is_empty(), "there are refusals and offers");
    cluster
}

/// What was only shown was never held.
fn refused(options: &Options, offer: Grant) -> Fact {
    let fact = cluster::recovered(offer, Some(cluster::YEAR));
    match (&options.policy, fact) {
        (Policy::SharedState(_), Fact::Recovered { framework, role, agent, resources, filters }) => {
            Fact::Lapsed { framework, role, agent, resources, filters }
        }
        (_, fact) => fact,
    }
}

// A cluster where more is promised than there is.

const PROMISES: u32 = 1_000;

fn ask_promised(options: &Options, size: Size, readings: &mut Readings) {
    ask(&promised(options, size), promised_role, readings);
}

/// Everybody who asks is under one of the roles beside five hundred others with a guarantee.
fn promised_role(number: u32) -> Role {
    cluster::role(&format!("org/asker{number}"))
}

/// A thousand roles, half of them below one, are promised twice what there is in all, and want nothing for now.
fn promised(options: &Options, Size { agents, frameworks }: Size) -> Cluster {
    let mut cluster = Cluster::with(options.clone());
    let total = resources(LARGE);
    cluster.tell(cluster::agents(agents, |_| (total.clone(), Vec::new())));
    // Of each agent, 24 and 4,096.
    let (cpus, mem) = (2 * 24 * agents / PROMISES, 2 * 4_096 * agents / PROMISES);
    let each = quota(&format!("cpus:{cpus};mem:{mem}"), "");
    cluster.tell((0..PROMISES).map(|slot| {
        let path = if slot % 2 == 0 { format!("org/team{slot}") } else { format!("team{slot}") };
        Fact::QuotaSet { role: cluster::role(&path), quota: each.clone() }
    }));
    cluster.tell(cluster::frameworks(frameworks, &[], promised_role));
    cluster.batch();
    cluster
}

fn quota(guarantees: &str, limits: &str) -> Quota {
    let (guarantees, limits) = (guarantees.parse().expect("amounts"), limits.parse().expect("amounts"));
    Quota::new(guarantees, limits).expect("a quota")
}

fn quota_of_unit(each: u32) -> Quota {
    quota(&format!("cpus:{}", each * 2), "")
}

fn hard_agent(number: u32) -> Fact {
    let total = match number % 10 {
        0 => resources(&format!("{LARGE};gpus:2")),
        1 => resources(&format!("{LARGE};cpus(team{}):4;mem(team{}):512", number % TEAMS, number % TEAMS)),
        _ => resources(LARGE),
    };
    let mut fact = cluster::agent(number, total, Vec::new());
    if let Fact::AgentAdded { info, .. } = &mut fact {
        let attributes = format!("rack:r{};kind:k{}", number % RACKS, number % 3);
        Arc::make_mut(info).attributes = attributes.parse().expect("attributes");
    }
    fact
}

/// One rack, or a kind of agent and another host than the first.
fn demands(number: u32) -> OfferConstraints {
    let attribute =
        |name: &str, predicate| AttributeConstraint { selector: Selector::Attribute(name.into()), predicate };
    let rack = attribute("rack", Predicate::TextEquals(format!("r{}", number % RACKS).into()));
    let kind = attribute("kind", Predicate::TextMatches("k[01]".into()));
    let host = AttributeConstraint {
        selector: Selector::Hostname,
        predicate: Predicate::TextNotEquals(format!("agent{}", number + 1).into()),
    };
    OfferConstraints { by_role: [(team_role(number), vec![vec![rack], vec![kind, host]])].into() }
}

#[cfg(test)]
mod tests {
    use mesos_core::provider::explain::Reason;

    use super::*;

    #[test]
    fn the_hard_cluster_has_reasons_of_many_kinds_under_every_policy() {
        let size = size(400, 200);
        for Kind { name, options, .. } in kinds() {
            let cluster = hard(&options, size);
            let mut codes = std::collections::BTreeSet::new();
            for framework in (0..size.frameworks).step_by(6) {
                for agent in (0..size.agents).step_by(7) {
                    let of = Subject::Agent(AgentKey(agent));
                    let question = Question { framework: FrameworkKey(framework), role: team_role(framework), of };
                    let answer = cluster.allocator.explain(cluster.now, &question).expect("it can tell");
                    codes.extend(answer.reasons.iter().map(Reason::code));
                }
            }
            assert!(codes.len() >= 4, "{name}: {codes:?}");
            ask_hard(&options, size, &mut Readings::default());
        }
    }

    #[test]
    fn where_too_much_is_promised_it_is_kept_and_promises_would_have_to_be_lower() {
        let size = size(400, 3);
        for Kind { name, options, .. } in kinds() {
            let cluster = promised(&options, size);
            let of = Subject::Need(Need::Resources(resources("cpus:1;mem:64")));
            let question = Question { framework: FrameworkKey(1), role: promised_role(1), of };
            let answer = cluster.allocator.explain(cluster.now, &question).expect("it can tell");
            assert!(answer.has("headroom"), "{name}: {answer:?}");
            let steps = answer.change.iter().chain(&answer.or);
            assert!(steps.filter(|step| step.code() == "lower_guarantee").count() > 0, "{name}: {answer:?}");
            ask_promised(&options, size, &mut Readings::default());
        }
    }

    #[test]
    fn every_policy_answers_where_everything_was_granted() {
        for Kind { options, .. } in kinds() {
            run(&options, size(400, 25), &mut Readings::default());
        }
    }

    #[test]
    fn both_kinds_of_allocators_are_compared() {
        let mut readings = Readings::default();
        unasked_ratio(size(40, 5), &mut readings);
        assert!(RATIO.iter().all(|(phase, _)| readings.spread(phase).is_some()));
    }
}
