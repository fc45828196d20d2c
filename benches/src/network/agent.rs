//! An agent at message level: tasks exist and end at once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use mesos_core::call::Leader;
use mesos_core::call::agent::{Reregistration, TaskReport, ToAgent, ToMaster};
use mesos_core::daemon::{ConnectError, Connector, Stream};
use mesos_core::kernel::{Outbound, Seq};
use mesos_core::{
    AgentId, AgentInfo, FrameworkId, FrameworkInfo, Resources, Role, Source, TaskId, TaskInfo, TaskState, TaskStatus,
    UpdateId, WallTime,
};

use super::framework_id;

/// What a no-op executor says of a task, one after the other as each is acknowledged.
const LIFE: [TaskState; 3] = [TaskState::Starting, TaskState::Running, TaskState::Finished];

/// The agent.
#[derive(Debug)]
pub struct Toy {
    stream: Stream<ToMaster, ToAgent>,
    outbound: Outbound,
    id: Option<AgentId>,
    lives: HashMap<TaskId, (FrameworkId, VecDeque<TaskState>)>,
    updates: u128,
}

impl Toy {
    /// A new agent with these resources; it has registered when this returns.
    ///
    /// # Errors
    /// When the master cannot be reached.
    pub async fn register(
        connector: &impl Connector<ToMaster, ToAgent>,
        leader: &Leader,
        index: usize,
        resources: &Resources,
    ) -> Result<Self, ConnectError> {
        let info = Arc::new(AgentInfo::new(format!("host-{index}"), resources.clone()));
        let message = ToMaster::Register { info, total: resources.clone() };
        let mut toy = Self::begin(connector, leader, index, message).await?;
        while toy.id.is_none() {
            let heard = toy.stream.receiver.recv().await;
            let Some((_, message)) = heard else { return Err(gone(leader)) };
            toy.heed(message).await;
        }
        Ok(toy)
    }

    /// An agent that comes back with tasks that run.
    ///
    /// # Errors
    /// When the master cannot be reached.
    pub async fn reregister(
        connector: &impl Connector<ToMaster, ToAgent>,
        leader: &Leader,
        index: usize,
        report: Reregistration,
    ) -> Result<Self, ConnectError> {
        let id = report.agent_id.clone();
        let mut toy = Self::begin(connector, leader, index, ToMaster::Reregister(Box::new(report))).await?;
        toy.id = Some(id);
        Ok(toy)
    }

    async fn begin(
        connector: &impl Connector<ToMaster, ToAgent>,
        leader: &Leader,
        index: usize,
        first: ToMaster,
    ) -> Result<Self, ConnectError> {
        let stream = connector.connect(leader).await?;
        let mut toy = Self {
            stream,
            outbound: Outbound::default(),
            id: None,
            lives: HashMap::new(),
            updates: (index as u128) << 64,
        };
        toy.say(first).await;
        Ok(toy)
    }

    /// Its id.
    ///
    /// # Panics
    /// When it has none yet.
    #[must_use]
    pub fn id(&self) -> &AgentId {
        self.id.as_ref().expect("it has registered")
    }

    /// Answers the master until that goes.
    pub async fn run(mut self) {
        let mut heard = Vec::new();
        while self.stream.receiver.recv_many(&mut heard, 256).await > 0 {
            for (_, message) in heard.drain(..) {
                self.heed(message).await;
            }
        }
    }

    /// The same, and says that the first of its tasks still runs whenever asked for it.
    pub async fn run_restless(mut self, tasks: &[TaskReport], mut when: tokio::time::Interval) {
        let mut turn = 0;
        loop {
            tokio::select! {
                heard = self.stream.receiver.recv() => match heard {
                    Some((_, message)) => self.heed(message).await,
                    None => return,
                },
                _ = when.tick() => {
                    turn = (turn + 1) % tasks.len();
                    let task = &tasks[turn];
                    self.update(task.framework_id.clone(), task.info.id.clone(), TaskState::Running, TaskState::Running).await;
                }
            }
        }
    }

    async fn heed(&mut self, message: ToAgent) {
        match message {
            ToAgent::Registered { agent_id, .. } => self.id = Some(agent_id),
            ToAgent::Ping { .. } => self.say(ToMaster::Pong).await,
            ToAgent::Run(run) => {
                self.lives.insert(run.task.id.clone(), (run.framework_id, LIFE.into()));
                self.go_on(&run.task.id).await;
            }
            // The next update comes only when the one before was acknowledged.
            ToAgent::Acknowledge { task_id, .. } => self.go_on(&task_id).await,
            _ => {}
        }
    }

    async fn go_on(&mut self, id: &TaskId) {
        let Some((framework, left)) = self.lives.get_mut(id) else { return };
        let Some(state) = left.pop_front() else {
            self.lives.remove(id);
            return;
        };
        let framework = framework.clone();
        self.update(framework, id.clone(), state, state).await;
    }

    async fn update(&mut self, framework_id: FrameworkId, task: TaskId, state: TaskState, latest: TaskState) {
        self.updates += 1;
        let mut status = TaskStatus::new(task, state, Source::Executor, WallTime::default());
        status.uuid = Some(UpdateId(self.updates));
        status.agent_id.clone_from(&self.id);
        self.say(ToMaster::Update { framework_id, status: status.into(), latest }).await;
    }

    async fn say(&mut self, message: ToMaster) {
        let numbered: (Seq, ToMaster) = (self.outbound.next(), message);
        // A master that is gone is noticed by who listens.
        let _ = self.stream.sender.send(numbered).await;
    }
}

fn gone(leader: &Leader) -> ConnectError {
    ConnectError { address: leader.address.to_string(), problem: "it ended the connection".to_owned() }
}

/// What an agent with so many running tasks of one framework reports.
#[must_use]
pub(super) fn report(agent_id: AgentId, index: usize, tasks: usize) -> Reregistration {
    let total: Resources = "cpus:32;mem:65536;ports:[31000-32000]".parse().expect("resources");
    let role = Role::new("web").expect("a role");
    let task = |n: usize| {
        let task = TaskId::new(format!("service-web-{index}-{n}")).expect("an id");
        let resources = "cpus:0.5;mem:128".parse().expect("resources");
        TaskReport {
            framework_id: framework_id(),
            role: role.clone(),
            info: Arc::new(TaskInfo::shell(task, agent_id.clone(), resources, "exec /opt/web/serve --port 8080")),
            state: TaskState::Running,
            told: None,
        }
    };
    Reregistration {
        info: Arc::new(AgentInfo::new(format!("host-{index}"), total.clone())),
        total,
        frameworks: BTreeMap::from([(framework_id(), Arc::new(FrameworkInfo::new("bench", role.clone())))]),
        tasks: (0..tasks).map(task).collect(),
        executors: Vec::new(),
        operations: Vec::new(),
        agent_id: agent_id.clone(),
    }
}
