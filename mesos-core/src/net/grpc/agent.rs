//! What agents and masters say, to and from the wire.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::direction::Direction;
use super::proto::{kernel, v1};
use crate::call::agent::{
    ApplyOperation, ExecutorReport, OperationReport, Reregistration, RunGroup, RunTask, TaskReport, ToAgent, ToMaster,
};
use crate::error::{Rejection, RejectionCode};
use crate::executor::ExecutorInfo;
use crate::feedback::OperationState;
use crate::framework::FrameworkInfo;
use crate::id::FrameworkId;
use crate::resource::Resources;
use crate::role::Role;
use crate::task::{TaskRun, TaskState};
use crate::wire::convert::{
    Aside, ReadOperation, ReservationForm, agent_capabilities_to_wire, agent_from_wire, grouped_task_from_wire,
    operation_from_wire, operation_status_to_wire, operation_to_wire, resources_from_wire, resources_to_wire,
    task_group_from_wire, task_group_to_wire, task_state_from_wire,
};
use kernel::to_agent::Message as AgentMessage;
use kernel::to_master::Message as MasterMessage;
use kernel::{to_agent, to_master};

/// From an agent to its master.
#[derive(Debug)]
pub(super) struct AgentUp;

/// From a master to an agent.
#[derive(Debug)]
pub(super) struct AgentDown;

impl Direction for AgentUp {
    type Domain = ToMaster;
    type Wire = kernel::ToMaster;
    type Batch = kernel::AgentMessages;

    fn encode(message: &ToMaster, _: u64) -> kernel::ToMaster {
        kernel::ToMaster { message: Some(to_master(message)) }
    }

    fn decode(message: kernel::ToMaster) -> Result<ToMaster, Rejection> {
        from_agent(message.message.ok_or_else(unknown)?)
    }

    fn aside(_: Aside) -> Option<kernel::ToMaster> {
        None
    }

    fn batch(first: u64, messages: Vec<kernel::ToMaster>) -> kernel::AgentMessages {
        kernel::AgentMessages { first, messages }
    }

    fn open(batch: kernel::AgentMessages) -> (u64, Vec<kernel::ToMaster>) {
        (batch.first, batch.messages)
    }
}

impl Direction for AgentDown {
    type Domain = ToAgent;
    type Wire = kernel::ToAgent;
    type Batch = kernel::MasterMessages;

    fn encode(message: &ToAgent, skipped: u64) -> kernel::ToAgent {
        kernel::ToAgent { message: Some(to_agent(message, skipped)) }
    }

    fn decode(message: kernel::ToAgent) -> Result<ToAgent, Rejection> {
        from_master(message.message.ok_or_else(unknown)?)
    }

    fn aside(_: Aside) -> Option<kernel::ToAgent> {
        None
    }

    fn batch(first: u64, messages: Vec<kernel::ToAgent>) -> kernel::MasterMessages {
        kernel::MasterMessages { first, messages }
    }

    fn open(batch: kernel::MasterMessages) -> (u64, Vec<kernel::ToAgent>) {
        (batch.first, batch.messages)
    }
}

fn unknown() -> Rejection {
    Rejection::new(RejectionCode::Unsupported, "a message of a kind that is not known", "upgrade this part")
}

fn bag(resources: &Resources) -> Vec<v1::Resource> {
    resources_to_wire(resources, None, ReservationForm::Stack)
}

fn read_bag(resources: Vec<v1::Resource>) -> Result<Resources, Rejection> {
    resources_from_wire(resources).map(|(resources, _)| resources)
}

fn read_role(role: &str) -> Result<Role, Rejection> {
    Role::new(role).map_err(|error| Rejection::new(RejectionCode::InvalidRole, error.to_string(), "rename the role"))
}

fn state(state: TaskState) -> i32 {
    v1::TaskState::from(state).into()
}

