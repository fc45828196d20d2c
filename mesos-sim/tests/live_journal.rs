//! What live masters and agents did can be done again: their journals replay to the bit in virtual time.
#![cfg(feature = "live")]

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use mesos_core::journal::Ending;
use mesos_sim::replay::{AgentReplay, Replay, ReplayError};
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, LiveOptions, secs};

#[tokio::test]
async fn the_journals_of_a_live_cluster_replay_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::builder()
        .agents(2, "cpus:4;mem:1024")
        .framework("batch", || Sleepers::new(12, Duration::ZERO).boxed());
    let mut live = cluster.live(LiveOptions::new().journals_in(folder.path())).await.unwrap();
    let report = live.run_until_done(secs(120)).await.unwrap();
    assert_eq!(report.tasks("FINISHED"), 12);
    live.shutdown().await.unwrap();

    let (mut masters, mut agents) = (0, 0);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let open = || BufReader::new(File::open(&path).unwrap());
        let (counts, ending) = match Replay::open(open()) {
            Ok(mut replay) => {
                masters += 1;
                assert_eq!(replay.run().unwrap(), None, "the replay is the same, effect for effect");
                (replay.counts(), replay.ending())
            }
            Err(ReplayError::Machine(kind, _)) => {
                agents += 1;
                assert_eq!(kind, "agent");
                let mut replay = AgentReplay::open_agent(open()).unwrap();
                assert_eq!(replay.run().unwrap(), None, "the replay is the same, effect for effect");
                assert!(replay.machine().has_stopped(), "it is the agent that was stopped");
                (replay.counts(), replay.ending())
            }
            Err(error) => panic!("{error}"),
        };
        assert!(counts.inputs > 20 && counts.effects > 20, "{counts:?}");
        assert_eq!(ending, Some(Ending::Complete));
    }
    assert_eq!((masters, agents), (1, 2));
}
