//! Containers of their own: no framework has them and no executor. Whoever asks for one watches it and ends it.
//!
//! Others may lie beside one of them, and beside those: they end with it. They run on when the agent's process ends, and the
//! next run takes them back. How one ended is kept until it is removed. Nothing is charged for them: masters do not hear of
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::call::operator::ReplyTo;
use mesos_core::kernel::Draft;
use mesos_core::{
    ContainerId, ContainerSpec, ExecutorId, Exit, FrameworkId, Purpose, Rejection, RejectionCode, Signal,
};

use super::checkpoint;
use super::containment::Order;
use super::nested::{Life, nest_of, nested_id};
use super::{Agent, AgentCx, Answer, ContainerOp, ContainerOutcome, Effect, Nest, Pending, Phase, Timer};

/// Under this name their sandboxes lie, since they have no framework.
const NO_FRAMEWORK: &str = "standalone";

/// What was asked of the containerizer about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Launch,
    Wait,
    Destroy,
}

/// A container of its own.
#[derive(Debug)]
struct Alone {
    /// How whoever asked for it calls it.
    nest: Nest,
    state: State,
    /// How often its destruction was asked for; none when nobody wants it to end.
    destroys: u32,
    /// Whether it is written down.
    is_checkpointed: bool,
    launch_reply: Option<ReplyTo>,
    waits: Vec<ReplyTo>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Launching,
    Running,
    /// Its end cannot be waited for: it is destroyed until that works.
    Leftover,
}

impl Alone {
    const fn new(nest: Nest, state: State, is_checkpointed: bool) -> Self {
        Self { nest, state, destroys: 0, is_checkpointed, launch_reply: None, waits: Vec::new() }
    }
}

/// All of them on one agent.
#[derive(Debug, Default)]
pub(super) struct Standalone(BTreeMap<ContainerId, Alone>);

impl Standalone {
    pub(super) fn contains(&self, id: &ContainerId) -> bool {
        self.0.contains_key(id)
    }

    /// How whoever asked for this one calls it.
    pub(super) fn nest(&self, id: &ContainerId) -> Option<&Nest> {
        self.0.get(id).map(|alone| &alone.nest)
    }

    /// Those who wait for its end.
    pub(super) fn waits(&mut self, id: &ContainerId) -> Option<&mut Vec<ReplyTo>> {
        self.0.get_mut(id).map(|alone| &mut alone.waits)
    }

    /// Whether others may lie beside it.
    fn runs(&self, id: &ContainerId) -> bool {
        self.0.get(id).is_some_and(|alone| alone.state == State::Running && alone.destroys == 0)
    }

    /// Those that lie beside one that is gone.
    fn orphans(&self) -> Vec<ContainerId> {
        let is_orphan = |alone: &Alone| alone.nest.parent.as_ref().is_some_and(|parent| !self.contains(parent));
        self.0.iter().filter(|(_, alone)| is_orphan(alone)).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &ContainerId> {
        self.0.keys()
    }

    /// Deletes what is written of them.
    pub(super) fn erasure(&self) -> impl Iterator<Item = Draft> + '_ {
        let written = self.0.iter().filter(|(_, alone)| alone.is_checkpointed);
        written.map(|(id, _)| checkpoint::delete_standalone(id))
    }
}

