//! A run: a world, its onlookers, and the loop that takes one thing after the other from the agenda.

use std::fmt;
use std::io;
use std::time::Duration;

use mesos_core::Instant;

use crate::check::Check;
use crate::failure::{Failure, FailureKind};
use crate::record::{Digest, Trace};
use crate::recording::Recording;
use crate::report::Report;
use crate::watch::Watch;
use crate::world::{Stage, World};

/// Things that happen between two looks of somebody who wants to see how far a run is.
const SHOW_EVERY: u32 = 4_096;

/// Sees now and then how far a run is.
pub type Show = Box<dyn FnMut(&World)>;

/// A run under way.
pub struct Simulation {
    world: World,
    watch: Watch,
    show: Option<Show>,
    /// Things that happened since it was shown.
    unshown: u32,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("world", &self.world).field("watch", &self.watch).finish_non_exhaustive()
    }
}

impl Simulation {
    pub(crate) const fn new(world: World, watch: Watch) -> Self {
        Self { world, watch, show: None, unshown: 0 }
    }

    /// Lets somebody see now and then, from here on, how far the run is. Nothing about the run depends on it.
    pub fn show(&mut self, show: Show) {
        self.show = Some(show);
    }

    /// Everything there is.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Lets one more property be checked from here on.
    pub fn watch(&mut self, check: Box<dyn Check>) {
        self.watch.add(check);
    }

    /// Lets every step of every master be recorded from here on: best before the first.
    pub fn record_into(&mut self, recording: Recording) {
        self.watch.record_into(recording);
    }

    /// Ends the recording: every journal gets its end.
    ///
    /// # Errors
    /// What went wrong when a journal was written.
    pub fn end_recording(&mut self) -> io::Result<()> {
        self.watch.take_recording().map_or(Ok(()), Recording::finish)
    }

