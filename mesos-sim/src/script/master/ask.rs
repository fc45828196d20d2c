//! What peers say to a master, from the words of a command.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::call::agent::{ExecutorReport, OperationReport, Reregistration, TaskReport, ToMaster};
use mesos_core::call::operator;
use mesos_core::call::scheduler::Call;
use mesos_core::maintenance::{MachineId, MaintenanceSchedule, MaintenanceWindow};
use mesos_core::provider::explain::{Need, Wanted};
use mesos_core::{
    AgentId, ExecutorId, FrameworkId, OfferId, Operation, OperationId, OperationState, OperationStatus, Role, TaskId,
    TaskState, TaskStatus, TrackedOperation, WallTime, Weight,
};

use super::super::allocator::hosts;
use super::super::argument::{Arguments, keyword, list, read, reason, resources, source, state};
use super::super::names::Names;
use super::{AgentMessage, SchedulerCall};

/// What an operator asks.
pub(super) fn operator(arguments: &mut Arguments) -> Result<operator::Call, String> {
    match arguments.word("what to do")?.as_str() {
        "weights" => {
            let mut weights = BTreeMap::new();
            while let Some(word) = arguments.next_word() {
                let (role, weight) = word.rsplit_once(':').ok_or_else(|| format!("{word:?} is not role:weight"))?;
                weights.insert(read::<Role>(role)?, Weight::new(read(weight)?).map_err(|error| error.to_string())?);
            }
            Ok(operator::Call::UpdateWeights(weights))
        }
        "quota" => {
            let force = arguments.optional("force")?.unwrap_or_default();
            let mut quotas = BTreeMap::new();
            while let Some(word) = arguments.next_word() {
                let (role, mut part) = Arguments::nested(&word)?;
                quotas.insert(read::<Role>(&role)?, part.quota()?);
                part.finish()?;
            }
            Ok(operator::Call::UpdateQuota { quotas, force })
        }
        "explain" => {
            let (framework_id, role) = (arguments.next("a framework id")?, arguments.next("a role")?);
            let of = match arguments.named("need") {
                Some(need) => Wanted::Need(Need::Resources(resources(&need)?)),
                None => Wanted::Agent(arguments.next("an agent id")?),
            };
            Ok(operator::Call::Explain { framework_id, role, of })
        }
        "preemptions" => {
            let (framework_id, role) = (arguments.next("a framework id")?, arguments.next("a role")?);
            let need = arguments.named("need").ok_or_else(|| "need= is missing".to_owned())?;
            let need = resources(&need)?.quantities();
            Ok(operator::Call::Preemptions { framework_id, role, need })
        }
        "get-quota" => Ok(operator::Call::GetQuota),
        "teardown" => Ok(operator::Call::Teardown(arguments.next("a framework id")?)),
        "gone" => Ok(operator::Call::MarkAgentGone(arguments.next("an agent id")?)),
        verb @ ("reserve" | "unreserve") => {
            let agent_id = arguments.next("an agent id")?;
            let source = arguments.named("from").map(|text| resources(&text)).transpose()?.unwrap_or_default();
            let resources = resources(&arguments.word("resources")?)?;
            Ok(match verb {
                "reserve" => operator::Call::Reserve { agent_id, source, resources },
                _ => operator::Call::Unreserve { agent_id, resources },
            })
        }
        "drain" => Ok(operator::Call::DrainAgent {
            agent_id: arguments.next("an agent id")?,
            max_grace: arguments.span("grace")?,
            mark_gone: arguments.optional("gone")?.unwrap_or(false),
        }),
        "deactivate" => Ok(operator::Call::DeactivateAgent(arguments.next("an agent id")?)),
        "reactivate" => Ok(operator::Call::ReactivateAgent(arguments.next("an agent id")?)),
        "whitelist" => Ok(operator::Call::UpdateWhitelist(hosts(&arguments.word("hosts, all or -")?))),
        "schedule" => Ok(operator::Call::UpdateMaintenanceSchedule(schedule(arguments)?)),
        "get-schedule" => Ok(operator::Call::GetMaintenanceSchedule),
        "get-status" => Ok(operator::Call::GetMaintenanceStatus),
        "start-maintenance" => Ok(operator::Call::StartMaintenance(machines(arguments)?)),
        "stop-maintenance" => Ok(operator::Call::StopMaintenance(machines(arguments)?)),
        other => Err(format!("{other:?} is nothing an operator asks")),
    }
}

/// `window(host1,host2 start=100s for=10s) ..`.
fn schedule(arguments: &mut Arguments) -> Result<MaintenanceSchedule, String> {
    let mut schedule = MaintenanceSchedule::default();
    while let Some(word) = arguments.next_word() {
        let (_, mut part) = Arguments::nested(&word)?;
        let unavailability = part.unavailability()?;
        schedule.windows.push(MaintenanceWindow { machines: machines(&mut part)?, unavailability });
        part.finish()?;
    }
    Ok(schedule)
}

