//! Which of the messages that reached a framework its driver took: networks repeat themselves, drivers do not listen twice.

use std::collections::BTreeMap;

use mesos_core::call::ConnId;
use mesos_core::call::scheduler::Event;
use mesos_core::kernel::{Arrival, Inbound};
use mesos_core::task::TaskStatus;
use mesos_sched::driver::Input;

use crate::node::NodeId;

/// The connections of frameworks, as far as what came on them goes.
#[derive(Debug, Default)]
pub(super) struct Inbox(BTreeMap<NodeId, (ConnId, Inbound)>);

impl Inbox {
    /// The event of an input, if the driver took it.
    pub(super) fn event<'a>(&mut self, node: NodeId, input: Option<&'a Input>) -> Option<&'a Event> {
        let Some(Input::Received { conn, seq, event }) = input else { return None };
        let entry = self.0.entry(node).or_insert_with(|| (*conn, Inbound::default()));
        if entry.0 != *conn {
            *entry = (*conn, Inbound::default());
        }
        (entry.1.arrive(*seq) == Arrival::InOrder).then_some(event)
    }

    /// The news of a task in an input, if the driver took it.
    pub(super) fn update<'a>(&mut self, node: NodeId, input: Option<&'a Input>) -> Option<&'a TaskStatus> {
        match self.event(node, input)? {
            Event::Update(status) => Some(status),
            _ => None,
        }
    }
}
