//! The dialect of JSON that Mesos speaks.
//!
//! Written strictly: field names as in the `.proto` files, enums by name, 64 bit numbers as numbers, bytes in base64, unset
//! fields left out. Read forgivingly, because clients rely on it:
//!
//! * unknown fields are ignored, and `null` means not set;
//! * a single value where a list belongs is a list of one;
//! * numbers and truth values may be written as texts;
//! * a name an enum does not have is as if nothing was said.
//!
//! What remains wrong is refused with the path to it. Nesting is bounded by the parser, size by whoever reads the bytes.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod write;

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

/// What the messages look like, for reading and writing without generated code.
#[allow(clippy::expect_used, reason = "they are part of the program")]
static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTOR_BYTES).expect("a test compares the descriptors with the files they are made of")
});

/// The descriptors of all messages, as the protobuf compiler writes them; reflection services hand them out.
pub const DESCRIPTOR_BYTES: &[u8] = include_bytes!("generated/descriptors.bin");

/// Why a text is not the message it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJson {
    /// It is no JSON, or nested too deep.
    #[error("this is not JSON: {0}")]
    Syntax(String),
    /// A value is of the wrong kind.
    #[error("{path}: {problem}")]
    Value {
        /// Where, as `accept.operations[0].type`.
        path: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// Reads a message.
///
/// ```
/// use mesos_core::wire::{json, v1};
///
/// let text = br#"{"value": "f-1", "colour": "red"}"#;
/// let id: v1::FrameworkId = json::read(text)?;
/// assert_eq!(id.value, "f-1");
/// # Ok::<(), json::InvalidJson>(())
/// ```
///
/// # Errors
/// [`InvalidJson`] says where.
pub fn read<M: Message + Name + Default>(text: &[u8]) -> Result<M, InvalidJson> {
    let value: Value = serde_json::from_slice(text).map_err(|error| InvalidJson::Syntax(error.to_string()))?;
    from_value(value)
}

/// Reads a message from JSON that is already parsed.
///
/// # Errors
/// [`InvalidJson`] says where.
pub fn from_value<M: Message + Name + Default>(value: Value) -> Result<M, InvalidJson> {
    let descriptor = descriptor_of::<M>();
    let mut path = Path::default();
    let value = Value::Object(message(&descriptor, value, &mut path)?);
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let whole = |error: &dyn std::fmt::Display| InvalidJson::Value {
        path: descriptor.name().to_owned(),
        problem: error.to_string(),
    };
    let read = DynamicMessage::deserialize_with_options(descriptor.clone(), value, &options);
    read.map_err(|error| whole(&error))?.transcode_to().map_err(|error| whole(&error))
}

/// Writes a message on one line.
///
/// ```
/// use mesos_core::wire::{json, v1};
/// let id = v1::FrameworkId { value: "f-1".into() };
/// assert_eq!(json::write(&id), r#"{"value":"f-1"}"#);
/// ```
#[must_use]
#[allow(clippy::expect_used, reason = "what is written is ours")]
pub fn write<M: Message + Name>(message: &M) -> String {
    let text = write::write(&M::full_name(), &message.encode_to_vec());
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Writes a message on one line, as bytes.
#[must_use]
pub fn write_bytes<M: Message + Name>(message: &M) -> Vec<u8> {
    write::write(&M::full_name(), &message.encode_to_vec())
}

/// A message as a value, for a place within another that is no message.
#[must_use]
pub fn value<M: Message + Name>(message: &M) -> Value {
    write::parsed(&write_bytes(message))
}

#[allow(clippy::panic, reason = "which messages there are is a matter of the program")]
pub(super) fn descriptor_of<M: Name>() -> MessageDescriptor {
    let name = M::full_name();
    DESCRIPTORS.get_message_by_name(&name).unwrap_or_else(|| panic!("{name} is generated, so it is described"))
}

/// The way to the value that is being looked at.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn refuse(&self, problem: impl Into<String>) -> InvalidJson {
        let path = if self.0.is_empty() { "the message".to_owned() } else { self.0.concat() };
        InvalidJson::Value { path, problem: problem.into() }
    }

    fn within<T>(&mut self, step: String, read: impl FnOnce(&mut Self) -> T) -> T {
        self.0.push(step);
        let read = read(self);
        self.0.pop();
        read
    }
}

