//! Calls, events and messages as one line each. What a line leaves out is the same in every session: descriptions the
//! script gave itself, and times.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use mesos_core::call::agent::{Reregistration, ToAgent, ToMaster};
use mesos_core::call::executor::Event as ExecutorEvent;
use mesos_core::call::scheduler::{Call, Event};
use mesos_core::health::CheckStatus;
use mesos_core::kernel::Change;
use mesos_core::task::TaskRun;
use mesos_core::{
    AgentId, Filters, FrameworkInfo, InverseOffer, KillPolicy, Offer, OfferConstraints, Operation, OperationStatus,
    Quota, Role, TaskInfo, TaskState, TaskStatus,
};

use super::demand::unavailability;
use super::names::Names;

/// What the master tells a framework; offers take a line each.
pub(super) fn event(names: &mut Names, event: &Event) -> Vec<String> {
    let line = match event {
        Event::Subscribed { framework_id, .. } => format!("subscribed {framework_id}"),
        Event::Offers(offers) => return offers.iter().map(offer).collect(),
        Event::Rescind(id) => format!("rescind {id}"),
        Event::Update(news) => format!("update {}", status(names, news)),
        Event::OperationUpdate(news) => format!("operation {}", operation_status(names, news)),
        Event::Message { executor_id, agent_id, data } => {
            format!("message from {executor_id} on {agent_id}: {}", String::from_utf8_lossy(data))
        }
        Event::Failure { agent_id, executor_id: None, .. } => format!("failure of {agent_id}"),
        Event::Failure { agent_id, executor_id: Some(executor), status } => {
            format!("failure of {executor} on {agent_id} status={}", status.unwrap_or(-1))
        }
        Event::InverseOffers(offers) => {
            let one = |offer: &InverseOffer| {
                format!("inverse offer {} {} {}", offer.id, offer.agent_id, unavailability(offer.unavailability))
            };
            return offers.iter().map(one).collect();
        }
        Event::RescindInverseOffer(id) => format!("rescind inverse {id}"),
        Event::Error(rejection) => format!("error {rejection}"),
        Event::Heartbeat { received } => format!("heartbeat received={received}"),
        other => format!("{other:?}"),
    };
    vec![line]
}

fn offer(offer: &Offer) -> String {
    let mut line = format!("offer {} {} {} {}", offer.id, offer.agent_id, offer.role, offer.resources);
    if !offer.executor_ids.is_empty() {
        let ids: Vec<&str> = offer.executor_ids.iter().map(AsRef::as_ref).collect();
        let _ = write!(line, " executors={}", ids.join(","));
    }
    if let Some(at) = offer.unavailability {
        let _ = write!(line, " unavailable {}", unavailability(at));
    }
    line
}

/// News of a task.
pub(super) fn status(names: &mut Names, status: &TaskStatus) -> String {
    let mut line = format!("{} {}", status.task_id, status.state);
    if let Some(uuid) = status.uuid {
        let _ = write!(line, " {}", names.name(uuid));
    }
    let _ = write!(line, " source={}", format!("{:?}", status.source).to_uppercase());
    if let Some(reason) = status.reason {
        let name = serde_json::to_value(reason).unwrap_or_default();
        let _ = write!(line, " reason={}", name.as_str().unwrap_or("?"));
    }
    if let Some(agent) = &status.agent_id {
        let _ = write!(line, " agent={agent}");
    }
    if let Some(executor) = &status.executor_id {
        let _ = write!(line, " executor={executor}");
    }
    if let Some(since) = status.unreachable_since_wall {
        let _ = write!(line, " unreachable_since={}s", since.as_secs());
    }
    if let Some(healthy) = status.healthy {
        let _ = write!(line, " healthy={healthy}");
    }
    if let Some(found) = status.check_status {
        let _ = write!(line, " check={}", check_status(found));
    }
    for label in status.labels.as_slice() {
        let _ = write!(line, " label={}:{}", label.key, label.value.as_deref().unwrap_or_default());
    }
    if let Some(limitation) = &status.limitation {
        let _ = write!(line, " limitation={limitation}");
    }
    if let Some(message) = &status.message {
        let _ = write!(line, " \"{message}\"");
    }
    line
}

