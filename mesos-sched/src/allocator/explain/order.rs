//! Who went first in the last round, and with which shares at that moment.

use mesos_core::Weight;
use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::{Change, Order, Party, Reason, Standing};
use mesos_core::resource::Quantities;
use mesos_core::{FrameworkId, Role};

use super::super::HierarchicalDrf;
use super::super::book::Agent;
use super::super::policy::Policy;
use super::super::sorter::{Kind, NodeKey, Share, SorterKind};
use super::super::stage::Stage;
use super::asker::Asker;
use super::judge::WhatIf;
use super::memory::Serving;

/// One side of a fork of the tree, at a moment of the last round.
#[derive(Debug)]
struct Side {
    node: NodeKey,
    standing: Standing,
}

impl HierarchicalDrf {
    /// Who took in the last round what the asker could have had, and why he went first; with the weight that would have put
    /// the asker first, if there is one.
    pub(super) fn share_order(
        &self,
        asker: &Asker<'_>,
        key: AgentKey,
        agent: &Agent,
    ) -> Option<(Reason, Option<Change>)> {
        let mut served = self.servings().filter(|serving| serving.agent() == key);
        served.find_map(|serving| self.order_at(asker, agent, serving))
    }

    /// The same for one agent at one moment.
    fn order_at(&self, asker: &Asker<'_>, agent: &Agent, serving: Serving<'_>) -> Option<(Reason, Option<Change>)> {
        let client = asker.client?;
        let first = serving.clients().find(|other| *other != client)?;
        if !self.was_able(asker, client, agent, serving) {
            return None;
        }
        let (order, change) = self.compare(asker, client, first, serving)?;
        let taken = serving.given_to(first).sum();
        Some((Reason::ShareOrder { by: self.party(first)?, taken, order }, change))
    }

    /// Whether the asker could have had something of the agent, had nobody gone first.
    fn was_able(&self, asker: &Asker<'_>, client: NodeKey, agent: &Agent, serving: Serving<'_>) -> bool {
        let what_if = WhatIf { free: Some(serving.free()), ..WhatIf::default() };
        self.tree.past().is_whole()
            && self.memory.is_as_it_was(asker.key, serving.agent(), client)
            && self.judge(asker, serving.agent(), agent, &what_if).blocks.is_none()
    }

    pub(super) fn party(&self, client: NodeKey) -> Option<Party> {
        let own = self.clients.get(client.slot())?.as_ref()?;
        let framework = self.framework(own.framework).and_then(|framework| framework.id.clone());
        Some(Party { framework, role: own.role.clone() })
    }

    /// What put another one first: that he had waited, or a guarantee; else two clients are compared where their paths part.
    fn compare(
        &self,
        asker: &Asker<'_>,
        own: NodeKey,
        other: NodeKey,
        serving: Serving<'_>,
    ) -> Option<(Order, Option<Change>)> {
        if let Some(batches) = self.options.starvation_batches.filter(|_| serving.has_waited(other)) {
            return Some((Order::Waited { batches }, None));
        }
        let role = &self.clients[other.slot()].as_ref()?.role;
        let is_guarantee = serving.stage() == Stage::Guarantees;
        let guarantee = || Some((Order::Guarantee { role: role.clone() }, None));
        if is_guarantee && !asker.bounds.is_promised() {
            return guarantee();
        }
        let is_by_policy = match &self.options.policy {
            Policy::Hierarchical => false,
            Policy::Priority(priorities) => priorities.of(role) != priorities.of(asker.role),
            Policy::Packing(_) | Policy::ConstrainedMaxMin { .. } => !is_guarantee,
            // Nobody goes before anybody.
            Policy::SharedState(_) => return None,
        };
        let (own, other) = self.tree.fork(own, other);
        let sides = [own, other];
        if own == other {
            return None;
        }
        let growth = serving.growth_since(sides);
        let [own, first] = [0, 1].map(|side| self.side(sides[side], &growth[side]));
        let sorter = match self.tree[own.node].kind {
            Kind::Client => self.options.framework_sorter,
            _ => self.options.role_sorter,
        };
        if is_by_policy {
            return Some((Order::Policy { first: first.standing, own: own.standing }, None));
        }
        match sorter {
            SorterKind::Drf if self.is_before(&first, &own) => {
                let change = self.enough_weight(&first, &own);
                Some((Order::Shares { first: first.standing, own: own.standing }, change))
            }
            SorterKind::Drf if is_guarantee => guarantee(),
            SorterKind::Drf => None,
            SorterKind::Random => Some((Order::Drawn { first: first.standing, own: own.standing }, None)),
        }
    }

