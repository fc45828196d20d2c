//! So many equal tasks, each of which sleeps for a while and ends well.

use std::time::Duration;

use mesos_core::kernel::Record;
use mesos_core::provider::Ack;
use mesos_core::{
    AgentId, CommandInfo, FrameworkId, Offer, Resources, Scheduler, SchedulerCx, TaskId, TaskInfo, TaskRun, TaskStatus,
};

use super::Book;
use super::book::News;

/// Runs equal tasks once each.
#[derive(Debug)]
pub struct Sleepers {
    book: Book,
    needs: Resources,
    command: CommandInfo,
    is_suppressed: bool,
}

impl Sleepers {
    /// So many tasks of one core and 128 MB that sleep so long. The same shell line works on a real cluster.
    ///
    /// # Panics
    /// Never: the resources are a constant.
    #[must_use]
    pub fn new(count: u32, sleep: Duration) -> Self {
        let needs = "cpus:1;mem:128".parse().expect("a constant");
        let command = CommandInfo::shell(format!("sleep {}", sleep.as_secs_f64()));
        Self { book: Book::new(count), needs, command, is_suppressed: false }
    }

    /// Each task needs this instead.
    #[must_use]
    pub fn needing(mut self, needs: Resources) -> Self {
        self.needs = needs;
        self
    }

    /// As the trait object a description wants.
    #[must_use]
    pub fn boxed(self) -> Box<dyn Scheduler> {
        Box::new(self)
    }

    fn task(&self, id: TaskId, agent_id: AgentId) -> TaskInfo {
        TaskInfo::new(id, agent_id, self.needs.clone(), TaskRun::Command(self.command.clone()))
    }
}

impl Scheduler for Sleepers {
    fn recovered(&mut self, records: &[Record]) {
        self.book.recovered(records);
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, _id: &FrameworkId) {
        self.book.reconcile(cx);
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            let mut left = offer.resources.clone();
            let mut tasks = Vec::new();
            while self.book.is_waiting() && left.contains(&self.needs) {
                let Some((_, id)) = self.book.begin(cx) else { break };
                left -= &self.needs;
                tasks.push(self.task(id, offer.agent_id.clone()));
            }
            if tasks.is_empty() { cx.decline(&offer) } else { cx.launch(&offer, tasks) }
        }
        if !self.book.is_waiting() && !self.is_suppressed {
            self.is_suppressed = true;
            cx.suppress();
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if self.book.observe(cx, status) == News::Retry && std::mem::take(&mut self.is_suppressed) {
            cx.revive();
        }
        Ack::Auto
    }

    fn is_done(&self) -> bool {
        self.book.is_done()
    }
}
