//! Good allocators pass, and every law is seen to be broken by a bad one. `MESOS_CONFORMANCE_HISTORIES=5000` tries the good
//! ones harder, `MESOS_CONFORMANCE_FIRST=777` begins elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::Instant;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, InverseGrant, Round, Transactions};
use mesos_core::resource::Resources;
use mesos_sched::allocator::{HierarchicalDrf, Options, Packing, Policy, Priorities, SorterKind};

use super::*;
use crate::trial::setting;

fn all() -> Profile {
    use Claim::{Constraints, Eligibility, Guarantees, Limits, Maintenance, Minimums, Sizes, Whitelist};
    Profile::default().claiming([Eligibility, Whitelist, Minimums, Limits, Constraints, Sizes, Guarantees, Maintenance])
}

fn holds(options: &Options) {
    keeps(options, all());
}

fn keeps(options: &Options, profile: Profile) {
    let histories =
        setting("MESOS_CONFORMANCE_HISTORIES").map(|count| u32::try_from(count).expect("a count of histories"));
    let histories = histories.unwrap_or(profile.histories);
    let profile = Profile { histories, ..profile.from_seed(setting("MESOS_CONFORMANCE_FIRST").unwrap_or(0)) };
    let report = check(|| Box::new(HierarchicalDrf::new(options.clone())), &profile);
    let report = report.unwrap_or_else(|violation| panic!("{violation}"));
    assert!(report.grants > 1_000 && report.rounds > 1_000, "{report}");
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
fn strict_priority_keeps_the_laws() {
    let role = |path| mesos_core::Role::new(path).unwrap();
    holds(&with(Policy::Priority(Priorities::from_iter([(role("a"), 1), (role("a/c"), -1), (role("d"), 7)]))));
}

#[test]
fn packing_keeps_the_laws() {
    holds(&with(Policy::Packing(Packing::default())));
    holds(&with(Policy::Packing(Packing::new(0.0).unwrap())));
}

#[test]
fn constrained_max_min_fairness_keeps_the_laws() {
    holds(&with(Policy::ConstrainedMaxMin { slot: "cpus:1;mem:64".parse().unwrap() }));
    holds(&with(Policy::ConstrainedMaxMin { slot: "cpus:0.02".parse().unwrap() }));
}

#[test]
fn shared_state_keeps_the_laws() {
    for transactions in [Transactions::Incremental, Transactions::AllOrNothing] {
        // Offers that bind nothing promise nothing.
        keeps(&with(Policy::SharedState(transactions)), all().without(&Claim::Guarantees));
    }
}

/// What is wrong with an allocator.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    ForgetsGrants,
    IgnoresSuppression,
    IgnoresFilters,
    IgnoresGpus,
    IgnoresMinimums,
    IgnoresConstraints,
    IgnoresWhitelist,
    IgnoresSizes,
    BreaksPromises,
    AsksTwice,
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
        number,
    })
}

impl Allocator for Flawed {
    fn observe(&mut self, now: Instant, mut fact: Fact) {
        match (&mut fact, self.flaw) {
            (Fact::RolesSuppressed { .. }, Flaw::IgnoresSuppression) => return,
            (Fact::Recovered { filters, .. }, Flaw::IgnoresFilters) => *filters = None,
            (Fact::ConstraintsSet { .. }, Flaw::IgnoresConstraints) => return,
            (Fact::WhitelistSet { .. }, Flaw::IgnoresWhitelist) => return,
            (Fact::FrameworkAdded { info, .. } | Fact::FrameworkUpdated { info, .. }, Flaw::IgnoresSizes) => {
                std::sync::Arc::make_mut(info).max_offer.clear()
            }
            (Fact::QuotaSet { role, quota }, Flaw::BreaksPromises) if !quota.guarantees().is_empty() => {
                self.promised.insert(role.clone());
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
            Flaw::NeverGrants | Flaw::BreaksPromises => {
                let (flaw, promised) = (self.flaw, &self.promised);
                let is_kept = |grant: &Grant| flaw == Flaw::BreaksPromises && !promised.contains(&grant.role);
                let kept: Vec<Grant> = grants[before..].to_vec();
                grants.truncate(before);
                for grant in kept {
                    if is_kept(&grant) {
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
    }

    fn deadline(&self) -> Option<Instant> {
        if self.flaw == Flaw::NeverMovesOn { Some(Instant::ZERO) } else { self.inner.deadline() }
    }

    fn available(&self, agent: AgentKey) -> Option<Resources> {
        self.inner.available(agent)
    }
}

fn breaks(flaw: Flaw) -> Box<Violation> {
    let instances = std::cell::Cell::new(0);
    // Who grants nothing keeps no promise either, and who grants twice no limit: that may show first.
    let profile = match flaw {
        Flaw::NeverGrants => all().without(&Claim::Guarantees),
        Flaw::ForgetsGrants => all().without(&Claim::Limits),
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
        (Flaw::IgnoresMinimums, Law::Minimums),
        (Flaw::IgnoresConstraints, Law::Constraints),
        (Flaw::IgnoresWhitelist, Law::Whitelist),
        (Flaw::IgnoresSizes, Law::Sizes),
        (Flaw::BreaksPromises, Law::Guarantees),
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
    let info = std::sync::Arc::new(mesos_core::AgentInfo::new("h", total.clone()));
    let id = mesos_core::AgentId::new("a").unwrap();
    truth.observe(Instant::ZERO, &Fact::AgentAdded { agent, id, info, total, used: Vec::new() });
    let grant = Grant { framework, role, agent, resources: "cpus:3".parse().unwrap() };
    assert!(laws::grant(&truth, &all(), Instant::ZERO, &grant).is_err_and(|(law, _)| law == Law::Audience));
    truth.grant(&grant);
    assert_eq!(truth.free(agent).unwrap().to_string(), "cpus:1");
}
