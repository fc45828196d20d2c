//! Inverse offers: frameworks are asked for agents that will be away.
//!
//! What they answer is kept for operators until the plan for the agent changes; it frees nothing. Not written to the
//! registry: after a failover frameworks are asked again.
//!
//! Semantics: Apache Mesos, `docs/maintenance.md` and `src/master/master.cpp` (`Master::inverseOffer`).

use std::collections::BTreeMap;

use mesos_core::call::scheduler::Event;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, InverseGrant};
use mesos_core::{Filters, InverseOffer, OfferId};

use super::book::{Answer, Asked, InverseKey};
use super::publish::Change;
use super::{Master, MasterCx};

impl Master {
    /// Asks whom the allocator names, after a round.
    pub(super) fn ask_back(&mut self, cx: &mut MasterCx<'_>) {
        let mut asked = Vec::new();
        self.allocator.ask_back(cx.now.mono, &mut asked);
        let mut events: BTreeMap<FrameworkKey, Vec<InverseOffer>> = BTreeMap::new();
        for grant in asked {
            if let Some(offer) = self.inverse_offer(cx, grant) {
                events.entry(grant.framework).or_default().push(offer);
            }
        }
        for (framework, offers) in events {
            self.tell_framework(cx, framework, Event::InverseOffers(offers));
        }
    }

    fn inverse_offer(&mut self, cx: &MasterCx<'_>, grant: InverseGrant) -> Option<InverseOffer> {
        let InverseGrant { framework, agent, unavailability } = grant;
        let is_askable = self.frameworks.table.get(framework).is_some_and(|row| row.conn().is_some())
            && self.agents.table.get(agent).is_some_and(|row| row.conn().is_some());
        if !is_askable {
            self.observe(cx, Fact::InverseOfferEnded { framework, agent, filters: None });
            return None;
        }
        let id = self.offers.next_id(self.id.as_str());
        self.inverse.table.insert(id.clone(), Asked { framework, agent }).expect("offer ids are never used twice");
        let framework_id = self.frameworks.table[framework].id.clone();
        let offer = InverseOffer::new(id, framework_id, self.agents.table[agent].id.clone(), unavailability);
        self.note(|_| Change::InverseOffer(offer.clone()));
        Some(offer)
    }

    /// What a framework was asked for and has not answered.
    pub(super) fn inverse_change(&self, key: InverseKey) -> Option<Change> {
        let (id, asked) = (self.inverse.table.id(key)?, self.inverse.table.get(key)?);
        let agent = &self.agents.table[asked.agent];
        let framework_id = self.frameworks.table[asked.framework].id.clone();
        let offer = InverseOffer::new(id.clone(), framework_id, agent.id.clone(), agent.unavailability?);
        Some(Change::InverseOffer(offer))
    }

    /// Unknown ids are ignored, and so are those of others: the offer may have been rescinded meanwhile.
    pub(super) fn answer_inverse_offers(
        &mut self,
        cx: &MasterCx<'_>,
        framework: FrameworkKey,
        offers: &[OfferId],
        filters: Filters,
        is_accepted: bool,
    ) {
        for id in offers {
            let Some(key) = self.inverse.table.find(id) else { continue };
            if self.inverse.table[key].framework != framework {
                continue;
            }
            let answer = Answer { is_accepted, at_wall: cx.now.wall };
            let framework_id = self.frameworks.table[framework].id.clone();
            if let Some((_, asked)) = self.end_inverse_offer(cx, key, Some(filters)) {
                self.inverse.answers.entry(asked.agent).or_default().insert(framework_id, answer);
            }
        }
    }

    /// Takes an inverse offer off the table.
    fn end_inverse_offer(
        &mut self,
        cx: &MasterCx<'_>,
        key: InverseKey,
        filters: Option<Filters>,
    ) -> Option<(OfferId, Asked)> {
        let (id, asked) = self.inverse.table.remove(key)?;
        let Asked { framework, agent } = asked;
        self.note(|master| Change::InverseOfferGone {
            framework_id: master.frameworks.table[framework].id.clone(),
            offer_id: id.clone(),
        });
        self.observe(cx, Fact::InverseOfferEnded { framework, agent, filters });
        Some((id, asked))
    }

    /// Nobody is asked for an agent any more, and who was is told.
    pub(super) fn rescind_inverse_offers_on(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        for key in self.inverse.pick(|asked| asked.agent == agent) {
            if let Some((id, asked)) = self.end_inverse_offer(cx, key, None) {
                self.tell_framework(cx, asked.framework, Event::RescindInverseOffer(id));
            }
        }
    }

    /// A framework's inverse offers are void: its connection is gone.
    pub(super) fn discard_inverse_offers_of(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey) {
        for key in self.inverse.pick(|asked| asked.framework == framework) {
            self.end_inverse_offer(cx, key, None);
        }
    }
}
