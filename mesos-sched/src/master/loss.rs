//! What becomes of an agent's tasks when the agent is unreachable, removed or gone.

use mesos_core::call::CloseReason;
use mesos_core::call::agent::ToAgent;
use mesos_core::call::scheduler::Event;
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::{AgentId, OperationState, Reason, Source, TaskState, TaskStatus, WallTime};

use super::book::{TaskKey, UnreachableTask};
use super::options::mutant;
use super::publish::Change;
use super::readmission::gone;
use super::{Master, MasterCx, Timer};

/// What a framework is told of a task whose agent is lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    state: TaskState,
    reason: Reason,
    since_wall: Option<WallTime>,
    /// Whether the agent may come back with the task.
    may_return: bool,
}

impl Loss {
    /// Of a task that has ended, which its returning agent does not have any more: its framework hears of that end.
    pub(super) const ENDED: Self =
        Self { state: TaskState::Gone, reason: Reason::AgentReregistered, since_wall: None, may_return: false };
}

impl Master {
    /// The agent is durably unreachable.
    pub(super) fn unreachable(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, id: &AgentId, since_wall: WallTime) {
        if self.agents.table.id(agent) != Some(id) {
            return;
        }
        let (state, reason) = (TaskState::Unreachable, Reason::AgentRemoved);
        let loss = Loss { state, reason, since_wall: Some(since_wall), may_return: true };
        self.counters.losses_completed += 1;
        self.lose_agent(cx, agent, loss, CloseReason::Silent);
    }

    /// The agent is durably removed: its tasks are lost, whatever their framework can deal with.
    pub(super) fn removed(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, id: &AgentId) {
        if self.agents.table.id(agent) == Some(id) {
            let (state, reason) = (TaskState::Lost, Reason::AgentRemoved);
            let loss = Loss { state, reason, since_wall: None, may_return: false };
            self.lose_agent(cx, agent, loss, CloseReason::Removed);
        }
    }

    /// The agent is durably gone.
    pub(super) fn gone(&mut self, cx: &mut MasterCx<'_>, id: &AgentId) {
        self.expect_no_more(id);
        self.timers.cancel(&Timer::Absent(id.clone()));
        if let Some(agent) = self.agents.table.find(id) {
            self.tell_agent(cx, agent, ToAgent::Shutdown(gone(id)));
            let (state, reason) = (TaskState::GoneByOperator, Reason::AgentRemovedByOperator);
            let loss = Loss { state, reason, since_wall: None, may_return: false };
            self.lose_agent(cx, agent, loss, CloseReason::Removed);
        }
        self.tell_of_lost(cx, id, TaskState::GoneByOperator, Reason::AgentRemovedByOperator);
    }

    /// An agent that never came back to this master is durably unreachable. Its tasks are not known here: frameworks hear
    /// of the agent, and of the tasks when they reconcile.
    pub(super) fn absent_unreachable(&mut self, cx: &mut MasterCx<'_>, id: &AgentId) {
        if self.expect_no_more(id) {
            self.counters.losses_completed += 1;
            self.counters.losses_of_absent += 1;
            self.tell_all_of_failure(cx, id);
        }
    }

    fn lose_agent(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, loss: Loss, why: CloseReason) {
        self.rescind_offers_on(cx, agent);
        self.timers.cancel(&Timer::Reregister(agent));
        let held = self.agents.table[agent].tasks.clone();
        for (framework, task) in held {
            self.lose_task(cx, framework, task, loss);
        }
        let operations = if loss.may_return { OperationState::Unreachable } else { OperationState::GoneByOperator };
        self.lose_operations(cx, agent, operations);
        let executors: Vec<_> = self.agents.table[agent].executors.keys().cloned().collect();
        for (framework, id) in executors {
            self.free_executor(cx, agent, framework, id);
        }
        if let Some(conn) = self.agents.table[agent].conn() {
            self.drop_conn(cx, conn, why);
        }
        let row = self.agents.remove(agent).expect("the agent's row was just read");
        assert!(row.used.is_empty(), "agent {} left while {:?} was used on it", row.id, row.used);
        self.inverse.answers.remove(&agent);
        if let Some(past) = &mut self.past {
            past.totals.agents_removed += 1;
        }
        self.note(|_| Change::AgentGone(row.id.clone()));
        self.observe(cx, Fact::AgentRemoved { agent });
        self.tell_all_of_failure(cx, &row.id);
    }

