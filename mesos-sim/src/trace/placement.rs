//! Where tasks of Google's traces may run, and what machines are like: `machine_attributes` of both years, `task_constraints`
//! of 2011, and the constraints that stand in `instance_events` of 2019.
//!
//! Names and values are hashed in the traces; what a name here may not contain is left out of them, the same everywhere.
//!
//! Reiss, Wilkes, Hellerstein, "Google cluster-usage traces: format + schema", 2011; Wilkes, "Google cluster-usage traces
//! v3", 2020.

use serde_json::Value;

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
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let relation = match fields.code(3)? {
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
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        attribute(fields, line, builder)
    }
}

#[derive(Debug, Default)]
pub(super) struct Attributes2019;

impl Attributes2019 {
    pub(super) const COLUMNS: &'static [&'static str] = &["time", "machine_id", "name", "value", "deleted"];
    pub(super) const SEPARATOR: Separator = Separator::Json;
}

impl Reader for Attributes2019 {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        attribute(fields, line, builder)
    }
}

fn attribute(fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
    let (machine, name) = (fields.name(1)?, plain(&fields.name(2)?));
    let is_deleted = match fields.text(4).as_deref().unwrap_or("0") {
        "0" | "false" | "FALSE" => false,
        "1" | "true" | "TRUE" => true,
        other => return Err(Refusal::new(Rule::UnknownState, "deleted", other)),
    };
    // What a machine loses later it had at first: agents keep their attributes for a whole run.
    let value = if is_deleted { String::new() } else { plain(&fields.text(3).unwrap_or_default()) };
    builder.attribute(&machine, name, value, line);
    Ok(())
}

/// What an instance of 2019 demands: a list of names, values and relations, which are numbers or, in exports, names.
pub(super) fn constraints_2019(fields: &Fields<'_>, column: usize) -> Result<Vec<Constraint>, Refusal> {
    let Some(list) = fields.value(column) else { return Ok(Vec::new()) };
    let wrong = |value: &Value| Refusal::new(Rule::UnknownState, "constraint", &value.to_string());
    list.as_array().ok_or_else(|| wrong(list))?.iter().map(|one| constraint(one).ok_or_else(|| wrong(one))).collect()
}

fn constraint(one: &Value) -> Option<Constraint> {
    let text = |name| match one.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let attribute = plain(&text("name"));
    let value = plain(&text("value"));
    let (relation, value) = match &*text("relation") {
        "" | "0" | "EQUAL" => (Relation::Equal, value),
        "1" | "NOT_EQUAL" => (Relation::NotEqual, value),
        "2" | "LESS_THAN" => (Relation::Less, value),
        "3" | "GREATER_THAN" => (Relation::Greater, value),
        "4" | "LESS_THAN_EQUAL" => (Relation::AtMost, value),
        "5" | "GREATER_THAN_EQUAL" => (Relation::AtLeast, value),
        "6" | "PRESENT" => (Relation::Present, String::new()),
        // Equal to nothing.
        "7" | "NOT_PRESENT" => (Relation::Equal, String::new()),
        _ => return None,
    };
    (!attribute.is_empty()).then(|| Constraint { attribute: attribute.into(), relation, value: value.into() })
}
