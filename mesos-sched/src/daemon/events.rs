//! A framework as a stream of events, for authors who would rather await than be called.
//!
//! ```no_run
//! # use mesos_core::{FrameworkInfo, Resources, Role, TaskInfo, TaskId};
//! # use mesos_sched::daemon::{FrameworkEvent, FrameworkEvents, SchedulerSetup};
//! # async fn example(setup: SchedulerSetup<mesos_sched::daemon::EventScheduler>, events: FrameworkEvents) -> Result<(), Box<dyn std::error::Error>> {
//! let mut framework = events.start(setup).await?;
//! while let Some(event) = framework.next().await {
//!     match event {
//!         FrameworkEvent::Offers(offers) => {
//!             for offer in offers {
//!                 let task = TaskInfo::shell(TaskId::new("hello")?, offer.agent_id.clone(), "cpus:1".parse()?, "echo hello");
//!                 framework.launch(&offer, [task]).await;
//!             }
//!         }
//!         FrameworkEvent::Update(status) => {
//!             println!("{} is {}", status.task_id, status.state);
//!             framework.acknowledge(&status).await;
//!         }
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The driver underneath is the same: it subscribes, fails over and reconciles. What waits for the author is bounded. When
//! the author is so slow that the bound is reached, offers are declined at once, and updates that want to be acknowledged
//! are not, so that they come again: that costs time alone. Whatever else found no room is not said again, and the author
//! finds [`FrameworkEvent::Missed`] in its place; nothing is lost in silence.

use std::fmt;
use std::sync::Arc;

use mesos_core::kernel::Rng;
use mesos_core::provider::Action;
use mesos_core::{
    Ack, AgentId, ExecutorId, FrameworkId, InverseOffer, Now, Offer, OfferId, OperationStatus, Rejection, Scheduler,
    SchedulerCx, TaskId, TaskInfo, TaskStatus,
};
use tokio::sync::mpsc;

use super::{SchedulerDriver, SchedulerEnded, SchedulerSetup, StartError};
use crate::driver::StopReason;

/// Events that wait for the author, unless told otherwise.
pub const EVENTS_WAITING_MAX: usize = 4_096;

/// What happens to a framework.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FrameworkEvent {
    /// The subscription holds, for the first time or again; offers from before are void.
    Subscribed(FrameworkId),
    /// The connection broke; the driver looks for the leader. Tasks run on.
    Disconnected,
    /// Resources to use or decline.
    Offers(Vec<Offer>),
    /// An offer that cannot be used any more.
    Rescinded(OfferId),
    /// Requests to give agents back.
    InverseOffers(Vec<InverseOffer>),
    /// A request that needs no answer any more.
    InverseOfferRescinded(OfferId),
    /// News of a task. Must be [acknowledged](EventFramework::acknowledge); until then it comes again.
    Update(Box<TaskStatus>),
    /// News of an operation that was given an id. It is acknowledged when it is here.
    OperationUpdate(Box<OperationStatus>),
    /// Bytes from an executor.
    Message {
        /// On which agent.
        agent_id: AgentId,
        /// From which executor.
        executor_id: ExecutorId,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// An agent was lost. A hint: each task's own update says what became of it.
    AgentLost(AgentId),
    /// An executor ended.
    ExecutorLost(AgentId, ExecutorId),
    /// The master refused a call.
    Refused(Rejection),
    /// The author was so slow that events found no room here, of those that are not said again: anything but offers and
    /// updates that must be acknowledged. Whether the subscription held all the time is not known, nor which offers are
    /// still good: tasks launched on one that is not end with an update that says so. How tasks are is told
    /// again to whoever [reconciles](EventFramework::act) them.
    Missed,
}

/// The scheduler that hands events on. It is made by [`FrameworkEvents`].
#[derive(Debug)]
pub struct EventScheduler {
    events: mpsc::Sender<FrameworkEvent>,
    /// The place of the next [`FrameworkEvent::Missed`]; no event takes one as long as this has none, so that each gap has
    /// its mark.
    mark: Option<mpsc::OwnedPermit<FrameworkEvent>>,
    /// Whether such a mark was the last that was told.
    is_marked: bool,
}

impl EventScheduler {
    /// Whether there is room. Nobody else takes it.
    fn has_room(&mut self) -> bool {
        if self.mark.is_none() {
            self.mark = self.events.clone().try_reserve_owned().ok();
        }
        self.mark.is_some() && self.events.capacity() > 0 && !self.events.is_closed()
    }

