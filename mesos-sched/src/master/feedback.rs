//! What becomes of operations that have an id: told to their framework until it has taken note.
//!
//! An operation that is valid is done in the master's books with its call; its agent makes it durable and says so, again and
//! again until the framework's acknowledgement reaches it. What the agent says decides nothing but that: the resources are
//! those the master made of them.
//!
//! Semantics: Apache Mesos, `docs/operation-feedback.md` and `src/master/master.cpp` (`Master::updateOperationStatus`,
//! `Master::reconcileOperations`). There an operation that never reached its agent is dropped; here the agent is told again
//! when it is back, because the books have it done. While some agent may still come back, an operation nobody knows is
//! `RECOVERING` also when the framework does not say where it is.

use std::collections::BTreeSet;

use mesos_core::call::agent::{ApplyOperation, OperationReport, Reregistration, ToAgent};
use mesos_core::call::scheduler::Event;
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::{
    AgentCapability, AgentId, FrameworkId, Operation, OperationId, OperationState, OperationStatus, Reason, Rejection,
    RejectionCode, TrackedOperation, UpdateId,
};

use super::accept::Accepting;
use super::book::Tracked;
use super::publish::Change;
use super::{Master, MasterCx};
use crate::registry::Standing;

const CODE: RejectionCode = RejectionCode::InvalidOperation;

impl Master {
    /// Does an operation whose framework wants to hear what becomes of it, or says why not.
    pub(super) fn track(
        &mut self,
        cx: &mut MasterCx<'_>,
        accepting: &mut Accepting,
        id: OperationId,
        operation: Operation,
    ) {
        let framework = accepting.framework;
        if !operation.tasks().is_empty() {
            let reason = match operation {
                Operation::LaunchGroup(_) => Reason::TaskGroupInvalid,
                _ => Reason::TaskInvalid,
            };
            let what = format!("{} has id {id}", operation.name());
            let why = Rejection::new(CODE, what, "leave the id out: each task's updates say what becomes of it");
            for task in operation.tasks() {
                self.refuse_as(cx, framework, task, &why, reason);
            }
            return;
        }
        let judged = self.check_trackable(accepting, &id);
        match judged.and_then(|()| self.reshape(cx, accepting, &operation)) {
            Err(why) => self.refuse_operation(cx, framework, Some(&id), &why),
            Ok(converted) => {
                let operation = TrackedOperation { id, uuid: cx.rng.update_id(), operation, converted };
                let row = Tracked {
                    operation: operation.into(),
                    agent: accepting.agent,
                    state: OperationState::Pending,
                    is_told: false,
                };
                let id = row.operation.id.clone();
                self.add_operation(framework, row);
                self.send_operation(cx, framework, &id);
                // What the agent was told holds the total.
                accepting.is_total_changed = false;
            }
        }
    }

    fn check_trackable(&self, accepting: &Accepting, id: &OperationId) -> Result<(), Rejection> {
        let operations = &self.frameworks.table[accepting.framework].operations;
        if operations.contains_key(id) {
            let what = format!("operation id {id} is in use by another operation of the framework");
            return Err(Rejection::new(CODE, what, "give every operation an id of its own"));
        }
        if operations.len() >= self.options.operations_per_framework_max {
            let what = format!("{} operations of the framework are not acknowledged", operations.len());
            return Err(Rejection::new(RejectionCode::TooMany, what, "acknowledge what is said of operations"));
        }
        let info = &self.agents.table[accepting.agent].info;
        if !info.capabilities.contains(&AgentCapability::AgentOperationFeedback) {
            let what = format!("the agent on {} does not say what becomes of operations", info.hostname);
            return Err(Rejection::new(CODE, what, "leave the id out, or use a newer agent"));
        }
        Ok(())
    }

    fn add_operation(&mut self, framework: FrameworkKey, row: Tracked) {
        let id = row.operation.id.clone();
        self.agents.table[row.agent].operations.insert((framework, id.clone()));
        self.frameworks.table[framework].operations.insert(id.clone(), row);
        self.note_operation(framework, &id);
    }

    fn send_operation(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, id: &OperationId) {
        let row = &self.frameworks.table[framework];
        let Some(Tracked { operation, agent, .. }) = row.operations.get(id) else { return };
        let (agent, operation) = (*agent, operation.clone());
        let (framework_id, framework) = (row.id.clone(), row.info.clone());
        let total = self.agents.table[agent].total.clone();
        let apply = ApplyOperation { framework_id, framework, operation, total };
        self.tell_agent(cx, agent, ToAgent::Apply(Box::new(apply)));
    }

    /// Takes an operation out of the books.
    fn forget_operation(&mut self, framework: FrameworkKey, id: &OperationId) -> Option<Tracked> {
        let row = self.frameworks.table[framework].operations.remove(id)?;
        self.agents.table[row.agent].operations.remove(&(framework, id.clone()));
        self.note(|master| Change::OperationGone {
            framework_id: master.frameworks.table[framework].id.clone(),
            operation_id: id.clone(),
        });
        Some(row)
    }

