//! What is planned for machines, which of them are down, and which hosts may be offered.
//!
//! One record per machine of the schedule: its time, and whether it is down. Windows are not kept as such; machines of the
//! same time are one window. A machine that is not here is up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::maintenance::{MachineId, MaintenanceSchedule, MaintenanceWindow, Unavailability};
use mesos_core::{Rejection, RejectionCode};
use serde::{Deserialize, Serialize};

use super::record::Edit;
use super::{BATCH_CHANGES_MAX, Duty, Registry};

/// Most machines one call changes: they are written in one batch. A larger schedule is built in several calls.
pub const MACHINES_PER_OP_MAX: usize = BATCH_CHANGES_MAX;

/// Most machines in the schedule: a tenth of the largest cluster at one time.
pub const MACHINES_MAX: usize = 10_000;

/// Names of a whitelist together, in bytes: they are one record.
pub const WHITELIST_BYTES_MAX: usize = 512 * 1024;

/// A machine of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    /// When it will be away.
    pub unavailability: Unavailability,
    /// Whether it is down already; otherwise it is draining.
    #[serde(default)]
    pub is_down: bool,
}

impl Registry {
    /// The machines of the schedule.
    #[must_use]
    pub fn machines(&self) -> &BTreeMap<MachineId, Machine> {
        &self.machines
    }

    /// The same, to keep: what changes later is not in it.
    #[must_use]
    pub fn shared_machines(&self) -> Arc<BTreeMap<MachineId, Machine>> {
        self.machines.clone()
    }

    /// The machine of a host, if it is in the schedule.
    #[must_use]
    pub fn machine_of(&self, hostname: &str) -> Option<Machine> {
        if self.machines.is_empty() { None } else { self.machines.get(&MachineId::of_host(hostname)).copied() }
    }

    /// The schedule, by start.
    #[must_use]
    pub fn schedule(&self) -> MaintenanceSchedule {
        schedule_of(&self.machines)
    }

    /// The hosts that may be offered; nothing means all.
    #[must_use]
    pub const fn whitelist(&self) -> Option<&BTreeSet<Arc<str>>> {
        self.whitelist.as_ref()
    }
}

/// The schedule of these machines, by start.
#[must_use]
pub fn schedule_of(machines: &BTreeMap<MachineId, Machine>) -> MaintenanceSchedule {
    let mut windows: BTreeMap<_, Vec<MachineId>> = BTreeMap::new();
    for (id, machine) in machines {
        let Unavailability { start, duration } = machine.unavailability;
        windows.entry((start, duration)).or_default().push(id.clone());
    }
    let window = |((start, duration), machines)| MaintenanceWindow {
        machines,
        unavailability: Unavailability { start, duration },
    };
    MaintenanceSchedule { windows: windows.into_iter().map(window).collect() }
}

fn refuse(what: impl Into<String>, remedy: impl Into<String>) -> Rejection {
    Rejection::new(RejectionCode::InvalidMaintenance, what, remedy)
}

/// Every machine that differs, whether it is in the new schedule or not.
pub(super) fn set_schedule(registry: &Registry, schedule: &MaintenanceSchedule) -> Result<Vec<Edit>, Rejection> {
    let planned = planned(schedule)?;
    if let Some(id) = registry.machines.iter().find(|(id, old)| old.is_down && !planned.contains_key(*id)) {
        let what = format!("machine {} is down and not in the new schedule", id.0);
        return Err(refuse(what, "stop its maintenance first"));
    }
    if planned.len() > MACHINES_MAX {
        let what = format!("the schedule names {} machines", planned.len());
        return Err(Rejection::new(RejectionCode::TooMany, what, format!("name at most {MACHINES_MAX}")));
    }
    let draining = registry.agents.iter().filter(|(_, agent)| matches!(agent.duty, Duty::Draining(_) | Duty::Drained));
    for (id, agent) in draining {
        if planned.contains_key(&MachineId::of_host(&agent.info.hostname)) {
            let what = format!("agent {id} on {} is draining or drained", agent.info.hostname);
            return Err(refuse(what, "reactivate it before its machine goes into the schedule"));
        }
    }
    let dropped = registry.machines.keys().filter(|id| !planned.contains_key(*id));
    let mut edits: Vec<Edit> = dropped.map(|id| Edit::Machine(id.clone(), None)).collect();
    for (id, unavailability) in planned {
        let old = registry.machines.get(&id);
        let machine = Machine { unavailability, is_down: old.is_some_and(|old| old.is_down) };
        if old != Some(&machine) {
            edits.push(Edit::Machine(id, Some(machine)));
        }
    }
    bounded(edits)
}

