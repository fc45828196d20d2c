//! Subscribe, subscribe again, fail over, disconnect, tear down.
//!
//! Semantics: Apache Mesos, `docs/scheduler-http-api.md` and `docs/high-availability-framework-guide.md`. The newest
//! connection of a framework always wins. A removed framework's id can never subscribe again.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::call::agent::ToAgent;
use mesos_core::call::scheduler::Event;
use mesos_core::call::{CloseReason, ConnId};
use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::{FrameworkId, FrameworkInfo, OfferConstraints, Rejection, RejectionCode, Role};

use super::book::{Framework, Standing, Who};
use super::options::mutant;
use super::validate::{merge_resubscription, validate_subscribe, validate_user};
use super::{Master, MasterCx, Timer};
use crate::allocator::validate_constraints_within;

impl Master {
    pub(super) fn subscribe(
        &mut self,
        cx: &mut MasterCx<'_>,
        conn: ConnId,
        info: FrameworkInfo,
        suppressed: BTreeSet<Role>,
        constraints: Arc<OfferConstraints>,
    ) {
        let bounds = self.options.constraint_bounds;
        if let Err(rejection) = validate_constraints_within(&constraints, &info.roles, bounds) {
            return self.refuse_scheduler(cx, conn, rejection);
        }
        let framework = match self.admit_framework(cx, info, suppressed) {
            Ok(framework) => framework,
            Err(rejection) => return self.refuse_scheduler(cx, conn, rejection),
        };
        self.conns.meet(conn).who = Who::Framework(framework);
        self.frameworks.table[framework].standing = Standing::Connected(conn);
        self.set_constraints(cx, framework, constraints);
        self.observe(cx, Fact::FrameworkActivated { framework });
        self.timers.cancel(&Timer::RemoveFramework(framework));
        self.timers.set(Timer::Heartbeat(framework), cx.now.mono + self.options.heartbeat_every);
        self.frameworks.table[framework].tally.calls.count("SUBSCRIBE");
        let event = Event::Subscribed {
            framework_id: self.frameworks.table[framework].id.clone(),
            master_id: self.id.clone(),
            heartbeat_every: self.options.heartbeat_every,
        };
        self.tell_framework(cx, framework, event);
    }

    /// The row of the framework that subscribes, new or known, inactive for now.
    fn admit_framework(
        &mut self,
        cx: &mut MasterCx<'_>,
        mut info: FrameworkInfo,
        suppressed: BTreeSet<Role>,
    ) -> Result<FrameworkKey, Rejection> {
        validate_subscribe(&info, &suppressed)?;
        if !self.options.root_submissions {
            validate_user(&info)?;
        }
        let id = match info.id.clone() {
            Some(id) => id,
            None => self.frameworks.next_id(self.id.as_str()),
        };
        if self.frameworks.was_removed(&id) {
            return Err(removed(&id));
        }
        info.id = Some(id.clone());
        match self.frameworks.table.find(&id) {
            Some(framework) => self.resubscribe(cx, framework, info, suppressed).map(|()| framework),
            None => self.add_framework(cx, id, Arc::new(info), suppressed, Standing::Disconnected),
        }
    }

    fn add_framework(
        &mut self,
        cx: &MasterCx<'_>,
        id: FrameworkId,
        info: Arc<FrameworkInfo>,
        suppressed: BTreeSet<Role>,
        standing: Standing,
    ) -> Result<FrameworkKey, Rejection> {
        if self.frameworks.table.len() >= self.options.frameworks_max {
            return Err(Rejection::new(
                RejectionCode::TooMany,
                format!("framework {id} would exceed the limit of {} frameworks", self.options.frameworks_max),
                "tear down frameworks that are not needed, or raise the master's limit",
            ));
        }
        Ok(self.insert_framework(cx, id, info, suppressed, standing))
    }