fn machines<C: FromIterator<MachineId>>(arguments: &mut Arguments) -> Result<C, String> {
    let names = arguments.word("machines")?;
    let names = names.split(',').filter(|name| !name.is_empty() && *name != "-");
    names.map(|name| MachineId::new(name).map_err(|error| error.to_string())).collect()
}

/// What an agent says; nothing if the verb is not an agent's.
pub(super) fn agent(verb: &str, arguments: &mut Arguments, names: &Names) -> Result<Option<AgentMessage>, String> {
    Ok(Some(match verb {
        "register" => {
            let info = Arc::new(arguments.agent()?);
            let total = arguments.named("total").map(|text| resources(&text)).transpose()?;
            ToMaster::Register { total: total.unwrap_or_else(|| info.resources.clone()), info }
        }
        "reregister" => ToMaster::Reregister(Box::new(reregistration(arguments, names)?)),
        "operation" => {
            let framework_id = arguments.next("a framework id")?;
            let id = arguments.next("an operation id")?;
            let mut status = OperationStatus::new(id, keyword::<OperationState>(&arguments.word("a state")?)?);
            status.uuid = arguments.next_word().map(|name| names.id(&name)).transpose()?;
            ToMaster::OperationUpdate { framework_id, status: Box::new(status) }
        }
        "pong" => ToMaster::Pong,
        "update" => update(arguments, names)?,
        "exited" => ToMaster::ExecutorExited {
            framework_id: arguments.next("a framework id")?,
            executor_id: arguments.next("an executor id")?,
            status: arguments.optional("status")?.unwrap_or(0),
        },
        "executor-message" => ToMaster::Message {
            framework_id: arguments.next("a framework id")?,
            executor_id: arguments.next("an executor id")?,
            data: arguments.word("a text")?.into_bytes().into(),
        },
        "unregister" => ToMaster::Unregister,
        _ => return Ok(None),
    }))
}

fn update(arguments: &mut Arguments, names: &Names) -> Result<AgentMessage, String> {
    let framework_id: FrameworkId = arguments.next("a framework id")?;
    let task_id: TaskId = arguments.next("a task id")?;
    let state = state(&arguments.word("a state")?)?;
    let source = source(arguments.named("source"))?;
    let mut status = TaskStatus::new(task_id, state, source, WallTime::default());
    status.uuid = arguments.next_word().map(|name| names.id(&name)).transpose()?;
    status.reason = reason(arguments.named("reason"))?;
    status.agent_id = arguments.optional("agent")?;
    let latest = arguments.named("latest").map(|text| keyword::<TaskState>(&text)).transpose()?;
    Ok(ToMaster::Update { framework_id, status: status.into(), latest: latest.unwrap_or(state) })
}

fn reregistration(arguments: &mut Arguments, names: &Names) -> Result<Reregistration, String> {
    let agent_id: AgentId = arguments.next("an agent id")?;
    let info = Arc::new(arguments.agent()?);
    let total = arguments.named("total").map(|text| resources(&text)).transpose()?;
    let mut report = Reregistration {
        agent_id: agent_id.clone(),
        total: total.unwrap_or_else(|| info.resources.clone()),
        info,
        frameworks: BTreeMap::new(),
        tasks: Vec::new(),
        executors: Vec::new(),
        operations: Vec::new(),
    };
    while let Some(word) = arguments.next_word() {
        let (kind, mut part) = Arguments::nested(&word)?;
        let id: FrameworkId = part.next("a framework id")?;
        match kind.as_str() {
            "framework" => {
                let mut info = part.framework()?;
                info.id = Some(id.clone());
                report.frameworks.insert(id, Arc::new(info));
            }
            "task" => report.tasks.push(task_report(id, agent_id.clone(), &mut part)?),
            "executor" => {
                let role = part.next("a role")?;
                let executor: ExecutorId = part.next("an executor id")?;
                let info = Arc::new(part.executor(executor)?);
                report.executors.push(ExecutorReport { framework_id: id, role, info });
            }
            "operation" => {
                let operation_id: OperationId = part.next("an operation id")?;
                let uuid = names.id(&part.word("its uuid")?)?;
                let state = keyword::<OperationState>(&part.word("a state")?)?;
                let converted = resources(&part.word("what it reserved")?)?;
                let operation = Operation::Reserve(converted.clone());
                let operation = TrackedOperation { id: operation_id, uuid, operation, converted };
                report.operations.push(OperationReport { framework_id: id, operation: operation.into(), state });
            }
            other => return Err(format!("{other:?} is nothing an agent reports")),
        }
        part.finish()?;
    }
    Ok(report)
}

fn task_report(framework_id: FrameworkId, agent: AgentId, part: &mut Arguments) -> Result<TaskReport, String> {
    let role = part.next("a role")?;
    let told = part.named("told").map(|text| keyword::<TaskState>(&text)).transpose()?;
    let info = Arc::new(part.task(agent)?);
    let state = state(&part.word("a state")?)?;
    Ok(TaskReport { framework_id, role, info, state, told })
}

