//! What all agents have to say about a need.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::Instant;
use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{About, Change, Explanation, Need, Reason, Survey, Verdict};
use mesos_core::resource::{Quantities, ResourceName, Resources, Scalar};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::super::stage::Stage;
use super::asker::Asker;
use super::block::Blocks;
use super::glance::{Amounts, Glance, Glances, InFull};
use super::judge::WhatIf;
use super::memory::Serving;

/// How far an agent is from an offer: how many things stand in the way, then how much of what is needed is missing, in
/// thousandths of each name.
type Distance = (u32, u64);

impl HierarchicalDrf {
    pub(super) fn answer_need(&self, now: Instant, asker: &Asker<'_>, need: &Need) -> Explanation {
        let mut answer = Explanation::new(now, asker.id.cloned(), asker.role.clone(), About::Need(need.clone()));
        if let Some((agent, resources)) = self.granted_need(asker, need) {
            let agent = self.memory.agent_id(agent).cloned();
            answer.verdict = Verdict::Offered { agent, resources };
            return answer;
        }
        let Some((nearest, survey)) = self.survey(asker, &need.quantities(), &mut SurveyCosts::default()) else {
            answer.reasons = self.reasons_of(asker, asker.blocks);
            answer.reasons.push(Reason::NoAgents);
            answer.change = self.changes_without_agent(asker);
            answer.change.push(Change::AddAgent { resources: as_resources(need) });
            return answer;
        };
        answer.survey = Some(survey);
        if let Some(agent) = self.agent(nearest) {
            self.explain_agent(now, asker, nearest, agent, &mut answer);
        }
        answer
    }

    /// A grant of the last round that is enough; what was granted of an agent in both of its stages is one.
    fn granted_need(&self, asker: &Asker<'_>, need: &Need) -> Option<(AgentKey, Resources)> {
        let client = asker.client.filter(|client| !self.memory.is_another(*client))?;
        let at = |stage: Stage| self.servings_to(client).filter(move |serving| serving.stage() == stage);
        let given = |serving: Serving<'_>| serving.given_to(client).sum::<Resources>();
        let own = |(_, given): &(AgentKey, Resources)| !given.is_empty();
        let promised = at(Stage::Guarantees).map(|serving| (serving.agent(), given(serving)));
        let mut promised: Vec<(AgentKey, Resources)> = promised.filter(own).collect();
        promised.sort_unstable_by_key(|(agent, _)| *agent);
        let mut found: Option<(AgentKey, Resources)> = None;
        let mut look_at = |agent: AgentKey, resources: Resources| {
            if found.as_ref().is_none_or(|(other, _)| agent < *other) && need.is_met_by(&resources) {
                found = Some((agent, resources));
            }
        };
        for (agent, mut given) in at(Stage::FairShare).map(|serving| (serving.agent(), given(serving))).filter(own) {
            if let Ok(place) = promised.binary_search_by_key(&agent, |(other, _)| *other) {
                given += std::mem::take(&mut promised[place].1);
            }
            look_at(agent, given);
        }
        promised.into_iter().filter(own).for_each(|(agent, given)| look_at(agent, given));
        found
    }

    /// Counts what stands in the way, and finds the nearest agent.
    pub(super) fn survey(
        &self,
        asker: &Asker<'_>,
        need: &Quantities,
        costs: &mut SurveyCosts,
    ) -> Option<(AgentKey, Survey)> {
        let mut glances = Glances::new(self, asker);
        let (mut counts, mut agents) = (Counts::default(), 0);
        let mut nearest = Nearest::new(need);
        for (slot, agent) in (0..).zip(&self.agents) {
            let Some(agent) = agent else { continue };
            let key = AgentKey::from_slot(slot);
            agents += 1;
            let seen = glances.as_mut().map_or(Err(InFull), |glances| glances.look(key, agent));
            let blocks = match seen {
                Ok(glance) => {
                    debug_assert_eq!(
                        (glance.blocks, distance_at(need, agent, glance)),
                        self.judge_in_full(asker, key, agent, need)
                    );
                    nearest.see(key, agent, glance, costs);
                    glance.blocks
                }
                Err(InFull) => {
                    costs.in_full += 1;
                    let (blocks, distance) = self.judge_in_full(asker, key, agent, need);
                    nearest.take(key, if blocks.is_none() { Distance::default() } else { distance });
                    blocks
                }
            };
            counts.add(if blocks.is_none() { Blocks::AWAITING_ROUND } else { blocks });
        }
        costs.looked = glances.map_or(0, |glances| glances.looked());
        let (_, nearest) = nearest.found?;
        let mut survey = Survey::new(agents, self.memory.agent_id(nearest).cloned());
        survey.counts = counts.by_code();
        Some((nearest, survey))
    }

    fn judge_in_full(&self, asker: &Asker<'_>, key: AgentKey, agent: &Agent, need: &Quantities) -> (Blocks, Distance) {
        let judged = self.judge(asker, key, agent, &WhatIf::default());
        let offered = judged.offer.quantities();
        (judged.blocks, distance(need, agent, judged.blocks, |name| offered.get(name)))
    }
}

