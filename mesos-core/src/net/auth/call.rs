//! Which calls need which permission.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Extensions;

use super::{Action, Authorizer, PART_CLAIM, RateLimits};
use crate::call::agent::ToMaster;
use crate::call::{operator, scheduler};
use crate::error::{Rejection, RejectionCode};
use crate::framework::FrameworkInfo;
use crate::id::Principal;
use crate::net::grpc::{Admit, Judge, Pace};
use crate::net::http::Caller;
use crate::net::tls::Part;
use crate::operation::Operation;
use crate::resource::{Reservation, Reservations, Resource, Resources};

/// Judges a framework's call, and puts into a description who the framework proved to be. Of an ACCEPT, operations that are
/// not allowed become [`Operation::Unauthorized`]: the call goes on, so that its offers are used up or come back.
///
/// What undoes reservations and volumes is judged for whom each of them belongs to.
///
/// # Errors
/// Says what is not allowed.
pub fn judge_scheduler(
    authorizer: &dyn Authorizer,
    caller: &Caller,
    call: &mut scheduler::Call,
) -> Result<(), Rejection> {
    match call {
        scheduler::Call::Subscribe { info, .. } | scheduler::Call::UpdateFramework { info, .. } => {
            refuse_agents(caller)?;
            identify(caller, info)?;
            for role in &info.roles {
                authorizer.demand(caller, Action::RegisterFramework, Some(role.as_str()))?;
            }
            // Who names no user runs tasks as the agents' own, of which only rules about all users speak.
            let user = Some(&*info.user).filter(|user| !user.is_empty());
            authorizer.demand(caller, Action::RunTask, user)
        }
        // The call itself is the framework's own affair: offers it names are its to use or give back.
        scheduler::Call::Accept { operations, .. } => {
            let asked = std::mem::take(operations);
            operations.extend(asked.into_iter().flat_map(|operation| sort_out(authorizer, caller, operation)));
            Ok(())
        }
        // A framework's own affairs, which it may see to since it may subscribe.
        _ => Ok(()),
    }
}

/// An agent's certificate is on every machine: whoever breaks into one shall not become a framework.
fn refuse_agents(caller: &Caller) -> Result<(), Rejection> {
    if caller.claims.get(PART_CLAIM).is_some_and(|part| part == Part::Agent.name()) {
        let what = "an agent is no framework";
        return Err(Rejection::new(RejectionCode::NotYours, what, "use a framework's identity"));
    }
    Ok(())
}

/// Somebody who proved to be a principal subscribes as that one and no other.
fn identify(caller: &Caller, info: &mut FrameworkInfo) -> Result<(), Rejection> {
    let Some(proved) = &caller.principal else { return Ok(()) };
    match &info.principal {
        Some(said) if said != proved => {
            let what = format!("the framework says it is {said} and proved to be {proved}");
            Err(Rejection::new(RejectionCode::NotYours, what, "leave principal out, or authenticate as it"))
        }
        Some(_) => Ok(()),
        None => {
            info.principal = Some(proved.clone());
            Ok(())
        }
    }
}

/// An operation with what is not allowed of it set apart: the master refuses that, and does the rest.
fn sort_out(authorizer: &dyn Authorizer, caller: &Caller, operation: Operation) -> Vec<Operation> {
    let refuse = |operation, why| Operation::Unauthorized { operation: Box::new(operation), why };
    match operation {
        // Each task is judged alone.
        Operation::Launch(tasks) => {
            let mut sorted: Vec<Operation> = Vec::with_capacity(1);
            for task in tasks {
                let alone = Operation::Launch(vec![task]);
                match (judge_operation(authorizer, caller, &alone), sorted.last_mut()) {
                    (Ok(()), Some(Operation::Launch(allowed))) => allowed.extend_from_slice(alone.tasks()),
                    (Ok(()), _) => sorted.push(alone),
                    (Err(why), _) => sorted.push(refuse(alone, why)),
                }
            }
            sorted
        }
        // What is said of it is said under its id.
        Operation::Tracked { id, operation } => match judge_operation(authorizer, caller, &operation) {
            Ok(()) => vec![operation.tracked(id)],
            Err(why) => vec![refuse(operation.tracked(id), why)],
        },
        // Only the door says that something is not allowed.
        Operation::Unauthorized { operation, .. } => sort_out(authorizer, caller, *operation),
        operation => match judge_operation(authorizer, caller, &operation) {
            Ok(()) => vec![operation],
            Err(why) => vec![refuse(operation, why)],
        },
    }
}