    fn side(&self, node: NodeKey, (grown, granted): &(Quantities, u64)) -> Side {
        let was = self.tree.past().node(node);
        let amounts = was.map_or_else(|| self.tree[node].amounts().clone(), |was| was.amounts.clone()) - grown;
        let grants = was.map_or_else(|| self.tree.count(node), |was| was.count) - granted;
        let weight = was.map_or_else(|| self.tree[node].weight(), |was| was.weight);
        let totals = self.tree.past().totals().unwrap_or_else(|| self.tree.totals());
        let resource = totals.dominant_name(&amounts);
        let held = resource.as_ref().map(|name| amounts.get(name)).unwrap_or_default();
        let total = resource.as_ref().map(|name| totals.quantities().get(name)).unwrap_or_default();
        let name = self.name_of(node);
        Side { node, standing: Standing { name, resource, held, total, weight, grants } }
    }

    /// A role's path, or a framework's id.
    fn name_of(&self, node: NodeKey) -> String {
        match self.tree[node].kind {
            Kind::Client => {
                let own = self.clients[node.slot()].as_ref().and_then(|own| self.framework(own.framework));
                own.and_then(|framework| framework.id.as_ref()).map_or("?", FrameworkId::as_str).to_owned()
            }
            Kind::Own => format!("{}'s own frameworks", self.tree.role_path(node)),
            _ => self.tree.role_path(node),
        }
    }

    /// Whether one side is served before the other by shares, grants and names.
    fn is_before(&self, first: &Side, own: &Side) -> bool {
        let share = |side: &Side| {
            let (part, whole) = fraction(&side.standing);
            Share::new(part, whole)
        };
        let shares = share(first).cmp(&share(own));
        let grants = first.standing.grants.cmp(&own.standing.grants);
        let names = self.tree[first.node].name().cmp(self.tree[own.node].name());
        shares.then(grants).then(names).is_lt()
    }

    /// The weight with which a role would have had the smaller share; only if nobody else could have gone before the asker
    /// then.
    fn enough_weight(&self, first: &Side, own: &Side) -> Option<Change> {
        if self.tree[own.node].kind != Kind::Role || !self.tree.is_lonely(own.node) || first.standing.held.is_zero() {
            return None;
        }
        let (left, right) = (fraction(&first.standing), fraction(&own.standing));
        let weight = u128::from(own.standing.weight.as_milli());
        // own / weight < first: the share without the weight is right.0 * weight / right.1. Amounts for which that is beyond
        // 128 bits have no weight that is told.
        let wanted = (u128::from(right.0) * weight).checked_mul(left.1)?;
        let milli = wanted / right.1.checked_mul(left.0.into())? + 1;
        let weight = f64::from(u32::try_from(milli).ok()?) / 1e3;
        let role = Role::new(self.tree.role_path(own.node)).ok()?;
        Some(Change::RaiseWeight { role, to: Weight::new(weight).ok()? })
    }
}

/// A share by weight in whole numbers: 63 bits, and 93.
fn fraction(standing: &Standing) -> (u64, u128) {
    let milli = |amount: mesos_core::Scalar| u64::try_from(amount.as_milli()).unwrap_or(0);
    match standing.resource {
        Some(_) => (milli(standing.held), u128::from(milli(standing.total)) * u128::from(standing.weight.as_milli())),
        None => (0, 1),
    }
}
