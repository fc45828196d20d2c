//! No peer but the bound: the same work on a binary heap, with no simulator around it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::process::ExitCode;

use mesos_peers::cluster::{FirstFit, Outcome, Piece};
use mesos_peers::{Peer, Timer};

fn timers(processes: u64, each: u64) -> u64 {
    let mut rows: Vec<Timer> = (0..processes).map(|number| Timer::new(number, each)).collect();
    let mut heap: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::with_capacity(rows.len());
    for (index, row) in (0..).zip(&mut rows) {
        heap.extend(row.next().map(|delay| Reverse((delay, index))));
    }
    let mut sum = 0_u64;
    while let Some(Reverse((now, index))) = heap.pop() {
        sum = sum.wrapping_add(now);
        heap.extend(rows[index as usize].next().map(|delay| Reverse((now + delay, index))));
    }
    sum
}

/// Seconds that order like the numbers they are: none of them is negative.
fn key(seconds: f64) -> u64 {
    seconds.to_bits()
}

fn cluster(pieces: &[Piece]) -> Outcome {
    let mut hosts = FirstFit::new(pieces);
    let (mut ends, mut started) = (BinaryHeap::new(), Vec::new());
    let mut arrivals = pieces.iter().map(|piece| piece.arrives_at).enumerate().peekable();
    loop {
        let next_end = ends.peek().map(|&Reverse((at, piece)): &Reverse<(u64, usize)>| (f64::from_bits(at), piece));
        let now = match (arrivals.peek(), next_end) {
            (None, None) => return hosts.outcome(),
            (Some(&(piece, at)), end) if end.is_none_or(|(ends_at, _)| at <= ends_at) => {
                arrivals.next();
                hosts.arrive(at, piece, &mut started);
                at
            }
            (_, Some((at, piece))) => {
                ends.pop();
                hosts.end(at, piece, &mut started);
                at
            }
            (Some(_), None) => unreachable!("the arm before takes it"),
        };
        ends.extend(started.drain(..).map(|start| Reverse((key(now + start.runs_for), start.piece))));
    }
}

fn main() -> ExitCode {
    Peer { timers: Some(timers), messages: None, cluster: Some(cluster) }.run()
}
