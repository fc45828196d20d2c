//! Distributions of one quantity.

use std::fmt;
use std::sync::Arc;

use mesos_core::kernel::Rng;

/// A whole turn, for the angle of Box and Muller.
const TURN: f64 = std::f64::consts::TAU;

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
    /// The distribution, as a file says it.
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
            Self::Constant(value) => (value.is_finite() && *value >= 0.0, "it is no number from 0 up"),
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
                let sound = values.iter().all(|(value, weight)| value.is_finite() && *value >= 0.0 && *weight >= 0.0);
                let total: f64 = values.iter().map(|(_, weight)| weight).sum();
                (sound && positive(&[total]), "values and weights must be numbers from 0 up, and one weight positive")
            }
            Self::Empirical(values) => {
                let sound = values.iter().all(|value| value.is_finite() && *value >= 0.0);
                (!values.is_empty() && sound, "there must be samples, none of them negative")
            }
        };
        if is_right { Ok(()) } else { Err(InvalidDraw { draw: self.to_string(), problem }) }
    }

    /// The values by which its size is said: those it takes, or its mean, median, scale or largest value. What cannot be one
    /// of them was not meant.
    pub(super) fn sizes(&self) -> Vec<f64> {
        match self {
            Self::Constant(size)
            | Self::Uniform(_, size)
            | Self::Exponential(size)
            | Self::Normal(size, _)
            | Self::LogNormal(size, _)
            | Self::Pareto(size, ..)
            | Self::Weibull(_, size) => vec![*size],
            Self::Choice(values) => {
                values.iter().filter(|(_, weight)| *weight > 0.0).map(|(value, _)| *value).collect()
            }
            Self::Empirical(values) => values.to_vec(),
        }
    }

    /// Draws one value; never negative.
    #[must_use]
    pub fn sample(&self, rng: &mut Rng) -> f64 {
        self.quantile(rng.unit(), rng)
    }

    /// The value below which this part of all draws lies; those without a simple inverse draw on their own.
    pub(super) fn quantile(&self, unit: f64, rng: &mut Rng) -> f64 {
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

/// As a file of an experiment says it.
impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(f, "{value:?}"),
            Self::Uniform(low, high) => write!(f, "uniform = [{low:?}, {high:?}]"),
            Self::Exponential(mean) => write!(f, "exponential = {mean:?}"),
            Self::Normal(mean, deviation) => write!(f, "normal = [{mean:?}, {deviation:?}]"),
            Self::LogNormal(median, sigma) => write!(f, "lognormal = [{median:?}, {sigma:?}]"),
            Self::Pareto(low, shape, high) => write!(f, "pareto = [{low:?}, {shape:?}, {high:?}]"),
            Self::Weibull(shape, scale) => write!(f, "weibull = [{shape:?}, {scale:?}]"),
            Self::Choice(values) => write!(f, "choice of {}", values.len()),
            Self::Empirical(values) => write!(f, "{} samples", values.len()),
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

    #[test]
    fn what_cannot_be_drawn_from_is_refused() {
        for draw in [
            Draw::Exponential(0.0),
            Draw::Uniform(4.0, 2.0),
            Draw::Pareto(2.0, 1.0, 1.0),
            Draw::Choice(Arc::from([])),
            Draw::Empirical(Arc::from([])),
            Draw::Normal(f64::NAN, 1.0),
            Draw::Constant(f64::NAN),
            Draw::Choice(Arc::from([(f64::INFINITY, 1.0)])),
            Draw::Choice(Arc::from([(1.0, f64::NAN)])),
        ] {
            assert!(draw.validate().is_err(), "{draw:?}");
        }
        let said = |draw: Draw| draw.validate().unwrap_err().to_string();
        assert_eq!(said(Draw::Constant(f64::NAN)), "NaN: it is no number from 0 up");
        assert_eq!(said(Draw::Exponential(-2.0)), "exponential = -2.0: the mean must be positive");
    }
}
