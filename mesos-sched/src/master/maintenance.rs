//! Planned maintenance: a schedule of machines, taking them down, taking them up.
//!
//! The registry holds the plan; the books follow it. A machine in the schedule is draining: its agents' offers say so, and
//! frameworks are asked for them ([`inverse`](super::inverse)). A machine that is down has no agents: they are shut down and
//! removed, and turned away when they come.
//!
//! Semantics: Apache Mesos, `docs/maintenance.md` and `src/master/http.cpp` (maintenance handlers).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use mesos_core::call::agent::ToAgent;
use mesos_core::maintenance::{InverseOfferAnswer, MachineId, MaintenanceStatus};
use mesos_core::provider::{AgentKey, Fact};
use mesos_core::{Rejection, RejectionCode};

use super::book::Transition;
use super::{Master, MasterCx};
use crate::registry::Machine;

impl Master {
    /// The schedule is durable: whoever has something on an agent whose time changed hears of it with new offers.
    pub(super) fn follow_schedule(&mut self, cx: &mut MasterCx<'_>) {
        let registry = self.registrar.registry();
        let planned = |hostname: &str| registry.machine_of(hostname).map(|machine| machine.unavailability);
        let rows =
            self.agents.table.iter().map(|(agent, _, row)| (agent, row.unavailability, planned(&row.info.hostname)));
        let changed: Vec<_> = rows.filter(|(_, before, now)| before != now).collect();
        for (agent, _, unavailability) in changed {
            self.rescind_offers_on(cx, agent);
            self.inverse.answers.remove(&agent);
            self.agents.table[agent].unavailability = unavailability;
            self.observe(cx, Fact::UnavailabilitySet { agent, unavailability });
        }
    }

    /// An agent that was just added learns its machine's plan.
    pub(super) fn plan_for(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        let Some(machine) = self.registrar.registry().machine_of(&self.agents.table[agent].info.hostname) else {
            return;
        };
        self.agents.table[agent].unavailability = Some(machine.unavailability);
        self.observe(cx, Fact::UnavailabilitySet { agent, unavailability: Some(machine.unavailability) });
        if machine.is_down {
            self.take_down(cx, agent);
        }
    }

    /// Machines are durably down.
    pub(super) fn maintenance_started(&mut self, cx: &mut MasterCx<'_>, machines: &BTreeSet<MachineId>) {
        let is_meant = |hostname: &str| machines.contains(&MachineId::of_host(hostname));
        let rows = self.agents.table.iter().filter(|(_, _, row)| is_meant(&row.info.hostname));
        for agent in rows.map(|(agent, _, _)| agent).collect::<Vec<_>>() {
            self.take_down(cx, agent);
        }
    }

    /// Shuts an agent down because its machine is; its tasks are lost when its removal is durable.
    fn take_down(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        if self.agents.table[agent].transition != Transition::Settled {
            return;
        }
        let rejection = is_down(&self.agents.table[agent].info.hostname);
        self.tell_agent(cx, agent, ToAgent::Shutdown(rejection));
        self.rescind_offers_on(cx, agent);
        self.observe(cx, Fact::AgentDeactivated { agent });
        self.remove_agent(agent);
    }

    /// Refuses an agent on a machine that is down.
    pub(super) fn check_machine_is_up(&self, hostname: &str) -> Result<(), Rejection> {
        match self.registrar.upcoming().machine_of(hostname) {
            Some(machine) if machine.is_down => Err(is_down(hostname)),
            _ => Ok(()),
        }
    }

    /// How far maintenance is, as far as it is durable.
    #[must_use]
    pub fn maintenance_status(&self) -> MaintenanceStatus {
        maintenance_status_of(
            self.registrar.registry().machines(),
            self.answers_after(None).map(|(_, machine, told)| (machine, told)),
        )
    }

    /// What frameworks answered of agents that will be away, by agent and with its machine: of those behind `last`.
    pub fn answers_after(
        &self,
        last: Option<AgentKey>,
    ) -> impl Iterator<Item = (AgentKey, MachineId, Vec<InverseOfferAnswer>)> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.inverse.answers.range((after, Bound::Unbounded)).filter_map(|(agent, answers)| {
            let row = self.agents.table.get(*agent)?;
            let told = answers.iter().map(|(framework_id, answer)| InverseOfferAnswer {
                agent_id: row.id.clone(),
                framework_id: framework_id.clone(),
                is_accepted: answer.is_accepted,
                at_wall: answer.at_wall,
            });
            Some((*agent, MachineId::of_host(&row.info.hostname), told.collect()))
        })
    }

    /// The whitelist is durable. Offers that are out stay.
    pub(super) fn whitelist_set(&mut self, cx: &MasterCx<'_>) {
        let hostnames: Option<BTreeSet<Arc<str>>> = self.registrar.registry().whitelist().cloned();
        self.observe(cx, Fact::WhitelistSet { hostnames });
    }
}

/// How far maintenance of these machines is, with what was answered of each.
#[must_use]
pub fn maintenance_status_of(
    machines: &BTreeMap<MachineId, Machine>,
    answers: impl IntoIterator<Item = (MachineId, Vec<InverseOfferAnswer>)>,
) -> MaintenanceStatus {
    let mut status = MaintenanceStatus::default();
    for (id, machine) in machines {
        if machine.is_down {
            status.down.insert(id.clone());
        } else {
            status.draining.insert(id.clone(), Vec::new());
        }
    }
    for (machine, told) in answers {
        if let Some(all) = status.draining.get_mut(&machine) {
            all.extend(told);
        }
    }
    status
}

fn is_down(hostname: &str) -> Rejection {
    let what = format!("machine {hostname} is down for maintenance");
    Rejection::new(RejectionCode::InvalidAgent, what, "start the agent when the maintenance is over")
}
