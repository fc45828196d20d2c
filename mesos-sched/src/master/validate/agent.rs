//! What an agent may say it is, has and runs.
//!
//! An agent's total is what it was started with, in other forms: reserved at run time, made into volumes. So it can be
//! checked by undoing both. And what an agent that comes back says is in use must fit into its total, since the master
//! books it without a choice of its own.
//!
//! The same goes for descriptions: every one an agent brings along went through a master once, so one that breaks the rules
//! for descriptions was not made by this cluster. Then the agent is refused as a whole, as with a report that does not add
//! up: its connection ends, nothing of the report is booked, and whoever has tasks there hears that it is unreachable when
//! its time is up. To book the rest and leave the task out would leave what it uses to others while it runs.

use std::collections::BTreeSet;

use mesos_core::call::agent::{OperationReport, Reregistration};
use mesos_core::resource::{Disk, Range, Reservations, Resource, ResourceName, Value};
use mesos_core::{
    AgentInfo, AttributeValue, ExecutorId, FrameworkId, OperationId, OperationState, ProviderId, Rejection,
    RejectionCode, Resources, TaskId,
};

use super::bound::{
    AGENT_TEXT_BYTES_MAX, HOSTNAME_BYTES_MAX, REPORT_ENTRIES_MAX, check_bytes, check_resources_bytes, excerpt,
};
use super::task::{check_reported_executor, check_reported_task};
use super::usage::repeated_volume;

const CODE: RejectionCode = RejectionCode::InvalidAgent;

/// Checks an agent's description and its total.
///
/// # Errors
/// [`Rejection`] names what is wrong.
pub fn validate_agent(info: &AgentInfo, total: &Resources) -> Result<(), Rejection> {
    let who = format!("agent on {:?}", excerpt(&info.hostname));
    check_address(info, &who)?;
    check_texts(info, &who)?;
    check_resources_bytes(CODE, &who, &info.resources)?;
    check_resources_bytes(CODE, &who, total)?;
    check_declared(&info.resources, &who)?;
    check_distinct(total, &who)?;
    check_conserved(info, total, &who)
}

fn check_address(info: &AgentInfo, who: &str) -> Result<(), Rejection> {
    let name = &info.hostname;
    if name.is_empty() || name.len() > HOSTNAME_BYTES_MAX || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let what = format!("{who}: the host name has {} bytes, or white space or control characters", name.len());
        return Err(Rejection::new(CODE, what, format!("give a name of 1 to {HOSTNAME_BYTES_MAX} printable bytes")));
    }
    if info.port == 0 {
        return Err(Rejection::new(CODE, format!("{who}: its port is 0"), "give the port the agent listens on"));
    }
    Ok(())
}

fn check_texts(info: &AgentInfo, who: &str) -> Result<(), Rejection> {
    let domain = info.domain.as_ref().map_or(0, |domain| domain.region.len() + domain.zone.len());
    let value = |value: &AttributeValue| match value {
        AttributeValue::Scalar(_) => 8,
        AttributeValue::Ranges(ranges) => size_of_val(ranges.as_slice()),
        AttributeValue::Text(text) => text.len(),
    };
    let attributes = info.attributes.iter().map(|(name, found)| name.len() + value(found)).sum::<usize>();
    check_bytes(CODE, &who, "attributes and fault domain", attributes + domain, AGENT_TEXT_BYTES_MAX)
}

/// What an agent is started with comes about without anybody's doing at run time.
fn check_declared(declared: &Resources, who: &str) -> Result<(), Rejection> {
    let is_made_later = |entry: &Resource| {
        entry.is_dynamically_reserved() || entry.is_persistent_volume() || entry.is_revocable() || entry.is_shared()
    };
    let made_later = declared.filter(is_made_later);
    if made_later.is_empty() {
        return Ok(());
    }
    let what = format!("{who}: it declares {}, which comes about at run time only", excerpt(&made_later));
    Err(Rejection::new(
        CODE,
        what,
        "declare unreserved and statically reserved resources; report the others in the total",
    ))
}

