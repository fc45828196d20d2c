//! What would be enough: changes are made true, and tried with less.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Change, Lack, Need, Subject, Verdict};
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Grant};
use mesos_core::resource::{Quantities, ResourceName, Resources, Scalar};
use mesos_core::{AgentCapability, FrameworkInfo, Quota, Role};
use mesos_sched::allocator::SorterKind;
use mesos_sim::history::key_of_agent;

use super::ledger::role;
use super::world::{AGENTS, INTERVAL, ROLES, World};

/// Whether all of it can be made true by facts about who asks and about the agent.
fn can_be_made_true(changes: &[Change]) -> bool {
    !changes.iter().any(|change| matches!(change, Change::AddAgent { .. }))
}

impl World {
    /// Without the step that makes others stand back, and without any one of them, the offer does not come.
    pub(crate) fn check_rivals(
        &self,
        framework: FrameworkKey,
        role: &Role,
        agent: AgentKey,
        of: Subject,
        need: Option<&Need>,
    ) {
        let answer = self.ask(framework, role, of);
        let agent = answer.survey.as_ref().and_then(|own| own.nearest.as_ref()).and_then(key_of_agent).unwrap_or(agent);
        let is_plain = |change: &Change| {
            matches!(change, Change::Free { .. } | Change::AddCapacity { .. } | Change::ActivateAgent)
        };
        for changes in [&answer.change, &answer.or] {
            let Some((Change::Suppress { parties, .. }, others)) = changes.split_last() else { continue };
            if !others.iter().all(is_plain) || parties.iter().any(|party| self.key_of(party) == framework) {
                continue;
            }
            for left_out in 0..parties.len() {
                let mut parties = parties.clone();
                parties.remove(left_out);
                let party_count = parties.len();
                let less = others.iter().cloned().chain([Change::Suppress { parties, party_count }]);
                let less: Vec<Change> = less.collect();
                let is_enough = self.again().try_out(&less, framework, role, agent, need);
                assert!(!is_enough, "{left_out} stands back for nothing: {answer}\n{answer:?}\nSTEPS {:?}", self.steps);
            }
        }
    }

    /// Makes changes true, and lets the rounds run that follow; whether the offer came.
    pub(crate) fn try_out(
        &mut self,
        changes: &[Change],
        framework: FrameworkKey,
        role: &Role,
        agent: AgentKey,
        need: Option<&Need>,
    ) -> bool {
        let mut until = self.now;
        for change in changes {
            match change {
                Change::Wait { until: at } => until = until.max(*at),
                change => self.make_true(change, framework, role, agent),
            }
        }
        let (mut is_offered, mut has_gone_round) = (false, false);
        self.pass_until(until + INTERVAL * 2, |world| {
            let of_agent = || world.grants.iter().filter(|grant| grant.agent == agent);
            is_offered |= !has_gone_round
                && of_agent().any(|grant| {
                    grant.framework == framework
                        && grant.role == *role
                        && need.is_none_or(|need| need.is_met_by(&grant.resources))
                });
            // What is shared goes to somebody else in the next round: that counts no more.
            has_gone_round |= world.now >= until && of_agent().any(|grant| !grant.resources.shared().is_empty());
        });
        is_offered
    }

    /// Nobody else takes part, nothing else is offered.
    pub(crate) fn leave_alone(&mut self, framework: FrameworkKey, role: &Role, agent: AgentKey) {
        let others: Vec<_> = self.ledger.frameworks.keys().copied().collect();
        for other in others {
            let roles: BTreeSet<Role> = ROLES.map(self::role).into_iter().filter(|own| own != role).collect();
            let roles = if other == framework { roles } else { BTreeSet::new() };
            self.observe(Fact::RolesSuppressed { framework: other, roles });
        }
        for other in (0..AGENTS).map(AgentKey).filter(|other| *other != agent) {
            self.observe(Fact::AgentDeactivated { agent: other });
        }
    }

