//! What happened to one task, or to one agent, by the journal of a master: in plain sentences.
//!
//! A journal holds what the master was told and what it answered, so its story is that of one witness. What agents and
//! frameworks did is told when the master hears of it; of what never reached it nothing is known.

use mesos_core::call::ConnId;
use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::{AgentId, FrameworkId, Instant, Operation, TaskId, TaskInfo, TaskState, TaskStatus};
use mesos_sched::master::{Effect, Input};

use super::people::People;
use crate::node::NodeId;
use crate::story::{Line, Subject};

/// The only master of a journal.
const MASTER: NodeId = NodeId::Master(0);

/// Tells what a journal says about its subject.
#[derive(Debug)]
pub struct JournalStory {
    subject: Subject,
    people: People,
    /// Whose the task is.
    framework: Option<FrameworkId>,
    /// Where it runs.
    agent: Option<AgentId>,
    at: Instant,
    lines: Vec<Line>,
}

impl JournalStory {
    /// A story about this subject; agents and frameworks are counted in the order in which they came.
    #[must_use]
    pub fn about(subject: Subject) -> Self {
        Self { subject, people: People::default(), framework: None, agent: None, at: Instant::ZERO, lines: Vec::new() }
    }

    /// Who is who.
    #[must_use]
    pub const fn people(&self) -> &People {
        &self.people
    }

    /// What a step of the master says about the subject.
    pub fn step(&mut self, at: Instant, input: Option<&Input>, effects: &[Effect]) -> Vec<Line> {
        self.at = at;
        self.people.asked(input);
        let subject = self.subject.clone();
        match &subject {
            Subject::Task { framework, task } => self.task_input(*framework, task, input),
            Subject::Agent(index) => self.agent_input(*index, input),
            Subject::Launches => {}
        }
        self.people.answered(effects);
        match &subject {
            Subject::Task { task, .. } => self.task_effects(task, input, effects),
            Subject::Agent(index) => self.agent_effects(*index, effects),
            Subject::Launches => self.launches(effects),
        }
        self.people.closed(input, effects);
        std::mem::take(&mut self.lines)
    }

    fn tell(&mut self, node: NodeId, text: impl Into<String>) {
        let line = Line { at: self.at, node, text: text.into() };
        if self.lines.last() != Some(&line) {
            self.lines.push(line);
        }
    }

    /// The node of an agent; the master where nobody knows it.
    fn node_of_agent(&self, id: &AgentId) -> NodeId {
        self.people.agent_place(id).map_or(MASTER, NodeId::Agent)
    }

    fn node_of_framework(&self, id: &FrameworkId) -> NodeId {
        self.people.framework_place(id).map_or(MASTER, NodeId::Framework)
    }

    fn is_ours(&self, framework: &FrameworkId) -> bool {
        self.framework.as_ref() == Some(framework)
    }

    fn task_input(&mut self, wanted: Option<u32>, task: &TaskId, input: Option<&Input>) {
        match input {
            Some(Input::Scheduler { conn, call, .. }) => self.task_call(wanted, task, *conn, call),
            Some(Input::Agent { message: ToMaster::Update { framework_id, status, latest }, conn, .. })
                if &status.task_id == task && self.is_ours(framework_id) =>
            {
                let mut text = format!("reports that the task is {}", state(status));
                if *latest != status.state {
                    text.push_str(&format!(", and by now {latest}"));
                }
                let node = self.people.at(*conn).unwrap_or(MASTER);
                self.tell(node, text);
            }
            Some(Input::Agent { message: ToMaster::Reregister(report), .. }) => {
                let own = report.tasks.iter().find(|own| {
                    let place = || self.people.framework_place(&own.framework_id);
                    let is_meant = match &self.framework {
                        Some(known) => *known == own.framework_id,
                        None => wanted.is_none() || wanted == place(),
                    };
                    &own.info.id == task && is_meant
                });
                let node = self.node_of_agent(&report.agent_id);
                match own {
                    Some(own) => {
                        // A master that was not there when it was launched meets it here.
                        self.framework = Some(own.framework_id.clone());
                        self.agent = Some(report.agent_id.clone());
                        let text = format!("comes back to the master and has the task as {}", own.state);
                        self.tell(node, text);
                    }
                    None if self.agent.as_ref() == Some(&report.agent_id) => {
                        self.tell(node, "comes back to the master without the task");
                    }
                    None => {}
                }
            }
            Some(Input::Disconnected { conn }) => {
                let node = self.people.at(*conn);
                let agent = self.agent.as_ref().map(|id| self.node_of_agent(id));
                let framework = self.framework.as_ref().map(|id| self.node_of_framework(id));
                if let Some(node) = node.filter(|node| agent == Some(*node) || framework == Some(*node)) {
                    self.tell(node, "is not connected any more");
                }
            }
            _ => {}
        }
    }

