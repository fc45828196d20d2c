//! Updates in, acknowledgements back, kills out.
//!
//! An update travels agent, master, framework; its acknowledgement travels back; until then the agent sends it again. What a
//! task uses is free with the first terminal state the master hears of; the task is forgotten when its framework has
//! acknowledged that state.

use std::sync::Arc;

use mesos_core::call::agent::ToAgent;
use mesos_core::call::scheduler::Event;
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::{
    AgentId, ExecutorId, FrameworkId, KillPolicy, Reason, Rejection, RejectionCode, Source, TaskId, TaskState,
    TaskStatus, UpdateId,
};

use super::book::TaskKey;
use super::options::mutant;
use super::publish::Change;
use super::validate::validate_kill;
use super::{Master, MasterCx};

impl Master {
    pub(super) fn update(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        framework_id: &FrameworkId,
        mut status: Arc<TaskStatus>,
        latest: TaskState,
    ) {
        let Some(framework) = self.frameworks.table.find(framework_id) else {
            // Whatever runs for a framework nobody knows must end: it was removed while the agent was away.
            self.counters.updates_invalid += 1;
            self.tell_agent(cx, agent, ToAgent::ShutdownFramework { framework_id: framework_id.clone() });
            return;
        };
        let task = match self.check_update(agent, framework, &status) {
            Ok(task) => task,
            Err(rejection) => {
                self.counters.updates_invalid += 1;
                return self.refuse_update(cx, agent, framework_id, &status, rejection);
            }
        };
        self.counters.updates += 1;
        let is_blunt = mutant!(self, SayKilling) && status.state == TaskState::Killing;
        let state = if is_blunt { status.state } else { self.frameworks.table[framework].hears(status.state) };
        // Acknowledgements go where the update came from, whatever it says.
        let agent_id = &self.agents.table[agent].id;
        if status.state != state || status.agent_id.as_ref() != Some(agent_id) {
            let status = Arc::make_mut(&mut status);
            status.state = state;
            status.agent_id = Some(agent_id.clone());
        }
        if let Some(task) = task {
            self.note_state(cx, framework, task, status.state);
            self.note_state(cx, framework, task, latest);
            self.count_ending(framework, task, &status);
        }
        self.note_status(cx, framework, task, &status);
        let (told, uuid) = (status.state, status.uuid);
        if !self.tell_framework(cx, framework, Event::Update(status)) {
            assert!(!mutant!(self, ExpectFrameworkConnected), "framework {framework_id} is always connected");
            return;
        }
        if let Some(task) = task {
            let task = &mut self.frameworks.table[framework].tasks[task];
            task.told = told;
            task.unacknowledged = uuid;
        }
    }

    /// Books a newer state of a task; the first terminal one frees what it uses.
    pub(super) fn note_state(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey, task: TaskKey, state: TaskState) {
        let revives = mutant!(self, ReviveTerminalTask);
        let leaks = mutant!(self, LeakTerminalResources);
        let owner = &mut self.frameworks.table[framework];
        let row = &mut owner.tasks[task];
        if row.state.is_terminal() && !revives {
            return;
        }
        row.state = state;
        if state.is_terminal() {
            owner.tally.end(state);
            if let Some(past) = &mut self.past {
                past.totals.ended[state as usize] += 1;
            }
            row.kill = None;
            if !leaks {
                self.free_task(cx, framework, task);
            }
        }
        if mutant!(self, OmitChange) {
            return;
        }
        self.note(|master| {
            let row = &master.frameworks.table[framework];
            let task_id = row.tasks[task].info.id.clone();
            Change::TaskState { framework_id: row.id.clone(), task_id, state }
        });
    }

    /// The task an update is about, if it is known, unless the agent may not say that.
    fn check_update(
        &self,
        agent: AgentKey,
        framework: FrameworkKey,
        status: &TaskStatus,
    ) -> Result<Option<TaskKey>, Rejection> {
        let row = &self.agents.table[agent];
        let tasks = &self.frameworks.table[framework].tasks;
        let task = tasks.find(&status.task_id);
        if task.is_some_and(|task| tasks[task].agent != agent) {
            return Err(Rejection::new(
                RejectionCode::NotYours,
                format!("agent {} reported on task {}, which runs on another agent", row.id, status.task_id),
                "an agent reports on its own tasks only",
            ));
        }
        let is_masters = matches!(
            status.state,
            TaskState::Staging | TaskState::Unreachable | TaskState::Unknown | TaskState::GoneByOperator
        );
        if is_masters || status.source == Source::Master {
            return Err(Rejection::new(
                RejectionCode::InvalidTask,
                format!("task {} was reported as {} by {:?}", status.task_id, status.state, status.source),
                "report what the agent or the executor can know: STARTING, RUNNING, KILLING or an end",
            ));
        }
        Ok(task)
    }

