//! Good allocators pass, and every law is seen to be broken by a bad one. `MESOS_CONFORMANCE_HISTORIES=5000` tries the good
//! ones harder, `MESOS_CONFORMANCE_FIRST=777` begins elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::Instant;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, InverseGrant, Round, Transactions};
use mesos_core::quota::Quota;
use mesos_core::resource::{Limits, ResourceName, Resources};
use mesos_sched::allocator::{AgentOrder, HierarchicalDrf, Options, Packing, Policy, Priorities, SorterKind};

use super::*;
use crate::trial::setting;

fn all() -> Profile {
    use Claim::{
        Constraints, Eligibility, Guarantees, HoldOff, Limits, Maintenance, Minimums, Scrutiny, Sizes, Whitelist,
    };
    let most = [Eligibility, Whitelist, Minimums, Limits, Constraints, Sizes, Guarantees, Maintenance];
    Profile::default().claiming(most).claiming([HoldOff, Scrutiny])
}

fn holds(options: &Options) {
    keeps(options, all());
}

/// Every policy there is, with what it claims.
fn policies() -> Vec<(Policy, Profile)> {
    let role = |path| mesos_core::Role::new(path).unwrap();
    let priorities = Priorities::from_iter([(role("a"), 1), (role("a/c"), -1), (role("d"), 7)]);
    let pessimistic = [
        Policy::Hierarchical,
        Policy::Priority(priorities),
        Policy::Packing(Packing::default()),
        Policy::Packing(Packing::new(0.0).unwrap()),
        Policy::ConstrainedMaxMin { slot: "cpus:1;mem:64".parse().unwrap() },
        Policy::ConstrainedMaxMin { slot: "cpus:0.02".parse().unwrap() },
    ];
    // Offers that bind nothing promise nothing.
    let optimistic = [Transactions::Incremental, Transactions::AllOrNothing].map(Policy::SharedState);
    let with =
        |policies: Vec<Policy>, profile: &Profile| policies.into_iter().map(|own| (own, profile.clone())).collect();
    let both: [Vec<_>; 2] =
        [with(pessimistic.into(), &all()), with(optimistic.into(), &all().without(&Claim::Guarantees))];
    both.concat()
}

/// Tries every policy with something else chosen too.
fn all_policies_keep(choose: impl Fn(&mut Options)) {
    for (policy, profile) in policies() {
        let mut options = with(policy);
        choose(&mut options);
        keeps(&options, Profile { histories: 32, ..profile });
    }
}

fn excluded() -> Vec<ResourceName> {
    vec![ResourceName::Mem, ResourceName::Gpus, "fpgas".parse().unwrap()]
}

fn keeps(options: &Options, profile: Profile) {
    let histories =
        setting("MESOS_CONFORMANCE_HISTORIES").map(|count| u32::try_from(count).expect("a count of histories"));
    let histories = histories.unwrap_or(profile.histories);
    let profile = Profile {
        histories,
        filters_gpus: options.filter_gpu_resources,
        region: options.region.clone(),
        agent_recovery_percent: options.agent_recovery_percent,
        agent_recovery_timeout: options.agent_recovery_timeout,
        ..profile.from_seed(setting("MESOS_CONFORMANCE_FIRST").unwrap_or(0))
    };
    let report = check(|| Box::new(HierarchicalDrf::new(options.clone())), &profile);
    let report = report.unwrap_or_else(|violation| panic!("{options:?}: {violation}"));
    let least = u64::from(report.histories) * 10;
    assert!(report.grants > least && report.rounds > least, "{report}");
}

fn with(policy: Policy) -> Options {
    Options { policy, ..Options::default() }
}

#[test]
fn hierarchical_fairness_keeps_the_laws() {
    holds(&Options::default());
}

#[test]
fn random_sorters_keep_the_laws() {
    let random = SorterKind::Random;
    holds(&Options { role_sorter: random, framework_sorter: random, ..Options::default() });
}

#[test]
fn every_policy_keeps_the_laws() {
    for (policy, profile) in policies() {
        keeps(&with(policy), profile);
    }
}

#[test]
fn every_policy_keeps_the_laws_where_the_fullest_agents_come_first() {
    all_policies_keep(|options| options.agent_order = AgentOrder::FullestFirst);
}

#[test]
fn every_policy_keeps_the_laws_where_waiting_is_bounded() {
    for patience in [0, 3] {
        all_policies_keep(|options| options.starvation_batches = Some(patience));
    }
}

#[test]
fn every_policy_keeps_the_laws_where_some_names_make_no_share() {
    all_policies_keep(|options| options.fairness_excluded = excluded());
}

#[test]
fn every_policy_keeps_the_laws_in_a_region_where_anybody_has_gpus() {
    all_policies_keep(|options| {
        options.region = Some("near".into());
        options.filter_gpu_resources = false;
        options.agent_recovery_percent = 50;
        options.agent_recovery_timeout = Duration::from_secs(20);
    });
}

