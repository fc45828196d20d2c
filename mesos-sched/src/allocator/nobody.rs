//! Agents that nobody wants, remembered for a moment.
//!
//! Within one stage of a round, what anybody may have only shrinks. So if all clients left an agent for what it has, not
//! because one of them refused it or demands another one, they leave every agent with no more than that. In a cluster whose
//! roles are at their limits, all but one of the agents left over cost one comparison.

use mesos_core::resource::Resources;

use super::book::Agent;
use super::eligibility::Demands;

/// So many are compared with an agent; later ones take the place of the oldest.
const REMEMBERED_MAX: usize = 8;

/// What nobody wanted in this stage.
#[derive(Debug, Default)]
pub(super) struct Nobody {
    left: Vec<Left>,
    oldest: usize,
}

#[derive(Debug)]
struct Left {
    demands: Demands,
    available: Resources,
    is_held_back: bool,
}

impl Nobody {
    pub(super) fn clear(&mut self) {
        self.left.clear();
        self.oldest = 0;
    }

    /// Whether it is known that nobody wants the agent; if so, whether somebody was cut for the sake of promises.
    pub(super) fn wants(&self, agent: &Agent) -> Option<bool> {
        let is_less = |left: &&Left| left.demands == agent.demands && left.available.contains(&agent.available);
        let known = self.left.iter().find(is_less).filter(|_| agent.available.is_quota_plain())?;
        Some(known.is_held_back)
    }

    /// Nobody wanted what is available on the agent.
    pub(super) fn note(&mut self, agent: &Agent, is_held_back: bool) {
        if !agent.available.is_quota_plain() {
            return;
        }
        let left = Left { demands: agent.demands, available: agent.available.clone(), is_held_back };
        if self.left.len() < REMEMBERED_MAX {
            self.left.push(left);
        } else {
            self.left[self.oldest] = left;
            self.oldest = (self.oldest + 1) % REMEMBERED_MAX;
        }
    }
}