fn judge_operation(authorizer: &dyn Authorizer, caller: &Caller, operation: &Operation) -> Result<(), Rejection> {
    match operation {
        Operation::Launch(tasks) | Operation::LaunchGroup(tasks) => {
            let users: BTreeSet<_> = tasks.iter().flat_map(|task| task.users()).collect();
            users.into_iter().try_for_each(|user| authorizer.demand(caller, Action::RunTask, Some(user)))
        }
        Operation::Reserve(resources) => {
            tops(resources).try_for_each(|(role, _)| authorizer.demand(caller, Action::ReserveResources, Some(&role)))
        }
        Operation::Unreserve(resources) => tops(resources).try_for_each(|(_, principal)| {
            authorizer.demand(caller, Action::UnreserveResources, principal.as_ref().map(Principal::as_str))
        }),
        Operation::Create(volumes) => {
            tops(volumes).try_for_each(|(role, _)| authorizer.demand(caller, Action::CreateVolume, Some(&role)))
        }
        Operation::GrowVolume { volume, .. } | Operation::ShrinkVolume { volume, .. } => {
            tops(volume).try_for_each(|(role, _)| authorizer.demand(caller, Action::ResizeVolume, Some(&role)))
        }
        Operation::Destroy(volumes) => volumes.iter().try_for_each(|volume| {
            let creator = volume.disk_info().and_then(|disk| disk.persistence.as_ref()?.principal.clone());
            authorizer.demand(caller, Action::DestroyVolume, creator.as_ref().map(Principal::as_str))
        }),
        Operation::Tracked { operation, .. } => judge_operation(authorizer, caller, operation),
        Operation::Unauthorized { why, .. } => Err(why.clone()),
    }
}

/// The role and the principal of each entry's top reservation.
fn tops(resources: &Resources) -> impl Iterator<Item = (String, Option<Principal>)> {
    resources.iter().filter_map(|entry| {
        let top = entry.reservations().as_slice().last()?;
        Some((top.role.as_str().to_owned(), top.principal.clone()))
    })
}

/// How many reservations all entries of both have in common, from the lowest on.
fn common(source: &Resources, target: &Resources) -> usize {
    let stacks = || source.iter().chain(target.iter()).map(|entry| entry.reservations().clone());
    let Some(first) = stacks().next() else { return 0 };
    let with_first = |other: Reservations| {
        first.as_slice().iter().zip(other.as_slice()).take_while(|(own, other)| own == other).count()
    };
    stacks().map(with_first).min().unwrap_or_default()
}

/// The reservations of an entry above so many.
fn above(entry: &Resource, kept: usize) -> Vec<Reservation> {
    entry.reservations().as_slice().iter().skip(kept).cloned().collect()
}

