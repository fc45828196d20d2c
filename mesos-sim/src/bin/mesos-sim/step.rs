//! `mesos-sim step`: time travel through a run or a journal.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use mesos_core::journal::JournalError;
use mesos_sim::replay::ReplayError;
use mesos_sim::travel::{HELP, JournalJourney, Journey, Travel};

use crate::case::Which;
use crate::outcome::Outcome;
use crate::print::{print, quiet_panics};
use crate::progress;

#[derive(Debug, Args)]
#[command(after_help = format!("Commands, typed or from standard input, one a line:\n{HELP}\nExamples:\n  printf 'g 12s\\nw f0/3.1\\nb 5\\n' | mesos-sim step 42\n  mesos-sim step --journal m0-1.journal"))]
pub(crate) struct StepCommand {
    #[command(flatten)]
    which: Which,
    /// Instead of a run: the journal of a master, live (`--journal`) or recorded (`mesos-sim record`). Agents and frameworks
    /// are counted in the order in which they came to it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "flag", "case"])]
    journal: Option<PathBuf>,
}

impl StepCommand {
    pub(crate) fn run(&self) -> Outcome {
        quiet_panics();
        if let Some(path) = &self.journal {
            let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let own = path.clone();
            let open = move || {
                // No bar: what is far is shown by the moments that pass.
                let file = std::fs::File::open(&own).map_err(JournalError::from)?;
                Ok::<_, ReplayError>(std::io::BufReader::with_capacity(1 << 20, file))
            };
            let journey = JournalJourney::new(Box::new(open)).map_err(|error| say(&error))?;
            return go(Travel::through(journey), &format!("{}, before the first step", path.display()));
        }
        let (cluster, seed) = self.which.cluster()?;
        go(Travel::new(cluster, seed), &format!("seed {seed}, before the first moment"))
    }
}

/// Obeys what is typed or piped in.
fn go<J: Journey>(travel: Travel<J>, greeting: &str) -> Outcome {
    let wheel = progress::wheel();
    let shown = wheel.clone();
    let mut travel = travel.shown(Box::new(move |moment, now| {
        shown.set_message(format!("moment {moment}, {}", progress::time(now)));
        shown.tick();
    }));
    let input = std::io::stdin();
    let is_typed = input.is_terminal();
    if is_typed {
        print(&format!("{greeting}; h lists the commands\n"));
    }
    let mut line = String::new();
    loop {
        if is_typed {
            print(&format!("#{}> ", travel.moment()));
        }
        line.clear();
        match input.lock().read_line(&mut line) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(format!("standard input: {error}").into()),
        }
        wheel.reset();
        let answer = travel.obey(&line);
        wheel.finish_and_clear();
        print(&answer.text);
        if answer.is_last {
            return Ok(());
        }
    }
}
