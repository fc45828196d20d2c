//! Explanations in sentences, as a colleague would put them: first the answer, then what else stands in the way, then
//! what to change.

use std::fmt::{self, Display, Formatter};

use super::{
    About, Change, Explanation, FailedConstraint, Holder, Lack, Need, Order, Party, Reason, Standing, Survey, Verdict,
};
use crate::agent::AgentCapability;
use crate::constraint::{Predicate, Selector};
use crate::framework::FrameworkCapability;
use crate::time::Instant;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.answer(f)?;
        let besides = self.reasons.get(usize::from(self.verdict == Verdict::NotOffered)..).unwrap_or_default();
        if let ([_, ..], Verdict::NotOffered | Verdict::Held { .. }) = (besides, &self.verdict) {
            let opening =
                if matches!(self.verdict, Verdict::Held { .. }) { "It is not offered more: " } else { "Besides, " };
            write!(f, "\n{opening}{}.", joined(besides, "; ", |reason| Spoken(reason, self.asked_at)))?;
        }
        if let Some(survey) = &self.survey {
            write!(f, "\n{survey}")?;
        }
        if !self.change.is_empty() {
            write!(
                f,
                "\nTo get an offer: {}.",
                joined(&self.change, ", and ", |change| Spoken(change, self.asked_at))
            )?;
        }
        if !self.or.is_empty() {
            write!(f, "\nOr: {}.", joined(&self.or, ", and ", |change| Spoken(change, self.asked_at)))?;
        }
        Ok(())
    }
}

impl Explanation {
    /// The first sentence.
    fn answer(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let who = self.framework.as_ref().map_or("this framework", |id| id.as_str());
        let role = &self.role;
        match (&self.verdict, &self.of) {
            (Verdict::Offered { agent, resources }, _) => {
                let agent = agent.as_ref().map_or("an agent", |id| id.as_str());
                return write!(f, "Yes: {who} was granted {resources} of {agent} under {role} in the last round.");
            }
            (Verdict::Held { resources }, About::Agent(Some(agent))) => {
                return write!(f, "Not in the last round, but {who} has {resources} of {agent} under {role}.");
            }
            (_, About::Agent(Some(agent))) => write!(f, "{who} got no offer of {agent} under {role}")?,
            (_, About::Agent(None)) => write!(f, "{who} got no offer of this agent under {role}")?,
            (_, About::Need(need)) => write!(f, "{who} got no offer under {role} that holds {need}")?,
        }
        let Some(first) = self.reasons.first() else { return f.write_str(".") };
        let nearest = self.survey.as_ref().and_then(|survey| survey.nearest.as_ref());
        match nearest.filter(|_| !first.is_about_framework()) {
            Some(agent) => write!(f, "; on {agent}, which comes nearest, {}.", Spoken(first, self.asked_at)),
            None => write!(f, ": {}.", Spoken(first, self.asked_at)),
        }
    }
}

impl Reason {
    /// Whether it is the same on all agents.
    const fn is_about_framework(&self) -> bool {
        matches!(
            self,
            Self::FrameworkUnknown
                | Self::NotSubscribed { .. }
                | Self::FrameworkInactive
                | Self::Suppressed
                | Self::RecoveryHoldOff { .. }
                | Self::NoAgents
        )
    }
}

impl Display for Need {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantities(amounts) => amounts.fmt(f),
            Self::Resources(resources) => resources.fmt(f),
        }
    }
}

impl Display for Survey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self.counts.iter().collect();
        let agents = if self.agents == 1 { "agent" } else { "agents" };
        write!(f, "Of {} {agents}: ", self.agents)?;
        write!(f, "{}.", joined(&counts, ", ", |(code, count)| format!("{} on {count}", in_words(code))))
    }
}

/// What a code of a reason means, as something that is the matter on agents.
fn in_words(code: &str) -> &str {
    match code {
        "framework_unknown" => "the framework unknown",
        "not_subscribed" => "not subscribed",
        "framework_inactive" => "the framework away",
        "suppressed" => "offers suppressed",
        "recovery_hold_off" => "held off after the election",
        "agent_deactivated" => "out of service",
        "not_whitelisted" => "not on the whitelist",
        "nothing_free" => "nothing free",
        "capability_missing" => "a capability missing",
        "constraint" => "against its constraints",
        "shown" => "shown already",
        "reserved" => "reserved to others",
        "quota_limit" => "beyond a limit",
        "headroom" => "kept for guarantees",
        "own_maximum" => "more than it asks for",
        "below_minimum" => "too little for an offer",
        "filtered" => "refused",
        "too_small" => "too little for the need",
        "awaiting_round" => "due in the next round",
        code => code,
    }
}

