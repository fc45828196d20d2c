//! Containers: from an executor's wish to the last word about them.
//!
//! ```text
//!   launch ─▶ Launching ── Launched ──▶ Running ── Exited ──▶ gone, the executor is told
//!                │  │                      │  └── Failed ──▶ Leftover ── destroyed ──▶ gone
//!                │  └── Failed ──▶ gone    └─ destroy, again until it worked
//!                └─ late, or destroyed: destroyed now, and again when it did start after all
//! ```
//!
//! Every phase has a deadline. A container that cannot be destroyed is in the end reported as ended all the same, so that
//! its task does not hang, and the attempts go on.

use std::sync::Arc;

use mesos_core::health::Checked;
use mesos_core::kernel::Ticket;
use mesos_core::text::{Part, joined};
use mesos_core::{
    CommandInfo, ContainerId, ContainerLimits, ContainerSpec, ExecutorId, Exit, Purpose, Reason, Resources, Signal,
    TaskId,
};

use super::book::{Container, ContainerPhase, ContainerRef, End, ExecutorBody, ExecutorPhase, ExecutorRef, Hosted};
use super::checking::probed;
use super::checkpoint::{self, ContainerRecord};
use super::options::mutant;
use super::{Agent, AgentCx, ContainerOp, ContainerOutcome, Effect, Pending, Timer};

/// How much of an executor's id goes into the names of its containers: enough to recognize it, and with the random part
/// well below the longest file name.
const NAME_BYTES_MAX: usize = 64;

/// What a container is to run, and what it may use.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) command: CommandInfo,
    /// What it is given.
    pub(super) resources: Resources,
    /// What it may use beyond that.
    pub(super) limits: ContainerLimits,
}

impl Order {
    /// A command that is given nothing of its own.
    pub(super) fn bare(command: CommandInfo) -> Self {
        Self { command, resources: Resources::new(), limits: ContainerLimits::default() }
    }
}

impl Agent {
    /// Starts a container for an executor; what the executor did wrong otherwise.
    pub(super) fn launch_container(
        &mut self,
        cx: &mut AgentCx<'_>,
        executor: ExecutorRef,
        name: ContainerId,
        task_id: TaskId,
        mut order: Order,
    ) -> Result<(), String> {
        let Some(hosted) = self.book.executor(executor) else { return Ok(()) };
        if hosted.containers.get(&name).is_some() {
            return Err(format!("Executor used the container name {name} twice"));
        }
        if hosted.containers.len() >= self.options.containers_per_executor_max {
            return Err(format!("Executor asked for more than {} containers", hosted.containers.len()));
        }
        let id = self.container_id(cx, self.book.executor_id(executor));
        self.default_user(executor, &mut order.command);
        let mut spec = self.container_spec(executor, id, order, Purpose::Task);
        spec.task_id = Some(task_id.clone());
        self.contain(cx, executor, name, Some(task_id), spec);
        Ok(())
    }

    /// Starts the process that an executor is.
    pub(super) fn start_process(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef) {
        let Some(info) = self.book.executor(at).and_then(|hosted| hosted.info.clone()) else { return };
        let Some(mut command) = info.command().cloned() else { return };
        let id = self.container_id(cx, self.book.executor_id(at));
        self.executor_environment(at, &mut command);
        let order = Order { command, resources: info.resources.clone(), limits: ContainerLimits::default() };
        let spec = self.container_spec(at, id.clone(), order, Purpose::Executor);
        if let Some(hosted) = self.book.executor_mut(at)
            && let ExecutorBody::Remote(remote) = &mut hosted.body
        {
            remote.process = Some(id.clone());
            self.contain(cx, at, id, None, spec);
        }
    }

    /// Books a container under this name and asks for it.
    pub(super) fn contain(
        &mut self,
        cx: &mut AgentCx<'_>,
        executor: ExecutorRef,
        name: ContainerId,
        task_id: Option<TaskId>,
        mut spec: ContainerSpec,
    ) {
        if !self.options.switch_user {
            spec.command.user = None;
        }
        let is_checkpointed = spec.is_checkpointed;
        let is_process = spec.purpose == Purpose::Executor;
        let is_own = matches!(spec.purpose, Purpose::Executor | Purpose::Task);
        let mut container = Container::new(executor, name.clone(), ContainerPhase::Launching, is_checkpointed);
        container.is_process = is_process;
        let Some(at) = self.book.add_container(spec.id.clone(), container) else { return };
        if is_checkpointed {
            let (framework_id, executor_id) = (spec.framework_id.clone(), spec.executor_id.clone());
            let parent = match &spec.purpose {
                Purpose::Nested { parent } => Some(parent.clone()),
                _ => None,
            };
            let record = ContainerRecord { framework_id, executor_id, task_id, name: name.clone(), is_process, parent };
            self.write(cx, vec![checkpoint::put_container(&spec.id, record)]);
        }
        if let Some(hosted) = self.book.executor_mut(executor) {
            hosted.containers.insert(name, at);
            if is_own && hosted.run.is_none() {
                hosted.run = Some(spec.id.clone());
            }
        }
        self.operate(cx, ContainerOp::Launch(Box::new(spec)), Pending::Launch(at));
        if !mutant!(self.options, WaitForHelperForever) {
            self.arm(cx, Timer::Container(at), self.options.container_launch_timeout);
        }
    }

