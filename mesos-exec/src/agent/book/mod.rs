//! What an agent knows: frameworks with their tasks and executors, and the containers on the machine.
//!
//! ```text
//!   Book ─┬─ Framework ─┬─ Task ──── its update stream
//!         │             └─ Hosted ── an executor and its guest
//!         └─ Container ──▶ Hosted, Task
//! ```
//!
//! Rows are found by id through hash indexes and passed around as references of three small integers. A reference holds
//! the row's birth number, so one that outlived its row finds nothing instead of the row that took its place.

mod container;
mod executor;
mod few;
mod framework;
mod task;

use std::sync::Arc;

use mesos_core::kernel::Table;
use mesos_core::{ContainerId, FrameworkId, FrameworkInfo};

pub(super) use container::{Container, ContainerPhase};
pub(super) use executor::{End, ExecutorBody, ExecutorPhase, Hosted, Line, Remote};
pub(super) use framework::Framework;
pub(super) use task::{Body, Task};

mesos_core::handles! {
    /// A framework in the book.
    FrameworkKey;
    /// A task in its framework's table.
    TaskKey;
    /// An executor in its framework's table.
    ExecutorKey;
    /// A container in the book.
    ContainerKey;
}

/// Names a task for as long as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TaskRef {
    pub(super) framework: FrameworkKey,
    pub(super) task: TaskKey,
    pub(super) born: u64,
}

/// Names an executor for as long as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ExecutorRef {
    pub(super) framework: FrameworkKey,
    pub(super) executor: ExecutorKey,
    pub(super) born: u64,
}

/// Names a container for as long as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ContainerRef {
    pub(super) container: ContainerKey,
    pub(super) born: u64,
}

/// Everything an agent knows.
#[derive(Debug, Default)]
pub(super) struct Book {
    seed: u64,
    births: u64,
    /// Rows of all frameworks' task tables.
    tasks: usize,
    /// Rows of all frameworks' executor tables.
    executors: usize,
    frameworks: Table<FrameworkId, FrameworkKey, Framework>,
    containers: Table<ContainerId, ContainerKey, Container>,
}

impl Book {
    /// An empty book whose indexes hash with `seed`.
    pub(super) fn seeded(seed: u64) -> Self {
        Self { seed, frameworks: Table::seeded(seed), containers: Table::seeded(seed), ..Self::default() }
    }

    /// How many tasks are known, with those that only have something to tell.
    pub(super) const fn task_count(&self) -> usize {
        self.tasks
    }

    /// How many executors there are.
    pub(super) const fn executor_count(&self) -> usize {
        self.executors
    }

    const fn birth(&mut self) -> u64 {
        self.births += 1;
        self.births
    }

    /// The framework's key; it is made if it is not known. `info` may be missing for a framework that never ran here.
    pub(super) fn framework_or_new(&mut self, id: &FrameworkId, info: Option<&Arc<FrameworkInfo>>) -> FrameworkKey {
        match self.frameworks.find(id) {
            Some(key) => key,
            None => {
                let framework = Framework::new(self.seed, info.cloned());
                self.frameworks.insert(id.clone(), framework).unwrap_or_else(|_| unreachable!("the id was not found"))
            }
        }
    }

    pub(super) fn find_framework(&self, id: &FrameworkId) -> Option<FrameworkKey> {
        self.frameworks.find(id)
    }

    pub(super) fn framework(&self, key: FrameworkKey) -> Option<&Framework> {
        self.frameworks.get(key)
    }

    pub(super) fn framework_mut(&mut self, key: FrameworkKey) -> Option<&mut Framework> {
        self.frameworks.get_mut(key)
    }

    /// The id of a framework somebody holds a live reference into.
    pub(super) fn framework_id(&self, key: FrameworkKey) -> &FrameworkId {
        self.frameworks.id(key).expect("a framework outlives its tasks and executors")
    }

    pub(super) fn frameworks(&self) -> impl Iterator<Item = (FrameworkKey, &FrameworkId, &Framework)> {
        self.frameworks.iter()
    }

    /// Forgets the framework if nothing of it is left; its id and whether it is written down, if so.
    pub(super) fn drop_framework_if_empty(&mut self, key: FrameworkKey) -> Option<(FrameworkId, bool)> {
        let framework = self.frameworks.get(key)?;
        if !framework.tasks.is_empty() || !framework.executors.is_empty() {
            return None;
        }
        self.frameworks.remove(key).map(|(id, framework)| (id, framework.is_written))
    }

    pub(super) fn add_container(&mut self, id: ContainerId, mut container: Container) -> Option<ContainerRef> {
        let born = self.birth();
        container.born = born;
        self.containers.insert(id, container).ok().map(|container| ContainerRef { container, born })
    }

    pub(super) fn container(&self, at: ContainerRef) -> Option<&Container> {
        self.containers.get(at.container).filter(|container| container.born == at.born)
    }

    pub(super) fn container_mut(&mut self, at: ContainerRef) -> Option<&mut Container> {
        self.containers.get_mut(at.container).filter(|container| container.born == at.born)
    }

    /// The container with this id.
    pub(super) fn find_container(&self, id: &ContainerId) -> Option<ContainerRef> {
        let container = self.containers.find(id)?;
        Some(ContainerRef { container, born: self.containers[container].born })
    }

    /// The id of a container somebody holds a live reference to.
    pub(super) fn container_id(&self, at: ContainerRef) -> &ContainerId {
        self.containers.id(at.container).expect("asked for containers that are known")
    }

    pub(super) fn containers(&self) -> impl Iterator<Item = (&ContainerId, &Container)> {
        self.containers.iter().map(|(_, id, container)| (id, container))
    }

    pub(super) fn remove_container(&mut self, at: ContainerRef) -> Option<(ContainerId, Container)> {
        self.container(at)?;
        self.containers.remove(at.container)
    }
}
