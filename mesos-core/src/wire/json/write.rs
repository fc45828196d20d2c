//! Writes messages, from their protobuf form in one pass.
//!
//! What a message looks like is looked up once per type; writing one then costs about as much as reading its bytes. A field
//! of a list stands in the bytes item by item, one behind the other, because the generated code writes them so.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the bytes it reads are those that the generated code has just written, of messages it describes"
)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, SerializeOptions};

use super::DESCRIPTORS;

/// What was written here, as a value.
pub(super) fn parsed(text: &[u8]) -> serde_json::Value {
    serde_json::from_slice(text).expect("what was just written can be read")
}

/// All messages, by number.
static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::read);

struct Shapes {
    by_name: BTreeMap<String, usize>,
    shapes: Vec<Shape>,
}

/// One message: its fields, by number.
struct Shape {
    fields: Vec<Option<Field>>,
}

struct Field {
    /// `"name":`, as it is written.
    key: Vec<u8>,
    value: Value,
    occurs: Occurs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Occurs {
    Once,
    Listed,
    /// Entries of key and value.
    Mapped,
}

enum Value {
    Bool,
    /// Numbers that are written as they are read.
    Unsigned,
    Signed,
    /// Numbers whose sign was folded into the lowest bit.
    ZigZag,
    Fixed32 {
        is_signed: bool,
    },
    Fixed64 {
        is_signed: bool,
    },
    Float,
    Double,
    Text,
    Bytes,
    /// Names in quotes, by number.
    Enum(BTreeMap<i32, String>),
    /// The message of this number.
    Message(usize),
    /// A well-known type with a form of its own; few, and none of them often.
    WellKnown(MessageDescriptor),
}

impl Shapes {
    fn read() -> Self {
        let messages: Vec<MessageDescriptor> = DESCRIPTORS.all_messages().collect();
        let by_name: BTreeMap<String, usize> =
            messages.iter().enumerate().map(|(index, message)| (message.full_name().to_owned(), index)).collect();
        let shapes = messages.iter().map(|message| Shape::read(message, &by_name)).collect();
        Self { by_name, shapes }
    }
}

impl Shape {
    fn read(message: &MessageDescriptor, by_name: &BTreeMap<String, usize>) -> Self {
        let mut fields = Vec::new();
        for field in message.fields() {
            let number = field.number() as usize;
            if fields.len() <= number {
                fields.resize_with(number + 1, || None);
            }
            let occurs = match (field.is_map(), field.is_list()) {
                (true, _) => Occurs::Mapped,
                (false, true) => Occurs::Listed,
                (false, false) => Occurs::Once,
            };
            let key = format!("{}:", serde_json::Value::from(field.name())).into_bytes();
            fields[number] = Some(Field { key, value: Value::read(&field.kind(), by_name), occurs });
        }
        Self { fields }
    }
}

impl Value {
    fn read(kind: &Kind, by_name: &BTreeMap<String, usize>) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Uint32 | Kind::Uint64 => Self::Unsigned,
            Kind::Int32 | Kind::Int64 => Self::Signed,
            Kind::Sint32 | Kind::Sint64 => Self::ZigZag,
            Kind::Fixed32 => Self::Fixed32 { is_signed: false },
            Kind::Sfixed32 => Self::Fixed32 { is_signed: true },
            Kind::Fixed64 => Self::Fixed64 { is_signed: false },
            Kind::Sfixed64 => Self::Fixed64 { is_signed: true },
            Kind::Float => Self::Float,
            Kind::Double => Self::Double,
            Kind::String => Self::Text,
            Kind::Bytes => Self::Bytes,
            Kind::Enum(names) => {
                Self::Enum(names.values().map(|value| (value.number(), format!("{:?}", value.name()))).collect())
            }
            Kind::Message(message) if message.parent_file().package_name() == "google.protobuf" => {
                Self::WellKnown(message.clone())
            }
            Kind::Message(message) => Self::Message(by_name[message.full_name()]),
        }
    }
}

/// Writes the message of this name from its bytes, which generated code wrote.
pub(super) fn write(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2 + 16);
    let index = SHAPES.by_name.get(name).unwrap_or_else(|| panic!("{name} is generated, so it is described"));
    object(*index, bytes, &mut out);
    out
}

/// What stands behind a key.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

