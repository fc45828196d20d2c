//! Small values: labels, durations, times, ranges, sets, attributes, fault domains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::FaultDomain;
use crate::attribute::{AttributeValue, Attributes};
use crate::error::{Rejection, RejectionCode};
use crate::maintenance::Unavailability;
use crate::resource::{Label, Labels, Range, Ranges, Scalar, Set};
use crate::time::WallTime;
use crate::wire::v1;

impl From<v1::Labels> for Labels {
    fn from(labels: v1::Labels) -> Self {
        labels.labels.into_iter().map(|label| Label { key: label.key, value: label.value }).collect()
    }
}

impl From<&Labels> for v1::Labels {
    fn from(labels: &Labels) -> Self {
        let label = |label: &Label| v1::Label { key: label.key.clone(), value: label.value.clone() };
        Self { labels: labels.as_slice().iter().map(label).collect() }
    }
}

/// Nothing when there are none.
pub(super) fn labels_to_wire(labels: &Labels) -> Option<v1::Labels> {
    (!labels.is_empty()).then(|| labels.into())
}

/// Labels whose keys are unique in the domain: of several with one key the last counts.
pub(super) fn label_map(labels: Option<v1::Labels>) -> BTreeMap<Arc<str>, Arc<str>> {
    let labels = labels.map(|labels| labels.labels).unwrap_or_default();
    labels.into_iter().map(|label| (label.key.into(), label.value.unwrap_or_default().into())).collect()
}

pub(super) fn labels_of(map: &BTreeMap<Arc<str>, Arc<str>>) -> Option<v1::Labels> {
    let label = |(key, value): (&Arc<str>, &Arc<str>)| v1::Label { key: (**key).into(), value: Some((**value).into()) };
    (!map.is_empty()).then(|| v1::Labels { labels: map.iter().map(label).collect() })
}

impl TryFrom<v1::DurationInfo> for Duration {
    type Error = Rejection;

    fn try_from(duration: v1::DurationInfo) -> Result<Self, Rejection> {
        let nanos = u64::try_from(duration.nanoseconds).map_err(|_| {
            let what = format!("a duration of {} ns", duration.nanoseconds);
            Rejection::new(RejectionCode::InvalidTask, what, "give a duration of 0 or more")
        })?;
        Ok(Self::from_nanos(nanos))
    }
}

impl From<Duration> for v1::DurationInfo {
    fn from(duration: Duration) -> Self {
        Self { nanoseconds: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) }
    }
}

impl From<WallTime> for v1::TimeInfo {
    fn from(time: WallTime) -> Self {
        Self { nanoseconds: i64::try_from(time.as_nanos()).unwrap_or(i64::MAX) }
    }
}

impl From<v1::TimeInfo> for WallTime {
    /// Before 1970 counts as 1970.
    fn from(time: v1::TimeInfo) -> Self {
        Self::from_nanos(u64::try_from(time.nanoseconds).unwrap_or(0))
    }
}

impl From<&Unavailability> for v1::Unavailability {
    fn from(unavailability: &Unavailability) -> Self {
        Self { start: unavailability.start.into(), duration: unavailability.duration.map(Into::into) }
    }
}

/// Seconds since 1970 with a fraction, as updates tell their time.
pub(super) fn seconds_of(time: WallTime) -> f64 {
    Duration::from_nanos(time.as_nanos()).as_secs_f64()
}

impl TryFrom<v1::value::Ranges> for Ranges {
    type Error = Rejection;

    fn try_from(ranges: v1::value::Ranges) -> Result<Self, Rejection> {
        let ranges = ranges.range.into_iter().map(|range| Range { begin: range.begin, end: range.end });
        Self::new(ranges).map_err(|error| refuse(&error))
    }
}

impl From<&Ranges> for v1::value::Ranges {
    fn from(ranges: &Ranges) -> Self {
        let range = |range: &Range| v1::value::Range { begin: range.begin, end: range.end };
        Self { range: ranges.as_slice().iter().map(range).collect() }
    }
}

impl TryFrom<v1::value::Set> for Set {
    type Error = Rejection;

    fn try_from(set: v1::value::Set) -> Result<Self, Rejection> {
        Self::new(set.item).map_err(|error| refuse(&error))
    }
}

impl From<&Set> for v1::value::Set {
    fn from(set: &Set) -> Self {
        Self { item: set.as_slice().to_vec() }
    }
}

impl TryFrom<v1::value::Scalar> for Scalar {
    type Error = Rejection;

    fn try_from(scalar: v1::value::Scalar) -> Result<Self, Rejection> {
        Self::from_f64(scalar.value).map_err(|error| refuse(&error))
    }
}

impl From<Scalar> for v1::value::Scalar {
    fn from(scalar: Scalar) -> Self {
        Self { value: scalar.to_f64() }
    }
}

fn refuse(error: &dyn std::fmt::Display) -> Rejection {
    Rejection::new(RejectionCode::InvalidResources, error.to_string(), "correct the value")
}

pub(super) fn attributes_of(attributes: &Attributes) -> Vec<v1::Attribute> {
    attributes.iter().map(attribute).collect()
}

fn attribute((name, value): (&str, &AttributeValue)) -> v1::Attribute {
    let mut attribute = v1::Attribute { name: name.to_owned(), ..Default::default() };
    match value {
        AttributeValue::Scalar(scalar) => {
            attribute.set_type(v1::value::Type::Scalar);
            attribute.scalar = Some((*scalar).into());
        }
        AttributeValue::Ranges(ranges) => {
            attribute.set_type(v1::value::Type::Ranges);
            attribute.ranges = Some(ranges.into());
        }
        AttributeValue::Text(text) => {
            attribute.set_type(v1::value::Type::Text);
            attribute.text = Some(v1::value::Text { value: (**text).to_owned() });
        }
    }
    attribute
}

impl From<&FaultDomain> for v1::DomainInfo {
    fn from(domain: &FaultDomain) -> Self {
        let region = v1::domain_info::fault_domain::RegionInfo { name: (*domain.region).to_owned() };
        let zone = v1::domain_info::fault_domain::ZoneInfo { name: (*domain.zone).to_owned() };
        Self { fault_domain: Some(v1::domain_info::FaultDomain { region, zone }) }
    }
}