    pub(super) fn container_spec(
        &self,
        executor: ExecutorRef,
        id: ContainerId,
        order: Order,
        purpose: Purpose,
    ) -> ContainerSpec {
        let Order { command, resources, limits } = order;
        let framework_id = self.book.framework_id(executor.framework).clone();
        let executor_id = self.book.executor_id(executor).clone();
        let is_checkpointed = self.book.framework(executor.framework).is_some_and(|f| f.is_checkpointed);
        let spec = ContainerSpec::new(id, framework_id, executor_id, command, resources);
        let role = self.book.executor(executor).map(|hosted| hosted.role.clone());
        ContainerSpec { limits, purpose, is_checkpointed, agent_id: self.id.clone(), role, ..spec }
    }

    /// A name nothing on this machine has: random, so that it is not used again after a restart either.
    pub(super) fn container_id(&self, cx: &mut AgentCx<'_>, executor: &ExecutorId) -> ContainerId {
        let prefix = executor.as_str();
        let cut = (0..=NAME_BYTES_MAX.min(prefix.len())).rev().find(|&n| prefix.is_char_boundary(n)).unwrap_or(0);
        loop {
            let text = joined([Part::Text(&prefix[..cut]), Part::Text("."), Part::Hex(cx.rng.bits())]);
            let id = ContainerId::new(text).expect("a cut executor id with a number is a container id");
            if !self.has_container(&id) {
                return id;
            }
        }
    }

    /// Whether a container of this name is here.
    pub(super) fn has_container(&self, id: &ContainerId) -> bool {
        self.book.find_container(id).is_some() || self.standalone.contains(id)
    }

    fn operate(&mut self, cx: &mut AgentCx<'_>, op: ContainerOp, then: Pending) {
        let ticket = self.tickets.draw();
        self.await_answer(ticket, then);
        cx.emit(Effect::Container { ticket, op });
    }

    pub(super) fn signal_container(
        &mut self,
        cx: &mut AgentCx<'_>,
        executor: ExecutorRef,
        name: &ContainerId,
        signal: Signal,
    ) {
        let Some(at) = self.book.executor(executor).and_then(|hosted| hosted.containers.get(name).copied()) else {
            return;
        };
        let is_running = self.book.container(at).is_some_and(|container| container.phase == ContainerPhase::Running);
        if is_running {
            // Nothing waits for the answer: whoever signals has a deadline for what the signal should bring about.
            let ticket = self.tickets.draw();
            let op = ContainerOp::Signal(self.book.container_id(at).clone(), signal);
            cx.emit(Effect::Container { ticket, op });
        }
    }

    /// Ends a container, whatever it is doing.
    pub(super) fn destroy_container(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef) {
        if self.book.container(at).is_some_and(|container| container.destroys == 0) {
            self.destroy_again(cx, at);
        }
    }

    fn destroy_again(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef) {
        let Some(container) = self.book.container_mut(at) else { return };
        container.destroys = container.destroys.saturating_add(1);
        let id = self.book.container_id(at).clone();
        self.operate(cx, ContainerOp::Destroy(id), Pending::Destroy(at));
        self.arm(cx, Timer::Container(at), self.options.container_destroy_timeout);
    }

    /// A container took too long: to start, or to end.
    pub(super) fn handle_container_timer(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef) {
        let Some(container) = self.book.container_mut(at) else { return };
        if container.destroys == 0 {
            container.is_late = true;
        } else if container.destroys >= self.options.container_destroy_attempts {
            let exit = match container.phase {
                ContainerPhase::Launching => Err("Container neither started nor could be destroyed".into()),
                ContainerPhase::Running | ContainerPhase::Leftover => Ok(Exit::Unknown),
            };
            self.report_end(cx, at, exit);
        }
        self.destroy_again(cx, at);
    }

    pub(super) fn handle_outcome(&mut self, cx: &mut AgentCx<'_>, ticket: Ticket, outcome: ContainerOutcome) {
        match (self.pending.take(ticket), outcome) {
            (Some(Pending::Recovery), outcome) => self.handle_survivors(cx, outcome),
            (Some(Pending::Launch(at)), ContainerOutcome::Launched) => self.handle_launched(cx, at),
            (Some(Pending::Launch(_)), ContainerOutcome::Failed(_)) if mutant!(self.options, SwallowLaunchFailure) => {}
            (Some(Pending::Launch(_)), ContainerOutcome::Failed(problem)) if mutant!(self.options, TrustCommand) => {
                panic!("a container always starts: {problem}")
            }
            (Some(Pending::Launch(at)), ContainerOutcome::Failed(problem)) => {
                self.counters.launches_failed += 1;
                self.handle_gone(cx, at, Err(problem));
            }
            (Some(Pending::Wait(at)), ContainerOutcome::Exited(exit)) => self.handle_gone(cx, at, Ok(exit)),
            (Some(Pending::Wait(at)), _) => self.handle_unwatchable(cx, at),
            (Some(Pending::Standalone(id, asked)), outcome) => self.handle_standalone_outcome(cx, &id, asked, outcome),
            (Some(Pending::Probe { executor, check, nothing }), outcome) => {
                self.answer_check(cx, executor, &check, probed(nothing, outcome));
            }
            (Some(Pending::Destroy(at)), ContainerOutcome::Done) => {
                let leftover = self.book.container(at).is_some_and(|c| c.phase == ContainerPhase::Leftover);
                if leftover {
                    self.handle_gone(cx, at, Ok(Exit::Unknown));
                }
            }
            // A destruction that failed is tried again when its timer is due; the rest needs no answer.
            _ => {}
        }
    }

