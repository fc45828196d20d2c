//! Laws of the registry: what is written is what is meant, however it is batched, and nothing a store holds can crash it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::{Change, Record, Ticket};
use mesos_core::maintenance::{MachineId, MaintenanceSchedule, MaintenanceWindow, Unavailability};
use mesos_core::{AgentId, AgentInfo, MasterId, Quota, Role, WallTime, Weight};
use mesos_sched::registry::{BATCH_CHANGES_MAX, Drain, Op, Registrar, Registry};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// A store reduced to what it must do: a map from key to value, changed in order.
#[derive(Default, Clone)]
struct Model(BTreeMap<Arc<str>, Arc<[u8]>>);

impl Model {
    fn commit(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put(record) => self.0.insert(record.key, record.value),
                Change::Delete(key) => self.0.remove(&key),
            };
        }
    }

    fn load(&self) -> Registry {
        let records: Vec<Record> =
            self.0.iter().map(|(key, value)| Record { key: key.clone(), value: value.clone() }).collect();
        Registry::load(&records).expect("what was written can be read")
    }
}

/// Few ids, so that ops meet.
fn agent_id() -> impl Strategy<Value = AgentId> {
    (0..5_u8).prop_map(|n| AgentId::new(format!("m-S{n}")).unwrap())
}

fn agent_info() -> impl Strategy<Value = Arc<AgentInfo>> {
    let resources = prop_oneof![Just("cpus:4;mem:1024"), Just("cpus(eng):2;ports:[31000-31999];zones:{a,b}"), Just("")];
    let attributes = prop_oneof![Just(""), Just("rack:r7;slots:[1-4];speed:2.5")];
    (0..3_u8, resources, attributes).prop_map(|(host, resources, attributes)| {
        let mut info = AgentInfo::new(format!("host{host}"), resources.parse().unwrap());
        info.attributes = attributes.parse().unwrap();
        Arc::new(info)
    })
}

fn wall() -> impl Strategy<Value = WallTime> {
    (0..100_u64).prop_map(WallTime::from_nanos)
}

fn weights() -> impl Strategy<Value = BTreeMap<Role, Weight>> {
    let role = prop_oneof![Just("*"), Just("eng"), Just("eng/web"), Just("ops")];
    let weight = prop_oneof![Just(1.0), Just(0.5), Just(3.25)];
    btree_map(
        role.prop_map(|role| Role::new(role).unwrap()),
        weight.prop_map(|weight| Weight::new(weight).unwrap()),
        0..4,
    )
}

fn quotas() -> impl Strategy<Value = BTreeMap<Role, Quota>> {
    let role = prop_oneof![Just("*"), Just("eng"), Just("eng/web"), Just("eng/web/x"), Just("ops")];
    let amounts = || prop_oneof![Just(""), Just("cpus:1"), Just("cpus:2;mem:64"), Just("mem:128")];
    let quota = (amounts(), amounts()).prop_filter_map("a guarantee above its limit", |(guarantees, limits)| {
        Quota::new(guarantees.parse().unwrap(), limits.parse().unwrap()).ok()
    });
    btree_map(role.prop_map(|role| Role::new(role).unwrap()), quota, 0..4)
}

fn machines() -> impl Strategy<Value = Vec<MachineId>> {
    vec((0..3_u8).prop_map(|n| MachineId::of_host(&format!("host{n}"))), 0..3)
}

fn schedule() -> impl Strategy<Value = MaintenanceSchedule> {
    let window = (machines(), wall(), proptest::option::of(0..9_u64)).prop_map(|(machines, start, seconds)| {
        let duration = seconds.map(Duration::from_secs);
        MaintenanceWindow { machines, unavailability: Unavailability { start, duration } }
    });
    vec(window, 0..3).prop_map(|windows| MaintenanceSchedule { windows })
}

fn whitelist() -> impl Strategy<Value = Option<BTreeSet<Arc<str>>>> {
    proptest::option::of(vec((0..3_u8).prop_map(|n| format!("host{n}").into()), 0..3).prop_map(BTreeSet::from_iter))
}

