//! One row, split into the columns of its table.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

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

/// So many columns of which nothing is made are named, at most.
const UNUSED_MAX: usize = 64;

/// Which columns a file has, and which of them anybody asked for. A bit for each.
#[derive(Debug, Default)]
struct Uses {
    there: Cell<u64>,
    asked: Cell<u64>,
    /// How many fields the last row had of which the columns were noted.
    width: Cell<usize>,
    /// Columns the table does not have.
    others: RefCell<BTreeSet<String>>,
}

impl Uses {
    fn mark(bits: &Cell<u64>, column: usize) {
        bits.set(bits.get() | 1_u64.checked_shl(u32::try_from(column).unwrap_or(u32::MAX)).unwrap_or(0));
    }

    fn other(&self, name: &str) {
        let mut others = self.others.borrow_mut();
        if !name.is_empty() && others.len() < UNUSED_MAX && !others.contains(name) {
            others.insert(name.chars().take(60).collect());
        }
    }
}

/// Where the columns of a table stand in a file.
#[derive(Debug)]
pub(super) struct Columns {
    names: &'static [&'static str],
    separator: Separator,
    /// The columns of rows with so many fields as one of these has, where there is no header.
    layouts: &'static [&'static [&'static str]],
    /// For each column its place in the file, if a header said so.
    places: Option<Vec<Option<usize>>>,
    uses: Uses,
}

