//! What histories are made of: kinds of steps, each with its chance, and how large the cluster gets.

use mesos_core::kernel::Rng;

use super::History;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub kind: Kind,
    /// The seed of what the step draws.
    pub dice: u64,
}

/// What happens in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Time passes, up to a few rounds.
    Pass,
    /// A framework comes.
    AddFramework,
    /// A framework describes itself anew.
    UpdateFramework,
    /// A framework leaves for a while, or is back.
    ToggleFramework,
    /// A framework is gone; everything it held comes back first.
    RemoveFramework,
    /// A framework suppresses roles.
    Suppress,
    /// A framework revives roles.
    Revive,
    /// An agent comes, perhaps with something in use.
    AddAgent,
    /// An agent has other resources.
    ResizeAgent,
    /// An agent serves offers no more, or again.
    ToggleAgent,
    /// An agent describes itself anew.
    DescribeAgent,
    /// An agent is gone.
    RemoveAgent,
    /// A whole holding comes back, refused; or an optimistic grant.
    Decline,
    /// A part of a holding comes back, refused, and the rest is used; or an optimistic grant is committed.
    Accept,
    /// A holding comes back because what used it ended.
    Finish,
    /// A holder reserves what it has.
    Reserve,
    /// A holder unreserves what it reserved.
    Unreserve,
    /// Somebody turns out to use something that nobody granted.
    Claim,
    /// A role has another weight.
    Weigh,
    /// A role has another limit, and no guarantee.
    Limit,
    /// A role has another guarantee, and no limit.
    Guarantee,
    /// A role has another guarantee, and perhaps a limit above it.
    Quota,
    /// A framework demands things of agents.
    Constrain,
    /// Other hosts may be offered.
    Whitelist,
    /// An agent will be away, or will not.
    Plan,
    /// Somebody answers who was asked to leave an agent.
    Answer,
    /// A fact about somebody unknown.
    Stray,
    /// A fact of a master that lost count: more comes back, or has another form, than is held or was shown.
    Excess,
    /// After an election, so many agents are to come back.
    Expect,
    /// Time passes until whoever may have something must have got it.
    Settle,
}

/// How often each kind is drawn beside the others, unless it is left out.
const CHANCES: [(Kind, u64); 30] = [
    (Kind::Pass, 8),
    (Kind::AddFramework, 5),
    (Kind::UpdateFramework, 2),
    (Kind::ToggleFramework, 2),
    (Kind::RemoveFramework, 1),
    (Kind::Suppress, 2),
    (Kind::Revive, 3),
    (Kind::AddAgent, 6),
    (Kind::ResizeAgent, 2),
    (Kind::ToggleAgent, 2),
    (Kind::DescribeAgent, 1),
    (Kind::RemoveAgent, 1),
    (Kind::Decline, 8),
    (Kind::Accept, 6),
    (Kind::Finish, 4),
    (Kind::Reserve, 2),
    (Kind::Unreserve, 1),
    (Kind::Claim, 1),
    (Kind::Weigh, 2),
    (Kind::Limit, 2),
    (Kind::Guarantee, 2),
    (Kind::Quota, 2),
    (Kind::Constrain, 2),
    (Kind::Whitelist, 1),
    (Kind::Plan, 2),
    (Kind::Answer, 3),
    (Kind::Stray, 3),
    (Kind::Excess, 2),
    (Kind::Expect, 1),
    (Kind::Settle, 1),
];

/// Of ten histories so many leave out some kinds altogether, so that others come together more often.
const LOPSIDED_IN_TEN: u64 = 7;
const LEFT_OUT_PPM: u32 = 300_000;

/// Without these there is nothing to see.
const NEEDED: [Kind; 3] = [Kind::AddFramework, Kind::AddAgent, Kind::Pass];

/// What histories are made of; by default, of everything there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    chances: Vec<(Kind, u64)>,
    dials: Dials,
}

