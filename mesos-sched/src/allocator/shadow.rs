//! A candidate allocator beside the live one: it is told the same facts, asked in the same rounds, and decides nothing.
//!
//! ```text
//!   facts ──┬──▶ live ───── grants ──▶ master
//!           │                  │
//!           └──▶ candidate     ├──▶ compared ──▶ Divergence ──▶ whoever listens
//!                   ▲   └─ grants ─┘
//!                   └── takes back its own, books the live ones
//! ```
//!
//! After every round the candidate gives back what it granted itself and books what was really granted, so that both go into
//! the next round with the same books. The candidate draws from a stream of its own: the live one grants what it would grant
//! alone. Nothing here is needed to choose an allocator by experiments; it is for looking at one before it is trusted.

use std::collections::BTreeMap;
use std::fmt;

use mesos_core::kernel::Rng;
use mesos_core::provider::{
    AgentKey, Allocator, Concurrency, Conflict, Explanation, Fact, FrameworkKey, Grant, InverseGrant, NoPriorities,
    Preemption, Question, Recipe, Round,
};
use mesos_core::resource::Quantities;
use mesos_core::{Instant, Rejection, RejectionCode, Resources, Role};

/// Who was granted something where.
type Place = (AgentKey, FrameworkKey, Role);

/// A round in which the two did not grant the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// When.
    pub at: Instant,
    /// Which round, from 1.
    pub round: u64,
    /// Where, and what each of them granted there; nothing where one granted nothing.
    pub differences: Vec<Difference>,
    /// Grants both agree on.
    pub agreed: usize,
}

/// One place where the two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// On which agent.
    pub agent: AgentKey,
    /// To whom.
    pub framework: FrameworkKey,
    /// Under which role.
    pub role: Role,
    /// What the live one granted.
    pub live: Resources,
    /// What the candidate would have granted.
    pub candidate: Resources,
}

/// Hears of divergences.
pub type Listener = Box<dyn FnMut(Divergence) + Send>;

/// The live allocator with a candidate beside it.
pub struct Shadow {
    live: Box<dyn Allocator>,
    candidate: Box<dyn Allocator>,
    rng: Rng,
    listener: Listener,
    rounds: u64,
    reign: Reign,
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
    /// Lets `candidate` see what `live` sees; `seed` is that of the candidate's own draws.
    ///
    /// # Errors
    /// When either grants the same to several at once: then there is no set of books both could share.
    pub fn new(
        live: Box<dyn Allocator>,
        candidate: Box<dyn Allocator>,
        seed: u64,
        listener: Listener,
    ) -> Result<Self, Rejection> {
        for allocator in [&live, &candidate] {
            if allocator.concurrency() != Concurrency::Pessimistic {
                let what = "an allocator of optimistic offers cannot be shadowed, nor be a shadow";
                let remedy = "compare the two with two runs of one experiment instead";
                return Err(Rejection::new(RejectionCode::InvalidAllocator, what, remedy));
            }
        }
        Ok(Self { live, candidate, rng: Rng::new(seed), listener, rounds: 0, reign: Reign::Live })
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
    fn compare(&self, live: &[Grant], candidate: &[Grant], at: Instant) -> Option<Divergence> {
        let mut places: BTreeMap<Place, (Resources, Resources)> = BTreeMap::new();
        let place = |grant: &Grant| (grant.agent, grant.framework, grant.role.clone());
        for grant in live {
            places.entry(place(grant)).or_default().0 += &grant.resources;
        }
        for grant in candidate {
            places.entry(place(grant)).or_default().1 += &grant.resources;
        }
        let all = places.len();
        let differences: Vec<Difference> = places
            .into_iter()
            .filter(|(_, (live, candidate))| live != candidate)
            .map(|((agent, framework, role), (live, candidate))| Difference { agent, framework, role, live, candidate })
            .collect();
        let agreed = all - differences.len();
        (!differences.is_empty()).then_some(Divergence { at, round: self.rounds, differences, agreed })
    }
}

impl Allocator for Shadow {
    fn observe(&mut self, now: Instant, fact: Fact) {
        if self.is_over(now) {
            return self.candidate.observe(now, fact);
        }
        self.candidate.observe(now, fact.clone());
        self.live.observe(now, fact);
    }

    fn allocate(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        let (now, first) = (round.now, grants.len());
        if self.is_over(now) {
            return self.candidate.allocate(round, grants);
        }
        self.rounds += 1;
        let mut own = Vec::new();
        self.candidate.allocate(Round { now, rng: &mut self.rng }, &mut own);
        self.live.allocate(round, grants);
        let live = &grants[first..];
        if let Some(divergence) = self.compare(live, &own, now) {
            (self.listener)(divergence);
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
        let ruler = if self.is_over(now) { &mut self.candidate } else { &mut self.live };
        ruler.ask_back(now, asked);
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
    use crate::allocator::{HierarchicalDrf, Options};
    use mesos_core::kernel::Handle;
    use mesos_core::{AgentId, AgentInfo, FrameworkId, FrameworkInfo};

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

    /// The grants of ten rounds, and how many of them diverged.
    fn rounds(live: &str, candidate: Option<&str>) -> (Vec<Vec<Grant>>, usize) {
        let (send, receive) = sync_channel(1_000);
        let listener: Listener = Box::new(move |divergence| send.send(divergence).unwrap());
        let mut allocator = allocator(live);
        if let Some(candidate) = candidate {
            allocator = Box::new(Shadow::new(allocator, self::allocator(candidate), 7, listener).unwrap());
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
        (all, receive.iter().count())
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
        let (_, diverged) = rounds("drf", Some("random"));
        assert!(diverged > 0);
    }

    #[test]
    fn optimistic_allocators_cannot_be_shadowed() {
        let none: fn() -> Listener = || Box::new(|_| {});
        let refused = Shadow::new(allocator("drf"), allocator("shared-state"), 1, none()).unwrap_err();
        assert!(refused.to_string().contains("optimistic"), "{refused}");
        assert!(Shadow::new(allocator("shared-state"), allocator("drf"), 1, none()).is_err());
    }
}
