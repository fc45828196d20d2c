//! Whether a task fits an offer, and if not, why not.
//!
//! A [`Need`] is what a task wants of an agent; [`Room`] is what is left of one offer while tasks are placed on it.
//! Constraints say no with a reason, so that "why does it not run" has an answer. Nothing here decides which task goes
//! first or which of two offers is better: that is each framework's business.

use std::sync::Arc;

use mesos_core::resource::{Quantities, Resource};
use mesos_core::{Attributes, Offer, Resources, Scalar};

/// What a task wants of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// How much. If the offer holds exactly these entries they are taken; otherwise as much of each name is taken, first
    /// from what is reserved for the framework's role.
    pub resources: Resources,
    /// All of these must hold.
    pub constraints: Vec<Constraint>,
}

/// What must be true of an agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Constraint {
    /// It has this host name.
    Hostname(Arc<str>),
    /// Its attribute of this name is this text.
    Attribute {
        /// The attribute.
        name: Arc<str>,
        /// Its value as text.
        value: Arc<str>,
    },
    /// It has no attribute of this name with this text.
    NotAttribute {
        /// The attribute.
        name: Arc<str>,
        /// Its value as text.
        value: Arc<str>,
    },
    /// It stands in this region.
    Region(Arc<str>),
}

/// Why a task does not fit an offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// There is not enough of something.
    #[error("wants {wanted} of {name}, {available} is left")]
    TooLittle {
        /// Of what.
        name: String,
        /// How much is wanted.
        wanted: Scalar,
        /// How much there is.
        available: Scalar,
    },
    /// There is enough, but not of the entries named, for example other ports.
    #[error("wants {wanted}, which the offer does not hold")]
    OtherEntries {
        /// What is wanted.
        wanted: String,
    },
    /// A constraint does not hold.
    #[error("{0:?} does not hold")]
    Constraint(Constraint),
}

impl Need {
    /// So much of any agent.
    #[must_use]
    pub const fn new(resources: Resources) -> Self {
        Self { resources, constraints: Vec::new() }
    }

    /// With one more constraint.
    #[must_use]
    pub fn only(mut self, constraint: Constraint) -> Self {
        self.constraints.push(constraint);
        self
    }
}

impl Constraint {
    /// Whether it holds for the agent of this offer.
    #[must_use]
    pub fn holds(&self, offer: &Offer) -> bool {
        let is = |name: &str, value: &str| has_attribute(&offer.agent.attributes, name, value);
        match self {
            Self::Hostname(hostname) => offer.agent.hostname == *hostname,
            Self::Attribute { name, value } => is(name, value),
            Self::NotAttribute { name, value } => !is(name, value),
            Self::Region(region) => offer.agent.domain.as_ref().is_some_and(|domain| domain.region == *region),
        }
    }
}

fn has_attribute(attributes: &Attributes, name: &str, value: &str) -> bool {
    use mesos_core::AttributeValue::{Ranges, Scalar, Text};
    attributes.iter().any(|(own, is)| {
        own == name
            && match is {
                Text(text) => **text == *value,
                Scalar(scalar) => scalar.to_string() == value,
                Ranges(ranges) => ranges.to_string() == value,
            }
    })
}

/// What is left of an offer while tasks are placed on it.
#[derive(Debug)]
pub struct Room<'a> {
    offer: &'a Offer,
    left: Resources,
}

impl<'a> Room<'a> {
    /// All of an offer.
    #[must_use]
    pub fn new(offer: &'a Offer) -> Self {
        Self { offer, left: offer.resources.clone() }
    }

    /// What is left.
    #[must_use]
    pub const fn left(&self) -> &Resources {
        &self.left
    }

    /// Takes what a task needs, which is then what the task says it uses.
    ///
    /// # Errors
    /// [`Misfit`] says why it does not fit; nothing was taken.
    pub fn take(&mut self, need: &Need) -> Result<Resources, Misfit> {
        if let Some(broken) = need.constraints.iter().find(|constraint| !constraint.holds(self.offer)) {
            return Err(Misfit::Constraint(broken.clone()));
        }
        let taken = self.pick(&need.resources)?;
        self.left -= &taken;
        Ok(taken)
    }

