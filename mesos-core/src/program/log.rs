//! Where a program's log goes and what it looks like.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, reload};

use super::log_file::LogFile;
use super::verbosity::LiveVerbosity;
use crate::daemon::{Access, make_folder};
use crate::net::http::{FixedVerbosity, Verbosity};

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// A log that was begun.
#[derive(Debug)]
pub struct Log {
    /// What changes how much is logged.
    pub verbosity: Arc<dyn Verbosity>,
    /// The file it goes to as well, if there is one.
    pub file: Option<PathBuf>,
}

/// Flags about the log, which goes to the standard error.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Logging", rename_all = "snake_case")]
pub struct Logging {
    /// How lines are written.
    #[arg(long, env = "MESOS_LOG_FORMAT", default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: error, warn (or WARNING), info, debug, trace, or by module: `info,mesos_sched=debug`.
    #[arg(long, env = "MESOS_LOGGING_LEVEL", default_value = "info", value_name = "FILTER")]
    pub logging_level: String,
    /// The folder for a file of the log, which is then shown to operators as well. Without it, none is written.
    #[arg(long, env = "MESOS_LOG_DIR", value_name = "FOLDER")]
    pub log_dir: Option<PathBuf>,
}

impl Logging {
    /// For commands, which have no such flags: what their user should know, as text.
    #[must_use]
    pub fn of_commands() -> Self {
        Self { log_format: LogFormat::Text, logging_level: "warn".to_owned(), log_dir: None }
    }

    /// Begins to log, as the program of this name. The first call in a process counts.
    ///
    /// # Errors
    /// When the filter cannot be understood, or the file cannot be written.
    pub fn begin(&self, program: &str) -> Result<Log, String> {
        let level = understood(&self.logging_level)
            .map_err(|problem| format!("logging_level {:?}: {problem}", self.logging_level))?;
        let filter = EnvFilter::try_new(&level)
            .map_err(|error| format!("logging_level {:?}: {error}; write for example info", self.logging_level))?;
        let (filter, handle) = reload::Layer::new(filter);
        let file = self.file(program)?;
        let kept = file.as_ref().map(|(_, file)| self.lines(file.clone(), false));
        let said = self.lines(std::io::stderr, std::io::stderr().is_terminal());
        Ok(match tracing_subscriber::registry().with(filter).with(said).with(kept).try_init() {
            Ok(()) => Log { verbosity: LiveVerbosity::new(handle, &level), file: file.map(|(path, _)| path) },
            // Somebody logs already, and knows how much.
            Err(_) => Log { verbosity: Arc::new(FixedVerbosity), file: None },
        })
    }

    /// The name is that of Mesos.
    fn file(&self, program: &str) -> Result<Option<(PathBuf, LogFile)>, String> {
        let Some(folder) = &self.log_dir else { return Ok(None) };
        let path = folder.join(format!("{program}.INFO"));
        let opened = make_folder(folder, Access::Closed).and_then(|()| LogFile::open(&path));
        let file = opened.map_err(|error| format!("--log_dir {}: {error}", folder.display()))?;
        let path = path.canonicalize().map_err(|error| format!("--log_dir {}: {error}", folder.display()))?;
        Ok(Some((path, file)))
    }

    fn lines<S>(
        &self,
        writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
        is_coloured: bool,
    ) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(is_coloured);
        match self.log_format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        }
    }
}

/// The filter that is meant: with the levels of Mesos (`INFO`, `WARNING`, `ERROR`) by their names here.
///
/// A word alone that is no level would name a module, of which everything is logged, and nothing of all others: whoever means
/// that says so with a level.
fn understood(filter: &str) -> Result<String, String> {
    let mut words = Vec::new();
    for word in filter.split(',') {
        let word = word.trim();
        let (module, level) = word.rsplit_once('=').map_or(("", word), |(module, level)| (module, level));
        let level = if level.eq_ignore_ascii_case("warning") { "warn" } else { level };
        // What stands in brackets is about spans and their fields, and has a grammar of its own.
        if word.contains(['[', ']', '{', '}']) || word.is_empty() {
            words.push(word.to_owned());
        } else if level.parse::<LevelFilter>().is_err() || level.is_empty() {
            return Err(format!(
                "{level:?} is no level; write error, warn (or WARNING), info, debug or trace, or by module: \
                 info,mesos_sched=debug"
            ));
        } else if module.is_empty() {
            words.push(level.to_owned());
        } else {
            words.push(format!("{module}={level}"));
        }
    }
    Ok(words.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_of_mesos_are_understood() {
        for (given, meant) in [
            ("INFO", "INFO"),
            ("WARNING", "warn"),
            ("warning", "warn"),
            ("ERROR", "ERROR"),
            ("info,mesos_sched=debug", "info,mesos_sched=debug"),
            ("info, mesos_core::net=WARNING", "info,mesos_core::net=warn"),
            ("info,[request{id=1}]=trace", "info,[request{id=1}]=trace"),
            ("off", "off"),
            ("2", "2"),
        ] {
            assert_eq!(understood(given).as_deref(), Ok(meant), "{given}");
        }
    }

    /// Whether a level is logged is asked of the filter itself: it takes words for modules.
    #[test]
    fn a_filter_lets_through_what_its_name_says() {
        for (given, logged) in [("WARNING", [true, true, false]), ("ERROR", [true, false, false]), ("INFO", [true; 3])]
        {
            let filter = EnvFilter::try_new(understood(given).unwrap()).unwrap();
            let _logging = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter));
            let found = [
                tracing::enabled!(target: "mesos_core", tracing::Level::ERROR),
                tracing::enabled!(target: "mesos_core", tracing::Level::WARN),
                tracing::enabled!(target: "mesos_core", tracing::Level::INFO),
            ];
            assert_eq!(found, logged, "{given}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for wrong in ["VERBOSE", "mesos_sched", "info,loud", "mesos_sched=loud", "mesos_sched="] {
            let refused = understood(wrong).unwrap_err();
            assert!(refused.contains("is no level; write error"), "{wrong}: {refused}");
        }
    }
}
