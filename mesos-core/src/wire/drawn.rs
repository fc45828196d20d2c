//! Messages of any type with any content, for tests.

use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value as Dynamic};

/// Numbers that follow from a seed (SplitMix64).
pub(super) fn draws(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }
}

/// A message in which each field is set or not, as the draws say.
pub(super) fn drawn(descriptor: &MessageDescriptor, depth: u32, draw: &mut impl FnMut() -> u64) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let is_required = field.cardinality() == prost_reflect::Cardinality::Required;
        if !is_required && (depth == 0 || draw().is_multiple_of(3)) {
            continue;
        }
        let content = if field.is_map() {
            let Kind::Message(entry) = field.kind() else { unreachable!() };
            let kind = entry.map_entry_value_field().kind();
            let entries = (0..draw() % 3).map(|n| (MapKey::String(format!("k{n}")), single(&kind, depth, draw)));
            Dynamic::Map(entries.collect())
        } else if field.is_list() {
            Dynamic::List((0..draw() % 4).map(|_| single(&field.kind(), depth, draw)).collect())
        } else {
            single(&field.kind(), depth, draw)
        };
        message.set_field(&field, content);
    }
    message
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any value will do")]
fn single(kind: &Kind, depth: u32, draw: &mut impl FnMut() -> u64) -> Dynamic {
    match kind {
        Kind::Bool => Dynamic::Bool(draw().is_multiple_of(2)),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Dynamic::I32(draw() as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Dynamic::I64(draw().cast_signed()),
        Kind::Uint32 | Kind::Fixed32 => Dynamic::U32(draw() as u32),
        Kind::Uint64 | Kind::Fixed64 => Dynamic::U64(draw()),
        Kind::Float => Dynamic::F32(draw() as f32 / 8.0),
        Kind::Double => Dynamic::F64([f64::NAN, f64::INFINITY, -0.0, draw() as f64 / 1e3][draw() as usize % 4]),
        Kind::String => Dynamic::String(["", "a\"b\\", "zwölf\n", "\u{1f600}"][draw() as usize % 4].to_owned()),
        Kind::Bytes => Dynamic::Bytes((0..draw() % 5).map(|_| draw() as u8).collect::<Vec<_>>().into()),
        Kind::Enum(names) => {
            let values: Vec<_> = names.values().collect();
            Dynamic::EnumNumber(values[draw() as usize % values.len()].number())
        }
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Duration" => {
            Dynamic::Message(DynamicMessage::new(inner.clone()))
        }
        Kind::Message(inner) => Dynamic::Message(drawn(inner, depth.saturating_sub(1), draw)),
    }
}
