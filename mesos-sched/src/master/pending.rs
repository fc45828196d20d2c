//! What waits for a registry write. Continuations as data: each is resumed in one place, and finds the world as it is by
//! then, not as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::call::operator::{ReplyTo, Response};
use mesos_core::call::{ConnId, agent::Reregistration};
use mesos_core::maintenance::MachineId;
use mesos_core::provider::AgentKey;
use mesos_core::{AgentId, AgentInfo, Quota, Resources, Role, WallTime, Weight};

use super::{Effect, Master, MasterCx};

/// A decision that takes effect when its write is durable.
#[derive(Debug)]
pub(super) enum Pending {
    /// This master's fence.
    Lead,
    /// A new agent.
    Admission { conn: ConnId, id: AgentId, info: Arc<AgentInfo>, total: Resources },
    /// An agent this master does not have in its books comes back.
    Readmission { conn: ConnId, report: Box<Reregistration> },
    /// A registered agent became unreachable.
    Unreachable { agent: AgentKey, id: AgentId, since_wall: WallTime },
    /// An agent that never came back to this master became unreachable.
    AbsentUnreachable { id: AgentId },
    /// An agent left for good.
    Removal { agent: AgentKey, id: AgentId },
    /// An operator gave an agent up.
    Gone { id: AgentId, reply: ReplyTo },
    /// An agent describes itself anew.
    Redescription { conn: ConnId, report: Box<Reregistration> },
    /// An agent serves, or does not.
    Duty { id: AgentId, reply: ReplyTo },
    /// A draining agent's tasks have ended.
    Drained { agent: AgentKey },
    /// The same, and the agent is not wanted back.
    DrainedGone { id: AgentId },
    /// The maintenance schedule is another one, or machines are up again.
    Schedule { reply: ReplyTo },
    /// Machines are down.
    MaintenanceStarted { machines: BTreeSet<MachineId>, reply: ReplyTo },
    /// Other hosts may be offered.
    Whitelist { reply: ReplyTo },
    /// Roles of a new cluster weigh what the options say.
    FirstWeights { weights: BTreeMap<Role, Weight> },
    /// Roles weigh something else.
    Weights { weights: BTreeMap<Role, Weight>, reply: ReplyTo },
    /// Roles are promised and allowed something else.
    Quotas { quotas: BTreeMap<Role, Quota>, reply: ReplyTo },
}

impl Master {
    pub(super) fn resume(&mut self, cx: &mut MasterCx<'_>, pending: Pending) {
        match pending {
            Pending::Lead => self.lead(cx),
            Pending::Admission { conn, id, info, total } => self.admitted(cx, conn, id, info, total),
            Pending::Readmission { conn, report } => self.readmitted(cx, conn, *report),
            Pending::Unreachable { agent, id, since_wall } => self.unreachable(cx, agent, &id, since_wall),
            Pending::AbsentUnreachable { id } => self.absent_unreachable(cx, &id),
            Pending::Removal { agent, id } => self.removed(cx, agent, &id),
            Pending::Gone { id, reply } => {
                self.gone(cx, &id);
                self.reply(cx, reply, Response::Done);
            }
            Pending::Redescription { conn, report } => self.redescribed(cx, conn, *report),
            Pending::Duty { id, reply } => {
                self.duty_changed(cx, &id);
                self.reply(cx, reply, Response::Done);
            }
            Pending::Drained { agent } => self.note_agent(agent),
            Pending::DrainedGone { id } => self.gone(cx, &id),
            Pending::Schedule { reply } => {
                self.follow_schedule(cx);
                self.reply(cx, reply, Response::Done);
            }
            Pending::MaintenanceStarted { machines, reply } => {
                self.maintenance_started(cx, &machines);
                self.reply(cx, reply, Response::Done);
            }
            Pending::Whitelist { reply } => {
                self.whitelist_set(cx);
                self.reply(cx, reply, Response::Done);
            }
            Pending::FirstWeights { weights } => self.weights_set(cx, weights),
            Pending::Weights { weights, reply } => {
                self.weights_set(cx, weights);
                self.reply(cx, reply, Response::Done);
            }
            Pending::Quotas { quotas, reply } => {
                self.quotas_set(cx, quotas);
                self.reply(cx, reply, Response::Done);
            }
        }
    }

    pub(super) fn reply(&self, cx: &mut MasterCx<'_>, to: ReplyTo, response: Response) {
        cx.emit(Effect::Reply { to, response });
    }
}
