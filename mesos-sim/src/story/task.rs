//! The story of a task: from the framework's wish to the last acknowledgement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mesos_core::call::ConnId;
use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::kernel::Ticket;
use mesos_core::{ContainerId, FrameworkId, Instant, Operation, TaskId, TaskStatus};
use mesos_exec::agent::{self, ContainerOp, ContainerOutcome};
use mesos_sched::{driver, master};

use super::{Voice, agent_name, framework_name, is_crash, node_of_agent};
use crate::check::{Step, Stepped};
use crate::node::NodeId;
use crate::world::World;

/// What has to be remembered to tell it.
#[derive(Debug, Default)]
pub(super) struct Teller {
    framework: Option<(NodeId, FrameworkId)>,
    /// Whose connection is whose.
    subscribed: BTreeMap<ConnId, FrameworkId>,
    /// Everybody who ever had to do with the task.
    nodes: BTreeSet<NodeId>,
    containers: BTreeSet<ContainerId>,
    /// Of which operation on which container the answer is awaited.
    awaited: BTreeMap<(NodeId, Ticket), &'static str>,
    /// How often each update was sent.
    sent: BTreeMap<u128, u32>,
}

impl Teller {
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.iter().copied()
    }

    pub(super) fn step(&mut self, voice: &mut Voice, wanted: Option<u32>, task: &TaskId, step: &Step<'_>) {
        let at = step.now.mono;
        if let Some((node, is_down)) = is_crash(&step.stepped) {
            let is_leader = matches!(node, NodeId::Master(_));
            if self.nodes.contains(&node) {
                let what = if is_leader { "the master that knew it" } else { "the process" };
                voice.tell(at, node, format!("{what} is {}", if is_down { "down" } else { "up again" }));
            }
            return;
        }
        match step.stepped {
            // Where nobody is named, the first that launches a task of this name is meant.
            Stepped::Framework { node, machine, input, effects }
                if wanted.is_none_or(|wanted| node == NodeId::Framework(wanted))
                    && self.framework.as_ref().is_none_or(|(own, _)| *own == node) =>
            {
                self.framework(voice, at, node, machine.framework_id(), task, input, effects, step.world);
            }
            Stepped::Master { node, input, effects, .. } => {
                self.master(voice, at, node, task, input, effects, step.world)
            }
            Stepped::Agent { node, input, effects, .. } => self.agent(voice, at, node, task, input, effects),
            _ => {}
        }
    }

    fn is_ours(&self, framework: &FrameworkId) -> bool {
        self.framework.as_ref().is_some_and(|(_, own)| own == framework)
    }

    #[allow(clippy::too_many_arguments, reason = "one step, taken apart")]
    fn framework(
        &mut self,
        voice: &mut Voice,
        at: Instant,
        node: NodeId,
        id: Option<&FrameworkId>,
        task: &TaskId,
        input: Option<&driver::Input>,
        effects: &[driver::Effect],
        world: &World,
    ) {
        if let Some(driver::Input::Received { event: Event::Update(status), .. }) = input
            && &status.task_id == task
            && self.framework.as_ref().is_none_or(|(own, _)| *own == node)
        {
            voice.tell(at, node, format!("hears that the task is {}", state(status)));
        }
        for effect in effects {
            let driver::Effect::Send { call, .. } = effect else { continue };
            match call {
                Call::Accept { operations, offers, .. } => {
                    let Some(launched) = launched(operations, task) else { continue };
                    if let Some(id) = id {
                        self.framework = Some((node, id.clone()));
                    }
                    self.nodes.insert(node);
                    self.nodes.extend(node_of_agent(world, &launched.agent_id));
                    let (agent, offer) = (agent_name(world, &launched.agent_id), offers.first());
                    let mut text = format!("launches the task on {agent} with {}", launched.resources);
                    if let Some(offer) = offer {
                        let _ = write!(text, ", out of offer {offer}");
                    }
                    voice.tell(at, node, text);
                }
                Call::Kill { task_id, .. } if task_id == task && self.is_at(node) => {
                    voice.tell(at, node, "wants the task to be killed");
                }
                Call::Reconcile { tasks } if tasks.iter().any(|(own, _)| own == task) && self.is_at(node) => {
                    voice.tell(at, node, "asks the master what became of the task");
                }
                Call::Acknowledge { task_id, .. } if task_id == task && self.is_at(node) => {
                    voice.tell(at, node, "acknowledges the news");
                }
                _ => {}
            }
        }
    }

    fn is_at(&self, node: NodeId) -> bool {
        self.framework.as_ref().is_some_and(|(own, _)| *own == node)
    }

    #[allow(clippy::too_many_arguments, reason = "one step, taken apart")]
    fn master(
        &mut self,
        voice: &mut Voice,
        at: Instant,
        node: NodeId,
        task: &TaskId,
        input: Option<&master::Input>,
        effects: &[master::Effect],
        world: &World,
    ) {
        let is_launch = matches!(input, Some(master::Input::Scheduler { call: Call::Accept { operations, .. }, .. })
            if launched(operations, task).is_some());
        for effect in effects {
            match effect {
                master::Effect::ToAgent { message: ToAgent::Run(run), .. }
                    if &run.task.id == task && self.is_ours(&run.framework_id) =>
                {
                    self.nodes.insert(node);
                    voice.tell(
                        at,
                        node,
                        format!("takes the launch and tells {} to run it", agent_name(world, &run.task.agent_id)),
                    );
                }
                master::Effect::ToAgent { message: ToAgent::RunGroup(run), .. }
                    if self.is_ours(&run.framework_id) && run.tasks.iter().any(|own| &own.id == task) =>
                {
                    self.nodes.insert(node);
                    voice.tell(at, node, "takes the launch and tells the agent to run the task with its group");
                }
                master::Effect::ToAgent { message: ToAgent::Kill { framework_id, task_id, .. }, .. }
                    if task_id == task && self.is_ours(framework_id) =>
                {
                    voice.tell(at, node, "passes the kill on to its agent");
                }
                master::Effect::ToAgent { message: ToAgent::Reregistered { missing, agent_id, .. }, .. }
                    if missing.iter().any(|(framework, own)| own == task && self.is_ours(framework)) =>
                {
                    let agent = agent_name(world, agent_id);
                    voice.tell(
                        at,
                        node,
                        format!("tells {agent}, which came back without it, that the task is missing"),
                    );
                }
                master::Effect::ToScheduler { conn, event: Event::Subscribed { framework_id, .. }, .. } => {
                    self.subscribed.insert(*conn, framework_id.clone());
                }
                master::Effect::ToScheduler { conn, event: Event::Update(status), .. }
                    if &status.task_id == task && self.subscribed.get(conn).is_some_and(|own| self.is_ours(own)) =>
                {
                    let text = match (is_launch, status.uuid) {
                        (true, None) => format!("refuses the launch: {}", state(status)),
                        (_, None) => format!("says of itself that the task is {}", state(status)),
                        (_, Some(_)) => format!("passes on that the task is {}", state(status)),
                    };
                    voice.tell(at, node, text);
                }
                _ => {}
            }
        }
    }

    fn agent(
        &mut self,
        voice: &mut Voice,
        at: Instant,
        node: NodeId,
        task: &TaskId,
        input: Option<&agent::Input>,
        effects: &[agent::Effect],
    ) {
        match input {
            Some(agent::Input::Received { message: ToAgent::Run(run), .. })
                if &run.task.id == task && self.is_ours(&run.framework_id) =>
            {
                self.nodes.insert(node);
                voice.tell(at, node, "is told to run the task");
            }
            Some(agent::Input::Received { message: ToAgent::RunGroup(run), .. })
                if self.is_ours(&run.framework_id) && run.tasks.iter().any(|own| &own.id == task) =>
            {
                self.nodes.insert(node);
                voice.tell(at, node, format!("is told to run the task in a group of {}", run.tasks.len()));
            }
            Some(agent::Input::Received { message: ToAgent::Kill { framework_id, task_id, .. }, .. })
                if task_id == task && self.is_ours(framework_id) =>
            {
                voice.tell(at, node, "is told to kill the task");
            }
            Some(agent::Input::Container { ticket, outcome }) => {
                if let Some(what) = self.awaited.remove(&(node, *ticket)) {
                    voice.tell(at, node, ending(what, outcome));
                }
            }
            _ => {}
        }
        for effect in effects {
            match effect {
                agent::Effect::Container { ticket, op } => self.operation(voice, at, node, task, *ticket, op),
                agent::Effect::Send { message: ToMaster::Update { framework_id, status, latest }, .. }
                    if &status.task_id == task && self.is_ours(framework_id) =>
                {
                    let times = self.sent.entry(status.uuid.map_or(0, |uuid| uuid.0)).or_default();
                    *times += 1;
                    let mut text = format!("reports that the task is {}", state(status));
                    if *latest != status.state {
                        let _ = write!(text, ", and by now {latest}");
                    }
                    if *times > 1 {
                        let _ = write!(text, ", for the {times}. time");
                    }
                    voice.tell(at, node, text);
                }
                agent::Effect::Send { message: ToMaster::Reregister(report), .. } => {
                    let own = report.tasks.iter().find(|own| &own.info.id == task && self.is_ours(&own.framework_id));
                    match own {
                        Some(own) => {
                            voice.tell(at, node, format!("comes back to a master and has the task as {}", own.state))
                        }
                        None if self.nodes.contains(&node) => {
                            voice.tell(at, node, "comes back to a master without the task")
                        }
                        None => {}
                    }
                }
                _ => {}
            }
        }
    }

    fn operation(
        &mut self,
        voice: &mut Voice,
        at: Instant,
        node: NodeId,
        task: &TaskId,
        ticket: Ticket,
        op: &ContainerOp,
    ) {
        match op {
            ContainerOp::Launch(spec)
                if spec.executor_id.as_str() == task.as_str() && self.is_ours(&spec.framework_id) =>
            {
                self.containers.insert(spec.id.clone());
                self.awaited.insert((node, ticket), "start");
                voice.tell(at, node, format!("starts container {}", spec.id));
            }
            ContainerOp::Wait(id) if self.containers.contains(id) => {
                self.awaited.insert((node, ticket), "end");
            }
            ContainerOp::Signal(id, signal) if self.containers.contains(id) => {
                voice.tell(at, node, format!("sends {signal:?} to the container"));
            }
            ContainerOp::Destroy(id) if self.containers.contains(id) => voice.tell(at, node, "destroys the container"),
            ContainerOp::Recover(known) if known.iter().any(|id| self.containers.contains(id)) => {
                self.awaited.insert((node, ticket), "recovery");
                voice.tell(at, node, "has read its disk, knows the container, and looks whether it still runs");
            }
            _ => {}
        }
    }
}

