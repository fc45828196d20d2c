//! Strict priority of roles.
//!
//! A role of a higher priority is served before all roles of lower ones; among equals the sorters of the options decide as if
//! there were no priorities. A role without one of its own has that of the closest role above it; one without any has 0.
//! Nothing is taken from anybody: what lower roles hold they keep until they return it. Which of it would have to go for
//! somebody to be served is what [`preemptions`](mesos_core::Allocator::preemptions) tells.
//!
//! Verma, Pedrosa, Korupolu, Oppenheimer, Tune, Wilkes: "Large-scale cluster management at Google with Borg", EuroSys 2015,
//! has priorities with preemption of lower ones, and fairness among equals by scanning them in turn.

use std::collections::BTreeMap;

use mesos_core::Role;
use serde::{Deserialize, Serialize};

/// The priorities of roles.
///
/// ```
/// use mesos_core::Role;
/// use mesos_sched::allocator::Priorities;
///
/// let priorities = Priorities::from_iter([(Role::new("prod")?, 10), (Role::new("prod/batch")?, -1)]);
/// let of = |path| Role::new(path).map(|role| priorities.of(&role));
/// assert_eq!((of("prod/web/eu")?, of("prod/batch/x")?, of("dev")?), (10, -1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priorities(BTreeMap<String, i32>);

impl Priorities {
    /// The priority of a role: its own, else that of the closest role above it, else 0.
    #[must_use]
    pub fn of(&self, role: &Role) -> i32 {
        self.of_path(role.as_str())
    }

    pub(in crate::allocator) fn of_path(&self, mut path: &str) -> i32 {
        loop {
            if let Some(own) = self.0.get(path) {
                return *own;
            }
            let Some((above, _)) = path.rsplit_once('/') else { return 0 };
            path = above;
        }
    }
}

impl FromIterator<(Role, i32)> for Priorities {
    fn from_iter<T: IntoIterator<Item = (Role, i32)>>(priorities: T) -> Self {
        Self(priorities.into_iter().map(|(role, priority)| (role.as_str().to_owned(), priority)).collect())
    }
}