impl Columns {
    pub(super) fn of(names: &'static [&'static str], separator: Separator) -> Self {
        Self { names, separator, layouts: &[], places: None, uses: Uses::default() }
    }

    /// In rows of so many fields as one of these has names, the columns are these.
    pub(super) fn laid_out(self, layouts: &'static [&'static [&'static str]]) -> Self {
        Self { layouts, ..self }
    }

    /// Where a column stands in a row of so many fields.
    fn place(&self, column: usize, width: usize) -> Option<usize> {
        if let Some(places) = &self.places {
            return places[column];
        }
        match self.layouts.iter().find(|layout| layout.len() == width) {
            Some(layout) => layout.iter().position(|name| *name == self.names[column]),
            None => Some(column),
        }
    }

    /// Takes note of the columns a row has that no header named.
    fn note(&self, fields: &[Cow<'_, str>]) {
        let width = fields.len();
        if self.places.is_none() && self.uses.width.replace(width) != width {
            for column in 0..self.names.len() {
                if self.place(column, width).is_some_and(|place| place < width) {
                    Uses::mark(&self.uses.there, column);
                }
            }
            for (place, _) in fields.iter().enumerate().skip(self.names.len()).filter(|(_, text)| !text.is_empty()) {
                self.uses.other(&format!("column {}", place + 1));
            }
        }
    }

    /// Takes note of the members an object has. Members of members go by their paths, unless their whole is a column.
    fn note_members(&self, above: &str, object: &Value) {
        for (name, value) in object.as_object().into_iter().flatten() {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            match self.names.iter().position(|own| own.split('|').any(|own| own == path)) {
                Some(column) => Uses::mark(&self.uses.there, column),
                None if value.is_object() => self.note_members(&path, value),
                None => self.uses.other(&path),
            }
        }
    }

    /// The columns that the file has and nobody asked for: nothing is made of them.
    pub(super) fn unused(&self) -> Vec<String> {
        let bits = self.uses.there.get() & !self.uses.asked.get();
        let plain = |name: &str| name.split('|').next().unwrap_or_default().to_owned();
        let known = self.names.iter().enumerate().filter(|(at, _)| (bits >> at) & 1 == 1).map(|(_, name)| plain(name));
        known.chain(self.uses.others.borrow().iter().cloned()).collect()
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
            self.take_places(places, &found);
        }
        is_header
    }

    /// Takes the columns of a file that always names them, in small letters.
    #[cfg(feature = "parquet")]
    pub(super) fn take_names(&mut self, found: &[String]) {
        self.take_places(self.places_in(found), found);
    }

    fn take_places(&mut self, places: Vec<Option<usize>>, found: &[String]) {
        for (column, _) in places.iter().enumerate().filter(|(_, place)| place.is_some()) {
            Uses::mark(&self.uses.there, column);
        }
        for (place, name) in found.iter().enumerate().filter(|(place, _)| !places.contains(&Some(*place))) {
            // A name that comes twice stands for its first column.
            let is_again = found[..place].contains(name);
            self.uses.other(&if is_again { format!("{name}, again") } else { name.clone() });
        }
        self.places = Some(places);
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
        let fields = split(line, columns.separator);
        columns.note(&fields);
        Self { fields, columns, object: None, is_malformed: false }
    }

    /// The members of one object.
    pub(super) fn entry(bytes: &[u8], columns: &'a Columns) -> Self {
        let object = serde_json::from_slice(bytes).ok().filter(Value::is_object);
        if let Some(object) = &object {
            columns.note_members("", object);
        }
        Self { fields: Vec::new(), columns, is_malformed: object.is_none(), object }
    }

    /// Whether it should have been an object, and is none.
    pub(super) const fn is_malformed(&self) -> bool {
        self.is_malformed
    }

    /// A member as it is; nothing if it is missing, or the row is no object.
    pub(super) fn value(&self, column: usize) -> Option<&Value> {
        Uses::mark(&self.columns.uses.asked, column);
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

    /// The text of a column; nothing if it is missing or empty.
    pub(super) fn text(&self, column: usize) -> Option<Cow<'_, str>> {
        Uses::mark(&self.columns.uses.asked, column);
        if let Some(object) = &self.object {
            return member(object, self.columns.names[column]);
        }
        let place = self.columns.place(column, self.fields.len())?;
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
    fn columns_nobody_asks_for_are_named() {
        let mut columns = Columns::of(&["time", "cpus", "name|title"], Separator::Comma);
        assert!(columns.take_header("Title,time,extra,cpus,extra"));
        Fields::split("x,5,?,0.5,?", &columns).number(0).unwrap();
        assert_eq!(columns.unused(), ["cpus", "name", "extra", "extra, again"]);
        // Without a header, what rows have: columns that stand behind all that are known count too, if anything is in them.
        let columns = Columns::of(&["time", "cpus", "name"], Separator::Comma);
        Fields::split("5,0.5", &columns).number(1).unwrap();
        assert_eq!(columns.unused(), ["time"]);
        Fields::split("5,0.5,a,,b", &columns).number(0).unwrap();
        assert_eq!(columns.unused(), ["name", "column 5"]);
        let columns = Columns::of(&["time", "request.cpus", "attempts"], Separator::Json);
        let row = r#"{"time":"5","request":{"cpus":0.25,"disk":1},"attempts":[{"end":1}],"user":null}"#;
        Fields::split(row, &columns).number(1).unwrap();
        assert_eq!(columns.unused(), ["time", "attempts", "request.disk", "user"]);
    }

    #[test]
    fn rows_of_several_widths_have_their_own_columns() {
        let columns = Columns::of(&["kind", "steps", "weight", "arrival"], Separator::Tab)
            .laid_out(&[&["kind", "arrival", "steps"]]);
        let of = |line: &str| Fields::split(line, &columns).number(3).unwrap();
        assert_eq!((of("a\t7\t9"), of("a\t9\t1\t7")), (Some(7.0), Some(7.0)));
        assert_eq!(columns.unused(), ["kind", "steps", "weight"]);
    }

    #[test]
    fn only_finite_numbers_are_numbers() {
        for text in ["NaN", "inf", "-Infinity", "1e999", "", "five", "0x10"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!((number(" 1.5 "), number("-2e3"), count(2.0), count(2.5)), (Some(1.5), Some(-2_000.0), 2, 0));
    }
}
