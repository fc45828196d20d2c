//! Recorded runs are done again to the bit, and differences are found.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::*;
use crate::node::NodeId;
use crate::recording::{Life, Recording};
use crate::story::{Line, Subject};
use crate::{Cluster, Simulation};

/// Bytes that several may hold.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The journals of all masters of a run, and its digest.
fn record(cluster: &Cluster, seed: u64) -> (Vec<(Life, Vec<u8>)>, String) {
    let journals: Rc<RefCell<Vec<(Life, Shared)>>> = Rc::default();
    let kept = journals.clone();
    let mut run = cluster.simulate(seed).unwrap();
    run.record_into(Recording::new(Box::new(move |life| {
        let sink = Shared::default();
        kept.borrow_mut().push((life, sink.clone()));
        Some(Box::new(sink))
    })));
    run.guarded(Simulation::run).unwrap();
    run.end_recording().unwrap();
    let digest = run.digest().to_string();
    let journals = journals.borrow().iter().map(|(life, sink)| (*life, sink.0.borrow().clone())).collect();
    (journals, digest)
}

#[test]
fn every_master_of_a_run_can_be_replayed_to_the_bit() {
    let mut journals = 0;
    for seed in 0..6 {
        let cluster = Cluster::swarm(seed);
        let (recorded, digest) = record(&cluster, seed);
        let mut plain = cluster.simulate(seed).unwrap();
        plain.run().unwrap();
        assert_eq!(plain.digest().to_string(), digest, "recording changes nothing");
        for (life, bytes) in recorded {
            let mut replay = Replay::open(bytes.as_slice()).unwrap();
            assert_eq!(replay.run().unwrap(), None, "seed {seed}, {life:?}");
            assert_eq!(replay.ending(), Some(Ending::Complete));
            assert!(replay.counts().steps > 0);
            journals += 1;
        }
    }
    assert!(journals > 6, "some masters were replaced");
}

#[test]
fn a_master_of_other_options_is_noticed_at_its_first_other_step() {
    let cluster = Cluster::swarm(0);
    let (recorded, _) = record(&cluster, 0);
    let (_, bytes) = recorded.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let mut replay = Replay::open_with(bytes.as_slice(), |_| {
        let options = mesos_sched::allocator::Options::named("random")?;
        Ok(Box::new(mesos_sched::allocator::HierarchicalDrf::new(options)))
    })
    .unwrap();
    let difference = replay.run().unwrap().expect("another allocator decides otherwise");
    assert_eq!(difference.step, replay.counts().steps);
    assert_eq!(replay.effects().len(), difference.replayed);
}

#[test]
fn the_journal_of_something_else_is_refused() {
    use mesos_core::journal::Encoder;
    let header = Header::new("agent", &Rng::new(1), serde_json::Value::Null);
    let bytes = Encoder::new(&header).finish(Ending::Complete);
    assert!(matches!(Replay::open(bytes.as_slice()), Err(ReplayError::Machine(name, "master")) if name == "agent"));
    let header = Header::new(Recipe::MACHINE, &Rng::new(1), serde_json::Value::Null);
    let bytes = Encoder::new(&header).finish(Ending::Complete);
    assert!(matches!(Replay::open(bytes.as_slice()), Err(ReplayError::Settings(_))));
}

/// What a journal says about a subject.
fn story(bytes: &[u8], subject: Subject) -> Vec<Line> {
    let (mut replay, mut story, mut lines) = (Replay::open(bytes).unwrap(), JournalStory::about(subject), Vec::new());
    while let Some(step) = replay.next_step().unwrap() {
        let (at, input) = (step.now.mono, step.input.clone());
        assert_eq!(replay.fold(step), None);
        lines.extend(story.step(at, input.as_ref(), replay.effects()));
    }
    lines
}

#[test]
fn every_task_and_every_agent_of_a_journal_has_a_story() {
    let (mut tasks, mut agents) = (0, 0);
    for seed in 0..3 {
        for (life, bytes) in record(&Cluster::swarm(seed), seed).0 {
            for line in story(&bytes, Subject::Launches).iter().take(5) {
                let (name, _) = line.text.split_once(' ').unwrap();
                let (framework, task) = name.strip_prefix('f').unwrap().split_once('/').unwrap();
                let framework: u32 = framework.parse().unwrap();
                let task = mesos_core::TaskId::new(task).unwrap();
                let told = story(&bytes, Subject::Task { framework: Some(framework), task });
                let says =
                    |node: NodeId, text: &str| told.iter().any(|line| line.node == node && line.text.contains(text));
                assert!(
                    says(NodeId::Framework(framework), "launches the task on a"),
                    "{seed} {life:?} {name}: {told:?}"
                );
                assert!(says(NodeId::Master(0), "takes the launch"), "{seed} {life:?} {name}: {told:?}");
                assert!(told.windows(2).all(|pair| pair[0].at <= pair[1].at));
                tasks += 1;
            }
            let told = story(&bytes, Subject::Agent(0));
            agents += usize::from(told.iter().any(|line| line.node == NodeId::Agent(0)));
            assert!(story(&bytes, Subject::Agent(10_000)).is_empty());
        }
    }
    assert!(tasks > 10 && agents > 2, "{tasks} tasks, {agents} agents");
}
