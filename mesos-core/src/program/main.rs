//! A program from its arguments to its exit status.

use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use super::{LayerError, Layered, parse_layered};

/// Reads the flags, the first argument being the program's name, and runs it to its end; it is told what they come to as well,
/// as views show it. What goes wrong is said under `name` on the standard error stream; asking for help or the version ends
/// the process as clap does.
pub fn main<F: CommandFactory + FromArgMatches, E: Display>(
    name: &str,
    arguments: impl IntoIterator<Item = OsString>,
    run: impl FnOnce(&F, Vec<(String, String)>) -> Result<(), E>,
) -> ExitCode {
    let problem = match parse_layered::<F>(arguments) {
        Ok(Layered { flags, settings }) => match run(&flags, settings) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => format!("{error:#}"),
        },
        Err(LayerError::Flags(error)) => error.exit(),
        Err(error) => error.to_string(),
    };
    eprintln!("{name}: {problem}");
    ExitCode::FAILURE
}
