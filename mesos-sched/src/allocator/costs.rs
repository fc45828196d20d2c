//! What rounds cost, counted: so that tests can say what a change may cost without measuring time.

/// How often the steps were done that rounds consist of, since the allocator was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Costs {
    /// Rounds that took place.
    pub rounds: u64,
    /// Agents that were looked at; one that is looked at for guarantees and for fair shares counts twice.
    pub visits: u64,
    /// Clients, frameworks under a role, that were looked at for an agent.
    pub considered: u64,
    /// Clients whose refusals were compared with an offer.
    pub filter_checks: u64,
    /// Roles and frameworks that were compared with a sibling, to find out which of both comes first.
    pub comparisons: u64,
    /// Roles that were put in order by priority: with priorities all active ones, for every agent that is looked at, but for
    /// those where a few clients alone come into question.
    pub ranked: u64,
    /// Filters that ended because they were due.
    pub expired: u64,
    /// Roles and frameworks that were drawn, where their order is random.
    pub draws: u64,
    /// Roles whose chance to be drawn was computed: once for all rounds in which nobody comes or goes and no weight changes.
    pub weighed: u64,
    /// Clients that were looked at for a piece of an agent, where agents are dealt out piece by piece: where something changed
    /// all of them to begin with, else those that can be offered more, and before every piece one of each different demand.
    pub candidates: u64,
    /// Clients that were looked at to count how many may use an agent, with constrained max-min fairness: all of them once when
    /// somebody comes or goes, and then for an agent that was not counted since those that demand something of agents, and one
    /// of each kind of the others.
    pub suited: u64,
    /// Clients that were looked at to show them an agent, where everybody is shown everything: all of them where something
    /// changed, else those that can be offered more.
    pub shown: u64,
}
