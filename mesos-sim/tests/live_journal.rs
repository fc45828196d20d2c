//! What live masters and agents did can be done again: their journals replay to the bit in virtual time.
#![cfg(feature = "live")]

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use mesos_core::call::agent::ToAgent;
use mesos_core::journal::Ending;
use mesos_sched::master::Effect;
use mesos_sim::replay::{AgentReplay, Replay, ReplayError};
use mesos_sim::whatif::{Arrivals, Change, Plan, what_if};
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

#[tokio::test]
async fn the_journal_of_a_live_master_is_forked() {
    let folder = tempfile::tempdir().unwrap();
    // Three waves of tasks.
    let cluster = Cluster::builder()
        .agents(2, "cpus:4;mem:4096")
        .framework("batch", || Sleepers::new(24, Duration::from_millis(300)).boxed());
    let mut live = cluster.live(LiveOptions::new().journals_in(folder.path())).await.unwrap();
    assert_eq!(live.run_until_done(secs(120)).await.unwrap().tasks("FINISHED"), 24);
    live.shutdown().await.unwrap();

    let mut paths = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let open = |path: &std::path::Path| BufReader::new(File::open(path).unwrap());
    let path = paths.find(|path| Replay::open(open(path)).is_ok()).expect("there was a master");
    // The first wave is on its way at the fork.
    let (mut replay, mut begin, mut fork) = (Replay::open(open(&path)).unwrap(), None, None);
    while let (None, Some(step)) = (fork, replay.next_step().unwrap()) {
        let at = step.now.mono;
        begin.get_or_insert(at);
        assert_eq!(replay.fold(step), None);
        let is_run = |effect: &Effect| matches!(effect, Effect::ToAgent { message: ToAgent::Run(_), .. });
        fork = replay.effects().iter().any(is_run).then_some(at);
    }
    let at = fork.expect("tasks were launched").since(begin.unwrap()) + Duration::from_millis(1);
    let plan = Plan { at, arrivals: Arrivals::Backlog, patience: secs(60) };
    let change = Change { agents: 2, ..Change::default() };
    let forked = what_if(&mut || Ok::<_, ReplayError>(open(&path)), plan, &change).unwrap();
    assert!(forked.recorded.wanted > 0 && forked.recorded.wanted == forked.baseline.wanted, "{forked}");
    assert_eq!(
        (forked.baseline.finished, forked.changed.finished),
        (forked.recorded.finished, forked.recorded.finished)
    );
    assert!(forked.changed.makespan_secs < forked.baseline.makespan_secs, "{forked}");
}
