//! Streams over real sockets, and what survives them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::agent::{AgentDown, AgentUp};
use super::direction::Direction;
use super::proto::{kernel, v1};
use super::scheduler::{SchedulerDown, SchedulerUp};
use super::*;
use crate::call::Leader;
use crate::call::agent::{
    ApplyOperation, ExecutorReport, OperationReport, Reregistration, RunGroup, RunTask, TaskReport, ToAgent, ToMaster,
};
use crate::call::scheduler::{Call, Event};
use crate::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
use crate::daemon::{Connector, Door, Stream, Task};
use crate::error::{Rejection, RejectionCode};
use crate::kernel::{Seq, Term};
use crate::net::http::{Handshake, Limits, Plain, Site, axum, serve};
use crate::net::tls::{Authority, ClientTls, Identity, Part, ServerTls, VALID_FOR_DEFAULT};
use crate::offer::{Filters, Offer};
use crate::operation::Operation;
use crate::provider::Detector;
use crate::task::{KillPolicy, Reason, Source, TaskInfo, TaskState, TaskStatus};
use crate::time::WallTime;
use crate::{
    AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, MasterId, OfferId, OperationId,
    OperationState, OperationStatus, Resources, Role, TaskId, TrackedOperation, UpdateId,
};

fn role() -> Role {
    Role::new("eng/web").unwrap()
}

fn framework_id() -> FrameworkId {
    FrameworkId::new("f1").unwrap()
}

fn agent_id() -> AgentId {
    AgentId::new("a1").unwrap()
}

fn bag() -> Resources {
    "cpus:1.5;mem(eng):64;ports:[1-2,5-9];gpus:2".parse().unwrap()
}

fn framework() -> FrameworkInfo {
    let mut info = FrameworkInfo::new("f", role());
    info.id = Some(framework_id());
    info.user = "nobody".into();
    info.principal = Some("p".parse().unwrap());
    info.failover_timeout = Duration::from_millis(1_500);
    info.webui_url = Some("http://x".into());
    info.hostname = "h".into();
    info.labels.insert("k".into(), "v".into());
    info.min_allocatable.insert(role(), vec!["cpus:2".parse().unwrap()]);
    info.max_offer.insert(role(), "cpus:4;gpus:0".parse().unwrap());
    info
}

fn task() -> TaskInfo {
    let mut task = TaskInfo::shell(TaskId::new("t1").unwrap(), agent_id(), bag(), "true");
    if let crate::TaskRun::Command(command) = &mut task.run {
        command.user = Some("u".into());
        command.working_dir = Some("sub".into());
        command.environment.insert("A".into(), "b".into());
    }
    task.kill_policy = KillPolicy { grace: Some(Duration::from_secs(7)) };
    task.max_completion_time = Some(Duration::from_secs(70));
    task.labels.insert("k".into(), "v".into());
    task.data = Arc::from(*b"data");
    task
}

fn agent_info() -> AgentInfo {
    let mut info = AgentInfo::new("host", bag());
    info.port = 5_052;
    info.ip = Some("10.0.0.7".parse().unwrap());
    info.has_tls = true;
    info.attributes = "rack:r7;speed:2.5;slots:[1-4]".parse().unwrap();
    info.domain = Some(crate::FaultDomain { region: "r".into(), zone: "z".into() });
    info
}

fn operation_id() -> OperationId {
    OperationId::new("op1").unwrap()
}

fn tracked() -> TrackedOperation {
    let operation = Operation::Reserve(bag());
    TrackedOperation { id: operation_id(), uuid: UpdateId(u128::MAX), operation, converted: bag() }
}

fn finished() -> OperationStatus {
    let mut status = OperationStatus::new(operation_id(), OperationState::Finished).on(agent_id());
    status.converted = bag();
    status.uuid = Some(UpdateId(u128::MAX));
    status
}

