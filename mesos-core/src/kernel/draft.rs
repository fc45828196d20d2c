//! Drafts: changes that are not written out yet.
//!
//! ```text
//!   machine ──Draft──▶ host ──write_out──▶ Change ──▶ store
//! ```
//!
//! A machine that keeps what it does in records makes several of them in the life of a task. It hands its host the parts of
//! a key and a value that can be encoded; a live host writes both out at once, a simulated disk only when somebody reads
//! them back, which is seldom. Either way the same code makes the same bytes, since a draft cannot change once it is made.

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::Serialize;

use super::{Change, Record};

/// The parts of a record's key, written out with a `/` between them.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    kind: &'static str,
    parts: [Option<Arc<str>>; 2],
    number: Option<u64>,
}

/// A value that can be written out later. Every plain value that can be serialized is one.
pub trait Encode: Send + Sync {
    /// The value as JSON.
    ///
    /// # Panics
    /// When it cannot be written as JSON, for example a map with keys that are not text: a defect of the caller.
    fn encode(&self) -> Vec<u8>;
}

/// A record's value, written out or not.
#[derive(Clone)]
pub enum Value {
    /// It is written out.
    Encoded(Arc<[u8]>),
    /// It can be.
    Plain(Arc<dyn Encode>),
}

/// A change that is not written out yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    key: Key,
    value: Option<Value>,
}

impl Key {
    /// A key of one part.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self { kind, parts: [None, None], number: None }
    }

    /// A key of two parts.
    #[must_use]
    pub const fn of(kind: &'static str, first: Arc<str>) -> Self {
        Self { kind, parts: [Some(first), None], number: None }
    }

    /// A key of three parts.
    #[must_use]
    pub const fn of_two(kind: &'static str, first: Arc<str>, second: Arc<str>) -> Self {
        Self { kind, parts: [Some(first), Some(second)], number: None }
    }

    /// The key with a number behind it.
    #[must_use]
    pub fn numbered(self, number: u64) -> Self {
        Self { number: Some(number), ..self }
    }

    /// The key as it is stored.
    #[must_use]
    pub fn write_out(&self) -> Arc<str> {
        const DIGITS_MAX: usize = 20;
        let names: usize = self.parts.iter().flatten().map(|part| 1 + part.len()).sum();
        let mut text = String::with_capacity(self.kind.len() + names + 1 + DIGITS_MAX);
        text.push_str(self.kind);
        for part in self.parts.iter().flatten() {
            text.push('/');
            text.push_str(part);
        }
        if let Some(number) = self.number {
            // Writing to a string cannot fail.
            let _ = write!(text, "/{number}");
        }
        text.into()
    }
}

/// Of two names the second is the one that differs; the first is not worth its time.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(name) = self.parts[1].as_ref().or(self.parts[0].as_ref()) {
            state.write(name.as_bytes());
        }
        let number = self.number.map_or(0, |number| number.wrapping_add(1));
        state.write_u64(number << 8 ^ self.kind.len() as u64);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write_out())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.write_out(), f)
    }
}

impl<T: Serialize + Send + Sync> Encode for T {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("records are plain data")
    }
}

impl Value {
    /// The value as it is stored.
    #[must_use]
    pub fn write_out(&self) -> Arc<[u8]> {
        match self {
            Self::Encoded(bytes) => bytes.clone(),
            Self::Plain(plain) => plain.encode().into(),
        }
    }
}

/// Values are equal when they are stored as the same bytes.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.write_out() == other.write_out()
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.write_out()))
    }
}

impl Draft {
    /// Writes `value` under `key`, over whatever was there.
    #[must_use]
    pub fn put(key: Key, value: impl Encode + 'static) -> Self {
        Self { key, value: Some(Value::Plain(Arc::new(value))) }
    }

    /// Writes what somebody else holds, too.
    #[must_use]
    pub fn put_shared<T: Encode + 'static>(key: Key, value: Arc<T>) -> Self {
        Self { key, value: Some(Value::Plain(value)) }
    }

    /// Writes a value that is written out already.
    #[must_use]
    pub const fn put_encoded(key: Key, value: Arc<[u8]>) -> Self {
        Self { key, value: Some(Value::Encoded(value)) }
    }

    /// Deletes the record with this key, if there is one.
    #[must_use]
    pub const fn delete(key: Key) -> Self {
        Self { key, value: None }
    }

    /// The key this change is about.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The value the record is to have; none when it is deleted.
    #[must_use]
    pub const fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    /// The change as a store takes it.
    #[must_use]
    pub fn write_out(&self) -> Change {
        let key = self.key.write_out();
        match &self.value {
            Some(value) => Change::Put(Record { key, value: value.write_out() }),
            None => Change::Delete(key),
        }
    }

    /// A batch as a store takes it.
    #[must_use]
    pub fn write_out_all(drafts: &[Self]) -> Vec<Change> {
        drafts.iter().map(Self::write_out).collect()
    }
}

/// As the change it stands for.
impl Serialize for Draft {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write_out().serialize(serializer)
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "Put({:?}, {value:?})", self.key),
            None => write!(f, "Delete({:?})", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_written_out_as_the_record_it_stands_for() {
        let draft = Draft::put(Key::of_two("update", "f1".into(), "t1".into()).numbered(7), vec![1, 2]);
        assert_eq!(draft.write_out(), Change::Put(Record::encode("update/f1/t1/7", &[1, 2])));
        assert_eq!(Draft::delete(Key::new("agent")).write_out(), Change::Delete("agent".into()));
        let encoded = Draft::put_encoded(Key::of("memory", "a/b".into()), b"3".as_slice().into());
        assert_eq!(encoded.write_out(), Change::Put(Record::encode("memory/a/b", &3)));
        let shared = Draft::put_shared(Key::new("n"), Arc::new(7_u8));
        assert_eq!(shared.write_out(), Change::Put(Record::encode("n", &7)));
    }

    #[test]
    fn drafts_are_equal_when_they_are_stored_alike() {
        let key = Key::of("n", "x".into());
        assert_eq!(Draft::put(key.clone(), 7_u8), Draft::put_encoded(key.clone(), b"7".as_slice().into()));
        assert_ne!(Draft::put(key.clone(), 7_u8), Draft::put(key.clone(), 8_u8));
        assert_ne!(Draft::put(key.clone(), 7_u8), Draft::delete(key));
    }
}
