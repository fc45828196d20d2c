//! Containers that somebody asks the agent for: beside a container that runs, which are debugging sessions and what an
//! executor that is a process of its own runs its tasks in; or [alone](super::standalone).
//!
//! ```text
//!   executor.77            a container the agent made
//!   executor.77.task       beside it: what its executor asked for
//!   executor.77.task.shell beside that: a session that looks into the task
//! ```
//!
//! Those beside others belong to the executor of the container they lie beside and end with that container, and whatever lies
//! beside them with them, as deep as names reach. How one ended is kept until it is removed or the other one has gone. They
//! use what the other one was given: nothing is charged for them.

use std::fmt;
use std::sync::Arc;

use mesos_core::call::operator::ReplyTo;
use mesos_core::container::WindowSize;
use mesos_core::{
    CommandInfo, ContainerId, ContainerLimits, ContainerSpec, Exit, Purpose, Rejection, RejectionCode, Resources,
    Signal,
};

use serde::{Deserialize, Serialize};

use super::book::{Container, ContainerPhase, ContainerRef, ExecutorRef};
use super::containment::Order;
use super::{Agent, AgentCx, ContainerOp, Effect, Phase};

/// Those who may wait for the end of one container at a time: everybody who watches it, and more. Such calls last as long as
/// the container, so that no limit on requests counts them.
pub const WAITS_PER_CONTAINER_MAX: usize = 256;

/// Names a container: by the agent's own name for it, or as one beside another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Nest {
    /// The other one, as the agent calls it.
    pub parent: Option<ContainerId>,
    /// The name of this one, unique beside the other.
    pub name: ContainerId,
}

impl Nest {
    /// Whether it means the container that is called `own`: as that, or by the agent's name for it.
    fn means(&self, own: &Self) -> bool {
        self.parent.is_none() || self == own
    }
}

impl fmt::Display for Nest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parent {
            None => self.name.fmt(f),
            Some(parent) => write!(f, "{} beside {parent}", self.name),
        }
    }
}

/// How long a container lives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Life {
    /// As long as it runs.
    Own,
    /// No longer than whoever asked for it watches, or types.
    Session { terminal: Option<WindowSize> },
}

impl Life {
    /// A session ends with this run of the agent, and is given what whoever asked for it types.
    pub(super) const fn shape(self, spec: &mut ContainerSpec) {
        if let Self::Session { terminal } = self {
            spec.is_checkpointed = false;
            spec.takes_input = true;
            spec.terminal = terminal;
        }
    }
}

/// What is asked about a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ContainerAsk {
    /// Start it. Answered when it runs, or cannot.
    Launch {
        /// What to run.
        command: Box<CommandInfo>,
        /// What it is given.
        resources: Resources,
        /// What it may use beyond that.
        #[serde(default, skip_serializing_if = "ContainerLimits::is_empty")]
        limits: ContainerLimits,
        /// Whether it ends with whoever asks for it, and so with this run of the agent.
        is_session: bool,
        /// Whether a session has a terminal, and how large that is at first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terminal: Option<WindowSize>,
    },
    /// Tell when it has ended.
    Wait,
    /// Send it a signal.
    Signal(Signal),
    /// Forget it; it must have ended.
    Remove,
    /// Say what the agent calls it.
    Find,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Answer {
    /// It is done.
    Done,
    /// It was so already.
    Already,
    /// It ended.
    Ended(Exit),
    /// The agent calls it so.
    Named(ContainerId),
}

fn unknown(nest: &Nest) -> Rejection {
    let what = format!("container {nest} is not known");
    Rejection::new(RejectionCode::UnknownContainer, what, "launch it first, beside a container that runs")
}

impl Agent {
    pub(super) fn handle_container_asked(
        &mut self,
        cx: &mut AgentCx<'_>,
        nest: Nest,
        ask: ContainerAsk,
        reply: ReplyTo,
    ) {
        if matches!(self.phase, Phase::Starting { .. } | Phase::Recovering(_)) {
            let what = "the agent is finding out what runs on its machine";
            let rejection = Rejection::new(RejectionCode::NotReady, what, "try again in a moment");
            return cx.emit(Effect::Reply { reply, result: Err(rejection) });
        }
        let answer = match ask {
            ContainerAsk::Launch { command, resources, limits, is_session, terminal } => {
                let order = Order { command: *command, resources, limits };
                let life = if is_session { Life::Session { terminal } } else { Life::Own };
                self.launch_nested(cx, nest, order, life, reply)
            }
            ContainerAsk::Wait => self.wait_nested(&nest, reply),
            ContainerAsk::Signal(signal) => self.signal_nested(cx, &nest, signal).map(Some),
            ContainerAsk::Remove => self.remove_nested(&nest).map(Some),
            ContainerAsk::Find => self.name_nested(&nest).map(Some),
        };
        match answer {
            Ok(None) => {}
            Ok(Some(answer)) => cx.emit(Effect::Reply { reply, result: Ok(answer) }),
            Err(rejection) => cx.emit(Effect::Reply { reply, result: Err(rejection) }),
        }
    }

