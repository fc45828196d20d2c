//! What a queue's jobs demand of agents, told to the master: it then offers only what some job could use.

use std::sync::Arc;

use mesos_core::Role;
use mesos_core::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};

use crate::workload::{Constraint, Job, Relation};

/// With more different demands than this, nothing is told: the scheduler refuses what it cannot use.
const GROUPS_MAX: usize = 16;

/// The demands of these jobs; none if some job demands nothing. What the master cannot compare is left out: it is then
/// offered more than can be used, never less.
pub(super) fn demands<'a>(role: Role, jobs: impl Iterator<Item = &'a Job>) -> OfferConstraints {
    let mut groups: Vec<Vec<AttributeConstraint>> = Vec::new();
    for job in jobs {
        let own = alternatives(&job.constraints);
        if own.iter().any(Vec::is_empty) || groups.len() > GROUPS_MAX {
            return OfferConstraints::default();
        }
        for group in own {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
    }
    if groups.is_empty() || groups.len() > GROUPS_MAX {
        return OfferConstraints::default();
    }
    OfferConstraints { by_role: [(role, groups)].into() }
}

/// The ways in which an agent can meet all of these.
fn alternatives(constraints: &[Constraint]) -> Vec<Vec<AttributeConstraint>> {
    let mut ways: Vec<Vec<AttributeConstraint>> = vec![Vec::new()];
    for constraint in constraints {
        let values = predicates(constraint);
        if values.is_empty() {
            continue;
        }
        let selector = || Selector::Attribute(Arc::from(&*constraint.attribute));
        let more = ways.iter().flat_map(|way| {
            values.iter().map(move |predicate| {
                let mut way = way.clone();
                way.push(AttributeConstraint { selector: selector(), predicate: predicate.clone() });
                way
            })
        });
        ways = more.collect();
        if ways.len() > GROUPS_MAX {
            return vec![Vec::new()];
        }
    }
    ways
}

fn predicates(constraint: &Constraint) -> Vec<Predicate> {
    let is_text = |text: &str| !text.is_empty() && text.parse::<f64>().is_err();
    let value = &*constraint.value;
    match constraint.relation {
        Relation::Equal if is_text(value) => vec![Predicate::TextEquals(value.into())],
        Relation::OneOf if value.split('|').all(is_text) => {
            value.split('|').map(|text| Predicate::TextEquals(text.into())).collect()
        }
        Relation::Present => vec![Predicate::Exists],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Runs;
    use mesos_core::Resources;
    use std::time::Duration;

    fn job(constraints: &[(&str, Relation, &str)]) -> Job {
        let make = |(attribute, relation, value): &(&str, Relation, &str)| Constraint {
            attribute: (*attribute).into(),
            relation: *relation,
            value: (*value).into(),
        };
        Job {
            constraints: constraints.iter().map(make).collect(),
            ..Job::new(Duration::ZERO, 1, Resources::new(), Runs::Forever)
        }
    }

    fn groups(jobs: &[Job]) -> usize {
        demands(Role::new("a").unwrap(), jobs.iter()).by_role.values().map(Vec::len).sum()
    }

    #[test]
    fn an_agent_some_job_could_use_is_never_left_out() {
        let (a, b) = (job(&[("kind", Relation::Equal, "a")]), job(&[("kind", Relation::OneOf, "b|c")]));
        assert_eq!(groups(&[a.clone(), a.clone()]), 1);
        assert_eq!(groups(&[a.clone(), b]), 3);
        assert_eq!(groups(&[a.clone(), job(&[])]), 0, "one job may run anywhere");
        assert_eq!(groups(&[a, job(&[("kernel", Relation::Less, "5")])]), 0, "the master compares no numbers");
    }
}