fn check_status(status: CheckStatus) -> String {
    let (kind, found) = match status {
        CheckStatus::Command(code) => ("command", code.map(|code| code.to_string())),
        CheckStatus::Http(status) => ("http", status.map(|status| status.to_string())),
        CheckStatus::Tcp(connects) => ("tcp", connects.map(|connects| connects.to_string())),
        other => return format!("{other:?}"),
    };
    format!("{kind}:{}", found.as_deref().unwrap_or("nothing"))
}

/// News of an operation.
pub(super) fn operation_status(names: &mut Names, status: &OperationStatus) -> String {
    let mut line = format!("{} {}", status.id, status.state);
    if let Some(uuid) = status.uuid {
        let _ = write!(line, " {}", names.name(uuid));
    }
    if !status.converted.is_empty() {
        let _ = write!(line, " made={}", status.converted);
    }
    if let Some(agent) = &status.agent_id {
        let _ = write!(line, " agent={agent}");
    }
    if let Some(message) = &status.message {
        let _ = write!(line, " \"{message}\"");
    }
    line
}

/// What the master tells an agent.
pub(super) fn to_agent(names: &mut Names, message: &ToAgent) -> String {
    match message {
        ToAgent::Registered { agent_id, .. } => format!("registered {agent_id}"),
        ToAgent::Reregistered { agent_id, missing, .. } => {
            let missing: Vec<String> = missing.iter().map(|(framework, task)| format!("{framework}/{task}")).collect();
            let missing = if missing.is_empty() { String::new() } else { format!(" missing={}", missing.join(",")) };
            format!("reregistered {agent_id}{missing}")
        }
        ToAgent::Ping { received } => format!("ping received={received}"),
        ToAgent::RunGroup(run) => {
            let tasks: Vec<String> = run.tasks.iter().map(|own| task(own)).collect();
            format!("run-group {} {} {}", run.framework_id, run.role, tasks.join(" + "))
        }
        ToAgent::Run(run) => format!("run {} {} {}", run.framework_id, run.role, task(&run.task)),
        ToAgent::Kill { framework_id, task_id, policy } => {
            format!("kill {framework_id} {task_id}{}", grace(policy.as_ref()))
        }
        ToAgent::Acknowledge { framework_id, task_id, uuid } => {
            format!("acknowledge {framework_id} {task_id} {}", names.name(*uuid))
        }
        ToAgent::ShutdownExecutor { framework_id, executor_id } => {
            format!("shutdown-executor {framework_id} {executor_id}")
        }
        ToAgent::ShutdownFramework { framework_id } => format!("shutdown-framework {framework_id}"),
        ToAgent::UpdateFramework { framework_id, info } => {
            format!("update-framework {framework_id} name={}", info.name)
        }
        ToAgent::SetTotal { total } => format!("set-total {total}"),
        ToAgent::Apply(apply) => {
            let own = &apply.operation;
            let what = operation(&own.operation);
            format!("apply {} {} {} {what} total={}", apply.framework_id, own.id, names.name(own.uuid), apply.total)
        }
        ToAgent::AcknowledgeOperation { framework_id, uuid } => {
            format!("acknowledge-operation {framework_id} {}", names.name(*uuid))
        }
        ToAgent::Message { framework_id, executor_id, data } => {
            format!("message from {framework_id} for {executor_id}: {}", String::from_utf8_lossy(data))
        }
        ToAgent::Shutdown(rejection) => format!("shutdown {rejection}"),
        other => format!("{other:?}"),
    }
}

/// What an agent tells an executor's process.
pub(super) fn to_executor(event: &ExecutorEvent) -> String {
    match event {
        ExecutorEvent::Launch(own) => format!("LAUNCH {}", task(own)),
        ExecutorEvent::LaunchGroup(tasks) => {
            let tasks: Vec<String> = tasks.iter().map(|own| task(own)).collect();
            format!("LAUNCH_GROUP {}", tasks.join(" + "))
        }
        ExecutorEvent::Kill { task_id, policy } => {
            format!("KILL {task_id} grace={}", policy.grace.map_or_else(|| "-".into(), span))
        }
        ExecutorEvent::Acknowledged { task_id, uuid } => format!("ACKNOWLEDGED {task_id} {}", uuid.0),
        ExecutorEvent::Message(data) => format!("MESSAGE {}", String::from_utf8_lossy(data)),
        ExecutorEvent::Shutdown { grace } => format!("SHUTDOWN grace={}", span(*grace)),
        other => other.name().into(),
    }
}

