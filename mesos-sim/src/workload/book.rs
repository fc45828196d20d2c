//! Pieces of work, and the tasks that try to do them.
//!
//! A piece is done when a task for it has finished. Each try is a task with an id of its own, `<piece>.<try>`: what is
//! heard of an older try is either the end of it or a reason to kill it. So a piece may run twice for a while when its
//! agent was thought lost, but it is never forgotten, and never done by a task nobody heard the end of.

use std::sync::Arc;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::Record;
use mesos_core::text::{Part, joined};
use mesos_core::{SchedulerCx, TaskId, TaskState, TaskStatus};

/// Before the keys of what is remembered about pieces.
const PIECE_PREFIX: &str = "piece/";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Trying,
    Done,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    attempt: u32,
    stage: Stage,
}

/// What an update meant for its piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The piece is done.
    Done,
    /// It has to be tried again.
    Retry,
    /// Its task runs.
    Running,
    /// Nothing to be done about it.
    Nothing,
}

/// Pieces of work.
#[derive(Debug)]
pub struct Book {
    pieces: Vec<Piece>,
    /// Pieces that wait, last first.
    waiting: Vec<u32>,
    done: usize,
}

impl Book {
    /// So many pieces, none of them tried.
    #[must_use]
    pub fn new(count: u32) -> Self {
        let pieces = vec![Piece { attempt: 0, stage: Stage::Waiting }; count as usize];
        Self { pieces, waiting: (0..count).rev().collect(), done: 0 }
    }

    /// Takes up what an earlier run remembered.
    pub fn recovered(&mut self, records: &[Record]) {
        for record in records {
            let Some(piece) = record.key.strip_prefix(PIECE_PREFIX).and_then(|n| n.parse::<usize>().ok()) else {
                continue;
            };
            let Ok((attempt, is_done)) = record.decode::<(u32, bool)>() else { continue };
            if let Some(row) = self.pieces.get_mut(piece) {
                *row = Piece { attempt, stage: if is_done { Stage::Done } else { Stage::Trying } };
            }
        }
        self.done = self.pieces.iter().filter(|piece| piece.stage == Stage::Done).count();
        let waits = |(n, piece): (u32, &Piece)| (piece.stage == Stage::Waiting).then_some(n);
        self.waiting = (0..).zip(&self.pieces).rev_filter(waits);
    }

    /// The next piece to try, and the id of the task that shall; it counts as tried from here on.
    pub fn begin(&mut self, cx: &mut SchedulerCx<'_>) -> Option<(u32, TaskId)> {
        let piece = self.waiting.pop()?;
        let row = &mut self.pieces[piece as usize];
        row.attempt += 1;
        row.stage = Stage::Trying;
        cx.remember(key(piece), &(row.attempt, false));
        Some((piece, task_id(piece, row.attempt)))
    }

    /// The piece that would be next.
    #[must_use]
    pub fn peek(&self) -> Option<u32> {
        self.waiting.last().copied()
    }

    /// Takes note of an update, and kills tries that were given up.
    pub fn observe(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> News {
        let Some((piece, attempt)) = parse(&status.task_id) else { return News::Nothing };
        let Some(row) = self.pieces.get_mut(piece as usize) else { return News::Nothing };
        if attempt != row.attempt || row.stage != Stage::Trying {
            let is_alive = matches!(status.state, TaskState::Staging | TaskState::Starting | TaskState::Running);
            if is_alive {
                cx.kill(status.task_id.clone());
            }
            return News::Nothing;
        }
        match status.state {
            TaskState::Finished => {
                row.stage = Stage::Done;
                self.done += 1;
                cx.remember(key(piece), &(attempt, true));
                News::Done
            }
            TaskState::Running => News::Running,
            TaskState::Staging | TaskState::Starting | TaskState::Killing => News::Nothing,
            // Everything else is an end without success, or doubt that need not end: the piece is tried again.
            _ => {
                row.stage = Stage::Waiting;
                self.waiting.push(piece);
                News::Retry
            }
        }
    }

    /// Asks the master about every try that is under way.
    pub fn reconcile(&self, cx: &mut SchedulerCx<'_>) {
        let tasks: Vec<_> = self.tries().map(|id| (id, None)).collect();
        if !tasks.is_empty() {
            cx.call(Call::Reconcile { tasks });
        }
    }

    /// The tasks of all tries under way.
    pub fn tries(&self) -> impl Iterator<Item = TaskId> + '_ {
        let trying = (0..).zip(&self.pieces).filter(|(_, piece)| piece.stage == Stage::Trying);
        trying.map(|(n, piece)| task_id(n, piece.attempt))
    }

