//! Who may subscribe, and what a subscription may change.

use std::collections::BTreeSet;

use mesos_core::{FrameworkCapability, FrameworkInfo, Rejection, RejectionCode, Role};

use super::bound::{
    LABELS_BYTES_MAX, MIN_ALLOCATABLE_MAX, NAME_BYTES_MAX, ROLES_MAX, check_bytes, check_duration, check_no_nul,
    excerpt, labels_bytes,
};

const CODE: RejectionCode = RejectionCode::InvalidFramework;

/// Checks a framework's description and the roles it wants no offers for.
///
/// # Errors
/// [`Rejection`] names the field at fault.
pub fn validate_subscribe(info: &FrameworkInfo, suppressed: &BTreeSet<Role>) -> Result<(), Rejection> {
    let who = format!("framework {}", excerpt(&info.name));
    check_texts(info, &who)?;
    check_roles(info, &who)?;
    check_duration(CODE, &who, "the failover timeout", info.failover_timeout)?;
    if let Some(role) = suppressed.iter().find(|role| !info.roles.contains(*role)) {
        let what = format!("{who}: role {} is suppressed but not subscribed to", excerpt(role));
        return Err(Rejection::new(RejectionCode::InvalidRole, what, "suppress only roles of the framework"));
    }
    check_min_allocatable(info, &who)
}

/// Checks that a framework does not run as root, for masters that allow it to none. Who names no user runs as the agents' own,
/// which often is root.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidFramework`] says what to name instead.
pub fn validate_user(info: &FrameworkInfo) -> Result<(), Rejection> {
    match &*info.user {
        "root" => {
            let what = "User 'root' is not allowed to run frameworks without root submissions";
            Err(Rejection::new(CODE, what, "run as another user"))
        }
        "" => {
            let what = "a framework without a user would run as its agents' own, which may be root";
            Err(Rejection::new(CODE, what, "name a user other than root"))
        }
        _ => Ok(()),
    }
}

fn check_texts(info: &FrameworkInfo, who: &str) -> Result<(), Rejection> {
    let url = info.webui_url.as_ref().map_or(0, |url| url.len());
    let bytes = info.name.len() + info.user.len() + info.hostname.len() + url;
    check_bytes(CODE, &who, "name, user, host name and page", bytes, NAME_BYTES_MAX)?;
    check_bytes(CODE, &who, "the labels", labels_bytes(&info.labels), LABELS_BYTES_MAX)?;
    check_no_nul(CODE, &who, "the user", &info.user)
}

/// Without `MULTI_ROLE` there is exactly one role. With it there may be none: such a framework gets no offers.
fn check_roles(info: &FrameworkInfo, who: &str) -> Result<(), Rejection> {
    let count = info.roles.len();
    if count != 1 && !info.can(FrameworkCapability::MultiRole) {
        let what = format!("{who}: it subscribes to {count} roles");
        return Err(Rejection::new(CODE, what, "subscribe to exactly one, or add the capability MULTI_ROLE"));
    }
    if count > ROLES_MAX {
        let what = format!("{who}: it subscribes to {count} roles");
        return Err(Rejection::new(CODE, what, format!("subscribe to at most {ROLES_MAX}")));
    }
    Ok(())
}

fn check_min_allocatable(info: &FrameworkInfo, who: &str) -> Result<(), Rejection> {
    for (role, alternatives) in &info.min_allocatable {
        if !info.roles.contains(role) {
            let what = format!("{who}: a smallest offer is set for role {}, which it does not have", excerpt(role));
            return Err(Rejection::new(RejectionCode::InvalidRole, what, "set it for roles of the framework only"));
        }
        let names = alternatives.iter().map(|quantities| quantities.iter().count()).max();
        if alternatives.len().max(names.unwrap_or(0)) > MIN_ALLOCATABLE_MAX {
            let what = format!("{who}: the smallest offer for role {} is too long a list", excerpt(role));
            let remedy = format!("give at most {MIN_ALLOCATABLE_MAX} alternatives with as many names each");
            return Err(Rejection::new(CODE, what, remedy));
        }
    }
    Ok(())
}

/// What a framework's description becomes when it subscribes again as `new`.
///
/// The principal can never change: resources are reserved and frameworks are authorized by it. User and checkpointing stay
/// what they were, silently, because agents act on them for tasks that already run. Everything else is replaced.
///
/// # Errors
/// [`Rejection`] if the principal differs.
pub fn merge_resubscription(old: &FrameworkInfo, mut new: FrameworkInfo) -> Result<FrameworkInfo, Rejection> {
    if old.principal != new.principal {
        let name = |info: &FrameworkInfo| info.principal.as_ref().map_or_else(|| "none".to_owned(), excerpt);
        let what = format!("framework {}: its principal is {}, not {}", excerpt(&old.name), name(old), name(&new));
        return Err(Rejection::new(CODE, what, "subscribe with the principal the framework first came with"));
    }
    new.user = old.user.clone();
    new.checkpoint = old.checkpoint;
    if old.id.is_some() {
        new.id.clone_from(&old.id);
    }
    Ok(new)
}

