//! What all agents have to say about a need.

use std::cell::Cell;
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
        let Some((nearest, survey)) = self.survey(asker, &need.quantities(), &Cell::default()) else {
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
        let at = |stage: Stage| self.servings().filter(move |serving| serving.stage() == stage);
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

    /// Counts what stands in the way, and finds the nearest agent; and counts the agents of which a glance does not tell.
    pub(super) fn survey(
        &self,
        asker: &Asker<'_>,
        need: &Quantities,
        judged_in_full: &Cell<usize>,
    ) -> Option<(AgentKey, Survey)> {
        let glances = Glances::new(self, asker);
        let (mut counts, mut agents) = (Counts::default(), 0);
        let mut nearest = None::<(Distance, AgentKey)>;
        for (slot, agent) in (0..).zip(&self.agents) {
            let Some(agent) = agent else { continue };
            let key = AgentKey::from_slot(slot);
            let seen = glances.as_ref().map_or(Err(InFull), |glances| glances.look(key, agent));
            let (blocks, distance) = match seen {
                Ok(Glance { blocks, offered }) => {
                    debug_assert_eq!(
                        (blocks, distance_at(need, agent, blocks, offered)),
                        self.judge_in_full(asker, key, agent, need)
                    );
                    (blocks, distance_at(need, agent, blocks, offered))
                }
                Err(InFull) => {
                    judged_in_full.set(judged_in_full.get() + 1);
                    self.judge_in_full(asker, key, agent, need)
                }
            };
            let is_waiting = blocks.is_none();
            counts.add(if is_waiting { Blocks::AWAITING_ROUND } else { blocks });
            agents += 1;
            let distance = if is_waiting { (0, 0) } else { distance };
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, key));
            }
        }
        let (_, nearest) = nearest?;
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

fn distance_at(need: &Quantities, agent: &Agent, blocks: Blocks, offered: Amounts) -> Distance {
    let offered = Quantities::from_common(offered);
    distance(need, agent, blocks, |name| offered.get(name))
}

fn distance(need: &Quantities, agent: &Agent, blocks: Blocks, offered: impl Fn(&ResourceName) -> Scalar) -> Distance {
    let milli = |amount: Scalar| u64::try_from(amount.as_milli()).unwrap_or(0);
    let (mut missing, mut is_never_enough) = (0, false);
    for (name, amount) in need.iter() {
        let lacking = amount.sub_floored(offered(name));
        missing += milli(lacking).saturating_mul(1_000) / milli(amount).max(1);
        is_never_enough |= !lacking.is_zero() && amount_of(&agent.total, name) < amount;
    }
    (blocks.count() + u32::from(is_never_enough), missing)
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
