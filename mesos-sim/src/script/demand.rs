//! Offer constraints and planned unavailability, in the words of a script.
//!
//! Constraints read `web:rack==r7&!ssd|@zone!=eu-1;db:kind=~big.*`: roles apart by `;`, groups by `|`, demands by `&`. A
//! demand is `NAME` (there), `!NAME` (not there), `==`, `!=` (text), `=~`, `!~` (pattern); `@hostname`, `@region` and `@zone`
//! are no attributes.

use std::sync::Arc;

use mesos_core::{AttributeConstraint, OfferConstraints, Predicate, Role, Selector, Unavailability, WallTime};

use super::argument::{Arguments, read};
use super::show;

impl Arguments {
    /// `constraints=`; none if it is absent.
    pub(super) fn constraints(&mut self) -> Result<Arc<OfferConstraints>, String> {
        let mut constraints = OfferConstraints::default();
        for part in self.named("constraints").unwrap_or_default().split(';').filter(|part| !part.is_empty()) {
            let (role, groups) = part.split_once(':').ok_or_else(|| format!("{part:?} is not role:demands"))?;
            let group = |group: &str| group.split('&').filter(|one| !one.is_empty()).map(demand).collect();
            constraints.by_role.insert(read::<Role>(role)?, groups.split('|').map(group).collect());
        }
        Ok(Arc::new(constraints))
    }

    /// `start=` and `for=`.
    pub(super) fn unavailability(&mut self) -> Result<Unavailability, String> {
        let start = WallTime::default() + self.span("start")?.unwrap_or_default();
        Ok(Unavailability { start, duration: self.span("for")? })
    }
}

fn demand(text: &str) -> AttributeConstraint {
    type Make = fn(Arc<str>) -> Predicate;
    let operators: [(&str, Make); 4] = [
        ("==", Predicate::TextEquals),
        ("!=", Predicate::TextNotEquals),
        ("=~", Predicate::TextMatches),
        ("!~", Predicate::TextNotMatches),
    ];
    for (operator, make) in operators {
        if let Some((name, value)) = text.split_once(operator) {
            return AttributeConstraint { selector: selector(name), predicate: make(value.into()) };
        }
    }
    match text.strip_prefix('!') {
        Some(name) => AttributeConstraint { selector: selector(name), predicate: Predicate::NotExists },
        None => AttributeConstraint { selector: selector(text), predicate: Predicate::Exists },
    }
}

fn selector(name: &str) -> Selector {
    match name {
        "@hostname" => Selector::Hostname,
        "@region" => Selector::Region,
        "@zone" => Selector::Zone,
        name => Selector::Attribute(name.into()),
    }
}

/// When an agent will be away.
pub(super) fn unavailability(at: Unavailability) -> String {
    let duration = at.duration.map_or_else(String::new, |duration| format!(" for={}", show::span(duration)));
    format!("start={}s{duration}", at.start.as_secs())
}
