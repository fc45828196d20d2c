//! What happened to one task, or on one agent, in plain sentences: for people who want to understand a run.
//!
//! ```text
//!   Simulation ──every step──▶ Story (a check that never fails) ──▶ Line: when, who, a sentence
//! ```
//!
//! A story watches as a check does and changes nothing, so the run it tells is the run that failed. [`why`] says at any
//! moment where a task stands and what it waits for, from the state of everybody who knows of it.

mod agent;
mod task;
mod why;

pub(crate) use why::waited_for;
pub use why::{standing, why};

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use mesos_core::{AgentId, FrameworkId, Instant, TaskId};

use crate::check::{Check, Step, Stepped};
use crate::node::NodeId;
use crate::world::World;

/// Whom a story is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A task, of the framework with this index, or of any if none is named.
    Task {
        /// Whose.
        framework: Option<u32>,
        /// Which.
        task: TaskId,
    },
    /// An agent, by its index.
    Agent(u32),
    /// All launches, and nothing else: to see which tasks there are.
    Launches,
}

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// Who did it, or to whom it happened.
    pub node: NodeId,
    /// What.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12}  {:<4} {}", self.at.to_string(), self.node, self.text)
    }
}

/// Lines that wait to be read at most; what a story has to say beyond that is lost.
const LINES_MAX: usize = 1 << 18;

/// The lines of a story, to be read while it goes on.
#[derive(Debug)]
pub struct Lines(Receiver<Line>);

impl Lines {
    /// Takes the lines told since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Line> {
        self.0.try_iter().collect()
    }
}

/// What tellers speak with.
#[derive(Debug)]
struct Voice {
    to: SyncSender<Line>,
    last: Option<Line>,
}

impl Voice {
    fn tell(&mut self, at: Instant, node: NodeId, text: impl Into<String>) {
        let line = Line { at, node, text: text.into() };
        // The same sentence twice at once says nothing; a reader who is gone or too slow misses the rest.
        if self.last.as_ref() != Some(&line) && self.to.try_send(line.clone()).is_ok() {
            self.last = Some(line);
        }
    }
}

/// Tells what happens to its subject.
#[derive(Debug)]
pub struct Story {
    subject: Subject,
    voice: Voice,
    tasks: task::Teller,
    agents: agent::Teller,
    /// How many of the faults were looked at.
    faults: usize,
}

impl Story {
    /// A story about this subject, and where its lines will be.
    #[must_use]
    pub fn about(subject: Subject) -> (Self, Lines) {
        let (to, lines) = sync_channel(LINES_MAX);
        let story = Self {
            subject,
            voice: Voice { to, last: None },
            tasks: task::Teller::default(),
            agents: agent::Teller::default(),
            faults: 0,
        };
        (story, Lines(lines))
    }

    /// Tells of every task that is launched.
    #[must_use]
    pub fn of_launches() -> (Self, Lines) {
        Self::about(Subject::Launches)
    }

    /// Faults that may have to do with the subject.
    fn tell_faults(&mut self, world: &World) {
        let struck = world.struck();
        for (after, action) in &struck[self.faults.min(struck.len())..] {
            let node = match &self.subject {
                Subject::Agent(index) => Some(NodeId::Agent(*index)),
                Subject::Launches => None,
                Subject::Task { .. } => self.tasks.nodes().find(|node| action.touches(*node)),
            };
            if let Some(node) = node.filter(|node| action.touches(*node)) {
                self.voice.tell(Instant::ZERO + *after, node, format!("a fault: {action}"));
            }
        }
        self.faults = struck.len();
    }
}

impl Check for Story {
    fn name(&self) -> &'static str {
        "story"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        self.tell_faults(step.world);
        match &self.subject {
            Subject::Task { framework, task } => self.tasks.step(&mut self.voice, *framework, task, step),
            Subject::Launches => task::tell_launches(&mut self.voice, step),
            Subject::Agent(index) => self.agents.step(&mut self.voice, NodeId::Agent(*index), step),
        }
        Ok(())
    }
}

/// The agent's node that has this id now.
pub(crate) fn node_of_agent(world: &World, id: &AgentId) -> Option<NodeId> {
    world.agents().find(|view| view.machine.is_some_and(|machine| machine.id() == Some(id))).map(|view| view.node)
}

/// The framework's node that has this id now.
pub(crate) fn node_of_framework(world: &World, id: &FrameworkId) -> Option<NodeId> {
    let own = |machine: &mesos_sched::driver::Driver| machine.framework_id() == Some(id);
    world.frameworks().find(|view| view.machine.is_some_and(own)).map(|view| view.node)
}

/// A node by its id, in words: its short name if it is up.
pub(crate) fn agent_name(world: &World, id: &AgentId) -> String {
    node_of_agent(world, id).map_or_else(|| format!("agent {id}"), |node| node.to_string())
}

pub(crate) fn framework_name(world: &World, id: &FrameworkId) -> String {
    node_of_framework(world, id).map_or_else(|| format!("framework {id}"), |node| node.to_string())
}

pub(crate) const fn is_crash(stepped: &Stepped<'_>) -> Option<(NodeId, bool)> {
    match stepped {
        Stepped::Crashed { node } => Some((*node, true)),
        Stepped::Restarted { node } => Some((*node, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
