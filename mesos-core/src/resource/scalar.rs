//! Scalars: amounts with exactly three decimals, held as whole thousandths.
//!
//! Fixed point makes sums independent of their order and comparisons exact: `0.1 + 0.2 == 0.3`. A floating point number
//! appears only at the edge, where [`Scalar::from_f64`] checks it once. This is not a unit: a scalar of `mem` counts
//! megabytes, one of `cpus` counts cores.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MILLI: i64 = 1000;

/// A fixed-point amount, three decimals wide.
///
/// Inside a [`Resources`](super::Resources) it is never negative; differences, such as headroom, may be.
///
/// ```
/// use mesos_core::resource::Scalar;
///
/// let sum = Scalar::from_f64(0.1)? + Scalar::from_f64(0.2)?;
/// assert_eq!(sum, Scalar::from_f64(0.3)?);
/// assert_eq!(sum.to_string(), "0.3");
/// assert!(Scalar::from_f64(0.0004).is_err());
/// # Ok::<(), mesos_core::resource::InvalidScalar>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

/// Why a number is not a scalar.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidScalar {
    /// NaN, an infinity, or text that is no number.
    #[error("{0:?} is not a finite number")]
    NotANumber(String),
    /// Below zero.
    #[error("{0} is negative; amounts are zero or more")]
    Negative(f64),
    /// Not zero, yet zero once rounded to three decimals.
    #[error("{0} vanishes when rounded to three decimals; the smallest amount is 0.001")]
    Vanishing(f64),
    /// Larger than [`Scalar::MAX_INPUT`].
    #[error("{0:e} is too large; at most {max} is accepted", max = Scalar::MAX_INPUT)]
    TooLarge(f64),
}

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The largest amount read from outside: 2^41 units, which is twice the largest quota of memory or disk, leaves room
    /// to sum thousands of them, and is small enough for a 64 bit float to carry three decimals exactly.
    pub const MAX_INPUT: Self = Self((1 << 41) * MILLI);

    /// An amount from thousandths.
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        Self(milli)
    }

    /// An amount from whole units.
    #[must_use]
    pub const fn from_units(units: u32) -> Self {
        Self(units as i64 * MILLI)
    }

    /// As many units as there are things counted, at most what fits.
    #[must_use]
    pub fn from_count(count: u64) -> Self {
        Self(i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(MILLI))
    }

    /// Reads a number from outside, rounding half away from zero to three decimals.
    ///
    /// # Errors
    /// [`InvalidScalar`] for what is not finite, is negative, is too large, or is not zero but would round to zero.
    pub fn from_f64(number: f64) -> Result<Self, InvalidScalar> {
        if !number.is_finite() {
            return Err(InvalidScalar::NotANumber(number.to_string()));
        }
        if number < 0.0 {
            return Err(InvalidScalar::Negative(number));
        }
        let milli = (number * 1000.0).round();
        if milli > Self::MAX_INPUT.0 as f64 {
            return Err(InvalidScalar::TooLarge(number));
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^52, as checked above")]
        let milli = milli as i64;
        if milli == 0 && number != 0.0 {
            return Err(InvalidScalar::Vanishing(number));
        }
        Ok(Self(milli))
    }

    /// The amount in thousandths.
    #[must_use]
    pub const fn as_milli(self) -> i64 {
        self.0
    }

    /// The amount as a float, exact up to [`Scalar::MAX_INPUT`].
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether there are no decimals, as `gpus` must be when used.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 % MILLI == 0
    }

    /// Whole units, decimals cut off, nothing if negative.
    #[must_use]
    pub fn whole_units(self) -> u64 {
        u64::try_from(self.0 / MILLI).unwrap_or(0)
    }

    /// The sum, unless it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it would be negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|milli| *milli >= 0).map(Self)
    }

    /// The difference, or zero where it would be negative.
    #[must_use]
    pub fn sub_floored(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }
}

impl Add for Scalar {
    type Output = Self;

    /// Saturates at the ends of what fits.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Scalar {
    type Output = Self;

    /// May go below zero; see [`Scalar::sub_floored`] for the difference that does not.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (units, milli) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        match milli {
            0 => write!(f, "{sign}{units}"),
            _ if milli.is_multiple_of(100) => write!(f, "{sign}{units}.{}", milli / 100),
            _ if milli.is_multiple_of(10) => write!(f, "{sign}{units}.{:02}", milli / 10),
            _ => write!(f, "{sign}{units}.{milli:03}"),
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Scalar {
    type Err = InvalidScalar;

    fn from_str(text: &str) -> Result<Self, InvalidScalar> {
        if let Some(amount) = read_short(text) {
            return Ok(amount);
        }
        let number: f64 = text.parse().map_err(|_| InvalidScalar::NotANumber(text.chars().take(64).collect()))?;
        Self::from_f64(number)
    }
}

/// Reads what is written most: up to twelve digits, perhaps a point and up to three more. That is below the largest input
/// and exact; everything else takes the long way.
fn read_short(text: &str) -> Option<Scalar> {
    let (units, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let (units, milli) = (read_digits(units, 12)?, read_digits(decimals, 3)?);
    let scale = [100, 10, 1][decimals.len() - 1];
    Some(Scalar(units * MILLI + milli * scale))
}

/// One to `most` digits, nothing else.
fn read_digits(text: &str, most: usize) -> Option<i64> {
    let is_short = !text.is_empty() && text.len() <= most;
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    is_short.then(|| text.bytes().try_fold(0, |all, byte| Some(all * 10 + digit(byte)?))).flatten()
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_whole() { serializer.serialize_i64(self.0 / MILLI) } else { serializer.serialize_f64(self.to_f64()) }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