    /// Says that an operation was not done: under its id if it has one, and if that does not name another that was.
    pub(super) fn refuse_operation(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        id: Option<&OperationId>,
        why: &Rejection,
    ) {
        match id.filter(|id| !self.frameworks.table[framework].operations.contains_key(*id)) {
            None => self.reject(cx, framework, why.clone()),
            Some(id) => {
                self.counters.rejections += 1;
                let status = OperationStatus::new(id.clone(), OperationState::Error).saying(why.to_string());
                self.tell_operation(cx, framework, status);
            }
        }
    }

    fn tell_operation(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, status: OperationStatus) -> bool {
        self.tell_framework(cx, framework, Event::OperationUpdate(Box::new(status)))
    }

    /// What an agent says of an operation.
    pub(super) fn operation_update(
        &mut self,
        cx: &mut MasterCx<'_>,
        agent: AgentKey,
        framework_id: &FrameworkId,
        said: OperationStatus,
    ) {
        let Some(framework) = self.frameworks.table.find(framework_id) else {
            self.tell_agent(cx, agent, ToAgent::ShutdownFramework { framework_id: framework_id.clone() });
            return;
        };
        let uuid = match check_said(&said) {
            Ok(uuid) => uuid,
            Err(why) => return self.refuse_peer(cx, agent, why),
        };
        let agent_id = self.agents.table[agent].id.clone();
        let row = self.frameworks.table[framework].operations.get_mut(&said.id);
        let Some(row) = row.filter(|row| row.operation.uuid == uuid) else {
            // It was acknowledged, and the agent has not heard of that.
            let framework_id = framework_id.clone();
            self.tell_agent(cx, agent, ToAgent::AcknowledgeOperation { framework_id, uuid });
            return;
        };
        if row.agent != agent {
            let what = format!("agent {agent_id} reported on operation {}, which is another agent's", said.id);
            let why = Rejection::new(RejectionCode::NotYours, what, "an agent reports on its own operations only");
            return self.refuse_peer(cx, agent, why);
        }
        row.state = said.state;
        let mut status = OperationStatus::new(said.id, said.state).on(agent_id);
        status.message = said.message;
        status.uuid = Some(uuid);
        if said.state == OperationState::Finished {
            status.converted = row.operation.converted.clone();
        }
        let id = status.id.clone();
        self.counters.operation_updates += 1;
        self.note_operation(framework, &id);
        let is_told = self.tell_operation(cx, framework, status);
        if let Some(row) = self.frameworks.table[framework].operations.get_mut(&id) {
            row.is_told |= is_told;
        }
    }

    fn refuse_peer(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, why: Rejection) {
        if let Some(conn) = self.agents.table[agent].conn() {
            self.refuse_agent(cx, conn, why);
        }
    }

    /// A framework has taken note of an operation's end: it is forgotten, here and by its agent.
    pub(super) fn acknowledge_operation(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        id: &OperationId,
        agent_id: &AgentId,
        uuid: UpdateId,
    ) {
        self.counters.operation_acknowledgements += 1;
        let row = &self.frameworks.table[framework];
        let is_awaited = |tracked: &&Tracked| {
            tracked.is_told && tracked.operation.uuid == uuid && self.agents.table[tracked.agent].id == *agent_id
        };
        let Some(agent) = row.operations.get(id).filter(is_awaited).map(|tracked| tracked.agent) else { return };
        let framework_id = row.id.clone();
        self.forget_operation(framework, id);
        self.tell_agent(cx, agent, ToAgent::AcknowledgeOperation { framework_id, uuid });
    }

    /// Answers what became of operations; none named means all that are known. Answers need no acknowledgement.
    pub(super) fn reconcile_operations(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        asked: Vec<(OperationId, Option<AgentId>)>,
    ) {
        self.counters.operation_reconciliations += 1;
        let asked = match asked.is_empty() {
            true => self.frameworks.table[framework].operations.keys().map(|id| (id.clone(), None)).collect(),
            false => asked,
        };
        for (id, agent_id) in asked {
            let status = match self.frameworks.table[framework].operations.get(&id) {
                Some(row) => self.status_of(row),
                None => {
                    let mut status = OperationStatus::new(id, self.look_up_operation(agent_id.as_ref()));
                    status.agent_id = agent_id;
                    status
                }
            };
            self.tell_operation(cx, framework, status);
        }
    }

    fn status_of(&self, row: &Tracked) -> OperationStatus {
        let agent_id = self.agents.table[row.agent].id.clone();
        let mut status = OperationStatus::new(row.operation.id.clone(), row.state).on(agent_id);
        if row.state == OperationState::Finished {
            status.converted = row.operation.converted.clone();
        }
        status
    }

