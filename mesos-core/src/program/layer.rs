//! Flags, environment and file: one after the other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory, FromArgMatches};

use super::{read_text, settings};

/// The flag that names the file.
const CONFIG: &str = "config";

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The file cannot be read.
    #[error("{path}: {problem}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The flags cannot be understood.
    #[error(transparent)]
    Flags(#[from] clap::Error),
}

/// The command whose flags take what is not said elsewhere from a TOML file: its keys are the flags' long names.
///
/// # Errors
/// When a key of the file is none of the flags, or its value is a table.
pub fn layered(mut command: Command, path: &Path, text: &str) -> Result<Command, LayerError> {
    let refuse = |problem: String| LayerError::File { path: path.to_owned(), problem };
    let table: BTreeMap<String, toml::Value> = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
    for (key, value) in table {
        let known = |argument: &&clap::Arg| key != CONFIG && is_called(argument, &key);
        let Some(id) = command.get_arguments().find(known).map(|argument| argument.get_id().clone()) else {
            let names: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
            return Err(refuse(format!("there is no setting {key:?}; known are {}", names.join(", "))));
        };
        let values =
            texts(&value).ok_or_else(|| refuse(format!("{key} is a table; give a value or a list of them")))?;
        command = command.mut_arg(id, |argument| {
            let argument = argument.default_value(Resettable::Reset).required(false);
            // What the file says is not missing.
            let argument = argument.required_unless_present(Resettable::Reset);
            argument.default_values(values)
        });
    }
    Ok(command)
}

fn is_called(argument: &clap::Arg, name: &str) -> bool {
    argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
}

/// A value as it would be written on the command line.
fn texts(value: &toml::Value) -> Option<Vec<String>> {
    Some(match value {
        toml::Value::String(text) => vec![text.clone()],
        toml::Value::Integer(number) => vec![number.to_string()],
        toml::Value::Float(number) => vec![number.to_string()],
        toml::Value::Boolean(is_so) => vec![is_so.to_string()],
        toml::Value::Datetime(time) => vec![time.to_string()],
        toml::Value::Array(values) => values.iter().map(texts).collect::<Option<Vec<_>>>()?.concat(),
        toml::Value::Table(_) => return None,
    })
}

/// Flags that were read.
#[derive(Debug, Clone)]
pub struct Layered<A> {
    /// The flags.
    pub flags: A,
    /// What they come to, by their names, for views. No secrets.
    pub settings: Vec<(String, String)>,
}

/// Reads flags, then environment, then the file that one of them names under `config`.
///
/// # Errors
/// [`LayerError`] is ready to be shown; asking for help or version is one as well.
pub fn parse_layered<A: CommandFactory + FromArgMatches>(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Layered<A>, LayerError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut command = A::command();
    // The file may hold what is required, so it is looked for before anything is judged.
    let lenient = relaxed(A::command()).try_get_matches_from(&arguments);
    let path = lenient.ok().and_then(|matches| matches.get_one::<PathBuf>(CONFIG).cloned());
    if let Some(path) = path {
        let text =
            read_text(&path).map_err(|error| LayerError::File { path: path.clone(), problem: error.to_string() })?;
        command = layered(command, &path, &text)?;
    }
    let mut matches = command.try_get_matches_from_mut(&arguments).map_err(|error| usual(error, &mut command))?;
    let settings = settings(&command, &matches);
    Ok(Layered { flags: A::from_arg_matches_mut(&mut matches)?, settings })
}

/// An error with the usage as help shows it: clap's own lists whatever is set, by the environment as well.
fn usual(mut error: clap::Error, command: &mut Command) -> clap::Error {
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(command.render_usage()));
    }
    error
}

