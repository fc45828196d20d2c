//! Grants become offers; offers are refused, expire or are rescinded.

use std::collections::BTreeMap;

use mesos_core::call::scheduler::Event;
use mesos_core::provider::{AgentKey, Concurrency, Fact, FrameworkKey, Grant, Round};
use mesos_core::{Filters, Offer, OfferId};

use super::book::{OfferKey, Offered};
use super::options::mutant;
use super::publish::Change;
use super::{Master, MasterCx, Timer};

impl Master {
    /// Runs one allocation round and sends its offers.
    pub(super) fn allocate(&mut self, cx: &mut MasterCx<'_>) {
        let mut grants = std::mem::take(&mut self.grants);
        self.allocator.allocate(Round { now: cx.now.mono, rng: cx.rng }, &mut grants);
        self.counters.rounds += 1;
        let mut events: BTreeMap<FrameworkKey, Vec<Offer>> = BTreeMap::new();
        for grant in grants.drain(..) {
            let framework = grant.framework;
            if let Some(offer) = self.offer(cx, grant) {
                events.entry(framework).or_default().push(offer);
            }
        }
        self.grants = grants;
        for (framework, offers) in events {
            self.counters.offers += offers.len() as u64;
            self.frameworks.table[framework].tally.offers_sent += offers.len() as u64;
            self.tell_framework(cx, framework, Event::Offers(offers));
        }
        self.ask_back(cx);
    }

    /// Puts a grant on the table, or hands it back when nobody can take it.
    fn offer(&mut self, cx: &mut MasterCx<'_>, grant: Grant) -> Option<Offer> {
        let Grant { framework, role, agent, resources } = grant;
        let is_takable = self.frameworks.table.get(framework).is_some_and(|row| row.conn().is_some())
            && self.agents.table.get(agent).is_some_and(|row| row.conn().is_some());
        if !is_takable {
            self.lapse(cx, Offered { framework, agent, role, resources }, None);
            return None;
        }
        let id = self.offers.next_id(self.id.as_str());
        let row = Offered { framework, agent, role: role.clone(), resources: resources.clone() };
        self.note_offer(&id, &row);
        let key = self.offers.table.insert(id.clone(), row).expect("offer ids are never used twice");
        let framework_row = &mut self.frameworks.table[framework];
        framework_row.offers.insert(key);
        let framework_id = framework_row.id.clone();
        let agent_row = &mut self.agents.table[agent];
        agent_row.offers.insert(key);
        if let Some(timeout) = self.options.offer_timeout {
            self.timers.set(Timer::Offer(key), cx.now.mono + timeout);
        }
        let mut offer = Offer::new(id, framework_id, agent_row.id.clone(), role, resources, agent_row.info.clone());
        offer.unavailability = agent_row.unavailability;
        let own = agent_row.executors.keys().filter(|(other, _)| *other == framework);
        offer.executor_ids = own.map(|(_, id)| id.clone()).collect();
        Some(offer)
    }

    /// Takes an offer off the table; its resources are the caller's to hand on.
    pub(super) fn take_offer(&mut self, key: OfferKey) -> Option<(OfferId, Offered)> {
        if mutant!(self, KeepAcceptedOffer) {
            return Some((self.offers.table.id(key)?.clone(), self.offers.table.get(key)?.clone()));
        }
        let (id, offered) = self.offers.table.remove(key)?;
        self.note(|_| Change::OfferGone(id.clone()));
        self.timers.cancel(&Timer::Offer(key));
        self.frameworks.table[offered.framework].offers.remove(&key);
        self.agents.table[offered.agent].offers.remove(&key);
        Some((id, offered))
    }

    /// Hands resources of an offer back to the allocator.
    pub(super) fn hand_back(&mut self, cx: &MasterCx<'_>, offered: Offered, filters: Option<Filters>) {
        let Offered { framework, agent, role, resources } = offered;
        if !resources.is_empty() {
            self.observe(cx, Fact::Recovered { framework, role, agent, resources, filters });
        }
    }

    /// An offer is off the table and nobody used it: its resources are free again, unless they were free all the time.
    pub(super) fn lapse(&mut self, cx: &MasterCx<'_>, offered: Offered, filters: Option<Filters>) {
        match self.allocator.concurrency() {
            Concurrency::Pessimistic => self.hand_back(cx, offered, filters),
            Concurrency::Optimistic(_) => {
                let Offered { framework, agent, role, resources } = offered;
                self.observe(cx, Fact::Lapsed { framework, role, agent, resources, filters });
            }
        }
    }

    pub(super) fn decline(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey, offers: &[OfferId], filters: Filters) {
        for id in offers {
            let Some(key) = self.offers.table.find(id) else { continue };
            if self.offers.table[key].framework != framework {
                continue;
            }
            if let Some((_, offered)) = self.take_offer(key) {
                self.counters.declines += 1;
                self.frameworks.table[framework].tally.offers_declined += 1;
                if mutant!(self, RecoverTwice) {
                    self.hand_back(cx, offered.clone(), None);
                }
                self.lapse(cx, offered, Some(filters));
            }
        }
    }

    /// Takes an offer back and tells its framework. No filter: the framework did not refuse.
    pub(super) fn rescind(&mut self, cx: &mut MasterCx<'_>, key: OfferKey) {
        if let Some((id, offered)) = self.take_offer(key) {
            let framework = offered.framework;
            self.lapse(cx, offered, None);
            self.counters.rescinds += 1;
            self.frameworks.table[framework].tally.offers_rescinded += 1;
            self.tell_framework(cx, framework, Event::Rescind(id));
        }
    }

    /// Takes back what concerns an agent that leaves or changes: offers and inverse offers.
    pub(super) fn rescind_offers_on(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        self.rescind_resources_on(cx, agent);
        self.rescind_inverse_offers_on(cx, agent);
    }

    pub(super) fn rescind_resources_on(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        for key in self.agents.table[agent].offers.clone() {
            self.rescind(cx, key);
        }
    }

    /// Takes a framework's offers back without a word: its connection is gone, and they with it.
    pub(super) fn discard_offers_of(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey) {
        for key in self.frameworks.table[framework].offers.clone() {
            if let Some((_, offered)) = self.take_offer(key) {
                self.lapse(cx, offered, None);
            }
        }
        self.discard_inverse_offers_of(cx, framework);
    }
}
