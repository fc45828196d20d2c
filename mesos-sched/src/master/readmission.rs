//! Agents that come back: after a broken connection, after being unreachable, to a new master.
//!
//! A known agent and the master compare what they hold; an unknown one brings its tasks and frameworks along. Both ways the
//! task goes on: no failover disturbs it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use mesos_core::call::agent::{ExecutorReport, Reregistration, TaskReport, ToAgent};
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Used};
use mesos_core::{AgentId, FrameworkId, Reason, Rejection, RejectionCode, Source, TaskId, TaskState, TaskStatus};

use super::book::{Agent, Executor, Liveness, Standing, Task, TaskKey, Transition, Who};
use super::loss::Loss;
use super::options::mutant;
use super::pending::Pending;
use super::validate::{validate_agent, validate_reregistration, validate_subscribe};
use super::{Master, MasterCx, Timer};
use crate::registry::{self, Op};

impl Master {
    pub(super) fn reregister(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, report: Box<Reregistration>) {
        let id = report.agent_id.clone();
        if matches!(self.registrar.upcoming().standing(&id), Some(registry::Standing::Gone(_))) {
            return self.shut_out(cx, conn, gone(&id));
        }
        if let Err(rejection) = self.check_identity(&report) {
            return self.shut_out(cx, conn, rejection);
        }
        if let Err(rejection) = self.check_machine_is_up(&report.info.hostname) {
            return self.shut_out(cx, conn, rejection);
        }
        if let Err(rejection) = self.check_report(&report) {
            return self.refuse_agent(cx, conn, rejection);
        }
        match self.agents.table.find(&id) {
            // While it is being marked unreachable or gone nothing else is decided; the agent asks again.
            Some(agent) if self.agents.table[agent].transition != Transition::Settled => {
                self.close(cx, conn, CloseReason::Removed);
            }
            Some(agent) if mutant!(self, KeepOldAgent) => self.reconnect(cx, conn, agent, *report),
            Some(agent) if self.agents.table[agent].info != report.info => self.redescribe(cx, conn, report),
            Some(agent) => self.reconnect(cx, conn, agent, *report),
            None => self.readmit(cx, conn, report),
        }
    }

    /// An id belongs to whoever was admitted under it, and to nobody before it is given out.
    ///
    /// Who was admitted without proof (nothing was asked, or by a version that did not keep it) is whoever comes first.
    fn check_identity(&self, report: &Reregistration) -> Result<(), Rejection> {
        let (id, registry) = (&report.agent_id, self.registrar.upcoming());
        if registry.standing(id).is_none() && !self.agents.may_exist(self.id.as_str(), id) {
            let what = format!("agent id {id} was not given to anybody yet");
            return Err(Rejection::new(RejectionCode::UnknownAgent, what, START_ANEW));
        }
        match (registry.principal(id), &report.info.principal) {
            (None, _) => Ok(()),
            (Some(kept), Some(proved)) if kept == proved => Ok(()),
            (Some(_), proved) => {
                let proved = proved.as_ref().map_or("nobody", |principal| principal.as_str());
                let what = format!("agent {id} was admitted as another than {proved}, who came back as it");
                let remedy = format!("authenticate as the one it was admitted as, or {START_ANEW}");
                Err(Rejection::new(RejectionCode::NotYours, what, remedy))
            }
        }
    }

    fn check_report(&self, report: &Reregistration) -> Result<(), Rejection> {
        validate_agent(&report.info, &report.total)?;
        self.check_domain(&report.info)?;
        for info in report.frameworks.values() {
            validate_subscribe(info, &BTreeSet::new())?;
        }
        match self.registrar.registry().agents().get(&report.agent_id) {
            Some(admitted) => validate_reregistration(&admitted.info, report)?,
            None => validate_reregistration(&report.info, report)?,
        }
        Ok(())
    }

    /// The agent is in the books and describes itself anew; its old connection stands until that is durable.
    fn redescribe(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, report: Box<Reregistration>) {
        match self.registrar.submit(Op::UpdateAgent { id: report.agent_id.clone(), info: report.info.clone() }) {
            Err(rejection) => self.refuse_agent(cx, conn, rejection),
            Ok(ticket) => {
                self.conns.meet(conn).who = Who::Joining;
                self.pending.insert(ticket, Pending::Redescription { conn, report });
            }
        }
    }

