//! What one agent has to say to one who asks: the steps of a round, told one by one.

use std::rc::Rc;

use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::Need;
use mesos_core::resource::{Quantities, Resource, Resources, Value};
use mesos_core::{FrameworkCapability, Role};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::super::eligibility::{Abilities, is_allocatable};
use super::super::quota::Outlook;
use super::asker::Asker;
use super::block::Blocks;
use super::bounds::Freed;
use super::dealt::Dealt;

/// What would be different.
#[derive(Debug, Clone, Default)]
pub(super) struct WhatIf {
    /// Capabilities that are there too.
    pub(super) abilities: Abilities,
    /// What is free instead of what is.
    pub(super) free: Option<Resources>,
    /// What is free in the cluster beyond what is.
    pub(super) headroom: Quantities,
    /// What is promised instead of what is.
    pub(super) outlook: Option<Rc<Outlook>>,
    /// By how much limits are higher.
    pub(super) raised: Vec<(Role, Quantities)>,
    /// By how much the framework wants larger offers.
    pub(super) larger: Quantities,
    /// Who gave what back.
    pub(super) freed: Vec<Freed>,
    /// It answered what it was shown.
    pub(super) is_answered: bool,
    /// Reservations bind nobody.
    pub(super) is_unreserved: bool,
    /// Limits bind nobody.
    pub(super) is_unlimited: bool,
    /// Nothing is kept for guarantees.
    pub(super) is_unkept: bool,
    /// The framework wants large offers.
    pub(super) has_no_maximum: bool,
    /// Anything is enough.
    pub(super) has_no_minimum: bool,
    /// So much is enough; nothing said means as much as was.
    pub(super) minimum: Option<Quantities>,
    /// Nothing was refused.
    pub(super) is_unfiltered: bool,
}

/// What is left of an agent's free resources, step by step.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) blocks: Blocks,
    pub(super) free: Resources,
    /// What it was not shown before, if it was shown anything.
    unshown: Option<Resources>,
    /// What may be offered to the role.
    pub(super) allocatable: Resources,
    /// What the framework can deal with.
    pub(super) able: Resources,
    /// What its role may have.
    pub(super) within: Resources,
    /// What is not kept for others.
    pub(super) open: Resources,
    /// What it would be offered.
    pub(super) offer: Resources,
    /// What comes of that in pieces, if that is not enough.
    pub(super) dealt: Option<Dealt>,
}

impl Judged {
    /// Of an agent where nothing is free.
    const fn nothing(blocks: Blocks) -> Self {
        Self {
            blocks,
            free: Resources::new(),
            unshown: None,
            allocatable: Resources::new(),
            able: Resources::new(),
            within: Resources::new(),
            open: Resources::new(),
            offer: Resources::new(),
            dealt: None,
        }
    }
}

impl Judged {
    /// What it was not shown before.
    pub(super) fn unshown(&self) -> &Resources {
        self.unshown.as_ref().unwrap_or(&self.free)
    }
}

impl WhatIf {
    /// One more capability is there.
    pub(super) fn add(&mut self, capability: FrameworkCapability) {
        self.abilities = self.abilities.with(capability);
    }
}

impl HierarchicalDrf {
    /// Judges as both stages of a round would: what guarantees allow, and what is left for everybody.
    pub(super) fn judge(&self, asker: &Asker<'_>, key: AgentKey, agent: &Agent, what_if: &WhatIf) -> Judged {
        let fair = self.judge_stage(asker, key, agent, what_if, false);
        let (_, promised) = asker.bounds.promises(what_if.outlook.as_deref());
        if promised.is_empty() || fair.blocks.is_none() {
            return fair;
        }
        let guaranteed = self.judge_stage(asker, key, agent, what_if, true);
        // What is reserved to roles above may be all there is, or nothing that is promised.
        if guaranteed.free.is_empty() || guaranteed.open.is_empty() {
            return fair;
        }
        if guaranteed.blocks.count() < fair.blocks.count() { guaranteed } else { fair }
    }

