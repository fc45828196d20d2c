//! When quotas go together, and what to write to set them.
//!
//! Roles at any depth may have a quota. What a role is promised is part of what its parent is promised, and what it may
//! have is part of what its parent may have; a set of quotas for which that does not hold could not be kept. Whether the
//! cluster is large enough and who uses how much is not judged here: that is known to the master alone.

use std::collections::BTreeMap;

use mesos_core::resource::{Quantities, ResourceName, Scalar};
use mesos_core::{Quota, Rejection, RejectionCode, Role};

use super::record::Edit;
use super::{BATCH_CHANGES_MAX, Registry};

/// Most roles one [`Op::SetQuotas`](super::Op::SetQuotas) may name: it is written in one batch.
pub const QUOTAS_PER_OP_MAX: usize = BATCH_CHANGES_MAX;

/// Most roles with a quota; quotas are kept for ever, so their number needs a bound. As many as may have a weight.
pub const QUOTA_ROLES_MAX: usize = 10_000;

/// Most names one quota may give guarantees or limits for, each: far more kinds of resources than any cluster has.
pub const QUOTA_NAMES_MAX: usize = 64;

/// The edits that set these quotas.
///
/// # Errors
/// [`Rejection`] if one of them cannot be a quota, or if the quotas would contradict each other afterwards.
pub(super) fn set(registry: &Registry, quotas: &BTreeMap<Role, Quota>) -> Result<Vec<Edit>, Rejection> {
    if quotas.len() > QUOTAS_PER_OP_MAX {
        let what = format!("the call sets the quotas of {} roles", quotas.len());
        let remedy = format!("set at most {QUOTAS_PER_OP_MAX} in one call");
        return Err(Rejection::new(RejectionCode::TooMany, what, remedy));
    }
    quotas.iter().try_for_each(|(role, quota)| validate(role, quota))?;
    let is_news = |(role, quota): &(&Role, &Quota)| match registry.quotas.get(*role) {
        Some(known) => known != *quota,
        None => !quota.is_none(),
    };
    let news: Vec<(&Role, &Quota)> = quotas.iter().filter(is_news).collect();
    if news.is_empty() {
        return Ok(Vec::new());
    }
    let mut after = registry.quotas().clone();
    for (role, quota) in &news {
        if quota.is_none() {
            after.remove(*role);
        } else {
            after.insert((*role).clone(), (*quota).clone());
        }
    }
    if after.len() > QUOTA_ROLES_MAX {
        let what = format!("{} roles have a quota already", registry.quotas.len());
        return Err(Rejection::new(RejectionCode::TooMany, what, "remove some of them first"));
    }
    Forest::of(&after).validate(|top| news.iter().any(|(role, _)| top_of(role) == top))?;
    Ok(news.into_iter().map(|(role, quota)| edit(role, quota)).collect())
}

fn edit(role: &Role, quota: &Quota) -> Edit {
    Edit::Quota(role.clone(), (!quota.is_none()).then(|| quota.clone()))
}

/// Whether a role may have this quota, whatever others have.
pub(crate) fn validate(role: &Role, quota: &Quota) -> Result<(), Rejection> {
    if role.is_any() {
        let what = "role * is everybody's and cannot have a quota";
        return Err(Rejection::new(RejectionCode::InvalidRole, what, "name a role of its own"));
    }
    let count = quota.guarantees().iter().count().max(quota.limits().iter().count());
    if count > QUOTA_NAMES_MAX {
        let what = format!("the quota of role {role} names {count} resources");
        return Err(Rejection::new(RejectionCode::TooMany, what, format!("name at most {QUOTA_NAMES_MAX}")));
    }
    let mut names = quota.guarantees().iter().map(|(name, _)| name).chain(quota.limits().iter().map(|(name, _)| name));
    if names.any(|name| *name == ResourceName::Ports) {
        let what = format!("the quota of role {role} names ports, which are ranges and no amount");
        return Err(refuse(what, "name amounts such as cpus, mem and disk"));
    }
    Ok(())
}

/// The outermost name of a role's path.
fn top_of(role: &Role) -> &str {
    role.components().next().unwrap_or_default()
}

/// Quotas by role, each below the nearest role above it that has one too.
#[derive(Debug)]
struct Forest<'a> {
    quotas: &'a BTreeMap<Role, Quota>,
    children: BTreeMap<&'a Role, Vec<&'a Role>>,
}