/// How large the cluster gets, and what its frameworks and agents are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dials {
    pub(super) frameworks: u64,
    pub(super) agents: u64,
    pub(super) has_sizes: bool,
    pub(super) has_users: bool,
    pub(super) has_mounts: bool,
    pub(super) has_volumes: bool,
    pub(super) has_old_agents: bool,
}

impl Default for Mix {
    fn default() -> Self {
        let dials = Dials {
            frameworks: 5,
            agents: 6,
            has_sizes: true,
            has_users: true,
            has_mounts: true,
            has_volumes: true,
            has_old_agents: true,
        };
        Self { chances: CHANCES.to_vec(), dials }
    }
}

impl Mix {
    /// The same without these kinds.
    #[must_use]
    pub fn without(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        for kind in kinds {
            self.chances.retain(|(own, _)| *own != kind);
        }
        self
    }

    /// The same with at most so many frameworks and agents at a time: what goes through all of them is done sooner.
    ///
    /// # Panics
    /// When either is nothing, or there are more than nine frameworks.
    #[must_use]
    pub fn with_size(mut self, frameworks: u32, agents: u32) -> Self {
        assert!((1..=9).contains(&frameworks) && agents > 0, "there must be somebody, and names are digits");
        (self.dials.frameworks, self.dials.agents) = (frameworks.into(), agents.into());
        self
    }

    /// The same with frameworks that want whole agents only.
    #[must_use]
    pub const fn without_sizes(mut self) -> Self {
        self.dials.has_sizes = false;
        self
    }

    /// The same with agents that come with nothing in use.
    #[must_use]
    pub const fn without_users(mut self) -> Self {
        self.dials.has_users = false;
        self
    }

    /// The same with agents that have no disks but divisible ones.
    #[must_use]
    pub const fn without_mounts(mut self) -> Self {
        self.dials.has_mounts = false;
        self.without_volumes()
    }

    /// The same with agents that have no volumes, shared or not.
    #[must_use]
    pub const fn without_volumes(mut self) -> Self {
        self.dials.has_volumes = false;
        self
    }

    /// The same with agents that all know what present agents do.
    #[must_use]
    pub const fn without_old_agents(mut self) -> Self {
        self.dials.has_old_agents = false;
        self
    }

    /// Draws a history of so many steps, some of which leave out a few kinds; it ends when everything has settled.
    #[must_use]
    pub fn draw(&self, rng: &mut Rng, steps: usize) -> History {
        let is_lopsided = rng.below(10) < LOPSIDED_IN_TEN;
        let is_kept = |kind: &Kind, rng: &mut Rng| NEEDED.contains(kind) || !is_lopsided || !rng.chance(LEFT_OUT_PPM);
        let chances = self.chances.iter().filter(|(kind, _)| is_kept(kind, rng)).copied().collect();
        let mix = Self { chances, dials: self.dials };
        let mut history = mix.of_numbers((0..steps).map(|_| (rng.bits(), rng.bits())));
        history.steps.push(Step { kind: Kind::Settle, dice: 0 });
        history
    }

    /// The history of pairs of numbers: of which kind each step is, and what it draws from. Whoever shrinks the list, or the
    /// numbers towards nothing, shrinks the history.
    #[must_use]
    pub fn of_numbers(&self, numbers: impl IntoIterator<Item = (u64, u64)>) -> History {
        let sum = self.chances.iter().map(|(_, chance)| chance).sum::<u64>().max(1);
        let step = |(kind, dice): (u64, u64)| Step { kind: self.kind(kind % sum), dice };
        History { steps: numbers.into_iter().map(step).collect(), dials: self.dials }
    }

    fn kind(&self, mut at: u64) -> Kind {
        let drawn = self.chances.iter().find(|(_, chance)| match at.checked_sub(*chance) {
            Some(rest) => {
                at = rest;
                false
            }
            None => true,
        });
        drawn.map_or(Kind::Pass, |(kind, _)| *kind)
    }
}
