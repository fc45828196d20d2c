//! Why somebody got no offer: what the last round did.

#![allow(dead_code, unused_imports, reason = "asked by the part that explains")]

mod memory;

pub(super) use memory::{Memory, Past};
