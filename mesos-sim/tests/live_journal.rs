//! What a live master did can be done again: its journal replays to the bit in virtual time.
#![cfg(feature = "live")]

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use mesos_core::journal::Ending;
use mesos_sim::replay::Replay;
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, LiveOptions, secs};

#[tokio::test]
async fn the_journal_of_a_live_master_replays_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::builder()
        .agents(2, "cpus:4;mem:1024")
        .framework("batch", || Sleepers::new(12, Duration::ZERO).boxed());
    let mut live = cluster.live(LiveOptions::new().journals_in(folder.path())).await.unwrap();
    let report = live.run_until_done(secs(120)).await.unwrap();
    assert_eq!(report.tasks("FINISHED"), 12);
    live.shutdown().await.unwrap();

    let mut paths: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let path = paths.pop().expect("the master wrote a journal");
    assert!(paths.is_empty(), "one master, one journal");
    let mut replay = Replay::open(BufReader::new(File::open(&path).unwrap())).unwrap();
    assert_eq!(replay.run().unwrap(), None, "the replay is the same, effect for effect");
    let counts = replay.counts();
    assert!(counts.inputs > 40 && counts.effects > 40, "{counts:?}");
    assert!(matches!(replay.ending(), Some(Ending::Complete)), "{:?}", replay.ending());
}
