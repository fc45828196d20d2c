//! Recorded sessions with one machine alone: text in, text out, reviewed as a diff.
//!
//! ```text
//! # A comment, kept as it is.
//! register a1 host1 cpus:4;mem:4096
//! subscribe f1 roles=web
//! advance 1s
//! ----
//! put agent/m-S0
//! -> a1 registered m-S0
//! -> f1 subscribed m-0000
//! -> f1 offer m-O0 m-S0 web cpus:4;mem:4096
//! ```
//!
//! A block is some commands, a line of four dashes and what the machine did; a blank line ends it. Which commands there
//! are depends on the machine: see [`MasterSession`], [`AgentSession`], [`DriverSession`] and [`AllocatorSession`]. A
//! session plays every peer of its machine, and its store; nothing else is simulated, so that a line of output has one
//! cause.
//!
//! What is not here: files. [`replay`] takes a text and gives the text back as it should be; the caller compares and
//! writes.

pub mod agent;
pub mod allocator;
mod argument;
mod demand;
mod diff;
pub mod driver;
pub mod master;
mod names;
mod parse;
mod show;
mod store;

pub use agent::AgentSession;
pub use allocator::AllocatorSession;
pub use diff::diff;
pub use driver::DriverSession;
pub use master::MasterSession;
pub use parse::{Block, Command, Item, Script, ScriptError};

use std::fmt;

/// Plays the peers of one machine.
pub trait Session: fmt::Debug {
    /// Carries out one command and appends what the machine did, a line per effect.
    ///
    /// # Errors
    /// Says what is wrong with the command; what the machine refuses is output, not an error.
    fn command(&mut self, command: &Command, out: &mut Vec<String>) -> Result<(), String>;
}

/// What stands for the output of a block in which the machine did nothing.
const NOTHING: &str = "(nothing)";

/// Plays a script and returns it with the output the machine gives now. `name` is the file's, for errors.
///
/// # Errors
/// [`ScriptError`] says in which line of which file what is wrong.
pub fn replay(name: &str, text: &str, session: &mut dyn Session) -> Result<String, ScriptError> {
    let mut script = Script::parse(name, text)?;
    for item in &mut script.items {
        let Item::Block(block) = item else { continue };
        let mut output = Vec::new();
        for command in block.commands(name)? {
            session.command(&command, &mut output).map_err(|problem| ScriptError::at(name, command.line, problem))?;
        }
        if output.is_empty() {
            output.push(NOTHING.to_owned());
        }
        block.output = output.iter().map(|line| line.trim_end().to_owned()).collect();
    }
    Ok(script.to_string())
}

#[cfg(test)]
mod tests;