    /// A task whose end is known keeps it: the framework hears of the loss of others only.
    pub(super) fn lose_task(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, task: TaskKey, loss: Loss) {
        let row = &self.frameworks.table[framework];
        let (id, known, told, agent) = {
            let task = &row.tasks[task];
            (task.info.id.clone(), task.state, task.told, task.agent)
        };
        let agent_id = self.agents.table[agent].id.clone();
        self.forget_task(cx, framework, task);
        if told.is_terminal() || mutant!(self, SilentUnreachable) {
            return;
        }
        // The end was reported to this master, but the framework has not heard of it: it is not lost.
        let state = if known.is_terminal() { known } else { loss.state };
        let is_blunt = mutant!(self, AssumeNewFramework);
        let row = &mut self.frameworks.table[framework];
        let said = if is_blunt { state } else { row.hears(state) };
        let mut status =
            TaskStatus::new(id.clone(), said, Source::Master, cx.now.wall).because(loss.reason).on(agent_id.clone());
        status.unreachable_since_wall = loss.since_wall;
        if !known.is_terminal() && loss.may_return {
            let remembered = UnreachableTask { agent_id: agent_id.clone(), since_wall: cx.now.wall, told: state };
            row.remember_unreachable(id.clone(), remembered, self.options.unreachable_tasks_max);
            self.agents.remember_lost(agent_id, framework, id);
        }
        self.tell_status(cx, framework, status);
    }

    /// Tasks of frameworks that do not checkpoint end with their agent's connection.
    pub(super) fn lose_tasks_without_checkpoint(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        let held = self.agents.table[agent].tasks.clone();
        let gives_up = mutant!(self, GiveUpAtDisconnect);
        let state = if gives_up { TaskState::Gone } else { TaskState::Lost };
        let loss = Loss { state, reason: Reason::AgentDisconnected, since_wall: None, may_return: !gives_up };
        for (framework, task) in held {
            if gives_up || !self.frameworks.table[framework].info.checkpoint {
                self.lose_task(cx, framework, task, loss);
            }
        }
        let executors: Vec<_> = self.agents.table[agent].executors.keys().cloned().collect();
        for (framework, id) in executors {
            if !self.frameworks.table[framework].info.checkpoint {
                self.free_executor(cx, agent, framework, id);
            }
        }
    }

    /// Tasks that were lost with an agent and did not come back with it, or cannot: their frameworks hear the last word.
    pub(super) fn tell_of_lost(&mut self, cx: &mut MasterCx<'_>, id: &AgentId, state: TaskState, reason: Reason) {
        for (framework, task) in self.agents.take_lost(id) {
            let Some(row) = self.frameworks.table.get_mut(framework) else { continue };
            if row.unreachable.get(&task).is_none_or(|lost| lost.agent_id != *id) {
                continue;
            }
            row.forget_unreachable(&task);
            let status = TaskStatus::new(task, row.hears(state), Source::Master, cx.now.wall).because(reason);
            self.tell_status(cx, framework, status.on(id.clone()));
        }
    }

    fn tell_all_of_failure(&mut self, cx: &mut MasterCx<'_>, id: &AgentId) {
        let frameworks: Vec<_> = self.frameworks.table.handles().collect();
        for framework in frameworks {
            self.tell_framework(
                cx,
                framework,
                Event::Failure { agent_id: id.clone(), executor_id: None, status: None },
            );
        }
    }
}
