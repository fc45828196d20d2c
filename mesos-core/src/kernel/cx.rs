//! What a handler may do to the world: read `now`, draw from `rng`, append effects.

use super::Rng;
use crate::time::Now;

/// The context of one step.
///
/// Effects are performed in the order they were emitted, after the step.
#[derive(Debug)]
pub struct Cx<'a, E> {
    /// The time of this step.
    pub now: Now,
    /// The machine's own stream of random numbers.
    pub rng: &'a mut Rng,
    out: &'a mut Vec<E>,
}

impl<'a, E> Cx<'a, E> {
    /// A context for one step; hosts keep `out` and `rng` between steps.
    pub const fn new(now: Now, rng: &'a mut Rng, out: &'a mut Vec<E>) -> Self {
        Self { now, rng, out }
    }

    /// Asks the host for something, after everything asked so far.
    pub fn emit(&mut self, effect: E) {
        self.out.push(effect);
    }

    /// How many effects the step has emitted so far.
    #[must_use]
    pub const fn emitted(&self) -> usize {
        self.out.len()
    }

    /// A context for a guest that speaks another effect type, sharing time and randomness.
    pub fn guest<'b, F>(&'b mut self, out: &'b mut Vec<F>) -> Cx<'b, F> {
        Cx { now: self.now, rng: self.rng, out }
    }
}
