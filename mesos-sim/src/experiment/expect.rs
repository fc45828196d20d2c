//! What should come out, beside what did.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// Something that should come out.
///
/// ```toml
/// [[expect]]
/// what = "batch waits longer when services think for 10 s instead of 1 s"
/// metric = "wait_mean_secs"
/// queue = "batch"
/// where = { "queue.1.scheduler.think_per_job" = "10s" }
/// over = { where = { "queue.1.scheduler.think_per_job" = "1s" } }
/// paper = 6.2
/// low = 2.0
/// high = 12.0
/// ```
///
/// Where the bounds exclude what the paper says, `differs` says why.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What it is, in words.
    pub what: String,
    /// Which figure; the mean over all cases it is about.
    #[serde(default)]
    pub metric: Option<String>,
    /// Whose.
    #[serde(default)]
    pub queue: Option<String>,
    /// Which cases: those with these values.
    #[serde(default, rename = "where")]
    pub cases: BTreeMap<String, toml::Value>,
    /// The figure is divided by this one.
    #[serde(default)]
    pub over: Option<Over>,
    /// Instead of a figure: the queues of the first launches, in their order.
    #[serde(default)]
    pub launches: Option<Vec<String>>,
    /// What the paper says.
    #[serde(default)]
    pub paper: Option<f64>,
    /// It should not be smaller.
    #[serde(default)]
    pub low: Option<f64>,
    /// It should not be larger.
    #[serde(default)]
    pub high: Option<f64>,
    /// Where the paper says so, or how the bound was derived.
    #[serde(default)]
    pub source: String,
    /// Why the bounds exclude what the paper says; to be said where they do, and only there.
    #[serde(default)]
    pub differs: Option<String>,
    /// Where it stands on a figure of the paper that is drawn again.
    #[serde(default)]
    pub on: Option<Place>,
}

impl Expect {
    /// Whether what the paper says is not within the bounds.
    #[must_use]
    pub fn excludes_paper(&self) -> bool {
        self.paper.is_some_and(|paper| !self.is_within(paper))
    }

    fn is_within(&self, value: f64) -> bool {
        self.low.is_none_or(|low| value >= low) && self.high.is_none_or(|high| value <= high)
    }
}

/// A place on a figure of the paper.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Which figure.
    pub figure: String,
    /// Which of its lines.
    pub series: String,
    /// Where along the horizontal axis.
    pub at: At,
}

/// Where along the horizontal axis: at a value of what is varied, or above a name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum At {
    /// At this value.
    Number(f64),
    /// Above this name.
    Name(String),
}

/// The figure that another one is divided by; what is not said is as in the other.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Over {
    /// Which figure.
    #[serde(default)]
    pub metric: Option<String>,
    /// Whose; "" for all queues together.
    #[serde(default)]
    pub queue: Option<String>,
    /// Which cases.
    #[serde(default, rename = "where")]
    pub cases: Option<BTreeMap<String, toml::Value>>,
}

/// How it turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the bounds.
    Holds,
    /// Within bounds that what the paper says is not within, for a reason that is stated.
    Differs,
    /// Outside.
    Fails,
    /// There is no such figure.
    Missing,
}

impl Verdict {
    /// Whether it is within the bounds.
    #[must_use]
    pub const fn is_within(self) -> bool {
        matches!(self, Self::Holds | Self::Differs)
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Differs => "differs",
            Self::Fails => "FAILS",
            Self::Missing => "MISSING",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many findings turned out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Within the bounds, as is what the paper says if it says something.
    pub holding: usize,
    /// Within bounds that exclude what the paper says.
    pub differing: usize,
    /// Outside, or not there.
    pub failing: usize,
}

impl Tally {
    /// Counts these.
    #[must_use]
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        findings.into_iter().fold(Self::default(), |mut tally, finding| {
            match finding.verdict {
                Verdict::Holds => tally.holding += 1,
                Verdict::Differs => tally.differing += 1,
                Verdict::Fails | Verdict::Missing => tally.failing += 1,
            }
            tally
        })
    }

    /// All of them.
    #[must_use]
    pub const fn all(self) -> usize {
        self.holding + self.differing + self.failing
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holding, differing, failing } = self;
        write!(f, "{holding} hold, {differing} differ from the paper for a stated reason, {failing} fail")
    }
}

