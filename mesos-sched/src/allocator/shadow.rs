//! A candidate allocator beside the live one: it is told the same facts, asked in the same rounds, and decides nothing.
//!
//! ```text
//!   facts ──┬──▶ live ───── grants ──▶ master
//!           │                  │
//!           └──▶ candidate     ├──▶ compared ──▶ Comparison ──▶ whoever listens
//!                   ▲   └─ grants ─┘
//!                   └── takes back its own, books the live ones
//! ```
//!
//! After every round the candidate gives back what it granted itself and books what was really granted, so that both go into
//! the next round with the same books. The candidate draws what the live one draws, from a copy of its stream: the live one
//! grants what it would grant alone, and two of one policy agree, however much chance is in it. Nothing here is needed to
//! choose an allocator by experiments; it is for looking at one before it is trusted.

mod tally;

use std::collections::BTreeMap;
use std::fmt;

use mesos_core::provider::{
    AgentKey, Allocator, Concurrency, Conflict, Explanation, Fact, FrameworkKey, Grant, InverseGrant, NoPriorities,
    Preemption, Question, Recipe, Round, RoundCosts,
};
use mesos_core::resource::Quantities;
use mesos_core::{AgentId, FrameworkId, Instant, Rejection, RejectionCode, Resources, Role};

pub use tally::{RoleTally, Tally};

use super::{Options, from_recipe};

/// Who was granted something where.
type Place = (AgentKey, FrameworkKey, Role);

/// A round of both.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// When.
    pub at: Instant,
    /// Which round, from 1.
    pub round: u64,
    /// Where they did not grant the same, and what each of them granted there; nothing where one granted nothing.
    pub differences: Vec<Difference>,
    /// Grants both agree on.
    pub agreed: usize,
}

/// One place where the two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// On which agent.
    pub agent: AgentId,
    /// To whom.
    pub framework: FrameworkId,
    /// Under which role.
    pub role: Role,
    /// What the live one granted.
    pub live: Resources,
    /// What the candidate would have granted.
    pub candidate: Resources,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, framework, role, live, candidate } = self;
        let or_nothing = |what: &Resources| if what.is_empty() { "nothing".to_owned() } else { what.to_string() };
        let (live, candidate) = (or_nothing(live), or_nothing(candidate));
        write!(f, "{framework} under {role} on {agent}: {live} is granted, {candidate} would be")
    }
}

/// Hears of every round.
pub type Listener = Box<dyn FnMut(&Comparison) + Send>;

/// The options of a candidate beside an allocator of these options: those that a [name](Options::named) is about are its own,
/// and all others, such as the region and what is too small to be offered, are the live one's.
///
/// # Errors
/// As [`Options::named`].
pub fn candidate(live: &Options, name: &str) -> Result<Options, Rejection> {
    let Options { policy, role_sorter, framework_sorter, agent_order, starvation_batches, .. } = Options::named(name)?;
    Ok(Options { policy, role_sorter, framework_sorter, agent_order, starvation_batches, ..live.clone() })
}

/// As [`candidate`], beside the allocator of a recipe.
///
/// # Errors
/// As [`candidate`], and when it is not one of this crate's.
pub fn candidate_beside(live: &Recipe, name: &str) -> Result<Box<dyn Allocator>, Rejection> {
    // Refuses what is no recipe of ours.
    from_recipe(live)?;
    let live: Options = serde_json::from_value(live.settings.clone()).unwrap_or_default();
    Ok(Box::new(super::HierarchicalDrf::new(candidate(&live, name)?)))
}

/// The live allocator with a candidate beside it.
pub struct Shadow {
    live: Box<dyn Allocator>,
    candidate: Box<dyn Allocator>,
    listener: Listener,
    rounds: u64,
    reign: Reign,
    /// Who they are, for whoever listens.
    agents: BTreeMap<AgentKey, AgentId>,
    frameworks: BTreeMap<FrameworkKey, FrameworkId>,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reign {
    Live,
    /// The live one, until then.
    Until(Instant),
    Candidate,
}

impl Shadow {
    /// Lets `candidate` see what `live` sees, from the first fact on.
    ///
    /// # Errors
    /// When either grants the same to several at once: then there is no set of books both could share.
    pub fn new(live: Box<dyn Allocator>, candidate: Box<dyn Allocator>, listener: Listener) -> Result<Self, Rejection> {
        for allocator in [&live, &candidate] {
            if allocator.concurrency() != Concurrency::Pessimistic {
                let what = "an allocator of optimistic offers cannot be shadowed, nor be a shadow";
                let remedy = "compare the two with two runs of one experiment instead";
                return Err(Rejection::new(RejectionCode::InvalidAllocator, what, remedy));
            }
        }
        let (agents, frameworks) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { live, candidate, listener, rounds: 0, reign: Reign::Live, agents, frameworks })
    }