    fn task_call(&mut self, wanted: Option<u32>, task: &TaskId, conn: ConnId, call: &Call) {
        let Some(node @ NodeId::Framework(index)) = self.people.at(conn) else { return };
        let Some(id) = self.people.framework(index).cloned() else { return };
        if let Call::Accept { operations, offers, .. } = call
            && wanted.is_none_or(|wanted| wanted == index)
            && self.framework.as_ref().is_none_or(|own| *own == id)
            && let Some(launched) = launched(operations, task)
        {
            (self.framework, self.agent) = (Some(id), Some(launched.agent_id.clone()));
            let on = self.people.agent_name(&launched.agent_id);
            let mut text = format!("launches the task on {on} with {}", launched.resources);
            if let Some(offer) = offers.first() {
                text.push_str(&format!(", out of offer {offer}"));
            }
            self.tell(node, text);
            return;
        }
        if !self.is_ours(&id) {
            return;
        }
        match call {
            Call::Kill { task_id, .. } if task_id == task => self.tell(node, "wants the task to be killed"),
            Call::Reconcile { tasks } if tasks.iter().any(|(own, _)| own == task) => {
                self.tell(node, "asks the master what became of the task");
            }
            Call::Acknowledge { task_id, .. } if task_id == task => self.tell(node, "acknowledges the news"),
            Call::Teardown => self.tell(node, "ends for good, and all of its tasks with it"),
            _ => {}
        }
    }

    fn task_effects(&mut self, task: &TaskId, input: Option<&Input>, effects: &[Effect]) {
        let is_launch = matches!(input, Some(Input::Scheduler { call: Call::Accept { operations, .. }, .. })
            if launched(operations, task).is_some());
        for effect in effects {
            match effect {
                Effect::ToAgent { message: ToAgent::Run(run), .. }
                    if &run.task.id == task && self.is_ours(&run.framework_id) =>
                {
                    let on = self.people.agent_name(&run.task.agent_id);
                    self.tell(MASTER, format!("takes the launch and tells {on} to run it"));
                }
                Effect::ToAgent { message: ToAgent::RunGroup(run), .. }
                    if self.is_ours(&run.framework_id) && run.tasks.iter().any(|own| &own.id == task) =>
                {
                    let text = "takes the launch and tells the agent to run the task with its group";
                    self.tell(MASTER, text);
                }
                Effect::ToAgent { message: ToAgent::Kill { framework_id, task_id, .. }, .. }
                    if task_id == task && self.is_ours(framework_id) =>
                {
                    self.tell(MASTER, "passes the kill on to its agent");
                }
                Effect::ToAgent { message: ToAgent::Reregistered { missing, agent_id, .. }, .. }
                    if missing.iter().any(|(framework, own)| own == task && self.is_ours(framework)) =>
                {
                    let agent = self.people.agent_name(agent_id);
                    self.tell(MASTER, format!("tells {agent}, which came back without it, that the task is missing"));
                }
                Effect::ToScheduler { conn, event: Event::Update(status), .. }
                    if &status.task_id == task
                        && self.people.at(*conn) == self.framework.as_ref().map(|id| self.node_of_framework(id)) =>
                {
                    let text = match (is_launch, status.uuid) {
                        (true, None) => format!("refuses the launch: {}", state(status)),
                        (_, None) => format!("says of itself that the task is {}", state(status)),
                        (_, Some(_)) => format!("passes on that the task is {}", state(status)),
                    };
                    self.tell(MASTER, text);
                }
                _ => {}
            }
        }
    }

