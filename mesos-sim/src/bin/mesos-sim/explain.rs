//! `mesos-sim explain`: the story of one task or one agent.

use std::path::{Path, PathBuf};

use clap::Args;
use mesos_core::{Instant, TaskId};
use mesos_sim::replay::{JournalStory, Replay};
use mesos_sim::story::{Line, Story, Subject, why};
use mesos_sim::{Cluster, FailureKind, Simulation, secs};

use crate::case::Which;
use crate::outcome::Outcome;
use crate::print::{print, print_line, quiet_panics};
use crate::progress;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mesos-sim explain 42 --task f0/3.1      the story of task 3.1 of the first framework
  mesos-sim explain 42 --agent a2         the story of the third agent
  mesos-sim explain 42 --tasks            which tasks there were, to choose one
  mesos-sim explain --journal m0-1.journal --task 3.1     the same, by what a live master was told")]
pub(crate) struct Explain {
    #[command(flatten)]
    which: Which,
    /// Instead of a run: the journal of a master, live (`--journal`) or recorded (`mesos-sim record`). Agents and frameworks
    /// are counted in the order in which they came to it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "flag", "case"])]
    journal: Option<PathBuf>,
    /// The task, as 3.1, or f0/3.1 where several frameworks have one of this name.
    #[arg(long, group = "subject")]
    task: Option<String>,
    /// The agent, as a2 or 2.
    #[arg(long, group = "subject")]
    agent: Option<String>,
    /// Lists the tasks that were launched in the run.
    #[arg(long, group = "subject")]
    tasks: bool,
    /// Prints one JSON object per sentence or task, and nothing else.
    #[arg(long)]
    json: bool,
    /// Stops at this time of the run, in seconds, and says where the task stands then.
    #[arg(long, value_name = "SECONDS")]
    at: Option<u64>,
}

impl Explain {
    fn subject(&self) -> Result<Subject, String> {
        if let Some(agent) = &self.agent {
            let index = agent.strip_prefix('a').unwrap_or(agent);
            return index
                .parse()
                .map(Subject::Agent)
                .map_err(|_| format!("{agent:?} is no agent; write a2, for example"));
        }
        let Some(text) = &self.task else {
            return Err("say which: --task 3.1, --agent a2, or --tasks to see what there is".to_owned());
        };
        let (framework, task) = match text.split_once('/') {
            None => (None, text.as_str()),
            Some((framework, task)) => {
                let index = framework.strip_prefix('f').unwrap_or(framework).parse();
                let index =
                    index.map_err(|_| format!("{framework:?} is no framework; write f0/{task}, for example"))?;
                (Some(index), task)
            }
        };
        let task = TaskId::new(task).map_err(|error| error.to_string())?;
        Ok(Subject::Task { framework, task })
    }

    fn say(&self, line: &Line) {
        if self.json {
            let (at, node) = (line.at.as_nanos() as f64 / 1e9, line.node.to_string());
            print(&format!("{}\n", serde_json::json!({ "at_secs": at, "node": node, "text": line.text })));
        } else {
            print(&format!("{line}\n"));
        }
    }

    /// The story by the journal of a master: what it was told, and what it answered.
    fn of_journal(&self, path: &Path) -> Outcome {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let subject = if self.tasks { Subject::Launches } else { self.subject()? };
        let until = self.at.map(|at| Instant::ZERO + secs(at));
        let bar = progress::bytes(path, 1);
        let journal = progress::read(path, &bar).map_err(|error| wrong(&error))?;
        let mut replay = Replay::open(journal).map_err(|error| wrong(&error))?;
        let (mut story, mut told) = (JournalStory::about(subject.clone()), 0_u64);
        while let Some(step) = replay.next_step().map_err(|error| wrong(&error))? {
            if until.is_some_and(|until| step.now.mono > until) {
                break;
            }
            let (at, input) = (step.now.mono, step.input.clone());
            if let Some(difference) = replay.fold(step) {
                let step = difference.step;
                return Err(format!(
                    "{}: step {step} goes another way in this version than in the one that recorded it; replay tells more",
                    path.display()
                )
                .into());
            }
            for line in story.step(at, input.as_ref(), replay.effects()) {
                told += 1;
                bar.suspend(|| self.say(&line));
            }
        }
        bar.finish_and_clear();
        if told == 0 {
            return self.nothing("journal");
        }
        Ok(())
    }

    /// What was asked for did not come up. Until some moment that may be so, of the whole it is a mistake.
    fn nothing(&self, of: &str) -> Outcome {
        if self.at.is_none() && !self.tasks {
            return Err(format!("nothing happened to it in this {of}; --tasks lists what there was").into());
        }
        if !self.json {
            let until = self.at.map_or_else(|| format!("in this {of}"), |at| format!("until {at} s"));
            print_line(format_args!(
                "{} {until}",
                if self.tasks { "no task was launched" } else { "nothing happened to it" }
            ));
        }
        Ok(())
    }

    /// Whether a run has what is asked for.
    fn is_there(subject: &Subject, cluster: &Cluster) -> Result<(), String> {
        let (what, letter, index, count) = match subject {
            Subject::Agent(index) => ("agent", 'a', *index, cluster.spec().agents.len()),
            Subject::Task { framework: Some(index), .. } => ("framework", 'f', *index, cluster.spec().frameworks.len()),
            _ => return Ok(()),
        };
        if (index as usize) < count {
            return Ok(());
        }
        let last = count.checked_sub(1).map_or_else(String::new, |last| format!(": {letter}0 to {letter}{last}"));
        Err(format!("there is no {what} {letter}{index} in this run; it has {count}{last}"))
    }

    pub(crate) fn run(&self) -> Outcome {
        quiet_panics();
        if let Some(journal) = &self.journal {
            return self.of_journal(journal);
        }
        let (cluster, seed) = self.which.cluster()?;
        let subject = if self.tasks { Subject::Launches } else { self.subject()? };
        Self::is_there(&subject, &cluster)?;
        let mut run = cluster.simulate(seed).map_err(|invalid| invalid.to_string())?;
        if self.tasks {
            let (story, lines) = Story::of_launches();
            run.watch(Box::new(story));
            let bar = progress::of_time(&mut run, cluster.conditions().faults.until);
            let _ = run.guarded(Simulation::run);
            bar.finish_and_clear();
            let told = lines.take();
            told.iter().for_each(|line| self.say(line));
            return if told.is_empty() { self.nothing("run") } else { Ok(()) };
        }
        let (story, lines) = Story::about(subject.clone());
        run.watch(Box::new(story));
        let bar = progress::of_time(&mut run, cluster.conditions().faults.until);
        let result = match self.at {
            Some(at) => run.guarded(|run| run.run_until(secs(at))),
            None => run.guarded(Simulation::run).map(drop),
        };
        bar.finish_and_clear();
        let told = lines.take();
        told.iter().for_each(|line| self.say(line));
        if told.is_empty() {
            self.nothing("run")?;
        }
        if let (Subject::Task { framework, task }, false) = (&subject, self.json) {
            let when = if self.at.is_some() && result.is_ok() { "Then" } else { "At the end of the run" };
            print(&format!("\n{when}, at {}:\n{}", run.world().now().mono, why(run.world(), *framework, task)));
        }
        match result {
            // Whoever asks for the story of a failing run knows that it fails.
            Err(failure) if failure.kind != FailureKind::NotDeterministic => {
                if self.json {
                    print_line(serde_json::json!({ "failed": failure }));
                } else {
                    print(&format!("\nThe run failed:\n{failure}\n"));
                }
                Ok(())
            }
            result => Ok(result?),
        }
    }
}
