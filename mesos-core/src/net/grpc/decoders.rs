//! The batches of streams, as functions of bytes; for fuzzing.

use prost::Message as _;

use super::agent::{AgentDown, AgentUp};
use super::direction::Direction;
use super::proto::kernel;
use super::scheduler::{SchedulerDown, SchedulerUp};

fn read<D: Direction>(bytes: &[u8]) {
    let Ok(batch) = D::Batch::decode(bytes) else { return };
    let (first, messages) = D::open(batch);
    let read: Vec<_> = messages.into_iter().filter_map(|message| D::decode(message).ok()).collect();
    // What was read can be written and is read again.
    let written: Vec<_> = read.iter().map(|message| D::encode(message, 0)).collect();
    let written = D::batch(first, written).encode_to_vec();
    let (_, messages) = D::open(D::Batch::decode(&written[..]).expect("what was written can be read"));
    assert_eq!(messages.len(), read.len());
    for message in messages {
        assert!(D::decode(message).is_ok(), "what was written can be read");
    }
}

pub(in crate::net) fn agent_up(bytes: &[u8]) {
    read::<AgentUp>(bytes);
}

pub(in crate::net) fn agent_down(bytes: &[u8]) {
    read::<AgentDown>(bytes);
}

pub(in crate::net) fn scheduler_up(bytes: &[u8]) {
    read::<SchedulerUp>(bytes);
}

pub(in crate::net) fn scheduler_down(bytes: &[u8]) {
    read::<SchedulerDown>(bytes);
}

/// What a master says of who leads.
pub(in crate::net) fn leadership(bytes: &[u8]) {
    let Ok(said) = kernel::Leadership::decode(bytes) else { return };
    let Some(Ok(leader)) = said.leader.map(crate::call::Leader::try_from) else { return };
    let written = kernel::Leadership::from(Some(&leader)).encode_to_vec();
    let again = kernel::Leadership::decode(&written[..]).expect("what was written can be read").leader;
    assert_eq!(again.map(crate::call::Leader::try_from), Some(Ok(leader)));
}

/// What an agent says to an executor: an event, or the answer to a call.
pub(in crate::net) fn executor_message(bytes: &[u8]) {
    use kernel::executor_message::Message;
    let Ok(said) = kernel::ExecutorMessage::decode(bytes) else { return };
    match said.message {
        Some(Message::Event(event)) => {
            drop(crate::wire::convert::executor_event_from_wire(event, std::time::Duration::from_secs(5)));
        }
        Some(Message::Answer(answer)) => {
            let refused = answer.refused.map(|refused| (tonic::Code::from_i32(refused.code), refused.message));
            drop(refused.map(|(code, message)| tonic::Status::new(code, message).to_string()));
        }
        None => {}
    }
}

/// However the bytes are cut into pieces, the messages are the same.
pub(in crate::net) fn frames(bytes: &[u8]) {
    for takes_stream in [false, true] {
        let read = |piece| super::bridge::unframed(bytes, piece, takes_stream);
        assert_eq!(read(1), read(bytes.len().max(1)));
    }
}

/// Messages as gRPC carries them.
#[cfg(test)]
fn framed(messages: &[&[u8]]) -> Vec<u8> {
    let frame = |message: &&[u8]| {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0][..], &length, message].concat()
    };
    messages.iter().flat_map(frame).collect()
}

/// Batches of calls, as a framework writes them.
#[cfg(test)]
pub(in crate::net) fn calls(calls: Vec<super::proto::v1::scheduler::Call>) -> Vec<u8> {
    SchedulerUp::batch(0, calls).encode_to_vec()
}

