//! What can be done, under the names of Mesos (`docs/authorization.md`).

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $list:literal of $object:literal,)*) => {
        /// What somebody may want to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of its list in a file.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $list,)* }
            }

            /// What it is done to, as a file names it.
            #[must_use]
            pub const fn object(self) -> &'static str {
                match self { $(Self::$name => $object,)* }
            }
        }
    };
}

actions! {
    /// Subscribes a framework under a role.
    RegisterFramework = "register_frameworks" of "roles",
    /// Starts tasks as a user of the system.
    RunTask = "run_tasks" of "users",
    /// Removes a framework of a principal.
    TeardownFramework = "teardown_frameworks" of "framework_principals",
    /// Registers an agent.
    RegisterAgent = "register_agents" of "agents",
    /// Reserves resources for a role.
    ReserveResources = "reserve_resources" of "roles",
    /// Takes back what a principal reserved.
    UnreserveResources = "unreserve_resources" of "reserver_principals",
    /// Makes volumes for a role.
    CreateVolume = "create_volumes" of "roles",
    /// Makes volumes of a role larger or smaller.
    ResizeVolume = "resize_volumes" of "roles",
    /// Deletes volumes a principal made.
    DestroyVolume = "destroy_volumes" of "creator_principals",
    /// Reads quotas of a role.
    GetQuota = "get_quotas" of "roles",
    /// Sets quotas of a role.
    UpdateQuota = "update_quotas" of "roles",
    /// Sets weights of a role.
    UpdateWeight = "update_weights" of "roles",
    /// Sees a role.
    ViewRole = "view_roles" of "roles",
    /// Reads a page.
    GetEndpoint = "get_endpoints" of "paths",
    /// Sees a framework of a principal.
    ViewFramework = "view_frameworks" of "principals_of_frameworks",
    /// Sees tasks of a framework of a principal.
    ViewTask = "view_tasks" of "principals_of_frameworks",
    /// Sees executors of a framework of a principal.
    ViewExecutor = "view_executors" of "principals_of_frameworks",
    /// Sees agents.
    ViewAgent = "view_agents" of "agents",
    /// Sees with which flags a daemon runs.
    ViewFlags = "view_flags" of "flags",
    /// Reads a sandbox of a framework of a principal.
    AccessSandbox = "access_sandboxes" of "principals_of_frameworks",
    /// Reads a daemon's log.
    AccessMesosLog = "access_mesos_logs" of "logs",
    /// Changes what a daemon logs.
    SetLogLevel = "set_log_level" of "level",
    /// Starts, ends and attaches to containers within those of a principal's framework.
    UseNestedContainer = "use_nested_containers" of "principals_of_frameworks",
    /// Says that an agent never comes back.
    MarkAgentGone = "mark_agents_gone" of "agents",
    /// Empties an agent.
    DrainAgent = "drain_agents" of "agents",
    /// Offers an agent no more.
    DeactivateAgent = "deactivate_agents" of "agents",
    /// Offers an agent again.
    ReactivateAgent = "reactivate_agents" of "agents",
    /// Reads the maintenance schedule.
    GetMaintenanceSchedule = "get_maintenance_schedules" of "machines",
    /// Sets the maintenance schedule.
    UpdateMaintenanceSchedule = "update_maintenance_schedules" of "machines",
    /// Sees how far maintenance is.
    GetMaintenanceStatus = "get_maintenance_statuses" of "machines",
    /// Takes machines down.
    StartMaintenance = "start_maintenances" of "machines",
    /// Brings machines up.
    StopMaintenance = "stop_maintenances" of "machines",
    /// Asks why a framework of a principal is not served.
    Explain = "explain" of "principals_of_frameworks",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('_', " "))
    }
}
