//! Draws workloads from distributions: when jobs come, how large they are, how long they run.
//!
//! Every quantity of a job has a stream of random numbers of its own, split from the seed: two quantities never share
//! draws, so that sizes and times are independent unless [`Generator::correlation`] says otherwise.

use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::resource::InvalidScalar;
use mesos_core::{Resources, Scalar};

use super::draw::{Draw, InvalidDraw};
use super::job::{Job, Runs};

/// The period of [`Arrivals::Diurnal`].
const DAY_SECS: f64 = 86_400.0;
const TURN: f64 = std::f64::consts::TAU;
/// Some ten years, in seconds: nothing runs longer.
const RUN_MAX_SECS: f64 = 3.2e8;

/// A hundred years: none is submitted later.
const SUBMIT_MAX: Duration = Duration::from_secs(36_525 * 86_400);

/// Jobs that are drawn, at most: they are all kept in memory. What would draw more is an error.
pub const JOBS_MAX: usize = 10_000_000;
/// Tasks of one job, at most, as in traces.
pub const TASKS_PER_JOB_MAX: u32 = 1_000_000;
/// Tasks of all jobs of a workload, at most: something is kept of each.
pub const TASKS_MAX: u64 = 100_000_000;

/// Why work cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{quantity}: {problem}")]
pub struct InvalidWork {
    /// What of it, as a file of an experiment calls it.
    pub quantity: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl InvalidWork {
    fn new(quantity: &'static str, problem: impl Into<String>) -> Self {
        Self { quantity, problem: problem.into() }
    }
}

/// When jobs come.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// All at the beginning.
    AtOnce,
    /// The next after a drawn time.
    Gaps(Draw),
    /// A Poisson process whose rate swings over the day, by thinning (Lewis and Shedler, 1979).
    Diurnal {
        /// The mean time between two, over the whole day, in seconds; positive.
        mean_gap: f64,
        /// The largest rate as a multiple of the smallest, from 1 up.
        swing: f64,
        /// The hour of the largest rate, from 0 to 24.
        peak_hour: f64,
    },
    /// Bursts: so many at once, then a drawn time.
    Bursts {
        /// How many at once.
        size: Draw,
        /// Time between bursts, in seconds.
        gap: Draw,
    },
}

impl Arrivals {
    fn validate(&self) -> Result<(), InvalidWork> {
        let wrong = |problem: String| Err(InvalidWork::new("arrivals", problem));
        let drawn = |draw: &Draw| draw.validate().map_err(|error| InvalidWork::new("arrivals", error.to_string()));
        match self {
            Self::AtOnce => Ok(()),
            Self::Gaps(gap) => drawn(gap),
            Self::Diurnal { mean_gap, .. } if !(mean_gap.is_finite() && *mean_gap > 0.0) => {
                wrong(format!("a mean gap of {mean_gap} s is none; it must be positive"))
            }
            Self::Diurnal { swing, .. } if !(swing.is_finite() && *swing >= 1.0) => {
                wrong(format!("a swing of {swing} is none: it is the largest rate over the smallest, from 1 up"))
            }
            Self::Diurnal { peak_hour, .. } if !(0.0..=24.0).contains(peak_hour) => {
                wrong(format!("{peak_hour} is no hour of the day, from 0 to 24"))
            }
            Self::Diurnal { .. } => Ok(()),
            Self::Bursts { size, gap } => {
                drawn(gap)?;
                drawn(size)?;
                counted("arrivals", size)
            }
        }
    }
}

/// What a queue is given to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// When jobs come.
    pub arrivals: Arrivals,
    /// At most so many; more than [`JOBS_MAX`] must not come before `until`.
    pub jobs: u32,
    /// None after this time.
    pub until: Duration,
    /// Tasks per job, rounded to at least one; not more than [`TASKS_PER_JOB_MAX`].
    pub tasks: Draw,
    /// Seconds a task runs. What is drawn below a millisecond or above ten years counts as one of these.
    pub run: Draw,
    /// Whether every task of a job draws its own time.
    pub is_run_per_task: bool,
    /// Cores per task. Of this and the amounts below, what is drawn between 0 and a thousandth counts as one.
    pub cpus: Draw,
    /// Megabytes per task.
    pub mem: Draw,
    /// Megabytes of disk per task.
    pub disk: Draw,
    /// GPUs per task.
    pub gpus: Draw,
    /// How much larger jobs run longer: 0 not at all, 1 as far as their places in the order allow.
    pub correlation: f64,
    /// What everything else of its jobs is like.
    pub like: Job,
    /// The deadline is so many run times after submission, if there is one.
    pub slack: Option<Draw>,
    /// The estimate is so many times the run time, if there is one.
    pub overestimate: Option<Draw>,
}

