//! Which executors an agent can run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use mesos_core::{Executor, ExecutorInfo, FrameworkCapability, FrameworkInfo};

use crate::executor::{Command, Group};

type Make = Arc<dyn Fn(&ExecutorInfo) -> Box<dyn Executor> + Send + Sync>;

/// Makes executors by their kind. Cloning it is cheap.
///
/// The kinds `command` and `default` are always there: [`Command`] and [`Group`].
///
/// ```
/// use mesos_exec::agent::ExecutorFactory;
/// use mesos_exec::executor::Command;
///
/// let factory = ExecutorFactory::new().with("twin", |_info| Box::new(Command::new(false)));
/// assert_eq!(factory.kinds().collect::<Vec<_>>(), ["command", "default", "twin"]);
/// ```
#[derive(Clone, Default)]
pub struct ExecutorFactory {
    makers: BTreeMap<Arc<str>, Make>,
}

impl ExecutorFactory {
    /// Makes command executors only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes executors of this kind too, with `make`. The last word on a kind counts.
    #[must_use]
    pub fn with(
        mut self,
        kind: impl Into<Arc<str>>,
        make: impl Fn(&ExecutorInfo) -> Box<dyn Executor> + Send + Sync + 'static,
    ) -> Self {
        self.makers.insert(kind.into(), Arc::new(make));
        self
    }

    /// The kinds this factory can make, those that are always there first.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        let own = [ExecutorInfo::COMMAND, ExecutorInfo::DEFAULT].into_iter();
        own.filter(|kind| !self.makers.contains_key(*kind)).chain(self.makers.keys().map(AsRef::as_ref))
    }

    /// An executor as described, for a task of this framework; none when the kind is unknown.
    #[must_use]
    pub fn make(&self, info: &ExecutorInfo, framework: &FrameworkInfo) -> Option<Box<dyn Executor>> {
        let kind = info.kind()?;
        match self.makers.get(kind) {
            Some(make) => Some(make(info)),
            None if kind == ExecutorInfo::COMMAND => Some(self.command(framework)),
            None if kind == ExecutorInfo::DEFAULT => {
                Some(Box::new(Group::new(framework.can(FrameworkCapability::TaskKillingState))))
            }
            None => None,
        }
    }

    /// An executor for a task of this framework that is a command.
    #[must_use]
    pub fn command(&self, framework: &FrameworkInfo) -> Box<dyn Executor> {
        Box::new(Command::new(framework.can(FrameworkCapability::TaskKillingState)))
    }
}

impl fmt::Debug for ExecutorFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kinds()).finish()
    }
}
