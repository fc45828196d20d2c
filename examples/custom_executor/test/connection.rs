//! Executors that speak gRPC: the same driver, by one stream in both directions.

use std::sync::Arc;

use mesos_core::call::agent::{ToAgent, ToMaster};
use mesos_core::net::grpc::proto::kernel::agent_client::AgentClient;
use mesos_core::net::grpc::proto::kernel::{ExecutorMessage, executor_message};
use mesos_core::net::grpc::tonic::codegen::tokio_stream::{self, wrappers::ReceiverStream};
use mesos_core::net::grpc::tonic::transport::Channel;
use mesos_core::net::grpc::tonic::{Code, Status, Streaming};
use mesos_core::net::grpc::{Dialer, channel};
use mesos_core::net::tls::{Authority, ClientTls, Identity, Part, VALID_FOR_DEFAULT};
use mesos_core::wire::{json, v1};
use mesos_core::{CommandInfo, ExecutorId, ExecutorInfo, Resources, TaskId, TaskInfo, TaskRun, TaskState};
use mesos_exec::agent::ExecutorTransport;
use mesos_exec::daemon::{ExecutorEvent, ExecutorSetup, ExecutorStream, Transport};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use v1::executor::{Call, event};

use crate::credentials::start;
use crate::grpc::{Operator, dialer};
use crate::rig::{Rig, agent_id, framework_id, grpc_task, task};
use crate::wire::get;

fn executor_id() -> ExecutorId {
    ExecutorId::new("e1").unwrap()
}

fn kill(task: &str) -> ToAgent {
    ToAgent::Kill { framework_id: framework_id(), task_id: TaskId::new(task).unwrap(), policy: None }
}

