//! Whether the offers an ACCEPT names can be used together.

use std::collections::BTreeSet;

use mesos_core::{OfferId, Rejection, RejectionCode};

/// What decides whether offers go together. The parts are whatever the master's books use as names: only equality counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferFacts<F, A, R> {
    /// To whom the offer was made.
    pub framework: F,
    /// Whose resources it holds.
    pub agent: A,
    /// Under which role.
    pub role: R,
}

/// Checks the offers of one call; the first rule broken, in the order Mesos checks them, refuses the whole call.
///
/// # Errors
/// [`Rejection`] names the offer at fault.
pub fn validate_offers<F: PartialEq, A: PartialEq, R: PartialEq>(
    offers: &[OfferId],
    framework: F,
    lookup: impl Fn(&OfferId) -> Option<OfferFacts<F, A, R>>,
) -> Result<(), Rejection> {
    let [first, others @ ..] = offers else {
        let what = "the call names no offers";
        return Err(Rejection::new(RejectionCode::InvalidOffers, what, "name at least one offer"));
    };
    if !others.is_empty() {
        check_unique(offers)?;
    }
    let known = |id: &OfferId| lookup(id).ok_or_else(|| is_unknown(id));
    let common = known(first)?;
    // Rule by rule, not offer by offer: what is said first must not depend on the order of the ids.
    let mut facts = Vec::with_capacity(others.len());
    for id in others {
        facts.push((id, known(id)?));
    }
    if common.framework != framework {
        return Err(is_not_yours(first));
    }
    if let Some((id, _)) = facts.iter().find(|(_, offer)| offer.framework != framework) {
        return Err(is_not_yours(id));
    }
    if let Some((id, _)) = facts.iter().find(|(_, offer)| offer.role != common.role) {
        return Err(do_not_match(first, id, "roles", "accept offers of one role together"));
    }
    if let Some((id, _)) = facts.iter().find(|(_, offer)| offer.agent != common.agent) {
        return Err(do_not_match(first, id, "agents", "accept offers of one agent together"));
    }
    Ok(())
}

fn check_unique(offers: &[OfferId]) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    match offers.iter().find(|id| !seen.insert(*id)) {
        None => Ok(()),
        Some(id) => {
            let what = format!("offer {id} is named twice");
            Err(Rejection::new(RejectionCode::InvalidOffers, what, "name each offer once"))
        }
    }
}

fn is_unknown(id: &OfferId) -> Rejection {
    let what = format!("offer {id} is no longer valid");
    Rejection::new(
        RejectionCode::UnknownOffer,
        what,
        "use offers that were neither used nor rescinded; wait for new ones",
    )
}

fn is_not_yours(id: &OfferId) -> Rejection {
    let what = format!("offer {id} was made to another framework");
    Rejection::new(RejectionCode::NotYours, what, "use offers made to this framework")
}

fn do_not_match(first: &OfferId, other: &OfferId, what: &str, remedy: &str) -> Rejection {
    Rejection::new(RejectionCode::InvalidOffers, format!("offers {first} and {other} are of different {what}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<OfferId> {
        names.iter().map(|name| OfferId::new(*name).unwrap()).collect()
    }

    /// An offer's name says it all: framework, agent and role, one letter each, then anything.
    fn lookup(id: &OfferId) -> Option<OfferFacts<char, char, char>> {
        let letters: Vec<char> = id.as_str().chars().collect();
        (letters[0] != '?').then(|| OfferFacts { framework: letters[0], agent: letters[1], role: letters[2] })
    }

    #[test]
    fn the_first_broken_rule_is_named() {
        use RejectionCode::{InvalidOffers, NotYours, UnknownOffer};
        for (offers, code, says) in [
            (&[][..], InvalidOffers, "no offers"),
            (&["far", "far"], InvalidOffers, "far is named twice"),
            (&["?", "?"], InvalidOffers, "twice"),
            (&["far", "?ar"], UnknownOffer, "?ar is no longer valid"),
            (&["gar", "?ar"], UnknownOffer, "?ar"),
            (&["gar"], NotYours, "gar was made to another"),
            (&["fax", "gbr"], NotYours, "gbr"),
            (&["far", "fax", "fbr"], InvalidOffers, "far and fax are of different roles"),
            (&["fbx", "far"], InvalidOffers, "roles"),
            (&["far", "fbr"], InvalidOffers, "far and fbr are of different agents"),
        ] {
            let refused = validate_offers(&ids(offers), 'f', lookup).unwrap_err();
            assert_eq!(refused.code, code, "{offers:?}");
            assert!(refused.what.contains(says), "{refused} does not say {says:?}");
        }
    }

    #[test]
    fn offers_of_one_agent_and_role_go_together() {
        assert_eq!(validate_offers(&ids(&["far1"]), 'f', lookup), Ok(()));
        assert_eq!(validate_offers(&ids(&["far1", "far2", "far3"]), 'f', lookup), Ok(()));
    }
}
