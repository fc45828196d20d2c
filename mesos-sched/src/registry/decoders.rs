//! What a master reads of its registry, as a function of bytes: for fuzzing, and for the run of the kept corpus among the
//! tests.

use mesos_core::kernel::Record;
use mesos_core::net::corpus::Target;

use super::Registry;

/// All of them.
pub const TARGETS: &[Target] = &[Target { name: "registry", read }];

/// A record in each line: its key, a space, its value.
fn read(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let record = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some(Record { key: key.into(), value: value.as_bytes().into() })
    };
    let records: Vec<Record> = text.lines().filter_map(record).collect();
    if let Ok(registry) = Registry::load(&records) {
        // Who can be loaded has each record once.
        assert!(registry.agents().len() + registry.unreachable().len() <= records.len());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use mesos_core::kernel::{Change, Rng};
    use mesos_core::maintenance::{MachineId, MaintenanceSchedule, MaintenanceWindow, Unavailability};
    use mesos_core::net::corpus::{Corpus, keep};
    use mesos_core::{AgentId, AgentInfo, MasterId, Role, WallTime, Weight};

    use super::*;
    use crate::registry::Op;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
    }

    #[test]
    fn no_record_that_can_be_in_a_store_panics_a_master() {
        for target in TARGETS {
            let corpus = Corpus::open(&folder(), target.name).unwrap();
            corpus.feed(target, 2_000, &mut Rng::new(1)).unwrap();
        }
    }

    #[test]
    fn the_corpus_is_what_this_version_writes() {
        let id = |name: &str| AgentId::new(name).unwrap();
        let info = |name: &str| {
            let mut info = AgentInfo::new(name, "cpus:2;ports:[1-2]".parse().unwrap());
            info.principal = Some(name.parse().unwrap());
            Arc::new(info)
        };
        let (role, machine) = (Role::new("eng/web").unwrap(), MachineId::new("here").unwrap());
        let at_wall = WallTime::from_nanos(5);
        let window = MaintenanceWindow {
            machines: vec![machine],
            unavailability: Unavailability { start: at_wall, duration: None },
        };
        let ops = [
            Op::Lead { master: MasterId::new("m1").unwrap() },
            Op::AdmitAgent { id: id("m1-S0"), info: info("here") },
            Op::AdmitAgent { id: id("m1-S1"), info: info("lost") },
            Op::MarkUnreachable { id: id("m1-S1"), since_wall: at_wall },
            Op::AdmitAgent { id: id("m1-S2"), info: info("gone") },
            Op::MarkGone { id: id("m1-S2"), at_wall },
            Op::SetWeights([(role, Weight::new(2.5).unwrap())].into()),
            Op::SetSchedule(MaintenanceSchedule { windows: vec![window] }),
            Op::SetWhitelist(Some(["here".into()].into())),
        ];
        let (mut registry, mut records) = (Registry::default(), BTreeMap::new());
        for change in ops.iter().flat_map(|op| op.apply(&mut registry).unwrap()) {
            match change {
                Change::Put(record) => drop(records.insert(record.key.clone(), record)),
                Change::Delete(key) => drop(records.remove(&key)),
            }
        }
        let line = |record: &Record| format!("{} {}\n", record.key, std::str::from_utf8(&record.value).unwrap());
        let text: String = records.values().map(line).collect();
        keep(&folder(), "registry", "cluster", text.as_bytes()).unwrap();
        let records: Vec<Record> = records.into_values().collect();
        assert_eq!(Registry::load(&records), Ok(registry));
    }
}
