//! What one agent has to say to one who asks, at a glance: the same as a full judgement says, of amounts alone.
//!
//! A survey looks at all agents and needs no bags of them, only what stands in the way and how much would be offered. Both
//! follow from how much of every common name belongs to others, cannot be dealt with, or is free: a few sums and comparisons,
//! of which nothing is copied or allocated. Where that does not tell, the agent is judged in full:
//!
//! * what is needed, or a minimum, is of other names than the common ones, or has to be of a certain kind;
//! * something shared was shown and not answered, or a part of what may be offered, of several kinds, may have been refused;
//! * something is cut of what goes as a whole or not at all, or of other names;
//! * what is needed is there, but is dealt in pieces.

use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::Need;
use mesos_core::resource::{Resource, ResourceName, Resources, Scalar};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::asker::Asker;
use super::block::Blocks;
use super::bounds::Common;
use super::judge::comes_later;

/// Amounts of cpus, mem, disk and gpus.
pub(super) type Amounts = [Scalar; 4];

const NOTHING: Amounts = [Scalar::ZERO; 4];

/// What all glances of one question have in common.
pub(super) struct Glances<'a> {
    allocator: &'a HierarchicalDrf,
    asker: &'a Asker<'a>,
    bounds: Common,
    need: Option<Needed>,
    minimums: Vec<Amounts>,
    /// Whether who asks refused anything anywhere.
    has_refused: bool,
    /// What was seen last where nothing is free but plain amounts, of which nothing was shown or can have been refused: it is
    /// the same on every agent with as much of them, if the same stands in the way whatever is free.
    last: Option<(Blocks, Amounts, Glance)>,
    looked: usize,
}

struct Needed {
    amounts: Amounts,
    /// Whether it has to be plain.
    is_plain: bool,
}

/// What is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glance {
    pub(super) blocks: Blocks,
    /// How much would be offered.
    pub(super) offered: Amounts,
}

/// Amounts do not tell: the agent has to be judged in full.
#[derive(Debug)]
pub(super) struct InFull;

/// The agent that is looked at.
struct Sight<'a> {
    key: AgentKey,
    agent: &'a Agent,
    /// What is free and was not shown.
    left: &'a Resources,
    /// What stands in the way whatever is free.
    blocks: Blocks,
}

/// Entries with one fate.
#[derive(Debug, Clone, Copy)]
struct Part {
    is_any: bool,
    amounts: Amounts,
}

/// What is free on an agent, by what becomes of it.
#[derive(Debug)]
struct Free {
    is_any: bool,
    /// Whether there is more, which comes later in the round.
    is_in_part: bool,
    plain: Amounts,
    /// What belongs to others.
    hidden: Part,
    /// What the framework cannot deal with.
    stripped: Part,
    /// What bounds are not about.
    owned: Part,
    /// What bounds are about.
    bounded: Amounts,
    /// Whether a part of that is not plain.
    is_special: bool,
    /// Whether a part of that goes as a whole or not at all.
    is_whole: bool,
    /// Whether bounds are about something of another name.
    has_others: bool,
}

/// What is left of what bounds are about, step by step.
struct Left {
    within: Amounts,
    open: Amounts,
    offer: Amounts,
}

impl<'a> Glances<'a> {
    /// Nothing if amounts of common names do not tell what is needed.
    pub(super) fn new(allocator: &'a HierarchicalDrf, asker: &'a Asker<'a>) -> Option<Self> {
        let need = match asker.need {
            None => None,
            Some(Need::Resources(need)) if need.is_plain() => {
                Some(Needed { amounts: need.plain_scalars(), is_plain: true })
            }
            Some(Need::Quantities(need)) if need.is_common() => {
                Some(Needed { amounts: need.common(), is_plain: false })
            }
            Some(_) => return None,
        };
        let minimums = asker.minimums.iter().map(|minimum| minimum.is_common().then(|| minimum.common()));
        Some(Self {
            allocator,
            asker,
            bounds: asker.bounds.common(),
            need,
            minimums: minimums.collect::<Option<_>>()?,
            has_refused: asker.client.is_some_and(|client| allocator.filters.has_any(client)),
            last: None,
            looked: 0,
        })
    }

    /// At how many agents a glance was cast.
    pub(super) const fn looked(&self) -> usize {
        self.looked
    }

    /// What an agent has to say in both stages of a round, as far as amounts tell.
    pub(super) fn look(&mut self, key: AgentKey, agent: &Agent) -> Result<Glance, InFull> {
        let mut blocks = self.asker.blocks;
        blocks.set(Blocks::DEACTIVATED, !agent.is_active);
        blocks.set(Blocks::NOT_LISTED, !agent.is_listed);
        self.allocator.judge_agent(self.asker, key, agent, self.asker.abilities, &mut blocks);
        if agent.available.is_empty() {
            return Ok(Glance { blocks: blocks | Blocks::NOTHING_FREE, offered: NOTHING });
        }
        let shown = self.asker.client.and_then(|client| self.allocator.shown.of(client, key));
        let is_alike = shown.is_none() && !self.has_refused && agent.available.is_plain();
        let plain = agent.available.plain_scalars();
        if let Some((_, _, seen)) =
            self.last.filter(|(own, amounts, _)| is_alike && (*own, *amounts) == (blocks, plain))
        {
            return Ok(seen);
        }
        self.looked += 1;
        let seen = self.look_closely(key, agent, blocks, shown)?;
        if is_alike {
            self.last = Some((blocks, plain, seen));
        }
        Ok(seen)
    }

