//! What a program was started with, as views show it: every flag that has a value, wherever that is from.

use std::any::TypeId;
use std::ffi::OsStr;

use clap::{Arg, ArgMatches, Command};

use super::Hidden;

/// Instead of what is never printed.
const HIDDEN: &str = "(hidden)";

/// The long names of this command's flags and their values, from the command line, the environment, the file, or by default.
/// What is not set and has no default is not among them. [`Hidden`] values and passwords in URLs are not told.
#[must_use]
pub fn settings(command: &Command, matches: &ArgMatches) -> Vec<(String, String)> {
    let setting = |argument: &Arg| {
        let name = argument.get_long()?.to_owned();
        let mut values = matches.try_get_raw(argument.get_id().as_str()).ok()??;
        let value = match is_hidden(argument) {
            true => values.next().map(|_| HIDDEN.to_owned())?,
            false => values.map(shown).collect::<Vec<_>>().join(","),
        };
        Some((name, value))
    };
    command.get_arguments().filter_map(setting).collect()
}

fn is_hidden(argument: &Arg) -> bool {
    argument.get_value_parser().type_id() == TypeId::of::<Hidden>()
}

/// A value without what stands for a user and a password in a URL.
fn shown(value: &OsStr) -> String {
    let value = value.to_string_lossy();
    let Some((scheme, rest)) = value.split_once("://") else { return value.into_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}"),
        None => value.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    #[command(rename_all = "snake_case")]
    #[allow(dead_code, reason = "they are read by clap")]
    struct Flags {
        #[arg(long)]
        work_dir: PathBuf,
        #[arg(long, default_value_t = 5050)]
        port: u16,
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
        #[arg(long)]
        hostname: Option<String>,
        #[arg(long)]
        credentials: Option<Hidden>,
        #[arg(long)]
        endpoint: Option<String>,
        #[arg(long = "insecure-plaintext")]
        insecure_plaintext: bool,
        positional: Option<String>,
    }

    fn of(arguments: &[&str]) -> Vec<(String, String)> {
        let matches = Flags::command().get_matches_from(["p"].iter().chain(arguments));
        settings(&Flags::command(), &matches)
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_flag_with_a_value_is_shown() {
        let usual = [("work_dir", "/w"), ("port", "5050"), ("insecure-plaintext", "false")];
        assert_eq!(of(&["--work_dir=/w", "x"]), pairs(&usual));
        let all = of(&["--work_dir=/w", "--port=1", "--roles=a,b", "--hostname=h", "--insecure-plaintext"]);
        let expected =
            [("work_dir", "/w"), ("port", "1"), ("roles", "a,b"), ("hostname", "h"), ("insecure-plaintext", "true")];
        assert_eq!(all, pairs(&expected));
    }

    #[test]
    fn no_secret_is_shown() {
        let all = of(&["--work_dir=/w", "--credentials=sesame", "--endpoint=http://user:sesame@h:1/p@q"]);
        assert!(all.contains(&("credentials".to_owned(), HIDDEN.to_owned())), "{all:?}");
        assert!(all.contains(&("endpoint".to_owned(), "http://(hidden)@h:1/p@q".to_owned())), "{all:?}");
        assert!(!format!("{all:?}").contains("sesame"), "{all:?}");
        assert_eq!(shown(OsStr::new("http://h/p@q")), "http://h/p@q");
    }
}
