//! Amounts of bytes as flags of Mesos write them (`3rdparty/stout/include/stout/bytes.hpp`).

use std::fmt;
use std::str::FromStr;

const UNITS: [(&str, u64); 5] = [("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)];

/// An amount written as a whole number and a unit, each 1,024 of the one before: `512MB`, `4GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MesosBytes(pub u64);

impl FromStr for MesosBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = |what: &str| {
            let units = UNITS.map(|(name, _)| name).join(" ");
            format!("{text:?} is no amount of bytes: {what}; write a number and one of {units}, for example 512MB")
        };
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| problem("it has no unit"))?;
        let (number, unit) = text.split_at(end);
        let number: u64 = number.parse().map_err(|_| problem("it does not begin with a whole number"))?;
        let (_, each) =
            UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(|| problem("its unit is not known"))?;
        number.checked_mul(each).map(Self).ok_or_else(|| problem("it is too much"))
    }
}

impl fmt::Display for MesosBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = |(_, each): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*each);
        let (unit, each) = UNITS.iter().rev().find(is_whole).unwrap_or(&UNITS[0]);
        write!(f, "{}{unit}", self.0 / each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_alike_and_others_refused_with_an_example() {
        for text in ["4GB", "512MB", "1KB", "3B", "0B", "2TB"] {
            assert_eq!(text.parse::<MesosBytes>().unwrap().to_string(), text);
        }
        assert_eq!("1KB".parse::<MesosBytes>(), Ok(MesosBytes(1_024)));
        for text in ["", "4", "GB", "4gb", "1.5GB", "-1B", "99999999999TB"] {
            assert!(text.parse::<MesosBytes>().unwrap_err().contains("512MB"), "{text}");
        }
    }
}