fn status() -> TaskStatus {
    let mut status =
        TaskStatus::new(TaskId::new("t1").unwrap(), TaskState::Failed, Source::Executor, WallTime::from_nanos(1 << 60))
            .because(Reason::ExecutorTerminated)
            .saying("m")
            .on(agent_id());
    status.at_wall = WallTime::from_nanos(1_700_000_000_500_000_000);
    status.uuid = Some(UpdateId(7));
    status.executor_id = Some(ExecutorId::new("e1").unwrap());
    status.unreachable_since_wall = Some(WallTime::from_nanos(5));
    status.data = Some(Arc::from(*b"x"));
    status
}

fn there_and_back<D: Direction>(message: &D::Domain) -> D::Domain {
    let (first, mut wire) = D::open(D::batch(3, vec![D::encode(message, 0)]));
    assert_eq!(first, 3);
    D::decode(wire.remove(0)).unwrap()
}

#[test]
fn everything_agents_and_masters_say_survives_the_wire() {
    let executor = ExecutorInfo::new(ExecutorId::new("e1").unwrap(), "kind", bag());
    let report =
        |state, told| TaskReport { framework_id: framework_id(), role: role(), info: Arc::new(task()), state, told };
    let group = TaskInfo::group(ExecutorInfo::for_groups(ExecutorId::new("g").unwrap(), bag()), [task()]);
    let grouped = TaskReport { info: group[0].clone(), ..report(TaskState::Running, None) };
    let again = Reregistration {
        agent_id: agent_id(),
        info: Arc::new(agent_info()),
        total: bag(),
        frameworks: BTreeMap::from([(framework_id(), Arc::new(framework()))]),
        tasks: vec![report(TaskState::Running, None), report(TaskState::Finished, Some(TaskState::Running)), grouped],
        executors: vec![ExecutorReport { framework_id: framework_id(), role: role(), info: Arc::new(executor) }],
        operations: vec![OperationReport {
            framework_id: framework_id(),
            operation: Arc::new(tracked()),
            state: OperationState::Finished,
        }],
    };
    let executor_id = ExecutorId::new("e1").unwrap();
    for message in [
        ToMaster::Register { info: Arc::new(agent_info()), total: bag() },
        ToMaster::Reregister(Box::new(again)),
        ToMaster::Pong,
        ToMaster::Update { framework_id: framework_id(), status: status().into(), latest: TaskState::Failed },
        ToMaster::ExecutorExited { framework_id: framework_id(), executor_id: executor_id.clone(), status: -1 },
        ToMaster::Message { framework_id: framework_id(), executor_id: executor_id.clone(), data: Arc::from(*b"d") },
        ToMaster::OperationUpdate { framework_id: framework_id(), status: Box::new(finished()) },
        ToMaster::Unregister,
    ] {
        assert_eq!(there_and_back::<AgentUp>(&message), message);
    }
    let task_id = TaskId::new("t1").unwrap();
    for message in [
        ToAgent::Registered { agent_id: agent_id(), ping_timeout: Duration::from_secs(75) },
        ToAgent::Reregistered {
            agent_id: agent_id(),
            ping_timeout: Duration::from_secs(75),
            missing: vec![(framework_id(), task_id.clone())],
        },
        ToAgent::Ping { received: 9 },
        ToAgent::Run(Box::new(RunTask {
            framework_id: framework_id(),
            framework: Arc::new(framework()),
            role: role(),
            task: Arc::new(task()),
            may_start_executor: true,
        })),
        ToAgent::RunGroup(Box::new(RunGroup {
            framework_id: framework_id(),
            framework: Arc::new(framework()),
            role: role(),
            tasks: group,
            may_start_executor: false,
        })),
        ToAgent::Kill {
            framework_id: framework_id(),
            task_id: task_id.clone(),
            policy: Some(KillPolicy { grace: Some(Duration::ZERO) }),
        },
        ToAgent::Acknowledge { framework_id: framework_id(), task_id, uuid: UpdateId(u128::MAX) },
        ToAgent::ShutdownExecutor { framework_id: framework_id(), executor_id: executor_id.clone() },
        ToAgent::ShutdownFramework { framework_id: framework_id() },
        ToAgent::UpdateFramework { framework_id: framework_id(), info: Arc::new(framework()) },
        ToAgent::SetTotal { total: bag() },
        ToAgent::Apply(Box::new(ApplyOperation {
            framework_id: framework_id(),
            framework: Arc::new(framework()),
            operation: Arc::new(tracked()),
            total: bag(),
        })),
        ToAgent::AcknowledgeOperation { framework_id: framework_id(), uuid: UpdateId(u128::MAX - 1) },
        ToAgent::Message { framework_id: framework_id(), executor_id, data: Arc::from(*b"d") },
        ToAgent::Shutdown(Rejection::new(RejectionCode::AgentGone, "gone", "do not come back")),
    ] {
        assert_eq!(there_and_back::<AgentDown>(&message), message);
    }
}

