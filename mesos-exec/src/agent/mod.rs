//! The agent: a pure machine that registers with the leading master, runs tasks under executors, delivers what is said
//! about them until it is acknowledged, and takes up where it left off after a restart.
//!
//! ```text
//!   Input ─▶ routing (this file) ─┬─ registration   the connection to the master
//!                                 ├─ launch, kill   tasks in and out        ─┐
//!                                 ├─ hosting        executors as guests      ├─▶ book, update_stream, timers
//!                                 ├─ remote         executors as processes   │
//!                                 ├─ containment    what guests run in       │
//!                                 ├─ checking       whether tasks are well   │
//!                                 ├─ standalone     containers nobody but who asked has
//!                                 ├─ delivery       updates, until taken    ─┘
//!                                 ├─ operation      what became of operations, until taken
//!                                 ├─ shutdown       executors, frameworks, the agent itself
//!                                 └─ recovery       from checkpoints
//! ```
//!
//! It touches nothing: containers, disk and network are asked for as [`Effect`]s and answered as [`Input`]s. Two hosts drive
//! it, the tokio daemon and the simulator. It does not judge offers or resources: the master has.
//!
//! A kill of a task the agent does not know is ignored. The master holds a task for an agent only between the launch it sent
//! and the acknowledged end, both on the same ordered connection, and learns of everything else from the re-registration; so
//! such a kill is one that crossed the task's end.

mod book;
mod checking;
mod checkpoint;
mod containment;
mod delivery;
mod effect;
mod ended;
pub(crate) mod environment;
mod factory;
mod gc;
mod hosting;
mod input;
mod kill;
mod launch;
mod nested;
mod operation;
mod options;
mod past;
mod pending;
mod recipe;
mod reconfiguration;
mod recovery;
mod registration;
mod remote;
mod shutdown;
mod snapshot;
mod standalone;
mod update_stream;
mod validate;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::ConnId;
use mesos_core::call::agent::ToAgent;
use mesos_core::call::executor::Call;
use mesos_core::kernel::{Cx, Draft, Machine, Ticket, Tickets, TimerTable};
use mesos_core::provider::StoreError;
use mesos_core::{AgentId, AgentInfo, ContainerId, Instant, Resources, UpdateId, WallTime};

use self::book::{Book, ContainerRef, ExecutorRef, TaskRef};
#[cfg(all(feature = "net", any(test, fuzzing)))]
pub(crate) use self::checkpoint::read as read_checkpoint;
pub use self::effect::{ContainerOp, Effect, StopReason};
use self::ended::Ended;
pub use self::factory::ExecutorFactory;
pub use self::gc::GcOptions;
pub use self::input::{ContainerOutcome, Input};
pub use self::nested::{Answer, ContainerAsk, Nest, WAITS_PER_CONTAINER_MAX};
use self::operation::Operations;
pub use self::options::{ExecutorTransport, Options};
use self::past::Past;
pub use self::past::{PastExecutor, PastFramework, PastOptions, PastTask};
use self::pending::{Pending, Unanswered};
pub use self::recipe::Recipe;
pub use self::reconfiguration::Reconfiguration;
use self::recovery::Recovery;
use self::registration::Link;
pub use self::remote::Speaker;
pub use self::snapshot::{ExecutorSnapshot, FrameworkSnapshot, OperationSnapshot, Snapshot, TaskSnapshot};
use self::standalone::Standalone;
pub use self::view::{Counters, TaskView};

type AgentCx<'a> = Cx<'a, Effect>;

/// No timer is set closer than this, so that settings of zero cannot make a step endless.
const DELAY_MIN: Duration = Duration::from_millis(1);

/// One agent of the cluster. See the [module](self) for its parts.
#[derive(Debug)]
pub struct Agent {
    info: Arc<AgentInfo>,
    options: Arc<Options>,
    factory: ExecutorFactory,
    id: Option<AgentId>,
    /// What it has, with what was reserved and made into volumes on it.
    total: Resources,
    // What a ping touches lies together.
    phase: Phase,
    link: Link,
    timers: TimerTable<Timer>,
    /// What guests asked for and was not looked at yet.
    calls: VecDeque<(ExecutorRef, Call)>,
    book: Book,
    operations: Operations,
    tickets: Tickets,
    pending: Unanswered,
    /// Tasks that wait to be written.
    queued: usize,
    /// The connections of executors' processes.
    lines: BTreeMap<ConnId, ExecutorRef>,
    /// Containers that no executor has.
    standalone: Standalone,
    /// How containers that were asked for ended, as long as somebody may ask.
    ended: Ended,
    /// What is over.
    past: Past,
    counters: Counters,
    /// Sandboxes of what ended, the oldest first.
    retired: VecDeque<(WallTime, ContainerId)>,
    /// The buffer guests write to, kept for its capacity.
    scratch: Vec<Call>,
}

