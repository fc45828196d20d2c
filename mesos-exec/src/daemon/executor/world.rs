//! Performs what an executor's driver asks for: speaks with the agent, and has it run containers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::call::executor::{Call, Event, Said, Subscribed, Subscription};
use mesos_core::daemon::{Flow, Inbox, Task, World};
use mesos_core::health::{Check, Checked};
use mesos_core::{CommandInfo, ContainerId, ContainerLimits, Exit, Resources, TaskInfo};
use tokio::sync::mpsc;

use crate::daemon::client::{AgentClient, Refused};
use crate::daemon::probe;
use crate::driver::{Contained, Driver, Effect, Input, StopReason};

/// What a driver's world is told.
#[derive(Debug)]
pub(super) enum Arrival {
    Heard { attempt: u64, event: Event },
    Lost { attempt: u64, refused: Option<mesos_core::Rejection> },
    Contained { container: ContainerId, outcome: Contained },
    Checked { check: ContainerId, found: Checked },
    Asked(Call),
}

/// Performs a driver's effects.
#[derive(Debug)]
pub(super) struct ExecutorWorld {
    inbox: Inbox<Driver, Arrival>,
    client: Arc<AgentClient>,
    grace: Duration,
    /// The subscription that stands or is under way.
    pub(super) stream: Option<Task>,
    said: mpsc::Sender<Said>,
    /// The executor's own container, once the agent has said which.
    own: Option<ContainerId>,
    containers: Vec<Task>,
    /// Checks under way, each of which ends with its task.
    checks: BTreeMap<ContainerId, Task>,
    pub(super) stopped: Option<StopReason>,
}

impl ExecutorWorld {
    /// Of an executor that is not subscribed yet.
    pub(super) const fn new(
        inbox: Inbox<Driver, Arrival>,
        client: Arc<AgentClient>,
        grace: Duration,
        said: mpsc::Sender<Said>,
    ) -> Self {
        Self {
            inbox,
            client,
            grace,
            stream: None,
            said,
            own: None,
            containers: Vec::new(),
            checks: BTreeMap::new(),
            stopped: None,
        }
    }

    fn subscribe(&mut self, attempt: u64, subscription: Subscription, tasks: Vec<Arc<TaskInfo>>) {
        let (client, inbox, grace) = (self.client.clone(), self.inbox.clone(), self.grace);
        self.stream = Some(Task::spawn(async move {
            let refused = match client.subscribe(subscription, &tasks).await {
                Ok(mut stream) => {
                    while let Some(event) = stream.next(grace).await {
                        // An executor that has ended hears nothing more, and may still be saying its last words by this
                        // stream: it stands until somebody drops the task.
                        inbox.send(Arrival::Heard { attempt, event }).await;
                    }
                    None
                }
                Err(Refused::Rejected(rejection)) => Some(rejection),
                Err(Refused::Unreachable(problem)) => {
                    tracing::debug!(problem, "the agent cannot be reached");
                    None
                }
            };
            inbox.send(Arrival::Lost { attempt, refused }).await;
        }));
    }

    fn contain(&mut self, container: ContainerId, command: CommandInfo, resources: Resources, limits: ContainerLimits) {
        let (client, inbox, own) = (self.client.clone(), self.inbox.clone(), self.own.clone());
        self.containers.retain(|task| !task.is_finished());
        self.containers.push(Task::spawn(async move {
            let say = async |outcome| inbox.send(Arrival::Contained { container: container.clone(), outcome }).await;
            let Some(own) = own else {
                say(Err("the executor is not subscribed yet".into())).await;
                return;
            };
            if let Err(problem) = client.launch_container(&own, &container, &command, &resources, &limits).await {
                say(Err(problem.into())).await;
                return;
            }
            say(Ok(None)).await;
            let exit = client.wait_container(&own, &container).await;
            say(Ok(Some(exit))).await;
        }));
    }