    /// Judges as one stage of a round would.
    pub(super) fn judge_stage(
        &self,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
        what_if: &WhatIf,
        is_guaranteed: bool,
    ) -> Judged {
        let mut blocks = asker.blocks;
        let free = what_if.free.as_ref().unwrap_or(&agent.available);
        let free = if is_guaranteed { for_guarantees(asker.role, free) } else { free.clone() };
        blocks.set(Blocks::DEACTIVATED, !agent.is_active);
        blocks.set(Blocks::NOT_LISTED, !agent.is_listed);
        blocks.set(Blocks::NOTHING_FREE, free.is_empty());
        let abilities = asker.abilities | what_if.abilities;
        if free.is_empty() {
            let mut judged = Judged::nothing(blocks);
            self.judge_agent(asker, key, agent, abilities, &mut judged.blocks);
            return judged;
        }
        let shown = asker.client.and_then(|client| self.shown.of(client, key)).filter(|_| !what_if.is_answered);
        let unshown = shown.map(|shown| &free - shown);
        let left = unshown.as_ref().unwrap_or(&free);
        let mut allocatable = left.allocatable_to(asker.role);
        if what_if.is_unreserved {
            allocatable += &unreservable(&(left - &allocatable)).to_unreserved();
        }
        let able = abilities.strip(&allocatable);
        let (within, open, offer) = Self::bounded(asker, &able, what_if, is_guaranteed);
        let mut judged = Judged { blocks, free, unshown, allocatable, able, within, open, offer, dealt: None };
        self.judge_agent(asker, key, agent, abilities, &mut judged.blocks);
        if asker.is_known() && self.judge_offer(asker, key, what_if, &mut judged) && !is_guaranteed {
            self.judge_pieces(asker, key, what_if, &mut judged);
        }
        judged
    }

    /// Whether the framework may and wants to have anything of the agent.
    pub(super) fn judge_agent(
        &self,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
        abilities: Abilities,
        blocks: &mut Blocks,
    ) {
        if asker.is_known() {
            blocks.set(Blocks::DEMANDS, !agent.demands.admit(abilities));
            let is_admitted = asker.client.is_none_or(|client| self.constraints.admit(client, key, &agent.info));
            blocks.set(Blocks::CONSTRAINT, !is_admitted);
        }
    }

    fn bounded(
        asker: &Asker<'_>,
        able: &Resources,
        what_if: &WhatIf,
        is_guaranteed: bool,
    ) -> (Resources, Resources, Resources) {
        if !asker.bounds.is_bounded {
            return (able.clone(), able.clone(), able.clone());
        }
        let bounds = &asker.bounds;
        let within = if what_if.is_unlimited {
            able.clone()
        } else {
            bounds.within_limits(able, &what_if.freed, &what_if.raised)
        };
        let open = match what_if.is_unkept {
            true => within.clone(),
            false => bounds.beyond_headroom(&within, is_guaranteed, what_if.outlook.as_deref(), &what_if.headroom),
        };
        let offer = if what_if.has_no_maximum { open.clone() } else { bounds.within_size(&open, &what_if.larger) };
        (within, open, offer)
    }

