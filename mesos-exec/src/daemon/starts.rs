//! How long tasks take on this agent until they run: between what the master says and what is said to it.

use std::sync::Arc;

use mesos_core::Clock;
use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::daemon::{OpenSpans, SpanSink, Stretch};

/// Watches both directions of the agent's connection.
#[derive(Debug)]
pub(super) struct Starts {
    open: OpenSpans,
    clock: Arc<dyn Clock>,
}

impl Starts {
    pub(super) fn new(sink: Arc<dyn SpanSink>, clock: Arc<dyn Clock>) -> Self {
        Self { open: OpenSpans::new(sink, Stretch::Start), clock }
    }

    pub(super) fn received(&mut self, message: &ToAgent) {
        let now = || self.clock.now().wall;
        match message {
            ToAgent::Run(run) => self.open.begin(&run.framework_id, &run.task.id, &run.task.agent_id, now()),
            ToAgent::RunGroup(run) => {
                let at = now();
                for task in &run.tasks {
                    self.open.begin(&run.framework_id, &task.id, &task.agent_id, at);
                }
            }
            _ => {}
        }
    }

    pub(super) fn sends(&mut self, message: &ToMaster) {
        if let ToMaster::Update { framework_id, status, .. } = message {
            self.open.reach(framework_id, &status.task_id, status.state, self.clock.now().wall);
        }
    }
}
