//! A workload: what is run once, and the phases it measures.

use std::fmt;
use std::time::Duration;

use crate::measure::{Readings, process_time};

/// Short runs are repeated until they took so much processor time together, set-up included, or were so many.
const SPENT_ENOUGH: Duration = Duration::from_millis(600);
const RUNS_MAX: usize = 40;

/// Something to run and measure. A figure is a workload's name and one of its phases: `alloc.x.1000x50` and `cycle` make
/// `alloc.x.1000x50.cycle`; a workload of one nameless phase is a figure itself.
pub struct Workload {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: &'static str,
    /// What it measures, with units.
    pub phases: &'static [(&'static str, &'static str)],
    runs: usize,
    run: Box<dyn Fn(&mut Readings)>,
}

impl Workload {
    /// A workload of several phases.
    pub fn new(
        name: impl Into<String>,
        about: &'static str,
        phases: &'static [(&'static str, &'static str)],
        run: impl Fn(&mut Readings) + 'static,
    ) -> Self {
        Self { name: name.into(), about, phases, runs: 3, run: Box::new(run) }
    }

    /// A workload that measures one thing; its value is the figure.
    pub fn single(
        name: impl Into<String>,
        phase: &'static [(&'static str, &'static str)],
        about: &'static str,
        measure: fn() -> f64,
    ) -> Self {
        Self::new(name, about, phase, move |readings| readings.note("", measure())).runs(5)
    }

    /// The same, but so many runs make a figure.
    #[must_use]
    pub fn runs(self, runs: usize) -> Self {
        Self { runs, ..self }
    }

    /// The figure of a phase.
    #[must_use]
    pub fn figure(&self, phase: &str) -> String {
        if phase.is_empty() { self.name.clone() } else { format!("{}.{phase}", self.name) }
    }

    /// The names of all its figures, with their units.
    pub fn figures(&self) -> impl Iterator<Item = (String, &'static str, &'static str)> {
        self.phases.iter().map(|(phase, unit)| (self.figure(phase), *phase, *unit))
    }

    /// Runs it once.
    pub fn run(&self, readings: &mut Readings) {
        (self.run)(readings);
    }

    /// Runs it once for nothing, so that the program's memory and the processor's caches are as in a process that has run for
    /// a while; then as often as it wants, and short ones oftener, for a median that a busy machine does not move.
    #[must_use]
    pub fn measure(&self) -> Readings {
        self.run(&mut Readings::default());
        let mut readings = Readings::default();
        let (mut runs, mut spent) = (0, Duration::ZERO);
        while runs < self.runs || runs < RUNS_MAX && spent < SPENT_ENOUGH {
            spent += process_time(|| self.run(&mut readings));
            runs += 1;
        }
        readings
    }

    /// Runs it once, from nothing.
    #[must_use]
    pub fn measure_once(&self) -> Readings {
        let mut readings = Readings::default();
        self.run(&mut readings);
        readings
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload").field("name", &self.name).finish_non_exhaustive()
    }
}
