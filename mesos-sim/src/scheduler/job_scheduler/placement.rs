//! Where the tasks of a job run.

use std::time::Duration;

use mesos_core::{Instant, SchedulerCx, TaskInfo, TaskRun};

use super::task::{YEAR, begin, command, next_task};
use super::{JobScheduler, Running};
use crate::scheduler::hand::{Place, Slot};
use crate::scheduler::key::TaskKey;
use crate::scheduler::options::Discipline;
use crate::scheduler::shadow::Shadow;
use crate::workload::{Job, replica};

impl JobScheduler {
    /// Whether the offers in hand have too little room for this job, as far as is known.
    pub(super) fn is_hopeless(&self, index: u32) -> bool {
        let job = &self.workload.jobs[index as usize];
        let times = if self.is_gang(job) { self.ready(index, job) } else { 1 };
        self.room.is_hopeless(&job.need, times)
    }

    /// Whether the tasks of a job start together or not at all.
    pub(super) fn is_gang(&self, job: &Job) -> bool {
        job.is_gang || self.options.discipline == Discipline::Gang
    }

    /// Puts tasks of a job on the offers in hand; whether none of them has to wait any more.
    pub(super) fn place(&mut self, cx: &mut SchedulerCx<'_>, index: u32, shadow: Option<&Shadow>) -> bool {
        let workload = self.workload.clone();
        let job = &workload.jobs[index as usize];
        let ready = self.ready(index, job);
        let patience = match self.options.discipline {
            Discipline::Delay(patience) if job.replicas > 0 => Some(patience),
            _ => None,
        };
        // Only room decides about a plain job, and room only shrinks.
        let is_free = !matches!(self.options.discipline, Discipline::Sampling(_)) && patience.is_none();
        let is_plain = is_free && job.constraints.is_empty() && !job.is_spread && shadow.is_none();
        if self.is_gang(job) {
            let room = self.room_for(cx, job, index, ready, shadow);
            if room < ready {
                if is_plain {
                    self.room.note_roomless(&job.need, room + 1);
                }
                return false;
            }
        }
        let mut from = if is_plain { self.room.begin(&job.need) } else { Place::FIRST };
        let (mut left, mut has_room) = (ready, false);
        while left > 0 {
            let found = self.next_suitable(cx, from, job, index, shadow, &mut has_room);
            let Some((place, agent)) = found else {
                from = Place::LAST;
                break;
            };
            let Some(task) = self.task_for(cx.now.mono, index, job, agent, patience) else {
                from = place.next();
                continue;
            };
            from = place;
            let is_near = (0..job.replicas).any(|copy| replica(index, task, copy, self.options.agents) == agent);
            self.launch(cx, place, index, job, task, is_near);
            left -= 1;
        }
        if is_plain {
            self.room.note_begin(&job.need, from);
        }
        if left > 0 && (is_plain || !has_room) {
            self.room.note_roomless(&job.need, 1);
        }
        if left < ready {
            self.queue.enlist(index);
        }
        left == 0
    }

    pub(super) fn ready(&self, index: u32, job: &Job) -> u32 {
        self.queue.progress.get(&index).map_or(0, |progress| progress.ready(job))
    }

    /// The first offer from a place on that suits a job, and its agent; notes whether any on the way had room.
    pub(super) fn next_suitable(
        &self,
        cx: &SchedulerCx<'_>,
        from: Place,
        job: &Job,
        index: u32,
        shadow: Option<&Shadow>,
        has_room: &mut bool,
    ) -> Option<(Place, u32)> {
        for (place, slot) in self.hand.slots_from(from) {
            if slot.has_room(&job.need, self.options.per_offer) {
                *has_room = true;
                if self.suits(cx, slot, job, index, shadow) {
                    return Some((place, slot.agent));
                }
            }
        }
        None
    }