/// What an agent tells the master.
pub(super) fn to_master(names: &mut Names, message: &ToMaster) -> String {
    match message {
        ToMaster::Register { total, .. } => format!("register {total}"),
        ToMaster::Reregister(report) => reregistration(report),
        ToMaster::Pong => "pong".into(),
        ToMaster::Update { framework_id, status: news, latest } => {
            let latest = if *latest == news.state { String::new() } else { format!(" latest={latest}") };
            format!("update {framework_id} {}{latest}", status(names, news))
        }
        ToMaster::ExecutorExited { framework_id, executor_id, status } => {
            format!("executor-exited {framework_id} {executor_id} status={status}")
        }
        ToMaster::Message { framework_id, executor_id, data } => {
            format!("message from {executor_id} for {framework_id}: {}", String::from_utf8_lossy(data))
        }
        ToMaster::OperationUpdate { framework_id, status } => {
            format!("operation {framework_id} {}", operation_status(names, status))
        }
        ToMaster::Unregister => "unregister".into(),
        other => format!("{other:?}"),
    }
}

fn reregistration(report: &Reregistration) -> String {
    let mut line = format!("reregister {} {}", report.agent_id, report.total);
    for task in &report.tasks {
        let told = task.told.map_or_else(String::new, |told| format!(" told={told}"));
        let _ = write!(line, " task({}/{} {}{told})", task.framework_id, task.info.id, task.state);
    }
    for executor in &report.executors {
        let _ = write!(line, " executor({}/{})", executor.framework_id, executor.info.id);
    }
    for report in &report.operations {
        let _ = write!(line, " operation({}/{} {})", report.framework_id, report.operation.id, report.state);
    }
    line
}

/// What a framework tells the master.
pub(super) fn call(names: &mut Names, call: &Call) -> String {
    match call {
        Call::Subscribe { info, suppressed, constraints } => {
            let id = info.id.as_ref().map_or_else(String::new, |id| format!(" id={id}"));
            format!("subscribe {}{id}{}", info.name, wishes(info, suppressed, constraints))
        }
        Call::UpdateFramework { info, suppressed, constraints } => {
            format!("update-framework {}{}", info.name, wishes(info, suppressed, constraints))
        }
        Call::AcceptInverseOffers { offers, filters } => {
            let offers: Vec<&str> = offers.iter().map(AsRef::as_ref).collect();
            format!("accept-inverse {}{}", offers.join(","), refusal(*filters))
        }
        Call::DeclineInverseOffers { offers, filters } => {
            let offers: Vec<&str> = offers.iter().map(AsRef::as_ref).collect();
            format!("decline-inverse {}{}", offers.join(","), refusal(*filters))
        }
        Call::Teardown => "teardown".into(),
        Call::Accept { offers, operations, filters } => {
            let offers: Vec<&str> = offers.iter().map(AsRef::as_ref).collect();
            let operations: String = operations.iter().map(|own| format!(" {}", operation(own))).collect();
            format!("accept {}{operations}{}", offers.join(","), refusal(*filters))
        }
        Call::Decline { offers, filters } => {
            let offers: Vec<&str> = offers.iter().map(AsRef::as_ref).collect();
            format!("decline {}{}", offers.join(","), refusal(*filters))
        }
        Call::Revive { roles } => format!("revive{}", named_roles("roles", roles.iter())),
        Call::Suppress { roles } => format!("suppress{}", named_roles("roles", roles.iter())),
        Call::Kill { task_id, agent_id, policy } => {
            let agent = agent_id.as_ref().map_or_else(String::new, |id| format!(" agent={id}"));
            format!("kill {task_id}{agent}{}", grace(policy.as_ref()))
        }
        Call::Shutdown { executor_id, agent_id } => format!("shutdown {executor_id} {agent_id}"),
        Call::Acknowledge { task_id, agent_id, uuid } => {
            format!("acknowledge {task_id} {agent_id} {}", names.name(*uuid))
        }
        Call::Reconcile { tasks } => format!("reconcile {}", questions(tasks)).trim_end().to_owned(),
        Call::AcknowledgeOperation { operation_id, agent_id, uuid } => {
            format!("acknowledge-operation {operation_id} {agent_id} {}", names.name(*uuid))
        }
        Call::ReconcileOperations { operations } => {
            format!("reconcile-operations {}", questions(operations)).trim_end().to_owned()
        }
        Call::Message { executor_id, agent_id, data } => {
            format!("message for {executor_id} on {agent_id}: {}", String::from_utf8_lossy(data))
        }
        other => format!("{other:?}"),
    }
}