/// Judges an operator's call. `owner` says whose framework one is.
///
/// # Errors
/// Says what is not allowed.
pub fn judge_operator(
    authorizer: &dyn Authorizer,
    caller: &Caller,
    call: &operator::Call,
    owner: &dyn Fn(&crate::id::FrameworkId) -> Option<Principal>,
) -> Result<(), Rejection> {
    use operator::Call;
    let demand = |action, object: Option<&str>| authorizer.demand(caller, action, object);
    let of = |id| owner(id).map(|principal| principal.as_str().to_owned());
    match call {
        Call::UpdateWeights(weights) => {
            weights.keys().try_for_each(|role| demand(Action::UpdateWeight, Some(role.as_str())))
        }
        Call::UpdateQuota { quotas, .. } => {
            quotas.keys().try_for_each(|role| demand(Action::UpdateQuota, Some(role.as_str())))
        }
        Call::GetQuota => demand(Action::GetQuota, None),
        Call::Explain { framework_id, .. } | Call::Preemptions { framework_id, .. } => {
            demand(Action::Explain, of(framework_id).as_deref())
        }
        Call::Teardown(framework_id) => demand(Action::TeardownFramework, of(framework_id).as_deref()),
        Call::MarkAgentGone(id) => demand(Action::MarkAgentGone, Some(id.as_str())),
        Call::DrainAgent { agent_id, .. } => demand(Action::DrainAgent, Some(agent_id.as_str())),
        Call::DeactivateAgent(id) => demand(Action::DeactivateAgent, Some(id.as_str())),
        Call::ReactivateAgent(id) => demand(Action::ReactivateAgent, Some(id.as_str())),
        Call::UpdateMaintenanceSchedule(_) | Call::UpdateWhitelist(_) => {
            demand(Action::UpdateMaintenanceSchedule, None)
        }
        Call::GetMaintenanceSchedule => demand(Action::GetMaintenanceSchedule, None),
        Call::GetMaintenanceStatus => demand(Action::GetMaintenanceStatus, None),
        Call::StartMaintenance(_) => demand(Action::StartMaintenance, None),
        Call::StopMaintenance(_) => demand(Action::StopMaintenance, None),
        Call::Reserve { source, resources, .. } if source.is_empty() => {
            tops(resources).try_for_each(|(role, _)| demand(Action::ReserveResources, Some(&role)))
        }
        Call::Reserve { source, resources, .. } => {
            let kept = common(source, resources);
            let undone = source.iter().flat_map(|entry| above(&entry, kept));
            let made = resources.iter().flat_map(|entry| above(&entry, kept));
            undone.map(|reservation| reservation.principal).try_for_each(|principal| {
                demand(Action::UnreserveResources, principal.as_ref().map(Principal::as_str))
            })?;
            made.map(|reservation| reservation.role)
                .try_for_each(|role| demand(Action::ReserveResources, Some(role.as_str())))
        }
        Call::CreateVolumes { volumes, .. } => {
            tops(volumes).try_for_each(|(role, _)| demand(Action::CreateVolume, Some(&role)))
        }
        Call::GrowVolume { volume, .. } | Call::ShrinkVolume { volume, .. } => {
            tops(volume).try_for_each(|(role, _)| demand(Action::ResizeVolume, Some(&role)))
        }
        Call::DestroyVolumes { volumes, .. } => volumes.iter().try_for_each(|volume| {
            let creator = volume.disk_info().and_then(|disk| disk.persistence.as_ref()?.principal.clone());
            demand(Action::DestroyVolume, creator.as_ref().map(Principal::as_str))
        }),
        Call::Unreserve { resources, .. } => tops(resources).try_for_each(|(_, principal)| {
            demand(Action::UnreserveResources, principal.as_ref().map(Principal::as_str))
        }),
    }
}

/// Puts into a registration who the agent proved to be. The master compares it with whom it admitted under the id.
fn sign(proved: Option<&Principal>, message: &mut ToMaster) {
    let info = match message {
        ToMaster::Register { info, .. } => info,
        ToMaster::Reregister(again) => &mut again.info,
        // What comes later counts for whoever registered on the same connection.
        _ => return,
    };
    if info.principal.as_ref() != proved {
        Arc::make_mut(info).principal = proved.cloned();
    }
}

/// Admits connections over gRPC by what an [`Authorizer`] allows to the [`Caller`] in a request's extensions, and lets nobody
/// call faster than [`RateLimits`] say.
#[derive(Debug, Clone)]
pub struct Doorman {
    authorizer: Arc<dyn Authorizer>,
    limits: Option<Arc<RateLimits>>,
}

impl Doorman {
    /// Without limits.
    #[must_use]
    pub fn new(authorizer: Arc<dyn Authorizer>) -> Self {
        Self { authorizer, limits: None }
    }

    /// With these, if any.
    #[must_use]
    pub fn limiting(self, limits: Option<Arc<RateLimits>>) -> Self {
        Self { limits, ..self }
    }
}

impl Admit for Doorman {
    fn agent(&self, who: &Extensions) -> Result<Judge<ToMaster>, Rejection> {
        let caller = who.get::<Caller>().cloned().unwrap_or_default();
        self.authorizer.demand(&caller, Action::RegisterAgent, caller.principal.as_ref().map(Principal::as_str))?;
        Ok(Box::new(move |message| {
            sign(caller.principal.as_ref(), message);
            Ok(())
        }))
    }

    fn scheduler(&self, who: &Extensions) -> Result<Judge<scheduler::Call>, Rejection> {
        let (authorizer, caller) = (self.authorizer.clone(), who.get::<Caller>().cloned().unwrap_or_default());
        refuse_agents(&caller)?;
        Ok(Box::new(move |call| judge_scheduler(&*authorizer, &caller, call)))
    }

    fn pace(&self, who: &Extensions) -> Option<Pace> {
        let limits = self.limits.clone()?;
        let principal = who.get::<Caller>().and_then(|caller| caller.principal.clone());
        Some(Box::new(move || limits.pace(principal.as_ref())))
    }
}
