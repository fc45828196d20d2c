//! How long tasks take until they run, as the master sees it.

use mesos_core::TaskState;
use mesos_core::daemon::OpenSpans;
use tokio::sync::broadcast::error::RecvError;

use super::{Event, Subscription};

/// Tells what it hears until there is no more. Tasks that came with their agent set out before this master knew of them.
pub(super) async fn tell(mut events: Subscription, mut open: OpenSpans) {
    loop {
        match events.recv().await {
            Ok(Event::TaskAdded(row)) if row.state == TaskState::Staging => {
                open.begin(&row.framework_id, row.id(), &row.agent_id, row.since_wall);
            }
            Ok(Event::TaskUpdated(row)) => {
                if let Some(last) = row.statuses.last() {
                    open.reach(&row.framework_id, row.id(), last.state, row.heard_wall);
                }
            }
            Ok(Event::Reset) => open.forget(),
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "spans of tasks are told too late; those under way are let go");
                open.forget();
            }
            Err(RecvError::Closed) => return,
        }
    }
}