    pub(crate) fn make_true(&mut self, change: &Change, framework: FrameworkKey, role: &Role, agent: AgentKey) {
        match change.clone() {
            Change::Subscribe { role } => {
                let known = &self.ledger.frameworks[&framework];
                let (mut info, mut suppressed) = ((*known.info).clone(), known.suppressed.clone());
                info.roles.insert(role.clone());
                suppressed.remove(&role);
                self.observe(Fact::FrameworkUpdated { framework, info: Arc::new(info), suppressed });
            }
            Change::Reconnect => self.observe(Fact::FrameworkActivated { framework }),
            Change::Revive { role } => self.observe(Fact::RolesRevived { framework, roles: [role].into() }),
            Change::ActivateAgent => self.observe(Fact::AgentActivated { agent }),
            Change::Whitelist { hostname } => {
                let mut hostnames = self.ledger.whitelist.clone();
                hostnames.as_mut().unwrap().insert(hostname);
                self.observe(Fact::WhitelistSet { hostnames });
            }
            Change::AddCapability { lack: Lack::Framework(capability) } => {
                self.describe(framework, |info| info.capabilities.extend([capability]));
            }
            Change::AddCapability { lack: Lack::Agent(capability) } => {
                let mut info = (*self.ledger.agents[&agent].info).clone();
                info.capabilities.insert(capability);
                info.capabilities.insert(AgentCapability::ReservationRefinement);
                self.observe(Fact::AgentUpdated { agent, info: Arc::new(info) });
            }
            Change::RelaxConstraints { constraints } => {
                let mut own = (*self.ledger.frameworks[&framework].constraints).clone();
                for failed in constraints {
                    own.by_role.get_mut(role).unwrap()[failed.group].retain(|one| *one != failed.constraint);
                }
                own.by_role.retain(|_, groups| !groups.iter().any(Vec::is_empty));
                self.observe(Fact::ConstraintsSet { framework, constraints: Arc::new(own) });
            }
            Change::Unreserve { resources } => {
                self.resize(agent, |total| &(total - &resources) + &resources.to_unreserved())
            }
            Change::AddCapacity { resources } => self.resize(agent, |total| total + &resources),
            Change::RaiseLimit { role, by } => self.requote(role, |quota| {
                let raised = quota.limits().iter().map(|(name, limit)| (name.clone(), limit + by.get(name)));
                Quota::new(quota.guarantees().clone(), raised.collect())
            }),
            Change::LowerGuarantee { role, by } => {
                self.requote(role, |quota| Quota::new(quota.guarantees().clone() - &by, quota.limits().clone()));
            }
            Change::RaiseMaximum { by } => self.describe(framework, |info| {
                let own = info.max_offer.get_mut(role).unwrap();
                *own = own.iter().map(|(name, size)| (name.clone(), size + by.get(name))).collect();
            }),
            Change::LowerMinimum { to } => self.describe(framework, |info| {
                let minimums = if to.is_empty() { Vec::new() } else { vec![to] };
                info.min_allocatable.insert(role.clone(), minimums);
            }),
            Change::Answer { .. } => {
                for grant in self.shown(framework, role, agent) {
                    let Grant { framework, role, agent, resources } = grant;
                    self.observe(Fact::Lapsed { framework, role, agent, resources, filters: None });
                }
            }
            Change::Suppress { parties, party_count } => {
                let named = parties.iter().map(|party| (self.key_of(party), party.role.clone()));
                let mut all: Vec<(FrameworkKey, Role)> = named.collect();
                if party_count > parties.len() {
                    // Only the first of them are named.
                    let others =
                        self.ledger.frameworks.keys().flat_map(|own| ROLES.map(|path| (*own, self::role(path))));
                    all = others.filter(|(own, other)| (*own, other) != (framework, role)).collect();
                }
                for (framework, role) in all {
                    self.observe(Fact::RolesSuppressed { framework, roles: [role].into() });
                }
            }
            Change::Free { from } => {
                for holder in from {
                    let framework = self.ledger.holder(agent, &holder).expect("somebody holds it");
                    let (role, resources) = (holder.party.role, holder.resources);
                    self.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
                }
            }
            other => panic!("{other:?} cannot be made true"),
        }
    }

    pub(crate) fn describe(&mut self, framework: FrameworkKey, change: impl FnOnce(&mut FrameworkInfo)) {
        let known = &self.ledger.frameworks[&framework];
        let (mut info, suppressed) = ((*known.info).clone(), known.suppressed.clone());
        change(&mut info);
        self.observe(Fact::FrameworkUpdated { framework, info: Arc::new(info), suppressed });
    }

    pub(crate) fn resize(&mut self, agent: AgentKey, change: impl FnOnce(&Resources) -> Resources) {
        let total = change(&self.ledger.agents[&agent].total);
        self.observe(Fact::AgentResized { agent, total });
    }

    pub(crate) fn requote(&mut self, role: Role, change: impl FnOnce(&Quota) -> Result<Quota, mesos_core::Rejection>) {
        let quota = change(&self.ledger.quotas[&role]).expect("it is still a quota");
        self.observe(Fact::QuotaSet { role, quota });
    }