fn drain() -> impl Strategy<Value = Drain> {
    let max_grace = proptest::option::of((0..9_u64).prop_map(Duration::from_secs));
    (max_grace, any::<bool>()).prop_map(|(max_grace, mark_gone)| Drain { max_grace, mark_gone })
}

/// Ops about whether agents and machines serve.
fn duty_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (agent_id(), drain()).prop_map(|(id, drain)| Op::DrainAgent { id, drain }),
        agent_id().prop_map(|id| Op::MarkDrained { id }),
        agent_id().prop_map(|id| Op::DeactivateAgent { id }),
        agent_id().prop_map(|id| Op::ReactivateAgent { id }),
        schedule().prop_map(Op::SetSchedule),
        machines().prop_map(|machines| Op::StartMaintenance(BTreeSet::from_iter(machines))),
        machines().prop_map(|machines| Op::StopMaintenance(BTreeSet::from_iter(machines))),
        whitelist().prop_map(Op::SetWhitelist),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => duty_op(),
        9 => agent_op(),
    ]
}

fn agent_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..3_u8).prop_map(|n| Op::Lead { master: MasterId::new(format!("m{n}")).unwrap() }),
        (agent_id(), agent_info()).prop_map(|(id, info)| Op::AdmitAgent { id, info }),
        (agent_id(), agent_info()).prop_map(|(id, info)| Op::UpdateAgent { id, info }),
        (agent_id(), wall()).prop_map(|(id, since_wall)| Op::MarkUnreachable { id, since_wall }),
        (agent_id(), agent_info()).prop_map(|(id, info)| Op::MarkReachable { id, info }),
        agent_id().prop_map(|id| Op::RemoveAgent { id }),
        (agent_id(), wall()).prop_map(|(id, at_wall)| Op::MarkGone { id, at_wall }),
        weights().prop_map(Op::SetWeights),
        quotas().prop_map(Op::SetQuotas),
        (wall(), 0..4_usize).prop_map(|(before_wall, count_max)| Op::Prune { before_wall, count_max }),
    ]
}

/// Applies what is not refused, one op a write.
fn one_by_one(ops: &[Op], model: &mut Model) -> Registry {
    let mut registry = Registry::default();
    for op in ops {
        if let Ok(changes) = op.apply(&mut registry) {
            model.commit(changes);
        }
    }
    registry
}

