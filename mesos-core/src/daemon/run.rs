//! The loop: one machine, its inbox, its deadlines, its effects.
//!
//! One await per turn: the inbox or the deadline. Everything slow happens in tasks that report back through the inbox, so
//! a step never waits. The inbox is bounded; whoever reports waits for room, and so does, through its connection, a peer
//! that says more than the machine can fold.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::Task;
use crate::kernel::{Cx, Machine, Rng};
use crate::provider::Clock;
use crate::time::Now;

/// How many arrivals may wait. Reporters wait for room.
const INBOX_MAX: usize = 4_096;
/// How many arrivals of one reporter go in together: what a busy connection costs is shared by as many messages.
pub const TOGETHER_MAX: usize = 64;
/// After so many steps in a row the loop lets other tasks run.
const STEPS_IN_A_ROW_MAX: u32 = 256;

/// Whether the machine goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// It does.
    Continue,
    /// It asked to end.
    Stop,
}

/// Performs what a machine asks for, and takes in what comes of it.
pub trait World<M: Machine>: Send {
    /// What the world's own tasks report.
    type Arrival: Send;

    /// Turns a report into an input, if it still means anything.
    fn admit(&mut self, arrival: Self::Arrival) -> Option<M::Input>;

    /// Does what was asked for, without waiting: what takes time is begun as a task. What can be answered at once goes to
    /// `back` and is handled next.
    fn perform(&mut self, effect: M::Effect, back: &mut VecDeque<M::Input>) -> Flow;

    /// All effects of a step have been performed; this is the machine after it.
    fn settled(&mut self, _machine: &M) {}
}

/// Sees every step of a machine, and can change none: the place to record one.
pub trait Recorder<M: Machine>: Send {
    /// A step begins: with an input, or a tick.
    fn begin(&mut self, now: Now, input: Option<&M::Input>);
    /// The step that began asks for this; none of it is performed yet.
    fn end(&mut self, effects: &[M::Effect]);
}

type Look<M> = Box<dyn FnOnce(&M) + Send>;

enum Item<M, A> {
    Arrival(A),
    Look(Look<M>),
}

/// Where arrivals go in. Cheap to clone; sending to a machine that has ended does nothing.
pub struct Inbox<M, A> {
    sender: mpsc::Sender<Item<M, A>>,
    looks: Arc<AtomicUsize>,
}

/// What waits in an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// What was reported.
    pub arrivals: usize,
    /// Those who want to look at the machine.
    pub looks: usize,
}

/// Somebody who wants to look, until they have looked or want no more.
struct Looking(Arc<AtomicUsize>);

impl Looking {
    fn begin(looks: &Arc<AtomicUsize>) -> Self {
        looks.fetch_add(1, Ordering::Relaxed);
        Self(looks.clone())
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a host takes arrivals out.
pub struct Mailbox<M, A>(mpsc::Receiver<Item<M, A>>);

/// An inbox and its other end.
#[must_use]
pub fn inbox<M, A>() -> (Inbox<M, A>, Mailbox<M, A>) {
    let (sender, receiver) = mpsc::channel(INBOX_MAX);
    (Inbox { sender, looks: Arc::default() }, Mailbox(receiver))
}

impl<M, A> Clone for Inbox<M, A> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), looks: self.looks.clone() }
    }
}

impl<M, A: Send> Inbox<M, A> {
    /// Reports something; waits for room. Whether the machine still takes anything.
    pub async fn send(&self, arrival: A) -> bool {
        self.sender.send(Item::Arrival(arrival)).await.is_ok()
    }

    /// Reports several things in their order, at most [`TOGETHER_MAX`]; waits for room for all of them. Whether the machine
    /// still takes anything.
    pub async fn send_all(&self, arrivals: impl ExactSizeIterator<Item = A> + Send) -> bool {
        debug_assert!(arrivals.len() <= TOGETHER_MAX, "there will never be so much room");
        let Ok(room) = self.sender.reserve_many(arrivals.len()).await else { return false };
        room.zip(arrivals).for_each(|(place, arrival)| place.send(Item::Arrival(arrival)));
        true
    }

    /// What waits for the machine.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        // One who looks may still wait for room.
        let looks = self.looks.load(Ordering::Relaxed);
        let all = self.sender.max_capacity() - self.sender.capacity();
        Waiting { arrivals: all.saturating_sub(looks), looks }
    }

    /// Waits until the machine has ended.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Looks at the machine between two steps; nothing when it has ended.
    pub async fn inspect<R: Send + 'static>(&self, look: impl FnOnce(&M) -> R + Send + 'static) -> Option<R> {
        let (answer, answered) = oneshot::channel();
        // Nobody may wait for the answer any more; the look changes nothing either way.
        let looking = Looking::begin(&self.looks);
        let look: Look<M> = Box::new(move |machine| {
            drop(looking);
            drop(answer.send(look(machine)));
        });
        self.sender.send(Item::Look(look)).await.ok()?;
        answered.await.ok()
    }
}

