//! Draws workloads from distributions: when jobs come, how large they are, how long they run.
//!
//! Every quantity of a job has a stream of random numbers of its own, split from the seed: two quantities never share
//! draws, so that sizes and times are independent unless [`Generator::correlation`] says otherwise.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::{Resources, Scalar};

use super::job::{Job, Runs};

/// Uniform numbers are drawn up to this many at a time for a normal one: the pair of Box and Muller.
const TURN: f64 = std::f64::consts::TAU;
/// The period of [`Arrivals::Diurnal`].
const DAY_SECS: f64 = 86_400.0;

/// A distribution of one positive quantity.
#[derive(Debug, Clone, PartialEq)]
pub enum Draw {
    /// Always this.
    Constant(f64),
    /// Any of these equally.
    Uniform(f64, f64),
    /// Exponential with this mean.
    Exponential(f64),
    /// Normal with this mean and deviation; what is below 0 is drawn again.
    Normal(f64, f64),
    /// Log-normal with this median, and this deviation of the logarithm.
    LogNormal(f64, f64),
    /// Pareto: the smallest value, the exponent, and the largest value kept. Heavy-tailed when the exponent is below 2.
    Pareto(f64, f64, f64),
    /// Weibull with this shape and scale.
    Weibull(f64, f64),
    /// One of these values, as often as its weight says.
    Choice(Arc<[(f64, f64)]>),
    /// One of these samples, as measured, each as likely.
    Empirical(Arc<[f64]>),
}

/// Why a distribution cannot be drawn from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{draw}: {problem}")]
pub struct InvalidDraw {
    /// The distribution.
    pub draw: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Draw {
    /// Whether it can be drawn from.
    ///
    /// # Errors
    /// [`InvalidDraw`] says what is wrong.
    pub fn validate(&self) -> Result<(), InvalidDraw> {
        let positive = |numbers: &[f64]| numbers.iter().all(|number| number.is_finite() && *number > 0.0);
        let (is_right, problem) = match self {
            Self::Constant(value) => (value.is_finite() && *value >= 0.0, "it must not be negative"),
            Self::Uniform(low, high) => {
                (*low >= 0.0 && high >= low && high.is_finite(), "write the smallest and the largest value, from 0 up")
            }
            Self::Exponential(mean) => (positive(&[*mean]), "the mean must be positive"),
            Self::Normal(mean, deviation) => {
                (positive(&[*mean]) && *deviation >= 0.0 && deviation.is_finite(), "the mean must be positive")
            }
            Self::LogNormal(median, sigma) => {
                (positive(&[*median]) && *sigma >= 0.0 && sigma.is_finite(), "the median must be positive")
            }
            Self::Pareto(low, shape, high) => {
                (positive(&[*low, *shape, *high]) && high >= low, "write smallest value, exponent and largest value")
            }
            Self::Weibull(shape, scale) => (positive(&[*shape, *scale]), "shape and scale must be positive"),
            Self::Choice(values) => {
                let sound = values.iter().all(|(value, weight)| *value >= 0.0 && *weight >= 0.0);
                let total: f64 = values.iter().map(|(_, weight)| weight).sum();
                (sound && positive(&[total]), "values and weights must not be negative, and one weight positive")
            }
            Self::Empirical(values) => {
                let sound = values.iter().all(|value| value.is_finite() && *value >= 0.0);
                (!values.is_empty() && sound, "there must be samples, none of them negative")
            }
        };
        if is_right { Ok(()) } else { Err(InvalidDraw { draw: format!("{self:?}"), problem }) }
    }

    /// Draws one value; never negative.
    #[must_use]
    pub fn sample(&self, rng: &mut Rng) -> f64 {
        self.quantile(rng.unit(), rng)
    }

    /// The value below which this part of all draws lies; those without a simple inverse draw on their own.
    fn quantile(&self, unit: f64, rng: &mut Rng) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform(low, high) => low + (high - low) * unit,
            Self::Exponential(mean) => -libm::log(1.0 - unit) * mean,
            Self::Normal(mean, deviation) => loop {
                let value = mean + deviation * standard_normal(rng);
                if value >= 0.0 {
                    return value;
                }
            },
            Self::LogNormal(median, sigma) => median * libm::exp(sigma * standard_normal(rng)),
            Self::Pareto(low, shape, high) => (low / libm::pow(1.0 - unit, 1.0 / shape)).min(*high),
            Self::Weibull(shape, scale) => scale * libm::pow(-libm::log(1.0 - unit), 1.0 / shape),
            Self::Choice(values) => {
                let total: f64 = values.iter().map(|(_, weight)| weight).sum();
                let mut left = unit * total;
                let found = values.iter().find(|(_, weight)| {
                    left -= weight;
                    left < 0.0
                });
                found.or_else(|| values.last()).map_or(0.0, |(value, _)| *value)
            }
            Self::Empirical(values) => values[index(unit, values.len())],
        }
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..len")]
fn index(unit: f64, len: usize) -> usize {
    ((unit * len as f64) as usize).min(len.saturating_sub(1))
}

fn standard_normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - rng.unit())).sqrt();
    radius * libm::cos(TURN * rng.unit())
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
        /// The mean time between two, over the whole day, in seconds.
        mean_gap: f64,
        /// The largest rate as a multiple of the smallest.
        swing: f64,
        /// The hour of the largest rate.
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