proptest! {
    #[test]
    fn what_was_written_is_what_is_meant(ops in vec(op(), 0..40)) {
        let mut model = Model::default();
        let mut registry = Registry::default();
        for op in ops {
            if let Ok(changes) = op.apply(&mut registry) {
                prop_assert!(changes.len() <= BATCH_CHANGES_MAX);
                model.commit(changes);
            }
            prop_assert_eq!(&model.load(), &registry, "after {:?}", op);
        }
    }

    #[test]
    fn an_op_applied_twice_is_applied_once(before in vec(op(), 0..20), op in op()) {
        let mut registry = one_by_one(&before, &mut Model::default());
        if op.apply(&mut registry).is_ok() {
            let once = registry.clone();
            match op.apply(&mut registry) {
                Ok(changes) => prop_assert!(changes.is_empty() || matches!(op, Op::Lead { .. }), "{changes:?}"),
                // As in Mesos: what is down is not taken down, and what is up not taken up.
                Err(refused) => {
                    prop_assert!(matches!(op, Op::StartMaintenance(_) | Op::StopMaintenance(_)), "{refused:?}");
                }
            }
            prop_assert_eq!(registry, once);
        }
    }

    #[test]
    fn a_refused_op_changes_nothing(before in vec(op(), 0..20), op in op()) {
        let mut registry = one_by_one(&before, &mut Model::default());
        let unchanged = registry.clone();
        if op.apply(&mut registry).is_err() {
            prop_assert_eq!(registry, unchanged);
        }
    }

    #[test]
    fn an_agent_has_one_standing(ops in vec(op(), 0..40)) {
        let registry = one_by_one(&ops, &mut Model::default());
        for id in registry.agents().keys() {
            prop_assert!(!registry.unreachable().contains_key(id) && !registry.gone().contains_key(id));
        }
        for id in registry.unreachable().keys() {
            prop_assert!(!registry.gone().contains_key(id));
        }
    }

    /// After each op, the booleans say whether a batch is taken and whether the one in flight completes.
    #[test]
    fn any_grouping_into_batches_gives_the_same(steps in vec((op(), any::<bool>(), any::<bool>()), 0..40)) {
        let ops: Vec<Op> = steps.iter().map(|(op, ..)| op.clone()).collect();
        let expected = one_by_one(&ops, &mut Model::default());

        let mut registrar = Registrar::new(Registry::default());
        let mut model = Model::default();
        let (mut submitted, mut finished): (Vec<Ticket>, Vec<Ticket>) = (Vec::new(), Vec::new());
        let mut in_flight = None;
        for (op, takes, completes) in steps {
            submitted.extend(registrar.submit(op));
            if takes && let Some(batch) = registrar.next_batch() {
                prop_assert!(in_flight.is_none(), "two writes at once");
                in_flight = Some(batch);
            }
            if completes && let Some(batch) = in_flight.take() {
                model.commit(batch.changes);
                finished.extend(registrar.complete(batch.ticket).unwrap());
                prop_assert_eq!(&model.load(), registrar.registry(), "the durable registry is what the store holds");
            }
        }
        while let Some(batch) = in_flight.take().or_else(|| registrar.next_batch()) {
            model.commit(batch.changes);
            finished.extend(registrar.complete(batch.ticket).unwrap());
        }
        prop_assert_eq!(finished, submitted, "every accepted op is answered once, in order");
        prop_assert_eq!(registrar.unfinished(), 0);
        prop_assert_eq!(registrar.upcoming(), &expected);
        prop_assert_eq!(registrar.registry(), &expected);
        prop_assert_eq!(model.load(), expected);
    }

    #[test]
    fn no_record_can_crash_a_master(
        records in vec((hostile_key(), hostile_value()), 0..6),
    ) {
        let records: Vec<Record> =
            records.into_iter().map(|(key, value)| Record { key: key.into(), value: value.into() }).collect();
        match Registry::load(&records) {
            Ok(_) => {}
            Err(error) => prop_assert!(records.iter().any(|record| record.key == error.key), "{error} names no record"),
        }
    }

    /// A store that lost, cut or mixed up what was written gives an error or a registry, never a crash.
    #[test]
    fn a_damaged_store_is_survived(ops in vec(op(), 1..20), victim in any::<prop::sample::Index>(), cut in 0..40_usize) {
        let mut model = Model::default();
        one_by_one(&ops, &mut model);
        let mut records: Vec<Record> = model.0.into_iter().map(|(key, value)| Record { key, value }).collect();
        if !records.is_empty() {
            let victim = victim.index(records.len());
            let value = &records[victim].value;
            records[victim].value = value[..cut.min(value.len())].into();
            let _ = Registry::load(&records);
            let last = records.len() - 1;
            records[victim].value = records[last].value.clone();
            let _ = Registry::load(&records);
        }
    }
}

fn hostile_key() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        Just("leader"),
        Just("agent"),
        Just("unreachable"),
        Just("gone"),
        Just("weight"),
        Just("quota"),
        Just("machine"),
        Just("x")
    ];
    prop_oneof![
        (kind, "[/.a-c*\\\\\0-\u{1f}]{0,4}").prop_map(|(kind, name)| format!("{kind}/{name}")),
        "(leader|agent|machine|whitelist|)/?",
        any::<String>(),
    ]
}

fn hostile_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(br#"{"master":"m1"}"#.to_vec()),
        Just(br#"{"since_wall":18446744073709551615}"#.to_vec()),
        Just(br#"{"weight":1e300}"#.to_vec()),
        Just(br#"{"limits":{"cpus":1e300}}"#.to_vec()),
        Just(br#"{"weight":2.0,"more":[[[[]]]]}"#.to_vec()),
        Just(br#"{"info":{"hostname":"","port":70000}}"#.to_vec()),
        Just("[".repeat(100_000).into_bytes()),
        vec(any::<u8>(), 0..30),
    ]
}
