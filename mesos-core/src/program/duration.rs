//! Durations as flags of Mesos write them (`3rdparty/stout/include/stout/duration.hpp`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("secs", 1.0),
    ("mins", 60.0),
    ("hrs", 3_600.0),
    ("days", 86_400.0),
    ("weeks", 604_800.0),
];

/// A duration written as a number and a unit: `500ms`, `1.5mins`, `2weeks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MesosDuration(pub Duration);

impl FromStr for MesosDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = |what: &str| {
            let units: Vec<_> = UNITS.iter().map(|(name, _)| *name).collect();
            format!(
                "{text:?} is no duration: {what}; write a number and one of {}, for example 75secs",
                units.join(" ")
            )
        };
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(|| problem("it has no unit"))?;
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| problem("it does not begin with a number"))?;
        let (_, secs) =
            UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(|| problem("its unit is not known"))?;
        Duration::try_from_secs_f64(number * secs).map(Self).map_err(|_| problem("it is too long"))
    }
}

impl fmt::Display for MesosDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let whole = |per: u128| nanos > 0 && nanos.is_multiple_of(per);
        let (unit, per) = match () {
            () if whole(604_800_000_000_000) => ("weeks", 604_800_000_000_000),
            () if whole(86_400_000_000_000) => ("days", 86_400_000_000_000),
            () if whole(3_600_000_000_000) => ("hrs", 3_600_000_000_000),
            () if whole(60_000_000_000) => ("mins", 60_000_000_000),
            () if nanos == 0 || whole(1_000_000_000) => ("secs", 1_000_000_000),
            () if whole(1_000_000) => ("ms", 1_000_000),
            () if whole(1_000) => ("us", 1_000),
            () => ("ns", 1),
        };
        write!(f, "{}{unit}", nanos / per)
    }
}

impl From<MesosDuration> for Duration {
    fn from(duration: MesosDuration) -> Self {
        duration.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_write_is_read_and_written_alike() {
        for text in ["15secs", "10mins", "1hrs", "2weeks", "250ms", "3days", "7us", "9ns", "0secs"] {
            assert_eq!(text.parse::<MesosDuration>().unwrap().to_string(), text);
        }
        assert_eq!("1.5mins".parse::<MesosDuration>().unwrap().0, Duration::from_secs(90));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in ["", "5", "secs", "5 secs", "5s", "-1secs", "1e9weeks", "9999999999999999999999weeks"] {
            assert!(text.parse::<MesosDuration>().unwrap_err().contains("75secs"), "{text}");
        }
    }
}
