//! Somebody's own rule instead of the discipline's.

use mesos_core::SchedulerCx;

use super::JobScheduler;
use super::task::next_task;
use crate::scheduler::chooser::{Chooser, InHand, Placement, WaitingJob};
use crate::scheduler::hand::{Place, Slot};
use crate::workload::replica;

impl JobScheduler {
    /// Shows the chooser what there is, and does what it says.
    ///
    /// # Panics
    /// When what it says cannot be done.
    pub(super) fn place_chosen(&mut self, cx: &mut SchedulerCx<'_>, chooser: &mut dyn Chooser) {
        let workload = self.workload.clone();
        let mut jobs = Vec::new();
        let mut before = None;
        while jobs.len() < self.options.depth
            && let Some(rank) = self.queue.next_waiting(before)
        {
            before = Some(rank);
            let (index, job) = (rank.1, &workload.jobs[rank.1 as usize]);
            let running = self.queue.progress.get(&index).map_or(0, |progress| progress.running);
            jobs.push(WaitingJob { index, job, waiting: self.ready(index, job), running });
        }
        let in_hand =
            |(place, slot): (Place, &Slot)| (place, slot.agent, slot.offer.resources.clone(), slot.offer.agent.clone());
        let shown: Vec<_> = self.hand.slots().map(in_hand).collect();
        let offers: Vec<InHand<'_>> = shown
            .iter()
            .map(|(_, agent, resources, info)| InHand { agent: *agent, resources, attributes: &info.attributes })
            .collect();
        for Placement { job: index, offer, tasks } in chooser.choose(cx.now.mono, &jobs, &offers) {
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
}
