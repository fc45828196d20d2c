//! `mesos-sim speed`: how fast a large healthy cluster is simulated here.

use std::time::Instant;

use clap::Args;
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, secs};

use crate::outcome::Outcome;
use crate::print::{print, print_pace};
use crate::progress;
use crate::seeds::{agents, some};

#[derive(Debug, Args)]
pub(crate) struct Speed {
    /// Agents, of 8 cores each.
    #[arg(long, default_value_t = 1_000, value_parser = agents())]
    agents: usize,
    /// Tasks, of one core each.
    #[arg(long, default_value_t = 50_000, value_parser = some())]
    tasks: u32,
    /// How long each of them sleeps, in seconds. Long sleeps measure what a quiet cluster costs.
    #[arg(long, default_value_t = 30)]
    sleep: u64,
    /// Masters; with more than one, the leader is crashed after 20 s.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=99))]
    masters: u32,
    /// Checks all properties too.
    #[arg(long)]
    checked: bool,
}

impl Speed {
    pub(crate) fn run(&self) -> Outcome {
        let (tasks, sleep) = (self.tasks, secs(self.sleep));
        let mut cluster = Cluster::builder()
            .masters(self.masters)
            .agents(self.agents, "cpus:8;mem:16384")
            .framework("batch", move || Sleepers::new(tasks, sleep).boxed())
            .coming_from(crate::outcome::invocation());
        if self.masters > 1 {
            cluster = cluster.crash_leader_at(secs(20));
        }
        if self.checked {
            cluster = cluster.checked();
        }
        let mut simulation = cluster.simulate(1).expect("the description is a constant");
        let bar = progress::of_tasks(&mut simulation, u64::from(self.tasks));
        let started = Instant::now();
        let report = simulation.guarded(|simulation| simulation.run_until_done(secs(24 * 3_600)));
        bar.finish_and_clear();
        let report = report?;
        print(&report.to_string());
        print_pace(&report, started);
        Ok(())
    }
}