    /// Whether there was room.
    fn tell(&mut self, event: FrameworkEvent) -> bool {
        let is_told = self.has_room() && self.events.try_send(event).is_ok();
        self.is_marked &= !is_told;
        is_told
    }

    /// Tells what is said once.
    fn tell_once(&mut self, event: FrameworkEvent) {
        if self.tell(event) || self.is_marked {
            return;
        }
        if let Some(mark) = self.mark.take() {
            mark.send(FrameworkEvent::Missed);
            self.is_marked = true;
        }
    }
}

impl Scheduler for EventScheduler {
    fn subscribed(&mut self, _: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.tell_once(FrameworkEvent::Subscribed(id.clone()));
    }

    fn disconnected(&mut self, _: &mut SchedulerCx<'_>) {
        self.tell_once(FrameworkEvent::Disconnected);
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        match self.has_room() {
            true => self.tell_once(FrameworkEvent::Offers(offers)),
            false => offers.iter().for_each(|offer| cx.decline(offer)),
        }
    }

    fn update(&mut self, _: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        let event = FrameworkEvent::Update(Box::new(status.clone()));
        match status.uuid {
            // One that found no room is not acknowledged by anybody, and comes again.
            Some(_) => {
                self.tell(event);
            }
            None => self.tell_once(event),
        }
        Ack::Manual
    }

    fn operation_updated(&mut self, _: &mut SchedulerCx<'_>, status: &OperationStatus) -> Ack {
        let event = FrameworkEvent::OperationUpdate(Box::new(status.clone()));
        if status.uuid.is_none() {
            self.tell_once(event);
            return Ack::Auto;
        }
        // One that found no room comes again.
        match self.tell(event) {
            true => Ack::Auto,
            false => Ack::Manual,
        }
    }

    fn rescinded(&mut self, _: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.tell_once(FrameworkEvent::Rescinded(offer.clone()));
    }

    fn inverse_offers(&mut self, _: &mut SchedulerCx<'_>, offers: Vec<InverseOffer>) {
        self.tell_once(FrameworkEvent::InverseOffers(offers));
    }

    fn inverse_offer_rescinded(&mut self, _: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.tell_once(FrameworkEvent::InverseOfferRescinded(offer.clone()));
    }

    fn message(&mut self, _: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId, data: &[u8]) {
        let (agent_id, executor_id) = (agent.clone(), executor.clone());
        self.tell_once(FrameworkEvent::Message { agent_id, executor_id, data: data.into() });
    }

    fn agent_lost(&mut self, _: &mut SchedulerCx<'_>, agent: &AgentId) {
        self.tell_once(FrameworkEvent::AgentLost(agent.clone()));
    }

    fn executor_lost(&mut self, _: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId) {
        self.tell_once(FrameworkEvent::ExecutorLost(agent.clone(), executor.clone()));
    }

    fn refused(&mut self, _: &mut SchedulerCx<'_>, why: &Rejection) {
        self.tell_once(FrameworkEvent::Refused(why.clone()));
    }
}

/// The author's end of the events, before the framework is started.
#[derive(Debug)]
pub struct FrameworkEvents {
    events: mpsc::Receiver<FrameworkEvent>,
}

impl FrameworkEvents {
    /// A scheduler for a [`SchedulerSetup`], and the other end of it. At most `waiting_max` events wait.
    ///
    /// # Panics
    /// When nothing may wait.
    #[must_use]
    pub fn channel(waiting_max: usize) -> (Box<EventScheduler>, Self) {
        assert!(waiting_max > 0, "an author who may leave nothing waiting hears nothing");
        let (sender, events) = mpsc::channel(waiting_max.saturating_add(1));
        let mark = sender.clone().try_reserve_owned().ok();
        (Box::new(EventScheduler { events: sender, mark, is_marked: false }), Self { events })
    }

    /// Starts the framework.
    ///
    /// # Errors
    /// As [`SchedulerDriver::start`].
    pub async fn start(self, setup: SchedulerSetup<EventScheduler>) -> Result<EventFramework, StartError> {
        Ok(EventFramework { driver: SchedulerDriver::start(setup).await?, events: self.events })
    }
}

