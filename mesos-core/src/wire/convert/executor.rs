//! Executors: their descriptions.

use std::collections::BTreeSet;
use std::time::Duration;

use super::resource::{ReservationForm, resources_from_wire, resources_to_wire};
use super::unset;
use super::value::{label_map, labels_of};
use crate::error::{Rejection, RejectionCode};
use crate::executor::{ExecutorInfo, ExecutorRun};
use crate::role::Role;
use crate::wire::v1;
use v1::executor_info::Type;

/// Marks a description that names an implementation inside the agent instead of a program. Mesos has none of that kind.
const BUILT_IN: &str = "built-in";

/// An executor, and the roles its resources say they are allocated to.
pub(super) fn executor_from_wire(executor: v1::ExecutorInfo) -> Result<(ExecutorInfo, BTreeSet<Role>), Rejection> {
    const CODE: RejectionCode = RejectionCode::InvalidTask;
    unset(executor.container.as_ref(), "a container image or network")?;
    let id = crate::id::ExecutorId::try_from(executor.executor_id.clone())?;
    let refuse = |what: &str, remedy: &str| Err(Rejection::new(CODE, format!("executor {id}: {what}"), remedy));
    // Amounts of nothing are what some clients send for what an executor does not need.
    let is_nothing = |entry: &v1::Resource| entry.scalar.is_some_and(|scalar| scalar.value == 0.0);
    let resources = executor.resources.iter().filter(|entry| !is_nothing(entry)).cloned().collect();
    let (resources, roles) = resources_from_wire(resources)?;
    let is_built_in = executor.source.as_deref() == Some(BUILT_IN);
    let run = match (executor.r#type(), executor.command.clone()) {
        (Type::Default, None) => ExecutorRun::Default,
        (Type::Default, Some(_)) => return refuse("one of type DEFAULT has no command", "leave the command out"),
        // Without a type it is what it was before there were types: a program.
        (_, Some(command)) => ExecutorRun::Custom(command.try_into()?),
        (_, None) if is_built_in => ExecutorRun::BuiltIn(executor.name.clone().unwrap_or_default().into()),
        (_, None) => return refuse("it has no command", "set command, or type to DEFAULT"),
    };
    let mut read = ExecutorInfo::custom(id, crate::container::CommandInfo::shell(""), resources);
    if !is_built_in {
        read.name = executor.name.unwrap_or_default().into();
    }
    read.run = run;
    read.labels = label_map(executor.labels);
    read.data = executor.data.unwrap_or_default().into();
    read.shutdown_grace = executor.shutdown_grace_period.map(Duration::try_from).transpose()?;
    Ok((read, roles))
}

impl TryFrom<v1::ExecutorInfo> for ExecutorInfo {
    type Error = Rejection;

    fn try_from(executor: v1::ExecutorInfo) -> Result<Self, Rejection> {
        executor_from_wire(executor).map(|(executor, _)| executor)
    }
}

impl From<&ExecutorInfo> for v1::ExecutorInfo {
    fn from(executor: &ExecutorInfo) -> Self {
        let (kind, name, source) = match &executor.run {
            ExecutorRun::Default => (Type::Default, &executor.name, None),
            ExecutorRun::Custom(_) => (Type::Custom, &executor.name, None),
            ExecutorRun::BuiltIn(kind) => (Type::Custom, kind, Some(BUILT_IN.to_owned())),
        };
        Self {
            r#type: Some(kind.into()),
            executor_id: (&executor.id).into(),
            command: executor.command().map(Into::into),
            name: Some((**name).to_owned()).filter(|name| !name.is_empty()),
            source,
            resources: resources_to_wire(&executor.resources, None, ReservationForm::Stack),
            labels: labels_of(&executor.labels),
            data: Some(executor.data.to_vec()).filter(|data| !data.is_empty()),
            shutdown_grace_period: executor.shutdown_grace.map(Into::into),
            ..Default::default()
        }
    }
}
