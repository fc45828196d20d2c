//! Runs cases on all cores, and remembers which are done.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::case::Case;
use super::error::ExperimentError;
use super::outcome::Outcome;
use super::run::run_case;
use super::source::Sources;
use super::{Experiment, build_id, version};

/// Outcomes that wait to be written down; who runs cases waits when there are more.
const BACKLOG: usize = 64;

/// What has just been done.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// So many are done.
    pub done: usize,
    /// Of so many.
    pub of: usize,
    /// Of those, so many were done before.
    pub resumed: usize,
    /// The one that was done last, unless it was done before.
    pub last: Option<&'a Outcome>,
}

fn path_of(folder: &Path, key: &str) -> PathBuf {
    folder.join("cases").join(format!("{key}.json"))
}

pub(super) fn run(
    experiment: &Experiment,
    folder: Option<&Path>,
    threads: usize,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<Outcome>, ExperimentError> {
    let cases = experiment.cases()?;
    let mut outcomes: Vec<Option<Outcome>> =
        cases.iter().map(|case| folder.and_then(|folder| load(folder, case))).collect();
    let resumed = outcomes.iter().flatten().count();
    if let Some(folder) = folder {
        let path = folder.join("cases");
        std::fs::create_dir_all(&path).map_err(|source| ExperimentError::File { path, source })?;
    }
    let open: Vec<usize> = (0..cases.len()).filter(|at| outcomes[*at].is_none()).collect();
    progress(Progress { done: resumed, of: cases.len(), resumed, last: None });
    let (next, stop, sources) = (AtomicUsize::new(0), AtomicBool::new(false), Sources::default());
    let (send, receive) = mpsc::sync_channel::<(usize, Result<Outcome, ExperimentError>)>(BACKLOG);
    let mut problem = None;
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, open.len().max(1)) {
            let (send, next, stop, sources, open, cases) = (send.clone(), &next, &stop, &sources, &open, &cases);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Some(at) = open.get(next.fetch_add(1, Ordering::Relaxed)).copied() else { return };
                    if send.send((at, run_case(experiment, &cases[at], sources))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut done = resumed;
        for (at, outcome) in receive {
            match outcome.and_then(|outcome| save(folder, outcome)) {
                Ok(outcome) => {
                    done += 1;
                    progress(Progress { done, of: cases.len(), resumed, last: Some(&outcome) });
                    outcomes[at] = Some(outcome);
                }
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    problem.get_or_insert_with(|| error.within(experiment.file.as_deref()));
                }
            }
        }
    });
    match problem {
        Some(error) => Err(error),
        None => Ok(outcomes.into_iter().flatten().collect()),
    }
}

/// An outcome that this case would come to again.
fn load(folder: &Path, case: &Case) -> Option<Outcome> {
    if !case.is_repeatable || !build_id::is_known() {
        return None;
    }
    kept(folder, case).filter(|outcome| outcome.version == version())
}

/// The outcome of this case in a folder, whichever build made it.
pub(super) fn kept(folder: &Path, case: &Case) -> Option<Outcome> {
    let text = std::fs::read_to_string(path_of(folder, &case.key)).ok()?;
    // A file that was cut off when a run was stopped is as good as none.
    let outcome: Outcome = serde_json::from_str(&text).ok()?;
    (outcome.key == case.key && outcome.seed == case.seed).then(|| Outcome {
        parameters: case.parameters.clone(),
        label: case.label.clone(),
        ..outcome
    })
}

fn save(folder: Option<&Path>, outcome: Outcome) -> Result<Outcome, ExperimentError> {
    let Some(folder) = folder else { return Ok(outcome) };
    let path = path_of(folder, &outcome.key);
    let text = serde_json::to_string(&outcome).unwrap_or_default();
    // Written beside and moved into place: whoever resumes sees all of it or nothing.
    let fresh = path.with_extension("new");
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &path));
    written.map_err(|source| ExperimentError::File { path, source })?;
    Ok(outcome)
}