    /// Steps of all machines so far.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.watch.steps()
    }

    /// The digest of everything so far: equal for equal runs.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.watch.digest()
    }

    /// The trace, if one is kept.
    #[must_use]
    pub const fn trace(&self) -> Option<&Trace> {
        self.watch.trace()
    }

    /// The trace, to take what was written.
    pub const fn trace_mut(&mut self) -> Option<&mut Trace> {
        self.watch.trace_mut()
    }

    /// Writes down from here on what becomes of every task.
    pub fn record(&mut self, recorder: crate::metric::Recorder) {
        self.world.recorder = Some(Box::new(recorder));
    }

    /// What was written down so far; nothing is written down after it.
    pub fn take_record(&mut self) -> Option<crate::metric::Record> {
        let now = self.world.now;
        self.world.recorder.take().map(|recorder| recorder.finish(now))
    }

    /// What the run amounts to so far.
    pub fn report(&mut self) -> Report {
        let digest = self.watch.digest().to_string();
        self.world.report(self.watch.steps(), digest)
    }

    /// Lets the next thing happen if it is due by `limit`; whether there was one.
    ///
    /// # Errors
    /// When a property is broken.
    pub fn step(&mut self, limit: Instant) -> Result<bool, Failure> {
        let Some((at, claim)) = self.world.agenda.next_until(limit) else { return Ok(false) };
        self.world.now = at;
        self.unshown += 1;
        if self.unshown >= SHOW_EVERY {
            self.unshown = 0;
            if let Some(show) = &mut self.show {
                show(&self.world);
            }
        }
        let event = self.world.agenda.claim(claim);
        let result = self.world.happen(event, &mut self.watch);
        if !self.world.notices.is_empty() {
            for notice in std::mem::take(&mut self.world.notices) {
                self.watch.notice(&self.world, notice)?;
            }
        }
        result.map(|()| true)
    }

    /// Lets everything happen that is due by `until`, counted from the beginning.
    ///
    /// # Errors
    /// When a property is broken.
    pub fn run_until(&mut self, until: Duration) -> Result<(), Failure> {
        let limit = Instant::ZERO + until;
        while self.step(limit)? {}
        self.world.now = self.world.now.max(limit);
        Ok(())
    }

    /// Runs until the work of every framework that has an end is done, and faults are over.
    ///
    /// # Errors
    /// When a property is broken, or the work is not done by `limit`.
    pub fn run_until_done(&mut self, limit: Duration) -> Result<Report, Failure> {
        let until = Instant::ZERO + limit;
        while self.world.stage() == Stage::Faulty || !self.world.finite_done() {
            if !self.step(until)? {
                let why = self.world.unsettled().unwrap_or_else(|| "faults go on".into());
                let message = format!("the work is not done after {limit:?}: {why}");
                return Err(self.world.failure(FailureKind::NotLive, "run_until_done", message));
            }
        }
        Ok(self.report())
    }

    /// Runs through all faults and then until everything has settled: agents registered, frameworks served, finite work
    /// done, nothing left behind. Then every check has its last word.
    ///
    /// # Errors
    /// When a property is broken, or the cluster has not settled in time.
    pub fn run(&mut self) -> Result<Report, Failure> {
        self.run_observed(|_| {})
    }

    /// What checks have to say once the world has settled.
    pub(crate) fn last_word(&mut self) -> Result<(), Failure> {
        self.watch.settled(&self.world)
    }

    /// As [`run`](Self::run), handing out the trace after every thing that happens.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_observed(&mut self, mut each: impl FnMut(&mut Trace)) -> Result<Report, Failure> {
        let conditions = self.world.conditions.clone();
        let limit = Instant::ZERO + conditions.faults.until + conditions.settle_within;
        while self.world.stage() != Stage::Settled {
            if !self.step(limit)? {
                let why = self.world.unsettled().unwrap_or_else(|| "it was not looked at".into());
                let message = format!("{:?} after the last fault {why}", conditions.settle_within);
                return Err(self.world.failure(FailureKind::NotLive, "liveness", message));
            }
            if let Some(trace) = self.watch.trace_mut() {
                each(trace);
            }
        }
        self.last_word()?;
        Ok(self.report())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Cluster, secs};
    use crate::container::DURATION_ENV;
    use crate::fault::{Action, CrashKind, StoreTrouble, Target};
    use crate::node::NodeId;
    use crate::workload::Sleepers;

    fn sleepers(count: u32, sleep: u64) -> Cluster {
        let make = move || Sleepers::new(count, secs(sleep)).boxed();
        Cluster::builder().agents(4, "cpus:4;mem:4096").framework("batch", make)
    }

    #[test]
    fn a_healthy_cluster_does_its_work_and_settles() {
        let mut run = sleepers(40, 10).simulate(1).unwrap();
        let report = run.run_until_done(secs(600)).unwrap();
        assert_eq!((report.tasks("FINISHED"), report.launched(), report.elections), (40, 40, 1));
        assert!(report.makespan_secs.is_some_and(|span| (30.0..60.0).contains(&span)), "{report}");
        run.run_until(secs(700)).unwrap();
        assert_eq!((run.world().unsettled(), run.world().running()), (None, 0));
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
        let trace = |seed| {
            let mut run = sleepers(20, 5).traced().crash_leader_at(secs(3)).simulate(seed).unwrap();
            run.run_until_done(secs(600)).unwrap();
            (run.trace().unwrap().as_str().to_owned(), run.digest())
        };
        let (first, again, other) = (trace(5), trace(5), trace(6));
        assert_eq!(first, again);
        assert_ne!(first.1, other.1);
    }

    #[test]
    fn onlookers_do_not_change_a_run() {
        let digest = |cluster: Cluster| {
            let mut run = cluster.simulate(9).unwrap();
            run.run().unwrap();
            run.digest()
        };
        let swarm = Cluster::swarm(9);
        assert_eq!(digest(swarm.clone()), digest(swarm.clone().traced()));
        assert_eq!(digest(swarm.clone()), digest(swarm.checked()));
    }

    #[test]
    fn work_goes_on_when_the_leader_ends() {
        let report = sleepers(40, 20).masters(3).crash_leader_at(secs(15)).simulate(2).unwrap();
        let report = { report }.run_until_done(secs(600)).unwrap();
        assert_eq!((report.tasks("FINISHED"), report.launched(), report.elections), (40, 40, 2));
    }

    #[test]
    fn a_framework_that_ends_takes_up_where_it_was() {
        let mut run = sleepers(40, 20).crash_framework_at(secs(15), 0).simulate(3).unwrap();
        let report = run.run_until_done(secs(600)).unwrap();
        assert_eq!((report.tasks("FINISHED"), report.launched()), (40, 40));
    }

    #[test]
    fn containers_outlive_their_agents_process_but_not_their_machine() {
        for (kind, launched) in [(CrashKind::Process, 4), (CrashKind::Machine, 8)] {
            // One agent: whatever has to run again waits for it.
            let cluster = Cluster::builder().agents(1, "cpus:4;mem:4096");
            let cluster = cluster.framework("batch", || Sleepers::new(4, secs(60)).boxed());
            let crash = cluster.crash_node_at(secs(20), NodeId::Agent(0), kind, secs(5));
            let report = crash.simulate(4).unwrap().run_until_done(secs(1_000)).unwrap();
            assert_eq!((report.tasks("FINISHED"), report.launched()), (4, launched), "{kind:?}");
        }
    }

    #[test]
    fn a_paused_leader_is_replaced_and_its_late_writes_are_fenced_off() {
        let pause = Action::Pause { target: Target::Leader, lasts: secs(40) };
        let mut run = sleepers(40, 20).masters(2).fault_at(secs(10), pause).simulate(5).unwrap();
        let report = run.run().unwrap();
        assert_eq!(report.tasks("FINISHED"), 40);
        assert_eq!(report.elections, 2);
        assert_eq!(run.world().store().fence(), run.world().election().term());
    }

    #[test]
    fn an_agent_that_was_cut_off_comes_back() {
        let cluster = sleepers(40, 20).partition_at(secs(10)..secs(200), 0..2);
        let mut run = cluster.simulate(6).unwrap();
        let report = run.run().unwrap();
        assert_eq!(report.tasks("FINISHED"), 40);
        assert!(report.net.lost > 0);
    }

    #[test]
    fn unsure_writes_end_terms_but_not_the_work() {
        let trouble = StoreTrouble { slow: secs(1), unknown_ppm: 500_000, disk_ppm: 0 };
        let store = Action::Store { trouble, lasts: secs(60) };
        let report = sleepers(20, 20).masters(2).fault_at(Duration::ZERO, store).simulate(7).unwrap();
        let report = { report }.run().unwrap();
        assert!(report.elections > 1 && report.tasks("FINISHED") == 20, "{report}");
    }

    #[test]
    fn work_that_cannot_be_done_is_reported_as_not_live() {
        let make = || Sleepers::new(1, secs(1)).needing("cpus:99".parse().unwrap()).boxed();
        let cluster = Cluster::builder().agents(1, "cpus:4;mem:512").framework("batch", make);
        let failure = cluster.simulate(8).unwrap().run_until_done(secs(100)).unwrap_err();
        assert_eq!((failure.kind, failure.kind.exit_code()), (FailureKind::NotLive, 3));
        // A swarm of this seed would be another cluster.
        assert_eq!(failure.reproduction(), "simulate the same description with seed 8");
    }

    #[test]
    fn a_description_that_cannot_be_is_refused() {
        use crate::cluster::InvalidCluster;
        let refused = |cluster: Cluster| cluster.simulate(1).unwrap_err();
        assert_eq!(refused(Cluster::builder().masters(0)), InvalidCluster::NoMaster);
        assert!(matches!(refused(Cluster::builder().agents(1, "cpus")), InvalidCluster::Resources(_)));
        assert!(matches!(
            refused(Cluster::builder().agents(1, "cpus:1").partition_at(secs(1)..secs(2), 0..9)),
            InvalidCluster::NoSuchAgents { count: 1, .. }
        ));
    }

    #[test]
    fn a_broken_property_stops_the_run_and_is_named() {
        #[derive(Debug)]
        struct NoContainers;
        impl Check for NoContainers {
            fn name(&self) -> &'static str {
                "no_containers"
            }
            fn step(&mut self, step: &crate::check::Step<'_>) -> Result<(), String> {
                if step.world.running() > 0 { Err(format!("one runs, {DURATION_ENV} or not")) } else { Ok(()) }
            }
        }
        let cluster = sleepers(1, 5).checks(|| vec![Box::new(NoContainers)]);
        let failure = cluster.simulate(1).unwrap().run_until_done(secs(100)).unwrap_err();
        assert_eq!((failure.kind, &*failure.property), (FailureKind::Property, "no_containers"));
    }
}
