//! `mesos-sim step`: time travel through a run.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use mesos_sim::travel::{HELP, Travel};

use crate::case::Which;
use crate::outcome::Outcome;
use crate::print::{print, quiet_panics};

#[derive(Debug, Args)]
#[command(after_help = format!("Commands, typed or from standard input, one a line:\n{HELP}\nExample:\n  printf 'g 12s\\nw f0/3.1\\nb 5\\n' | mesos-sim step 42"))]
pub(crate) struct StepCommand {
    #[command(flatten)]
    which: Which,
}

impl StepCommand {
    pub(crate) fn run(&self) -> Outcome {
        quiet_panics();
        let (cluster, seed) = self.which.cluster()?;
        let mut travel = Travel::new(cluster, seed);
        let input = std::io::stdin();
        let is_typed = input.is_terminal();
        if is_typed {
            print(&format!("seed {seed}, before the first moment; h lists the commands\n"));
        }
        let mut line = String::new();
        loop {
            if is_typed {
                print(&format!("#{}> ", travel.moment()));
                // A prompt that cannot be shown is no reason to end.
                let _ = std::io::stdout().flush();
            }
            line.clear();
            match input.lock().read_line(&mut line) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(format!("standard input: {error}").into()),
            }
            let answer = travel.obey(&line);
            print(&answer.text);
            if answer.is_last {
                return Ok(());
            }
        }
    }
}
