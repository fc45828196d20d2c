//! The host of the allocator under test: plays a history, runs the rounds that are due, and checks the laws.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mesos_core::Instant;
use mesos_core::kernel::Rng;
use mesos_core::provider::{
    AgentKey, Allocator, Concurrency, Conflict, Fact, FrameworkKey, Grant, InverseGrant, Round,
};
use mesos_core::resource::Resources;

use super::laws::{self, Breach};
use super::truth::{Client, Truth};
use super::{Claim, Law, Profile, Report, script};
use crate::history::{History, Stage};

/// When histories begin.
const BEGIN: Instant = Instant::from_nanos(12_345);
/// While nothing happens, more rounds than this in a second, and this many to begin with, are a loop.
const ROUNDS_PER_SECOND_MAX: u64 = 16;

/// A law that was broken, in the words of the history.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) law: Law,
    pub(super) what: String,
    pub(super) script: String,
}

/// What was done to the allocator, to do the same to another one.
#[derive(Debug)]
enum Told {
    Fact(Instant, Fact),
    Round(Instant),
    Commit(Instant, Grant, Resources),
}

/// What an allocator said to it: another one of the kind says the same.
#[derive(Debug, PartialEq)]
enum Said {
    Granted(Vec<Grant>),
    AsksBack(Vec<InverseGrant>),
    Commits(Result<(), Conflict>),
    NextRound(Option<Instant>),
    Available(AgentKey, Option<Resources>),
}

/// An allocator under test beside the truth.
struct Bench<'a> {
    profile: &'a Profile,
    truth: Truth,
    now: Instant,
    allocator: Box<dyn Allocator>,
    rng: Rng,
    told: Vec<Told>,
    said: Vec<Said>,
    grants: Vec<Grant>,
    lines: Vec<String>,
    facts: u64,
    rounds: u64,
}

/// Plays a history to a fresh allocator, and once more to another one.
pub(super) fn play(
    make: &dyn Fn() -> Box<dyn Allocator>,
    profile: &Profile,
    seed: u64,
    history: &History,
) -> Result<Report, Broken> {
    let mut bench = Bench::new(make(), profile, seed);
    let played = survive(|| history.play(&mut bench));
    let replayed = played.and_then(|()| survive(|| replay(make(), seed, &bench.told, &bench.said)));
    match replayed {
        Ok(()) => {
            let grants = bench.grants.len() as u64;
            Ok(Report { histories: 1, facts: bench.facts, rounds: bench.rounds, grants })
        }
        Err((law, what)) => Err(Broken { law, what, script: bench.lines.join("\n") }),
    }
}

/// A panic is a breach like others.
fn survive(play: impl FnOnce() -> Result<(), Breach>) -> Result<(), Breach> {
    catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|panic| Err((Law::Survival, message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a word"))
}

/// Does to a fresh allocator what was done to another, and compares whatever it says.
fn replay(mut fresh: Box<dyn Allocator>, seed: u64, told: &[Told], said: &[Said]) -> Result<(), Breach> {
    let mut rng = Rng::new(seed);
    let mut said = said.iter();
    for told in told {
        let mut again = Vec::new();
        match told {
            Told::Fact(now, fact) => fresh.observe(*now, fact.clone()),
            Told::Commit(now, grant, wanted) => again.push(Said::Commits(fresh.commit(*now, grant, wanted))),
            Told::Round(now) => {
                let (mut granted, mut asked) = (Vec::new(), Vec::new());
                fresh.allocate(Round { now: *now, rng: &mut rng }, &mut granted);
                fresh.ask_back(*now, &mut asked);
                again.extend([Said::Granted(granted), Said::AsksBack(asked)]);
            }
        }
        again.extend(views(&*fresh, told));
        if let Some((second, first)) = again.into_iter().zip(&mut said).find(|(second, first)| second != *first) {
            return Err((Law::Replay, format!("one says {first:?}, and another of the kind {second:?}")));
        }
    }
    Ok(())
}

/// What an allocator shows after something was done to it.
fn views(allocator: &dyn Allocator, told: &Told) -> impl Iterator<Item = Said> {
    let agents = match told {
        Told::Fact(_, fact) => agent_of(fact).into_iter().collect(),
        Told::Commit(_, grant, _) => vec![grant.agent],
        Told::Round(_) => laws::agents().collect(),
    };
    let available = agents.into_iter().map(|agent| Said::Available(agent, allocator.available(agent)));
    std::iter::once(Said::NextRound(allocator.deadline())).chain(available.collect::<Vec<_>>())
}

/// Of which agent a fact changes what is free.
const fn agent_of(fact: &Fact) -> Option<AgentKey> {
    match fact {
        Fact::AgentAdded { agent, .. }
        | Fact::AgentResized { agent, .. }
        | Fact::AgentRemoved { agent }
        | Fact::Converted { agent, .. }
        | Fact::Claimed { agent, .. }
        | Fact::Recovered { agent, .. } => Some(*agent),
        _ => None,
    }
}

impl<'a> Bench<'a> {
    fn new(allocator: Box<dyn Allocator>, profile: &'a Profile, seed: u64) -> Self {
        Self {
            profile,
            truth: Truth::default(),
            now: BEGIN,
            allocator,
            rng: Rng::new(seed),
            told: Vec::new(),
            said: Vec::new(),
            grants: Vec::new(),
            lines: Vec::new(),
            facts: 0,
            rounds: 0,
        }
    }

    fn run_due(&mut self, until: Instant) -> Result<(), Breach> {
        let begun = self.rounds;
        let bound = (until.since(self.now).as_secs() + 1) * ROUNDS_PER_SECOND_MAX;
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.round()?;
            if let Some(next) = self.allocator.deadline().filter(|next| *next <= self.now) {
                let what = format!("after a round at {:?} the next is due at {next:?}", self.now);
                return Err((Law::Deadline, what));
            }
            if self.rounds - begun > bound {
                let what = format!("more than {bound} rounds from one fact to the next, up to {until:?}");
                return Err((Law::Deadline, what));
            }
        }
        Ok(())
    }

    fn round(&mut self) -> Result<(), Breach> {
        let before = self.grants.len();
        self.rounds += 1;
        self.told.push(Told::Round(self.now));
        if laws::held_off(&self.truth, self.profile, self.now).is_none() {
            self.truth.expected = None;
        }
        self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.grants);
        let granted = self.grants[before..].to_vec();
        for grant in &granted {
            laws::grant(&self.truth, self.profile, self.now, grant)?;
            match self.allocator.concurrency() {
                Concurrency::Pessimistic => self.truth.grant(grant),
                Concurrency::Optimistic(_) => self.truth.offered.push(grant.clone()),
            }
        }
        self.said.push(Said::Granted(granted));
        self.ask_back()?;
        self.look();
        laws::balance(&self.truth, &*self.allocator)
    }

    /// Notes what the allocator shows after what was done to it last.
    fn look(&mut self) {
        self.said.extend(self.told.last().into_iter().flat_map(|told| views(&*self.allocator, told)));
    }

    /// Who is to be asked is asked after every round, whether or not anybody looks at it.
    fn ask_back(&mut self) -> Result<(), Breach> {
        let mut asked = Vec::new();
        self.allocator.ask_back(self.now, &mut asked);
        for asked in &asked {
            laws::question(&self.truth, self.now, asked)?;
            self.truth.asked.insert((asked.framework, asked.agent));
        }
        self.said.push(Said::AsksBack(asked));
        Ok(())
    }
}