/// One machine and everything around it.
pub struct Host<M: Machine, W: World<M>> {
    machine: M,
    world: W,
    mailbox: Mailbox<M, W::Arrival>,
    clock: Arc<dyn Clock>,
    rng: Rng,
    recorder: Option<Box<dyn Recorder<M>>>,
}

/// What is left when a machine has ended.
#[derive(Debug)]
pub struct Ended<M, W> {
    /// The machine in its last state.
    pub machine: M,
    /// The world around it.
    pub world: W,
}

impl<M, W> Host<M, W>
where
    M: Machine + Send + 'static,
    M::Input: Send,
    M::Effect: Send,
    W: World<M> + 'static,
{
    /// A host. All randomness of the machine comes from `rng`.
    pub fn new(machine: M, world: W, mailbox: Mailbox<M, W::Arrival>, clock: Arc<dyn Clock>, rng: Rng) -> Self {
        Self { machine, world, mailbox, clock, rng, recorder: None }
    }

    /// Lets every step be seen by `recorder`.
    #[must_use]
    pub fn recorded(mut self, recorder: Option<Box<dyn Recorder<M>>>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Drives the machine, beginning with `first`, until it asks to end.
    pub async fn run(mut self, first: M::Input) -> Ended<M, W> {
        let (mut back, mut out) = (VecDeque::from([first]), Vec::new());
        let mut steps = 0_u32;
        loop {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(STEPS_IN_A_ROW_MAX) {
                tokio::task::yield_now().await;
            }
            if self.tick_if_due(&mut out, &mut back) == Flow::Stop {
                return Ended { machine: self.machine, world: self.world };
            }
            let input = match back.pop_front() {
                Some(input) => Some(input),
                None => match self.next().await {
                    Wake::Input(input) => Some(input),
                    Wake::Nothing => None,
                    Wake::Closed => return Ended { machine: self.machine, world: self.world },
                },
            };
            let Some(input) = input else { continue };
            let now = self.clock.now();
            if let Some(recorder) = &mut self.recorder {
                recorder.begin(now, Some(&input));
            }
            self.machine.handle(&mut Cx::new(now, &mut self.rng, &mut out), input);
            if self.perform(&mut out, &mut back) == Flow::Stop {
                return Ended { machine: self.machine, world: self.world };
            }
        }
    }

    fn tick_if_due(&mut self, out: &mut Vec<M::Effect>, back: &mut VecDeque<M::Input>) -> Flow {
        let Some(due) = self.machine.deadline() else { return Flow::Continue };
        let now = self.clock.now();
        if due > now.mono {
            return Flow::Continue;
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.begin(now, None);
        }
        self.machine.tick(&mut Cx::new(now, &mut self.rng, out));
        self.perform(out, back)
    }

    fn perform(&mut self, out: &mut Vec<M::Effect>, back: &mut VecDeque<M::Input>) -> Flow {
        if let Some(recorder) = &mut self.recorder {
            recorder.end(out);
        }
        let mut flow = Flow::Continue;
        for effect in out.drain(..) {
            if self.world.perform(effect, back) == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        self.world.settled(&self.machine);
        flow
    }

    /// Waits for an arrival or the deadline.
    async fn next(&mut self) -> Wake<M::Input> {
        let item = match self.mailbox.0.try_recv() {
            Ok(item) => Some(item),
            Err(mpsc::error::TryRecvError::Disconnected) => None,
            Err(mpsc::error::TryRecvError::Empty) => {
                let deadline = self.machine.deadline();
                tokio::select! {
                    biased;
                    item = self.mailbox.0.recv() => item,
                    () = sleep_until(&*self.clock, deadline) => return Wake::Nothing,
                }
            }
        };
        match item {
            None => Wake::Closed,
            Some(Item::Arrival(arrival)) => self.world.admit(arrival).map_or(Wake::Nothing, Wake::Input),
            Some(Item::Look(look)) => {
                look(&self.machine);
                Wake::Nothing
            }
        }
    }

    /// Runs in a task of its own.
    pub fn spawn(self, inbox: Inbox<M, W::Arrival>, first: M::Input) -> Running<M, W> {
        Running { inbox, task: Task::spawn(self.run(first)) }
    }
}

enum Wake<I> {
    Input(I),
    /// The deadline, a look, or a report that came too late to mean anything.
    Nothing,
    Closed,
}

async fn sleep_until(clock: &dyn Clock, deadline: Option<crate::time::Instant>) {
    match deadline {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A machine that runs in a task. Dropping this ends it as if its process had died.
pub struct Running<M: Machine, W: World<M>> {
    inbox: Inbox<M, W::Arrival>,
    task: Task<Ended<M, W>>,
}

impl<M, W> Running<M, W>
where
    M: Machine + Send + 'static,
    W: World<M> + 'static,
{
    /// Where reports to it go in.
    #[must_use]
    pub const fn inbox(&self) -> &Inbox<M, W::Arrival> {
        &self.inbox
    }

    /// Reports something to it; whether it still takes anything.
    pub async fn send(&self, arrival: W::Arrival) -> bool {
        self.inbox.send(arrival).await
    }

    /// Looks at the machine between two steps; nothing when it has ended.
    pub async fn inspect<R: Send + 'static>(&self, look: impl FnOnce(&M) -> R + Send + 'static) -> Option<R> {
        self.inbox.inspect(look).await
    }

    /// Waits until it has ended, in whatever way.
    pub async fn ended(&self) {
        self.inbox.closed().await;
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it panicked or was aborted.
    pub async fn join(self) -> Result<Ended<M, W>, tokio::task::JoinError> {
        self.task.join().await
    }

    /// Ends it as if its process had died.
    pub fn abort(&self) {
        self.task.abort();
    }
}

/// A seed from the operating system. Hosts log it: with the recorded inputs it makes a run repeatable.
#[must_use]
pub fn entropy() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

impl<M, A> fmt::Debug for Inbox<M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("room", &self.sender.capacity()).finish()
    }
}

impl<M, A> fmt::Debug for Mailbox<M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("waiting", &self.0.len()).finish()
    }
}