    fn check(&mut self, check: ContainerId, container: ContainerId, what: Check, timeout: Duration) {
        let (client, inbox, own) = (self.client.clone(), self.inbox.clone(), self.own.clone());
        self.checks.retain(|_, task| !task.is_finished());
        let name = check.clone();
        let task = Task::spawn(async move {
            let found = match what {
                Check::Probe(probe) => probe::ask(&probe, timeout).await,
                Check::Command(command) => {
                    Checked::by_command(look(&client, own.as_ref(), &container, &check, &command).await)
                }
                other => Checked::nothing(other.nothing(), "this executor cannot check so"),
            };
            inbox.send(Arrival::Checked { check, found }).await;
        });
        self.checks.insert(name, task);
    }

    fn end_container(&mut self, container: ContainerId, signal: i32) {
        let (client, own) = (self.client.clone(), self.own.clone());
        self.containers.push(Task::spawn(async move {
            if let Some(own) = own {
                client.kill_container(&own, &container, signal).await;
            }
        }));
    }
}

impl World<Driver> for ExecutorWorld {
    type Arrival = Arrival;

    fn admit(&mut self, arrival: Arrival) -> Option<Input> {
        Some(match arrival {
            Arrival::Heard { attempt, event } => Input::Heard { attempt, event },
            Arrival::Lost { attempt, refused } => Input::Lost { attempt, refused },
            Arrival::Contained { container, outcome } => Input::Contained { container, outcome },
            Arrival::Checked { check, found } => Input::Checked { check, found },
            Arrival::Asked(call) => Input::Asked { call },
        })
    }

    fn perform(&mut self, effect: Effect, _: &mut VecDeque<Input>) -> Flow {
        const SIGKILL: i32 = 9;
        match effect {
            Effect::Subscribe { attempt, subscription, tasks } => self.subscribe(attempt, subscription, tasks),
            Effect::Subscribed { subscribed } => {
                let Subscribed { agent_id, container_id, .. } = *subscribed;
                tracing::info!(%agent_id, %container_id, "subscribed");
                self.own = Some(container_id);
            }
            Effect::Say { said } => {
                // What does not fit is an update that comes again with the next subscription, or a message that is lost.
                if self.said.try_send(said).is_err() {
                    tracing::warn!("the agent is too slow for what this executor says");
                    self.stream = None;
                }
            }
            Effect::Launch { container, command, resources, limits, .. } => {
                self.contain(container, command, resources, limits);
            }
            Effect::Signal { container, signal } => {
                self.end_container(container, signal.number());
            }
            Effect::Check { check, container, what, timeout } => self.check(check, container, what, timeout),
            Effect::Destroy { container } => match self.checks.remove(&container) {
                // The agent ends a session that nobody listens to.
                Some(check) => drop(check),
                None => self.end_container(container, SIGKILL),
            },
            Effect::Stop { why } => {
                self.stopped = Some(why);
                return Flow::Stop;
            }
        }
        Flow::Continue
    }
}

/// Runs a command beside a task, begun where the task was.
async fn look(
    client: &AgentClient,
    own: Option<&ContainerId>,
    container: &ContainerId,
    check: &ContainerId,
    command: &CommandInfo,
) -> Result<Exit, Arc<str>> {
    let own = own.ok_or("the executor is not subscribed yet")?;
    client.run_session(own, container, check, command).await.map_err(|refused| refused.to_string().into())
}

/// Says one thing after the other.
pub(super) async fn speak(client: Arc<AgentClient>, mut waiting: mpsc::Receiver<Said>) {
    while let Some(said) = waiting.recv().await {
        if let Err(problem) = client.say(said).await {
            tracing::warn!(%problem, "the agent did not take what was said");
        }
    }
}

/// Asks what an author outside of the driver asks for.
pub(super) async fn pass_on(mut asked: mpsc::Receiver<Call>, inbox: Inbox<Driver, Arrival>) {
    while let Some(call) = asked.recv().await {
        if !inbox.send(Arrival::Asked(call)).await {
            return;
        }
    }
}
