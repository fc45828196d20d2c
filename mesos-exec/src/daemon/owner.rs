//! Whose frameworks are, for who may read what they left behind: also when their tasks have ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use mesos_core::call::agent::ToAgent;
use mesos_core::daemon::Inbox;
use mesos_core::{ContainerId, FrameworkId, FrameworkInfo, Principal};

use super::agent::Arrival;
use crate::agent::Agent;

/// Frameworks remembered; of others only those are known that run something.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct Remembered {
    principals: BTreeMap<FrameworkId, Option<Principal>>,
    oldest_first: VecDeque<FrameworkId>,
}

/// What was heard of frameworks. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Remembered>>);

impl Heard {
    /// Takes note of what a message of the master says about its framework.
    pub(super) fn note(&self, message: &ToAgent) {
        match message {
            ToAgent::Run(run) => self.remember(&run.framework_id, &run.framework),
            ToAgent::RunGroup(run) => self.remember(&run.framework_id, &run.framework),
            ToAgent::UpdateFramework { framework_id, info } => self.remember(framework_id, info),
            _ => {}
        }
    }

    fn remember(&self, id: &FrameworkId, info: &FrameworkInfo) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match remembered.principals.get_mut(id) {
            Some(known) if *known == info.principal => {}
            Some(known) => known.clone_from(&info.principal),
            None => {
                remembered.principals.insert(id.clone(), info.principal.clone());
                remembered.oldest_first.push_back(id.clone());
                if remembered.oldest_first.len() > REMEMBERED_MAX
                    && let Some(oldest) = remembered.oldest_first.pop_front()
                {
                    remembered.principals.remove(&oldest);
                }
            }
        }
    }

    fn principal(&self, id: &FrameworkId) -> Option<Option<Principal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).principals.get(id).cloned()
    }
}

/// Finds out whose frameworks are. Cheap to clone; does not keep the daemon alive.
#[derive(Debug, Clone)]
pub struct FrameworkOwners {
    inbox: Inbox<Agent, Arrival>,
    heard: Heard,
}

impl FrameworkOwners {
    pub(super) const fn new(inbox: Inbox<Agent, Arrival>, heard: Heard) -> Self {
        Self { inbox, heard }
    }

    /// The principal of a framework that runs or ran something here.
    pub async fn find(&self, framework: FrameworkId) -> Option<Principal> {
        if let Some(principal) = self.heard.principal(&framework) {
            return principal;
        }
        // One that was recovered.
        let look = move |agent: &Agent| agent.framework(&framework).and_then(|info| info.principal.clone());
        self.inbox.inspect(look).await.flatten()
    }

    /// Whether containers beside this one run as this user anyway.
    pub async fn runs_as(&self, container: ContainerId, user: String) -> bool {
        self.inbox.inspect(move |agent| agent.runs_as(&container, &user)).await.unwrap_or_default()
    }

    /// The principal of the framework a container that runs belongs to.
    pub async fn of_container(&self, container: ContainerId) -> Option<Principal> {
        let framework = self.inbox.inspect(move |agent| agent.framework_of(&container).cloned()).await.flatten()?;
        self.find(framework).await
    }
}