    /// The new description is durable.
    pub(super) fn redescribed(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, report: Reregistration) {
        if self.conns.who(conn).is_none() {
            return;
        }
        let known = self.agents.table.find(&report.agent_id);
        let Some(agent) = known.filter(|agent| self.agents.table[*agent].transition == Transition::Settled) else {
            // It left while that was written; it asks again.
            return self.drop_conn(cx, conn, CloseReason::Removed);
        };
        self.rescind_offers_on(cx, agent);
        let row = &mut self.agents.table[agent];
        let is_resized = row.info.resources != report.info.resources;
        row.info = report.info.clone();
        if is_resized {
            row.total = report.total.clone();
        }
        self.observe(cx, Fact::AgentUpdated { agent, info: report.info.clone() });
        if is_resized {
            self.observe(cx, Fact::AgentResized { agent, total: report.total.clone() });
        }
        self.reconnect(cx, conn, agent, report);
    }

    /// The agent is in the books: only its connection broke, or its process restarted.
    fn reconnect(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, agent: AgentKey, report: Reregistration) {
        if let Some(old) = self.agents.table[agent].conn() {
            self.drop_conn(cx, old, CloseReason::Superseded);
            self.rescind_offers_on(cx, agent);
        }
        self.conns.meet(conn).who = Who::Agent(agent);
        self.timers.cancel(&Timer::Reregister(agent));
        self.ask_at(agent, cx.now.mono + self.options.agent_ping_every);
        let row = &mut self.agents.table[agent];
        row.liveness = Liveness::Connected { conn, unanswered: 0 };
        row.times.come_back(cx.now.wall);
        row.strays.clear();
        if let Some(past) = &mut self.past {
            past.totals.agents_returned += 1;
        }
        self.free_missing_executors(cx, agent, &report);
        let strangers = self.merge_report(cx, agent, &report);
        let missing = self.missing_tasks(cx, agent, &report);
        let row = &self.agents.table[agent];
        let (agent_id, total) = (row.id.clone(), row.total.clone());
        let ping_timeout = self.options.agent_ping_timeout();
        self.tell_agent(cx, agent, ToAgent::Reregistered { agent_id, ping_timeout, missing });
        if total != report.total {
            self.tell_agent(cx, agent, ToAgent::SetTotal { total });
        }
        self.take_up_duty(cx, agent);
        self.after_return(cx, agent, &report, strangers);
        if self.serves(agent) {
            self.observe(cx, Fact::AgentActivated { agent });
        }
    }

    /// The agent is not in the books: after a failover, or after it was unreachable.
    fn readmit(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, report: Box<Reregistration>) {
        let id = report.agent_id.clone();
        // What is being written counts: an agent about to be unreachable must be made reachable again.
        let op = match self.registrar.upcoming().agents().get(&id) {
            Some(agent) if agent.info == report.info && self.registrar.registry().agents().contains_key(&id) => {
                return self.readmitted(cx, conn, *report);
            }
            Some(_) => Op::UpdateAgent { id, info: report.info.clone() },
            None => Op::MarkReachable { id, info: report.info.clone() },
        };
        match self.registrar.submit(op) {
            Err(rejection) => self.refuse_agent(cx, conn, rejection),
            Ok(ticket) => {
                self.conns.meet(conn).who = Who::Joining;
                self.pending.insert(ticket, Pending::Readmission { conn, report });
            }
        }
    }

    /// The agent's place in the registry is durable.
    pub(super) fn readmitted(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, report: Reregistration) {
        let id = report.agent_id.clone();
        let is_still_admitted = self.registrar.registry().agents().contains_key(&id);
        if self.conns.who(conn).is_none() || !is_still_admitted || self.agents.table.find(&id).is_some() {
            if is_still_admitted && self.agents.table.find(&id).is_none() {
                self.expect_back(cx, id);
            }
            return self.drop_conn(cx, conn, CloseReason::Superseded);
        }
        self.expect_no_more(&id);
        self.timers.cancel(&Timer::Absent(id.clone()));
        let row = Agent::new(id.clone(), report.info.clone(), report.total.clone(), conn);
        let agent = self.add_agent(cx, row, Vec::new());
        let strangers = self.merge_report(cx, agent, &report);
        let ping_timeout = self.options.agent_ping_timeout();
        self.tell_agent(cx, agent, ToAgent::Reregistered { agent_id: id, ping_timeout, missing: Vec::new() });
        self.take_up_duty(cx, agent);
        self.after_return(cx, agent, &report, strangers);
        self.plan_for(cx, agent);
    }