/// A framework whose events are awaited.
#[derive(Debug)]
pub struct EventFramework {
    driver: SchedulerDriver<EventScheduler>,
    events: mpsc::Receiver<FrameworkEvent>,
}

impl EventFramework {
    /// The next event; nothing when the framework has ended. Can be awaited anew after it was dropped: no event is lost.
    pub async fn next(&mut self) -> Option<FrameworkEvent> {
        self.events.recv().await
    }

    /// Does what a scheduler does with its context; whether the framework still takes anything.
    ///
    /// What is asked for within one call is said in that order.
    pub async fn act(&self, ask: impl FnOnce(&mut SchedulerCx<'_>) + Send + 'static) -> bool {
        self.driver.act(ask).await
    }

    /// Runs tasks on an offer.
    pub async fn launch(&self, offer: &Offer, tasks: impl IntoIterator<Item = TaskInfo> + Send) -> bool {
        let (offer, tasks) = (offer.clone(), tasks.into_iter().collect::<Vec<_>>());
        self.act(move |cx| cx.launch(&offer, tasks)).await
    }

    /// Refuses an offer for the default time.
    pub async fn decline(&self, offer: &Offer) -> bool {
        let offer = offer.clone();
        self.act(move |cx| cx.decline(&offer)).await
    }

    /// Ends a task.
    pub async fn kill(&self, task_id: TaskId) -> bool {
        self.act(move |cx| cx.kill(task_id)).await
    }

    /// Has taken note of an update.
    pub async fn acknowledge(&self, status: &TaskStatus) -> bool {
        let status = status.clone();
        self.act(move |cx| cx.acknowledge(&status)).await
    }

    /// Wants no offers.
    pub async fn suppress(&self) -> bool {
        self.act(|cx| cx.suppress()).await
    }

    /// Wants offers again.
    pub async fn revive(&self) -> bool {
        self.act(|cx| cx.revive()).await
    }

    /// Ends the framework, with its tasks or leaving them to a later run; why it ended.
    ///
    /// # Errors
    /// When its task panicked or was aborted.
    pub async fn stop(self, teardown: bool) -> Result<StopReason, StartError> {
        self.driver.stop(teardown).await;
        let SchedulerEnded { why, .. } = self.driver.join().await?;
        Ok(why)
    }
}

/// What a closure asks a context for.
pub(super) struct AskBox(Box<dyn FnOnce(&mut SchedulerCx<'_>) + Send>);

impl AskBox {
    pub(super) fn new(ask: impl FnOnce(&mut SchedulerCx<'_>) + Send + 'static) -> Self {
        Self(Box::new(ask))
    }

    /// The actions it asks for.
    pub(super) fn actions(self, now: Now, rng: &mut Rng) -> Vec<Action> {
        let mut actions = Vec::new();
        (self.0)(&mut SchedulerCx::new(now, rng, &mut actions));
        actions
    }
}

impl fmt::Debug for AskBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskBox")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesos_core::call::Leader;
    use mesos_core::call::scheduler::{Call, Event};
    use mesos_core::daemon::{Directory, MemoryStore};
    use mesos_core::kernel::{Outbound, Term};
    use mesos_core::{AgentInfo, FrameworkInfo, MasterId, Resources, Role, Source, TaskState, UpdateId, WallTime};

    use super::*;
    use crate::daemon::election::Fixed;

    #[test]
    fn where_events_found_no_room_the_author_is_told_so() {
        let (mut scheduler, mut author) = FrameworkEvents::channel(2);
        let (mut rng, mut actions) = (Rng::new(1), Vec::new());
        let mut cx = SchedulerCx::new(Now::default(), &mut rng, &mut actions);
        let agent = |n: u32| AgentId::new(format!("a{n}")).unwrap();
        let lost = |n: u32| Some(FrameworkEvent::AgentLost(agent(n)));
        let mut next = || author.events.try_recv().ok();
        for n in 1..=4 {
            scheduler.agent_lost(&mut cx, &agent(n));
        }
        assert_eq!(next(), lost(1));
        // The place that is free now is that of the next mark; this one is in the gap that has its mark already.
        scheduler.agent_lost(&mut cx, &agent(5));
        assert_eq!(next(), lost(2));
        scheduler.agent_lost(&mut cx, &agent(6));
        assert_eq!(next(), Some(FrameworkEvent::Missed));
        scheduler.agent_lost(&mut cx, &agent(7));
        assert_eq!((next(), next(), next()), (lost(6), lost(7), None));

        let status = |uuid| {
            let id = TaskId::new("t").unwrap();
            let mut status = TaskStatus::new(id, TaskState::Lost, Source::Master, WallTime::default());
            status.uuid = uuid;
            status
        };
        scheduler.rescinded(&mut cx, &OfferId::new("o").unwrap());
        scheduler.disconnected(&mut cx);
        // This one comes again; of this one nobody waits for an acknowledgement.
        assert_eq!(scheduler.update(&mut cx, &status(Some(UpdateId(1)))), Ack::Manual);
        assert_eq!(next(), Some(FrameworkEvent::Rescinded(OfferId::new("o").unwrap())));
        assert_eq!((next(), next()), (Some(FrameworkEvent::Disconnected), None));
        for n in 1..=2 {
            scheduler.agent_lost(&mut cx, &agent(n));
        }
        assert_eq!(scheduler.update(&mut cx, &status(None)), Ack::Manual);
        assert_eq!((next(), next(), next(), next()), (lost(1), lost(2), Some(FrameworkEvent::Missed), None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_author_awaits_events_and_answers_them() {
        let directory = Directory::new();
        let mut door = directory.open("here");
        let leader = Leader { id: MasterId::new("m1").unwrap(), address: "here".into(), term: Term(1) };
        let (scheduler, events) = FrameworkEvents::channel(2);
        let info = FrameworkInfo::new("f", Role::new("web").unwrap());
        let memory = Arc::new(MemoryStore::new());
        let setup = SchedulerSetup::new(info, scheduler, memory, Box::new(Fixed::new(leader)), Arc::new(directory));
        let mut framework = events.start(setup).await.unwrap();

        let mut master = door.schedulers.recv().await.unwrap();
        let mut outbound = Outbound::default();
        assert!(matches!(master.receiver.recv().await.unwrap().1, Call::Subscribe { .. }));
        let framework_id = FrameworkId::new("f1").unwrap();
        let subscribed = Event::Subscribed {
            framework_id: framework_id.clone(),
            master_id: MasterId::new("m1").unwrap(),
            heartbeat_every: Duration::from_secs(15),
        };
        master.sender.send((outbound.next(), subscribed)).await.unwrap();
        assert_eq!(framework.next().await, Some(FrameworkEvent::Subscribed(framework_id.clone())));

        let agent_id = AgentId::new("a1").unwrap();
        let agent = Arc::new(AgentInfo::new("h", Resources::new()));
        let offer = Offer::new(
            OfferId::new("o1").unwrap(),
            framework_id,
            agent_id.clone(),
            Role::new("web").unwrap(),
            "cpus:1".parse().unwrap(),
            agent,
        );
        master.sender.send((outbound.next(), Event::Offers(vec![offer.clone()]))).await.unwrap();
        assert_eq!(framework.next().await, Some(FrameworkEvent::Offers(vec![offer.clone()])));
        let task_id = TaskId::new("t1").unwrap();
        let task = TaskInfo::shell(task_id.clone(), agent_id.clone(), "cpus:1".parse().unwrap(), "true");
        assert!(framework.launch(&offer, [task]).await);
        let next_call = async |master: &mut mesos_core::daemon::Stream<Event, Call>| loop {
            let (_, call) = master.receiver.recv().await.unwrap();
            if !matches!(call, Call::Reconcile { .. }) {
                return call;
            }
        };
        assert!(matches!(next_call(&mut master).await, Call::Accept { .. }));
        let mut status =
            TaskStatus::new(task_id, TaskState::Running, Source::Executor, WallTime::default()).on(agent_id);
        status.uuid = Some(UpdateId(1));
        master.sender.send((outbound.next(), Event::Update(status.clone().into()))).await.unwrap();
        assert_eq!(framework.next().await, Some(FrameworkEvent::Update(Box::new(status.clone()))));
        assert!(framework.acknowledge(&status).await);
        assert!(matches!(next_call(&mut master).await, Call::Acknowledge { uuid: UpdateId(1), .. }));

        // An author who takes nothing: what does not fit is declined, and the master hears it.
        for _ in 0..3 {
            master.sender.send((outbound.next(), Event::Offers(vec![offer.clone()]))).await.unwrap();
        }
        assert!(matches!(next_call(&mut master).await, Call::Decline { .. }));
    }
}