impl<M: Machine, W: World<M>> fmt::Debug for Host<M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("mailbox", &self.mailbox).field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl<M: Machine, W: World<M>> fmt::Debug for Running<M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::daemon::SystemClock;
    use crate::time::Instant;

    /// Counts inputs and ticks every second; stops at ten of either.
    #[derive(Debug, Default)]
    struct Counter {
        inputs: u32,
        ticks: u32,
        due: Option<Instant>,
    }

    impl Machine for Counter {
        type Input = u32;
        type Effect = u32;

        fn handle(&mut self, cx: &mut Cx<'_, u32>, input: u32) {
            self.inputs += 1;
            self.due.get_or_insert(cx.now.mono + Duration::from_secs(1));
            cx.emit(input);
        }

        fn deadline(&self) -> Option<Instant> {
            self.due
        }

        fn tick(&mut self, cx: &mut Cx<'_, u32>) {
            self.ticks += 1;
            self.due = Some(cx.now.mono + Duration::from_secs(1));
            cx.emit(100 + self.ticks);
        }
    }

    /// Answers 1 with 2, drops 7, stops at 10 and at the tenth tick.
    #[derive(Debug, Default)]
    struct Answering(Vec<u32>);

    impl World<Counter> for Answering {
        type Arrival = u32;

        fn admit(&mut self, arrival: u32) -> Option<u32> {
            (arrival != 7).then_some(arrival)
        }

        fn perform(&mut self, effect: u32, back: &mut VecDeque<u32>) -> Flow {
            self.0.push(effect);
            if effect == 1 {
                back.push_back(2);
            }
            if effect == 10 || effect == 110 { Flow::Stop } else { Flow::Continue }
        }
    }

    fn start() -> Running<Counter, Answering> {
        let (inbox, mailbox) = inbox();
        let clock = Arc::new(SystemClock::new());
        Host::new(Counter::default(), Answering::default(), mailbox, clock, Rng::new(1)).spawn(inbox, 0)
    }

    #[tokio::test]
    async fn it_is_known_what_waits_for_the_machine() {
        let (inbox, mailbox) = inbox::<Counter, u32>();
        assert!(inbox.send(3).await && inbox.send(4).await);
        let own = inbox.clone();
        let look = tokio::spawn(async move { own.inspect(|machine| machine.inputs).await });
        while inbox.waiting() != (Waiting { arrivals: 2, looks: 1 }) {
            tokio::task::yield_now().await;
        }
        let clock = Arc::new(SystemClock::new());
        let host = Host::new(Counter::default(), Answering::default(), mailbox, clock, Rng::new(1));
        let _running = host.spawn(inbox.clone(), 0);
        assert_eq!(look.await.unwrap(), Some(3));
        assert_eq!(inbox.waiting(), Waiting { arrivals: 0, looks: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn arrivals_answers_and_deadlines_reach_the_machine_until_it_stops() {
        let running = start();
        for arrival in [1, 7, 3] {
            assert!(running.send(arrival).await);
        }
        assert_eq!(running.inspect(|machine| machine.inputs).await, Some(4));
        let ended = running.join().await.unwrap();
        assert_eq!(ended.machine.ticks, 10);
        assert_eq!(ended.world.0[..4], [0, 1, 2, 3], "an answer is handled before the next arrival");
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_in_together_is_handled_in_its_order() {
        let running = start();
        for first in [20, 30] {
            assert!(running.inbox().send_all((first..first + 5).collect::<Vec<_>>().into_iter()).await);
        }
        assert_eq!(running.inspect(|machine| machine.inputs).await, Some(11));
        let ended = running.join().await.unwrap();
        assert_eq!(ended.world.0[..11], [0, 20, 21, 22, 23, 24, 30, 31, 32, 33, 34]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_ended_takes_nothing_more() {
        let running = start();
        running.send(10).await;
        while !running.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(!running.send(1).await);
        assert_eq!(running.inspect(|machine| machine.inputs).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_arrivals_does_not_keep_deadlines_from_being_met() {
        let running = start();
        let ended = loop {
            if !running.send(3).await {
                break running.join().await.unwrap();
            }
            tokio::time::advance(Duration::from_millis(10)).await;
        };
        assert_eq!(ended.machine.ticks, 10);
    }
}
