//! All policies of the allocator on one trace, and the allocators that were brought along.

use super::Experiment;
use super::description::Policy;
use super::error::ExperimentError;

/// The same experiment under every policy, and under every allocator of somebody's own.
///
/// # Errors
/// When the text is no experiment.
pub fn tournament(experiment: &Experiment) -> Result<Experiment, ExperimentError> {
    let mut whole: toml::Table = toml::from_str(&experiment.text).map_err(|error| ExperimentError::text(&error))?;
    let own = experiment.allocators.keys().map(String::as_str).filter(|name| !Policy::ALL.contains(name));
    let policies = Policy::ALL.into_iter().chain(own).map(|name| toml::Value::String(name.to_owned())).collect();
    let sweep = whole.entry("sweep").or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(sweep) = sweep {
        sweep.insert("allocator.policy".to_owned(), toml::Value::Array(policies));
    }
    let text = toml::to_string(&whole).map_err(|error| ExperimentError::Text(error.to_string()))?;
    let mut made = Experiment::parse(text, experiment.folder.clone(), experiment.command.clone())?;
    (made.file, made.makers) = (experiment.file.clone(), experiment.makers.clone());
    made.allocators.clone_from(&experiment.allocators);
    Ok(made)
}
