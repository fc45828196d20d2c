//! One allocation round.
//!
//! A round expires filters, takes the agents that are due in random order, and serves each from the top of the order of
//! clients until nothing is left or nobody is: first for guarantees, then, in another order, for fair shares (see
//! [`stage`](super::stage)). After it, every agent it considered is as settled as it can be: nobody who may be served wants
//! what is left.
//!
//! What a client may have depends on the agent, on the client, and with quota on two things more: on the limits along the
//! client's path, so whoever was cut by a limit is fresh again when less is consumed below it; and on the headroom, so an
//! agent where somebody was cut for the sake of promises is listed (see [`headroom`](super::headroom)). Within a round both
//! only shrink, hence an agent that was left by everybody stays left until the next fact.

use mesos_core::Instant;
use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Grant, Round};

use super::agent_set::AgentSet;
use super::filter::Refusers;
use super::nobody::Nobody;
use super::options::mutant;
use super::policy::{Dealing, Policy};
use super::quota::RoleKey;
use super::schedule::Scope;
use super::serving::Booked;
use super::sorter::{NodeKey, Walk};
use super::stage::Stage;
use super::{HierarchicalDrf, Options};

/// Memory kept from one round to the next.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) agents: Vec<AgentKey>,
    pub(super) clients: Vec<NodeKey>,
    pub(super) walk: Walk,
    pub(super) booked: Vec<Booked>,
    /// Clients that were cut on the agent that is served.
    pub(super) cut: Vec<NodeKey>,
    /// Roles that can count on no guarantee any more, met on the agent that is served.
    pub(super) sated: Vec<NodeKey>,
    /// Agents of which small offers were granted for guarantees: the next round has more of them.
    pub(super) sized: Vec<AgentKey>,
    pub(super) nobody: Nobody,
    /// Clients that are the only ones to come into question.
    pub(super) few: Vec<NodeKey>,
    pub(super) refusers: Refusers,
    pub(super) dealing: Dealing,
}

impl Scratch {
    pub(super) fn new(options: &Options) -> Self {
        let walk = Walk::new(options.role_sorter, options.framework_sorter);
        let walk = match &options.policy {
            Policy::Priority(priorities) => walk.ranked(priorities.clone()),
            _ => walk,
        };
        Self {
            agents: Vec::new(),
            clients: Vec::new(),
            walk,
            booked: Vec::new(),
            cut: Vec::new(),
            sated: Vec::new(),
            sized: Vec::new(),
            nobody: Nobody::default(),
            few: Vec::new(),
            refusers: Refusers::default(),
            dealing: Dealing::default(),
        }
    }
}

impl HierarchicalDrf {
    pub(super) fn run(&mut self, round: Round<'_>, grants: &mut Vec<Grant>) {
        self.catch_up(round.now);
        let Some(scope) = self.schedule.scope(round.now) else { return };
        if self.is_recovering(round.now) {
            return;
        }
        self.costs.rounds += 1;
        self.expire_filters(round.now);
        self.memory.begin_round();
        self.trace.begin_round();
        self.tree.begin_round();
        self.merging.start(self.needs_draws().then(|| round.rng.split()), grants.len());
        let mut agents = std::mem::take(&mut self.scratch.agents);
        self.collect(scope, &mut agents);
        if self.begin_promises() {
            self.arrange(&mut agents, round.rng);
            self.run_stage(Stage::Guarantees, scope, &agents, round.rng, grants);
            self.scratch.walk.end_promises();
        }
        self.arrange(&mut agents, round.rng);
        let is_complete = self.run_stage(Stage::FairShare, scope, &agents, round.rng, grants);
        agents.clear();
        self.scratch.agents = agents;
        while let Some(agent) = self.scratch.sized.pop() {
            self.settle_agent(agent);
        }
        self.merging.finish(grants);
        self.tree.end_round();
        self.headroom.note(&self.quotas, is_complete);
        self.forget_fresh(scope);
        self.schedule.finish(round.now, scope);
        // A filter that was due but too young has been seen now; its agent is for the next round.
        self.expire_filters(round.now);
    }