fn described(info: &crate::agent::AgentInfo) -> kernel::AgentDescription {
    kernel::AgentDescription {
        info: info.into(),
        capabilities: agent_capabilities_to_wire(info),
        ip: info.ip.map(|ip| ip.to_string()),
        has_tls: Some(info.has_tls).filter(|has_tls| *has_tls),
    }
}

fn read_ip(ip: &str) -> Result<IpAddr, Rejection> {
    let problem = |_| {
        let what = format!("the agent's address is {:?}", ip.chars().take(64).collect::<String>());
        Rejection::new(RejectionCode::InvalidAgent, what, "give an address of IPv4 or IPv6, or none")
    };
    ip.parse().map_err(problem)
}

fn read_described(agent: kernel::AgentDescription) -> Result<Arc<crate::agent::AgentInfo>, Rejection> {
    let mut read = agent_from_wire(agent.info, &agent.capabilities)?;
    read.ip = agent.ip.as_deref().map(read_ip).transpose()?;
    read.has_tls = agent.has_tls.unwrap_or_default();
    Ok(Arc::new(read))
}

fn to_master(message: &ToMaster) -> MasterMessage {
    match message {
        ToMaster::Register { info, total } => {
            MasterMessage::Register(to_master::Register { agent: described(info), total: bag(total) })
        }
        ToMaster::Reregister(again) => MasterMessage::Reregister(reregister(again)),
        ToMaster::Pong => MasterMessage::Pong(to_master::Pong {}),
        ToMaster::Update { framework_id, status, latest } => MasterMessage::Update(to_master::Update {
            framework_id: framework_id.into(),
            status: (&**status).into(),
            latest: state(*latest),
        }),
        ToMaster::ExecutorExited { framework_id, executor_id, status } => {
            MasterMessage::ExecutorExited(to_master::ExecutorExited {
                framework_id: framework_id.into(),
                executor_id: executor_id.into(),
                status: *status,
            })
        }
        ToMaster::Message { framework_id, executor_id, data } => {
            MasterMessage::ExecutorMessage(to_master::ExecutorMessage {
                framework_id: framework_id.into(),
                executor_id: executor_id.into(),
                data: data.to_vec(),
            })
        }
        ToMaster::OperationUpdate { framework_id, status } => {
            MasterMessage::OperationUpdate(to_master::OperationUpdate {
                framework_id: framework_id.into(),
                status: operation_status_to_wire(status, ReservationForm::Stack),
            })
        }
        ToMaster::Unregister => MasterMessage::Unregister(to_master::Unregister {}),
    }
}

fn reregister(again: &Reregistration) -> to_master::Reregister {
    let Reregistration { agent_id, info, total, frameworks, tasks, executors, operations } = again;
    let framework = |(id, info): (&FrameworkId, &Arc<FrameworkInfo>)| {
        let mut written = v1::FrameworkInfo::from(&**info);
        written.id = Some(id.into());
        written
    };
    let task = |report: &TaskReport| {
        let TaskReport { framework_id, role, info, state: newest, told } = report;
        kernel::TaskReport {
            framework_id: framework_id.into(),
            role: role.as_str().to_owned(),
            info: (&**info).into(),
            state: state(*newest),
            told: told.map(state),
            group: match &info.run {
                TaskRun::InGroup { group, .. } => Some(group.as_str().to_owned()),
                TaskRun::Command(_) | TaskRun::Executor(_) => None,
            },
        }
    };
    let executor = |report: &ExecutorReport| {
        let ExecutorReport { framework_id, role, info } = report;
        kernel::ExecutorReport {
            framework_id: framework_id.into(),
            role: role.as_str().to_owned(),
            info: (&**info).into(),
        }
    };
    to_master::Reregister {
        agent_id: agent_id.into(),
        agent: described(info),
        total: bag(total),
        frameworks: frameworks.iter().map(framework).collect(),
        tasks: tasks.iter().map(task).collect(),
        executors: executors.iter().map(executor).collect(),
        operations: operations
            .iter()
            .map(|report| operation_to_wire(&report.framework_id, Some(agent_id), &report.operation, report.state))
            .collect(),
    }
}