    /// An update that must not reach the framework. That of a task the agent was told to kill because it runs elsewhere is
    /// expected, and acknowledged so that it comes no more; anything else costs the agent its connection.
    fn refuse_update(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        framework_id: &FrameworkId,
        status: &TaskStatus,
        rejection: Rejection,
    ) {
        let stray = (framework_id.clone(), status.task_id.clone());
        match (self.agents.table[agent].strays.contains(&stray), status.uuid) {
            (true, Some(uuid)) => {
                let (framework_id, task_id) = stray;
                self.tell_agent(cx, agent, ToAgent::Acknowledge { framework_id, task_id, uuid });
            }
            (true, None) => {}
            (false, _) => {
                if let Some(conn) = self.agents.table[agent].conn() {
                    self.refuse_agent(cx, conn, rejection);
                }
            }
        }
    }

    /// Tells a framework what the master itself says of a task. Such news carries no uuid and needs no acknowledgement.
    pub(super) fn tell_status(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, status: TaskStatus) {
        let status = Arc::new(status);
        if status.reason != Some(Reason::Reconciliation) {
            let task = self.frameworks.table[framework].tasks.find(&status.task_id);
            self.note_status(cx, framework, task, &status);
        }
        self.tell_framework(cx, framework, Event::Update(status));
    }

    pub(super) fn acknowledge(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        task_id: &TaskId,
        agent_id: &AgentId,
        uuid: UpdateId,
    ) {
        self.counters.acknowledgements += 1;
        let Some(agent) = self.agents.table.find(agent_id) else {
            self.counters.acknowledgements_invalid += 1;
            return;
        };
        let row = &mut self.frameworks.table[framework];
        let framework_id = row.id.clone();
        if let Some(task) = row.tasks.find(task_id) {
            let is_done = {
                let task = &mut row.tasks[task];
                if task.agent != agent || task.unacknowledged != Some(uuid) {
                    self.counters.acknowledgements_invalid += 1;
                    return;
                }
                task.unacknowledged = None;
                task.told.is_terminal()
            };
            if is_done {
                if mutant!(self, FreeAgainOnAcknowledgement) {
                    self.free_twice(cx, framework, task);
                }
                self.forget_task(cx, framework, task);
            }
        }
        self.tell_agent(cx, agent, ToAgent::Acknowledge { framework_id, task_id: task_id.clone(), uuid });
    }

    fn free_twice(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey, task: TaskKey) {
        let row = &self.frameworks.table[framework].tasks[task];
        let (role, agent, resources) = (row.role.clone(), row.agent, row.info.resources.clone());
        self.observe(cx, mesos_core::provider::Fact::Recovered { framework, role, agent, resources, filters: None });
    }

    pub(super) fn kill(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        task_id: &TaskId,
        agent_id: Option<&AgentId>,
        policy: Option<KillPolicy>,
    ) {
        if let Err(rejection) = validate_kill(task_id, policy) {
            return self.reject(cx, framework, rejection);
        }
        let Some(task) = self.frameworks.table[framework].tasks.find(task_id) else {
            return self.reconcile(cx, framework, &[(task_id.clone(), agent_id.cloned())]);
        };
        let agent = self.frameworks.table[framework].tasks[task].agent;
        let on = &self.agents.table[agent].id;
        if let Some(other) = agent_id.filter(|other| *other != on) {
            let what = format!("KILL names agent {other} for task {task_id}, which runs on {on}");
            return self.refuse(cx, framework, RejectionCode::UnknownTask, &what, "name the right agent, or none");
        }
        let row = &mut self.frameworks.table[framework].tasks[task];
        if !row.state.is_terminal() {
            row.kill = Some(Box::new(policy));
            self.send_kill_again(cx, agent, framework, task);
        }
    }

    /// Sends a kill that was asked for; one that is lost with its connection is sent again when the agent is back.
    pub(super) fn send_kill_again(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        framework: FrameworkKey,
        task: TaskKey,
    ) {
        let row = &self.frameworks.table[framework];
        let Some(policy) = row.tasks[task].kill.as_deref().copied() else { return };
        let (framework_id, task_id) = (row.id.clone(), row.tasks[task].info.id.clone());
        self.tell_agent(cx, agent, ToAgent::Kill { framework_id, task_id, policy });
    }

    pub(super) fn shut_down_executor(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        agent_id: &AgentId,
        executor_id: ExecutorId,
    ) {
        let framework_id = self.frameworks.table[framework].id.clone();
        if let Some(agent) = self.agents.table.find(agent_id) {
            self.tell_agent(cx, agent, ToAgent::ShutdownExecutor { framework_id, executor_id });
        }
    }

    pub(super) fn executor_exited(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        framework_id: &FrameworkId,
        executor_id: ExecutorId,
        status: i32,
    ) {
        let Some(framework) = self.frameworks.table.find(framework_id) else { return };
        self.free_executor(cx, agent, framework, executor_id.clone());
        let agent_id = self.agents.table[agent].id.clone();
        let event = Event::Failure { agent_id, executor_id: Some(executor_id), status: Some(status) };
        self.tell_framework(cx, framework, event);
    }
}