impl Display for Party {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let who = self.framework.as_ref().map_or("a framework that is not back yet", |id| id.as_str());
        write!(f, "{who} ({})", self.role)
    }
}

impl Display for Holder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {}", self.party, self.resources)?;
        match &self.offered {
            Some(offered) if *offered == self.resources => f.write_str(", all of it only offered"),
            Some(offered) if !offered.is_empty() => write!(f, ", {offered} of it only offered"),
            _ => Ok(()),
        }
    }
}

impl Display for Standing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.resource {
            Some(name) => write!(f, "{} had {} of {} {name}", self.name, self.held, self.total)?,
            None => write!(f, "{} had nothing", self.name)?,
        }
        let grants = if self.grants == 1 { "grant" } else { "grants" };
        write!(f, " at weight {}: a share of {:.3}, with {} {grants}", self.weight, self.share(), self.grants)
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shares { first, own } => {
                let (ahead, behind) = (first.share(), own.share());
                let why = if first.grants < own.grants { "had fewer grants" } else { "comes first by name" };
                let why = if (ahead - behind).abs() < 1e-12 { why } else { "had the smaller share" };
                write!(f, "{} {why} ({first}, {own})", first.name)
            }
            Self::Drawn { first, own } => {
                write!(f, "the order is drawn, and {} (weight {}) was drawn", first.name, first.weight)?;
                write!(f, " before {} (weight {})", own.name, own.weight)
            }
            Self::Policy { first, own } => write!(f, "the policy of the cluster puts it first ({first}, {own})"),
            Self::Guarantee { role } => write!(f, "the guarantee of {role} was not met, and guarantees go first"),
            Self::Waited { batches } => {
                write!(f, "it had been granted nothing for {batches} rounds or more, and who waits so long goes first")
            }
        }
    }
}

impl Display for Lack {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Framework(FrameworkCapability::GpuResources) => "the framework lacks GPU_RESOURCES",
            Self::Framework(FrameworkCapability::RegionAware) => "the framework lacks REGION_AWARE",
            Self::Framework(FrameworkCapability::SharedResources) => "the framework lacks SHARED_RESOURCES",
            Self::Framework(FrameworkCapability::RevocableResources) => "the framework lacks REVOCABLE_RESOURCES",
            Self::Framework(FrameworkCapability::ReservationRefinement) => "the framework lacks RESERVATION_REFINEMENT",
            Self::Framework(FrameworkCapability::MultiRole) => "the framework lacks MULTI_ROLE",
            Self::Framework(FrameworkCapability::PartitionAware) => "the framework lacks PARTITION_AWARE",
            Self::Framework(FrameworkCapability::TaskKillingState) => "the framework lacks TASK_KILLING_STATE",
            Self::Agent(AgentCapability::MultiRole) => "the agent lacks MULTI_ROLE",
            Self::Agent(AgentCapability::HierarchicalRole) => "the agent lacks HIERARCHICAL_ROLE",
            Self::Agent(AgentCapability::ReservationRefinement) => "the agent lacks RESERVATION_REFINEMENT",
            Self::Agent(AgentCapability::AgentOperationFeedback) => "the agent lacks AGENT_OPERATION_FEEDBACK",
            Self::Agent(AgentCapability::TaskResourceLimits) => "the agent lacks TASK_RESOURCE_LIMITS",
        })
    }
}

impl Display for FailedConstraint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.constraint.selector {
            Selector::Attribute(name) => write!(f, "attribute {name} ")?,
            Selector::Hostname => f.write_str("the host name ")?,
            Selector::Region => f.write_str("the region ")?,
            Selector::Zone => f.write_str("the zone ")?,
        }
        match &self.constraint.predicate {
            Predicate::Exists => f.write_str("has to be there")?,
            Predicate::NotExists => f.write_str("may not be there")?,
            Predicate::TextEquals(text) => write!(f, "has to be {text:?}")?,
            Predicate::TextNotEquals(text) => write!(f, "may not be {text:?}")?,
            Predicate::TextMatches(pattern) => write!(f, "has to match {pattern:?}")?,
            Predicate::TextNotMatches(pattern) => write!(f, "may not match {pattern:?}")?,
        }
        match &self.found {
            Some(found) => write!(f, " and is {found:?}"),
            None => f.write_str(" and is not there"),
        }
    }
}

