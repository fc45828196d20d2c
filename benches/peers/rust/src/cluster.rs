//! `W3`: the tasks, and the one policy all programs follow.
//!
//! One queue, first in first out with head-of-line blocking; the first of 1,000 hosts with room takes the task; tried at every
//! arrival and every end. Nothing takes time but the tasks. Written without a simulator's types: a program calls
//! [`FirstFit::arrive`] and [`FirstFit::end`] when its simulator says so, and has the simulator wait for what they return.

use std::collections::VecDeque;

use crate::SplitMix;

const HOSTS: usize = 1_000;
const CORES: u32 = 16;
const GIB: u32 = 64;

/// A task; times in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// When it comes.
    pub arrives_at: f64,
    /// How long it runs.
    pub runs_for: f64,
    cores: u32,
    gib: u32,
}

/// So many tasks that run for so many seconds in the mean.
pub fn draw(tasks: usize, mean: f64) -> Vec<Piece> {
    let mut stream = SplitMix::new(42);
    let mut arrives_at = 0.0;
    let mut piece = || {
        arrives_at -= (1.0 - stream.unit()).ln() * 0.05;
        let cores = 1 + (stream.bits() % 4) as u32;
        let gib = 1 << (stream.bits() % 4);
        let runs_for = (-(1.0 - stream.unit()).ln() * mean).max(1.0);
        Piece { arrives_at, runs_for, cores, gib }
    };
    (0..tasks).map(|_| piece()).collect()
}

/// What came of it; times in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Tasks that ended.
    pub ended: usize,
    /// When the last one did.
    pub last: f64,
    /// How long they waited, all together.
    pub waited: f64,
    /// How many waited at the same time, at most.
    pub queue_max: usize,
}

/// A task that begins now.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Which.
    pub piece: usize,
    /// When it will end, in seconds from now.
    pub runs_for: f64,
}

/// The queue and the hosts.
#[derive(Debug, Clone, Default)]
pub struct FirstFit {
    pieces: Vec<Piece>,
    free: Vec<(u32, u32)>,
    on: Vec<usize>,
    queue: VecDeque<usize>,
    outcome: Outcome,
}

impl FirstFit {
    /// Empty hosts, for these tasks.
    pub fn new(pieces: &[Piece]) -> Self {
        Self {
            pieces: pieces.to_vec(),
            free: vec![(CORES, GIB); HOSTS],
            on: vec![0; pieces.len()],
            queue: VecDeque::new(),
            outcome: Outcome::default(),
        }
    }

    /// When this task comes; nothing after the last.
    pub fn arrives_at(&self, piece: usize) -> Option<f64> {
        self.pieces.get(piece).map(|piece| piece.arrives_at)
    }

    /// A task comes; what begins.
    pub fn arrive(&mut self, now: f64, piece: usize, started: &mut Vec<Start>) {
        self.queue.push_back(piece);
        self.place(now, started);
        self.outcome.queue_max = self.outcome.queue_max.max(self.queue.len());
    }

    /// A task ends; what begins.
    pub fn end(&mut self, now: f64, piece: usize, started: &mut Vec<Start>) {
        let Piece { cores, gib, .. } = self.pieces[piece];
        let free = &mut self.free[self.on[piece]];
        *free = (free.0 + cores, free.1 + gib);
        self.outcome.ended += 1;
        self.outcome.last = now;
        self.place(now, started);
    }

    fn place(&mut self, now: f64, started: &mut Vec<Start>) {
        while let Some(&piece) = self.queue.front() {
            let Piece { cores, gib, runs_for, arrives_at } = self.pieces[piece];
            let Some(host) = self.free.iter().position(|free| free.0 >= cores && free.1 >= gib) else { return };
            self.queue.pop_front();
            let free = &mut self.free[host];
            *free = (free.0 - cores, free.1 - gib);
            self.on[piece] = host;
            // A simulator that counts nanoseconds may be one early.
            self.outcome.waited += (now - arrives_at).max(0.0);
            started.push(Start { piece, runs_for });
        }
    }

    /// What came of it so far.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}