/// Reads keys and what stands behind them. The bytes are our own: what cannot be is a defect.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn varint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn next(&mut self) -> Option<(usize, Wire<'a>)> {
        if self.0.is_empty() {
            return None;
        }
        let key = self.varint();
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()),
            1 => Wire::Fixed64(self.take(8).try_into().expect("eight were taken")),
            2 => {
                let length = usize::try_from(self.varint()).expect("a message fits into memory");
                Wire::Bytes(self.take(length))
            }
            5 => Wire::Fixed32(self.take(4).try_into().expect("four were taken")),
            other => unreachable!("generated code writes no wire type {other}"),
        };
        Some((usize::try_from(key >> 3).expect("a field's number is small"), wire))
    }
}

fn object(shape: usize, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    let fields = &SHAPES.shapes[shape].fields;
    let mut reader = Reader(bytes);
    // The list or map that is being written, and the bracket that ends it.
    let mut open: Option<(usize, u8)> = None;
    let mut is_first = true;
    while let Some((number, wire)) = reader.next() {
        let Some(field) = fields.get(number).and_then(Option::as_ref) else { continue };
        let goes_on = open.is_some_and(|(other, _)| other == number);
        if !goes_on {
            if let Some((_, bracket)) = open.take() {
                out.push(bracket);
            }
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            out.extend_from_slice(&field.key);
        }
        match field.occurs {
            Occurs::Once => value(&field.value, wire, out),
            Occurs::Listed => {
                out.push(if goes_on { b',' } else { b'[' });
                open = Some((number, b']'));
                items(&field.value, wire, out);
            }
            Occurs::Mapped => {
                out.push(if goes_on { b',' } else { b'{' });
                open = Some((number, b'}'));
                entry(&field.value, wire, out);
            }
        }
    }
    if let Some((_, bracket)) = open {
        out.push(bracket);
    }
    out.push(b'}');
}

/// One item, or all of a list of numbers that was packed.
fn items(kind: &Value, wire: Wire<'_>, out: &mut Vec<u8>) {
    let is_packed = matches!(wire, Wire::Bytes(_))
        && !matches!(kind, Value::Text | Value::Bytes | Value::Message(_) | Value::WellKnown(_));
    let Wire::Bytes(packed) = wire else { return value(kind, wire, out) };
    if !is_packed {
        return value(kind, wire, out);
    }
    let mut reader = Reader(packed);
    let mut is_first = true;
    while !reader.0.is_empty() {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        let item = match kind {
            Value::Fixed32 { .. } | Value::Float => Wire::Fixed32(reader.take(4).try_into().expect("four were taken")),
            Value::Fixed64 { .. } | Value::Double => {
                Wire::Fixed64(reader.take(8).try_into().expect("eight were taken"))
            }
            _ => Wire::Varint(reader.varint()),
        };
        value(kind, item, out);
    }
}

/// `"key":value` of an entry, which is a message of the two.
fn entry(kind: &Value, wire: Wire<'_>, out: &mut Vec<u8>) {
    let (Value::Message(shape), Wire::Bytes(bytes)) = (kind, wire) else { unreachable!("entries are messages") };
    let fields = &SHAPES.shapes[*shape].fields;
    let of = |number: usize| &fields[number].as_ref().expect("an entry has a key and a value").value;
    let (mut key, mut content) = (None, None);
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.next() {
        match number {
            1 => key = Some(wire),
            _ => content = Some(wire),
        }
    }
    match (of(1), key.unwrap_or(Wire::Bytes(b""))) {
        (Value::Text, key) => value(&Value::Text, key, out),
        (kind, key) => {
            out.push(b'"');
            value(kind, key, out);
            out.push(b'"');
        }
    }
    out.push(b':');
    match content {
        Some(wire) => value(of(2), wire, out),
        // Nothing said means the default.
        None => match of(2) {
            Value::Text | Value::Bytes => out.extend_from_slice(b"\"\""),
            Value::Bool => out.extend_from_slice(b"false"),
            Value::Float | Value::Double => out.extend_from_slice(b"0.0"),
            Value::Message(_) | Value::WellKnown(_) => out.extend_from_slice(b"{}"),
            Value::Enum(names) => enumerated(names, 0, out),
            _ => out.push(b'0'),
        },
    }
}

