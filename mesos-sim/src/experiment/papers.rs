//! Papers reproduced: each an experiment of its own, with what its paper says and the bounds that hold here.

use std::path::PathBuf;

use super::{Experiment, ExperimentError};

/// An experiment that reproduces a figure or a table of a paper.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// Its name.
    pub name: &'static str,
    /// The experiment's file.
    pub text: &'static str,
}

impl Paper {
    /// Those whose names begin so, of [`LARGE`] only if they are wanted. A whole name means the one paper, of whatever size.
    #[must_use]
    pub fn all(only: Option<&str>, with_large: bool) -> Vec<&'static Self> {
        let mut everybody = PAPERS.iter().chain(LARGE);
        if let Some(named) = everybody.find(|paper| only == Some(paper.name)) {
            return vec![named];
        }
        let large = if with_large { LARGE } else { &[] };
        let is_wanted = |paper: &&'static Self| only.is_none_or(|only| paper.name.starts_with(only));
        PAPERS.iter().chain(large).filter(is_wanted).collect()
    }

    /// The experiment.
    ///
    /// # Errors
    /// Never for those of [`PAPERS`]; the tests read them all.
    pub fn experiment(&self) -> Result<Experiment, ExperimentError> {
        Experiment::parse(self.text.to_owned(), PathBuf::new(), format!("mesos-sim papers --only {}", self.name))
    }
}

macro_rules! papers {
    ($($name:literal),+ $(,)?) => {
        &[$(Paper { name: $name, text: include_str!(concat!("papers/", $name, ".toml")) }),+]
    };
}

/// Those of a few seconds each.
pub const PAPERS: &[Paper] = papers![
    "borg-heavy-tail",
    "choosy-constrained",
    "delay-io-heavy",
    "delay-mixed-load",
    "drf-d1-order",
    "drf-d10-properties",
    "drf-d11-whole-tasks",
    "drf-d12a-shares",
    "drf-d12b-shares",
    "drf-d12c-shares",
    "drf-d13-jobs",
    "drf-d14-sizes",
    "drf-d2-d3-rules",
    "drf-d4-sharing-incentive",
    "drf-d5-bottleneck",
    "drf-d6-resource-monotone",
    "drf-d7-lying",
    "drf-d8-population",
    "drf-d9-no-monotone",
    "hdrf-h1-churn",
    "hdrf-h1-rescaling",
    "hdrf-h2-blocked",
    "mesos-benchmark-add",
    "mesos-benchmark-backlog",
    "mesos-benchmark-decline",
    "mesos-benchmark-failover",
    "mesos-benchmark-labels",
    "mesos-benchmark-quota",
    "mesos-benchmark-suppress",
    "mesos-m1-lottery",
    "mesos-m1-placement",
    "mesos-m2-long-tasks",
    "mesos-m3-macro",
    "mesos-m4-overhead",
    "mesos-m5-locality",
    "mesos-m6-round-cost",
    "mesos-m6-scale",
    "mesos-m7-failover",
    "mesos-mixed-load",
    "mesos-rampup-elastic",
    "mesos-rampup-elastic-exponential",
    "mesos-rampup-rigid-constant",
    "mesos-rampup-rigid-exponential",
    "mesos-rampup-slots",
    "omega-c-sweep",
    "omega-conflicts",
    "omega-incremental",
    "omega-loaded",
    "omega-monolithic",
    "omega-multi-path",
    "omega-shared-state",
    "quincy-locality",
    "sparrow-sampling",
    "tetris-packing",
];

/// The same with the sizes of their papers, as far as those of [`PAPERS`] are smaller: minutes each.
pub const LARGE: &[Paper] = papers![
    "mesos-benchmark-add-large",
    "mesos-benchmark-backlog-large",
    "mesos-benchmark-decline-large",
    "mesos-benchmark-failover-large",
    "mesos-benchmark-labels-large",
    "mesos-benchmark-quota-large",
    "mesos-benchmark-suppress-large",
    "mesos-m6-round-cost-large",
    "mesos-m6-scale-large",
    "mesos-m7-failover-large",
    "omega-c-sweep-large",
    "omega-conflicts-large",
];
