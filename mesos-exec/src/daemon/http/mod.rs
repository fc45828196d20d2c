//! The agent's side of the HTTP APIs of Mesos.
//!
//! ```text
//!   /api/v1/executor ── executor ──▶ ExecutorDoor ──▶ the agent's machine
//! ```
//!
//! A handler decodes, asks, encodes; it decides nothing. Who asks is said by the [`Caller`] in the request, which a layer of
//! the embedder fills in. An executor's credentials are the claims `fid`, `eid` and `cid` there, as Mesos names them.
//!
//! [`Caller`]: mesos_core::net::http::Caller

pub(super) mod client;
mod executor;

use mesos_core::net::http::Site;
use mesos_core::net::http::axum::routing::post;

use super::ExecutorDoor;

/// What an agent answers under, besides bare paths.
pub const PROCESS: &str = "slave(1)";

/// What an agent's site is made of.
#[derive(Debug, Clone)]
pub struct AgentSite {
    /// Where executors' calls go.
    pub executors: ExecutorDoor,
    /// Whether executors may do without credentials: whoever reaches the agent may then speak for any of them.
    pub insecure_executors: bool,
}

impl AgentSite {
    /// A site that asks executors for credentials.
    #[must_use]
    pub const fn new(executors: ExecutorDoor) -> Self {
        Self { executors, insecure_executors: false }
    }

    /// The routes.
    #[must_use]
    pub fn site(self) -> Site {
        let executors = executor::Executors { door: self.executors, is_insecure: self.insecure_executors };
        Site::new(PROCESS).route("/api/v1/executor", post(executor::answer).with_state(executors))
    }
}
