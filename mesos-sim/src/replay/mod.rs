//! Does again what a journal says that a master or an agent did, and notices the first effect that is another one.
//!
//! ```text
//!   journal ──step──▶ Replay::fold ──input, now──▶ machine ──effects──▶ compared with the digests of the journal
//! ```
//!
//! The machine is the production one, made of the recipe in the journal's header. A journal of the same version replays to
//! the bit; one of another version replays as long as that version decides the same.

mod people;
mod story;

pub use people::People;
pub use story::JournalStory;

use std::io::Read;

use mesos_core::journal::{Ending, Header, Journal, JournalError, Step, digest};
use mesos_core::kernel::{Cx, Machine, Rng};
use mesos_core::{Allocator, Instant, Now, Rejection};
use mesos_exec::agent::{Agent, ExecutorFactory, Recipe as AgentRecipe};
use mesos_sched::master::{Master, Recipe};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a journal cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read, or not further.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is the journal of another kind of machine.
    #[error("this is the journal of a machine of kind {0:?}, not of kind {1:?}")]
    Machine(String, &'static str),
    /// The header's settings are not those of a machine of this version.
    #[error("the machine's settings cannot be read: {0}")]
    Settings(String),
    /// The agent ran executors of somebody's own inside itself.
    #[error("the agent has executors of kind {0:?}, which only its author can make; hand them in")]
    Executors(String),
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

/// A machine whose journals can be replayed.
pub trait Recorded: Machine<Input: DeserializeOwned, Effect: Serialize> {
    /// What it is made of.
    type Recipe: DeserializeOwned;
    /// Its kind, in the header of a journal.
    const KIND: &'static str;
}

impl Recorded for Master {
    type Recipe = Recipe;
    const KIND: &'static str = Recipe::MACHINE;
}

impl Recorded for Agent {
    type Recipe = AgentRecipe;
    const KIND: &'static str = AgentRecipe::MACHINE;
}

/// A machine that lives again.
#[derive(Debug)]
pub struct Replay<R, M: Recorded = Master> {
    journal: Journal<R>,
    recipe: M::Recipe,
    machine: M,
    rng: Rng,
    effects: Vec<M::Effect>,
    counts: Counts,
}

/// An agent that lives again.
pub type AgentReplay<R> = Replay<R, Agent>;

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
        Self::begin(from, |recipe| Ok(recipe.master(make(recipe).map_err(ReplayError::Allocator)?)))
    }

    /// The master.
    #[must_use]
    pub const fn master(&self) -> &Master {
        &self.machine
    }
}

impl<R: Read> AgentReplay<R> {
    /// An agent as it was before its first step.
    ///
    /// # Errors
    /// When this is not the journal of an agent, or it had executors of somebody's own.
    pub fn open_agent(from: R) -> Result<Self, ReplayError> {
        Self::open_agent_with(from, ExecutorFactory::new())
    }

    /// As [`open_agent`](Self::open_agent), with executors of the caller's.
    ///
    /// # Errors
    /// As [`open_agent`](Self::open_agent).
    pub fn open_agent_with(from: R, executors: ExecutorFactory) -> Result<Self, ReplayError> {
        Self::begin(from, |recipe| {
            let is_known = |kind: &&String| executors.kinds().any(|own| own == kind.as_str());
            match recipe.executors.iter().find(|kind| !is_known(kind)) {
                Some(kind) => Err(ReplayError::Executors(kind.clone())),
                None => Ok(recipe.agent(executors)),
            }
        })
    }
}

impl<R: Read, M: Recorded> Replay<R, M> {
    fn begin(from: R, make: impl FnOnce(&M::Recipe) -> Result<M, ReplayError>) -> Result<Self, ReplayError> {
        let journal = Journal::open(from)?;
        if journal.header().machine != M::KIND {
            return Err(ReplayError::Machine(journal.header().machine.clone(), M::KIND));
        }
        let recipe: M::Recipe = serde_json::from_value(journal.header().settings.clone())
            .map_err(|error| ReplayError::Settings(error.to_string()))?;
        let machine = make(&recipe)?;
        let rng = Rng::from_state(&journal.header().rng);
        Ok(Self { journal, recipe, machine, rng, effects: Vec::new(), counts: Counts::default() })
    }

    /// The next step of the journal; nothing at its end.
    ///
    /// # Errors
    /// When the journal is damaged there.
    pub fn next_step(&mut self) -> Result<Option<Step<M::Input>>, ReplayError> {
        Ok(self.journal.next_step()?)
    }

    /// Lets the machine take a step of the journal; says where it went another way.
    pub fn fold(&mut self, step: Step<M::Input>) -> Option<Difference> {
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

    /// Lets the machine take a step that is in no journal: what it asks for is in [`effects`](Self::effects).
    pub fn step(&mut self, now: Now, input: Option<M::Input>) {
        self.effects.clear();
        let mut cx = Cx::new(now, &mut self.rng, &mut self.effects);
        match input {
            Some(input) => self.machine.handle(&mut cx, input),
            None => self.machine.tick(&mut cx),
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
    pub fn effects(&self) -> &[M::Effect] {
        &self.effects
    }

    /// What the last step asked for, to be done.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<M::Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The machine.
    #[must_use]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// What it was made of.
    #[must_use]
    pub const fn recipe(&self) -> &M::Recipe {
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