    /// The one that no executor has, if it is one.
    fn find_standalone(&self, nest: &Nest) -> Result<Option<ContainerId>, Rejection> {
        let id = nested_id(nest)?;
        Ok(self.standalone.nest(&id).filter(|own| nest.means(own)).map(|_| id))
    }

    fn find_nested(&self, nest: &Nest) -> Result<ContainerRef, Rejection> {
        let id = nested_id(nest)?;
        let is_meant = |at: &ContainerRef| {
            let own = self.book.container(*at).and_then(|container| container.nest.as_deref());
            own.map_or_else(|| nest.parent.is_none(), |own| nest.means(own))
        };
        self.book.find_container(&id).filter(is_meant).ok_or_else(|| unknown(nest))
    }

    /// Whether it runs, or ended and is remembered.
    fn is_known(&self, nest: &Nest) -> Result<bool, Rejection> {
        Ok(self.ended.contains(nest) || self.find_standalone(nest)?.is_some() || self.find_nested(nest).is_ok())
    }

    /// What the agent calls a container that is known.
    fn name_nested(&self, nest: &Nest) -> Result<Answer, Rejection> {
        if self.is_known(nest)? { nested_id(nest).map(Answer::Named) } else { Err(unknown(nest)) }
    }

    fn launch_nested(
        &mut self,
        cx: &mut AgentCx<'_>,
        nest: Nest,
        mut order: Order,
        life: Life,
        reply: ReplyTo,
    ) -> Result<Option<Answer>, Rejection> {
        let id = nested_id(&nest)?;
        if self.is_known(&nest)? {
            return Ok(Some(Answer::Already));
        }
        if self.has_container(&id) {
            let what = format!("the agent calls another container {id}, too");
            return Err(Rejection::new(RejectionCode::InvalidId, what, "name it differently"));
        }
        order.limits.check(&order.resources).map_err(|wrong| {
            let what = format!("container {nest}: {wrong}");
            Rejection::new(RejectionCode::InvalidOperation, what, "limit what it is given, to no less than that")
        })?;
        let Some(parent) = nest.parent.clone().filter(|parent| !self.standalone.contains(parent)) else {
            return self.launch_standalone(cx, nest, order, life, reply);
        };
        let executor = self.running_parent(&parent)?;
        let hosted = self.book.executor(executor).map_or(0, |hosted| hosted.containers.len());
        if hosted >= self.options.containers_per_executor_max {
            let what = format!("the executor has {hosted} containers");
            return Err(Rejection::new(RejectionCode::TooMany, what, "wait until some have ended"));
        }
        self.default_user(executor, &mut order.command);
        let purpose = match life {
            Life::Session { .. } => Purpose::Debug { parent },
            Life::Own => Purpose::Nested { parent },
        };
        let mut spec = self.container_spec(executor, id.clone(), order, purpose);
        life.shape(&mut spec);
        self.contain(cx, executor, id.clone(), None, spec);
        if let Some(container) = self.book.find_container(&id).and_then(|at| self.book.container_mut(at)) {
            container.launch_reply = Some(reply);
            container.nest = Some(Arc::new(nest));
        }
        Ok(None)
    }

    /// The executor of a container that others may lie beside.
    fn running_parent(&self, id: &ContainerId) -> Result<ExecutorRef, Rejection> {
        let parent = self.book.find_container(id).and_then(|at| self.book.container(at));
        let parent = parent.filter(|parent| self.runs(parent) && parent.destroys == 0);
        let executor = parent.map(|parent| parent.executor);
        executor.filter(|at| self.book.executor(*at).is_some_and(|hosted| !hosted.has_ended())).ok_or_else(|| {
            let what = format!("container {id} does not run");
            Rejection::new(RejectionCode::UnknownContainer, what, "name a container that runs on this agent")
        })
    }

    /// Whether a container is known to run: its containerizer said so, or the executor in it speaks, which may be heard first.
    fn runs(&self, container: &Container) -> bool {
        let speaks = || self.book.executor(container.executor).is_some_and(|hosted| hosted.conn().is_some());
        match container.phase {
            ContainerPhase::Running => true,
            ContainerPhase::Launching => container.is_process && speaks(),
            ContainerPhase::Leftover => false,
        }
    }

    fn wait_nested(&mut self, nest: &Nest, reply: ReplyTo) -> Result<Option<Answer>, Rejection> {
        if let Some(exit) = self.ended.get(nest) {
            return Ok(Some(Answer::Ended(exit.clone())));
        }
        let waits = match self.waits(nest)? {
            Some(waits) if waits.len() >= WAITS_PER_CONTAINER_MAX => {
                let what = format!("{WAITS_PER_CONTAINER_MAX} callers wait for the end of container {nest}");
                return Err(Rejection::new(RejectionCode::TooMany, what, "wait once, and share the answer"));
            }
            Some(waits) => waits,
            None => return Err(unknown(nest)),
        };
        waits.push(reply);
        Ok(None)
    }