#[test]
fn every_policy_keeps_the_laws_with_all_choices_at_once() {
    all_policies_keep(|options| {
        options.region = Some("far".into());
        options.agent_order = AgentOrder::FullestFirst;
        options.starvation_batches = Some(1);
        options.fairness_excluded = excluded();
        options.framework_sorter = SorterKind::Random;
    });
}

/// What is wrong with an allocator.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    ForgetsGrants,
    IgnoresSuppression,
    IgnoresFilters,
    IgnoresGpus,
    IgnoresRegions,
    IgnoresHoldOff,
    IgnoresMinimums,
    IgnoresConstraints,
    IgnoresWhitelist,
    IgnoresSizes,
    BreaksPromises,
    BreaksNestedPromises,
    DropsLimits,
    StopsAtLimits,
    StopsAtPromises,
    CountsGrantsTwice,
    AsksTwice,
    AsksInAnyOrder,
    WaitsAsItLikes,
    NeverMovesOn,
    NeverGrants,
    CountsInstances,
    PanicsAtStrangers,
}

/// The hierarchical allocator behind somebody who tampers with it.
#[derive(Debug)]
struct Flawed {
    inner: HierarchicalDrf,
    flaw: Flaw,
    granted: BTreeMap<AgentKey, Resources>,
    promised: BTreeSet<mesos_core::Role>,
    limited: BTreeSet<mesos_core::Role>,
    number: usize,
}

fn flawed(flaw: Flaw, number: usize) -> Box<dyn Allocator> {
    let mut options = Options::default();
    match flaw {
        Flaw::IgnoresGpus => options.filter_gpu_resources = false,
        Flaw::IgnoresMinimums => options.min_allocatable.clear(),
        _ => {}
    }
    Box::new(Flawed {
        inner: HierarchicalDrf::new(options),
        flaw,
        granted: BTreeMap::new(),
        promised: BTreeSet::new(),
        limited: BTreeSet::new(),
        number,
    })
}

impl Flawed {
    /// Whether it lets a grant pass.
    fn is_kept(&self, Grant { role, .. }: &Grant) -> bool {
        let is_within = |set: &BTreeSet<mesos_core::Role>| set.iter().any(|own| own == role || role.is_below(own));
        match self.flaw {
            Flaw::BreaksPromises => !self.promised.contains(role),
            Flaw::BreaksNestedPromises => {
                !(self.promised.contains(role) && self.promised.iter().any(|above| role.is_below(above)))
            }
            Flaw::StopsAtLimits => self.limited.is_empty() || is_within(&self.promised),
            Flaw::StopsAtPromises => self.promised.is_empty() || is_within(&self.promised),
            _ => false,
        }
    }
}

impl Allocator for Flawed {
    fn observe(&mut self, now: Instant, mut fact: Fact) {
        match (&mut fact, self.flaw) {
            (Fact::RolesSuppressed { .. }, Flaw::IgnoresSuppression) => return,
            (Fact::Recovered { filters, .. }, Flaw::IgnoresFilters) => *filters = None,
            (Fact::ConstraintsSet { .. }, Flaw::IgnoresConstraints) => return,
            (Fact::WhitelistSet { .. }, Flaw::IgnoresWhitelist) => return,
            (Fact::AgentsExpected { .. }, Flaw::IgnoresHoldOff) => return,
            (Fact::FrameworkAdded { info, .. } | Fact::FrameworkUpdated { info, .. }, Flaw::IgnoresSizes) => {
                Arc::make_mut(info).max_offer.clear()
            }
            (Fact::QuotaSet { quota, .. }, Flaw::DropsLimits) => {
                *quota = Quota::new(quota.guarantees().clone(), Limits::new()).unwrap();
            }
            (Fact::QuotaSet { role, quota }, _) => {
                let is_any = [!quota.guarantees().is_empty(), quota.limits().iter().next().is_some()];
                for (roles, is_any) in [&mut self.promised, &mut self.limited].into_iter().zip(is_any) {
                    if is_any {
                        roles.insert(role.clone())
                    } else {
                        roles.remove(&*role)
                    };
                }
            }
            (Fact::AgentResized { agent: AgentKey(1_000), .. }, Flaw::PanicsAtStrangers) => panic!("who is that?"),
            _ => {}
        }
        self.inner.observe(now, fact);
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        let (now, before) = (round.now, grants.len());
        self.inner.allocate(round, grants);
        match self.flaw {
            Flaw::NeverGrants
            | Flaw::BreaksPromises
            | Flaw::BreaksNestedPromises
            | Flaw::StopsAtLimits
            | Flaw::StopsAtPromises => {
                let kept: Vec<Grant> = grants[before..].to_vec();
                grants.truncate(before);
                for grant in kept {
                    if self.is_kept(&grant) {
                        grants.push(grant);
                    } else {
                        let Grant { framework, role, agent, resources } = grant;
                        self.inner.observe(now, Fact::Recovered { framework, role, agent, resources, filters: None });
                    }
                }
            }
            Flaw::CountsInstances if self.number % 2 == 1 => grants[before..].reverse(),
            Flaw::ForgetsGrants => {
                let twice: Vec<Grant> = grants[before..].iter().take(1).cloned().collect();
                grants.extend(twice);
            }
            _ => {}
        }
        for grant in &grants[before..] {
            *self.granted.entry(grant.agent).or_default() += &grant.resources;
        }
    }

