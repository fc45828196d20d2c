//! Who asks, and what they may do.
//!
//! ```text
//!   certificate, Authorization ──▶ Authenticator ──Caller──▶ Authorizer ──▶ handler
//!                                        │ 401                    │ 403
//! ```
//!
//! * [`Authenticator`]: certificates of TLS, names with secrets, signed tokens. Nobody it does not know passes, unless it
//!   was told to let the anonymous in.
//! * [`Authorizer`]: whether somebody may do something to something. [`Acls`] are Mesos's lists, with Mesos's names;
//!   [`Parts`] is what holds without lists: each part of a cluster may do what its kind does and nothing else.
//! * [`TokenKey`]: tokens that say who somebody is for a while, as agents hand them to executors.
//! * [`Sight`]: what somebody may see, for views that are filtered by it.
//! * [`RateLimits`]: how often somebody may call.
//! * [`Secret`]: what never prints.
//!
//! What is not allowed is forbidden. This decides about calls, not about what they do.

mod acl;
mod action;
mod authenticate;
mod call;
mod credential;
mod parts;
mod rate;
mod secret;
mod sight;
mod token;

#[cfg(test)]
mod tests;

pub use acl::{Acls, InvalidAcls};
pub use action::Action;
pub use authenticate::{Authenticator, PART_CLAIM};
pub use call::{Doorman, judge_operator, judge_scheduler};
pub use credential::{Credentials, InvalidCredentials};
pub use parts::Parts;
pub use rate::{InvalidRateLimits, RateLimits};
pub use secret::Secret;
pub use sight::Sight;
pub use token::{Claims, InvalidToken, TokenKey};

use std::fmt;

use super::http::Caller;
use crate::error::{Rejection, RejectionCode};

/// Decides whether somebody may do something.
pub trait Authorizer: Send + Sync + fmt::Debug + 'static {
    /// Whether `caller` may do `action` to `object`: a role, a user, a principal, a path, as the action says. Nothing named
    /// means to all there is.
    fn allows(&self, caller: &Caller, action: Action, object: Option<&str>) -> bool;

    /// Refuses what is not allowed.
    ///
    /// # Errors
    /// [`RejectionCode::NotYours`] says who may not do what.
    fn demand(&self, caller: &Caller, action: Action, object: Option<&str>) -> Result<(), Rejection> {
        if self.allows(caller, action, object) {
            return Ok(());
        }
        let who = caller.principal.as_ref().map_or("somebody anonymous", |principal| principal.as_str());
        let of = object.map(|object| format!(" of {} {object:?}", action.object())).unwrap_or_default();
        let remedy = format!("let an operator allow it under {:?} in the access lists", action.name());
        Err(Rejection::new(RejectionCode::NotYours, format!("{who} may not {action}{of}"), remedy))
    }
}

/// Allows everything to everybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

impl Authorizer for Open {
    fn allows(&self, _: &Caller, _: Action, _: Option<&str>) -> bool {
        true
    }
}