fn from_agent(message: MasterMessage) -> Result<ToMaster, Rejection> {
    Ok(match message {
        MasterMessage::Register(register) => {
            ToMaster::Register { info: read_described(register.agent)?, total: read_bag(register.total)? }
        }
        MasterMessage::Reregister(again) => ToMaster::Reregister(Box::new(read_reregister(again)?)),
        MasterMessage::Pong(_) => ToMaster::Pong,
        MasterMessage::Update(update) => ToMaster::Update {
            framework_id: update.framework_id.try_into()?,
            status: Arc::new(update.status.try_into()?),
            latest: task_state_from_wire(update.latest)?,
        },
        MasterMessage::ExecutorExited(exited) => ToMaster::ExecutorExited {
            framework_id: exited.framework_id.try_into()?,
            executor_id: exited.executor_id.try_into()?,
            status: exited.status,
        },
        MasterMessage::ExecutorMessage(message) => ToMaster::Message {
            framework_id: message.framework_id.try_into()?,
            executor_id: message.executor_id.try_into()?,
            data: Arc::from(message.data),
        },
        MasterMessage::OperationUpdate(update) => ToMaster::OperationUpdate {
            framework_id: update.framework_id.try_into()?,
            status: Box::new(update.status.try_into()?),
        },
        MasterMessage::Unregister(_) => ToMaster::Unregister,
    })
}

fn read_reregister(again: to_master::Reregister) -> Result<Reregistration, Rejection> {
    let framework = |info: v1::FrameworkInfo| {
        let info = FrameworkInfo::try_from(info)?;
        let id = info.id.clone().ok_or_else(|| {
            Rejection::new(RejectionCode::InvalidAgent, "a framework was reported without its id", "set id")
        })?;
        Ok((id, Arc::new(info)))
    };
    let task = |report: kernel::TaskReport| {
        let info = match report.group {
            Some(group) => grouped_task_from_wire(report.info, v1::TaskId { value: group }.try_into()?)?,
            None => report.info.try_into()?,
        };
        Ok(TaskReport {
            framework_id: report.framework_id.try_into()?,
            role: read_role(&report.role)?,
            info: Arc::new(info),
            state: task_state_from_wire(report.state)?,
            told: report.told.map(task_state_from_wire).transpose()?,
        })
    };
    let executor = |report: kernel::ExecutorReport| {
        Ok(ExecutorReport {
            framework_id: report.framework_id.try_into()?,
            role: read_role(&report.role)?,
            info: Arc::new(ExecutorInfo::try_from(report.info)?),
        })
    };
    let operation = |operation: v1::Operation| {
        let ReadOperation { framework_id, operation, state } = operation_from_wire(operation)?;
        Ok(OperationReport { framework_id, operation: Arc::new(operation), state })
    };
    Ok(Reregistration {
        agent_id: again.agent_id.try_into()?,
        info: read_described(again.agent)?,
        total: read_bag(again.total)?,
        frameworks: again.frameworks.into_iter().map(framework).collect::<Result<BTreeMap<_, _>, Rejection>>()?,
        tasks: again.tasks.into_iter().map(task).collect::<Result<_, Rejection>>()?,
        executors: again.executors.into_iter().map(executor).collect::<Result<_, Rejection>>()?,
        operations: again.operations.into_iter().map(operation).collect::<Result<_, Rejection>>()?,
    })
}

