//! Recorded runs are done again to the bit, and differences are found.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::*;
use crate::recording::{Life, Recording};
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
