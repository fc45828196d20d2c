//! Laws of the allocator: random histories of facts and rounds, checked step by step against a slow model.

#[path = "allocator_laws/model.rs"]
mod model;
#[path = "allocator_laws/packing.rs"]
mod packing;
#[path = "allocator_laws/preemption.rs"]
mod preemption;
#[path = "allocator_laws/promise.rs"]
mod promise;
#[path = "allocator_laws/waiting.rs"]
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round};
use mesos_core::resource::{ResourceName, Resources};
use mesos_core::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, Instant, Role};
use mesos_sched::allocator::{AgentOrder, HierarchicalDrf, Options, Packing, Policy, Priorities, Served, SorterKind};
use mesos_sim::history::{History, Kind, Mix, Stage};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use model::{Dealing, Model};
use waiting::Waiting;

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

/// An allocator beside its model.
struct Pair {
    allocator: HierarchicalDrf,
    model: Model,
    is_fair: bool,
    rng: Rng,
    now: Instant,
    log: Vec<Grant>,
}

impl Pair {
    fn new(sorter: SorterKind, seed: u64) -> Self {
        Self::patient(sorter, seed, None)
    }

    /// One that lets nobody wait longer than so many batch rounds while others are served.
    fn patient(sorter: SorterKind, seed: u64, starvation_batches: Option<u32>) -> Self {
        Self::with(
            Options { role_sorter: sorter, framework_sorter: sorter, starvation_batches, ..Options::default() },
            seed,
        )
    }

    /// One with these options, of which both sorters are of one kind.
    fn with(options: Options, seed: u64) -> Self {
        let Options { role_sorter: sorter, starvation_batches, .. } = options;
        let mut model = Model::default();
        model.excluded.extend(options.fairness_excluded.iter().cloned());
        model.waiting = starvation_batches.map(Waiting::new);
        model.region.clone_from(&options.region);
        model.filters_gpus = options.filter_gpu_resources;
        match &options.policy {
            Policy::Priority(priorities) => model.priorities = Some(priorities.clone()),
            Policy::Packing(packing) if *packing == Packing::new(0.0).unwrap() => {
                model.dealing = Some(Dealing::Packing);
            }
            Policy::Packing(_) | Policy::ConstrainedMaxMin { .. } => model.dealing = Some(Dealing::Any),
            _ => {}
        }
        let mut allocator = HierarchicalDrf::new(options);
        allocator.trace_rounds();
        Self {
            allocator,
            model,
            is_fair: sorter == SorterKind::Drf && starvation_batches.is_none(),
            rng: Rng::new(seed),
            now: Instant::from_nanos(12_345),
            log: Vec::new(),
        }
    }

    /// Runs the round that an event called for.
    fn run_called(&mut self) {
        if self.model.is_called() {
            assert!(self.allocator.deadline().is_some_and(|due| due <= self.now), "a round was called for");
            self.round();
        }
        assert!(self.allocator.deadline().is_none_or(|due| due > self.now), "no round is due");
    }

    fn round(&mut self) {
        let before = self.log.len();
        let is_batch = self.model.next_batch() == Some(self.now);
        self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.log);
        let grants = &self.log[before..];
        assert!(grants.iter().all(|grant| !grant.resources.is_empty()));
        assert_eq!(by_holder(grants), by_holder(served_grants(self.allocator.last_round())));
        let pairs: BTreeSet<_> = grants.iter().map(|grant| (grant.agent, grant.framework, &grant.role)).collect();
        assert_eq!(pairs.len(), grants.len(), "one grant for what one client is granted of one agent");
        self.model.check_round(self.now, self.allocator.last_round(), self.is_fair);
        if let Some(waiting) = &mut self.model.waiting {
            waiting.finish_round(is_batch);
        }
        self.ask_back();
    }

    /// Whoever holds something of an agent that will be away is asked after the round, and nobody else.
    fn ask_back(&mut self) {
        let expected = self.model.to_be_asked(self.now);
        let mut asked = Vec::new();
        self.allocator.ask_back(self.now, &mut asked);
        let actual: BTreeSet<_> = asked.iter().map(|asked| (asked.framework, asked.agent)).collect();
        assert_eq!((asked.len(), &actual), (expected.len(), &expected));
        self.model.asked.extend(actual);
    }

    fn check_books(&self) {
        for slot in 0..8 {
            let agent = AgentKey(slot);
            let expected = self.model.agents.contains_key(&agent).then(|| self.model.available(agent));
            assert_eq!(self.allocator.available(agent), expected, "{agent:?}");
        }
        assert_eq!(self.allocator.inconsistencies().count(), 0);
        for own in self.allocator.quotas() {
            let expected = self.model.promises.consumed(&self.model, own.role.as_str());
            assert_eq!(own.consumed, expected, "{}", own.role);
        }
        for share in self.allocator.shares() {
            let expected = self.model.dominant_share(&share.role);
            assert!((share.dominant_share - expected).abs() < 1e-9, "{share:?}: {expected}");
            assert!(share.dominant_resource.is_none_or(|name| self.model.has_name(&name)));
        }
    }
}

