//! From the master's events to the records of one subscription.

use std::sync::Arc;

use mesos_core::RejectionCode;
use mesos_core::call::scheduler::Event;
use mesos_core::kernel::Seq;
use mesos_core::net::http::{Media, RecordSender, encode};
use mesos_core::wire::convert::{ReservationForm, event_to_wire};
use mesos_core::wire::v1;
use tokio::sync::mpsc;

use super::session::{Session, Sessions};

/// One subscription on its way out.
pub(super) struct Pump {
    pub session: Arc<Session>,
    pub sessions: Arc<Sessions>,
    pub master: v1::MasterInfo,
    pub form: ReservationForm,
    pub media: Media,
    pub out: RecordSender,
}

impl Pump {
    /// Carries events until either side ends the subscription.
    pub(super) async fn run(
        self,
        mut events: mpsc::Receiver<(Seq, Event)>,
        mut asides: mpsc::Receiver<v1::scheduler::Event>,
    ) {
        let mut subscribed = None;
        loop {
            let event = tokio::select! {
                biased;
                () = self.out.closed() => break,
                Some(aside) = asides.recv() => aside,
                event = events.recv() => match event {
                    None => break,
                    Some((_, event)) => match self.translate(event, &mut subscribed) {
                        Some(event) => event,
                        None => continue,
                    },
                },
            };
            if let Err(error) = self.out.send(&encode(self.media, &event)).await {
                tracing::warn!(framework = ?subscribed, %error, "a subscription is cut off");
                break;
            }
        }
        if let Some(id) = subscribed {
            self.sessions.end(&id, &self.session);
        }
    }

    /// What the client is told of an event, if anything.
    fn translate(
        &self,
        event: Event,
        subscribed: &mut Option<mesos_core::FrameworkId>,
    ) -> Option<v1::scheduler::Event> {
        match &event {
            Event::Subscribed { framework_id, .. } => {
                // Before the client can know its id and use it.
                self.sessions.begin(framework_id.clone(), self.session.clone());
                *subscribed = Some(framework_id.clone());
            }
            // To clients an error is the end of a subscription; a single call that was refused is none. Mesos drops such
            // calls in silence as well.
            Event::Error(why) if subscribed.is_some() && !ends_subscription(why.code) => {
                tracing::warn!(framework = ?subscribed, %why, "a call was refused");
                return None;
            }
            _ => {}
        }
        Some(event_to_wire(&event, &self.master, self.form))
    }
}

const fn ends_subscription(code: RejectionCode) -> bool {
    matches!(code, RejectionCode::FrameworkRemoved | RejectionCode::FailedOver | RejectionCode::NotLeading)
}