#[test]
fn everything_frameworks_and_masters_say_survives_the_wire() {
    let constraint = |selector, predicate| AttributeConstraint { selector, predicate };
    let demands = OfferConstraints {
        by_role: BTreeMap::from([(
            role(),
            vec![
                vec![
                    constraint(Selector::Attribute("rack".into()), Predicate::TextMatches("r.*".into())),
                    constraint(Selector::Hostname, Predicate::TextNotEquals("h".into())),
                ],
                vec![constraint(Selector::Zone, Predicate::NotExists)],
            ],
        )]),
    };
    let offers = vec![OfferId::new("o1").unwrap(), OfferId::new("o2").unwrap()];
    let filters = Filters::refuse_for(Duration::from_millis(2_500));
    let (roles, constraints) = (BTreeSet::from([role()]), Arc::new(demands));
    let task_id = TaskId::new("t1").unwrap();
    let executor_id = ExecutorId::new("e1").unwrap();
    let info = Box::new(framework());
    for call in [
        Call::Subscribe { info: info.clone(), suppressed: roles.clone(), constraints: constraints.clone() },
        Call::UpdateFramework { info, suppressed: roles.clone(), constraints },
        Call::Teardown,
        Call::Accept {
            offers: offers.clone(),
            operations: vec![
                Operation::Launch(vec![Arc::new(task())]),
                Operation::LaunchGroup(TaskInfo::group(ExecutorInfo::for_groups(executor_id.clone(), bag()), [task()])),
                Operation::Reserve(bag()),
                Operation::Unreserve(bag()),
                Operation::Create(bag()),
                Operation::Destroy(bag()),
                Operation::GrowVolume { volume: "disk:4".parse().unwrap(), addition: "disk:1".parse().unwrap() },
                Operation::ShrinkVolume { volume: "disk:4".parse().unwrap(), subtract: crate::Scalar::from_units(1) },
                Operation::Reserve(bag()).tracked(operation_id()),
            ],
            filters,
        },
        Call::Decline { offers: offers.clone(), filters },
        Call::AcceptInverseOffers { offers: offers.clone(), filters },
        Call::DeclineInverseOffers { offers, filters },
        Call::Revive { roles: roles.clone() },
        Call::Suppress { roles },
        Call::Kill { task_id: task_id.clone(), agent_id: Some(agent_id()), policy: None },
        Call::Shutdown { executor_id: executor_id.clone(), agent_id: agent_id() },
        Call::Acknowledge { task_id: task_id.clone(), agent_id: agent_id(), uuid: UpdateId(3) },
        Call::AcknowledgeOperation { operation_id: operation_id(), agent_id: agent_id(), uuid: UpdateId(4) },
        Call::ReconcileOperations { operations: vec![(operation_id(), None), (operation_id(), Some(agent_id()))] },
        Call::Reconcile { tasks: vec![(task_id.clone(), None), (task_id, Some(agent_id()))] },
        Call::Message { executor_id: executor_id.clone(), agent_id: agent_id(), data: Arc::from(*b"d") },
    ] {
        assert_eq!(there_and_back::<SchedulerUp>(&call), call);
    }

    // Of an offer's agent a framework hears what it is, not all it has.
    let mut agent = agent_info();
    agent.resources = Resources::new();
    let mut offer = Offer::new(OfferId::new("o1").unwrap(), framework_id(), agent_id(), role(), bag(), Arc::new(agent));
    offer.executor_ids.push(executor_id.clone());
    offer.unavailability =
        Some(crate::Unavailability { start: WallTime::from_nanos(7), duration: Some(Duration::from_secs(1)) });
    let offer_id = OfferId::new("o1").unwrap();
    let unavailability = crate::Unavailability { start: WallTime::from_nanos(7), duration: None };
    for event in [
        Event::Subscribed {
            framework_id: framework_id(),
            master_id: MasterId::new("m1").unwrap(),
            heartbeat_every: Duration::from_secs(15),
        },
        Event::Offers(vec![offer]),
        Event::Rescind(offer_id.clone()),
        Event::InverseOffers(vec![crate::InverseOffer::new(
            offer_id.clone(),
            framework_id(),
            agent_id(),
            unavailability,
        )]),
        Event::RescindInverseOffer(offer_id),
        Event::Update(status().into()),
        Event::OperationUpdate(Box::new(finished())),
        Event::OperationUpdate(Box::new(OperationStatus::new(operation_id(), OperationState::Error).saying("no"))),
        Event::Failure { agent_id: agent_id(), executor_id: Some(executor_id.clone()), status: Some(9) },
        Event::Failure { agent_id: agent_id(), executor_id: None, status: None },
        Event::Message { executor_id, agent_id: agent_id(), data: Arc::from(*b"d") },
        Event::Error(Rejection::new(RejectionCode::TooMany, "what", "remedy")),
        Event::Heartbeat { received: 12 },
    ] {
        assert_eq!(there_and_back::<SchedulerDown>(&event), event);
    }
}

