//! What an agent reads that others wrote, beside what comes over the network, as functions of bytes: for fuzzing, and for the
//! run of the kept corpus among the tests.

use mesos_core::journal::{read_input, write_input};
use mesos_core::kernel::Record;
use mesos_core::net::corpus::Target;

use super::fetch::decoders as fetch;
use crate::agent::{Input, read_checkpoint};
use crate::containerizer::process::read_record;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "checkpoint", read: checkpoint },
    Target { name: "container_record", read: |bytes| read_record(&String::from_utf8_lossy(bytes)) },
    Target { name: "fetch_uri", read: fetch::uri },
    Target { name: "archive", read: fetch::archive },
    Target { name: "agent_input", read: input },
];

/// An input as a journal holds it: what was read is written, and read as the same.
fn input(bytes: &[u8]) {
    let Ok(input) = read_input::<Input>(bytes) else { return };
    let written = write_input(&input);
    let again: Input = read_input(&written).expect("what was written can be read");
    assert_eq!(write_input(&again), written);
}

/// A record in each line: its key, a space, its value.
fn checkpoint(bytes: &[u8]) {
    drop(read_checkpoint(&records(&String::from_utf8_lossy(bytes))));
}

fn records(text: &str) -> Vec<Record> {
    let record = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some(Record { key: key.into(), value: value.as_bytes().into() })
    };
    text.lines().filter_map(record).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use mesos_core::call::agent::{RunTask, ToAgent};
    use mesos_core::call::executor::{Said, TaskUpdate};
    use mesos_core::call::operator::ReplyTo;
    use mesos_core::call::{ConnId, Leader};
    use mesos_core::kernel::{Rng, Seq, Term};
    use mesos_core::net::corpus::{Corpus, keep};
    use mesos_core::{
        AgentId, ContainerId, Exit, FrameworkId, FrameworkInfo, MasterId, Role, TaskId, TaskInfo, TaskState, UpdateId,
    };

    use super::*;
    use crate::agent::{ContainerAsk, ContainerOutcome, Nest, Speaker};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
    }

    #[test]
    fn nothing_that_is_read_panics_an_agent_or_leads_out_of_a_sandbox() {
        for target in TARGETS {
            let corpus = Corpus::open(&folder(), target.name).unwrap();
            // Each archive takes a program of its own.
            let changed = if target.name == "archive" { 60 } else { 2_000 };
            corpus.feed(target, changed, &mut Rng::new(1)).unwrap();
        }
    }

    #[test]
    fn the_corpus_of_inputs_is_what_a_journal_would_hold() {
        let (framework_id, task_id) = (FrameworkId::new("f1").unwrap(), TaskId::new("t").unwrap());
        let agent_id = AgentId::new("a").unwrap();
        let task = TaskInfo::shell(task_id.clone(), agent_id, "cpus:1;ports:[1-2]".parse().unwrap(), "true");
        let role = Role::new("eng/web").unwrap();
        let run = RunTask {
            framework_id: framework_id.clone(),
            framework: Arc::new(FrameworkInfo::new("f", role.clone())),
            role,
            task: Arc::new(task),
            may_start_executor: true,
        };
        let leader = Leader { id: MasterId::new("m1").unwrap(), address: "m:5050".into(), term: Term(2) };
        let mut update = TaskUpdate::new(task_id, TaskState::Running);
        update.uuid = Some(UpdateId(7));
        update.labels = [("k", "v")].into_iter().collect();
        let container = ContainerId::new("e.1").unwrap();
        let speaker =
            Speaker { framework_id, executor_id: "e".parse().unwrap(), container_id: Some(container.clone()) };
        let nest = Nest { parent: Some(container), name: ContainerId::new("c").unwrap() };
        let (conn, seq, reply) = (ConnId(1), Seq(2), ReplyTo(3));
        let record = Record { key: "agent".into(), value: b"{}"[..].into() };
        let ended = ContainerOutcome::Exited(Exit::Status(7));
        for (name, input) in [
            ("recovered", Input::Recovered { records: vec![record] }),
            ("leader", Input::LeaderChanged { leader: Some(leader) }),
            ("run", Input::Received { conn, seq, message: ToAgent::Run(Box::new(run)) }),
            ("said", Input::ExecutorSaid { speaker, said: Said::Update(Box::new(update)), reply }),
            ("asked", Input::ContainerAsked { nest, ask: ContainerAsk::Wait, reply }),
            ("ended", Input::Container { ticket: mesos_core::kernel::Ticket(9), outcome: ended }),
        ] {
            let bytes = write_input(&input);
            keep(&folder(), "agent_input", name, &bytes).unwrap();
            read_input::<Input>(&bytes).unwrap();
        }
    }

    #[test]
    fn the_corpus_holds_what_an_agent_would_read() {
        for (path, bytes) in Corpus::open(&folder(), "checkpoint").unwrap().iter() {
            let records = records(std::str::from_utf8(bytes).unwrap());
            assert!(!records.is_empty());
            read_checkpoint(&records).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}
