//! The calls that look.

use std::sync::Arc;

use mesos_core::net::auth::Sight;
use mesos_core::net::http::Refusal;
use mesos_core::wire::convert::{quantities_to_wire, quotas_to_wire, weights_to_wire};
use mesos_core::wire::{API_VERSION, v1};
use v1::master::Response;
use v1::master::call::Type;
use v1::master::response::{self, Type as Kind};

use super::wire::{agents, executors, frameworks, operations, state, tasks};
use crate::daemon::http::Shared;
use crate::daemon::view::Snapshot;

/// An answer that is yet to be written.
pub(super) enum Late {
    /// It takes no time.
    Small(Box<Response>),
    /// It is as large as the cluster.
    Large(Box<dyn FnOnce() -> Response + Send>),
}

fn at_once(kind: Kind, fill: impl FnOnce(&mut Response)) -> Option<Late> {
    let mut response = Response { r#type: Some(kind.into()), ..Response::default() };
    fill(&mut response);
    Some(Late::Small(Box::new(response)))
}

fn of(
    snapshot: Arc<Snapshot>,
    kind: Kind,
    fill: impl FnOnce(&mut Response, &Snapshot) + Send + 'static,
) -> Option<Late> {
    Some(Late::Large(Box::new(move || {
        let mut response = Response { r#type: Some(kind.into()), ..Response::default() };
        fill(&mut response, &snapshot);
        response
    })))
}

/// What is read; nothing when the call is of another kind.
pub(super) async fn read(context: &Shared, sight: &Sight, kind: Type) -> Result<Option<Late>, Refusal> {
    Ok(match kind {
        Type::GetHealth => {
            at_once(Kind::GetHealth, |response| response.get_health = Some(response::GetHealth { healthy: true }))
        }
        Type::GetFlags => at_once(Kind::GetFlags, |response| {
            let flag = |(name, value): &(String, String)| v1::Flag { name: name.clone(), value: Some(value.clone()) };
            response.get_flags = Some(response::GetFlags { flags: context.flags.iter().map(flag).collect() });
        }),
        Type::GetVersion => at_once(Kind::GetVersion, |response| {
            let version_info = v1::VersionInfo { version: API_VERSION.to_owned(), ..v1::VersionInfo::default() };
            response.get_version = Some(response::GetVersion { version_info });
        }),
        Type::GetMetrics => {
            let metrics = context.metrics().await;
            at_once(Kind::GetMetrics, |response| {
                let metric = |(name, value)| v1::Metric { name, value: Some(value) };
                response.get_metrics =
                    Some(response::GetMetrics { metrics: metrics.into_iter().map(metric).collect() });
            })
        }
        Type::GetLoggingLevel => at_once(Kind::GetLoggingLevel, |response| {
            response.get_logging_level = Some(response::GetLoggingLevel { level: context.verbosity.level() });
        }),
        Type::GetMaster => at_once(Kind::GetMaster, |response| {
            response.get_master = Some(response::GetMaster {
                master_info: Some(context.address.to_wire(context.master.id())),
                start_time: Some(context.started),
                elected_time: context.elected(),
            });
        }),
        Type::GetState => of(context.seen_by(sight).await, Kind::GetState, |response, snapshot| {
            response.get_state = Some(state(snapshot));
        }),
        Type::GetAgents => of(context.seen_by(sight).await, Kind::GetAgents, |response, snapshot| {
            response.get_agents = Some(agents(snapshot));
        }),
        Type::GetFrameworks => of(context.seen_by(sight).await, Kind::GetFrameworks, |response, snapshot| {
            response.get_frameworks = Some(frameworks(snapshot));
        }),
        Type::GetExecutors => of(context.seen_by(sight).await, Kind::GetExecutors, |response, snapshot| {
            response.get_executors = Some(executors(snapshot));
        }),
        Type::GetTasks => of(context.seen_by(sight).await, Kind::GetTasks, |response, snapshot| {
            response.get_tasks = Some(tasks(snapshot));
        }),
        Type::GetOperations => of(context.seen_by(sight).await, Kind::GetOperations, |response, snapshot| {
            response.get_operations = Some(operations(snapshot));
        }),
        Type::GetRoles => {
            let weights = context.look(|master| master.registry().shared_weights()).await?;
            let (snapshot, sight) = (context.seen_by(sight).await, sight.clone());
            of(snapshot, Kind::GetRoles, move |response, snapshot| {
                let role = |(role, amounts): (mesos_core::Role, crate::daemon::view::RoleAmounts)| v1::Role {
                    name: role.as_str().to_owned(),
                    weight: weights.get(&role).copied().unwrap_or_default().into(),
                    frameworks: amounts.frameworks.iter().map(Into::into).collect(),
                    resources: quantities_to_wire(&amounts.allocated.quantities()),
                };
                let roles = snapshot.roles().into_iter().filter(|(name, _)| sight.sees_role(name)).map(role).collect();
                response.get_roles = Some(response::GetRoles { roles });
            })
        }
        Type::GetWeights => {
            let mut weights = context.weights().await?;
            weights.retain(|role, _| sight.sees_role(role));
            at_once(Kind::GetWeights, |response| {
                response.get_weights = Some(response::GetWeights { weight_infos: weights_to_wire(&weights) });
            })
        }
        Type::GetQuota => {
            let mut quotas = context.quotas().await?;
            quotas.retain(|role, _| sight.sees_quota(role));
            at_once(Kind::GetQuota, |response| {
                response.get_quota = Some(response::GetQuota { status: quotas_to_wire(&quotas) });
            })
        }
        Type::GetMaintenanceSchedule => {
            let schedule = context.schedule().await?;
            at_once(Kind::GetMaintenanceSchedule, |response| {
                let schedule = (&schedule).into();
                response.get_maintenance_schedule = Some(response::GetMaintenanceSchedule { schedule });
            })
        }
        Type::GetMaintenanceStatus => {
            let status = context.maintenance_status().await?;
            at_once(Kind::GetMaintenanceStatus, |response| {
                response.get_maintenance_status = Some(response::GetMaintenanceStatus { status: (&status).into() });
            })
        }
        _ => None,
    })
}

/// LIST_FILES and READ_FILE.
pub(super) async fn files(context: &Shared, call: v1::master::Call) -> Result<Response, Refusal> {
    let missing = |name: &str| Refusal::bad_request(format!("{name} is missing; set it"));
    let mut response = Response::default();
    if call.r#type() == Type::ListFiles {
        let list = call.list_files.ok_or_else(|| missing("list_files"))?;
        response.set_type(Kind::ListFiles);
        let file_infos = context.files.list(&list.path).await?;
        response.list_files = Some(response::ListFiles { file_infos });
    } else {
        let read = call.read_file.ok_or_else(|| missing("read_file"))?;
        response.set_type(Kind::ReadFile);
        let (size, data) = context.files.read(&read.path, read.offset, read.length).await?;
        response.read_file = Some(response::ReadFile { size, data });
    }
    Ok(response)
}