/// A master's port, with a door behind it.
struct Port {
    address: SocketAddr,
    door: Door,
    leader: watch::Sender<Option<Leader>>,
    _serving: Task,
}

fn routed(service: KernelService) -> Site {
    let routes = service.into_routes().into_iter();
    routes.fold(Site::new("master"), |site, (path, service)| site.route(path, axum::routing::post_service(service)))
}

impl Port {
    async fn open(handshake: impl Handshake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (door, keeper) = Door::new();
        let (leader, leaders) = leadership(None);
        let site = routed(KernelService::new(keeper, leaders, Arc::new(AdmitAll)));
        let serving = Task::spawn(serve(listener, handshake, site, Limits::default(), std::future::pending()));
        Self { address, door, leader, _serving: serving }
    }

    fn leader(&self, term: u64) -> Leader {
        Leader { id: MasterId::new("m1").unwrap(), address: self.address.to_string().into(), term: Term(term) }
    }

    async fn agent(&mut self, dialer: Dialer) -> (Stream<ToMaster, ToAgent>, Stream<ToAgent, ToMaster>) {
        let connector = GrpcConnector::new(dialer);
        let leader = self.leader(1);
        let connect = <GrpcConnector as Connector<ToMaster, ToAgent>>::connect(&connector, &leader);
        let (own, theirs) = tokio::join!(connect, self.door.agents.recv());
        (own.unwrap(), theirs.unwrap())
    }

    async fn scheduler(&mut self) -> (Stream<Call, Event>, Stream<Event, Call>) {
        let connector = GrpcConnector::default();
        let leader = self.leader(1);
        let connect = <GrpcConnector as Connector<Call, Event>>::connect(&connector, &leader);
        let (own, theirs) = tokio::join!(connect, self.door.schedulers.recv());
        (own.unwrap(), theirs.unwrap())
    }

    /// A framework that writes its messages itself, as another program would: what it says, what it hears, and its master.
    async fn written(
        &mut self,
    ) -> (
        tokio::sync::mpsc::Sender<kernel::SchedulerCalls>,
        tonic::Streaming<kernel::SchedulerEvents>,
        Stream<Event, Call>,
    ) {
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let mut client = kernel::kernel_client::KernelClient::new(channel.connect().await.unwrap());
        let (say, said) = tokio::sync::mpsc::channel(8);
        let answer = client.connect_scheduler(tokio_stream::wrappers::ReceiverStream::new(said));
        let (answer, theirs) = tokio::join!(answer, self.door.schedulers.recv());
        (say, answer.unwrap().into_inner(), theirs.unwrap())
    }
}

