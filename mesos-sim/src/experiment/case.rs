//! One run of an experiment: the file with some values replaced, and a seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use super::build::{DISCIPLINE, no_policy};
use super::description::{Description, Policy};
use super::{Experiment, ExperimentError, digest};

/// More cases than this are a mistake.
pub(super) const CASES_MAX: usize = 1_000_000;

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
    /// Names the outcome: equal for cases that are described alike and read files of the same content. Which build made an
    /// outcome is said in it.
    pub key: String,
    /// Whether this case, run again by the same build, comes to the same: not if a scheduler or an allocator decides whose code
    /// is not known.
    pub is_repeatable: bool,
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
    let (mut cases, mut files) = (Vec::new(), Files::of(&experiment.folder));
    for choice in choices {
        let mut changed = toml::Value::Table(whole.clone());
        for (path, value) in &choice {
            put(&mut changed, path, value)?;
        }
        let toml::Value::Table(mut table) = changed else { continue };
        table.remove("sweep");
        let description: Description = table.clone().try_into().map_err(|error| ExperimentError::text(&error))?;
        description.validate()?;
        if let Policy::Own(name) = &description.allocator.policy
            && !experiment.allocators.contains_key(name)
        {
            return Err(no_policy(name));
        }
        let parameters: Vec<(String, String)> = choice.into_iter().map(|(path, value)| (path, show(&value))).collect();
        // What is expected, and words for people, change no outcome.
        for name in ["expect", "paper", "title", "about", "seeds", "name", "labels"] {
            table.remove(name);
        }
        let mut text = toml::to_string(&table).unwrap_or_default();
        files.describe(&toml::Value::Table(table), &mut text);
        let is_repeatable =
            schedulers(experiment, &description, &mut text) & allocator(experiment, &description, &mut text);
        let label = label(&parameters, &description.labels);
        for seed in &seeds {
            let key = digest::of_text(&format!("{seed}\n{text}"));
            let (parameters, description, label) = (parameters.clone(), description.clone(), label.clone());
            cases.push(Case { index: cases.len(), parameters, seed: *seed, description, label, key, is_repeatable });
        }
    }
    Ok(cases)
}

/// What is in the files that an experiment names. Whatever text in it is the name of a file there counts as one: nothing that
/// reads files has to be remembered here.
struct Files<'a> {
    folder: &'a Path,
    /// Digests by name; nothing for texts that name no file. Each file is read once, however many cases name it.
    known: BTreeMap<String, Option<String>>,
}

impl<'a> Files<'a> {
    const fn of(folder: &'a Path) -> Self {
        Self { folder, known: BTreeMap::new() }
    }

    /// Adds the content of every file that is named in a value to a text.
    fn describe(&mut self, value: &toml::Value, text: &mut String) {
        match value {
            toml::Value::String(name) => {
                if let Some(digest) = self.digest(name) {
                    let _ = writeln!(text, "# {name} {digest}");
                }
            }
            toml::Value::Array(list) => list.iter().for_each(|value| self.describe(value, text)),
            toml::Value::Table(table) => table.values().for_each(|value| self.describe(value, text)),
            _ => {}
        }
    }

    fn digest(&mut self, name: &str) -> Option<String> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let path = self.folder.join(name);
        let is_file = !name.is_empty() && path.is_file();
        let digest = is_file.then(|| File::open(&path).and_then(digest::of).ok()).flatten();
        self.known.insert(name.to_owned(), digest.clone());
        digest
    }
}

/// Adds somebody's own schedulers that this case uses to a text; whether all of them have a version.
fn schedulers(experiment: &Experiment, description: &Description, text: &mut String) -> bool {
    let parts = description.queue.iter().filter_map(|queue| queue.scheduler.as_ref());
    let mut names: Vec<&str> =
        parts.chain([&description.scheduler]).map(|part| part.discipline.as_deref().unwrap_or(DISCIPLINE)).collect();
    names.sort_unstable();
    names.dedup();
    let mut is_repeatable = true;
    for name in names {
        if let Some(own) = experiment.makers.get(name) {
            is_repeatable &= own.version.is_some();
            let _ = writeln!(text, "# scheduler {name} {:?}", own.version);
        }
    }
    is_repeatable
}

/// The same of somebody's own allocator.
fn allocator(experiment: &Experiment, description: &Description, text: &mut String) -> bool {
    let name = description.allocator.policy.name();
    let Some(own) = experiment.allocators.get(name) else { return true };
    let _ = writeln!(text, "# allocator {name} {:?}", own.version);
    own.version.is_some()
}

pub(super) fn show(value: &toml::Value) -> String {
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
