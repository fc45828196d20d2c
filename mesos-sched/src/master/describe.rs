//! UPDATE_FRAMEWORK: a framework that is subscribed describes itself anew.
//!
//! Semantics: Apache Mesos, `src/master/master.cpp` (`Master::updateFramework`).

use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::call::agent::ToAgent;
use mesos_core::provider::{Fact, FrameworkKey};
use mesos_core::{FrameworkId, FrameworkInfo, OfferConstraints, Rejection, RejectionCode, Role};

use super::options::mutant;
use super::validate::{validate_subscribe, validate_update};
use super::{Master, MasterCx};
use crate::allocator::validate_constraints_within;

impl Master {
    pub(super) fn update_framework(
        &mut self,
        cx: &mut MasterCx<'_>,
        framework: FrameworkKey,
        info: FrameworkInfo,
        suppressed: BTreeSet<Role>,
        constraints: Arc<OfferConstraints>,
    ) {
        let info = match self.check_description(framework, info, &suppressed, &constraints) {
            Ok(info) => Arc::new(info),
            Err(rejection) => return self.reject(cx, framework, rejection),
        };
        for key in self.frameworks.table[framework].offers.clone() {
            if !info.roles.contains(&self.offers.table[key].role) {
                self.rescind(cx, key);
            }
        }
        let row = &mut self.frameworks.table[framework];
        let is_changed = row.info != info;
        row.set_info(info.clone());
        row.suppressed.clone_from(&suppressed);
        if !mutant!(self, KeepOldRoles) {
            self.observe(cx, Fact::FrameworkUpdated { framework, info, suppressed });
        }
        self.set_constraints(cx, framework, constraints);
        if is_changed {
            self.tell_agents_of(cx, framework);
        }
    }

    /// What UPDATE_FRAMEWORK of this description would be refused for.
    ///
    /// # Errors
    /// The [`Rejection`].
    pub fn judge_update(
        &self,
        id: &FrameworkId,
        info: FrameworkInfo,
        suppressed: &BTreeSet<Role>,
        constraints: &OfferConstraints,
    ) -> Result<(), Rejection> {
        let Some(framework) = self.frameworks.table.find(id) else {
            let what = format!("framework {id} is not known");
            return Err(Rejection::new(RejectionCode::UnknownFramework, what, "subscribe first"));
        };
        self.check_description(framework, info, suppressed, constraints).map(drop)
    }

    fn check_description(
        &self,
        framework: FrameworkKey,
        mut info: FrameworkInfo,
        suppressed: &BTreeSet<Role>,
        constraints: &OfferConstraints,
    ) -> Result<FrameworkInfo, Rejection> {
        let row = &self.frameworks.table[framework];
        info.id.get_or_insert_with(|| row.id.clone());
        validate_subscribe(&info, suppressed)?;
        validate_update(&row.info, &info)?;
        validate_constraints_within(constraints, &info.roles, self.options.constraint_bounds)?;
        Ok(info)
    }

    /// What a framework demands of agents, in place of what it demanded before.
    pub(super) fn set_constraints(
        &mut self,
        cx: &MasterCx<'_>,
        framework: FrameworkKey,
        constraints: Arc<OfferConstraints>,
    ) {
        let row = &mut self.frameworks.table[framework];
        if row.constraints != constraints {
            row.constraints = constraints.clone();
            self.observe(cx, Fact::ConstraintsSet { framework, constraints });
        }
    }

    /// The agents a framework uses learn its new description.
    pub(super) fn tell_agents_of(&mut self, cx: &mut MasterCx<'_>, framework: FrameworkKey) {
        let row = &self.frameworks.table[framework];
        let (framework_id, info) = (row.id.clone(), row.info.clone());
        for agent in self.agents_of(framework) {
            let message = ToAgent::UpdateFramework { framework_id: framework_id.clone(), info: info.clone() };
            self.tell_agent(cx, agent, message);
        }
    }
}