    fn handle_launched(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef) {
        let Some(container) = self.book.container_mut(at) else { return };
        container.phase = ContainerPhase::Running;
        let (executor, name, is_unwanted) = (container.executor, container.name.clone(), container.destroys > 0);
        let is_process = container.is_process && self.book.executor(executor).is_some_and(Hosted::is_awaited);
        self.watch_container(cx, at);
        if is_unwanted {
            // Whatever destroyed it before may have found nothing yet.
            self.destroy_again(cx, at);
        } else {
            self.timers.cancel(&Timer::Container(at));
            if is_process && !mutant!(self.options, WaitForExecutorForever) {
                self.arm(cx, Timer::Executor(executor), self.options.executor_registration_timeout);
            }
            self.answer_launch(cx, at, None);
            self.call_guest(cx, executor, |guest, cx| guest.launched(cx, &name));
        }
    }

    pub(super) fn watch_container(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef) {
        let id = self.book.container_id(at).clone();
        self.operate(cx, ContainerOp::Wait(id), Pending::Wait(at));
    }

    /// Its end will not be told: it is ended for good.
    fn handle_unwatchable(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef) {
        if let Some(container) = self.book.container_mut(at) {
            container.phase = ContainerPhase::Leftover;
            self.destroy_again(cx, at);
        }
    }

    fn handle_gone(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef, exit: Result<Exit, Arc<str>>) {
        self.answer_launch(cx, at, exit.as_ref().err());
        self.answer_waits(cx, at, &exit);
        if let Some(executor) = self.book.container(at).map(|container| container.executor) {
            let id = self.book.container_id(at).clone();
            self.end_nested(cx, &id, executor);
        }
        self.report_end(cx, at, exit);
        self.timers.cancel(&Timer::Container(at));
        if let Some((id, container)) = self.book.remove_container(at) {
            if container.is_checkpointed {
                self.write(cx, vec![checkpoint::delete_container(&id)]);
            }
            if container.is_check {
                // There are so many that nobody looks into them.
                cx.emit(Effect::RemoveSandboxes { containers: vec![id] });
            } else {
                self.retire_sandbox(cx, id);
            }
        }
    }

    /// Tells the executor that a container ended, once.
    fn report_end(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef, exit: Result<Exit, Arc<str>>) {
        let Some(container) = self.book.container_mut(at) else { return };
        if std::mem::replace(&mut container.is_reported, true) {
            return;
        }
        let (executor, name, is_late) = (container.executor, container.name.clone(), container.is_late);
        let (is_process, is_nested, is_check) = (container.is_process, container.nest.is_some(), container.is_check);
        let exit: Result<Exit, Arc<str>> = match exit {
            Err(_) if is_late => Err("Container did not start in time".into()),
            Ok(_) if mutant!(self.options, ExitIsSuccess) => Ok(Exit::Status(0)),
            exit => exit,
        };
        let Some(hosted) = self.book.executor_mut(executor) else { return };
        hosted.containers.remove(&name);
        if let ExecutorPhase::Ended(end) = &mut hosted.phase {
            if let (true, Ok(exit)) = (is_process, &exit) {
                end.status = exit.wait_status();
            }
            self.bury_executor(cx, executor);
        } else if is_process {
            self.end_executor_as(cx, executor, end_of_process(&exit));
        } else if is_check {
            self.answer_check(cx, executor, &name, Checked::by_command(exit));
        } else if !is_nested && !mutant!(self.options, SwallowExit) {
            self.call_guest(cx, executor, |guest, cx| guest.exited(cx, &name, exit));
        }
    }
}

/// How an executor ends whose process has.
fn end_of_process(exit: &Result<Exit, Arc<str>>) -> End {
    match exit {
        Ok(exit) => {
            let reason = match exit {
                Exit::LimitExceeded { resource, .. } => crate::executor::limitation(resource),
                _ => None,
            };
            let end = End::forced(format!("Executor ended: {exit}"));
            End { status: exit.wait_status(), ..end.because(reason.unwrap_or(Reason::ExecutorTerminated)) }
        }
        Err(problem) => {
            let end = End::forced(format!("Executor could not be started: {problem}"));
            End { status: -1, ..end.because(Reason::ContainerLaunchFailed) }
        }
    }
}
