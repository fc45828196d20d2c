//! What became of the rows of a trace, for people and for pages.

use std::collections::BTreeMap;
use std::fmt;

use super::rule::{Rule, Seen, Verdict};
use super::usage::Usage;
use super::{FileReport, Table};

/// What became of the rows of a trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TraceReport {
    /// Every file.
    pub files: Vec<FileReport>,
    /// Every rule that was broken.
    pub rules: BTreeMap<Rule, Seen>,
    /// What was measured, by table.
    pub usage: BTreeMap<Table, Usage>,
    /// Jobs that are left.
    pub jobs: u64,
    /// Tasks that are left.
    pub tasks: u64,
    /// Machines that are left.
    pub machines: u64,
}

impl TraceReport {
    /// Counts that a rule was broken once more.
    pub fn count(&mut self, rule: Rule, file: &str, line: u64) {
        self.rules.entry(rule).and_modify(|seen| seen.count += 1).or_insert_with(|| Seen {
            count: 1,
            file: file.to_owned(),
            line,
        });
    }
}

impl fmt::Display for TraceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            write!(
                f,
                "{}: {}, {} lines, {} rows, {} refused, compression {}",
                file.name, file.table, file.lines, file.rows, file.refused, file.compression
            )?;
            let remark = if file.table.is_used() { "" } else { "; a workload uses nothing of these rows" };
            writeln!(f, "{remark}")?;
            if file.table.is_used() && !file.unused.is_empty() {
                writeln!(f, "  nothing is made of its columns {}", file.unused.join(", "))?;
            }
        }
        for (rule, seen) in &self.rules {
            let verdict = match rule.verdict() {
                Verdict::Refused => "refused",
                Verdict::Repaired => "repaired",
            };
            write!(f, "  {verdict} {:>8}  {rule}; first in {}", seen.count, seen.file)?;
            // What was drawn is in no line of a file.
            if seen.line > 0 {
                write!(f, ", line {}", seen.line)?;
            }
            writeln!(f)?;
        }
        for (table, usage) in &self.usage {
            writeln!(f, "  used, by {table}: {usage}")?;
        }
        writeln!(f, "{} jobs, {} tasks, {} machines", self.jobs, self.tasks, self.machines)
    }
}