/// Checks what a framework that is subscribed wants to be from now on; what a resubscription keeps silently is refused here,
/// since it was asked for.
///
/// # Errors
/// [`Rejection`] if id, principal, user or checkpointing differ.
pub fn validate_update(old: &FrameworkInfo, new: &FrameworkInfo) -> Result<(), Rejection> {
    let differs = [
        ("id", old.id != new.id),
        ("principal", old.principal != new.principal),
        ("user", old.user != new.user),
        ("checkpointing", old.checkpoint != new.checkpoint),
    ];
    match differs.iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((field, _)) => {
            let what = format!("framework {}: its {field} would change", excerpt(&old.name));
            Err(Rejection::new(CODE, what, "tear it down and subscribe anew; everything else may change"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesos_core::{FrameworkId, Principal, Quantities};

    use super::*;

    fn role(text: &str) -> Role {
        Role::new(text).unwrap()
    }

    fn info() -> FrameworkInfo {
        FrameworkInfo::new("f", role("web"))
    }

    #[test]
    fn an_update_changes_everything_but_who_the_framework_is() {
        type Change = fn(&mut FrameworkInfo);
        let table: [(&str, Change); 6] = [
            ("id", |info| info.id = Some(FrameworkId::new("other").unwrap())),
            ("principal", |info| info.principal = Some(Principal::new("other").unwrap())),
            ("user", |info| info.user = "other".into()),
            ("checkpointing", |info| info.checkpoint = !info.checkpoint),
            ("", |info| info.name = "other".into()),
            ("", |info| info.roles = [role("db"), role("ops")].into()),
        ];
        for (field, change) in table {
            let mut new = info();
            change(&mut new);
            let refused = validate_update(&info(), &new).map_err(|refused| refused.what);
            match refused {
                Ok(()) => assert_eq!(field, "", "was not refused"),
                Err(what) => assert!(!field.is_empty() && what.contains(field), "{what}"),
            }
        }
    }

    #[test]
    fn every_rule_of_a_subscription_has_its_case() {
        type Spoil = fn(&mut FrameworkInfo, &mut BTreeSet<Role>);
        let table: [(&str, Spoil); 11] = [
            ("name, user", |info, _| info.name = "n".repeat(NAME_BYTES_MAX + 1).into()),
            ("name, user", |info, _| info.hostname = "n".repeat(NAME_BYTES_MAX).into()),
            ("name, user", |info, _| info.webui_url = Some("n".repeat(NAME_BYTES_MAX).into())),
            ("labels", |info, _| drop(info.labels.insert("k".into(), "v".repeat(LABELS_BYTES_MAX).into()))),
            ("NUL", |info, _| info.user = "ro\0ot".into()),
            ("2 roles", |info, _| {
                info.capabilities.clear();
                info.roles.insert(role("db"));
            }),
            ("0 roles", |info, _| {
                info.capabilities.clear();
                info.roles.clear();
            }),
            ("roles", |info, _| info.roles.extend((0..ROLES_MAX).map(|n| role(&format!("r{n}"))))),
            ("failover timeout", |info, _| info.failover_timeout = Duration::MAX),
            ("suppressed", |_, suppressed| suppressed.extend([role("db")])),
            ("smallest offer", |info, _| drop(info.min_allocatable.insert(role("db"), Vec::new()))),
        ];
        assert_eq!(validate_subscribe(&info(), &BTreeSet::from([role("web")])), Ok(()));
        for (says, spoil) in table {
            let (mut info, mut suppressed) = (info(), BTreeSet::new());
            spoil(&mut info, &mut suppressed);
            let refused = validate_subscribe(&info, &suppressed).unwrap_err();
            assert!(refused.what.contains(says), "{refused} does not say {says:?}");
            assert!(refused.to_string().len() < 1_024, "a refusal stays short");
        }
    }

    #[test]
    fn alternatives_for_the_smallest_offer_are_bounded() {
        let some: Quantities = "cpus:1".parse().unwrap();
        let names: Vec<String> = (0..=MIN_ALLOCATABLE_MAX).map(|n| format!("x{n}:1")).collect();
        let wide: Quantities = names.join(";").parse().unwrap();
        let check = |list: Vec<Quantities>| {
            let mut info = info();
            info.min_allocatable.insert(role("web"), list);
            validate_subscribe(&info, &BTreeSet::new()).is_ok()
        };
        assert!(check(vec![some.clone(); MIN_ALLOCATABLE_MAX]) && check(Vec::new()));
        assert!(!check(vec![some; MIN_ALLOCATABLE_MAX + 1]));
        assert!(!check(vec![wide]));
    }

    #[test]
    fn no_role_is_allowed_and_means_no_offers() {
        let mut info = info();
        info.roles.clear();
        assert_eq!(validate_subscribe(&info, &BTreeSet::new()), Ok(()));
    }

    #[test]
    fn a_principal_is_for_life() {
        let with = |principal: Option<&str>| {
            let mut info = info();
            info.principal = principal.map(|principal| Principal::new(principal).unwrap());
            info
        };
        for (old, new) in [(Some("a"), Some("b")), (Some("a"), None), (None, Some("a"))] {
            let refused = merge_resubscription(&with(old), with(new)).unwrap_err();
            assert_eq!(refused.code, RejectionCode::InvalidFramework);
        }
        assert!(merge_resubscription(&with(Some("a")), with(Some("a"))).is_ok());
    }

    #[test]
    fn user_and_checkpointing_stay_and_the_rest_is_new() {
        let mut old = info();
        old.id = Some(FrameworkId::new("m-0001").unwrap());
        old.user = "alice".into();
        let mut new = FrameworkInfo::new("renamed", role("db"));
        new.user = "bob".into();
        new.checkpoint = false;
        new.failover_timeout = Duration::from_secs(7);
        let merged = merge_resubscription(&old, new).unwrap();
        assert_eq!((&*merged.user, merged.checkpoint, merged.id), ("alice", true, old.id));
        assert_eq!((&*merged.name, merged.failover_timeout), ("renamed", Duration::from_secs(7)));
        assert_eq!(merged.roles, BTreeSet::from([role("db")]));
    }
}