impl Agent {
    pub(super) fn launch_standalone(
        &mut self,
        cx: &mut AgentCx<'_>,
        nest: Nest,
        Order { command, resources, limits }: Order,
        life: Life,
        reply: ReplyTo,
    ) -> Result<Option<Answer>, Rejection> {
        if !matches!(self.phase, Phase::Serving) {
            let what = "the agent is ending";
            return Err(Rejection::new(RejectionCode::NotReady, what, "launch it when the agent is back"));
        }
        let id = nested_id(&nest)?;
        if let Some(parent) = nest.parent.as_ref().filter(|parent| !self.standalone.runs(parent)) {
            let what = format!("container {parent} does not run");
            return Err(Rejection::new(
                RejectionCode::UnknownContainer,
                what,
                "name a container that runs on this agent",
            ));
        }
        if self.standalone.0.len() >= self.options.containers_per_executor_max {
            let what = format!("there are {} containers of their own", self.standalone.0.len());
            return Err(Rejection::new(RejectionCode::TooMany, what, "wait until some have ended"));
        }
        let named = |error: &dyn std::fmt::Display| {
            Rejection::new(RejectionCode::InvalidId, error.to_string(), "give the container a shorter name")
        };
        let framework_id = FrameworkId::new(NO_FRAMEWORK).map_err(|error| named(&error))?;
        let executor_id = ExecutorId::new(id.as_str()).map_err(|error| named(&error))?;
        let mut spec = ContainerSpec::new(id.clone(), framework_id, executor_id, command, resources);
        spec.limits = limits;
        spec.purpose = match (&nest.parent, life) {
            (Some(parent), Life::Session { .. }) => Purpose::StandaloneDebug { parent: parent.clone() },
            _ => Purpose::Standalone,
        };
        if !self.options.switch_user {
            spec.command.user = None;
        }
        spec.agent_id.clone_from(&self.id);
        spec.is_checkpointed = true;
        life.shape(&mut spec);
        if spec.is_checkpointed {
            self.write(cx, vec![checkpoint::put_standalone(&id, nest.parent.as_ref())]);
        }
        let mut alone = Alone::new(nest, State::Launching, spec.is_checkpointed);
        alone.launch_reply = Some(reply);
        self.standalone.0.insert(id.clone(), alone);
        self.operate_alone(cx, &id, ContainerOp::Launch(Box::new(spec)), Asked::Launch);
        self.arm(cx, Timer::Standalone(id), self.options.container_launch_timeout);
        Ok(None)
    }

    fn operate_alone(&mut self, cx: &mut AgentCx<'_>, id: &ContainerId, op: ContainerOp, asked: Asked) {
        let ticket = self.tickets.draw();
        self.await_answer(ticket, Pending::Standalone(id.clone(), asked));
        cx.emit(Effect::Container { ticket, op });
    }

    pub(super) fn signal_standalone(&mut self, cx: &mut AgentCx<'_>, id: &ContainerId, signal: Signal) {
        let is_running = self.standalone.0.get(id).is_some_and(|alone| alone.state == State::Running);
        if is_running && signal != Signal::Kill {
            let ticket = self.tickets.draw();
            cx.emit(Effect::Container { ticket, op: ContainerOp::Signal(id.clone(), signal) });
        } else if self.standalone.0.get(id).is_some_and(|alone| alone.destroys == 0) {
            self.destroy_alone(cx, id);
        }
    }

    /// Ends all of them: the agent ends for good.
    pub(super) fn end_standalone(&mut self, cx: &mut AgentCx<'_>) {
        let ids: Vec<ContainerId> = self.standalone.ids().cloned().collect();
        for id in ids {
            self.signal_standalone(cx, &id, Signal::Kill);
        }
    }

    fn destroy_alone(&mut self, cx: &mut AgentCx<'_>, id: &ContainerId) {
        let Some(alone) = self.standalone.0.get_mut(id) else { return };
        alone.destroys = alone.destroys.saturating_add(1);
        self.operate_alone(cx, id, ContainerOp::Destroy(id.clone()), Asked::Destroy);
        self.arm(cx, Timer::Standalone(id.clone()), self.options.container_destroy_timeout);
    }

    /// One took too long, to start or to end. Who waits for one that cannot be ended is not held up for ever.
    pub(super) fn handle_standalone_timer(&mut self, cx: &mut AgentCx<'_>, id: &ContainerId) {
        let attempts = self.options.container_destroy_attempts;
        let Some(alone) = self.standalone.0.get_mut(id) else { return };
        if alone.destroys >= attempts {
            for reply in std::mem::take(&mut alone.waits) {
                cx.emit(Effect::Reply { reply, result: Ok(Answer::Ended(Exit::Unknown)) });
            }
        }
        self.destroy_alone(cx, id);
    }

