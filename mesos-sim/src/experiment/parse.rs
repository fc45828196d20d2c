//! Texts in an experiment's file that mean something: spans of time, distributions, constraints.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::workload::{Constraint, Draw, Relation};

/// A span of time: `90`, `1.5`, `"250ms"`, `"90s"`, `"15m"`, `"24h"`, `"7d"`; a bare number is seconds. At most a hundred
/// years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span(pub Duration);

impl Span {
    /// A hundred years: sums of spans never leave the time there is.
    pub(super) const MAX: Self = Self::secs(36_525 * 86_400);

    pub(super) const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    fn of_secs(secs: f64) -> Option<Self> {
        Duration::try_from_secs_f64(secs).ok().map(Self).filter(|span| span.0 <= Self::MAX.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
        let number: f64 = text[..end].trim().parse().ok()?;
        let unit = match text[end..].trim() {
            "us" => 1e-6,
            "ms" => 1e-3,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        Self::of_secs(number * unit)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time, as 90 or \"250ms\", \"90s\", \"15m\", \"24h\", \"7d\"")
            }
            fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Span, E> {
                Span::of_secs(secs)
                    .ok_or_else(|| E::custom(format!("{secs} s is no span of time: from 0 up to 36525d")))
            }
            #[allow(clippy::cast_precision_loss, reason = "what is not exact is too long anyway")]
            fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Span, E> {
                self.visit_f64(secs as f64)
            }
            #[allow(clippy::cast_precision_loss, reason = "what is not exact is too long anyway")]
            fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Span, E> {
                self.visit_f64(secs as f64)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

/// A distribution: a number, or a table with one entry that names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DrawPart {
    /// Always this.
    Constant(f64),
    /// One of the named ones.
    Named(NamedDraw),
}

/// Distributions by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedDraw {
    /// The mean.
    Exponential(f64),
    /// The smallest and the largest value.
    Uniform([f64; 2]),
    /// Mean and deviation.
    Normal([f64; 2]),
    /// Median, and deviation of the logarithm.
    Lognormal([f64; 2]),
    /// The smallest value, the exponent, the largest value.
    Pareto([f64; 3]),
    /// Shape and scale.
    Weibull([f64; 2]),
    /// Values and their weights.
    Choice(Vec<[f64; 2]>),
    /// Samples, each as likely.
    Empirical(Vec<f64>),
    /// Samples in a file of the Omega simulator: cell, policy, kind and value in every line.
    Omega {
        /// The file.
        path: String,
        /// 0 for batch, 1 for services.
        kind: u32,
    },
}

impl DrawPart {
    /// The distribution; `read` reads a file.
    pub(super) fn draw(&self, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Draw, String> {
        let draw = match self {
            Self::Constant(value) => Draw::Constant(*value),
            Self::Named(named) => match named {
                NamedDraw::Exponential(mean) => Draw::Exponential(*mean),
                NamedDraw::Uniform([low, high]) => Draw::Uniform(*low, *high),
                NamedDraw::Normal([mean, deviation]) => Draw::Normal(*mean, *deviation),
                NamedDraw::Lognormal([median, sigma]) => Draw::LogNormal(*median, *sigma),
                NamedDraw::Pareto([low, shape, high]) => Draw::Pareto(*low, *shape, *high),
                NamedDraw::Weibull([shape, scale]) => Draw::Weibull(*shape, *scale),
                NamedDraw::Choice(values) => {
                    Draw::Choice(values.iter().map(|[value, weight]| (*value, *weight)).collect())
                }
                NamedDraw::Empirical(values) => Draw::Empirical(values.as_slice().into()),
                NamedDraw::Omega { path, kind } => Draw::Empirical(omega(&read(path)?, *kind)?.into()),
            },
        };
        draw.validate().map_err(|error| error.to_string())?;
        Ok(draw)
    }
}

fn omega(text: &str, kind: u32) -> Result<Vec<f64>, String> {
    let mut values = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, own, value] = words[..] else {
            return Err(format!("line {number}: a row has a cell, a policy, a kind and a value"));
        };
        let value: f64 = value.parse().map_err(|_| format!("line {number}: {value:?} is not a number"))?;
        if own.parse() == Ok(kind) {
            values.push(value);
        }
    }
    Ok(values)
}

/// `rack = r1`, `rack != r1`, `kernel < 5`, `kernel > 5`, `gpu_model in A|B`, `ssd`.
pub(super) fn constraint(text: &str) -> Result<Constraint, String> {
    let make = |attribute: &str, relation, value: &str| Constraint {
        attribute: attribute.trim().into(),
        relation,
        value: value.trim().into(),
    };
    let ways: [(&str, Relation); 5] = [
        ("!=", Relation::NotEqual),
        (" in ", Relation::OneOf),
        ("=", Relation::Equal),
        ("<", Relation::Less),
        (">", Relation::Greater),
    ];
    let found = ways.iter().find_map(|(sign, relation)| Some((text.split_once(sign)?, *relation)));
    let made = match found {
        Some(((attribute, value), relation)) => make(attribute, relation, value),
        None => make(text, Relation::Present, ""),
    };
    if made.attribute.is_empty() || made.attribute.contains(' ') {
        return Err(format!(
            "{text:?} is no constraint; write \"rack = r1\", \"kernel > 5\", \"gpu_model in A|B\" or \"ssd\""
        ));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        for (text, millis) in [("250ms", 250), ("90s", 90_000), ("1.5m", 90_000), ("24h", 86_400_000), ("2", 2_000)] {
            assert_eq!(Span::parse(text).map(|span| span.0.as_millis()), Some(millis), "{text}");
        }
        for text in ["", "5 parsecs", "-1s", "s", "nan", "1e12d"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn constraints_are_read_as_they_are_said() {
        let read = |text| constraint(text).map(|made| (made.attribute, made.relation, made.value));
        assert_eq!(read("rack = r1"), Ok(("rack".into(), Relation::Equal, "r1".into())));
        assert_eq!(read("gpu_model in A|B"), Ok(("gpu_model".into(), Relation::OneOf, "A|B".into())));
        assert_eq!(read("kernel>5"), Ok(("kernel".into(), Relation::Greater, "5".into())));
        assert_eq!(read("ssd"), Ok(("ssd".into(), Relation::Present, "".into())));
        assert!(read("two words").is_err() && read("= r1").is_err());
    }
}
