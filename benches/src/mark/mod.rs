//! The marks that simulators are compared by: the same work that was measured of others, done here.
//!
//! | name | work |
//! |---|---|
//! | `W1` | timers alone: the agenda in the hold model, with N entries at all times |
//! | `W2` | messages: N pairs, each of which sends 64 bytes to and fro, one millisecond each way |
//! | `W2-idle` | nothing: agents that are asked every 15 seconds whether they are there |
//! | `W3` | a cluster: 1,000 hosts, 100,000 tasks, first in first out with head-of-line blocking, first fit |
//!
//! Every one of them draws from [`SplitMix`], so that the outcome is known to the last digit and can be compared with other
//! programs that do the same work.

pub mod cluster;
pub mod idle;
pub mod messages;
pub mod timers;

use std::time::Duration;

use mesos_sim::secs;

use self::cluster::{FITTING, HOSTS, QUEUEING, Surroundings, TASKS};
use crate::measure::process_time;
use crate::workload::Workload;

const PER_SECOND: &[(&str, &str)] = &[("", "1/s")];
const SECONDS: &[(&str, &str)] = &[("", "s")];

/// The figures of all marks.
pub fn workloads() -> Vec<Workload> {
    let firings = timers::KNOWN.map(|(processes, sum)| {
        rate(format!("W1.{processes}"), "timers fired by the agenda alone, holding so many", move || {
            let each = timers::FIRINGS / u64::from(processes);
            assert_eq!(timers::hold(processes, each), sum, "every timer fired when it should");
            timers::FIRINGS
        })
    });
    let messages = [1, 1_000].map(|pairs| {
        rate(
            format!("W2.{pairs}"),
            "messages through the simulated network and a master, between so many pairs",
            move || messages::exchange(&mut messages::pairs(pairs, 2_000_000)),
        )
    });
    let idle = Workload::new(
        "W2-idle.50000",
        "an hour of so many agents that are only asked whether they live",
        SECONDS,
        |readings| {
            readings.note("", process_time(|| drop(idle::idle(50_000, secs(3_600)))).as_secs_f64());
        },
    );
    let clusters = [(FITTING, "300"), (QUEUEING, "400")].map(|(mean_secs, name)| {
        rate(
            format!("W3.{name}"),
            "tasks of a first-in-first-out queue on 1,000 hosts, through the whole kernel",
            move || {
                let (outcome, _) = cluster::run(Surroundings::Usual, HOSTS, TASKS, mean_secs);
                outcome.ended as u64
            },
        )
    });
    firings.into_iter().chain(messages).chain([idle.runs(1)]).chain(clusters).collect()
}

/// So many things done per second of processor time, their preparation included.
fn rate(name: String, about: &'static str, work: impl Fn() -> u64 + 'static) -> Workload {
    let measured = move || {
        let mut count = 0;
        let spent = process_time(|| count = work());
        per_second(count, spent)
    };
    Workload::new(name, about, PER_SECOND, move |readings| readings.note("", measured())).runs(3)
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: u64, spent: Duration) -> f64 {
    count as f64 / spent.as_secs_f64()
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the generator all marks draw from, small enough to be written anew in
/// any language.
#[derive(Debug, Clone, Copy)]
pub struct SplitMix(u64);

impl SplitMix {
    /// The stream that starts at this state.
    #[must_use]
    pub const fn new(state: u64) -> Self {
        Self(state)
    }

    /// 64 uniform bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// Uniform in `[0, 1)`, with 53 bits.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub const fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
