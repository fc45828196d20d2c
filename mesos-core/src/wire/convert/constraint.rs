//! What a framework demands of agents. Whether its regular expressions compile is for whoever applies them.

use crate::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
use crate::error::{Rejection, RejectionCode};
use crate::role::Role;
use crate::wire::v1::scheduler as wire;
use wire::attribute_constraint::predicate::Predicate as WirePredicate;
use wire::attribute_constraint::selector::{PseudoattributeType, Selector as WireSelector};

impl TryFrom<wire::OfferConstraints> for OfferConstraints {
    type Error = Rejection;

    fn try_from(constraints: wire::OfferConstraints) -> Result<Self, Rejection> {
        let role = |(role, demands): (String, wire::offer_constraints::RoleConstraints)| {
            let role = Role::new(role.as_str()).map_err(|error| refuse(error.to_string()))?;
            if demands.groups.is_empty() {
                return Err(refuse(format!("role {role} has no group")));
            }
            let groups = demands.groups.into_iter().map(|group| {
                if group.attribute_constraints.is_empty() {
                    return Err(refuse(format!("a group of role {role} is empty")));
                }
                group.attribute_constraints.into_iter().map(AttributeConstraint::try_from).collect()
            });
            Ok((role.clone(), groups.collect::<Result<_, _>>()?))
        };
        Ok(Self { by_role: constraints.role_constraints.into_iter().map(role).collect::<Result<_, _>>()? })
    }
}

impl TryFrom<wire::AttributeConstraint> for AttributeConstraint {
    type Error = Rejection;

    fn try_from(constraint: wire::AttributeConstraint) -> Result<Self, Rejection> {
        let selector = match constraint.selector.selector {
            Some(WireSelector::AttributeName(name)) => Selector::Attribute(name.into()),
            Some(WireSelector::PseudoattributeType(kind)) => match PseudoattributeType::try_from(kind) {
                Ok(PseudoattributeType::Hostname) => Selector::Hostname,
                Ok(PseudoattributeType::Region) => Selector::Region,
                Ok(PseudoattributeType::Zone) => Selector::Zone,
                Ok(PseudoattributeType::Unknown) | Err(_) => {
                    return Err(refuse(format!("pseudo attribute {kind} is not known")));
                }
            },
            None => return Err(refuse("a constraint selects nothing".to_owned())),
        };
        let predicate = match constraint.predicate.predicate {
            Some(WirePredicate::Exists(_)) => Predicate::Exists,
            Some(WirePredicate::NotExists(_)) => Predicate::NotExists,
            Some(WirePredicate::TextEquals(text)) => Predicate::TextEquals(text.value.into()),
            Some(WirePredicate::TextNotEquals(text)) => Predicate::TextNotEquals(text.value.into()),
            Some(WirePredicate::TextMatches(text)) => Predicate::TextMatches(text.regex.into()),
            Some(WirePredicate::TextNotMatches(text)) => Predicate::TextNotMatches(text.regex.into()),
            None => return Err(refuse("a constraint has no predicate, or one that is not known".to_owned())),
        };
        Ok(Self { selector, predicate })
    }
}

impl From<&OfferConstraints> for wire::OfferConstraints {
    fn from(constraints: &OfferConstraints) -> Self {
        let group = |group: &Vec<AttributeConstraint>| wire::offer_constraints::role_constraints::Group {
            attribute_constraints: group.iter().map(Into::into).collect(),
        };
        let role = |(role, groups): (&Role, &Vec<Vec<AttributeConstraint>>)| {
            let groups = groups.iter().map(group).collect();
            (role.as_str().to_owned(), wire::offer_constraints::RoleConstraints { groups })
        };
        Self { role_constraints: constraints.by_role.iter().map(role).collect() }
    }
}

impl From<&AttributeConstraint> for wire::AttributeConstraint {
    fn from(constraint: &AttributeConstraint) -> Self {
        use wire::attribute_constraint::predicate::{
            Exists, NotExists, TextEquals, TextMatches, TextNotEquals, TextNotMatches,
        };
        let pseudo = |kind: PseudoattributeType| WireSelector::PseudoattributeType(kind.into());
        let selector = match &constraint.selector {
            Selector::Attribute(name) => WireSelector::AttributeName((**name).to_owned()),
            Selector::Hostname => pseudo(PseudoattributeType::Hostname),
            Selector::Region => pseudo(PseudoattributeType::Region),
            Selector::Zone => pseudo(PseudoattributeType::Zone),
        };
        let predicate = match &constraint.predicate {
            Predicate::Exists => WirePredicate::Exists(Exists {}),
            Predicate::NotExists => WirePredicate::NotExists(NotExists {}),
            Predicate::TextEquals(text) => WirePredicate::TextEquals(TextEquals { value: (**text).to_owned() }),
            Predicate::TextNotEquals(text) => {
                WirePredicate::TextNotEquals(TextNotEquals { value: (**text).to_owned() })
            }
            Predicate::TextMatches(text) => WirePredicate::TextMatches(TextMatches { regex: (**text).to_owned() }),
            Predicate::TextNotMatches(text) => {
                WirePredicate::TextNotMatches(TextNotMatches { regex: (**text).to_owned() })
            }
        };
        Self {
            selector: wire::attribute_constraint::Selector { selector: Some(selector) },
            predicate: wire::attribute_constraint::Predicate { predicate: Some(predicate) },
        }
    }
}

/// A constraint that is not understood is refused: ignoring it would offer what the framework excluded.
fn refuse(what: String) -> Rejection {
    Rejection::new(
        RejectionCode::InvalidConstraint,
        what,
        "give selector and predicate of the API, in groups of one or more",
    )
}
