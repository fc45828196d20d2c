//! Checks of whether tasks are well, as executors inside the agent ask for them: a command beside the task, in a container of
//! its own, or a question to one of its ports, which the host puts.
//!
//! When to check and what an answer means is the executor's to know. A check ends with this run of the agent; the executor,
//! made anew, asks again.

use std::time::Duration;

use mesos_core::health::{Check, CheckStatus, Checked};
use mesos_core::{CommandInfo, ContainerId, Purpose};

use super::book::ExecutorRef;
use super::containment::Order;
use super::{Agent, AgentCx, ContainerOp, ContainerOutcome, Effect, Pending};

impl Agent {
    /// Does what an executor wants to know the result of.
    pub(super) fn check(
        &mut self,
        cx: &mut AgentCx<'_>,
        at: ExecutorRef,
        name: ContainerId,
        container: &ContainerId,
        what: Check,
        timeout: Duration,
    ) {
        match what {
            Check::Command(command) => {
                if let Err(problem) = self.check_by_command(cx, at, &name, container, *command) {
                    self.answer_check(cx, at, &name, Checked::by_command(Err(problem.into())));
                }
            }
            Check::Probe(ref probe) => {
                let (nothing, probe) = (what.nothing(), probe.clone());
                let ticket = self.tickets.draw();
                self.await_answer(ticket, Pending::Probe { executor: at, check: name, nothing });
                cx.emit(Effect::Container { ticket, op: ContainerOp::Probe(probe, timeout) });
            }
            other => {
                let found = Checked::nothing(other.nothing(), "this agent cannot check so");
                self.answer_check(cx, at, &name, found);
            }
        }
    }

    fn check_by_command(
        &mut self,
        cx: &mut AgentCx<'_>,
        at: ExecutorRef,
        name: &ContainerId,
        container: &ContainerId,
        mut command: CommandInfo,
    ) -> Result<(), &'static str> {
        let hosted = self.book.executor(at).ok_or("the executor has ended")?;
        if hosted.containers.get(name).is_some() {
            return Err("another check has this name");
        }
        if hosted.containers.len() >= self.options.containers_per_executor_max {
            return Err("the executor has too many containers");
        }
        let parent = hosted.containers.get(container).copied().ok_or("its container does not run")?;
        let parent = self.book.container_id(parent).clone();
        let id = self.container_id(cx, self.book.executor_id(at));
        self.default_user(at, &mut command);
        let mut spec = self.container_spec(at, id.clone(), Order::bare(command), Purpose::Debug { parent });
        spec.is_checkpointed = false;
        self.contain(cx, at, name.clone(), None, spec);
        if let Some(container) = self.book.find_container(&id).and_then(|at| self.book.container_mut(at)) {
            container.is_check = true;
        }
        Ok(())
    }

    /// The host has asked, or the command has ended.
    pub(super) fn answer_check(&mut self, cx: &mut AgentCx<'_>, at: ExecutorRef, name: &ContainerId, found: Checked) {
        self.call_guest(cx, at, |guest, cx| guest.checked(cx, name, found));
    }
}

/// What the answer to a probe says.
pub(super) fn probed(nothing: CheckStatus, outcome: ContainerOutcome) -> Checked {
    match outcome {
        ContainerOutcome::Checked(found) => found,
        ContainerOutcome::Failed(problem) => Checked::nothing(nothing, problem),
        other => Checked::nothing(nothing, format!("the host answered {other:?}")),
    }
}
