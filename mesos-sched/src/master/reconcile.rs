//! What became of my tasks?
//!
//! Semantics: Apache Mesos, `docs/reconciliation.md` and `src/master/master.cpp` (`Master::_reconcileTasks`). Answers carry no
//! uuid. While an agent may still come back with the task, there is no answer: the framework asks again.
//!
//! A task that was lost with its agent's connection, because its framework keeps no checkpoints, stays what the framework
//! was told of it, LOST, until the agent is unreachable or brings it back. Mesos would say GONE, which is a last word; but
//! a connection may break without the task.

use mesos_core::provider::FrameworkKey;
use mesos_core::{AgentId, Reason, Rejection, Source, TaskId, TaskState, TaskStatus, WallTime};

use super::book::{TaskKey, UnreachableTask};
use super::options::mutant;
use super::{Master, MasterCx};
use crate::registry::Standing;

/// What the master knows of a task that is not in its books.
enum Answer {
    /// Nothing that would hold: ask again.
    None,
    /// This state.
    State(TaskState, Option<WallTime>),
}

impl Master {
    pub(super) fn reconcile(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        tasks: &[(TaskId, Option<AgentId>)],
    ) {
        self.counters.reconciliations += 1;
        if tasks.is_empty() {
            let known: Vec<_> = self.frameworks.table[framework].tasks.handles().collect();
            self.counters.reconciled_tasks += known.len() as u64;
            for task in known {
                self.answer_known(cx, framework, task);
            }
        }
        for (id, agent) in tasks {
            match self.find_to_reconcile(framework, id) {
                Some(task) => self.answer_known(cx, framework, task),
                None => self.answer_unknown(cx, framework, id, agent.as_ref()),
            }
        }
    }

    fn find_to_reconcile(&mut self, framework: FrameworkKey, id: &TaskId) -> Option<TaskKey> {
        let tasks = &self.frameworks.table[framework].tasks;
        let (task, looked_at) = if mutant!(self, ReconcileBySearch) {
            let place = tasks.iter().position(|(_, own, _)| own == id);
            let task = place.and_then(|place| tasks.handles().nth(place));
            (task, place.map_or(tasks.len(), |place| place + 1) as u64)
        } else {
            (tasks.find(id), 1)
        };
        self.counters.reconciled_tasks += looked_at;
        task
    }

    fn answer_known(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, task: TaskKey) {
        let status = self.status_known(cx.now.wall, framework, task);
        self.tell_status(cx, framework, status);
    }

    /// The state the framework was last told, not the newest: updates must not overtake each other.
    fn status_known(&self, now: WallTime, framework: FrameworkKey, task: TaskKey) -> TaskStatus {
        let row = &self.frameworks.table[framework];
        let task = &row.tasks[task];
        TaskStatus::new(task.info.id.clone(), row.hears(task.told), Source::Master, now)
            .because(Reason::Reconciliation)
            .on(self.agents.table[task.agent].id.clone())
    }

    /// Refuses a task whose id is that of another, and says whether it is. An end told of that id would look like the end of
    /// the other, so the answer is how that one stands; frameworks that hear of refused calls hear of this one as well.
    pub(super) fn refuse_taken(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        id: &TaskId,
        why: &Rejection,
    ) -> bool {
        let row = &self.frameworks.table[framework];
        let status = match (row.tasks.find(id), row.unreachable.get(id)) {
            (Some(task), _) => self.status_known(cx.now.wall, framework, task),
            (None, Some(task)) => {
                let (state, since_wall) = self.look_up_lost(task);
                let mut status = TaskStatus::new(id.clone(), row.hears(state), Source::Master, cx.now.wall)
                    .because(Reason::Reconciliation)
                    .on(task.agent_id.clone());
                status.unreachable_since_wall = since_wall;
                status
            }
            (None, None) => return false,
        };
        tracing::info!(framework = %row.id, task = %id, state = %status.state, %why, "a task was refused whose id is taken");
        self.reject(cx, framework, why.clone());
        self.tell_status(cx, framework, status.saying(why.to_string()));
        true
    }

    fn answer_unknown(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, id: &TaskId, agent: Option<&AgentId>) {
        let Answer::State(state, since_wall) = self.look_up(framework, id, agent) else { return };
        let unreachable = self.frameworks.table[framework].unreachable.get(id).map(|task| task.agent_id.clone());
        if state == TaskState::Unknown && mutant!(self, SkipUnknownInReconciliation) {
            return;
        }
        let is_optimistic = state == TaskState::Unreachable && mutant!(self, ReconcileUnreachableAsRunning);
        let state = if is_optimistic { TaskState::Running } else { self.frameworks.table[framework].hears(state) };
        let mut status =
            TaskStatus::new(id.clone(), state, Source::Master, cx.now.wall).because(Reason::Reconciliation);
        status.agent_id = unreachable.or_else(|| agent.cloned());
        status.unreachable_since_wall = since_wall;
        self.tell_status(cx, framework, status);
    }

    fn look_up_lost(&self, task: &UnreachableTask) -> (TaskState, Option<WallTime>) {
        match (task.told, self.registrar.registry().standing(&task.agent_id)) {
            (TaskState::Unreachable, _) => (TaskState::Unreachable, Some(task.since_wall)),
            (_, Some(Standing::Unreachable(row))) => (TaskState::Unreachable, Some(row.since_wall)),
            (told, _) => (told, None),
        }
    }

    fn look_up(&self, framework: FrameworkKey, id: &TaskId, agent: Option<&AgentId>) -> Answer {
        if let Some(task) = self.frameworks.table[framework].unreachable.get(id) {
            let (state, since_wall) = self.look_up_lost(task);
            return Answer::State(state, since_wall);
        }
        let Some(agent) = agent else {
            let may_turn_up = !self.agents.absent.is_empty();
            return if may_turn_up { Answer::None } else { Answer::State(TaskState::Unknown, None) };
        };
        if let Some(agent) = self.agents.table.find(agent) {
            // One whose connection is broken may come back with the task.
            let is_connected = self.agents.table[agent].conn().is_some();
            return if is_connected { Answer::State(TaskState::Gone, None) } else { Answer::None };
        }
        match self.registrar.registry().standing(agent) {
            Some(Standing::Admitted(_)) => Answer::None,
            Some(Standing::Unreachable(row)) => Answer::State(TaskState::Unreachable, Some(row.since_wall)),
            Some(Standing::Gone(_)) => Answer::State(TaskState::GoneByOperator, None),
            None => Answer::State(TaskState::Unknown, None),
        }
    }
}
