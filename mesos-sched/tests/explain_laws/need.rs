//! What is said of needs: of the verdict, and of all agents together.

use mesos_core::Role;
use mesos_core::provider::explain::{Need, Reason, Subject, Survey, Verdict};
use mesos_core::provider::{FrameworkKey, Grant};
use mesos_core::resource::{Quantities, Resources};
use mesos_sim::history::key_of_agent;

use super::ledger::role;
use super::world::{FRAMEWORKS, ROLES, World};

impl World {
    /// Everybody asks for something on any agent.
    pub(crate) fn check_need(&self, need: &Need) {
        for framework in (0..FRAMEWORKS).map(FrameworkKey) {
            for role in ROLES.map(role) {
                let answer = self.ask(framework, &role, Subject::Need(need.clone()));
                let own = self.grants.iter().filter(|grant| grant.framework == framework && grant.role == role);
                let enough: Vec<&Grant> = own.filter(|grant| need.is_met_by(&grant.resources)).collect();
                let told = || format!("{framework:?} {role} {need:?}\n{answer}\n{answer:?}");
                if let Verdict::Offered { agent, resources } = &answer.verdict {
                    let is_it = |grant: &&Grant| {
                        Some(grant.agent) == agent.as_ref().and_then(key_of_agent) && grant.resources == *resources
                    };
                    assert!(enough.into_iter().any(|grant| is_it(&grant)), "{}", told());
                    continue;
                }
                assert!(enough.is_empty(), "{}", told());
                let Some(survey) = &answer.survey else {
                    assert!(self.ledger.agents.is_empty() && answer.has("no_agents"), "{}", told());
                    continue;
                };
                self.check_survey(framework, &role, survey, &told);
                let nearest = key_of_agent(survey.nearest.as_ref().unwrap()).unwrap();
                for reason in &answer.reasons {
                    let Reason::TooSmall { left, missing, is_never_enough } = reason else { continue };
                    let most = self.ledger.agents[&nearest].total.allocatable_to(&role);
                    assert!(self.ledger.free(nearest).contains(left), "{}", told());
                    assert_eq!(*missing, lacking(need, left), "{}", told());
                    assert!(!missing.is_empty() && *is_never_enough != need.is_met_by(&most), "{}", told());
                }
            }
        }
    }

    pub(crate) fn check_survey(
        &self,
        framework: FrameworkKey,
        role: &Role,
        survey: &Survey,
        told: &dyn Fn() -> String,
    ) {
        let agents = &self.ledger.agents;
        assert_eq!(survey.agents, agents.len(), "{}", told());
        let count = |code: &str| survey.counts.get(code).copied().unwrap_or(0);
        assert!(survey.counts.values().all(|count| (1..=agents.len()).contains(count)), "{}", told());
        let all = |is_so: bool| if is_so { agents.len() } else { 0 };
        let known = self.ledger.frameworks.get(&framework);
        let is_subscribed = known.is_some_and(|known| known.info.roles.contains(role));
        for (code, expected) in [
            ("framework_unknown", all(known.is_none())),
            ("not_subscribed", all(known.is_some() && !is_subscribed)),
            ("framework_inactive", all(known.is_some_and(|known| !known.is_active))),
            ("suppressed", all(is_subscribed && known.is_some_and(|known| known.suppressed.contains(role)))),
            ("agent_deactivated", agents.values().filter(|agent| !agent.is_active).count()),
            ("not_whitelisted", agents.values().filter(|agent| !self.ledger.lists(agent)).count()),
            ("nothing_free", agents.keys().filter(|agent| self.ledger.free(**agent).is_empty()).count()),
        ] {
            assert_eq!(count(code), expected, "{code}: {}", told());
        }
        if is_subscribed {
            let others = agents.values().filter(|agent| !self.ledger.demands(framework, role, agent));
            assert_eq!(count("constraint"), others.count(), "{}", told());
        }
    }
}

/// How much of what is needed a bag lacks.
fn lacking(need: &Need, bag: &Resources) -> Quantities {
    match need {
        Need::Resources(resources) => (resources - bag).quantities(),
        other => other.quantities() - &bag.quantities(),
    }
}
