//! W2: messages through the full simulated transport.
//!
//! P pairs: the client sends 64 bytes, the server sends them back, M times; one way takes a millisecond. The clients are one
//! framework, the servers an executor on each of P agents, so every message passes the master, the very one of production: a
//! round trip is four messages on the simulated network, each of which is numbered, judged by its receiver and kept in order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Call, TaskUpdate};
use mesos_core::call::scheduler;
use mesos_core::{
    Ack, AgentId, ContainerId, Executor, ExecutorCx, ExecutorId, ExecutorInfo, Exit, FrameworkInfo, Offer, Resources,
    Role, Scheduler, SchedulerCx, TaskId, TaskInfo, TaskRun, TaskState, TaskStatus,
};
use mesos_exec::agent::ExecutorFactory;
use mesos_sim::{Cluster, Simulation, secs};

/// What a client sends.
const BODY: [u8; 64] = [7; 64];
/// One way.
const LATENCY: Duration = Duration::from_millis(1);
/// Messages of a round trip: to the master, to the agent, and back.
const PER_ROUND_TRIP: u64 = 4;

/// Sends back what it is sent.
#[derive(Debug)]
struct Echo;

impl Executor for Echo {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            cx.emit(Call::Update(TaskUpdate::new(task.id.clone(), TaskState::Running)));
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, _policy: mesos_core::KillPolicy) {
        cx.emit(Call::Update(TaskUpdate::new(task.clone(), TaskState::Killed)));
    }

    fn launched(&mut self, _cx: &mut ExecutorCx<'_>, _container: &ContainerId) {}

    fn exited(&mut self, _cx: &mut ExecutorCx<'_>, _container: &ContainerId, _exit: Result<Exit, Arc<str>>) {}

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, _grace: Duration) {
        cx.emit(Call::Exit);
    }

    fn recovered(&mut self, _: &mut ExecutorCx<'_>, _: Vec<(Arc<TaskInfo>, TaskState)>, _: &[ContainerId]) {}

    fn message(&mut self, cx: &mut ExecutorCx<'_>, data: &[u8]) {
        cx.emit(Call::Message(data.into()));
    }
}

/// All clients: each sends as soon as its server runs, and again whenever it was answered.
#[derive(Debug)]
struct Clients {
    needs: Resources,
    /// Servers that are heard of: news of one may come again.
    running: BTreeSet<TaskId>,
    pairs: usize,
    /// Round trips that are left.
    left: u64,
    /// Messages that have not come back.
    under_way: u64,
    body: Arc<[u8]>,
}

impl Clients {
    fn new(pairs: usize, round_trips: u64) -> Self {
        let needs = "cpus:1;mem:128".parse().expect("a constant");
        Self { needs, running: BTreeSet::new(), pairs, left: round_trips, under_way: 0, body: BODY.into() }
    }

    fn send(&mut self, cx: &mut SchedulerCx<'_>, agent_id: AgentId, executor_id: ExecutorId) {
        if self.left > 0 {
            self.left -= 1;
            self.under_way += 1;
            cx.call(scheduler::Call::Message { executor_id, agent_id, data: self.body.clone() });
        }
    }
}

impl Scheduler for Clients {
    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            if !offer.resources.contains(&self.needs) {
                cx.decline(&offer);
                continue;
            }
            let name = offer.agent_id.as_str();
            let id = ExecutorId::new(name).expect("an agent's id is one");
            let executor = ExecutorInfo::new(id, "echo", Resources::new());
            let task = TaskId::new(name).expect("an agent's id is one");
            let run = TaskRun::Executor(Arc::new(executor));
            cx.launch(&offer, [TaskInfo::new(task, offer.agent_id.clone(), self.needs.clone(), run)]);
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if status.state == TaskState::Running && self.running.insert(status.task_id.clone()) {
            let executor = ExecutorId::new(status.task_id.as_str()).expect("tasks are named like their executors");
            if let Some(agent) = status.agent_id.clone() {
                self.send(cx, agent, executor);
            }
        }
        Ack::Auto
    }

    fn message(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId, data: &[u8]) {
        assert_eq!(data, BODY, "what comes back is what was sent");
        self.under_way -= 1;
        self.send(cx, agent.clone(), executor.clone());
    }

    fn is_done(&self) -> bool {
        self.running.len() == self.pairs && self.left == 0 && self.under_way == 0
    }
}

/// So many pairs, about to exchange so many messages in all; at least four each.
///
/// # Panics
/// When the cluster cannot be described: a defect.
#[must_use]
pub fn pairs(pairs: usize, messages: u64) -> Simulation {
    let mut info = FrameworkInfo::new("clients", Role::any());
    info.checkpoint = false;
    let mut cluster = Cluster::builder()
        .executors(ExecutorFactory::new().with("echo", |_| Box::new(Echo)))
        .agents(pairs, "cpus:1;mem:128")
        .framework_as(info, move || Box::new(Clients::new(pairs, messages / PER_ROUND_TRIP)));
    cluster.conditions_mut().net.latency = (LATENCY, LATENCY);
    cluster.conditions_mut().is_tallied = false;
    cluster.simulate(1).expect("a valid cluster")
}

/// Exchanges them; how many messages the network carried.
///
/// # Panics
/// When they do not come back: a defect.
pub fn exchange(simulation: &mut Simulation) -> u64 {
    simulation.run_until_done(secs(24 * 3_600)).expect("every message comes back").net.sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_comes_back() {
        let (pairs, messages) = (20, 20_000);
        let run = || {
            let mut simulation = super::pairs(pairs, messages);
            (exchange(&mut simulation), simulation.digest())
        };
        let (sent, digest) = run();
        // Registration, launches and pings besides.
        assert!((messages..messages + 100 * pairs as u64).contains(&sent), "{sent}");
        assert_eq!(run(), (sent, digest));
    }
}