    fn pick(&self, wanted: &Resources) -> Result<Resources, Misfit> {
        if self.left.contains(wanted) {
            return Ok(wanted.clone());
        }
        let amounts = wanted.quantities();
        let usable = self.left.filter(is_usable);
        if let Some(misfit) = shortage(&amounts, &usable.quantities()) {
            return Err(misfit);
        }
        // Numbers of a range and items of a set are wanted for themselves, not as an amount.
        if !wanted.non_scalars().is_empty() && !usable.contains(&wanted.non_scalars()) {
            return Err(Misfit::OtherEntries { wanted: wanted.non_scalars().to_string() });
        }
        let mut taken = usable.scalars();
        taken.shrink_in_order(&wanted.scalars().quantities(), |entries| {
            entries.sort_by_key(Resource::is_unreserved);
        });
        Ok(taken + wanted.non_scalars())
    }
}

/// Whether an ordinary task may use it by amount: volumes must be asked for by name, and what can be taken back must be
/// asked for on purpose.
fn is_usable(entry: &Resource) -> bool {
    !entry.is_revocable() && !entry.is_shared() && !entry.is_indivisible()
}

fn shortage(wanted: &Quantities, available: &Quantities) -> Option<Misfit> {
    wanted.iter().find_map(|(name, wanted)| {
        let available = available.get(name);
        (available < wanted).then(|| Misfit::TooLittle { name: name.as_str().to_owned(), wanted, available })
    })
}

#[cfg(test)]
mod tests {
    use mesos_core::{AgentId, AgentInfo, FrameworkId, OfferId, Role};

    use super::*;

    fn offer(resources: &str, attributes: &str) -> Offer {
        let resources: Resources = resources.parse().unwrap();
        let mut agent = AgentInfo::new("h1", resources.clone());
        agent.attributes = attributes.parse().unwrap();
        let (id, framework) = (OfferId::new("o1").unwrap(), FrameworkId::new("f1").unwrap());
        Offer::new(id, framework, AgentId::new("a1").unwrap(), Role::new("web").unwrap(), resources, Arc::new(agent))
    }

    fn need(resources: &str) -> Need {
        Need::new(resources.parse().unwrap())
    }

    #[test]
    fn what_fits_is_taken_and_what_is_left_shrinks() {
        let offer = offer("cpus:4;mem:1024;ports:[1-9]", "");
        let mut room = Room::new(&offer);
        assert_eq!(room.take(&need("cpus:3;ports:[2-3]")).unwrap().to_string(), "cpus:3;ports:[2-3]");
        assert_eq!(
            room.left().to_string(),
            "cpus:1;mem:1024;ports:[1-1,4-9]".parse::<Resources>().unwrap().to_string()
        );
        assert_eq!(
            room.take(&need("cpus:2")).unwrap_err().to_string(),
            "wants 2 of cpus, 1 is left",
            "nothing was taken twice"
        );
    }

    #[test]
    fn reserved_resources_are_used_first() {
        let offer = offer("cpus:4;cpus(web):2;mem:64", "");
        let mut room = Room::new(&offer);
        let taken = room.take(&need("cpus:5")).unwrap();
        assert_eq!(taken, "cpus(web):2;cpus:3".parse().unwrap());
        assert_eq!(*room.left(), "cpus:1;mem:64".parse().unwrap());
    }

    #[test]
    fn other_ports_do_not_fit_however_many_there_are() {
        let offer = offer("cpus:4;ports:[1-100]", "");
        let misfit = Room::new(&offer).take(&need("cpus:1;ports:[200-201]")).unwrap_err();
        assert!(matches!(misfit, Misfit::OtherEntries { .. }), "{misfit}");
    }

    #[test]
    fn a_constraint_that_does_not_hold_is_named() {
        let offer = offer("cpus:4", "rack:r1;speed:2");
        let rack = |value: &str| Constraint::Attribute { name: "rack".into(), value: value.into() };
        let fits = |constraint: Constraint| Room::new(&offer).take(&need("cpus:1").only(constraint));
        assert!(fits(rack("r1")).is_ok());
        assert_eq!(fits(rack("r2")), Err(Misfit::Constraint(rack("r2"))));
        assert!(fits(Constraint::NotAttribute { name: "rack".into(), value: "r1".into() }).is_err());
        assert!(fits(Constraint::Attribute { name: "speed".into(), value: "2".into() }).is_ok());
        assert!(fits(Constraint::Hostname("h1".into())).is_ok());
        assert!(fits(Constraint::Region("eu".into())).is_err());
    }
}