fn launched<'a>(operations: &'a [Operation], task: &TaskId) -> Option<&'a mesos_core::TaskInfo> {
    operations.iter().flat_map(Operation::tasks).find(|own| &own.id == task).map(|own| &**own)
}

fn ending(what: &str, outcome: &ContainerOutcome) -> String {
    match outcome {
        ContainerOutcome::Launched => "the container runs".to_owned(),
        ContainerOutcome::Exited(exit) => format!("the container ended: {exit:?}"),
        ContainerOutcome::Failed(why) => format!("the {what} of the container failed: {why}"),
        ContainerOutcome::Recovered(_) => "knows now what survived".to_owned(),
        other => format!("{what}: {other:?}"),
    }
}

fn state(status: &TaskStatus) -> String {
    let mut text = status.state.to_string();
    let reason = status.reason.map(|reason| format!("{reason:?}"));
    let said: Vec<&str> = reason.as_deref().into_iter().chain(status.message.as_deref()).collect();
    if !said.is_empty() {
        let _ = write!(text, " ({})", said.join(": "));
    }
    text
}

/// Used by tellers of other subjects, too.
pub(super) fn who(world: &World, framework: &FrameworkId, task: &TaskId) -> String {
    format!("task {task} of {}", framework_name(world, framework))
}

/// A line for every task that is launched in this step.
pub(super) fn tell_launches(voice: &mut Voice, step: &Step<'_>) {
    let Stepped::Framework { node, effects, .. } = step.stepped else { return };
    for effect in effects {
        let driver::Effect::Send { call: Call::Accept { operations, .. }, .. } = effect else { continue };
        for task in operations.iter().flat_map(Operation::tasks) {
            let on = agent_name(step.world, &task.agent_id);
            voice.tell(step.now.mono, node, format!("{node}/{} on {on} with {}", task.id, task.resources));
        }
    }
}
