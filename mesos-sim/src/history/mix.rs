//! Histories: steps whose meaning is found when they are played.
//!
//! A step is a kind and a number of its own to draw from; what it concerns is drawn among what there is when it is played.
//! So every part of a history is a history, which is what makes shrinking simple.

use mesos_core::kernel::Rng;

use super::{Claim, Profile};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) kind: Kind,
    /// The seed of what the step draws.
    pub(super) dice: u64,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AddFramework,
    UpdateFramework,
    ToggleFramework,
    RemoveFramework,
    Suppress,
    Revive,
    AddAgent,
    ResizeAgent,
    ToggleAgent,
    DescribeAgent,
    RemoveAgent,
    /// A whole holding comes back, refused.
    Decline,
    /// A part of a holding comes back, refused; the rest is used.
    Accept,
    /// A holding comes back because what used it ended.
    Finish,
    Reserve,
    Unreserve,
    Claim,
    Weigh,
    Limit,
    Guarantee,
    Constrain,
    /// An agent will be away, or will not.
    Plan,
    /// Somebody answers who was asked for an agent.
    Answer,
    /// A fact about somebody unknown.
    Stray,
    Pass,
    /// Time passes until whoever may have something must have got it.
    Settle,
}

/// How often each kind is drawn beside the others.
const CHANCES: [(Kind, u64); 26] = [
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
    (Kind::Constrain, 2),
    (Kind::Plan, 2),
    (Kind::Answer, 3),
    (Kind::Stray, 3),
    (Kind::Pass, 8),
    (Kind::Settle, 1),
];

/// Of ten histories so many leave out some kinds altogether, so that others come together more often.
const LOPSIDED_IN_TEN: u64 = 7;
const LEFT_OUT_PPM: u32 = 300_000;

/// Without these there is nothing to see.
const NEEDED: [Kind; 3] = [Kind::AddFramework, Kind::AddAgent, Kind::Pass];

/// Draws a history; it ends when everything has settled.
pub(super) fn draw(rng: &mut Rng, profile: &Profile) -> Vec<Step> {
    let is_lopsided = rng.below(10) < LOPSIDED_IN_TEN;
    let mut chances = CHANCES.to_vec();
    chances.retain(|(kind, _)| match kind {
        Kind::Limit => profile.claims(&Claim::Limits),
        Kind::Guarantee => profile.claims(&Claim::Guarantees),
        Kind::Constrain => profile.claims(&Claim::Constraints),
        Kind::Plan | Kind::Answer => profile.claims(&Claim::Maintenance),
        kind => NEEDED.contains(kind) || !is_lopsided || !rng.chance(LEFT_OUT_PPM),
    });
    let sum = chances.iter().map(|(_, chance)| chance).sum();
    let mut history: Vec<Step> = (0..profile.steps).map(|_| step(rng, &chances, sum)).collect();
    history.push(Step { kind: Kind::Settle, dice: 0 });
    history
}

fn step(rng: &mut Rng, chances: &[(Kind, u64)], sum: u64) -> Step {
    let mut at = rng.below(sum);
    let drawn = chances.iter().find(|(_, chance)| match at.checked_sub(*chance) {
        Some(rest) => {
            at = rest;
            false
        }
        None => true,
    });
    Step { kind: drawn.map_or(Kind::Pass, |(kind, _)| *kind), dice: rng.bits() }
}