impl Generator {
    /// So many jobs of one task each, one core and 512 MB, at once; everything else as in `like`.
    #[must_use]
    pub fn new(jobs: u32, run: Draw) -> Self {
        Self {
            arrivals: Arrivals::AtOnce,
            jobs,
            until: Duration::MAX,
            tasks: Draw::Constant(1.0),
            run,
            is_run_per_task: false,
            cpus: Draw::Constant(1.0),
            mem: Draw::Constant(512.0),
            disk: Draw::Constant(0.0),
            gpus: Draw::Constant(0.0),
            correlation: 0.0,
            like: Job::new(Duration::ZERO, 1, Resources::new(), Runs::Forever),
            slack: None,
            overestimate: None,
        }
    }

    /// Whether all of it can be drawn from, as far as that can be told without drawing.
    ///
    /// # Errors
    /// [`InvalidWork`] says which quantity cannot be, and why.
    pub fn validate(&self) -> Result<(), InvalidWork> {
        self.arrivals.validate()?;
        let is_bounded = self.until < Duration::MAX && self.arrivals != Arrivals::AtOnce;
        if self.jobs as usize > JOBS_MAX && !is_bounded {
            return Err(too_many_jobs());
        }
        let named = [
            ("tasks", Some(&self.tasks)),
            ("run", Some(&self.run)),
            ("cpus", Some(&self.cpus)),
            ("mem", Some(&self.mem)),
            ("disk", Some(&self.disk)),
            ("gpus", Some(&self.gpus)),
            ("slack", self.slack.as_ref()),
            ("overestimate", self.overestimate.as_ref()),
        ];
        for (name, draw) in named.into_iter().filter_map(|(name, draw)| Some((name, draw?))) {
            draw.validate().map_err(|error: InvalidDraw| InvalidWork::new(name, error.to_string()))?;
        }
        counted("tasks", &self.tasks)?;
        if let Some(long) = self.run.sizes().into_iter().find(|size| *size > RUN_MAX_SECS) {
            let problem = format!("{long:e} s is too long; at most {RUN_MAX_SECS:e} is accepted");
            return Err(InvalidWork::new("run", problem));
        }
        for (name, draw) in self.amounts() {
            let wrong = |error: InvalidScalar| InvalidWork::new(name, error.to_string());
            draw.sizes().into_iter().try_for_each(|size| Scalar::from_f64(size).map(drop).map_err(wrong))?;
        }
        if !(0.0..=1.0).contains(&self.correlation) {
            return Err(InvalidWork::new("correlation", format!("{} is not between 0 and 1", self.correlation)));
        }
        Ok(())
    }

