//! The value of one resource: an amount, ranges of numbers, or a set of names.

use serde::{Deserialize, Serialize};

use super::{Ranges, Scalar, Set};

/// What an entry holds. Operations between values of different kinds change nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// An amount, such as `cpus:4`.
    Scalar(Scalar),
    /// Numbers, such as `ports:[31000-32000]`.
    Ranges(Ranges),
    /// Names, such as `zones:{a,b}`.
    Set(Set),
}

/// The kind of a [`Value`], spelled as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ValueKind {
    /// An amount.
    Scalar,
    /// Ranges of numbers.
    Ranges,
    /// A set of names.
    Set,
}

impl std::fmt::Display for ValueKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scalar => "SCALAR",
            Self::Ranges => "RANGES",
            Self::Set => "SET",
        })
    }
}

impl Value {
    /// Which kind this is.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Scalar(_) => ValueKind::Scalar,
            Self::Ranges(_) => ValueKind::Ranges,
            Self::Set(_) => ValueKind::Set,
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(amount) => amount.is_zero(),
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(set) => set.is_empty(),
        }
    }

    /// How much there is, counting numbers and names as one unit each.
    #[must_use]
    pub fn quantity(&self) -> Scalar {
        match self {
            Self::Scalar(amount) => *amount,
            Self::Ranges(ranges) => Scalar::from_count(ranges.count()),
            Self::Set(set) => Scalar::from_count(set.count()),
        }
    }

    /// Whether `other` is of the same kind and no more than this.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(own), Self::Scalar(other)) => own >= other,
            (Self::Ranges(own), Self::Ranges(other)) => own.contains(other),
            (Self::Set(own), Self::Set(other)) => own.contains(other),
            _ => false,
        }
    }

    /// Sum of amounts, union of ranges and sets.
    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(own), Self::Scalar(other)) => *own += *other,
            (Self::Ranges(own), Self::Ranges(other)) => *own += other,
            (Self::Set(own), Self::Set(other)) => *own += other,
            _ => {}
        }
    }

    /// Difference, never below nothing.
    pub(super) fn subtract(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(own), Self::Scalar(other)) => *own = own.sub_floored(*other),
            (Self::Ranges(own), Self::Ranges(other)) => *own -= other,
            (Self::Set(own), Self::Set(other)) => *own -= other,
            _ => {}
        }
    }

    /// Cuts down to at most `quantity`; of ranges and sets the lowest whole parts stay.
    pub(super) fn cut_to(&mut self, quantity: Scalar) {
        match self {
            Self::Scalar(own) => *own = (*own).min(quantity),
            Self::Ranges(own) => *own = own.lowest(quantity.whole_units()),
            Self::Set(own) => *own = own.first(quantity.whole_units()),
        }
    }
}
