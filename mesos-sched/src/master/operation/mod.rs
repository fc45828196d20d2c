//! What one operation of an ACCEPT consumes and produces, one kind per file.

mod convert;

mod launch;

pub(super) use convert::{agent_can_hold, refused};
