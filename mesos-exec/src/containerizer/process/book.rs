//! Which containers there are and what stage each has reached: all that callers and the containerizer's threads share.
//!
//! Holds no process: those belong to the [`keeper`](super::keeper).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos_core::{ContainerId, Exit};
use tokio::sync::watch;

use super::input::Input;

/// Containers that have ended and are still remembered, for callers who ask late. Beyond this the one that ended first is
/// forgotten: asking for it then says that it is not known.
pub(super) const ENDED_KEPT_MAX: usize = 4096;

/// How far a container has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// On its way; `doomed` when it was destroyed before it ran.
    Launching { doomed: bool },
    /// It runs.
    Running,
    /// It and all its processes are gone.
    Ended(Exit),
}

#[derive(Debug)]
struct Entry {
    run: u64,
    stage: watch::Sender<Stage>,
    /// What it reads, while it runs.
    input: Option<Arc<Input>>,
}

#[derive(Debug, Default)]
struct Pages {
    entries: HashMap<ContainerId, Entry>,
    ended: VecDeque<(ContainerId, u64)>,
    runs: u64,
    closed: bool,
}

/// The book of containers.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Pages>);

/// Whether a container may be started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// It may, as this run.
    Run(u64),
    AlreadyRunning,
    Closed,
}

impl Book {
    /// Enters a container that is about to be launched, with what it will read.
    pub(super) fn begin(&self, id: &ContainerId, input: Option<Input>) -> Begin {
        let mut pages = self.open();
        if pages.closed {
            return Begin::Closed;
        }
        if pages.entries.get(id).is_some_and(|entry| !matches!(*entry.stage.borrow(), Stage::Ended(_))) {
            return Begin::AlreadyRunning;
        }
        pages.runs += 1;
        let run = pages.runs;
        let stage = watch::Sender::new(Stage::Launching { doomed: false });
        pages.entries.insert(id.clone(), Entry { run, stage, input: input.map(Arc::new) });
        Begin::Run(run)
    }

    /// Enters a container that an earlier containerizer left: it runs, or it has ended.
    pub(super) fn adopt(&self, id: &ContainerId, stage: Stage) -> u64 {
        let mut pages = self.open();
        pages.runs += 1;
        let run = pages.runs;
        if matches!(stage, Stage::Ended(_)) {
            pages.ended.push_back((id.clone(), run));
        }
        pages.entries.insert(id.clone(), Entry { run, stage: watch::Sender::new(stage), input: None });
        run
    }

    /// Whether a container is on its way.
    pub(super) fn is_launching(&self, id: &ContainerId) -> bool {
        self.open().entries.get(id).is_some_and(|entry| matches!(*entry.stage.borrow(), Stage::Launching { .. }))
    }

    /// Whether a container has ended, and how that was is still remembered.
    pub(super) fn has_ended(&self, id: &ContainerId) -> bool {
        self.open().entries.get(id).is_some_and(|entry| matches!(*entry.stage.borrow(), Stage::Ended(_)))
    }

    /// A number for a run that is not entered: what was left by an earlier containerizer.
    pub(super) fn unlisted_run(&self) -> u64 {
        let mut pages = self.open();
        pages.runs += 1;
        pages.runs
    }

    /// Takes a container out again whose launch failed.
    pub(super) fn abandon(&self, id: &ContainerId, run: u64) {
        let mut pages = self.open();
        if pages.entries.get(id).is_some_and(|entry| entry.run == run) {
            pages.entries.remove(id);
        }
    }

    /// The container runs.
    pub(super) fn set_running(&self, id: &ContainerId, run: u64) {
        if let Some(entry) = self.open().entries.get(id).filter(|entry| entry.run == run) {
            entry.stage.send_if_modified(|stage| {
                let launching = matches!(stage, Stage::Launching { .. });
                if launching {
                    *stage = Stage::Running;
                }
                launching
            });
        }
    }