    /// What is wrong with an offer as a whole; whether nothing is.
    fn judge_offer(&self, asker: &Asker<'_>, key: AgentKey, what_if: &WhatIf, judged: &mut Judged) -> bool {
        let minimums = asker.minimums_if(what_if);
        let (offer, blocks) = (&judged.offer, &mut judged.blocks);
        let is_filtered = !what_if.is_unfiltered
            && !offer.is_empty()
            && asker.client.is_some_and(|client| self.filters.blocks(client, key, offer));
        let is_enough = is_allocatable(offer, minimums);
        let is_met = asker.need.is_none_or(|need| need.is_met_by(offer));
        if is_enough && is_met && !is_filtered {
            return true;
        }
        // If nothing but the need is not met, only what would help it stands in the way.
        let missing = if is_enough && !is_filtered { asker.missing(offer) } else { Quantities::new() };
        let matters = |before: &Resources, after: &Resources| {
            before != after && (missing.is_empty() || is_in(&missing, &(before - after)))
        };
        let unshown = judged.unshown.as_ref();
        blocks.set(Blocks::SHOWN, unshown.is_some_and(|unshown| matters(&judged.free, unshown)));
        blocks.set(Blocks::RESERVED, matters(unshown.unwrap_or(&judged.free), &judged.allocatable));
        blocks.set(Blocks::STRIPPED, matters(&judged.allocatable, &judged.able));
        blocks.set(Blocks::LIMIT, matters(&judged.able, &judged.within));
        blocks.set(Blocks::HEADROOM, matters(&judged.within, &judged.open));
        blocks.set(Blocks::MAXIMUM, matters(&judged.open, offer));
        blocks.set(Blocks::BELOW_MINIMUM, !offer.is_empty() && !is_enough);
        blocks.set(Blocks::FILTERED, is_filtered);
        blocks.set(Blocks::TOO_SMALL, !is_met);
        false
    }

    /// What is wrong with the pieces of an offer that would be enough.
    fn judge_pieces(&self, asker: &Asker<'_>, key: AgentKey, what_if: &WhatIf, judged: &mut Judged) {
        let is_met = |dealt: &Dealt| asker.need.is_none_or(|need| need.is_met_by(&dealt.resources));
        let Some(dealt) = self.dealt(asker, key, what_if, &judged.offer).filter(|dealt| !is_met(dealt)) else { return };
        let has_refused = dealt.refused.is_some();
        let unfiltered = || self.dealt(asker, key, &WhatIf { is_unfiltered: true, ..what_if.clone() }, &judged.offer);
        let is_too_small = !has_refused || unfiltered().is_some_and(|dealt| !is_met(&dealt));
        judged.blocks.set(Blocks::FILTERED, has_refused);
        judged.blocks.set(Blocks::TOO_SMALL, is_too_small);
        judged.dealt = Some(dealt);
    }
}

impl Judged {
    /// What comes of the offer.
    pub(super) fn left(&self) -> &Resources {
        self.dealt.as_ref().map_or(&self.offer, |dealt| &dealt.resources)
    }

    /// What of the offer was refused, if anything was.
    pub(super) fn refused(&self) -> &Resources {
        self.dealt.as_ref().and_then(|dealt| dealt.refused.as_ref()).unwrap_or(&self.offer)
    }
}

impl Asker<'_> {
    /// What an offer lacks of what is needed.
    pub(super) fn missing(&self, offer: &Resources) -> Quantities {
        match self.need {
            Some(Need::Resources(need)) => (need - offer).quantities(),
            Some(need) => need.quantities() - &offer.quantities(),
            None => Quantities::new(),
        }
    }
}

/// Of what is free, what comes into question when guarantees are served: amounts that are reserved to roles above come later,
/// by themselves.
fn for_guarantees(role: &Role, free: &Resources) -> Resources {
    free.filter(|entry| !comes_later(role, entry))
}

/// Whether an entry is an amount that is reserved to a role above, and comes when guarantees were served.
pub(super) fn comes_later(role: &Role, entry: &Resource) -> bool {
    let is_above = entry.reservations().role().is_some_and(|owner| role.is_below(owner));
    is_above && !entry.is_revocable() && matches!(entry.value(), Value::Scalar(_))
}

/// Of what others own, what can lose its reservation: a volume cannot, it is destroyed first.
pub(super) fn unreservable(owned: &Resources) -> Resources {
    owned.filter(|entry| !entry.is_persistent_volume())
}

/// Whether a bag holds anything of these names.
fn is_in(names: &Quantities, bag: &Resources) -> bool {
    let amounts = bag.quantities();
    names.iter().any(|(name, _)| !amounts.get(name).is_zero())
}
