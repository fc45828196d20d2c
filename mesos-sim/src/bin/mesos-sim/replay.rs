//! `mesos-sim replay`: does again what a journal says, and compares.

use std::fmt::Debug;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Args;
use indicatif::ProgressBar;
use mesos_core::{Now, Rejection};
use mesos_exec::agent::Recipe as AgentRecipe;
use mesos_sched::allocator::{Options, Shadow, Tally, candidate_beside};
use mesos_sim::record::{Detail, Trace};
use mesos_sim::replay::{AgentReplay, Difference, Recorded, Replay, ReplayError};
use mesos_sim::{Failure, FailureKind, NodeId};

use crate::outcome::Outcome;
use crate::print::{print, print_json, print_line};
use crate::progress;

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
    /// Of a master: asks an allocator of this policy in every round too, and tells how often and where it would have granted
    /// otherwise. What was recorded is what is done again.
    #[arg(long, value_name = "POLICY", value_parser = parse_policy)]
    shadow: Option<String>,
    /// Prints what came out as JSON, and nothing else.
    #[arg(long, conflicts_with = "trace")]
    json: bool,
}

fn parse_policy(text: &str) -> Result<String, String> {
    Options::named(text).map(|_| text.to_owned()).map_err(|rejection| rejection.to_string())
}

/// A journal as it lies on the disk, and the bar that shows how far it is read.
fn open(path: &Path) -> Result<(impl Read + use<>, ProgressBar), String> {
    let bar = progress::bytes(path, 1);
    let journal = progress::read(path, &bar).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((journal, bar))
}

/// What a candidate did otherwise, as JSON.
fn shadow_json(policy: &str, tally: &Tally) -> serde_json::Value {
    let by_role = tally.by_role.iter().map(|(role, own)| {
        serde_json::json!({
            "role": role.as_str(), "grants_that_differ": own.grants_that_differ,
            "live_cpus": own.live_cpus_milli as f64 / 1e3, "candidate_cpus": own.candidate_cpus_milli as f64 / 1e3,
        })
    });
    let first = tally.first.iter().map(|comparison| {
        let differences = comparison.differences.iter().map(|own| {
            serde_json::json!({
                "agent": own.agent.as_str(), "framework": own.framework.as_str(), "role": own.role.as_str(),
                "live": own.live.to_string(), "candidate": own.candidate.to_string(),
            })
        });
        serde_json::json!({
            "round": comparison.round, "at_secs": comparison.at.as_nanos() as f64 / 1e9, "agreed": comparison.agreed,
            "differences": differences.collect::<Vec<_>>(),
        })
    });
    serde_json::json!({
        "policy": policy, "rounds": tally.rounds, "rounds_that_differ": tally.rounds_that_differ,
        "grants_agreed": tally.grants_agreed, "grants_that_differ": tally.grants_that_differ,
        "by_role": by_role.collect::<Vec<_>>(), "first": first.collect::<Vec<_>>(),
    })
}

impl ReplayCommand {
    pub(crate) fn run(&self) -> Outcome {
        let say = |error: ReplayError| format!("{}: {error}", self.file.display());
        let (journal, bar) = open(&self.file)?;
        let tally = Arc::new(Mutex::new(Tally::default()));
        let opened = Replay::open_with(journal, |recipe| {
            let live = recipe.allocator()?;
            let (Some(policy), Some(own)) = (&self.shadow, &recipe.allocator) else { return Ok(live) };
            let heard = tally.clone();
            let hear = move |comparison: &_| heard.lock().unwrap_or_else(PoisonError::into_inner).add(comparison);
            let shadow = Shadow::new(live, candidate_beside(own, policy)?, Box::new(hear))?;
            Ok::<_, Rejection>(Box::new(shadow))
        });
        let tally = self.shadow.as_ref().map(|_| &*tally);
        match opened {
            Err(ReplayError::Machine(kind, _)) if kind == AgentRecipe::MACHINE => {
                if self.shadow.is_some() {
                    return Err(format!("{}: an agent has no allocator to be shadowed", self.file.display()).into());
                }
                let (journal, bar) = open(&self.file)?;
                let replay = AgentReplay::open_agent(journal).map_err(say)?;
                self.replay(replay, &bar, None, |trace, now, input, effects| {
                    trace.agent(now, NodeId::Agent(0), input, effects);
                })
            }
            opened => self.replay(opened.map_err(say)?, &bar, tally, |trace, now, input, effects| {
                trace.master(now, NodeId::Master(0), input, effects);
            }),
        }
    }

    fn replay<R: Read, M: Recorded<Input: Clone, Effect: Debug>>(
        &self,
        mut replay: Replay<R, M>,
        bar: &ProgressBar,
        shadow: Option<&Mutex<Tally>>,
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
        let tally = shadow.map(|tally| tally.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let shadow = self.shadow.as_deref().zip(tally.as_ref());
        if self.json {
            let mut said = serde_json::json!({
                "counts": counts, "ending": ending, "software": replay.header().software, "real_secs": real,
                "first_difference": first.as_ref().map(|difference| difference.step),
            });
            if let Some((policy, tally)) = shadow {
                said["shadow"] = shadow_json(policy, tally);
            }
            print_json(&said);
        } else {
            #[allow(clippy::cast_precision_loss, reason = "rates for people")]
            let rate = counts.inputs as f64 / real;
            print_line(format_args!(
                "{} steps, {} inputs, {} effects in {real:.3} s: {rate:.0} inputs/s; the journal ended: {}",
                counts.steps,
                counts.inputs,
                counts.effects,
                ending.map_or_else(|| "not reached".to_owned(), |ending| format!("{ending:?}").to_lowercase()),
            ));
            if let Some((policy, tally)) = shadow {
                print(&format!("\nbeside it, {policy}: {tally}"));
            }
        }
        match first {
            // Whoever asks whether a journal replays is not told yes by one that says nothing.
            None if counts.steps == 0 => Err(say(&"it has no whole step, so nothing was compared").into()),
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
