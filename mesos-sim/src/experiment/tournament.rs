//! All policies of the allocator on one trace.

use super::Experiment;
use super::description::Policy;
use super::error::ExperimentError;

/// The same experiment under every policy.
///
/// # Errors
/// When the text is no experiment.
pub fn tournament(experiment: &Experiment) -> Result<Experiment, ExperimentError> {
    let mut whole: toml::Table = toml::from_str(&experiment.text).map_err(|error| ExperimentError::text(&error))?;
    let policies = Policy::ALL.map(|name| toml::Value::String(name.to_owned()));
    let sweep = whole.entry("sweep").or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(sweep) = sweep {
        sweep.insert("allocator.policy".to_owned(), toml::Value::Array(policies.to_vec()));
    }
    let text = toml::to_string(&whole).map_err(|error| ExperimentError::Text(error.to_string()))?;
    let mut made = Experiment::parse(text, experiment.folder.clone(), experiment.command.clone())?;
    (made.file, made.makers) = (experiment.file.clone(), experiment.makers.clone());
    Ok(made)
}
