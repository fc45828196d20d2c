//! Where tasks of Google's trace of 2011 may run: `task_constraints`, and what machines are like: `machine_attributes`.
//!
//! Both are read before the tables they speak of: the constraints of a task are known when it ends, the attributes of a
//! machine before it is made. Names and values are hashed in the trace; what a name here may not contain is left out of
//! them, the same in both tables.
//!
//! Reiss, Wilkes, Hellerstein, "Google cluster-usage traces: format + schema", 2011.

use super::builder::Builder;
use super::fields::{Fields, Separator};
use super::google::id;
use super::rule::{Refusal, Rule};
use super::table::Reader;
use crate::workload::{Constraint, Relation};

/// A name or value as it can be said of an agent.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').take(40).collect()
}

#[derive(Debug, Default)]
pub(super) struct Constraints2011;

impl Constraints2011 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["time", "job_id", "task_index", "comparison_operator", "attribute_name", "attribute_value"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Constraints2011 {
    #[allow(clippy::cast_possible_truncation, reason = "a small whole number")]
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let relation = match fields.required(3)? as i64 {
            0 => Relation::Equal,
            1 => Relation::NotEqual,
            2 => Relation::Less,
            3 => Relation::Greater,
            other => return Err(Refusal::new(Rule::UnknownState, "comparison_operator", &other.to_string())),
        };
        let value = plain(&fields.text(5).unwrap_or_default());
        let constraint = Constraint { attribute: plain(&fields.name(4)?).into(), relation, value: value.into() };
        builder.constrain((id(fields, 1)?, id(fields, 2)?), constraint);
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct Attributes2011;

impl Attributes2011 {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["time", "machine_id", "attribute_name", "attribute_value", "attribute_deleted"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Attributes2011 {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        // What a machine loses later it had at first: agents keep their attributes for a whole run.
        if fields.number(4)? != Some(1.0) {
            let value = plain(&fields.text(3).unwrap_or_default());
            builder.attribute(&fields.name(1)?, plain(&fields.name(2)?), value);
        }
        Ok(())
    }
}
