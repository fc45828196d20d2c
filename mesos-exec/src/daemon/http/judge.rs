//! Who may have what of the agent: calls and sandboxes are judged by what is asked for.
//!
//! Executors act for themselves: by the claims of its token one may speak at `/api/v1/executor`, and start, watch and end
//! containers beside its own at `/api/v1`, for as long as its own lives; nothing else, whatever the access lists say of others.
//! A sandbox, and a container beside a task, belong to the framework: whoever may see or use those of its principal may have
//! them.

use std::sync::Arc;

use mesos_core::net::auth::{Action, Authorizer};
use mesos_core::net::http::{Caller, Refusal};
use mesos_core::wire::v1;
use mesos_core::{ContainerId, ExecutorId, FrameworkId, Principal};
use v1::agent::Call;
use v1::agent::call::Type;

use super::super::{ExecutorDoor, FrameworkOwners};
use super::containers::nest;
use crate::agent::Speaker;

/// Where the agent's own log is shown.
const LOGS: [&str; 2] = ["/slave/log", "/agent/log"];

/// Judges what is asked for.
#[derive(Debug, Clone)]
pub(in crate::daemon) struct Judge {
    pub(in crate::daemon) authorizer: Arc<dyn Authorizer>,
    pub(in crate::daemon) owners: FrameworkOwners,
    pub(in crate::daemon) executors: ExecutorDoor,
}

impl Judge {
    fn demand(&self, caller: &Caller, action: Action, object: Option<&str>) -> Result<(), Refusal> {
        self.authorizer.demand(caller, action, object).map_err(|why| Refusal::forbidden(why.to_string()))
    }

    /// A call of the operator API.
    pub(super) async fn call(&self, caller: &Caller, call: &Call) -> Result<(), Refusal> {
        if let Some(executor) = proven(caller)? {
            return self.executor(&executor, call).await;
        }
        let demand = |action| self.demand(caller, action, None);
        match call.r#type() {
            Type::GetHealth | Type::GetVersion => Ok(()),
            Type::GetFlags => demand(Action::ViewFlags),
            Type::GetMetrics | Type::GetLoggingLevel | Type::Unknown => {
                self.demand(caller, Action::GetEndpoint, Some("/metrics"))
            }
            Type::SetLoggingLevel => demand(Action::SetLogLevel),
            Type::ListFiles => self.sandbox(caller, call.list_files.as_ref().map(|list| &*list.path)).await,
            Type::ReadFile => self.sandbox(caller, call.read_file.as_ref().map(|read| &*read.path)).await,
            // These leave out what may not be seen.
            Type::GetState
            | Type::GetContainers
            | Type::GetFrameworks
            | Type::GetExecutors
            | Type::GetOperations
            | Type::GetTasks => Ok(()),
            Type::GetAgent => demand(Action::ViewAgent),
            // Starts, ends and attaches to containers, and whatever a newer API can do.
            _ => {
                let owner = match beside(call) {
                    Some(Beside { parent, .. }) => self.owners.of_container(parent).await,
                    None => None,
                };
                self.demand(caller, Action::UseNestedContainer, owner.as_ref().map(Principal::as_str))?;
                self.user(caller, call).await
            }
        }
    }

    /// Whoever may have a container may have it run as what lies beside it does. As anybody else, and as the agent's own user
    /// where nothing lies beside it, only who may run tasks so.
    async fn user(&self, caller: &Caller, call: &Call) -> Result<(), Refusal> {
        let Some(named) = user_of(call) else { return Ok(()) };
        let is_its_own = match (beside(call), named) {
            (Some(_), None) => true,
            (Some(Beside { parent, .. }), Some(user)) => self.owners.runs_as(parent, user.to_owned()).await,
            (None, _) => false,
        };
        if is_its_own { Ok(()) } else { self.demand(caller, Action::RunTask, named) }
    }

    /// An executor may do what concerns containers beside its own, and beside those, while its own runs.
    async fn executor(&self, executor: &Speaker, call: &Call) -> Result<(), Refusal> {
        if beside(call).is_none_or(|beside| Some(&beside.outermost) != executor.container_id.as_ref()) {
            let text = format!(
                "these are the credentials of executor {} of framework {}: they are good for /api/v1/executor, and for \
                 containers beside its own",
                executor.executor_id, executor.framework_id
            );
            return Err(Refusal::forbidden(text));
        }
        self.executors.check(executor.clone()).await.map_err(|why| match Refusal::from(why) {
            // Nobody has these credentials any more.
            gone if gone.status.as_u16() == 400 => Refusal::forbidden(gone.text),
            other => other,
        })?;
        let (Some(own), Some(Some(user))) = (&executor.container_id, user_of(call)) else { return Ok(()) };
        if self.owners.runs_as(own.clone(), user.to_owned()).await {
            return Ok(());
        }
        let text = format!(
            "executor {} may not run a container as {user:?}: neither its framework, nor its own command, nor a task of it \
             names that user",
            executor.executor_id
        );
        Err(Refusal::forbidden(text))
    }

    /// Reading below the sandbox of a framework, or anywhere else.
    pub(in crate::daemon) async fn sandbox(&self, caller: &Caller, path: Option<&str>) -> Result<(), Refusal> {
        if proven(caller)?.is_some() {
            return Err(Refusal::forbidden("an executor's credentials are not good for files"));
        }
        if path.is_some_and(|path| LOGS.contains(&path.trim_end_matches('/'))) {
            return self.demand(caller, Action::AccessMesosLog, None);
        }
        let mut parts = path.unwrap_or_default().split('/').skip_while(|part| *part != "frameworks").skip(1);
        let owner = match parts.next().map(FrameworkId::new) {
            Some(Ok(framework)) if !path.unwrap_or_default().split('/').any(|part| part == "..") => {
                self.owners.find(framework).await
            }
            _ => None,
        };
        self.demand(caller, Action::AccessSandbox, owner.as_ref().map(Principal::as_str))
    }
}

