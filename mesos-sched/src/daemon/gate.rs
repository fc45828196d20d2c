//! Who may ask the master what over HTTP.
//!
//! Nobody unknown comes further than what is open. Calls and views are judged by their handlers, which know what is asked
//! for: calls by their objects, views by leaving out what may not be seen. What nobody named here is an endpoint, and needs
//! the permission for its path.

use mesos_core::net::auth::Action;
use mesos_core::net::layer::{Needs, Rules};

/// What each path needs.
pub(super) fn rules() -> Rules {
    let rules = Rules::new()
        // Whether the master is well, which version it is, who leads.
        .open("/")
        .open("/health")
        .open("/version")
        .open("/redirect")
        .open("/help")
        .open("/grpc.health.v1.Health/Check")
        .path("/slaves", Needs::Action(Action::ViewAgent))
        .path("/flags", Needs::Action(Action::ViewFlags))
        .path("/maintenance/schedule", Needs::Action(Action::GetMaintenanceSchedule))
        .path("/maintenance/status", Needs::Action(Action::GetMaintenanceStatus))
        .prefix("/files/", Needs::Action(Action::AccessMesosLog))
        // The streams are judged by what they carry.
        .prefix("/mesos.kernel.Kernel/", Needs::Handler);
    let judged = [
        "/api/v1/scheduler",
        "/api/v1",
        "/state",
        "/state-summary",
        "/frameworks",
        "/tasks",
        "/roles",
        "/weights",
        "/quota",
        "/offer_constraints_debug",
        "/hierarchical-allocator(1)/offer_constraints_debug",
        "/teardown",
    ];
    judged.into_iter().fold(rules, |rules, path| rules.path(path, Needs::Handler))
}
