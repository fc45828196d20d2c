//! `mesos-sim replay`: does again what a journal says, and compares.

use std::fmt::Debug;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mesos_core::Now;
use mesos_exec::agent::Recipe as AgentRecipe;
use mesos_sim::record::{Detail, Trace};
use mesos_sim::replay::{AgentReplay, Difference, Recorded, Replay, ReplayError};
use mesos_sim::{Failure, FailureKind, NodeId};

use crate::outcome::Outcome;
use crate::print::print;

#[derive(Debug, Args)]
pub(crate) struct ReplayCommand {
    /// The journal: of a live master or agent (`--journal`), or of a simulated master (`mesos-sim record`).
    file: PathBuf,
    /// Prints one line per step.
    #[arg(long)]
    trace: bool,
    /// With --trace: prints every field of every message.
    #[arg(long, requires = "trace")]
    full: bool,
    /// Goes on after the first step that differs, and counts them.
    #[arg(long)]
    all: bool,
    /// Prints what came out as JSON.
    #[arg(long)]
    json: bool,
}

/// A journal as it lies on the disk, and the bar that shows how far it is read.
fn open(path: &Path) -> Result<(impl Read + use<>, ProgressBar), String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let bar = ProgressBar::new(file.metadata().map_or(0, |file| file.len()));
    let style = "{elapsed_precise} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}";
    bar.set_style(ProgressStyle::with_template(style).expect("a constant template"));
    Ok((bar.wrap_read(BufReader::with_capacity(1 << 20, file)), bar))
}

impl ReplayCommand {
    pub(crate) fn run(&self) -> Outcome {
        let say = |error: ReplayError| format!("{}: {error}", self.file.display());
        let (journal, bar) = open(&self.file)?;
        match Replay::open(journal) {
            Err(ReplayError::Machine(kind, _)) if kind == AgentRecipe::MACHINE => {
                let (journal, bar) = open(&self.file)?;
                let replay = AgentReplay::open_agent(journal).map_err(say)?;
                self.replay(replay, &bar, |trace, now, input, effects| {
                    trace.agent(now, NodeId::Agent(0), input, effects);
                })
            }
            opened => self.replay(opened.map_err(say)?, &bar, |trace, now, input, effects| {
                trace.master(now, NodeId::Master(0), input, effects);
            }),
        }
    }

    fn replay<R: Read, M: Recorded<Input: Clone, Effect: Debug>>(
        &self,
        mut replay: Replay<R, M>,
        bar: &ProgressBar,
        show: impl Fn(&mut Trace, Now, Option<&M::Input>, &[M::Effect]),
    ) -> Outcome {
        let say = |error: &dyn std::fmt::Display| format!("{}: {error}", self.file.display());
        let detail = if self.full { Detail::Full } else { Detail::Brief };
        let mut trace = Trace::text(detail);
        let started = Instant::now();
        let mut first: Option<Difference> = None;
        while let Some(step) = replay.next_step().map_err(|error| say(&error))? {
            let shown = self.trace.then(|| (step.now, step.input.clone()));
            let difference = replay.fold(step);
            if let Some((now, input)) = shown {
                show(&mut trace, now, input.as_ref(), replay.effects());
                print(&trace.drain());
            }
            if difference.is_some() && first.is_none() {
                first = difference;
                if !self.all {
                    break;
                }
            }
        }
        bar.finish_and_clear();
        let (counts, real) = (replay.counts(), started.elapsed().as_secs_f64());
        let ending = replay.ending();
        if self.json {
            let said = serde_json::json!({
                "counts": counts, "ending": ending, "software": replay.header().software, "real_secs": real,
                "first_difference": first.as_ref().map(|difference| difference.step),
            });
            println!("{}", serde_json::to_string_pretty(&said).expect("plain data"));
        } else {
            #[allow(clippy::cast_precision_loss, reason = "rates for people")]
            let rate = counts.inputs as f64 / real;
            println!(
                "{} steps, {} inputs, {} effects in {real:.3} s: {rate:.0} inputs/s; the journal ended: {}",
                counts.steps,
                counts.inputs,
                counts.effects,
                ending.map_or_else(|| "not reached".to_owned(), |ending| format!("{ending:?}").to_lowercase()),
            );
        }
        match first {
            None => Ok(()),
            Some(difference) => Err(differs(&difference, &replay, counts.different).into()),
        }
    }
}

fn differs<R: Read, M: Recorded<Effect: Debug>>(difference: &Difference, replay: &Replay<R, M>, count: u64) -> Failure {
    let Difference { step, at, effect, recorded, replayed } = difference;
    let now = replay.effects().get(*effect).map_or_else(|| "nothing".to_owned(), |effect| format!("{effect:?}"));
    let message = format!(
        "step {step} had {recorded} effects when it was recorded and has {replayed} now; the first that differs is number \
         {}, now {now}; {count} steps differ of those replayed (recorded by version {})",
        effect + 1,
        replay.header().software,
    );
    let (kind, property) = (FailureKind::NotDeterministic, "replay".to_owned());
    Failure { kind, property, seed: 0, at: *at, message, mutant: None, origin: crate::outcome::invocation() }
}