    /// What would be enough is enough, and no step of it is too much.
    pub(crate) fn check_change(&self, framework: FrameworkKey, role: &Role, of: Subject) {
        let answer = self.ask(framework, role, of.clone());
        let (agent, need) = match (&of, &answer.survey) {
            (Subject::Agent(agent), _) => (*agent, None),
            (Subject::Need(need), Some(survey)) => {
                (key_of_agent(survey.nearest.as_ref().unwrap()).unwrap(), Some(need))
            }
            _ => return,
        };
        let is_offered = matches!(answer.verdict, Verdict::Offered { .. });
        if is_offered
            || !self.knows(framework)
            || !self.ledger.agents.contains_key(&agent)
            || !can_be_made_true(&answer.change)
        {
            return;
        }
        let attempt = |changes: &[Change]| {
            let mut alone = self.again();
            alone.leave_alone(framework, role, agent);
            alone.try_out(changes, framework, role, agent, need)
        };
        let told = || {
            format!(
                "{framework:?} {role} {of:?} at {:?}\n{answer}\n{answer:?}\nSTEPS {:?} {:?}",
                self.now, self.options, self.steps
            )
        };
        // With bounds on all agents together, they may be used up by what is offered of another one.
        let is_bounded = self.ledger.quotas.values().any(|quota| *quota != Quota::default());
        let is_enough = |changes: &[Change]| {
            (0..self.draws()).all(|draws| {
                let mut world = self.again();
                world.rng = if draws == 0 { world.rng } else { Rng::new(draws) };
                if world.try_out(changes, framework, role, agent, need) {
                    return true;
                }
                let mut world = self.again();
                world.close_others(agent);
                is_bounded && world.try_out(changes, framework, role, agent, need)
            })
        };
        assert!(is_enough(&answer.change), "{}", told());
        let ways = answer.or.iter().any(|change| matches!(change, Change::RaiseWeight { .. }));
        if !answer.or.is_empty() && !ways {
            assert!(is_enough(&answer.or), "the other way is not enough: {}", told());
        }
        for left_out in 0..answer.change.len() {
            let mut less = answer.change.clone();
            let left = less.remove(left_out);
            let is_about_others = matches!(left, Change::Wait { .. } | Change::Suppress { .. });
            assert!(is_about_others || !attempt(&less), "step {left_out} is too much: {}", told());
            for smaller in self.smaller(&left, role, agent) {
                let mut less = answer.change.clone();
                less[left_out] = smaller;
                assert!(!attempt(&less), "{:?} would be enough: {}", less[left_out], told());
            }
        }
    }

    /// So many times a change is tried out, with other draws each time.
    pub(crate) fn draws(&self) -> u64 {
        let is_drawn = [self.options.role_sorter, self.options.framework_sorter].contains(&SorterKind::Random);
        if is_drawn { 3 } else { 1 }
    }

    pub(crate) fn close_others(&mut self, agent: AgentKey) {
        for other in (0..AGENTS).map(AgentKey).filter(|other| *other != agent) {
            self.observe(Fact::AgentDeactivated { agent: other });
        }
    }

    /// The same step with a thousandth less of one amount, for each of them.
    pub(crate) fn smaller(&self, change: &Change, role: &Role, agent: AgentKey) -> Vec<Change> {
        match change.clone() {
            // Where more is held than there is, or in another form, what is added may be matched with either.
            Change::AddCapacity { resources } if !self.ledger.is_over(agent) => {
                bags(&resources).into_iter().map(|resources| Change::AddCapacity { resources }).collect()
            }
            Change::Unreserve { resources } => {
                bags(&resources).into_iter().map(|resources| Change::Unreserve { resources }).collect()
            }
            Change::RaiseLimit { role, by } => {
                amounts(&by).into_iter().map(|by| Change::RaiseLimit { role: role.clone(), by }).collect()
            }
            Change::LowerGuarantee { role, by } => {
                amounts(&by).into_iter().map(|by| Change::LowerGuarantee { role: role.clone(), by }).collect()
            }
            Change::RaiseMaximum { by } => amounts(&by).into_iter().map(|by| Change::RaiseMaximum { by }).collect(),
            Change::Free { from } => {
                let parts = (0..from.len()).flat_map(|place| {
                    let from = from.clone();
                    bags(&from[place].resources).into_iter().map(move |resources| {
                        let mut from = from.clone();
                        from[place].resources = resources;
                        Change::Free { from }
                    })
                });
                parts.collect()
            }
            Change::LowerMinimum { to } => {
                let own = self.ledger.minimums_of(role);
                let is_lowered = |name: &ResourceName, amount| !own.iter().any(|minimum| minimum.get(name) == amount);
                let lowered = to.iter().filter(|(name, amount)| is_lowered(name, *amount));
                let more = lowered.map(|(name, amount)| {
                    let mut to = to.clone();
                    to.set(name.clone(), amount + Scalar::from_milli(1));
                    Change::LowerMinimum { to }
                });
                more.collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The same amounts with a thousandth less of one name, for each.
fn amounts(all: &Quantities) -> Vec<Quantities> {
    let less = all.iter().map(|(name, amount)| {
        let mut less = all.clone();
        less.set(name.clone(), amount.sub_floored(Scalar::from_milli(1)));
        less
    });
    less.collect()
}

/// The same bag with a thousandth less of one scalar, for each.
fn bags(all: &Resources) -> Vec<Resources> {
    let scalars = all.scalar_quantities();
    let less = scalars.iter().map(|(name, _)| {
        let mut target = all.quantities();
        target.set(name.clone(), scalars.get(name).sub_floored(Scalar::from_milli(1)));
        let mut less = all.clone();
        less.shrink(&target);
        less
    });
    less.filter(|less| less != all).collect()
}
