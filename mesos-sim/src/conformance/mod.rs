//! What every allocator must keep, and a search for a history in which one does not.
//!
//! Whoever writes an [`Allocator`] calls [`check`] in a test:
//!
//! ```
//! use mesos_sched::allocator::HierarchicalDrf;
//! use mesos_sim::conformance::{self, Profile};
//!
//! let report = conformance::check(|| Box::new(HierarchicalDrf::default()), &Profile::quick())?;
//! assert!(report.grants > 0);
//! # Ok::<(), Box<conformance::Violation>>(())
//! ```
//!
//! ```text
//!   seed ──▶ history of steps ──▶ facts and rounds ──▶ allocator under test
//!                   ▲                     │                    │ grants, deadline, available
//!                   │                     ▼                    ▼
//!              shrinking ◀── violation ── truth: what a slow and plain book says
//! ```
//!
//! A [history](crate::history) is drawn from a seed: frameworks and agents come and go, roles nest, agents are resized,
//! frameworks suppress, revive, refuse with filters, keep a part, reserve, return; constraints, weights and quotas are set,
//! maintenance is planned; now and then a fact is about somebody nobody knows. It is played to a fresh allocator by a host
//! that runs every round when it is due, as a master would, and after every step the [`Law`]s are checked against books kept
//! beside it. When one is broken, steps are taken out of the history while it still is; what remains is told as a session in
//! the words of [`script`](crate::script).
//!
//! Laws that depend on what an allocator sets out to do are checked if the [`Profile`] claims them. The suite judges neither
//! fairness nor speed, and does not call for grants at once: only that whoever may have something gets it in the end.

mod bench;
mod laws;
mod promise;
mod script;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::Allocator;
use mesos_core::kernel::Rng;
use mesos_core::resource::Quantities;

use crate::history::{History, Kind, Mix};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Law {
    /// What is available on an agent is what it has without what was granted of it, in form and in amount; what is shared stays
    /// available. Of an agent that is not known nothing is.
    Balance,
    /// A grant is of resources that were free, and not empty. Where grants are optimistic, this holds for commitments.
    Once,
    /// A grant is for a framework that is connected, has the role and did not suppress it, of an agent that serves offers,
    /// and of what the role may have.
    Audience,
    /// Nothing is granted that the framework refused and still does.
    Filters,
    /// If claimed: agents with `gpus` go to those who can deal with them, agents of other regions, revocable resources, refined
    /// reservations and shared volumes too; and agents that do not know several roles, or roles below roles, to those who do
    /// without.
    Eligibility,
    /// If claimed: no agent is granted whose host is not listed.
    Whitelist,
    /// If claimed: a grant holds one of the minimal amounts.
    Minimums,
    /// If claimed: no grant exceeds the limit of a role.
    Limits,
    /// If claimed: no agent is granted that the framework's constraints exclude.
    Constraints,
    /// If claimed: no grant holds more than the largest offer the framework wants.
    Sizes,
    /// If claimed: while something is free that a guarantee promises to a role, whoever is there under it and may have it
    /// gets it in the end; of a guarantee above others, what none of those below asks for.
    Guarantees,
    /// If claimed: whoever holds something on an agent that will be away is asked for it, once until the answer, and not
    /// before a refusal is over; and nobody else is.
    Maintenance,
    /// If claimed: after an election nothing is granted while a quota is set and most agents are still to come back, but no
    /// longer than for some time.
    HoldOff,
    /// A round at the deadline moves the deadline on.
    Deadline,
    /// While something is free and somebody may have it and did not refuse it, it is granted in the end: within the limits of
    /// roles, and beyond what must stay free for guarantees. Shared volumes are always free, and nobody is promised his turn.
    Liveness,
    /// The same facts, rounds and commitments give the same grants, the same questions, the same deadlines and the same free
    /// resources on another allocator of the kind.
    Replay,
    /// No fact, and be it about somebody unknown, makes it panic.
    Survival,
}

/// What an allocator sets out to do beyond what all must.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Claim {
    /// See [`Law::Eligibility`]. Only then are there old agents and volumes.
    Eligibility,
    /// See [`Law::Whitelist`]. Only then are hosts listed at all.
    Whitelist,
    /// See [`Law::Minimums`].
    Minimums,
    /// See [`Law::Limits`]. Only then are limits set at all.
    Limits,
    /// See [`Law::Constraints`]. Only then do frameworks have any.
    Constraints,
    /// See [`Law::Sizes`]. Only then do frameworks want offers of a size.
    Sizes,
    /// See [`Law::Guarantees`]. Only then are guarantees set at all.
    Guarantees,
    /// See [`Law::Maintenance`]. Only then is anybody asked who is to be asked.
    Maintenance,
    /// See [`Law::HoldOff`]. Only then are elections told of.
    HoldOff,
    /// A fact that disagrees with the books changes nothing: more comes back than somebody holds, or what nobody was granted
    /// or shown. See [`Law::Balance`]. Only then does a master lose count.
    Scrutiny,
}

