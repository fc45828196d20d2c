//! Does again what a journal says that a master did, and notices the first effect that is another one.
//!
//! ```text
//!   journal ──step──▶ Replay::fold ──input, now──▶ Master ──effects──▶ compared with the digests of the journal
//! ```
//!
//! The master is the production one, made of the recipe in the journal's header. A journal of the same version replays to
//! the bit; one of another version replays as long as that version decides the same.

use std::io::Read;

use mesos_core::journal::{Ending, Header, Journal, JournalError, Step, digest};
use mesos_core::kernel::{Cx, Machine, Rng};
use mesos_core::{Allocator, Instant, Now, Rejection};
use mesos_sched::master::{Effect, Input, Master, Recipe};

/// Why a journal cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read, or not further.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is the journal of another kind of machine.
    #[error("this is the journal of a {0:?}; masters can be replayed")]
    Machine(String),
    /// The header's settings are not those of a master of this version.
    #[error("the master's settings cannot be read: {0}")]
    Settings(String),
    /// Its allocator cannot be made.
    #[error("its allocator cannot be made: {0}")]
    Allocator(Rejection),
}

/// The first step that went another way than the journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which step, from 1.
    pub step: u64,
    /// When.
    pub at: Instant,
    /// Which of its effects, from 0: the first that differs.
    pub effect: usize,
    /// How many effects the journal has for the step.
    pub recorded: usize,
    /// How many there were now.
    pub replayed: usize,
}

/// A master that lives again.
#[derive(Debug)]
pub struct Replay<R> {
    journal: Journal<R>,
    recipe: Recipe,
    master: Master,
    rng: Rng,
    effects: Vec<Effect>,
    counts: Counts,
}

/// What was replayed so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Steps: inputs and ticks.
    pub steps: u64,
    /// Inputs.
    pub inputs: u64,
    /// Effects.
    pub effects: u64,
    /// Steps with other effects than the journal says.
    pub different: u64,
}

impl<R: Read> Replay<R> {
    /// A master as it was before its first step.
    ///
    /// # Errors
    /// When this is not the journal of a master, or its allocator is not one that can be made from its recipe.
    pub fn open(from: R) -> Result<Self, ReplayError> {
        Self::open_with(from, |recipe| recipe.allocator())
    }

    /// As [`open`](Self::open), with an allocator of the caller's: for journals of masters with an allocator of their own,
    /// and for those who want to look over an allocator's shoulder.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        from: R,
        make: impl FnOnce(&Recipe) -> Result<Box<dyn Allocator>, Rejection>,
    ) -> Result<Self, ReplayError> {
        let journal = Journal::open(from)?;
        if journal.header().machine != Recipe::MACHINE {
            return Err(ReplayError::Machine(journal.header().machine.clone()));
        }
        let recipe: Recipe = serde_json::from_value(journal.header().settings.clone())
            .map_err(|error| ReplayError::Settings(error.to_string()))?;
        let master = recipe.master(make(&recipe).map_err(ReplayError::Allocator)?);
        let rng = Rng::from_state(&journal.header().rng);
        Ok(Self { journal, recipe, master, rng, effects: Vec::new(), counts: Counts::default() })
    }

    /// The next step of the journal; nothing at its end.
    ///
    /// # Errors
    /// When the journal is damaged there.
    pub fn next_step(&mut self) -> Result<Option<Step<Input>>, ReplayError> {
        Ok(self.journal.next_step()?)
    }

    /// Lets the master take a step of the journal; says where it went another way.
    pub fn fold(&mut self, step: Step<Input>) -> Option<Difference> {
        let Step { number, now, input, effects: recorded } = step;
        self.counts.inputs += u64::from(input.is_some());
        self.step(now, input);
        self.counts.steps += 1;
        self.counts.effects += self.effects.len() as u64;
        let same = self.effects.iter().zip(&recorded).take_while(|(effect, digest)| self::digest(effect) == **digest);
        let same = same.count();
        if same == self.effects.len() && same == recorded.len() {
            return None;
        }
        self.counts.different += 1;
        let (recorded, replayed) = (recorded.len(), self.effects.len());
        Some(Difference { step: number, at: now.mono, effect: same, recorded, replayed })
    }

    /// Lets the master take a step that is in no journal: what it asks for is in [`effects`](Self::effects).
    pub fn step(&mut self, now: Now, input: Option<Input>) {
        self.effects.clear();
        let mut cx = Cx::new(now, &mut self.rng, &mut self.effects);
        match input {
            Some(input) => self.master.handle(&mut cx, input),
            None => self.master.tick(&mut cx),
        }
    }

    /// Replays to the end, or to the first difference.
    ///
    /// # Errors
    /// When the journal is damaged.
    pub fn run(&mut self) -> Result<Option<Difference>, ReplayError> {
        while let Some(step) = self.next_step()? {
            if let Some(difference) = self.fold(step) {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    /// What the last step asked for.
    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// What the last step asked for, to be done.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The master.
    #[must_use]
    pub const fn master(&self) -> &Master {
        &self.master
    }

    /// What it was made of.
    #[must_use]
    pub const fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What the journal says about itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.journal.header()
    }

    /// How the journal ended; known once all of it is replayed.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.journal.ending()
    }

    /// What was replayed so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests;