/// Something with times in it, told at a time.
struct Spoken<'a, T>(&'a T, Instant);

impl Spoken<'_, Reason> {
    /// What concerns the framework and the agent.
    fn standing(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::FrameworkUnknown => f.write_str("nobody knows this framework"),
            Reason::NotSubscribed { roles } => {
                let roles: Vec<_> = roles.iter().collect();
                write!(f, "it is not subscribed to this role, only to {}", joined(&roles, ", ", |role| *role))
            }
            Reason::FrameworkInactive => f.write_str("it is not connected"),
            Reason::Suppressed => f.write_str("it said that it wants no offers under this role"),
            Reason::RecoveryHoldOff { until, back, expected } => {
                let until = At(*until, self.1);
                write!(f, "only {back} agents are back after the election; nothing is granted before {expected} are")?;
                write!(f, ", or before {until}")
            }
            Reason::NoAgents => f.write_str("there is no agent"),
            Reason::AgentUnknown => f.write_str("nobody knows this agent"),
            Reason::AgentDeactivated => f.write_str("the agent serves no offers at the moment"),
            Reason::NotWhitelisted { hostname } => write!(f, "its host {hostname} is not on the whitelist"),
            Reason::CapabilityMissing { lack, hidden: None } => write!(f, "{lack}, so the agent is kept from it"),
            Reason::CapabilityMissing { lack, hidden: Some(hidden) } => write!(f, "{lack}, so {hidden} is left out"),
            Reason::Constraint { failed } => {
                write!(f, "its own constraints keep it away: {}", joined(failed, "; ", |failed| failed))
            }
            _ => self.amounts(f),
        }
    }

    /// What concerns amounts and the order.
    fn amounts(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::NothingFree { total, holders, .. } if holders.is_empty() => {
                write!(f, "nothing of its {total} is free")
            }
            Reason::NothingFree { total, holders, holder_count } => {
                write!(f, "nothing of its {total} is free: ")?;
                write!(f, "{}", joined(holders, ", ", |holder| holder))?;
                match holder_count.saturating_sub(holders.len()) {
                    0 => Ok(()),
                    others => write!(f, ", and {others} others have the rest"),
                }
            }
            Reason::Shown { resources } => write!(f, "it was shown {resources} of it already, and did not answer yet"),
            Reason::Reserved { to } => {
                let to: Vec<_> = to.iter().collect();
                write!(
                    f,
                    "{}",
                    joined(&to, ", ", |(role, what)| format!("{what} of what is free is reserved to {role}"))
                )
            }
            Reason::QuotaLimit { role, limits, consumed, withheld } => {
                write!(f, "{withheld} of what is free is beyond the limit of {role}, which has {consumed} of {limits}")
            }
            Reason::Headroom { kept_for, role_count, withheld } => {
                let who = joined(kept_for, ", ", |own| format!("{} (promised {} more)", own.role, own.missing));
                write!(f, "{withheld} of what is free is kept for guarantees that are not met: {who}")?;
                match role_count.saturating_sub(kept_for.len()) {
                    0 => Ok(()),
                    others => write!(f, ", and {others} others"),
                }
            }
            Reason::OwnMaximum { limits, withheld } => {
                write!(f, "it asked for offers of at most {limits}, which leaves out {withheld}")
            }
            Reason::BelowMinimum { left, minimums, is_own, missing } => {
                let whose = if *is_own { "its own minimum" } else { "the minimum" };
                let minimums = joined(minimums, " or ", |minimum| minimum);
                write!(f, "the {left} left is below {whose} of {minimums}; {missing} is missing")
            }
            Reason::Filtered { until, refused } => {
                write!(f, "it refused {refused} of it, and that holds until {}", At(*until, self.1))
            }
            Reason::TooSmall { left, missing, is_never_enough } => {
                match left.is_empty() {
                    true => write!(f, "nothing would be left for it: {missing} is missing")?,
                    false => write!(f, "an offer would hold {left} only: {missing} is missing")?,
                }
                f.write_str(if *is_never_enough { ", which the agent does not have at all" } else { "" })
            }
            Reason::ShareOrder { by, taken, order } => write!(f, "{by} went first and took {taken}, because {order}"),
            Reason::AwaitingRound { next_at } => {
                write!(f, "no round has looked since something changed; the next one comes {}", At(*next_at, self.1))
            }
            other => f.write_str(other.code()),
        }
    }
}

