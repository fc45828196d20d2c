//! Masters of one process that take turns.
//!
//! The first to contend leads; the others wait, in no particular order, until it resigns (its contender is dropped, as
//! when its daemon ends) or is deposed. Terms only rise. Nothing is durable: a process that starts again begins after the
//! term its store was opened with.

use std::sync::Arc;

use async_trait::async_trait;
use mesos_core::call::Leader;
use mesos_core::kernel::Term;
use mesos_core::{Contender, Detector, MasterId};
use tokio::sync::watch;

/// The ballot box. Clones share it.
#[derive(Debug, Clone)]
pub struct Ballot {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Clone)]
struct State {
    /// The newest term given.
    term: Term,
    leader: Option<Leader>,
}

impl Ballot {
    /// Nobody leads; the first term is the one after `last`.
    #[must_use]
    pub fn new(last: Term) -> Self {
        Self { state: Arc::new(watch::Sender::new(State { term: last, leader: None })) }
    }

    /// A contender for the master with this id and address.
    #[must_use]
    pub fn contender(&self, id: MasterId, address: impl Into<Arc<str>>) -> BallotContender {
        BallotContender { ballot: self.clone(), id, address: address.into(), held: None }
    }

    /// Finds the leader.
    #[must_use]
    pub fn detector(&self) -> BallotDetector {
        BallotDetector { states: self.state.subscribe() }
    }

    /// The leader.
    #[must_use]
    pub fn leader(&self) -> Option<Leader> {
        self.state.borrow().leader.clone()
    }

    /// Ends the leader's term, as if its session had expired; the next contender leads. Whom it was.
    pub fn depose(&self) -> Option<Leader> {
        let mut deposed = None;
        self.state.send_if_modified(|state| {
            deposed = state.leader.take();
            deposed.is_some()
        });
        deposed
    }

    /// Takes the lead if nobody has it.
    fn take(&self, id: &MasterId, address: &Arc<str>) -> Option<Term> {
        let mut taken = None;
        self.state.send_if_modified(|state| {
            if state.leader.is_some() {
                return false;
            }
            state.term = Term(state.term.0 + 1);
            state.leader = Some(Leader { id: id.clone(), address: address.clone(), term: state.term });
            taken = Some(state.term);
            true
        });
        taken
    }

    fn resign(&self, term: Term) {
        self.state.send_if_modified(|state| {
            let is_own = state.leader.as_ref().is_some_and(|leader| leader.term == term);
            if is_own {
                state.leader = None;
            }
            is_own
        });
    }
}

/// One master's side of a ballot. Dropping it resigns.
#[derive(Debug)]
pub struct BallotContender {
    ballot: Ballot,
    id: MasterId,
    address: Arc<str>,
    held: Option<Term>,
}

#[async_trait]
impl Contender for BallotContender {
    async fn contend(&mut self) -> Term {
        let mut states = self.ballot.state.subscribe();
        loop {
            if let Some(term) = self.ballot.take(&self.id, &self.address) {
                self.held = Some(term);
                return term;
            }
            // The sender lives as long as this contender does.
            let _ = states.wait_for(|state| state.leader.is_none()).await;
        }
    }

    async fn lost(&mut self, term: Term) {
        let mut states = self.ballot.state.subscribe();
        let _ = states.wait_for(|state| state.leader.as_ref().is_none_or(|leader| leader.term != term)).await;
    }
}

impl Drop for BallotContender {
    fn drop(&mut self) {
        if let Some(term) = self.held {
            self.ballot.resign(term);
        }
    }
}

/// Finds the leader of a ballot.
#[derive(Debug)]
pub struct BallotDetector {
    states: watch::Receiver<State>,
}

#[async_trait]
impl Detector for BallotDetector {
    async fn detect(&mut self, previous: Option<Leader>) -> Option<Leader> {
        let found = self.states.wait_for(|state| state.leader != previous).await.map(|state| state.leader.clone());
        match found {
            Ok(leader) => leader,
            // The ballot is gone, and with it everybody who could lead.
            Err(_) if previous.is_some() => None,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> MasterId {
        MasterId::new(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_leads_at_a_time_terms_rise_and_everybody_hears_of_it() {
        let ballot = Ballot::new(Term(7));
        let (mut a, mut b) = (ballot.contender(id("a"), "a"), ballot.contender(id("b"), "b"));
        let mut detector = ballot.detector();
        let first = a.contend().await;
        assert_eq!(first, Term(8));
        let leader = detector.detect(None).await.unwrap();
        assert_eq!((leader.id.as_str(), leader.term), ("a", first));

        let waits = tokio::time::timeout(std::time::Duration::from_secs(60), b.contend()).await;
        assert!(waits.is_err(), "a leads");
        drop(a);
        assert_eq!(b.contend().await, Term(9));
        assert_eq!(detector.detect(Some(leader)).await.unwrap().id.as_str(), "b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deposed_leader_is_told_and_may_contend_again() {
        let ballot = Ballot::new(Term(0));
        let mut a = ballot.contender(id("a"), "a");
        let term = a.contend().await;
        assert_eq!(ballot.depose().unwrap().term, term);
        a.lost(term).await;
        assert_eq!(ballot.depose(), None);
        assert_eq!(a.contend().await, Term(2));
    }
}