impl Stage for Pair {
    type Stop = Infallible;

    fn observe(&mut self, fact: Fact) {
        self.model.observe(self.now, &fact);
        self.allocator.observe(self.now, fact);
    }

    /// The model has every batch round; the allocator may leave out those where nothing is granted.
    fn pass(&mut self, time: Duration) -> Result<(), Infallible> {
        self.run_called();
        let until = self.now + time;
        while let Some(due) = self.model.next_batch().filter(|due| *due <= until) {
            let wanted = self.allocator.deadline();
            assert!(wanted.is_none_or(|wanted| wanted >= due), "batch rounds come in intervals");
            self.now = due;
            if wanted == Some(due) {
                self.round();
            } else {
                self.model.check_round(due, &[], self.is_fair);
            }
        }
        self.now = until;
        self.check_books();
        Ok(())
    }

    fn holdings(&self) -> Vec<Grant> {
        let held = self.model.holdings().into_iter();
        held.map(|(agent, (framework, role), resources)| Grant { framework, role, agent, resources }).collect()
    }

    fn asked(&self) -> Vec<(FrameworkKey, AgentKey)> {
        self.model.asked.iter().copied().collect()
    }
}

fn served_grants(served: &[Served]) -> impl Iterator<Item = &Grant> {
    served.iter().flat_map(|step| &step.granted)
}

fn by_holder<'a>(
    grants: impl IntoIterator<Item = &'a Grant>,
) -> BTreeMap<(AgentKey, FrameworkKey, &'a Role), Resources> {
    let mut all: BTreeMap<_, Resources> = BTreeMap::new();
    for grant in grants {
        *all.entry((grant.agent, grant.framework, &grant.role)).or_default() += &grant.resources;
    }
    all
}

fn run(sorter: SorterKind, seed: u64, history: &History) -> Vec<Grant> {
    run_with(Pair::new(sorter, seed), history)
}

fn run_with(mut pair: Pair, history: &History) -> Vec<Grant> {
    let Ok(()) = history.play(&mut pair);
    let Ok(()) = pair.settle();
    pair.log
}

/// All that happens to those who are there, told by masters that do not lose count.
fn mix() -> Mix {
    Mix::default().without([Kind::Stray, Kind::Excess, Kind::Expect])
}

fn any_history() -> impl Strategy<Value = History> {
    let mix = mix();
    prop::collection::vec(any::<(u64, u64)>(), 1..80).prop_map(move |numbers| mix.of_numbers(numbers))
}

