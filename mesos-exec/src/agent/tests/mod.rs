//! The agent, driven input by input: each test is a trace of what happens to it and what it asks for.

mod containment;
mod delivery;
mod gc;
mod hosting;
mod launch;
#[cfg(feature = "mutants")]
mod mutants;
mod nested;
mod past;
mod recovery;
mod registration;
mod remote;
mod shutdown;
mod standalone;
mod world;

use crate::agent;
