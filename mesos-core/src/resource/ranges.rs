//! Sets of whole numbers as inclusive ranges: ports, above all.
//!
//! A [`Ranges`] is always sorted, disjoint and coalesced (`[1-3]` and `[4-6]` are `[1-6]`), so equality is structural and
//! union, difference and containment are one pass each. Addition is union: adding a range twice does not double it.

use std::fmt;
use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All numbers from `begin` to `end`, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Range {
    /// The first number.
    pub begin: u64,
    /// The last number, not below `begin`.
    pub end: u64,
}

/// A set of numbers, kept as sorted ranges that neither overlap nor touch.
///
/// ```
/// use mesos_core::resource::{Range, Ranges};
///
/// let mut ports = Ranges::new([Range { begin: 31000, end: 31009 }])?;
/// ports -= &Ranges::single(31004);
/// assert_eq!(ports.to_string(), "[31000-31003,31005-31009]");
/// assert_eq!(ports.count(), 9);
/// assert!(!ports.contains_number(31004));
/// # Ok::<(), mesos_core::resource::InvalidRanges>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<Range>);

/// Why a list of ranges is not one value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRanges {
    /// The range runs backwards.
    #[error("range {0} begins after it ends; write the smaller number first")]
    Backwards(Range),
    /// Two ranges of one value share numbers.
    #[error("ranges {0} and {1} overlap; list every number once")]
    Overlapping(Range, Range),
    /// The text is not a list of ranges.
    #[error("{0:?} is not a range; write \"[31000-32000]\" or \"[1-2,5-9]\"")]
    NotARange(String),
}

impl Ranges {
    /// Checks ranges from outside: each runs forwards, none overlap. Touching ones are joined.
    ///
    /// # Errors
    /// [`InvalidRanges`] names the range at fault.
    pub fn new(ranges: impl IntoIterator<Item = Range>) -> Result<Self, InvalidRanges> {
        let mut sorted: Vec<Range> = ranges.into_iter().collect();
        if let Some(backwards) = sorted.iter().find(|range| range.begin > range.end) {
            return Err(InvalidRanges::Backwards(*backwards));
        }
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[1].begin <= pair[0].end) {
            return Err(InvalidRanges::Overlapping(pair[0], pair[1]));
        }
        Ok(Self(coalesced(sorted)))
    }

    /// The set of one number.
    #[must_use]
    pub fn single(number: u64) -> Self {
        Self(vec![Range { begin: number, end: number }])
    }

    /// Whether there is no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers there are, at most `u64::MAX`.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, range| sum.saturating_add((range.end - range.begin).saturating_add(1)))
    }

    /// The ranges in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Range] {
        &self.0
    }

    /// Every number in order. A range may be huge, so take what you need.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|range| range.begin..=range.end)
    }

    /// Whether `number` is in the set.
    #[must_use]
    pub fn contains_number(&self, number: u64) -> bool {
        let after = self.0.partition_point(|range| range.begin <= number);
        after > 0 && self.0[after - 1].end >= number
    }

    /// Whether every number of `other` is here too.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut own = self.0.iter();
        let mut current = own.next();
        other.0.iter().all(|range| {
            while current.is_some_and(|candidate| candidate.end < range.begin) {
                current = own.next();
            }
            current.is_some_and(|candidate| candidate.begin <= range.begin && range.end <= candidate.end)
        })
    }

    /// Only the lowest `count` numbers.
    #[must_use]
    pub fn lowest(&self, count: u64) -> Self {
        let mut left = count;
        let mut kept = Vec::new();
        for range in &self.0 {
            let Some(steps) = left.checked_sub(1) else { break };
            let end = range.end.min(range.begin.saturating_add(steps));
            kept.push(Range { begin: range.begin, end });
            left -= end - range.begin + 1;
        }
        Self(kept)
    }
}

/// Joins sorted ranges that overlap or touch.
fn coalesced(mut sorted: Vec<Range>) -> Vec<Range> {
    sorted.dedup_by(|next, last| {
        let joins = last.end.checked_add(1).is_none_or(|after| next.begin <= after);
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
    sorted
}

impl AddAssign<&Self> for Ranges {
    fn add_assign(&mut self, other: &Self) {
        if self.is_empty() {
            self.0.clone_from(&other.0);
        } else if !other.is_empty() {
            self.0 = union(&self.0, &other.0);
        }
    }
}

impl SubAssign<&Self> for Ranges {
    fn sub_assign(&mut self, other: &Self) {
        if !self.is_empty() && !other.is_empty() {
            self.0 = difference(&self.0, &other.0);
        }
    }
}

/// Merges two sorted lists, neither of them empty, in one pass.
fn union(left: &[Range], right: &[Range]) -> Vec<Range> {
    let mut all = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left, right);
    while let (Some(own), Some(other)) = (left.first(), right.first()) {
        let mut grown = if own.begin <= other.begin { *own } else { *other };
        loop {
            if let Some(rest) = absorbed(&mut grown, left) {
                left = rest;
            } else if let Some(rest) = absorbed(&mut grown, right) {
                right = rest;
            } else {
                break;
            }
        }
        all.push(grown);
    }
    // Of one list, which neither overlaps nor touches itself, nor what was pushed last.
    all.extend_from_slice(left);
    all.extend_from_slice(right);
    all
}

/// Joins the first of sorted ranges to one that does not begin after it, if they overlap or touch; the others.
fn absorbed<'a>(grown: &mut Range, ranges: &'a [Range]) -> Option<&'a [Range]> {
    let (first, rest) = ranges.split_first()?;
    if first.begin > grown.end.saturating_add(1) {
        return None;
    }
    grown.end = grown.end.max(first.end);
    Some(rest)
}

/// What is left of a sorted list once sorted holes are taken out, in one pass.
fn difference(ranges: &[Range], holes: &[Range]) -> Vec<Range> {
    let mut kept = Vec::with_capacity(ranges.len() + holes.len());
    let mut first = 0;
    for (place, range) in ranges.iter().enumerate() {
        let mut begin = range.begin;
        let is_left = loop {
            let Some(hole) = holes.get(first) else {
                kept.push(Range { begin, end: range.end });
                kept.extend_from_slice(&ranges[place + 1..]);
                return kept;
            };
            if hole.begin > range.end {
                break true;
            }
            if hole.begin > begin {
                kept.push(Range { begin, end: hole.begin - 1 });
            }
            // A hole that reaches beyond this range may take from the next one too.
            if hole.end >= range.end {
                break false;
            }
            begin = begin.max(hole.end + 1);
            first += 1;
        };
        if is_left {
            kept.push(Range { begin, end: range.end });
        }
    }
    kept
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.begin, self.end)
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (position, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if position == 0 { "" } else { "," })?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Ranges {
    type Err = InvalidRanges;

    /// Reads `[1-2,5-9]`; white space around numbers is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidRanges> {
        let refuse = || InvalidRanges::NotARange(text.chars().take(64).collect());
        let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(refuse)?;
        if inner.trim().is_empty() {
            return Ok(Self::default());
        }
        let ranges = inner.split(',').map(|part| {
            let (begin, end) = part.split_once('-')?;
            Some(Range { begin: begin.trim().parse().ok()?, end: end.trim().parse().ok()? })
        });
        Self::new(ranges.collect::<Option<Vec<Range>>>().ok_or_else(refuse)?)
    }
}

#[derive(Serialize, Deserialize)]
struct Shape {
    #[serde(default)]
    range: Vec<Range>,
}

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shape { range: self.0.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ranges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Shape::deserialize(deserializer)?.range).map_err(serde::de::Error::custom)
    }
}