    /// Puts a framework that is not known into the books.
    pub(super) fn insert_framework(
        &mut self,
        cx: &MasterCx<'_>,
        id: FrameworkId,
        info: Arc<FrameworkInfo>,
        suppressed: BTreeSet<Role>,
        standing: Standing,
    ) -> FrameworkKey {
        let mut row = Framework::new(id.clone(), info.clone(), standing);
        row.suppressed.clone_from(&suppressed);
        row.times.registered_wall = cx.now.wall;
        if let Some(past) = &mut self.past {
            past.totals.frameworks_added += 1;
        }
        let framework = self.frameworks.table.insert(id.clone(), row).expect("the id was just looked up");
        self.observe(cx, Fact::FrameworkAdded { framework, id, info, suppressed, is_active: false });
        framework
    }

    fn resubscribe(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        info: FrameworkInfo,
        suppressed: BTreeSet<Role>,
    ) -> Result<(), Rejection> {
        let row = &mut self.frameworks.table[framework];
        // What an agent reported of a framework binds nobody: the framework itself says who it is.
        let merged = match row.standing {
            Standing::Recovered => Arc::new(info),
            Standing::Connected(_) | Standing::Disconnected => Arc::new(merge_resubscription(&row.info, info)?),
        };
        let before = row.standing;
        let is_changed = row.info != merged;
        row.set_info(merged.clone());
        row.suppressed.clone_from(&suppressed);
        row.times.come_back(cx.now.wall);
        if let Standing::Connected(old) = before {
            row.standing = Standing::Disconnected;
            let id = row.id.clone();
            self.tell_scheduler(cx, old, Event::Error(failed_over(&id)));
            self.drop_conn(cx, old, CloseReason::Superseded);
        }
        self.discard_offers_of(cx, framework);
        // Deactivation first: a failover clears the filters of the connection before.
        self.observe(cx, Fact::FrameworkDeactivated { framework });
        self.observe(cx, Fact::FrameworkUpdated { framework, info: merged, suppressed });
        if is_changed {
            self.tell_agents_of(cx, framework);
        }
        Ok(())
    }

    pub(super) fn framework_disconnected(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey) {
        let row = &mut self.frameworks.table[framework];
        row.standing = Standing::Disconnected;
        row.times.unregistered_wall = Some(cx.now.wall);
        let timeout = row.info.failover_timeout;
        self.timers.cancel(&Timer::Heartbeat(framework));
        self.discard_offers_of(cx, framework);
        self.observe(cx, Fact::FrameworkDeactivated { framework });
        if timeout.is_zero() || mutant!(self, ForgetFailoverTimeout) {
            self.remove_framework(cx, framework);
        } else {
            self.timers.set(Timer::RemoveFramework(framework), cx.now.mono + timeout);
        }
    }

    /// A framework is torn down as it asked for. That is no error, and it is not told of one: its connection ends.
    pub(super) fn end_framework(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey) {
        if let Some(conn) = self.frameworks.table[framework].conn() {
            self.drop_conn(cx, conn, CloseReason::Removed);
        }
        self.remove_framework(cx, framework);
    }

    /// Ends a framework: its tasks are as good as killed, and its id is spent.
    pub(super) fn remove_framework(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey) {
        self.timers.cancel(&Timer::Heartbeat(framework));
        self.timers.cancel(&Timer::RemoveFramework(framework));
        self.discard_offers_of(cx, framework);
        let framework_id = self.frameworks.table[framework].id.clone();
        for agent in self.agents_of(framework) {
            self.tell_agent(cx, agent, ToAgent::ShutdownFramework { framework_id: framework_id.clone() });
        }
        let tasks: Vec<_> = self.frameworks.table[framework].tasks.handles().collect();
        for task in tasks {
            self.forget_task(cx, framework, task);
        }
        self.forget_operations_of(framework);
        self.free_executors_of(cx, framework);
        if let Some(conn) = self.frameworks.table[framework].conn() {
            self.tell_scheduler(cx, conn, Event::Error(removed(&framework_id)));
            self.drop_conn(cx, conn, CloseReason::Removed);
        }
        if let Some((_, row)) = self.frameworks.table.remove(framework) {
            self.note_removed(cx, row);
        }
        self.inverse.forget_answers_of(&framework_id);
        self.frameworks.remember_removed(framework_id, self.options.removed_frameworks_max);
        self.observe(cx, Fact::FrameworkRemoved { framework });
    }

