//! SUBSCRIBE: the cluster as it is, then what happens.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::FrameworkId;
use mesos_core::net::auth::Sight;
use mesos_core::net::http::{
    Hangup, Media, Pace, RecordSender, Refusal, Response, axum, encode, record, record_stream,
};
use mesos_core::wire::v1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use v1::master::event::{self, Type};

use super::wire::{agent, framework, last_status, state, task};
use crate::daemon::http::Shared;
use crate::daemon::http::sight::{seen, visible};
use crate::daemon::view::{Event, FrameworkRow, Snapshot, Subscription, Visible};

/// Subscribers at one time, unless it is said (`--max_operator_event_stream_subscribers` of Mesos). Unlike there a further one
/// is refused, and the older ones stay: nobody can push them out by coming often.
pub const SUBSCRIBERS_MAX: usize = 1_000;
/// States of the cluster that are written out as a whole at one time: each takes the memory of that, until its reader has it.
/// Further readers wait for their turn, and whoever is slower than it [must](Pace) loses it.
const STATES_MAX: usize = 8;

pub(super) async fn subscribe(
    context: &Shared,
    sight: Sight,
    media: Media,
    hangup: Hangup,
) -> Result<Response, Refusal> {
    let Ok(place) = context.subscribers.clone().try_acquire_owned() else {
        let text = format!("{} subscribers listen already; close a stream first", context.subscribers_max);
        return Err(Refusal::unavailable(text));
    };
    let turn = turn(context).await?;
    let (snapshot, events) = context.view.subscribe().await;
    let filter = Filter::new(&snapshot, sight);
    let (out, body) = record_stream();
    let mut response = Response::new(body);
    let name = axum::http::HeaderValue::from_static(media.name());
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, name);
    let (lead, heartbeat_every) = (context.master.lead(), context.heartbeat_every);
    let first = First { turn, pace: context.pace, hangup };
    // Every event is written for every subscriber: many of them would take the master's turns.
    context.view.begin(async move {
        let _place = place;
        let over = until_it_ends(lead);
        tokio::select! {
            () = carry(snapshot, first, filter, events, heartbeat_every, media, out) => {}
            () = over => {}
        }
    });
    Ok(response)
}

/// A place for a state of the cluster; waits for one. The handler is given up when that takes too long.
pub(super) async fn turn(context: &Shared) -> Result<OwnedSemaphorePermit, Refusal> {
    context.states.clone().acquire_owned().await.map_err(|_| Refusal::unavailable("this master has ended"))
}

/// What the first record, which is the whole state, is written with.
struct First {
    turn: OwnedSemaphorePermit,
    pace: Pace,
    hangup: Hangup,
}

pub(in crate::daemon::http) fn states() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(STATES_MAX))
}

/// A master that leads no more has nothing more to tell.
async fn until_it_ends(mut lead: tokio::sync::watch::Receiver<crate::daemon::Lead>) {
    // The sender is gone when the master has ended.
    let _ = lead.wait_for(|lead| *lead == crate::daemon::Lead::Ended).await;
}

