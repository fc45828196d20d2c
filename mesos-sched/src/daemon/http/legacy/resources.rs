//! Resources as one object: amounts as numbers, ranges and sets as texts; what a tool expects is there even if it is nothing.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::resource::{Ranges, Value};
use mesos_core::{ContainerLimits, Limit, Resources, Scalar};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A bag as one object.
pub(super) struct Legacy<'a>(pub &'a Resources);

/// What a task may use beyond its resources, as one object; without end it is `"Infinity"`, as in the v1 API.
pub(super) struct LegacyLimits<'a>(pub &'a ContainerLimits);

impl Serialize for LegacyLimits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, limit) in self.0.iter() {
            match limit {
                Limit::Amount(most) => map.serialize_entry(name, &most.to_f64())?,
                Limit::Infinite => map.serialize_entry(name, "Infinity")?,
            }
        }
        map.end()
    }
}

/// `[1-2, 5-5]`.
pub(super) fn ranges_text(ranges: &Ranges) -> String {
    let parts: Vec<String> = ranges.as_slice().iter().map(|range| format!("{}-{}", range.begin, range.end)).collect();
    format!("[{}]", parts.join(", "))
}

/// The amounts every object has, in the order of [`Resources::plain_scalars`].
const COMMON: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

impl Serialize for Legacy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut common = self.0.plain_scalars();
        if self.0.is_plain() {
            for (name, amount) in COMMON.iter().zip(common) {
                map.serialize_entry(name, &amount.to_f64())?;
            }
            return map.end();
        }
        let mut scalars: BTreeMap<String, Scalar> = BTreeMap::new();
        let mut ranges: BTreeMap<String, Ranges> = BTreeMap::new();
        let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        common = [Scalar::ZERO; 4];
        for entry in self.0.iter() {
            let name = entry.name().as_str();
            match entry.value() {
                Value::Scalar(amount) => match COMMON.iter().position(|common| *common == name) {
                    Some(place) => common[place] += *amount,
                    None => *scalars.entry(name.to_owned()).or_default() += *amount,
                },
                Value::Ranges(more) => *ranges.entry(name.to_owned()).or_default() += more,
                Value::Set(more) => {
                    sets.entry(name.to_owned()).or_default().extend(more.as_slice().iter().cloned());
                }
            }
        }
        for (name, amount) in COMMON.iter().zip(common) {
            map.serialize_entry(name, &amount.to_f64())?;
        }
        for (name, amount) in scalars {
            map.serialize_entry(&name, &amount.to_f64())?;
        }
        for (name, ranges) in ranges {
            map.serialize_entry(&name, &ranges_text(&ranges))?;
        }
        for (name, set) in sets {
            map.serialize_entry(&name, &format!("{{{}}}", set.into_iter().collect::<Vec<_>>().join(", ")))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        serde_json::to_string(&Legacy(&text.parse().unwrap())).unwrap()
    }

    #[test]
    fn what_tools_expect_is_always_there() {
        assert_eq!(written(""), r#"{"cpus":0.0,"mem":0.0,"disk":0.0,"gpus":0.0}"#);
        assert_eq!(
            written("cpus:1.5;mem(web):64;mem:1;ports:[31000-31001,31005-31005];zones:{b,a};bandwidth:7"),
            r#"{"cpus":1.5,"mem":65.0,"disk":0.0,"gpus":0.0,"bandwidth":7.0,"ports":"[31000-31001, 31005-31005]","zones":"{a, b}"}"#
        );
    }
}