#[tokio::test]
async fn messages_arrive_in_order_both_ways_and_either_end_may_close() {
    let mut port = Port::open(Plain).await;
    let (mut agent, mut master) = port.agent(Dialer::plaintext()).await;
    for n in 0..5_000 {
        agent.sender.send((Seq(n), ToMaster::Pong)).await.unwrap();
        master.sender.send((Seq(n), ToAgent::Ping { received: n })).await.unwrap();
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
        if n >= 500 {
            assert_eq!(master.receiver.recv().await.unwrap(), (Seq(n - 500), ToMaster::Pong));
            assert_eq!(agent.receiver.recv().await.unwrap(), (Seq(n - 500), ToAgent::Ping { received: n - 500 }));
        }
    }
    // What was said before the end is heard before the end.
    drop(agent.sender);
    for n in 4_500..5_000 {
        assert_eq!(master.receiver.recv().await.unwrap().0, Seq(n));
    }
    assert!(master.receiver.recv().await.is_none());
    drop(master);
    while agent.receiver.recv().await.is_some() {}

    let (mut agent, master) = port.agent(Dialer::plaintext()).await;
    master.sender.send((Seq(0), ToAgent::Ping { received: 7 })).await.unwrap();
    drop(master);
    assert_eq!(agent.receiver.recv().await.unwrap().1, ToAgent::Ping { received: 7 });
    assert!(agent.receiver.recv().await.is_none());
}

