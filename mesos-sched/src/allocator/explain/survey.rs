//! What all agents have to say about a need.

use std::collections::BTreeMap;

use mesos_core::Instant;
use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{About, Change, Explanation, Need, Reason, Survey, Verdict};
use mesos_core::resource::{Quantities, ResourceName, Resources, Scalar};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::asker::Asker;
use super::block::Blocks;
use super::judge::{Judged, WhatIf};

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
        let Some((key, survey)) = self.survey(asker, &need.quantities()) else {
            answer.reasons = self.reasons_of(asker, asker.blocks);
            answer.reasons.push(Reason::NoAgents);
            answer.change = self.changes_without_agent(asker);
            answer.change.push(Change::AddAgent { resources: as_resources(need) });
            return answer;
        };
        answer.survey = Some(survey);
        if let Some(agent) = self.agent(key) {
            self.explain_agent(now, asker, key, agent, &mut answer);
        }
        answer
    }

    /// A grant of the last round that is enough; what was granted of an agent in both of its stages is one.
    fn granted_need(&self, asker: &Asker<'_>, need: &Need) -> Option<(AgentKey, Resources)> {
        let client = asker.client.filter(|client| !self.memory.is_another(*client))?;
        let own = self.servings().filter(|serving| serving.clients().any(|other| other == client));
        let granted = own.flat_map(|serving| serving.given().into_iter().map(move |given| (serving.agent(), given)));
        let mut by_agent: BTreeMap<AgentKey, Resources> = BTreeMap::new();
        for (agent, given) in granted.filter(|(_, given)| given.client == client) {
            *by_agent.entry(agent).or_default() += &given.part;
        }
        by_agent.into_iter().find(|(_, resources)| need.is_met_by(resources))
    }

    /// Counts what stands in the way, and finds the nearest agent.
    fn survey(&self, asker: &Asker<'_>, need: &Quantities) -> Option<(AgentKey, Survey)> {
        // Several things that stand in the way may have one code: an agent counts once for each code.
        let first_of =
            |place: usize| (0..place).find(|other| Blocks::code(*other) == Blocks::code(place)).unwrap_or(place);
        let first: [usize; Blocks::PLACES] = std::array::from_fn(first_of);
        let mut places = [0_usize; Blocks::PLACES];
        let (mut agents, mut nearest) = (0, None::<(Distance, AgentKey)>);
        let nothing = WhatIf::default();
        for (slot, agent) in (0..).zip(&self.agents) {
            let Some(agent) = agent else { continue };
            let key = AgentKey::from_slot(slot);
            let judged = self.judge(asker, key, agent, &nothing);
            let is_waiting = judged.blocks.is_none();
            let blocks = if is_waiting { Blocks::AWAITING_ROUND } else { judged.blocks };
            let mut counted = [false; Blocks::PLACES];
            for place in blocks.places().map(|place| first[place]) {
                places[place] += usize::from(!std::mem::replace(&mut counted[place], true));
            }
            agents += 1;
            let distance = if is_waiting { (0, 0) } else { distance(need, agent, &judged) };
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, key));
            }
        }
        let (_, key) = nearest?;
        let mut survey = Survey::new(agents, self.memory.agent_id(key).cloned());
        for (place, count) in places.iter().enumerate().filter(|(_, count)| **count > 0) {
            *survey.counts.entry(Blocks::code(place).to_owned()).or_default() += count;
        }
        Some((key, survey))
    }
}

fn distance(need: &Quantities, agent: &Agent, judged: &Judged) -> Distance {
    let offered = if judged.offer.is_empty() { Quantities::new() } else { judged.offer.quantities() };
    let milli = |amount: Scalar| u64::try_from(amount.as_milli()).unwrap_or(0);
    let (mut missing, mut is_never_enough) = (0, false);
    for (name, amount) in need.iter() {
        let lacking = amount.sub_floored(offered.get(name));
        missing += milli(lacking).saturating_mul(1_000) / milli(amount).max(1);
        is_never_enough |= !lacking.is_zero() && amount_of(&agent.total, name) < amount;
    }
    (judged.blocks.count() + u32::from(is_never_enough), missing)
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