    pub(super) fn handle_standalone_outcome(
        &mut self,
        cx: &mut AgentCx<'_>,
        id: &ContainerId,
        asked: Asked,
        outcome: ContainerOutcome,
    ) {
        let Some(alone) = self.standalone.0.get_mut(id) else { return };
        match (asked, outcome) {
            (Asked::Launch, ContainerOutcome::Launched) => {
                alone.state = State::Running;
                let (reply, is_unwanted) = (alone.launch_reply.take(), alone.destroys > 0);
                if let Some(reply) = reply {
                    cx.emit(Effect::Reply { reply, result: Ok(Answer::Done) });
                }
                self.operate_alone(cx, id, ContainerOp::Wait(id.clone()), Asked::Wait);
                if is_unwanted {
                    // Whatever destroyed it before may have found nothing yet.
                    self.destroy_alone(cx, id);
                } else {
                    self.timers.cancel(&Timer::Standalone(id.clone()));
                }
            }
            (Asked::Launch, ContainerOutcome::Failed(problem)) => self.forget_alone(cx, id, Err(problem)),
            (Asked::Wait, ContainerOutcome::Exited(exit)) => self.forget_alone(cx, id, Ok(exit)),
            (Asked::Wait, _) => {
                alone.state = State::Leftover;
                self.destroy_alone(cx, id);
            }
            (Asked::Destroy, ContainerOutcome::Done) if alone.state == State::Leftover => {
                self.forget_alone(cx, id, Ok(Exit::Unknown));
            }
            // A destruction that failed is tried again when its timer is due; the rest needs no answer.
            _ => {}
        }
    }

    /// One has gone: whoever waits hears it, and it is kept for whoever asks later.
    fn forget_alone(&mut self, cx: &mut AgentCx<'_>, id: &ContainerId, exit: Result<Exit, Arc<str>>) {
        let Some(alone) = self.standalone.0.remove(id) else { return };
        self.timers.cancel(&Timer::Standalone(id.clone()));
        if let Some(reply) = alone.launch_reply {
            let problem = exit.as_ref().err().cloned().unwrap_or_else(|| "it was ended before it ran".into());
            let what = format!("the container could not be started: {problem}");
            let rejection = Rejection::new(RejectionCode::InvalidOperation, what, "correct the command");
            cx.emit(Effect::Reply { reply, result: Err(rejection) });
        }
        let has_run = exit.is_ok();
        let exit = exit.unwrap_or(Exit::Unknown);
        for reply in alone.waits {
            cx.emit(Effect::Reply { reply, result: Ok(Answer::Ended(exit.clone())) });
        }
        if has_run && alone.nest.parent.as_ref().is_none_or(|parent| self.standalone.contains(parent)) {
            self.ended.insert(alone.nest, exit);
        }
        self.ended.forget_beside(id);
        self.end_orphans(cx);
        if alone.is_checkpointed {
            self.write(cx, vec![checkpoint::delete_standalone(id)]);
        }
        self.retire_sandbox(cx, id.clone());
    }

    /// What lies beside another ends with it.
    fn end_orphans(&mut self, cx: &mut AgentCx<'_>) {
        for id in self.standalone.orphans() {
            self.signal_standalone(cx, &id, Signal::Kill);
        }
    }

    /// Takes back what survived of an earlier run's, each with what it lies beside; of the others nobody saw how they ended.
    pub(super) fn resume_standalone(
        &mut self,
        cx: &mut AgentCx<'_>,
        known: BTreeMap<ContainerId, Option<ContainerId>>,
        survivors: &BTreeSet<ContainerId>,
    ) {
        for (id, parent) in known {
            let nest = match parent {
                None => Some(Nest { parent: None, name: id.clone() }),
                Some(parent) => nest_of(&id, parent),
            };
            // Its record was read with the name of what it lies beside in its own.
            let Some(nest) = nest else { continue };
            if survivors.contains(&id) {
                self.standalone.0.insert(id.clone(), Alone::new(nest, State::Running, true));
                self.operate_alone(cx, &id, ContainerOp::Wait(id.clone()), Asked::Wait);
            } else {
                if nest.parent.as_ref().is_none_or(|parent| survivors.contains(parent)) {
                    self.ended.insert(nest, Exit::Unknown);
                }
                self.write(cx, vec![checkpoint::delete_standalone(&id)]);
            }
        }
        self.end_orphans(cx);
    }
}
