//! Where a program's log goes and what it looks like.

use std::fmt;

use tracing_subscriber::EnvFilter;

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
    /// Begins to log. The first call in a process counts.
    ///
    /// # Errors
    /// When the filter cannot be understood.
    pub fn begin(&self) -> Result<(), String> {
        let filter = EnvFilter::try_new(&self.logging_level)
            .map_err(|error| format!("logging_level {:?}: {error}; write for example info", self.logging_level))?;
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // A second subscriber is of no use, and no harm.
        let _ = match self.log_format {
            LogFormat::Text => {
                use std::io::IsTerminal as _;
                builder.with_ansi(std::io::stderr().is_terminal()).try_init()
            }
            LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        };
        Ok(())
    }
}