fn wishes(info: &FrameworkInfo, suppressed: &BTreeSet<Role>, constraints: &OfferConstraints) -> String {
    let (roles, suppressed) = (named_roles("roles", info.roles.iter()), named_roles("suppressed", suppressed.iter()));
    format!("{roles}{suppressed}{}", named_roles("constrained", constraints.by_role.keys()))
}

fn questions<I: std::fmt::Display>(asked: &[(I, Option<AgentId>)]) -> String {
    let one = |(task, agent): &(I, Option<AgentId>)| match agent {
        Some(agent) => format!("{task}@{agent}"),
        None => task.to_string(),
    };
    asked.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn operation(operation: &Operation) -> String {
    match operation {
        Operation::Launch(tasks) => {
            let tasks: Vec<String> = tasks.iter().map(|own| format!("launch({})", task(own))).collect();
            tasks.join(" ")
        }
        Operation::LaunchGroup(tasks) => {
            let tasks: Vec<String> = tasks.iter().map(|own| task(own)).collect();
            format!("launch-group({})", tasks.join(" + "))
        }
        Operation::Reserve(entries) => format!("reserve({entries})"),
        Operation::Unreserve(entries) => format!("unreserve({entries})"),
        Operation::Create(volumes) => format!("create({volumes})"),
        Operation::Destroy(volumes) => format!("destroy({volumes})"),
        Operation::Tracked { id, operation: done } => format!("{id}={}", self::operation(done)),
        other => format!("{other:?}"),
    }
}

/// A task's id and what it uses.
pub(super) fn task(task: &TaskInfo) -> String {
    let executor = match &task.run {
        TaskRun::InGroup { executor, group, .. } => format!(" executor={} group={group}", executor.id),
        run => run.executor().map(|info| format!(" executor={}", info.id)).unwrap_or_default(),
    };
    format!("{} {}{executor}", task.id, task.resources)
}

fn named_roles<'a>(name: &str, roles: impl Iterator<Item = &'a Role>) -> String {
    let roles: Vec<&str> = roles.map(Role::as_str).collect();
    if roles.is_empty() { String::new() } else { format!(" {name}={}", roles.join(",")) }
}

fn grace(policy: Option<&KillPolicy>) -> String {
    policy.and_then(|policy| policy.grace).map_or_else(String::new, |grace| format!(" grace={}", span(grace)))
}

fn refusal(filters: Filters) -> String {
    if filters == Filters::default() { String::new() } else { format!(" refuse={}", span(filters.refuse_for)) }
}

/// A time span in seconds, with as many decimals as it needs.
/// What a quota promises and allows.
pub(super) fn quota(quota: &Quota) -> String {
    match (quota.guarantees().is_empty(), quota.limits().is_empty()) {
        (true, true) => "no quota".into(),
        (false, true) => format!("guarantee={}", quota.guarantees()),
        (true, false) => format!("limit={}", quota.limits()),
        (false, false) => format!("guarantee={} limit={}", quota.guarantees(), quota.limits()),
    }
}

pub(super) fn span(span: Duration) -> String {
    format!("{}s", span.as_secs_f64())
}

/// The keys of a batch; `values` of records whose value tells something.
pub(super) fn changes(changes: &[Change]) -> String {
    let one = |change: &Change| match change {
        Change::Put(record) => format!("put {}", record.key),
        Change::Delete(key) => format!("delete {key}"),
    };
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Whether a state needs an executor's word; for views.
pub(super) fn told(state: TaskState, told: TaskState) -> String {
    if state == told { state.to_string() } else { format!("{state} told={told}") }
}