    /// Those who wait for the end of a container.
    fn waits(&mut self, nest: &Nest) -> Result<Option<&mut Vec<ReplyTo>>, Rejection> {
        if let Some(id) = self.find_standalone(nest)? {
            return Ok(self.standalone.waits(&id));
        }
        let at = self.find_nested(nest)?;
        Ok(self.book.container_mut(at).map(|container| &mut container.waits))
    }

    /// Whoever left is answered no more, and waits in nobody's place.
    pub(super) fn forget_asker(&mut self, nest: &Nest, reply: ReplyTo) {
        if let Ok(Some(waits)) = self.waits(nest) {
            waits.retain(|waiting| *waiting != reply);
        }
    }

    fn signal_nested(&mut self, cx: &mut AgentCx<'_>, nest: &Nest, signal: Signal) -> Result<Answer, Rejection> {
        if self.ended.contains(nest) {
            return Ok(Answer::Done);
        }
        if let Some(id) = self.find_standalone(nest)? {
            self.signal_standalone(cx, &id, signal);
            return Ok(Answer::Done);
        }
        let at = self.find_nested(nest)?;
        let is_running = self.book.container(at).is_some_and(|container| container.phase == ContainerPhase::Running);
        if is_running && signal != Signal::Kill {
            let ticket = self.tickets.draw();
            let id = self.book.container_id(at).clone();
            cx.emit(Effect::Container { ticket, op: ContainerOp::Signal(id, signal) });
        } else {
            self.destroy_container(cx, at);
        }
        Ok(Answer::Done)
    }

    fn remove_nested(&mut self, nest: &Nest) -> Result<Answer, Rejection> {
        if self.ended.remove(nest) {
            return Ok(Answer::Done);
        }
        if self.find_standalone(nest)?.is_none() {
            self.find_nested(nest)?;
        }
        let what = format!("container {nest} still runs");
        Err(Rejection::new(RejectionCode::InvalidOperation, what, "kill it, and wait for its end"))
    }

    /// A container beside another runs, or could not be started: whoever asked for it hears it.
    pub(super) fn answer_launch(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef, problem: Option<&Arc<str>>) {
        let Some(reply) = self.book.container_mut(at).and_then(|container| container.launch_reply.take()) else {
            return;
        };
        let result = match problem {
            None => Ok(Answer::Done),
            Some(problem) => Err(Rejection::new(
                RejectionCode::InvalidOperation,
                format!("the container could not be started: {problem}"),
                "correct the command",
            )),
        };
        cx.emit(Effect::Reply { reply, result });
    }

    /// A container beside another ended: whoever waits hears it, and it is kept for whoever asks later.
    pub(super) fn answer_waits(&mut self, cx: &mut AgentCx<'_>, at: ContainerRef, exit: &Result<Exit, Arc<str>>) {
        let Some(container) = self.book.container_mut(at) else { return };
        let waits = std::mem::take(&mut container.waits);
        let nest = container.nest.clone();
        let exit = exit.as_ref().cloned().unwrap_or(Exit::Unknown);
        for reply in waits {
            cx.emit(Effect::Reply { reply, result: Ok(Answer::Ended(exit.clone())) });
        }
        let Some(nest) = nest else { return };
        if nest.parent.as_ref().is_some_and(|parent| self.book.find_container(parent).is_some()) {
            self.ended.insert((*nest).clone(), exit);
        }
    }

    /// A container has gone: what lies beside it ends, and what lay there is forgotten.
    pub(super) fn end_nested(&mut self, cx: &mut AgentCx<'_>, parent: &ContainerId, executor: ExecutorRef) {
        self.ended.forget_beside(parent);
        let beside: Vec<ContainerRef> = self
            .book
            .executor(executor)
            .into_iter()
            .flat_map(|hosted| hosted.containers.values().copied())
            .filter(|at| {
                self.book
                    .container(*at)
                    .and_then(|own| own.nest.as_ref())
                    .is_some_and(|nest| nest.parent.as_ref() == Some(parent))
            })
            .collect();
        for at in beside {
            self.destroy_container(cx, at);
        }
    }
}

/// How whoever asked for a container beside this one calls it.
pub(super) fn nest_of(id: &ContainerId, parent: ContainerId) -> Option<Nest> {
    let name = id.as_str().strip_prefix(parent.as_str())?.strip_prefix('.')?;
    Some(Nest { name: ContainerId::new(name).ok()?, parent: Some(parent) })
}

/// What the agent calls a container beside another.
pub(super) fn nested_id(nest: &Nest) -> Result<ContainerId, Rejection> {
    let Some(parent) = &nest.parent else { return Ok(nest.name.clone()) };
    let text = format!("{parent}.{}", nest.name);
    ContainerId::new(text).map_err(|error| {
        Rejection::new(RejectionCode::InvalidId, error.to_string(), "give the container a shorter name")
    })
}