/// Where an agent is in its life.
#[derive(Debug)]
enum Phase {
    /// Waits for its records.
    Starting { stop: Option<StopReason> },
    /// Waits to be told which containers survived.
    Recovering(Box<Recovery>),
    /// Works.
    Serving,
    /// Ends everything.
    Ending { why: StopReason },
    /// Everything has ended; its last records are being erased.
    Leaving { why: StopReason },
    /// Does nothing more.
    Stopped,
}

/// What is due when. The order is that of timers due at the same instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    Link,
    Recovery,
    Guest(ExecutorRef),
    Update(TaskRef),
    Operation(UpdateId),
    Container(ContainerRef),
    Executor(ExecutorRef),
    Heartbeat(ExecutorRef),
    Standalone(ContainerId),
    Disk,
    Stop,
}

impl Agent {
    /// An agent that waits for [`Input::Recovered`].
    #[must_use]
    pub fn new(info: impl Into<Arc<AgentInfo>>, options: impl Into<Arc<Options>>, executors: ExecutorFactory) -> Self {
        let (info, options) = (info.into(), options.into());
        Self {
            total: info.resources.clone(),
            info,
            link: Link::new(options.ping_timeout),
            options,
            factory: executors,
            id: None,
            phase: Phase::Starting { stop: None },
            timers: TimerTable::default(),
            calls: VecDeque::new(),
            book: Book::default(),
            operations: Operations::default(),
            tickets: Tickets::default(),
            pending: Unanswered::default(),
            queued: 0,
            lines: BTreeMap::new(),
            standalone: Standalone::default(),
            ended: Ended::default(),
            past: Past::default(),
            counters: Counters::default(),
            retired: VecDeque::new(),
            scratch: Vec::new(),
        }
    }

    fn receive(&mut self, cx: &mut AgentCx<'_>, message: ToAgent) {
        match message {
            ToAgent::Registered { agent_id, ping_timeout } => {
                self.handle_registered(cx, agent_id, ping_timeout);
            }
            ToAgent::Reregistered { agent_id, ping_timeout, missing } => {
                self.handle_registered(cx, agent_id, ping_timeout);
                self.handle_missing(cx, missing);
            }
            ToAgent::Ping { received } => self.handle_ping(cx, received),
            ToAgent::Shutdown(rejection) => self.begin_ending(cx, StopReason::Ordered(rejection)),
            // A master speaks of tasks only to agents it has registered.
            _ if !self.link.is_registered() => {}
            ToAgent::Run(run) => self.handle_run(cx, &run),
            ToAgent::RunGroup(run) => self.handle_run_group(cx, &run),
            ToAgent::Kill { framework_id, task_id, policy } => self.handle_kill(cx, &framework_id, &task_id, policy),
            ToAgent::Acknowledge { framework_id, task_id, uuid } => {
                self.handle_acknowledge(cx, &framework_id, &task_id, uuid);
            }
            ToAgent::ShutdownExecutor { framework_id, executor_id } => {
                if let Some(executor) = self.book.find_executor(&framework_id, &executor_id) {
                    self.shutdown_executor(cx, executor);
                }
            }
            ToAgent::ShutdownFramework { framework_id } => self.handle_shutdown_framework(cx, &framework_id),
            ToAgent::UpdateFramework { framework_id, info } => self.handle_update_framework(cx, &framework_id, &info),
            ToAgent::SetTotal { total } => {
                self.write(cx, vec![checkpoint::put_total(&total)]);
                self.total = total;
            }
            ToAgent::Apply(apply) => self.handle_apply(cx, *apply),
            ToAgent::AcknowledgeOperation { framework_id, uuid } => {
                self.handle_acknowledge_operation(cx, &framework_id, uuid);
            }
            ToAgent::Message { framework_id, executor_id, data } => {
                match self.book.find_executor(&framework_id, &executor_id) {
                    Some(executor) => {
                        self.counters.messages += 1;
                        self.message_executor(cx, executor, data);
                    }
                    None => self.counters.messages_invalid += 1,
                }
            }
            _ => {}
        }
    }

    fn handle_checkpointed(&mut self, cx: &mut AgentCx<'_>, ticket: Ticket, result: Result<(), StoreError>) {
        // What was told and what is known after a crash would part ways: the agent starts again from what is written.
        if let Err(error) = result {
            self.stop(cx, StopReason::Checkpoint(error.to_string()));
            return;
        }
        match self.pending.take(ticket) {
            Some(Pending::Task(task)) => self.handle_tasks_written(cx, &[task]),
            Some(Pending::Group(tasks)) => self.handle_tasks_written(cx, &tasks),
            Some(Pending::Update { task, number }) => self.handle_update_written(cx, task, number),
            Some(Pending::Acknowledgement(task)) => self.handle_acknowledgement_written(cx, task),
            Some(Pending::Operation(uuid)) => self.handle_operation_written(cx, uuid),
            Some(Pending::Farewell) => self.leave(cx),
            _ => {}
        }
    }