    fn look_closely(
        &self,
        key: AgentKey,
        agent: &Agent,
        blocks: Blocks,
        shown: Option<&Resources>,
    ) -> Result<Glance, InFull> {
        let unshown = shown.map(|shown| &agent.available - shown);
        let sight = Sight { key, agent, left: unshown.as_ref().unwrap_or(&agent.available), blocks };
        let fair = self.look_at_stage(&sight, false)?.ok_or(InFull)?;
        if !self.asker.bounds.is_promised() || fair.blocks.is_none() {
            return Ok(fair);
        }
        if unshown.is_some() {
            return Err(InFull);
        }
        let guaranteed = self.look_at_stage(&sight, true)?;
        Ok(guaranteed.filter(|own| own.blocks.count() < fair.blocks.count()).unwrap_or(fair))
    }

    /// The same in one stage; nothing where guarantees are served and nothing of the agent is promised.
    fn look_at_stage(&self, sight: &Sight<'_>, is_guaranteed: bool) -> Result<Option<Glance>, InFull> {
        let asker = self.asker;
        let free = Free::of(asker, sight.left, is_guaranteed);
        let is_any = if is_guaranteed { free.is_any } else { !sight.agent.available.is_empty() };
        let mut blocks = sight.blocks;
        blocks.set(Blocks::NOTHING_FREE, !is_any);
        if !is_any {
            return Ok((!is_guaranteed).then_some(Glance { blocks, offered: NOTHING }));
        }
        if free.has_others && self.bounds.is_bounded {
            return Err(InFull);
        }
        let Some(left) = self.bounds.left_of(free.bounded, is_guaranteed) else { return Ok(None) };
        if free.is_whole && left.offer != free.bounded {
            return Err(InFull);
        }
        let glance = Glance { blocks, offered: sum(free.owned.amounts, left.offer) };
        if asker.is_known() { self.look_at_offer(sight, &free, &left, glance).map(Some) } else { Ok(Some(glance)) }
    }

    /// What is wrong with an offer.
    fn look_at_offer(&self, sight: &Sight<'_>, free: &Free, left: &Left, glance: Glance) -> Result<Glance, InFull> {
        let Glance { mut blocks, offered } = glance;
        let is_any = free.owned.is_any || offered != NOTHING;
        let is_enough = is_any && (self.minimums.is_empty() || self.minimums.iter().any(|one| holds(offered, *one)));
        let missing = self.missing(free, left, offered)?;
        let is_filtered = is_any && self.has_refused && self.is_refused(sight, free, left)?;
        if is_enough && !is_filtered && missing == NOTHING {
            // It may come in pieces that are too small or refused.
            let is_dealt = self.need.is_some() && self.allocator.options.policy.is_dealing();
            return if is_dealt { Err(InFull) } else { Ok(glance) };
        }
        // If nothing but the need is not met, only what would help it stands in the way.
        let helping = if is_enough && !is_filtered { missing } else { NOTHING };
        let matters = |part: Amounts| helping == NOTHING || (0..4).any(|slot| is_in_both(helping, part, slot));
        let mut cut = |block: Blocks, before: Amounts, after: Amounts| {
            blocks.set(block, before != after && matters(less(before, after)));
        };
        cut(Blocks::LIMIT, free.bounded, left.within);
        cut(Blocks::HEADROOM, left.within, left.open);
        cut(Blocks::MAXIMUM, left.open, left.offer);
        if sight.agent.available != *sight.left {
            blocks.set(Blocks::SHOWN, matters(sight.shown()?));
        }
        blocks.set(Blocks::RESERVED, free.hidden.is_any && matters(free.hidden.amounts));
        blocks.set(Blocks::STRIPPED, free.stripped.is_any && matters(free.stripped.amounts));
        blocks.set(Blocks::BELOW_MINIMUM, is_any && !is_enough);
        blocks.set(Blocks::FILTERED, is_filtered);
        blocks.set(Blocks::TOO_SMALL, missing != NOTHING);
        Ok(Glance { blocks, offered })
    }

    /// How much of what is needed an offer lacks.
    fn missing(&self, free: &Free, left: &Left, offered: Amounts) -> Result<Amounts, InFull> {
        match &self.need {
            None => Ok(NOTHING),
            Some(need) if !need.is_plain => Ok(less(need.amounts, offered)),
            Some(need) if left.offer == free.bounded => Ok(less(need.amounts, free.plain)),
            // Which entries were cut is open.
            Some(_) if free.is_special => Err(InFull),
            Some(need) => Ok(less(need.amounts, left.offer)),
        }
    }