    /// The candidate takes over: from here on it alone is asked. Its books are those of the live one.
    #[must_use]
    pub fn promote(self) -> Box<dyn Allocator> {
        self.candidate
    }

    /// The candidate takes over at this time: from then on it alone decides, with the books it has kept. For looking at what
    /// would have been; the live one must be asked about something after that time to notice it.
    #[must_use]
    pub const fn taking_over_at(mut self, at: Instant) -> Self {
        self.reign = Reign::Until(at);
        self
    }

    /// Who decides now.
    fn is_over(&mut self, now: Instant) -> bool {
        if matches!(self.reign, Reign::Until(at) if now >= at) {
            self.reign = Reign::Candidate;
        }
        self.reign == Reign::Candidate
    }

    fn ruler(&self) -> &dyn Allocator {
        if self.reign == Reign::Candidate { &*self.candidate } else { &*self.live }
    }

    /// What each of them granted, by place.
    fn compare(&self, live: &[Grant], candidate: &[Grant], at: Instant) -> Comparison {
        let mut places: BTreeMap<Place, (Resources, Resources)> = BTreeMap::new();
        let place = |grant: &Grant| (grant.agent, grant.framework, grant.role.clone());
        for grant in live {
            places.entry(place(grant)).or_default().0 += &grant.resources;
        }
        for grant in candidate {
            places.entry(place(grant)).or_default().1 += &grant.resources;
        }
        let agreed = places.values().filter(|(live, candidate)| live == candidate).count();
        let differ = places.into_iter().filter(|(_, (live, candidate))| live != candidate);
        let differences = differ.filter_map(|((agent, framework, role), (live, candidate))| {
            // Both are told of everybody before anything is granted.
            let (agent, framework) = (self.agents.get(&agent)?.clone(), self.frameworks.get(&framework)?.clone());
            Some(Difference { agent, framework, role, live, candidate })
        });
        Comparison { at, round: self.rounds, differences: differences.collect(), agreed }
    }

    /// Remembers who is who.
    fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::AgentAdded { agent, id, .. } => _ = self.agents.insert(*agent, id.clone()),
            Fact::AgentRemoved { agent } => _ = self.agents.remove(agent),
            Fact::FrameworkAdded { framework, id, .. } => _ = self.frameworks.insert(*framework, id.clone()),
            Fact::FrameworkRemoved { framework } => _ = self.frameworks.remove(framework),
            _ => {}
        }
    }
}

impl Allocator for Shadow {
    fn observe(&mut self, now: Instant, fact: Fact) {
        if self.is_over(now) {
            return self.candidate.observe(now, fact);
        }
        self.note(&fact);
        self.candidate.observe(now, fact.clone());
        self.live.observe(now, fact);
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        let (now, first) = (round.now, grants.len());
        if self.is_over(now) {
            return self.candidate.allocate(round, grants);
        }
        self.rounds += 1;
        let (mut own, mut same_draws) = (Vec::new(), round.rng.clone());
        self.candidate.allocate(Round { now, rng: &mut same_draws }, &mut own);
        self.live.allocate(round, grants);
        let live = &grants[first..];
        let comparison = self.compare(live, &own, now);
        (self.listener)(&comparison);
        if comparison.differences.is_empty() {
            // What it booked is what was granted.
            return;
        }
        for Grant { framework, role, agent, resources } in own {
            self.candidate.observe(now, Fact::Recovered { framework, role, agent, resources, filters: None });
        }
        for Grant { framework, role, agent, resources } in live.iter().cloned() {
            self.candidate.observe(now, Fact::Claimed { framework, role, agent, resources });
        }
    }

    fn concurrency(&self) -> Concurrency {
        self.live.concurrency()
    }

    fn commit(&mut self, now: Instant, grant: &Grant, wanted: &Resources) -> Result<(), Conflict> {
        let ruler = if self.is_over(now) { &mut self.candidate } else { &mut self.live };
        ruler.commit(now, grant, wanted)
    }