    /// An admitted agent without a row: it has the usual time to come back.
    pub(super) fn expect_back(&mut self, cx: &MasterCx<'_>, id: AgentId) {
        self.timers.set(Timer::Absent(id.clone()), cx.now.mono + self.options.agent_reregister_timeout);
        self.expect(id);
    }

    /// Adds what the agent has and the master does not; returns the frameworks that must be shut down there.
    fn merge_report(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        report: &Reregistration,
    ) -> BTreeSet<FrameworkId> {
        let mut strangers = BTreeSet::new();
        let mut keys: BTreeMap<FrameworkId, FrameworkKey> = BTreeMap::new();
        let of_tasks = report.tasks.iter().map(|task| &task.framework_id);
        let of_operations = report.operations.iter().map(|row| &row.framework_id);
        let of_executors = report.executors.iter().map(|row| &row.framework_id);
        let in_use: BTreeSet<_> = of_tasks.chain(of_executors).chain(of_operations).collect();
        for (id, info) in &report.frameworks {
            let key = match self.frameworks.table.find(id) {
                Some(key) => Some(key),
                // What runs counts, whatever the limit for new frameworks; a mere name does not.
                None if !in_use.contains(id) || self.frameworks.was_removed(id) => None,
                None => Some(self.insert_framework(cx, id.clone(), info.clone(), BTreeSet::new(), Standing::Recovered)),
            };
            match key {
                Some(key) => drop(keys.insert(id.clone(), key)),
                None => drop(strangers.insert(id.clone())),
            }
        }
        for executor in &report.executors {
            match keys.get(&executor.framework_id) {
                Some(&framework) => self.merge_executor(cx, agent, framework, executor),
                None => drop(strangers.insert(executor.framework_id.clone())),
            }
        }
        for task in &report.tasks {
            match keys.get(&task.framework_id) {
                Some(_) if mutant!(self, ForgetReregisteredTasks) => {}
                Some(&framework) => self.merge_task(cx, agent, framework, task),
                None => drop(strangers.insert(task.framework_id.clone())),
            }
        }
        for operation in &report.operations {
            match keys.get(&operation.framework_id) {
                Some(&framework) => self.merge_operation(agent, framework, operation),
                None => drop(strangers.insert(operation.framework_id.clone())),
            }
        }
        strangers
    }

    /// What is booked of an executor stays booked, whatever the agent says of it now.
    fn merge_executor(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        framework: FrameworkKey,
        report: &ExecutorReport,
    ) {
        let key = (framework, report.info.id.clone());
        if let Entry::Vacant(place) = self.agents.table[agent].executors.entry(key) {
            place.insert(Executor { info: report.info.clone(), role: report.role.clone() });
            self.note_executor(agent, framework, &report.info.id);
            self.claim(cx, agent, framework, &report.role, &report.info.resources);
        }
    }

    fn merge_task(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, framework: FrameworkKey, report: &TaskReport) {
        let id = &report.info.id;
        match self.frameworks.table[framework].tasks.find(id) {
            Some(task) if self.frameworks.table[framework].tasks[task].agent != agent => {
                let stray = (report.framework_id.clone(), id.clone());
                self.agents.table[agent].strays.insert(stray);
            }
            Some(task) => self.note_state(cx, framework, task, report.state),
            None => {
                let task = self.add_task(
                    cx,
                    agent,
                    framework,
                    Task {
                        info: report.info.clone(),
                        role: report.role.clone(),
                        agent,
                        state: report.state,
                        told: report.told.unwrap_or(report.state),
                        unacknowledged: None,
                        is_charged: !report.state.is_terminal(),
                        kill: None,
                        place: 0,
                        past: None,
                    },
                );
                if self.frameworks.table[framework].tasks[task].is_charged {
                    self.claim(cx, agent, framework, &report.role, &report.info.resources);
                }
            }
        }
    }

    /// Books what was found in use.
    fn claim(
        &mut self,
        cx: &MasterCx<'_>,
        agent: AgentKey,
        framework: FrameworkKey,
        role: &mesos_core::Role,
        resources: &mesos_core::Resources,
    ) {
        if resources.is_empty() {
            return;
        }
        let used = Used { framework, role: role.clone(), resources: resources.clone() };
        self.agents.table[agent].charge(framework, role, resources);
        let Used { framework, role, resources } = used;
        self.observe(cx, Fact::Claimed { framework, role, agent, resources });
    }

