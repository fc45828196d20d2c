//! Places each unit once, and tells the terminal what becomes of it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use mesos_core::{Ack, Filters, FrameworkId, Offer, Rejection, Scheduler, SchedulerCx, TaskId, TaskStatus};
use tokio::sync::mpsc;

use super::work::Unit;

/// News that may wait for the terminal: all states of a thousand tasks.
pub(super) const NEWS_MAX: usize = 8_192;

/// What the scheduler tells the terminal.
#[derive(Debug)]
pub(super) enum News {
    Subscribed(FrameworkId),
    Waits,
    Placed { tasks: Vec<TaskId>, hostname: Arc<str>, port: u16 },
    Status(Box<TaskStatus>),
    Refused(String),
}

/// Launches everything once.
pub(super) struct Batch {
    waiting: VecDeque<Unit>,
    /// Tasks that have not ended.
    open: BTreeSet<TaskId>,
    news: mpsc::Sender<News>,
}

impl Batch {
    pub(super) fn new(units: Vec<Unit>, news: mpsc::Sender<News>) -> Self {
        let open = units.iter().flat_map(Unit::tasks).map(|task| task.id.clone()).collect();
        Self { waiting: units.into(), open, news }
    }

    fn tell(&self, news: News) {
        // So few are told that there is always room; and a terminal that is gone needs nothing.
        let _ = self.news.try_send(news);
    }

    /// What fits into an offer, in the order it was asked for.
    fn take_fitting(&mut self, offer: &Offer) -> Vec<Unit> {
        let mut free = offer.resources.unreserved();
        let mut fitting = Vec::new();
        for unit in std::mem::take(&mut self.waiting) {
            if free.contains(unit.needs()) {
                free -= unit.needs();
                fitting.push(unit);
            } else {
                self.waiting.push_back(unit);
            }
        }
        fitting
    }
}

impl Scheduler for Batch {
    fn subscribed(&mut self, _: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.tell(News::Subscribed(id.clone()));
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            let fitting = self.take_fitting(&offer);
            if fitting.is_empty() {
                if !self.waiting.is_empty() {
                    self.tell(News::Waits);
                }
                cx.decline(&offer);
                continue;
            }
            let tasks = fitting.iter().flat_map(Unit::tasks).map(|task| task.id.clone()).collect();
            let operations: Vec<_> = fitting.into_iter().map(|unit| unit.place(&offer.agent_id)).collect();
            cx.accept([offer.id.clone()], operations, Filters::default());
            self.tell(News::Placed { tasks, hostname: offer.agent.hostname.clone(), port: offer.agent.port });
            if self.waiting.is_empty() {
                cx.suppress();
            }
        }
    }

    fn update(&mut self, _: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if self.open.contains(&status.task_id) {
            if status.state.is_terminal() {
                self.open.remove(&status.task_id);
            }
            self.tell(News::Status(Box::new(status.clone())));
        }
        Ack::Auto
    }

    fn refused(&mut self, _: &mut SchedulerCx<'_>, why: &Rejection) {
        self.tell(News::Refused(why.to_string()));
    }

    fn is_done(&self) -> bool {
        self.open.is_empty()
    }
}
