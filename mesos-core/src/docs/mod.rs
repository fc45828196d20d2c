//! The guide: chapters that belong to no single item, kept beside the code they describe.
//!
//! * [`architecture`]: the parts, who may depend on whom, and what holds throughout.
//! * [`determinism`]: every way chance could get into a run, and how each is closed.
//! * [`glossary`]: the words, each with one meaning.
//! * [`offers`]: why somebody got no offer, and what would have been enough.
//! * [`security`]: what went wrong elsewhere, and the test for each class of it.
//! * [`extending`]: what a new call, effect, resource, allocator or property touches, as checklists.
//!
//! There is no code in here. Comments cite a chapter as `docs::<chapter>`, with `#<heading>` if need be; a test of the
//! repository checks that every such reference leads somewhere.

pub mod architecture;
pub mod determinism;
pub mod extending;
pub mod glossary;
pub mod offers;
pub mod security;
