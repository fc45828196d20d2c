//! Plays every recorded session under `tests/scripts` and compares. `UPDATE_SCRIPTS=1` writes what the machines do now.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use mesos_sim::script::{AgentSession, AllocatorSession, DriverSession, MasterSession, Session, diff, replay};

/// A new session for the scripts of one folder.
type Open = fn() -> Box<dyn Session>;

/// The switch that records instead of comparing.
const UPDATE: &str = "UPDATE_SCRIPTS";

/// Fewer sessions than this in a folder means that some were lost.
const SESSIONS_MIN: usize = 8;

fn folder(machine: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(machine)
}

fn sessions(machine: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(machine)).expect("the folder of the sessions is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|own| own == "txt")).collect();
    paths.sort();
    paths
}

/// What is wrong with a session, if anything is; nothing after it was recorded anew.
fn problem(path: &Path, session: &mut dyn Session, is_update: bool) -> Option<String> {
    let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string();
    let before = fs::read_to_string(path).expect("the session can be read");
    match replay(&name, &before, session) {
        Err(error) => Some(error.to_string()),
        Ok(after) if after == before => None,
        Ok(after) if is_update => {
            fs::write(path, after).expect("the session can be written");
            None
        }
        Ok(after) => Some(format!("{name} says - and the machine does +:\n{}", diff(&before, &after))),
    }
}

fn check(machine: &str, open: Open) {
    let is_update = env::var_os(UPDATE).is_some();
    let paths = sessions(machine);
    assert!(paths.len() >= SESSIONS_MIN, "only {} sessions in {}", paths.len(), folder(machine).display());
    let mut report = String::new();
    for path in &paths {
        if let Some(problem) = problem(path, &mut *open(), is_update) {
            let _ = writeln!(report, "\n{problem}");
        }
    }
    assert!(
        report.is_empty(),
        "{report}\nIf what the machine does is right: {UPDATE}=1 cargo test -p mesos-sim --test scripts"
    );
}

#[test]
fn allocators_do_what_was_recorded() {
    check("allocator", || Box::new(AllocatorSession::default()));
}

#[test]
fn masters_do_what_was_recorded() {
    check("master", || Box::new(MasterSession::default()));
}

#[test]
fn agents_do_what_was_recorded() {
    check("agent", || Box::new(AgentSession::default()));
}

#[test]
fn drivers_do_what_was_recorded() {
    check("driver", || Box::new(DriverSession::default()));
}
