//! The framework: runs the jobs of a build, in the order their needs allow, and tries again what failed.
//!
//! Nothing in here knows whether it is simulated or live. Failover is three lines: what is remembered, what is recovered,
//! and asking about the jobs that were under way.

use mesos_core::kernel::Record;
use mesos_core::{Ack, FrameworkId, Offer, Scheduler, SchedulerCx, TaskState, TaskStatus};

use crate::jobs::Jobs;

pub struct Build(pub Jobs);

impl Scheduler for Build {
    fn recovered(&mut self, records: &[Record]) {
        self.0.restore(records);
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, _: &FrameworkId) {
        cx.reconcile(self.0.running());
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            let (mut left, mut tasks) = (offer.resources.clone(), Vec::new());
            while let Some(job) = self.0.next_that_fits(&left) {
                left -= &job.resources;
                tasks.push(job.start(cx, &offer.agent_id));
            }
            cx.launch(&offer, tasks);
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        match self.0.running_as(&status.task_id) {
            Some(job) if status.state.is_terminal() || status.state.is_in_doubt() => {
                job.end(cx, status);
                cx.revive();
            }
            None if status.state == TaskState::Running => cx.kill(status.task_id.clone()),
            _ => {}
        }
        Ack::Auto
    }

    fn is_done(&self) -> bool {
        self.0.is_over()
    }
}