fn planned(schedule: &MaintenanceSchedule) -> Result<BTreeMap<MachineId, Unavailability>, Rejection> {
    let mut planned = BTreeMap::new();
    for window in &schedule.windows {
        if window.machines.is_empty() {
            return Err(refuse("a window of the schedule names no machine", "leave it out"));
        }
        for machine in &window.machines {
            if planned.insert(machine.clone(), window.unavailability).is_some() {
                let what = format!("machine {machine} is in the schedule twice");
                return Err(refuse(what, "name every machine in one window only"));
            }
        }
    }
    Ok(planned)
}

fn bounded(edits: Vec<Edit>) -> Result<Vec<Edit>, Rejection> {
    if edits.len() > MACHINES_PER_OP_MAX {
        let what = format!("the call changes {} machines", edits.len());
        let remedy = format!("change at most {MACHINES_PER_OP_MAX} in one call");
        return Err(Rejection::new(RejectionCode::TooMany, what, remedy));
    }
    Ok(edits)
}

/// Takes machines of the schedule down.
pub(super) fn start(registry: &Registry, machines: &BTreeSet<MachineId>) -> Result<Vec<Edit>, Rejection> {
    let take_down = |id: &MachineId| match registry.machines.get(id) {
        Some(machine) if machine.is_down => {
            Err(refuse(format!("machine {id} is down"), "name machines that are draining"))
        }
        Some(machine) => Ok(Edit::Machine(id.clone(), Some(Machine { is_down: true, ..*machine }))),
        None => Err(refuse(format!("machine {id} is not in the schedule"), "schedule its maintenance first")),
    };
    each(machines, take_down)
}

/// Takes machines up, and out of the schedule.
pub(super) fn stop(registry: &Registry, machines: &BTreeSet<MachineId>) -> Result<Vec<Edit>, Rejection> {
    let take_up = |id: &MachineId| match registry.machines.get(id) {
        Some(machine) if machine.is_down => Ok(Edit::Machine(id.clone(), None)),
        _ => Err(refuse(format!("machine {id} is not down"), "name machines whose maintenance was started")),
    };
    each(machines, take_up)
}

/// All of them, or none.
fn each(
    machines: &BTreeSet<MachineId>,
    edit: impl Fn(&MachineId) -> Result<Edit, Rejection>,
) -> Result<Vec<Edit>, Rejection> {
    if machines.is_empty() {
        return Err(refuse("no machine is named", "name at least one"));
    }
    bounded(machines.iter().map(edit).collect::<Result<_, _>>()?)
}

pub(super) fn set_whitelist(
    registry: &Registry,
    hostnames: Option<&BTreeSet<Arc<str>>>,
) -> Result<Vec<Edit>, Rejection> {
    let bytes: usize = hostnames.into_iter().flatten().map(|name| name.len()).sum();
    if bytes > WHITELIST_BYTES_MAX {
        let what = format!("the names of the whitelist take {bytes} bytes");
        return Err(Rejection::new(RejectionCode::TooMany, what, format!("send at most {WHITELIST_BYTES_MAX}")));
    }
    let is_news = registry.whitelist.as_ref() != hostnames;
    Ok(if is_news { vec![Edit::Whitelist(hostnames.cloned())] } else { Vec::new() })
}

#[cfg(test)]
mod tests {
    use mesos_core::{AgentId, AgentInfo, Resources, WallTime};

    use super::super::{Drain, Op};
    use super::*;

    fn at(second: u64) -> Unavailability {
        Unavailability { start: WallTime::from_nanos(second), duration: None }
    }

    fn set(names: &[&str]) -> BTreeSet<MachineId> {
        names.iter().map(|name| MachineId::of_host(name)).collect()
    }

    fn schedule(windows: &[(u64, &[&str])]) -> Op {
        let window = |(start, names): &(u64, &[&str])| MaintenanceWindow {
            machines: names.iter().map(|name| MachineId::of_host(name)).collect(),
            unavailability: at(*start),
        };
        Op::SetSchedule(MaintenanceSchedule { windows: windows.iter().map(window).collect() })
    }