    fn agent_input(&mut self, index: u32, input: Option<&Input>) {
        let own = NodeId::Agent(index);
        match input {
            Some(Input::Agent { conn, message, .. }) if self.people.at(*conn) == Some(own) => {
                let text = match message {
                    ToMaster::Reregister(report) => {
                        format!("comes back as {} with {} tasks", report.agent_id, report.tasks.len())
                    }
                    ToMaster::Update { framework_id, status, .. } => {
                        let whose = self.people.framework_name(framework_id);
                        format!("reports task {} of {whose} as {}", status.task_id, state(status))
                    }
                    ToMaster::ExecutorExited { executor_id, .. } => {
                        format!("reports the end of executor {executor_id}")
                    }
                    ToMaster::Unregister => "says goodbye".to_owned(),
                    _ => return,
                };
                self.tell(own, text);
            }
            Some(Input::Disconnected { conn }) if self.people.at(*conn) == Some(own) => {
                self.tell(own, "is not connected any more");
            }
            _ => {}
        }
    }

    fn agent_effects(&mut self, index: u32, effects: &[Effect]) {
        let own = NodeId::Agent(index);
        for effect in effects {
            match effect {
                Effect::ToAgent { message: ToAgent::Registered { agent_id, .. }, .. }
                    if self.people.agent_place(agent_id) == Some(index) =>
                {
                    self.tell(own, format!("registers and is {agent_id}"));
                }
                Effect::ToAgent { conn, message, .. } if self.people.at(*conn) == Some(own) => {
                    let text = match message {
                        ToAgent::Run(run) => {
                            let whose = self.people.framework_name(&run.framework_id);
                            format!("tells {own} to run task {} of {whose}", run.task.id)
                        }
                        ToAgent::RunGroup(run) => format!("tells {own} to run a group of {} tasks", run.tasks.len()),
                        ToAgent::Kill { framework_id, task_id, .. } => {
                            format!(
                                "tells {own} to kill task {task_id} of {}",
                                self.people.framework_name(framework_id)
                            )
                        }
                        ToAgent::Reregistered { missing, .. } => {
                            format!("takes {own} back; {} tasks of it are missing", missing.len())
                        }
                        ToAgent::SetTotal { total } => format!("tells {own} that it has {total}"),
                        ToAgent::Shutdown(why) => format!("tells {own} to end for good: {why}"),
                        _ => continue,
                    };
                    self.tell(MASTER, text);
                }
                Effect::Persist { changes, .. } => {
                    let Some(id) = self.people.agent(index).cloned() else { continue };
                    for change in changes.iter().filter(|change| change.key().contains(id.as_str())) {
                        self.tell(MASTER, format!("writes about {own} to the registry: {}", change.key()));
                    }
                }
                Effect::ToScheduler { event: Event::Update(status), .. }
                    if status.agent_id.is_some()
                        && status.agent_id.as_ref() == self.people.agent(index)
                        && is_about_agent(status.state) =>
                {
                    self.tell(MASTER, format!("says that task {} on {own} is {}", status.task_id, state(status)));
                }
                _ => {}
            }
        }
    }

    /// A line for every task that is launched in this step.
    fn launches(&mut self, effects: &[Effect]) {
        for effect in effects {
            let Effect::ToAgent { message, .. } = effect else { continue };
            let (framework, tasks) = match message {
                ToAgent::Run(run) => (&run.framework_id, std::slice::from_ref(&run.task)),
                ToAgent::RunGroup(run) => (&run.framework_id, run.tasks.as_slice()),
                _ => continue,
            };
            let (node, whose) = (self.node_of_framework(framework), self.people.framework_name(framework));
            for task in tasks {
                let on = self.people.agent_name(&task.agent_id);
                self.tell(node, format!("{whose}/{} on {on} with {}", task.id, task.resources));
            }
        }
    }
}

fn launched<'a>(operations: &'a [Operation], task: &TaskId) -> Option<&'a TaskInfo> {
    operations.iter().flat_map(Operation::tasks).find(|own| &own.id == task).map(|own| &**own)
}

const fn is_about_agent(state: TaskState) -> bool {
    matches!(state, TaskState::Unreachable | TaskState::Lost | TaskState::Gone | TaskState::GoneByOperator)
}

fn state(status: &TaskStatus) -> String {
    let reason = status.reason.map(|reason| format!("{reason:?}"));
    let said: Vec<&str> = reason.as_deref().into_iter().chain(status.message.as_deref()).collect();
    if said.is_empty() { status.state.to_string() } else { format!("{} ({})", status.state, said.join(": ")) }
}
