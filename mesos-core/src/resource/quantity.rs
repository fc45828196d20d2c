//! Amounts per name, without metadata: what quota, fair shares and minimal offers are about.
//!
//! [`Quantities`] says how much there is, an absent name means nothing. [`Limits`] says how much there may be, an absent
//! name means no limit, so an explicit zero is kept. Both hold the four common names inline: on those no operation
//! allocates.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::SLOTS;
use super::{ResourceName, Scalar};

/// How much there is of each name; never negative, absent means nothing.
///
/// ```
/// use mesos_core::resource::Quantities;
///
/// let used: Quantities = "cpus:2;mem:512".parse()?;
/// let all: Quantities = "cpus:4;mem:512;fpgas:1".parse()?;
/// assert!(all.contains(&used));
/// assert_eq!((all - &used).to_string(), "cpus:2;fpgas:1");
/// # Ok::<(), mesos_core::resource::InvalidQuantities>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Quantities {
    /// cpus, mem, disk, gpus; zero means absent.
    common: [Scalar; 4],
    /// Every other name with a positive amount, sorted.
    others: Vec<(ResourceName, Scalar)>,
}

/// How much there may be of each name; absent means no limit.
///
/// ```
/// use mesos_core::resource::{Limits, Quantities};
///
/// let limits: Limits = "cpus:4;gpus:0".parse()?;
/// assert!(limits.contains(&"cpus:4;mem:99999".parse()?));
/// assert!(!limits.contains(&"gpus:1".parse()?));
/// assert_eq!((limits - &"cpus:6;mem:1".parse::<Quantities>()?).to_string(), "cpus:0;gpus:0");
/// # Ok::<(), mesos_core::resource::InvalidQuantities>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    common: [Option<Scalar>; 4],
    others: Vec<(ResourceName, Scalar)>,
}

/// Why a text is not a list of amounts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {problem}; write \"cpus:4;mem:1024\"")]
pub struct InvalidQuantities {
    /// The refused part, cut after 64 characters.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Quantities {
    /// Nothing of anything.
    #[must_use]
    pub const fn new() -> Self {
        Self { common: [Scalar::ZERO; 4], others: Vec::new() }
    }

    /// Amounts of cpus, mem, disk and gpus; negative ones count as nothing.
    #[must_use]
    pub fn from_common(common: [Scalar; 4]) -> Self {
        Self { common: common.map(|amount| amount.max(Scalar::ZERO)), others: Vec::new() }
    }

    /// The amounts of cpus, mem, disk and gpus.
    #[must_use]
    pub const fn common(&self) -> [Scalar; 4] {
        self.common
    }

    /// Whether there is nothing but cpus, mem, disk and gpus.
    #[must_use]
    pub const fn is_common(&self) -> bool {
        self.others.is_empty()
    }

    /// Whether there is nothing of anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.others.is_empty() && self.common.iter().all(|amount| amount.is_zero())
    }

    /// How much there is of `name`.
    #[must_use]
    pub fn get(&self, name: &ResourceName) -> Scalar {
        match name.slot() {
            Some(slot) => self.common[slot],
            None => find(&self.others, name).map_or(Scalar::ZERO, |found| self.others[found].1),
        }
    }

    /// Sets the amount of `name`; what is not positive removes it.
    pub fn set(&mut self, name: ResourceName, amount: Scalar) {
        let amount = amount.max(Scalar::ZERO);
        match name.slot() {
            Some(slot) => self.common[slot] = amount,
            None if amount.is_zero() => self.others.retain(|(own, _)| *own != name),
            None => put(&mut self.others, name, amount),
        }
    }

    /// Adds an amount of one name.
    pub fn add_amount(&mut self, name: &ResourceName, amount: Scalar) {
        match name.slot() {
            Some(slot) => self.common[slot] = (self.common[slot] + amount).max(Scalar::ZERO),
            None => self.set(name.clone(), self.get(name) + amount),
        }
    }

    /// Names with a positive amount, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, Scalar)> {
        let common = SLOTS.iter().zip(self.common).filter(|(_, amount)| !amount.is_zero());
        common.chain(self.others.iter().map(|(name, amount)| (name, *amount)))
    }

    /// Whether there is at least as much of every name as in `other`.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.common.iter().zip(&other.common).all(|(own, other)| own >= other)
            && other.others.iter().all(|(name, amount)| self.get(name) >= *amount)
    }
}