    const fn amounts(&self) -> [(&'static str, &Draw); 4] {
        [("cpus", &self.cpus), ("mem", &self.mem), ("disk", &self.disk), ("gpus", &self.gpus)]
    }

    /// Draws the jobs, in order of submission.
    ///
    /// # Errors
    /// As [`validate`](Self::validate); also when something drawn is too large to be, or too much is drawn.
    pub fn draw(&self, rng: &mut Rng) -> Result<Vec<Job>, InvalidWork> {
        self.validate()?;
        let mut streams = Streams::new(rng);
        let mut at = 0.0;
        let mut burst_left = 0_u32;
        let (mut jobs, mut tasks) = (Vec::new(), 0_u64);
        while jobs.len() < self.jobs as usize {
            match &self.arrivals {
                Arrivals::AtOnce => {}
                Arrivals::Gaps(gap) => at += gap.sample(&mut streams.arrival),
                Arrivals::Diurnal { mean_gap, swing, peak_hour } => {
                    at = next_diurnal(at, *mean_gap, *swing, *peak_hour, &mut streams.arrival);
                }
                Arrivals::Bursts { size, gap } => {
                    if burst_left == 0 {
                        at += gap.sample(&mut streams.arrival);
                        burst_left = whole(size.sample(&mut streams.arrival)).unwrap_or(TASKS_PER_JOB_MAX);
                    }
                    burst_left -= 1;
                }
            }
            let Ok(submit_at) = Duration::try_from_secs_f64(at) else { break };
            if submit_at > self.until.min(SUBMIT_MAX) {
                break;
            }
            if jobs.len() == JOBS_MAX {
                return Err(too_many_jobs());
            }
            let job = self.job(submit_at, &mut streams)?;
            tasks += u64::from(job.tasks);
            if tasks > TASKS_MAX {
                return Err(InvalidWork::new("tasks", format!("the jobs have more than {TASKS_MAX} together")));
            }
            jobs.push(job);
        }
        Ok(jobs)
    }

    fn job(&self, submit_at: Duration, streams: &mut Streams) -> Result<Job, InvalidWork> {
        let size_unit = streams.tasks.unit();
        let drawn = self.tasks.quantile(size_unit, &mut streams.tasks);
        let tasks = whole(drawn).ok_or_else(|| too_many("tasks", drawn))?;
        let run_unit = match self.correlation > 0.0 && streams.mix.unit() < self.correlation {
            true => size_unit,
            false => streams.run.unit(),
        };
        let first = self.run.quantile(run_unit, &mut streams.run);
        let runs = match self.is_run_per_task && tasks > 1 {
            true => {
                let rest = (1..tasks).map(|_| self.run.sample(&mut streams.run));
                Runs::Each(std::iter::once(first).chain(rest).map(span).collect())
            }
            false => Runs::Equal(span(first)),
        };
        let mut need = [Scalar::ZERO; 4];
        for (need, (name, draw)) in need.iter_mut().zip(self.amounts()) {
            *need = amount(name, draw.sample(&mut streams.need))?;
        }
        let mut job = Job { submit_at, tasks, need: Resources::from_plain(need), runs, ..self.like.clone() };
        if let Some(slack) = &self.slack {
            job.deadline = Some(submit_at.saturating_add(span(first * slack.sample(&mut streams.mix))));
        }
        if let Some(over) = &self.overestimate {
            job.estimate = Some(span(first * over.sample(&mut streams.mix).max(1.0)));
        }
        Ok(job)
    }
}

/// One stream per quantity.
struct Streams {
    arrival: Rng,
    tasks: Rng,
    run: Rng,
    need: Rng,
    mix: Rng,
}

impl Streams {
    fn new(rng: &mut Rng) -> Self {
        Self { arrival: rng.split(), tasks: rng.split(), run: rng.split(), need: rng.split(), mix: rng.split() }
    }
}

fn next_diurnal(mut at: f64, mean_gap: f64, swing: f64, peak_hour: f64, rng: &mut Rng) -> f64 {
    // The rate is 1 + a cos(..), with (1 + a) / (1 - a) = swing.
    let amplitude = (swing - 1.0) / (swing + 1.0);
    loop {
        at += -libm::log(1.0 - rng.unit()) * mean_gap / (1.0 + amplitude);
        let phase = TURN * (at - peak_hour * 3_600.0) / DAY_SECS;
        // After all of time no hour is left to accept.
        if !phase.is_finite() || rng.unit() * (1.0 + amplitude) <= 1.0 + amplitude * libm::cos(phase) {
            return at;
        }
    }
}

fn too_many_jobs() -> InvalidWork {
    InvalidWork::new("jobs", format!("more than {JOBS_MAX} come, which are too many"))
}

fn too_many(quantity: &'static str, count: f64) -> InvalidWork {
    InvalidWork::new(quantity, format!("{count:e} is too many; at most {TASKS_PER_JOB_MAX} are accepted"))
}

/// A distribution of counts: what it is said by rounds to at least one, and is not too large.
fn counted(quantity: &'static str, draw: &Draw) -> Result<(), InvalidWork> {
    for size in draw.sizes() {
        if size.round() < 1.0 {
            return Err(InvalidWork::new(quantity, format!("{draw}: {size} is none at all; write 1 or more")));
        }
        whole(size).ok_or_else(|| too_many(quantity, size))?;
    }
    Ok(())
}

/// At least one; nothing for more than can be.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two small numbers")]
fn whole(count: f64) -> Option<u32> {
    let count = count.round().max(1.0);
    (count <= f64::from(TASKS_PER_JOB_MAX)).then_some(count as u32)
}

/// At least a millisecond, at most ten years: the tail of a distribution ends there.
fn span(secs: f64) -> Duration {
    Duration::from_secs_f64(secs.clamp(0.001, RUN_MAX_SECS))
}

/// What is more than nothing is at least a thousandth.
fn amount(quantity: &'static str, value: f64) -> Result<Scalar, InvalidWork> {
    match Scalar::from_f64(value) {
        Ok(amount) => Ok(amount),
        Err(InvalidScalar::Vanishing(_)) => Ok(Scalar::from_milli(1)),
        Err(error) => Err(InvalidWork::new(quantity, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A machine that draws otherwise runs other workloads from the same seed: nothing in here may depend on where it runs.
    #[test]
    fn draws_are_the_same_bits_on_every_machine() {
        let mut rng = Rng::new(2011);
        let mut fold = 0xcbf2_9ce4_8422_2325_u64;
        let mut note = |value: f64| fold = (fold ^ value.to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
        for draw in [
            Draw::Exponential(3.0),
            Draw::Normal(30.0, 3.0),
            Draw::LogNormal(1.0, 0.5),
            Draw::Pareto(1.0, 1.1, 1e9),
            Draw::Weibull(0.7, 3.0),
        ] {
            (0..10_000).for_each(|_| note(draw.sample(&mut rng)));
        }
        let mut at = 0.0;
        for _ in 0..10_000 {
            at = next_diurnal(at, 10.0, 3.0, 14.0, &mut rng);
            note(at);
        }
        assert_eq!(format!("{fold:016x}"), "fbc9fa5cae9a746e");
    }

    #[test]
    fn a_day_has_its_peak_where_it_was_said() {
        let arrivals = Arrivals::Diurnal { mean_gap: 10.0, swing: 4.0, peak_hour: 14.0 };
        let generator = Generator {
            arrivals,
            until: Duration::from_secs(10 * 86_400),
            ..Generator::new(u32::MAX, Draw::Constant(1.0))
        };
        let jobs = generator.draw(&mut Rng::new(3)).unwrap();
        let near = |hour: u64| jobs.iter().filter(|job| (job.submit_at.as_secs() / 3_600) % 24 == hour).count();
        assert!((82_000..91_000).contains(&jobs.len()), "{}", jobs.len());
        assert!(near(14) > 3 * near(2), "{} at the peak, {} at night", near(14), near(2));
    }

    #[test]
    fn size_and_time_are_independent_unless_asked_for() {
        let correlated = |correlation| {
            let generator = Generator {
                tasks: Draw::Exponential(100.0),
                correlation,
                ..Generator::new(20_000, Draw::Exponential(100.0))
            };
            let jobs = generator.draw(&mut Rng::new(1)).unwrap();
            let pairs = jobs.iter().map(|job| (f64::from(job.tasks), job.runs.of(0).unwrap().as_secs_f64()));
            let (mut x, mut y, mut xy) = (0.0, 0.0, 0.0);
            for (tasks, run) in pairs {
                (x, y, xy) = (x + tasks, y + run, xy + tasks * run);
            }
            xy * 20_000.0 / (x * y)
        };
        // E[xy] / (E[x] E[y]) of exponential ones is 1 when independent and 2 when equal.
        assert!((correlated(0.0) - 1.0).abs() < 0.05);
        assert!((correlated(1.0) - 2.0).abs() < 0.15);
    }

    #[test]
    fn the_same_seed_draws_the_same_jobs() {
        let generator = Generator {
            tasks: Draw::Uniform(1.0, 9.0),
            is_run_per_task: true,
            ..Generator::new(50, Draw::Exponential(9.0))
        };
        let draw = |seed| generator.draw(&mut Rng::new(seed)).unwrap();
        assert_eq!(draw(4), draw(4));
        assert_ne!(draw(4), draw(5));
    }

    fn refused(generator: &Generator) -> String {
        generator.draw(&mut Rng::new(1)).unwrap_err().to_string()
    }

    fn plain() -> Generator {
        Generator::new(3, Draw::Constant(1.0))
    }

    #[test]
    fn an_amount_that_cannot_be_is_refused_and_never_nothing() {
        for value in [1e30, 1e15, 0.0001] {
            let error = refused(&Generator { cpus: Draw::Constant(value), ..plain() });
            assert!(
                error.starts_with("cpus: ") && error.contains(if value > 1.0 { "too large" } else { "0.001" }),
                "{error}"
            );
            assert!(refused(&Generator { mem: Draw::Exponential(value), ..plain() }).starts_with("mem: "));
        }
        let choice = Draw::Choice(Arc::from([(1.0, 1.0), (1e20, 1.0)]));
        assert!(refused(&Generator { disk: choice, ..plain() }).starts_with("disk: 1e20 is too large"));
        // A tail that is too heavy is found when it is drawn.
        let error = refused(&Generator { cpus: Draw::LogNormal(1.0, 1e6), jobs: 100, ..plain() });
        assert!(error.starts_with("cpus: ") && error.contains("not a finite number"), "{error}");
        let small = Generator { cpus: Draw::Exponential(0.001), jobs: 500, ..plain() };
        assert!(small.draw(&mut Rng::new(1)).unwrap().iter().all(|job| job.need.cpus().is_positive()));
    }

    #[test]
    fn more_tasks_or_jobs_than_can_be_kept_are_refused() {
        let tasks = |draw| refused(&Generator { tasks: draw, ..plain() });
        assert_eq!(tasks(Draw::Constant(1e18)), "tasks: 1e18 is too many; at most 1000000 are accepted");
        assert_eq!(tasks(Draw::Constant(0.0)), "tasks: 0.0: 0 is none at all; write 1 or more");
        assert!(tasks(Draw::LogNormal(9.0, 1e6)).contains("too many"));
        for arrivals in [Arrivals::AtOnce, Arrivals::Gaps(Draw::Constant(1.0))] {
            let error = refused(&Generator { arrivals, jobs: u32::MAX, ..plain() });
            assert_eq!(error, "jobs: more than 10000000 come, which are too many");
        }
        let together = Generator { tasks: Draw::Constant(1e6), jobs: 101, ..plain() };
        assert!(refused(&together).contains("more than 100000000 together"));
        let long = Generator { run: Draw::Constant(1e300), ..plain() };
        assert_eq!(refused(&long), "run: 1e300 s is too long; at most 3.2e8 is accepted");
        let tail = Generator { run: Draw::Pareto(1.0, 0.01, 1e300), jobs: 100, ..plain() };
        assert!(refused(&Generator { run: Draw::Exponential(1e9), ..plain() }).starts_with("run: 1e9 s is too long"));
        assert!(
            tail.draw(&mut Rng::new(1))
                .unwrap()
                .iter()
                .any(|job| job.runs == Runs::Equal(Duration::from_secs(320_000_000)))
        );
        for correlation in [9.0, -1.0, f64::NAN] {
            assert!(refused(&Generator { correlation, ..plain() }).starts_with("correlation: "));
        }
    }

    #[test]
    fn arrivals_that_cannot_be_are_refused_instead_of_drawn_for_ever() {
        let day = |mean_gap, swing, peak_hour| Arrivals::Diurnal { mean_gap, swing, peak_hour };
        let nan = f64::NAN;
        for arrivals in [
            day(nan, 2.0, 14.0),
            day(-10.0, 2.0, 14.0),
            day(0.0, 2.0, 14.0),
            day(10.0, f64::INFINITY, 14.0),
            day(10.0, 0.5, 14.0),
            day(10.0, 2.0, nan),
            day(10.0, 2.0, 25.0),
            Arrivals::Gaps(Draw::Exponential(-1.0)),
            Arrivals::Gaps(Draw::Exponential(nan)),
            Arrivals::Bursts { size: Draw::Constant(0.0), gap: Draw::Constant(1.0) },
            Arrivals::Bursts { size: Draw::Constant(1.0), gap: Draw::Constant(nan) },
        ] {
            let error = refused(&Generator { arrivals: arrivals.clone(), ..plain() });
            assert!(error.starts_with("arrivals: "), "{arrivals:?}: {error}");
        }
        // The longest gap there is leads out of all of time, and ends the drawing.
        let rare = Generator { arrivals: day(f64::MAX, 2.0, 14.0), ..plain() };
        assert!(rare.draw(&mut Rng::new(1)).unwrap().is_empty());
    }
}
