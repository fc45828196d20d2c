//! The registry as records: one key per fact, and the typed form of one change of it.
//!
//! Keys: `leader`, `agent/<id>`, `unreachable/<id>`, `gone/<id>`, `weight/<role>`, `quota/<role>`, `machine/<host>`,
//! `whitelist`. Ids hold no `/`, and a role or host comes last, so nothing needs escaping. Reading is strict: a key this
//! version does not know was written by a newer one, and a leader that ignored it would act against what that version
//! promised.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::kernel::{Change, Record, RecordError};
use mesos_core::maintenance::MachineId;
use mesos_core::{AgentId, MasterId, Quota, Role, Weight};
use serde::{Deserialize, Serialize};

use super::{Admitted, Gone, Machine, Registry, Unreachable};

const LEADER: &str = "leader";
const AGENT: &str = "agent";
const UNREACHABLE: &str = "unreachable";
const GONE: &str = "gone";
const WEIGHT: &str = "weight";
const QUOTA: &str = "quota";
const MACHINE: &str = "machine";
const WHITELIST: &str = "whitelist";

#[derive(Serialize, Deserialize)]
struct LeaderShape {
    master: MasterId,
}

#[derive(Serialize, Deserialize)]
struct WeightShape {
    weight: Weight,
}

#[derive(Serialize, Deserialize)]
struct WhitelistShape {
    hostnames: BTreeSet<Arc<str>>,
}

/// One change of one fact. An agent's old record goes in an edit of its own, in the same batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    Leader(MasterId),
    Admitted(AgentId, Option<Admitted>),
    Unreachable(AgentId, Option<Unreachable>),
    Gone(AgentId, Option<Gone>),
    Weight(Role, Option<Weight>),
    Quota(Role, Option<Quota>),
    Machine(MachineId, Option<Machine>),
    Whitelist(Option<BTreeSet<Arc<str>>>),
}

impl Edit {
    /// The change of the store that makes this edit durable.
    pub(super) fn encode(&self) -> Change {
        match self {
            Self::Leader(master) => Change::Put(Record::encode(LEADER, &LeaderShape { master: master.clone() })),
            Self::Admitted(id, value) => change(AGENT, id.as_str(), value.as_ref()),
            Self::Unreachable(id, value) => change(UNREACHABLE, id.as_str(), value.as_ref()),
            Self::Gone(id, value) => change(GONE, id.as_str(), value.as_ref()),
            Self::Weight(role, weight) => {
                change(WEIGHT, role.as_str(), weight.map(|weight| WeightShape { weight }).as_ref())
            }
            Self::Quota(role, quota) => change(QUOTA, role.as_str(), quota.as_ref()),
            Self::Machine(id, machine) => change(MACHINE, id.as_str(), machine.as_ref()),
            Self::Whitelist(Some(hostnames)) => {
                Change::Put(Record::encode(WHITELIST, &WhitelistShape { hostnames: hostnames.clone() }))
            }
            Self::Whitelist(None) => Change::Delete(WHITELIST.into()),
        }
    }
}

fn change(kind: &str, name: &str, value: Option<&impl Serialize>) -> Change {
    let key: Arc<str> = format!("{kind}/{name}").into();
    match value {
        Some(value) => Change::Put(Record::encode(key, value)),
        None => Change::Delete(key),
    }
}

impl Registry {
    /// Makes the registry of what a store holds.
    ///
    /// # Errors
    /// [`RecordError`] names the record that is unreadable, unknown to this version, there twice, or in contradiction to
    /// another one about the same agent. A master that cannot read its registry must not lead.
    pub fn load(records: &[Record]) -> Result<Self, RecordError> {
        let mut registry = Self::default();
        for record in records {
            if !registry.read(record)? {
                return Err(refuse(record, "there is a second record about the same"));
            }
        }
        Ok(registry)
    }

    /// Takes one record in; false if something is held about its subject already.
    fn read(&mut self, record: &Record) -> Result<bool, RecordError> {
        let (kind, name) = record.key.split_once('/').map_or((&*record.key, None), |(kind, name)| (kind, Some(name)));
        match (kind, name) {
            (LEADER, None) => {
                let master = record.decode::<LeaderShape>()?.master;
                Ok(self.leader.replace(master).is_none())
            }
            (AGENT, Some(name)) => {
                let id = agent_id(record, name)?;
                Ok(self.standing(&id).is_none() && is_new(&mut self.agents, id, record.decode()?))
            }
            (UNREACHABLE, Some(name)) => {
                let id = agent_id(record, name)?;
                Ok(self.standing(&id).is_none() && is_new(&mut self.unreachable, id, record.decode()?))
            }
            (GONE, Some(name)) => {
                let id = agent_id(record, name)?;
                Ok(self.standing(&id).is_none() && is_new(&mut self.gone, id, record.decode()?))
            }
            (WEIGHT, Some(name)) => {
                let role = role(record, name)?;
                Ok(is_new(Arc::make_mut(&mut self.weights), role, record.decode::<WeightShape>()?.weight))
            }
            (QUOTA, Some(name)) => {
                let role = role(record, name)?;
                Ok(is_new(Arc::make_mut(&mut self.quotas), role, record.decode()?))
            }
            (MACHINE, Some(name)) => {
                let id = MachineId::new(name).map_err(|error| refuse(record, error.to_string()))?;
                if id.as_str() != name {
                    return Err(refuse(record, "machines are written in small letters"));
                }
                Ok(is_new(Arc::make_mut(&mut self.machines), id, record.decode()?))
            }
            (WHITELIST, None) => {
                let hostnames = record.decode::<WhitelistShape>()?.hostnames;
                Ok(self.whitelist.replace(hostnames).is_none())
            }
            _ => Err(refuse(record, "this version knows no such record; a newer one may have written it")),
        }
    }