impl Limits {
    /// No limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { common: [None; 4], others: Vec::new() }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.others.is_empty() && self.common.iter().all(Option::is_none)
    }

    /// The limit of `name`, if there is one.
    #[must_use]
    pub fn get(&self, name: &ResourceName) -> Option<Scalar> {
        match name.slot() {
            Some(slot) => self.common[slot],
            None => find(&self.others, name).map(|found| self.others[found].1),
        }
    }

    /// Limits `name`; a negative limit counts as zero.
    pub fn set(&mut self, name: ResourceName, limit: Scalar) {
        let limit = limit.max(Scalar::ZERO);
        match name.slot() {
            Some(slot) => self.common[slot] = Some(limit),
            None => put(&mut self.others, name, limit),
        }
    }

    /// The limits of cpus, mem, disk and gpus.
    #[must_use]
    pub const fn common(&self) -> [Option<Scalar>; 4] {
        self.common
    }

    /// Limited names in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, Scalar)> {
        let common = SLOTS.iter().zip(self.common).filter_map(|(name, limit)| Some((name, limit?)));
        common.chain(self.others.iter().map(|(name, limit)| (name, *limit)))
    }

    /// Whether nothing limited is exceeded.
    #[must_use]
    pub fn contains(&self, quantities: &Quantities) -> bool {
        self.common.iter().zip(quantities.common).all(|(limit, amount)| limit.is_none_or(|limit| amount <= limit))
            && self.others.iter().all(|(name, limit)| quantities.get(name) <= *limit)
    }
}

fn find(sorted: &[(ResourceName, Scalar)], name: &ResourceName) -> Option<usize> {
    sorted.binary_search_by(|(own, _)| own.cmp(name)).ok()
}

fn put(sorted: &mut Vec<(ResourceName, Scalar)>, name: ResourceName, amount: Scalar) {
    match sorted.binary_search_by(|(own, _)| own.cmp(&name)) {
        Ok(found) => sorted[found].1 = amount,
        Err(place) => sorted.insert(place, (name, amount)),
    }
}

impl AddAssign<&Self> for Quantities {
    fn add_assign(&mut self, other: &Self) {
        for (own, other) in self.common.iter_mut().zip(other.common) {
            *own += other;
        }
        for (name, amount) in &other.others {
            self.add_amount(name, *amount);
        }
    }
}

impl SubAssign<&Self> for Quantities {
    /// Drops what would not stay positive.
    fn sub_assign(&mut self, other: &Self) {
        for (own, other) in self.common.iter_mut().zip(other.common) {
            *own = own.sub_floored(other);
        }
        for (name, amount) in &other.others {
            self.set(name.clone(), self.get(name) - *amount);
        }
    }
}

impl SubAssign<&Quantities> for Limits {
    /// What may still be added: never below zero, and what has no limit keeps none.
    fn sub_assign(&mut self, used: &Quantities) {
        for (limit, used) in self.common.iter_mut().zip(used.common) {
            *limit = limit.map(|limit| limit.sub_floored(used));
        }
        for (name, limit) in &mut self.others {
            *limit = limit.sub_floored(used.get(name));
        }
    }
}

impl Add<&Self> for Quantities {
    type Output = Self;

    fn add(mut self, other: &Self) -> Self {
        self += other;
        self
    }
}

impl Sub<&Self> for Quantities {
    type Output = Self;

    fn sub(mut self, other: &Self) -> Self {
        self -= other;
        self
    }
}

impl Sub<&Quantities> for Limits {
    type Output = Self;

    fn sub(mut self, used: &Quantities) -> Self {
        self -= used;
        self
    }
}

impl std::iter::Sum for Quantities {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::new(), |sum, one| sum + &one)
    }
}

/// Reads `name:amount` pairs; a name may come once.
fn pairs(text: &str) -> Result<Vec<(ResourceName, Scalar)>, InvalidQuantities> {
    let mut read: Vec<(ResourceName, Scalar)> = Vec::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let refuse = |problem: String| InvalidQuantities { text: part.chars().take(64).collect(), problem };
        let (name, amount) = part.split_once(':').ok_or_else(|| refuse("there is no ':'".to_owned()))?;
        let name = ResourceName::new(name.trim()).map_err(|error| refuse(error.to_string()))?;
        let amount: Scalar = amount.trim().parse().map_err(|error: super::InvalidScalar| refuse(error.to_string()))?;
        if read.iter().any(|(own, _)| *own == name) {
            return Err(refuse("the name comes twice".to_owned()));
        }
        read.push((name, amount));
    }
    Ok(read)
}

fn write_pairs<'a>(f: &mut fmt::Formatter<'_>, pairs: impl Iterator<Item = (&'a ResourceName, Scalar)>) -> fmt::Result {
    for (position, (name, amount)) in pairs.enumerate() {
        write!(f, "{}{name}:{amount}", if position == 0 { "" } else { ";" })?;
    }
    Ok(())
}

macro_rules! as_pairs {
    ($name:ident) => {
        impl FromIterator<(ResourceName, Scalar)> for $name {
            /// Later pairs overwrite earlier ones of the same name.
            fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(pairs: I) -> Self {
                let mut all = Self::new();
                for (name, amount) in pairs {
                    all.set(name, amount);
                }
                all
            }
        }

        impl FromStr for $name {
            type Err = InvalidQuantities;

            fn from_str(text: &str) -> Result<Self, InvalidQuantities> {
                Ok(pairs(text)?.into_iter().collect())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_pairs(f, self.iter())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.iter())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let pairs = std::collections::BTreeMap::<ResourceName, Scalar>::deserialize(deserializer)?;
                Ok(pairs.into_iter().collect())
            }
        }
    };
}

as_pairs!(Quantities);
as_pairs!(Limits);