fn to_agent(message: &ToAgent, skipped: u64) -> AgentMessage {
    match message {
        ToAgent::Registered { agent_id, ping_timeout } => AgentMessage::Registered(to_agent::Registered {
            agent_id: agent_id.into(),
            ping_timeout: (*ping_timeout).into(),
        }),
        ToAgent::Reregistered { agent_id, ping_timeout, missing } => {
            let missing = missing.iter().map(|(framework_id, task_id)| to_agent::Missing {
                framework_id: framework_id.into(),
                task_id: task_id.into(),
            });
            AgentMessage::Reregistered(to_agent::Reregistered {
                agent_id: agent_id.into(),
                ping_timeout: (*ping_timeout).into(),
                missing: missing.collect(),
            })
        }
        ToAgent::Ping { received } => AgentMessage::Ping(to_agent::Ping { received: received + skipped }),
        ToAgent::Run(run) => {
            let RunTask { framework_id, framework, role, task, may_start_executor } = &**run;
            AgentMessage::Run(to_agent::Run {
                framework_id: framework_id.into(),
                framework: (&**framework).into(),
                role: role.as_str().to_owned(),
                task: (&**task).into(),
                may_start_executor: *may_start_executor,
            })
        }
        ToAgent::RunGroup(run) => {
            let RunGroup { framework_id, framework, role, tasks, may_start_executor } = &**run;
            // The master sends no empty group.
            let (executor, tasks) = task_group_to_wire(tasks).unwrap_or_default();
            AgentMessage::RunGroup(to_agent::RunGroup {
                framework_id: framework_id.into(),
                framework: (&**framework).into(),
                role: role.as_str().to_owned(),
                executor,
                tasks,
                may_start_executor: *may_start_executor,
            })
        }
        ToAgent::Kill { framework_id, task_id, policy } => AgentMessage::Kill(to_agent::Kill {
            framework_id: framework_id.into(),
            task_id: task_id.into(),
            policy: policy.map(Into::into),
        }),
        ToAgent::Acknowledge { framework_id, task_id, uuid } => AgentMessage::Acknowledge(to_agent::Acknowledge {
            framework_id: framework_id.into(),
            task_id: task_id.into(),
            uuid: (*uuid).into(),
        }),
        ToAgent::ShutdownExecutor { framework_id, executor_id } => {
            AgentMessage::ShutdownExecutor(to_agent::ShutdownExecutor {
                framework_id: framework_id.into(),
                executor_id: executor_id.into(),
            })
        }
        ToAgent::ShutdownFramework { framework_id } => {
            AgentMessage::ShutdownFramework(to_agent::ShutdownFramework { framework_id: framework_id.into() })
        }
        ToAgent::UpdateFramework { framework_id, info } => AgentMessage::UpdateFramework(to_agent::UpdateFramework {
            framework_id: framework_id.into(),
            info: (&**info).into(),
        }),
        ToAgent::SetTotal { total } => AgentMessage::SetTotal(to_agent::SetTotal { total: bag(total) }),
        ToAgent::Apply(apply) => {
            let ApplyOperation { framework_id, framework, operation, total } = &**apply;
            AgentMessage::Apply(to_agent::Apply {
                framework: (&**framework).into(),
                operation: operation_to_wire(framework_id, None, operation, OperationState::Pending),
                converted: bag(&operation.converted),
                total: bag(total),
            })
        }
        ToAgent::AcknowledgeOperation { framework_id, uuid } => {
            let (framework_id, uuid) = (framework_id.into(), (*uuid).into());
            AgentMessage::AcknowledgeOperation(to_agent::AcknowledgeOperation { framework_id, uuid })
        }
        ToAgent::Message { framework_id, executor_id, data } => {
            AgentMessage::FrameworkMessage(to_agent::FrameworkMessage {
                framework_id: framework_id.into(),
                executor_id: executor_id.into(),
                data: data.to_vec(),
            })
        }
        ToAgent::Shutdown(rejection) => AgentMessage::Shutdown(rejection.into()),
    }
}

