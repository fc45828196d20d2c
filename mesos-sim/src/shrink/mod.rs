//! Makes a failing run small: the shortest schedule of faults, the smallest cluster, the fewest frameworks and tasks, the
//! shortest times that still fail in the same way.
//!
//! ```text
//!   seed ──runs──▶ Failure, faults that struck
//!                     │ leave out and cut, as long as the same property breaks
//!                     ▼
//!   Case: seed and Reduction ──▶ the same small run, always
//! ```
//!
//! A [`Case`] is plain data, so a small run can be kept in a file, stepped through and explained.

mod reduction;

pub use reduction::{Case, Planned, Reduction};

use std::time::Duration;

use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::simulation::Simulation;

/// Rounds over everything at most: what one cut makes possible is found by the next round.
const ROUNDS_MAX: u32 = 4;

/// What comes out.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The smallest run found.
    pub reduction: Reduction,
    /// How it fails.
    pub failure: Failure,
    /// Faults that struck in the whole run.
    pub faults_before: usize,
    /// Runs that were tried.
    pub runs: u32,
}

/// A run being made smaller.
struct Shrinker<'a> {
    seed: u64,
    /// Builds the cluster of a reduction, checks and all.
    build: &'a dyn Fn(&Reduction) -> Cluster,
    /// Runs that may be tried.
    runs_max: u32,
    runs: u32,
    /// Told after every run: what is smallest by now.
    progress: &'a mut dyn FnMut(u32, &Reduction),
    best: Reduction,
    wanted: Failure,
}

/// Shrinks the run of `seed` of the cluster that `build` makes of the empty reduction; nothing if that run does not fail.
/// Tries at most `runs_max` runs, and tells `progress` after each what is the smallest by now.
pub fn shrink(
    seed: u64,
    runs_max: u32,
    build: &dyn Fn(&Reduction) -> Cluster,
    progress: &mut dyn FnMut(u32, &Reduction),
) -> Option<Shrunk> {
    let whole = build(&Reduction::default());
    let mut run = whole.simulate(seed).ok()?;
    let wanted = run.guarded(Simulation::run).err()?;
    let struck: Vec<Planned> =
        run.world().struck().iter().map(|(after, action)| Planned { after: *after, action: action.clone() }).collect();
    let faults_before = struck.len();
    let best = Reduction::default();
    let mut shrinker = Shrinker { seed, build, runs_max, runs: 1, progress, best, wanted };
    let planned = Reduction { plan: Some(struck), ..Reduction::default() };
    if !shrinker.try_out(planned) {
        // Two faults at the very same time may change places in a plan: then whole kinds of faults are left out.
        shrinker.shrink_kinds(&whole);
    }
    for _ in 0..ROUNDS_MAX {
        let before = shrinker.best.clone();
        shrinker.round(&whole);
        if shrinker.best == before {
            break;
        }
    }
    let Shrinker { best, wanted, runs, .. } = shrinker;
    Some(Shrunk { reduction: best, failure: wanted, faults_before, runs })
}

impl Shrinker<'_> {
    /// Whether a smaller run still fails in the same way; if so it is the best by now.
    fn try_out(&mut self, smaller: Reduction) -> bool {
        if self.runs >= self.runs_max {
            return false;
        }
        self.runs += 1;
        let cluster = (self.build)(&smaller);
        let failure = cluster.simulate(self.seed).ok().and_then(|mut run| run.guarded(Simulation::run).err());
        let failure =
            failure.filter(|failure| failure.kind == self.wanted.kind && failure.property == self.wanted.property);
        let is_same = failure.is_some();
        if let Some(failure) = failure {
            self.best = smaller;
            self.wanted = failure;
        }
        (self.progress)(self.runs, &self.best);
        is_same
    }

    fn round(&mut self, whole: &Cluster) {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        self.cut_list(
            |reduction| reduction.plan.clone().unwrap_or_default(),
            |reduction, plan| reduction.plan = reduction.plan.as_ref().map(|_| plan),
            0,
        );
        let agents = count(whole.spec().agents.len());
        self.cut_list(
            move |reduction| reduction.agents.clone().unwrap_or_else(|| (0..agents).collect()),
            |reduction, kept| reduction.agents = Some(kept),
            1,
        );
        let frameworks = count(whole.spec().frameworks.len());
        self.cut_list(
            move |reduction| reduction.frameworks.clone().unwrap_or_else(|| (0..frameworks).collect()),
            |reduction, kept| reduction.frameworks = Some(kept),
            1,
        );
        if whole.spec().masters > 1 && self.best.masters != Some(1) {
            self.try_with(|smaller| smaller.masters = Some(1));
        }
        self.cut_pieces();
        self.cut_times(whole);
    }

    fn try_with(&mut self, change: impl FnOnce(&mut Reduction)) -> bool {
        let mut smaller = self.best.clone();
        change(&mut smaller);
        smaller != self.best && self.try_out(smaller)
    }

    /// Leaves out pieces of a list, large ones first; at least `least` items stay.
    fn cut_list<T: Clone + PartialEq>(
        &mut self,
        get: impl Fn(&Reduction) -> Vec<T>,
        set: impl Fn(&mut Reduction, Vec<T>),
        least: usize,
    ) {
        let mut size = get(&self.best).len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            loop {
                let mut items = get(&self.best);
                if at >= items.len() {
                    break;
                }
                items.drain(at..(at + size).min(items.len()));
                if items.len() < least || !self.try_with(|smaller| set(smaller, items)) {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    /// Fewer pieces of work for every framework.
    fn cut_pieces(&mut self) {
        let mut most = self.best.pieces_max.unwrap_or(256);
        while most > 1 {
            let fewer = most / 2;
            if !self.try_with(|smaller| smaller.pieces_max = Some(fewer)) {
                break;
            }
            most = fewer;
        }
    }

    /// Faults end as soon as the last one has, last no longer than they must, and come at whole seconds.
    fn cut_times(&mut self, whole: &Cluster) {
        let until = self.best.until.unwrap_or_else(|| whole.conditions().faults.until);
        let failed_after = self.wanted.at.since(mesos_core::Instant::ZERO);
        if failed_after < until {
            self.try_with(|smaller| smaller.until = Some(failed_after + Duration::from_secs(1)));
        }
        for index in 0..self.best.plan.as_ref().map_or(0, Vec::len) {
            for _ in 0..8 {
                if !self.try_with(|smaller| smaller.shorten(index)) {
                    break;
                }
            }
            self.try_with(|smaller| smaller.round_time(index));
        }
    }

    fn shrink_kinds(&mut self, whole: &Cluster) {
        let all: Vec<String> =
            whole.conditions().faults.nemeses.iter().map(|nemesis| nemesis.name().to_owned()).collect();
        self.cut_list(
            move |reduction| reduction.kinds.clone().unwrap_or_else(|| all.clone()),
            |reduction, kept| reduction.kinds = Some(kept),
            0,
        );
    }
}

#[cfg(test)]
mod tests;