    /// Tasks the master holds for the agent that the agent does not have: it shall say what became of them. Of those that
    /// have ended the master knows it already; an agent that forgot them would say something else.
    fn missing_tasks(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        report: &Reregistration,
    ) -> Vec<(FrameworkId, TaskId)> {
        if mutant!(self, KeepMissingTasks) {
            return Vec::new();
        }
        let reported: BTreeSet<_> = report.tasks.iter().map(|task| (&task.framework_id, &task.info.id)).collect();
        let mut missing = Vec::new();
        for (framework, task) in self.agents.table[agent].tasks.clone() {
            let row = &self.frameworks.table[framework];
            let (id, is_over) = (&row.tasks[task].info.id, row.tasks[task].state.is_terminal());
            match reported.contains(&(&row.id, id)) {
                true => {}
                false if is_over => self.lose_task(cx, framework, task, Loss::ENDED),
                false => missing.push((row.id.clone(), id.clone())),
            }
        }
        missing
    }

    /// Executors the agent does not have any more use nothing.
    fn free_missing_executors(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, report: &Reregistration) {
        let reported: BTreeSet<_> = report.executors.iter().map(|e| (&e.framework_id, &e.info.id)).collect();
        let row = &self.agents.table[agent];
        let is_missing = |(framework, id): &&(FrameworkKey, mesos_core::ExecutorId)| {
            !reported.contains(&(&self.frameworks.table[*framework].id, id))
        };
        let missing: Vec<_> = row.executors.keys().filter(is_missing).cloned().collect();
        for (framework, id) in missing {
            self.free_executor(cx, agent, framework, id);
        }
    }

    /// After the agent knows it is registered: what must end there ends, what was given up lives again.
    fn after_return(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        report: &Reregistration,
        strangers: BTreeSet<FrameworkId>,
    ) {
        for framework_id in strangers {
            self.tell_agent(cx, agent, ToAgent::ShutdownFramework { framework_id });
        }
        for (framework_id, task_id) in self.agents.table[agent].strays.clone() {
            self.tell_agent(cx, agent, ToAgent::Kill { framework_id, task_id, policy: None });
        }
        let held = self.agents.table[agent].tasks.clone();
        for (framework, task) in held {
            self.send_kill_again(cx, agent, framework, task);
            self.tell_of_return(cx, framework, task);
        }
        self.tell_of_lost(cx, &report.agent_id, TaskState::Gone, Reason::AgentReregistered);
        self.settle_operations(cx, agent, report);
        for (id, info) in &report.frameworks {
            let Some(framework) = self.frameworks.table.find(id) else { continue };
            let current = self.frameworks.table[framework].info.clone();
            let is_current = *info == current || self.frameworks.table[framework].standing == Standing::Recovered;
            if !is_current {
                self.tell_agent(cx, agent, ToAgent::UpdateFramework { framework_id: id.clone(), info: current });
            }
        }
    }

    /// A task that was said to be unreachable or lost has turned up: its framework hears its real state.
    fn tell_of_return(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, task: TaskKey) {
        let row = &mut self.frameworks.table[framework];
        let (id, state, agent) = {
            let task = &row.tasks[task];
            (task.info.id.clone(), task.told, task.agent)
        };
        if row.forget_unreachable(&id).is_none() {
            return;
        }
        let agent_id = self.agents.table[agent].id.clone();
        let state = self.frameworks.table[framework].hears(state);
        let status =
            TaskStatus::new(id, state, Source::Master, cx.now.wall).because(Reason::AgentReregistered).on(agent_id);
        self.tell_status(cx, framework, status);
    }

    /// Turns an agent away for good.
    pub(super) fn shut_out(&mut self, cx: &mut MasterCx<'_>, conn: ConnId, rejection: Rejection) {
        self.tell_agent_at(cx, conn, ToAgent::Shutdown(rejection.clone()));
        self.refuse_agent(cx, conn, rejection);
    }
}

/// What helps an agent whose id is not its own.
const START_ANEW: &str = "start the agent with an empty work directory, to register as a new one";

pub(super) fn gone(id: &AgentId) -> Rejection {
    Rejection::new(RejectionCode::AgentGone, format!("agent {id} was marked gone"), START_ANEW)
}