    /// The task of a job to launch on this agent, which has room. A job that is patient and has no input there lets it pass, and
    /// waits until the next round; while others are before it, it does not wait, whatever time goes by. What was put near
    /// its input starts the waiting anew (algorithm 2 of the paper on delay scheduling).
    pub(super) fn task_for(
        &mut self,
        now: Instant,
        index: u32,
        job: &Job,
        agent: u32,
        patience: Option<Duration>,
    ) -> Option<u32> {
        let progress = self.queue.progress.get_mut(&index)?;
        let task = next_task(progress, job, agent, patience.is_some());
        let (None, Some(patience)) = (task, patience) else { return task };
        match progress.passed.replace((self.round, now)) {
            Some((round, at)) if round + 1 == self.round => progress.waited += now.since(at),
            _ => {}
        }
        if progress.waited >= patience {
            return next_task(progress, job, agent, false);
        }
        let ends_at = now + (patience - progress.waited);
        self.patience_ends_at = Some(self.patience_ends_at.map_or(ends_at, |at| at.min(ends_at)));
        None
    }

    /// Whether a job may run on an offer that has room for it.
    pub(super) fn suits(
        &self,
        cx: &SchedulerCx<'_>,
        slot: &Slot,
        job: &Job,
        index: u32,
        shadow: Option<&Shadow>,
    ) -> bool {
        job.admits(&slot.offer.agent.attributes)
            && !(job.is_spread && self.is_on(slot, index))
            && self.is_drawn(slot.agent, index)
            && shadow.is_none_or(|shadow| shadow.allows(slot.agent, cx.now.mono + job.expected(0).min(YEAR)))
    }

    /// Whether this job may run on this agent, as far as agents are drawn for jobs.
    pub(super) fn is_drawn(&self, agent: u32, index: u32) -> bool {
        if !matches!(self.options.discipline, Discipline::Sampling(_)) {
            return true;
        }
        let drawn = self.queue.progress.get(&index).and_then(|progress| progress.drawn.as_ref());
        drawn.is_some_and(|drawn| drawn.contains(&agent))
    }

    pub(super) fn is_on(&self, slot: &Slot, index: u32) -> bool {
        let runs_there =
            || self.running.range((index, 0)..=(index, u32::MAX)).any(|(_, task)| task.agent == slot.agent);
        slot.jobs.contains(&index) || runs_there()
    }

    /// How many tasks of a job would fit on the offers in hand; so many at most.
    pub(super) fn room_for(
        &self,
        cx: &SchedulerCx<'_>,
        job: &Job,
        index: u32,
        wanted: u32,
        shadow: Option<&Shadow>,
    ) -> u32 {
        let mut room = 0;
        let most = self.options.per_offer.unwrap_or(u32::MAX);
        for (_, slot) in self.hand.slots() {
            if !(slot.has_room(&job.need, Some(most)) && self.suits(cx, slot, job, index, shadow)) {
                continue;
            }
            let mut left = slot.left.clone();
            let mut here = u32::try_from(slot.tasks.len()).unwrap_or(u32::MAX);
            while here < most && left.contains(&job.need) {
                left -= &job.need;
                here += 1;
                room += 1;
                if room >= wanted {
                    return room;
                }
                if job.is_spread {
                    break;
                }
            }
        }
        room
    }

    pub(super) fn launch(
        &mut self,
        cx: &mut SchedulerCx<'_>,
        place: Place,
        index: u32,
        job: &Job,
        task: u32,
        is_near: bool,
    ) {
        let attempt = self.attempts.get(&(index, task)).copied().unwrap_or(0);
        let key = TaskKey { job: index, task, attempt };
        self.memory.launched(cx, key);
        let factor = if job.replicas > 0 && !is_near { self.options.remote_factor } else { 1.0 };
        let command = command(job, task, factor);
        let agent_id = self.hand.slot(place).offer.agent_id.clone();
        let info = TaskInfo::new(key.id(), agent_id, job.need.clone(), TaskRun::Command(command));
        let slot = self.hand.put(place, info);
        if job.is_spread {
            slot.jobs.push(index);
        }
        let ends_at = cx.now.mono + job.expected(task).min(YEAR);
        let agent = slot.agent;
        self.running.insert((index, task), Running { agent, launched_at: cx.now.mono, ends_at, attempt });
        if self.options.discipline == Discipline::Backfill {
            self.ends.insert((ends_at, index, task));
        }
        if let Some(progress) = self.queue.progress.get_mut(&index) {
            begin(progress, job, index, task, self.options.agents);
            progress.running += 1;
            if is_near || job.replicas == 0 {
                (progress.waited, progress.passed) = (Duration::ZERO, None);
            }
        }
    }
}
