//! A set of values, sorted: quantiles and means of what was measured, not of an assumed form.

/// Values in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution(Vec<f64>);

impl Distribution {
    /// Of these values; what is not a number is left out.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values, smallest first.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The mean; `None` without values.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts of tasks are exact in a double")]
    pub fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// The value below which this part lies, from 0 to 1, between the nearest ranks (type 7 of Hyndman and Fan, 1996).
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a position within the slice"
    )]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let position = part.clamp(0.0, 1.0) * last as f64;
        let low = position.floor() as usize;
        let high = (low + 1).min(last);
        Some(self.0[low] + (self.0[high] - self.0[low]) * (position - low as f64))
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.0.last().copied()
    }

    /// Points of the cumulative distribution, at most so many: value and the part that is not larger.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts of tasks are exact in a double")]
    pub fn cumulative(&self, points_max: usize) -> Vec<(f64, f64)> {
        let count = self.0.len();
        let step = count.div_ceil(points_max.max(2)).max(1);
        let mut points: Vec<(f64, f64)> =
            (0..count).step_by(step).map(|at| (self.0[at], (at + 1) as f64 / count as f64)).collect();
        if let Some(last) = self.max() {
            points.push((last, 1.0));
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_ranks_and_nothing_has_none() {
        let values = Distribution::new([4.0, 1.0, f64::NAN, 3.0, 2.0]);
        assert_eq!((values.len(), values.mean(), values.max()), (4, Some(2.5), Some(4.0)));
        assert_eq!([0.0, 0.5, 1.0].map(|part| values.quantile(part)), [Some(1.0), Some(2.5), Some(4.0)]);
        assert_eq!((Distribution::default().quantile(0.5), Distribution::default().mean()), (None, None));
        assert_eq!(values.cumulative(100).last(), Some(&(4.0, 1.0)));
    }
}