    /// How an operation stands that is not in the books.
    fn look_up_operation(&self, agent_id: Option<&AgentId>) -> OperationState {
        let Some(agent_id) = agent_id else {
            let may_turn_up = !self.agents.absent.is_empty();
            return if may_turn_up { OperationState::Recovering } else { OperationState::Unknown };
        };
        if self.agents.table.find(agent_id).is_some() {
            return OperationState::Unknown;
        }
        match self.registrar.registry().standing(agent_id) {
            Some(Standing::Admitted(_)) => OperationState::Recovering,
            Some(Standing::Unreachable(_)) => OperationState::Unreachable,
            Some(Standing::Gone(_)) => OperationState::GoneByOperator,
            None => OperationState::Unknown,
        }
    }

    /// Their agent is lost: frameworks that have not heard an end hear this.
    pub(super) fn lose_operations(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, state: OperationState) {
        for (framework, id) in self.agents.table[agent].operations.clone() {
            self.lose_operation(cx, framework, &id, state);
        }
    }

    fn lose_operation(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        id: &OperationId,
        state: OperationState,
    ) {
        let Some(row) = self.forget_operation(framework, id) else { return };
        if row.is_told {
            return;
        }
        let mut status = self.status_of(&row);
        if !row.state.is_terminal() {
            status.state = state;
        }
        self.tell_operation(cx, framework, status);
    }

    /// The operations of a framework that is removed. Its agents are told of that as a whole.
    pub(super) fn forget_operations_of(&mut self, framework: FrameworkKey) {
        let ids: Vec<OperationId> = self.frameworks.table[framework].operations.keys().cloned().collect();
        for id in ids {
            self.forget_operation(framework, &id);
        }
    }

    /// An operation a returning agent brings along.
    pub(super) fn merge_operation(&mut self, agent: AgentKey, framework: FrameworkKey, report: &OperationReport) {
        let known = self.frameworks.table[framework].operations.get_mut(&report.operation.id);
        match known {
            None => {
                let (operation, state) = (report.operation.clone(), report.state);
                self.add_operation(framework, Tracked { operation, agent, state, is_told: false });
            }
            Some(row) if row.agent == agent && row.operation.uuid == report.operation.uuid => {
                row.state = report.state;
                self.note_operation(framework, &report.operation.id);
            }
            // Its id is another's by now.
            Some(_) => {}
        }
    }

    /// After the agent knows it is registered: it hears again what it does not have, and forgets what nobody waits for.
    pub(super) fn settle_operations(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey, report: &Reregistration) {
        if report.operations.is_empty() && self.agents.table[agent].operations.is_empty() {
            return;
        }
        let mut reported = BTreeSet::new();
        for OperationReport { framework_id, operation, .. } in &report.operations {
            reported.insert(operation.uuid);
            let framework = self.frameworks.table.find(framework_id);
            let row = framework.and_then(|framework| self.frameworks.table[framework].operations.get(&operation.id));
            if row.is_none_or(|row| row.agent != agent || row.operation.uuid != operation.uuid) {
                let (framework_id, uuid) = (framework_id.clone(), operation.uuid);
                self.tell_agent(cx, agent, ToAgent::AcknowledgeOperation { framework_id, uuid });
            }
        }
        for (framework, id) in self.agents.table[agent].operations.clone() {
            let Some(row) = self.frameworks.table[framework].operations.get(&id) else { continue };
            match (reported.contains(&row.operation.uuid), row.state.is_terminal()) {
                (true, _) => {}
                (false, false) => self.send_operation(cx, framework, &id),
                // The agent has lost what it wrote down; the end is known all the same.
                (false, true) => self.lose_operation(cx, framework, &id, OperationState::Unknown),
            }
        }
    }

    fn note_operation(&mut self, framework: FrameworkKey, id: &OperationId) {
        self.note(|master| {
            let row = &master.frameworks.table[framework];
            master.operation_change(&row.id, &row.operations[id])
        });
    }

    pub(super) fn operation_change(&self, framework_id: &FrameworkId, row: &Tracked) -> Change {
        Change::Operation {
            framework_id: framework_id.clone(),
            agent_id: self.agents.table[row.agent].id.clone(),
            operation: row.operation.clone(),
            state: row.state,
        }
    }
}

/// An agent may say how an operation ended, under the operation's own name.
fn check_said(said: &OperationStatus) -> Result<UpdateId, Rejection> {
    let is_an_agents = matches!(
        said.state,
        OperationState::Finished | OperationState::Failed | OperationState::Error | OperationState::Dropped
    );
    match said.uuid.filter(|_| is_an_agents) {
        Some(uuid) => Ok(uuid),
        None => {
            let what = format!("operation {} was reported as {}, or without its uuid", said.id, said.state);
            Err(Rejection::new(CODE, what, "report its end: FINISHED, FAILED, ERROR or DROPPED, with the uuid"))
        }
    }
}
