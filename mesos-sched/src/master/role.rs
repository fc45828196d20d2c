//! Roles as a master sees them: who is there, what they have, what they are promised. For operators' views and reports.

use std::collections::BTreeMap;

use mesos_core::provider::FrameworkKey;
use mesos_core::resource::Quantities;
use mesos_core::{Quota, Role, Weight};

use super::Master;
use crate::registry::covering;

/// A role. All amounts are those of the role together with the roles below it, ranges and sets by their size.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct RoleView {
    /// How much it counts beside its siblings.
    pub weight: Weight,
    /// What it is promised and allowed.
    pub quota: Quota,
    /// The frameworks that are subscribed to exactly this role.
    pub frameworks: Vec<FrameworkKey>,
    /// What is reserved for it, used or not.
    pub reserved: Quantities,
    /// What tasks and executors use, reserved or not.
    pub allocated: Quantities,
    /// What is offered to it, reserved or not.
    pub offered: Quantities,
    /// What counts against its quota: what is reserved for it, and what it uses besides.
    pub consumed: Quantities,
}

impl Master {
    /// All roles anything is known of: those with a framework, with resources, with a weight or a quota of their own, and
    /// those above them.
    #[must_use]
    pub fn roles(&self) -> BTreeMap<Role, RoleView> {
        let mut roles = Roles::default();
        let registry = self.registrar.registry();
        for (role, weight) in registry.weights() {
            roles.at(role).weight = *weight;
        }
        for (role, quota) in registry.quotas() {
            roles.at(role).quota = quota.clone();
        }
        for (framework, _, row) in self.frameworks.table.iter() {
            for role in &row.info.roles {
                roles.at(role).frameworks.push(framework);
            }
        }
        for (_, _, agent) in self.agents.table.iter() {
            for (role, reserved) in agent.total.reserved() {
                let reserved = reserved.quantities();
                roles.add(&role, |view| {
                    view.reserved += &reserved;
                    view.consumed += &reserved;
                });
            }
            for used in &agent.used {
                let unreserved = used.resources.unreserved().non_revocable().quantities();
                let allocated = used.resources.quantities();
                roles.add(&used.role, |view| {
                    view.allocated += &allocated;
                    view.consumed += &unreserved;
                });
            }
        }
        for (_, _, offer) in self.offers.table.iter() {
            let offered = offer.resources.quantities();
            roles.add(&offer.role, |view| view.offered += &offered);
        }
        roles.0
    }
}

#[derive(Default)]
struct Roles(BTreeMap<Role, RoleView>);

impl Roles {
    /// A role's view; those above it are there too from now on.
    fn at(&mut self, role: &Role) -> &mut RoleView {
        self.add(role, |_| {});
        self.0.entry(role.clone()).or_default()
    }

    fn add(&mut self, role: &Role, apply: impl Fn(&mut RoleView)) {
        for covering in covering(role) {
            apply(self.0.entry(covering).or_default());
        }
    }
}
