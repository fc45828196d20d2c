//! Answers to those who wait for an offer: the allocator knows why, the master knows what of it is offered or used.

use mesos_core::call::operator::Response;
use mesos_core::provider::explain::{About, Explanation, Holder, Reason, Subject, Wanted};
use mesos_core::provider::{AgentKey, FrameworkKey, Question};
use mesos_core::{AgentId, FrameworkId, Instant, Rejection, RejectionCode, Resources, Role};

use super::Master;

/// The slot of whoever is not known; no table ever reaches it.
const NOBODY: u32 = u32::MAX;

impl Master {
    pub(super) fn explain(&self, now: Instant, id: &FrameworkId, role: Role, wanted: Wanted) -> Response {
        let framework = self.frameworks.table.find(id).unwrap_or(FrameworkKey(NOBODY));
        let of = match wanted {
            Wanted::Agent(id) => Subject::Agent(self.agents.table.find(&id).unwrap_or(AgentKey(NOBODY))),
            Wanted::Need(need) => Subject::Need(need),
            _ => {
                let what = "this kind of question is not known to this master";
                return Response::Refused(Rejection::new(RejectionCode::Unsupported, what, "use a newer master"));
            }
        };
        match self.allocator.explain(now, &Question { framework, role, of }) {
            Some(answer) => Response::Explained(Box::new(self.with_offers(answer))),
            None => {
                let what = "the allocator of this master cannot tell";
                let rejection = Rejection::new(RejectionCode::Unsupported, what, "use an allocator that explains");
                Response::Refused(rejection)
            }
        }
    }

    /// Says of everybody who has something of the agent how much of it is only offered.
    fn with_offers(&self, mut answer: Explanation) -> Explanation {
        let nearest = answer.survey.as_ref().and_then(|survey| survey.nearest.clone());
        let agent = match &answer.of {
            About::Agent(id) => id.clone(),
            _ => nearest,
        };
        let Some(agent) = agent else { return answer };
        for reason in &mut answer.reasons {
            if let Reason::NothingFree { holders, .. } = reason {
                for holder in holders {
                    holder.offered = Some(self.offered_to(&agent, holder));
                }
            }
        }
        answer
    }

    fn offered_to(&self, agent: &AgentId, holder: &Holder) -> Resources {
        let (Some(agent), Some(id)) = (self.agents.table.find(agent), &holder.party.framework) else {
            return Resources::new();
        };
        let Some(framework) = self.frameworks.table.find(id) else { return Resources::new() };
        let offers = self.agents.table[agent].offers.iter().filter_map(|key| self.offers.table.get(*key));
        let own = offers.filter(|offered| offered.framework == framework && offered.role == holder.party.role);
        own.map(|offered| &offered.resources).sum()
    }
}
