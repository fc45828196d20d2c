//! What became of my tasks?
//!
//! Semantics: Apache Mesos, `docs/reconciliation.md` and `src/master/master.cpp` (`Master::_reconcileTasks`). Answers carry no
//! uuid. While an agent may still come back with the task, there is no answer: the framework asks again.
//!
//! A task that was lost with its agent's connection, because its framework keeps no checkpoints, stays what the framework
//! was told of it, LOST, until the agent is unreachable or brings it back. Mesos would say GONE, which is a last word; but
//! a connection may break without the task.

use mesos_core::provider::FrameworkKey;
use mesos_core::{AgentId, Reason, Source, TaskId, TaskState, TaskStatus, WallTime};

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
            for task in known {
                self.answer_known(cx, framework, task);
            }
        }
        for (id, agent) in tasks {
            match self.frameworks.table[framework].tasks.find(id) {
                Some(task) => self.answer_known(cx, framework, task),
                None => self.answer_unknown(cx, framework, id, agent.as_ref()),
            }
        }
    }

    /// The state the framework was last told, not the newest: updates must not overtake each other.
    fn answer_known(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, task: TaskKey) {
        let row = &self.frameworks.table[framework];
        let task = &row.tasks[task];
        let status = TaskStatus::new(task.info.id.clone(), row.hears(task.told), Source::Master, cx.now.wall)
            .because(Reason::Reconciliation)
            .on(self.agents.table[task.agent].id.clone());
        self.tell_status(cx, framework, status);
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

    fn look_up_lost(&self, task: &UnreachableTask) -> Answer {
        match (task.told, self.registrar.registry().standing(&task.agent_id)) {
            (TaskState::Unreachable, _) => Answer::State(TaskState::Unreachable, Some(task.since_wall)),
            (_, Some(Standing::Unreachable(row))) => Answer::State(TaskState::Unreachable, Some(row.since_wall)),
            (told, _) => Answer::State(told, None),
        }
    }

    fn look_up(&self, framework: FrameworkKey, id: &TaskId, agent: Option<&AgentId>) -> Answer {
        if let Some(task) = self.frameworks.table[framework].unreachable.get(id) {
            return self.look_up_lost(task);
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
