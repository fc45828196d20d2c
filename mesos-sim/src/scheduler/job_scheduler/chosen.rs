//! Somebody's own rule instead of the discipline's.

use std::collections::BTreeMap;

use mesos_core::SchedulerCx;

use super::JobScheduler;
use super::task::next_task;
use crate::scheduler::chooser::{Chooser, InHand, Placement, WaitingJob};
use crate::scheduler::hand::{Place, Slot};
use crate::workload::{Job, replica};

impl JobScheduler {
    /// Lets the chooser decide, and answers the offers as it says.
    pub(super) fn decide_chosen(&mut self, cx: &mut SchedulerCx<'_>, chooser: &mut dyn Chooser) {
        self.place_chosen(cx, chooser);
        // With nothing that waits there is nothing to hold offers for.
        if self.queue.is_waiting() && chooser.is_holding(cx.now.mono) { self.hold(cx) } else { self.answer(cx) }
    }

    /// Shows the chooser what there is, and does what it says.
    ///
    /// # Panics
    /// When what it says cannot be done, or is not what its jobs demand.
    fn place_chosen(&mut self, cx: &mut SchedulerCx<'_>, chooser: &mut dyn Chooser) {
        let workload = self.workload.clone();
        let mut jobs = Vec::new();
        let mut before = None;
        while jobs.len() < self.options.depth
            && let Some(rank) = self.queue.next_waiting(before)
        {
            before = Some(rank);
            let (index, job) = (rank.1, &workload.jobs[rank.1 as usize]);
            let Some(progress) = self.queue.progress.get(&index) else { continue };
            let (waiting, running) = (progress.ready(job), progress.running);
            jobs.push(WaitingJob { index, job, waiting, running, near: &progress.near });
        }
        let in_hand = |(place, slot): (Place, &Slot)| (place, slot.agent, slot.left.clone(), slot.offer.agent.clone());
        let shown: Vec<_> = self.hand.slots().map(in_hand).collect();
        let offers: Vec<InHand<'_>> = shown
            .iter()
            .map(|(_, agent, resources, info)| InHand { agent: *agent, resources, attributes: &info.attributes })
            .collect();
        let chosen = chooser.choose(cx.now.mono, &jobs, &offers);
        self.judge_gangs(&chosen);
        for Placement { job: index, offer, tasks } in chosen {
            let job = workload.jobs.get(index as usize).unwrap_or_else(|| panic!("there is no job {index}"));
            assert!(offer < shown.len(), "there is no offer {offer} among the {} shown", shown.len());
            let place = shown[offer].0;
            for _ in 0..tasks {
                let slot = self.hand.slot(place);
                assert!(self.ready(index, job) > 0, "no more tasks of job {index} wait");
                assert!(
                    slot.has_room(&job.need, None),
                    "offer {offer} has no room for job {index}: {} is left",
                    slot.left
                );
                self.judge_agent(slot, index, job);
                let progress = self.queue.progress.get(&index);
                let Some(task) = progress.and_then(|progress| next_task(progress, job, slot.agent, false)) else {
                    break;
                };
                let agents = self.options.agents;
                let is_near = (0..job.replicas).any(|copy| replica(index, task, copy, agents) == slot.agent);
                self.launch(cx, place, index, job, task, is_near);
            }
            self.queue.enlist(index);
        }
    }

    /// Whether the tasks of each gang are placed together or not at all.
    fn judge_gangs(&self, chosen: &[Placement]) {
        let mut placed = BTreeMap::<u32, u32>::new();
        for Placement { job, tasks, .. } in chosen {
            let count = placed.entry(*job).or_default();
            *count = count.saturating_add(*tasks);
        }
        for (index, tasks) in placed.into_iter().filter(|(_, tasks)| *tasks > 0) {
            let Some(job) = self.workload.jobs.get(index as usize).filter(|job| self.is_gang(job)) else { continue };
            let waiting = self.ready(index, job);
            assert!(
                tasks >= waiting,
                "{tasks} of the {waiting} waiting tasks of job {index} are placed, which start together or not at all"
            );
        }
    }

    /// Whether the agent of an offer is one that a job may run on.
    fn judge_agent(&self, slot: &Slot, index: u32, job: &Job) {
        let agent = &slot.offer.agent;
        if let Some(unmet) = job.constraints.iter().find(|constraint| !constraint.is_met_by(&agent.attributes)) {
            panic!("job {index} may not run on {}, of which it is not true that {unmet}", agent.hostname);
        }
        assert!(
            !(job.is_spread && self.is_on(slot, index)),
            "a task of job {index}, which spreads, is on {} already",
            agent.hostname
        );
    }
}