    fn ask_back(&mut self, now: Instant, asked: &mut Vec<InverseGrant>) {
        if self.is_over(now) {
            return self.candidate.ask_back(now, asked);
        }
        self.live.ask_back(now, asked);
        // Both hold the same books, so the candidate asks the same: when it takes over it knows who was asked and refused.
        self.candidate.ask_back(now, &mut Vec::new());
    }

    fn deadline(&self) -> Option<Instant> {
        self.ruler().deadline()
    }

    /// Of either: a candidate whose books are wrong would be no use.
    fn inconsistency(&self) -> Option<String> {
        let candidate = self.candidate.inconsistency().map(|what| format!("the shadow: {what}"));
        if self.reign == Reign::Candidate { candidate } else { self.live.inconsistency().or(candidate) }
    }

    fn available(&self, agent: AgentKey) -> Option<Resources> {
        self.ruler().available(agent)
    }

    fn filters(&self) -> BTreeMap<Role, u64> {
        self.ruler().filters()
    }

    fn round_costs(&self) -> Option<RoundCosts> {
        self.ruler().round_costs()
    }

    fn explain(&self, now: Instant, question: &Question) -> Option<Explanation> {
        self.ruler().explain(now, question)
    }

    fn preemptions(
        &self,
        framework: FrameworkKey,
        role: &Role,
        need: &Quantities,
    ) -> Result<Option<Preemption>, NoPriorities> {
        self.ruler().preemptions(framework, role, need)
    }

    fn recipe(&self) -> Option<Recipe> {
        self.live.recipe()
    }
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadow").field("live", &self.live).field("candidate", &self.candidate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;
    use crate::allocator::HierarchicalDrf;
    use mesos_core::kernel::{Handle, Rng};
    use mesos_core::maintenance::Unavailability;
    use mesos_core::{AgentInfo, Filters, FrameworkInfo, WallTime};

    fn allocator(name: &str) -> Box<dyn Allocator> {
        Box::new(HierarchicalDrf::new(Options::named(name).unwrap()))
    }

    fn slot(index: usize) -> u32 {
        u32::try_from(index).unwrap()
    }

    fn agent(index: usize) -> Fact {
        let resources: Resources = "cpus:8;mem:8192".parse().unwrap();
        let info = AgentInfo::new(format!("host-{index}"), resources.clone());
        let id = AgentId::new(format!("a{index}")).unwrap();
        Fact::AgentAdded {
            agent: AgentKey::from_slot(slot(index)),
            id,
            info: info.into(),
            total: resources,
            used: vec![],
        }
    }

    fn framework(index: usize) -> Fact {
        let info = FrameworkInfo::new(format!("f{index}"), Role::new(["web", "batch"][index]).unwrap());
        Fact::FrameworkAdded {
            framework: FrameworkKey::from_slot(slot(index)),
            id: FrameworkId::new(format!("f{index}")).unwrap(),
            info: info.into(),
            suppressed: Default::default(),
            is_active: true,
        }
    }

    /// The grants of ten rounds, and the tally of what the candidate would have granted.
    fn rounds(live: &str, candidate: Option<&str>) -> (Vec<Vec<Grant>>, Tally) {
        let (send, receive) = sync_channel(1_000);
        let listener: Listener = Box::new(move |comparison| send.send(comparison.clone()).unwrap());
        let mut allocator = allocator(live);
        if let Some(candidate) = candidate {
            allocator = Box::new(Shadow::new(allocator, self::allocator(candidate), listener).unwrap());
        } else {
            drop(listener);
        }
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        (0..2).map(framework).chain((0..6).map(agent)).for_each(|fact| allocator.observe(at(0), fact));
        let (mut rng, mut all) = (Rng::new(3), Vec::new());
        for round in 1..=10 {
            let mut grants = Vec::new();
            allocator.allocate(Round { now: at(round), rng: &mut rng }, &mut grants);
            for Grant { framework, role, agent, resources } in grants.iter().cloned() {
                allocator.observe(at(round), Fact::Recovered { framework, role, agent, resources, filters: None });
            }
            assert_eq!(allocator.inconsistency(), None);
            all.push(grants);
        }
        drop(allocator);
        let mut tally = Tally::default();
        receive.iter().for_each(|comparison| tally.add(&comparison));
        (all, tally)
    }

