//! `mesos-sim record`: journals of the masters of a run.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;
use mesos_sim::recording::{Life, Recording};
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, Simulation, secs};

use crate::outcome::Outcome;
use crate::print::print_line;
use crate::progress;
use crate::seeds::{agents, some};

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The seed of the run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the journals go, one file per process of a master: `m0-1.journal` and so on.
    #[arg(long, default_value = ".")]
    out: PathBuf,
    /// Instead of what the seed draws: a healthy cluster of so many agents of 8 cores, to get a journal of any size.
    #[arg(long, value_parser = agents())]
    agents: Option<usize>,
    /// With --agents: tasks of one core and 30 s each.
    #[arg(long, default_value_t = 10_000, requires = "agents", value_parser = some())]
    tasks: u32,
    /// With --agents: frameworks that share the tasks.
    #[arg(long, default_value_t = 1, requires = "agents", value_parser = some())]
    frameworks: u32,
}

impl Record {
    fn cluster(&self) -> Cluster {
        let Some(agents) = self.agents else { return Cluster::swarm(self.seed) };
        (0..self.frameworks).fold(Cluster::builder().agents(agents, "cpus:8;mem:16384"), |cluster, index| {
            // What does not divide evenly goes to the first ones.
            let each = self.tasks / self.frameworks + u32::from(index < self.tasks % self.frameworks);
            cluster.framework(&format!("batch-{index}"), move || Sleepers::new(each, secs(30)).boxed())
        })
    }

    pub(crate) fn run(&self) -> Outcome {
        std::fs::create_dir_all(&self.out).map_err(|error| format!("{}: {error}", self.out.display()))?;
        let written: Rc<RefCell<Vec<PathBuf>>> = Rc::default();
        let (folder, names) = (self.out.clone(), written.clone());
        let sinks = move |life: Life| -> Option<Box<dyn Write>> {
            let path = folder.join(format!("{}-{}.journal", life.0, life.1));
            match File::create(&path) {
                Ok(file) => {
                    names.borrow_mut().push(path);
                    Some(Box::new(BufWriter::new(file)))
                }
                Err(error) => {
                    eprintln!("{}: {error}; this one is left out", path.display());
                    None
                }
            }
        };
        let cluster = self.cluster();
        let mut run = cluster.simulate(self.seed).map_err(|invalid| invalid.to_string())?;
        run.record_into(Recording::new(Box::new(sinks)));
        let bar = match self.agents {
            Some(_) => progress::of_tasks(&mut run, u64::from(self.tasks)),
            None => progress::of_time(&mut run, cluster.conditions().faults.until),
        };
        let result = if self.agents.is_some() {
            run.guarded(|run| run.run_until_done(secs(30 * 24 * 3_600)))
        } else {
            run.guarded(Simulation::run)
        };
        bar.finish_and_clear();
        run.end_recording().map_err(|error| format!("a journal could not be written: {error}"))?;
        for path in written.borrow().iter() {
            print_line(format_args!("{}  {} bytes", path.display(), length(path)));
        }
        result?;
        Ok(())
    }
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