    /// Prepares the stage of guarantees; whether somebody takes part who can count on one.
    fn begin_promises(&mut self) -> bool {
        let tree = &mut self.tree;
        self.quotas.drain_awake(|client| tree.set_promised(tree.parent(client), true));
        while let Some(own) = self.tree.any_promised() {
            if self.quotas.is_hungry() && self.quotas.is_promised(self.role_of(own)) {
                self.scratch.walk.begin_promises(&mut self.tree);
                return true;
            }
            self.tree.set_promised(own, false);
        }
        false
    }

    /// The role of a virtual leaf that may be served.
    fn role_of(&self, own: NodeKey) -> RoleKey {
        let client = self.tree.active_clients_of(own).first().expect("an active leaf has an active client");
        self.clients[client.slot()].as_ref().expect("a client of the tree has a book").role_key
    }

    /// Whether cutting offers may need draws.
    fn needs_draws(&self) -> bool {
        self.quotas.has_quota() || self.has_sizes
    }

    /// Serves the agents, and those held back while there is more headroom than when they were considered; whether all of
    /// these were.
    fn run_stage(
        &mut self,
        stage: Stage,
        scope: Scope,
        agents: &[AgentKey],
        rng: &mut Rng,
        grants: &mut Vec<Grant>,
    ) -> bool {
        self.scratch.nobody.clear();
        let times = if mutant!(self.options, LookAtAgentsAgain) { self.clients.iter().flatten().count() } else { 1 };
        for agent in agents {
            for time in 0..times {
                self.serve(stage, *agent, time > 0, rng, grants);
            }
        }
        scope != Scope::Candidates && self.serve_held(stage, rng, grants)
    }

    fn serve_held(&mut self, stage: Stage, rng: &mut Rng, grants: &mut Vec<Grant>) -> bool {
        let mut next = 0;
        while self.headroom.has_grown(&self.quotas) {
            let Some(agent) = self.held(stage).draw(next, rng) else { return true };
            let round = self.merging.round();
            if self.agent(agent).is_none_or(|agent| agent.served_in[stage as usize] != round) {
                self.serve(stage, agent, true, rng, grants);
            }
            // One that is held back no more left its place to another.
            next += usize::from(self.held(stage).as_slice().get(next) == Some(&agent));
        }
        false
    }

    pub(super) const fn held(&mut self, stage: Stage) -> &mut AgentSet {
        match stage {
            Stage::Guarantees => &mut self.headroom.held_in_guarantees,
            Stage::FairShare => &mut self.headroom.held,
        }
    }

    fn expire_filters(&mut self, now: Instant) {
        if mutant!(self.options, EternalFilter) {
            return;
        }
        let mut freed = std::mem::take(&mut self.scratch.agents);
        let memory = &mut self.memory;
        self.filters.expire(now, self.schedule.batches(), |client, agent| {
            memory.note_ended(client, agent);
            freed.push(agent);
        });
        self.costs.expired += freed.len() as u64;
        for agent in freed.drain(..) {
            self.settle_agent(agent);
        }
        self.scratch.agents = freed;
    }

    /// The agents a round has to look at: those that changed, and all that have something if somebody is fresh.
    fn collect(&mut self, scope: Scope, agents: &mut Vec<AgentKey>) {
        match scope {
            Scope::Candidates => {
                agents.extend(self.schedule.candidates().iter().filter(|agent| self.open.contains(**agent)));
            }
            Scope::Batch | Scope::All if self.fresh.is_empty() => agents.extend_from_slice(self.dirty.as_slice()),
            Scope::Batch | Scope::All => agents.extend_from_slice(self.open.as_slice()),
        }
    }

    /// Nobody is fresh any more to agents that were all considered.
    fn forget_fresh(&mut self, scope: Scope) {
        if scope != Scope::Candidates {
            for client in self.fresh.drain(..) {
                if let Some(client) = &mut self.clients[client.slot()] {
                    client.is_fresh = false;
                }
            }
        }
    }
}
