//! All there is, a portion at a time, for whoever begins to listen to [what changes](super::publish).
//!
//! No step is long, whatever the books hold: each tells so many rows, as they are by then, and between two of them the master
//! does whatever else there is to do. What changes meanwhile is published like anything else, so that a row may be told twice
//! and a change may be about a row that is yet to be told. Whoever takes a told row for what it is, and passes over what is said
//! of rows that are not known, has all there is in the end. What is over is told last: by then whatever ends is known there.

use std::ops::Bound;

use mesos_core::kernel::{Handle, Table};
use mesos_core::{AgentId, Instant};

use super::book::{Framework, Offered};
use super::publish::{Change, Notes};
use super::{Master, MasterCx};

/// Rows told in one step, about: the executors of one agent, the operations of one framework and what is over of it go
/// together.
///
/// Small in tests, so that little takes many steps.
const ROWS_MAX: usize = if cfg!(test) { 3 } else { 512 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Absent,
    Agents,
    Frameworks,
    Executors,
    Tasks,
    Operations,
    Offers,
    InverseOffers,
    Over,
    Past,
}

/// How far all there is has been told.
#[derive(Debug)]
pub(super) struct Walk {
    stage: Stage,
    /// The agent told last of those that are absent.
    absent: Option<AgentId>,
    /// The slot of the next row.
    slot: usize,
    /// The slot of the next task of the framework there.
    task: usize,
    /// When it goes on.
    pub(super) due_at: Instant,
}

/// What is told in one step.
struct Portion {
    list: Vec<Change>,
    rows: usize,
}

impl Portion {
    fn tell(&mut self, change: Change) {
        self.list.push(change);
        self.rows += 1;
    }

    /// Tells rows from a slot on, until it is full; whether that were all.
    fn fill<I: std::hash::Hash + Eq, H: Handle, T>(
        &mut self,
        table: &Table<I, H, T>,
        slot: &mut usize,
        mut tell: impl FnMut(&mut Self, H, &T),
    ) -> bool {
        for (handle, _, row) in table.iter_from(*slot) {
            if self.rows >= ROWS_MAX {
                *slot = handle.slot();
                return false;
            }
            tell(self, handle, row);
        }
        *slot = 0;
        true
    }
}

impl Master {
    /// Begins to hand over everything there is, and from then on what changes.
    pub(super) fn publish_all(&mut self, cx: &mut MasterCx<'_>) {
        self.notes = Some(Notes::default());
        self.walk = Some(Walk { stage: Stage::Absent, absent: None, slot: 0, task: 0, due_at: cx.now.mono });
        self.publish_on(cx, Some(Change::Reset));
    }

    /// Hands over the next portion, if all of it is wanted and there is more.
    pub(super) fn publish_on(&mut self, cx: &mut MasterCx<'_>, first: Option<Change>) {
        let Some(mut walk) = self.walk.take() else { return };
        let mut portion = Portion { list: first.into_iter().collect(), rows: 0 };
        while self.fill(&mut portion, &mut walk) {
            walk.stage = match walk.stage {
                Stage::Absent => Stage::Agents,
                Stage::Agents => Stage::Frameworks,
                Stage::Frameworks => Stage::Executors,
                Stage::Executors => Stage::Tasks,
                Stage::Tasks => Stage::Operations,
                Stage::Operations => Stage::Offers,
                Stage::Offers => Stage::InverseOffers,
                Stage::InverseOffers => Stage::Over,
                Stage::Over => Stage::Past,
                Stage::Past => return self.hand_over(cx, portion.list),
            };
        }
        walk.due_at = cx.now.mono;
        self.walk = Some(walk);
        self.hand_over(cx, portion.list);
    }

    /// Tells of one stage; whether that is over.
    fn fill(&self, portion: &mut Portion, walk: &mut Walk) -> bool {
        let (agents, frameworks) = (&self.agents.table, &self.frameworks.table);
        let slot = &mut walk.slot;
        match walk.stage {
            Stage::Absent => self.fill_absent(portion, &mut walk.absent),
            Stage::Agents => portion.fill(agents, slot, |portion, agent, _| {
                self.agent_change(agent).into_iter().for_each(|change| portion.tell(change));
            }),
            Stage::Frameworks => portion.fill(frameworks, slot, |portion, framework, _| {
                self.framework_change(framework).into_iter().for_each(|change| portion.tell(change));
            }),
            Stage::Executors => portion.fill(agents, slot, |portion, agent, row| {
                for (framework, id) in row.executors.keys() {
                    portion.tell(self.executor_change(agent, *framework, id));
                }
            }),
            Stage::Tasks => self.fill_tasks(portion, walk),
            Stage::Operations => portion.fill(frameworks, slot, |portion, _, row| {
                row.operations.values().for_each(|own| portion.tell(self.operation_change(&row.id, own)));
            }),
            Stage::Offers => portion.fill(&self.offers.table, slot, |portion, offer, row| {
                if let Some(id) = self.offers.table.id(offer) {
                    portion.tell(self.offer_change(id, row));
                }
            }),
            Stage::InverseOffers => portion.fill(&self.inverse.table, slot, |portion, key, _| {
                self.inverse_change(key).into_iter().for_each(|change| portion.tell(change));
            }),
            Stage::Over => portion.fill(frameworks, slot, |portion, _, row| portion.tell_over(row)),
            Stage::Past => {
                if let Some(past) = &self.past {
                    let removed = past.removed.iter().cloned().collect();
                    portion.tell(Change::Past { removed, totals: past.totals });
                }
                true
            }
        }
    }

    fn fill_absent(&self, portion: &mut Portion, last: &mut Option<AgentId>) -> bool {
        let after = last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut absent = self.agents.absent.range::<AgentId, _>((after, Bound::Unbounded)).peekable();
        let mut told = None;
        while portion.rows < ROWS_MAX
            && let Some(id) = absent.next()
        {
            self.absent_change(id).into_iter().for_each(|change| portion.tell(change));
            told = Some(id.clone());
        }
        let is_over = absent.peek().is_none();
        if told.is_some() {
            *last = told;
        }
        is_over
    }

    fn fill_tasks(&self, portion: &mut Portion, walk: &mut Walk) -> bool {
        for (framework, _, row) in self.frameworks.table.iter_from(walk.slot) {
            if framework.slot() != walk.slot {
                // The one whose tasks were being told is gone, or all of its are told.
                (walk.slot, walk.task) = (framework.slot(), 0);
            }
            let tell = |portion: &mut Portion, task, _: &_| portion.tell(self.task_change(framework, task));
            if !portion.fill(&row.tasks, &mut walk.task, tell) {
                return false;
            }
        }
        (walk.slot, walk.task) = (0, 0);
        true
    }

    pub(super) fn offer_change(&self, id: &mesos_core::OfferId, offered: &Offered) -> Change {
        Change::Offer {
            id: id.clone(),
            framework_id: self.frameworks.table[offered.framework].id.clone(),
            agent_id: self.agents.table[offered.agent].id.clone(),
            role: offered.role.clone(),
            resources: offered.resources.clone(),
        }
    }
}

impl Portion {
    fn tell_over(&mut self, row: &Framework) {
        if row.over.len() == 0 {
            return;
        }
        self.rows += row.over.len();
        let (completed, unreachable) = (row.over.completed(), row.over.unreachable());
        self.tell(Change::Over { framework_id: row.id.clone(), completed, unreachable });
    }
}
