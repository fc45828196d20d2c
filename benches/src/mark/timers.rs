//! W1: nothing but an agenda.
//!
//! N processes fire a timer of their own M times each; after every firing a process draws when it fires next, up to two
//! seconds later. The agenda holds N entries all the time (the hold model of Vaucher and Duval, CACM 1975), and the sum of all
//! firing times tells whether everything happened when it should.

use mesos_core::Instant;
use mesos_sim::agenda::Agenda;

use super::SplitMix;

/// Firings in one run, whatever the number of processes.
pub const FIRINGS: u64 = 5_000_000;

/// Numbers of processes that are measured, each with the sum of firing times that all correct programs agree on.
pub const KNOWN: [(u32, u64); 4] = [
    (1, 13_475_250_478_631_889_194),
    (1_000, 12_503_239_789_494_049_098),
    (100_000, 127_526_753_111_204_593),
    (1_000_000, 14_996_282_742_102_838),
];

/// A process: its own stream, and how often it will fire.
#[derive(Debug, Clone, Copy)]
struct Process {
    stream: SplitMix,
    left: u64,
}

impl Process {
    /// Until it fires next: at least a nanosecond, at most two seconds.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "two billion at most, and never negative"
    )]
    fn delay(&mut self) -> u64 {
        (2e9 * self.stream.unit()) as u64 + 1
    }
}

/// Lets `processes` fire `each` times; the wrapping sum of all times at which one fired, in nanoseconds.
#[must_use]
pub fn hold(processes: u32, each: u64) -> u64 {
    let mut rows: Vec<Process> =
        (0..u64::from(processes)).map(|n| Process { stream: SplitMix::new(n), left: each }).collect();
    let mut agenda = Agenda::default();
    for (index, row) in (0_u32..).zip(&mut rows) {
        agenda.put(Instant::from_nanos(row.delay()), index);
    }
    let mut sum = 0_u64;
    while let Some((at, index)) = agenda.take() {
        sum = sum.wrapping_add(at.as_nanos());
        let row = &mut rows[index as usize];
        row.left -= 1;
        if row.left > 0 {
            let next = at.as_nanos() + row.delay();
            agenda.put(Instant::from_nanos(next), index);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_fires_when_every_other_program_says_it_does() {
        for (processes, sum) in KNOWN.into_iter().filter(|(processes, _)| (1_000..=100_000).contains(processes)) {
            assert_eq!(hold(processes, FIRINGS / u64::from(processes)), sum, "{processes} processes");
        }
    }
}