async fn carry(
    snapshot: Arc<Snapshot>,
    First { turn, pace, hangup }: First,
    mut filter: Filter,
    mut events: Subscription,
    heartbeat_every: Duration,
    media: Media,
    out: RecordSender,
) {
    let snapshot = seen(snapshot, &filter.sight);
    let first = tokio::task::spawn_blocking(move || {
        let get_state = Some(state(&snapshot));
        let heartbeat_interval_seconds = Some(heartbeat_every.as_secs_f64());
        let subscribed = Some(event::Subscribed { get_state, heartbeat_interval_seconds });
        let event = v1::master::Event { r#type: Some(Type::Subscribed.into()), subscribed, ..Default::default() };
        record(&encode(media, &event))
    });
    let Ok(first) = first.await else { return };
    let (first, watch) = pace.hold(first, turn, hangup);
    tokio::spawn(watch);
    if out.send_frame(first).await.is_err() {
        return;
    }
    let mut heartbeats = tokio::time::interval_at(tokio::time::Instant::now() + heartbeat_every, heartbeat_every);
    loop {
        let event = tokio::select! {
            biased;
            () = out.closed() => return,
            event = events.recv() => match event {
                Ok(Event::Reset) => return tracing::warn!("a subscriber is cut off: the picture began anew"),
                Ok(event) if filter.shows(&event) => to_wire(&event),
                Ok(_) => continue,
                Err(error) => return tracing::warn!(%error, "a subscriber is cut off"),
            },
            _ = heartbeats.tick() => v1::master::Event { r#type: Some(Type::Heartbeat.into()), ..Default::default() },
        };
        if let Err(error) = out.send(&encode(media, &event)).await {
            return tracing::debug!(%error, "a subscriber is cut off");
        }
    }
}

/// Lets through what a subscriber may see.
struct Filter {
    sight: Sight,
    sees_all: bool,
    /// What of each framework; those that are not in it are seen by nobody who does not see all.
    frameworks: HashMap<FrameworkId, Visible>,
}

impl Filter {
    fn new(snapshot: &Snapshot, sight: Sight) -> Self {
        let sees_all = sight.sees_all();
        let mut filter = Self { sight, sees_all, frameworks: HashMap::new() };
        if !sees_all {
            for view in &snapshot.frameworks {
                filter.note(&view.row);
            }
        }
        filter
    }

    fn note(&mut self, row: &FrameworkRow) -> Visible {
        let visible = visible(&row.state.info, &self.sight);
        self.frameworks.insert(row.state.id.clone(), visible);
        visible
    }

    fn shows(&mut self, event: &Event) -> bool {
        if self.sees_all {
            return true;
        }
        match event {
            Event::TaskAdded(row) | Event::TaskUpdated(row) => {
                self.frameworks.get(&row.framework_id).is_some_and(|visible| visible.tasks)
            }
            Event::FrameworkAdded(row) | Event::FrameworkUpdated(row) => self.note(row).framework,
            Event::FrameworkRemoved(row) => {
                self.frameworks.remove(&row.state.id).is_some_and(|visible| visible.framework)
            }
            Event::AgentAdded(_) | Event::AgentRemoved(_) => self.sight.sees_agents(),
            Event::Reset => true,
        }
    }
}

fn to_wire(event: &Event) -> v1::master::Event {
    let mut written = v1::master::Event::default();
    let kind = match event {
        Event::TaskAdded(row) => {
            written.task_added = Some(event::TaskAdded { task: task(row) });
            Type::TaskAdded
        }
        Event::TaskUpdated(row) => {
            written.task_updated = Some(event::TaskUpdated {
                framework_id: (&row.framework_id).into(),
                status: last_status(row),
                state: v1::TaskState::from(row.state).into(),
            });
            Type::TaskUpdated
        }
        Event::FrameworkAdded(row) => {
            written.framework_added = Some(event::FrameworkAdded { framework: framework(row) });
            Type::FrameworkAdded
        }
        Event::FrameworkUpdated(row) => {
            written.framework_updated = Some(event::FrameworkUpdated { framework: framework(row) });
            Type::FrameworkUpdated
        }
        Event::FrameworkRemoved(row) => {
            written.framework_removed = Some(event::FrameworkRemoved { framework_info: framework(row).framework_info });
            Type::FrameworkRemoved
        }
        Event::AgentAdded(row) => {
            written.agent_added = Some(event::AgentAdded { agent: agent(row) });
            Type::AgentAdded
        }
        Event::AgentRemoved(row) => {
            written.agent_removed = Some(event::AgentRemoved { agent_id: (&row.state.id).into() });
            Type::AgentRemoved
        }
        // The stream ends with it.
        Event::Reset => Type::Unknown,
    };
    written.set_type(kind);
    written
}