    /// Makes one edit.
    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Leader(master) => self.leader = Some(master),
            Edit::Admitted(id, value) => put(&mut self.agents, id, value),
            Edit::Unreachable(id, value) => put(&mut self.unreachable, id, value),
            Edit::Gone(id, value) => put(&mut self.gone, id, value),
            Edit::Weight(role, weight) => put(Arc::make_mut(&mut self.weights), role, weight),
            Edit::Quota(role, quota) => put(Arc::make_mut(&mut self.quotas), role, quota),
            Edit::Machine(id, machine) => put(Arc::make_mut(&mut self.machines), id, machine),
            Edit::Whitelist(hostnames) => self.whitelist = hostnames,
        }
    }
}

fn agent_id(record: &Record, name: &str) -> Result<AgentId, RecordError> {
    AgentId::new(name).map_err(|error| refuse(record, error.to_string()))
}

fn role(record: &Record, name: &str) -> Result<Role, RecordError> {
    Role::new(name).map_err(|error| refuse(record, error.to_string()))
}

fn refuse(record: &Record, problem: impl Into<String>) -> RecordError {
    RecordError { key: record.key.clone(), problem: problem.into() }
}

fn is_new<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V) -> bool {
    map.insert(key, value).is_none()
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

#[cfg(test)]
mod tests {
    use mesos_core::WallTime;

    use super::super::Duty;
    use super::*;

    fn record(key: &str, value: &str) -> Record {
        Record { key: key.into(), value: value.as_bytes().into() }
    }

    #[test]
    fn what_this_version_does_not_know_is_named_and_refused() {
        for key in ["quotas/web", "leader/x", "agent", "weight", "agents/a1", "machine", "whitelist/x", "", "/"] {
            let error = Registry::load(&[record(key, "{}")]).unwrap_err();
            assert_eq!(&*error.key, key);
            assert!(error.problem.contains("knows no such record"), "{error}");
        }
    }

    #[test]
    fn a_broken_record_is_named_and_refused() {
        for (key, value) in [
            ("leader", "{}"),
            ("leader", r#"{"master":"a/b"}"#),
            ("agent/a1", r#"{"info":7}"#),
            ("agent/", "{}"),
            ("agent/a/b", "{}"),
            ("unreachable/a1", r#"{"since_wall":-1}"#),
            ("gone/..", r#"{"since_wall":1}"#),
            ("weight/a//b", r#"{"weight":1.0}"#),
            ("weight/a", r#"{"weight":0.0}"#),
            ("quota/a", r#"{"guarantees":{"cpus":2},"limits":{"cpus":1}}"#),
            ("quota/a", r#"{"limits":{"cpus":-1}}"#),
            ("quota//a", "{}"),
            ("machine/a b", r#"{"unavailability":{"start":1,"duration":null}}"#),
            ("machine/a", "{}"),
            ("machine/A", r#"{"unavailability":{"start":1,"duration":null}}"#),
            ("whitelist", "[]"),
        ] {
            let error = Registry::load(&[record(key, value)]).unwrap_err();
            assert_eq!(&*error.key, key, "{value}");
        }
    }

    #[test]
    fn an_agent_cannot_be_lost_and_gone_at_once() {
        let both = [record("unreachable/a1", r#"{"since_wall":1}"#), record("gone/a1", r#"{"since_wall":1}"#)];
        assert!(Registry::load(&both[..1]).is_ok() && Registry::load(&both[1..]).is_ok());
        assert_eq!(&*Registry::load(&both).unwrap_err().key, "gone/a1");
        assert!(Registry::load(&[both[0].clone(), both[0].clone()]).is_err());
    }

    #[test]
    fn who_an_agent_proved_to_be_is_kept_and_records_without_it_are_read() {
        let id = AgentId::new("a1").unwrap();
        for principal in [None, Some("a".parse().unwrap())] {
            let mut info = mesos_core::AgentInfo::new("host", mesos_core::Resources::new());
            info.principal = principal.clone();
            let admitted = Edit::Admitted(id.clone(), Some(Admitted { info: info.into(), duty: Duty::Serving }));
            let unreachable =
                Unreachable { since_wall: WallTime::default(), duty: Duty::Serving, principal: principal.clone() };
            for edit in [admitted, Edit::Unreachable(id.clone(), Some(unreachable))] {
                let Change::Put(record) = edit.encode() else { panic!("an agent is written") };
                let text = std::str::from_utf8(&record.value).unwrap();
                assert_eq!(text.contains("principal"), principal.is_some(), "{text}");
                let registry = Registry::load(&[record]).unwrap();
                assert_eq!(registry.principal(&id), principal.as_ref());
            }
        }
    }

    #[test]
    fn a_nested_role_needs_no_escaping() {
        let edit = Edit::Weight(Role::new("eng/web").unwrap(), Some(Weight::new(2.5).unwrap()));
        let Change::Put(record) = edit.encode() else { panic!("a weight is written") };
        assert_eq!(&*record.key, "weight/eng/web");
        let mut expected = Registry::default();
        expected.edit(edit);
        assert_eq!(Registry::load(&[record]), Ok(expected));
    }
}
