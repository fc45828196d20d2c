//! What masters publish, under every fault, is what their books hold; and that they publish changes nothing else.

use mesos_sim::Cluster;
use mesos_sim::check::Published;

#[test]
fn whoever_folds_what_is_published_has_the_books() {
    for seed in 0..60 {
        let watched = Cluster::swarm(seed).publishing().checks(|| vec![Box::<Published>::default()]);
        let run = watched.simulate(seed).expect("a drawn cluster is possible").run();
        if let Err(failure) = run {
            panic!("{failure}");
        }
    }
}