/// The executor somebody proved to be, if it is one.
///
/// # Errors
/// 403 when the claims are none an agent makes.
pub(super) fn proven(caller: &Caller) -> Result<Option<Speaker>, Refusal> {
    let claim = |name: &str| caller.claims.get(name).cloned();
    let (Some(framework), Some(executor), Some(container)) = (claim("fid"), claim("eid"), claim("cid")) else {
        return Ok(None);
    };
    let wrong =
        |error: &dyn std::fmt::Display| Refusal::forbidden(format!("the credentials name no executor: {error}"));
    Ok(Some(Speaker {
        framework_id: FrameworkId::new(framework).map_err(|error| wrong(&error))?,
        executor_id: ExecutorId::new(executor).map_err(|error| wrong(&error))?,
        container_id: Some(ContainerId::new(container).map_err(|error| wrong(&error))?),
    }))
}

/// As whom a call starts a container, if it is one: the user it names, if it names one.
fn user_of(call: &Call) -> Option<Option<&str>> {
    // In the order in which they count where several are said.
    let commands = [
        call.launch_container.as_ref().map(|launch| &launch.command),
        call.launch_nested_container.as_ref().map(|launch| &launch.command),
        call.launch_nested_container_session.as_ref().map(|launch| &launch.command),
    ];
    let command = commands.into_iter().flatten().next()?;
    Some(command.as_ref().and_then(|command| command.user.as_deref()))
}

/// Where a container lies that a call is about.
struct Beside {
    /// Beside this one, as the agent calls it.
    parent: ContainerId,
    /// That is this one, or lies beside it, or beside one that does.
    outermost: ContainerId,
}

/// The container beside which a call wants something, if it is about such a one.
fn beside(call: &Call) -> Option<Beside> {
    let ids = [
        call.launch_container.as_ref().map(|call| &call.container_id),
        call.launch_nested_container.as_ref().map(|call| &call.container_id),
        call.launch_nested_container_session.as_ref().map(|call| &call.container_id),
        call.wait_container.as_ref().map(|call| &call.container_id),
        call.wait_nested_container.as_ref().map(|call| &call.container_id),
        call.kill_container.as_ref().map(|call| &call.container_id),
        call.kill_nested_container.as_ref().map(|call| &call.container_id),
        call.remove_container.as_ref().map(|call| &call.container_id),
        call.remove_nested_container.as_ref().map(|call| &call.container_id),
        call.attach_container_output.as_ref().map(|call| &call.container_id),
        call.attach_container_input.as_ref().and_then(|call| call.container_id.as_ref()),
    ];
    let mut named = ids.into_iter().flatten();
    let (Some(id), None) = (named.next(), named.next()) else { return None };
    let mut outermost = id.parent.as_deref()?;
    while let Some(outer) = outermost.parent.as_deref() {
        outermost = outer;
    }
    Some(Beside { outermost: ContainerId::new(&*outermost.value).ok()?, parent: nest(id.clone()).ok()?.parent? })
}