/// What a framework says.
pub(in crate::script) fn scheduler(
    verb: &str,
    arguments: &mut Arguments,
    names: &Names,
    offers: &BTreeMap<OfferId, AgentId>,
) -> Result<SchedulerCall, String> {
    Ok(match verb {
        "subscribe" => {
            let suppressed = arguments.roles("suppressed")?;
            let constraints = arguments.constraints()?;
            Call::Subscribe { info: Box::new(arguments.framework()?), suppressed, constraints }
        }
        "update-framework" => {
            let (suppressed, constraints) = (arguments.roles("suppressed")?, arguments.constraints()?);
            Call::UpdateFramework { info: Box::new(arguments.framework()?), suppressed, constraints }
        }
        "teardown" => Call::Teardown,
        "accept" => accept(arguments, offers)?,
        "decline" => {
            let ids = list(&arguments.word("offer ids")?)?;
            Call::Decline { offers: ids, filters: arguments.filters()? }
        }
        verb @ ("accept-inverse" | "decline-inverse") => {
            let offers = list(&arguments.word("offer ids")?)?;
            let filters = arguments.filters()?;
            match verb {
                "accept-inverse" => Call::AcceptInverseOffers { offers, filters },
                _ => Call::DeclineInverseOffers { offers, filters },
            }
        }
        "revive" => Call::Revive { roles: arguments.roles("roles")? },
        "suppress" => Call::Suppress { roles: arguments.roles("roles")? },
        "kill" => Call::Kill {
            task_id: arguments.next("a task id")?,
            agent_id: arguments.optional("agent")?,
            policy: arguments.policy()?,
        },
        "shutdown" => {
            Call::Shutdown { executor_id: arguments.next("an executor id")?, agent_id: arguments.next("an agent id")? }
        }
        "acknowledge" => Call::Acknowledge {
            task_id: arguments.next("a task id")?,
            agent_id: arguments.next("an agent id")?,
            uuid: names.id(&arguments.word("an update")?)?,
        },
        "reconcile" => Call::Reconcile { tasks: questions(arguments)? },
        "acknowledge-operation" => Call::AcknowledgeOperation {
            operation_id: arguments.next("an operation id")?,
            agent_id: arguments.next("an agent id")?,
            uuid: names.id(&arguments.word("an operation's uuid")?)?,
        },
        "reconcile-operations" => Call::ReconcileOperations { operations: questions(arguments)? },
        "message" => Call::Message {
            executor_id: arguments.next("an executor id")?,
            agent_id: arguments.next("an agent id")?,
            data: arguments.word("a text")?.into_bytes().into(),
        },
        other => return Err(format!("{other:?} is no command here")),
    })
}

fn questions<I: std::str::FromStr<Err: std::fmt::Display>>(
    arguments: &mut Arguments,
) -> Result<Vec<(I, Option<AgentId>)>, String> {
    let mut asked = Vec::new();
    while let Some(word) = arguments.next_word() {
        asked.push(match word.split_once('@') {
            Some((task, agent)) => (read(task)?, Some(read(agent)?)),
            None => (read(&word)?, None),
        });
    }
    Ok(asked)
}

fn accept(arguments: &mut Arguments, offers: &BTreeMap<OfferId, AgentId>) -> Result<SchedulerCall, String> {
    let ids = arguments.word("offer ids")?;
    let ids: Vec<OfferId> = list(if ids == "-" { "" } else { &ids })?;
    let agent = ids.iter().find_map(|id| offers.get(id));
    let filters = arguments.filters()?;
    let mut operations = Vec::new();
    while let Some(word) = arguments.next_word() {
        let (kind, mut part) = Arguments::nested(&word)?;
        let id = part.optional::<OperationId>("id")?;
        let operation = match kind.as_str() {
            "launch" => {
                let named = part.optional::<AgentId>("agent")?;
                let agent = named.or_else(|| agent.cloned()).ok_or("the offer is not known: say agent=")?;
                Operation::Launch(vec![Arc::new(part.task(agent)?)])
            }
            "group" => Operation::LaunchGroup(part.group(agent.cloned().ok_or("the offer is not known")?)?),
            "reserve" => Operation::Reserve(resources(&part.word("resources")?)?),
            "unreserve" => Operation::Unreserve(resources(&part.word("resources")?)?),
            "create" => Operation::Create(resources(&part.word("volumes")?)?),
            "destroy" => Operation::Destroy(resources(&part.word("volumes")?)?),
            other => return Err(format!("{other:?} is no operation")),
        };
        operations.push(match id {
            Some(id) => operation.tracked(id),
            None => operation,
        });
        part.finish()?;
    }
    Ok(Call::Accept { offers: ids, operations, filters })
}
