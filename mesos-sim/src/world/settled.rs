//! Whether a cluster has come to rest, and what is still missing if it has not.
//!
//! Asked by the probe that ends a run, and by whoever has to say why a run did not end.

use super::World;
use crate::view::FrameworkView;

impl World {
    /// What is still missing before the cluster can be called settled; `None` when nothing is.
    #[must_use]
    pub fn unsettled(&self) -> Option<String> {
        let Some(leader) =
            self.masters.iter().find_map(|node| node.process.machine.as_deref().filter(|m| m.leading().is_some()))
        else {
            return Some("no master leads".into());
        };
        if let Some((node, why)) =
            self.frameworks().find_map(|view| Some((view.node, self.unsettled_framework(&view)?)))
        {
            return Some(format!("framework {node} {why}"));
        }
        for view in self.agents() {
            let Some(machine) = view.machine else { return Some(format!("agent {} is down", view.node)) };
            if !machine.is_registered() {
                return Some(format!("agent {} is not registered", view.node));
            }
            let is_known = machine.id().and_then(|id| leader.agent_key(id)).is_some();
            if !is_known {
                return Some(format!("agent {} believes that it is registered, its master does not", view.node));
            }
            if self.all_done() && view.containers.alive().next().is_some() {
                return Some(format!("containers run on {} although every framework has ended", view.node));
            }
        }
        if !self.store.is_quiet() {
            return Some("a registry write is under way".into());
        }
        crate::check::leftover(self)
    }

    fn unsettled_framework(&self, view: &FrameworkView<'_>) -> Option<String> {
        let is_finite = self.spec.frameworks[view.node.index()].is_finite;
        match (view.ended, view.machine) {
            (Some(_), _) => None,
            (None, None) => Some("is down".into()),
            (None, Some(driver)) if is_finite => Some(format!(
                "has not finished its work (subscribed: {}, tasks: {}, such as {:?})",
                driver.is_subscribed(),
                driver.ledger().len(),
                driver.ledger().iter().next()
            )),
            (None, Some(driver)) if !driver.is_subscribed() => Some("is not subscribed".into()),
            (None, Some(_)) => None,
        }
    }

    /// Whether every framework has ended for good.
    #[must_use]
    pub fn all_done(&self) -> bool {
        self.frameworks.iter().all(|node| node.ended.is_some())
    }

    /// Whether every framework whose work is finite has ended.
    pub(crate) fn finite_done(&self) -> bool {
        self.frameworks.iter().zip(&self.spec.frameworks).all(|(node, spec)| node.ended.is_some() || !spec.is_finite)
    }
}