    #[test]
    fn a_shadow_changes_nothing_about_what_is_granted() {
        let (alone, _) = rounds("drf", None);
        for candidate in ["drf", "random", "packing"] {
            assert_eq!(rounds("drf", Some(candidate)).0, alone, "{candidate}");
        }
    }

    #[test]
    fn an_allocator_that_decides_otherwise_is_noticed() {
        let (_, tally) = rounds("drf", Some("random"));
        assert!(tally.rounds == 10 && tally.rounds_that_differ > 0, "{tally:?}");
        assert!(tally.grants_that_differ > 0 && tally.grants_agreed > 0, "{tally:?}");
        let (role, own) = tally.by_role.iter().next().expect("somebody was granted another thing");
        assert!(["web", "batch"].contains(&role.as_str()) && own.grants_that_differ > 0, "{tally:?}");
        let first = &tally.first[0];
        assert!(first.differences.iter().all(|difference| difference.agent.as_str().starts_with('a')), "{first:?}");
    }

    /// Agents are served in an order that is drawn: both draw the same.
    #[test]
    fn a_candidate_of_the_same_policy_never_differs() {
        for name in ["drf", "random", "packing", "fullest-first"] {
            let (_, tally) = rounds(name, Some(name));
            assert_eq!((tally.rounds, tally.rounds_that_differ, tally.grants_that_differ), (10, 0, 0), "{name}");
            assert!(tally.grants_agreed > 0, "{name}");
        }
    }

    /// Who was asked for an agent, and who refused, is known to the candidate that takes over.
    #[test]
    fn a_candidate_that_takes_over_asks_nobody_again() {
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        let mut shadow =
            Shadow::new(allocator("drf"), allocator("packing"), Box::new(|_| {})).unwrap().taking_over_at(at(5));
        (0..2).map(framework).chain((0..2).map(agent)).for_each(|fact| shadow.observe(at(0), fact));
        let (mut rng, mut grants) = (Rng::new(3), Vec::new());
        shadow.allocate(Round { now: at(1), rng: &mut rng }, &mut grants);
        for index in 0..2 {
            let agent = AgentKey::from_slot(slot(index));
            let unavailability = Some(Unavailability { start: WallTime::default(), duration: None });
            shadow.observe(at(2), Fact::UnavailabilitySet { agent, unavailability });
        }
        let mut asked = Vec::new();
        shadow.ask_back(at(2), &mut asked);
        assert_eq!(asked.len(), 2, "everybody who holds something, once: {grants:?}");
        let InverseGrant { framework, agent, .. } = asked[0];
        let filters = Some(Filters::refuse_for(Duration::from_secs(3_600)));
        shadow.observe(at(3), Fact::InverseOfferEnded { framework, agent, filters });
        for secs in [4, 6, 7] {
            let mut again = Vec::new();
            shadow.allocate(Round { now: at(secs), rng: &mut rng }, &mut grants);
            shadow.ask_back(at(secs), &mut again);
            assert_eq!(again, [], "{secs}");
        }
    }

    #[test]
    fn a_candidate_has_the_region_and_the_interval_of_the_live_one() {
        let live = Options {
            region: Some("north".into()),
            allocation_interval: Duration::from_secs(7),
            ..Options::named("packing").unwrap()
        };
        let own = candidate(&live, "random").unwrap();
        assert_eq!((&own.region, own.allocation_interval), (&live.region, live.allocation_interval));
        assert_eq!(own.policy, Options::named("random").unwrap().policy);
        assert!(candidate(&live, "no-such-policy").is_err());
        let recipe = HierarchicalDrf::new(live).recipe().unwrap();
        assert!(candidate_beside(&recipe, "random").is_ok());
        let foreign = Recipe { name: "somebody's".into(), ..recipe };
        assert!(candidate_beside(&foreign, "random").is_err());
    }

    #[test]
    fn optimistic_allocators_cannot_be_shadowed() {
        let none: fn() -> Listener = || Box::new(|_| {});
        let refused = Shadow::new(allocator("drf"), allocator("shared-state"), none()).unwrap_err();
        assert!(refused.to_string().contains("optimistic"), "{refused}");
        assert!(Shadow::new(allocator("shared-state"), allocator("drf"), none()).is_err());
    }
}
