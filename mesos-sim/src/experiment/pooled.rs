//! Curves of several seeds as one: the mean of them, and how far they lie apart.

use super::chart::Series;
use super::outcome::Curve;

/// Points of a mean, at most.
const POINTS_MAX: usize = 256;

/// What a curve is where it has no points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Nothing is known: the mean is of the curves that reach so far.
    Unknown,
    /// Zero: when a run is over nothing is used.
    Zero,
    /// A part of all, that holds until the next point: none before the first, all of them after the last.
    Steps,
}

/// The mean of the curves, and a band from the smallest to the largest of them. One curve is left as it is.
#[allow(clippy::cast_precision_loss, reason = "counts of seeds")]
pub(super) fn pooled(name: String, curves: &[&Curve], beyond: Beyond) -> Series {
    if let [only] = curves {
        return Series { name, points: only.points.clone(), ..Series::default() };
    }
    let mut places: Vec<f64> = curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let step = places.len().div_ceil(POINTS_MAX).max(1);
    let last = places.last().copied();
    let thinned =
        places.iter().copied().step_by(step).chain(last.filter(|_| !(places.len().max(1) - 1).is_multiple_of(step)));
    let (mut points, mut band) = (Vec::new(), Vec::new());
    for x in thinned {
        let values: Vec<f64> = curves.iter().filter_map(|curve| value(&curve.points, x, beyond)).collect();
        if values.is_empty() {
            continue;
        }
        points.push((x, values.iter().sum::<f64>() / values.len() as f64));
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (value.min(low), value.max(high)));
        band.push((x, low, high));
    }
    Series { name, points, band, is_reference: false }
}

/// Of one curve, its points by x.
fn value(points: &[(f64, f64)], x: f64, beyond: Beyond) -> Option<f64> {
    let after = points.partition_point(|point| point.0 <= x);
    let before = after.checked_sub(1).map(|at| points[at]);
    match (before, points.get(after)) {
        (Some(before), _) if beyond == Beyond::Steps => Some(before.1),
        (None, _) if beyond == Beyond::Steps => Some(0.0),
        (Some((from, low)), Some((to, high))) => Some(low + (high - low) * (x - from) / (to - from)),
        (Some((from, last)), None) if from >= x => Some(last),
        _ => (beyond == Beyond::Zero).then_some(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Curve {
        Curve { metric: "m".into(), queue: None, points: points.to_vec() }
    }

    fn of(curves: &[Curve], beyond: Beyond) -> Series {
        pooled("case".into(), &curves.iter().collect::<Vec<_>>(), beyond)
    }

    #[test]
    fn all_seeds_are_in_the_mean_and_the_band() {
        let two = [curve(&[(0.0, 0.0), (10.0, 1.0)]), curve(&[(0.0, 1.0), (5.0, 1.0), (20.0, 1.0)])];
        let zero = of(&two, Beyond::Zero);
        assert_eq!(zero.points, [(0.0, 0.5), (5.0, 0.75), (10.0, 1.0), (20.0, 0.5)]);
        assert_eq!(zero.band, [(0.0, 0.0, 1.0), (5.0, 0.5, 1.0), (10.0, 1.0, 1.0), (20.0, 0.0, 1.0)]);
        assert_eq!(of(&two, Beyond::Unknown).points[3], (20.0, 1.0));
        assert_eq!(of(&two[..1], Beyond::Zero).points, two[0].points);
    }

    #[test]
    fn parts_of_all_are_none_before_and_all_after() {
        let two = [curve(&[(1.0, 0.5), (2.0, 1.0)]), curve(&[(3.0, 1.0)])];
        assert_eq!(of(&two, Beyond::Steps).points, [(1.0, 0.25), (2.0, 0.5), (3.0, 1.0)]);
    }

    #[test]
    fn many_points_are_thinned_and_the_last_is_kept() {
        let long = |shift: u32| curve(&(0..1_000).map(|at| (f64::from(at * 2 + shift), 1.0)).collect::<Vec<_>>());
        let thin = of(&[long(0), long(1)], Beyond::Zero);
        assert!(thin.points.len() <= POINTS_MAX + 1, "{}", thin.points.len());
        assert!((thin.points.last().unwrap().0 - 1_999.0).abs() < 1e-9);
    }
}