fn message(descriptor: &MessageDescriptor, value: Value, path: &mut Path) -> Result<Map<String, Value>, InvalidJson> {
    let Value::Object(given) = value else {
        return Err(path.refuse(format!("there is {}; give an object", kind_of(&value))));
    };
    let mut kept = Map::new();
    for (name, value) in given {
        let field = descriptor.get_field_by_name(&name).or_else(|| descriptor.get_field_by_json_name(&name));
        let Some(field) = field.filter(|_| !value.is_null()) else { continue };
        let step = format!("{}{name}", if path.0.is_empty() { "" } else { "." });
        if let Some(value) = path.within(step, |path| field_value(&field, value, path))? {
            kept.insert(field.name().to_owned(), value);
        }
    }
    Ok(kept)
}

fn field_value(field: &FieldDescriptor, value: Value, path: &mut Path) -> Result<Option<Value>, InvalidJson> {
    if field.is_map() {
        return map(field, value, path).map(Some);
    }
    if !field.is_list() {
        return single(&field.kind(), value, path);
    }
    let given = match value {
        Value::Array(given) => given,
        single => vec![single],
    };
    let mut kept = Vec::with_capacity(given.len());
    for (index, value) in given.into_iter().enumerate().filter(|(_, value)| !value.is_null()) {
        kept.extend(path.within(format!("[{index}]"), |path| single(&field.kind(), value, path))?);
    }
    Ok(Some(Value::Array(kept)))
}

fn map(field: &FieldDescriptor, value: Value, path: &mut Path) -> Result<Value, InvalidJson> {
    let Value::Object(given) = value else {
        return Err(path.refuse(format!("there is {}; give an object", kind_of(&value))));
    };
    let Kind::Message(entry) = field.kind() else { unreachable!("the entries of a map are messages") };
    let kind = entry.map_entry_value_field().kind();
    let mut kept = Map::new();
    for (key, value) in given.into_iter().filter(|(_, value)| !value.is_null()) {
        if let Some(value) = path.within(format!("[{key:?}]"), |path| single(&kind, value, path))? {
            kept.insert(key, value);
        }
    }
    Ok(Value::Object(kept))
}

fn single(kind: &Kind, value: Value, path: &mut Path) -> Result<Option<Value>, InvalidJson> {
    let wrong = |path: &Path, value: &Value, right: &str| {
        Err(path.refuse(format!("there is {}; give {right}", kind_of(value))))
    };
    match kind {
        // Well-known types have JSON forms of their own.
        Kind::Message(inner) if inner.parent_file().package_name() == "google.protobuf" => Ok(Some(value)),
        Kind::Message(inner) => Ok(Some(Value::Object(message(inner, value, path)?))),
        Kind::Enum(names) => match &value {
            Value::String(name) => Ok(names.get_value_by_name(name).map(|_| value)),
            Value::Number(number) => {
                let known = number.as_i64().and_then(|number| i32::try_from(number).ok());
                Ok(known.and_then(|number| names.get_value(number)).map(|known| known.name().into()))
            }
            _ => wrong(path, &value, "a name"),
        },
        Kind::Bool => match &value {
            Value::Bool(_) => Ok(Some(value)),
            Value::String(text) if text == "true" => Ok(Some(true.into())),
            Value::String(text) if text == "false" => Ok(Some(false.into())),
            _ => wrong(path, &value, "true or false"),
        },
        Kind::String => match &value {
            Value::String(_) => Ok(Some(value)),
            _ => wrong(path, &value, "a text"),
        },
        Kind::Bytes => match &value {
            Value::String(_) => Ok(Some(value)),
            _ => wrong(path, &value, "a text in base64"),
        },
        Kind::Float | Kind::Double => match number(&value) {
            Some(number) => Ok(Some(number)),
            // For which JSON has no numbers; whoever takes amounts refuses them by name where they make no sense.
            None if matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity")) => Ok(Some(value)),
            None => wrong(path, &value, "a number"),
        },
        _ => match number(&value).and_then(whole) {
            Some(number) => Ok(Some(number)),
            None => wrong(path, &value, "a whole number"),
        },
    }
}

/// A number, also if it was written as a text.
fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            let whole = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
            let real = || text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number);
            whole.ok().or_else(real)
        }
        _ => None,
    }
}

/// A whole number, also if it was written with a fraction of nothing.
fn whole(value: Value) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.as_f64() {
        _ if value.is_i64() || value.is_u64() => Some(value),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and exactly representable")]
        Some(real) if real.fract() == 0.0 && real.abs() <= EXACT => Some(Value::from(real as i64)),
        _ => None,
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
