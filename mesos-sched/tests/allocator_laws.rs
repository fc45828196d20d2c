//! Laws of the allocator: random histories of facts and rounds, checked step by step against a slow model.

#[path = "allocator_laws/model.rs"]
mod model;
#[path = "allocator_laws/promise.rs"]
mod promise;
#[path = "allocator_laws/waiting.rs"]
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round, Used};
use mesos_core::resource::{Disk, DiskSource, Quantities, Reservation, Resource, Resources, Scalar};
use mesos_core::{
    AgentId, AgentInfo, Filters, FrameworkCapability, FrameworkId, FrameworkInfo, Instant, Quota, Role, Weight,
};
use mesos_sched::allocator::{HierarchicalDrf, Options, Served, SorterKind};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use model::{INTERVAL, Model};
use waiting::Waiting;

const ROLES: [&str; 6] = ["a", "a/b", "a/c", "d", "d/e/f", "*"];
const TOTALS: [&str; 8] = [
    "cpus:4;mem:4096",
    "cpus:2;mem:1024;disk:100",
    "cpus:8;mem:512;ports:[1-9]",
    "cpus(a):2;mem(a):512;cpus:1;mem:64",
    "cpus(a/b):1;cpus(d):1;mem:2048",
    "cpus:1;mem:64;gpus:1",
    "cpus:0.005;mem:16",
    "cpus:3;mem:100;fpgas:2",
];

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

fn any_roles(least: usize) -> impl Strategy<Value = BTreeSet<Role>> {
    subsequence(ROLES.to_vec(), least..=3).prop_map(|paths| paths.into_iter().map(role).collect())
}

fn any_info() -> impl Strategy<Value = FrameworkInfo> {
    use FrameworkCapability::{GpuResources, ReservationRefinement, RevocableResources};
    let capabilities = subsequence(vec![GpuResources, ReservationRefinement, RevocableResources], 0..=3);
    let minimums = prop::option::weighted(0.2, subsequence(vec!["cpus:0.001", "mem:1000", "disk:1"], 0..=2));
    let size = prop::option::weighted(0.15, select(vec!["cpus:1", "mem:64;disk:50", "cpus:0.5;mem:500"]));
    (any_roles(1), capabilities, minimums, size).prop_map(|(roles, capabilities, minimums, size)| {
        let mut info = FrameworkInfo::new("any", role("a"));
        if let Some(minimums) = minimums {
            let minimums: Vec<_> = minimums.into_iter().map(|text| text.parse().unwrap()).collect();
            info.min_allocatable = roles.iter().map(|role| (role.clone(), minimums.clone())).collect();
        }
        if let Some(size) = size {
            info.max_offer = roles.iter().map(|role| (role.clone(), size.parse().unwrap())).collect();
        }
        info.roles = roles;
        info.capabilities = capabilities.into_iter().collect();
        info
    })
}

fn any_total() -> impl Strategy<Value = Resources> {
    (select(&TOTALS[..]), 0_u32..3, prop::bool::weighted(0.2)).prop_map(|(text, revocable, has_mount)| {
        let mut total: Resources = text.parse().unwrap();
        if has_mount {
            let mount = Disk::from_source(DiskSource::mount("/data"));
            total.add(Resource::disk(Scalar::from_units(60)).with_disk(mount)).unwrap();
        }
        total.add(Resource::cpus(Scalar::from_units(revocable)).revocable()).unwrap();
        total
    })
}