fn priorities() -> Policy {
    Policy::Priority(Priorities::from_iter([(role("a"), 1), (role("a/c"), -1), (role("d"), 7)]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Every grant is the one the model makes, nobody is forgotten, and the books balance after every step.
    #[test]
    fn fair_rounds_grant_what_the_model_grants(history in any_history(), seed in any::<u64>()) {
        run(SorterKind::Drf, seed, &history);
    }

    /// With random order every grant is one the model allows, nobody is forgotten, and the books balance.
    #[test]
    fn random_rounds_grant_what_the_model_allows(history in any_history(), seed in any::<u64>()) {
        run(SorterKind::Random, seed, &history);
    }

    /// Names that make no share count for nobody's place, the fullest agents come first, those of other regions are for few,
    /// and those with gpus for everybody: nothing of that changes anything else.
    #[test]
    fn other_choices_leave_the_rest_as_it_is(
        history in any_history(),
        seed in any::<u64>(),
        is_fullest_first: bool,
        has_region: bool,
        filter_gpu_resources: bool,
    ) {
        let agent_order = if is_fullest_first { AgentOrder::FullestFirst } else { AgentOrder::Random };
        let fairness_excluded = vec![ResourceName::Mem, ResourceName::Gpus, "fpgas".parse().unwrap()];
        let region = has_region.then(|| "near".into());
        let options = Options { agent_order, fairness_excluded, region, filter_gpu_resources, ..Options::default() };
        run_with(Pair::with(options, seed), &history);
    }

    /// The same facts, rounds and draws give the same grants in the same order.
    #[test]
    fn the_same_history_gives_the_same_grants(history in any_history(), seed in any::<u64>(), is_fair: bool) {
        let sorter = if is_fair { SorterKind::Drf } else { SorterKind::Random };
        prop_assert_eq!(run(sorter, seed, &history), run(sorter, seed, &history));
    }

    /// Where waiting is bounded, whoever has waited long, may have something and did not refuse it is served before all who
    /// have waited less, and so after twice as many batch rounds as there are others.
    #[test]
    fn nobody_who_wants_something_waits_for_ever(
        history in any_history(),
        seed in any::<u64>(),
        patience in 0_u32..6,
        is_fair: bool,
    ) {
        let sorter = if is_fair { SorterKind::Drf } else { SorterKind::Random };
        run_with(Pair::patient(sorter, seed, Some(patience)), &history);
    }

    /// The same where policies have an order of their own: it begins with those who have not waited.
    #[test]
    fn nobody_waits_for_ever_under_any_policy(
        history in any_history(),
        seed in any::<u64>(),
        starvation_batches in 0_u32..6,
        policy in select(vec![
            priorities(),
            Policy::Packing(Packing::new(0.0).unwrap()),
            Policy::Packing(Packing::default()),
            Policy::ConstrainedMaxMin { slot: "cpus:1;mem:64".parse().unwrap() },
        ]),
    ) {
        let options = Options { policy, starvation_batches: Some(starvation_batches), ..Options::default() };
        run_with(Pair::with(options, seed), &history);
    }

    /// Nothing is granted under a role while somebody under a more important one may have it and wants it.
    #[test]
    fn no_lower_role_is_granted_what_a_higher_one_could_take(
        history in any_history(),
        seed in any::<u64>(),
        is_fair: bool,
    ) {
        let sorter = if is_fair { SorterKind::Drf } else { SorterKind::Random };
        let options =
            Options { policy: priorities(), role_sorter: sorter, framework_sorter: sorter, ..Options::default() };
        run_with(Pair::with(options, seed), &history);
    }

    /// With endless demand, nobody is ahead of anybody with the same weight by more than one grant's worth.
    #[test]
    fn endless_demand_is_met_evenly(paths in subsequence(vec!["a", "b", "c", "d/x", "e/y/z"], 1..=5), agents in 1_u32..40) {
        let mut pair = Pair::new(SorterKind::Drf, 3);
        for (slot, path) in (0..).zip(&paths) {
            let info = Arc::new(FrameworkInfo::new("any", role(path)));
            let (framework, id) = (FrameworkKey(slot), FrameworkId::new(format!("f{slot}")).unwrap());
            pair.observe(Fact::FrameworkAdded { framework, id, info, suppressed: BTreeSet::new(), is_active: true });
        }
        for slot in 0..agents {
            let total: Resources = "cpus:2;mem:128".parse().unwrap();
            let (agent, id) = (AgentKey(slot), AgentId::new(format!("a{slot}")).unwrap());
            let info = Arc::new(AgentInfo::new("any", total.clone()));
            pair.observe(Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
        }
        pair.run_called();
        let shares: Vec<f64> = pair.allocator.shares().iter().map(|share| share.dominant_share).collect();
        let least = shares.iter().copied().fold(1.0, f64::min);
        let most = shares.iter().copied().fold(0.0, f64::max);
        prop_assert_eq!(pair.log.len(), agents as usize);
        prop_assert!(most - least <= 1.0 / f64::from(agents) + 1e-9, "{shares:?}");
    }
}

/// Every piece goes to one whom the agent suits best of all who could have had one, which is told by comparing all of them.
#[test]
fn every_piece_goes_to_one_whom_the_agent_suits_best() {
    let mix = mix();
    let compared = (0..256).map(|seed| {
        let policy = Policy::Packing(Packing::new(0.0).unwrap());
        let mut pair = Pair::with(Options { policy, ..Options::default() }, seed);
        let Ok(()) = mix.draw(&mut Rng::new(seed), 80).play(&mut pair);
        pair.model.compared
    });
    let compared: usize = compared.sum();
    assert!(compared > 50, "only {compared} pieces were wanted by somebody else, too");
}

/// Whoever is named as standing in the way of somebody more important does, and so does everyone of them.
#[test]
fn who_would_have_to_make_room_is_named_and_nobody_else() {
    let mix = mix().without([Kind::Limit, Kind::Guarantee, Kind::Quota]).with_size(4, 4);
    let named = (0..120).map(|seed| {
        let history = mix.draw(&mut Rng::new(seed), 50);
        preemption::check(&history, |history| {
            let mut pair = Pair::with(Options { policy: priorities(), ..Options::default() }, seed);
            let Ok(()) = history.play(&mut pair);
            pair
        })
    });
    let named: usize = named.sum();
    assert!(named > 20, "only {named} times somebody would have to make room");
}
