//! Rates and parts as operators of Mesos write them: `1/10mins`, `75%`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::MesosDuration;

/// So many in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MesosRate {
    count: u32,
    per: MesosDuration,
}

impl MesosRate {
    /// Between two of them at least, when they are spread evenly.
    #[must_use]
    pub fn every(self) -> Duration {
        self.per.0 / self.count
    }
}

impl FromStr for MesosRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |problem: &str| format!("{text:?} is no rate: {problem}; write for example 1/10mins");
        let (count, per) =
            text.split_once('/').ok_or_else(|| wrong("a count and a duration have a slash between them"))?;
        let count: u32 = count.trim().parse().map_err(|_| wrong("the count is a whole number"))?;
        let per: MesosDuration = per.trim().parse().map_err(|error: String| wrong(&error))?;
        if count == 0 || per.0.is_zero() {
            return Err(wrong("both are more than nothing"));
        }
        Ok(Self { count, per })
    }
}

impl fmt::Display for MesosRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per)
    }
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MesosPercent(f64);

impl MesosPercent {
    /// In millionths.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 100")]
    pub fn ppm(self) -> u32 {
        (self.0 * 1e4).round() as u32
    }
}

impl FromStr for MesosPercent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        percent.map(Self).ok_or_else(|| format!("{text:?} is no part of a whole; write it from 0% to 100%"))
    }
}

impl fmt::Display for MesosPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_mesos_writes_them() {
        let rate: MesosRate = "1/10mins".parse().unwrap();
        assert_eq!((rate.every(), rate.to_string().as_str()), (Duration::from_secs(600), "1/10mins"));
        assert_eq!("4/1secs".parse::<MesosRate>().unwrap().every(), Duration::from_millis(250));
        for wrong in ["", "1", "1/", "/10mins", "0/10mins", "1/0secs", "x/10mins", "1/10", "-1/10mins"] {
            let refused = wrong.parse::<MesosRate>().unwrap_err();
            assert!(refused.contains("write for example 1/10mins"), "{refused}");
        }
    }

    #[test]
    fn parts_are_read_as_mesos_writes_them() {
        let ppm = |text: &str| text.parse::<MesosPercent>().map(MesosPercent::ppm);
        assert_eq!((ppm("100%"), ppm("0%"), ppm("12.5%")), (Ok(1_000_000), Ok(0), Ok(125_000)));
        for wrong in ["100", "101%", "-1%", "%", "NaN%"] {
            assert!(ppm(wrong).is_err(), "{wrong}");
        }
    }
}
