//! What executors that are processes of their own ask of their agents about containers: those that run their tasks beside
//! their own, and the sessions that look at a task.

use std::time::Duration;

use mesos_core::call::operator::ReplyTo;
use mesos_core::health::{Check, Checked};
use mesos_core::{ContainerId, ContainerLimits, Exit, Rejection, RejectionCode, Resources};
use mesos_exec::agent::{self, Answer, ContainerAsk, Nest};
use mesos_exec::driver::Input;

use super::{Event, NodeId};
use crate::failure::Failure;
use crate::watch::Watch;
use crate::world::World;

/// An agent that is away is asked again after this time how a container ended.
const WAIT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A request of an executor that its agent has not answered.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    executor: u32,
    life: u32,
    container: ContainerId,
    /// The container that one lies beside, if that is not the executor's own: a check.
    beside: Option<ContainerId>,
    ask: ContainerAsk,
}

impl Asked {
    /// Who asked.
    pub(crate) const fn executor(&self) -> u32 {
        self.executor
    }
}

impl World {
    /// Looks at a task: by a command in a session beside it, or at one of its ports.
    pub(super) fn look(&mut self, index: u32, check: ContainerId, container: ContainerId, what: Check) {
        let found = match what {
            Check::Command(command) => {
                self.executors[index as usize].checks.insert(check.clone(), container.clone());
                let (resources, limits) = (Resources::new(), ContainerLimits::default());
                let launch = ContainerAsk::Launch { command, resources, limits, is_session: true, terminal: None };
                return self.ask(index, check, Some(container), launch);
            }
            Check::Probe(_) => {
                let agent = self.executors[index as usize].agent;
                let is_unwell = self.agents[agent as usize].dice.chance(self.container_model.unwell_ppm);
                Checked::by_tcp(if is_unwell { Err("it is not well".into()) } else { Ok(()) })
            }
            // As above: nothing must pass unnoticed.
            other => unreachable!("this simulator does not know how to look by {other:?}"),
        };
        let (life, after) = (self.executors[index as usize].process.life, self.local_delay(index));
        let input = Box::new(Input::Checked { check, found });
        self.agenda.put(self.now + after, Event::HearsExecutor { executor: index, life, input });
    }

    /// Sends the agent a request about a container beside an executor's own, or beside another one.
    pub(super) fn ask(&mut self, index: u32, container: ContainerId, beside: Option<ContainerId>, ask: ContainerAsk) {
        let life = self.executors[index as usize].process.life;
        let after = self.local_delay(index);
        let asked = Asked { executor: index, life, container, beside, ask };
        self.agenda.put(self.now + after, Event::Asks(Box::new(asked)));
    }

    /// A request reaches the agent, if it runs.
    pub(crate) fn asks(&mut self, asked: Asked, watch: &mut Watch) -> Result<(), Failure> {
        let node = &self.executors[asked.executor as usize];
        let (agent, own) = (node.agent, node.container.clone());
        let parent = match &asked.beside {
            None => own,
            Some(beside) => ContainerId::new(format!("{own}.{beside}")).expect("the agent named it so"),
        };
        if !self.agents[agent as usize].process.is_up() {
            let away = Rejection::new(RejectionCode::NotReady, "the agent cannot be reached", "try again in a moment");
            self.answer_executor(asked, Err(away));
            return Ok(());
        }
        let reply = self.draw_reply();
        let nest = Nest { parent: Some(parent), name: asked.container.clone() };
        let ask = asked.ask.clone();
        self.asked.insert(reply, asked);
        self.step_agent(agent, Some(agent::Input::ContainerAsked { nest, ask, reply }), watch)
    }

    pub(super) fn draw_reply(&mut self) -> ReplyTo {
        self.next_reply += 1;
        ReplyTo(self.next_reply)
    }

    /// The agent answers somebody who asked.
    pub(crate) fn replied(&mut self, reply: ReplyTo, result: Result<Answer, Rejection>) {
        if let Some(asked) = self.asked.remove(&reply) {
            self.answer_executor(asked, result);
        }
    }

    /// The agent's process has ended: nobody will answer what it was asked.
    pub(crate) fn drop_questions(&mut self, agent: u32) {
        let executors = &self.executors;
        let open = self.asked.extract_if(.., |_, asked| executors[asked.executor as usize].agent == agent);
        for (_, asked) in open.collect::<Vec<_>>() {
            let away = Rejection::new(RejectionCode::NotReady, "the agent's process has ended", "ask again");
            self.answer_executor(asked, Err(away));
        }
    }

    fn answer_executor(&mut self, asked: Asked, result: Result<Answer, Rejection>) {
        let after = self.local_delay(asked.executor);
        self.agenda.put(self.now + after, Event::Answered(Box::new((asked, result))));
    }

    /// An answer reaches the executor, as its library takes it.
    pub(crate) fn answered_executor(
        &mut self,
        (asked, result): (Asked, Result<Answer, Rejection>),
        watch: &mut Watch,
    ) -> Result<(), Failure> {
        let Asked { executor, life, container, beside, ask } = asked;
        if !self.is_life(NodeId::Executor(executor), life) {
            return Ok(());
        }
        if let Some(looks_at) = beside {
            return self.looked(executor, container, looks_at, &ask, result, watch);
        }
        let outcome = match (&ask, result) {
            (ContainerAsk::Launch { .. }, Ok(_)) => {
                self.ask(executor, container.clone(), None, ContainerAsk::Wait);
                Ok(None)
            }
            (ContainerAsk::Launch { .. }, Err(rejection)) => Err(rejection.to_string().into()),
            (ContainerAsk::Wait, Ok(Answer::Ended(exit))) => Ok(Some(exit)),
            // It comes back, and then knows.
            (ContainerAsk::Wait, Err(rejection)) if rejection.code == RejectionCode::NotReady => {
                let again = Asked { executor, life, container, beside: None, ask };
                self.agenda.put(self.now + WAIT_AGAIN_AFTER, Event::Asks(Box::new(again)));
                return Ok(());
            }
            (ContainerAsk::Wait, _) => Ok(Some(Exit::Unknown)),
            _ => return Ok(()),
        };
        self.step_executor(executor, Some(Input::Contained { container, outcome }), watch)
    }

    /// A session that looks at a task was begun, or is over; with the agent's process, it is.
    fn looked(
        &mut self,
        executor: u32,
        check: ContainerId,
        looks_at: ContainerId,
        ask: &ContainerAsk,
        result: Result<Answer, Rejection>,
        watch: &mut Watch,
    ) -> Result<(), Failure> {
        let exit = match (ask, result) {
            (ContainerAsk::Launch { .. }, Ok(_)) => {
                self.ask(executor, check, Some(looks_at), ContainerAsk::Wait);
                return Ok(());
            }
            (ContainerAsk::Wait, Ok(Answer::Ended(exit))) => {
                self.ask(executor, check.clone(), Some(looks_at), ContainerAsk::Remove);
                Ok(exit)
            }
            (ContainerAsk::Launch { .. } | ContainerAsk::Wait, Err(rejection)) => Err(rejection.to_string().into()),
            _ => return Ok(()),
        };
        // Whoever has given it up is told nothing more of it.
        if self.executors[executor as usize].checks.remove(&check).is_none() {
            return Ok(());
        }
        let found = Checked::by_command(exit);
        self.step_executor(executor, Some(Input::Checked { check, found }), watch)
    }
}