/// No number, item or volume is there twice, say once reserved and once not.
fn check_distinct(total: &Resources, who: &str) -> Result<(), Rejection> {
    if total.is_plain() {
        return Ok(());
    }
    let entries: Vec<Resource> = once_each(total).collect();
    if let Some(entry) = repeated_volume(&entries) {
        let what = format!("{who}: there are two volumes like {}", excerpt(entry));
        return Err(Rejection::new(CODE, what, "a persistence id is unique per role on its agent"));
    }
    let mut ranges: Vec<(&ResourceName, Option<&ProviderId>, Range)> = Vec::new();
    let mut items: Vec<(&ResourceName, Option<&ProviderId>, &str)> = Vec::new();
    for entry in &entries {
        let (name, provider) = (entry.name(), entry.provider());
        match entry.value() {
            Value::Scalar(_) => {}
            Value::Ranges(own) => ranges.extend(own.as_slice().iter().map(|range| (name, provider, *range))),
            Value::Set(own) => items.extend(own.as_slice().iter().map(|item| (name, provider, &**item))),
        }
    }
    ranges.sort_unstable();
    items.sort_unstable();
    let overlaps = |pair: &&[(&ResourceName, Option<&ProviderId>, Range)]| {
        let [left, right] = pair else { return false };
        (left.0, left.1) == (right.0, right.1) && right.2.begin <= left.2.end
    };
    let number = ranges.windows(2).find(overlaps).map(|pair| (pair[1].0, pair[1].2.begin.to_string()));
    let item = || items.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| (pair[1].0, excerpt(&pair[1].2)));
    match number.or_else(item) {
        None => Ok(()),
        Some((name, twice)) => {
            let what = format!("{who}: {twice} of {name} is in its total twice");
            Err(Rejection::new(CODE, what, "reserve and declare every number and item once"))
        }
    }
}

/// The total is what was declared, in whatever form.
fn check_conserved(info: &AgentInfo, total: &Resources, who: &str) -> Result<(), Rejection> {
    let (declared, found) = (as_started(&info.resources)?, as_started(total)?);
    if declared == found {
        return Ok(());
    }
    let (missing, extra) = (&declared - &found, &found - &declared);
    let what = format!(
        "{who}: its total does not come of what it declares; missing are {:?}, without origin are {:?}",
        excerpt(&missing),
        excerpt(&extra),
    );
    Err(Rejection::new(CODE, what, "reserving and making volumes changes the form of resources, never the amount"))
}

/// The entries, a shared one once however many copies there are: they lie on one disk.
fn once_each(resources: &Resources) -> impl Iterator<Item = Resource> {
    let mut last_shared: Option<Resource> = None;
    resources.iter().filter(move |entry| {
        let is_copy = entry.is_shared() && last_shared.as_ref() == Some(entry);
        if entry.is_shared() {
            last_shared = Some(entry.clone());
        }
        !is_copy
    })
}

/// The same resources before anything was reserved or made into a volume at run time.
fn as_started(resources: &Resources) -> Result<Resources, Rejection> {
    if resources.is_plain() {
        return Ok(resources.clone());
    }
    let refuse = |error: mesos_core::resource::InvalidResources| {
        Rejection::new(CODE, excerpt(&error), "report resources that are valid without their reservations too")
    };
    Resources::from_entries(once_each(resources).map(|entry| entry_as_started(&entry))).map_err(refuse)
}

fn entry_as_started(entry: &Resource) -> Resource {
    let stack = entry.reservations().as_slice().iter();
    let declared = stack.take_while(|reservation| !reservation.is_dynamic()).cloned();
    let reservations = Reservations::new(declared).unwrap_or_default();
    let mut plain = Resource::new(entry.name().clone(), entry.value().clone()).with_reservations(reservations);
    if let Some(disk) = entry.disk_info().and_then(Disk::stripped) {
        plain = plain.with_disk(disk);
    }
    if let Some(provider) = entry.provider() {
        plain = plain.with_provider(provider.clone());
    }
    if entry.is_revocable() {
        plain = plain.revocable();
    }
    plain
}

/// Checks what an agent says when it comes back, beyond [`validate_agent`]: it is the one the registry admitted as
/// `admitted`, it did not grow, and what runs there fits.
///
/// # Errors
/// [`Rejection`] names what is wrong.
pub fn validate_reregistration(admitted: &AgentInfo, report: &Reregistration) -> Result<(), Rejection> {
    let who = format!("agent {}", report.agent_id);
    check_same_host(admitted, &report.info, &who)?;
    check_not_grown(admitted, report, &who)?;
    check_count(report, &who)?;
    check_names(report, &who)?;
    check_descriptions(report, &who)?;
    check_fits(report, &who)
}

fn check_count(report: &Reregistration, who: &str) -> Result<(), Rejection> {
    let count = report.frameworks.len() + report.tasks.len() + report.executors.len() + report.operations.len();
    if count <= REPORT_ENTRIES_MAX {
        return Ok(());
    }
    let what = format!("{who}: it reports {count} frameworks, tasks, executors and operations");
    Err(Rejection::new(CODE, what, format!("report at most {REPORT_ENTRIES_MAX}")))
}

