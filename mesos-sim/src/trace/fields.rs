//! One row, split into the columns of its table.

use std::borrow::Cow;

use serde_json::Value;

use super::rule::{Refusal, Rule};

/// A number, as every table writes it: nothing but a finite one.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number, or the refusal of the column it should be in.
pub(super) fn parse(text: &str, column: &'static str) -> Result<f64, Refusal> {
    number(text).ok_or_else(|| Refusal::new(Rule::NotANumber, column, text))
}

/// So many things; of parts of one there are none, which is refused as such.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "judged before it is believed")]
pub(super) fn count(number: f64) -> u32 {
    if number.fract().abs() > 0.0 { 0 } else { number as u32 }
}

/// What stands between two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Comma,
    Tab,
    Blanks,
    /// Every line is a JSON object or, exported as a table, a row with a header.
    Json,
}

/// Where the columns of a table stand in a file.
#[derive(Debug)]
pub(super) struct Columns {
    names: &'static [&'static str],
    separator: Separator,
    /// For each column its place in the file, if a header said so.
    places: Option<Vec<Option<usize>>>,
}

impl Columns {
    pub(super) const fn of(names: &'static [&'static str], separator: Separator) -> Self {
        Self { names, separator, places: None }
    }

    /// Takes a line for the header if it names columns.
    pub(super) fn take_header(&mut self, line: &str) -> bool {
        if self.separator == Separator::Json && line.starts_with('{') {
            return false;
        }
        let found: Vec<String> =
            split(line, self.separator).iter().map(|name| name.trim().trim_matches('"').to_ascii_lowercase()).collect();
        let places = self.places_in(&found);
        let known = places.iter().flatten().count();
        let is_header = known * 2 >= found.len() && known > 0;
        if is_header {
            self.places = Some(places);
        }
        is_header
    }

    /// Takes the columns of a file that always names them, in small letters.
    #[cfg(feature = "parquet")]
    pub(super) fn take_names(&mut self, found: &[String]) {
        self.places = Some(self.places_in(found));
    }

    fn places_in(&self, found: &[String]) -> Vec<Option<usize>> {
        // A column may go by several names.
        let is = |name: &str, own: &str| name.split('|').any(|name| name.eq_ignore_ascii_case(own));
        self.names.iter().map(|name| found.iter().position(|own| is(name, own))).collect()
    }
}

/// The fields of one row, in the order of the table's columns.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    fields: Vec<Cow<'a, str>>,
    columns: &'a Columns,
    object: Option<Value>,
    is_malformed: bool,
}

impl<'a> Fields<'a> {
    /// Fields that need not be split.
    #[cfg(feature = "parquet")]
    pub(super) const fn of(fields: Vec<Cow<'a, str>>, columns: &'a Columns) -> Self {
        Self { fields, columns, object: None, is_malformed: false }
    }

    pub(super) fn split(line: &'a str, columns: &'a Columns) -> Self {
        if columns.separator == Separator::Json && line.starts_with('{') {
            return Self::entry(line.as_bytes(), columns);
        }
        Self { fields: split(line, columns.separator), columns, object: None, is_malformed: false }
    }

    /// The members of one object.
    pub(super) fn entry(bytes: &[u8], columns: &'a Columns) -> Self {
        let object = serde_json::from_slice(bytes).ok().filter(Value::is_object);
        Self { fields: Vec::new(), columns, is_malformed: object.is_none(), object }
    }

    /// Whether it should have been an object, and is none.
    pub(super) const fn is_malformed(&self) -> bool {
        self.is_malformed
    }

    /// A member as it is; nothing if it is missing, or the row is no object.
    pub(super) fn value(&self, column: usize) -> Option<&Value> {
        find(self.object.as_ref()?, self.columns.names[column]).filter(|value| !value.is_null())
    }

    /// A number that is no text; nothing if it is missing.
    pub(super) fn plain_number(&self, column: usize) -> Result<Option<f64>, Refusal> {
        let wrong = |value: &Value| Refusal::new(Rule::NotANumber, self.columns.names[column], &value.to_string());
        self.value(column).map(|value| value.as_f64().ok_or_else(|| wrong(value))).transpose()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match &self.object {
            Some(object) => object.as_object().map_or(0, serde_json::Map::len),
            None => self.fields.len(),
        }
    }

    /// The text at a place of the row, whatever the columns are called.
    pub(super) fn nth(&self, place: usize) -> Option<&str> {
        self.fields.get(place).map(|text| text.trim())
    }