    /// Everything guests asked for, and whatever follows from it.
    fn settle(&mut self, cx: &mut AgentCx<'_>) {
        if self.calls.is_empty() && matches!(self.phase, Phase::Serving) {
            return;
        }
        while let Some((executor, call)) = self.calls.pop_front() {
            self.handle_call(cx, executor, call);
        }
        self.leave_if_empty(cx);
    }

    /// Makes changes durable; nothing waits for them.
    fn write(&mut self, cx: &mut AgentCx<'_>, changes: Vec<Draft>) {
        if !changes.is_empty() {
            let ticket = self.tickets.draw();
            cx.emit(Effect::Checkpoint { ticket, changes });
        }
    }

    /// Makes changes durable; `then` goes on once they are.
    fn write_then(&mut self, cx: &mut AgentCx<'_>, changes: Vec<Draft>, then: Pending) {
        let ticket = self.tickets.draw();
        self.await_answer(ticket, then);
        cx.emit(Effect::Checkpoint { ticket, changes });
    }

    /// The answer that comes with `ticket` lets `then` go on.
    fn await_answer(&mut self, ticket: Ticket, then: Pending) {
        self.pending.push(ticket, then);
    }

    fn arm(&mut self, cx: &AgentCx<'_>, timer: Timer, after: Duration) {
        self.timers.set(timer, cx.now.mono + after.max(DELAY_MIN));
    }

    /// Whether the agent still listens: one that is leaving waits for its disk alone.
    const fn hears(&self, input: &Input) -> bool {
        match self.phase {
            Phase::Stopped => false,
            Phase::Leaving { .. } => matches!(input, Input::Checkpointed { .. }),
            _ => true,
        }
    }

    fn fire(&mut self, cx: &mut AgentCx<'_>, timer: Timer) {
        match timer {
            Timer::Link => self.handle_link_timer(cx),
            Timer::Recovery => self.handle_recovery_timeout(cx),
            Timer::Guest(executor) => self.wake_guest(cx, executor),
            Timer::Update(task) => self.retry_head(cx, task),
            Timer::Operation(uuid) => self.retry_operation(cx, uuid),
            Timer::Container(container) => self.handle_container_timer(cx, container),
            Timer::Executor(executor) => self.handle_executor_timer(cx, executor),
            Timer::Heartbeat(executor) => self.send_heartbeat(cx, executor),
            Timer::Standalone(id) => self.handle_standalone_timer(cx, &id),
            Timer::Disk => cx.emit(Effect::LookAtDisk),
            Timer::Stop => self.handle_stop_timer(cx),
        }
    }
}

impl Machine for Agent {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, cx: &mut AgentCx<'_>, input: Input) {
        if !self.hears(&input) {
            return;
        }
        match input {
            Input::Recovered { records } => self.handle_records(cx, &records),
            Input::LeaderChanged { leader } => self.handle_leader(cx, leader),
            Input::Connected { conn } => self.handle_connected(cx, conn),
            Input::Disconnected { conn } => self.handle_disconnected(cx, conn),
            Input::Received { conn, seq, message } => {
                if self.arrives(cx, conn, seq) {
                    self.receive(cx, message);
                }
            }
            Input::Container { ticket, outcome } => self.handle_outcome(cx, ticket, outcome),
            Input::Checkpointed { ticket, result } => self.handle_checkpointed(cx, ticket, result),
            Input::ExecutorConnected { conn, speaker, subscription } => {
                self.handle_executor_connected(cx, conn, &speaker, subscription);
            }
            Input::ExecutorDisconnected { conn } => self.handle_executor_disconnected(cx, conn),
            Input::ExecutorSaid { speaker, said, reply } => self.handle_executor_said(cx, &speaker, said, reply),
            Input::ContainerAsked { nest, ask, reply } => self.handle_container_asked(cx, nest, ask, reply),
            Input::AskerLeft { nest, reply } => self.forget_asker(&nest, reply),
            Input::SandboxesFound { sandboxes } => self.handle_sandboxes_found(cx, sandboxes),
            Input::DiskSeen { used_ppm } => self.handle_disk_seen(cx, used_ppm),
            Input::Stop => self.begin_ending(cx, StopReason::Requested),
        }
        self.settle(cx);
    }

    fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn tick(&mut self, cx: &mut AgentCx<'_>) {
        while let Some(timer) = self.timers.pop_due(cx.now.mono) {
            self.fire(cx, timer);
            self.settle(cx);
        }
    }
}