/// What a survey costs beside going through all agents.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SurveyCosts {
    /// Agents of which a glance does not tell.
    pub(super) in_full: usize,
    /// Agents at which a glance was cast: not at those that have nothing free, or as much as the one before.
    pub(super) looked: usize,
    /// Agents whose distance was measured: those that may be nearer than the nearest so far.
    pub(super) measured: usize,
}

/// The agent that is nearest to an offer, of those seen so far.
struct Nearest<'a> {
    need: &'a Quantities,
    found: Option<(Distance, AgentKey)>,
    /// What was missing where so much would be offered, the last time.
    last: Option<(Amounts, u64)>,
}

impl<'a> Nearest<'a> {
    const fn new(need: &'a Quantities) -> Self {
        Self { need, found: None, last: None }
    }

    /// An agent that is at this distance.
    fn take(&mut self, key: AgentKey, distance: Distance) {
        if self.is_nearer(distance) {
            self.found = Some((distance, key));
        }
    }

    fn is_nearer(&self, distance: Distance) -> bool {
        self.found.is_none_or(|(least, _)| distance < least)
    }

    /// An agent of which a glance told: what there is of it in all is asked last.
    fn see(&mut self, key: AgentKey, agent: &Agent, Glance { blocks, offered }: Glance, costs: &mut SurveyCosts) {
        if blocks.is_none() {
            return self.take(key, Distance::default());
        }
        if !self.is_nearer((blocks.count(), 0)) {
            return;
        }
        let missing = match self.last {
            Some((amounts, missing)) if amounts == offered => missing,
            _ => missing_at(self.need, offered),
        };
        self.last = Some((offered, missing));
        if self.is_nearer((blocks.count(), missing)) {
            costs.measured += 1;
            self.take(key, distance_at(self.need, agent, Glance { blocks, offered }));
        }
    }
}

/// On how many agents the same stands in the way.
#[derive(Debug, Default)]
struct Counts {
    /// There are few combinations, and agents beside each other mostly have the same one: the last one found comes first.
    all: Vec<(Blocks, usize)>,
}

impl Counts {
    fn add(&mut self, blocks: Blocks) {
        match self.all.iter().position(|(own, _)| *own == blocks) {
            Some(place) => {
                self.all[place].1 += 1;
                self.all.swap(0, place);
            }
            None => self.all.push((blocks, 1)),
        }
    }

    /// Several things that stand in the way may have one code: an agent counts once for each code.
    fn by_code(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (blocks, count) in &self.all {
            let codes: BTreeSet<&str> = blocks.places().map(Blocks::code).collect();
            for code in codes {
                *counts.entry(code.to_owned()).or_default() += count;
            }
        }
        counts
    }
}

fn distance_at(need: &Quantities, agent: &Agent, Glance { blocks, offered }: Glance) -> Distance {
    let offered = Quantities::from_common(offered);
    distance(need, agent, blocks, |name| offered.get(name))
}

/// How much of what is needed is missing where so much would be offered.
fn missing_at(need: &Quantities, offered: Amounts) -> u64 {
    let offered = Quantities::from_common(offered);
    missing_of(need, |name| offered.get(name))
}

fn missing_of(need: &Quantities, offered: impl Fn(&ResourceName) -> Scalar) -> u64 {
    let milli = |amount: Scalar| u64::try_from(amount.as_milli()).unwrap_or(0);
    let part = |(name, amount): (&ResourceName, Scalar)| {
        milli(amount.sub_floored(offered(name))).saturating_mul(1_000) / milli(amount).max(1)
    };
    need.iter().map(part).sum()
}

fn distance(need: &Quantities, agent: &Agent, blocks: Blocks, offered: impl Fn(&ResourceName) -> Scalar) -> Distance {
    let mut lacking = need.iter().filter(|(name, amount)| *amount > offered(name));
    let is_never_enough = lacking.any(|(name, amount)| amount_of(&agent.total, name) < amount);
    (blocks.count() + u32::from(is_never_enough), missing_of(need, offered))
}

/// How much a bag holds of a name.
fn amount_of(bag: &Resources, name: &ResourceName) -> Scalar {
    match bag.scalar(name) {
        none if none.is_zero() => bag.quantities().get(name),
        amount => amount,
    }
}

/// What an agent would have to have.
pub(super) fn as_resources(need: &Need) -> Resources {
    match need {
        Need::Resources(resources) => resources.clone(),
        Need::Quantities(amounts) => scalars(amounts),
        _ => Resources::new(),
    }
}

/// Amounts that nobody owns.
pub(super) fn scalars(amounts: &Quantities) -> Resources {
    use mesos_core::resource::Resource;
    let mut all = Resources::new();
    for (name, amount) in amounts.iter().filter(|(name, _)| **name != ResourceName::Ports) {
        all += &Resources::try_from(Resource::scalar(name.clone(), amount)).unwrap_or_default();
    }
    all
}