    /// The text of a column; nothing if it is missing or empty.
    pub(super) fn text(&self, column: usize) -> Option<Cow<'_, str>> {
        if let Some(object) = &self.object {
            return member(object, self.columns.names[column]);
        }
        let place = self.columns.places.as_ref().map_or(Some(column), |places| places[column])?;
        let text = self.fields.get(place)?.trim();
        (!text.is_empty()).then_some(Cow::Borrowed(text))
    }

    /// A text that must be there.
    pub(super) fn name(&self, column: usize) -> Result<Cow<'_, str>, Refusal> {
        self.text(column).ok_or_else(|| Refusal::new(Rule::MissingField, self.columns.names[column], ""))
    }

    /// The number in a column; nothing if it is missing.
    pub(super) fn number(&self, column: usize) -> Result<Option<f64>, Refusal> {
        self.text(column).map(|text| parse(&text, self.columns.names[column])).transpose()
    }

    /// A whole number that stands for something.
    #[allow(clippy::cast_possible_truncation, reason = "whole, and what is too large stands for nothing")]
    pub(super) fn code(&self, column: usize) -> Result<i64, Refusal> {
        let number = self.required(column)?;
        let wrong = || Refusal::new(Rule::NotANumber, self.columns.names[column], &number.to_string());
        if number.fract().abs() > 0.0 { Err(wrong()) } else { Ok(number as i64) }
    }

    /// A number that must be there.
    pub(super) fn required(&self, column: usize) -> Result<f64, Refusal> {
        self.number(column)?.ok_or_else(|| Refusal::new(Rule::MissingField, self.columns.names[column], ""))
    }

    /// A number of which -1 means unknown.
    pub(super) fn known(&self, column: usize) -> Result<Option<f64>, Refusal> {
        Ok(self.number(column)?.filter(|number| (*number + 1.0).abs() > f64::EPSILON))
    }
}

/// Members of members are named with a point between.
fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(object, |value, name| value.get(name))
}

fn member<'a>(object: &'a Value, path: &str) -> Option<Cow<'a, str>> {
    match find(object, path)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Null => None,
        other => Some(Cow::Owned(other.to_string())),
    }
}

fn split(line: &str, separator: Separator) -> Vec<Cow<'_, str>> {
    match separator {
        Separator::Blanks => line.split_whitespace().map(Cow::Borrowed).collect(),
        Separator::Tab => line.split('\t').map(Cow::Borrowed).collect(),
        Separator::Comma | Separator::Json if !line.contains('"') => line.split(',').map(Cow::Borrowed).collect(),
        Separator::Comma | Separator::Json => quoted(line).into_iter().map(Cow::Owned).collect(),
    }
}

/// Fields between commas, some of them between quotes; a doubled quote within is one (RFC 4180).
fn quoted(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut is_inside) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_inside && letters.peek() == Some(&'"') => {
                field.push('"');
                letters.next();
            }
            '"' => is_inside = !is_inside,
            ',' if !is_inside => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_commas_together() {
        assert_eq!(quoted(r#"a,"b,""c""",,d"#), ["a", r#"b,"c""#, "", "d"]);
    }

    #[test]
    fn a_header_may_order_columns_as_it_likes() {
        let mut columns = Columns::of(&["time", "cpus", "name"], Separator::Comma);
        assert!(columns.take_header("Name, TIME ,extra,cpus"));
        let fields = Fields::split("x,5,?,0.5", &columns);
        assert_eq!((fields.number(0).unwrap(), fields.number(1).unwrap()), (Some(5.0), Some(0.5)));
        assert_eq!(fields.text(2).as_deref(), Some("x"));
        assert!(!Columns::of(&["time", "cpus"], Separator::Comma).take_header("5,0.5"));
    }

    #[test]
    fn members_of_an_object_are_columns() {
        let columns = Columns::of(&["time", "resource_request.cpus", "user"], Separator::Json);
        let fields = Fields::split(r#"{"time":"5","resource_request":{"cpus":0.25},"user":null}"#, &columns);
        assert_eq!((fields.required(0).unwrap(), fields.required(1).unwrap()), (5.0, 0.25));
        assert_eq!(fields.text(2), None);
    }

    #[test]
    fn only_finite_numbers_are_numbers() {
        for text in ["NaN", "inf", "-Infinity", "1e999", "", "five", "0x10"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!((number(" 1.5 "), number("-2e3"), count(2.0), count(2.5)), (Some(1.5), Some(-2_000.0), 2, 0));
    }
}
