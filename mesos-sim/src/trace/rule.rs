//! What rows may not be, and what is done about those that are.

use std::fmt;

/// What is done about a row that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The row is left out.
    Refused,
    /// The row is changed as the rule says, and kept.
    Repaired,
}

/// What may be wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// A field that must be there is not: the line was cut off, or is of another table.
    MissingField,
    /// An entry of a document, or a line of such entries, that is not sound JSON.
    Malformed,
    /// A field should be a number.
    NotANumber,
    /// A state or type that the schema does not have.
    UnknownState,
    /// It ends before it begins.
    NegativeTime,
    /// It asks for neither cores nor GPUs.
    AsksForNothing,
    /// Nothing says how long it ran: it was cancelled before it started, or the trace never says.
    NeverRan,
    /// It runs longer than [`Options::run_max`](super::Options::run_max).
    TooLong,
    /// It has no tasks, more than [`Options::tasks_max`](super::Options::tasks_max), or an amount below nothing or beyond what
    /// can be counted.
    AbsurdSize,
    /// The same job or task is submitted, or measured again, while it still runs.
    Overlapping,
    /// The same thing is told of again, or in parts as well: what was told first counts.
    ToldAgain,
    /// An event of something that was never there.
    OutOfNowhere,
    /// It lies outside [`Options::from`](super::Options::from) and [`Options::until`](super::Options::until), or behind the first
    /// [`Options::jobs_max`](super::Options::jobs_max) jobs.
    OutsideWindow,
    /// It lies farther from the beginning than [`Options::time_max`](super::Options::time_max).
    TooFar,
    /// It holds resources for others, and is no work of its own.
    NoWork,
    /// No machine of the cluster is large enough for it.
    FitsNowhere,
    /// It was submitted before the trace began: counts as submitted at its beginning.
    BeforeTheBeginning,
    /// It stands behind rows that come later: rows are sorted by time.
    OutOfOrder,
    /// It ran for less than a millisecond: counts as one.
    NoTime,
    /// It did not end within the trace: counts as running until the trace's end, unless that is [`Self::TooLong`].
    NoEnd,
    /// What memory it needs is not known or impossible: counts as [`Options::mem_default`](super::Options::mem_default).
    NoMemory,
    /// It waits for something that is not there: it waits for nothing.
    NobodyToFollow,
    /// An amount is above what its unit allows, such as 101 of 100 parts: counts as all of it.
    AboveTheUnit,
    /// It asks for a part of a GPU, which the kernel does not divide: counts as a whole one.
    PartOfAGpu,
    /// It was run again after being evicted or lost: its last run counts.
    RunAgain,
    /// What it has or asks for is changed later on: it is left as it was first.
    Changed,
    /// An estimate, a deadline or a time to think that cannot be, or is beyond
    /// [`Options::time_max`](super::Options::time_max): left out.
    NoHint,
    /// A field that is missing can be had from others, or has a usual value: that one.
    FromOthers,
    /// The table tells nothing of cores, memory or run times, and never does: they are made of constants, which its file names.
    Invented,
    /// A measurement that cannot be, which stands for what could not be measured: left out.
    NotMeasured,
    /// What a file's header says of the machines cannot be: left out.
    BadHeader,
    /// The file ends in the middle: what was there counts.
    TruncatedFile,
}

impl Rule {
    /// What is done about it.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::MissingField
            | Self::Malformed
            | Self::NotANumber
            | Self::UnknownState
            | Self::NegativeTime
            | Self::AsksForNothing
            | Self::NeverRan
            | Self::TooLong
            | Self::AbsurdSize
            | Self::Overlapping
            | Self::ToldAgain
            | Self::OutOfNowhere
            | Self::OutsideWindow
            | Self::TooFar
            | Self::NoWork
            | Self::FitsNowhere => Verdict::Refused,
            Self::BeforeTheBeginning
            | Self::OutOfOrder
            | Self::NoTime
            | Self::NoEnd
            | Self::NoMemory
            | Self::NobodyToFollow
            | Self::AboveTheUnit
            | Self::PartOfAGpu
            | Self::RunAgain
            | Self::Changed
            | Self::NoHint
            | Self::FromOthers
            | Self::Invented
            | Self::NotMeasured
            | Self::BadHeader
            | Self::TruncatedFile => Verdict::Repaired,
        }
    }

    /// Whether rows of another table, read as this one, would break it.
    pub(super) const fn speaks_of_another_table(self) -> bool {
        matches!(self, Self::MissingField | Self::Malformed | Self::NotANumber | Self::UnknownState | Self::AbsurdSize)
    }

    /// In words, for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::MissingField => "a field is missing",
            Self::Malformed => "is not sound JSON",
            Self::NotANumber => "a field is not a number",
            Self::UnknownState => "a state or type that the schema does not have",
            Self::NegativeTime => "ends before it begins",
            Self::AsksForNothing => "asks for neither cores nor GPUs",
            Self::NeverRan => "nothing says how long it ran",
            Self::TooLong => "runs longer than is believed",
            Self::AbsurdSize => "has no tasks, more of them than are believed, or an amount that cannot be",
            Self::Overlapping => "begins while it still runs",
            Self::ToldAgain => "told of again, or in parts: what was told first counts",
            Self::OutOfNowhere => "an event of something that was never there",
            Self::OutsideWindow => "lies outside the window that was asked for",
            Self::TooFar => "lies farther from the beginning than is believed",
            Self::NoWork => "holds resources for others: no work of its own",
            Self::FitsNowhere => "fits no machine of the cluster",
            Self::BeforeTheBeginning => "submitted before the beginning: counted as submitted then",
            Self::OutOfOrder => "behind later rows: sorted by time",
            Self::NoTime => "ran for less than a millisecond: counted as one",
            Self::NoEnd => "did not end within the trace: counted as running to its end",
            Self::NoMemory => "memory not known or impossible: the default was taken",
            Self::NobodyToFollow => "follows something that is not there: follows nothing",
            Self::AboveTheUnit => "an amount above its unit: counted as all of it",
            Self::PartOfAGpu => "asks for a part of a GPU: counted as a whole one",
            Self::RunAgain => "run again after it was evicted or lost: its last run counts",
            Self::Changed => "changed later on: left as it was first",
            Self::NoHint => "an estimate, a deadline or a time to think that is not believed: left out",
            Self::FromOthers => "a field that is missing was taken from others, or as is usual",
            Self::Invented => "cores, memory or a run time that the table does not tell: made of constants",
            Self::NotMeasured => "a measurement that cannot be: left out",
            Self::BadHeader => "a header that says of the machines what cannot be: left out",
            Self::TruncatedFile => "the file ends in the middle: what was there counts",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// How often a rule was broken, and where first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// In which file first.
    pub file: String,
    /// In which line of it; 0 if it was found at the end.
    pub line: u64,
}

/// Why a row is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) rule: Rule,
    column: &'static str,
    text: String,
}

impl Refusal {
    pub(super) fn new(rule: Rule, column: &'static str, text: &str) -> Self {
        Self { rule, column, text: text.chars().take(60).collect() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() {
            write!(f, "{}: {}", self.column, self.rule)
        } else {
            write!(f, "{}: {}: {:?}", self.column, self.rule, self.text)
        }
    }
}
