//! What would have been? A journal is forked at a moment: the master, as it was then, goes on with another allocator, other
//! weights or quotas, or more agents, and both futures are compared.
//!
//! ```text
//!   journal ──replay──▶ master at T ──┬─ as it was      ─▶ Figures
//!              │                      └─ with the change ─▶ Figures
//!              └─ learnt: which tasks, how large, how long, who came and went
//! ```
//!
//! Up to the fork everything is replayed to the bit. From there on the master is the real one and its peers are models that
//! answer it: agents ping, run and report; frameworks take what they can use, and give the rest back. What they do was
//! learnt from the journal: a framework wants the tasks that it launched after the fork, each from the moment it launched it
//! (or all of them at once, [`Arrivals::Backlog`]), of the same size, for as long as they ran. What no journal can know, such
//! as since when a task was really waited for, is not made up. How good the models are shows in the future without a change:
//! it should look like what was recorded.
//!
//! This is Borg's Fauxmaster idea: production code of the master, stubs around it. See Verma et al., "Large-scale cluster
//! management at Google with Borg", EuroSys 2015, section 3.

mod figures;
mod learn;
mod model;
mod play;
mod wishes;

pub use figures::{Comparison, Figures, RoleFigures};

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::{Allocator, Instant, Quota, Rejection, Role, Weight};
use mesos_sched::allocator::{HierarchicalDrf, Options, Shadow};

use crate::cluster::AllocatorFactory;
use crate::replay::{Difference, Replay, ReplayError};
use learn::Lesson;
use play::Play;

/// Makes the allocator that takes over at a fork: that of some options, or somebody's own.
///
/// ```
/// use mesos_sched::allocator::{HierarchicalDrf, Options};
/// use mesos_sim::whatif::{Candidate, Change};
///
/// let packing = Change { allocator: Some(Options::named("packing")?.into()), ..Change::default() };
/// // Whatever implements `Allocator` will do.
/// let own = Candidate::new(|| Box::new(HierarchicalDrf::new(Options::default())));
/// let own = Change { allocator: Some(own), ..Change::default() };
/// # Ok::<(), mesos_core::Rejection>(())
/// ```
#[derive(Clone)]
pub struct Candidate(AllocatorFactory);

impl Candidate {
    /// This one.
    #[must_use]
    pub fn new(make: impl Fn() -> Box<dyn Allocator> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }
}

impl From<Options> for Candidate {
    fn from(options: Options) -> Self {
        Self::new(move || Box::new(HierarchicalDrf::new(options.clone())))
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Candidate")
    }
}

/// What is changed at the fork. The default changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Another allocator from there on. It has watched the old one, so its books are right.
    pub allocator: Option<Candidate>,
    /// How much roles count.
    pub weights: Vec<(Role, Weight)>,
    /// What roles are promised and allowed.
    pub quotas: Vec<(Role, Quota)>,
    /// Sets quotas also where the master would refuse them: below what is in use, or beyond what there is.
    pub is_forced: bool,
    /// So many more agents, each like the first one there is; at most [`AGENTS_MAX`](Self::AGENTS_MAX).
    pub agents: u32,
}

impl Change {
    /// How many agents may be added: what a fork asks of the machine it is played on has a bound.
    pub const AGENTS_MAX: u32 = 1_000_000;
}

/// Since when tasks are wanted that were launched after the fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// From their launch: right for frameworks that do not wait.
    #[default]
    AsLaunched,
    /// From the fork: right for frameworks with a queue.
    Backlog,
}

/// How to look at it.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// When the fork is, counted from the first step of the journal.
    pub at: Duration,
    /// Since when tasks are wanted.
    pub arrivals: Arrivals,
    /// A future that is not over so long after the end of the journal is cut off.
    pub patience: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WhatIfError {
    /// The journal cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// This version decides otherwise than the one that was recorded.
    #[error("step {} of the journal, before the fork, goes another way in this version; nothing after it means anything", .0.step)]
    Differs(Difference),
    /// The fork is not in the journal.
    #[error("the journal covers {covered:?}, and the fork was to be at {at:?}")]
    NotCovered {
        /// From its first to its last step.
        covered: Duration,
        /// Where the fork was to be.
        at: Duration,
    },
    /// The master did not lead yet.
    #[error("the master did not lead yet at {0:?}; fork later")]
    NotLeading(Duration),
    /// More agents are added than a fork can have.
    #[error("{0} more agents are too many; at most {max} can be added", max = Change::AGENTS_MAX)]
    TooManyAgents(u32),
    /// The allocator cannot take over.
    #[error("{0}")]
    Allocator(Rejection),
    /// The master refused what was changed.
    #[error("the master refused the change: {0}")]
    Refused(Rejection),
}

/// Forks a journal and compares the future as it was with the one of a change. `open` opens the journal; it is read three
/// times.
///
/// # Errors
/// When the journal cannot be replayed up to the fork, or the change is refused.
pub fn what_if<R: Read>(
    open: &mut dyn FnMut() -> Result<R, ReplayError>,
    plan: Plan,
    change: &Change,
) -> Result<Comparison, WhatIfError> {
    if change.agents > Change::AGENTS_MAX {
        return Err(WhatIfError::TooManyAgents(change.agents));
    }
    let mut replay = Replay::open(open()?)?;
    let lesson = Lesson::learn(&mut replay, plan)?;
    let mut future = |change: &Change| -> Result<Figures, WhatIfError> {
        let fork = lesson.fork_at();
        let candidate = change.allocator.clone();
        let mut problem = None;
        let mut replay = Replay::open_with(open()?, |recipe| {
            let live = recipe.allocator()?;
            let Some(Candidate(make)) = candidate else { return Ok(live) };
            let shadow = Shadow::new(live, make(), Box::new(|_| {}));
            match shadow {
                Ok(shadow) => Ok(Box::new(shadow.taking_over_at(fork))),
                Err(rejection) => {
                    problem = Some(rejection.clone());
                    Err(rejection)
                }
            }
        })
        .map_err(|error| problem.take().map_or(WhatIfError::Replay(error), WhatIfError::Allocator))?;
        let scene = lesson.replay_to_fork(&mut replay)?;
        Play::new(replay, &lesson, scene, plan).run(change)
    };
    let baseline = future(&Change::default())?;
    let changed = future(change)?;
    Ok(Comparison { fork_secs: plan.at.as_secs_f64(), recorded: lesson.recorded(), baseline, changed })
}

fn secs_since(at: Instant, from: Instant) -> f64 {
    at.since(from).as_secs_f64()
}

#[cfg(test)]
mod tests;