impl<'a> Forest<'a> {
    fn of(quotas: &'a BTreeMap<Role, Quota>) -> Self {
        let mut children: BTreeMap<&Role, Vec<&Role>> = BTreeMap::new();
        for role in quotas.keys() {
            if let Some((upper, _)) = above(role).find_map(|upper| quotas.get_key_value(&upper)) {
                children.entry(upper).or_default().push(role);
            }
        }
        Self { quotas, children }
    }

    /// What is guaranteed below a role: of each role the larger of its own and of what it comes to below that.
    fn guaranteed_below(&self, role: &Role) -> Quantities {
        let children = self.children.get(role).into_iter().flatten();
        children.map(|child| larger(self.quotas[*child].guarantees(), self.guaranteed_below(child))).sum()
    }

    /// Whether everything is part of what lies above it, in the trees whose outermost name is asked for.
    fn validate(&self, is_asked: impl Fn(&str) -> bool) -> Result<(), Rejection> {
        let roles = self.quotas.iter().filter(|(role, _)| is_asked(top_of(role)));
        for (role, quota) in roles {
            if self.children.contains_key(role) {
                self.guaranteed_below(role).iter().try_for_each(|(name, amount)| fits(role, quota, name, amount))?;
            }
            for upper in above(role) {
                let Some(limits) = self.quotas.get(&upper).map(Quota::limits) else { continue };
                quota.limits().iter().try_for_each(|(name, own)| match limits.get(name) {
                    Some(limit) if own > limit => Err(refuse(
                        format!("role {role} would be limited to {own} {name}, role {upper} above it to {limit}"),
                        format!("limit {role} to at most {limit} {name}, or raise the limit of {upper} first"),
                    )),
                    _ => Ok(()),
                })?;
            }
        }
        Ok(())
    }
}

/// Whether what is guaranteed below a role is part of what it is guaranteed, or else of what it may have.
fn fits(role: &Role, quota: &Quota, name: &ResourceName, below: Scalar) -> Result<(), Rejection> {
    let guarantee = quota.guarantees().get(name);
    let (kind, own) = match quota.limits().get(name) {
        _ if guarantee.is_positive() => ("guaranteed", guarantee),
        Some(limit) => ("limited to", limit),
        None => return Ok(()),
    };
    if below <= own {
        return Ok(());
    }
    let what = format!("the roles below {role} would be guaranteed {below} {name} together, {role} is {kind} {own}");
    let remedy = format!("guarantee at most {own} {name} below {role}, or give {role} more first");
    Err(refuse(what, remedy))
}

/// The larger amount of each name.
pub(crate) fn larger(left: &Quantities, mut right: Quantities) -> Quantities {
    for (name, amount) in left.iter() {
        if right.get(name) < amount {
            right.set(name.clone(), amount);
        }
    }
    right
}

/// The roles above a role, innermost first.
pub(crate) fn above(role: &Role) -> impl Iterator<Item = Role> + use<> {
    std::iter::successors(role.parent(), Role::parent)
}

/// A role and those above it, innermost first.
pub(crate) fn covering(role: &Role) -> impl Iterator<Item = Role> + use<> {
    std::iter::once(role.clone()).chain(above(role))
}

