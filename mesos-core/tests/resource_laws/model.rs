//! A slow model of the same rules, sharing no code with the algebra except for the identity of entries.
//!
//! Amounts are integers, ranges and sets are sets of single values, and every search is linear.

use std::collections::BTreeSet;

use mesos_core::resource::{Ranges, Resource, ResourceName, Resources, Scalar, Set, Value};

use super::arbitrary::ranges_of;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Amount(i64),
    Numbers(BTreeSet<u64>),
    Words(BTreeSet<String>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// Identity, as an entry without value, and content.
    divisible: Vec<(Resource, Content)>,
    /// Entries that are taken as a whole, once per copy.
    whole: Vec<Resource>,
}

pub(crate) fn split(entry: &Resource) -> (Resource, Content) {
    let (blank, content) = match entry.value() {
        Value::Scalar(amount) => (Value::Scalar(Scalar::ZERO), Content::Amount(amount.as_milli())),
        Value::Ranges(ranges) => (Value::Ranges(Ranges::default()), Content::Numbers(ranges.numbers().collect())),
        Value::Set(set) => (Value::Set(Set::default()), Content::Words(set.as_slice().iter().cloned().collect())),
    };
    (entry.clone().with_value(blank), content)
}

pub(crate) fn join(identity: &Resource, content: &Content) -> Resource {
    identity.clone().with_value(match content {
        Content::Amount(milli) => Value::Scalar(Scalar::from_milli(*milli)),
        Content::Numbers(numbers) => Value::Ranges(ranges_of(numbers)),
        Content::Words(words) => Value::Set(Set::new(words.iter().cloned()).unwrap()),
    })
}

impl Content {
    fn plus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Amount(own), Self::Amount(other)) => Self::Amount(own + other),
            (Self::Numbers(own), Self::Numbers(other)) => Self::Numbers(own | other),
            (Self::Words(own), Self::Words(other)) => Self::Words(own | other),
            _ => panic!("an identity has one kind of value"),
        }
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Amount(own), Self::Amount(other)) => Self::Amount((own - other).max(0)),
            (Self::Numbers(own), Self::Numbers(other)) => Self::Numbers(own - other),
            (Self::Words(own), Self::Words(other)) => Self::Words(own - other),
            _ => panic!("an identity has one kind of value"),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Amount(own), Self::Amount(other)) => own >= other,
            (Self::Numbers(own), Self::Numbers(other)) => own.is_superset(other),
            (Self::Words(own), Self::Words(other)) => own.is_superset(other),
            _ => panic!("an identity has one kind of value"),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Amount(milli) => *milli == 0,
            Self::Numbers(numbers) => numbers.is_empty(),
            Self::Words(words) => words.is_empty(),
        }
    }
}

impl Model {
    pub(crate) fn of(entries: &[Resource]) -> Self {
        let mut model = Self::default();
        entries.iter().for_each(|entry| model.add(entry));
        model
    }

    pub(crate) fn add(&mut self, entry: &Resource) {
        let (identity, content) = split(entry);
        if content.is_empty() {
            return;
        }
        if entry.is_indivisible() {
            self.whole.push(entry.clone());
        } else if let Some((_, own)) = self.divisible.iter_mut().find(|(own, _)| *own == identity) {
            *own = own.plus(&content);
        } else {
            self.divisible.push((identity, content));
        }
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut left = self.clone();
        for entry in &other.whole {
            if let Some(found) = left.whole.iter().position(|own| own == entry) {
                left.whole.remove(found);
            }
        }
        for (identity, content) in &other.divisible {
            for (own, own_content) in &mut left.divisible {
                if own == identity {
                    *own_content = own_content.minus(content);
                }
            }
        }
        left.divisible.retain(|(_, content)| !content.is_empty());
        left
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        let count = |all: &[Resource], entry: &Resource| all.iter().filter(|own| *own == entry).count();
        other.whole.iter().all(|entry| count(&self.whole, entry) >= count(&other.whole, entry))
            && other.divisible.iter().all(|(identity, content)| {
                self.divisible.iter().any(|(own, own_content)| own == identity && own_content.covers(content))
            })
    }

    pub(crate) fn entries(&self) -> Vec<Resource> {
        let mut all: Vec<Resource> = self.divisible.iter().map(|(identity, content)| join(identity, content)).collect();
        all.extend(self.whole.iter().cloned());
        all.sort();
        all
    }

    /// Total of one name in thousandths; copies of a shared entry count once.
    pub(crate) fn total(&self, name: &ResourceName) -> i64 {
        let mut distinct: Vec<Resource> = Vec::new();
        for entry in self.entries().into_iter().filter(|entry| entry.name() == name) {
            if !(entry.is_shared() && distinct.contains(&entry)) {
                distinct.push(entry);
            }
        }
        let content = distinct.iter().map(|entry| match split(entry).1 {
            Content::Amount(milli) => milli,
            Content::Numbers(numbers) => numbers.len() as i64 * 1000,
            Content::Words(words) => words.len() as i64 * 1000,
        });
        content.sum()
    }
}

pub(crate) fn sorted(all: &Resources) -> Vec<Resource> {
    let mut entries: Vec<Resource> = all.iter().collect();
    entries.sort();
    entries
}
