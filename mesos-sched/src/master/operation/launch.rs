//! LAUNCH: a task leaves the offer and goes to its agent.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use mesos_core::call::agent::{RunGroup, RunTask, ToAgent};
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::{
    ExecutorId, ExecutorInfo, Reason, Rejection, RejectionCode, Resources, Source, TaskInfo, TaskRun, TaskState,
    TaskStatus,
};

use crate::master::accept::Accepting;
use crate::master::book::{Executor, Task, TaskKey};
use crate::master::options::mutant;
use crate::master::past::TaskPast;
use crate::master::publish::Change;
use crate::master::validate::{validate_group, validate_task, validate_users};
use crate::master::{Master, MasterCx};

impl Master {
    /// Launches one task, or tells its framework why not.
    pub(in crate::master) fn launch(&mut self, cx: &mut MasterCx<'_>, accepting: &mut Accepting, task: Arc<TaskInfo>) {
        let consumed = match self.judge(accepting, &task) {
            Ok(consumed) => consumed,
            Err(rejection) => {
                return match accepting.conflict_with(&task) {
                    Some(conflict) => self.drop_task(cx, accepting.framework, &task, &conflict),
                    None => self.refuse_task(cx, accepting.framework, &task, &rejection),
                };
            }
        };
        let Accepting { framework, agent, .. } = *accepting;
        let may_start_executor = self.book_launch(cx, accepting, &task, &consumed);
        let row = &self.frameworks.table[framework];
        let (framework_id, info) = (row.id.clone(), row.info.clone());
        self.tell_total(cx, accepting);
        let role = accepting.role.clone();
        let run = RunTask { framework_id, framework: info, role, task, may_start_executor };
        self.tell_agent(cx, agent, ToAgent::Run(Box::new(run)));
    }

    /// Launches a group of tasks, or tells its framework of each why not: all of them or none.
    pub(in crate::master) fn launch_group(
        &mut self,
        cx: &mut MasterCx<'_>,
        accepting: &mut Accepting,
        tasks: Vec<Arc<TaskInfo>>,
    ) {
        let consumed = match self.judge_group(accepting, &tasks) {
            Ok(consumed) => consumed,
            Err(rejection) => {
                let conflict = accepting.conflict_with_all(&tasks);
                for task in &tasks {
                    match &conflict {
                        Some(conflict) => self.drop_task(cx, accepting.framework, task, conflict),
                        None => self.refuse_as(cx, accepting.framework, task, &rejection, Reason::TaskGroupInvalid),
                    }
                }
                if tasks.is_empty() {
                    self.reject(cx, accepting.framework, rejection);
                }
                return;
            }
        };
        let Accepting { framework, agent, .. } = *accepting;
        let mut may_start_executor = false;
        for (task, consumed) in tasks.iter().zip(&consumed) {
            may_start_executor |= self.book_launch(cx, accepting, task, consumed);
        }
        let row = &self.frameworks.table[framework];
        let (framework_id, info) = (row.id.clone(), row.info.clone());
        self.tell_total(cx, accepting);
        let role = accepting.role.clone();
        let run = RunGroup { framework_id, framework: info, role, tasks, may_start_executor };
        self.tell_agent(cx, agent, ToAgent::RunGroup(Box::new(run)));
    }

    /// What each task of a group takes from the offer.
    fn judge_group(&self, accepting: &Accepting, tasks: &[Arc<TaskInfo>]) -> Result<Vec<Resources>, Rejection> {
        validate_group(tasks)?;
        let mut remaining = accepting.remaining.clone();
        let mut all = Vec::with_capacity(tasks.len());
        // The executor is there from the second task on.
        let mut existing = self.executor_of(accepting, &tasks[0]).map(|executor| &*executor.info);
        for task in tasks {
            self.check_room(accepting, task, all.len())?;
            self.check_users(task)?;
            let consumed = self.judge_with(accepting, task, existing, &remaining)?;
            remaining -= &consumed;
            all.push(consumed);
            existing = task.run.executor().map(|executor| &**executor);
        }
        Ok(all)
    }

