//! How fast agents are given up: a mistake about many of them, such as a network that is cut, must not lose them all at once.
//!
//! ```text
//!   five pings unanswered ─┐                         ┌─ answers meanwhile: not given up
//!   did not come back ─────┼─▶ in order, one at most ┴─▶ marked unreachable
//!   absent after failover ─┘   per `agent_removal_every`
//! ```
//!
//! Semantics: Apache Mesos, `--agent_removal_rate_limit` and `--recovery_agent_removal_limit` (`src/master/master.cpp`).

use std::collections::{BTreeSet, VecDeque};

use mesos_core::provider::AgentKey;
use mesos_core::{AgentId, Instant};

use super::book::{Liveness, Transition};
use super::{Master, MasterCx, Timer};

const WHOLE_PPM: u128 = 1_000_000;

/// An agent that is to be given up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Candidate {
    /// One that is registered and silent.
    Silent(AgentKey, AgentId),
    /// One that never came back to this master.
    Absent(AgentId),
}

/// Agents that wait to be given up.
#[derive(Debug, Default)]
pub(super) struct Removals {
    /// No other is given up before.
    next_at: Option<Instant>,
    waiting: VecDeque<Candidate>,
    /// The same, to be found.
    known: BTreeSet<Candidate>,
    /// Agents the registry held when this master was elected.
    pub(super) expected: usize,
}

impl Master {
    /// A registered agent is silent: it is given up, in its turn.
    pub(super) fn is_silent(&mut self, cx: &mut MasterCx<'_>, agent: AgentKey) {
        let candidate = Candidate::Silent(agent, self.agents.table[agent].id.clone());
        if self.is_lost(&candidate) {
            self.await_turn(cx, candidate);
        }
    }

    /// An agent of the registry did not come back in time: it is given up, in its turn. When too many did not, this master
    /// is more likely to be wrong than they are to be lost, and steps down.
    pub(super) fn stays_absent(&mut self, cx: &mut MasterCx<'_>, id: AgentId) {
        let (absent, expected) = (self.agents.absent.len() as u128, self.removals.expected as u128);
        let limit = u128::from(self.options.recovery_removal_limit_ppm);
        if absent * WHOLE_PPM > expected * limit {
            let why = format!("{absent} of {expected} agents did not come back, which is more than may be given up");
            return self.step_down(cx, &why);
        }
        self.await_turn(cx, Candidate::Absent(id));
    }

    fn await_turn(&mut self, cx: &mut MasterCx<'_>, candidate: Candidate) {
        if self.options.agent_removal_every.is_none() {
            self.counters.losses_scheduled += 1;
            return self.give_up(cx, candidate);
        }
        if self.removals.known.insert(candidate.clone()) {
            self.counters.losses_scheduled += 1;
            self.removals.waiting.push_back(candidate);
        }
        self.give_up_next(cx);
    }

    /// Gives up whoever waited longest and is lost still, if it is time.
    pub(super) fn give_up_next(&mut self, cx: &mut MasterCx<'_>) {
        let Some(every) = self.options.agent_removal_every else { return };
        if let Some(next_at) = self.removals.next_at.filter(|next_at| *next_at > cx.now.mono) {
            if !self.removals.waiting.is_empty() {
                self.timers.set(Timer::Removal, next_at);
            }
            return;
        }
        while let Some(candidate) = self.removals.waiting.pop_front() {
            self.removals.known.remove(&candidate);
            if self.is_lost(&candidate) {
                let next_at = cx.now.mono + every;
                self.removals.next_at = Some(next_at);
                self.give_up(cx, candidate);
                if !self.removals.waiting.is_empty() {
                    self.timers.set(Timer::Removal, next_at);
                }
                return;
            }
            self.counters.losses_canceled += 1;
        }
    }

    fn give_up(&mut self, cx: &mut MasterCx<'_>, candidate: Candidate) {
        match candidate {
            Candidate::Silent(agent, _) => self.give_up_on(cx, agent),
            Candidate::Absent(id) => self.absent_agent_is_unreachable(cx, id),
        }
    }

    /// Whether nothing was heard of it meanwhile.
    fn is_lost(&self, candidate: &Candidate) -> bool {
        match candidate {
            Candidate::Absent(id) => self.agents.absent.contains(id),
            Candidate::Silent(agent, id) => {
                let Some(row) = self.agents.table.get(*agent).filter(|row| row.id == *id) else { return false };
                row.transition == Transition::Settled
                    && match row.liveness {
                        Liveness::Connected { unanswered, .. } => unanswered >= self.options.agent_ping_timeouts_max,
                        // One that came back and left again has its whole time once more.
                        Liveness::Disconnected => self.timers.due_at(&Timer::Reregister(*agent)).is_none(),
                    }
            }
        }
    }
}
