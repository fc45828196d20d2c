//! What a master reads of its registry, and of a journal of what it was told, as functions of bytes: for fuzzing, and for the
//! run of the kept corpus among the tests.

use mesos_core::journal::{read_input, write_input};
use mesos_core::kernel::Record;
use mesos_core::net::corpus::Target;

use super::Registry;
use crate::master::Input;

/// All of them.
pub const TARGETS: &[Target] = &[Target { name: "registry", read }, Target { name: "master_input", read: input }];

/// An input as a journal holds it: what was read is written, and read as the same.
fn input(bytes: &[u8]) {
    let Ok(input) = read_input::<Input>(bytes) else { return };
    let written = write_input(&input);
    let again: Input = read_input(&written).expect("what was written can be read");
    assert_eq!(write_input(&again), written);
}

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

    use mesos_core::call::ConnId;
    use mesos_core::call::agent::ToMaster;
    use mesos_core::call::operator::{self, ReplyTo};
    use mesos_core::call::scheduler::Call;
    use mesos_core::kernel::{Change, Rng, Seq, Term};
    use mesos_core::maintenance::{MachineId, MaintenanceSchedule, MaintenanceWindow, Unavailability};
    use mesos_core::net::corpus::{Corpus, keep};
    use mesos_core::{
        AgentId, AgentInfo, Filters, FrameworkId, FrameworkInfo, MasterId, Operation, Role, Source, TaskId, TaskInfo,
        TaskState, TaskStatus, WallTime, Weight,
    };

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
    fn the_corpus_of_inputs_is_what_a_journal_would_hold() {
        let framework = FrameworkInfo::new("f", Role::new("eng/web").unwrap());
        let task_id = TaskId::new("t").unwrap();
        let task = TaskInfo::shell(task_id.clone(), AgentId::new("a").unwrap(), "cpus:1".parse().unwrap(), "true");
        let mut status = TaskStatus::new(task_id, TaskState::Failed, Source::Executor, WallTime::default());
        status.labels = [("k", "v")].into_iter().collect();
        status.limitation = Some(Arc::new("mem:64".parse().unwrap()));
        let framework_id = FrameworkId::new("f1").unwrap();
        let info = Arc::new(AgentInfo::new("here", "cpus:2;ports:[1-2];disk(web):5".parse().unwrap()));
        let operations = vec![
            Operation::Launch(vec![Arc::new(task)]),
            Operation::Reserve("cpus(web):1".parse().unwrap()).tracked("o".parse().unwrap()),
        ];
        let (suppressed, constraints) = (Default::default(), Default::default());
        let subscribe = Call::Subscribe { info: Box::new(framework), suppressed, constraints };
        let accept = Call::Accept { offers: vec!["o1".parse().unwrap()], operations, filters: Filters::default() };
        let register = ToMaster::Register { total: info.resources.clone(), info };
        let update = ToMaster::Update { framework_id, status: status.into(), latest: TaskState::Failed };
        let record = Record { key: "agent/a".into(), value: b"{}"[..].into() };
        let (conn, seq) = (ConnId(3), Seq(4));
        let gone = operator::Call::MarkAgentGone(AgentId::new("a").unwrap());
        for (name, input) in [
            ("elected", Input::Elected { term: Term(1), records: vec![record] }),
            ("subscribe", Input::Scheduler { conn, seq, call: subscribe }),
            ("accept", Input::Scheduler { conn, seq, call: accept }),
            ("register", Input::Agent { conn, seq, message: register }),
            ("update", Input::Agent { conn, seq, message: update }),
            ("operator", Input::Operator { reply: ReplyTo(7), call: gone }),
        ] {
            let bytes = write_input(&input);
            keep(&folder(), "master_input", name, &bytes).unwrap();
            assert_eq!(read_input::<Input>(&bytes), Ok(input));
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
