//! How much a role counts beside its siblings.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Rejection, RejectionCode};

/// A positive weight in thousandths: weights arrive as doubles and are made exact once, so that shares compare exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Weight(u32);

impl Weight {
    /// What a role has that nobody set a weight for.
    pub const ONE: Self = Self(1_000);
    /// The largest weight: one million.
    pub const MAX: Self = Self(1_000_000_000);

    /// From a number, rounded to three decimals.
    ///
    /// # Errors
    /// [`RejectionCode::InvalidWeight`] unless it is a number from 0.001 to 1,000,000.
    pub fn new(weight: f64) -> Result<Self, Rejection> {
        let milli = (weight * 1_000.0).round();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 1 and 10^9")]
        if (1.0..=1e9).contains(&milli) { Ok(Self(milli as u32)) } else { Err(refuse(weight)) }
    }

    /// In thousandths; never 0.
    #[must_use]
    pub const fn as_milli(self) -> u32 {
        self.0
    }
}

fn refuse(weight: f64) -> Rejection {
    Rejection::new(
        RejectionCode::InvalidWeight,
        format!("{weight:?} is not a weight"),
        "give a number from 0.001 to 1000000",
    )
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

impl TryFrom<f64> for Weight {
    type Error = Rejection;

    fn try_from(weight: f64) -> Result<Self, Rejection> {
        Self::new(weight)
    }
}

impl From<Weight> for f64 {
    fn from(weight: Weight) -> Self {
        Self::from(weight.0) / 1_000.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_finite_numbers_in_range_are_weights() {
        let subnormal = f64::MIN_POSITIVE / 2.0;
        assert!(subnormal.is_subnormal());
        let infinite = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for bad in infinite.into_iter().chain([0.0, -1.0, 0.0001, 1e7, subnormal, -subnormal]) {
            assert_eq!(Weight::new(bad).unwrap_err().code, RejectionCode::InvalidWeight, "{bad}");
        }
        assert_eq!(Weight::new(2.5).unwrap().as_milli(), 2_500);
    }
}