fn refuse(what: String, remedy: impl Into<String>) -> Rejection {
    Rejection::new(RejectionCode::InvalidQuota, what, remedy)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::registry::Op;

    fn role(path: &str) -> Role {
        Role::new(path).unwrap()
    }

    fn quota(guarantees: &str, limits: &str) -> Quota {
        Quota::new(guarantees.parse().unwrap(), limits.parse().unwrap()).unwrap()
    }

    /// Sets quotas in one go; the number of records written, or why not.
    fn set(registry: &mut Registry, quotas: &[(&str, &str, &str)]) -> Result<usize, String> {
        let quotas = quotas.iter().map(|(path, guarantees, limits)| (role(path), quota(guarantees, limits))).collect();
        let before = registry.clone();
        let changes = Op::SetQuotas(quotas).apply(registry);
        assert!(changes.is_ok() || *registry == before, "a refused op left something behind");
        changes.map(|changes| changes.len()).map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn what_is_guaranteed_below_is_part_of_what_is_guaranteed_above() {
        let mut registry = Registry::default();
        assert_eq!(set(&mut registry, &[("a", "cpus:4", "")]), Ok(1));
        assert_eq!(set(&mut registry, &[("a/b", "cpus:3", ""), ("a/c/d", "cpus:1;mem:64", "")]), Ok(2));
        let error = set(&mut registry, &[("a/e", "cpus:0.001", "")]).unwrap_err();
        assert!(error.contains("below a would be guaranteed 4.001 cpus together, a is guaranteed 4"), "{error}");
        let error = set(&mut registry, &[("a", "cpus:3", "")]).unwrap_err();
        assert!(error.contains("together, a is guaranteed 3"), "{error}");
        assert_eq!(set(&mut registry, &[("a", "cpus:3", ""), ("a/b", "cpus:2", "")]), Ok(2), "both at once are fine");
        assert_eq!(set(&mut registry, &[("a", "", "")]), Ok(1), "those below stand on their own then");
        assert_eq!(set(&mut registry, &[("a/e", "cpus:100", "")]), Ok(1));
    }

    #[test]
    fn without_a_guarantee_the_limit_counts() {
        let mut registry = Registry::default();
        assert_eq!(set(&mut registry, &[("a", "mem:64", "cpus:2;mem:128"), ("a/b", "cpus:2", "")]), Ok(2));
        assert!(set(&mut registry, &[("a/c", "cpus:1", "")]).unwrap_err().contains("a is limited to 2"));
        // What lies deeper counts for each role above it.
        assert!(set(&mut registry, &[("a/b/c/d", "cpus:3", "")]).unwrap_err().contains("below a would be"));
        assert_eq!(set(&mut registry, &[("a/b/c/d", "cpus:2", "")]), Ok(1));
        assert_eq!(set(&mut registry, &[("a/b", "", "")]), Ok(1));
        assert!(set(&mut registry, &[("a/b/e", "cpus:1", "")]).unwrap_err().contains("below a would be"));
    }

    #[test]
    fn a_limit_is_not_above_any_limit_over_it() {
        let mut registry = Registry::default();
        assert_eq!(set(&mut registry, &[("a", "", "cpus:2"), ("a/b", "", "mem:64")]), Ok(2));
        let error = set(&mut registry, &[("a/b/c", "", "cpus:3")]).unwrap_err();
        assert!(error.contains("role a/b/c would be limited to 3 cpus, role a above it to 2"), "{error}");
        assert_eq!(set(&mut registry, &[("a/b/c", "", "cpus:2")]), Ok(1));
        assert!(set(&mut registry, &[("a", "", "cpus:1")]).unwrap_err().contains("role a above it to 1"));
        assert_eq!(set(&mut registry, &[("ab", "", "cpus:3")]), Ok(1), "ab is not below a");
    }

    #[test]
    fn what_cannot_have_a_quota_and_what_a_quota_cannot_name() {
        let mut registry = Registry::default();
        for (path, guarantees, part) in [
            ("*", "cpus:1", "invalid_role: role * is everybody's"),
            ("a", "ports:10", "invalid_quota: the quota of role a names ports"),
        ] {
            let error = set(&mut registry, &[("good", "cpus:1", ""), (path, guarantees, "")]).unwrap_err();
            assert!(error.starts_with(part), "{error}");
            assert!(registry.quotas().is_empty(), "all or nothing");
        }
    }

    #[test]
    fn quotas_are_bounded_and_none_needs_no_record() {
        let path = |n: usize| role(&format!("r{n}"));
        let one = quota("cpus:1", "");
        let full = Arc::new((0..QUOTA_ROLES_MAX).map(|n| (path(n), one.clone())).collect());
        let mut registry = Registry { quotas: full, ..Registry::default() };
        let op = |pairs: &[(usize, &Quota)]| {
            Op::SetQuotas(pairs.iter().map(|(n, quota)| (path(*n), (*quota).clone())).collect())
        };
        let (extra, none) = (QUOTA_ROLES_MAX, Quota::default());
        assert_eq!(op(&[(extra, &one)]).apply(&mut registry).unwrap_err().code, RejectionCode::TooMany);
        assert_eq!(op(&[(extra, &none)]).apply(&mut registry).unwrap(), []);
        assert_eq!(op(&[(3, &one)]).apply(&mut registry).unwrap(), [], "that holds already");
        assert_eq!(op(&[(extra, &one), (3, &none)]).apply(&mut registry).unwrap().len(), 2);
        assert_eq!(registry.quotas.len(), QUOTA_ROLES_MAX);

        let many: Vec<(usize, &Quota)> = (0..=QUOTAS_PER_OP_MAX).map(|n| (n, &one)).collect();
        assert_eq!(op(&many).apply(&mut Registry::default()).unwrap_err().code, RejectionCode::TooMany);
        let names: String = (0..=QUOTA_NAMES_MAX).map(|n| format!("kind{n}:1;")).collect();
        let wide = Op::SetQuotas([(role("a"), quota(&names, ""))].into());
        assert_eq!(wide.apply(&mut Registry::default()).unwrap_err().code, RejectionCode::TooMany);
    }
}
