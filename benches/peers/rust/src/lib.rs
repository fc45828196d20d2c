//! What the programs of the peers share: the marks as they are defined, their arguments, and the line they answer with.
//!
//! A program is started as `PROGRAM MARK SIZE COUNT` and prints one line of `key=value`, processor seconds among them; whether
//! the outcome is right is for `benches/peers/run` to say. The marks are those of `mesos_benches::mark`, written anew here: a
//! peer must not run on the code it is compared with.

pub mod cluster;

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use mimalloc::MiMalloc;
use nix::time::ClockId;

use self::cluster::{Outcome, Piece};

#[global_allocator]
static HEAP: MiMalloc = MiMalloc;

/// One way of a message of `W2`.
pub const LATENCY: Duration = Duration::from_millis(1);
/// What a client of `W2` sends.
pub const BODY: [u8; 64] = [7; 64];

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "nexosim", derive(serde::Serialize, serde::Deserialize))]
pub struct SplitMix(u64);

impl SplitMix {
    /// The stream that starts at this state.
    pub const fn new(state: u64) -> Self {
        Self(state)
    }

    /// 64 uniform bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// Uniform in `[0, 1)`, with 53 bits.
    pub const fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A process of `W1`: its stream, and how often it will fire.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "nexosim", derive(serde::Serialize, serde::Deserialize))]
pub struct Timer {
    stream: SplitMix,
    left: u64,
}

impl Timer {
    /// The process with this number, which fires so often.
    pub const fn new(number: u64, left: u64) -> Self {
        Self { stream: SplitMix::new(number), left }
    }

    /// Nanoseconds until it fires next: from one to two billion; nothing if it fired as often as it should.
    pub const fn next(&mut self) -> Option<u64> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some((2e9 * self.stream.unit()) as u64 + 1)
    }
}

/// What came of `W2`.
#[derive(Debug, Clone, Copy)]
pub struct Exchanged {
    /// Messages that were delivered with what was sent in them.
    pub delivered: u64,
    /// When the last one was, from the first one's sending; nothing if the peer adds to the latency it is asked for.
    pub lasted: Option<Duration>,
}

/// A peer, by the marks it can do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peer {
    /// So many processes fire so many times each; the wrapping sum of the nanoseconds at which one fired.
    pub timers: Option<fn(u64, u64) -> u64>,
    /// So many pairs exchange so many messages each, there and back.
    pub messages: Option<fn(u64, u64) -> Exchanged>,
    /// A cluster runs these tasks.
    pub cluster: Option<fn(&[Piece]) -> Outcome>,
}

impl Peer {
    /// Does what the program's arguments say.
    pub fn run(self) -> ExitCode {
        match self.answer(std::env::args().skip(1).collect()) {
            Ok(line) => {
                println!("{line}");
                ExitCode::SUCCESS
            }
            Err(problem) => {
                eprintln!(
                    "{problem}\n\nusage: PROGRAM W1 PROCESSES FIRINGS | W2 PAIRS MESSAGES | W3 MEAN_SECONDS TASKS"
                );
                ExitCode::from(2)
            }
        }
    }

    fn answer(self, arguments: Vec<String>) -> Result<String, String> {
        let [mark, size, count] = <[String; 3]>::try_from(arguments).map_err(|all| format!("{all:?} are not three"))?;
        let number = |text: &str| text.parse::<u64>().map_err(|problem| format!("{text}: {problem}"));
        let (size, count) = (number(&size)?, number(&count)?);
        if size == 0 || count == 0 {
            return Err("nothing is not a size".into());
        }
        let missing = || format!("this peer cannot do {mark}");
        let mut line = String::new();
        let before = processor_time();
        match mark.as_str() {
            "W1" => {
                let each = (count / size).max(1);
                let sum = self.timers.ok_or_else(missing)?(size, each);
                let _ = write!(line, "count={} sum={sum}", size * each);
            }
            "W2" => {
                let round_trips = (count / (2 * size)).max(1);
                let Exchanged { delivered, lasted } = self.messages.ok_or_else(missing)?(size, round_trips);
                let _ = write!(line, "count={delivered}");
                if let Some(lasted) = lasted {
                    let _ = write!(line, " nanos={}", lasted.as_nanos());
                }
            }
            "W3" => {
                let pieces = cluster::draw(count as usize, size as f64);
                let Outcome { ended, last, waited, queue_max } = self.cluster.ok_or_else(missing)?(&pieces);
                let mean = waited / ended as f64;
                let _ = write!(line, "count={ended} last={last:.3} wait={mean:.6} queue={queue_max}");
            }
            _ => return Err(format!("there is no mark {mark}")),
        }
        let spent = processor_time() - before;
        let _ = write!(line, " seconds={:.6}", spent.as_secs_f64());
        Ok(line)
    }
}

/// Of this process, in all its threads.
fn processor_time() -> Duration {
    let time = nix::time::clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    Duration::from(time.expect("every Linux has this clock"))
}