#[tokio::test]
async fn a_framework_says_and_hears_over_a_connection_of_its_own() {
    let mut port = Port::open(Plain).await;
    let (mut framework, mut master) = port.scheduler().await;
    framework.sender.send((Seq(0), Call::Teardown)).await.unwrap();
    assert_eq!(master.receiver.recv().await.unwrap(), (Seq(0), Call::Teardown));
    master.sender.send((Seq(0), Event::Heartbeat { received: 1 })).await.unwrap();
    assert_eq!(framework.receiver.recv().await.unwrap(), (Seq(0), Event::Heartbeat { received: 1 }));
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_refused_and_the_stream_goes_on() {
    let mut port = Port::open(Plain).await;
    let (say, mut heard, mut master) = port.written().await;
    let newer = v1::scheduler::Call { r#type: Some(4_711), ..Default::default() };
    let teardown = SchedulerUp::encode(&Call::Teardown, 0);
    say.send(kernel::SchedulerCalls { first: 0, calls: vec![newer, teardown.clone()] }).await.unwrap();
    // The machine's numbers have no gap, and the count told to the framework has none either.
    assert_eq!(master.receiver.recv().await.unwrap(), (Seq(0), Call::Teardown));
    master.sender.send((Seq(0), Event::Heartbeat { received: 1 })).await.unwrap();
    let mut events = Vec::new();
    while events.len() < 2 {
        let (_, batch) = SchedulerDown::open(heard.message().await.unwrap().unwrap());
        events.extend(batch.into_iter().map(|event| SchedulerDown::decode(event).unwrap()));
    }
    assert!(events.iter().any(|event| matches!(event, Event::Error(why) if why.code == RejectionCode::Unsupported)));
    assert!(events.contains(&Event::Heartbeat { received: 2 }));
    // A gap ends the stream.
    say.send(kernel::SchedulerCalls { first: 9, calls: vec![teardown] }).await.unwrap();
    assert!(master.receiver.recv().await.is_none());
}

#[tokio::test]
async fn what_cannot_be_read_of_an_accept_is_told_and_the_rest_is_done() {
    let mut port = Port::open(Plain).await;
    let (say, mut heard, mut master) = port.written().await;

    let operations = vec![
        Operation::Launch(vec![Arc::new(task()), Arc::new(task())]),
        Operation::Reserve(bag()),
        Operation::Reserve(bag()).tracked(operation_id()),
    ];
    let offers = vec![OfferId::new("o1").unwrap()];
    let mut call =
        SchedulerUp::encode(&Call::Accept { offers: offers.clone(), operations, filters: Filters::default() }, 0);
    let written = &mut call.accept.as_mut().unwrap().operations;
    written[0].launch.as_mut().unwrap().task_infos[1].task_id.value = "a/b".into();
    for operation in &mut written[1..] {
        operation.reserve = None;
    }
    say.send(kernel::SchedulerCalls { first: 0, calls: vec![call] }).await.unwrap();

    let readable = vec![Operation::Launch(vec![Arc::new(task())])];
    let accepted = Call::Accept { offers, operations: readable, filters: Filters::default() };
    assert_eq!(master.receiver.recv().await.unwrap(), (Seq(0), accepted));
    let mut events = Vec::new();
    while events.len() < 3 {
        events.extend(SchedulerDown::open(heard.message().await.unwrap().unwrap()).1);
    }
    let status = events.iter().find_map(|event| event.event.update.as_ref()).map(|update| &update.status).unwrap();
    assert_eq!((&*status.task_id.value, status.state()), ("a/b", v1::TaskState::TaskError));
    assert_eq!((status.reason(), &status.uuid), (v1::task_status::Reason::TaskInvalid, &None));
    let status = events.iter().find_map(|event| event.event.update_operation_status.as_ref()).unwrap();
    assert_eq!(status.status.operation_id.as_ref().unwrap().value, "op1");
    let why = events.iter().find_map(|event| event.rejection.as_ref()).unwrap();
    assert!(why.what.starts_with("operation 2"), "{why:?}");
}

#[tokio::test]
async fn the_leader_is_found_among_addresses_and_found_again() {
    let (first, second) = (Port::open(Plain).await, Port::open(Plain).await);
    let nobody = "127.0.0.1:1".to_owned();
    let addresses = [nobody, first.address.to_string(), second.address.to_string()];
    let mut detector = RemoteDetector::new(addresses, Dialer::plaintext());
    first.leader.send_replace(Some(first.leader(3)));
    let found = detector.detect(None).await;
    assert_eq!(found, Some(first.leader(3)));
    // The newer term counts, whoever tells of it.
    second.leader.send_replace(Some(second.leader(4)));
    let found = detector.detect(found).await;
    assert_eq!(found, Some(second.leader(4)));
    second.leader.send_replace(None);
    drop(first);
    let mut previous = found;
    while previous.is_some() {
        previous = detector.detect(previous).await;
    }
}

#[tokio::test]
async fn both_ends_of_tls_know_who_they_speak_to() {
    let authority = Authority::new("cluster", VALID_FOR_DEFAULT).unwrap();
    let names = ["127.0.0.1".to_owned()];
    let material = |part, name: &str| {
        authority.material(&Identity::new(part, name.parse().unwrap()), &names, VALID_FOR_DEFAULT).unwrap()
    };
    let dialer = |material| Dialer::tls(ClientTls::new(material).unwrap());
    let own = material(Part::Agent, "a1");
    assert_eq!(own.identity().unwrap().to_string(), "mesos://agent/a1");

    let mut port = Port::open(ServerTls::new(&material(Part::Master, "m1")).unwrap()).await;
    let (agent, mut master) = port.agent(dialer(&own)).await;
    agent.sender.send((Seq(0), ToMaster::Pong)).await.unwrap();
    assert_eq!(master.receiver.recv().await.unwrap().1, ToMaster::Pong);

    let fails = async |port: &Port, dialer: Dialer| {
        let connector = GrpcConnector::new(dialer);
        let leader = port.leader(1);
        let connect = <GrpcConnector as Connector<ToMaster, ToAgent>>::connect(&connector, &leader);
        connect.await.unwrap_err().problem
    };
    // An agent's certificate, stolen, makes nobody a master.
    let thief = Port::open(ServerTls::new(&material(Part::Agent, "a2")).unwrap()).await;
    let problem = fails(&thief, dialer(&own)).await;
    assert!(problem.contains("proved to be agent, not a master"), "{problem}");
    // Another cluster's authority is nobody's friend, and plain text is not TLS.
    let other = Authority::new("other", VALID_FOR_DEFAULT).unwrap();
    let stranger = Identity::new(Part::Agent, "a1".parse().unwrap());
    let stranger = other.material(&stranger, &names, VALID_FOR_DEFAULT).unwrap();
    let problem = fails(&port, dialer(&stranger)).await;
    assert!(problem.contains("certificate"), "{problem}");
    fails(&port, Dialer::plaintext()).await;
    // The authority survives being written down.
    let again = Authority::from_pem(authority.certificate(), authority.key()).unwrap();
    let late = again.material(&Identity::new(Part::Agent, "a3".parse().unwrap()), &names, VALID_FOR_DEFAULT).unwrap();
    let (agent, _master) = port.agent(dialer(&late)).await;
    drop(agent);
}

#[tokio::test]
async fn tools_are_told_that_the_server_is_well_and_what_it_speaks() {
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = reflection(health(Site::new("master"), MASTER_SERVICES).await, MASTER_SERVICES);
    let _serving = Task::spawn(serve(listener, Plain, site, Limits::default(), std::future::pending()));
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = channel.connect().await.unwrap();

    let mut client = HealthClient::new(channel.clone());
    for service in ["", "mesos.kernel.Kernel", "mesos.kernel.MasterOperator"] {
        let asked = HealthCheckRequest { service: service.to_owned() };
        assert_eq!(client.check(asked).await.unwrap().into_inner().status(), ServingStatus::Serving, "{service:?}");
    }
    let unknown = client.check(HealthCheckRequest { service: "no.such.Service".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);

    let mut client = ServerReflectionClient::new(channel);
    let mut ask = async |request| -> ServerReflectionResponse {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let answer = client.server_reflection_info(tokio_stream::iter([request])).await;
        answer.unwrap().into_inner().message().await.unwrap().unwrap()
    };
    let listed = ask(MessageRequest::ListServices(String::new())).await.message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = listed else { panic!("{listed:?}") };
    let services: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    let known = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "mesos.kernel.Kernel",
        "mesos.kernel.MasterOperator",
    ];
    assert_eq!(BTreeSet::from_iter(services), BTreeSet::from(known), "what an agent speaks is not among it");
    for service in known {
        let found = ask(MessageRequest::FileContainingSymbol(service.to_owned())).await.message_response;
        let Some(MessageResponse::FileDescriptorResponse(found)) = found else { panic!("{found:?}") };
        assert!(!found.file_descriptor_proto.is_empty());
    }
}

#[tokio::test]
async fn streams_that_share_a_connection_end_one_by_one_and_a_full_one_is_followed_by_another() {
    let mut port = Port::open(Plain).await;
    let connector = GrpcConnector::default().sharing(2);
    let leader = port.leader(1);
    let mut streams: Vec<(Stream<ToMaster, ToAgent>, Stream<ToAgent, ToMaster>)> = Vec::new();
    for _ in 0..5 {
        let (own, theirs) = tokio::join!(connector.connect(&leader), port.door.agents.recv());
        let (own, mut theirs): (Stream<ToMaster, ToAgent>, _) = (own.unwrap(), theirs.unwrap());
        own.sender.send((Seq(0), ToMaster::Pong)).await.unwrap();
        // Each stream has numbers of its own.
        assert_eq!(theirs.receiver.recv().await.unwrap(), (Seq(0), ToMaster::Pong));
        streams.push((own, theirs));
    }
    drop(streams.remove(0).0);
    for (own, theirs) in &mut streams {
        own.sender.send((Seq(1), ToMaster::Pong)).await.unwrap();
        assert_eq!(theirs.receiver.recv().await.unwrap().1, ToMaster::Pong);
    }
}

impl Port {
    async fn framework(&mut self) -> (Stream<Call, Event>, Stream<Event, Call>) {
        let (connector, leader) = (GrpcConnector::default(), self.leader(1));
        let connect = <GrpcConnector as Connector<Call, Event>>::connect(&connector, &leader);
        let (own, theirs) = tokio::join!(connect, self.door.schedulers.recv());
        (own.unwrap(), theirs.unwrap())
    }
}

/// Its transport answers every ping, so that nothing else ends it.
#[tokio::test]
async fn nothing_is_kept_for_a_peer_that_was_cut_off_and_never_reads() {
    let mut port = Port::open(Plain).await;
    let (_deaf, theirs) = port.framework().await;
    let data: Arc<[u8]> = vec![7; 16 << 10].into();
    let event =
        || Event::Message { executor_id: ExecutorId::new("e1").unwrap(), agent_id: agent_id(), data: data.clone() };
    for n in 0..4_000 {
        theirs.sender.send((Seq(n), event())).await.unwrap();
    }
    // A healthy one beside it hears what it is told.
    let (mut own, other) = port.framework().await;
    other.sender.send((Seq(0), Event::Heartbeat { received: 1 })).await.unwrap();
    assert_eq!(own.receiver.recv().await.unwrap().1, Event::Heartbeat { received: 1 });
    assert!(Arc::strong_count(&data) > 1_000, "the transport takes no more than its windows");
    drop(theirs);
    let let_go = async {
        while Arc::strong_count(&data) > 1 {
            tokio::task::yield_now().await;
        }
    };
    // Sooner than a ping could end the connection.
    tokio::time::timeout(Duration::from_secs(20), let_go).await.expect("it is kept");
}

#[tokio::test]
async fn a_framework_cannot_send_what_only_an_agent_has_reason_to_send() {
    let mut port = Port::open(Plain).await;
    let data: Arc<[u8]> = vec![0; CALLS_BYTES_MAX + 1].into();
    let (own, mut theirs) = port.framework().await;
    let executor_id = ExecutorId::new("e1").unwrap();
    let call = Call::Message { executor_id: executor_id.clone(), agent_id: agent_id(), data: data.clone() };
    own.sender.send((Seq(0), call)).await.unwrap();
    assert_eq!(theirs.receiver.recv().await, None, "the stream is over");
    let (own, mut theirs) = port.agent(Dialer::plaintext()).await;
    let message = ToMaster::Message { framework_id: framework_id(), executor_id, data };
    own.sender.send((Seq(0), message.clone())).await.unwrap();
    assert!(theirs.receiver.recv().await.unwrap().1 == message, "an agent's report may be as large");
}

#[tokio::test]
async fn who_calls_too_fast_waits_and_is_not_cut_off() {
    struct Slow;
    impl Admit for Slow {
        fn agent(&self, _: &http::Extensions) -> Result<Judge<ToMaster>, Rejection> {
            Ok(Box::new(|_| Ok(())))
        }
        fn scheduler(&self, _: &http::Extensions) -> Result<Judge<Call>, Rejection> {
            Ok(Box::new(|_| Ok(())))
        }
        fn pace(&self, _: &http::Extensions) -> Option<Pace> {
            let mut calls = 0;
            Some(Box::new(move || {
                calls += 1;
                Duration::from_millis(if calls > 2 { 20 } else { 0 })
            }))
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut door, keeper) = Door::new();
    let site = routed(KernelService::new(keeper, leadership(None).1, Arc::new(Slow)));
    let _serving = Task::spawn(serve(listener, Plain, site, Limits::default(), std::future::pending()));
    let leader = Leader { id: MasterId::new("m1").unwrap(), address: address.to_string().into(), term: Term(1) };
    let connector = GrpcConnector::default();
    let connect = <GrpcConnector as Connector<Call, Event>>::connect(&connector, &leader);
    let (own, theirs) = tokio::join!(connect, door.schedulers.recv());
    let (own, mut theirs) = (own.unwrap(), theirs.unwrap());
    let began = std::time::Instant::now();
    for n in 0..5 {
        own.sender.send((Seq(n), Call::Teardown)).await.unwrap();
    }
    for n in 0..5 {
        assert_eq!(theirs.receiver.recv().await.unwrap(), (Seq(n), Call::Teardown));
    }
    assert!(began.elapsed() >= Duration::from_millis(60), "three of five waited");
}