fn value(kind: &Value, wire: Wire<'_>, out: &mut Vec<u8>) {
    match (kind, wire) {
        (Value::Bool, Wire::Varint(number)) => {
            out.extend_from_slice(if number == 0 { b"false" } else { b"true" });
        }
        (Value::Unsigned, Wire::Varint(number)) => json(&number, out),
        (Value::Signed, Wire::Varint(number)) => json(&number.cast_signed(), out),
        (Value::ZigZag, Wire::Varint(number)) => {
            json(&((number >> 1).cast_signed() ^ -(number & 1).cast_signed()), out)
        }
        (Value::Enum(names), Wire::Varint(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "numbers of enums have 32 bits, sign extended")]
            enumerated(names, number as i32, out);
        }
        (Value::Fixed32 { is_signed: true }, Wire::Fixed32(bytes)) => json(&i32::from_le_bytes(bytes), out),
        (Value::Fixed32 { .. }, Wire::Fixed32(bytes)) => json(&u32::from_le_bytes(bytes), out),
        (Value::Fixed64 { is_signed: true }, Wire::Fixed64(bytes)) => json(&i64::from_le_bytes(bytes), out),
        (Value::Fixed64 { .. }, Wire::Fixed64(bytes)) => json(&u64::from_le_bytes(bytes), out),
        (Value::Float, Wire::Fixed32(bytes)) => {
            let number = f32::from_le_bytes(bytes);
            if number.is_finite() { json(&number, out) } else { not_finite(f64::from(number), out) }
        }
        (Value::Double, Wire::Fixed64(bytes)) => {
            let number = f64::from_le_bytes(bytes);
            if number.is_finite() { json(&number, out) } else { not_finite(number, out) }
        }
        (Value::Text, Wire::Bytes(bytes)) => {
            json(std::str::from_utf8(bytes).expect("generated code writes texts"), out);
        }
        (Value::Bytes, Wire::Bytes(bytes)) => base64(bytes, out),
        (Value::Message(shape), Wire::Bytes(bytes)) => object(*shape, bytes, out),
        (Value::WellKnown(descriptor), Wire::Bytes(bytes)) => {
            let message = DynamicMessage::decode(descriptor.clone(), bytes).expect("generated code wrote it");
            slow(&message, out);
        }
        _ => unreachable!("generated code writes each field as its type says"),
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("memory takes all");
}

fn enumerated(names: &BTreeMap<i32, String>, number: i32, out: &mut Vec<u8>) {
    match names.get(&number) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => json(&number, out),
    }
}

/// As the JSON form of protobuf has them.
fn not_finite(number: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(match number {
        _ if number.is_nan() => b"\"NaN\"",
        _ if number > 0.0 => b"\"Infinity\"",
        _ => b"\"-Infinity\"",
    });
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push(b'"');
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let is_padding = digit > chunk.len();
            out.push(if is_padding { b'=' } else { DIGITS[(bits >> (18 - 6 * digit)) as usize & 63] });
        }
    }
    out.push(b'"');
}

/// The long way, over a message that describes itself: for well-known types, and to compare with.
fn slow(message: &DynamicMessage, out: &mut Vec<u8>) {
    let mut serializer = serde_json::Serializer::new(out);
    let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
    message.serialize_with_options(&mut serializer, &options).expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;
    use prost_reflect::ReflectMessage;

    use super::*;
    use crate::wire::drawn::{drawn, draws};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_message_is_written_as_the_long_way_writes_it(seed in any::<u64>()) {
            let mut draw = draws(seed);
            for name in ["scheduler.Event", "scheduler.Call", "master.Event", "master.Response", "agent.Response",
                "executor.Event", "Offer", "TaskInfo", "FrameworkInfo", "quota.QuotaConfig"] {
                let name = format!("mesos.v1.{name}");
                let descriptor = DESCRIPTORS.get_message_by_name(&name).unwrap();
                let message = drawn(&descriptor, 4, &mut draw);
                let mut expected = Vec::new();
                slow(&message, &mut expected);
                let written = write(message.descriptor().full_name(), &message.encode_to_vec());
                let read = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
                prop_assert_eq!(read(&written), read(&expected), "{}", name);
            }
        }
    }

    #[test]
    fn bytes_are_written_in_base64() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            let mut out = Vec::new();
            base64(bytes.as_bytes(), &mut out);
            assert_eq!(out, format!("\"{text}\"").into_bytes());
        }
    }
}
