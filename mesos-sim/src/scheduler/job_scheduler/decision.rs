//! Which job goes first, and what happens when it does not fit.

use std::time::Duration;

use mesos_core::{Instant, SchedulerCx};

use super::JobScheduler;
use crate::scheduler::options::{Discipline, Options};
use crate::scheduler::queue::Rank;
use crate::scheduler::shadow::{self, Shadow};

/// A promise to the head of the queue is worked out anew after this time: the agents it counts on may be gone.
const SHADOW_AGE_MAX: Duration = Duration::from_secs(30);

impl JobScheduler {
    /// Decides what to do with the offers in hand, or begins to think about it.
    pub(super) fn consider(&mut self, cx: &mut SchedulerCx<'_>) {
        if self.hand.is_empty() || self.thinking.is_some() {
            return;
        }
        let Some(head) = self.queue.next_waiting(None) else { return self.answer(cx) };
        let Options { think_per_job, think_per_task, .. } = self.options;
        let think_per_job = self.queue.job(head.1).decision.unwrap_or(think_per_job);
        if think_per_job.is_zero() && think_per_task.is_zero() {
            return self.decide(cx);
        }
        let progress = self.queue.progress.get(&head.1);
        let tasks = progress.map_or(0, |progress| progress.ready(self.queue.job(head.1)));
        self.thinking = Some((head.1, cx.now.mono + think_per_job + think_per_task * tasks));
    }

    /// The thinking is over: places the job it was about.
    pub(super) fn conclude(&mut self, cx: &mut SchedulerCx<'_>, job: u32) {
        self.thinking = None;
        if !self.place(cx, job, None) {
            self.note_lack(cx.now.mono, job);
        }
        self.answer(cx);
    }

    /// Places jobs in their order until nothing more can be.
    pub(super) fn decide(&mut self, cx: &mut SchedulerCx<'_>) {
        if let Some(mut chooser) = self.chooser.take() {
            self.decide_chosen(cx, &mut *chooser);
            self.chooser = Some(chooser);
            return;
        }
        self.round += 1;
        let mut shadow = None;
        let mut before: Option<Rank> = None;
        for _ in 0..self.options.depth {
            let Some(rank) = self.queue.next_waiting(before) else { break };
            before = Some(rank);
            if !self.is_hopeless(rank.1) && self.place(cx, rank.1, shadow.as_ref()) {
                continue;
            }
            self.note_lack(cx.now.mono, rank.1);
            match self.options.discipline {
                Discipline::Fifo => break,
                Discipline::Gang => return self.hold(cx),
                Discipline::Backfill if shadow.is_none() => {
                    shadow = self.shadow_of(cx.now.mono, rank.1);
                    // Without a promise anything may run: the head could not start however long one waited.
                }
                _ => {}
            }
        }
        self.answer(cx);
    }

    pub(super) fn shadow_of(&mut self, now: Instant, job: u32) -> Option<Shadow> {
        let is_fresh = self.shadow.as_ref().is_some_and(|(of, until, shadow)| {
            *of == job && now < *until && shadow.as_ref().is_none_or(|shadow| now < shadow.starts_at)
        });
        if !is_fresh {
            let row = self.queue.job(job);
            let ready = self.queue.progress.get(&job).map_or(1, |progress| progress.ready(row));
            let wanted = if row.is_gang { ready } else { 1 };
            let free = self.hand.slots().map(|(_, slot)| (slot.agent, slot.left.clone()));
            let ends = self.ends.iter().filter_map(|(at, job, task)| {
                let running = self.running.get(&(*job, *task))?;
                Some((*at, running.agent, &self.queue.job(*job).need))
            });
            let shadow = shadow::cast(wanted, &row.need, free, ends);
            self.shadow = Some((job, now + SHADOW_AGE_MAX, shadow));
        }
        let (_, _, shadow) = self.shadow.as_ref()?;
        shadow.as_ref().map(|shadow| Shadow { starts_at: shadow.starts_at, agents: shadow.agents.clone() })
    }
}