    /// The container has ended, if this was its latest run. Returns which containers are forgotten for it.
    pub(super) fn set_ended(&self, id: &ContainerId, run: u64, exit: Exit) -> Vec<ContainerId> {
        // What it wrote last is in its sandbox before anybody hears of its end; and others do not wait for a disk.
        let own = self.open().entries.get(id).filter(|entry| entry.run == run).and_then(|entry| entry.input.clone());
        if let Some(input) = own {
            input.close();
        }
        let mut pages = self.open();
        let mut forgotten = Vec::new();
        let Some(entry) = pages.entries.get_mut(id).filter(|entry| entry.run == run) else { return forgotten };
        entry.input = None;
        if !matches!(*entry.stage.borrow(), Stage::Ended(_)) {
            entry.stage.send_replace(Stage::Ended(exit));
            pages.ended.push_back((id.clone(), run));
        }
        while pages.ended.len() > ENDED_KEPT_MAX {
            let Some((id, run)) = pages.ended.pop_front() else { break };
            if pages.entries.get(&id).is_some_and(|entry| entry.run == run) {
                pages.entries.remove(&id);
                forgotten.push(id);
            }
        }
        forgotten
    }

    /// Makes a container that is being launched end at once. Returns whether it is.
    pub(super) fn doom(&self, id: &ContainerId) -> bool {
        let pages = self.open();
        let Some(entry) = pages.entries.get(id) else { return false };
        let launching = matches!(*entry.stage.borrow(), Stage::Launching { .. });
        if launching {
            entry.stage.send_replace(Stage::Launching { doomed: true });
        }
        launching
    }

    /// Whether a launch was overtaken by a destroy, or by the end of the containerizer.
    pub(super) fn is_doomed(&self, id: &ContainerId, run: u64) -> bool {
        let pages = self.open();
        let entry = pages.entries.get(id).filter(|entry| entry.run == run);
        pages.closed || entry.is_none_or(|entry| *entry.stage.borrow() == Stage::Launching { doomed: true })
    }

    /// What a container does from here on.
    pub(super) fn follow(&self, id: &ContainerId) -> Option<watch::Receiver<Stage>> {
        self.open().entries.get(id).map(|entry| entry.stage.subscribe())
    }

    /// What a container reads, if it takes input and has not ended.
    pub(super) fn input(&self, id: &ContainerId) -> Option<Arc<Input>> {
        self.open().entries.get(id)?.input.clone()
    }

    /// Takes no further container.
    pub(super) fn close(&self) {
        self.open().closed = true;
    }

    /// Nothing here leaves the pages half written, so a caller's panic does not spoil them.
    fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ContainerId {
        ContainerId::new(text).unwrap()
    }

    #[test]
    fn an_id_is_free_again_once_its_container_has_ended() {
        let book = Book::default();
        assert_eq!(book.begin(&id("c"), None), Begin::Run(1));
        assert_eq!(book.begin(&id("c"), None), Begin::AlreadyRunning);
        assert_eq!(book.set_ended(&id("c"), 1, Exit::Status(0)), []);
        assert_eq!(book.begin(&id("c"), None), Begin::Run(2));
        book.set_ended(&id("c"), 1, Exit::Status(1));
        assert_eq!(book.begin(&id("c"), None), Begin::AlreadyRunning, "an earlier run ended its successor");
    }

    #[test]
    fn only_so_many_ends_are_remembered_and_the_first_is_forgotten_first() {
        let book = Book::default();
        for n in 0..=ENDED_KEPT_MAX {
            let id = id(&n.to_string());
            let Begin::Run(run) = book.begin(&id, None) else { panic!("refused") };
            let forgotten = book.set_ended(&id, run, Exit::Status(0));
            assert_eq!(forgotten.len(), usize::from(n == ENDED_KEPT_MAX));
        }
        assert!(book.follow(&id("0")).is_none());
        assert!(book.follow(&id("1")).is_some());
    }

    #[test]
    fn a_container_relaunched_after_its_end_outlives_the_memory_of_the_first_end() {
        let book = Book::default();
        assert_eq!(book.begin(&id("c"), None), Begin::Run(1));
        book.set_ended(&id("c"), 1, Exit::Status(0));
        assert_eq!(book.begin(&id("c"), None), Begin::Run(2));
        for n in 0..=ENDED_KEPT_MAX {
            let id = id(&n.to_string());
            let Begin::Run(run) = book.begin(&id, None) else { panic!("refused") };
            book.set_ended(&id, run, Exit::Status(0));
        }
        assert!(book.follow(&id("c")).is_some());
    }

    #[test]
    fn a_doomed_launch_stays_doomed_until_it_runs() {
        let book = Book::default();
        assert_eq!(book.begin(&id("c"), None), Begin::Run(1));
        assert!(!book.is_doomed(&id("c"), 1));
        assert!(book.doom(&id("c")) && book.is_doomed(&id("c"), 1));
        book.set_running(&id("c"), 1);
        assert!(!book.doom(&id("c")));
    }
}
