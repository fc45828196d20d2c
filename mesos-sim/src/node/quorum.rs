//! The quorum: who holds the lease, and how everybody hears of it.

use mesos_core::call::Leader;
use mesos_core::kernel::Term;
use mesos_sched::master::Input;
use std::time::Duration;

use super::master::master_id;
use super::{Event, NodeId};
use crate::election::Holder;
use crate::failure::Failure;
use crate::fault::CrashKind;
use crate::watch::Watch;
use crate::world::World;

/// One in five of those who lose the lease hears of it only after a long time: longer than a new leader needs to write.
const LINGER_PPM: u32 = 200_000;
/// How long such a one lingers, at most.
const LINGER_MAX: Duration = Duration::from_secs(120);

impl World {
    /// Looks whether the holder of the lease can be heard, and whether a leader has to be chosen. Called whenever a
    /// master, its clock or its way to the quorum changed.
    pub(crate) fn review_lease(&mut self) {
        if let Some(holder) = self.election.holder() {
            let is_heard = self.is_heard(holder.master, holder.life);
            if let Some((term, at)) = self.election.review(self.now, is_heard, self.conditions.election.lease) {
                self.agenda.put(at, Event::LeaseOver(term));
            }
        }
        if self.election.holder().is_none() && self.candidates().next().is_some() && self.election.begin_choice() {
            let after = self.dice.duration(self.conditions.election.choose);
            self.agenda.put(self.now + after, Event::Choose);
        }
    }

    fn is_heard(&self, master: u32, life: u32) -> bool {
        let process = &self.masters[master as usize].process;
        process.is_life(life) && !process.is_paused() && self.net.connects(NodeId::Master(master), NodeId::Quorum)
    }

    /// Masters that could lead: up, heard, and not elected before in this life.
    fn candidates(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..).zip(&self.masters).filter_map(|(index, node)| {
            let life = node.process.life;
            (node.term.is_none() && self.is_heard(index, life)).then_some((index, life))
        })
    }

    pub(crate) fn lease_over(&mut self, term: Term) {
        if self.election.has_expired(self.now, term, self.conditions.election.lease) {
            self.release_lease();
        } else if let Some(holder) = self.election.holder().filter(|holder| holder.term == term) {
            // Silent again since it was heard in between: this entry was for the earlier silence.
            if !self.is_heard(holder.master, holder.life) {
                self.agenda.put(self.now + self.conditions.election.lease, Event::LeaseOver(term));
            }
        }
    }

    /// Takes the lease from its holder, who may or may not hear of it soon.
    pub(crate) fn release_lease(&mut self) {
        let Some(holder) = self.election.release() else { return };
        let longest = if self.dice.chance(LINGER_PPM) { LINGER_MAX } else { self.conditions.election.notice };
        let notice = self.dice.duration(longest);
        self.agenda.put(self.now + notice, Event::Demote { master: holder.master, life: holder.life });
        // It may not even know yet that it was elected: it cannot be elected again in this life.
        let node = &mut self.masters[holder.master as usize];
        if node.process.life == holder.life {
            node.term = Some(holder.term);
        }
        self.announce();
        self.review_lease();
    }

    pub(crate) fn choose(&mut self) {
        let candidates: Vec<(u32, u32)> = self.candidates().collect();
        let chosen = candidates.get(self.dice.index(candidates.len())).copied();
        let Some(holder) = self.election.choose(chosen) else { return };
        self.masters[holder.master as usize].term = Some(holder.term);
        let after = self.dice.duration(self.conditions.election.detect);
        self.agenda.put(self.now + after, Event::Lead(holder));
        self.announce();
    }

    fn announce(&mut self) {
        let version = self.election.version();
        let frameworks =
            (0..self.frameworks.len()).filter_map(|index| u32::try_from(index).ok()).map(NodeId::Framework);
        let agents = (0..self.agents.len()).filter_map(|index| u32::try_from(index).ok()).map(NodeId::Agent);
        for node in frameworks.chain(agents).collect::<Vec<_>>() {
            let after = self.dice.duration(self.conditions.election.detect);
            self.agenda.put(self.now + after, Event::Tell { node, version });
        }
    }

    /// Tells everybody the news who could not be reached before.
    pub(crate) fn tell_those_behind(&mut self) {
        let behind = (0..).zip(&self.frameworks).filter(|(_, node)| node.process.is_behind);
        let mut nodes: Vec<NodeId> = behind.map(|(index, _)| NodeId::Framework(index)).collect();
        let behind = (0..).zip(&self.agents).filter(|(_, node)| node.process.is_behind);
        nodes.extend(behind.map(|(index, _)| NodeId::Agent(index)));
        let version = self.election.version();
        for node in nodes {
            let after = self.dice.duration(self.conditions.election.detect);
            self.agenda.put(self.now + after, Event::Tell { node, version });
        }
    }

    /// What a detector that has heard `version` announcements knows.
    pub(crate) fn leader(&self, version: u32) -> Option<Leader> {
        self.election.known(version).map(|holder| Leader {
            id: master_id(holder.master, holder.life),
            address: format!("m{}", holder.master).into(),
            term: holder.term,
        })
    }

    /// A master hears that it leads: it opens the registry, which fences everybody before it.
    pub(crate) fn lead(&mut self, holder: Holder, watch: &mut Watch) -> Result<(), Failure> {
        if !self.masters[holder.master as usize].process.is_life(holder.life) {
            return Ok(());
        }
        let is_reached = self.net.connects(NodeId::Master(holder.master), NodeId::Quorum);
        match self.store.open(holder.term) {
            Ok(records) if is_reached => {
                let version = self.ongoing.version(NodeId::Master(holder.master));
                let records = match version {
                    Some(version) => version.registry(&records),
                    None => records,
                };
                self.step_master(holder.master, Some(Input::Elected { term: holder.term, records }), watch)
            }
            // A daemon that cannot read the registry ends, and contends again.
            _ => {
                self.crash(NodeId::Master(holder.master), CrashKind::Process);
                let after = self.restart_delay();
                self.agenda.put(self.now + after, Event::Start(NodeId::Master(holder.master)));
                Ok(())
            }
        }
    }

    pub(crate) fn demote(&mut self, master: u32, life: u32, watch: &mut Watch) -> Result<(), Failure> {
        if !self.masters[master as usize].process.is_life(life) {
            return Ok(());
        }
        self.step_master(master, Some(Input::Demoted), watch)
    }
}