/// What a queue is given to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// When jobs come.
    pub arrivals: Arrivals,
    /// At most so many.
    pub jobs: u32,
    /// None after this time.
    pub until: Duration,
    /// Tasks per job.
    pub tasks: Draw,
    /// Seconds a task runs.
    pub run: Draw,
    /// Whether every task of a job draws its own time.
    pub is_run_per_task: bool,
    /// Cores per task.
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

    /// Draws the jobs, in order of submission.
    #[must_use]
    pub fn draw(&self, rng: &mut Rng) -> Vec<Job> {
        let mut streams = Streams::new(rng);
        let mut at = 0.0;
        let mut burst_left = 0_u32;
        let mut jobs = Vec::new();
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
                        burst_left = whole(size.sample(&mut streams.arrival));
                    }
                    burst_left -= 1;
                }
            }
            let Ok(submit_at) = Duration::try_from_secs_f64(at) else { break };
            if submit_at > self.until {
                break;
            }
            jobs.push(self.job(submit_at, &mut streams));
        }
        jobs
    }

    fn job(&self, submit_at: Duration, streams: &mut Streams) -> Job {
        let size_unit = streams.tasks.unit();
        let tasks = whole(self.tasks.quantile(size_unit, &mut streams.tasks));
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
        let amounts = [&self.cpus, &self.mem, &self.disk, &self.gpus];
        let need = amounts.map(|draw| amount(draw.sample(&mut streams.need)));
        let mut job = Job { submit_at, tasks, need: Resources::from_plain(need), runs, ..self.like.clone() };
        job.deadline = self.slack.as_ref().map(|slack| submit_at + span(first * slack.sample(&mut streams.mix)));
        job.estimate = self.overestimate.as_ref().map(|over| span(first * over.sample(&mut streams.mix).max(1.0)));
        job
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
        if rng.unit() * (1.0 + amplitude) <= 1.0 + amplitude * libm::cos(phase) {
            return at;
        }
    }
}

/// At least one, at most four billion.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
fn whole(count: f64) -> u32 {
    (count.round() as u32).max(1)
}

/// At least a millisecond, at most ten years.
fn span(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs.clamp(0.001, 3.2e8)).unwrap_or(Duration::from_millis(1))
}

fn amount(value: f64) -> Scalar {
    Scalar::from_f64(value).unwrap_or(Scalar::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(draw: &Draw) -> f64 {
        let mut rng = Rng::new(1);
        (0..20_000).map(|_| draw.sample(&mut rng)).sum::<f64>() / 20_000.0
    }

    #[test]
    fn means_are_those_of_the_distributions() {
        for (draw, expected) in [
            (Draw::Constant(3.0), 3.0),
            (Draw::Uniform(2.0, 4.0), 3.0),
            (Draw::Exponential(3.0), 3.0),
            (Draw::Normal(30.0, 3.0), 30.0),
            (Draw::LogNormal(1.0, 0.5), libm::exp(0.125)),
            (Draw::Pareto(1.0, 3.0, 1e9), 1.5),
            (Draw::Weibull(1.0, 3.0), 3.0),
            (Draw::Choice(Arc::from([(1.0, 3.0), (5.0, 1.0)])), 2.0),
            (Draw::Empirical(Arc::from([1.0, 2.0, 6.0])), 3.0),
        ] {
            draw.validate().unwrap();
            let found = mean(&draw);
            assert!((found / expected - 1.0).abs() < 0.05, "{draw:?}: {found}, not {expected}");
        }
    }

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
    fn what_cannot_be_drawn_from_is_refused() {
        for draw in [
            Draw::Exponential(0.0),
            Draw::Uniform(4.0, 2.0),
            Draw::Pareto(2.0, 1.0, 1.0),
            Draw::Choice(Arc::from([])),
            Draw::Empirical(Arc::from([])),
            Draw::Normal(f64::NAN, 1.0),
        ] {
            assert!(draw.validate().is_err(), "{draw:?}");
        }
    }

    #[test]
    fn a_day_has_its_peak_where_it_was_said() {
        let arrivals = Arrivals::Diurnal { mean_gap: 10.0, swing: 4.0, peak_hour: 14.0 };
        let generator = Generator {
            arrivals,
            until: Duration::from_secs(10 * 86_400),
            ..Generator::new(u32::MAX, Draw::Constant(1.0))
        };
        let jobs = generator.draw(&mut Rng::new(3));
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
            let jobs = generator.draw(&mut Rng::new(1));
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
        assert_eq!(generator.draw(&mut Rng::new(4)), generator.draw(&mut Rng::new(4)));
        assert_ne!(generator.draw(&mut Rng::new(4)), generator.draw(&mut Rng::new(5)));
    }
}