fn from_master(message: AgentMessage) -> Result<ToAgent, Rejection> {
    Ok(match message {
        AgentMessage::Registered(registered) => ToAgent::Registered {
            agent_id: registered.agent_id.try_into()?,
            ping_timeout: registered.ping_timeout.try_into()?,
        },
        AgentMessage::Reregistered(again) => {
            let missing =
                again.missing.into_iter().map(|task| Ok((task.framework_id.try_into()?, task.task_id.try_into()?)));
            ToAgent::Reregistered {
                agent_id: again.agent_id.try_into()?,
                ping_timeout: again.ping_timeout.try_into()?,
                missing: missing.collect::<Result<_, Rejection>>()?,
            }
        }
        AgentMessage::Ping(ping) => ToAgent::Ping { received: ping.received },
        AgentMessage::Run(run) => ToAgent::Run(Box::new(RunTask {
            framework_id: run.framework_id.try_into()?,
            framework: Arc::new(run.framework.try_into()?),
            role: read_role(&run.role)?,
            task: Arc::new(run.task.try_into()?),
            may_start_executor: run.may_start_executor,
        })),
        AgentMessage::RunGroup(run) => ToAgent::RunGroup(Box::new(RunGroup {
            framework_id: run.framework_id.try_into()?,
            framework: Arc::new(run.framework.try_into()?),
            role: read_role(&run.role)?,
            tasks: task_group_from_wire(run.executor, run.tasks)?,
            may_start_executor: run.may_start_executor,
        })),
        AgentMessage::Kill(kill) => ToAgent::Kill {
            framework_id: kill.framework_id.try_into()?,
            task_id: kill.task_id.try_into()?,
            policy: kill.policy.map(TryInto::try_into).transpose()?,
        },
        AgentMessage::Acknowledge(acknowledge) => ToAgent::Acknowledge {
            framework_id: acknowledge.framework_id.try_into()?,
            task_id: acknowledge.task_id.try_into()?,
            uuid: acknowledge.uuid.as_slice().try_into()?,
        },
        AgentMessage::ShutdownExecutor(shutdown) => ToAgent::ShutdownExecutor {
            framework_id: shutdown.framework_id.try_into()?,
            executor_id: shutdown.executor_id.try_into()?,
        },
        AgentMessage::ShutdownFramework(shutdown) => {
            ToAgent::ShutdownFramework { framework_id: shutdown.framework_id.try_into()? }
        }
        AgentMessage::UpdateFramework(update) => ToAgent::UpdateFramework {
            framework_id: update.framework_id.try_into()?,
            info: Arc::new(update.info.try_into()?),
        },
        AgentMessage::SetTotal(set) => ToAgent::SetTotal { total: read_bag(set.total)? },
        AgentMessage::Apply(apply) => {
            let ReadOperation { framework_id, mut operation, .. } = operation_from_wire(apply.operation)?;
            operation.converted = read_bag(apply.converted)?;
            ToAgent::Apply(Box::new(ApplyOperation {
                framework_id,
                framework: Arc::new(apply.framework.try_into()?),
                operation: Arc::new(operation),
                total: read_bag(apply.total)?,
            }))
        }
        AgentMessage::AcknowledgeOperation(acknowledge) => ToAgent::AcknowledgeOperation {
            framework_id: acknowledge.framework_id.try_into()?,
            uuid: acknowledge.uuid.as_slice().try_into()?,
        },
        AgentMessage::FrameworkMessage(message) => ToAgent::Message {
            framework_id: message.framework_id.try_into()?,
            executor_id: message.executor_id.try_into()?,
            data: Arc::from(message.data),
        },
        AgentMessage::Shutdown(rejection) => ToAgent::Shutdown(read_rejection(rejection)),
    })
}

impl From<&Rejection> for kernel::Rejection {
    fn from(rejection: &Rejection) -> Self {
        let Rejection { code, what, remedy } = rejection;
        Self { code: code.to_string(), what: what.clone(), remedy: remedy.clone() }
    }
}

/// A code of a newer peer counts as unsupported; its sentence says the rest.
pub(super) fn read_rejection(rejection: kernel::Rejection) -> Rejection {
    let kernel::Rejection { code, what, remedy } = rejection;
    let code = serde_json::from_value(code.into()).unwrap_or(RejectionCode::Unsupported);
    Rejection { code, what, remedy }
}