/// What was expected and what was found.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// What the paper says.
    pub paper: String,
    /// What was found here.
    pub here: String,
    /// Within what it should be.
    pub bound: String,
    /// Whether it is.
    pub verdict: Verdict,
    /// Where the paper says so.
    pub source: String,
    /// Why the bound excludes what the paper says, if it does.
    pub differs: Option<String>,
    /// What the paper says, as a number.
    pub paper_value: Option<f64>,
    /// What was found, as a number.
    pub here_value: Option<f64>,
    /// The smallest it may be.
    pub low: Option<f64>,
    /// The largest it may be.
    pub high: Option<f64>,
}

pub(super) fn judge(expected: &[Expect], outcomes: &[Outcome]) -> Vec<Finding> {
    expected.iter().map(|expect| finding(expect, outcomes)).collect()
}

fn finding(expect: &Expect, outcomes: &[Outcome]) -> Finding {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), show);
    let mut finding = Finding {
        what: expect.what.clone(),
        paper: number(expect.paper),
        here: "-".to_owned(),
        bound: bound(expect.low, expect.high),
        verdict: Verdict::Missing,
        source: expect.source.clone(),
        differs: expect.differs.clone(),
        paper_value: expect.paper,
        here_value: None,
        low: expect.low,
        high: expect.high,
    };
    if let Some(launches) = &expect.launches {
        finding.paper = launches.join(" ");
        finding.bound = "equal".to_owned();
        let mut found: Option<&[String]> = None;
        let mut is_equal = true;
        for outcome in outcomes.iter().filter(|outcome| is_among(outcome, &expect.cases)) {
            let own = &outcome.launches[..launches.len().min(outcome.launches.len())];
            is_equal &= own == launches;
            found.get_or_insert(own);
        }
        if let Some(found) = found {
            finding.here = found.join(" ");
            finding.verdict = if is_equal { Verdict::Holds } else { Verdict::Fails };
        }
        return finding;
    }
    let mut value = mean(expect.metric.as_deref(), expect.queue.as_deref(), &expect.cases, outcomes);
    if let Some(over) = &expect.over {
        let metric = over.metric.as_deref().or(expect.metric.as_deref());
        let queue = over.queue.as_deref().or(expect.queue.as_deref()).filter(|name| !name.is_empty());
        let by = mean(metric, queue, over.cases.as_ref().unwrap_or(&expect.cases), outcomes);
        value = value.zip(by).and_then(|(value, by)| (by.abs() > f64::MIN_POSITIVE).then(|| value / by));
    }
    if let Some(value) = value {
        (finding.here, finding.here_value) = (show(value), Some(value));
        finding.verdict = match (expect.is_within(value), expect.excludes_paper()) {
            (true, false) => Verdict::Holds,
            (true, true) => Verdict::Differs,
            (false, _) => Verdict::Fails,
        };
    }
    finding
}

fn bound(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{}..{}", show(low), show(high)),
        (Some(low), None) => format!("≥ {}", show(low)),
        (None, Some(high)) => format!("≤ {}", show(high)),
        (None, None) => "-".to_owned(),
    }
}

/// Four digits that count.
pub(super) fn show(value: f64) -> String {
    let size = value.abs();
    let text = match () {
        () if size == 0.0 => return "0".to_owned(),
        () if size >= 1_000.0 => format!("{value:.0}"),
        () if size >= 100.0 => format!("{value:.1}"),
        () if size >= 10.0 => format!("{value:.2}"),
        () if size >= 0.1 => format!("{value:.3}"),
        () if size >= 0.001 => format!("{value:.5}"),
        () => return format!("{value:.2e}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[allow(clippy::cast_precision_loss, reason = "a count of cases")]
fn mean(
    metric: Option<&str>,
    queue: Option<&str>,
    cases: &BTreeMap<String, toml::Value>,
    outcomes: &[Outcome],
) -> Option<f64> {
    let metric = metric?;
    let own = outcomes.iter().filter(|outcome| is_among(outcome, cases));
    let values: Vec<f64> = own.filter_map(|outcome| outcome.get(metric, queue)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn is_among(outcome: &Outcome, cases: &BTreeMap<String, toml::Value>) -> bool {
    cases.iter().all(|(name, value)| {
        let wanted = match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        outcome.parameters.iter().any(|(own, value)| own == name && *value == wanted)
    })
}
