//! Why somebody got no offer: answers from the books, computed when somebody asks.
//!
//! ```text
//!   question ──▶ asker ──▶ judge: agent by agent, the same steps as a round ──▶ reasons
//!                            │                                                     │
//!                            └─ judged again with something changed ──▶ the smallest change
//!   last round ──▶ memory ──▶ who went first, and with which shares
//! ```
//!
//! Nothing is kept for questions but whom the last round granted something, and what was different at its end. An answer is about what
//! holds now: what became true since the last round counts, and if nothing stands in the way any more it says when the next
//! round looks.

mod asker;
mod block;
mod bounds;
mod change;
mod dealt;
mod glance;
mod judge;
mod memory;
mod order;
mod past;
mod reason;
mod rival;
mod survey;

#[cfg(test)]
mod tests;

use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{About, Change, Explanation, Question, Reason, Subject, Verdict};
use mesos_core::{Instant, Resources};

pub(super) use asker::Asker;
pub(super) use memory::{Memory, Note, Turn};
pub(super) use past::Past;

use super::HierarchicalDrf;
use super::book::Agent;
use judge::WhatIf;

impl HierarchicalDrf {
    pub(super) fn answer(&self, now: Instant, question: &Question) -> Explanation {
        let asker = Asker::new(self, question).at(self, now);
        match &question.of {
            Subject::Agent(key) => self.answer_about(now, &asker, *key),
            Subject::Need(need) => self.answer_need(now, &asker, need),
            _ => Explanation::new(now, None, question.role.clone(), About::Agent(None)),
        }
    }

    fn answer_about(&self, now: Instant, asker: &Asker<'_>, key: AgentKey) -> Explanation {
        let about = About::Agent(self.memory.agent_id(key).cloned());
        let mut answer = Explanation::new(now, asker.id.cloned(), asker.role.clone(), about);
        let Some(agent) = self.agent(key) else {
            answer.reasons = self.reasons_of(asker, asker.blocks);
            answer.reasons.push(Reason::AgentUnknown);
            answer.change = self.changes_without_agent(asker);
            answer.change.push(Change::AddAgent { resources: Resources::new() });
            return answer;
        };
        answer.verdict = self.verdict(asker, key, agent);
        if !matches!(answer.verdict, Verdict::Offered { .. }) {
            self.explain_agent(now, asker, key, agent, &mut answer);
        }
        answer
    }

    /// Fills in the reasons that hold on one agent, and what would change them.
    fn explain_agent(&self, now: Instant, asker: &Asker<'_>, key: AgentKey, agent: &Agent, answer: &mut Explanation) {
        let judged = self.judge(asker, key, agent, &WhatIf::default());
        let order = if judged.blocks.is_none() { None } else { self.share_order(asker, key, agent) };
        let (order, weight) = order.unzip();
        answer.reasons = self.reasons(now, asker, key, agent, &judged, order);
        (answer.change, answer.or) = self.smallest_change(now, asker, key, agent, &judged, weight.flatten());
    }

    fn verdict(&self, asker: &Asker<'_>, key: AgentKey, agent: &Agent) -> Verdict {
        let Some(client) = asker.client else { return Verdict::NotOffered };
        let resources = self.granted(key, client);
        if !resources.is_empty() {
            return Verdict::Offered { agent: self.memory.agent_id(key).cloned(), resources };
        }
        let held = agent.holdings.iter().find(|holding| holding.client == client).map(|holding| &holding.resources);
        let had: Resources = held.into_iter().chain(self.shown.of(client, key)).sum();
        if had.is_empty() { Verdict::NotOffered } else { Verdict::Held { resources: had } }
    }
}
