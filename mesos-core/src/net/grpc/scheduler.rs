//! What frameworks and masters say, to and from the wire: the v1 API, and beside it what that has no place for.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use super::agent::read_rejection;
use super::direction::Direction;
use super::proto::{kernel, v1};
use crate::call::scheduler::{Call, Event};
use crate::daemon::SystemClock;
use crate::error::Rejection;
use crate::provider::Clock as _;
use crate::wire::convert::{Aside, ReservationForm, call_from_wire, event_from_wire, event_to_wire};

/// From a framework to its master.
#[derive(Debug)]
pub(super) struct SchedulerUp;

/// From a master to a framework.
#[derive(Debug)]
pub(super) struct SchedulerDown;

impl Direction for SchedulerUp {
    type Domain = Call;
    type Wire = v1::scheduler::Call;
    type Batch = kernel::SchedulerCalls;

    fn encode(call: &Call, _: u64) -> v1::scheduler::Call {
        call.into()
    }

    fn decode(call: v1::scheduler::Call) -> Result<Call, Rejection> {
        call.try_into()
    }

    fn decode_parts(call: v1::scheduler::Call) -> Result<(Call, Vec<Aside>), Rejection> {
        let read = call_from_wire(call)?;
        let asides = match read.refused.is_empty() && read.dropped.is_empty() {
            true => Vec::new(),
            false => read.asides(SystemClock::new().now().wall).collect(),
        };
        Ok((read.call, asides))
    }

    fn aside(_: Aside) -> Option<v1::scheduler::Call> {
        None
    }

    fn batch(first: u64, calls: Vec<v1::scheduler::Call>) -> kernel::SchedulerCalls {
        kernel::SchedulerCalls { first, calls }
    }

    fn open(batch: kernel::SchedulerCalls) -> (u64, Vec<v1::scheduler::Call>) {
        (batch.first, batch.calls)
    }
}

impl Direction for SchedulerDown {
    type Domain = Event;
    type Wire = kernel::SchedulerEvent;
    type Batch = kernel::SchedulerEvents;

    fn encode(event: &Event, skipped: u64) -> kernel::SchedulerEvent {
        let mut master = v1::MasterInfo::default();
        let (mut received, mut rejection) = (None, None);
        match event {
            Event::Subscribed { master_id, .. } => master.id = master_id.as_str().to_owned(),
            Event::Heartbeat { received: count } => received = Some(count + skipped),
            Event::Error(refused) => rejection = Some(refused.into()),
            _ => {}
        }
        kernel::SchedulerEvent { event: event_to_wire(event, &master, ReservationForm::Stack), received, rejection }
    }

    fn decode(event: kernel::SchedulerEvent) -> Result<Event, Rejection> {
        let kernel::SchedulerEvent { event, received, rejection } = event;
        Ok(match (event_from_wire(event)?, received, rejection) {
            (Event::Heartbeat { .. }, Some(received), _) => Event::Heartbeat { received },
            (Event::Error(_), _, Some(rejection)) => Event::Error(read_rejection(rejection)),
            (event, ..) => event,
        })
    }

    fn aside(aside: Aside) -> Option<kernel::SchedulerEvent> {
        Some(match aside {
            Aside::Event(event) => kernel::SchedulerEvent { event: *event, received: None, rejection: None },
            Aside::Refusal(rejection) => Self::encode(&Event::Error(rejection), 0),
        })
    }

    fn batch(first: u64, events: Vec<kernel::SchedulerEvent>) -> kernel::SchedulerEvents {
        kernel::SchedulerEvents { first, events }
    }

    fn open(batch: kernel::SchedulerEvents) -> (u64, Vec<kernel::SchedulerEvent>) {
        (batch.first, batch.events)
    }
}