    /// Whether what would be offered was refused.
    fn is_refused(&self, sight: &Sight<'_>, free: &Free, left: &Left) -> Result<bool, InFull> {
        let key = sight.key;
        let Some(client) = self.asker.client else { return Ok(false) };
        let filters = &self.allocator.filters;
        let is_uncut = left.offer == free.bounded && !free.is_in_part;
        if is_uncut && !(free.hidden.is_any || free.stripped.is_any) {
            return Ok(filters.blocks(client, key, sight.left));
        }
        if !filters.has_on(client, key) {
            return Ok(false);
        }
        let offer = match is_uncut {
            true => self.asker.abilities.strip(&sight.left.allocatable_to(self.asker.role)),
            false if free.owned.is_any || free.is_special => return Err(InFull),
            false => Resources::from_plain(left.offer),
        };
        Ok(filters.blocks(client, key, &offer))
    }
}

impl Sight<'_> {
    /// How much was shown of what is free.
    fn shown(&self) -> Result<Amounts, InFull> {
        let mut amounts = [NOTHING; 2];
        for (bag, amounts) in [&self.agent.available, self.left].into_iter().zip(&mut amounts) {
            let mut all = Part { is_any: false, amounts: bag.plain_scalars() };
            for entry in bag.special_entries() {
                // What is shared counts once, whether some of its copies were shown or none.
                if entry.is_shared() {
                    return Err(InFull);
                }
                all.add(entry);
            }
            *amounts = all.amounts;
        }
        Ok(less(amounts[0], amounts[1]))
    }
}

impl Free {
    fn of(asker: &Asker<'_>, available: &Resources, is_guaranteed: bool) -> Self {
        let plain = available.plain_scalars();
        let mut free = Self {
            is_any: plain != NOTHING,
            is_in_part: false,
            plain,
            hidden: Part::NONE,
            stripped: Part::NONE,
            owned: Part::NONE,
            bounded: plain,
            is_special: false,
            is_whole: false,
            has_others: false,
        };
        for entry in available.special_entries() {
            if is_guaranteed && comes_later(asker.role, entry) {
                free.is_in_part = true;
            } else {
                free.add(asker, entry);
            }
        }
        free
    }

    fn add(&mut self, asker: &Asker<'_>, entry: &Resource) {
        self.is_any = true;
        if !entry.reservations().is_allocatable_to(asker.role) {
            self.hidden.add(entry);
        } else if !asker.abilities.keeps(entry) {
            self.stripped.add(entry);
        } else if !entry.is_under_quota() {
            self.owned.add(entry);
        } else if let Some(slot) = slot(entry.name()) {
            self.bounded[slot] += entry.amount();
            self.is_special = true;
            self.is_whole |= entry.is_indivisible();
        } else {
            self.owned.add(entry);
            self.has_others = true;
        }
    }
}

impl Part {
    const NONE: Self = Self { is_any: false, amounts: NOTHING };

    fn add(&mut self, entry: &Resource) {
        self.is_any = true;
        if let Some(slot) = slot(entry.name()) {
            self.amounts[slot] += entry.amount();
        }
    }
}

impl Common {
    /// What bounds leave of so much; nothing where guarantees are served and nothing of it is promised.
    fn left_of(&self, free: Amounts, is_guaranteed: bool) -> Option<Left> {
        if !self.is_bounded {
            return Some(Left { within: free, open: free, offer: free });
        }
        let within = least(free, self.limits);
        let promised = if is_guaranteed { least(within, self.promised) } else { NOTHING };
        if is_guaranteed && promised == NOTHING {
            return None;
        }
        let open = sum(promised, least(less(within, promised), self.headroom));
        Some(Left { within, open, offer: least(open, self.size) })
    }
}

const fn slot(name: &ResourceName) -> Option<usize> {
    match name {
        ResourceName::Cpus => Some(0),
        ResourceName::Mem => Some(1),
        ResourceName::Disk => Some(2),
        ResourceName::Gpus => Some(3),
        _ => None,
    }
}

fn holds(all: Amounts, part: Amounts) -> bool {
    all.iter().zip(part).all(|(own, amount)| *own >= amount)
}

fn is_in_both(left: Amounts, right: Amounts, slot: usize) -> bool {
    left[slot].is_positive() && right[slot].is_positive()
}

fn sum(left: Amounts, right: Amounts) -> Amounts {
    std::array::from_fn(|slot| left[slot] + right[slot])
}

fn less(left: Amounts, right: Amounts) -> Amounts {
    std::array::from_fn(|slot| left[slot].sub_floored(right[slot]))
}

fn least(left: Amounts, right: Amounts) -> Amounts {
    std::array::from_fn(|slot| left[slot].min(right[slot]))
}
