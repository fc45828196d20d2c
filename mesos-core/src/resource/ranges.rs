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
        } else {
            unite(&mut self.0, &other.0);
        }
    }
}

impl SubAssign<&Self> for Ranges {
    fn sub_assign(&mut self, other: &Self) {
        take_out(&mut self.0, &other.0);
    }
}

/// Merges a sorted list into another one, in one pass. The union is written over what was read already; where there is no
/// room for that, the rest of it goes to a new list.
fn unite(own: &mut Vec<Range>, others: &[Range]) {
    let mut others = others;
    let (mut read, mut written) = (0, 0);
    while read < own.len() && !others.is_empty() {
        let (count, grown, rest) = next_of_union(&own[read..], others);
        if written == read + count {
            *own = united(&own[..written], grown, &own[read..], rest);
            return;
        }
        (read, others) = (read + count, rest);
        own[written] = grown;
        written += 1;
    }
    if read > written {
        own.copy_within(read.., written);
        own.truncate(own.len() - (read - written));
    }
    // If anything is left, nothing is of the own list: it neither overlaps nor touches what was written last.
    own.extend_from_slice(others);
}

/// What was united already, and the union of two lists that come after it.
fn united(before: &[Range], first: Range, left: &[Range], right: &[Range]) -> Vec<Range> {
    let (mut left, mut right) = (left, right);
    let mut all = Vec::with_capacity(before.len() + 1 + left.len() + right.len());
    all.extend_from_slice(before);
    all.push(first);
    while !left.is_empty() && !right.is_empty() {
        let (count, grown, rest) = next_of_union(left, right);
        (left, right) = (&left[count..], rest);
        all.push(grown);
    }
    all.extend_from_slice(left);
    all.extend_from_slice(right);
    all
}

/// The first range of a union of two lists, neither of them empty: how many of the first list are part of it, and what the
/// second has beyond it.
#[inline]
fn next_of_union<'a>(left: &[Range], right: &'a [Range]) -> (usize, Range, &'a [Range]) {
    let (mut count, mut others) = (0, right);
    let mut grown = if left[0].begin <= right[0].begin { left[0] } else { right[0] };
    loop {
        if left.get(count).is_some_and(|next| joins(&mut grown, *next)) {
            count += 1;
        } else if others.first().is_some_and(|next| joins(&mut grown, *next)) {
            others = &others[1..];
        } else {
            return (count, grown, others);
        }
    }
}

/// Joins a range to one that does not begin after it, if they overlap or touch; whether they do.
#[inline]
fn joins(grown: &mut Range, next: Range) -> bool {
    let is_joined = next.begin <= grown.end.saturating_add(1);
    if is_joined {
        grown.end = grown.end.max(next.end);
    }
    is_joined
}

/// Takes sorted holes out of a sorted list, in one pass. What is left is written over what was read already; where there is
/// no room for that, the rest of it goes to a new list.
fn take_out(own: &mut Vec<Range>, holes: &[Range]) {
    let mut holes = holes;
    let mut written = 0;
    for read in 0..own.len() {
        let mut left = Some(own[read]);
        while let Some(piece) = next_of_difference(&mut left, &mut holes) {
            if written > read {
                *own = without(&own[..written], piece, left, &own[read + 1..], holes);
                return;
            }
            own[written] = piece;
            written += 1;
        }
        if holes.is_empty() {
            own.copy_within(read + 1.., written);
            own.truncate(own.len() - (read + 1 - written));
            return;
        }
    }
    own.truncate(written);
}

/// What was cut already, and what holes leave of the rest of a range and of those after it.
fn without(before: &[Range], piece: Range, rest: Option<Range>, after: &[Range], holes: &[Range]) -> Vec<Range> {
    let mut holes = holes;
    let mut kept = Vec::with_capacity(before.len() + 2 + after.len() + holes.len());
    kept.extend_from_slice(before);
    kept.push(piece);
    for mut left in std::iter::once(rest).chain(after.iter().copied().map(Some)) {
        while let Some(piece) = next_of_difference(&mut left, &mut holes) {
            kept.push(piece);
        }
    }
    kept
}

/// The next piece that holes leave of a range, which is cut down to what comes after the piece. Holes that end before are
/// gone through; one that reaches beyond the range is not, since it may take from the next one too.
#[inline]
fn next_of_difference(left: &mut Option<Range>, holes: &mut &[Range]) -> Option<Range> {
    while let Some(Range { begin, end }) = *left {
        let Some((hole, others)) = holes.split_first().filter(|(hole, _)| hole.begin <= end) else {
            return left.take();
        };
        if hole.end < end {
            *left = Some(Range { begin: begin.max(hole.end + 1), end });
            *holes = others;
        } else {
            *left = None;
        }
        if hole.begin > begin {
            return Some(Range { begin, end: hole.begin - 1 });
        }
    }
    None
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The value of these numbers.
    fn of<'a>(numbers: impl IntoIterator<Item = &'a u64>) -> Ranges {
        Ranges::new(numbers.into_iter().map(|number| Range { begin: *number, end: *number })).unwrap()
    }

    /// Numbers so near that ranges meet in all ways, and the last ones there are.
    fn any_numbers() -> impl Strategy<Value = BTreeSet<u64>> {
        let number = prop_oneof![6 => 0_u64..24, 1 => u64::MAX - 3..=u64::MAX];
        proptest::collection::btree_set(number, 0..20)
    }

    proptest! {
        #[test]
        fn union_and_difference_are_those_of_sets_of_numbers(left in any_numbers(), right in any_numbers()) {
            let (a, b) = (of(&left), of(&right));
            let (mut sum, mut rest) = (a.clone(), a.clone());
            sum += &b;
            rest -= &b;
            prop_assert_eq!(sum, of(left.union(&right)));
            prop_assert_eq!(rest, of(left.difference(&right)));
            prop_assert_eq!(a.contains(&b), left.is_superset(&right));
        }
    }
}