/// How often this path was asked for successfully.
async fn requests(rig: &Rig, path: &str) -> f64 {
    let (_, metrics) = get(rig.address(), "/metrics/snapshot").await;
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    metrics[format!("http/requests{path}/2xx")].as_f64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_tasks_hears_messages_and_ends_when_told_over_grpc() {
    let mut rig = Rig::new().await;
    rig.run(grpc_task("t1", "finish")).await;
    rig.expect("t1", &[TaskState::Running, TaskState::Finished]).await;
    rig.run(grpc_task("t2", "run")).await;
    rig.expect("t2", &[TaskState::Running]).await;
    let (framework_id, executor_id) = (framework_id(), executor_id());
    let message = ToAgent::Message {
        framework_id: framework_id.clone(),
        executor_id: executor_id.clone(),
        data: Arc::from(*b"hi"),
    };
    rig.say(message).await;
    loop {
        if let ToMaster::Message { data, .. } = rig.hear().await {
            break assert_eq!(&*data, b"hi");
        }
    }
    rig.say(kill("t2")).await;
    rig.expect("t2", &[TaskState::Killed]).await;
    rig.run(grpc_task("t3", "run")).await;
    rig.expect("t3", &[TaskState::Running]).await;
    assert_eq!(requests(&rig, "/mesos.kernel.Agent/ConnectExecutor").await, 1.0, "one stream for everything");
    assert_eq!(requests(&rig, "/api/v1/executor").await, 0.0, "and nothing beside it");
    // What it says last comes as well: it ends its task before it ends.
    rig.say(ToAgent::ShutdownExecutor { framework_id, executor_id }).await;
    rig.expect("t3", &[TaskState::Killed]).await;
    loop {
        if let ToMaster::ExecutorExited { status, .. } = rig.hear().await {
            break assert_eq!(status, 0, "it ended in good order");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_over_grpc_outlives_its_agent_and_goes_on_under_the_next() {
    let mut rig = Rig::new().await;
    rig.run(grpc_task("t1", "run")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let mut rig = rig.restart().await;
    rig.run(grpc_task("t2", "finish")).await;
    rig.expect("t2", &[TaskState::Running, TaskState::Finished]).await;
    rig.say(kill("t1")).await;
    rig.expect("t1", &[TaskState::Killed]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_proves_who_it_is_runs_containers_over_grpc() {
    let mut rig = Rig::guarded().await;
    rig.run(grpc_task("t1", "contain")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let status = rig.next_status().await;
    assert_eq!((status.state, status.message.as_deref()), (TaskState::Finished, Some("Command exited with status 7")));
}

/// The agent's own port speaks TLS, which executors need not: they are told of a port on this machine that is for them alone, and
/// to speak gRPC there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_an_agent_with_tls_speaks_grpc_at_the_port_of_executors() {
    let authority = Authority::new("cluster", VALID_FOR_DEFAULT).unwrap();
    let mut rig = Rig::guarded_by_tls(&authority, ExecutorTransport::Grpc).await;
    // Nothing of that is said by its command.
    rig.run(task("t1", "contain")).await;
    rig.expect("t1", &[TaskState::Running]).await;
    let status = rig.next_status().await;
    assert_eq!((status.state, status.message.as_deref()), (TaskState::Finished, Some("Command exited with status 7")));
    rig.run(task("t2", "run")).await;
    rig.expect("t2", &[TaskState::Running]).await;

    let operator = Identity::new(Part::Operator, "ops".parse().unwrap());
    let material = authority.material(&operator, &[], VALID_FOR_DEFAULT).unwrap();
    let dialer = Dialer::tls(ClientTls::new(&material).unwrap()).expecting(Part::Agent);
    let mut operator = Operator::by(dialer, rig.address()).await;
    let metrics = operator.ask(&json!({"type": "GET_METRICS"})).await.unwrap().get_metrics.unwrap().metrics;
    let requests = |path: &str| {
        let name = format!("http/requests{path}/2xx");
        metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.value).unwrap_or_default()
    };
    assert_eq!(requests("/mesos.kernel.Agent/ConnectExecutor"), 1.0);
    assert_eq!(requests("/api/v1/executor"), 0.0);

    let port: u16 = std::fs::read_to_string(rig.path("agent/executor.port")).unwrap().parse().unwrap();
    let mut stranger = Operator::new(([127, 0, 0, 1], port).into(), "").await;
    let refused = stranger.ask(&json!({"type": "GET_STATE"})).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    rig.say(kill("t2")).await;
    rig.expect("t2", &[TaskState::Killed]).await;
}

/// A connection played by hand.
struct Connection {
    say: mpsc::Sender<Call>,
    messages: Streaming<ExecutorMessage>,
}

fn read(call: &Value) -> Call {
    json::read(call.to_string().as_bytes()).unwrap()
}

fn subscribe(executor: &str) -> Value {
    json!({"type": "SUBSCRIBE", "executor_id": {"value": executor}, "framework_id": {"value": "f1"}, "subscribe": {}})
}

impl Connection {
    async fn open(rig: &Rig, credential: &str, first: &Value) -> Result<Self, Status> {
        let dialer = dialer(credential);
        let mut client: AgentClient<Channel> =
            AgentClient::new(channel(&dialer, &rig.address().to_string()).await.unwrap());
        let (say, calls) = mpsc::channel(4);
        say.send(read(first)).await.unwrap();
        let answer = client.connect_executor(dialer.request(ReceiverStream::new(calls))).await?;
        Ok(Self { say, messages: answer.into_inner() })
    }

    async fn event(&mut self) -> v1::executor::Event {
        match self.messages.message().await.unwrap().unwrap().message {
            Some(executor_message::Message::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    /// Says something; the code with which it was refused.
    async fn say(&mut self, call: &Value) -> Option<Code> {
        self.say.send(read(call)).await.unwrap();
        loop {
            match self.messages.message().await.unwrap().unwrap().message {
                Some(executor_message::Message::Answer(answer)) => {
                    return answer.refused.map(|refused| Code::from_i32(refused.code));
                }
                Some(executor_message::Message::Event(_)) => {}
                None => panic!("a message of no kind"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_connects_its_own_executor_and_no_other() {
    let mut rig = Rig::guarded().await;
    let (one, two) = (start(&mut rig, "e1", "t1").await, start(&mut rig, "e2", "t2").await);
    let bearer = |token: &str| format!("Bearer {token}");
    for (credential, first, expected) in [
        (String::new(), subscribe("e1"), Code::Unauthenticated),
        (bearer("made.up.token"), subscribe("e1"), Code::Unauthenticated),
        (bearer(&two.token), subscribe("e1"), Code::PermissionDenied),
        (
            bearer(&one.token),
            json!({"type": "HEARTBEAT", "executor_id": {"value": "e1"}, "framework_id": {"value": "f1"}}),
            Code::InvalidArgument,
        ),
    ] {
        let refused = Connection::open(&rig, &credential, &first).await.err().expect("it is refused");
        assert_eq!(refused.code(), expected, "{first}: {refused:?}");
        assert!(!refused.message().is_empty());
    }
    let mut own = Connection::open(&rig, &bearer(&one.token), &subscribe("e1")).await.unwrap();
    assert_eq!(own.event().await.r#type(), event::Type::Subscribed);
    // Each call on the stream is judged as if it had come alone, and the stream goes on.
    let message = |executor: &str| {
        json!({"type": "MESSAGE", "executor_id": {"value": executor}, "framework_id": {"value": "f1"},
            "message": {"data": "aGk="}})
    };
    assert_eq!(own.say(&message("e2")).await, Some(Code::PermissionDenied));
    assert_eq!(own.say(&subscribe("e1")).await, Some(Code::InvalidArgument));
    assert_eq!(own.say(&message("e1")).await, None);
    loop {
        if let ToMaster::Message { executor_id, data, .. } = rig.hear().await {
            break assert_eq!((executor_id.as_str(), &*data), ("e1", &b"hi"[..]));
        }
    }

    // Beside its own container it may do what it may over HTTP.
    let launch = |beside: &str, name: &str| {
        json!({"type": "LAUNCH_NESTED_CONTAINER", "launch_nested_container": {"command": {"value": "true"},
            "container_id": {"value": name, "parent": {"value": beside}}}})
    };
    let mut asks = Operator::new(rig.address(), &bearer(&one.token)).await;
    asks.ask(&launch(&one.container, "c")).await.unwrap();
    assert_eq!(asks.ask(&launch(&two.container, "c")).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(asks.ask(&json!({"type": "GET_STATE"})).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_takes_the_place_of_the_first_and_an_empty_one_is_refused() {
    let mut rig = Rig::new().await;
    // A process that says nothing, so that somebody else may in its place.
    let silent = ExecutorInfo::custom(executor_id(), CommandInfo::shell("exec sleep 1000"), Resources::new());
    let run = TaskRun::Executor(Arc::new(silent));
    let task = |name: &str| TaskInfo::new(TaskId::new(name).unwrap(), agent_id(), Resources::new(), run.clone());
    rig.run(task("t1")).await;
    let mut client = AgentClient::new(channel(&dialer(""), &rig.address().to_string()).await.unwrap());
    let refused = client.connect_executor(tokio_stream::iter(Vec::new())).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");

    let address = rig.address().to_string();
    let setup = || {
        let mut setup = ExecutorSetup::new(framework_id(), executor_id(), &*address);
        setup.transport = Transport::Grpc;
        setup
    };
    let (first, mut events, of_first) = ExecutorStream::open(setup());
    let first = tokio::spawn(first.run());
    let Some(ExecutorEvent::Launch(launched)) = events.recv().await else { panic!("no task") };
    assert!(of_first.report(&launched.id, TaskState::Running).await);
    rig.expect("t1", &[TaskState::Running]).await;
    let (second, mut others, handle) = ExecutorStream::open(setup());
    let second = tokio::spawn(second.run());
    let why = first.await.unwrap().to_string();
    assert!(why.contains("took the place"), "{why}");
    rig.run(task("t2")).await;
    let Some(ExecutorEvent::Launch(launched)) = others.recv().await else { panic!("no task") };
    assert_eq!(launched.id.as_str(), "t2");
    assert!(handle.report(&launched.id, TaskState::Finished).await);
    rig.expect("t2", &[TaskState::Finished]).await;
    second.abort();
}