    /// Whether a piece waits to be tried.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether every piece is done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done == self.pieces.len()
    }
}

/// Collects from the back: the first piece is taken first.
trait RevFilter: Iterator {
    fn rev_filter<B>(self, keep: impl FnMut(Self::Item) -> Option<B>) -> Vec<B>;
}

impl<I: Iterator> RevFilter for I {
    fn rev_filter<B>(self, keep: impl FnMut(Self::Item) -> Option<B>) -> Vec<B> {
        let mut kept: Vec<B> = self.filter_map(keep).collect();
        kept.reverse();
        kept
    }
}

fn key(piece: u32) -> Arc<str> {
    joined([Part::Text(PIECE_PREFIX), Part::Number(piece.into())])
}

fn task_id(piece: u32, attempt: u32) -> TaskId {
    let text = joined([Part::Number(piece.into()), Part::Text("."), Part::Number(attempt.into())]);
    TaskId::new(text).expect("digits make an id")
}

fn parse(id: &TaskId) -> Option<(u32, u32)> {
    let (piece, attempt) = id.as_str().split_once('.')?;
    Some((piece.parse().ok()?, attempt.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos_core::kernel::{Cx, Rng};
    use mesos_core::provider::Action;
    use mesos_core::{Now, Source, WallTime};

    fn status(id: &TaskId, state: TaskState) -> TaskStatus {
        TaskStatus::new(id.clone(), state, Source::Executor, WallTime::default())
    }

    #[test]
    fn a_lost_try_is_followed_by_another_and_killed_when_it_turns_up() {
        let (mut rng, mut out, mut book) = (Rng::new(1), Vec::new(), Book::new(1));
        let mut cx = Cx::new(Now::default(), &mut rng, &mut out);
        let (_, first) = book.begin(&mut cx).unwrap();
        assert_eq!(book.observe(&mut cx, &status(&first, TaskState::Unreachable)), News::Retry);
        let (_, second) = book.begin(&mut cx).unwrap();
        assert_ne!(first, second);
        assert_eq!(book.observe(&mut cx, &status(&first, TaskState::Running)), News::Nothing);
        assert_eq!(book.observe(&mut cx, &status(&second, TaskState::Finished)), News::Done);
        assert!(book.is_done());
        assert!(
            out.iter().any(|action| matches!(action, Action::Call(Call::Kill { task_id, .. }) if *task_id == first))
        );
    }

    #[test]
    fn a_restarted_book_knows_what_is_done_and_what_was_tried() {
        let (mut rng, mut out, mut book) = (Rng::new(1), Vec::new(), Book::new(3));
        let mut cx = Cx::new(Now::default(), &mut rng, &mut out);
        let (_, first) = book.begin(&mut cx).unwrap();
        let (_, second) = book.begin(&mut cx).unwrap();
        book.observe(&mut cx, &status(&first, TaskState::Finished));
        let mut records = std::collections::BTreeMap::new();
        for action in out {
            if let Action::Save(mesos_core::kernel::Change::Put(record)) = action {
                records.insert(record.key.clone(), record);
            }
        }
        let mut again = Book::new(3);
        again.recovered(&records.into_values().collect::<Vec<_>>());
        assert_eq!(again.tries().collect::<Vec<_>>(), [second]);
        assert_eq!(again.peek(), Some(2));
        assert!(!again.is_done());
    }
}
