//! One run of an experiment: the file with some values replaced, and a seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::description::Description;
use super::{Experiment, ExperimentError, VERSION};

/// More cases than this are a mistake.
const CASES_MAX: usize = 1_000_000;

/// One run.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its place among all.
    pub index: usize,
    /// What was replaced, by what.
    pub parameters: Vec<(String, String)>,
    /// The seed.
    pub seed: u64,
    /// What is run.
    pub description: Description,
    /// What tells it from other cases, in words.
    pub label: String,
    /// Names the outcome: of equal cases of one version it is equal.
    pub key: String,
}

/// A value that has a name goes by it; any other by where it stands in the file.
fn label(parameters: &[(String, String)], labels: &BTreeMap<String, String>) -> String {
    let part = |(name, value): &(String, String)| match labels.get(value) {
        Some(label) => label.clone(),
        None => format!("{} {value}", name.rsplit('.').next().unwrap_or(name)),
    };
    parameters.iter().map(part).collect::<Vec<_>>().join(", ")
}

pub(super) fn expand(experiment: &Experiment) -> Result<Vec<Case>, ExperimentError> {
    let whole: toml::Table = toml::from_str(&experiment.text).map_err(|error| ExperimentError::text(&error))?;
    let sweep = &experiment.description.sweep;
    let seeds = experiment.description.seeds.list();
    let count = sweep.values().map(Vec::len).try_fold(seeds.len(), usize::checked_mul);
    if count.is_none_or(|count| count > CASES_MAX) {
        let remedy = format!("sweep less: at most {CASES_MAX} cases");
        return Err(ExperimentError::invalid("sweep", "there are too many cases", remedy));
    }
    let mut choices: Vec<Vec<(String, toml::Value)>> = vec![Vec::new()];
    for (path, values) in sweep {
        if values.is_empty() {
            return Err(ExperimentError::invalid(format!("sweep.{path}"), "it has no values", "list some"));
        }
        let more = choices.iter().flat_map(|choice| {
            values.iter().map(move |value| {
                let mut choice = choice.clone();
                choice.push((path.clone(), value.clone()));
                choice
            })
        });
        choices = more.collect();
    }
    let mut cases = Vec::new();
    for choice in choices {
        let mut changed = toml::Value::Table(whole.clone());
        for (path, value) in &choice {
            put(&mut changed, path, value)?;
        }
        let toml::Value::Table(mut table) = changed else { continue };
        table.remove("sweep");
        let description: Description = table.clone().try_into().map_err(|error| ExperimentError::text(&error))?;
        description.validate()?;
        let parameters: Vec<(String, String)> = choice.into_iter().map(|(path, value)| (path, show(&value))).collect();
        // What is expected, and words for people, change no outcome.
        for name in ["expect", "paper", "title", "about", "seeds", "name", "labels"] {
            table.remove(name);
        }
        let text = toml::to_string(&table).unwrap_or_default() + &files(experiment, &description);
        let label = label(&parameters, &description.labels);
        for seed in &seeds {
            let key = digest(&format!("{VERSION}\n{seed}\n{text}"));
            let (parameters, description, label) = (parameters.clone(), description.clone(), label.clone());
            cases.push(Case { index: cases.len(), parameters, seed: *seed, description, label, key });
        }
    }
    Ok(cases)
}

/// Which files the trace is made of: results of another file of the same name are not those of this one.
fn files(experiment: &Experiment, description: &Description) -> String {
    let mut text = String::new();
    for file in description.trace.iter().flat_map(|trace| &trace.files) {
        let Ok(data) = std::fs::metadata(experiment.folder.join(file.path())) else { continue };
        let changed = data.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let _ = writeln!(text, "{} {} {:?}", file.path(), data.len(), changed);
    }
    text
}

fn show(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Replaces the value at a path such as `allocator.policy` or `queue.0.weight`.
fn put(whole: &mut toml::Value, path: &str, value: &toml::Value) -> Result<(), ExperimentError> {
    let names: Vec<&str> = path.split('.').collect();
    let Some(place) = place(whole, &names) else {
        let remedy = "write names as in the file with points between, and places of lists as numbers: queue.0.weight";
        return Err(ExperimentError::invalid(format!("sweep.{path}"), "there is no such place in the file", remedy));
    };
    *place = value.clone();
    Ok(())
}

fn place<'a>(within: &'a mut toml::Value, names: &[&str]) -> Option<&'a mut toml::Value> {
    let [name, rest @ ..] = names else { return Some(within) };
    let next = match within {
        toml::Value::Table(table) => table.entry(*name).or_insert_with(|| toml::Value::Table(toml::Table::new())),
        toml::Value::Array(list) => list.get_mut(name.parse::<usize>().ok()?)?,
        _ => return None,
    };
    place(next, rest)
}

/// FNV-1a with 128 bits: names files, and protects nothing.
fn digest(text: &str) -> String {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for byte in text.bytes() {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    let mut name = String::with_capacity(32);
    let _ = write!(name, "{hash:032x}");
    name
}
