//! What holds without access lists: each kind of part does what its kind does.

use super::{Action, Authorizer, PART_CLAIM};
use crate::net::http::Caller;
use crate::net::tls::Part;

/// Operators and masters may do everything; frameworks run their own tasks, and see and undo what is theirs; agents
/// register; nobody else may do anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts;

impl Authorizer for Parts {
    fn allows(&self, caller: &Caller, action: Action, object: Option<&str>) -> bool {
        let Some(principal) = &caller.principal else { return false };
        let part = caller.claims.get(PART_CLAIM).map(String::as_str);
        let part = Part::ALL.into_iter().find(|own| Some(own.name()) == part);
        let is_own = object == Some(principal.as_str());
        match part {
            Some(Part::Operator | Part::Master) => true,
            Some(Part::Agent) => action == Action::RegisterAgent,
            Some(Part::Framework) => match action {
                Action::RegisterFramework
                | Action::RunTask
                | Action::ReserveResources
                | Action::CreateVolume
                | Action::ResizeVolume
                | Action::ViewRole => true,
                Action::UnreserveResources
                | Action::DestroyVolume
                | Action::TeardownFramework
                | Action::ViewFramework
                | Action::ViewTask
                | Action::ViewExecutor
                | Action::AccessSandbox
                | Action::UseNestedContainer
                | Action::Explain => is_own,
                _ => false,
            },
            None => false,
        }
    }
}