/// Something that happens; what it concerns is picked among what there is then.
#[derive(Debug, Clone)]
enum Event {
    AddFramework { slot: u32, info: FrameworkInfo, suppressed: BTreeSet<Role>, is_active: bool },
    UpdateFramework { slot: u32, info: FrameworkInfo, suppressed: BTreeSet<Role> },
    SetFrameworkActive { slot: u32, is_active: bool },
    RemoveFramework { slot: u32 },
    Suppress { slot: u32, roles: BTreeSet<Role> },
    Revive { slot: u32, roles: BTreeSet<Role> },
    AddAgent { slot: u32, total: Resources, user: Option<(u32, &'static str)> },
    ResizeAgent { slot: u32, total: Resources },
    SetAgentActive { slot: u32, is_active: bool },
    RemoveAgent { slot: u32 },
    Recover { which: Index, is_whole: bool, refuse_ms: Option<u64> },
    Reserve { which: Index },
    Claim { agent: u32, framework: u32, path: &'static str },
    Weigh { path: &'static str, milli: u32 },
    SetQuota { path: &'static str, quota: Quota },
    Pass { ms: u64 },
}

fn any_quota() -> impl Strategy<Value = Quota> {
    let guarantees = select(vec!["", "cpus:2", "cpus:1;mem:300", "cpus:6;mem:2000;disk:50", "fpgas:1;mem:64"]);
    let burst = select(vec![None, Some("cpus:0"), Some("cpus:1;mem:200"), Some("cpus:5;mem:4000;disk:20;fpgas:1")]);
    (guarantees, burst).prop_map(|(guarantees, burst)| {
        let guarantees: Quantities = guarantees.parse().unwrap();
        let beyond = burst.map(|burst| burst.parse::<Quantities>().unwrap());
        let limits = beyond.into_iter().flat_map(|beyond| {
            let most = |name: &_| guarantees.get(name) + beyond.get(name);
            let names = beyond.iter().chain(guarantees.iter()).map(|(name, _)| name.clone());
            names.map(|name| (name.clone(), most(&name))).collect::<Vec<_>>()
        });
        let limits = limits.collect();
        Quota::new(guarantees, limits).unwrap()
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let framework = || 0_u32..5;
    let agent = || 0_u32..6;
    let path = || select(&ROLES[..]);
    let refusal = prop::option::of(select(vec![0, 1, 900, 1_000, 2_500, 60_000]));
    prop_oneof![
        4 => (framework(), any_info(), any_roles(0), prop::bool::weighted(0.9)).prop_map(
            |(slot, info, suppressed, is_active)| Event::AddFramework { slot, info, suppressed, is_active }
        ),
        2 => (framework(), any_info(), any_roles(0))
            .prop_map(|(slot, info, suppressed)| Event::UpdateFramework { slot, info, suppressed }),
        2 => (framework(), any::<bool>()).prop_map(|(slot, is_active)| Event::SetFrameworkActive { slot, is_active }),
        1 => framework().prop_map(|slot| Event::RemoveFramework { slot }),
        2 => (framework(), any_roles(0)).prop_map(|(slot, roles)| Event::Suppress { slot, roles }),
        3 => (framework(), any_roles(0)).prop_map(|(slot, roles)| Event::Revive { slot, roles }),
        6 => (agent(), any_total(), prop::option::weighted(0.2, (framework(), path())))
            .prop_map(|(slot, total, user)| Event::AddAgent { slot, total, user }),
        2 => (agent(), any_total()).prop_map(|(slot, total)| Event::ResizeAgent { slot, total }),
        2 => (agent(), any::<bool>()).prop_map(|(slot, is_active)| Event::SetAgentActive { slot, is_active }),
        1 => agent().prop_map(|slot| Event::RemoveAgent { slot }),
        12 => (any::<Index>(), any::<bool>(), refusal)
            .prop_map(|(which, is_whole, refuse_ms)| Event::Recover { which, is_whole, refuse_ms }),
        2 => any::<Index>().prop_map(|which| Event::Reserve { which }),
        1 => (agent(), framework(), path()).prop_map(|(agent, framework, path)| Event::Claim { agent, framework, path }),
        2 => (path(), select(vec![500, 1_000, 1_000, 3_000])).prop_map(|(path, milli)| Event::Weigh { path, milli }),
        3 => (path(), any_quota()).prop_map(|(path, quota)| Event::SetQuota { path, quota }),
        1 => path().prop_map(|path| Event::SetQuota { path, quota: Quota::default() }),
        6 => (0_u64..3_500).prop_map(|ms| Event::Pass { ms }),
    ]
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
        let options =
            Options { role_sorter: sorter, framework_sorter: sorter, starvation_batches, ..Options::default() };
        let mut allocator = HierarchicalDrf::new(options);
        allocator.trace_rounds();
        let mut model = Model::default();
        model.waiting = starvation_batches.map(Waiting::new);
        Self {
            allocator,
            model,
            is_fair: sorter == SorterKind::Drf && starvation_batches.is_none(),
            rng: Rng::new(seed),
            now: Instant::from_nanos(12_345),
            log: Vec::new(),
        }
    }

    fn observe(&mut self, fact: Fact) {
        self.model.observe(self.now, &fact);
        self.allocator.observe(self.now, fact);
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::AddFramework { slot, .. } if self.model.frameworks.contains_key(&FrameworkKey(slot)) => {}
            Event::AddFramework { slot, info, suppressed, is_active } => {
                let id = FrameworkId::new(format!("f{}", 9 - slot)).unwrap();
                let framework = FrameworkKey(slot);
                self.observe(Fact::FrameworkAdded { framework, id, info: Arc::new(info), suppressed, is_active });
            }
            Event::UpdateFramework { slot, info, suppressed } => {
                let framework = FrameworkKey(slot);
                self.observe(Fact::FrameworkUpdated { framework, info: Arc::new(info), suppressed });
            }
            Event::SetFrameworkActive { slot, is_active } => self.set_framework_active(FrameworkKey(slot), is_active),
            Event::RemoveFramework { slot } => self.remove_framework(FrameworkKey(slot)),
            Event::Suppress { slot, roles } => {
                self.observe(Fact::RolesSuppressed { framework: FrameworkKey(slot), roles });
            }
            Event::Revive { slot, roles } => self.observe(Fact::RolesRevived { framework: FrameworkKey(slot), roles }),
            Event::AddAgent { slot, total, user } => self.add_agent(AgentKey(slot), total, user),
            Event::ResizeAgent { slot, total } => self.observe(Fact::AgentResized { agent: AgentKey(slot), total }),
            Event::SetAgentActive { slot, is_active: true } => {
                self.observe(Fact::AgentActivated { agent: AgentKey(slot) });
            }
            Event::SetAgentActive { slot, .. } => self.observe(Fact::AgentDeactivated { agent: AgentKey(slot) }),
            Event::RemoveAgent { slot } => self.observe(Fact::AgentRemoved { agent: AgentKey(slot) }),
            Event::Recover { which, is_whole, refuse_ms } => self.recover(which, is_whole, refuse_ms),
            Event::Reserve { which } => self.reserve(which),
            Event::Claim { agent, framework, path } => self.claim(AgentKey(agent), FrameworkKey(framework), path),
            Event::Weigh { path, milli } => {
                let weight = Weight::new(f64::from(milli) / 1_000.0).unwrap();
                self.observe(Fact::WeightSet { role: role(path), weight });
            }
            Event::SetQuota { path, quota } => self.observe(Fact::QuotaSet { role: role(path), quota }),
            Event::Pass { ms } => return self.pass(Duration::from_millis(ms)),
        }
        self.run_called();
        self.check_books();
    }

    fn set_framework_active(&mut self, framework: FrameworkKey, is_active: bool) {
        if self.model.frameworks.get(&framework).is_some_and(|known| known.is_active != is_active) {
            self.observe(match is_active {
                true => Fact::FrameworkActivated { framework },
                false => Fact::FrameworkDeactivated { framework },
            });
        }
    }

    /// As a master does it: hand back everything first.
    fn remove_framework(&mut self, framework: FrameworkKey) {
        for (agent, (holder, role), resources) in self.model.holdings() {
            if holder == framework && self.model.frameworks.contains_key(&framework) {
                self.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
            }
        }
        self.observe(Fact::FrameworkRemoved { framework });
    }

    fn add_agent(&mut self, agent: AgentKey, total: Resources, user: Option<(u32, &'static str)>) {
        if self.model.agents.contains_key(&agent) {
            return;
        }
        let resources = Resources::from_plain(total.plain_scalars());
        let user = user.filter(|_| !resources.is_empty());
        let used = user.map(|(slot, path)| Used { framework: FrameworkKey(slot), role: role(path), resources });
        let info = Arc::new(AgentInfo::new("any", total.clone()));
        let id = AgentId::new(format!("agent-{}", agent.0)).unwrap();
        self.observe(Fact::AgentAdded { agent, id, info, total, used: used.into_iter().collect() });
    }

    fn recover(&mut self, which: Index, is_whole: bool, refuse_ms: Option<u64>) {
        let holdings = self.model.holdings();
        if holdings.is_empty() {
            return;
        }
        let (agent, (framework, role), held) = which.get(&holdings).clone();
        let half = Resources::from_plain(held.plain_scalars().map(|own| Scalar::from_milli(own.as_milli() / 2)));
        let resources = if is_whole { held } else { half };
        let filters = refuse_ms.map(|ms| Filters::refuse_for(Duration::from_millis(ms)));
        if !resources.is_empty() {
            self.observe(Fact::Recovered { framework, role, agent, resources, filters });
        }
    }

    /// A framework reserves the plain part of what it was granted, if the agent still has that.
    fn reserve(&mut self, which: Index) {
        let holdings = self.model.holdings();
        if holdings.is_empty() {
            return;
        }
        let (agent, (framework, role), held) = which.get(&holdings).clone();
        let from = Resources::from_plain(held.plain_scalars());
        if from.is_empty() || role.is_any() || !self.model.agents[&agent].total.contains(&from) {
            return;
        }
        let to = from.push_reservation(&Reservation::dynamic(role.clone(), None)).unwrap();
        self.observe(Fact::Converted { framework, role, agent, from, to });
    }

    fn claim(&mut self, agent: AgentKey, framework: FrameworkKey, path: &str) {
        if self.model.agents.contains_key(&agent) {
            let resources = "cpus:0.5".parse().unwrap();
            self.observe(Fact::Claimed { framework, role: role(path), agent, resources });
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

    /// Lets time pass. The model has every batch round; the allocator may leave out those where nothing is granted.
    fn pass(&mut self, time: Duration) {
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

fn run(sorter: SorterKind, seed: u64, events: Vec<Event>) -> Vec<Grant> {
    run_with(Pair::new(sorter, seed), events)
}

fn run_with(mut pair: Pair, events: Vec<Event>) -> Vec<Grant> {
    for event in events {
        pair.apply(event);
    }
    pair.pass(INTERVAL * 70);
    pair.log
}

fn any_history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(any_event(), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Every grant is the one the model makes, nobody is forgotten, and the books balance after every step.
    #[test]
    fn fair_rounds_grant_what_the_model_grants(events in any_history(), seed in any::<u64>()) {
        run(SorterKind::Drf, seed, events);
    }

    /// With random order every grant is one the model allows, nobody is forgotten, and the books balance.
    #[test]
    fn random_rounds_grant_what_the_model_allows(events in any_history(), seed in any::<u64>()) {
        run(SorterKind::Random, seed, events);
    }

    /// The same facts, rounds and draws give the same grants in the same order.
    #[test]
    fn the_same_history_gives_the_same_grants(events in any_history(), seed in any::<u64>(), is_fair: bool) {
        let sorter = if is_fair { SorterKind::Drf } else { SorterKind::Random };
        prop_assert_eq!(run(sorter, seed, events.clone()), run(sorter, seed, events));
    }

    /// Where waiting is bounded, whoever has waited long, may have something and did not refuse it is served before all who
    /// have waited less, and so after twice as many batch rounds as there are others.
    #[test]
    fn nobody_who_wants_something_waits_for_ever(
        events in any_history(),
        seed in any::<u64>(),
        patience in 0_u32..6,
        is_fair: bool,
    ) {
        let sorter = if is_fair { SorterKind::Drf } else { SorterKind::Random };
        run_with(Pair::patient(sorter, seed, Some(patience)), events);
    }

    /// With endless demand, nobody is ahead of anybody with the same weight by more than one grant's worth.
    #[test]
    fn endless_demand_is_met_evenly(paths in subsequence(vec!["a", "b", "c", "d/x", "e/y/z"], 1..=5), agents in 1_u32..40) {
        let mut pair = Pair::new(SorterKind::Drf, 3);
        for (slot, path) in (0..).zip(&paths) {
            let info = FrameworkInfo::new("any", role(path));
            pair.apply(Event::AddFramework { slot, info, suppressed: BTreeSet::new(), is_active: true });
        }
        for slot in 0..agents {
            pair.add_agent(AgentKey(slot), "cpus:2;mem:128".parse().unwrap(), None);
        }
        pair.run_called();
        let shares: Vec<f64> = pair.allocator.shares().iter().map(|share| share.dominant_share).collect();
        let least = shares.iter().copied().fold(1.0, f64::min);
        let most = shares.iter().copied().fold(0.0, f64::max);
        prop_assert_eq!(pair.log.len(), agents as usize);
        prop_assert!(most - least <= 1.0 / f64::from(agents) + 1e-9, "{shares:?}");
    }
}