    fn ask_back(&mut self, now: Instant, asked: &mut Vec<InverseGrant>) {
        self.inner.ask_back(now, asked);
        if self.flaw == Flaw::AsksTwice {
            asked.extend_from_within(..);
        }
        if self.flaw == Flaw::AsksInAnyOrder && self.number % 2 == 1 {
            asked.reverse();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.flaw {
            Flaw::NeverMovesOn => Some(Instant::ZERO),
            Flaw::WaitsAsItLikes if self.number % 2 == 1 => {
                self.inner.deadline().map(|due| due + Duration::from_millis(1))
            }
            _ => self.inner.deadline(),
        }
    }

    fn available(&self, agent: AgentKey) -> Option<Resources> {
        let (free, granted) = (self.inner.available(agent)?, self.granted.get(&agent));
        let granted = granted.filter(|_| self.flaw == Flaw::CountsGrantsTwice);
        Some(granted.map_or_else(|| free.clone(), |granted| &free - granted))
    }
}

fn breaks(flaw: Flaw) -> Box<Violation> {
    let instances = std::cell::Cell::new(0);
    // Who grants nothing keeps no promise either, and who grants twice no limit: that may show first.
    let profile = match flaw {
        Flaw::NeverGrants => all().without(&Claim::Guarantees),
        Flaw::ForgetsGrants => all().without(&Claim::Limits),
        Flaw::IgnoresRegions => Profile { region: Some("near".into()), ..all() },
        _ => all(),
    };
    check(move || flawed(flaw, instances.replace(instances.get() + 1)), &profile).expect_err("the flaw is found")
}

#[test]
fn every_law_is_seen_to_be_broken() {
    for (flaw, law) in [
        (Flaw::ForgetsGrants, Law::Once),
        (Flaw::IgnoresSuppression, Law::Audience),
        (Flaw::IgnoresFilters, Law::Filters),
        (Flaw::IgnoresGpus, Law::Eligibility),
        (Flaw::IgnoresRegions, Law::Eligibility),
        (Flaw::IgnoresHoldOff, Law::HoldOff),
        (Flaw::IgnoresMinimums, Law::Minimums),
        (Flaw::IgnoresConstraints, Law::Constraints),
        (Flaw::IgnoresWhitelist, Law::Whitelist),
        (Flaw::IgnoresSizes, Law::Sizes),
        (Flaw::BreaksPromises, Law::Guarantees),
        (Flaw::BreaksNestedPromises, Law::Guarantees),
        (Flaw::DropsLimits, Law::Limits),
        (Flaw::StopsAtLimits, Law::Liveness),
        (Flaw::StopsAtPromises, Law::Liveness),
        (Flaw::CountsGrantsTwice, Law::Balance),
        (Flaw::AsksInAnyOrder, Law::Replay),
        (Flaw::WaitsAsItLikes, Law::Replay),
        (Flaw::AsksTwice, Law::Maintenance),
        (Flaw::NeverMovesOn, Law::Deadline),
        (Flaw::NeverGrants, Law::Liveness),
        (Flaw::CountsInstances, Law::Replay),
    ] {
        let violation = breaks(flaw);
        assert_eq!(violation.law, law, "{flaw:?}: {violation}");
        assert!(violation.steps <= 12, "{flaw:?}: {violation}");
    }
}

#[test]
fn a_panic_is_a_violation_with_a_history_of_one_step() {
    let violation = breaks(Flaw::PanicsAtStrangers);
    assert_eq!((violation.law, violation.steps), (Law::Survival, 1), "{violation}");
    assert!(violation.what.contains("who is that?"), "{violation}");
    assert!(violation.script.starts_with("resize a1000 "), "{violation}");
}

#[test]
fn a_violation_is_told_as_a_session_that_can_be_played() {
    use crate::script::{AllocatorSession, Session};
    let violation = breaks(Flaw::NeverGrants);
    let text = format!("{}\n----\n", violation.script);
    let played = crate::script::replay("violation", &text, &mut AllocatorSession::default() as &mut dyn Session);
    assert!(played.as_ref().is_ok_and(|played| played.contains("grant f")), "{played:?} {violation}");
}

#[test]
fn the_truth_knows_who_holds_what() {
    let mut truth = truth::Truth::default();
    let (framework, agent, role) = (FrameworkKey(1), AgentKey(2), mesos_core::Role::any());
    let total: Resources = "cpus:4".parse().unwrap();
    let info = Arc::new(mesos_core::AgentInfo::new("h", total.clone()));
    let id = mesos_core::AgentId::new("a").unwrap();
    truth.observe(Instant::ZERO, &Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    let grant = Grant { framework, role, agent, resources: "cpus:3".parse().unwrap() };
    assert!(laws::grant(&truth, &all(), Instant::ZERO, &grant).is_err_and(|(law, _)| law == Law::Audience));
    truth.grant(&grant);
    assert_eq!(truth.free(agent).unwrap().to_string(), "cpus:1");
}
