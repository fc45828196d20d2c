//! A master reduced to what the allocator sees of one: facts go in, grants come out and stay until they are handed back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round, Used};
use mesos_core::resource::{Range, Ranges};
use mesos_core::{
    AgentId, AgentInfo, Filters, FrameworkCapability, FrameworkId, FrameworkInfo, Instant, Resources, Role,
};
use mesos_sched::allocator::{HierarchicalDrf, Options};

/// The time between two batch rounds.
const INTERVAL: Duration = Duration::from_secs(1);

/// What "for ever" is cut to in Mesos.
pub(super) const YEAR: Filters = Filters { refuse_for: Duration::from_secs(365 * 24 * 3_600) };

/// An allocator and who feeds it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) allocator: HierarchicalDrf,
    pub(super) now: Instant,
    rng: Rng,
    /// Offers that are out.
    pub(super) offers: Vec<Grant>,
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(super) fn with(options: Options) -> Self {
        Self { allocator: HierarchicalDrf::new(options), now: Instant::ZERO, rng: Rng::new(7), offers: Vec::new() }
    }

    /// Tells the allocator facts, without a round.
    pub(super) fn tell(&mut self, facts: impl IntoIterator<Item = Fact>) {
        for fact in facts {
            self.allocator.observe(self.now, fact);
        }
    }

    /// Tells the allocator facts, then runs the round they call for.
    pub(super) fn tell_and_serve(&mut self, facts: impl IntoIterator<Item = Fact>) {
        self.tell(facts);
        self.allocate();
    }

    /// Runs a batch round.
    pub(super) fn batch(&mut self) {
        self.now = self.now + INTERVAL;
        self.allocate();
    }

    fn allocate(&mut self) {
        self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.offers);
    }

    /// Hands back every offer.
    pub(super) fn hand_back(&mut self, filters: Option<Filters>) {
        for offer in self.offers.drain(..) {
            self.allocator.observe(self.now, recovered(offer, filters));
        }
    }

    /// Checks that the offers of a round are one for each agent, and spread evenly over the frameworks.
    ///
    /// # Panics
    /// When they are not.
    pub(super) fn check_spread(&self, agents: u32, frameworks: u32) {
        self.check_spread_within(agents, frameworks, 0);
    }

    /// Checks the same where frameworks refused agents before: whoever is first may have refused the agent that is served, and
    /// then it goes to the next, who has `more` offers than his part at most, while another one has as many less.
    ///
    /// # Panics
    /// When they are not.
    pub(super) fn check_spread_within(&self, agents: u32, frameworks: u32, more: u32) {
        self.check_once_each(agents);
        let mut counts = std::collections::BTreeMap::new();
        for offer in &self.offers {
            *counts.entry(offer.framework).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), (frameworks.min(agents)) as usize, "as many frameworks as agents allow have offers");
        let bounds = (agents / frameworks).saturating_sub(more)..=agents.div_ceil(frameworks) + more;
        for (framework, count) in counts {
            assert!(bounds.contains(&count), "{framework:?} has {count} offers, not one of {bounds:?}");
        }
    }

    /// Checks that each agent is in exactly one offer.
    ///
    /// # Panics
    /// When one is not.
    pub(super) fn check_once_each(&self, agents: u32) {
        let offered: BTreeSet<AgentKey> = self.offers.iter().map(|offer| offer.agent).collect();
        assert_eq!((self.offers.len(), offered.len()), (agents as usize, agents as usize), "an offer for each agent");
    }
}

/// What an offer gives back.
pub(super) fn recovered(offer: Grant, filters: Option<Filters>) -> Fact {
    let Grant { framework, role, agent, resources } = offer;
    Fact::Recovered { framework, role, agent, resources, filters }
}

/// Frameworks numbered from nothing, each in its role, with more capabilities than the usual.
pub(super) fn frameworks(count: u32, capabilities: &[FrameworkCapability], role_of: impl Fn(u32) -> Role) -> Vec<Fact> {
    (0..count).map(|number| framework(number, role_of(number), capabilities)).collect()
}

pub(super) fn framework(number: u32, role: Role, capabilities: &[FrameworkCapability]) -> Fact {
    let name = format!("framework{}", number + 1);
    let mut info = FrameworkInfo::new(name.as_str(), role);
    info.user = "user".into();
    info.capabilities = BTreeSet::from([FrameworkCapability::MultiRole]);
    info.capabilities.extend(capabilities);
    Fact::FrameworkAdded {
        framework: FrameworkKey(number),
        id: FrameworkId::new(name).expect("an id"),
        info: Arc::new(info),
        suppressed: BTreeSet::new(),
        is_active: true,
    }
}

/// Agents numbered from nothing, each with its resources and what is used of them.
pub(super) fn agents(count: u32, of: impl Fn(u32) -> (Resources, Vec<Used>)) -> Vec<Fact> {
    (0..count)
        .map(|number| {
            let (total, used) = of(number);
            agent(number, total, used)
        })
        .collect()
}

pub(super) fn agent(number: u32, total: Resources, used: Vec<Used>) -> Fact {
    let name = format!("agent{}", number + 1);
    let info = Arc::new(AgentInfo::new(name.as_str(), total.clone()));
    Fact::AgentAdded { agent: AgentKey(number), id: AgentId::new(name).expect("an id"), info, total, used }
}

/// What framework `number` uses under a role.
pub(super) fn used(number: u32, role: &Role, resources: &Resources) -> Vec<Used> {
    vec![Used { framework: FrameworkKey(number), role: role.clone(), resources: resources.clone() }]
}

/// Reads resources.
///
/// # Panics
/// When they are not written right.
pub(crate) fn resources(text: &str) -> Resources {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn role(name: &str) -> Role {
    Role::new(name).expect("a role")
}

/// So many pieces of the numbers from `begin` to `end`: single ones with a gap after each, the last up to the end.
pub(crate) fn fragments(begin: u64, end: u64, count: u64) -> Ranges {
    let singles = (0..count - 1).map(|piece| Range { begin: begin + 2 * piece, end: begin + 2 * piece });
    let last = Range { begin: begin + 2 * (count - 1), end };
    Ranges::new(singles.chain([last])).expect("pieces with gaps between them")
}

/// The agent most workloads have, and its ports in so many pieces.
pub(super) const LARGE: &str = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]";

/// `text` and ports of the large agent in 16 pieces.
pub(super) fn with_ports16(text: &str) -> Resources {
    resources(&format!("{text};ports:{}", fragments(31_000, 32_000, 16)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(of: &[u32]) -> Cluster {
        let mut cluster = Cluster::new();
        let grants = (0..).zip(of).map(|(agent, framework)| Grant {
            framework: FrameworkKey(*framework),
            role: Role::any(),
            agent: AgentKey(agent),
            resources: resources("cpus:1"),
        });
        cluster.offers = grants.collect();
        cluster
    }

    #[test]
    fn offers_are_even_up_to_one() {
        offers(&[0, 1, 2, 0]).check_spread(4, 3);
    }

    #[test]
    #[should_panic(expected = "has 3 offers")]
    fn an_uneven_spread_is_seen() {
        offers(&[0, 1, 0, 0]).check_spread(4, 2);
    }

    #[test]
    #[should_panic(expected = "an offer for each agent")]
    fn a_missing_offer_is_seen() {
        offers(&[0, 1]).check_spread(3, 2);
    }
}