fn check_descriptions(report: &Reregistration, who: &str) -> Result<(), Rejection> {
    let tasks = report.tasks.iter().map(|task| check_reported_task(&task.info));
    let executors = report.executors.iter().map(|executor| check_reported_executor(&executor.info));
    let refuse = |why: Rejection| Rejection::new(CODE, format!("{who}: {}", why.what), why.remedy);
    executors.chain(tasks).collect::<Result<(), _>>().map_err(refuse)
}

/// An id that turns up on another machine is a copied work directory: two agents with one identity.
fn check_same_host(admitted: &AgentInfo, info: &AgentInfo, who: &str) -> Result<(), Rejection> {
    if (&admitted.hostname, admitted.port) == (&info.hostname, info.port) {
        return Ok(());
    }
    let (old, new) = (excerpt(&admitted.hostname), excerpt(&info.hostname));
    let what = format!("{who}: it was admitted at {old}:{} and came back at {new}:{}", admitted.port, info.port);
    Err(Rejection::new(CODE, what, "start an agent elsewhere with an empty work directory, to register as a new one"))
}

fn check_not_grown(admitted: &AgentInfo, report: &Reregistration, who: &str) -> Result<(), Rejection> {
    let (before, after) = (admitted.resources.quantities(), report.total.quantities());
    if before.contains(&after) {
        return Ok(());
    }
    let (known, reported) = (excerpt(&admitted.resources), excerpt(&report.total));
    let what = format!("{who}: it was admitted with {known} and came back with {reported}, which is more");
    Err(Rejection::new(CODE, what, "start the agent with an empty work directory, to register with its new resources"))
}

/// Everything reported has one name, and this agent's.
fn check_names(report: &Reregistration, who: &str) -> Result<(), Rejection> {
    let refuse = |what: String, remedy| Err(Rejection::new(CODE, format!("{who}: {what}"), remedy));
    for (id, info) in &report.frameworks {
        if info.id.as_ref().is_some_and(|own| own != id) {
            return refuse(format!("framework {id} is described as another"), "report each framework under its own id");
        }
    }
    let mut tasks: BTreeSet<(&FrameworkId, &TaskId)> = BTreeSet::new();
    for task in &report.tasks {
        if task.info.agent_id != report.agent_id {
            let what = format!("task {} is meant for agent {}", task.info.id, task.info.agent_id);
            return refuse(what, "report the tasks of this agent only");
        }
        if !tasks.insert((&task.framework_id, &task.info.id)) {
            return refuse(format!("task {} is reported twice", task.info.id), "report each task once");
        }
    }
    let mut executors: BTreeSet<(&FrameworkId, &ExecutorId)> = BTreeSet::new();
    for executor in &report.executors {
        if !executors.insert((&executor.framework_id, &executor.info.id)) {
            return refuse(format!("executor {} is reported twice", executor.info.id), "report each executor once");
        }
    }
    let mut operations: BTreeSet<(&FrameworkId, &OperationId)> = BTreeSet::new();
    for OperationReport { framework_id, operation, state } in &report.operations {
        if !state.is_terminal() || *state == OperationState::GoneByOperator {
            let what = format!("operation {} is reported as {state}", operation.id);
            return refuse(what, "report how operations ended: FINISHED, FAILED, ERROR or DROPPED");
        }
        if !operations.insert((framework_id, &operation.id)) {
            return refuse(format!("operation {} is reported twice", operation.id), "report each operation once");
        }
    }
    Ok(())
}

/// Live tasks and executors together use no more than there is, and nothing exclusive twice.
fn check_fits(report: &Reregistration, who: &str) -> Result<(), Rejection> {
    let live = report.tasks.iter().filter(|task| !task.state.is_terminal());
    let tasks = live.map(|task| (task.info.id.as_str(), &task.info.resources));
    let executors = report.executors.iter().map(|executor| (executor.info.id.as_str(), &executor.info.resources));
    let mut free = report.total.non_shared();
    for (name, used) in executors.chain(tasks) {
        let exclusive = used.non_shared();
        if !free.contains(&exclusive) || !has_shared(&report.total, used) {
            let what = format!("{who}: {name} uses {}, but only {} is left", excerpt(used), excerpt(&free));
            return Err(Rejection::new(CODE, what, "report what is in use within the agent's total"));
        }
        free -= &exclusive;
    }
    Ok(())
}

/// Whether every shared volume in use is in the total; any number of tasks may use one.
fn has_shared(total: &Resources, used: &Resources) -> bool {
    used.is_plain() || used.filter(|entry| entry.is_shared() && total.copies(entry) == 0).is_empty()
}

#[cfg(test)]
mod tests;