    /// Charges a task and puts it into the books; whether its executor is new on the agent.
    fn book_launch(
        &mut self,
        cx: &MasterCx<'_>,
        accepting: &mut Accepting,
        task: &Arc<TaskInfo>,
        consumed: &Resources,
    ) -> bool {
        let Accepting { framework, agent, .. } = *accepting;
        accepting.remaining -= consumed;
        accepting.made -= consumed;
        self.agents.table[agent].charge(framework, &accepting.role, consumed);
        let is_new = self.book_executor(accepting, task);
        let row = Task {
            info: task.clone(),
            role: accepting.role.clone(),
            agent,
            state: TaskState::Staging,
            told: TaskState::Staging,
            unacknowledged: None,
            is_charged: true,
            kill: None,
            place: 0,
            past: None,
        };
        self.add_task(cx, agent, framework, row);
        self.counters.launches += 1;
        is_new
    }

    /// Books the executor a task names; whether it is new on the agent, and charged with this task.
    fn book_executor(&mut self, accepting: &Accepting, task: &TaskInfo) -> bool {
        let Some(info) = task.run.executor() else { return true };
        let key = (accepting.framework, info.id.clone());
        match self.agents.table[accepting.agent].executors.entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(Executor { info: info.clone(), role: accepting.role.clone() });
                self.note_executor(accepting.agent, accepting.framework, &info.id);
                true
            }
        }
    }

    /// What the task takes from the offer, with an executor that is new on the agent.
    fn judge(&self, accepting: &Accepting, task: &TaskInfo) -> Result<Resources, Rejection> {
        self.check_room(accepting, task, 0)?;
        self.check_users(task)?;
        if matches!(task.run, TaskRun::InGroup { .. }) {
            return Err(Rejection::new(
                RejectionCode::InvalidTask,
                format!("task {} belongs to a group", task.id),
                "launch groups whole, with LAUNCH_GROUP",
            ));
        }
        let existing = self.executor_of(accepting, task).map(|executor| &*executor.info);
        self.judge_with(accepting, task, existing, &accepting.remaining)
    }

    fn judge_with(
        &self,
        accepting: &Accepting,
        task: &TaskInfo,
        existing: Option<&ExecutorInfo>,
        remaining: &Resources,
    ) -> Result<Resources, Rejection> {
        let agent = &self.agents.table[accepting.agent];
        validate_task(task, &agent.id, &agent.info.capabilities, existing, remaining)
    }

    /// Whether the framework may have another task of this id, with `more` that come at the same time.
    fn check_room(&self, accepting: &Accepting, task: &TaskInfo, more: usize) -> Result<(), Rejection> {
        let framework = &self.frameworks.table[accepting.framework];
        let is_known = framework.tasks.find(&task.id).is_some() || framework.unreachable.contains_key(&task.id);
        if is_known && !mutant!(self, AllowDuplicateTaskId) {
            return Err(Rejection::new(
                RejectionCode::InvalidTask,
                format!("task id {} is in use by another task of the framework", task.id),
                "give every task, also every new attempt, an id of its own",
            ));
        }
        if framework.tasks.len() + more >= self.options.tasks_per_framework_max {
            return Err(Rejection::new(
                RejectionCode::TooMany,
                format!("the framework has {} tasks, as many as it may", framework.tasks.len()),
                "wait for tasks to end, and acknowledge their updates",
            ));
        }
        Ok(())
    }

    fn check_users(&self, task: &TaskInfo) -> Result<(), Rejection> {
        if self.options.root_submissions { Ok(()) } else { validate_users(task) }
    }

    fn executor_of(&self, accepting: &Accepting, task: &TaskInfo) -> Option<&Executor> {
        let info = task.run.executor()?;
        self.agents.table[accepting.agent].executors.get(&(accepting.framework, info.id.clone()))
    }

    fn refuse_task(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, task: &TaskInfo, rejection: &Rejection) {
        self.refuse_as(cx, framework, task, rejection, Reason::TaskInvalid);
    }

    pub(in crate::master) fn refuse_as(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        task: &TaskInfo,
        rejection: &Rejection,
        reason: Reason,
    ) {
        if self.refuse_taken(cx, framework, &task.id, rejection) {
            return;
        }
        self.counters.rejections += 1;
        let status = TaskStatus::new(task.id.clone(), TaskState::Error, Source::Master, cx.now.wall)
            .because(reason)
            .saying(rejection.to_string())
            .on(task.agent_id.clone());
        self.count_refusal(framework, &status);
        self.tell_status(cx, framework, status);
    }

    /// Puts a task into the books of its framework and its agent.
    pub(in crate::master) fn add_task(
        &mut self,
        cx: &MasterCx<'_>,
        agent: AgentKey,
        framework: FrameworkKey,
        mut task: Task,
    ) -> TaskKey {
        if self.past.is_some() {
            self.frameworks.table[framework].over.begin(&task.info.id);
            task.past = Some(Box::new(TaskPast::since(cx.now.wall)));
        }
        let place = self.agents.table[agent].tasks.len();
        task.place = u32::try_from(place).expect("an agent has fewer than 2^32 tasks");
        let id = task.info.id.clone();
        let strays = &mut self.agents.table[agent].strays;
        if !strays.is_empty() {
            strays.remove(&(self.frameworks.table[framework].id.clone(), id.clone()));
        }
        let tasks = &mut self.frameworks.table[framework].tasks;
        let key = match tasks.insert(id, task) {
            Ok(key) => key,
            // Only with a planted defect: the second task of an id takes the place of the first.
            Err(task) => {
                let key = tasks.find(&task.info.id).expect("the id is taken");
                tasks[key] = task;
                key
            }
        };
        self.agents.table[agent].tasks.push((framework, key));
        self.note_task(framework, key);
        key
    }

    /// Takes a task out of the books, and what it uses with it.
    pub(in crate::master) fn forget_task(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey, task: TaskKey) {
        self.free_task(cx, framework, task);
        let Some((task_id, row)) = self.frameworks.table[framework].tasks.remove(task) else { return };
        if let Some(past) = &self.past {
            let owner = &mut self.frameworks.table[framework];
            let ended = row.shown(&owner.id, &self.agents.table[row.agent].id);
            owner.over.end(Arc::new(ended), &past.memory);
        }
        self.note(|master| Change::TaskGone { framework_id: master.frameworks.table[framework].id.clone(), task_id });
        let list = &mut self.agents.table[row.agent].tasks;
        list.swap_remove(row.place as usize);
        if let Some(&(moved_framework, moved)) = list.get(row.place as usize) {
            self.frameworks.table[moved_framework].tasks[moved].place = row.place;
        }
    }

    /// What the task uses is free, once.
    pub(in crate::master) fn free_task(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey, task: TaskKey) {
        let row = &mut self.frameworks.table[framework].tasks[task];
        if !std::mem::take(&mut row.is_charged) {
            return;
        }
        let (agent, role, info) = (row.agent, row.role.clone(), row.info.clone());
        self.discharge(cx, agent, framework, role, &info.resources);
    }

    /// What an executor uses is free.
    pub(in crate::master) fn free_executor(
        &mut self,
        cx: &MasterCx<'_>,
        agent: AgentKey,
        framework: FrameworkKey,
        id: ExecutorId,
    ) {
        if let Some(Executor { info, role }) = self.agents.table[agent].executors.remove(&(framework, id)) {
            self.note(|master| Change::ExecutorGone {
                agent_id: master.agents.table[agent].id.clone(),
                framework_id: master.frameworks.table[framework].id.clone(),
                executor_id: info.id.clone(),
            });
            self.discharge(cx, agent, framework, role, &info.resources);
        }
    }

    pub(in crate::master) fn free_executors_of(&mut self, cx: &MasterCx<'_>, framework: FrameworkKey) {
        let rows = self.agents.table.iter();
        let own = rows.flat_map(|(agent, _, row)| row.executors.keys().map(move |key| (agent, key)));
        let own = own.filter(|(_, (other, _))| *other == framework);
        let own: Vec<_> = own.map(|(agent, (_, id))| (agent, id.clone())).collect();
        for (agent, id) in own {
            self.free_executor(cx, agent, framework, id);
        }
    }

    fn discharge(
        &mut self,
        cx: &MasterCx<'_>,
        agent: AgentKey,
        framework: FrameworkKey,
        role: mesos_core::Role,
        resources: &Resources,
    ) {
        if resources.is_empty() {
            return;
        }
        self.agents.table[agent].discharge(framework, &role, resources);
        let resources = resources.clone();
        self.observe(cx, mesos_core::provider::Fact::Recovered { framework, role, agent, resources, filters: None });
    }
}