    /// Forgets the frameworks that are known from agents alone, have not come to this master and of which nothing is left: no
    /// task, no executor, nothing on an agent that may come back. As in Mesos no timeout runs for them as long as something
    /// is, and their ids are not spent: one that subscribes later is taken as it is.
    pub(super) fn forget_recovered(&mut self, cx: &MasterCx<'_>) {
        let rows = self.frameworks.table.iter();
        let idle = rows.filter(|(_, _, row)| {
            row.standing == Standing::Recovered && row.tasks.is_empty() && row.operations.is_empty()
        });
        let mut idle: BTreeSet<FrameworkKey> = idle.map(|(framework, _, _)| framework).collect();
        if idle.is_empty() {
            return;
        }
        for (_, _, agent) in self.agents.table.iter() {
            for (framework, _) in agent.executors.keys() {
                idle.remove(framework);
            }
        }
        for framework in idle {
            let (row, registry) = (&self.frameworks.table[framework], self.registrar.registry());
            // What the registry has forgotten is not expected back.
            if row.unreachable.values().any(|task| registry.standing(&task.agent_id).is_some()) {
                continue;
            }
            if let Some((_, row)) = self.frameworks.table.remove(framework) {
                self.note_removed(cx, row);
            }
            self.observe(cx, Fact::FrameworkRemoved { framework });
        }
    }

    pub(super) fn heartbeat(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey) {
        let Some(conn) = self.frameworks.table[framework].conn() else { return };
        let received = self.conns.meet(conn).inbound.received();
        self.tell_framework(cx, framework, Event::Heartbeat { received });
        self.timers.set(Timer::Heartbeat(framework), cx.now.mono + self.options.heartbeat_every);
    }

    /// The agents a framework has tasks, operations or executors on, each once, in order.
    pub(super) fn agents_of(&self, framework: FrameworkKey) -> BTreeSet<AgentKey> {
        let tasks = self.frameworks.table[framework].tasks.iter().map(|(_, _, task)| task.agent);
        let agents =
            self.agents.table.iter().filter(|(_, _, row)| row.executors.keys().any(|(own, _)| *own == framework));
        let operations = self.frameworks.table[framework].operations.values().map(|operation| operation.agent);
        tasks.chain(operations).chain(agents.map(|(agent, _, _)| agent)).collect()
    }

    pub(super) fn suppress(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, roles: BTreeSet<Role>) {
        let row = &mut self.frameworks.table[framework];
        if let Err(rejection) = own_roles(row, &roles) {
            return self.reject(cx, framework, rejection);
        }
        let own = if roles.is_empty() { row.info.roles.clone() } else { roles.clone() };
        row.suppressed.extend(own);
        self.observe(cx, Fact::RolesSuppressed { framework, roles });
    }

    pub(super) fn revive(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey, roles: BTreeSet<Role>) {
        let row = &mut self.frameworks.table[framework];
        if let Err(rejection) = own_roles(row, &roles) {
            return self.reject(cx, framework, rejection);
        }
        row.suppressed.retain(|role| !roles.is_empty() && !roles.contains(role));
        self.observe(cx, Fact::RolesRevived { framework, roles });
    }
}

fn own_roles(row: &Framework, roles: &BTreeSet<Role>) -> Result<(), Rejection> {
    match roles.iter().find(|role| !row.info.roles.contains(*role)) {
        None => Ok(()),
        Some(role) => Err(Rejection::new(
            RejectionCode::InvalidRole,
            format!("framework {} is not subscribed to role {role}", row.id),
            "name only roles of the framework, or none for all",
        )),
    }
}

fn failed_over(id: &FrameworkId) -> Rejection {
    Rejection::new(
        RejectionCode::FailedOver,
        format!("framework {id} subscribed on another connection"),
        "end, or subscribe again to take over",
    )
}

fn removed(id: &FrameworkId) -> Rejection {
    Rejection::new(
        RejectionCode::FrameworkRemoved,
        format!("framework {id} was removed"),
        "subscribe without an id to start a new framework",
    )
}