impl Display for Spoken<'_, Reason> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.standing(f)
    }
}

impl Display for Spoken<'_, Change> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Change::Subscribe { role } => write!(f, "subscribe to {role}"),
            Change::Reconnect => f.write_str("connect again"),
            Change::Revive { role } => write!(f, "revive {role}"),
            Change::Wait { until } => write!(f, "wait until {}", At(*until, self.1)),
            Change::AddAgent { resources } if resources.is_empty() => f.write_str("let it register"),
            Change::AddAgent { resources } => write!(f, "let an agent register that has {resources}"),
            Change::ActivateAgent => f.write_str("let the agent serve again"),
            Change::Whitelist { hostname } => write!(f, "put {hostname} on the whitelist"),
            Change::AddCapability { lack } => write!(f, "{}", Given(*lack)),
            Change::RelaxConstraints { constraints } => {
                write!(f, "do not demand that {}", joined(constraints, " or that ", Demand))
            }
            Change::Unreserve { resources } => write!(f, "unreserve {resources}"),
            Change::RaiseLimit { role, by } => write!(f, "raise the limit of {role} by {by}"),
            Change::LowerGuarantee { role, by } => write!(f, "promise {role} {by} less"),
            Change::AddCapacity { resources } => write!(f, "add {resources} to the agent"),
            Change::RaiseMaximum { by } => write!(f, "ask for offers that are larger by {by}"),
            Change::LowerMinimum { to } if to.is_empty() => f.write_str("lower the minimum to anything at all"),
            Change::LowerMinimum { to } => write!(f, "lower the minimum to {to}"),
            Change::Free { from } => {
                write!(f, "get {} back", joined(from, " and ", |own| format!("{} from {}", own.resources, own.party)))
            }
            Change::Answer { resources } => write!(f, "accept or decline the {resources} that it was shown"),
            Change::Suppress { parties, party_count } => {
                write!(f, "let {} want no offers for now", joined(parties, " and ", |party| party))?;
                match party_count.saturating_sub(parties.len()) {
                    0 => f.write_str(", who would be served first"),
                    others => write!(f, ", nor {others} others who would be served first"),
                }
            }
            Change::RaiseWeight { role, to } => write!(f, "raise the weight of {role} to {to}"),
        }
    }
}

/// A capability to be had.
struct Given(Lack);

impl Display for Given {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lack = self.0.to_string();
        let name = lack.rsplit(' ').next().unwrap_or_default();
        match self.0 {
            Lack::Framework(_) => write!(f, "teach the framework to deal with it and declare {name}"),
            Lack::Agent(_) => write!(f, "upgrade the agent to one with {name}"),
        }
    }
}

/// What is demanded, without what was found.
struct Demand<'a>(&'a FailedConstraint);

impl Display for Demand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let told = self.0.to_string();
        let end = told.rfind(" and is ").unwrap_or(told.len());
        f.write_str(&told[..end])
    }
}

/// A time, seen from another.
struct At(Instant, Instant);

impl Display for At {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (at, now) = (self.0, self.1);
        let seconds = f64::from(u32::try_from(at.as_nanos() / 1_000_000).unwrap_or(u32::MAX)) / 1e3;
        match at.since(now) {
            left if left.is_zero() => f.write_str("now"),
            left => write!(f, "{seconds}s, in {}s", left.as_millis() as f64 / 1e3),
        }
    }
}

/// Several things with something between them.
struct Joined<'a, T, F>(&'a [T], &'static str, F);

const fn joined<'a, T, D: Display, F: Fn(&'a T) -> D>(
    all: &'a [T],
    between: &'static str,
    shown: F,
) -> Joined<'a, T, F> {
    Joined(all, between, shown)
}

impl<'a, T, D: Display, F: Fn(&'a T) -> D> Display for Joined<'a, T, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (place, one) in self.0.iter().enumerate() {
            write!(f, "{}{}", if place == 0 { "" } else { self.1 }, (self.2)(one))?;
        }
        Ok(())
    }
}
