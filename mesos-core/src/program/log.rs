//! Where a program's log goes and what it looks like.

use std::fmt;
use std::sync::Arc;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, reload};

use super::verbosity::LiveVerbosity;
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

/// Flags about the log, which goes to the standard error.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Logging", rename_all = "snake_case")]
pub struct Logging {
    /// How lines are written.
    #[arg(long, env = "MESOS_LOG_FORMAT", default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or by module: `info,mesos_sched=debug`.
    #[arg(long, env = "MESOS_LOGGING_LEVEL", default_value = "info", value_name = "FILTER")]
    pub logging_level: String,
}

impl Logging {
    /// For commands, which have no such flags: what their user should know, as text.
    #[must_use]
    pub fn of_commands() -> Self {
        Self { log_format: LogFormat::Text, logging_level: "warn".to_owned() }
    }

    /// Begins to log; what changes how much. The first call in a process counts.
    ///
    /// # Errors
    /// When the filter cannot be understood.
    pub fn begin(&self) -> Result<Arc<dyn Verbosity>, String> {
        let filter = EnvFilter::try_new(&self.logging_level)
            .map_err(|error| format!("logging_level {:?}: {error}; write for example info", self.logging_level))?;
        let (filter, handle) = reload::Layer::new(filter);
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = match self.log_format {
            LogFormat::Text => {
                use std::io::IsTerminal as _;
                lines.with_ansi(std::io::stderr().is_terminal()).boxed()
            }
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        };
        Ok(match tracing_subscriber::registry().with(filter).with(lines).try_init() {
            Ok(()) => LiveVerbosity::new(handle, &self.logging_level),
            // Somebody logs already, and knows how much.
            Err(_) => Arc::new(FixedVerbosity),
        })
    }
}
