//! Which run a command is about: a seed of the swarm, or a case from a file.

use std::path::PathBuf;

use clap::Args;
use mesos_sim::shrink::Case;
use mesos_sim::{Cluster, Origin};

/// A run, as people name it.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The seed: a number, written in decimal.
    seed: Option<u64>,
    /// The same.
    #[arg(long = "seed", id = "flag", value_name = "SEED", conflicts_with = "seed", hide = true)]
    flag: Option<u64>,
    /// Instead of a seed: a small run that `mesos-sim shrink --out` wrote.
    #[arg(long, conflicts_with_all = ["seed", "flag"], value_name = "FILE")]
    case: Option<PathBuf>,
    /// Plants this defect.
    #[cfg(feature = "mutants")]
    #[arg(long, value_parser = crate::seeds::parse_mutant)]
    mutant: Option<mesos_core::kernel::Mutant>,
}

impl Which {
    /// The case: a whole seed is one from which nothing was left out.
    pub(crate) fn case(&self) -> Result<Case, String> {
        let case = match &self.case {
            None => {
                let seed = self.seed.or(self.flag);
                let seed = seed.ok_or("say which run: a seed, such as 42, or --case and a file that shrink wrote")?;
                Case { seed, ..Case::default() }
            }
            Some(path) => {
                let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| say(&error))?;
                serde_json::from_str(&text).map_err(|error| say(&error))?
            }
        };
        #[cfg(feature = "mutants")]
        let case = match self.mutant {
            Some(mutant) => Case { mutant: Some(format!("{mutant:?}")), ..case },
            None => case,
        };
        Ok(case)
    }

    /// The cluster with its checks, and the seed to run it with.
    pub(crate) fn cluster(&self) -> Result<(Cluster, u64), String> {
        let case = self.case()?;
        let cluster = case.cluster()?;
        let cluster = match &self.case {
            // The file is the run; its seed is another one.
            Some(path) => cluster.coming_from(Origin::command(["run", "--case", &path.display().to_string()])),
            None => cluster,
        };
        Ok((cluster, case.seed))
    }
}
