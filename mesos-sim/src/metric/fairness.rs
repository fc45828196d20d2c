//! How equal shares are.

/// Jain's index of these shares: 1 when all are equal, 1/n when one has everything; 1 for none. Jain, Chiu, Hawe,
/// "A Quantitative Measure of Fairness", DEC TR-301, 1984.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "numbers of frameworks are small")]
pub fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(sum, squares), share| (sum + share, squares + share * share));
    if squares > 0.0 { sum * sum / (shares.len() as f64 * squares) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::jain;

    #[test]
    fn equal_shares_are_fair_and_one_taking_all_is_not() {
        assert!((jain(&[0.2, 0.2, 0.2]) - 1.0).abs() < 1e-12);
        assert!((jain(&[0.9, 0.0, 0.0]) - 1.0 / 3.0).abs() < 1e-12);
        assert!((jain(&[]) - 1.0).abs() < 1e-12);
    }
}