/// How hard an allocator is tried, and what it claims.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// Histories are numbered from this seed.
    pub seed: u64,
    /// How many histories.
    pub histories: u32,
    /// How many steps each has.
    pub steps: usize,
    /// What the allocator claims.
    pub claims: BTreeSet<Claim>,
    /// An offer holds one of these, unless the framework says otherwise. Matters for liveness even if it is not claimed:
    /// less than the first of them need never be granted.
    pub minimums: Vec<Quantities>,
    /// How long whoever may have something can be left waiting after the last refusal ended.
    pub patience: Duration,
    /// Whether agents with `gpus` are kept for those who can deal with them.
    pub filters_gpus: bool,
    /// Where the master stands, if agents of other regions are kept for those who can deal with them.
    pub region: Option<Arc<str>>,
    /// After an election, so many of a hundred agents must be back where a quota is set.
    pub agent_recovery_percent: u32,
    /// But nobody waits for them longer than this.
    pub agent_recovery_timeout: Duration,
}

/// What was tried, and held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Histories.
    pub histories: u32,
    /// Facts told.
    pub facts: u64,
    /// Rounds run.
    pub rounds: u64,
    /// Grants made.
    pub grants: u64,
}

/// A law that was broken, and the shortest history found in which it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{law:?} is broken: {what}\nseed {seed}, {steps} steps:\n{script}")]
#[non_exhaustive]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// What was seen, and what would have been right.
    pub what: String,
    /// The seed of the history.
    pub seed: u64,
    /// How many steps are left of the history.
    pub steps: usize,
    /// The history, as a session.
    pub script: String,
}

impl Default for Profile {
    fn default() -> Self {
        let minimums = ["cpus:0.01", "mem:32"].map(|text| text.parse().expect("two amounts"));
        Self {
            seed: 0,
            histories: 96,
            steps: 120,
            claims: BTreeSet::new(),
            minimums: minimums.into(),
            patience: Duration::from_secs(90),
            filters_gpus: true,
            region: None,
            agent_recovery_percent: 80,
            agent_recovery_timeout: Duration::from_secs(600),
        }
    }
}

impl Profile {
    /// A few short histories, for examples.
    #[must_use]
    pub fn quick() -> Self {
        Self { histories: 8, steps: 40, ..Self::default() }
    }

    /// The same, with everything claimed that can be.
    #[must_use]
    pub fn claiming(mut self, claims: impl IntoIterator<Item = Claim>) -> Self {
        self.claims.extend(claims);
        self
    }

    /// The same without a claim.
    #[must_use]
    pub fn without(mut self, claim: &Claim) -> Self {
        self.claims.remove(claim);
        self
    }

    /// The same, from another seed.
    #[must_use]
    pub const fn from_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn claims(&self, claim: &Claim) -> bool {
        self.claims.contains(claim)
    }

    /// Nothing comes up that only an allocator with a claim can be expected to deal with.
    fn mix(&self) -> Mix {
        let needed = [
            (Kind::Limit, vec![Claim::Limits]),
            (Kind::Guarantee, vec![Claim::Guarantees]),
            (Kind::Quota, vec![Claim::Limits, Claim::Guarantees]),
            (Kind::Constrain, vec![Claim::Constraints]),
            (Kind::Whitelist, vec![Claim::Whitelist]),
            (Kind::Plan, vec![Claim::Maintenance]),
            (Kind::Answer, vec![Claim::Maintenance]),
            (Kind::Expect, vec![Claim::HoldOff]),
            (Kind::Excess, vec![Claim::Scrutiny]),
        ];
        let left_out = needed.into_iter().filter(|(_, claims)| !claims.iter().all(|claim| self.claims(claim)));
        let mix = Mix::default().without(left_out.map(|(kind, _)| kind));
        let mix = if self.claims(&Claim::Sizes) { mix } else { mix.without_sizes() };
        if self.claims(&Claim::Eligibility) { mix } else { mix.without_old_agents().without_volumes() }
    }
}

impl Report {
    const fn add(&mut self, other: Self) {
        self.histories += other.histories;
        self.facts += other.facts;
        self.rounds += other.rounds;
        self.grants += other.grants;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { histories, facts, rounds, grants } = self;
        write!(f, "{histories} histories: {facts} facts, {rounds} rounds, {grants} grants")
    }
}

/// Tries an allocator; `make` makes a fresh one for every history.
///
/// # Errors
/// The first law found broken, with a history that is as short as could be found.
pub fn check(make: impl Fn() -> Box<dyn Allocator>, profile: &Profile) -> Result<Report, Box<Violation>> {
    let (mut report, mix) = (Report::default(), profile.mix());
    for number in 0..profile.histories {
        let seed = profile.seed.wrapping_add(u64::from(number));
        let history = mix.draw(&mut Rng::new(seed), profile.steps);
        match bench::play(&make, profile, seed, &history) {
            Ok(played) => report.add(played),
            Err(broken) => return Err(Box::new(minimise(&make, profile, seed, history, broken))),
        }
    }
    Ok(report)
}

fn minimise(
    make: &dyn Fn() -> Box<dyn Allocator>,
    profile: &Profile,
    seed: u64,
    history: History,
    broken: bench::Broken,
) -> Violation {
    let law = broken.law;
    let mut last = broken;
    let shortest = history.shrink(|shorter| match bench::play(make, profile, seed, shorter) {
        Err(broken) if broken.law == law => {
            last = broken;
            true
        }
        _ => false,
    });
    Violation { law, what: last.what, seed, steps: shortest.steps().len(), script: last.script }
}