/// Batches as parts of this version write them: decoder, name, bytes.
#[cfg(test)]
pub(in crate::net) fn samples() -> Vec<(&'static str, String, Vec<u8>)> {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::call::agent::{RunTask, TaskReport, ToAgent, ToMaster};
    use crate::call::scheduler::Event;
    use crate::error::{Rejection, RejectionCode};
    use crate::offer::Offer;
    use crate::task::{Source, TaskInfo, TaskState, TaskStatus};
    use crate::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, OfferId, Role, TaskId, UpdateId, WallTime};

    let (agent_id, framework_id) = (AgentId::new("a1").unwrap(), FrameworkId::new("f1").unwrap());
    let (role, task_id) = (Role::new("eng/web").unwrap(), TaskId::new("t1").unwrap());
    let info = Arc::new(AgentInfo::new("host", "cpus:2;mem(eng):64;ports:[1-2,5-9]".parse().unwrap()));
    let task = Arc::new(TaskInfo::shell(task_id.clone(), agent_id.clone(), "cpus:1".parse().unwrap(), "true"));
    let framework = Arc::new(FrameworkInfo { id: Some(framework_id.clone()), ..FrameworkInfo::new("f", role.clone()) });
    let mut status = TaskStatus::new(task_id.clone(), TaskState::Running, Source::Executor, WallTime::default());
    status.uuid = Some(UpdateId(7));
    let status = Arc::new(status);
    let report = TaskReport {
        framework_id: framework_id.clone(),
        role: role.clone(),
        info: task.clone(),
        state: TaskState::Running,
        told: None,
    };
    let again = crate::call::agent::Reregistration {
        agent_id: agent_id.clone(),
        total: info.resources.clone(),
        info: info.clone(),
        frameworks: [(framework_id.clone(), framework.clone())].into(),
        tasks: vec![report],
        executors: Vec::new(),
        operations: Vec::new(),
    };
    let up = [
        ToMaster::Register { total: info.resources.clone(), info: info.clone() },
        ToMaster::Reregister(Box::new(again)),
        ToMaster::Pong,
        ToMaster::Update { framework_id: framework_id.clone(), status: status.clone(), latest: TaskState::Running },
        ToMaster::Unregister,
    ];
    let run =
        RunTask { framework_id: framework_id.clone(), framework, role: role.clone(), task, may_start_executor: true };
    let down = [
        ToAgent::Registered { agent_id: agent_id.clone(), ping_timeout: Duration::from_secs(75) },
        ToAgent::Ping { received: 9 },
        ToAgent::Run(Box::new(run)),
        ToAgent::SetTotal { total: info.resources.clone() },
    ];
    let offer = Offer::new(OfferId::new("o1").unwrap(), framework_id, agent_id, role, info.resources.clone(), info);
    let events = [
        Event::Offers(vec![offer]),
        Event::Update(status),
        Event::Heartbeat { received: 3 },
        Event::Error(Rejection::new(RejectionCode::NotYours, "what", "remedy")),
    ];
    fn write<D: Direction>(target: &'static str, messages: &[D::Domain]) -> (&'static str, String, Vec<u8>) {
        let messages = messages.iter().map(|message| D::encode(message, 0)).collect();
        (target, "all".to_owned(), D::batch(0, messages).encode_to_vec())
    }
    let event = SchedulerDown::encode(&events[1], 0).event.encode_to_vec();
    let leader = crate::call::Leader {
        id: crate::MasterId::new("m1").unwrap(),
        address: "10.0.0.1:5050".into(),
        term: crate::kernel::Term(7),
    };
    let message = |message| kernel::ExecutorMessage { message: Some(message) }.encode_to_vec();
    let kill = crate::call::executor::Event::Kill { task_id, policy: Default::default() };
    let kill = crate::wire::convert::executor_event_to_wire(&kill);
    let refused = kernel::executor_message::Refused { code: 7, message: "not yours".to_owned() };
    let answer = kernel::executor_message::Answer { refused: Some(refused) };
    vec![
        ("leadership", "leader".to_owned(), kernel::Leadership::from(Some(&leader)).encode_to_vec()),
        ("leadership", "nobody".to_owned(), kernel::Leadership::from(None).encode_to_vec()),
        ("executor_message", "event".to_owned(), message(kernel::executor_message::Message::Event(kill))),
        ("executor_message", "answer".to_owned(), message(kernel::executor_message::Message::Answer(answer))),
        write::<AgentUp>("agent_stream", &up),
        write::<AgentDown>("master_stream", &down),
        write::<SchedulerDown>("event_stream", &events),
        ("grpc_frames", "one".to_owned(), framed(&[&event])),
        ("grpc_frames", "three".to_owned(), framed(&[b"a call", b"", &event])),
        ("scheduler_event", "update".to_owned(), event),
    ]
}
