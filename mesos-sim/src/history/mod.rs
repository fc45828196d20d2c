//! Random histories of an allocator: what a master could tell one, drawn from numbers.
//!
//! Everything here that tries an allocator tries it with these: the [conformance suite](crate::conformance), the laws that
//! hold it against a slow model, those of its explanations. Authors of allocators can do the same with laws of their own:
//!
//! ```
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use mesos_core::Instant;
//! use mesos_core::kernel::Rng;
//! use mesos_core::provider::{Allocator, Fact, Grant, Round};
//! use mesos_sched::allocator::HierarchicalDrf;
//! use mesos_sim::history::{Kind, Mix, Stage};
//!
//! /// An allocator whose grants stay for ever.
//! struct Tried {
//!     allocator: HierarchicalDrf,
//!     now: Instant,
//!     rng: Rng,
//!     grants: Vec<Grant>,
//! }
//!
//! impl Stage for Tried {
//!     type Stop = Infallible;
//!
//!     fn observe(&mut self, fact: Fact) {
//!         self.allocator.observe(self.now, fact);
//!     }
//!
//!     fn pass(&mut self, time: Duration) -> Result<(), Infallible> {
//!         let until = self.now + time;
//!         while let Some(due) = self.allocator.deadline().filter(|due| *due <= until) {
//!             self.now = due.max(self.now);
//!             self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.grants);
//!             assert!(self.grants.iter().all(|grant| !grant.resources.is_empty()), "a law of one's own");
//!         }
//!         self.now = until;
//!         Ok(())
//!     }
//!
//!     fn holdings(&self) -> Vec<Grant> {
//!         Vec::new()
//!     }
//! }
//!
//! let mix = Mix::default().without([Kind::RemoveAgent]);
//! for seed in 0..4 {
//!     let history = mix.draw(&mut Rng::new(seed), 50);
//!     let (allocator, now, rng) = (HierarchicalDrf::default(), Instant::ZERO, Rng::new(seed));
//!     let mut tried = Tried { allocator, now, rng, grants: Vec::new() };
//!     let Ok(()) = history.play(&mut tried);
//! }
//! ```
//!
//! ```text
//!   numbers ──▶ steps ──▶ facts and time ──▶ stage: an allocator, and whatever is kept beside it
//!     (mix)      ▲  (play)     ▲                │
//!                │             └── who is there and holds what
//!                └── shrinking takes steps out
//! ```
//!
//! A step is a kind and a number to draw from; what it concerns is drawn among what there is when it is played. So every part
//! of a history is a history, and every list of numbers is one too: shrinking is taking steps out, be it by
//! [`History::shrink`] or by whatever drew the numbers (see [`Mix::of_numbers`]).
//!
//! This is not where rounds are run or laws are checked: the [`Stage`] does that.

mod known;
mod mix;
mod play;
mod sample;
mod shrink;

use std::time::Duration;

use mesos_core::provider::{AgentKey, Fact, FrameworkKey, Grant};
use mesos_core::resource::Resources;

pub use mix::{Kind, Mix, Step};
pub use sample::{is_met, key_of_agent, key_of_framework};

use mix::Dials;

/// A history: any part of it is one, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    steps: Vec<Step>,
    dials: Dials,
}

/// Whom a history is played to: an allocator with a host that runs its rounds, and the laws it is held to.
pub trait Stage {
    /// Why a history ends before its last step, as when a law is broken.
    type Stop;

    /// A fact, at the time the stage has come to.
    fn observe(&mut self, fact: Fact);

    /// So much time passes; the rounds that are due in it are run. After every step comes one of no time at all.
    ///
    /// # Errors
    /// To end the history.
    fn pass(&mut self, time: Duration) -> Result<(), Self::Stop>;

    /// Who holds what, in an order that follows from the history: resources that were granted or used, and not yet handed
    /// back.
    fn holdings(&self) -> Vec<Grant>;

    /// So much time passes that whoever may have something must have got it.
    ///
    /// # Errors
    /// To end the history.
    fn settle(&mut self) -> Result<(), Self::Stop> {
        self.pass(Duration::from_secs(70))
    }

    /// Where grants are optimistic: those that nobody answered yet.
    fn offered(&self) -> Option<Vec<Grant>> {
        None
    }

    /// A framework commits a part of an optimistic grant.
    ///
    /// # Errors
    /// To end the history.
    fn commit(&mut self, _grant: Grant, _wanted: Resources) -> Result<(), Self::Stop> {
        Ok(())
    }

    /// Who was asked to leave which agent, and did not answer yet.
    fn asked(&self) -> Vec<(FrameworkKey, AgentKey)> {
        Vec::new()
    }
}

impl History {
    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Plays it, step by step.
    ///
    /// # Errors
    /// Why the stage ended it before its last step.
    pub fn play<S: Stage>(&self, stage: &mut S) -> Result<(), S::Stop> {
        let mut player = play::Player::new(stage, self.dials);
        self.steps.iter().try_for_each(|step| player.step(*step))
    }

    /// A history with fewer steps for which `fails` still holds; it must hold for this one.
    #[must_use]
    pub fn shrink(self, mut fails: impl FnMut(&Self) -> bool) -> Self {
        let dials = self.dials;
        let steps = shrink::shrink(self.steps, |steps| fails(&Self { steps: steps.to_vec(), dials }));
        Self { steps, dials }
    }
}