    #[test]
    fn a_machine_is_scheduled_taken_down_and_up() {
        let mut registry = Registry::default();
        let mut apply = |op: Op| op.apply(&mut registry).map(|changes| changes.len()).map_err(|refused| refused.code);
        let invalid = Err(RejectionCode::InvalidMaintenance);
        assert_eq!(apply(Op::StartMaintenance(set(&["a"]))), invalid, "it is not scheduled");
        assert_eq!(apply(schedule(&[(1, &["a", "B"]), (2, &["c"])])), Ok(3));
        assert_eq!(apply(schedule(&[(1, &["a", "b"]), (2, &["c"])])), Ok(0));
        assert_eq!(apply(Op::StartMaintenance(set(&["a", "x"]))), invalid, "all or none");
        assert_eq!(apply(Op::StopMaintenance(set(&["a"]))), invalid, "it is not down");
        assert_eq!(apply(Op::StartMaintenance(set(&["a"]))), Ok(1));
        assert_eq!(apply(Op::StartMaintenance(set(&["a"]))), invalid, "it is down already");
        assert_eq!(apply(schedule(&[(2, &["c"])])), invalid, "a machine that is down stays in the schedule");
        assert_eq!(apply(schedule(&[(7, &["a"])])), Ok(3), "others are dropped");
        assert_eq!(apply(Op::StopMaintenance(set(&["a"]))), Ok(1));
        assert_eq!(apply(Op::StopMaintenance(set(&["a"]))), invalid, "it is up already");
        assert_eq!(apply(Op::StartMaintenance(BTreeSet::new())), invalid);
        assert!(registry.machines().is_empty());
    }

    #[test]
    fn a_schedule_that_makes_no_sense_is_refused() {
        for op in [schedule(&[(1, &[])]), schedule(&[(1, &["a", "A"])]), schedule(&[(1, &["a"]), (2, &["a"])])] {
            let refused = op.apply(&mut Registry::default()).unwrap_err();
            assert_eq!(refused.code, RejectionCode::InvalidMaintenance, "{op:?}");
        }
    }

    #[test]
    fn draining_and_a_schedule_exclude_each_other() {
        let mut registry = Registry::default();
        let id = AgentId::new("a").unwrap();
        let drain = || Op::DrainAgent { id: id.clone(), drain: Drain { max_grace: None, mark_gone: false } };
        let info = AgentInfo::new("Host", Resources::new()).into();
        Op::AdmitAgent { id: id.clone(), info }.apply(&mut registry).unwrap();
        schedule(&[(1, &["host"])]).apply(&mut registry).unwrap();
        assert_eq!(drain().apply(&mut registry).unwrap_err().code, RejectionCode::InvalidMaintenance);
        schedule(&[]).apply(&mut registry).unwrap();
        drain().apply(&mut registry).unwrap();
        let refused = schedule(&[(1, &["host"])]).apply(&mut registry).unwrap_err();
        assert_eq!(refused.code, RejectionCode::InvalidMaintenance);
    }

    #[test]
    fn a_large_schedule_takes_several_calls() {
        let mut registry = Registry::default();
        let names: Vec<String> = (0..200).map(|n| format!("m{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let op = |count: usize| schedule(&[(1, &names[..count])]);
        assert_eq!(op(200).apply(&mut registry).unwrap_err().code, RejectionCode::TooMany);
        assert_eq!(op(128).apply(&mut registry).unwrap().len(), 128);
        assert_eq!(op(200).apply(&mut registry).unwrap().len(), 72);
        assert_eq!(registry.schedule().windows.len(), 1);
    }

    #[test]
    fn no_whitelist_and_an_empty_one_are_two_things() {
        let mut registry = Registry::default();
        let hosts = |names: &[&str]| Some(names.iter().map(|name| Arc::from(*name)).collect::<BTreeSet<Arc<str>>>());
        for (hostnames, changes) in [(None, 0), (hosts(&[]), 1), (hosts(&["a"]), 1), (hosts(&["a"]), 0), (None, 1)] {
            let op = Op::SetWhitelist(hostnames.clone());
            assert_eq!(op.apply(&mut registry).unwrap().len(), changes, "{op:?}");
            assert_eq!(registry.whitelist().cloned(), hostnames);
        }
        let long = hosts(&[&"x".repeat(WHITELIST_BYTES_MAX + 1)]);
        assert_eq!(Op::SetWhitelist(long).apply(&mut registry).unwrap_err().code, RejectionCode::TooMany);
    }
}