fn relaxed(command: Command) -> Command {
    let ids: Vec<_> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
    let relax = |command: Command, id| command.mut_arg(id, |argument| argument.required(false));
    ids.into_iter().fold(command, relax).ignore_errors(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    #[command(rename_all = "snake_case")]
    struct Flags {
        #[arg(long)]
        config: Option<PathBuf>,
        #[arg(long)]
        work_dir: PathBuf,
        #[arg(long, default_value_t = 5050, alias = "harbour")]
        port: u16,
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
        #[arg(long, env = "MESOS_TEST_OF_LAYERS_SURELY_UNSET")]
        hostname: Option<String>,
    }

    fn parse(arguments: &[&str], file: &str) -> Result<Flags, LayerError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.toml");
        std::fs::write(&path, file).unwrap();
        let config = format!("--config={}", path.display());
        let all = ["master", &config].into_iter().chain(arguments.iter().copied());
        parse_layered(all.map(Into::into)).map(|layered: Layered<Flags>| layered.flags)
    }

    #[test]
    fn a_flag_counts_before_the_file_and_the_file_before_the_default() {
        let file = "work_dir = \"/var/lib/mesos\"\nport = 7\nroles = [\"a\", \"b\"]\n";
        let flags = parse(&[], file).unwrap();
        assert_eq!((flags.port, flags.work_dir.to_str().unwrap()), (7, "/var/lib/mesos"));
        assert_eq!((flags.roles, flags.hostname), (vec!["a".to_owned(), "b".to_owned()], None));
        assert!(flags.config.is_some());
        assert_eq!(parse(&["--port=8"], file).unwrap().port, 8);
        assert_eq!(parse(&[], "work_dir = \"/x\"\nharbour = 9").unwrap().port, 9, "by another name as well");
        assert_eq!(parse(&["--work_dir=/x"], "").unwrap().port, 5050);
    }

    #[derive(Debug, Parser)]
    #[command(rename_all = "snake_case")]
    struct OneOfTwo {
        #[arg(long)]
        config: Option<PathBuf>,
        #[arg(long, required_unless_present = "in_memory")]
        folder: Option<PathBuf>,
        #[arg(long)]
        in_memory: bool,
    }

    #[test]
    fn what_the_file_says_is_not_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.toml");
        let parse = |file: &str| {
            std::fs::write(&path, file).unwrap();
            let layered = parse_layered(["master".into(), format!("--config={}", path.display()).into()]);
            layered.map(|layered: Layered<OneOfTwo>| layered.flags)
        };
        let flags = parse("folder = \"/x\"").unwrap();
        assert_eq!((flags.folder.as_deref(), flags.in_memory), (Some(Path::new("/x")), false));
        assert!(flags.config.is_some() && parse("").unwrap_err().to_string().contains("--folder"));
        assert!(parse("folder = \"/x\"\nin_memory = true").unwrap().in_memory, "so are switches");
    }

    #[test]
    fn an_error_names_what_is_needed_and_not_what_happens_to_be_set() {
        let error = parse(&["--roles=a"], "").unwrap_err().to_string();
        let usage = error.lines().find(|line| line.starts_with("Usage:")).unwrap();
        assert!(usage.contains("--work_dir <WORK_DIR>") && !usage.contains("--roles"), "{error}");
    }

    #[test]
    fn a_setting_nobody_knows_is_refused_with_those_there_are() {
        let error = parse(&[], "work_dri = \"/x\"\n").unwrap_err().to_string();
        assert!(error.contains("work_dri") && error.contains("work_dir"), "{error}");
        assert!(parse(&[], "port = {}\nwork_dir=\"/\"").is_err());
        assert!(parse(&[], "port = ").unwrap_err().to_string().contains("master.toml"));
        assert!(parse(&[], "port = \"x\"\nwork_dir=\"/\"").is_err(), "values of the file are judged like flags");
        let endless = parse_layered::<Flags>(["master", "--config=/dev/zero"].map(Into::into)).unwrap_err().to_string();
        assert!(endless.starts_with("/dev/zero") && endless.contains("name a file"), "{endless}");
    }
}
