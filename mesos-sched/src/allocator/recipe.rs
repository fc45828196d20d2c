//! Allocators by name and settings: what a journal writes down of one, and what people type.

use mesos_core::provider::{Allocator, Recipe, Transactions};
use mesos_core::resource::{Quantities, ResourceName, Scalar};
use mesos_core::{Rejection, RejectionCode};

use super::{AgentOrder, HierarchicalDrf, Options, Packing, Policy, SorterKind};

/// The name of this crate's allocator in recipes.
pub(super) const HIERARCHICAL: &str = "hierarchical";

/// Policies by name: each is the allocator with defaults and one thing changed.
const NAMES: &[&str] =
    &["drf", "random", "packing", "constrained-max-min", "fullest-first", "shared-state", "fair-with-aging"];

impl Options {
    /// The names [`named`](Self::named) knows.
    pub const NAMES: &[&str] = NAMES;

    /// The defaults with one thing changed: another order of clients (`drf`, `random`), another policy (`packing`,
    /// `constrained-max-min`, `shared-state`), another order of agents (`fullest-first`) or a bound on waiting
    /// (`fair-with-aging`).
    ///
    /// # Errors
    /// When nothing has this name; the rejection lists those there are.
    pub fn named(name: &str) -> Result<Self, Rejection> {
        let defaults = Self::default();
        Ok(match name {
            "drf" | HIERARCHICAL => defaults,
            "random" => Self { role_sorter: SorterKind::Random, framework_sorter: SorterKind::Random, ..defaults },
            "packing" => Self { policy: Policy::Packing(Packing::default()), ..defaults },
            "constrained-max-min" => Self { policy: Policy::ConstrainedMaxMin { slot: slot() }, ..defaults },
            "fullest-first" => Self { agent_order: AgentOrder::FullestFirst, ..defaults },
            "shared-state" => Self { policy: Policy::SharedState(Transactions::default()), ..defaults },
            "fair-with-aging" => Self { starvation_batches: Some(10), ..defaults },
            other => {
                let what = format!("there is no allocation policy {other:?}");
                let remedy = format!("one of {}", NAMES.join(", "));
                return Err(Rejection::new(RejectionCode::InvalidAllocator, what, remedy));
            }
        })
    }
}

/// A slot of one core and a gibibyte.
fn slot() -> Quantities {
    Quantities::from_iter([(ResourceName::Cpus, Scalar::from_units(1)), (ResourceName::Mem, Scalar::from_units(1_024))])
}

/// Makes the allocator of a recipe.
///
/// # Errors
/// When it is not one of this crate's, or its settings cannot be read.
pub fn from_recipe(recipe: &Recipe) -> Result<Box<dyn Allocator>, Rejection> {
    let refuse = |what: String, remedy: &str| Rejection::new(RejectionCode::InvalidAllocator, what, remedy);
    if recipe.name != HIERARCHICAL {
        let what = format!("{:?} is not an allocator of this crate", recipe.name);
        return Err(refuse(what, "make it yourself and hand it in"));
    }
    let options: Options = serde_json::from_value(recipe.settings.clone()).map_err(|error| {
        refuse(format!("the settings of the allocator cannot be read: {error}"), "use the version that wrote them")
    })?;
    Ok(Box::new(HierarchicalDrf::new(options)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_makes_an_allocator_that_its_recipe_makes_again() {
        for name in Options::NAMES {
            let options = Options::named(name).unwrap();
            let recipe = HierarchicalDrf::new(options.clone()).recipe().unwrap();
            let again = from_recipe(&recipe).unwrap();
            assert_eq!(again.recipe(), Some(recipe.clone()));
            assert_eq!(serde_json::from_value::<Options>(recipe.settings).unwrap(), options, "{name}");
        }
    }

    #[test]
    fn settings_nobody_can_make_are_refused() {
        let mut recipe = HierarchicalDrf::new(Options::named("packing").unwrap()).recipe().unwrap();
        assert_eq!(recipe.settings["policy"]["packing"]["fairness_ppm"], 250_000);
        recipe.settings["policy"]["packing"]["fairness_ppm"] = 1_000_001.into();
        let refused = from_recipe(&recipe).unwrap_err().to_string();
        assert!(refused.contains("1000001 is more than all"), "{refused}");
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_there_are() {
        assert!(Options::named("drff").unwrap_err().to_string().contains("drf, random"));
        let foreign = Recipe { name: "mine".into(), settings: serde_json::Value::Null };
        assert!(from_recipe(&foreign).unwrap_err().to_string().contains("mine"));
    }
}