impl Stage for Bench<'_> {
    type Stop = Breach;

    /// Tells the allocator a fact, and the truth too.
    fn observe(&mut self, fact: Fact) {
        self.lines.push(script::line(&fact));
        self.truth.observe(self.now, &fact);
        self.facts += 1;
        self.told.push(Told::Fact(self.now, fact.clone()));
        self.allocator.observe(self.now, fact);
        self.look();
    }

    fn pass(&mut self, time: Duration) -> Result<(), Breach> {
        if !time.is_zero() {
            self.lines.push(format!("advance {}ms", time.as_millis()));
        }
        let until = self.now + time;
        self.run_due(until)?;
        self.now = until;
        laws::balance(&self.truth, &*self.allocator)
    }

    fn settle(&mut self) -> Result<(), Breach> {
        let refusals = self.truth.refusals.iter().map(|refusal| refusal.until);
        let waits = self.truth.unasked.values().copied().chain(laws::held_off(&self.truth, self.profile, self.now));
        let last = refusals.chain(waits).max();
        self.pass(last.unwrap_or(self.now).since(self.now) + self.profile.patience)?;
        if self.profile.claims(&Claim::Guarantees) {
            laws::guarantees(&self.truth, self.profile, self.now)?;
        }
        laws::liveness(&self.truth, self.profile, self.now)?;
        laws::all_asked(&self.truth, self.now)
    }

    fn holdings(&self) -> Vec<Grant> {
        let grant = |((agent, (framework, role)), held): (&(AgentKey, Client), &Resources)| Grant {
            framework: *framework,
            role: role.clone(),
            agent: *agent,
            resources: held.clone(),
        };
        self.truth.held.iter().map(grant).collect()
    }

    fn offered(&self) -> Option<Vec<Grant>> {
        (self.allocator.concurrency() != Concurrency::Pessimistic).then(|| self.truth.offered.clone())
    }

    /// Commits a part of an optimistic grant; it is off the table then, if it could be.
    fn commit(&mut self, grant: Grant, wanted: Resources) -> Result<(), Breach> {
        self.lines
            .push(format!("# f{} commits {wanted} of a{} under {}", grant.framework.0, grant.agent.0, grant.role));
        self.told.push(Told::Commit(self.now, grant.clone(), wanted.clone()));
        let said = self.allocator.commit(self.now, &grant, &wanted);
        laws::commitment(&self.truth, &grant, &wanted, &said)?;
        self.said.push(Said::Commits(said.clone()));
        self.look();
        if said.is_ok() {
            self.truth.take_offered(&grant);
            self.truth.grant(&Grant { resources: wanted, ..grant });
        } else {
            let Grant { framework, role, agent, resources } = grant;
            self.observe(Fact::Lapsed { framework, role, agent, resources, filters: None });
        }
        Ok(())
    }

    fn asked(&self) -> Vec<(FrameworkKey, AgentKey)> {
        self.truth.asked.iter().copied().collect()
    }
}
