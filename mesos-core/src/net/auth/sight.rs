//! What somebody may see of what there is: views are filtered by it, so that no endpoint shows more than another.

use std::sync::Arc;

use super::{Action, Authorizer};
use crate::error::Rejection;
use crate::id::Principal;
use crate::net::http::Caller;
use crate::role::Role;

/// Somebody's eyes.
#[derive(Debug, Clone)]
pub struct Sight {
    authorizer: Arc<dyn Authorizer>,
    caller: Caller,
}

impl Sight {
    /// What `caller` may see.
    #[must_use]
    pub fn new(authorizer: Arc<dyn Authorizer>, caller: Caller) -> Self {
        Self { authorizer, caller }
    }

    /// Who looks.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    fn may(&self, action: Action, object: Option<&str>) -> bool {
        self.authorizer.allows(&self.caller, action, object)
    }

    /// Everything: nothing needs to be left out.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        [Action::ViewFramework, Action::ViewTask, Action::ViewExecutor, Action::ViewAgent, Action::ViewRole]
            .into_iter()
            .all(|action| self.may(action, None))
    }

    /// A framework of this principal.
    #[must_use]
    pub fn sees_framework(&self, principal: Option<&Principal>) -> bool {
        self.may(Action::ViewFramework, principal.map(Principal::as_str))
    }

    /// Tasks of such a framework.
    #[must_use]
    pub fn sees_tasks(&self, principal: Option<&Principal>) -> bool {
        self.may(Action::ViewTask, principal.map(Principal::as_str))
    }

    /// Executors of such a framework.
    #[must_use]
    pub fn sees_executors(&self, principal: Option<&Principal>) -> bool {
        self.may(Action::ViewExecutor, principal.map(Principal::as_str))
    }

    /// Agents.
    #[must_use]
    pub fn sees_agents(&self) -> bool {
        self.may(Action::ViewAgent, None)
    }

    /// A role, its weight and what it has.
    #[must_use]
    pub fn sees_role(&self, role: &Role) -> bool {
        self.may(Action::ViewRole, Some(role.as_str()))
    }

    /// A role's quota.
    #[must_use]
    pub fn sees_quota(&self, role: &Role) -> bool {
        self.may(Action::GetQuota, Some(role.as_str()))
    }

    /// With which flags a daemon runs.
    #[must_use]
    pub fn sees_flags(&self) -> bool {
        self.may(Action::ViewFlags, None)
    }

    /// Refuses what the one who looks may not do.
    ///
    /// # Errors
    /// As [`Authorizer::demand`].
    pub fn demand(&self, action: Action, object: Option<&str>) -> Result<(), Rejection> {
        self.authorizer.demand(&self.caller, action, object)
    }

    /// Who decides.
    #[must_use]
    pub fn authorizer(&self) -> &dyn Authorizer {
        &*self.authorizer
    }
}
